//! Output: what a decoder gives, before it is made a picture or compared with one.

use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::activation::sigmoid;

use crate::loss::Loss;
use crate::range::{self, Category};

/// What a decoder gives for a batch.
#[derive(Clone, Debug)]
pub enum Output<const D: usize = 4> {
    /// Logits: their sigmoid is the reconstruction.
    Logits(Tensor<D>),
    /// The reconstruction itself, which may leave [0, 1]: a residual model's.
    Values(Tensor<D>),
    /// Numbers of any size, and logits of categories.
    Real(Tensor<D>, Arc<[Category]>),
}

impl<const D: usize> Output<D> {
    /// The reconstruction, of pictures in [0, 1].
    pub fn reconstruction(self) -> Tensor<D> {
        match self {
            Output::Logits(logits) => sigmoid(logits),
            Output::Values(values) => values.clamp(0.0, 1.0),
            Output::Real(raw, categories) => range::reconstruction(raw, &categories),
        }
    }

    /// The loss, shape `[1]`, for a target of the same shape in [0, 1]. `loss` is for logits; values
    /// are not probabilities and have the mean squared error, which
    /// [`default_loss`](crate::ModelConfig::default_loss) gives for models with such outputs. Real values
    /// have that too, of any size, and categories their cross-entropy; what is NaN in the target is missing
    /// and does not count.
    pub fn loss(self, target: Tensor<D>, loss: Loss) -> Tensor<1> {
        match self {
            Output::Logits(logits) => loss.forward(logits, target),
            Output::Values(values) => (values - target).square().mean(),
            Output::Real(raw, categories) => range::loss(raw, target, &categories),
        }
    }
}
