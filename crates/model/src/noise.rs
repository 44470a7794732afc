//! Noise: where the random numbers of corruptions come from. Training draws on the device;
//! evaluation draws on the host from a seeded stream, so that every backend is measured on the same
//! corrupted pictures.

use burn::prelude::*;
use burn::tensor::Distribution;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::init::unit;

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Drawn on the device after seeding it: for training steps.
    Device {
        /// Seed of the step.
        seed: u64,
    },
    /// Drawn on the host, the same on every backend: for evaluation.
    Host {
        /// Seed of the batch.
        seed: u64,
    },
}

/// What a seed is changed by for penalties, so that they do not repeat the noise of the input.
const PENALTIES: u64 = 0x9e37_79b9_7f4a_7c15;

impl Noise {
    /// Seeds the device, if the device draws. It goes before the first [`Source`] of a batch.
    pub(crate) fn start(self, device: &Device) {
        if let Noise::Device { seed } = self {
            device.seed(seed);
        }
    }

    /// The noise of the same batch's penalties.
    pub(crate) fn of_penalties(self) -> Self {
        match self {
            Noise::Device { seed } => Noise::Device {
                seed: seed ^ PENALTIES,
            },
            Noise::Host { seed } => Noise::Host {
                seed: seed ^ PENALTIES,
            },
        }
    }
}

/// What is drawn once for a picture comes from a stream of its own, this far from that of its
/// values, so that it does not depend on the number of pictures in a batch.
const PICTURES: u64 = 1 << 63;

/// The random numbers of one corruption of one batch.
pub(crate) struct Source {
    device: Device,
    /// Generators of values and of pictures; `None` if the device draws.
    host: Option<[ChaCha8Rng; 2]>,
}

impl Source {
    /// The source for the corruption at `place` in its chain. A device must have been seeded.
    pub(crate) fn new(noise: Noise, place: usize, device: &Device) -> Self {
        let host = match noise {
            Noise::Device { .. } => None,
            Noise::Host { seed } => Some([0, PICTURES].map(|offset| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(offset + place as u64);
                rng
            })),
        };
        Self {
            device: device.clone(),
            host,
        }
    }

    /// Standard normal values.
    pub(crate) fn normal<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        match &mut self.host {
            Some([values, _]) => {
                let drawn = normal(values, shape.iter().product());
                Tensor::from_data(TensorData::new(drawn, shape), &self.device)
            }
            None => Tensor::random(shape, Distribution::Normal(0.0, 1.0), &self.device),
        }
    }

    /// Values uniform in [0, 1).
    pub(crate) fn uniform(&mut self, shape: [usize; 4]) -> Tensor<4> {
        self.uniform_of(0, shape)
    }

    /// `count` values for each picture, uniform in [0, 1), as `[batch, count, 1, 1]`.
    pub(crate) fn for_pictures(&mut self, batch: usize, count: usize) -> Tensor<4> {
        self.uniform_of(1, [batch, count, 1, 1])
    }

    fn uniform_of(&mut self, generator: usize, shape: [usize; 4]) -> Tensor<4> {
        match self.host.as_mut().and_then(|it| it.get_mut(generator)) {
            Some(rng) => {
                let drawn = uniform(rng, shape.iter().product());
                Tensor::from_data(TensorData::new(drawn, shape), &self.device)
            }
            None => Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &self.device),
        }
    }
}

fn uniform(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| unit(rng.next_u32())).collect()
}

fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
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
