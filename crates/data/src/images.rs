//! Picture files as a data set: how they are made alike, and which are for test.

use crate::picture::{self, File, Header};
use crate::split::shuffle;
use crate::{DataError, ImageShape};

/// How pictures become images of one shape, and which are for test.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureOptions {
    /// Height and width to resize every picture to, without regard to its aspect ratio.
    pub size: Option<[usize; 2]>,
    /// Side of the squares to cut every picture into instead, in pixels: on a grid from the top
    /// left, and for training at random places. Smaller pictures are continued by reflection.
    pub patch: Option<usize>,
    /// How many random patches of each picture an epoch has; by default as many as its grid.
    pub crops: Option<usize>,
    /// Whether left and right are swapped in half of the random patches.
    pub flip: bool,
    /// 1 (grey) or 3 (red, green, blue); by default as the first file has them.
    pub channels: Option<usize>,
    /// Which of the files are for test; those of a folder `test` beside one `train` are so anyhow.
    pub test: TestPart,
    /// Whether a file that cannot be read is an error; or else it is left out, with a warning.
    pub strict: bool,
    /// Chooses the files for test.
    pub seed: u64,
}

/// Which files are for test.
#[derive(Debug, Clone, PartialEq)]
pub enum TestPart {
    /// So large a share of them, above 0 and below 1, drawn at random; one at least.
    Share(f64),
    /// Those of these names.
    Files(Vec<String>),
}

impl Default for PictureOptions {
    /// Pictures as they are, a tenth of them for test.
    fn default() -> Self {
        Self {
            size: None,
            patch: None,
            crops: None,
            flip: true,
            channels: None,
            test: TestPart::Share(0.1),
            strict: false,
            seed: 0,
        }
    }
}

/// The files of a set, each list in the order of their names.
pub(crate) enum Found {
    /// Still to be split.
    Together(Vec<File>),
    /// In folders of their own.
    Apart { train: Vec<File>, test: Vec<File> },
}

/// Shape of the images that [`load`](crate::load::load) will give, from the first header that can be read. `place` is
/// what errors call the set.
pub(crate) fn shape(
    place: &str,
    found: &Found,
    options: &PictureOptions,
) -> Result<ImageShape, DataError> {
    options.check()?;
    let (_, header) = options.first(place, found)?;
    Ok(options.shape(header))
}

impl PictureOptions {
    pub(crate) fn check(&self) -> Result<(), DataError> {
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

    /// The file whose header speaks for all, and that header: the first that can be read, of
    /// those for training where these lie apart.
    pub(crate) fn first(&self, place: &str, found: &Found) -> Result<(String, Header), DataError> {
        let (Found::Together(files) | Found::Apart { train: files, .. }) = found;
        let mut wrong = None;
        for file in files {
            match file.header() {
                Ok(header) => return Ok((file.place(), header)),
                Err(error) if self.strict => return Err(error),
                Err(error) => {
                    wrong.get_or_insert(error);
                }
            }
        }
        Err(DataError::none_readable(
            place,
            "pictures",
            files.len(),
            wrong,
        ))
    }

    /// Shape of the images that a picture with this header gives.
    pub(crate) fn shape(&self, header: Header) -> ImageShape {
        let [height, width] = match (self.size, self.patch) {
            (Some(size), _) => size,
            (None, Some(patch)) => [patch, patch],
            (None, None) => header.size,
        };
        [self.channels.unwrap_or(header.channels), height, width]
    }

    /// Training and test files, each in the order of their names. Files that will turn out bad
    /// are split as the others are, so that one of them moves no other to the other side.
    pub(crate) fn split(&self, place: &str, found: Found) -> Result<[Vec<File>; 2], DataError> {
        let refuse = |found: String, allowed: String| DataError::Option {
            option: "test",
            found,
            allowed,
        };
        let mut files = match (found, &self.test) {
            (Found::Together(files), _) => files,
            (Found::Apart { train, test }, TestPart::Share(_)) => return Ok([train, test]),
            (Found::Apart { .. }, TestPart::Files(_)) => {
                let allowed = format!("no list where {place} has a folder \"test\"");
                return Err(refuse("a list of files".to_string(), allowed));
            }
        };
        let count = files.len();
        match &self.test {
            TestPart::Share(share) => {
                if !(*share > 0.0 && *share < 1.0) {
                    return Err(refuse(share.to_string(), "above 0 and below 1".to_string()));
                }
                if count < 2 {
                    return Err(DataError::TooFewFiles {
                        dir: place.to_string(),
                        found: count,
                    });
                }
                let test = (count as f64 * share).round() as usize;
                shuffle(&mut files, self.seed);
                let mut test = files.split_off(count - test.clamp(1, count - 1));
                files.sort_by(|a, b| a.path().cmp(b.path()));
                test.sort_by(|a, b| a.path().cmp(b.path()));
                Ok([files, test])
            }
            TestPart::Files(names) => {
                let known = |name: &&String| !files.iter().any(|file| file.name() == **name);
                if let Some(name) = names.iter().find(known) {
                    let allowed = format!("the name of a picture in {place}");
                    return Err(refuse(format!("{name:?}"), allowed));
                }
                let named = |file: &File| names.iter().any(|name| *name == file.name());
                let (test, train): (Vec<File>, Vec<File>) = files.into_iter().partition(named);
                if train.is_empty() || test.is_empty() {
                    let found = format!("{} of {count} pictures", test.len());
                    return Err(refuse(found, "some of them, but not all".to_string()));
                }
                Ok([train, test])
            }
        }
    }
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
