//! The ranges and frequencies of a run's codes: learned once from its training images and kept in its folder.

use std::path::Path;
use std::sync::Arc;

use data::Images;
use serde_json::Value;

use super::Damaged;
use super::autoencoder::Codec;
use super::compress::BITS;
use super::quantiser::{MOST_BITS, Statistics};
use crate::error::{At, Error, Result};
use crate::files::{self, FileError};
use crate::run::{ANALYSIS, Run};

/// The file in the run's `analysis`.
pub(super) const FILE: &str = "codes.json";

/// The finest step of a code that was trained to take few bits: with it, steps are 1 at [`BITS`], which the noise of the
/// training stands for.
const FINEST: f32 = 1.0 / (1 << (MOST_BITS - BITS)) as f32;

/// The most bytes of it: several times those of the widest code that this program trains.
pub(super) const LARGEST: u64 = 1 << 26;

/// The statistics of a run's codes: those in its folder, or else those of the training images that `train` gives,
/// which are then written there.
///
/// # Errors
/// As [`known`]; if the device or the eigensolver fails; if the folder cannot be written; and what `train` says.
pub fn of_run<E: From<Error>>(
    run: &Run,
    codec: &Codec,
    model_sha256: &str,
    train: impl FnOnce() -> Result<Arc<Images>, E>,
) -> Result<Statistics, E> {
    match known(run, model_sha256, codec.form.units)? {
        Some(known) => Ok(known),
        None => Ok(learn(run, codec, model_sha256, &*train()?)?),
    }
}

/// The statistics in the run's folder; `None` if there are none, or they belong to other weights.
///
/// # Errors
/// If the file exists but was not written by this program.
pub fn known(run: &Run, model_sha256: &str, units: usize) -> Result<Option<Statistics>> {
    known_in(&run.path(ANALYSIS).join(FILE), model_sha256, units)
}

/// The same of a file; `None` also if there is no such file.
pub(super) fn known_in(
    path: &Path,
    model_sha256: &str,
    units: usize,
) -> Result<Option<Statistics>> {
    if !path.is_file() {
        return Ok(None);
    }
    let value: Value = files::read_json(path, LARGEST)?;
    let known: Statistics = serde_json::from_value(value).map_err(FileError::json(path))?;
    if known.model_sha256 != model_sha256 {
        // The run was trained further since then.
        return Ok(None);
    }
    if !known.fits(units) {
        let error = Damaged("not written by this program".into());
        return Err(error).at(|| path.display().to_string());
    }
    Ok(Some(known))
}

fn learn(run: &Run, codec: &Codec, model_sha256: &str, train: &Images) -> Result<Statistics> {
    let codes = codec.training_codes(train)?;
    let learned = match codec.form.whole {
        true => Statistics::of_steps(model_sha256, &codes, FINEST),
        false => Statistics::learn(model_sha256, &codes)?,
    };
    files::write(&run.analysis(FILE)?, &learned.to_bytes()?)?;
    Ok(learned)
}
