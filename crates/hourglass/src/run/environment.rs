//! The environment: what a run was trained with, so that its figures can be judged and reproduced.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::{self, Backend};
use crate::digest::short;
use crate::files;
use crate::run::RunError;
use crate::setup::Setup;

/// Version of Burn that the workspace pins.
const BURN: &str = env!("HOURGLASS_BURN");

/// `env.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of the program.
    pub version: String,
    /// Commit that the program was built from, or `unknown`.
    pub commit: String,
    /// Version of Burn.
    pub burn: String,
    /// Backend that trains.
    pub backend: String,
    /// Name of the hardware behind it.
    pub adapter: String,
    /// Processor of the host.
    pub cpu: String,
    /// Threads that the CPU backends use.
    pub threads: usize,
    /// Operating system and architecture.
    pub system: String,
    /// Name of the data set.
    pub dataset: String,
    /// SHA-256 of the images and labels that were loaded.
    pub data_sha256: String,
    /// SHA-256 of the test images and labels.
    pub test_sha256: String,
    /// Images to train on.
    pub train_images: usize,
    /// Images that choose the best checkpoint.
    pub validation_images: usize,
    /// Images that the figures are measured on.
    pub test_images: usize,
    /// Whether it is a `--quick` run.
    pub quick: bool,
    /// When the run was made, in RFC 3339.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// Where the program was started, which the data's folder may be relative to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// When and how it was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
}

/// One `resume` of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    /// When, in RFC 3339.
    pub started: String,
    /// Commit that the program was built from, or `unknown`.
    pub commit: String,
    /// Backend that trains from then on.
    pub backend: String,
    /// Name of the hardware behind it.
    pub adapter: String,
    /// Threads that the CPU backends use.
    pub threads: usize,
    /// The command line.
    pub command: Vec<String>,
}

impl Resumption {
    /// This process, which continues a run on `backend`.
    pub fn new(backend: &Backend) -> Self {
        Self {
            started: Timestamp::now().to_string(),
            commit: env!("HOURGLASS_COMMIT").into(),
            backend: backend.name.into(),
            adapter: backend.adapter.clone(),
            threads: rayon::current_num_threads(),
            command: command(),
        }
    }
}

impl Environment {
    /// Fails if the data's digest differs from the run's.
    ///
    /// # Errors
    /// Where the digests differ.
    pub fn check_data(&self, setup: &Setup) -> Result<(), RunError> {
        if self.data_sha256 == setup.data_sha256 {
            return Ok(());
        }
        Err(RunError::OtherData {
            dataset: setup.dataset.clone(),
            found: short(&setup.data_sha256).to_owned(),
            trained: short(&self.data_sha256).to_owned(),
        })
    }
}

/// Where the program was started that made the run in a folder, as far as its `env.json` says so.
pub(crate) fn folder(run: &Path) -> Option<PathBuf> {
    let environment: Environment = files::read_json(&run.join("env.json")).ok()?;
    environment.folder
}

/// The command line of this process.
fn command() -> Vec<String> {
    std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

impl Environment {
    /// The environment of this process, for a training of `setup`.
    pub fn new(setup: &Setup) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: env!("HOURGLASS_COMMIT").into(),
            burn: BURN.into(),
            backend: setup.backend.name.into(),
            adapter: setup.backend.adapter.clone(),
            cpu: backend::cpu().into(),
            threads: rayon::current_num_threads(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            dataset: setup.dataset.clone(),
            data_sha256: setup.data_sha256.clone(),
            test_sha256: setup.test_sha256.clone(),
            train_images: setup.split.train.len(),
            validation_images: setup.split.validation.len(),
            test_images: setup.test.len(),
            quick: setup.quick,
            started: Timestamp::now().to_string(),
            command: command(),
            folder: std::env::current_dir().ok(),
            resumed: Vec::new(),
        }
    }
}
