//! Trainings: from a config, with or without arrays, to a run.

use std::path::PathBuf;
use std::sync::Arc;

use data::Given;
use hourglass::config::{self, DataConfig, Located, Override};
use hourglass::pictures::samples::Samples;
use hourglass::run::checkpoint::Checkpoint;
use hourglass::run::environment::Environment;
use hourglass::run::resumed::Resumed;
use hourglass::run::{Lock, changes};
use hourglass::train::observer::{Epoch, Flow, Observer};
use hourglass::{Outcome, Run, Setup, Start};
use numpy::IntoPyArray;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::Array;
use crate::compute::{Stop, computed};
use crate::error::{failed, raised};

/// What a training left.
struct Done {
    run: Run,
    warnings: Vec<String>,
    /// Which training samples it was validated with.
    validation: Vec<u32>,
    outcome: Outcome,
}

/// The arrays of a call.
pub fn given(data: Option<&Array>, test: Option<&Array>) -> Option<Given> {
    data.map(|data| Given {
        train: Arc::clone(&data.0),
        test: test.map(|test| Arc::clone(&test.0)),
    })
}

/// The config of a file, or of JSON, with the data that are given.
fn located(config: &str, is_file: bool, given: Option<Given>) -> hourglass::Result<Located> {
    let located = match is_file {
        true => config::load(config.as_ref(), &[])?,
        false => config::parse_object("config", config)?,
    };
    let is_array = |located: &Located| matches!(located.data, DataConfig::Array { .. });
    match given {
        Some(given) if is_array(&located) => Ok(located.with_arrays(given)),
        Some(given) => {
            // Only the config of a file is left as it is by the caller.
            let array = Override::flag("data", "data", r#"{"dataset": "array"}"#);
            Ok(config::load(config.as_ref(), &[array])?.with_arrays(given))
        }
        None if is_array(&located) => {
            let text = "found \"array\", but no array was given; pass data=..., or name a data set";
            Err(located.error("data.dataset", text).into())
        }
        None => Ok(located),
    }
}

/// Trains a config, which is a path if `is_file` and JSON if not, and gives the run's folder, its warnings and the indices
/// of the training samples that it was validated with. `plain` leaves pictures, reports and all checkpoints but
/// the best one out. `on_epoch` is called with
/// the JSON of every epoch's figures and stops the training if it returns False.
#[pyfunction]
#[pyo3(signature = (config, is_file, data, test, *, runs, name, quick=false, plain=false, on_epoch=None))]
#[allow(clippy::too_many_arguments)]
pub fn train<'py>(
    py: Python<'py>,
    config: &str,
    is_file: bool,
    data: Option<&Bound<'py, Array>>,
    test: Option<&Bound<'py, Array>>,
    runs: PathBuf,
    name: &str,
    quick: bool,
    plain: bool,
    on_epoch: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let given = given(data.map(Bound::get), test.map(Bound::get));
    let stop = Stop::default();
    let done = computed(py, &stop, || -> hourglass::Result<Done> {
        let setup = Setup::to_start(located(config, is_file, given)?, quick)?;
        let run = Run::start(&setup, &runs, name)?;
        let lock = run.lock()?;
        drive(
            setup,
            (run, lock),
            None,
            Watcher {
                stop: &stop,
                on_epoch,
            },
            plain,
        )
    })?;
    finished(py, done, &stop)
}

/// Goes on with a run that was interrupted, or further with a finished one. `changes` are `KEY=VALUE`, as for `--set`.
#[pyfunction]
#[pyo3(signature = (run, data, test, *, changes, on_epoch=None))]
pub fn resume<'py>(
    py: Python<'py>,
    run: PathBuf,
    data: Option<&Bound<'py, Array>>,
    test: Option<&Bound<'py, Array>>,
    changes: Vec<String>,
    on_epoch: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let given = given(data.map(Bound::get), test.map(Bound::get));
    let stop = Stop::default();
    let done = computed(py, &stop, || -> hourglass::Result<Done> {
        let run = Run::open(&run, &PathBuf::new())?;
        let lock = run.lock()?;
        run.check_config()?;
        let mut overrides: Vec<Override> = changes.iter().map(|it| Override::set(it)).collect();
        let asked = config::load(&run.path("config.json"), &overrides)?;
        changes::check(&run, &asked)?;
        let environment: Environment = run.read_json("env.json")?;
        overrides.push(Override::flag("backend", "backend", &environment.backend));
        let located = config::load(&run.path("config.json"), &overrides)?;
        let located = match given {
            Some(given) => located.with_arrays(given),
            None => located,
        };
        let Resumed { setup, from, .. } = Resumed::prepare(&run, located)?;
        if !changes.is_empty() {
            let mut config = setup.config.without_schema();
            config.backend = asked.backend;
            run.change_config(&config)?;
        }
        drive(
            setup,
            (run, lock),
            from.as_ref(),
            Watcher {
                stop: &stop,
                on_epoch,
            },
            false,
        )
    })?;
    finished(py, done, &stop)
}

/// Trains to the end.
fn drive(
    setup: Setup,
    (run, lock): (Run, Lock),
    from: Option<&Checkpoint>,
    watcher: Watcher<'_>,
    plain: bool,
) -> hourglass::Result<Done> {
    let mut observers: Vec<Box<dyn Observer + '_>> = Vec::new();
    if !plain {
        observers.push(Box::new(Samples));
        if setup.config.tensorboard {
            observers.push(Box::new(report::tensorboard::EventFiles::default()));
        }
        observers.push(Box::new(report::Reporter));
    }
    observers.push(Box::new(watcher));
    let start = Start {
        from,
        lock: Some(&lock),
        since: None,
        temporary: plain,
    };
    let outcome = hourglass::train(&setup, &run, start, &mut observers)?;
    drop(observers);
    Ok(Done {
        warnings: setup.warnings.iter().map(ToString::to_string).collect(),
        validation: setup.split.validation,
        outcome,
        run,
    })
}

/// What a call returns: folder, status, warnings, validation.
fn finished<'py>(
    py: Python<'py>,
    done: hourglass::Result<Done>,
    stop: &Stop,
) -> PyResult<Bound<'py, PyDict>> {
    let done = match (stop.take(), done) {
        (Some(error), Ok(done)) if error.is_instance_of::<PyKeyboardInterrupt>(py) => {
            let folder = done.run.folder().display();
            return Err(PyKeyboardInterrupt::new_err(format!(
                "{folder}: saved; continue with hourglass.resume({folder:?})"
            )));
        }
        (Some(error), _) => return Err(error),
        (None, done) => done.map_err(raised)?,
    };
    let folder = done.run.folder().to_owned();
    let status = match done.outcome {
        Outcome::Finished(_) => "finished",
        Outcome::Interrupted => "interrupted",
        Outcome::Diverged(message) => {
            return Err(failed(&format!(
                "{}: diverged: {message}; the last good checkpoint is kept; try a smaller train.learning_rate, or set \
                 train.clip_norm",
                folder.display()
            )));
        }
    };
    let found = PyDict::new(py);
    found.set_item("folder", folder)?;
    found.set_item("status", status)?;
    found.set_item("warnings", done.warnings)?;
    found.set_item("validation", done.validation.into_pyarray(py))?;
    Ok(found)
}

/// Tells Python of epochs, and stops when it wants that.
struct Watcher<'a> {
    stop: &'a Stop,
    on_epoch: Option<Py<PyAny>>,
}

impl Observer for Watcher<'_> {
    fn flow(&mut self) -> Flow {
        match self.stop.is_asked() {
            true => Flow::Stop,
            false => Flow::Go,
        }
    }

    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        let Some(on_epoch) = &self.on_epoch else {
            return Ok(());
        };
        let row = serde_json::to_string(epoch.row).unwrap_or_default();
        Python::attach(|py| match on_epoch.call1(py, (row,)) {
            Ok(answer)
                if answer
                    .bind(py)
                    .extract::<bool>()
                    .is_ok_and(|goes_on| !goes_on) =>
            {
                self.stop.ask();
            }
            Ok(_) => {}
            Err(error) => self.stop.raise(error),
        });
        Ok(())
    }
}
