//! Reconstruction losses between the decoder's logits and the target, averaged over every value.

use burn::prelude::*;
use burn::tensor::activation::{log_sigmoid, sigmoid};

/// What training minimises between target and reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Mean squared error between the target and the sigmoid of the logits.
    Mse,
    /// Binary cross-entropy of the logits; targets anywhere in [0, 1], as grey values are.
    Bce,
}

impl Loss {
    /// The loss, shape `[1]`, of logits and targets of one shape; targets lie in [0, 1].
    ///
    /// - `mse = mean((sigmoid(z) - t)^2)`
    /// - `bce = mean(softplus(z) - t z)` with `softplus(z) = -log_sigmoid(-z)`, which is
    ///   `-t log p - (1 - t) log(1 - p)` for `p = sigmoid(z)` and cannot overflow
    pub fn forward<const D: usize>(self, logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
        match self {
            Loss::Mse => (sigmoid(logits) - target).square().mean(),
            Loss::Bce => (log_sigmoid(logits.clone().neg()) + logits * target)
                .mean()
                .neg(),
        }
    }

    /// Its name in configs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Mse => "mse",
            Loss::Bce => "bce",
        }
    }
}
