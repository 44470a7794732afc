//! Errors of the library as exceptions of Python, with the same line of text.

use data::DataError;
use hourglass::Error;
use hourglass::run::RunError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The module that defines the exceptions.
const MODULE: &str = "hourglass._errors";

/// An error of the library as an exception: a `UsageError`, which is a `ValueError` too, if the caller can mend it by
/// other arguments, and else a `HourglassError`.
pub fn raised(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    match is_usage(&error) {
        true => usage(&error.to_string()),
        false => failed(&error.to_string()),
    }
}

/// Arguments that cannot be used.
pub fn usage(text: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    of(&CLASS, "UsageError", text)
}

/// Anything else that went wrong.
pub fn failed(text: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    of(&CLASS, "HourglassError", text)
}

fn of(class: &PyOnceLock<Py<PyType>>, name: &str, text: &str) -> PyErr {
    Python::attach(|py| match class.import(py, MODULE, name) {
        Ok(class) => PyErr::from_type(class.clone(), text.to_owned()),
        Err(error) => error,
    })
}

fn is_usage(error: &Error) -> bool {
    match error.root() {
        Error::Config(_) | Error::Backend(_) | Error::Input(_) | Error::NeedsInput(_) => true,
        Error::Data(error) => matches!(
            error,
            DataError::Array { .. } | DataError::Option { .. } | DataError::InMemory
        ),
        Error::Run(error) => matches!(
            error,
            RunError::Missing { .. }
                | RunError::NotARun { .. }
                | RunError::OtherConfig { .. }
                | RunError::ConfigChanged { .. }
                | RunError::OtherData { .. }
        ),
        _ => false,
    }
}
