//! Pictures to a compressed file, whose quality is measured on the way.

use super::Damaged;
use super::autoencoder::Codec;
use super::coder::Coder;
use super::container::{Container, Embedded};
use super::decompress;
use super::pictures::Pictures;
use super::quality::{Comparison, Quality};
use super::quantiser::Statistics;
use crate::error::Result;
use crate::run::checkpoint::{Checkpoint, Meta};

/// Bits of a value where none are given: from here on more bits hardly show (RESULTS.md, "Compression"). A code that was
/// trained to take few bits has steps of 1 at them, see [`super::learned`].
pub const BITS: u32 = 5;

/// A compressed file, and what it holds.
#[derive(Debug)]
pub struct Compressed {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Whether it announces so much for its size that decompressing must be asked for.
    pub large: bool,
    /// Bytes of the codes alone, without header, names and model.
    pub stream: usize,
    /// Number of pictures.
    pub pictures: usize,
    /// Bytes of the raw pictures, one a value.
    pub raw: usize,
    /// The decompressed pictures compared with the originals.
    pub quality: Quality,
}

/// Compresses pictures with a run's model at `bits` a value. `statistics` are those of the run's codes, `checkpoint`
/// holds the weights of `codec`, which go into the file if `embed`.
///
/// # Errors
/// A picture that cannot be read, a code that is not finite, or a device that fails.
pub fn compress(
    codec: &Codec,
    checkpoint: &Checkpoint,
    statistics: &Statistics,
    pictures: &Pictures,
    bits: u32,
    embed: bool,
) -> Result<Compressed> {
    let quantiser = statistics.quantiser(bits);
    let coder = Coder::new(&quantiser)?;
    let mut encoder = coder.encoder();
    let mut comparison = Comparison::default();
    let mut raw = 0;
    let mut pixels = crc32fast::Hasher::new();
    let form = codec.form;
    pictures.groups(form, |group| -> Result<()> {
        let levels = quantiser.levels(&codec.encode(group.tiles().into_owned(), group.tile)?)?;
        encoder.push(&levels)?;
        let decoded = group.join(codec.decode(&quantiser.values(&levels), group.tile)?);
        comparison.push_group(&group, &decoded)?;
        pixels.update(&decoded);
        raw += group.pixels.len();
        Ok(())
    })?;
    let text = statistics.to_bytes()?;
    let mut container = Container::empty(bits, &checkpoint.meta.model_sha256, form.tile, pictures);
    container.pixels_crc = Some(pixels.finalize());
    container.statistics_crc = crc32fast::hash(&text);
    container.stream = encoder.finish()?;
    if embed {
        // What it was trained with names folders, which are nobody else's business.
        let meta = Meta {
            config: None,
            ..checkpoint.meta.clone()
        };
        container.embedded = Some(Embedded {
            meta: serde_json::to_vec(&meta).map_err(|it| Damaged(it.to_string()))?,
            weights: checkpoint.weights().to_vec(),
            statistics: text,
        });
    }
    let bytes = container.to_bytes()?;
    // What is written can be read again.
    decompress::check_written(&bytes, statistics)?;
    Ok(Compressed {
        large: decompress::announced(&container, container.length_without_model(&bytes)).is_err(),
        bytes,
        stream: container.stream.len(),
        pictures: pictures.len(),
        raw,
        quality: comparison.finish(),
    })
}
