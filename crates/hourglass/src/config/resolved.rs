//! The resolved config: what a run does, with every default filled in.

use model::config::ModelConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::init::InitConfig;
use super::source::DataConfig;
use super::train::{LossChoice, OptimizerConfig, ScheduleConfig, TrainConfig};

/// The bound of every count. Far more than any run needs, and two of them multiply without
/// overflow.
pub(super) const MOST: usize = 1 << 31;

/// The largest seed, 2^53: the integers up to it survive every program that reads JSON numbers as
/// floats.
const LARGEST_SEED: u64 = 1 << f64::MANTISSA_DIGITS;

/// A training of an autoencoder: its data, its model and how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Hourglass config")]
pub struct Config {
    /// The schema that editors complete and check this file with: `schema.json`.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What the config shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where all randomness comes from: the same seed repeats the run. Default: 42.
    #[serde(default = "forty_two")]
    #[schemars(range(max = LARGEST_SEED))]
    pub seed: u64,
    /// What computes. Default: auto.
    #[serde(default)]
    pub backend: BackendChoice,
    /// The images to train and test on.
    pub data: DataConfig,
    /// The autoencoder.
    pub model: ModelConfig,
    /// Layers of an earlier run that the model starts from. Default: none; all layers are drawn by
    /// the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitConfig>,
    /// How the model is trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// Whether the run's folder also gets an event file for TensorBoard, with the figures and the
    /// sample pictures of every epoch. Default: false.
    #[serde(default)]
    pub tensorboard: bool,
}

/// What computes: a backend of Burn, which must have been compiled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// The fastest of those that were compiled in and find their device.
    #[default]
    Auto,
    /// The CPU, with Burn's own kernels.
    Flex,
    /// The CPU, with ndarray.
    Ndarray,
    /// A GPU, through WebGPU.
    Wgpu,
    /// A GPU, through Vulkan.
    Vulkan,
    /// A GPU of Apple, through Metal.
    Metal,
    /// A GPU of NVIDIA, through CUDA.
    Cuda,
    /// A GPU of AMD, through ROCm.
    Rocm,
}

impl Config {
    /// The config without the path of its schema, which only holds beside the file it was read
    /// from.
    pub fn without_schema(&self) -> Self {
        Self {
            schema: None,
            ..self.clone()
        }
    }

    /// What is wrong with the config although each key by itself is right: key paths and texts.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let validates = match &self.data {
            DataConfig::Mnist { validation, .. } | DataConfig::Idx { validation, .. } => {
                *validation > 0
            }
            DataConfig::Images { validation, .. } | DataConfig::Photos { validation, .. } => {
                *validation != Some(0)
            }
        };
        if let (Some(patience), false) = (self.train.patience, validates) {
            let allowed = "null where data.validation is 0, for it watches the validation loss";
            let text = format!("found {patience}; allowed: {allowed}");
            found.push(("train.patience", text));
        }
        for (path, value) in self.data.without_patch() {
            let text = format!("found {value}; allowed: null without data.patch");
            found.push((path, text));
        }
        if let OptimizerConfig::Sgd {
            momentum,
            nesterov: true,
            ..
        } = self.train.optimizer
            && momentum == 0.0
        {
            let text = "found true; allowed: false where train.optimizer.momentum is 0";
            found.push(("train.optimizer.nesterov", text.to_string()));
        }
        if self.train.loss == LossChoice::Bce && self.model.is_residual() {
            let allowed = "\"mse\" or \"auto\" where a model has \"residual\": true, for what it gives is \
                           no probability";
            found.push(("train.loss", format!("found \"bce\"; allowed: {allowed}")));
        }
        let learning_rate = self.train.learning_rate;
        if let ScheduleConfig::Cosine {
            final_learning_rate,
            ..
        } = self.train.schedule
            && final_learning_rate > learning_rate
        {
            let allowed = format!("a number up to train.learning_rate, which is {learning_rate}");
            let text = format!("found {final_learning_rate}; allowed: {allowed}");
            found.push(("train.schedule.final_learning_rate", text));
        }
        found
    }
}

fn forty_two() -> u64 {
    42
}
