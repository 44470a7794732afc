//! What a config says about the images: which data set, and how it is split.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::AugmentConfig;
use super::resolved::MOST;

/// The largest height or width of an image, in pixels: beyond it a single image is too large for
/// any model here.
const LARGEST_SIDE: usize = 1 << 14;

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
    /// A folder of PNG or JPEG pictures, split by file.
    Images {
        /// The folder, relative to the one that the program runs in.
        #[schemars(length(min = 1))]
        dir: PathBuf,
        /// Training pictures set aside for validation. Default: a tenth of them.
        #[serde(default)]
        #[schemars(range(max = MOST))]
        validation: Option<usize>,
        /// Use only the first so many training pictures. Default: all.
        #[serde(default)]
        #[schemars(range(min = 1, max = MOST))]
        limit: Option<usize>,
        /// Random changes of the training pictures. Default: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        augment: Option<AugmentConfig>,
        /// Height and width that every picture is resized to, in pixels. Default: as they are,
        /// which must then be one size.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = LARGEST_SIDE)))]
        size: Option<[usize; 2]>,
        /// Side of the square patches that every picture is cut into, in pixels. Default: whole
        /// pictures.
        #[serde(default)]
        #[schemars(range(min = 1, max = LARGEST_SIDE))]
        patch: Option<usize>,
        /// Channels that every picture is turned to: 1 for grey, 3 for colour. Default: as in the
        /// files.
        #[serde(default)]
        #[schemars(extend("enum" = [1, 3, null]))]
        channels: Option<usize>,
        /// Fraction of the pictures set aside for the test. Default: 0.1.
        #[serde(default = "tenth")]
        #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
        test: f64,
    },
}

impl DataConfig {
    /// Random changes of the training pictures, where there are any.
    pub fn augment(&self) -> Option<&AugmentConfig> {
        match self {
            DataConfig::Mnist { augment, .. }
            | DataConfig::Idx { augment, .. }
            | DataConfig::Images { augment, .. } => augment.as_ref(),
        }
    }
}

fn five_thousand() -> usize {
    5000
}

fn tenth() -> f64 {
    0.1
}
