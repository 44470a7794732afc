//! What a config says about penalties: their kinds and how much they weigh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GREATEST, WIDEST, one};

/// What is added to the loss, or done to the code, so that few of its values are active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Penalty {
    /// The mean absolute value of the code, times a weight.
    L1 {
        /// What the penalty is multiplied by before it is added to the loss. Default: 0.001.
        #[serde(default = "thousandth")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        weight: f64,
    },
    /// The Kullback-Leibler divergence of each code value's mean over the batch from a target.
    /// It needs a code in (0, 1), which `"code_activation": "sigmoid"` gives.
    Kl {
        /// The target of the mean. Default: 0.05.
        #[serde(default = "twentieth")]
        #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
        rho: f64,
        /// What the penalty is multiplied by before it is added to the loss. Default: 1.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        beta: f64,
    },
    /// Keep the largest values of each image's code and set the others to zero.
    TopK {
        /// How many values are kept.
        #[schemars(range(min = 1, max = WIDEST))]
        k: usize,
        /// Epochs of training in which the number kept falls from all to `k`, in a straight line:
        /// otherwise most units of a large code are never among the largest and learn nothing
        /// (Makhzani & Frey 2013). Evaluation keeps `k` at all times. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        anneal_epochs: f64,
    },
}

fn thousandth() -> f64 {
    1e-3
}

fn twentieth() -> f64 {
    0.05
}
