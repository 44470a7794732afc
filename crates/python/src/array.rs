//! Arrays of NumPy as samples.

use std::sync::Arc;

use data::Numbers;
use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{raised, usage};

/// Samples in memory: a copy of an array, which may then change.
#[pyclass(frozen, module = "hourglass._native")]
#[derive(Debug)]
pub struct Array(pub Arc<data::Array>);

#[pymethods]
impl Array {
    /// Takes an array of uint8, float32 or float64 in C order; errors call it `name`. With names of its columns, labels
    /// of its samples, and what the labels are called.
    #[new]
    #[pyo3(signature = (name, values, columns=None, labels=None, classes=None))]
    fn new(
        name: &str,
        values: &Bound<'_, PyAny>,
        columns: Option<Vec<String>>,
        labels: Option<Vec<u8>>,
        classes: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let (numbers, sizes) = numbers(name, values)?;
        let array = data::Array::new(name, numbers, &sizes).map_err(raised)?;
        let array = match columns {
            Some(columns) => array.with_columns(columns).map_err(raised)?,
            None => array,
        };
        let array = match labels {
            Some(labels) => {
                let classes = classes.unwrap_or_default();
                array.with_labels(labels, classes).map_err(raised)?
            }
            None => array,
        };
        Ok(Self(Arc::new(array)))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// The values and the sizes of an array.
fn numbers(name: &str, values: &Bound<'_, PyAny>) -> PyResult<(Numbers, Vec<usize>)> {
    if let Ok(array) = values.cast::<PyArrayDyn<u8>>() {
        return Ok((Numbers::Bytes(copied(name, array)?), array.shape().to_vec()));
    }
    if let Ok(array) = values.cast::<PyArrayDyn<f32>>() {
        return Ok((
            Numbers::Single(copied(name, array)?),
            array.shape().to_vec(),
        ));
    }
    if let Ok(array) = values.cast::<PyArrayDyn<f64>>() {
        return Ok((
            Numbers::Double(copied(name, array)?),
            array.shape().to_vec(),
        ));
    }
    Err(usage(&format!(
        "{name}: found {}; allowed: a NumPy array of uint8, float32 or float64",
        values.get_type()
    )))
}

/// The values of an array in C order.
///
/// # Errors
/// An array that Python is writing to, or in another order.
pub fn copied<T: numpy::Element + Copy>(
    name: &str,
    array: &Bound<'_, PyArrayDyn<T>>,
) -> PyResult<Vec<T>> {
    let held = array.try_readonly();
    let held = held.map_err(|error| usage(&format!("{name}: cannot be read: {error}")))?;
    let values = held.as_slice();
    let values = values.map_err(|error| usage(&format!("{name}: not in C order: {error}")))?;
    Ok(values.to_vec())
}
