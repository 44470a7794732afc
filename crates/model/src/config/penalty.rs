//! What a config says about penalties: their kinds and how much they weigh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GREATEST, WIDEST, one};

/// What keeps the code sparse or cheap: a penalty that is added to the loss, or a rule for the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Penalty {
    /// L1: the mean absolute value of the code.
    L1 {
        /// Weight of the penalty in the loss. Default: 0.001.
        #[serde(default = "thousandth")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        weight: f64,
    },
    /// The Kullback-Leibler divergence between a target and the mean of each code value over the
    /// batch. Needs a code in (0, 1): set `"code_activation": "sigmoid"`.
    Kl {
        /// Target for the mean of each code value. Default: 0.05.
        #[serde(default = "twentieth")]
        #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
        rho: f64,
        /// Weight of the penalty in the loss. Default: 1.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        beta: f64,
    },
    /// Top-k: keeps the largest values of each image's code and sets the others to zero.
    TopK {
        /// Number of values to keep.
        #[schemars(range(min = 1, max = WIDEST))]
        k: usize,
        /// Epochs in which the number of kept values falls linearly from all to `k`. Without it,
        /// most units of a large code are never among the largest and learn nothing (Makhzani &
        /// Frey 2013). Evaluation always keeps `k`. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = GREATEST))]
        anneal_epochs: f64,
    },
    /// Rate: the bits that the code takes in a compressed file (Ballé et al. 2018). The code must be a feature
    /// map. Training adds uniform noise of one step to it and learns how likely its values are; otherwise it is
    /// rounded to whole numbers. The output is the picture's values, with the mse loss.
    Rate {
        /// What one bit per pixel weighs beside the mean squared error: less gives larger files and better
        /// pictures. Default: 0.002, at which photographs take about half a bit per pixel.
        #[serde(default = "two_thousandths")]
        #[schemars(range(min = 0.0, max = GREATEST))]
        lambda: f64,
    },
}

fn two_thousandths() -> f64 {
    2e-3
}

fn thousandth() -> f64 {
    1e-3
}

fn twentieth() -> f64 {
    0.05
}
