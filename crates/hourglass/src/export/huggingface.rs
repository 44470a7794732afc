//! A folder for the Hugging Face Hub: weights, what they belong to, a model card, and the module of PyTorch. It is a model of this program too:
//! [`Run::open`](crate::Run::open) takes such a folder wherever a trained model is enough.

use serde_json::{Value, json};

use super::card::{self, Data};
use super::{ExportError, Exported, pytorch};
use crate::digest::sha256;
use crate::error::Result;
use crate::measure::summary::Summary;
use crate::run::exported::{CONFIG, KEY, WEIGHTS};

/// The model card.
const CARD: &str = "README.md";

/// The files of the export by their names. `dataset` is what the data are called, and `summary` the run's figures, if it
/// was trained to its end.
///
/// # Errors
/// If the device does not return its values.
pub fn files(
    exported: &Exported<'_>,
    dataset: Option<&str>,
    summary: Option<&Summary>,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files = pytorch::files(exported)?;
    let mut meta = exported.meta.clone();
    let weights = files.iter().find(|(name, _)| *name == WEIGHTS);
    meta.model_sha256 = weights.map_or(String::new(), |(_, bytes)| sha256(bytes));
    // The state of the optimizer stays with the run.
    meta.optimizer_sha256 = String::new();
    let encode = |error: serde_json::Error| ExportError::Encode(error.to_string());
    let config: Value = json!({
        "model_type": "hourglass",
        "architectures": ["Autoencoder"],
        "library_name": "hourglass",
        "program_version": env!("CARGO_PKG_VERSION"),
        KEY: serde_json::to_value(&meta).map_err(encode)?,
    });
    let mut config = serde_json::to_vec_pretty(&config).map_err(encode)?;
    config.push(b'\n');
    let data = Data {
        name: dataset,
        summary,
    };
    files.push((CONFIG, config));
    files.push((CARD, card::text(exported, &data).into_bytes()));
    Ok(files)
}
