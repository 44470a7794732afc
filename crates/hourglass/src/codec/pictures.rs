//! The pictures to compress, one after the other: files of any size, or images of a data set.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use data::{ImageShape, Images, PictureFiles, Warning};
use rayon::prelude::*;

use super::autoencoder::Form;
use super::container::Sizes;
use super::tiles;
use crate::batched::BATCH;
use crate::error::{Error, Result};
use crate::input::{self, InputError, Part, Reading};
use crate::pictures::names;

/// A picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// `[channels, height, width]`.
    pub pixels: Vec<u8>,
    /// Height and width.
    pub size: [usize; 2],
}

/// Pictures of one size that go through a model together.
#[derive(Debug)]
pub struct Group {
    /// The pictures, one after the other, each `[channels, height, width]`.
    pub pixels: Vec<u8>,
    /// The shape of each.
    pub picture: ImageShape,
    /// The shape of the tiles that they are cut into.
    pub tile: ImageShape,
}

impl Group {
    /// The tiles of all pictures.
    pub fn tiles(&self) -> Cow<'_, [u8]> {
        tiles::all(&self.pixels, self.picture, self.tile)
    }

    /// Tiles of all pictures, as a model gave them, as pictures.
    pub fn join<T: Copy + Default>(&self, tiles: Vec<T>) -> Vec<T> {
        if self.picture == self.tile {
            return tiles;
        }
        let [_, height, width] = self.picture;
        let [_, tile_height, tile_width] = self.tile;
        let grid: usize = tiles::grid([height, width], [tile_height, tile_width])
            .iter()
            .product();
        let each = tiles.chunks_exact((grid * self.tile.iter().product::<usize>()).max(1));
        each.flat_map(|tiles| tiles::join(tiles, [height, width], self.tile))
            .collect()
    }

    /// Each picture.
    pub fn pictures(&self) -> impl Iterator<Item = Picture> {
        let [_, height, width] = self.picture;
        let each = self
            .pixels
            .chunks_exact(self.picture.iter().product::<usize>().max(1));
        each.map(move |pixels| Picture {
            pixels: pixels.to_vec(),
            size: [height, width],
        })
    }
}

/// The source of the pictures.
pub enum Pictures {
    /// Images of the tiles' shape.
    Set(Images),
    /// Files of various sizes.
    Files {
        /// The files that can be read, with height and width.
        files: Vec<(PathBuf, [usize; 2])>,
        /// Their names.
        names: Vec<String>,
        /// The value of files with 16 bits that is white.
        white: u16,
    },
}

/// Fails for files that were made to fill the memory, by their headers.
fn check_sizes(spec: &str, files: &[PathBuf], channels: usize) -> Result<()> {
    let sizes = files.par_iter().map(|file| {
        let bytes = file.metadata().map_or(0, |about| about.len());
        let values = |[_, height, width]: ImageShape| (channels * height * width) as u64;
        (data::picture_shape(file).map_or(0, values), bytes)
    });
    let (values, bytes) = sizes.reduce(|| (0, 0), |one, other| (one.0 + other.0, one.1 + other.1));
    Ok(data::check_plausible(spec, values, bytes)?)
}

impl Pictures {
    /// Finds what `spec` names: a picture, a folder of pictures, or a data set as all commands take it. Files are not
    /// prepared as for a training, because they must come back as they were; only colours and what is white are
    /// converted to those of the model. Files in a folder that cannot be read are left out, unless `reading` is
    /// strict, and `warn` hears why.
    ///
    /// # Errors
    /// A spec that names nothing, and pictures that cannot be read.
    pub fn find(
        spec: &str,
        part: Part,
        reading: Reading<'_>,
        mut warn: impl FnMut(&Warning),
    ) -> Result<Self> {
        let path = Path::new(spec);
        let one = path.is_file();
        let folder = path.is_dir() && !data::is_idx_folder(path) && !data::has_parts(path);
        if !one && !folder {
            return Ok(Self::Set(input::read("INPUT", spec, part, reading, warn)?));
        }
        let (files, warnings) = match one {
            true => (PictureFiles::one(path.to_owned()), Vec::new()),
            false => data::pictures(path)?,
        };
        warnings.iter().for_each(&mut warn);
        let (files, file_names): (Vec<PathBuf>, Vec<String>) =
            files.into_named().into_iter().unzip();
        check_sizes(spec, &files, reading.meta.input_shape[0])?;
        let count = files.len();
        let (mut found, mut names) = (Vec::new(), Vec::new());
        let mut first = None;
        let shapes: Vec<_> = files.par_iter().map(data::check_picture).collect();
        for ((file, name), shape) in files.into_iter().zip(file_names).zip(shapes) {
            match shape {
                Ok([_, height, width]) => {
                    found.push((file, [height, width]));
                    names.push(name);
                }
                Err(error) if folder && !reading.strict => {
                    let reason = error.to_string();
                    first.get_or_insert_with(|| reason.clone());
                    warn(&Warning::Skipped { reason });
                }
                Err(error) => return Err(error.into()),
            }
        }
        if found.is_empty() {
            return Err(InputError::NoPicture {
                spec: spec.to_owned(),
                count,
                first: first.unwrap_or_default(),
            }
            .into());
        }
        Ok(Self::Files {
            files: found,
            names,
            white: reading.meta.prepared().white,
        })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        match self {
            Self::Set(images) => images.len(),
            Self::Files { files, .. } => files.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Height and width of each picture.
    pub fn sizes(&self) -> Sizes {
        match self {
            Self::Set(images) => {
                let [_, height, width] = images.shape();
                Sizes::Alike(images.len(), [height, width])
            }
            Self::Files { files, .. } => Sizes::new(files.iter().map(|(_, size)| *size).collect()),
        }
    }

    /// Names of the pictures, no two of which are the same; none for images without names.
    pub fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Set(images) => images.names().map(names::kept),
            Self::Files { names, .. } => Some(names::kept(names)),
        }
    }

    /// Bytes of the pictures' files as they lie on disk; `None` for a data set.
    pub fn stored(&self) -> Option<u64> {
        match self {
            Self::Set(_) => None,
            Self::Files { files, .. } => {
                let length = |(path, _): &(PathBuf, _)| Some(path.metadata().ok()?.len());
                files.iter().map(length).sum()
            }
        }
    }

    /// Passes the pictures in order to `each`, with the shape of the tiles that `form` cuts them into: a batch of a data
    /// set at once, files one by one.
    ///
    /// # Errors
    /// A file that cannot be read any more, and what `each` says.
    pub fn groups<E: From<Error>>(
        &self,
        form: Form,
        mut each: impl FnMut(Group) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Set(images) => {
                let picture @ [_, height, width] = images.shape();
                let image: usize = picture.iter().product();
                for pixels in images.values().chunks(image * BATCH) {
                    each(Group {
                        pixels: pixels.bytes().into_owned(),
                        picture,
                        tile: form.cut([height, width]),
                    })?;
                }
            }
            Self::Files { files, white, .. } => {
                for (path, size) in files {
                    let picture = [form.tile[0], size[0], size[1]];
                    each(Group {
                        pixels: data::read_picture(path, picture, *white).map_err(Error::from)?,
                        picture,
                        tile: form.cut(*size),
                    })?;
                }
            }
        }
        Ok(())
    }
}
