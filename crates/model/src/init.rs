//! Initial weights, drawn on the host from the seed, so that a model starts from the same weights
//! on every backend.
//!
//! Weights and biases are uniform in `±1/sqrt(fan_in)` (He et al. 2015 with gain `1/sqrt(3)`), which
//! is what PyTorch's `nn.Linear` and `nn.Conv2d` start from. Batch normalisation starts as the
//! identity, and the biases of a tied decoder at zero.

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A value in [0, 1) from 32 random bits: the upper 24 fill an f32's mantissa exactly.
pub(crate) fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 / (1u32 << 24) as f32
}

/// Gives every weight and bias of the module its initial value for the seed.
pub(crate) fn draw<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut Draw {
        rng: ChaCha8Rng::seed_from_u64(seed),
        path: Vec::new(),
        bound: 0.0,
    })
}

struct Draw {
    rng: ChaCha8Rng,
    /// Field name and type of what holds it, from the module down to the parameter.
    path: Vec<(String, String)>,
    /// Bound of the layer whose weight was drawn last, for the bias that follows it.
    bound: f32,
}

impl ModuleMapper for Draw {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push((name.to_owned(), container.to_owned()));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let device = param.lazy_device();
        let dims: Vec<usize> = shape.iter().copied().collect();
        let (name, container) = match self.path.last() {
            Some((name, container)) => (name.as_str(), container.as_str()),
            None => ("", ""),
        };
        if name == "weight" {
            let fan_in: usize = match (container, dims.as_slice()) {
                ("Struct:Linear", [inputs, _]) => *inputs,
                // PyTorch takes the second axis for transposed convolutions too.
                (_, [_, rest @ ..]) => rest.iter().product(),
                _ => 1,
            };
            self.bound = 1.0 / (fan_in as f32).sqrt();
        } else if !(name == "bias" && container.starts_with("Struct:")) {
            // Batch normalisation and tied biases keep their constant start.
            return param;
        }
        let values: Vec<f32> = (0..shape.num_elements())
            .map(|_| (unit(self.rng.next_u32()) * 2.0 - 1.0) * self.bound)
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        // The parameter's setting, not the tensor's: it also holds on a device without gradients.
        Param::initialized(param.id, tensor).set_require_grad(true)
    }
}
