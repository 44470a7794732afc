//! Optimizers: Adam, AdamW and SGD with momentum, with their state kept by parameter name.
//!
//! They follow PyTorch's formulas and defaults exactly. Burn's own optimizers differ: they clip per
//! tensor, use an epsilon of 1e-5 in Adam, and save their state under random keys, which is then loaded
//! onto whichever device was compiled in first.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use kernels::AdamStep;
use model::Autoencoder;
use model::weights::{self, WeightsError};

use crate::config::OptimizerConfig;

/// PyTorch's guard against a division by a zero norm in `clip_grad_norm_`.
const CLIP_EPSILON: f64 = 1e-6;

/// An optimizer and its state.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    clip_norm: Option<f64>,
    /// Steps done so far.
    steps: u64,
    /// The first and second moment (Adam) or the velocity (SGD) of each parameter, flattened.
    state: HashMap<ParamId, Vec<Tensor<1>>>,
}

/// One step's numbers, the same for every parameter.
#[derive(Clone, Copy)]
struct Step {
    learning_rate: f64,
    /// 1 - beta1^t and 1 - beta2^t.
    corrections: [f64; 2],
    first: bool,
}

impl Optimizer {
    /// An optimizer before its first step.
    pub fn new(config: OptimizerConfig, clip_norm: Option<f64>) -> Self {
        Self {
            config,
            clip_norm,
            steps: 0,
            state: HashMap::new(),
        }
    }

    /// Updates the model, or any other module, by one step against the gradients.
    pub fn step<M: Module>(&mut self, learning_rate: f64, model: M, grads: GradientsParams) -> M {
        self.steps += 1;
        let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let corrections = match self.config {
            OptimizerConfig::Adam { beta1, beta2, .. }
            | OptimizerConfig::AdamW { beta1, beta2, .. } => {
                [1.0 - beta1.powi(t), 1.0 - beta2.powi(t)]
            }
            OptimizerConfig::Sgd { .. } => [1.0; 2],
        };
        let scale = self
            .clip_norm
            .and_then(|limit| clip_scale(&model, &grads, limit));
        let step = Step {
            learning_rate,
            corrections,
            first: self.steps == 1,
        };
        model.map(&mut Update {
            optimizer: self,
            grads,
            scale,
            step,
        })
    }

    /// The state as the bytes of a safetensors file: `encoder.0.weight.0` and so on.
    ///
    /// # Errors
    /// If the device does not return its values.
    pub fn to_bytes(&self, model: &Autoencoder) -> Result<Vec<u8>, WeightsError> {
        let parameters = weights::names(model);
        let tensors = parameters.iter().flat_map(|parameter| {
            let state = self.state.get(&parameter.id).map_or(&[][..], Vec::as_slice);
            let name = &parameter.name;
            state
                .iter()
                .enumerate()
                .map(move |(i, tensor)| (format!("{name}.{i}"), tensor))
        });
        weights::tensors_to_bytes(tensors)
    }

    /// Restores the state that [`Optimizer::to_bytes`] returned after `steps` steps.
    ///
    /// # Errors
    /// If the bytes are not a safetensors file, or its tensors do not match the parameters in size.
    pub fn load(
        &mut self,
        bytes: &[u8],
        steps: u64,
        model: &Autoencoder,
        device: &Device,
    ) -> Result<(), WeightsError> {
        let mut tensors = weights::tensors_from_bytes(bytes, device)?;
        for parameter in weights::names(model) {
            let count: usize = parameter.shape.iter().product();
            let name = |i: usize| format!("{}.{i}", parameter.name);
            let state: Vec<_> = (0..).map_while(|i| tensors.remove(&name(i))).collect();
            if let Some(wrong) = state.iter().find(|tensor| tensor.dims() != [count]) {
                return Err(WeightsError::Mismatch {
                    name: parameter.name,
                    found: format!("F32 {:?}", wrong.dims()),
                    expected: vec![count],
                });
            }
            if !state.is_empty() {
                self.state.insert(parameter.id, state);
            }
        }
        self.steps = steps;
        match tensors.into_keys().next() {
            Some(name) => Err(WeightsError::Unknown(name)),
            None => Ok(()),
        }
    }

    /// The parameter after the step, with its new state.
    fn update(
        &self,
        value: Tensor<1>,
        grad: Tensor<1>,
        state: Option<Vec<Tensor<1>>>,
        step: Step,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        let zeros = || grad.zeros_like();
        match self.config {
            OptimizerConfig::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                let [m, v] = pair(state).unwrap_or_else(|| [zeros(), zeros()]);
                let step = adam([beta1, beta2], epsilon, weight_decay, 0.0, step);
                let [value, m, v] = kernels::adam(value, grad, m, v, step);
                (value, vec![m, v])
            }
            OptimizerConfig::AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                let [m, v] = pair(state).unwrap_or_else(|| [zeros(), zeros()]);
                let step = adam([beta1, beta2], epsilon, 0.0, weight_decay, step);
                let [value, m, v] = kernels::adam(value, grad, m, v, step);
                (value, vec![m, v])
            }
            OptimizerConfig::Sgd {
                momentum,
                nesterov,
                weight_decay,
            } => {
                let grad = if weight_decay > 0.0 {
                    grad + value.clone() * weight_decay
                } else {
                    grad
                };
                if momentum == 0.0 {
                    return (value - grad * step.learning_rate, Vec::new());
                }
                let velocity = match state.and_then(|state| state.into_iter().next()) {
                    Some(velocity) if !step.first => velocity * momentum + grad.clone(),
                    // PyTorch initialises the velocity with the first gradient.
                    _ => grad.clone(),
                };
                let direction = if nesterov {
                    grad + velocity.clone() * momentum
                } else {
                    velocity.clone()
                };
                (value - direction * step.learning_rate, vec![velocity])
            }
        }
    }
}

fn pair(state: Option<Vec<Tensor<1>>>) -> Option<[Tensor<1>; 2]> {
    state.and_then(|state| state.try_into().ok())
}

/// Adam, or AdamW if there is a `decay`, by which times the learning rate the weights shrink.
fn adam(betas: [f64; 2], epsilon: f64, l2: f64, decay: f64, step: Step) -> AdamStep {
    AdamStep {
        betas,
        epsilon,
        l2,
        keep: 1.0 - step.learning_rate * decay,
        rate: step.learning_rate / step.corrections[0],
        root: 1.0 / step.corrections[1].sqrt(),
    }
}

/// The factor, shape `[1]`, that scales the Euclidean norm of all gradients down to the limit, as in
/// PyTorch's `clip_grad_norm_`. It stays on the device. `None` if there is no gradient.
fn clip_scale<M: Module>(model: &M, grads: &GradientsParams, limit: f64) -> Option<Tensor<1>> {
    struct Squares<'a>(&'a GradientsParams, Option<Tensor<1>>);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.0.get::<D>(param.id) {
                let square = grad.square().sum();
                self.1 = Some(match self.1.take() {
                    Some(sum) => sum + square,
                    None => square,
                });
            }
        }
    }
    let mut squares = Squares(grads, None);
    model.visit(&mut squares);
    let norm = squares.1?.sqrt();
    Some(
        (norm + CLIP_EPSILON)
            .recip()
            .mul_scalar(limit)
            .clamp_max(1.0),
    )
}

struct Update<'a> {
    optimizer: &'a mut Optimizer,
    grads: GradientsParams,
    scale: Option<Tensor<1>>,
    step: Step,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = self.grads.remove::<D>(param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        let value: Tensor<1> = tensor.without_autodiff().flatten(0, D as i32 - 1);
        let grad: Tensor<1> = grad.flatten(0, D as i32 - 1);
        let grad = match &self.scale {
            Some(scale) => grad * scale.clone(),
            None => grad,
        };
        let state = self.optimizer.state.remove(&id);
        let (value, state) = self.optimizer.update(value, grad, state, self.step);
        self.optimizer.state.insert(id, state);
        let tensor = value.reshape(shape).autodiff().require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use model::{Loss, ModelConfig, Noise};
    use serde_json::{Value, json};

    use super::*;

    /// What PyTorch computed for a dense autoencoder and three steps of each optimizer.
    fn fixture() -> Value {
        let path = "/../../tests/fixtures/pytorch/dense_ae.json";
        let text =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/").to_owned() + path).unwrap();
        let file: Value = serde_json::from_slice(&text).unwrap();
        file["cases"][0].clone()
    }

    fn floats(tensor: &Value) -> Vec<f32> {
        serde_json::from_value(tensor["data"].clone()).unwrap()
    }

    /// The fixture's parameters as a safetensors file, which is a length, a header and the values.
    fn safetensors(parameters: &Value) -> Vec<u8> {
        let (mut header, mut values) = (serde_json::Map::new(), Vec::new());
        for (name, tensor) in parameters.as_object().unwrap() {
            let start = values.len();
            values.extend(floats(tensor).iter().flat_map(|value| value.to_le_bytes()));
            let place = json!({"dtype": "F32", "shape": tensor["shape"], "data_offsets": [start, values.len()]});
            header.insert(name.clone(), place);
        }
        let header = serde_json::to_vec(&header).unwrap();
        [&(header.len() as u64).to_le_bytes()[..], &header, &values].concat()
    }

    fn model(parameters: &Value) -> Autoencoder {
        let config = json!({"kind": "dense", "layers": [8, 6], "code_size": 3});
        let config: ModelConfig = serde_json::from_value(config).unwrap();
        let model = config
            .init([1, 3, 4], 0, &Device::flex().autodiff())
            .unwrap();
        weights::from_bytes(model, &safetensors(parameters)).unwrap()
    }

    fn input(case: &Value) -> Tensor<4> {
        let data = TensorData::new(floats(&case["inputs"]["input"]), [5, 1, 3, 4]);
        Tensor::from_data(data, &Device::flex().autodiff())
    }

    /// The loss before the step, and the model after it.
    fn step(
        optimizer: &mut Optimizer,
        learning_rate: f64,
        model: Autoencoder,
        input: &Tensor<4>,
    ) -> (f64, Autoencoder) {
        let losses = model.loss(
            input.clone(),
            input.clone(),
            Loss::Bce,
            Noise::Host { seed: 0 },
        );
        let loss: Vec<f32> = losses.total.clone().into_data().try_to_vec().unwrap();
        let grads = GradientsParams::from_grads(losses.total.backward(), &model);
        (
            f64::from(loss[0]),
            optimizer.step(learning_rate, model, grads),
        )
    }

    /// Every parameter by name, flattened in the file's layout.
    fn values(model: &Autoencoder) -> HashMap<String, Vec<f32>> {
        let bytes = weights::to_bytes(model).unwrap();
        let tensors = weights::tensors_from_bytes(&bytes, &Device::flex()).unwrap();
        let host = |tensor: Tensor<1>| tensor.into_data().try_to_vec().unwrap();
        tensors
            .into_iter()
            .map(|(name, tensor)| (name, host(tensor)))
            .collect()
    }

    /// The optimizer that a fixture's options describe, in the words of a config.
    fn config(kind: &str, options: &Value) -> OptimizerConfig {
        let mut table = json!({"kind": kind});
        let betas = &options["betas"];
        for (ours, theirs) in [
            ("beta1", &betas[0]),
            ("beta2", &betas[1]),
            ("epsilon", &options["eps"]),
            ("weight_decay", &options["weight_decay"]),
            ("momentum", &options["momentum"]),
            ("nesterov", &options["nesterov"]),
        ] {
            if !theirs.is_null() {
                table[ours] = theirs.clone();
            }
        }
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn three_steps_end_where_those_of_pytorch_do() {
        let case = fixture();
        let input = input(&case);
        let optimizers = case["optimizers"].as_object().unwrap();
        assert!(optimizers.len() >= 3);
        for (name, expected) in optimizers {
            let kind = name.split('_').next().unwrap();
            let options = &expected["options"];
            let mut optimizer = Optimizer::new(config(kind, options), None);
            let mut model = model(&case["parameters"]);
            for before in expected["losses"].as_array().unwrap() {
                let rate = options["lr"].as_f64().unwrap();
                let (loss, after) = step(&mut optimizer, rate, model, &input);
                // f32 against f64: some roundings of 6e-8.
                assert!(
                    (loss - before.as_f64().unwrap()).abs() < 1e-6,
                    "{name}: {loss}"
                );
                model = after;
            }
            let found = values(&model);
            for (parameter, tensor) in expected["parameters"].as_object().unwrap() {
                for (a, b) in found[parameter].iter().zip(floats(tensor)) {
                    // Adam divides a gradient by its own size, so that the relative error of a
                    // small gradient becomes an error of the step, which is the learning rate.
                    assert!((a - b).abs() < 1e-5, "{name}: {parameter}: {a}, not {b}");
                }
            }
        }
    }

    #[test]
    fn gradients_together_are_cut_to_the_norm_and_shorter_ones_are_left() {
        let case = fixture();
        let input = input(&case);
        let sgd = || config("sgd", &json!({}));
        let moved = |limit: Option<f64>| {
            let before = model(&case["parameters"]);
            let start = values(&before);
            let (_, after) = step(&mut Optimizer::new(sgd(), limit), 1.0, before, &input);
            let end = values(&after);
            let squares = start.iter().flat_map(|(name, values)| {
                values
                    .iter()
                    .zip(&end[name])
                    .map(|(a, b)| f64::from(a - b).powi(2))
            });
            squares.sum::<f64>().sqrt()
        };
        let whole = moved(None);
        assert!((moved(Some(whole / 10.0)) - whole / 10.0).abs() < 1e-4 * whole);
        assert!((moved(Some(whole * 10.0)) - whole).abs() < 1e-6 * whole);
    }

    #[test]
    fn saved_state_goes_on_as_if_it_had_not_been_saved() {
        let case = fixture();
        let input = input(&case);
        for kind in ["adam", "adamw", "sgd"] {
            let momentum = if kind == "sgd" {
                json!({"momentum": 0.9})
            } else {
                json!({})
            };
            let fresh = || Optimizer::new(config(kind, &momentum), None);
            let mut optimizer = fresh();
            let (_, model) = step(&mut optimizer, 0.01, model(&case["parameters"]), &input);
            let bytes = optimizer.to_bytes(&model).unwrap();
            let mut restored = fresh();
            restored.load(&bytes, 1, &model, &Device::flex()).unwrap();
            let (_, on) = step(&mut optimizer, 0.01, model.clone(), &input);
            let (_, again) = step(&mut restored, 0.01, model.clone(), &input);
            assert_eq!(values(&on), values(&again), "{kind}");
            // Half of the file, and that of another model.
            assert!(
                fresh()
                    .load(&bytes[..bytes.len() / 2], 1, &model, &Device::flex())
                    .is_err()
            );
        }
    }
}
