//! Imports: weights that another program trained, as a run of this one.
//!
//! A file of weights has names and shapes, and says nothing of the model. The config says that; here is found out which
//! tensor of the file belongs to which parameter.

mod matching;
mod source;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use model::Autoencoder;
use model::weights::{self, Weight};

use crate::error::{At, Result};
use crate::files::{self, LARGEST_JSON};
use crate::run::checkpoint::{Progress, Snapshot};
use crate::run::{Run, Status};
use crate::setup::Setup;
use crate::train::optimizer::Optimizer;
use source::Source;

/// Why weights cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is not a whole file of weights.
    #[error("{}: not a file of weights of PyTorch or safetensors: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// Parameters of the model have no counterpart in the file.
    #[error(
        "{}: has no tensor for {missing}; not used: {unused}; change the config, or say with --map which tensor belongs to which parameter",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The model's parameters, with their shapes.
        missing: String,
        /// The file's tensors that belong to no parameter, with theirs.
        unused: String,
    },
    /// Several tensors could belong to a parameter.
    #[error(
        "{}: {found} could each be {parameter}; say with --map which it is",
        path.display()
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The tensors.
        found: String,
        /// The parameter.
        parameter: String,
    },
    /// The map names what is not there, or does not fit.
    #[error("{}: {reason}", path.display())]
    Map {
        /// The file of the map.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tensor's values cannot be used.
    #[error("{}: {name}: {reason}", path.display())]
    Values {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The folder of the run is there already.
    #[error("{}: already exists; choose a new path", .0.display())]
    Exists(PathBuf),
}

/// A tensor of the file and the parameter that it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Name of the parameter.
    pub parameter: String,
    /// Name of the tensor.
    pub tensor: String,
}

/// A model with weights from a file.
#[derive(Debug)]
pub struct Imported {
    /// The model.
    pub model: Autoencoder,
    /// Which tensor became which parameter, in the order of the model's parameters.
    pub pairs: Vec<Pair>,
    /// Tensors that belong to no parameter.
    pub unused: Vec<String>,
}

/// The model of a setup with the weights of a file: a state dict of PyTorch (`.pt`, `.pth`), of which no code is run, or
/// a safetensors file. `map` is a JSON file of an object from names of the file to names of parameters; what it leaves
/// open is found by names, or else by shapes and order.
///
/// # Errors
/// A file that is damaged or holds something else, and tensors that do not fit the model.
pub fn weights(setup: &Setup, path: &Path, map: Option<&Path>) -> Result<Imported> {
    let device = &setup.backend.device;
    let config = &setup.config;
    let model = config
        .model
        .init_for(setup.shape(), &setup.range, config.seed, device);
    let model = model.at(|| "model".into())?;
    let source = Source::open(path)?;
    let map: HashMap<String, String> = match map {
        Some(map) => files::read_json(map, LARGEST_JSON)?,
        None => HashMap::new(),
    };
    let wanted = weights::names(&model);
    let found = matching::pairs(path, &wanted, source.tensors(), map)?;
    let mut all = Vec::with_capacity(wanted.len());
    for (parameter, tensor) in wanted.iter().zip(&found.tensors) {
        all.push(Weight {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
            values: source.values(tensor)?,
        });
    }
    let bytes = weights::serialize(&all)?;
    let pairs = wanted.into_iter().zip(found.tensors);
    Ok(Imported {
        model: weights::from_bytes(model, &bytes)?,
        pairs: pairs
            .map(|(parameter, tensor)| Pair {
                parameter: parameter.name,
                tensor,
            })
            .collect(),
        unused: found.unused,
    })
}

/// A new run in a folder, with this model as its checkpoint and no step done yet: it is measured and used as any other
/// run, and resuming it trains it further.
///
/// # Errors
/// A folder that exists or cannot be written.
pub fn into_run(setup: &Setup, imported: &Imported, folder: &Path) -> Result<Run> {
    if folder.exists() {
        return Err(ImportError::Exists(folder.to_owned()).into());
    }
    let runs = folder.parent().filter(|it| !it.as_os_str().is_empty());
    let runs = runs.unwrap_or(Path::new("."));
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let run = Run::start(setup, runs, &name)?;
    let written = fill(setup, imported, &run);
    if written.is_err() {
        // It was made here; without weights, resuming it would train another model.
        let _ = fs::remove_dir_all(run.folder());
    }
    written.map(|()| run)
}

fn fill(setup: &Setup, imported: &Imported, run: &Run) -> Result<()> {
    let train = &setup.config.train;
    let progress = Progress::default();
    // What a training of this config would not train either.
    let frozen = setup.layers.from_components();
    let snapshot = Snapshot::take(
        &setup.config,
        setup.preparation,
        setup.train.fields().map(|fields| fields.as_ref()),
        &imported.model,
        &Optimizer::new(train.optimizer.clone(), train.clip_norm),
        &progress,
        &frozen,
    )?;
    snapshot.write(run, &["best", "last"])?;
    Ok(run.write_json("state.json", &progress.state(Status::Interrupted))?)
}
