//! Corruption: the noise that a denoising autoencoder's input gets and its target does not.
//!
//! A corruption is two steps: draw one value per pixel, then apply a formula. Training draws on the
//! device, evaluation draws on the host from a seeded stream, so that every backend is measured on
//! the same noisy pictures.

use burn::prelude::*;
use burn::tensor::Distribution;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::Corruption;
use crate::init::unit;

impl Corruption {
    /// Whether the noise is normal (gaussian, speckle) or uniform in [0, 1) (masking,
    /// salt-and-pepper).
    fn is_normal(&self) -> bool {
        matches!(
            self,
            Corruption::Gaussian { .. } | Corruption::Speckle { .. }
        )
    }

    /// Noise for a batch of the shape, drawn on the device from its current seed.
    pub(crate) fn draw(&self, shape: [usize; 4], device: &Device) -> Tensor<4> {
        let distribution = if self.is_normal() {
            Distribution::Normal(0.0, 1.0)
        } else {
            Distribution::Uniform(0.0, 1.0)
        };
        Tensor::random(shape, distribution, device)
    }

    /// Noise for `count` values, drawn on the host: the same for a seed on every backend and machine.
    /// Each corruption of a chain takes a `stream` of its own.
    pub(crate) fn draw_on_host(&self, count: usize, seed: u64, stream: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        if !self.is_normal() {
            return (0..count).map(|_| unit(rng.next_u32())).collect();
        }
        // Box and Muller (1958): two uniform values give two independent normal ones.
        let mut noise = Vec::with_capacity(count + 1);
        while noise.len() < count {
            let radius = (-2.0 * (1.0 - unit(rng.next_u32())).ln()).sqrt();
            let angle = std::f32::consts::TAU * unit(rng.next_u32());
            noise.push(radius * angle.cos());
            noise.push(radius * angle.sin());
        }
        noise.truncate(count);
        noise
    }

    /// The corrupted pictures, in [0, 1], from clean ones and noise of the same shape.
    ///
    /// - gaussian: `clip(x + std n)`; speckle: `clip(x (1 + std n))`
    /// - masking: zero with the given probability; salt-and-pepper: black or white with half of it
    ///   each
    pub(crate) fn apply(&self, clean: Tensor<4>, noise: Tensor<4>) -> Tensor<4> {
        match *self {
            Corruption::Gaussian { std } => (clean + noise * std).clamp(0.0, 1.0),
            Corruption::Speckle { std } => (clean * (noise * std + 1.0)).clamp(0.0, 1.0),
            Corruption::Masking { probability } => {
                clean.mask_fill(noise.lower_elem(probability), 0.0)
            }
            Corruption::SaltAndPepper { probability } => {
                let pepper = noise.clone().lower_elem(probability / 2.0);
                let salt = noise.greater_equal_elem(1.0 - probability / 2.0);
                clean.mask_fill(pepper, 0.0).mask_fill(salt, 1.0)
            }
        }
    }
}

#[cfg(test)]
#[path = "corruption_tests.rs"]
mod tests;
