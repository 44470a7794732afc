//! Folders of pictures: found, split by file, made alike, and read side by side into one buffer.
//!
//! Headers are read first, so that sizes which do not go together are refused, and memory is laid
//! out, before any picture is decoded.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dataset::MAX_VALUES;
use crate::error::dims;
use crate::picture::{self, Header};
use crate::split::shuffle;
use crate::{DataError, ImageShape, Images};

/// How the pictures of a folder become images of one shape, and which are for test.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderOptions {
    /// Height and width to resize every picture to, without regard to its aspect ratio.
    pub size: Option<[usize; 2]>,
    /// Side of the squares to cut every picture into instead, in pixels: from the top left, side
    /// by side; what is left over on the right and at the bottom is dropped.
    pub patch: Option<usize>,
    /// 1 (grey) or 3 (red, green, blue); by default as the first file has them.
    pub channels: Option<usize>,
    /// Share of the files for test, above 0 and below 1, and one file at least; not used where the
    /// folder has `train` and `test` folders.
    pub test: f64,
    /// Chooses the files for test.
    pub seed: u64,
}

/// Shape of the images that [`load_folder`] will give, from the first file's header.
pub(crate) fn folder_shape(dir: &Path, options: &FolderOptions) -> Result<ImageShape, DataError> {
    options.check()?;
    let path = first(dir)?;
    Ok(options.shape(picture::header(&path)?))
}

/// The training and the test part of a folder.
pub(crate) fn load_folder(
    dir: &Path,
    options: &FolderOptions,
) -> Result<(Images, Images), DataError> {
    options.check()?;
    let (train, test) = match subfolders(dir) {
        Some((train, test)) => (pictures(&train)?, pictures(&test)?),
        None => options.split(dir, pictures(dir)?)?,
    };
    let headers = |files: Vec<PathBuf>| -> Result<Vec<(PathBuf, Header)>, DataError> {
        let read = |path: PathBuf| picture::header(&path).map(|header| (path, header));
        files.into_par_iter().map(read).collect()
    };
    let (train, test) = (headers(train)?, headers(test)?);
    let mut all = train.iter().chain(&test);
    // `folder_shape` looks at the first file of all, which the split may have put into test.
    let Some(first) = all.clone().min_by_key(|(path, _)| order(dir, path)) else {
        return Err(DataError::NoPictures {
            dir: dir.display().to_string(),
        });
    };
    let shape = options.shape(first.1);
    let alike = options.size.is_some() || options.patch.is_some();
    if let Some(other) = all.find(|other| !alike && other.1.size != first.1.size) {
        return Err(DataError::MixedSizes {
            first: first.0.display().to_string(),
            first_size: first.1.size,
            other: other.0.display().to_string(),
            other_size: other.1.size,
        });
    }
    let read = |files: &[(PathBuf, Header)]| options.read(dir, files, shape);
    Ok((read(&train)?, read(&test)?))
}

impl FolderOptions {
    fn check(&self) -> Result<(), DataError> {
        if let Some([height, width]) = self.size {
            picture::check_side("size", height)?;
            picture::check_side("size", width)?;
        }
        if let Some(patch) = self.patch {
            picture::check_side("patch", patch)?;
            if self.size.is_some() {
                return Err(DataError::Option {
                    option: "patch",
                    found: format!("{patch} beside \"size\""),
                    allowed: "one of the two".to_string(),
                });
            }
        }
        self.channels.map_or(Ok(()), picture::check_channels)
    }

    /// Shape of the images that a picture with this header gives.
    fn shape(&self, header: Header) -> ImageShape {
        let [height, width] = match (self.size, self.patch) {
            (Some(size), _) => size,
            (None, Some(patch)) => [patch, patch],
            (None, None) => header.size,
        };
        [self.channels.unwrap_or(header.channels), height, width]
    }

    /// Training and test files, each in the order of their names.
    fn split(
        &self,
        dir: &Path,
        mut files: Vec<PathBuf>,
    ) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
        if !(self.test > 0.0 && self.test < 1.0) {
            return Err(DataError::Option {
                option: "test",
                found: self.test.to_string(),
                allowed: "above 0 and below 1".to_string(),
            });
        }
        let count = files.len();
        if count < 2 {
            return Err(DataError::TooFewFiles {
                dir: dir.display().to_string(),
                found: count,
            });
        }
        let test = (count as f64 * self.test).round() as usize;
        shuffle(&mut files, self.seed);
        let mut test = files.split_off(count - test.clamp(1, count - 1));
        files.sort();
        test.sort();
        Ok((files, test))
    }

    /// Decodes the files into one buffer, in their order, all cores at once.
    fn read(
        &self,
        dir: &Path,
        files: &[(PathBuf, Header)],
        shape: ImageShape,
    ) -> Result<Images, DataError> {
        let grids: Result<Vec<[usize; 2]>, DataError> = files
            .iter()
            .map(|(path, header)| self.grid(path, header))
            .collect();
        let grids = grids?;
        let count: usize = grids.iter().map(|[rows, columns]| rows * columns).sum();
        let image: usize = shape.iter().product();
        let values = count as u64 * image as u64;
        let too_large = || DataError::TooLarge {
            file: dir.display().to_string(),
            dims: dims(&[count, shape[0], shape[1], shape[2]]),
            limit: MAX_VALUES,
        };
        if values > MAX_VALUES {
            return Err(too_large());
        }
        let mut pixels = Vec::new();
        pixels
            .try_reserve_exact(values as usize)
            .map_err(|_| too_large())?;
        pixels.resize(values as usize, 0);

        let mut rest = pixels.as_mut_slice();
        let mut jobs = Vec::with_capacity(files.len());
        for ((path, header), grid) in files.iter().zip(&grids) {
            let (part, after) = rest.split_at_mut(grid[0] * grid[1] * image);
            jobs.push((path, header, *grid, part));
            rest = after;
        }
        jobs.into_par_iter()
            .try_for_each(|(path, header, grid, part)| {
                let pixels = picture::pixels(path, shape[0], self.size)?;
                let [height, width] = self.size.unwrap_or(header.size);
                if pixels.len() != shape[0] * height * width {
                    return Err(DataError::Picture {
                        file: path.display().to_string(),
                        reason: "its size changed while it was read".to_string(),
                    });
                }
                match self.patch {
                    Some(side) => cut(&pixels, header.size, grid, side, part),
                    None => part.copy_from_slice(&pixels),
                }
                Ok(())
            })?;
        let names = files
            .iter()
            .zip(&grids)
            .flat_map(|((path, _), &grid)| self.names(path, grid));
        Images::new(pixels, shape)?.with_names(names.collect())
    }

    /// Rows and columns of patches in a picture; without patches, one of each.
    fn grid(&self, path: &Path, header: &Header) -> Result<[usize; 2], DataError> {
        let Some(patch) = self.patch else {
            return Ok([1, 1]);
        };
        let grid = header.size.map(|side| side / patch);
        if grid.contains(&0) {
            return Err(DataError::PatchTooLarge {
                file: path.display().to_string(),
                size: header.size,
                patch,
            });
        }
        Ok(grid)
    }

    /// The names of the images that a file gives.
    fn names(&self, path: &Path, [rows, columns]: [usize; 2]) -> Vec<String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(patch) = self.patch else {
            return vec![name.into_owned()];
        };
        let place = |index: usize| (index / columns * patch, index % columns * patch);
        (0..rows * columns)
            .map(place)
            .map(|(row, column)| format!("{name}@{row},{column}"))
            .collect()
    }
}

/// Cuts `picture`, `[channel, row, column]`, into a grid of squares, `[patch, channel, row, column]`.
fn cut(
    picture: &[u8],
    [height, width]: [usize; 2],
    [_, columns]: [usize; 2],
    side: usize,
    patches: &mut [u8],
) {
    let channels = picture.len() / (height * width);
    for (index, line) in patches.chunks_exact_mut(side).enumerate() {
        let (patch, within) = (index / (channels * side), index % (channels * side));
        let (channel, row) = (within / side, within % side);
        let top = channel * height + patch / columns * side + row;
        let start = top * width + patch % columns * side;
        line.copy_from_slice(&picture[start..start + side]);
    }
}

/// `train` and `test` in `dir`, where both are folders.
pub fn subfolders(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let (train, test) = (dir.join("train"), dir.join("test"));
    (train.is_dir() && test.is_dir()).then_some((train, test))
}

/// The file whose header speaks for the folder.
fn first(dir: &Path) -> Result<PathBuf, DataError> {
    let dir = subfolders(dir).map_or(dir.to_path_buf(), |(train, _)| train);
    let first = pictures(&dir)?.into_iter().next();
    first.ok_or_else(|| DataError::NoPictures {
        dir: dir.display().to_string(),
    })
}

/// Sorts files as [`first`] does: by name, those in `train` before those in `test`.
fn order<'a>(dir: &Path, path: &'a Path) -> (bool, &'a Path) {
    (path.parent() == Some(&dir.join("test")), path)
}

/// The PNG and JPEG files directly in a folder, at least one, in the order of their names.
/// Hidden files are left out: some systems put one beside each picture.
///
/// # Errors
///
/// [`DataError::Read`] for a folder that cannot be read, [`DataError::NoPictures`] for one that
/// has no picture.
pub fn pictures(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries: std::io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
    let entries = entries.map_err(|error| DataError::read(dir, error))?;
    let paths = entries.iter().map(std::fs::DirEntry::path);
    let mut files: Vec<PathBuf> = paths.filter(|path| is_picture(path)).collect();
    if files.is_empty() {
        return Err(DataError::NoPictures {
            dir: dir.display().to_string(),
        });
    }
    files.sort();
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let named = ["png", "jpg", "jpeg"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    named && !name.starts_with('.') && path.is_file()
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
