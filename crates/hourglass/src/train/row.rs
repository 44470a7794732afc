//! Rows: the figures of an epoch, a line each in `metrics.jsonl` and `pretrain.jsonl`.

use serde::{Deserialize, Serialize};

use crate::files::or_nan;

/// The file of figures, a line for each epoch.
pub const METRICS: &str = "metrics.jsonl";

/// The same for layers that are trained by themselves, a line for each layer and epoch. They have a
/// file of their own because they are of other losses.
pub const LAYERS: &str = "pretrain.jsonl";

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Optimizer steps made in all epochs.
    pub step: usize,
    /// Seconds spent in this epoch's steps.
    #[serde(deserialize_with = "or_nan")]
    pub seconds: f64,
    /// Images trained on per second, in those.
    #[serde(deserialize_with = "or_nan")]
    pub images_per_s: f64,
    /// The last step's learning rate.
    #[serde(deserialize_with = "or_nan")]
    pub lr: f64,
    /// Mean loss of the epoch's images, each before the step that it was part of.
    #[serde(rename = "train/loss", deserialize_with = "or_nan")]
    pub train_loss: f64,
    /// The same of the validation images, after the epoch; `None` if there are none, as for the next three.
    #[serde(rename = "val/loss", skip_serializing_if = "Option::is_none", default)]
    pub val_loss: Option<f64>,
    /// Their mean squared error per value.
    #[serde(rename = "val/mse", skip_serializing_if = "Option::is_none", default)]
    pub val_mse: Option<f64>,
    /// Their binary cross-entropy per value, in nats.
    #[serde(rename = "val/bce", skip_serializing_if = "Option::is_none", default)]
    pub val_bce: Option<f64>,
    /// Their mean PSNR in dB.
    #[serde(rename = "val/psnr", skip_serializing_if = "Option::is_none", default)]
    pub val_psnr: Option<f64>,
    /// Bits of their codes for each pixel, if bits count.
    #[serde(
        rename = "val/bits_per_pixel",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub val_bits_per_pixel: Option<f64>,
}

impl Row {
    /// The figures that programs which watch a training draw over its steps, by their names.
    pub fn figures(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("train/loss", Some(self.train_loss)),
            ("val/loss", self.val_loss),
            ("val/mse", self.val_mse),
            ("val/bce", self.val_bce),
            ("val/psnr", self.val_psnr),
            ("val/bits_per_pixel", self.val_bits_per_pixel),
            ("lr", Some(self.lr)),
            ("images_per_s", Some(self.images_per_s)),
        ]
    }
}

/// One line of `pretrain.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// The encoder layer.
    pub layer: String,
    /// Of this layer, as is the step.
    pub epoch: usize,
    /// Optimizer steps made.
    pub step: usize,
    /// Seconds spent in this epoch's steps.
    #[serde(deserialize_with = "or_nan")]
    pub seconds: f64,
    /// Images trained on per second, in those.
    #[serde(deserialize_with = "or_nan")]
    pub images_per_s: f64,
    /// The last step's learning rate.
    #[serde(deserialize_with = "or_nan")]
    pub lr: f64,
    /// Of the first layer the config's loss, of the others the mean squared error of what is below them.
    #[serde(rename = "train/loss", deserialize_with = "or_nan")]
    pub train_loss: f64,
}
