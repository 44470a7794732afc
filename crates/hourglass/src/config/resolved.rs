//! The resolved config: everything a run does, with all defaults filled in.

use model::config::ModelConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::init::InitConfig;
use super::source::DataConfig;
use super::track::TrackConfig;
use super::train::{LossChoice, OptimizerConfig, ScheduleConfig, TrainConfig};

/// The upper bound of every count. It is far more than any run needs, and two counts multiply
/// without overflow.
pub(super) const MOST: usize = 1 << 31;

/// The largest seed, 2^53: integers up to it survive programs that read JSON numbers as floats.
pub(super) const LARGEST_SEED: u64 = 1 << f64::MANTISSA_DIGITS;

/// The training of an autoencoder: the data, the model and how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Hourglass config")]
pub struct Config {
    /// The schema that editors use to complete and check this file: `schema.json`.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What the config is for, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seed of all randomness: the same seed repeats the run. Default: 42.
    #[serde(default = "forty_two")]
    #[schemars(range(max = LARGEST_SEED))]
    pub seed: u64,
    /// The compute backend. Default: auto.
    #[serde(default)]
    pub backend: BackendChoice,
    /// The images to train and test on.
    pub data: DataConfig,
    /// The autoencoder.
    pub model: ModelConfig,
    /// Layers of an earlier run to start from. Default: none; all layers are initialised randomly from
    /// the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitConfig>,
    /// How the model is trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// Whether to also write an event file for TensorBoard into the run's folder, with the figures and
    /// sample pictures of every epoch. Default: false.
    #[serde(default)]
    pub tensorboard: bool,
    /// A server that gets parameters, figures, report and pictures too. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackConfig>,
}

/// The compute backend of Burn, which must have been compiled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// The fastest compiled backend that finds its device.
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
    /// An Apple GPU, through Metal.
    Metal,
    /// An NVIDIA GPU, through CUDA.
    Cuda,
    /// An AMD GPU, through ROCm.
    Rocm,
}

impl Config {
    /// The config without the path of its schema, which is relative to the file it was read from.
    pub fn without_schema(&self) -> Self {
        Self {
            schema: None,
            ..self.clone()
        }
    }

    /// The seed that draws the test and validation images.
    pub fn split_seed(&self) -> u64 {
        self.data.split_seed().unwrap_or(self.seed)
    }

    /// Contradictions between keys that are each valid: key paths and messages.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let validates = self.data.validation() != Some(0);
        if let (Some(patience), false) = (self.train.patience, validates) {
            let cure = "set data.validation above 0, or patience to null";
            let text = format!("found {patience} without validation images; {cure}");
            found.push(("train.patience", text));
        }
        if let Some(text) = self.track.as_ref().and_then(TrackConfig::contradiction) {
            found.push(("track.mlflow", text));
        }
        found.extend(self.data.contradictions());
        for (path, value) in self.data.without_patch() {
            let text =
                format!("found {value} without data.patch; set data.patch, or remove this key");
            found.push((path, text));
        }
        if let OptimizerConfig::Sgd {
            momentum,
            nesterov: true,
            ..
        } = self.train.optimizer
            && momentum == 0.0
        {
            let text = "found true without momentum; set train.optimizer.momentum above 0";
            found.push(("train.optimizer.nesterov", text.to_string()));
        }
        if self.train.loss == LossChoice::Bce && self.model.gives_values() {
            let which = match (self.model.is_residual(), self.model.rate_weight()) {
                (true, _) => "with \"residual\": true",
                (false, Some(_)) => "with the penalty \"rate\"",
                (false, None) => "of the kind \"linear\"",
            };
            let cure = format!(
                "for a model {which}, whose output is not a probability; use \"mse\" or \"auto\""
            );
            found.push(("train.loss", format!("found \"bce\" {cure}")));
        }
        let learning_rate = self.train.learning_rate;
        if let ScheduleConfig::Cosine {
            final_learning_rate,
            ..
        } = self.train.schedule
            && final_learning_rate > learning_rate
        {
            let allowed = format!("at most train.learning_rate, which is {learning_rate}");
            let text = format!("found {final_learning_rate}; allowed: {allowed}");
            found.push(("train.schedule.final_learning_rate", text));
        }
        found
    }
}

/// The seed of a config that has none.
pub(super) fn forty_two() -> u64 {
    42
}
