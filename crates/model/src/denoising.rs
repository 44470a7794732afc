//! The denoising autoencoder: any other model whose input is corrupted while its target stays clean
//! (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008).

use burn::prelude::*;

use crate::config::{Corruption, DenoisingConfig, ModelConfig};
use crate::network::{Ends, ModelError};
use crate::noise::{Noise, Source};

impl DenoisingConfig {
    /// Checks the corruptions, each for the images that those before it give, and says what the model
    /// below lies between.
    ///
    /// # Errors
    /// The first corruption that cannot work.
    pub(crate) fn inside(&self, ends: Ends) -> Result<Ends, ModelError> {
        let mut input = ends.input;
        for (place, corruption) in self.corruption.iter().enumerate() {
            input = corruption.check(input).map_err(|error| {
                let outer = match self.corruption.len() {
                    1 => "corruption".into(),
                    _ => format!("corruption.{place}"),
                };
                error.within(&outer)
            })?;
        }
        Ok(Ends {
            input,
            residual: ends.residual || self.residual,
            ..ends
        })
    }
}

/// The corruptions before a model's encoder, from the outside in; none where it is not denoising.
#[derive(Clone, Debug)]
pub(crate) struct Denoising(Vec<Corruption>);

impl Denoising {
    /// The corruptions among a config's wrappers.
    pub(crate) fn of(config: &ModelConfig) -> Self {
        let mut corruptions = Vec::new();
        let mut at = config;
        loop {
            at = match at {
                ModelConfig::Denoising(denoising) => {
                    corruptions.extend(denoising.corruption.iter().cloned());
                    &denoising.of
                }
                ModelConfig::Sparse(sparse) => &sparse.of,
                ModelConfig::Dense(_) | ModelConfig::Conv(_) => return Self(corruptions),
            }
        }
    }

    /// The corruptions in the order in which they are done.
    pub(crate) fn corruptions(&self) -> &[Corruption] {
        &self.0
    }

    /// The corrupted images in [0, 1], from images `[batch, C, H, W]`, and what is missing of them,
    /// `[batch, 1, H, W]`, where a corruption takes parts away.
    pub(crate) fn corrupt(
        &self,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let device = images.device();
        if let (Noise::Device { seed }, false) = (noise, self.0.is_empty()) {
            device.seed(seed);
        }
        let start = (images, None);
        let chain = self.0.iter().enumerate();
        chain.fold(start, |(images, missing), (place, corruption)| {
            let mut source = Source::new(noise, place, &device);
            let (images, more) = corruption.apply(images, &mut source);
            let missing = match (missing, more) {
                (Some(one), Some(other)) => Some(one.max_pair(other)),
                (one, other) => one.or(other),
            };
            (images, missing)
        })
    }
}

#[cfg(test)]
#[path = "denoising_tests.rs"]
mod tests;
