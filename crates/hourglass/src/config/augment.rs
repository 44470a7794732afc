//! What a config says about the augmentation: how far training pictures are changed at random.

use data::{Augment, Elastic, Interpolation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest move of a picture or of a part of it, in pixels: no picture is larger.
const LARGEST_MOVE: f64 = 16_384.0;

/// Small random changes of the training pictures, drawn anew in each epoch. What comes in from
/// beyond the border is black. A denoising model corrupts the changed picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest move to each side, and up and down, in pixels. Default: 0.
    #[schemars(range(min = 0.0, max = LARGEST_MOVE))]
    pub shift: f64,
    /// Largest turn either way about the centre, in degrees. Default: 0.
    #[schemars(range(min = 0.0, max = 180.0))]
    pub rotation: f64,
    /// Largest change of size, as a fraction: 0.04 makes a picture up to 4 % smaller or larger.
    /// Default: 0.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub scale: f64,
    /// Largest slant, as a fraction: with 0.05, up to one pixel sideways for every twenty upwards.
    /// Default: 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shear: f64,
    /// Whether left and right are swapped in half of the pictures. Default: false.
    pub flip: bool,
    /// Smooth displacements that differ from place to place. Default: none.
    pub elastic: Option<ElasticConfig>,
    /// Largest change of brightness, as a fraction, drawn for each channel by itself: at 0.5 values are
    /// multiplied by 0.5 up to 1.5, and stop at white. Default: 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub brightness: f64,
    /// Whether the channels are put in a random order, so that a model does not learn which colours things
    /// have. Default: false.
    pub shuffle_channels: bool,
    /// How pixels come to lie between pixels. Default: bilinear.
    pub interpolation: InterpolationChoice,
    /// What the model is to give back. Default: changed.
    pub target: AugmentTarget,
}

/// How pixels come to lie between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterpolationChoice {
    /// The mean of the four pixels around. It blurs, so that the model sees no picture as sharp as
    /// those that it is tested on.
    #[default]
    Bilinear,
    /// A cubic of the sixteen around, which keeps edges sharp.
    Bicubic,
}

/// What a model is to give back for a changed picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AugmentTarget {
    /// The changed picture.
    #[default]
    Changed,
    /// The picture as it was: the model learns to undo the change, and its code to leave it out, so
    /// that pictures of one thing lie closer together.
    Original,
}

/// Smooth displacements that differ from place to place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticConfig {
    /// Largest displacement to each side, and up and down, in pixels.
    #[schemars(range(min = 0.0, max = LARGEST_MOVE))]
    pub strength: f64,
    /// Distance within which places move much alike, in pixels; above twice the strength, or
    /// pictures fold over themselves. Default: 8.
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
