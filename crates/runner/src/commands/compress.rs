//! Compression: writes pictures to a file of quantised, entropy-coded codes. Without an output file, measures
//! size and quality against PNG, JPEG, WebP and PCA.

mod measure;
#[cfg(feature = "report")]
mod plot;
mod report;
mod rivals;

use anyhow::Result;
use serde::Serialize;

use super::{DONE, UsageError};
use crate::cli::{CompressArgs, Part};
use crate::commands::{has_diverged, opened, own_images};
use crate::{input, output, terminal};
use hourglass::codec::autoencoder::Codec;
use hourglass::codec::compress::{BITS, compress};
use hourglass::codec::learned;
use hourglass::codec::quality::Quality;
use hourglass::files;
use hourglass::run::checkpoint;

/// What `--json` prints about a written file.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    run: String,
    bits: u32,
    pictures: usize,
    /// Size of the whole file.
    bytes: usize,
    bytes_per_picture: f64,
    /// Size of the codes alone, without header, names and model.
    stream_bytes_per_picture: f64,
    /// The raw size, one byte per value, divided by the file's size.
    ratio: f64,
    #[serde(flatten)]
    quality: Quality,
}

pub fn run(args: &CompressArgs) -> Result<u8> {
    let Some(path) = &args.output else {
        for (given, flag) in [
            (args.model, "--model"),
            (args.write.force && !has_diverged(&args.run), "--force"),
            (args.bits.is_some(), "--bits"),
        ] {
            if given {
                return Err(UsageError(format!("{flag}: needs --output FILE")).into());
            }
        }
        return measure::run(args);
    };
    let Some(spec) = &args.input else {
        let text = "INPUT: missing; --output needs a picture, a folder of pictures or IDX files, mnist or photos";
        return Err(UsageError(text.into()).into());
    };
    output::check_new(path, args.write.force)?;
    let loaded = opened(&args.run, &args.write.backend, args.write.force)?;
    let checkpoint = checkpoint::read_best(&loaded.run)?;
    let codec = Codec::of(&loaded)?;
    let pictures = input::find(spec, Part::Test, &loaded.meta, args.strict)?;
    input::note_tiles(&loaded.meta, "compress");
    let sha256 = &checkpoint.meta.model_sha256;
    let statistics = learned::of_run(&loaded.run, &codec, sha256, || -> Result<_> {
        Ok(own_images(&loaded.run, &args.write.backend)?.train)
    })?;
    let bits = args.bits.unwrap_or(BITS);
    let made = compress(
        &codec,
        &checkpoint,
        &statistics,
        &pictures,
        bits,
        args.model,
    )?;
    files::write(path, &made.bytes)?;
    let each = |bytes: usize| bytes as f64 / made.pictures.max(1) as f64;
    let report = Report {
        file: path.display().to_string(),
        run: loaded.run.folder().display().to_string(),
        bits,
        pictures: made.pictures,
        bytes: made.bytes.len(),
        bytes_per_picture: each(made.bytes.len()),
        stream_bytes_per_picture: each(made.stream),
        ratio: made.raw as f64 / made.bytes.len() as f64,
        quality: made.quality,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    terminal::print(&report.text())?;
    Ok(DONE)
}

impl Report {
    fn text(&self) -> String {
        format!(
            "{}: {} pictures in {} bytes, {:.1} bytes per picture ({:.1} for the code at {} bits per value), {:.1} \
             times smaller than raw pixels; decompressed: {:.2} dB, SSIM {}",
            self.file,
            self.pictures,
            self.bytes,
            self.bytes_per_picture,
            self.stream_bytes_per_picture,
            self.bits,
            self.ratio,
            self.quality.psnr,
            super::analysed::figure(self.quality.ssim)
        )
    }
}
