//! What a config says about the images: which data set, and how it is split.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::AugmentConfig;
use super::resolved::MOST;

/// The largest height or width of an image, in pixels: beyond it a single image is too large for
/// any model here.
const LARGEST_SIDE: usize = 1 << 14;

/// The most random patches of a picture in an epoch.
const MOST_CROPS: usize = 1_000_000;

/// The images to train and test on, chosen by `dataset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "dataset", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataConfig {
    /// The 70,000 handwritten digits that come with the program, 28 x 28 pixels, grey.
    Mnist {
        /// Training images set aside for validation, of 60,000. Default: 5000.
        #[serde(default = "five_thousand")]
        #[schemars(range(max = 59_999))]
        validation: usize,
        /// Use only the first so many training images. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
    },
    /// A folder with the four files of a data set in MNIST's format, gzipped or not.
    Idx {
        /// The folder, relative to the one that the program runs in.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// Training images set aside for validation. Default: 5000.
        #[serde(default = "five_thousand")]
        #[schemars(range(max = MOST))]
        validation: usize,
        /// Use only the first so many training images. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
    },
    /// A folder of PNG, JPEG and WebP pictures, split by file.
    Images {
        /// The folder, relative to the one that the program runs in.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// Training pictures set aside for validation; with `patch`, whole pictures with all their
        /// patches, for those of one picture overlap. Default: a tenth of them, and at least one.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only the first so many training pictures. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Random changes of the training pictures, or of the random patches. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
        /// Height and width that every picture is resized to, in pixels. Default: as they are,
        /// which must then be one size.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = LARGEST_SIDE)))]
        size: Option<[usize; 2]>,
        /// Side of the square patches that are cut from every picture, in pixels: for training at
        /// random places, other ones in each epoch, for validation and test on a grid. Default:
        /// whole pictures.
        #[serde(default)]
        #[schemars(range(min = 1, max = LARGEST_SIDE))]
        patch: Option<usize>,
        /// Random patches of each training picture in an epoch. Default: as many as its grid has.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST_CROPS))]
        crops: Option<usize>,
        /// Whether left and right are swapped in half of the random patches. Default: true with
        /// `patch`.
        #[serde(default)]
        flip: Option<bool>,
        /// Channels that every picture is turned to: 1 for grey, 3 for colour. Default: as in the
        /// files.
        #[serde(default)]
        #[schemars(extend("enum" = [1, 3, null]))]
        channels: Option<usize>,
        /// Pictures set aside for the test: a fraction of them, drawn by the seed, or the names of
        /// their files. Default: 0.1.
        #[serde(default)]
        test: TestChoice,
        /// Whether a file that cannot be read ends the program, instead of being left out with a
        /// warning. Default: false.
        #[serde(default)]
        strict: bool,
    },
    /// The ten photographs that come with the program, in colour, of several sizes up to 512 x 512
    /// pixels; `size` or `patch` makes them alike.
    Photos {
        /// Training pictures set aside for validation; with `patch`, whole pictures with all their
        /// patches, for those of one picture overlap. Default: a tenth of them, and at least one.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only the first so many training pictures. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Random changes of the training pictures, or of the random patches. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
        /// Height and width that every picture is resized to, in pixels. Default: as they are,
        /// which must then be one size.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = LARGEST_SIDE)))]
        size: Option<[usize; 2]>,
        /// Side of the square patches that are cut from every picture, in pixels: for training at
        /// random places, other ones in each epoch, for validation and test on a grid. Default:
        /// whole pictures.
        #[serde(default)]
        #[schemars(range(min = 1, max = LARGEST_SIDE))]
        patch: Option<usize>,
        /// Random patches of each training picture in an epoch. Default: as many as its grid has.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST_CROPS))]
        crops: Option<usize>,
        /// Whether left and right are swapped in half of the random patches. Default: true with
        /// `patch`.
        #[serde(default)]
        flip: Option<bool>,
        /// Channels that every picture is turned to: 1 for grey, 3 for colour. Default: as in the
        /// files.
        #[serde(default)]
        #[schemars(extend("enum" = [1, 3, null]))]
        channels: Option<usize>,
        /// Photographs set aside for the test: a fraction of them, drawn by the seed, or their
        /// names. Default: ["rocket.jpg", "flower.jpg"].
        #[serde(default = "test_photos")]
        test: TestChoice,
    },
}

/// Which pictures are set aside for the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TestChoice {
    /// A fraction of them.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    Share(f64),
    /// Files of these names.
    #[schemars(extend("minItems" = 1))]
    Files(Vec<String>),
}

impl Default for TestChoice {
    /// A tenth.
    fn default() -> Self {
        TestChoice::Share(0.1)
    }
}

impl DataConfig {
    /// Random changes of the training pictures, if there are any.
    pub fn augment(&self) -> Option<&AugmentConfig> {
        match self {
            DataConfig::Mnist { augment, .. }
            | DataConfig::Idx { augment, .. }
            | DataConfig::Images { augment, .. }
            | DataConfig::Photos { augment, .. } => augment.as_ref(),
        }
    }

    /// Keys that only mean something beside `patch`, if that is not there: path and value.
    pub(super) fn without_patch(&self) -> Vec<(&'static str, String)> {
        let (DataConfig::Images {
            patch: None,
            crops,
            flip,
            ..
        }
        | DataConfig::Photos {
            patch: None,
            crops,
            flip,
            ..
        }) = self
        else {
            return Vec::new();
        };
        let crops = crops.map(|crops| ("data.crops", crops.to_string()));
        let flip = flip.map(|flip| ("data.flip", flip.to_string()));
        crops.into_iter().chain(flip).collect()
    }
}

fn five_thousand() -> usize {
    5000
}

fn test_photos() -> TestChoice {
    TestChoice::Files(data::TEST_PHOTOS.map(String::from).to_vec())
}
