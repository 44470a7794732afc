//! The file that weights come from: a state dict of PyTorch, or safetensors.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::ImportError;
use crate::error::Result;
use crate::files::{self, FileError};

/// The most bytes of a safetensors file, which is read whole.
const LARGEST: u64 = 1 << 32;

/// Where the header of a safetensors file begins, and with what: after eight bytes with its length.
const HEADER: (usize, u8) = (8, b'{');

/// A tensor of the file: its name and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// A file of weights.
pub(super) struct Source {
    path: PathBuf,
    tensors: Vec<Tensor>,
    kind: Kind,
}

enum Kind {
    PyTorch(HashMap<String, pytorch_reader::Tensor>),
    Safetensors(Vec<u8>),
}

/// The types of numbers that weights may have.
#[derive(Clone, Copy)]
enum Number {
    F64,
    F32,
    F16,
    Bf16,
}

impl Source {
    /// Reads the names and shapes of a file. Of a pickle nothing is run: it is read as data, and anything in it that is
    /// not is an error.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let file = files::open_input(path)?;
        let read = file.take(HEADER.0 as u64 + 1).read_to_end(&mut start);
        read.map_err(FileError::read(path))?;
        let kind = match start.get(HEADER.0) == Some(&HEADER.1) {
            true => Kind::Safetensors(files::read(path, LARGEST)?),
            false => {
                let reader = PytorchReader::new(path);
                let reader = reader.map_err(|error| format(path, error))?;
                Kind::PyTorch(reader.into_tensors())
            }
        };
        let tensors = match &kind {
            Kind::PyTorch(tensors) => tensors
                .iter()
                .map(|(name, tensor)| (name.clone(), tensor.shape().to_vec()))
                .collect(),
            Kind::Safetensors(bytes) => {
                let file = SafeTensors::deserialize(bytes).map_err(|error| format(path, error))?;
                let tensors = file.tensors().into_iter();
                tensors
                    .map(|(name, view)| (name, view.shape().to_vec()))
                    .collect::<Vec<_>>()
            }
        };
        let tensor = |(name, shape)| Tensor { name, shape };
        Ok(Self {
            path: path.to_owned(),
            tensors: tensors.into_iter().map(tensor).collect(),
            kind,
        })
    }

    /// What is in it, in no order.
    pub(super) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The values of a tensor, which must be numbers and finite.
    pub(super) fn values(&self, name: &str) -> Result<Vec<f32>> {
        let refuse = |reason: String| ImportError::Values {
            path: self.path.clone(),
            name: name.to_owned(),
            reason,
        };
        let absent = || refuse("is not in the file".into());
        let other = |kind: String| refuse(format!("found {kind}; allowed: F64, F32, F16, BF16"));
        let values = match &self.kind {
            Kind::PyTorch(tensors) => {
                let tensor = tensors.get(name).ok_or_else(absent)?;
                let number = match tensor.dtype() {
                    DType::F64 => Number::F64,
                    DType::F32 => Number::F32,
                    DType::F16 => Number::F16,
                    DType::BF16 => Number::Bf16,
                    kind => return Err(other(format!("{kind:?}")).into()),
                };
                let bytes = tensor.read();
                let bytes = bytes.map_err(|error| format(&self.path, error))?;
                floats(&bytes, number)
            }
            Kind::Safetensors(bytes) => {
                let file =
                    SafeTensors::deserialize(bytes).map_err(|error| format(&self.path, error))?;
                let view = file.tensor(name).map_err(|_| absent())?;
                let number = match view.dtype() {
                    Dtype::F64 => Number::F64,
                    Dtype::F32 => Number::F32,
                    Dtype::F16 => Number::F16,
                    Dtype::BF16 => Number::Bf16,
                    kind => return Err(other(format!("{kind:?}")).into()),
                };
                floats(view.data(), number)
            }
        };
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(refuse("found a value that is not finite".into()).into()),
        }
    }
}

/// What a reader finds wrong with a file, in one line.
fn format(path: &Path, error: impl std::fmt::Display) -> ImportError {
    let reason = error.to_string();
    let lines: Vec<&str> = reason.lines().map(str::trim).collect();
    ImportError::Format {
        path: path.to_owned(),
        reason: lines.join(" "),
    }
}

/// Little-endian numbers as f32.
fn floats(bytes: &[u8], number: Number) -> Vec<f32> {
    match number {
        Number::F64 => {
            let (values, _) = bytes.as_chunks::<8>();
            (values.iter())
                .map(|it| f64::from_le_bytes(*it) as f32)
                .collect()
        }
        Number::F32 => {
            let (values, _) = bytes.as_chunks::<4>();
            values.iter().map(|it| f32::from_le_bytes(*it)).collect()
        }
        Number::F16 => {
            let (values, _) = bytes.as_chunks::<2>();
            (values.iter())
                .map(|it| f16::from_le_bytes(*it).to_f32())
                .collect()
        }
        Number::Bf16 => {
            let (values, _) = bytes.as_chunks::<2>();
            (values.iter())
                .map(|it| bf16::from_le_bytes(*it).to_f32())
                .collect()
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
