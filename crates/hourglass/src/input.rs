//! The input of a command: images from a data set, a folder or a picture, in a model's shape.

use std::path::{Path, PathBuf};

use data::{Dataset, Images, PictureOptions, Source, TEST_PHOTOS, TestPart, Warning};
use model::ImageShape;
use rayon::prelude::*;

use crate::config;
use crate::error::Result;

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
    /// It has no picture.
    #[error("{spec}: no readable picture found")]
    NoPicture {
        /// What was asked for.
        spec: String,
    },
}

/// Reads the images that `spec` names: `mnist`, `photos`, a folder of IDX files or of pictures, a
/// picture, or the value of a config's `data` as JSON. Pictures are resized to `shape` = `[channels,
/// height, width]`, `photos` cut into patches of it where that is square; other sets must have it.
/// `flag` is where the user wrote the spec, `seed` the run's, and `warn` hears of files that are not as
/// they should be.
///
/// # Errors
/// A spec that names nothing, data that cannot be read, and images of another shape.
pub fn read(
    flag: &'static str,
    spec: &str,
    part: Part,
    shape: ImageShape,
    seed: u64,
    warn: impl FnMut(&Warning),
) -> Result<Images> {
    let path = Path::new(spec);
    let images = if spec == "mnist" {
        of(Source::Mnist.load()?, part)
    } else if spec.trim_start().starts_with('{') {
        let dataset = config::data(flag, spec)?.source(seed).load()?;
        dataset.warnings.iter().for_each(warn);
        of(dataset, part)
    } else if path.is_file() {
        pictures(&[path.to_owned()], shape)?
    } else if spec == "photos" && !path.is_dir() {
        // A folder of this name is what its owner means.
        of(photos(shape).load()?, part)
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
            }
            .load()?,
            part,
        )
    } else {
        let folder = match (part, data::subfolders(path)) {
            (Part::Train, Some((train, _))) => train,
            (Part::Test, Some((_, test))) => test,
            (_, None) => path.to_owned(),
        };
        pictures(&data::pictures(&folder)?, shape)?
    };
    check_shape(spec, &images, shape)?;
    Ok(images)
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

/// The bundled photographs in a shape: cut into patches, which leaves them as sharp as they are, or
/// resized where the shape is no square.
pub fn photos([channels, height, width]: ImageShape) -> Source {
    let square = height == width;
    let options = PictureOptions {
        patch: square.then_some(height),
        size: (!square).then_some([height, width]),
        channels: Some(channels),
        test: TestPart::Files(TEST_PHOTOS.map(String::from).to_vec()),
        ..PictureOptions::default()
    };
    Source::Photos { options }
}

fn of(dataset: Dataset, part: Part) -> Images {
    match part {
        Part::Train => dataset.train,
        Part::Test => dataset.test,
    }
}

/// Decodes pictures side by side, each named by its file.
fn pictures(files: &[PathBuf], shape: ImageShape) -> Result<Images> {
    let pixels: Result<Vec<Vec<u8>>, data::DataError> = files
        .par_iter()
        .map(|file| data::read_picture(file, shape))
        .collect();
    let names = files.iter().map(|file| data::file_name(file));
    Ok(Images::new(pixels?.concat(), shape)?.with_names(names.collect())?)
}
