//! Weights in the safetensors format, under plain names (`encoder.0.weight`, `decoder.1.bias`) and
//! in PyTorch's layout: dense weights are stored `[outputs, inputs]`.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::path::Path;
use crate::{Autoencoder, Layers};

pub use crate::path::Parameter;

/// Weights that cannot be read into a model.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The bytes are not a complete safetensors file.
    #[error("not a whole safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// A parameter of the model is not in the file.
    #[error("{name}: missing; the model needs it with shape {expected:?}")]
    Missing {
        /// The parameter.
        name: String,
        /// Its shape in the file's layout.
        expected: Vec<usize>,
    },
    /// A parameter has another shape or type than the model's.
    #[error("{name}: found {found}; the model needs F32 {expected:?}")]
    Mismatch {
        /// The parameter.
        name: String,
        /// Type and shape in the file.
        found: String,
        /// Its shape in the file's layout.
        expected: Vec<usize>,
    },
    /// The file has a parameter that the model does not know.
    #[error("{0}: not a parameter of this model")]
    Unknown(String),
    /// The file is too small to hold the model.
    #[error("found {found} values; the model needs {expected}")]
    TooFew {
        /// Values in the file.
        found: usize,
        /// Values that the model has, its running statistics included.
        expected: usize,
    },
    /// The device did not return the values.
    #[error("{0}: the device did not return its values: {1}")]
    Device(String, String),
}

/// A named tensor on the host, in the file's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name in files.
    pub name: String,
    /// Its shape in files.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// What loaders ask a file for: that its names and layouts are PyTorch's. Without it some refuse the file.
const FORMAT: (&str, &str) = ("format", "pt");

/// A model's parameters, and its batch normalisations' running statistics, in the order in which it
/// visits them.
pub fn names(model: &Autoencoder) -> Vec<Parameter> {
    struct Names(Path, Vec<Parameter>);
    impl ModuleVisitor for Names {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(self.0.parameter(param));
        }
    }
    let mut names = Names(Path::default(), Vec::new());
    model.visit(&mut names);
    names.1
}

/// The model's parameters as the bytes of a safetensors file.
///
/// # Errors
/// If the device does not return its values.
pub fn to_bytes(model: &Autoencoder) -> Result<Vec<u8>, WeightsError> {
    serialize(&on_host(model)?)
}

/// The model's parameters, and its batch normalisations' running statistics, in the order of [`names`].
///
/// # Errors
/// If the device does not return its values.
pub fn on_host(model: &Autoencoder) -> Result<Vec<Weight>, WeightsError> {
    struct Collect(Path, Vec<Weight>, Option<WeightsError>);
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            let tensor = if self.0.is_dense_weight() {
                tensor.transpose()
            } else {
                tensor
            };
            match store(self.0.name(), tensor) {
                Ok(stored) => self.1.push(stored),
                Err(error) => self.2 = Some(error),
            }
        }
    }
    let mut collect = Collect(Path::default(), Vec::new(), None);
    model.valid().visit(&mut collect);
    match collect.2 {
        Some(error) => Err(error),
        None => Ok(collect.1),
    }
}

/// Named tensors as the bytes of a safetensors file; for optimizer state.
///
/// # Errors
/// As [`to_bytes`].
pub fn tensors_to_bytes<'a>(
    tensors: impl Iterator<Item = (String, &'a Tensor<1>)>,
) -> Result<Vec<u8>, WeightsError> {
    let stored: Result<Vec<Weight>, _> = tensors
        .map(|(name, tensor)| store(name, tensor.clone()))
        .collect();
    serialize(&stored?)
}

/// The tensors of a safetensors file by name, flattened, on the device.
///
/// # Errors
/// Bytes that are not a whole safetensors file of F32 values.
pub fn tensors_from_bytes(
    bytes: &[u8],
    device: &Device,
) -> Result<HashMap<String, Tensor<1>>, WeightsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors = HashMap::new();
    for (name, view) in file.tensors() {
        let values = floats(&name, &view)?;
        let count = values.len();
        tensors.insert(
            name,
            Tensor::from_data(TensorData::new(values, [count]), device),
        );
    }
    Ok(tensors)
}

/// Fails if a file does not hold as many values as a model of these layers has, which is known before anything is
/// built: a description of a few bytes may ask for more memory than there is.
///
/// # Errors
/// Bytes that are not a complete safetensors file, and one with fewer values.
pub fn check_size(layers: &Layers, bytes: &[u8]) -> Result<(), WeightsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let sizes = file
        .iter()
        .map(|(_, view)| view.data().len() / size_of::<f32>());
    let (found, expected) = (sizes.sum(), layers.stored_values());
    match found >= expected {
        true => Ok(()),
        false => Err(WeightsError::TooFew { found, expected }),
    }
}

/// The model with the parameters of a safetensors file in place of its own.
///
/// # Errors
/// Bytes that are not a complete safetensors file, and a parameter that is missing, unknown or of
/// another shape.
pub fn from_bytes(model: Autoencoder, bytes: &[u8]) -> Result<Autoencoder, WeightsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let known: Vec<String> = names(&model).into_iter().map(|known| known.name).collect();
    if let Some(name) = file
        .names()
        .into_iter()
        .find(|name| !known.iter().any(|k| k == name))
    {
        return Err(WeightsError::Unknown(name.to_owned()));
    }
    load(model, file, |name| Some(name.to_owned()))
}

/// The model with some parameters of a safetensors file in place of its own: for each name of
/// `taken` the file's parameter that it leads to. The others stay as they are.
///
/// # Errors
/// Bytes that are not a complete safetensors file, and a parameter that is missing or of another
/// shape.
pub fn from_bytes_in_part(
    model: Autoencoder,
    bytes: &[u8],
    taken: &HashMap<String, String>,
) -> Result<Autoencoder, WeightsError> {
    let file = SafeTensors::deserialize(bytes)?;
    load(model, file, |name| taken.get(name).cloned())
}

/// The model with the parameters of a file: for each of its own names the file's that `source` has.
fn load(
    model: Autoencoder,
    file: SafeTensors<'_>,
    source: impl Fn(&str) -> Option<String>,
) -> Result<Autoencoder, WeightsError> {
    struct Load<'a, S> {
        path: Path,
        file: SafeTensors<'a>,
        source: S,
        error: Option<WeightsError>,
    }
    impl<S> Load<'_, S> {
        fn values(&self, name: String, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
            match self.file.tensor(&name) {
                Ok(view) if view.shape() == expected => floats(&name, &view),
                Ok(view) => Err(mismatch(&name, &view, expected)),
                Err(_) => Err(WeightsError::Missing {
                    name,
                    expected: expected.to_vec(),
                }),
            }
        }
    }
    impl<S: Fn(&str) -> Option<String>> ModuleMapper for Load<'_, S> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.exit();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let Some(name) = (self.source)(&self.path.name()) else {
                return param;
            };
            let dense = self.path.is_dense_weight();
            let shape = self.path.parameter(&param).shape;
            let values = match self.values(name, &shape) {
                Ok(values) => values,
                Err(error) => {
                    self.error.get_or_insert(error);
                    return param;
                }
            };
            let trained = param.val().is_require_grad();
            let (values, shape) = match shape.as_slice() {
                // Written out, not a transposed view, so that training goes on over the same memory
                // layout, and with the same rounding, as before it was saved.
                &[outputs, inputs] if dense => (transposed(&values, inputs), vec![inputs, outputs]),
                _ => (values, shape),
            };
            let tensor =
                Tensor::<D>::from_data(TensorData::new(values, shape), &param.lazy_device());
            // `map` keeps what the model's `train` will restore on a device without gradients.
            param.map(|_| tensor.set_require_grad(trained))
        }
    }
    let mut load = Load {
        path: Path::default(),
        file,
        source,
        error: None,
    };
    let model = own_statistics(model).map(&mut load);
    match load.error {
        Some(error) => Err(error),
        None => Ok(model),
    }
}

/// The model with running statistics of its own. Burn's are shared by all clones of a model, and
/// hold back the update of the last step, which would go over what is loaded.
fn own_statistics(model: Autoencoder) -> Autoencoder {
    let learns = model.devices().iter().any(Device::is_autodiff);
    let model = model.valid();
    if learns { model.train() } else { model }
}

/// The transpose of a matrix given row by row.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let column = |c: usize| values.iter().skip(c).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}

/// Reads a tensor back to the host.
fn store<const D: usize>(name: String, tensor: Tensor<D>) -> Result<Weight, WeightsError> {
    let shape = tensor.dims().to_vec();
    let data = tensor
        .without_autodiff()
        .try_into_data()
        .map_err(|error| WeightsError::Device(name.clone(), error.to_string()))?;
    let values = data
        .try_to_vec::<f32>()
        .map_err(|error| WeightsError::Device(name.clone(), format!("{error:?}")))?;
    Ok(Weight {
        name,
        shape,
        values,
    })
}

/// Named tensors as the bytes of a safetensors file.
///
/// # Errors
/// Values that do not fill their shape.
pub fn serialize(weights: &[Weight]) -> Result<Vec<u8>, WeightsError> {
    let bytes = |weight: &Weight| -> Vec<u8> {
        let values = weight.values.iter();
        values.flat_map(|value| value.to_le_bytes()).collect()
    };
    let bytes: Vec<Vec<u8>> = weights.iter().map(bytes).collect();
    let views: Result<Vec<_>, _> = weights
        .iter()
        .zip(&bytes)
        .map(|(weight, bytes)| {
            Ok((
                weight.name.as_str(),
                TensorView::new(Dtype::F32, weight.shape.clone(), bytes)?,
            ))
        })
        .collect::<Result<_, safetensors::SafeTensorError>>();
    let (key, value) = FORMAT;
    let metadata = HashMap::from([(key.to_owned(), value.to_owned())]);
    Ok(safetensors::serialize(views?, Some(metadata))?)
}

/// The values of a stored tensor, which must be F32.
fn floats(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, WeightsError> {
    if view.dtype() != Dtype::F32 {
        return Err(mismatch(name, view, view.shape()));
    }
    let (values, _) = view.data().as_chunks::<4>();
    Ok(values
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect())
}

/// What is wrong with a stored tensor of another shape or type.
fn mismatch(name: &str, view: &TensorView<'_>, expected: &[usize]) -> WeightsError {
    WeightsError::Mismatch {
        name: name.to_owned(),
        found: format!("{:?} {:?}", view.dtype(), view.shape()),
        expected: expected.to_vec(),
    }
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
