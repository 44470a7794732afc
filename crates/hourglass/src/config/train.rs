//! The config of training: how long, and with which loss, optimizer and schedule.

use model::config::{
    GREATEST, optional_word_or_table, optional_word_or_table_schema, word_or_table,
    word_or_table_schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolved::MOST;

/// How the model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training images. Default: 20.
    #[schemars(range(min = 1, max = MOST))]
    pub epochs: usize,
    /// Images per training step. Default: 128.
    #[schemars(range(min = 1, max = MOST))]
    pub batch_size: usize,
    /// The loss to minimise. Default: auto.
    pub loss: LossChoice,
    /// The optimizer: its name, for the default options, or an object with options. Default: adam.
    #[serde(deserialize_with = "word_or_table")]
    #[schemars(schema_with = "word_or_table_schema::<OptimizerConfig>")]
    pub optimizer: OptimizerConfig,
    /// Learning rate of the optimizer, which the schedule changes. Default: 0.001.
    #[schemars(range(max = GREATEST), extend("exclusiveMinimum" = 0))]
    pub learning_rate: f64,
    /// The learning rate schedule: its name, for the default options, or an object with options.
    /// Default: constant.
    #[serde(deserialize_with = "word_or_table")]
    #[schemars(schema_with = "word_or_table_schema::<ScheduleConfig>")]
    pub schedule: ScheduleConfig,
    /// Gradient clipping: the largest Euclidean norm of all gradients together; longer ones are scaled
    /// down to it. Default: no limit.
    #[schemars(range(max = GREATEST), extend("exclusiveMinimum" = 0))]
    pub clip_norm: Option<f64>,
    /// Early stopping: stop after this many epochs without improvement of the validation loss.
    /// Default: never.
    #[schemars(range(min = 1, max = MOST))]
    pub patience: Option<usize>,
    /// How much the validation loss must drop to count as an improvement. Default: 0.
    #[schemars(range(min = 0.0, max = GREATEST))]
    pub min_delta: f64,
    /// Pre-training of single layers before all layers are trained together: its name, for the default
    /// options, or an object with options. Default: none.
    #[serde(
        deserialize_with = "optional_word_or_table",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "optional_word_or_table_schema::<PretrainConfig>")]
    pub pretrain: Option<PretrainConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 128,
            loss: LossChoice::Auto,
            optimizer: OptimizerConfig::Adam {
                beta1: beta1(),
                beta2: beta2(),
                epsilon: epsilon(),
                weight_decay: 0.0,
            },
            learning_rate: 1e-3,
            schedule: ScheduleConfig::Constant { warmup_epochs: 0.0 },
            clip_norm: None,
            patience: None,
            min_delta: 0.0,
            pretrain: None,
        }
    }
}

/// Pre-training of single layers before all layers are trained together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PretrainConfig {
    /// One encoder layer after the other, from the input to the code, each together with its mirror in
    /// the decoder as a shallow autoencoder of the output of the layers below (Hinton & Salakhutdinov
    /// 2006, Bengio et al. 2007). The decoder must mirror the encoder, with untied weights.
    Layerwise {
        /// Passes over the training images per layer, with the same optimizer, learning rate and
        /// schedule as the training that follows. Default: 5.
        #[serde(default = "five")]
        #[schemars(range(min = 1, max = MOST))]
        epochs: usize,
    },
}

/// The loss that training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossChoice {
    /// Mean squared error if the model is residual or linear, because its output is not a probability,
    /// else binary cross-entropy.
    Auto,
    /// Mean squared error.
    Mse,
    /// Binary cross-entropy.
    Bce,
}

/// The optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma & Ba 2015).
    Adam {
        /// Decay rate of the running mean of the gradients. Default: 0.9.
        #[serde(default = "beta1")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta1: f64,
        /// Decay rate of the running mean of the squared gradients. Default: 0.999.
        #[serde(default = "beta2")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta2: f64,
        /// Added to the denominator, so that it is never zero. Default: 1e-8.
        #[serde(default = "epsilon")]
        #[schemars(range(max = GREATEST), extend("exclusiveMinimum" = 0))]
        epsilon: f64,
        /// L2 penalty: this factor times the weights is added to the gradients. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    AdamW {
        /// Decay rate of the running mean of the gradients. Default: 0.9.
        #[serde(default = "beta1")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta1: f64,
        /// Decay rate of the running mean of the squared gradients. Default: 0.999.
        #[serde(default = "beta2")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta2: f64,
        /// Added to the denominator, so that it is never zero. Default: 1e-8.
        #[serde(default = "epsilon")]
        #[schemars(range(max = GREATEST), extend("exclusiveMinimum" = 0))]
        epsilon: f64,
        /// Weight decay: each step shrinks the weights by this factor times the learning rate. Default: 0.01.
        #[serde(default = "hundredth")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        weight_decay: f64,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Momentum: the share of the last step that is added to the next one. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        momentum: f64,
        /// Whether to use Nesterov momentum; needs `momentum` above 0. Default: false.
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty: this factor times the weights is added to the gradients. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        weight_decay: f64,
    },
}

/// How the learning rate changes during training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// The learning rate stays constant.
    Constant {
        /// Epochs of linear warm-up from zero at the start. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        warmup_epochs: f64,
    },
    /// The learning rate falls along half a cosine wave.
    Cosine {
        /// Epochs of linear warm-up from zero at the start. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        warmup_epochs: f64,
        /// The learning rate at the end. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        final_learning_rate: f64,
    },
    /// The learning rate drops at regular intervals.
    Step {
        /// Epochs between drops. Default: 10.
        #[serde(default = "ten")]
        #[schemars(range(min = 1, max = MOST))]
        every: usize,
        /// Factor that the learning rate is multiplied by at each drop. Default: 0.1.
        #[serde(default = "tenth")]
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
        factor: f64,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

fn hundredth() -> f64 {
    0.01
}

fn tenth() -> f64 {
    0.1
}

fn five() -> usize {
    5
}

fn ten() -> usize {
    10
}
