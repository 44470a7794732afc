//! The config of augmentation: how strongly training pictures are changed at random.

use data::{Augment, Elastic, Interpolation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest shift of a picture or a part of it, in pixels: no picture is larger.
const LARGEST_MOVE: f64 = 16_384.0;

/// Small random changes of the training pictures, redrawn every epoch. Areas moved in from outside
/// the picture are black. A denoising model corrupts the changed picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest horizontal and vertical shift, in pixels. Default: 0.
    #[schemars(range(min = 0.0, max = LARGEST_MOVE))]
    pub shift: f64,
    /// Largest rotation about the centre in either direction, in degrees. Default: 0.
    #[schemars(range(min = 0.0, max = 180.0))]
    pub rotation: f64,
    /// Largest change of scale, as a fraction: 0.04 makes a picture up to 4 % smaller or larger.
    /// Default: 0.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub scale: f64,
    /// Largest shear, as a fraction: 0.05 shifts up to one pixel sideways for every twenty upwards.
    /// Default: 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shear: f64,
    /// Whether half of the pictures are mirrored left to right. Default: false.
    pub flip: bool,
    /// Elastic distortion: smooth displacements that vary over the picture. Default: none.
    pub elastic: Option<ElasticConfig>,
    /// Largest change of brightness, as a fraction, drawn separately for each channel: 0.5 multiplies
    /// values by 0.5 to 1.5 and clips them at white. Default: 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub brightness: f64,
    /// Whether the channels are put in random order, so that a model does not learn typical colours.
    /// Default: false.
    pub shuffle_channels: bool,
    /// Interpolation between pixels. Default: bilinear.
    pub interpolation: InterpolationChoice,
    /// The target that the model learns to reconstruct. Default: changed.
    pub target: AugmentTarget,
}

/// Interpolation between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterpolationChoice {
    /// Interpolates linearly between the four nearest pixels. This blurs, so training pictures are less
    /// sharp than the test pictures.
    #[default]
    Bilinear,
    /// Interpolates cubically between the sixteen nearest pixels, which keeps edges sharp.
    Bicubic,
}

/// The target that a model learns to reconstruct from a changed picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AugmentTarget {
    /// The changed picture.
    #[default]
    Changed,
    /// The original picture: the model learns to undo the change, so its code ignores such changes and
    /// pictures of the same thing get similar codes.
    Original,
}

/// Elastic distortion: smooth displacements that vary over the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticConfig {
    /// Largest horizontal and vertical displacement, in pixels.
    #[schemars(range(min = 0.0, max = LARGEST_MOVE))]
    pub strength: f64,
    /// Distance within which pixels move together, in pixels. Use more than twice the strength;
    /// otherwise pictures fold over themselves. Default: 8.
    #[serde(default = "eight")]
    #[schemars(range(min = 1.0, max = LARGEST_MOVE))]
    pub smoothness: f64,
}

fn eight() -> f64 {
    8.0
}

impl From<&AugmentConfig> for Augment {
    fn from(config: &AugmentConfig) -> Self {
        Self {
            shift: config.shift,
            rotation: config.rotation,
            scale: config.scale,
            shear: config.shear,
            flip: config.flip,
            brightness: config.brightness,
            shuffle_channels: config.shuffle_channels,
            interpolation: match config.interpolation {
                InterpolationChoice::Bilinear => Interpolation::Bilinear,
                InterpolationChoice::Bicubic => Interpolation::Bicubic,
            },
            elastic: config.elastic.as_ref().map(|elastic| Elastic {
                strength: elastic.strength,
                smoothness: elastic.smoothness,
            }),
        }
    }
}
