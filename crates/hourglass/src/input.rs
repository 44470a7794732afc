//! The input of a command: images from a data set, a folder or a picture, in a model's shape.

use std::path::Path;
use std::sync::Arc;

use data::{
    Collection, Dataset, Fields, Images, Named, PictureFiles, PictureOptions, Preparation, Rule,
    SeriesSet, Source, TEST_PHOTOS, TestPart, Warning, Windows,
};
use model::ImageShape;

use crate::config::{self, DataConfig};
use crate::error::Result;
use crate::run::checkpoint::Meta;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What a training may see.
    Train,
    /// What it may not.
    Test,
}

/// Why an input cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// It names nothing.
    #[error(
        "{spec}: no such file or folder; give a picture, a folder of pictures or of IDX files, mnist or photos"
    )]
    Missing {
        /// What was asked for.
        spec: String,
    },
    /// The run was trained on a table, and this is none.
    #[error(
        "{spec}: is not a file; this model takes rows of a table: a .csv, .tsv, .npy, .npz or .parquet file"
    )]
    NoTable {
        /// What was asked for.
        spec: String,
    },
    /// The run was trained on series, and this is none.
    #[error(
        "{spec}: no such file or folder; this model takes series: a .csv, .tsv, .npy, .npz, .parquet or .wav file, or a folder of them"
    )]
    NoSeries {
        /// What was asked for.
        spec: String,
    },
    /// It is a pipe or a device, which may never end.
    #[error("{spec}: is a pipe or a device; give a file or a folder")]
    NotAFile {
        /// What was asked for.
        spec: String,
    },
    /// Its images have another shape than the model's.
    #[error("{spec}: found images of {found}, but this model takes {wanted}")]
    Shape {
        /// What was asked for.
        spec: String,
        /// Its images' shape.
        found: String,
        /// The model's.
        wanted: String,
    },
    /// The folder of a config's data is missing.
    #[error("{dir}: cannot be read: No such file or directory{looked}")]
    NoFolder {
        /// The folder, as it was written.
        dir: String,
        /// Where it was looked for, as the end of the line.
        looked: String,
    },
    /// Its samples are clips and the model's are not, or have another number of frames.
    #[error("{spec}: found images of {}, but this model takes {}", of_frames(*.found), of_frames(*.wanted))]
    Frames {
        /// What was asked for.
        spec: String,
        /// Frames of its images.
        found: usize,
        /// Those of the model's.
        wanted: usize,
    },
    /// None of its pictures can be read.
    #[error("{spec}: none of the {count} pictures can be read; the first: {first}")]
    NoPicture {
        /// What was asked for.
        spec: String,
        /// Pictures that were tried.
        count: usize,
        /// What is wrong with the first of them.
        first: String,
    },
}

/// How a command reads its input.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The model that gets the images.
    pub meta: &'a Meta,
    /// Whether a picture that cannot be read is an error; otherwise it is left out with a warning.
    pub strict: bool,
}

/// Reads the images that `spec` names: `mnist`, `photos`, the name of another data set such as `fashion-mnist`, a folder
/// of IDX files or of pictures, a picture, or the value of a config's `data` as JSON. Pictures are prepared as the run's
/// training did it: cut into patches or resized, with its channels; other sets must have the model's shape. Where it was
/// trained on clips, a file or folder is read as videos. `photos` are
/// cut into patches where the training's images were as they are. `flag` is where the user wrote the spec, and `warn`
/// hears of files that are not as they should be.
///
/// # Errors
/// A spec that names nothing, data that cannot be read, and images of another shape.
pub fn read(
    flag: &'static str,
    spec: &str,
    part: Part,
    Reading { meta, strict }: Reading<'_>,
    warn: impl FnMut(&Warning),
) -> Result<Images> {
    let path = Path::new(spec);
    let shape = meta.input_shape;
    let preparation = meta.prepared();
    let images = if let Some(fields) = &meta.fields {
        rows(spec, fields, meta, warn)?
    } else if spec == "mnist" {
        of(Source::Mnist.load()?, part)
    } else if let Some(source) = named(flag, spec, Reading { meta, strict })? {
        let dataset = source.load()?;
        dataset.warnings.iter().for_each(warn);
        of(dataset, part)
    } else if let Some(cut) = preparation
        .clips
        .filter(|_| path.is_file() || path.is_dir())
    {
        let training = part == Part::Train;
        let strict = strict || path.is_file();
        let (images, warnings) = preparation.read_clips(path, cut, training, strict)?;
        warnings.iter().for_each(warn);
        images
    } else if path.is_file() {
        // The only one that is asked for is not left out.
        let (images, warnings) =
            preparation.read(spec, PictureFiles::one(path.to_owned()), true)?;
        warnings.iter().for_each(warn);
        images
    } else if spec == "photos" && !path.is_dir() {
        // A folder of this name is what its owner means.
        of(prepared_photos(&preparation).load()?, part)
    } else if path.exists() && !path.is_dir() {
        return Err(InputError::NotAFile {
            spec: spec.to_owned(),
        }
        .into());
    } else if !path.is_dir() {
        return Err(InputError::Missing {
            spec: spec.to_owned(),
        }
        .into());
    } else if data::is_idx_folder(path) {
        of(
            Source::Idx {
                dir: path.to_owned(),
                limit: None,
            }
            .load()?,
            part,
        )
    } else {
        let (files, unread) = data::part(path, part == Part::Train)?;
        let (images, warnings) = preparation.read(spec, files, strict)?;
        unread.iter().chain(&warnings).for_each(warn);
        images
    };
    check_shape(spec, &images, shape)?;
    if images.frames() != preparation.frames() {
        return Err(InputError::Frames {
            spec: spec.to_owned(),
            found: images.frames(),
            wanted: preparation.frames(),
        }
        .into());
    }
    Ok(images)
}

/// The source that `spec` means, if it is the value of a config's `data` as JSON or the name of a data set that is
/// looked for: what may have to be fetched before it is [read](read()).
///
/// # Errors
/// JSON that is no `data` of a config.
pub fn named(
    flag: &'static str,
    spec: &str,
    Reading { meta, strict }: Reading<'_>,
) -> Result<Option<Source>> {
    if spec.trim_start().starts_with('{') {
        let mut data = config::data(flag, spec)?;
        data.prepare(&meta.prepared(), strict);
        return Ok(Some(data.source(meta.split_seed())));
    }
    // A file or folder of this name is what its owner means.
    let set = Named::of(spec).filter(|_| !Path::new(spec).exists());
    Ok(set.map(|set| Source::Named {
        set,
        dir: None,
        limit: None,
    }))
}

/// The rows of a table, or the windows of series, as a run's training saw its own; the label column, if it is there,
/// gives labels.
fn rows(spec: &str, fields: &Fields, meta: &Meta, warn: impl FnMut(&Warning)) -> Result<Images> {
    let path = Path::new(spec);
    let data = meta.config.as_ref().map(|config| &config.data);
    if let Some(DataConfig::Series { .. }) = data {
        let windows = windows(spec, meta)?;
        if let Some(windows) = windows {
            windows.warnings.iter().for_each(warn);
            return Ok(windows.images);
        }
    }
    if !path.is_file() {
        return Err(InputError::NoTable {
            spec: spec.to_owned(),
        }
        .into());
    }
    let label = match data {
        Some(DataConfig::Table { label, .. }) => label.as_deref(),
        _ => None,
    };
    let (rows, warnings) = data::read_rows(path, label, &Arc::new(fields.clone()))?;
    warnings.iter().for_each(warn);
    Ok(rows)
}

/// The windows of a file or folder as a run's training cut its own series; `None` if the run was not trained on series.
///
/// # Errors
/// A spec that names nothing, and series that cannot be read or do not fit the model.
pub fn windows(spec: &str, meta: &Meta) -> Result<Option<Windows>> {
    let path = Path::new(spec);
    let Some(set) = series(meta) else {
        return Ok(None);
    };
    if !path.is_file() && !path.is_dir() {
        return Err(InputError::NoSeries {
            spec: spec.to_owned(),
        }
        .into());
    }
    Ok(Some(set.windows_of(path)?))
}

/// The series of a run as its training saw them; `None` if it was not trained on series.
fn series(meta: &Meta) -> Option<SeriesSet> {
    let config = meta.config.as_ref()?;
    let Source::Series(set) = config.data.source(config.seed) else {
        return None;
    };
    let [.., window] = meta.input_shape;
    Some(set.as_trained(meta.fields.clone().map(Arc::new), window))
}

/// The windows of series that a run is tested with; `None` if the run was not trained on series.
///
/// # Errors
/// Series that cannot be read any more.
pub fn own_windows(meta: &Meta) -> Result<Option<Windows>> {
    let windows = series(meta).map(|set| set.test_windows());
    Ok(windows.transpose()?)
}

/// Fails if the images have another shape than the model's. `spec` is what they are called.
///
/// # Errors
/// [`InputError::Shape`].
pub fn check_shape(spec: &str, images: &Images, shape: ImageShape) -> Result<(), InputError> {
    if images.shape() == shape {
        return Ok(());
    }
    let words = |[channels, height, width]: ImageShape| format!("{channels}x{height}x{width}");
    Err(InputError::Shape {
        spec: spec.to_owned(),
        found: words(images.shape()),
        wanted: words(shape),
    })
}

/// The ten small bundled photographs in a shape: cut into patches, which leaves them as sharp as they are, or
/// resized where the shape is no square.
pub fn photos(shape: ImageShape) -> Source {
    Source::Photos {
        collection: Collection::Small,
        options: photo_options(shape),
    }
}

fn photo_options([channels, height, width]: ImageShape) -> PictureOptions {
    let square = height == width;
    PictureOptions {
        patch: square.then_some(height),
        size: (!square).then_some([height, width]),
        channels: Some(channels),
        test: TestPart::Files(TEST_PHOTOS.map(String::from).to_vec()),
        ..PictureOptions::default()
    }
}

/// The ten small bundled photographs as a run prepared its pictures.
fn prepared_photos(how: &Preparation) -> Source {
    let mut options = photo_options(how.shape());
    if how.rule == Rule::Resized {
        options.patch = None;
        options.size = Some(how.size);
        options.aspect = how.aspect;
    }
    Source::Photos {
        collection: Collection::Small,
        options,
    }
}

/// How many frames images have, in words.
fn of_frames(count: usize) -> String {
    match count {
        0 | 1 => "one frame".into(),
        count => format!("{count} frames"),
    }
}

fn of(dataset: Dataset, part: Part) -> Images {
    match part {
        Part::Train => dataset.train,
        Part::Test => dataset.test,
    }
}
