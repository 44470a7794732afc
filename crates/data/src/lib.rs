//! Sources of images: bundled MNIST and photographs, sets known by name, other IDX sets and folders of pictures, all held as
//! contiguous `u8` in memory and provided as batches of `f32` in [0, 1].
//!
//! This crate never prints, and never panics on bad input: that is a [`DataError`], one line with the
//! file, what was found and what is expected.
//!
//! ```
//! use data::{Source, split};
//!
//! let mnist = Source::Mnist.load()?;
//! assert_eq!(mnist.train.shape(), [1, 28, 28]);
//! let parts = split(mnist.train.len(), 5_000, 42)?;
//! assert_eq!(parts.train.len(), 55_000);
//! # Ok::<(), data::DataError>(())
//! ```

mod array;
mod array_set;
mod augment;
mod bands;
mod batch;
mod buffer;
mod bundled;
#[cfg(feature = "burn-dataset")]
mod burn_dataset;
mod cache;
mod clips;
mod columns;
mod counted;
mod crops;
mod dataset;
mod drawn;
mod duplicates;
mod elastic;
mod error;
mod fields;
mod folder;
mod group;
mod idx;
mod idx_folder;
mod images;
mod jpeg;
mod labels;
mod load;
mod mnist;
mod named;
mod numpy;
#[cfg(feature = "parquet")]
mod parquet;
mod patches;
#[cfg(feature = "photographs")]
mod photographs;
mod photos;
mod picture;
mod preparation;
mod series;
mod series_set;
mod split;
mod survey;
mod table;
mod table_set;
mod text;
mod tree;
mod user_cache;
mod value;
mod video;
mod warning;
mod wav;
mod webp;
mod white;
mod whole;

use std::path::{Path, PathBuf};

pub use array::{Array, Numbers};
pub use array_set::{ArrayOptions, ArraySet, Given};
pub use augment::Augment;
pub use batch::Batches;
#[cfg(feature = "burn-dataset")]
pub use burn_dataset::Sample;
pub use cache::{Decoded, Undecoded};
pub use clips::Clips;
pub use columns::{Columns, Entries, TableFile};
pub use counted::counted;
pub use dataset::{Dataset, ImageShape, Images, View};
pub use drawn::Drawn;
pub use elastic::Elastic;
pub use error::{DataError, check_plausible, reason};
pub use fields::{Field, FieldKind, Fields};
pub use folder::{PictureFiles, file_name, has_parts, mask_of, part, pictures};
pub use group::{Group, draw_groups};
pub use idx_folder::is_idx_folder;
pub use images::{Limit, PictureOptions, TestPart};
pub use kernels::Interpolation;
pub use named::{Fetch, Fetched, Named};
#[cfg(feature = "parquet")]
pub use parquet::READER_THREAD;
pub use photos::{Collection, TEST_PHOTOS};
pub use picture::{check_picture, picture_shape, read_picture, read_pixels};
pub use preparation::{Aspect, Cut, Preparation, Rule, WHITE};
pub use series::Series;
pub use series_set::{EachRow, Place, SeriesOptions, SeriesSet, Windows};
pub use split::{Split, epoch_order, split};
pub use survey::Survey;
pub use table::{TableOptions, TableTest};
pub use table_set::{Rows, TableSet, read_labelled_rows, read_rows};
pub use text::filled_text;
pub use value::Pixels;
pub use video::{MOST_FRAMES, VideoOptions, is_video};
pub use warning::Warning;

/// A source that a [`Dataset`] can be loaded from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The bundled MNIST: 60,000 training and 10,000 test images of 1 x 28 x 28, with labels.
    Mnist,
    /// A folder of IDX files, gzipped or not, under the names of the MNIST distribution:
    /// `train-images-idx3-ubyte`, `t10k-images-idx3-ubyte` (or `test-...`), and the label files
    /// if there are any. A prefix as in `emnist-letters-train-images-idx3-ubyte`
    /// is allowed.
    Idx {
        /// The folder that holds the files.
        dir: PathBuf,
        /// Training images to draw at random; by default all are used.
        limit: Option<Limit>,
    },
    /// A set that is known by name, on disk or fetched.
    Named {
        /// The set.
        set: Named,
        /// The folder that holds its files; by default they are looked for and fetched if need be.
        dir: Option<PathBuf>,
        /// Training images to draw at random; by default all are used.
        limit: Option<Limit>,
    },
    /// A folder of picture files at any depth, or one with folders of them for training, validation and testing.
    Folder {
        /// The folder that holds the pictures.
        dir: PathBuf,
        /// How pictures become images of one shape, and how they are split.
        options: PictureOptions,
    },
    /// Videos: folders of numbered frames, animated GIF, WebP and PNG files, and arrays of NumPy.
    Video {
        /// A file, the folder that holds the videos, or one with such folders `train` and `test`.
        dir: PathBuf,
        /// How videos become clips of one shape, and how they are split.
        options: VideoOptions,
    },
    /// Rows of a table.
    Table(TableSet),
    /// Windows of series.
    Series(SeriesSet),
    /// Samples in memory.
    Array(ArraySet),
    /// Bundled colour photographs, of various sizes.
    Photos {
        /// Which of them.
        collection: Collection,
        /// How pictures become images of one shape, and how they are split.
        options: PictureOptions,
    },
}

/// How much a source holds; of pictures of different sizes an estimate by the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Images of an epoch, at most: those for validation and testing may be among them.
    pub images: u64,
    /// Bytes of all pictures in memory; 0 if they are in the cache.
    pub bytes: u64,
}

impl Source {
    /// A short name for display: `mnist`, `photos`, that of a named set, or the last part of the folder's path.
    pub fn name(&self) -> String {
        match self {
            Source::Mnist => mnist::NAME.to_string(),
            Source::Table(set) => set.name(),
            Source::Series(set) => set.name(),
            Source::Array(_) => array_set::NAME.to_string(),
            Source::Video { dir, .. } => video::name(dir),
            Source::Photos { .. } => photos::NAME.to_string(),
            Source::Named { set, .. } => set.name().to_string(),
            Source::Idx { dir, .. } | Source::Folder { dir, .. } => folder_name(dir),
        }
    }

    /// The shape of one image, `[channels, height, width]`. At most a header is read: no image is decoded,
    /// and for MNIST and named sets no file is read.
    ///
    /// # Errors
    ///
    /// If a folder or file is missing or has a bad header, or the options do not fit the data.
    pub fn shape(&self) -> Result<ImageShape, DataError> {
        match self {
            Source::Mnist => Ok(mnist::SHAPE),
            Source::Named { set, .. } => Ok(set.shape()),
            Source::Idx { dir, limit } => idx_folder::folder_shape(dir, *limit),
            Source::Table(set) => set.shape(),
            Source::Series(set) => set.shape(),
            Source::Array(set) => set.shape(),
            Source::Video { dir, options } => video::shape(dir, options),
            Source::Folder { dir, options } => {
                images::shape(&dir.display().to_string(), &folder::find(dir)?.0, options)
            }
            Source::Photos {
                collection,
                options,
            } => images::shape(photos::NAME, &photos::find(*collection)?, options),
        }
    }

    /// How much there is, from headers alone, of images of this [shape](Source::shape).
    ///
    /// # Errors
    ///
    /// As [`Source::shape`].
    pub fn extent(&self, [channels, ..]: ImageShape) -> Result<Extent, DataError> {
        let [images, bytes] = match self {
            Source::Mnist => mnist::EXTENT,
            Source::Named { set, limit, .. } => set.extent(*limit),
            Source::Idx { dir, limit } => idx_folder::folder_extent(dir, *limit)?,
            Source::Table(set) => set.extent()?,
            Source::Series(set) => set.extent()?,
            Source::Array(set) => set.extent()?,
            Source::Video { dir, options } => video::extent(dir, options, channels)?,
            Source::Folder { dir, options } => {
                let place = dir.display().to_string();
                let found = folder::find(dir)?.0;
                let [images, bytes] = images::extent(&place, &found, options, channels)?;
                match options.is_cached(bytes) {
                    true => [images, 0],
                    false => [images, bytes],
                }
            }
            Source::Photos {
                collection,
                options,
            } => images::extent(photos::NAME, &photos::find(*collection)?, options, channels)?,
        };
        Ok(Extent { images, bytes })
    }

    /// What has to be fetched before the images can be loaded. [`Source::load`] fetches it too, without a word.
    ///
    /// # Errors
    ///
    /// As [`Named::missing`].
    pub fn missing(&self) -> Result<Option<Fetch>, DataError> {
        match self {
            Source::Named { set, dir, .. } => set.missing(dir.as_deref()),
            _ => Ok(None),
        }
    }

    /// The pictures that are still to be decoded into the cache before they are loaded: none if they fit into memory or are
    /// there already. [`Source::load`] decodes them too, without a word.
    ///
    /// # Errors
    ///
    /// As [`Source::load`].
    pub fn undecoded(&self) -> Result<Option<Undecoded>, DataError> {
        let Source::Folder { dir, options } = self else {
            return Ok(None);
        };
        if options.cache == Some(false) {
            return Ok(None);
        }
        Undecoded::of(dir, options)
    }

    /// Reads everything into memory, or maps it if it is in the cache.
    ///
    /// # Errors
    ///
    /// If a file is missing, damaged, or does not fit the others or the options. Unreadable pictures are
    /// skipped with a warning, unless the options are strict or no readable picture is left.
    pub fn load(&self) -> Result<Dataset, DataError> {
        self.read(None)
    }

    /// The same where the [shape](Source::shape) is known, which saves a look at every picture for its colours.
    ///
    /// # Errors
    ///
    /// As [`Source::load`].
    pub fn load_as(&self, [channels, ..]: ImageShape) -> Result<Dataset, DataError> {
        self.read(Some(channels))
    }

    fn read(&self, channels: Option<usize>) -> Result<Dataset, DataError> {
        let plain = |(train, test): (Images, Images)| load::Loaded {
            preparation: Preparation::as_is(train.shape(), Aspect::Crop),
            train,
            test,
            held: Vec::new(),
            groups: Vec::new(),
            warnings: Vec::new(),
        };
        let mut set = match self {
            Source::Table(set) => set.load()?,
            Source::Series(set) => set.load()?,
            Source::Array(set) => set.load()?,
            Source::Video { dir, options } => video::load(dir, options, channels)?,
            Source::Mnist => plain(mnist::load()?),
            Source::Named { set, dir, limit } => plain(set.load(dir.as_deref(), *limit)?),
            Source::Idx { dir, limit } => plain(idx_folder::load_folder(dir, *limit)?),
            Source::Folder { dir, options } => {
                let (found, mut warnings) = folder::find(dir)?;
                let mut set = load::load(&dir.display().to_string(), found, options, channels)?;
                warnings.append(&mut set.warnings);
                load::Loaded { warnings, ..set }
            }
            Source::Photos {
                collection,
                options,
            } => load::load(photos::NAME, photos::find(*collection)?, options, channels)?,
        };
        if matches!(self, Source::Idx { .. } | Source::Folder { .. }) {
            set.warnings
                .splice(0..0, duplicates::warnings(&set.train, &set.held, &set.test));
        }
        Ok(Dataset {
            name: self.name(),
            train: set.train,
            held: set.held,
            groups: set.groups,
            test: set.test,
            preparation: set.preparation,
            warnings: set.warnings,
        })
    }

    /// The same source, read as a run's training did it: with its channels and what it took for white in files
    /// with 16 bits.
    pub fn as_prepared(mut self, preparation: &Preparation) -> Self {
        if let Source::Folder { options, .. } | Source::Photos { options, .. } = &mut self {
            options.channels = Some(preparation.channels);
            options.white = Some(preparation.white);
        }
        if let Source::Video { options, .. } = &mut self {
            options.channels = Some(preparation.channels);
        }
        self
    }

    /// The same source with all of its training images.
    pub fn without_limit(mut self) -> Self {
        match &mut self {
            Source::Folder { options, .. } | Source::Photos { options, .. } => options.limit = None,
            Source::Idx { limit, .. } | Source::Named { limit, .. } => *limit = None,
            Source::Table(set) => *set = set.without_limit(),
            Source::Series(set) => *set = set.without_limit(),
            Source::Array(set) => *set = set.without_limit(),
            Source::Video { options, .. } => options.limit = None,
            Source::Mnist => {}
        }
        self
    }
}

/// The last part of a path; the whole path if it has none (`.`, `/`).
fn folder_name(dir: &Path) -> String {
    dir.file_name()
        .unwrap_or(dir.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_folder() {
        assert_eq!(Source::Mnist.name(), "mnist");
        let named = |dir: &str| {
            Source::Idx {
                dir: dir.into(),
                limit: None,
            }
            .name()
        };
        assert_eq!(named("sets/fashion/"), "fashion");
        assert_eq!(named(".."), "..");
    }

    #[test]
    fn the_extent_is_known_before_anything_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        for (name, count) in [
            ("train-images-idx3-ubyte", 5u32),
            ("t10k-images-idx3-ubyte", 2),
        ] {
            let header = [0x803, count, 3, 4].map(u32::to_be_bytes).concat();
            std::fs::write(folder.path().join(name), header).unwrap();
        }
        let dir = folder.path().to_owned();
        let extent = |images, bytes| Extent { images, bytes };
        let found = |source: &Source| source.extent(source.shape().unwrap()).unwrap();
        assert_eq!(found(&Source::Idx { dir, limit: None }), extent(5, 7 * 12));
        let set = Source::Mnist.load().unwrap();
        let bytes = (set.train.pixels().len() + set.test.pixels().len()) as u64;
        assert_eq!(found(&Source::Mnist), extent(60_000, bytes));
        let sized = |size, patch, crops| Source::Photos {
            collection: Collection::Small,
            options: PictureOptions {
                size,
                patch,
                crops,
                ..PictureOptions::default()
            },
        };
        assert_eq!(
            found(&sized(Some([30, 20]), None, None)),
            extent(10, 10 * 3 * 30 * 20)
        );
        // The first of them has 512 x 512 pixels.
        let patches = |crops| found(&sized(None, Some(64), crops));
        assert_eq!(patches(None), extent(10 * 64, 2 * 10 * 3 * 512 * 512));
        assert_eq!(patches(Some(3)).images, 30);
    }
}
