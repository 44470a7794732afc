//! Decompression: restores the pictures of a compressed file with its embedded model or that of the run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Device;
use model::Autoencoder;

use super::compress::known_statistics;
use super::{DONE, chosen};
use crate::cli::DecompressArgs;
use crate::{output, terminal};
use hourglass::backend;
use hourglass::batched::BATCH;
use hourglass::codec::codec::Codec;
use hourglass::codec::coder::Coder;
use hourglass::codec::container::{Container, Embedded};
use hourglass::codec::quantiser::Statistics;
use hourglass::codec::tiles;
use hourglass::digest;
use hourglass::pictures;
use hourglass::run::Run;
use hourglass::run::checkpoint::{self, Meta};

/// The largest file that is accepted, because a file is read whole.
const LARGEST: u64 = 1 << 32;

pub fn run(args: &DecompressArgs) -> Result<u8> {
    let file = args.file.display().to_string();
    let length = std::fs::metadata(&args.file)
        .with_context(|| format!("{file}: cannot be read"))?
        .len();
    if length > LARGEST {
        bail!("{file}: found {length} bytes; allowed: at most {LARGEST}");
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
            "{file}: no embedded model; name the run with --run RUN, whose model has SHA-256 {}...",
            digest::short(&container.model_sha256)
        ),
    };
    let units = meta.model.layers(meta.input_shape)?.code_size();
    if !statistics.fits(units) {
        bail!("{file}: the ranges in it do not match this model's code");
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

/// Decodes and writes the pictures batch by batch, after the whole stream has been read and checked.
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
        bail!("the stream continues after the last picture");
    }
    let count = container.sizes.count();
    if let Some(name) = container
        .names
        .iter()
        .flatten()
        .find(|name| !is_plain(name))
    {
        bail!("found a picture named {name:?}; expected a file name without a folder");
    }
    let names = output::picture_names(container.names.as_deref(), count);
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|&name| !seen.insert(name)) {
        bail!("two pictures would both be written to {name}");
    }
    let files = output::new_files(&args.output, &names, args.write.force)?;
    let image: usize = container.tile.iter().product();
    let mut decoder = decoder()?;
    let mut left = container.sizes.iter().zip(&files).peekable();
    while left.peek().is_some() {
        // As many pictures as fill a batch, but at least one.
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
                .context("the model returned too few pictures")?;
            let picture = tiles::join(tiles, size, container.tile);
            let values: Vec<f32> = picture
                .iter()
                .map(|&byte| f32::from(byte) / 255.0)
                .collect();
            pictures::save_picture(&values, [channels, size[0], size[1]], file)?;
            rest = after;
        }
    }
    Ok(count)
}

/// Whether a name is a plain file name, so that the file stays in the output folder.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name() == Some(path.as_os_str()) && !name.contains(['/', '\\', '\0'])
}

/// Fails if the tiles do not have the model's shape.
fn check_shape(container: &Container, meta: &Meta) -> Result<()> {
    if meta.input_shape != container.tile {
        bail!(
            "tiles of {:?} values do not fit this model, which takes {:?}",
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
            "{file}: compressed by a model with SHA-256 {}..., but the model of {name} has {}...",
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
        anyhow!(
            "{name}: analysis/codes.json is missing or of another model; run compress there first"
        )
    })?;
    if crc32fast::hash(&serde_json::to_vec(&statistics)?) != container.statistics_crc {
        bail!("{file}: its ranges do not match those in {name}/analysis/codes.json");
    }
    Ok((checkpoint.model(device)?, checkpoint.meta, statistics))
}

/// The model embedded in a file.
fn of_file(
    container: &Container,
    embedded: &Embedded,
    device: &Device,
) -> Result<(Autoencoder, Meta, Statistics)> {
    if digest::sha256(&embedded.weights) != container.model_sha256
        || crc32fast::hash(&embedded.statistics) != container.statistics_crc
    {
        bail!("the embedded model does not match the one that compressed this file");
    }
    let meta: Meta = serde_json::from_slice(&embedded.meta)
        .context("the description of the embedded model was not written by this program")?;
    let statistics: Statistics = serde_json::from_slice(&embedded.statistics)
        .context("the ranges were not written by this program")?;
    // Checked before memory is allocated for the described model.
    check_shape(container, &meta)?;
    let described = meta.model.layers(meta.input_shape)?.parameters();
    if described.saturating_mul(size_of::<f32>()) > embedded.weights.len() {
        bail!(
            "the embedded model has {} bytes of weights, but its description needs {described}",
            embedded.weights.len()
        );
    }
    let place = PathBuf::from("the embedded model");
    let checkpoint = checkpoint::Checkpoint::embedded(meta, embedded.weights.clone(), place);
    Ok((checkpoint.model(device)?, checkpoint.meta, statistics))
}
