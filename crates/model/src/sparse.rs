//! The sparse autoencoder: any other model with a penalty on its code, so that few units are active
//! for any one picture.

use burn::prelude::*;

use crate::config::{Activation, ModelConfig, Penalty, SparseConfig};
use crate::network::{Layer, ModelError, reject_no_units};

impl SparseConfig {
    /// Checks the penalty against the code it is put on.
    ///
    /// # Errors
    /// KL without a sigmoid on the code, or top-k that keeps none or more units than the code has.
    pub(crate) fn check(&self, layers: &[Layer]) -> Result<(), ModelError> {
        let Some(code) = layers.iter().find(|layer| layer.name == "code") else {
            return Ok(());
        };
        let units: usize = code.output.iter().product();
        if let Penalty::TopK { k } = self.penalty {
            reject_no_units("penalty.k", k)?;
        }
        match self.penalty {
            Penalty::Kl { .. } if code.activation != Some(Activation::Sigmoid) => {
                Err(ModelError::new(
                    "penalty.kind",
                    "found \"kl\" on a code that is not in (0, 1)".into(),
                    "\"kl\" with \"code_activation\": \"sigmoid\", or \"l1\" or \"top_k\"".into(),
                ))
            }
            Penalty::TopK { k } if k > units => Err(ModelError::new(
                "penalty.k",
                format!("found {k} for a code of {units} units"),
                format!("1 to {units}"),
            )),
            _ => Ok(()),
        }
    }
}

/// The penalties on a model's code, from the outside in; none where the model is not sparse.
#[derive(Clone, Debug)]
pub(crate) struct Sparse(Vec<Penalty>);

impl Sparse {
    /// The penalties among a config's wrappers.
    pub(crate) fn of(config: &ModelConfig) -> Self {
        let mut penalties = Vec::new();
        let mut at = config;
        loop {
            at = match at {
                ModelConfig::Sparse(sparse) => {
                    penalties.push(sparse.penalty.clone());
                    &sparse.of
                }
                ModelConfig::Denoising(denoising) => &denoising.of,
                ModelConfig::Dense(_) | ModelConfig::Conv(_) => return Self(penalties),
            }
        }
    }

    /// The code as the decoder sees it, `[batch, code_size]`.
    pub(crate) fn constrain(&self, code: Tensor<2>) -> Tensor<2> {
        self.0
            .iter()
            .fold(code, |code, penalty| penalty.constrain(code))
    }

    /// What the penalties add to the loss, if anything, shape `[1]`.
    pub(crate) fn penalty(&self, code: &Tensor<2>) -> Option<Tensor<1>> {
        self.0
            .iter()
            .filter_map(|penalty| penalty.forward(code))
            .reduce(|sum, penalty| sum + penalty)
    }
}
