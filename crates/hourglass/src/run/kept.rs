//! Runs that somebody keeps in folders with fixed names: reused if they are finished, resumed if they are not, started
//! if they do not exist.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::checkpoint::Checkpoint;
use super::environment::Environment;
use super::holes::Hole;
use super::resumed::Resumed;
use super::{Lock, Run, RunError, Status};
use crate::config::{Located, WORDS, flat};
use crate::error::Result;
use crate::files::FileError;
use crate::measure::summary::Summary;
use crate::setup::Setup;

/// How those who want a run describe themselves in messages.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The name of the config that a run must have, such as "the sweep's config".
    pub config: &'static str,
    /// What the user can do if the folder holds a run of another config.
    pub allowed: &'static str,
}

/// A run in a folder with a fixed name.
pub struct Kept {
    /// Its folder, which may not exist yet.
    pub folder: PathBuf,
    /// The config to train.
    pub located: Located,
    /// Whether it is a `--quick` run.
    pub quick: bool,
    /// The run, if it was started before.
    pub run: Option<Run>,
}

/// A run that is ready to train, and locked.
pub struct Ready {
    /// What is trained.
    pub setup: Setup,
    /// Its folder.
    pub run: Run,
    /// Where the training goes on; `None` if it starts.
    pub from: Option<Checkpoint>,
    /// Figures that are lost.
    pub holes: Vec<Hole>,
    /// Keeps other processes from training it.
    pub lock: Lock,
}

impl Ready {
    /// Steps that were made before.
    pub fn steps_made(&self) -> usize {
        let from = self.from.as_ref();
        from.map_or(0, |it| self.setup.steps_made(&it.meta.progress))
    }
}

impl Kept {
    /// Looks whether the run already exists.
    ///
    /// # Errors
    /// If the folder is not a run, or is a run of another config.
    pub fn look(folder: PathBuf, located: Located, quick: bool, owner: Owner) -> Result<Self> {
        let run = if folder.is_dir() {
            let run = Run::open(&folder, folder.parent().unwrap_or(Path::new(".")))?;
            check_same(&run, &located, quick, owner)?;
            Some(run)
        } else {
            None
        };
        Ok(Self {
            folder,
            located,
            quick,
            run,
        })
    }

    /// The last part of the folder.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The ended run, with its figures unless it diverged; `None` if it has not ended.
    ///
    /// # Errors
    /// If the folder is not a run, or is damaged.
    pub fn ended(&self) -> Result<Option<(Run, Option<Summary>)>> {
        if !self.folder.is_dir() {
            return Ok(None);
        }
        let run = Run::open(&self.folder, Path::new("."))?;
        match run.state()?.status {
            Status::Finished => {
                let summary = run.read_json("summary.json")?;
                Ok(Some((run, Some(summary))))
            }
            Status::Diverged => Ok(Some((run, None))),
            Status::Running | Status::Interrupted | Status::Failed => Ok(None),
        }
    }

    /// Makes the run, or prepares it to go on where it stopped, with the backend that its figures came from so far.
    ///
    /// # Errors
    /// A run that another process trains or has just made, and those of [`Setup::to_start`] and [`Resumed::prepare`].
    pub fn prepare(&self) -> Result<Ready> {
        let mut located = self.located.clone();
        let Some(run) = &self.run else {
            let setup = Setup::to_start(located, self.quick)?;
            let runs = self.folder.parent().unwrap_or(Path::new("."));
            let run = Run::start(&setup, runs, &self.name())?;
            if run.folder() != self.folder {
                let folder = self.folder.clone();
                return Err(RunError::MadeByAnother { folder }.into());
            }
            return Ok(Ready {
                setup,
                from: None,
                holes: Vec::new(),
                lock: run.lock()?,
                run,
            });
        };
        let lock = run.lock()?;
        let environment: Environment = run.read_json("env.json")?;
        let backend = serde_json::from_value(Value::String(environment.backend));
        located.config.backend = backend.map_err(FileError::json(&run.path("env.json")))?;
        let Resumed { setup, from, holes } = Resumed::prepare(run, located)?;
        Ok(Ready {
            setup,
            run: run.clone(),
            from,
            holes,
            lock,
        })
    }
}

/// Fails if the run has another config than the wanted one.
fn check_same(run: &Run, located: &Located, quick: bool, owner: Owner) -> Result<()> {
    let Some(differs) = difference(run, located, quick)? else {
        return Ok(());
    };
    let what = match differs {
        Difference::Key(key, found, wanted) => {
            format!("{key} {found}, but {} has {wanted}", owner.config)
        }
        Difference::Quick => "--quick".into(),
        Difference::All => "all images, but this is --quick".into(),
    };
    Err(RunError::OtherConfig {
        folder: run.folder().to_owned(),
        what,
        allowed: owner.allowed,
    }
    .into())
}

/// How a run differs from what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// In a key: its value in the run, and the wanted one.
    Key(String, String, String),
    /// The run is a `--quick` one, and all images are wanted.
    Quick,
    /// The run is one with all images, and `--quick` is wanted.
    All,
}

/// How a run differs from the wanted one, if it does.
///
/// # Errors
/// If the run's files cannot be read.
pub fn difference(run: &Run, located: &Located, quick: bool) -> Result<Option<Difference>> {
    let leaves = |config: &Value| -> Vec<(String, Value)> {
        let mut leaves = flat(config);
        leaves.retain(|(key, _)| !WORDS.contains(&key.as_str()));
        leaves
    };
    let found = leaves(&run.config()?);
    let wanted = serde_json::to_value(&located.config);
    let wanted = leaves(&wanted.map_err(FileError::json(&run.path("config.json")))?);
    let differs = (found.iter().find(|it| !wanted.contains(it)))
        .or_else(|| wanted.iter().find(|it| !found.contains(it)));
    let environment: Environment = run.read_json("env.json")?;
    Ok(match differs {
        Some((key, _)) => {
            let value = |leaves: &[(String, Value)]| {
                let leaf = leaves.iter().find(|leaf| leaf.0 == *key);
                leaf.map_or_else(|| "none".into(), |leaf| leaf.1.to_string())
            };
            Some(Difference::Key(key.clone(), value(&found), value(&wanted)))
        }
        None if environment.quick && !quick => Some(Difference::Quick),
        None if quick && !environment.quick => Some(Difference::All),
        None => None,
    })
}
