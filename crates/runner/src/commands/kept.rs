//! Runs that a command keeps in folders with fixed names: reused if they are finished, resumed if they
//! are not, started if they do not exist.

use std::path::{Path, PathBuf};

use anyhow::Result;
use hourglass::config::{Located, WORDS, flat};
use hourglass::files::FileError;
use hourglass::measure::summary::Summary;
use hourglass::run::environment::Environment;
use hourglass::run::resumed::Resumed;
use hourglass::run::{RunError, Status};
use hourglass::{Outcome, Run, Setup};
use serde_json::Value;

use super::UsageError;
use super::train::watched;
use crate::progress::Display;
use crate::terminal;

/// How the command that wants a run describes itself in messages.
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

    /// Trains the run from its start or from where it stopped. Returns whether it reached its end.
    /// `display` makes a progress display from the number of all steps and of those already done.
    ///
    /// # Errors
    /// As for a training or [`resume`].
    pub fn train(&self, display: impl FnOnce(usize, usize) -> Display) -> Result<bool> {
        let mut located = self.located.clone();
        let (setup, run, from, _lock) = match &self.run {
            None => {
                let setup = Setup::to_start(located, self.quick)?;
                let runs = self.folder.parent().unwrap_or(Path::new("."));
                let run = Run::start(&setup, runs, &self.name())?;
                if run.folder() != self.folder {
                    let folder = self.folder.clone();
                    return Err(hourglass::Error::from(RunError::MadeByAnother { folder }).into());
                }
                let lock = run.lock()?;
                (setup, run, None, lock)
            }
            Some(run) => {
                let lock = run.lock()?;
                let environment: Environment = run.read_json("env.json")?;
                // With the backend that its figures came from so far.
                let backend = serde_json::from_value(Value::String(environment.backend));
                let env = run.path("env.json");
                located.config.backend = backend.map_err(FileError::json(&env))?;
                let Resumed { setup, from } = Resumed::prepare(run, located)?;
                (setup, run.clone(), from, lock)
            }
        };
        terminal::warn(&setup.warnings);
        let steps = (from.as_ref()).map_or(0, |it| setup.steps_made(&it.meta.progress));
        let display = display(setup.steps(), steps);
        match watched(&setup, &run, from.as_ref(), &display)? {
            Outcome::Finished(_) => Ok(true),
            Outcome::Interrupted => Ok(false),
            Outcome::Diverged(message) => {
                terminal::note(&format!("{}: diverged: {message}", run.folder().display()));
                Ok(true)
            }
        }
    }
}

/// Fails if the run has another config than the wanted one.
fn check_same(run: &Run, located: &Located, quick: bool, owner: Owner) -> Result<()> {
    let leaves = |config: &Value| -> Vec<(String, Value)> {
        let mut leaves = flat(config);
        leaves.retain(|(key, _)| !WORDS.contains(&key.as_str()));
        leaves
    };
    let found = leaves(&run.read_json("config.json")?);
    let wanted = leaves(&serde_json::to_value(&located.config)?);
    let differs = (found.iter().find(|it| !wanted.contains(it)))
        .or_else(|| wanted.iter().find(|it| !found.contains(it)));
    let environment: Environment = run.read_json("env.json")?;
    let what = match differs {
        Some((key, _)) => {
            let value = |leaves: &[(String, Value)]| {
                let leaf = leaves.iter().find(|leaf| leaf.0 == *key);
                leaf.map_or_else(|| "none".into(), |leaf| leaf.1.to_string())
            };
            format!(
                "{key} {}, but {} has {}",
                value(&found),
                owner.config,
                value(&wanted)
            )
        }
        None if environment.quick && !quick => "--quick".into(),
        None if quick && !environment.quick => "all images, but this is --quick".into(),
        None => return Ok(()),
    };
    let text = format!(
        "{}: was started with {what}; {}",
        run.folder().display(),
        owner.allowed
    );
    Err(UsageError(text).into())
}
