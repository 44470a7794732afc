//! Where a training is tracked beside its folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The experiment of runs for which nobody names one.
const EXPERIMENT: &str = "hourglass";

/// A server that gets a training's parameters, figures, report and pictures. The training goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackConfig {
    /// Address of an MLflow tracking server, for example `http://127.0.0.1:5000`.
    #[schemars(length(min = 1))]
    pub mlflow: String,
    /// MLflow's experiment that the run is part of; it is made where it is missing. Default: hourglass.
    #[serde(default = "experiment")]
    #[schemars(length(min = 1))]
    pub experiment: String,
}

impl TrackConfig {
    /// What is wrong with the address, in words.
    pub(super) fn contradiction(&self) -> Option<String> {
        let after = |scheme| self.mlflow.strip_prefix(scheme);
        let host = after("http://").or_else(|| after("https://"));
        match host.is_some_and(|host| !host.trim_matches('/').is_empty()) {
            true => None,
            false => Some(format!(
                "found \"{}\"; allowed: an address that begins with http:// or https://, for example \
                 \"http://127.0.0.1:5000\"",
                self.mlflow
            )),
        }
    }
}

fn experiment() -> String {
    EXPERIMENT.into()
}
