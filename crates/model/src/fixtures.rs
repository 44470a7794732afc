//! What the tests share: models and pictures to test with, and what PyTorch computed
//! (`tests/fixtures/pytorch`) to compare with.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::prelude::*;
use burn::tensor::Gradients;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::{Autoencoder, ImageShape, ModelConfig, Noise, weights};

/// The device that every test runs on, with gradients.
pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// The noise of losses that draw none.
pub(crate) const SILENCE: Noise = Noise::Host { seed: 0 };

/// What `draw` draws on the device after seeding it. The seed belongs to the whole process, so that
/// only one test at a time may draw.
pub(crate) fn drawn_on_device<T>(seed: u64, draw: impl FnOnce() -> T) -> T {
    static DRAWING: Mutex<()> = Mutex::new(());
    let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
    device().seed(seed);
    draw()
}

/// A model's config from the JSON that a user would write.
pub(crate) fn config(json: Value) -> ModelConfig {
    serde_json::from_value(json).unwrap()
}

/// A model from the JSON that a user would write.
pub(crate) fn model(json: Value, input: ImageShape, seed: u64) -> Autoencoder {
    config(json).init(input, seed, &device()).unwrap()
}

/// Values in [0, 1) that look random and are the same on every machine: multiples of the golden
/// ratio, modulo one, starting elsewhere for each `start`.
pub(crate) fn spread(count: usize, start: usize) -> Vec<f32> {
    let golden = 0.618_033_988_749_895_f64;
    (0..count)
        .map(|i| (((i + 1 + 1000 * start) as f64 * golden).fract()) as f32)
        .collect()
}

/// A batch of pictures in [0, 1), other ones for each `start`.
pub(crate) fn pictures(batch: usize, [c, h, w]: ImageShape, start: usize) -> Tensor<4> {
    let shape = [batch, c, h, w];
    let data = TensorData::new(spread(batch * c * h * w, start), shape);
    Tensor::from_data(data, &device())
}

/// A tensor's values on the host, row by row.
pub(crate) fn host<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    let data = tensor.clone().without_autodiff().into_data();
    data.try_to_vec().unwrap()
}

/// Asserts that two lists agree: each pair within `tolerance (1 + |expected|)`.
#[track_caller]
pub(crate) fn assert_close(actual: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of values");
    for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let off = (f64::from(a) - e).abs();
        assert!(
            off <= tolerance * (1.0 + e.abs()),
            "{what}: value {i} is {a}, expected {e}"
        );
    }
}

/// The values of every parameter that a model learns, or its gradients, by name; in the model's
/// own layout.
pub(crate) type Named = Vec<(String, ParamId, Vec<f32>)>;

/// What `read` makes of each parameter, where it makes anything of it.
fn collect(model: &Autoencoder, grads: Option<&Gradients>) -> Named {
    struct Read<'a>(Vec<(ParamId, Vec<f32>)>, Option<&'a Gradients>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let values = match self.1 {
                None => Some(host(&param.val())),
                Some(grads) => param.val().grad(grads).map(|grad| host(&grad)),
            };
            self.0.extend(values.map(|values| (param.id, values)));
        }
    }
    let mut read = Read(Vec::new(), grads);
    model.visit(&mut read);
    let names: HashMap<ParamId, String> = weights::names(model)
        .into_iter()
        .map(|parameter| (parameter.id, parameter.name))
        .collect();
    let named = |(id, values)| (names[&id].clone(), id, values);
    read.0.into_iter().map(named).collect()
}

/// The values of all parameters, batch normalisation's running statistics included.
pub(crate) fn parameters(model: &Autoencoder) -> Named {
    collect(model, None)
}

/// The gradients of those parameters that have one.
pub(crate) fn gradients(model: &Autoencoder, grads: &Gradients) -> Named {
    collect(model, Some(grads))
}

/// The values stored under a name.
#[track_caller]
pub(crate) fn named<'a>(all: &'a Named, name: &str) -> &'a [f32] {
    let found = all.iter().find(|(known, _, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name}")).2
}

/// The transpose of a matrix given row by row: what Burn's dense layers hold of PyTorch's weights.
pub(crate) fn transpose<T: Copy>(values: &[T], rows: usize) -> Vec<T> {
    let columns = values.len() / rows;
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| values[r * columns + c]))
        .collect()
}

/// One case of a fixture file.
pub(crate) struct Case(Value);

/// The cases of a file of `tests/fixtures/pytorch`.
pub(crate) fn cases(file: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pytorch");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(cases) = file["cases"].take() else {
        panic!("no cases")
    };
    assert!(!cases.is_empty());
    cases.into_iter().map(Case).collect()
}

impl Case {
    /// What it is called in the file.
    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    /// An option, as JSON.
    pub(crate) fn option(&self, key: &str) -> &Value {
        self.0["options"].get(key).unwrap()
    }

    /// An option that is a count.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.option(key).as_u64().unwrap() as usize
    }

    /// An option that lists counts.
    pub(crate) fn counts(&self, key: &str) -> Vec<usize> {
        serde_json::from_value(self.option(key).clone()).unwrap()
    }

    /// An option that is a number.
    pub(crate) fn number(&self, key: &str) -> f64 {
        self.option(key).as_f64().unwrap()
    }

    /// What lies at a path such as `inputs/input`.
    #[track_caller]
    fn at(&self, path: &str) -> &Value {
        let found = self.0.pointer(&format!("/{path}"));
        found.unwrap_or_else(|| panic!("{}: no {path}", self.name()))
    }

    /// A single number.
    pub(crate) fn value(&self, path: &str) -> f64 {
        self.at(path).as_f64().unwrap()
    }

    /// The names below a path.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        self.at(path).as_object().unwrap().keys().cloned().collect()
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, path: &str) -> Vec<usize> {
        serde_json::from_value(self.at(path)["shape"].clone()).unwrap()
    }

    /// The values of a tensor, as PyTorch computed them in f64.
    pub(crate) fn values(&self, path: &str) -> Vec<f64> {
        serde_json::from_value(self.at(path)["data"].clone()).unwrap()
    }

    /// A tensor on the test device. Inputs and parameters are exact in f32.
    pub(crate) fn tensor<const D: usize>(&self, path: &str) -> Tensor<D> {
        let values: Vec<f32> = self.values(path).into_iter().map(|v| v as f32).collect();
        Tensor::from_data(TensorData::new(values, self.shape(path)), &device())
    }

    /// A tensor on the test device whose gradient is wanted.
    pub(crate) fn leaf<const D: usize>(&self, path: &str) -> Tensor<D> {
        self.tensor(path).require_grad()
    }

    /// Asserts that a tensor has the shape and, within `tolerance (1 + |expected|)`, the values of
    /// the one at the path.
    #[track_caller]
    pub(crate) fn check<const D: usize>(&self, path: &str, actual: &Tensor<D>, tolerance: f64) {
        let what = format!("{}: {path}", self.name());
        assert_eq!(actual.dims().to_vec(), self.shape(path), "{what}: shape");
        assert_close(&host(actual), &self.values(path), tolerance, &what);
    }

    /// Asserts that a layer's output is the expected one, and so are the gradients of
    /// `sum(output * probe)` for the named leaves.
    #[track_caller]
    pub(crate) fn check_layer<const D: usize, const E: usize>(
        &self,
        output: Tensor<D>,
        leaves: &[(&str, &Tensor<E>)],
        tolerance: f64,
    ) -> Gradients {
        self.check("output", &output, tolerance);
        let grads = (output * self.tensor("probe")).sum().backward();
        for (name, leaf) in leaves {
            let grad = leaf.grad(&grads).unwrap();
            self.check(&format!("gradients/{name}"), &grad, tolerance);
        }
        grads
    }

    /// The case's parameters as the bytes of a safetensors file, under the names that `rename`
    /// gives them: what PyTorch would have saved.
    pub(crate) fn safetensors(&self, rename: impl Fn(&str) -> String) -> Vec<u8> {
        let stored = self.names("parameters").into_iter().map(|name| {
            let path = format!("parameters/{name}");
            let values: Vec<f32> = self.values(&path).into_iter().map(|v| v as f32).collect();
            Stored::floats(&rename(&name), &self.shape(&path), &values)
        });
        file(&stored.collect::<Vec<_>>())
    }
}

/// A tensor as a safetensors file holds it.
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    /// A tensor of F32.
    pub(crate) fn floats(name: &str, shape: &[usize], values: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// The bytes of a safetensors file, written without this crate's own code.
pub(crate) fn file(stored: &[Stored]) -> Vec<u8> {
    let views = stored.iter().map(|s| {
        let view = TensorView::new(s.dtype, s.shape.clone(), &s.bytes).unwrap();
        (s.name.as_str(), view)
    });
    safetensors::serialize(views, None).unwrap()
}
