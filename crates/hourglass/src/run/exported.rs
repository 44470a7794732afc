//! Exported models: a folder with weights and what they belong to, without anything of the training. Such a folder
//! stands for a run wherever a trained model is enough.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::checkpoint::{self, Checkpoint, CheckpointError, Meta};
use super::{FORMAT_VERSION, Run, RunError, State, Status};

/// What the weights belong to, under [`KEY`].
pub const CONFIG: &str = "config.json";

/// The key of the model's description in [`CONFIG`], beside those that other programs read.
pub const KEY: &str = "hourglass";

/// The weights.
pub const WEIGHTS: &str = "model.safetensors";

impl Run {
    /// Whether the folder is an exported model instead of a run.
    pub fn is_exported(&self) -> bool {
        self.path(WEIGHTS).is_file() && !self.path("state.json").exists()
    }

    /// Fails for an exported model, which a training or a measurement on its own data needs more of.
    ///
    /// # Errors
    /// [`RunError::Exported`].
    pub fn check_trained_here(&self) -> Result<(), RunError> {
        match self.is_exported() {
            true => Err(RunError::Exported {
                folder: self.folder().to_owned(),
            }),
            false => Ok(()),
        }
    }
}

/// The state of an exported model: that of the training that it comes from.
///
/// # Errors
/// A description that is missing, damaged or of a newer format.
pub(super) fn state(run: &Run) -> Result<State, RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
    }
    #[derive(Deserialize)]
    struct Described<T> {
        hourglass: T,
    }
    let version: Described<Version> = run.read_json(CONFIG)?;
    if version.hourglass.format_version > FORMAT_VERSION {
        return Err(RunError::Newer {
            path: run.path(CONFIG),
            found: version.hourglass.format_version.into(),
        });
    }
    let described: Described<Meta> = run.read_json(CONFIG)?;
    Ok(described.hourglass.progress.state(Status::Finished))
}

/// What the weights belong to, and how many bytes they take.
pub(super) fn meta(run: &Run) -> Result<(Meta, usize), CheckpointError> {
    let path = run.path(CONFIG);
    let mut config: Value = run.read_json(CONFIG)?;
    let described = config.get_mut(KEY).map(Value::take);
    let described = described.ok_or_else(|| CheckpointError::Meta {
        path: path.clone(),
        reason: format!("has no key \"{KEY}\""),
    })?;
    checkpoint::described(described, path)
}

/// The model, without an optimizer's state.
pub(super) fn read(run: &Run) -> Result<Checkpoint, CheckpointError> {
    let (meta, bytes) = meta(run)?;
    let place: PathBuf = run.folder().to_owned();
    checkpoint::read_weights(&place, meta, bytes)
}
