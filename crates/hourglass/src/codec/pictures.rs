//! The pictures to compress, one after the other: files of any size, or images of a data set.

use std::path::{Path, PathBuf};

use data::{ImageShape, Images};

use super::container::Sizes;
use super::tiles;
use crate::error::{Error, Result};
use crate::input::{self, InputError, Part};
use crate::pictures::names;

/// A picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// `[channels, height, width]`.
    pub pixels: Vec<u8>,
    /// Height and width.
    pub size: [usize; 2],
}

/// Pictures whose tiles go through the model together.
#[derive(Debug, Default)]
pub struct Group {
    /// The tiles of all pictures.
    pub tiles: Vec<u8>,
    /// The original pictures.
    pub pictures: Vec<Picture>,
}

/// The source of the pictures.
pub enum Pictures {
    /// Images of the tiles' shape.
    Set(Images),
    /// Files of various sizes, whose headers were read.
    Files(Vec<(PathBuf, [usize; 2])>),
}

impl Pictures {
    /// Finds what `spec` names: a picture, a folder of pictures, or a data set as all commands take it. Files in a folder
    /// that cannot be read are left out, and `warn` hears why.
    ///
    /// # Errors
    /// A spec that names nothing, and pictures that cannot be read.
    pub fn find(
        spec: &str,
        part: Part,
        tile: ImageShape,
        seed: u64,
        mut warn: impl FnMut(&str),
    ) -> Result<Self> {
        let path = Path::new(spec);
        let one = path.is_file();
        let folder =
            path.is_dir() && !data::is_idx_folder(path) && data::subfolders(path).is_none();
        if !one && !folder {
            let images = input::read("INPUT", spec, part, tile, seed, |it| warn(&it.to_string()))?;
            return Ok(Self::Set(images));
        }
        let files = if one {
            vec![path.to_owned()]
        } else {
            data::pictures(path)?
        };
        let mut found = Vec::new();
        for file in files {
            match data::picture_shape(&file) {
                Ok([_, height, width]) => found.push((file, [height, width])),
                Err(error) if folder => warn(&format!("skipped: {error}")),
                Err(error) => return Err(error.into()),
            }
        }
        if found.is_empty() {
            return Err(InputError::NoPicture {
                spec: spec.to_owned(),
            }
            .into());
        }
        Ok(Self::Files(found))
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        match self {
            Self::Set(images) => images.len(),
            Self::Files(files) => files.len(),
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
            Self::Files(files) => Sizes::new(files.iter().map(|(_, size)| *size).collect()),
        }
    }

    /// Names of the pictures, no two of which are the same; none for images without names.
    pub fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Set(images) => images.names().map(names::kept),
            Self::Files(files) => {
                let files = files.iter().map(|(path, _)| data::file_name(path));
                Some(names::kept(&files.collect::<Vec<_>>()))
            }
        }
    }

    /// Bytes of the pictures' files as they lie on disk; `None` for a data set.
    pub fn stored(&self) -> Option<u64> {
        match self {
            Self::Set(_) => None,
            Self::Files(files) => {
                let length = |(path, _): &(PathBuf, _)| Some(path.metadata().ok()?.len());
                files.iter().map(length).sum()
            }
        }
    }

    /// Passes the pictures in order to `each`: a batch of a data set at once, files one by one.
    ///
    /// # Errors
    /// A file that cannot be read any more, and what `each` says.
    pub fn groups<E: From<Error>>(
        &self,
        tile: ImageShape,
        at_once: usize,
        mut each: impl FnMut(Group) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Set(images) => {
                let image: usize = images.shape().iter().product();
                let [_, height, width] = images.shape();
                for pixels in images.pixels().chunks(image * at_once) {
                    let pictures = pixels.chunks(image).map(|pixels| Picture {
                        pixels: pixels.to_vec(),
                        size: [height, width],
                    });
                    each(Group {
                        tiles: pixels.to_vec(),
                        pictures: pictures.collect(),
                    })?;
                }
            }
            Self::Files(files) => {
                for (path, size) in files {
                    let pixels = data::read_picture(path, [tile[0], size[0], size[1]])
                        .map_err(Error::from)?;
                    each(Group {
                        tiles: tiles::cut(&pixels, *size, tile),
                        pictures: vec![Picture {
                            pixels,
                            size: *size,
                        }],
                    })?;
                }
            }
        }
        Ok(())
    }
}
