//! Runs that a command wants in folders of fixed names: kept where they are finished, resumed where they
//! are not, made if there are none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::compare::{WORDS, flat};
use super::train::new_run;
use super::{UsageError, resume};
use crate::config::Located;
use crate::environment::{Environment, Resumption};
use crate::progress::Display;
use crate::run::{Run, Status};
use crate::setup::Setup;
use crate::summary::Summary;
use crate::train::{self, Outcome};
use crate::{checkpoint, terminal};

/// The command that wants a run, in words.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Whose config a run must have, such as "the sweep's config".
    pub config: &'static str,
    /// What else may be asked for, where a run of another config is there.
    pub allowed: &'static str,
}

/// A run in a folder of its own.
pub struct Kept {
    /// Where it lies, or will.
    pub folder: PathBuf,
    /// What is trained.
    pub located: Located,
    /// Whether it is a `--quick` run.
    pub quick: bool,
    /// The run, where it was begun before.
    pub run: Option<Run>,
}

impl Kept {
    /// Looks whether the run is there.
    ///
    /// # Errors
    /// A folder that is not a run, or one of another config.
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

    /// How the run ended, with its figures unless it diverged; nothing if it has not ended.
    ///
    /// # Errors
    /// A folder that is not a run, or a damaged one.
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

    /// Trains the run from its start or from where it stopped; whether it came to its end. `display`
    /// makes what people see of so many steps, of which some are done.
    ///
    /// # Errors
    /// As a training or [`resume`].
    pub fn train(&self, display: impl FnOnce(usize, usize) -> Display) -> Result<bool> {
        let mut located = self.located.clone();
        let (setup, run, from, _lock) = match &self.run {
            None => {
                let setup = Setup::to_start(located, self.quick)?;
                let runs = self.folder.parent().unwrap_or(Path::new("."));
                let run = new_run(&setup, runs, &self.name())?;
                if run.folder() != self.folder {
                    bail!("{}: another process made this run", self.folder.display());
                }
                let lock = run.lock()?;
                (setup, run, None, lock)
            }
            Some(run) => {
                let lock = run.lock()?;
                let mut environment: Environment = run.read_json("env.json")?;
                // With the backend that its figures came from so far.
                let backend = Value::String(environment.backend.clone());
                located.config.backend = serde_json::from_value(backend).with_context(|| {
                    format!(
                        "{}: not as this program writes it",
                        run.path("env.json").display()
                    )
                })?;
                checkpoint::settle(run)?;
                let from = checkpoint::read(run, "last")?;
                let setup = resume::setup(located, self.quick, from.as_ref())?;
                resume::check(run, &setup, &environment, from.as_ref())?;
                run.remove_drafts();
                environment.resumed.push(Resumption::new(&setup.backend));
                run.write_json("env.json", &environment)?;
                (setup, run.clone(), from, lock)
            }
        };
        let steps = (from.as_ref()).map_or(0, |it| setup.steps_made(&it.meta.progress));
        let display = display(setup.steps(), steps);
        match train::train(&setup, &run, from.as_ref(), &display)? {
            Outcome::Finished(_) => Ok(true),
            Outcome::Interrupted => Ok(false),
            Outcome::Diverged => {
                let message = run.state()?.message.unwrap_or_default();
                terminal::note(&format!("{}: diverged: {message}", run.folder().display()));
                Ok(true)
            }
        }
    }
}

/// Refuses a run of another config than is wanted.
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
                "{key} {}, and {} has {}",
                value(&found),
                owner.config,
                value(&wanted)
            )
        }
        None if environment.quick && !quick => "--quick".into(),
        None if quick && !environment.quick => "all images, and this is --quick".into(),
        None => return Ok(()),
    };
    let text = format!(
        "{}: was begun with {what}; allowed: {}",
        run.folder().display(),
        owner.allowed
    );
    Err(UsageError(text).into())
}
