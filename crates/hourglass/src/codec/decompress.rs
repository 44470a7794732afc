//! A compressed file to pictures, with the model that it holds or with that of the run that compressed it.
//!
//! Nothing that a file announces is trusted: an [`Archive`] has read its whole stream before it gives the first picture.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use data::ImageShape;
use model::Autoencoder;

use super::autoencoder::{Codec, Form, MOST_ACTIVE};
use super::coder::Coder;
use super::container::{Container, Embedded, MAGIC};
use super::pictures::Picture;
use super::quantiser::Statistics;
use super::{kept, learned, tiles};
use crate::batched::BATCH;
use crate::config;
use crate::digest;
use crate::error::{At, Error, Result};
use crate::files::{self, FileError};
use crate::run::Run;
use crate::run::checkpoint::{self, Checkpoint, Meta};

/// The largest file that is accepted, because a file is read whole.
const LARGEST: u64 = 1 << 32;

/// What a file may announce whatever its size, and for each of its bytes: values that its tiles are decoded into, and
/// pictures. Codes that never vary take no bytes, so a file of a few kilobytes could announce gigabytes of pictures; a
/// set that compresses further than this is rare and can be asked for.
const VALUES: u64 = 1 << 26;
const VALUES_A_BYTE: u64 = 1 << 12;
const PICTURES: u64 = 1 << 16;
const PICTURES_A_BYTE: u64 = 1 << 4;

/// Why a compressed file cannot be turned into pictures.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// It is too large to be read whole.
    #[error("found {found} bytes; allowed: at most {LARGEST}")]
    TooLarge {
        /// Its size in bytes.
        found: u64,
    },
    /// It announces far more than its bytes suggest.
    #[error(
        "found {bytes} bytes besides the model, which announce {pictures} pictures, which are decoded into {values} values; allowed for so \
         few bytes: {most_pictures} pictures and {most_values} values; if it is yours, use --large"
    )]
    Announces {
        /// Its size in bytes, without a model.
        bytes: u64,
        /// Pictures announced.
        pictures: u64,
        /// Values of the tiles that cover them.
        values: u64,
        /// The most pictures for so many bytes.
        most_pictures: u64,
        /// The most values.
        most_values: u64,
    },
    /// Its model takes much memory for a single tile.
    #[error(
        "found a model with a layer of {values} values for each tile; allowed: at most {MOST_ACTIVE}; if it is yours, \
         use --large"
    )]
    Wide {
        /// Values of the widest layer.
        values: usize,
    },
    /// It holds no model, and no run is given.
    #[error("no embedded model; name the run with --run RUN, whose model has SHA-256 {model}...")]
    NoModel {
        /// The first digits of the digest of the model that compressed it.
        model: String,
    },
    /// The run has another model than the one that compressed it.
    #[error("compressed by a model with SHA-256 {model}..., but the model of {} has {found}...", run.display())]
    OtherModel {
        /// The first digits of the digest of the model that compressed it.
        model: String,
        /// The run's folder.
        run: PathBuf,
        /// The first digits of the digest of the run's model.
        found: String,
    },
    /// Its tiles do not have the shape of the model's images.
    #[error("tiles of {tiles:?} values do not fit this model, which takes {model:?}")]
    Shape {
        /// Channels, height and width of its tiles.
        tiles: ImageShape,
        /// Those of the model's images.
        model: ImageShape,
    },
    /// The run has no statistics of its codes.
    #[error("{}: analysis/codes.json is missing or of another model; run compress there first", run.display())]
    NoRanges {
        /// The run's folder.
        run: PathBuf,
    },
    /// The run's statistics are not those that it was compressed with.
    #[error("its ranges do not match those in {}/analysis/codes.json", run.display())]
    OtherRanges {
        /// The run's folder.
        run: PathBuf,
    },
    /// The model in it is not the one that compressed it.
    #[error("the embedded model does not match the one that compressed this file")]
    OtherEmbedded,
    /// The model in it is not described as this program does it.
    #[error("the description of the embedded model was not written by this program: {error}")]
    Meta {
        /// What the parser says.
        error: serde_json::Error,
    },
    /// The statistics in it are not as this program writes them.
    #[error("the ranges were not written by this program: {error}")]
    Ranges {
        /// What the parser says.
        error: serde_json::Error,
    },
    /// The model in it has too few weights.
    #[error(
        "the embedded model has {found} bytes of weights, but its description needs {parameters}"
    )]
    Weights {
        /// Bytes of weights.
        found: usize,
        /// Parameters that its description needs.
        parameters: usize,
    },
    /// The statistics in it are of a code of another size.
    #[error("the ranges in it do not match this model's code")]
    Units,
    /// Its stream is longer than its pictures need.
    #[error("the stream continues after the last picture")]
    Continues,
    /// A picture in it is named as if it lay in another folder.
    #[error("found a picture named {name:?}; expected a file name without a folder")]
    Name {
        /// The name.
        name: String,
    },
    /// Two pictures in it have one name.
    #[error("found two pictures that would both be named {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
    /// The model in it is wider than a config may ask for.
    #[error("the description of the embedded model is not allowed: {reason}")]
    Model {
        /// What is not allowed.
        reason: String,
    },
    /// The model gives fewer tiles than it got codes.
    #[error("the model returned too few pictures")]
    Few,
}

/// Reads a compressed file; gives its length in bytes too, without the model.
///
/// # Errors
/// A file that cannot be read, is too large, or is damaged.
pub fn read(path: &Path) -> Result<(Container, u64)> {
    let place = || path.display().to_string();
    let mut file = files::open_input(path)?;
    let mut bytes = Vec::new();
    // Another file, of any size, is refused by its beginning.
    let first = MAGIC.len() as u64;
    (file.by_ref().take(first).read_to_end(&mut bytes)).map_err(FileError::read(path))?;
    if bytes == MAGIC {
        let length = file.metadata().map_err(FileError::read(path))?.len();
        if length > LARGEST {
            return Err(DecompressError::TooLarge { found: length }).at(place);
        }
        (file.take(LARGEST).read_to_end(&mut bytes)).map_err(FileError::read(path))?;
    }
    let container = Container::from_bytes(&bytes).at(place)?;
    let length = container.length_without_model(&bytes);
    Ok((container, length))
}

/// Refuses a file of so many bytes, without a model, that announces far more than they suggest.
///
/// # Errors
/// [`DecompressError::Announces`].
pub fn announced(container: &Container, bytes: u64) -> Result<(), DecompressError> {
    let most = |whatever: u64, a_byte: u64| whatever.max(bytes.saturating_mul(a_byte));
    let (most_values, most_pictures) =
        (most(VALUES, VALUES_A_BYTE), most(PICTURES, PICTURES_A_BYTE));
    let [channels, height, width] = container.tile;
    let tiles = container.sizes.tiles([height, width]);
    let values = [tiles, channels, height, width]
        .iter()
        .fold(1, |all: u64, &it| all.saturating_mul(it as u64));
    let pictures = container.sizes.count() as u64;
    match values > most_values || pictures > most_pictures {
        false => Ok(()),
        true => Err(DecompressError::Announces {
            bytes,
            pictures,
            values,
            most_pictures,
            most_values,
        }),
    }
}

/// Checks a file's bytes by all that a decoder asks of them, with the statistics that they were made with.
///
/// # Errors
/// What a decoder would refuse.
pub(super) fn check_written(bytes: &[u8], statistics: &Statistics) -> Result<()> {
    let found = bytes.len() as u64;
    if found > LARGEST {
        return Err(DecompressError::TooLarge { found }.into());
    }
    let mut container = Container::from_bytes(bytes)?;
    match container.embedded.take() {
        Some(embedded) => check(&container, &unpacked(&container, embedded)?.1, None),
        None => check(&container, statistics, None),
    }
}

/// Reads the whole stream, and refuses names that lead out of a folder or are there twice, and what a file of so many
/// `bytes` should not announce.
fn check(container: &Container, statistics: &Statistics, bytes: Option<u64>) -> Result<()> {
    let [_, height, width] = container.tile;
    let tiles = container.sizes.tiles([height, width]);
    let coder = Coder::new(&statistics.quantiser(container.bits))?;
    let mut decoder = coder.decoder(&container.stream, tiles)?;
    bytes.map_or(Ok(()), |bytes| announced(container, bytes))?;
    for start in (0..tiles).step_by(BATCH) {
        decoder.codes(BATCH.min(tiles - start))?;
    }
    if !decoder.at_end() {
        return Err(DecompressError::Continues.into());
    }
    let mut seen = HashSet::new();
    for name in container.names.iter().flatten() {
        if !is_plain(name) {
            return Err(DecompressError::Name { name: name.clone() }.into());
        }
        if !seen.insert(name) {
            return Err(DecompressError::Twice { name: name.clone() }.into());
        }
    }
    Ok(())
}

/// A compressed file with its model, read to its end and checked.
#[derive(Debug)]
pub struct Archive {
    container: Container,
    model: Autoencoder,
    device: Device,
    meta: Meta,
    statistics: Statistics,
}

impl Archive {
    /// With the model of the run that compressed it. Errors call the file `file`. `bytes` is its length as [`read`] gives
    /// it, which bounds what it may announce; `None` for a file that is trusted.
    ///
    /// # Errors
    /// A run that has another model or other ranges than the file, and a damaged stream.
    pub fn of_run(
        file: &str,
        container: Container,
        bytes: Option<u64>,
        run: &Run,
        device: &Device,
    ) -> Result<Self> {
        let mut checkpoint = checkpoint::read_best(run)?;
        let file = || file.to_owned();
        let folder = || run.folder().to_owned();
        let mut statistics = None;
        if checkpoint.meta.model_sha256 != container.model_sha256
            && let Some(kept) = kept::find(run, &container.model_sha256)?
        {
            // The run was trained further since then.
            (checkpoint, statistics) = (kept.0, Some(kept.1));
        }
        let meta = &checkpoint.meta;
        if meta.model_sha256 != container.model_sha256 {
            return Err(DecompressError::OtherModel {
                model: digest::short(&container.model_sha256).to_owned(),
                run: folder(),
                found: digest::short(&meta.model_sha256).to_owned(),
            })
            .at(file);
        }
        check_shape(&container, meta).at(file)?;
        let units = Form::of(&meta.model, meta.input_shape)?.units;
        let statistics = match statistics {
            Some(kept) => kept,
            None => learned::known(run, &meta.model_sha256, units)?
                .ok_or_else(|| DecompressError::NoRanges { run: folder() })?,
        };
        if crc32fast::hash(&statistics.to_bytes()?) != container.statistics_crc {
            return Err(DecompressError::OtherRanges { run: folder() }).at(file);
        }
        Self::new(&file(), container, bytes, &checkpoint, statistics, device)
    }

    /// With the model that it holds; else as [`Archive::of_run`].
    ///
    /// # Errors
    /// A file without a model, or with one that did not compress it, and a damaged stream.
    pub fn of_file(
        file: &str,
        mut container: Container,
        bytes: Option<u64>,
        device: &Device,
    ) -> Result<Self> {
        let Some(embedded) = container.embedded.take() else {
            let model = digest::short(&container.model_sha256).to_owned();
            return Err(DecompressError::NoModel { model }).at(|| file.to_owned());
        };
        let (checkpoint, statistics) = unpacked(&container, embedded).at(|| file.to_owned())?;
        Self::new(file, container, bytes, &checkpoint, statistics, device)
    }

    fn new(
        file: &str,
        container: Container,
        bytes: Option<u64>,
        checkpoint: &Checkpoint,
        statistics: Statistics,
        device: &Device,
    ) -> Result<Self> {
        let meta = &checkpoint.meta;
        let form = Form::of(&meta.model, meta.input_shape)?;
        let largest = container.sizes.iter_written().map(|size| form.cut(size));
        let largest = largest.max_by_key(|shape| shape.iter().product::<usize>());
        let layers = meta.model.layers(largest.unwrap_or(form.tile))?;
        let widest = layers.iter().map(|layer| layer.size()).max();
        if let (Some(values), true) = (widest.filter(|it| *it > MOST_ACTIVE), bytes.is_some()) {
            return Err(DecompressError::Wide { values }).at(|| file.to_owned());
        }
        let archive = Self {
            model: checkpoint.model(device)?,
            device: device.clone(),
            meta: meta.clone(),
            container,
            statistics,
        };
        if !archive.statistics.fits(form.units) {
            return Err(DecompressError::Units).at(|| file.to_owned());
        }
        archive.codec()?.check(file)?;
        check(&archive.container, &archive.statistics, bytes).at(|| file.to_owned())?;
        Ok(archive)
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        self.container.sizes.count()
    }

    /// The pictures' names, none of which has a folder; `None` if they have no names.
    pub fn names(&self) -> Option<&[String]> {
        self.container.names.as_deref()
    }

    /// Channels of all pictures.
    pub fn channels(&self) -> usize {
        self.container.tile[0]
    }

    /// Gives the pictures in order to `each`, which are decoded a batch at a time. Whether they are, to the last value,
    /// those that came of the file when it was written: another machine may round differently. `None` if the file does
    /// not say.
    ///
    /// # Errors
    /// A device that fails, and what `each` says.
    pub fn pictures<E: From<Error>>(
        &self,
        mut each: impl FnMut(Picture) -> Result<(), E>,
    ) -> Result<Option<bool>, E> {
        let (container, codec) = (&self.container, self.codec()?);
        let form = codec.form;
        let quantiser = self.statistics.quantiser(container.bits);
        let coder = Coder::new(&quantiser).map_err(Error::from)?;
        let [_, height, width] = form.tile;
        let codes = container.sizes.tiles([height, width]);
        let mut decoder = (coder.decoder(&container.stream, codes)).map_err(Error::from)?;
        let mut found = crc32fast::Hasher::new();
        let mut left = container.sizes.iter().peekable();
        while let Some(first) = left.peek().copied() {
            let shape = form.cut(first);
            // As many pictures as fill a batch, but at least one; all of one shape.
            let mut batch = Vec::new();
            let mut count = 0;
            while let Some(size) = left.next_if(|&size| {
                let alike = form.cut(size) == shape;
                batch.is_empty() || (alike && count + form.codes(size) <= BATCH)
            }) {
                count += form.codes(size);
                batch.push(size);
            }
            let levels = decoder.codes(count).map_err(Error::from)?;
            let decoded = codec.decode(&quantiser.values(&levels), shape)?;
            let [channels, high, wide] = shape;
            let mut rest = decoded.as_slice();
            for size in batch {
                let tiles: usize = tiles::grid(size, [high, wide]).iter().product();
                let (tiles, after) = rest
                    .split_at_checked(tiles * channels * high * wide)
                    .ok_or(Error::from(DecompressError::Few))?;
                let pixels = tiles::join(tiles, size, shape);
                found.update(&pixels);
                each(Picture { pixels, size })?;
                rest = after;
            }
        }
        let found = found.finalize();
        Ok(container.pixels_crc.map(|crc| crc == found))
    }

    fn codec(&self) -> Result<Codec<'_>> {
        Codec::new(&self.model, &self.meta, &self.device)
    }
}

/// Whether a name is a plain file name, so that the file stays in the output folder.
fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name() == Some(path.as_os_str()) && !name.contains(['/', '\\', '\0'])
}

/// Fails if the tiles do not have the model's shape.
fn check_shape(container: &Container, meta: &Meta) -> Result<()> {
    let (tiles, model) = (
        container.tile,
        Form::of(&meta.model, meta.input_shape)?.tile,
    );
    match tiles == model {
        true => Ok(()),
        false => Err(DecompressError::Shape { tiles, model }.into()),
    }
}

/// The embedded model and the statistics of its code.
fn unpacked(container: &Container, embedded: Embedded) -> Result<(Checkpoint, Statistics)> {
    if digest::sha256(&embedded.weights) != container.model_sha256
        || crc32fast::hash(&embedded.statistics) != container.statistics_crc
    {
        return Err(DecompressError::OtherEmbedded.into());
    }
    let meta: Meta =
        serde_json::from_slice(&embedded.meta).map_err(|error| DecompressError::Meta { error })?;
    let statistics: Statistics = serde_json::from_slice(&embedded.statistics)
        .map_err(|error| DecompressError::Ranges { error })?;
    // Checked before memory is allocated for the described model.
    let allowed = config::check_model(&meta.model);
    allowed.map_err(|reason| DecompressError::Model { reason })?;
    check_shape(container, &meta)?;
    let parameters = meta.model.layers(meta.input_shape)?.parameters();
    let found = embedded.weights.len();
    if parameters.saturating_mul(size_of::<f32>()) > found {
        return Err(DecompressError::Weights { found, parameters }.into());
    }
    let place = PathBuf::from("the embedded model");
    let checkpoint = Checkpoint::embedded(meta, embedded.weights, place);
    Ok((checkpoint, statistics))
}
