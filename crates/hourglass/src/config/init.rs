//! What a config says about pre-trained layers: which run they come from, and whether they are
//! trained on.
//!
//! It stands beside the model and not in it, so that a model of any kind, and of any depth of
//! wrapping, says it once, and so that a model's description names no files.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Layers of an earlier run that the model starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitConfig {
    /// The run that the layers come from, at its best epoch: its folder, relative to the one that the
    /// program runs in, or its name below `runs`.
    #[schemars(length(min = 1))]
    pub from: PathBuf,
    /// Names of the layers, as `hourglass inspect` shows them: `encoder.0`, `code`. Default: all that
    /// both models have with the same shapes.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub layers: Option<Vec<String>>,
    /// Whether these layers stay as they are and only the others are trained. Default: false.
    #[serde(default)]
    pub freeze: bool,
}
