//! Picture files as a data set: how they are made equal in shape, and which are for testing.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::cache::CACHED_ABOVE;
use crate::group::{Group, draw_groups};
use crate::picture::{self, File, Header};
use crate::preparation::Aspect;
use crate::split::{sample, shuffle};
use crate::{DataError, ImageShape, patches};

/// How pictures become images of one shape, and which are for testing.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureOptions {
    /// Height and width to resize every picture to.
    pub size: Option<[usize; 2]>,
    /// What is done to a picture of another aspect ratio than that of `size`.
    pub aspect: Aspect,
    /// Side of the square patches to cut instead, in pixels: on a grid from the top left, and at random
    /// places for training. Smaller pictures are extended by reflection.
    pub patch: Option<usize>,
    /// Random patches per picture and epoch; by default as many as its grid has.
    pub crops: Option<usize>,
    /// Whether half of the random patches are mirrored left to right.
    pub flip: bool,
    /// 1 (grey) or 3 (red, green, blue), or as many as files with bands have; by default 3 if any file has colour, or the
    /// bands of the first.
    pub channels: Option<usize>,
    /// The value of files with 16 bits that becomes white; by default the largest one of the bits that the
    /// set's largest value needs.
    pub white: Option<u16>,
    /// Training files to draw at random; by default all are used.
    pub limit: Option<Limit>,
    /// Which files are for testing; if there are folders `train` and `test`, these are used.
    pub test: TestPart,
    /// Which pictures stay together in one part where parts are drawn; by default each stands alone.
    pub group: Option<Group>,
    /// Whether an unreadable file is an error; otherwise it is skipped with a warning.
    pub strict: bool,
    /// Whether decoded pictures are kept in a file of the user's cache, which is mapped into memory; by default if they
    /// have more than 1 GiB.
    pub cache: Option<bool>,
    /// The folder of that file; by default one in the user's cache.
    pub cache_dir: Option<PathBuf>,
    /// Draws the test files.
    pub seed: u64,
}

/// How many training pictures or images are used, and what draws them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Their number; all if there are fewer.
    pub count: usize,
    /// Draws them.
    pub seed: u64,
}

/// Which files are for testing.
#[derive(Debug, Clone, PartialEq)]
pub enum TestPart {
    /// This share of them, above 0 and below 1, drawn at random, but at least one.
    Share(f64),
    /// The files with these names.
    Files(Vec<String>),
}

impl Default for PictureOptions {
    /// Pictures without changes, a tenth of them for testing.
    fn default() -> Self {
        Self {
            size: None,
            aspect: Aspect::default(),
            patch: None,
            crops: None,
            flip: true,
            channels: None,
            white: None,
            limit: None,
            test: TestPart::Share(0.1),
            group: None,
            strict: false,
            cache: None,
            cache_dir: None,
            seed: 0,
        }
    }
}

/// The files of a set, each list sorted by name.
pub(crate) enum Found {
    /// Not yet split.
    Together(Vec<File>),
    /// In separate folders.
    Apart { train: Vec<File>, test: Vec<File> },
}

/// Exchanges a file of a part that chance gave broken ones alone for a readable one of the other part.
fn take_a_good_one(part: &mut [File], other: &mut [File]) {
    let is_good = |file: &File| file.decode().is_ok();
    if !part.iter().any(is_good)
        && let Some(place) = other.iter().rposition(is_good)
        && let (Some(good), Some(last)) = (other.get_mut(place), part.last_mut())
    {
        std::mem::swap(good, last);
    }
}

/// Training and test files, about `wanted` of them for testing, with every group on one side.
fn grouped(
    files: Vec<File>,
    group: Group,
    wanted: usize,
    seed: u64,
) -> Result<[Vec<File>; 2], DataError> {
    let names: Vec<_> = files.iter().map(File::name).collect();
    let groups = group.of(names.iter().map(AsRef::as_ref));
    let Some(drawn) = draw_groups(&groups, wanted, seed) else {
        return Err(one_group(group, files.len()));
    };
    drop(names);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (file, is_drawn) in files.into_iter().zip(drawn) {
        match is_drawn {
            true => test.push(file),
            false => train.push(file),
        }
    }
    Ok([train, test])
}

/// The error of pictures that are all of one group.
fn one_group(group: Group, count: usize) -> DataError {
    let found = match group {
        Group::Folder => format!("all {count} pictures in one folder"),
        Group::Name => format!("{count} pictures whose names differ only in their last number"),
    };
    DataError::Option {
        option: "group",
        found: format!("\"{}\" and {found}", group.word()),
        allowed: "two groups or more; remove the key to draw each picture by itself".to_string(),
    }
}

/// The shape of the images that [`load`](crate::load::load) will return, from the first readable header. `place`
/// names the set in errors.
pub(crate) fn shape(
    place: &str,
    found: &Found,
    options: &PictureOptions,
) -> Result<ImageShape, DataError> {
    options.check()?;
    let (_, header) = options.first(place, found)?;
    Ok(options.shape(header, options.channels_of(header, found)))
}

/// The number of images in an epoch, and the bytes of all pictures with so many channels, as far as the first readable
/// header tells.
pub(crate) fn extent(
    place: &str,
    found: &Found,
    options: &PictureOptions,
    channels: usize,
) -> Result<[u64; 2], DataError> {
    options.check()?;
    let (_, header) = options.first(place, found)?;
    let (trained, tested) = match found {
        Found::Apart { train, test } => (train.len(), test.len()),
        Found::Together(files) => {
            let tested = match &options.test {
                TestPart::Share(share) => (files.len() as f64 * share).ceil() as usize,
                TestPart::Files(names) => names.len(),
            };
            let tested = tested.min(files.len());
            (files.len() - tested, tested)
        }
    };
    let trained = (options.limit).map_or(trained, |limit| trained.min(limit.count));
    let count = trained + tested;
    let [height, width] = options.size.unwrap_or(header.size);
    let product = |sizes: &[usize]| {
        let sizes = sizes.iter().map(|&size| size as u64);
        sizes.fold(1, u64::saturating_mul)
    };
    let channels = channels * if header.deep { size_of::<u16>() } else { 1 };
    let whole = product(&[count, channels, height, width]);
    let Some(patch) = options.patch else {
        return Ok([count as u64, whole]);
    };
    // Smaller pictures are extended to a patch; those of the grid are held beside the whole pictures.
    let [rows, columns] = patches::grid(header.size.map(|side| side.max(patch)), patch);
    let grid = product(&[count, rows, columns]);
    let images = options.crops.map_or(grid, |crops| product(&[count, crops]));
    let patches = grid.saturating_mul(product(&[channels, patch, patch]));
    Ok([images, whole.saturating_add(patches)])
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
                    found: format!("{patch} together with \"size\""),
                    allowed: "only one of the two".to_string(),
                });
            }
        }
        if self.white == Some(0) {
            return Err(DataError::Option {
                option: "white",
                found: "0".to_string(),
                allowed: format!("1 to {}", u16::MAX),
            });
        }
        self.channels.map_or(Ok(()), picture::check_channels)
    }

    /// Whether pictures with so many bytes go through the cache.
    pub(crate) fn is_cached(&self, bytes: u64) -> bool {
        self.cache.unwrap_or(bytes > CACHED_ABOVE)
    }

    /// The file whose header counts for all, and that header: the first readable one, among the training
    /// files if they are separate.
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

    /// The channels of the images: unless given, those of the first one if it has bands, or 3 if any file has colour. Those
    /// that cannot be decoded have none.
    pub(crate) fn channels_of(&self, first: Header, found: &Found) -> usize {
        if let (None, false) = (self.channels, matches!(first.channels, 1 | 3)) {
            return first.channels;
        }
        let files = match found {
            Found::Together(files) => [files.as_slice(), &[]],
            Found::Apart { train, test } => [train.as_slice(), test],
        };
        let coloured =
            |file: &File| file.header().is_ok_and(|it| it.channels == 3) && file.decode().is_ok();
        self.channels.unwrap_or_else(|| {
            match files.iter().any(|files| files.par_iter().any(coloured)) {
                true => 3,
                false => 1,
            }
        })
    }

    /// The shape of the images from a picture with this header.
    pub(crate) fn shape(&self, header: Header, channels: usize) -> ImageShape {
        let [height, width] = match (self.size, self.patch) {
            (Some(size), _) => size,
            (None, Some(patch)) => [patch, patch],
            (None, None) => header.size,
        };
        [channels, height, width]
    }

    /// Training and test files, each sorted by name. Files that turn out to be bad are split like the
    /// others, so that a bad file does not change the split of the good ones.
    pub(crate) fn split(&self, place: &str, found: Found) -> Result<[Vec<File>; 2], DataError> {
        let refuse = |found: String, allowed: String| DataError::Option {
            option: "test",
            found,
            allowed,
        };
        // Pictures for validation stand last, and are neither limited nor for testing.
        let limited = |train: Vec<File>, held: Vec<File>, test: Vec<File>| {
            let mut train = train;
            if let Some(limit) = self.limit {
                let drawn = sample(train.len(), limit.count, limit.seed);
                let mut at = 0..;
                train.retain(|_| at.next().is_some_and(|it| drawn.binary_search(&it).is_ok()));
            }
            train.extend(held);
            Ok([train, test])
        };
        let mut files = match (found, &self.test) {
            (Found::Together(files), _) => files,
            (Found::Apart { train, test }, TestPart::Share(_)) => {
                let (held, train): (Vec<File>, Vec<File>) =
                    train.into_iter().partition(File::is_held);
                if let (Some(group), false) = (self.group, held.is_empty()) {
                    return Err(DataError::Option {
                        option: "group",
                        found: format!("\"{}\"", group.word()),
                        allowed: format!(
                            "nothing, because {place} has folders for validation and testing, so no part is drawn"
                        ),
                    });
                }
                return limited(train, held, test);
            }
            (Found::Apart { .. }, TestPart::Files(_)) => {
                let allowed = format!("no list, because {place} has a folder \"test\"");
                return Err(refuse("a list of files".to_string(), allowed));
            }
        };
        let held: Vec<File> = files
            .iter()
            .filter(|file| file.is_held())
            .cloned()
            .collect();
        files.retain(|file| !file.is_held());
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
                if let Some(group) = self.group {
                    let [train, test] = grouped(files, group, test.max(1), self.seed)?;
                    return limited(train, held, test);
                }
                shuffle(&mut files, self.seed);
                let mut test = files.split_off(count - test.clamp(1, count - 1));
                if !self.strict {
                    take_a_good_one(&mut test, &mut files);
                    take_a_good_one(&mut files, &mut test);
                }
                files.sort_by(|a, b| a.path().cmp(b.path()));
                test.sort_by(|a, b| a.path().cmp(b.path()));
                limited(files, held, test)
            }
            TestPart::Files(names) => {
                let known = |name: &&String| !files.iter().any(|file| file.name() == **name);
                if let Some(name) = names.iter().find(known) {
                    let allowed = format!("names of pictures in {place}");
                    return Err(refuse(format!("{name:?}"), allowed));
                }
                let named = |file: &File| names.iter().any(|name| *name == file.name());
                let (test, train): (Vec<File>, Vec<File>) = files.into_iter().partition(named);
                if train.is_empty() || test.is_empty() {
                    let found = format!("{} of {count} pictures", test.len());
                    return Err(refuse(found, "fewer than all".to_string()));
                }
                limited(train, held, test)
            }
        }
    }
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
