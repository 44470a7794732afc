//! Compression: writes pictures to a file of quantised, entropy-coded codes. Without an output file, measures
//! size and quality against PNG, JPEG, WebP and PCA.

mod measure;
mod plot;
mod report;
mod rivals;
mod track;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::Value;

use super::{DONE, Loaded, UsageError};
use crate::cli::{CompressArgs, Part};
use crate::commands::opened;
use crate::commands::own_images;
use crate::{output, terminal};
use hourglass::batched::BATCH;
use hourglass::codec::Damaged;
use hourglass::codec::codec::Codec;
use hourglass::codec::coder::Coder;
use hourglass::codec::container::{Container, Embedded};
use hourglass::codec::pictures::{Group, Pictures};
use hourglass::codec::quality::{Comparison, Quality};
use hourglass::codec::quantiser::Statistics;
use hourglass::codec::tiles;
use hourglass::files;
use hourglass::run::Run;
use hourglass::run::checkpoint::{self, Checkpoint, Meta};

/// The run's file of ranges and frequencies, in its `analysis`.
pub const STATISTICS: &str = "codes.json";

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
            (args.write.force, "--force"),
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
    let loaded = opened(&args.run, &args.write.backend)?;
    let checkpoint = checkpoint::read_best(&loaded.run)?;
    let name = loaded.run.folder().display().to_string();
    let codec = codec(&loaded)?;
    codec.check(&name)?;
    let pictures = found(spec, Part::Test, &loaded.meta)?;
    let statistics = statistics(&loaded, &checkpoint, &codec, || {
        Ok(own_images(&loaded.run, &args.write.backend)?.train)
    })?;
    let bits = args.bits.unwrap_or(report::DEFAULT_BITS);
    let quantiser = statistics.quantiser(bits);
    let coder = Coder::new(&quantiser)?;
    let mut encoder = coder.encoder();
    let mut comparison = Comparison::default();
    let (mut raw, mut count) = (0usize, 0usize);
    pictures.groups(codec.tile, BATCH, |group| -> Result<()> {
        let found = quantiser.levels(&codec.encode(group.tiles.clone())?)?;
        encoder.push(&found)?;
        compare(&codec, &group, &quantiser.values(&found), &mut comparison)?;
        raw += group
            .pictures
            .iter()
            .map(|picture| picture.pixels.len())
            .sum::<usize>();
        count += group.pictures.len();
        Ok(())
    })?;
    let text = serde_json::to_vec(&statistics)?;
    let container = Container {
        bits,
        model_sha256: checkpoint.meta.model_sha256.clone(),
        statistics_crc: crc32fast::hash(&text),
        tile: codec.tile,
        sizes: pictures.sizes(),
        names: pictures.names(),
        stream: encoder.finish()?,
        embedded: match args.model {
            true => Some(Embedded {
                meta: serde_json::to_vec(&checkpoint.meta)?,
                weights: checkpoint.weights().to_vec(),
                statistics: text,
            }),
            false => None,
        },
    };
    let bytes = container.to_bytes()?;
    files::write(path, &bytes)?;
    let each = |bytes: usize| bytes as f64 / count.max(1) as f64;
    let report = Report {
        file: path.display().to_string(),
        run: name,
        bits,
        pictures: count,
        bytes: bytes.len(),
        bytes_per_picture: each(bytes.len()),
        stream_bytes_per_picture: each(container.stream.len()),
        ratio: raw as f64 / bytes.len() as f64,
        quality: comparison.finish(),
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    terminal::print(&format!(
        "{}: {} pictures in {} bytes, {:.1} bytes per picture ({:.1} for the code at {bits} bits per value), {:.1} times \
         smaller than raw pixels; decompressed: {:.2} dB, SSIM {}",
        report.file,
        report.pictures,
        report.bytes,
        report.bytes_per_picture,
        report.stream_bytes_per_picture,
        report.ratio,
        report.quality.psnr,
        super::analysed::figure(report.quality.ssim)
    ))?;
    Ok(DONE)
}

/// The model of a run as a codec.
fn codec(loaded: &Loaded) -> Result<Codec<'_>> {
    let meta = &loaded.meta;
    Ok(Codec {
        model: &loaded.model,
        device: &loaded.device,
        tile: meta.input_shape,
        units: meta.model.layers(meta.input_shape)?.code_size(),
    })
}

/// Measures the pictures decoded from these codes, row-major `[tiles, units]`.
fn compare(codec: &Codec, group: &Group, codes: &[f32], comparison: &mut Comparison) -> Result<()> {
    compare_tiles(codec.tile, group, &codec.decode(codes)?, comparison)
}

/// Measures the pictures put together from these tiles.
fn compare_tiles(
    tile: data::ImageShape,
    group: &Group,
    found: &[u8],
    comparison: &mut Comparison,
) -> Result<()> {
    let [channels, height, width] = tile;
    let alike = group
        .pictures
        .iter()
        .all(|picture| picture.size == [height, width]);
    if alike {
        // A batch of images at once, each a tile.
        return Ok(comparison.push(tile, &group.tiles, found)?);
    }
    let image: usize = tile.iter().product();
    let mut rest = found;
    for picture in &group.pictures {
        let [rows, columns] = tiles::grid(picture.size, [height, width]);
        let (tiles, after) = rest
            .split_at_checked(rows * columns * image)
            .unwrap_or((rest, &[]));
        let joined = tiles::join(tiles, picture.size, tile);
        let [height, width] = picture.size;
        comparison.push([channels, height, width], &picture.pixels, &joined)?;
        rest = after;
    }
    Ok(())
}

/// Ranges and frequencies of the run's codes, learned once from its training images and kept in its folder.
fn statistics(
    loaded: &Loaded,
    checkpoint: &Checkpoint,
    codec: &Codec,
    train: impl FnOnce() -> Result<std::sync::Arc<data::Images>>,
) -> Result<Statistics> {
    if let Some(known) = known_statistics(&loaded.run, &checkpoint.meta.model_sha256, codec.units)?
    {
        return Ok(known);
    }
    let codes = codec.training_codes(&*train()?)?;
    let learned = Statistics::learn(&checkpoint.meta.model_sha256, &codes)?;
    let text = serde_json::to_vec(&learned)?;
    files::write(&super::analysed::file(&loaded.run, STATISTICS)?, &text)?;
    Ok(learned)
}

/// The statistics in the run's folder, if they belong to these weights.
///
/// # Errors
/// If the file exists but was not written by this program.
pub fn known_statistics(run: &Run, model_sha256: &str, units: usize) -> Result<Option<Statistics>> {
    let path = run.path("analysis").join(STATISTICS);
    if !path.is_file() {
        return Ok(None);
    }
    let value: Value = files::read_json(&path)?;
    let known: Statistics = serde_json::from_value(value).map_err(|error| {
        Damaged(format!(
            "{}: not written by this program: {error}",
            path.display()
        ))
    })?;
    if known.model_sha256 != model_sha256 {
        // The run was trained further since then.
        return Ok(None);
    }
    if !known.fits(units) {
        bail!("{}: not written by this program", path.display());
    }
    Ok(Some(known))
}

/// The pictures that `spec` names; warns about files that are left out.
fn found(spec: &str, part: Part, meta: &Meta) -> Result<Pictures> {
    let warn = |text: &str| terminal::note(&format!("warning: {text}"));
    Ok(Pictures::find(
        spec,
        part.into(),
        meta.input_shape,
        meta.seed,
        warn,
    )?)
}
