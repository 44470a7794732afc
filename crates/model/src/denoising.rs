//! The denoising autoencoder: any other model whose input is corrupted while its target stays clean
//! (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008).

use burn::prelude::*;

use crate::config::{Corruption, ModelConfig};

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Fresh noise drawn on the device after seeding it: for training steps.
    Device {
        /// Seed of the step.
        seed: u64,
    },
    /// Noise drawn on the host, the same on every backend: for evaluation.
    Host {
        /// Seed of the batch.
        seed: u64,
    },
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
                    corruptions.push(denoising.corruption.clone());
                    &denoising.of
                }
                ModelConfig::Sparse(sparse) => &sparse.of,
                ModelConfig::Dense(_) | ModelConfig::Conv(_) => return Self(corruptions),
            }
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The corrupted images, `[batch, C, H, W]` in [0, 1]; the images themselves where there is no
    /// corruption.
    pub(crate) fn corrupt(&self, images: Tensor<4>, noise: Noise) -> Tensor<4> {
        let device = images.device();
        if let (Noise::Device { seed }, false) = (noise, self.is_empty()) {
            device.seed(seed);
        }
        self.0
            .iter()
            .enumerate()
            .fold(images, |images, (i, corruption)| {
                let shape = images.dims();
                let noise = match noise {
                    Noise::Device { .. } => corruption.draw(shape, &device),
                    Noise::Host { seed } => {
                        let values =
                            corruption.draw_on_host(shape.iter().product(), seed, i as u64);
                        Tensor::from_data(TensorData::new(values, shape), &device)
                    }
                };
                corruption.apply(images, noise)
            })
    }
}
