//! Decompression: the pictures of a compressed file, by its own model or by that of the run that compressed it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Device;
use model::Autoencoder;

use super::compress::known_statistics;
use super::{DONE, chosen};
use crate::backend;
use crate::checkpoint::{self, Meta};
use crate::cli::DecompressArgs;
use crate::compression::codec::Codec;
use crate::compression::coder::Coder;
use crate::compression::container::{Container, Embedded};
use crate::compression::quantiser::Statistics;
use crate::compression::tiles;
use crate::evaluation::BATCH;
use crate::run::Run;
use crate::{digest, output, samples, terminal};

/// The most bytes of a file, which is read whole.
const LARGEST: u64 = 1 << 32;

pub fn run(args: &DecompressArgs) -> Result<u8> {
    let file = args.file.display().to_string();
    let length = std::fs::metadata(&args.file)
        .with_context(|| format!("{file}: cannot be read"))?
        .len();
    if length > LARGEST {
        bail!("{file}: found {length} bytes; allowed: {LARGEST} at most");
    }
    let bytes = std::fs::read(&args.file).with_context(|| format!("{file}: cannot be read"))?;
    let container = Container::from_bytes(&bytes).with_context(|| file.clone())?;
    drop(bytes);
    let device = backend::open(chosen(&args.write.backend)?)?.device;
    let (model, meta, statistics) = match (&args.run, &container.embedded) {
        (Some(run), _) => of_run(
            &Run::open(run, &args.runs.runs)?,
            &container,
            &file,
            &device,
        )?,
        (None, Some(embedded)) => {
            of_file(&container, embedded, &device).with_context(|| file.clone())?
        }
        (None, None) => bail!(
            "{file}: found no model in it; allowed: --run RUN, the run whose model has SHA-256 {}...",
            digest::short(&container.model_sha256)
        ),
    };
    let units = meta.model.layers(meta.input_shape)?.code_size();
    if !statistics.fits(units) {
        bail!("{file}: its ranges are not of this model's code");
    }
    let codec = Codec {
        model: &model,
        device: &device,
        tile: container.tile,
        units,
    };
    codec.check(&file)?;
    let written = pictures(args, &container, &codec, &statistics).with_context(|| file.clone())?;
    terminal::print(&format!(
        "{}: {written} pictures of {file}",
        args.output.display()
    ))?;
    Ok(DONE)
}

/// Decodes and writes the pictures batch by batch, once the whole stream has been read to its end.
fn pictures(
    args: &DecompressArgs,
    container: &Container,
    codec: &Codec,
    statistics: &Statistics,
) -> Result<usize> {
    let quantiser = statistics.quantiser(container.bits);
    let coder = Coder::new(&quantiser)?;
    let [channels, height, width] = container.tile;
    let tiles_of =
        |size: [usize; 2]| -> usize { tiles::grid(size, [height, width]).iter().product() };
    let all: usize = container.sizes.iter().map(tiles_of).sum();
    let decoder = || coder.decoder(&container.stream, all);
    let mut checked = decoder()?;
    for start in (0..all).step_by(BATCH) {
        checked.codes(BATCH.min(all - start))?;
    }
    if !checked.at_end() {
        bail!("its stream goes on behind its last picture");
    }
    let count = container.sizes.count();
    if let Some(name) = container
        .names
        .iter()
        .flatten()
        .find(|name| !is_plain(name))
    {
        bail!("found a picture named {name:?}; allowed: a file's name without a folder");
    }
    let names = output::picture_names(container.names.as_deref(), count);
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|&name| !seen.insert(name)) {
        bail!("found two pictures that would both be {name}");
    }
    let files = output::new_files(&args.output, &names, args.write.force)?;
    let image: usize = container.tile.iter().product();
    let mut decoder = decoder()?;
    let mut left = container.sizes.iter().zip(&files).peekable();
    while left.peek().is_some() {
        // As many pictures as fill a batch, and one at least.
        let mut batch = Vec::new();
        let mut tiles = 0;
        while let Some((size, file)) =
            left.next_if(|(size, _)| batch.is_empty() || tiles + tiles_of(*size) <= BATCH)
        {
            tiles += tiles_of(size);
            batch.push((size, file));
        }
        let decoded = codec.decode(&quantiser.values(&decoder.codes(tiles)?))?;
        let mut rest = decoded.as_slice();
        for (size, file) in batch {
            let (tiles, after) = rest
                .split_at_checked(tiles_of(size) * image)
                .context("the model gave too few pictures")?;
            let picture = tiles::join(tiles, size, container.tile);
            let values: Vec<f32> = picture
                .iter()
                .map(|&byte| f32::from(byte) / 255.0)
                .collect();
            samples::save_picture(&values, [channels, size[0], size[1]], file)?;
            rest = after;
        }
    }
    Ok(count)
}

/// Whether a name is that of a file in the folder that it is written to.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name() == Some(path.as_os_str()) && !name.contains(['/', '\\', '\0'])
}

/// Refuses tiles that are not of the model's shape.
fn check_shape(container: &Container, meta: &Meta) -> Result<()> {
    if meta.input_shape != container.tile {
        bail!(
            "its tiles are of {:?} values; this model takes {:?}",
            container.tile,
            meta.input_shape
        );
    }
    Ok(())
}

/// The model of the run that compressed a file.
fn of_run(
    run: &Run,
    container: &Container,
    file: &str,
    device: &Device,
) -> Result<(Autoencoder, Meta, Statistics)> {
    let checkpoint = checkpoint::read_best(run)?;
    let found = &checkpoint.meta.model_sha256;
    let name = run.folder().display();
    if *found != container.model_sha256 {
        bail!(
            "{file}: compressed by a model with SHA-256 {}..., that of {name} has {}...",
            digest::short(&container.model_sha256),
            digest::short(found)
        );
    }
    check_shape(container, &checkpoint.meta).with_context(|| file.to_owned())?;
    let units = checkpoint
        .meta
        .model
        .layers(checkpoint.meta.input_shape)?
        .code_size();
    let statistics = known_statistics(run, found, units)?.ok_or_else(|| {
        anyhow!("{name}: found no analysis/codes.json of this model, which compress left there")
    })?;
    if crc32fast::hash(&serde_json::to_vec(&statistics)?) != container.statistics_crc {
        bail!("{file}: compressed with other ranges than those in {name}/analysis/codes.json");
    }
    Ok((checkpoint.model(device)?, checkpoint.meta, statistics))
}

/// The model that a file brings with it.
fn of_file(
    container: &Container,
    embedded: &Embedded,
    device: &Device,
) -> Result<(Autoencoder, Meta, Statistics)> {
    if digest::sha256(&embedded.weights) != container.model_sha256
        || crc32fast::hash(&embedded.statistics) != container.statistics_crc
    {
        bail!("the model in it is another one than that which compressed it");
    }
    let meta: Meta = serde_json::from_slice(&embedded.meta)
        .context("the model in it is not described as this program does")?;
    let statistics: Statistics = serde_json::from_slice(&embedded.statistics)
        .context("the ranges in it are not as this program writes them")?;
    // Before memory is taken for what it describes.
    check_shape(container, &meta)?;
    let described = meta.model.layers(meta.input_shape)?.parameters();
    if described.saturating_mul(size_of::<f32>()) > embedded.weights.len() {
        bail!(
            "the model in it has {} bytes of weights; {described} are described",
            embedded.weights.len()
        );
    }
    let place = PathBuf::from("the model in it");
    let checkpoint = checkpoint::Checkpoint::embedded(meta, embedded.weights.clone(), place);
    Ok((checkpoint.model(device)?, checkpoint.meta, statistics))
}
