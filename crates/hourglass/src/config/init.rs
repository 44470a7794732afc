//! The config of pre-trained layers: which run they come from, and whether they are trained further.
//!
//! It is separate from the model, so that it is given once whatever the model's kind and wrappers, and
//! so that a model's description refers to no files.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Layers of an earlier run to start the model from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitConfig {
    /// The run to take the layers from, at its best epoch: its folder, relative to the working
    /// directory, or its name in `runs`.
    #[schemars(length(min = 1))]
    pub from: PathBuf,
    /// Names of the layers, as shown by `hourglass inspect`, such as `encoder.0` or `code`. Default:
    /// all layers that both models have with the same shapes.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub layers: Option<Vec<String>>,
    /// Whether these layers are frozen, so that only the others are trained. Default: false.
    #[serde(default)]
    pub freeze: bool,
}
