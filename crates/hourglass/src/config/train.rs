//! What a config says about training: how long, with which loss, optimizer and schedule.

use model::config::{
    optional_word_or_table, optional_word_or_table_schema, word_or_table, word_or_table_schema,
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
    /// Images in one step. Default: 128.
    #[schemars(range(min = 1, max = MOST))]
    pub batch_size: usize,
    /// What is minimised. Default: auto.
    pub loss: LossChoice,
    /// How the weights follow the gradient: a word, which takes the default options, or a table.
    /// Default: adam.
    #[serde(deserialize_with = "word_or_table")]
    #[schemars(schema_with = "word_or_table_schema::<OptimizerConfig>")]
    pub optimizer: OptimizerConfig,
    /// Step size of the optimizer, where the schedule starts from. Default: 0.001.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub learning_rate: f64,
    /// How the learning rate changes: a word, which takes the default options, or a table.
    /// Default: constant.
    #[serde(deserialize_with = "word_or_table")]
    #[schemars(schema_with = "word_or_table_schema::<ScheduleConfig>")]
    pub schedule: ScheduleConfig,
    /// Largest Euclidean norm of all gradients together; longer ones are scaled down to it.
    /// Default: no limit.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clip_norm: Option<f64>,
    /// Stop early after so many epochs in which the validation loss did not improve. Default:
    /// never.
    #[schemars(range(min = 1, max = MOST))]
    pub patience: Option<usize>,
    /// How much lower the validation loss must be to count as improved. Default: 0.
    #[schemars(range(min = 0.0))]
    pub min_delta: f64,
    /// Training of the layers by themselves, before they are trained together: a word, which takes
    /// the default options, or a table. Default: none.
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

/// Training of the layers by themselves, before they are trained together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PretrainConfig {
    /// One encoder layer after the other, from the input to the code, each with its mirror in the
    /// decoder as a shallow autoencoder of what the layers below it give (Hinton & Salakhutdinov
    /// 2006, Bengio et al. 2007). The decoder must be the encoder's mirror, with weights of its own.
    Layerwise {
        /// Passes over the training images for each layer, with optimizer, learning rate and schedule
        /// as in the training that follows. Default: 5.
        #[serde(default = "five")]
        #[schemars(range(min = 1, max = MOST))]
        epochs: usize,
    },
}

/// What training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossChoice {
    /// Binary cross-entropy where the inputs lie in [0, 1] and the model is not residual, else the mean
    /// squared error.
    Auto,
    /// The mean squared error.
    Mse,
    /// The binary cross-entropy.
    Bce,
}

/// How the weights follow the gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma & Ba 2015).
    Adam {
        /// Decay of the mean of the gradients, per step. Default: 0.9.
        #[serde(default = "beta1")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta1: f64,
        /// Decay of the mean of the squared gradients, per step. Default: 0.999.
        #[serde(default = "beta2")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta2: f64,
        /// Added to the denominator, so that it is never zero. Default: 1e-8.
        #[serde(default = "epsilon")]
        #[schemars(extend("exclusiveMinimum" = 0))]
        epsilon: f64,
        /// Times the weights, added to the gradients. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    AdamW {
        /// Decay of the mean of the gradients, per step. Default: 0.9.
        #[serde(default = "beta1")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta1: f64,
        /// Decay of the mean of the squared gradients, per step. Default: 0.999.
        #[serde(default = "beta2")]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        beta2: f64,
        /// Added to the denominator, so that it is never zero. Default: 1e-8.
        #[serde(default = "epsilon")]
        #[schemars(extend("exclusiveMinimum" = 0))]
        epsilon: f64,
        /// Times the learning rate, what the weights lose in each step. Default: 0.01.
        #[serde(default = "hundredth")]
        #[schemars(range(min = 0.0))]
        weight_decay: f64,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that goes into the next. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        momentum: f64,
        /// Whether the momentum is Nesterov's; needs a `momentum`. Default: false.
        #[serde(default)]
        nesterov: bool,
        /// Times the weights, added to the gradients. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        weight_decay: f64,
    },
}

/// How the learning rate changes in the course of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// It stays the same.
    Constant {
        /// Epochs in which it first rises from zero, in a straight line. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        warmup_epochs: f64,
    },
    /// It falls along half a wave of the cosine.
    Cosine {
        /// Epochs in which it first rises from zero, in a straight line. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        warmup_epochs: f64,
        /// The learning rate at the end. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        final_learning_rate: f64,
    },
    /// It falls at once, every so many epochs.
    Step {
        /// Epochs from one fall to the next. Default: 10.
        #[serde(default = "ten")]
        #[schemars(range(min = 1, max = MOST))]
        every: usize,
        /// What it is multiplied by at each fall. Default: 0.1.
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
