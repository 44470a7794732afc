//! Decompression: the pictures of a compressed file, by its own model or by that of the run that compressed it.

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

/// Room for files, in front of which a file's name is said.
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
    let units = model::code_size(&meta.model.layers(meta.input_shape)?);
    if meta.input_shape != container.tile || !statistics.fits(units) {
        bail!("{file}: its pictures are not of this model's shape and code");
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

/// Decodes and writes the pictures batch by batch.
fn pictures(
    args: &DecompressArgs,
    container: &Container,
    codec: &Codec,
    statistics: &Statistics,
) -> Result<usize> {
    let quantiser = statistics.quantiser(container.bits);
    let coder = Coder::new(&quantiser)?;
    let [channels, height, width] = container.tile;
    let count_of = |size: [usize; 2]| tiles::grid(size, [height, width]).iter().product::<usize>();
    let counts: Vec<usize> = container.sizes.iter().map(|&size| count_of(size)).collect();
    let mut decoder = coder.decoder(&container.stream, counts.iter().sum())?;
    // Levels are small; decoding all of them before the first picture is written leaves nothing half done.
    let levels = decoder.codes(counts.iter().sum())?;
    if !decoder.at_end() {
        bail!("its stream goes on behind its last picture");
    }
    let names = output::picture_names(container.names.as_deref(), counts.len());
    if let Some(name) = names.iter().find(|name| !is_plain(name)) {
        bail!("found a picture named {name:?}; allowed: a file's name without a folder");
    }
    let files = output::new_files(&args.output, &names, args.write.force)?;
    let image: usize = container.tile.iter().product();
    let mut rest = levels.as_slice();
    let mut place = 0;
    while place < files.len() {
        // As many pictures as fill a batch, and one at least.
        let mut next = place;
        let mut batch = 0;
        while let Some(count) = counts
            .get(next)
            .filter(|&&count| batch == 0 || batch + count <= BATCH)
        {
            batch += count;
            next += 1;
        }
        let (part, after) = rest
            .split_at_checked(batch * codec.units)
            .unwrap_or((rest, &[]));
        let decoded = codec.decode(&quantiser.values(part))?;
        let mut decoded = decoded.as_slice();
        for index in place..next {
            let (Some(&count), Some(&[rows, columns]), Some(file)) = (
                counts.get(index),
                container.sizes.get(index),
                files.get(index),
            ) else {
                continue;
            };
            let (tiles, other) = decoded
                .split_at_checked(count * image)
                .unwrap_or((decoded, &[]));
            let picture = tiles::join(tiles, [rows, columns], container.tile);
            let values: Vec<f32> = picture
                .iter()
                .map(|&byte| f32::from(byte) / 255.0)
                .collect();
            samples::save_picture(&values, [channels, rows, columns], file)?;
            decoded = other;
        }
        (rest, place) = (after, next);
    }
    Ok(files.len())
}

/// Whether a name is that of a file in the folder that it is written to.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name() == Some(path.as_os_str()) && !name.contains(['/', '\\', '\0'])
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
    let units = model::code_size(&checkpoint.meta.model.layers(checkpoint.meta.input_shape)?);
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
    let described: usize = meta
        .model
        .layers(meta.input_shape)?
        .iter()
        .map(|layer| layer.parameters)
        .sum();
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
