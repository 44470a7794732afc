//! Checkpoints: weights, optimizer state and progress, from which training continues bit for bit. The
//! model alone can be rebuilt from a checkpoint without its config.
//!
//! A checkpoint is a folder of three files, written under a temporary name and then swapped in. The
//! digests in `meta.json` reveal damaged files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use burn::prelude::*;
use data::{Aspect, Preparation};
use model::weights::{self, WeightsError};
use model::{Autoencoder, ImageShape, ModelConfig};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::digest::{sha256, short};
use crate::files::{self, FileError};
use crate::run::{Best, FORMAT_VERSION, Run, State, Status};
use crate::train::optimizer::Optimizer;

/// Why a checkpoint cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The run has none.
    #[error("{}: it has no checkpoint yet, because it has not been trained", folder.display())]
    None {
        /// The run's folder.
        folder: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error("{}: found format version {found}, but this program reads up to {FORMAT_VERSION}; update the program", path.display())]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Its format version.
        found: u64,
    },
    /// A file differs from the one that was written.
    #[error("{}: damaged: found SHA-256 {found}..., but meta.json says {expected}...", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first digits of its digest.
        found: String,
        /// Those of the file that was written.
        expected: String,
    },
    /// The images that pictures become are not those of the model.
    #[error("{}: damaged: pictures become images of {found:?}, but the model takes {model:?}", path.display())]
    Preparation {
        /// The file.
        path: PathBuf,
        /// Shape that pictures are brought to.
        found: ImageShape,
        /// Shape that the model takes.
        model: ImageShape,
    },
    /// The weights do not belong to the model that `meta.json` describes.
    #[error("{}: the weights do not fit the model: {reason}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The optimizer's state does not belong to the model.
    #[error("{}: the optimizer state does not fit the model: {reason}", path.display())]
    Optimizer {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// It is at a layer that the model does not have.
    #[error("the checkpoint is at layer {layer} of an encoder with {depth}; train the run again")]
    Layer {
        /// The encoder layer that was trained, counted from 0.
        layer: usize,
        /// Layers of the model's encoder.
        depth: usize,
    },
    /// The folder cannot be put into place.
    #[error("{}: the checkpoint cannot be written: {}", folder.display(), files::reason(error))]
    Write {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What a killed process left cannot be renamed or removed.
    #[error("{}: cannot be cleaned up: {}", folder.display(), files::reason(error))]
    Settle {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The progress of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The encoder layer that is being pre-trained, counted from 0, which the next four fields refer to;
    /// `None` if all layers are trained together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<usize>,
    /// Epochs completed.
    pub epoch: usize,
    /// Optimizer steps done, in all epochs.
    pub step: usize,
    /// Sum of the losses of the current epoch's images so far.
    pub loss_sum: f32,
    /// Images of the current epoch that training has used.
    pub images: usize,
    /// Seconds spent in training steps.
    pub train_seconds: f64,
    /// Images trained on in those seconds.
    pub train_images: usize,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Epochs since the best one.
    pub epochs_without_improvement: usize,
}

impl Progress {
    /// The matching `state.json`.
    pub fn state(&self, status: Status) -> State {
        State {
            format_version: FORMAT_VERSION,
            status,
            pretraining: self.pretraining,
            epoch: self.epoch,
            step: self.step,
            best: self.best,
            epochs_without_improvement: self.epochs_without_improvement,
            message: None,
        }
    }
}

/// `meta.json`: the model and training that the weights belong to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// The model that the weights belong to.
    pub model: ModelConfig,
    /// Channels, height and width of its images. The encoder may get fewer channels.
    pub input_shape: ImageShape,
    /// How pictures become its images; a run of an earlier version does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// Seed of the run.
    pub seed: u64,
    /// Names of the frozen layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
    /// The progress of the training.
    pub progress: Progress,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of `optimizer.safetensors`.
    pub optimizer_sha256: String,
}

impl Meta {
    /// How pictures become the model's images.
    pub fn prepared(&self) -> Preparation {
        let unknown = || Preparation::as_is(self.input_shape, Aspect::Stretch);
        self.preparation.unwrap_or_else(unknown)
    }
}

/// A checkpoint's files in memory.
#[derive(Debug)]
pub struct Checkpoint {
    /// The contents of `meta.json`.
    pub meta: Meta,
    folder: PathBuf,
    model: Vec<u8>,
    optimizer: Vec<u8>,
}

/// A training's state at one moment, ready to be written while training goes on.
#[derive(Debug)]
pub struct Snapshot {
    meta: Meta,
    model: Vec<u8>,
    optimizer: Vec<u8>,
}

impl Snapshot {
    /// Copies weights and optimizer state from the device.
    ///
    /// # Errors
    /// If the device does not return its values.
    pub fn take(
        config: &Config,
        preparation: Preparation,
        model: &Autoencoder,
        optimizer: &Optimizer,
        progress: &Progress,
        frozen: &[String],
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            meta: Meta {
                format_version: FORMAT_VERSION,
                model: config.model.clone(),
                input_shape: model.output_shape(),
                preparation: Some(preparation),
                seed: config.seed,
                frozen: frozen.to_vec(),
                progress: progress.clone(),
                model_sha256: String::new(),
                optimizer_sha256: String::new(),
            },
            model: weights::to_bytes(model)?,
            optimizer: optimizer.to_bytes(model)?,
        })
    }

    /// Writes it as the run's checkpoints of these names.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(mut self, run: &Run, names: &[&str]) -> Result<(), CheckpointError> {
        self.meta.model_sha256 = sha256(&self.model);
        self.meta.optimizer_sha256 = sha256(&self.optimizer);
        names.iter().try_for_each(|name| self.write_one(run, name))
    }

    /// Writes `checkpoints/<name>`; the one that was there stays whole until the new one has taken
    /// its place.
    fn write_one(&self, run: &Run, name: &str) -> Result<(), CheckpointError> {
        let folders = Folders::of(run, name);
        let failed = |error| CheckpointError::Write {
            folder: folders.last.clone(),
            error,
        };
        folders.settle().map_err(failed)?;
        fs::create_dir_all(&folders.new).map_err(failed)?;
        let written = (|| {
            files::write(&folders.new.join("model.safetensors"), &self.model)?;
            files::write(&folders.new.join("optimizer.safetensors"), &self.optimizer)?;
            files::write_json(&folders.new.join("meta.json"), &self.meta)
        })();
        if let Err(error) = written {
            // The disk may be full: the partial new files are removed, and the old checkpoint stays.
            let _ = fs::remove_dir_all(&folders.new);
            return Err(error.into());
        }
        if folders.last.exists() {
            fs::rename(&folders.last, &folders.old).map_err(failed)?;
        }
        fs::rename(&folders.new, &folders.last).map_err(failed)?;
        files::sync_folder(&run.path("checkpoints"));
        remove(&folders.old).map_err(failed)
    }
}

/// Cleans up the checkpoints of a run that was killed while writing one: restores their names, and
/// removes leftovers.
///
/// # Errors
/// A folder that cannot be renamed or removed.
pub fn settle(run: &Run) -> Result<(), CheckpointError> {
    for name in ["best", "last"] {
        let folders = Folders::of(run, name);
        folders.settle().map_err(|error| CheckpointError::Settle {
            folder: folders.last.clone(),
            error,
        })?;
    }
    Ok(())
}

/// Reads the `meta.json` of `checkpoints/<name>` alone; `None` if the run has none yet.
///
/// # Errors
/// A file that cannot be read, is not as this program writes it, or is of a newer format.
pub fn read_meta(run: &Run, name: &str) -> Result<Option<Meta>, CheckpointError> {
    let folders = Folders::of(run, name);
    folders.present().map(|folder| meta_in(folder)).transpose()
}

/// Reads and checks the `meta.json` of a checkpoint's folder.
fn meta_in(folder: &Path) -> Result<Meta, CheckpointError> {
    let path = folder.join("meta.json");
    let meta: serde_json::Value = files::read_json(&path)?;
    let version = meta
        .get("format_version")
        .and_then(serde_json::Value::as_u64);
    if let Some(found) = version.filter(|&version| version > u64::from(FORMAT_VERSION)) {
        return Err(CheckpointError::Newer { path, found });
    }
    let meta: Meta = serde_json::from_value(meta).map_err(FileError::json(&path))?;
    match meta.preparation {
        Some(it) if it.shape() != meta.input_shape => Err(CheckpointError::Preparation {
            path,
            found: it.shape(),
            model: meta.input_shape,
        }),
        _ => Ok(meta),
    }
}

/// Reads and checks `checkpoints/<name>`; `None` if the run has none yet.
///
/// # Errors
/// A file that is missing, damaged or of a newer format.
pub fn read(run: &Run, name: &str) -> Result<Option<Checkpoint>, CheckpointError> {
    let folders = Folders::of(run, name);
    let Some(folder) = folders.present().cloned() else {
        return Ok(None);
    };
    let meta = meta_in(&folder)?;
    let file = |name: &str, expected: &str| -> Result<Vec<u8>, CheckpointError> {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(FileError::read(&path))?;
        let found = sha256(&bytes);
        if found != expected {
            return Err(CheckpointError::Damaged {
                path,
                found: short(&found).to_owned(),
                expected: short(expected).to_owned(),
            });
        }
        Ok(bytes)
    };
    let model = file("model.safetensors", &meta.model_sha256)?;
    let optimizer = file("optimizer.safetensors", &meta.optimizer_sha256)?;
    Ok(Some(Checkpoint {
        meta,
        folder,
        model,
        optimizer,
    }))
}

/// Reads the checkpoint of a run's model: the best one, or else the last one.
///
/// # Errors
/// As [`read`], and where the run has none.
pub fn read_best(run: &Run) -> Result<Checkpoint, CheckpointError> {
    for name in ["best", "last"] {
        if let Some(checkpoint) = read(run, name)? {
            return Ok(checkpoint);
        }
    }
    Err(CheckpointError::None {
        folder: run.folder().to_owned(),
    })
}

impl Checkpoint {
    /// A checkpoint made of weights from elsewhere, without an optimizer's state. Errors call it `place`.
    pub fn embedded(meta: Meta, model: Vec<u8>, place: PathBuf) -> Self {
        Self {
            meta,
            folder: place,
            model,
            optimizer: Vec::new(),
        }
    }

    /// The model with its trained weights, on the device.
    ///
    /// # Errors
    /// Weights that do not belong to the model that `meta.json` describes.
    pub fn model(&self, device: &Device) -> Result<Autoencoder, CheckpointError> {
        let refuse = |reason: String| CheckpointError::Weights {
            path: self.folder.join("model.safetensors"),
            reason,
        };
        let meta = &self.meta;
        let model = meta
            .model
            .init(meta.input_shape, meta.seed, device)
            .map_err(|error| refuse(error.to_string()))?;
        weights::from_bytes(model, &self.model).map_err(|error| refuse(error.to_string()))
    }

    /// The weights, as a safetensors file's bytes.
    pub fn weights(&self) -> &[u8] {
        &self.model
    }

    /// Restores the optimizer's state.
    ///
    /// # Errors
    /// If the state does not fit the model.
    pub fn restore(
        &self,
        optimizer: &mut Optimizer,
        model: &Autoencoder,
        device: &Device,
    ) -> Result<(), CheckpointError> {
        let steps = self.meta.progress.step as u64;
        optimizer
            .load(&self.optimizer, steps, model, device)
            .map_err(|error| CheckpointError::Optimizer {
                path: self.folder.join("optimizer.safetensors"),
                reason: error.to_string(),
            })
    }
}

/// The folders of a checkpoint, and of its successor and predecessor during the swap.
struct Folders {
    last: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl Folders {
    fn of(run: &Run, name: &str) -> Self {
        let checkpoints = run.path("checkpoints");
        Self {
            last: checkpoints.join(name),
            new: checkpoints.join(format!(".{name}.new")),
            old: checkpoints.join(format!(".{name}.old")),
        }
    }

    /// Leaves only the checkpoint, under its own name.
    fn settle(&self) -> std::io::Result<()> {
        if let Some(present) = self.present()
            && *present != self.last
        {
            fs::rename(present, &self.last)?;
        }
        remove(&self.new)?;
        remove(&self.old)
    }

    /// The folder of the checkpoint, if there is one yet.
    fn present(&self) -> Option<&PathBuf> {
        // If killed between the two renames of `save`, both other folders are complete and the newer one counts.
        // If killed in the first `save`, the folder has no meta.json, which is written last.
        let whole = |folder: &&PathBuf| folder.join("meta.json").is_file();
        let last = [&self.last].into_iter().find(|folder| folder.is_dir());
        last.or_else(|| [&self.new, &self.old].into_iter().find(whole))
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
