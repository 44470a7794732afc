//! Models that were replaced by better ones after files were compressed with them: kept in the run's folder for as long
//! as the files may be, because nothing else can open them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::autoencoder::Form;
use super::learned::{FILE, LARGEST, known_in};
use super::quantiser::Statistics;
use crate::digest::short;
use crate::error::Result;
use crate::files;
use crate::run::checkpoint::{self, Checkpoint};
use crate::run::{ANALYSIS, Run};

/// The folder in the run's `analysis`, with a folder for each model.
const FOLDER: &str = "compressed";

/// The folder of the model with this digest.
fn folder_of(run: &Run, model_sha256: &str) -> PathBuf {
    run.path(ANALYSIS).join(FOLDER).join(short(model_sha256))
}

/// The digest of the model that a JSON file names.
fn named(path: &Path) -> Option<String> {
    let value: Value = files::read_json(path, LARGEST).ok()?;
    Some(value.get("model_sha256")?.as_str()?.to_owned())
}

/// Moves a checkpoint that was replaced, in `folder`, to where it is kept, if files were compressed with it.
///
/// # Errors
/// If the run's folder cannot be written.
pub(crate) fn keep_replaced(run: &Run, folder: &Path) -> io::Result<()> {
    let codes = run.path(ANALYSIS).join(FILE);
    let Some(model) = named(&folder.join("meta.json")) else {
        return Ok(());
    };
    let kept = folder_of(run, &model);
    if named(&codes).as_ref() != Some(&model) || kept.exists() {
        return Ok(());
    }
    fs::copy(&codes, folder.join(FILE))?;
    fs::create_dir_all(run.path(ANALYSIS).join(FOLDER))?;
    // Of no use without a training that goes on.
    let _ = fs::remove_file(folder.join("optimizer.safetensors"));
    fs::rename(folder, kept)
}

/// Keeps a model that files were just compressed with, if it was replaced in the meantime.
///
/// # Errors
/// If the run's folder cannot be read or written.
pub fn keep_used(run: &Run, checkpoint: &Checkpoint, statistics: &Statistics) -> Result<()> {
    let model = &checkpoint.meta.model_sha256;
    let now = checkpoint::meta_of_best(run)?;
    let kept = folder_of(run, model);
    if now.is_some_and(|now| now.model_sha256 == *model) || kept.exists() {
        return Ok(());
    }
    fs::create_dir_all(&kept).map_err(files::FileError::folder(&kept))?;
    files::write(&kept.join("model.safetensors"), checkpoint.weights())?;
    files::write(&kept.join(FILE), &statistics.to_bytes()?)?;
    files::write_json(&kept.join("meta.json"), &checkpoint.meta)?;
    Ok(())
}

/// The kept model with this digest, and the statistics of its codes; `None` if there is none.
///
/// # Errors
/// If it is damaged.
pub(crate) fn find(run: &Run, model_sha256: &str) -> Result<Option<(Checkpoint, Statistics)>> {
    let folder = folder_of(run, model_sha256);
    if !folder.is_dir() {
        return Ok(None);
    }
    let checkpoint = checkpoint::read_kept(&folder)?;
    let meta = &checkpoint.meta;
    let units = Form::of(&meta.model, meta.input_shape)?.units;
    let statistics = known_in(&folder.join(FILE), model_sha256, units)?;
    let whole = statistics.filter(|_| meta.model_sha256 == model_sha256);
    Ok(whole.map(|statistics| (checkpoint, statistics)))
}
