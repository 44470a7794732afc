//! Compression: writes pictures to a file of quantised, entropy-coded codes. Without an output file, measures
//! size and quality against PNG, JPEG, WebP and PCA.

mod measure;
#[cfg(feature = "report")]
mod plot;
mod report;
mod rivals;

use anyhow::Result;
use data::counted;
use serde::Serialize;

use super::{DONE, UsageError, chosen};
use crate::cli::{CompressArgs, Part};
use crate::commands::{check_converged, has_diverged, no_clips, own_images, usual_channels};
use crate::{input, output, terminal};
use hourglass::codec::autoencoder::Codec;
use hourglass::codec::compress::{BITS, compress};
use hourglass::codec::quality::Quality;
use hourglass::codec::{kept, learned};
use hourglass::files;
use hourglass::run::checkpoint;
use hourglass::{Loaded, Run, backend};

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
    /// Bytes of the given files, and these divided by the file's size; `None` for a data set.
    stored_bytes: Option<u64>,
    stored_ratio: Option<f64>,
    #[serde(flatten)]
    quality: Quality,
}

pub fn run(args: &CompressArgs) -> Result<u8> {
    let Some(path) = &args.output else {
        for (given, flag) in [
            (args.model, "--model"),
            (
                args.write.backend.force && !has_diverged(&args.run),
                "--force",
            ),
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
    output::check_new(path, args.write.backend.force)?;
    let run = Run::open(&args.run.name, &args.run.runs.runs)?;
    check_converged(&run, args.write.backend.force)?;
    let device = backend::open(chosen(&args.write.backend)?)?.device;
    // Codes, digest and embedded weights are of one checkpoint, whatever a training writes meanwhile.
    let checkpoint = checkpoint::read_best(&run)?;
    let loaded = Loaded::of(run, &checkpoint, device)?;
    no_clips(&loaded, "compress")?;
    usual_channels(&loaded, "compress")?;
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
    kept::keep_used(&loaded.run, &checkpoint, &statistics)?;
    if made.large {
        terminal::note(
            "note: the file announces so many pictures for its size that it takes decompress --large to open it",
        );
    }
    let stored = pictures.stored();
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
        stored_bytes: stored,
        stored_ratio: stored.map(|stored| stored as f64 / made.bytes.len() as f64),
        quality: made.quality,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    terminal::say(&report.text())?;
    Ok(DONE)
}

impl Report {
    fn text(&self) -> String {
        let times = |ratio: f64| match ratio < 1.0 {
            true => format!("{:.1} times larger", 1.0 / ratio),
            false => format!("{ratio:.1} times smaller"),
        };
        let stored = self.stored_ratio;
        let stored = stored.map(|ratio| format!(" and {} than the files", times(ratio)));
        format!(
            "{}: {} in {} bytes, {:.1} bytes per picture ({:.1} for the code at {} bits per value), {} \
             than raw pixels{}; decompressed: {:.2} dB, SSIM {}",
            self.file,
            counted(self.pictures, "picture"),
            self.bytes,
            self.bytes_per_picture,
            self.stream_bytes_per_picture,
            self.bits,
            times(self.ratio),
            stored.unwrap_or_default(),
            self.quality.psnr,
            super::analysed::figure(self.quality.ssim)
        )
    }
}
