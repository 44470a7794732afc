//! Checkpoints: weights, optimizer state and progress, from which training goes on bit for bit, or
//! from which the model alone is rebuilt without its config.
//!
//! A checkpoint is a folder of three files, written beside its final name and then swapped in. The
//! digests in `meta.json` tell a damaged file from a good one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::prelude::*;
use model::{Autoencoder, ImageShape, ModelConfig, weights};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::digest::{sha256, short};
use crate::optimizer::Optimizer;
use crate::run::{self, Best, FORMAT_VERSION, Run, State, Status};

/// How far a training had come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The encoder layer that is trained by itself, counted from 0, of which the next four are; none
    /// where all layers are trained together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<usize>,
    /// Epochs completed.
    pub epoch: usize,
    /// Optimizer steps made, in all epochs.
    pub step: usize,
    /// Sum over the current epoch's images so far of their losses.
    pub loss_sum: f32,
    /// Images of the current epoch that were trained on.
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
    /// What `state.json` says of it.
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

/// `meta.json`: what the weights belong to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// The model that the weights belong to.
    pub model: ModelConfig,
    /// Channels, height and width of its images. Its encoder may get fewer channels.
    pub input_shape: ImageShape,
    /// Seed of the run.
    pub seed: u64,
    /// Layers that are not trained, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
    /// How far training had come.
    pub progress: Progress,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// SHA-256 of `optimizer.safetensors`.
    pub optimizer_sha256: String,
}

/// A checkpoint's files in memory.
#[derive(Debug)]
pub struct Checkpoint {
    /// What the weights belong to.
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
    /// If the device does not give its values.
    pub fn take(
        config: &Config,
        model: &Autoencoder,
        optimizer: &Optimizer,
        progress: &Progress,
        frozen: &[String],
    ) -> Result<Self> {
        Ok(Self {
            meta: Meta {
                format_version: FORMAT_VERSION,
                model: config.model.clone(),
                input_shape: model.output_shape(),
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

    /// Writes it as the run's checkpoints of these names, one after the other.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(mut self, run: &Run, names: &[&str]) -> Result<()> {
        self.meta.model_sha256 = sha256(&self.model);
        self.meta.optimizer_sha256 = sha256(&self.optimizer);
        names.iter().try_for_each(|name| self.write_one(run, name))
    }

    /// Writes `checkpoints/<name>`; the one that was there stays whole until the new one has taken
    /// its place.
    fn write_one(&self, run: &Run, name: &str) -> Result<()> {
        let folders = Folders::of(run, name);
        let place = || {
            format!(
                "{}: the checkpoint cannot be written",
                folders.last.display()
            )
        };
        folders.settle().with_context(place)?;
        fs::create_dir_all(&folders.new).with_context(place)?;
        let written = (|| {
            run::write(&folders.new.join("model.safetensors"), &self.model)?;
            run::write(&folders.new.join("optimizer.safetensors"), &self.optimizer)?;
            let mut text = serde_json::to_vec_pretty(&self.meta)?;
            text.push(b'\n');
            run::write(&folders.new.join("meta.json"), &text)
        })();
        if let Err(error) = written {
            // A full disk: what little was written gives its room back, and the old one stays.
            let _ = fs::remove_dir_all(&folders.new);
            return Err(error);
        }
        if folders.last.exists() {
            fs::rename(&folders.last, &folders.old).with_context(place)?;
        }
        fs::rename(&folders.new, &folders.last).with_context(place)?;
        run::sync_folder(&run.path("checkpoints"));
        remove(&folders.old).with_context(place)
    }
}

/// Gives the checkpoints of a run that was killed while it wrote one their own names, and removes what
/// else it left.
///
/// # Errors
/// A folder that cannot be renamed or removed.
pub fn settle(run: &Run) -> Result<()> {
    for name in ["best", "last"] {
        let folders = Folders::of(run, name);
        let place = || format!("{}: cannot be put in order", folders.last.display());
        folders.settle().with_context(place)?;
    }
    Ok(())
}

/// Reads and checks `checkpoints/<name>`; `None` if the run has none yet.
///
/// # Errors
/// A file that is missing, damaged or of a newer format.
pub fn read(run: &Run, name: &str) -> Result<Option<Checkpoint>> {
    let folders = Folders::of(run, name);
    let Some(folder) = folders.present().cloned() else {
        return Ok(None);
    };
    let path = folder.join("meta.json");
    let meta: serde_json::Value = run::read_json(&path)?;
    let version = meta
        .get("format_version")
        .and_then(serde_json::Value::as_u64);
    if version > Some(u64::from(FORMAT_VERSION)) {
        bail!(
            "{}: found format version {}; this program reads up to {FORMAT_VERSION}: update it",
            path.display(),
            version.unwrap_or_default()
        );
    }
    let meta: Meta = serde_json::from_value(meta)
        .with_context(|| format!("{}: not as this program writes it", path.display()))?;
    let file = |name: &str, expected: &str| -> Result<Vec<u8>> {
        let path = folder.join(name);
        let bytes = fs::read(&path)
            .map_err(|error| anyhow!("{}: cannot be read: {error}", path.display()))?;
        let found = sha256(&bytes);
        if found != expected {
            bail!(
                "{}: damaged: found SHA-256 {}..., meta.json says {}...",
                path.display(),
                short(&found),
                short(expected)
            );
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

/// Reads the checkpoint that a run's model is taken from: the best one, else the last.
///
/// # Errors
/// As [`read`], and where the run has none.
pub fn read_best(run: &Run) -> Result<Checkpoint> {
    for name in ["best", "last"] {
        if let Some(checkpoint) = read(run, name)? {
            return Ok(checkpoint);
        }
    }
    bail!(
        "{}: found no checkpoint in it; it has not been trained yet",
        run.folder().display()
    )
}

impl Checkpoint {
    /// A checkpoint of weights from elsewhere, which errors place at `place`; without an optimizer's state.
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
    pub fn model(&self, device: &Device) -> Result<Autoencoder> {
        let path = self.folder.join("model.safetensors");
        let place = || format!("{}: not this model's weights", path.display());
        let meta = &self.meta;
        let model = meta
            .model
            .init(meta.input_shape, meta.seed, device)
            .with_context(place)?;
        weights::from_bytes(model, &self.model).with_context(place)
    }

    /// The weights as the bytes of a safetensors file.
    pub fn weights(&self) -> &[u8] {
        &self.model
    }

    /// Puts the optimizer's state back as it was.
    ///
    /// # Errors
    /// State that does not belong to the model.
    pub fn restore(
        &self,
        optimizer: &mut Optimizer,
        model: &Autoencoder,
        device: &Device,
    ) -> Result<()> {
        let path = self.folder.join("optimizer.safetensors");
        optimizer
            .load(
                &self.optimizer,
                self.meta.progress.step as u64,
                model,
                device,
            )
            .with_context(|| format!("{}: not this model's optimizer", path.display()))
    }
}

/// Where a checkpoint lies, and where its successor and predecessor do during the swap.
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

    /// Leaves the checkpoint under its own name, and nothing beside it.
    fn settle(&self) -> std::io::Result<()> {
        if let Some(present) = self.present()
            && *present != self.last
        {
            fs::rename(present, &self.last)?;
        }
        remove(&self.new)?;
        remove(&self.old)
    }

    /// The folder that holds the checkpoint, if there is one yet.
    fn present(&self) -> Option<&PathBuf> {
        // Killed between the two renames of `save`: both others are whole, and the newer one counts.
        // Killed in the first `save`: what there is has no meta.json, which is written last.
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
