//! Data sets that are known by name: Fashion-MNIST, KMNIST, EMNIST's letters, CIFAR-10 and CIFAR-100.
//!
//! Their files are the published ones, with the published size and SHA-256, or they are refused. Where they are looked
//! for and how they are fetched: [`place`] and [`fetch`]. Archives are never unpacked to disk.

mod archive;
pub(crate) mod fetch;
mod place;
mod published;

use std::path::{Path, PathBuf};

use crate::images::Limit;
use crate::split::sample;
use crate::{DataError, ImageShape, Images};

pub use fetch::{Fetch, Fetched};

/// A data set that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// 70,000 grey pictures of clothes in ten classes (Xiao et al. 2017), 28 x 28.
    FashionMnist,
    /// 70,000 grey characters of old Japanese script in ten classes (Clanuwat et al. 2018), 28 x 28.
    Kmnist,
    /// 145,600 handwritten letters in 26 classes, upper and lower case in one (Cohen et al. 2017), 28 x 28, grey.
    EmnistLetters,
    /// 60,000 colour pictures in ten classes (Krizhevsky 2009), 32 x 32.
    Cifar10,
    /// 60,000 colour pictures in a hundred classes (Krizhevsky 2009), 32 x 32.
    Cifar100,
}

impl Named {
    /// All of them.
    pub const ALL: [Named; 5] = [
        Named::FashionMnist,
        Named::Kmnist,
        Named::EmnistLetters,
        Named::Cifar10,
        Named::Cifar100,
    ];

    /// The set of this name, if there is one.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Its name, as in a config.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The names of its classes: that of label `i` is at index `i`.
    pub fn names(self) -> &'static [&'static str] {
        self.facts().classes
    }

    /// Shape of one image, `[channels, height, width]`; no file is read.
    pub fn shape(self) -> ImageShape {
        self.facts().shape
    }

    /// Number of training images that `limit` leaves, and the bytes of both parts.
    pub(crate) fn extent(self, limit: Option<Limit>) -> [u64; 2] {
        let [train, test] = self.facts().images;
        let train = limit.map_or(train, |limit| train.min(limit.count as u64));
        let image: usize = self.shape().iter().product();
        [train, (train + test) * image as u64]
    }

    /// What has to be fetched before the set can be loaded; `None` if its files are there. `dir` is the folder that the
    /// user named, from which nothing is missing or it is an error.
    ///
    /// # Errors
    ///
    /// If the user's folder lacks a file, or there is no folder for data that are fetched.
    pub fn missing(self, dir: Option<&Path>) -> Result<Option<Fetch>, DataError> {
        match self.find(dir)? {
            place::Found::All(_) => Ok(None),
            place::Found::Missing(fetch) => Ok(Some(fetch)),
        }
    }

    /// Both parts of the set, after it was fetched where it is missing; of the training part, what `limit` draws.
    pub(crate) fn load(
        self,
        dir: Option<&Path>,
        limit: Option<Limit>,
    ) -> Result<(Images, Images), DataError> {
        let dir = match self.find(dir)? {
            place::Found::All(dir) => dir,
            place::Found::Missing(fetch) => {
                fetch.run(&mut |_| {})?;
                fetch.into
            }
        };
        let files = self.checked(&dir)?;
        let (train, test) = self.read(&files)?;
        Ok((drawn(train, limit)?, test))
    }

    /// The paths of its files in a folder, each with the size and digest of a published file.
    fn checked(self, dir: &Path) -> Result<Vec<PathBuf>, DataError> {
        let facts = self.facts();
        let check = |file: &published::Published| {
            let path = dir.join(file.name);
            file.check(&path, facts.url(file.name)).map(|()| path)
        };
        facts.files.iter().map(check).collect()
    }

    fn read(self, files: &[PathBuf]) -> Result<(Images, Images), DataError> {
        match (self, files) {
            (Named::FashionMnist | Named::Kmnist, [train, labels, test, test_labels]) => {
                let (train, test) = rayon::join(
                    || archive::idx(train, labels),
                    || archive::idx(test, test_labels),
                );
                Ok((train?, test?))
            }
            (Named::EmnistLetters, [zip]) => archive::letters(zip),
            (Named::Cifar10, [tar]) => archive::cifar(tar, &archive::CIFAR_10),
            (Named::Cifar100, [tar]) => archive::cifar(tar, &archive::CIFAR_100),
            // `files` has as many as the facts name, which a test compares with this.
            _ => Err(DataError::Archive {
                file: self.name().to_owned(),
                reason: format!("{} files", files.len()),
            }),
        }
    }
}

/// The images that `limit` draws.
fn drawn(images: Images, limit: Option<Limit>) -> Result<Images, DataError> {
    let Some(limit) = limit.filter(|limit| limit.count < images.len()) else {
        return Ok(images);
    };
    let drawn = sample(images.len(), limit.count, limit.seed);
    let drawn: Vec<u32> = drawn.into_iter().map(|index| index as u32).collect();
    images.select(&drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_every_class_has_one() {
        for set in Named::ALL {
            assert_eq!(Named::of(set.name()), Some(set));
            let mut names = set.names().to_vec();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), set.names().len(), "{}", set.name());
        }
        let counts = Named::ALL.map(|set| set.names().len());
        assert_eq!(counts, [10, 10, 26, 10, 100]);
        assert_eq!(Named::of("mnist"), None);
    }

    #[test]
    fn the_extent_counts_what_a_limit_leaves() {
        assert_eq!(Named::Cifar10.extent(None), [50_000, 60_000 * 3072]);
        let limit = Some(Limit { count: 10, seed: 1 });
        assert_eq!(Named::Kmnist.extent(limit), [10, 10_010 * 784]);
    }

    #[test]
    fn every_set_knows_how_to_read_as_many_files_as_it_has() {
        let dir = tempfile::tempdir().unwrap();
        for set in Named::ALL {
            let nothing = |file: &published::Published| dir.path().join(file.name);
            let files: Vec<PathBuf> = set.facts().files.iter().map(nothing).collect();
            let error = set.read(&files).unwrap_err();
            assert!(matches!(error, DataError::Read { .. }), "{error}");
        }
    }
}
