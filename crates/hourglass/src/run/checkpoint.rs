//! Checkpoints: weights, optimizer state and progress, from which training continues bit for bit. The
//! model alone can be rebuilt from a checkpoint without its config.
//!
//! A checkpoint is a folder of three files, written under a temporary name and then swapped in. The
//! digests in `meta.json` reveal damaged files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use burn::prelude::*;
use data::{Aspect, Cut, Fields, Preparation};
use model::weights::{self, WeightsError};
use model::{Autoencoder, ImageShape, Layers, ModelConfig, ModelError, Range};
use serde::{Deserialize, Serialize};

use crate::codec::kept;
use crate::config::Config;
use crate::digest::{sha256, short};
use crate::fields::{self, Form};
use crate::files::{self, FileError, LARGEST_JSON};
use crate::memory::{self, MemoryError};
use crate::run::{Best, FORMAT_VERSION, Run, State, Status, exported};
use crate::train::optimizer::Optimizer;

/// How often a checkpoint is read again that a training swapped meanwhile, and at what interval.
const SWAPS: u32 = 200;
const SWAP_PAUSE: Duration = Duration::from_millis(5);

/// The highest count of a training: integers up to it are told apart by programs that read JSON numbers as floats,
/// and a few of them add up without overflow.
const MOST_COUNTED: u64 = 1 << 53;

/// The most bytes of a file's names and shapes of weights.
const LARGEST_HEADER: usize = 1 << 24;

/// Values of the optimizer's state for each of the model's, at most: Adam's two means.
const MOST_MOMENTS: usize = 2;

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
    /// `meta.json` describes what no training leaves.
    #[error("{}: not written by this program: {reason}", path.display())]
    Meta {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// The weights are too large to be loaded.
    #[error("{}: {error}", path.display())]
    Memory {
        /// The file that describes them.
        path: PathBuf,
        /// What is needed and free.
        error: MemoryError,
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
    /// It has used more images of its epoch than there are.
    #[error("the checkpoint has used {found} images of an epoch of {all}; train the run again")]
    Images {
        /// Images used.
        found: usize,
        /// Images of an epoch.
        all: usize,
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

/// A place within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Images of the epoch before it.
    pub images: usize,
    /// The share of the epoch before it, 0 to 1: what the learning rate follows.
    pub share: f64,
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
    /// Where in the current epoch the batches got the size that they have now; `None` if they have had it
    /// from the epoch's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Seconds spent in training steps.
    pub train_seconds: f64,
    /// Images trained on in those seconds.
    pub train_images: usize,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// The validation loss that the next improvement is counted from for early stopping; `None` if that is
    /// the best one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<f64>,
    /// Epochs without an improvement that counts for early stopping.
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
    /// What the channels of its samples stand for, if they are no pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
    /// Seed of the run.
    pub seed: u64,
    /// What it was trained with; `None` in checkpoints of version 0.1.0 and in compressed files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
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
    /// The seed that drew the test and validation images.
    pub fn split_seed(&self) -> u64 {
        (self.config.as_ref()).map_or(self.seed, Config::split_seed)
    }

    /// The form of its data.
    pub fn form(&self) -> Form {
        match self.clips() {
            Some(_) => Form::Clips,
            None => Form::of(self.fields.is_some(), self.input_shape),
        }
    }

    /// The layers of its model.
    ///
    /// # Errors
    /// In words: a model that no config may ask for, and counts that no training comes to.
    fn checked(&self) -> Result<Layers, String> {
        let channels = self.fields.as_ref().map(Fields::channels);
        if channels.is_some_and(|channels| channels != self.input_shape[0]) {
            return Err("fields: found another number of channels than in input_shape".into());
        }
        let layers = self.layers().map_err(|error| format!("model.{error}"))?;
        let progress = &self.progress;
        let counts = [
            ("pretraining", progress.pretraining.unwrap_or(0)),
            ("epoch", progress.epoch),
            ("step", progress.step),
            ("images", progress.images),
            ("train_images", progress.train_images),
            ("best.epoch", progress.best.map_or(0, |best| best.epoch)),
            (
                "epochs_without_improvement",
                progress.epochs_without_improvement,
            ),
        ];
        match counts
            .iter()
            .find(|(_, count)| *count as u64 > MOST_COUNTED)
        {
            None => Ok(layers),
            Some((key, count)) => Err(format!(
                "progress.{key}: found {count}; allowed: at most {MOST_COUNTED}"
            )),
        }
    }

    /// What the values of the model's samples are.
    pub fn range(&self) -> Range {
        match (&self.fields, self.clips()) {
            (Some(fields), _) => fields::range(fields),
            (None, Some(cut)) => Range::Clip(cut.frames),
            (None, None) => Range::Unit,
        }
    }

    /// How videos become the model's clips, if it is one of clips.
    pub fn clips(&self) -> Option<Cut> {
        self.preparation?.clips
    }

    /// The layers of the model.
    ///
    /// # Errors
    /// As [`ModelConfig::plan_for`].
    pub fn layers(&self) -> Result<Layers, ModelError> {
        Ok(self.model.plan_for(self.input_shape, &self.range())?.layers)
    }

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
        fields: Option<&Fields>,
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
                fields: fields.cloned(),
                seed: config.seed,
                config: Some(config.without_schema()),
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
        folders.settle(run).map_err(failed)?;
        fs::create_dir_all(&folders.new).map_err(failed)?;
        let written = (|| {
            files::write(&folders.new.join("model.safetensors"), &self.model)?;
            files::write(&folders.new.join("optimizer.safetensors"), &self.optimizer)?;
            files::write_sealed(&folders.new.join("meta.json"), &self.meta)
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
        kept::keep_replaced(run, &folders.old).map_err(failed)?;
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
        folders
            .settle(run)
            .map_err(|error| CheckpointError::Settle {
                folder: folders.last.clone(),
                error,
            })?;
    }
    Ok(())
}

/// Reads and checks `checkpoints/<name>`; `None` if the run has none yet. A training may swap it at any moment:
/// what is given is one checkpoint, and what a swap alone brought about is no error.
///
/// # Errors
/// A file that cannot be read, is not as this program writes it, or is of a newer format.
pub fn read(run: &Run, name: &str) -> Result<Option<Checkpoint>, CheckpointError> {
    let folders = Folders::of(run, name);
    steady(&folders, read_folder)
}

/// Reads the checkpoint that is present, again if another took its place meanwhile; `None` if there is none.
fn steady<T>(
    folders: &Folders,
    read: impl Fn(&Path) -> Result<T, CheckpointError>,
) -> Result<Option<T>, CheckpointError> {
    for tried in 1.. {
        let before = folders.stamp();
        let found = folders.present().map(|folder| read(folder)).transpose();
        match found {
            Ok(Some(checkpoint)) => return Ok(Some(checkpoint)),
            // Only where nothing moved meanwhile is this what the run's folder holds.
            settled if tried == SWAPS || folders.stamp() == before => return settled,
            _ => thread::sleep(SWAP_PAUSE),
        }
    }
    Ok(None)
}

/// Reads and checks the checkpoint in a folder.
fn read_folder(folder: &Path) -> Result<Checkpoint, CheckpointError> {
    // All are opened before one is read: a file that is open stays what it is, whatever takes its name.
    let meta = Opened::new(folder, "meta.json")?;
    let model = Opened::new(folder, "model.safetensors")?;
    let optimizer = Opened::new(folder, "optimizer.safetensors")?;
    let (meta, bytes) = meta.meta()?;
    model.check_memory(bytes)?;
    Ok(Checkpoint {
        model: model.verified(&meta.model_sha256, bytes)?,
        optimizer: optimizer
            .verified(&meta.optimizer_sha256, bytes.saturating_mul(MOST_MOMENTS))?,
        meta,
        folder: folder.to_owned(),
    })
}

/// Reads a model that was kept in a folder, without an optimizer's state.
///
/// # Errors
/// As [`read`].
pub fn read_kept(folder: &Path) -> Result<Checkpoint, CheckpointError> {
    let (meta, bytes) = Opened::new(folder, "meta.json")?.meta()?;
    read_weights(folder, meta, bytes)
}

/// Reads the weights in a folder, of which `meta` says what they belong to.
pub(super) fn read_weights(
    folder: &Path,
    meta: Meta,
    bytes: usize,
) -> Result<Checkpoint, CheckpointError> {
    let model = Opened::new(folder, "model.safetensors")?;
    model.check_memory(bytes)?;
    let model = model.verified(&meta.model_sha256, bytes)?;
    Ok(Checkpoint::embedded(meta, model, folder.to_owned()))
}

/// Reads `meta.json` of what [`read_best`] reads; `None` if the run has no checkpoint.
pub(crate) fn meta_of_best(run: &Run) -> Result<Option<Meta>, CheckpointError> {
    match meta(run, "best")? {
        Some(best) => Ok(Some(best)),
        None => meta(run, "last"),
    }
}

/// Reads `meta.json` of `checkpoints/<name>` alone; `None` if the run has no such checkpoint yet.
///
/// # Errors
/// A file that is missing, not of this program or of a newer format.
pub fn meta(run: &Run, name: &str) -> Result<Option<Meta>, CheckpointError> {
    if run.is_exported() {
        return Ok(Some(exported::meta(run)?.0));
    }
    steady(&Folders::of(run, name), |folder| {
        Ok(Opened::new(folder, "meta.json")?.meta()?.0)
    })
}

/// A file of a checkpoint.
struct Opened {
    path: PathBuf,
    file: File,
}

impl Opened {
    fn new(folder: &Path, name: &str) -> Result<Self, CheckpointError> {
        let path = folder.join(name);
        let file = files::open(&path, OpenOptions::new().read(true))?;
        Ok(Self { path, file })
    }

    /// Fails if weights of this many bytes do not fit into the memory that is free. No more is read of a file than it
    /// really has.
    fn check_memory(&self, bytes: usize) -> Result<(), CheckpointError> {
        let found = self.file.metadata().map_or(0, |it| it.len());
        memory::check_weights(found.min(bytes as u64)).map_err(|error| CheckpointError::Memory {
            path: self.path.clone(),
            error,
        })
    }

    /// Its bytes, whose digest must be the expected one; at most `most` and a header.
    fn verified(self, expected: &str, most: usize) -> Result<Vec<u8>, CheckpointError> {
        let Self { path, file } = self;
        let most = most.saturating_add(LARGEST_HEADER) as u64;
        let bytes = files::read_opened(file, &path, most)?;
        let found = sha256(&bytes);
        if found != expected {
            return Err(CheckpointError::Damaged {
                path,
                found: short(&found).to_owned(),
                expected: short(expected).to_owned(),
            });
        }
        Ok(bytes)
    }

    /// Its content as a `meta.json`, and the bytes that the weights of its model take.
    fn meta(self) -> Result<(Meta, usize), CheckpointError> {
        let Self { path, file } = self;
        let text = files::read_opened(file, &path, LARGEST_JSON)?;
        described(files::parse_json(&text, &path)?, path)
    }
}

/// What a `meta.json`, or the same object in another file, says of a model, and the bytes that the weights of that take.
pub(super) fn described(
    meta: serde_json::Value,
    path: PathBuf,
) -> Result<(Meta, usize), CheckpointError> {
    let version = meta
        .get("format_version")
        .and_then(serde_json::Value::as_u64);
    if let Some(found) = version.filter(|&version| version > u64::from(FORMAT_VERSION)) {
        return Err(CheckpointError::Newer { path, found });
    }
    let meta: Meta = serde_json::from_value(meta).map_err(FileError::json(&path))?;
    let layers = meta.checked();
    let layers = layers.map_err(|reason| CheckpointError::Meta {
        path: path.clone(),
        reason,
    })?;
    if let Some(it) = meta.preparation
        && it.shape() != meta.input_shape
    {
        return Err(CheckpointError::Preparation {
            path,
            found: it.shape(),
            model: meta.input_shape,
        });
    }
    let bytes = layers.stored_values().saturating_mul(size_of::<f32>());
    Ok((meta, bytes))
}

/// Reads the checkpoint of a run's model: the best one, or else the last one.
///
/// # Errors
/// As [`read`], and where the run has none.
pub fn read_best(run: &Run) -> Result<Checkpoint, CheckpointError> {
    if run.is_exported() {
        return exported::read(run);
    }
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
        let layers = meta.checked().map_err(refuse)?;
        weights::check_size(&layers, &self.model).map_err(|error| refuse(error.to_string()))?;
        let model = meta
            .model
            .init_for(meta.input_shape, &meta.range(), meta.seed, device)
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
    fn settle(&self, run: &Run) -> std::io::Result<()> {
        if let Some(present) = self.present()
            && *present != self.last
        {
            fs::rename(present, &self.last)?;
        }
        remove(&self.new)?;
        kept::keep_replaced(run, &self.old)?;
        remove(&self.old)
    }

    /// What a swap changes: which of the folders are there, and the `meta.json` of each.
    fn stamp(&self) -> [Option<Vec<u8>>; 3] {
        [&self.last, &self.new, &self.old]
            .map(|folder| files::read(&folder.join("meta.json"), LARGEST_JSON).ok())
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::json;

    use super::*;

    /// A checkpoint whose weights and optimizer are `step`, many times.
    fn snapshot(step: usize) -> Snapshot {
        let model = json!({ "kind": "dense", "layers": [], "code_size": 1 });
        Snapshot {
            meta: Meta {
                format_version: FORMAT_VERSION,
                model: serde_json::from_value(model).unwrap(),
                input_shape: [1, 2, 2],
                preparation: None,
                fields: None,
                config: None,
                seed: 1,
                frozen: Vec::new(),
                progress: Progress {
                    step,
                    ..Progress::default()
                },
                model_sha256: String::new(),
                optimizer_sha256: String::new(),
            },
            model: vec![step as u8; 60_000],
            optimizer: vec![step as u8; 60_000],
        }
    }

    fn run(folder: &Path) -> Run {
        fs::create_dir(folder.join("checkpoints")).unwrap();
        Run {
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn whoever_reads_beside_a_training_gets_one_whole_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        snapshot(0).write(&run, &["best"]).unwrap();
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for step in 1..250 {
                    snapshot(step).write(&run, &["best"]).unwrap();
                }
                ended.store(true, Ordering::SeqCst);
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        let found = read_best(&run).unwrap();
                        let step = found.meta.progress.step as u8;
                        let mut bytes = found.model.iter().chain(&found.optimizer);
                        assert!(bytes.all(|byte| *byte == step));
                    }
                });
            }
        });
    }

    #[test]
    fn what_no_swap_explains_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        assert!(matches!(read_best(&run), Err(CheckpointError::None { .. })));
        snapshot(1).write(&run, &["best"]).unwrap();
        let file = run.path("checkpoints/best/model.safetensors");
        fs::write(&file, "other").unwrap();
        let error = read_best(&run).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
        fs::remove_file(&file).unwrap();
        let error = read_best(&run).unwrap_err().to_string();
        assert!(
            error.contains("model.safetensors: cannot be read"),
            "{error}"
        );
    }
}
