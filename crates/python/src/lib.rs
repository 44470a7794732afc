//! The extension module `hourglass._native`: the library for Python, and the whole program.
//!
//! It has the few things that need Rust: arrays that become samples, trainings, and models of runs. All that can be
//! written in Python is, in `python/hourglass`, whose classes are what people import. Every call that computes lets other
//! threads of Python run meanwhile, and Ctrl-C ends it.

mod array;
mod compute;
mod error;
mod model;
mod training;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Keeps freed pages for the next step's tensors: glibc's allocator returns large buffers to the kernel and faults them
/// in again. Python's own allocations do not come here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the program with its command line, whose first word is the program's own name; gives the exit code.
#[pyfunction]
fn main(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| runner::main(&words))
}

/// The schema of a config, as JSON.
#[pyfunction]
fn schema() -> String {
    hourglass::config::schema().to_string()
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<array::Array>()?;
    module.add_class::<model::Model>()?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(schema, module)?)?;
    module.add_function(wrap_pyfunction!(training::train, module)?)?;
    module.add_function(wrap_pyfunction!(training::resume, module)?)?;
    module.add_function(wrap_pyfunction!(model::compare, module)?)
}
