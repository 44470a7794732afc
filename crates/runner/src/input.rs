//! The input of a command: images from a data set, a folder or a picture, in the model's shape.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use data::{Dataset, Images, PictureOptions, Source, TEST_PHOTOS, TestPart};
use model::ImageShape;
use rayon::prelude::*;

use crate::cli::Part;
use crate::{config, setup};

/// Reads the images of `spec`: `mnist`, `photos`, a folder of IDX files or pictures, a picture, or the
/// value of a config's `data` as JSON. Pictures are resized to `shape` = `[channels, height, width]`,
/// `photos` are cut into patches of this shape if it is square, and other data must have this shape.
/// `flag` names the argument in errors, and `seed` is the run's.
///
/// # Errors
/// If `spec` is not known, the data cannot be read, or the images have another shape.
pub fn read(
    flag: &'static str,
    spec: &str,
    part: Part,
    shape: ImageShape,
    seed: u64,
) -> Result<Images> {
    let path = Path::new(spec);
    let images = if spec == "mnist" {
        of(Source::Mnist.load()?, part)
    } else if spec.trim_start().starts_with('{') {
        let dataset = config::data(flag, spec)?.source(seed).load()?;
        setup::warn(&dataset.warnings);
        of(dataset, part)
    } else if path.is_file() {
        pictures(&[path.to_owned()], shape)?
    } else if spec == "photos" && !path.is_dir() {
        // An existing folder of this name takes precedence.
        of(photos(shape).load()?, part)
    } else if !path.is_dir() {
        bail!(
            "{spec}: no such file or folder; give a picture, a folder of pictures or of \
             IDX files, mnist or photos"
        );
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
    if images.shape() != shape {
        let [c, h, w] = images.shape();
        let [channels, height, width] = shape;
        bail!(
            "{spec}: found images of {c}x{h}x{w}, but this model takes {channels}x{height}x{width}"
        );
    }
    Ok(images)
}

/// The bundled photographs in a shape: cut into patches, which keeps them sharp, or resized if the
/// shape is not square.
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

/// Decodes pictures in parallel, each named by its file.
fn pictures(files: &[PathBuf], shape: ImageShape) -> Result<Images> {
    let pixels: Result<Vec<Vec<u8>>, data::DataError> = files
        .par_iter()
        .map(|file| data::read_picture(file, shape))
        .collect();
    let names = files.iter().map(|file| {
        file.file_name()
            .unwrap_or(file.as_os_str())
            .to_string_lossy()
            .into_owned()
    });
    Ok(Images::new(pixels?.concat(), shape)?.with_names(names.collect())?)
}
