//! Initial weights, drawn on the host from the seed, so that a model starts from the same weights
//! on every backend.
//!
//! Weights and biases are uniform in `±1/sqrt(fan_in)` (He et al. 2015 with gain `1/sqrt(3)`), which
//! is what PyTorch's `nn.Linear` and `nn.Conv2d` start from; a config's `initial_gain` multiplies the
//! weights. Batch normalisation starts as the identity, and the biases of a tied decoder at zero.

use burn::module::{ModuleMapper, Param};
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::layer::Layer;
use crate::path::Path;
use crate::shape::product;

/// A value in [0, 1) from 32 random bits: the upper 24 fill an f32's mantissa exactly.
pub(crate) fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 / (1u32 << 24) as f32
}

/// A dense layer with Burn's lazy initial weights.
pub(crate) fn linear(layer: &Layer, device: &Device) -> Linear {
    let inputs = product(&layer.input);
    LinearConfig::new(inputs, layer.size()).init(device)
}

/// Gives every weight and bias of the module its initial value for the seed; weights times `gain`.
pub(crate) fn draw<M: Module>(module: M, seed: u64, gain: f64) -> M {
    module.map(&mut Draw {
        rng: ChaCha8Rng::seed_from_u64(seed),
        gain: gain as f32,
        path: Path::default(),
        bound: 0.0,
    })
}

struct Draw {
    rng: ChaCha8Rng,
    /// What weights are multiplied by.
    gain: f32,
    path: Path,
    /// Bound of the layer whose weight was drawn last, for the bias that follows it.
    bound: f32,
}

impl ModuleMapper for Draw {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let device = param.lazy_device();
        let dims: Vec<usize> = shape.iter().copied().collect();
        let Some((name, container)) = self.path.last() else {
            return param;
        };
        let is_weight = name == "weight";
        if is_weight {
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
        let bound = if is_weight {
            self.bound * self.gain
        } else {
            self.bound
        };
        let values: Vec<f32> = (0..shape.num_elements())
            .map(|_| (unit(self.rng.next_u32()) * 2.0 - 1.0) * bound)
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        // The parameter's setting, not the tensor's: it also holds on a device without gradients.
        Param::initialized(param.id, tensor).set_require_grad(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::unit;
    use crate::fixtures::{Named, model, named, parameters};

    const INPUT: [usize; 3] = [3, 10, 12];

    fn all() -> Vec<Value> {
        let dense = json!({ "kind": "dense", "layers": [40], "code_size": 20 });
        let mut tied = dense.clone();
        tied["tied"] = true.into();
        vec![
            dense,
            tied,
            json!({
                "kind": "conv", "channels": [12, 16], "kernel": 5, "code_size": 20,
                "batch_norm": true,
            }),
            json!({ "kind": "conv", "channels": [12, 16], "upsample": "transposed" }),
        ]
    }

    fn values(json: Value, seed: u64) -> Vec<(String, Vec<f32>)> {
        let all = parameters(&model(json, INPUT, seed)).into_iter();
        all.map(|(name, _, values)| (name, values)).collect()
    }

    /// Whether a parameter starts from a constant: batch normalisation and tied biases.
    fn is_constant(name: &str) -> bool {
        name.contains(".norm.") || name.starts_with("decoder_bias.")
    }

    #[test]
    fn a_seed_gives_the_same_weights_on_every_call_and_another_seed_others() {
        for json in all() {
            let first = values(json.clone(), 7);
            assert_eq!(values(json.clone(), 7), first);
            for ((name, a), (_, b)) in first.iter().zip(&values(json, 8)) {
                assert_eq!(a == b, is_constant(name), "{name}");
            }
        }
    }

    #[test]
    fn a_gain_multiplies_weights_and_leaves_biases() {
        for mut json in all() {
            let plain = values(json.clone(), 7);
            json["initial_gain"] = 2.into();
            for ((name, plain), (_, found)) in plain.iter().zip(values(json, 7)) {
                let factor = if name.ends_with(".weight") && !is_constant(name) {
                    2.0
                } else {
                    1.0
                };
                let expected: Vec<f32> = plain.iter().map(|it| it * factor).collect();
                assert_eq!(found, expected, "{name}");
            }
        }
    }

    /// Burn would draw the weights of its lazy layers from one seed for the whole process.
    #[test]
    fn the_device_and_its_seed_have_no_say() {
        let json = all().remove(0);
        let expected = values(json.clone(), 7);
        let plain = burn::prelude::Device::flex();
        let model = crate::fixtures::config(json)
            .init(INPUT, 7, &plain)
            .unwrap();
        let found = parameters(&model).into_iter();
        let found: Vec<_> = found.map(|(name, _, values)| (name, values)).collect();
        assert_eq!(found, expected);
    }

    /// `nn.Linear` and the convolutions of PyTorch start uniform in `1 / sqrt(fan_in)` on both sides
    /// of zero, biases too; transposed convolutions count the channels that go out.
    #[test]
    fn weights_are_uniform_within_the_bounds_of_pytorch() {
        let fans = |json: Value, expected: &[(&str, usize)]| {
            let all: Named = parameters(&model(json, INPUT, 1));
            for &(layer, fan_in) in expected {
                let bound = 1.0 / (fan_in as f32).sqrt();
                let weight = named(&all, &format!("{layer}.weight"));
                let bias = named(&all, &format!("{layer}.bias"));
                let top = |v: &[f32]| v.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
                assert!(top(weight) <= bound && top(bias) <= bound, "{layer}");
                // At least 300 uniform values: the chance that all lie below 95 % is 2e-7.
                assert!(weight.len() >= 300 && top(weight) > 0.95 * bound, "{layer}");
                // Five standard errors of the mean and of the mean square of a uniform value.
                let n = weight.len() as f32;
                let of = |f: fn(f32) -> f32| weight.iter().map(|&w| f(w / bound)).sum::<f32>() / n;
                assert!(of(|w| w).abs() < 5.0 * 0.578 / n.sqrt(), "{layer}");
                assert!(
                    (of(|w| w * w) - 1.0 / 3.0).abs() < 5.0 * 0.299 / n.sqrt(),
                    "{layer}"
                );
                let distinct = bias.windows(2).all(|pair| pair[0] != pair[1]);
                assert!(distinct && top(bias) > 0.0, "{layer}");
            }
        };
        let [dense, tied, conv, transposed] = all().try_into().unwrap();
        fans(
            dense,
            &[
                ("encoder.0", 360),
                ("encoder.1", 40),
                ("decoder.0", 20),
                ("decoder.1", 40),
            ],
        );
        fans(tied, &[("encoder.0", 360), ("encoder.1", 40)]);
        // Two levels of 10 x 12 make a map of 16 x 3 x 3.
        fans(
            conv,
            &[
                ("encoder.0.conv", 3 * 25),
                ("encoder.1.conv", 12 * 25),
                ("code", 16 * 9),
                ("expand", 20),
                ("decoder.0.conv", 16 * 25),
                ("decoder.1.conv", 12 * 25),
            ],
        );
        fans(
            transposed,
            &[
                ("encoder.0.conv", 3 * 9),
                ("decoder.0.transposed", 12 * 9),
                ("decoder.1.transposed", 3 * 9),
            ],
        );
    }

    #[test]
    fn batch_normalisation_starts_as_the_identity_and_tied_biases_at_zero() {
        let mut seen = 0;
        for json in all() {
            for (name, values) in values(json, 1) {
                let start = match name.rsplit('.').next() {
                    _ if !is_constant(&name) => continue,
                    Some("weight" | "running_var") => 1.0,
                    _ => 0.0,
                };
                assert!(values.iter().all(|&v| v == start), "{name}");
                seen += 1;
            }
        }
        // Two tied biases; three normalisations of four.
        assert_eq!(seen, 2 + 12);
    }

    #[test]
    fn unit_values_lie_in_zero_to_one_with_one_left_out() {
        assert_eq!(unit(0), 0.0);
        assert_eq!(unit(1 << 31), 0.5);
        assert!(unit(u32::MAX) < 1.0);
        assert!(unit(u32::MAX) > 1.0 - 1e-7);
    }
}
