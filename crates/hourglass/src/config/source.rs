//! The config of the images: which data set, and how it is split.

use std::path::{Path, PathBuf};

use data::{Aspect, Collection, EachRow, Group, ImageShape, Preparation, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::AugmentConfig;
use super::resolved::{LARGEST_SEED, MOST};

/// The largest height or width of an image, in pixels: larger ones are too large for any model here.
const LARGEST_SIDE: usize = 1 << 14;

/// The most random patches per picture and epoch.
const MOST_CROPS: usize = 1_000_000;

/// The images to train and test on, selected by `dataset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "dataset", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataConfig {
    /// The 70,000 handwritten digits that come with the program, 28 x 28 pixels, grey.
    Mnist {
        /// Number of the 60,000 training images to set aside for validation. Default: 5000.
        #[serde(default = "five_thousand")]
        #[schemars(range(max = 59_999))]
        validation: usize,
        /// Use only this many training images, from the first on. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws the validation images. Default: the config's `seed`; a sweep over seeds has one split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
    },
    /// A folder with the four files of a data set in MNIST's IDX format, gzipped or not.
    Idx {
        /// The folder, relative to the config's folder or, if it is not there, to the working directory.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// Number of training images to set aside for validation. Default: 5000.
        #[serde(default = "five_thousand")]
        #[schemars(range(max = MOST))]
        validation: usize,
        /// Use only this many training images, drawn with the seed. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws the validation images. Default: the config's `seed`; a sweep over seeds has one split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
    },
    /// Fashion-MNIST, 70,000 grey pictures of clothes, 28 x 28 pixels. Fetched unless they are on disk.
    #[serde(rename = "fashion-mnist")]
    FashionMnist {
        /// Where the files are, and which are used.
        #[serde(flatten)]
        set: NamedConfig,
    },
    /// KMNIST, 70,000 grey characters of old Japanese script, 28 x 28 pixels. Fetched unless they are on disk.
    #[serde(rename = "kmnist")]
    Kmnist {
        /// Where the files are, and which are used.
        #[serde(flatten)]
        set: NamedConfig,
    },
    /// EMNIST's letters, 145,600 grey handwritten letters, 28 x 28 pixels. Fetched unless they are on disk.
    #[serde(rename = "emnist-letters")]
    EmnistLetters {
        /// Where the files are, and which are used.
        #[serde(flatten)]
        set: NamedConfig,
    },
    /// CIFAR-10, 60,000 colour pictures in ten classes, 32 x 32 pixels. Fetched unless they are on disk.
    #[serde(rename = "cifar-10")]
    Cifar10 {
        /// Where the files are, and which are used.
        #[serde(flatten)]
        set: NamedConfig,
    },
    /// CIFAR-100, 60,000 colour pictures in a hundred classes, 32 x 32 pixels. Fetched unless they are on disk.
    #[serde(rename = "cifar-100")]
    Cifar100 {
        /// Where the files are, and which are used.
        #[serde(flatten)]
        set: NamedConfig,
    },
    /// A folder of pictures, split by file.
    Images {
        /// The folder, relative to the config's folder or, if it is not there, to the working directory.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// How the pictures become images.
        #[serde(flatten)]
        pictures: PicturesConfig,
        /// Pictures to set aside for testing: a fraction, drawn with the seed, or a list of file names.
        /// Default: 0.1.
        #[serde(default)]
        test: TestChoice,
        /// Whether an unreadable file is an error, instead of being skipped with a warning. Default:
        /// false.
        #[serde(default)]
        strict: bool,
        /// Whether decoded pictures are kept in a file of the user's cache, which is mapped into memory. Default: if they
        /// have more than 1 GiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<bool>,
    },
    /// Videos, cut into clips of so many frames: folders of numbered frames, animated GIF, WebP and PNG files, and
    /// arrays of NumPy (.npy, bytes of shape [frames, height, width] or [frames, height, width, channels]).
    Video {
        /// The folder that holds the videos, or a single one, relative to the config's folder or, if it is not there, to
        /// the working directory.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// Frames of a clip. Default: 8.
        #[serde(default = "eight")]
        #[schemars(range(min = 2, max = data::MOST_FRAMES))]
        frames: usize,
        /// Frames from the start of one clip to that of the next. Default: `frames`, so that no two clips share a frame.
        #[serde(default)]
        #[schemars(range(min = 1, max = data::MOST_FRAMES))]
        stride: Option<usize>,
        /// Height and width to resize every frame to, in pixels. Default: no resizing; all videos must then have the
        /// same size.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = LARGEST_SIDE)))]
        size: Option<[usize; 2]>,
        /// What to do to a frame of another aspect ratio than that of `size`. Default: stretch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aspect: Option<AspectChoice>,
        /// Channels to convert every frame to: 1 for grey, 3 for colour. Default: colour if any video has it.
        #[serde(default)]
        #[schemars(extend("enum" = [1, 3, null]))]
        channels: Option<usize>,
        /// Number of training videos to set aside for validation; of a single one so many tenths, the last in time.
        /// Default: a tenth, but at least one.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only this many training videos, drawn with the seed. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws the test and validation videos. Default: the config's `seed`; a sweep over seeds has one
        /// split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
        /// Random changes of the training clips, the same in all frames of a clip. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
        /// Videos to set aside for testing: a fraction, drawn with the seed, or a list of names. Of a single video, the
        /// fraction is its last part in time. Default: 0.1.
        #[serde(default)]
        test: TestChoice,
        /// Whether a video that cannot be read is an error, instead of being skipped with a warning. Default: false.
        #[serde(default)]
        strict: bool,
    },
    /// Rows of a table: a file of text (.csv, .tsv) or of NumPy (.npy, or .npz with an array X). Numbers are
    /// standardised, and columns of text become categories. An empty cell is a missing value.
    Table {
        /// The file, relative to the config's folder or, if it is not there, to the working directory.
        #[schemars(length(min = 1))]
        file: PathBuf,
        /// Rows to set aside for testing: a fraction, drawn with the seed, or another file with the same columns.
        /// Default: 0.2.
        #[serde(default)]
        test: TableTestChoice,
        /// The column of labels, which is no input. In an .npz file, it may be an array of its own. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// The label of the rows to train on; rows with other labels are for testing alone. Needs `label`. Default: all
        /// rows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal: Option<String>,
        /// Columns to leave out. Default: none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drop: Vec<String>,
        /// Columns of numbers that stand for categories, such as postcodes. Default: none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        categories: Vec<String>,
        /// Number of training rows to set aside for validation. Default: a tenth, but at least one.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only this many training rows, drawn with the seed. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws the test and validation rows. Default: the config's `seed`; a sweep over seeds has one split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
    },
    /// Series of numbers over time: text (.csv, .tsv) or NumPy (.npy, .npz) with a step in each row and a channel in each
    /// column, or recordings (.wav). They are cut into windows, which are the samples, and standardised.
    Series {
        /// The file, or a folder of such files, relative to the config's folder or, if it is not there, to the working
        /// directory.
        #[schemars(length(min = 1))]
        file: PathBuf,
        /// What a row of a table is: a step of time, or a whole series. Default: step.
        #[serde(default, skip_serializing_if = "RowChoice::is_step")]
        row: RowChoice,
        /// Steps of a window. Default: 64; with a series in each row, the whole of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = LARGEST_SIDE))]
        window: Option<usize>,
        /// Steps from the start of a window to that of the next. Default: a quarter of a window.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = MOST))]
        stride: Option<usize>,
        /// The column of stamps of time. Default: the first column of dates, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        /// The column of labels, which is no channel. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// The label of what is trained on; windows with others are for testing alone. Needs `label`. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal: Option<String>,
        /// Columns to leave out. Default: none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drop: Vec<String>,
        /// What to set aside for testing: the last fraction of the steps of one series, a fraction of several series,
        /// drawn with the seed, or another file. Default: 0.2.
        #[serde(default)]
        test: TableTestChoice,
        /// The fraction of what is left to set aside for validation, in the same way. Default: 0.1.
        #[serde(default = "a_tenth")]
        #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
        validation: f64,
        /// Use only this many training windows, drawn with the seed. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws series. Default: the config's `seed`; a sweep over seeds has one split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
    },
    /// An array in the memory of a Python program, which hands it over with the config: pictures as bytes, or rows of
    /// numbers, which are standardised. No file holds it, so whatever needs the data again has to get it again.
    Array {
        /// Samples to set aside for testing: a fraction, drawn with the seed, or null if there is a second array for that.
        /// Default: 0.1.
        #[serde(default = "some_tenth")]
        #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
        test: Option<f64>,
        /// Number of training samples to set aside for validation. Default: a tenth, but at least one.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only this many training samples, drawn with the seed. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Seed that draws the test and validation samples. Default: the config's `seed`; a sweep over seeds has one
        /// split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = LARGEST_SEED))]
        split_seed: Option<u64>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
    },
    /// Colour photographs that come with the program, of various sizes; use `size` or `patch` to make them equal
    /// in size.
    Photos {
        /// Which photographs. Default: small.
        #[serde(default, skip_serializing_if = "CollectionChoice::is_small")]
        collection: CollectionChoice,
        /// How the photographs become images.
        #[serde(flatten)]
        pictures: PicturesConfig,
        /// Photographs to set aside for testing: a fraction, drawn with the seed, or a list of names.
        /// Default: ["rocket.jpg", "flower.jpg"].
        #[serde(default = "test_photos")]
        test: TestChoice,
    },
}

/// Which rows of a table are set aside for testing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TableTestChoice {
    /// A fraction of the rows.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    Share(f64),
    /// Those of this file.
    #[schemars(extend("minLength" = 1))]
    File(PathBuf),
}

impl TableTestChoice {
    /// The other file, if there is one.
    fn file(&self) -> Option<&Path> {
        match self {
            TableTestChoice::File(file) => Some(file),
            TableTestChoice::Share(_) => None,
        }
    }
}

impl Default for TableTestChoice {
    /// A fifth.
    fn default() -> Self {
        TableTestChoice::Share(0.2)
    }
}

/// What a row of a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowChoice {
    /// A step of time.
    #[default]
    Step,
    /// A whole series.
    Series,
}

impl RowChoice {
    fn is_step(&self) -> bool {
        *self == RowChoice::Step
    }
}

impl From<RowChoice> for EachRow {
    fn from(choice: RowChoice) -> Self {
        match choice {
            RowChoice::Step => EachRow::Step,
            RowChoice::Series => EachRow::Series,
        }
    }
}

/// What every data set that is known by name can be told: its keys stand beside `dataset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedConfig {
    /// The folder of the files as they are published, relative to the config's folder or, if it is not there, to the
    /// working directory. Default: that of Debian's package, or else the cache, where missing files are fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)))]
    pub dir: Option<PathBuf>,
    /// Number of training images to set aside for validation. Default: 5000.
    #[serde(default = "five_thousand")]
    #[schemars(range(max = MOST))]
    pub validation: usize,
    /// Use only this many training images, drawn with the seed. Default: all.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST))]
    pub limit: Option<usize>,
    /// Seed that draws the validation images. Default: the config's `seed`; a sweep over seeds has one split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LARGEST_SEED))]
    pub split_seed: Option<u64>,
    /// Random changes of the training pictures. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<AugmentConfig>,
}

/// Which of the photographs that come with the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CollectionChoice {
    /// Ten, of up to 512 x 512 pixels.
    #[default]
    Small,
    /// These ten and 38 more, of about a megapixel. A program without the feature `photographs` does not have them.
    Large,
}

impl CollectionChoice {
    fn is_small(&self) -> bool {
        *self == CollectionChoice::Small
    }
}

impl From<CollectionChoice> for Collection {
    fn from(choice: CollectionChoice) -> Self {
        match choice {
            CollectionChoice::Small => Collection::Small,
            CollectionChoice::Large => Collection::Large,
        }
    }
}

/// What every data set of pictures can be told: its keys stand beside `dataset`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PicturesConfig {
    /// Number of training pictures to set aside for validation. With `patch`, these are whole
    /// pictures, because patches of one picture overlap. Default: a tenth, but at least one.
    #[serde(default)]
    #[schemars(range(max = MOST))]
    pub validation: Option<usize>,
    /// Use only this many training pictures, drawn with the seed. Default: all.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST))]
    pub limit: Option<usize>,
    /// Seed that draws the test pictures, if they are a fraction, and the validation pictures. Default: the
    /// config's `seed`; a sweep over seeds has one split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LARGEST_SEED))]
    pub split_seed: Option<u64>,
    /// Which pictures stay together in one part where the test or the validation pictures are drawn. Default: each
    /// picture is drawn by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupChoice>,
    /// Random changes of the training pictures, or of the random patches. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<AugmentConfig>,
    /// Height and width to resize every picture to, in pixels. Default: no resizing; all pictures
    /// must then have the same size.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = LARGEST_SIDE)))]
    pub size: Option<[usize; 2]>,
    /// What to do to a picture of another aspect ratio than that of `size`. Default: stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<AspectChoice>,
    /// Side of the square patches to cut from the pictures, in pixels: at random places, redrawn
    /// every epoch, for training, and on a fixed grid for validation and testing. Default: whole
    /// pictures.
    #[serde(default)]
    #[schemars(range(min = 1, max = LARGEST_SIDE))]
    pub patch: Option<usize>,
    /// Random patches per training picture and epoch. Default: as many as its grid has.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_CROPS))]
    pub crops: Option<usize>,
    /// Whether half of the random patches are mirrored left to right. Default: true with `patch`.
    #[serde(default)]
    pub flip: Option<bool>,
    /// Channels to convert every picture to: 1 for grey, 3 for colour. Default: colour if any file has it.
    #[serde(default)]
    #[schemars(extend("enum" = [1, 3, null]))]
    pub channels: Option<usize>,
    /// The value of files with 16 bits that becomes white. Default: 65535, or 255, 1023, 4095 or 16383 if no file
    /// has a larger value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub white: Option<u16>,
}

/// Which pictures belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupChoice {
    /// Those of one folder.
    Folder,
    /// Those whose names, without their endings, differ only in their last number, such as the frames of a scene.
    Name,
}

impl From<GroupChoice> for Group {
    fn from(choice: GroupChoice) -> Self {
        match choice {
            GroupChoice::Folder => Group::Folder,
            GroupChoice::Name => Group::Name,
        }
    }
}

/// What is done to a picture of another aspect ratio before it is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AspectChoice {
    /// Nothing: its shapes are squeezed.
    Stretch,
    /// Its longer side is cut at both ends.
    Crop,
}

impl From<Aspect> for AspectChoice {
    fn from(aspect: Aspect) -> Self {
        match aspect {
            Aspect::Stretch => AspectChoice::Stretch,
            Aspect::Crop => AspectChoice::Crop,
        }
    }
}

impl From<AspectChoice> for Aspect {
    fn from(choice: AspectChoice) -> Self {
        match choice {
            AspectChoice::Stretch => Aspect::Stretch,
            AspectChoice::Crop => Aspect::Crop,
        }
    }
}

/// Which pictures are set aside for testing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TestChoice {
    /// A fraction of the pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    Share(f64),
    /// The pictures with these file names.
    #[schemars(extend("minItems" = 1))]
    Files(Vec<String>),
}

impl Default for TestChoice {
    /// A tenth.
    fn default() -> Self {
        TestChoice::Share(0.1)
    }
}

/// Any data set that is known by name.
macro_rules! named {
    ($set:pat) => {
        DataConfig::FashionMnist { set: $set }
            | DataConfig::Kmnist { set: $set }
            | DataConfig::EmnistLetters { set: $set }
            | DataConfig::Cifar10 { set: $set }
            | DataConfig::Cifar100 { set: $set }
    };
}

impl DataConfig {
    /// Random changes of the training pictures, if there are any.
    pub fn augment(&self) -> Option<&AugmentConfig> {
        match self {
            DataConfig::Mnist { augment, .. }
            | DataConfig::Idx { augment, .. }
            | DataConfig::Array { augment, .. }
            | DataConfig::Video { augment, .. } => augment.as_ref(),
            named!(set) => set.augment.as_ref(),
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                pictures.augment.as_ref()
            }
            DataConfig::Table { .. } | DataConfig::Series { .. } => None,
        }
    }

    /// Use only this many training images or pictures; all if `None`.
    pub fn limit(&self) -> Option<usize> {
        match self {
            DataConfig::Mnist { limit, .. }
            | DataConfig::Idx { limit, .. }
            | DataConfig::Array { limit, .. }
            | DataConfig::Video { limit, .. }
            | DataConfig::Table { limit, .. }
            | DataConfig::Series { limit, .. } => *limit,
            named!(set) => set.limit,
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                pictures.limit
            }
        }
    }

    /// Seed of the split, if it is not the config's own.
    pub fn split_seed(&self) -> Option<u64> {
        match self {
            DataConfig::Mnist { split_seed, .. }
            | DataConfig::Idx { split_seed, .. }
            | DataConfig::Array { split_seed, .. }
            | DataConfig::Video { split_seed, .. }
            | DataConfig::Table { split_seed, .. }
            | DataConfig::Series { split_seed, .. } => *split_seed,
            named!(set) => set.split_seed,
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                pictures.split_seed
            }
        }
    }

    /// Sets the seed of the split; `None` stands for the config's own.
    pub(crate) fn set_split_seed(&mut self, seed: Option<u64>) {
        match self {
            DataConfig::Mnist { split_seed, .. }
            | DataConfig::Idx { split_seed, .. }
            | DataConfig::Array { split_seed, .. }
            | DataConfig::Video { split_seed, .. }
            | DataConfig::Table { split_seed, .. }
            | DataConfig::Series { split_seed, .. } => {
                *split_seed = seed;
            }
            named!(set) => set.split_seed = seed,
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                pictures.split_seed = seed;
            }
        }
    }

    /// Number of validation images or pictures to set aside; `None` if it depends on how many there
    /// are.
    pub fn validation(&self) -> Option<usize> {
        match self {
            DataConfig::Mnist { validation, .. } | DataConfig::Idx { validation, .. } => {
                Some(*validation)
            }
            DataConfig::Table { validation, .. }
            | DataConfig::Array { validation, .. }
            | DataConfig::Video { validation, .. } => *validation,
            // The data set itself holds windows back, unless there are none.
            DataConfig::Series { validation, .. } => (*validation == 0.0).then_some(0),
            named!(set) => Some(set.validation),
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                pictures.validation
            }
        }
    }

    /// The folder or file of the data, unless they come with the program or are looked for.
    pub fn dir(&self) -> Option<&Path> {
        match self {
            DataConfig::Idx { dir, .. }
            | DataConfig::Images { dir, .. }
            | DataConfig::Video { dir, .. } => Some(dir),
            DataConfig::Table { file, .. } | DataConfig::Series { file, .. } => Some(file),
            named!(set) => set.dir.as_deref(),
            DataConfig::Mnist { .. } | DataConfig::Photos { .. } | DataConfig::Array { .. } => None,
        }
    }

    /// The folder and the files of the data.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let test = match self {
            DataConfig::Table { test, .. } | DataConfig::Series { test, .. } => test.file(),
            _ => None,
        };
        self.dir().into_iter().chain(test)
    }

    /// The same, to be changed.
    pub(super) fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        match self {
            DataConfig::Idx { dir, .. }
            | DataConfig::Images { dir, .. }
            | DataConfig::Video { dir, .. } => vec![dir],
            DataConfig::Table { file, test, .. } | DataConfig::Series { file, test, .. } => {
                let test = match test {
                    TableTestChoice::File(other) => Some(other),
                    TableTestChoice::Share(_) => None,
                };
                std::iter::once(file).chain(test).collect()
            }
            named!(set) => set.dir.iter_mut().collect(),
            DataConfig::Mnist { .. } | DataConfig::Photos { .. } | DataConfig::Array { .. } => {
                Vec::new()
            }
        }
    }

    /// How pictures become images, where there are pictures.
    pub fn pictures(&self) -> Option<&PicturesConfig> {
        match self {
            DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. } => {
                Some(pictures)
            }
            DataConfig::Mnist { .. }
            | DataConfig::Idx { .. }
            | DataConfig::Array { .. }
            | DataConfig::Video { .. }
            | DataConfig::Table { .. }
            | DataConfig::Series { .. }
            | named!(_) => None,
        }
    }

    /// What the trainings of earlier versions did to pictures, whose images had this shape.
    pub fn old_preparation(&self, shape: ImageShape) -> Preparation {
        let as_is = Preparation::as_is(shape, Aspect::Stretch);
        let rule = match self.pictures() {
            Some(pictures) if pictures.patch.is_some() => Rule::Patches,
            Some(pictures) if pictures.size.is_some() => Rule::Resized,
            _ => Rule::AsIs,
        };
        Preparation { rule, ..as_is }
    }

    /// Makes a picture that cannot be read an error.
    pub fn be_strict(&mut self) {
        if let DataConfig::Images { strict, .. } | DataConfig::Video { strict, .. } = self {
            *strict = true;
        }
    }

    /// Keeps decoded pictures in memory.
    pub fn be_uncached(&mut self) {
        if let DataConfig::Images { cache, .. } = self {
            *cache = Some(false);
        }
    }

    /// Prepares pictures as a run did, in everything that this config leaves open. With `strict`, an unreadable one
    /// is an error.
    pub(crate) fn prepare(&mut self, how: &Preparation, strict: bool) {
        if strict {
            self.be_strict();
        }
        if let DataConfig::Video {
            size,
            aspect,
            channels,
            ..
        } = self
        {
            if size.is_none() {
                *size = Some(how.size);
                *aspect = Some(how.aspect.into());
            }
            channels.get_or_insert(how.channels);
        }
        let (DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. }) = self
        else {
            return;
        };
        if pictures.size.is_none() && pictures.patch.is_none() {
            pictures.patch = how.patch();
            if how.patch().is_none() {
                pictures.size = Some(how.size);
                pictures.aspect = Some(how.aspect.into());
            }
        }
        pictures.channels.get_or_insert(how.channels);
        pictures.white.get_or_insert(how.white);
    }

    /// Contradictions between the keys of pictures: key paths and messages.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, String)> {
        let needs_size = || {
            let text = "needs data.size; set data.size, or remove this key";
            ("data.aspect", text.to_string())
        };
        if let DataConfig::Video {
            size: None,
            aspect: Some(_),
            ..
        } = self
        {
            return vec![needs_size()];
        }
        let Some(pictures) = self.pictures() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if let (Some(patch), Some(_)) = (pictures.patch, pictures.size) {
            let text = format!("found {patch} together with \"size\"; remove one of the two");
            found.push(("data.patch", text));
        }
        if pictures.aspect.is_some() && pictures.size.is_none() {
            found.push(needs_size());
        }
        found
    }

    /// Keys that only make sense with `patch`, if `patch` is missing: path and value.
    pub(super) fn without_patch(&self) -> Vec<(&'static str, String)> {
        let (DataConfig::Images { pictures, .. } | DataConfig::Photos { pictures, .. }) = self
        else {
            return Vec::new();
        };
        if pictures.patch.is_some() {
            return Vec::new();
        }
        let crops = pictures.crops.map(|it| ("data.crops", it.to_string()));
        let flip = pictures.flip.map(|it| ("data.flip", it.to_string()));
        crops.into_iter().chain(flip).collect()
    }
}

fn eight() -> usize {
    8
}

fn five_thousand() -> usize {
    5000
}

fn a_tenth() -> f64 {
    0.1
}

fn some_tenth() -> Option<f64> {
    Some(a_tenth())
}

fn test_photos() -> TestChoice {
    TestChoice::Files(data::TEST_PHOTOS.map(String::from).to_vec())
}
