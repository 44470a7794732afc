//! The run: one training, and the folder that holds everything about it.
//!
//! Important files are written under a temporary name, synced and renamed, so that a process killed at
//! any moment leaves either the old file or the new one.

pub mod changes;
pub mod checkpoint;
pub mod environment;
pub mod exported;
pub mod holes;
pub mod kept;
mod links;
pub mod loaded;
mod lock;
pub mod resumed;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::files::{self, DRAFT, FileError, LARGEST_JSON, NEW, sync_folder};
use crate::seal;
use crate::setup::Setup;
use checkpoint::Progress;
use environment::Environment;
use lock::LOCK;
pub use lock::{Held, Lock, lock};

/// Version of the run folder's layout. A folder with a higher one is refused.
pub const FORMAT_VERSION: u32 = 1;

/// The subfolder of a run that analyses write into.
pub const ANALYSIS: &str = "analysis";

/// The default folder of runs.
pub const RUNS: &str = "runs";

/// The run's config.
const CONFIG: &str = "config.json";

/// What the run was trained with.
const ENVIRONMENT: &str = "env.json";

/// The most bytes of a file of lines: those of a million epochs.
const LARGEST_LINES: u64 = 1 << 28;

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no such folder.
    #[error("{}: no such run; give a run's folder, or its name in {}{hint}", run.display(), runs.display())]
    Missing {
        /// What was asked for.
        run: PathBuf,
        /// Where it was looked for.
        runs: PathBuf,
        /// The run whose name is nearest, in words.
        hint: String,
    },
    /// The folder holds no run.
    #[error("{}: not a run: it has no config.json", folder.display())]
    NotARun {
        /// The folder.
        folder: PathBuf,
    },
    /// It is an exported model, and more is asked for than that can do.
    #[error("{}: is an exported model, without the data and the state of a training; give other data with --data, or a run", folder.display())]
    Exported {
        /// The folder.
        folder: PathBuf,
    },
    /// A part of it is a link to somewhere else.
    #[error("{}: is a link that leads out of the run's folder, which is not followed; put the file itself there", path.display())]
    Outside {
        /// The link.
        path: PathBuf,
    },
    /// A newer version of the program wrote the folder.
    #[error("{}: found format version {found}, but this program reads up to {FORMAT_VERSION}; update the program", path.display())]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Its format version.
        found: u64,
    },
    /// Another process works in the folder.
    #[error("{}: another process {busy}; wait until it ends", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// What the other process does.
        busy: String,
    },
    /// The lock was removed, and another process took it.
    #[error("{}: its .lock was removed, and another process has trained this run since then; this one stops", folder.display())]
    LockLost {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder of a new run cannot be made.
    #[error("{}: the run's folder cannot be made: {}", runs.display(), files::reason(error))]
    Create {
        /// The folder of runs.
        runs: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// No name is left for a new run.
    #[error("{}: all names from {name} on are taken; choose another --name", runs.display())]
    NamesTaken {
        /// The folder of runs.
        runs: PathBuf,
        /// The name that was wanted.
        name: String,
    },
    /// Another process made a run of the same name at the same moment.
    #[error("{}: another process made this run at the same time; try again", folder.display())]
    MadeByAnother {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The folder holds a run of another config.
    #[error("{}: was started with {what}; {allowed}", folder.display())]
    OtherConfig {
        /// The run's folder.
        folder: PathBuf,
        /// What differs, in words.
        what: String,
        /// What the user can do.
        allowed: &'static str,
    },
    /// The data differ from those that the run was trained and measured on.
    #[error(
        "{dataset}: found images with SHA-256 {found}..., but the run was trained on images with {trained}..."
    )]
    OtherData {
        /// Name of the data set.
        dataset: String,
        /// The first digits of its digest.
        found: String,
        /// Those of the run's.
        trained: String,
    },
    /// The checkpoint belongs to another model than the config describes.
    #[error("{}: the model in checkpoints/last does not match config.json", folder.display())]
    OtherModel {
        /// The run's folder.
        folder: PathBuf,
    },
    /// Somebody or something changed the config.
    #[error("{}: was changed after the training began; undo that, or accept it with: hourglass resume {} --force", path.display(), folder.display())]
    ConfigChanged {
        /// The config.
        path: PathBuf,
        /// The run's folder.
        folder: PathBuf,
    },
    /// A file of the run cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Training, or killed while training.
    Running,
    /// Trained for all epochs, or stopped early as configured.
    Finished,
    /// Stopped by a signal, and saved.
    Interrupted,
    /// The loss was no longer finite.
    Diverged,
    /// Ended with an error.
    Failed,
}

/// The best epoch so far, by validation loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Its validation loss (the training loss if there is no validation split).
    pub value: f64,
}

/// `state.json`: the status of a run, for people and programs that watch it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT_VERSION`] of the program that wrote the folder.
    pub format_version: u32,
    /// The run's status.
    pub status: Status,
    /// The encoder layer that is being pre-trained, counted from 0, which epoch and step refer to; `None`
    /// if all layers are trained together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<usize>,
    /// Epochs completed.
    pub epoch: usize,
    /// Optimizer steps done.
    pub step: usize,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Epochs since the best one, for early stopping.
    pub epochs_without_improvement: usize,
    /// Why it ended, if that needs an explanation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A run folder.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
}

impl Run {
    /// Makes the folder of a run that is about to train `setup`: `runs/<name>`, or `-2`, `-3` and so on behind it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn start(setup: &Setup, runs: &Path, name: &str) -> Result<Self, RunError> {
        Self::start_with(setup, runs, name, None::<(&str, &())>)
    }

    /// The same with one more JSON file, by its name and what is in it, which the folder has from its start.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn start_with(
        setup: &Setup,
        runs: &Path,
        name: &str,
        file: Option<(&str, &impl Serialize)>,
    ) -> Result<Self, RunError> {
        Self::create(runs, name, |draft| {
            let config = setup.config.without_schema();
            let mut environment = Environment::new(setup);
            let seal = seal::of(&config).map_err(FileError::json(Path::new(CONFIG)))?;
            environment.configs.push(seal);
            files::write_json(&draft.path(CONFIG), &config)?;
            draft.write_json(ENVIRONMENT, &environment)?;
            draft.write_json("state.json", &Progress::default().state(Status::Running))?;
            file.map_or(Ok(()), |(name, value)| draft.write_json(name, value))
        })
    }

    /// Makes a new folder `runs/<stem>`, or `-2`, `-3` and so on behind it, with the files that `write` makes in
    /// place; never touches one that exists.
    ///
    /// # Errors
    /// A folder that cannot be written.
    fn create(
        runs: &Path,
        stem: &str,
        write: impl FnOnce(&Self) -> Result<(), FileError>,
    ) -> Result<Self, RunError> {
        let failed = |error: io::Error| RunError::Create {
            runs: runs.to_owned(),
            error,
        };
        fs::create_dir_all(runs).map_err(failed)?;
        // Everything is first written under a temporary name, so that a folder with a run's name is complete.
        files::sweep(runs);
        let (new, _held) = Self::draft(runs).map_err(failed)?;
        let draft = Run {
            folder: new.path().to_owned(),
        };
        write(&draft)?;
        // Temporary folders are private to the user; a run gets the permissions of any new folder.
        fs::create_dir(draft.path("samples")).map_err(failed)?;
        fs::create_dir(draft.path("checkpoints")).map_err(failed)?;
        let permissions = fs::metadata(draft.path("samples"))
            .map_err(failed)?
            .permissions();
        fs::set_permissions(new.path(), permissions).map_err(failed)?;
        for number in 1.. {
            let name = if number == 1 {
                stem.to_owned()
            } else {
                format!("{stem}-{number}")
            };
            let folder = runs.join(name);
            if folder.exists() {
                continue;
            }
            match fs::rename(new.path(), &folder) {
                Ok(()) => {
                    // It was renamed, so there is nothing left to clean up under the old name.
                    let _ = new.keep();
                    sync_folder(runs);
                    return Ok(Self { folder });
                }
                // Another process took this name first.
                Err(_) if folder.exists() => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(RunError::NamesTaken {
            runs: runs.to_owned(),
            name: stem.to_owned(),
        })
    }

    /// A folder under a temporary name, which is not swept up before what holds it is dropped.
    fn draft(runs: &Path) -> io::Result<(TempDir, Option<File>)> {
        loop {
            let new = tempfile::Builder::new().prefix(NEW).tempdir_in(runs)?;
            // Not every system opens folders; one that does not has nothing swept.
            let held = File::open(new.path()).ok();
            if held
                .as_ref()
                .is_none_or(|held| files::hold(held, new.path()))
            {
                return Ok((new, held));
            }
        }
    }

    /// Opens a run, or an [exported model](Run::is_exported), by its folder or by its name in `runs`.
    ///
    /// # Errors
    /// No such run, a folder that is not a run, or one of a newer format.
    pub fn open(run: &Path, runs: &Path) -> Result<Self, RunError> {
        let named = runs.join(run);
        // A local folder that is not a run, such as one of images, must not hide a run of the same name.
        let is_run = run.join("config.json").is_file();
        let folder = if named.is_dir() && !is_run {
            named
        } else {
            run.to_owned()
        };
        if !folder.is_dir() {
            return Err(RunError::Missing {
                run: run.to_owned(),
                runs: runs.to_owned(),
                hint: similar(run, runs),
            });
        }
        let run = Self { folder };
        if !run.path("config.json").is_file() {
            return Err(RunError::NotARun { folder: run.folder });
        }
        links::check(&run.folder)?;
        run.state()?;
        Ok(run)
    }

    /// Keeps other processes from training the run until the lock is dropped or the process ends in any
    /// way.
    ///
    /// # Errors
    /// Where another process holds the lock.
    pub fn lock(&self) -> Result<Lock, RunError> {
        lock(&self.folder, "is training this run")
    }

    /// Removes unfinished files of a killed process. Only call this with the lock held.
    pub fn remove_drafts(&self) {
        for folder in ["", "samples", "plots"] {
            let entries = fs::read_dir(self.path(folder));
            for entry in entries.into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                    // It does no harm if it stays.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The run's name: the last part of its folder.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// A file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file in the run's folder of analyses, which is made if needed.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn analysis(&self, name: &str) -> Result<PathBuf, FileError> {
        let folder = self.path(ANALYSIS);
        fs::create_dir_all(&folder).map_err(FileError::folder(&folder))?;
        let path = folder.join(name);
        files::sweep(&folder);
        files::sweep(&path);
        Ok(path)
    }

    /// Reads `state.json`.
    ///
    /// # Errors
    /// Where it is missing or not what this program writes.
    pub fn state(&self) -> Result<State, RunError> {
        if self.is_exported() {
            return exported::state(self);
        }
        // A newer format may have other fields, so its version is read before them.
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let version: Version = self.read_json("state.json")?;
        if version.format_version > FORMAT_VERSION {
            return Err(RunError::Newer {
                path: self.path("state.json"),
                found: version.format_version.into(),
            });
        }
        Ok(self.read_json("state.json")?)
    }

    /// The same for watching the run: a run whose process was killed before it could write its status
    /// counts as interrupted.
    ///
    /// # Errors
    /// Where `state.json` is missing or not what this program writes.
    pub fn watched_state(&self) -> Result<State, RunError> {
        let mut state = self.state()?;
        let resume = |why: &str| {
            let run = self.folder.display();
            Some(format!(
                "{why}`hourglass resume {run}` continues from its last checkpoint"
            ))
        };
        if state.status == Status::Running && !self.is_locked() {
            // It may have ended between the two checks.
            state = self.state()?;
            if state.status == Status::Running {
                state.status = Status::Interrupted;
                state.message = resume("its process was killed; ");
            }
        }
        if state.status == Status::Interrupted && state.message.is_none() {
            state.message = resume("");
        }
        Ok(state)
    }

    /// Whether a process is training it: the lock is held, does not exist yet, or cannot be checked.
    pub fn is_locked(&self) -> bool {
        let file = files::open(&self.path(LOCK), OpenOptions::new().read(true));
        let shared = file.map(|file| file.try_lock_shared());
        !matches!(shared, Ok(Ok(())))
    }

    /// Reads a JSON file of the run.
    ///
    /// # Errors
    /// Where it is missing or damaged, or does not hold a `T`.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, FileError> {
        files::read_json(&self.path(name), LARGEST_JSON)
    }

    /// The same of a file that need not exist.
    ///
    /// # Errors
    /// Where it is damaged, or does not hold a `T`.
    pub fn read_if_there<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FileError> {
        if_there(self.read_json(name))
    }

    /// Writes a JSON file of the run with its seal, whole or not at all.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FileError> {
        files::write_sealed(&self.path(name), value)
    }

    /// The run's config, which must be one that it was trained with.
    ///
    /// # Errors
    /// As [`Run::check_config`], and where it does not hold a `T`.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, RunError> {
        self.check_config()?;
        Ok(self.read_json(CONFIG)?)
    }

    /// Fails if `config.json` is not one that the run was trained with. A run of an earlier version does not say.
    ///
    /// # Errors
    /// Where it was changed, or `env.json` is damaged.
    pub fn check_config(&self) -> Result<(), RunError> {
        #[derive(Default, Deserialize)]
        struct Known {
            #[serde(default)]
            configs: Vec<String>,
        }
        // In this order: who changes the config notes it first.
        let found = self.config_seal()?;
        let known: Known = self.read_if_there(ENVIRONMENT)?.unwrap_or_default();
        let is_known = |found| known.configs.contains(&found);
        if known.configs.is_empty() || found.is_some_and(is_known) {
            return Ok(());
        }
        Err(RunError::ConfigChanged {
            path: self.path(CONFIG),
            folder: self.folder.clone(),
        })
    }

    /// Takes `config.json` as it is now for one that the run was trained with.
    ///
    /// # Errors
    /// Where it is not JSON, or the folder cannot be written.
    pub fn accept_config(&self) -> Result<(), RunError> {
        let config: serde_json::Value = self.read_json(CONFIG)?;
        self.know_config(&config)
    }

    /// Writes another config. Killed in between, the run has the old one, which stays known.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn change_config(&self, config: &impl Serialize) -> Result<(), RunError> {
        self.know_config(config)?;
        Ok(files::write_json(&self.path(CONFIG), config)?)
    }

    /// Notes a config in `env.json`.
    fn know_config(&self, config: &impl Serialize) -> Result<(), RunError> {
        let seal = seal::of(config).map_err(FileError::json(&self.path(CONFIG)))?;
        let mut environment: Environment = self.read_json(ENVIRONMENT)?;
        if environment.configs.is_empty() {
            // An earlier version noted none, and killed before the next one is written it must still be known.
            environment.configs.extend(self.config_seal()?);
        }
        if !environment.configs.contains(&seal) {
            environment.configs.push(seal);
        }
        Ok(self.write_json(ENVIRONMENT, &environment)?)
    }

    /// The seal that `config.json` would have; `None` if it is not JSON.
    fn config_seal(&self) -> Result<Option<String>, FileError> {
        let text = files::read(&self.path(CONFIG), LARGEST_JSON)?;
        let value: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
        Ok(value.and_then(|value| seal::of(&value).ok()))
    }

    /// Appends one line with its seal to a file of lines, such as `metrics.jsonl`, which a power cut then leaves.
    ///
    /// # Errors
    /// Where it cannot be written; a part of a line may then be left, which readers skip.
    pub fn append_line(&self, name: &str, row: &impl Serialize) -> Result<(), FileError> {
        let path = self.path(name);
        let line = line(&path, row)?;
        let is_new = !path.exists();
        let file = files::open(&path, OpenOptions::new().create(true).append(true));
        let mut file = file.map_err(FileError::writing)?;
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        written.map_err(FileError::write(&path))?;
        if is_new {
            sync_folder(&self.folder);
        }
        Ok(())
    }

    /// The lines of such a file; none if it does not exist yet. What follows the last line's end is left out: it is
    /// being written, or the program was killed while it was.
    ///
    /// # Errors
    /// If the file exists and cannot be read, or a line is damaged.
    pub fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, FileError> {
        self.lines_with(name, Err)
    }

    /// The same without lines that are damaged, which [`holes`] names.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn intact_lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, FileError> {
        self.lines_with(name, |_| Ok(()))
    }

    fn lines_with<T: DeserializeOwned>(
        &self,
        name: &str,
        damaged: impl Fn(FileError) -> Result<(), FileError>,
    ) -> Result<Vec<T>, FileError> {
        let path = self.path(name);
        let Some(bytes) = if_there(files::read(&path, LARGEST_LINES))? else {
            return Ok(Vec::new());
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let (whole, _) = bytes.split_at(whole);
        let mut rows = Vec::new();
        for (number, line) in whole.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match row(line) {
                Ok(row) => rows.push(row),
                Err(reason) => damaged(FileError::Line {
                    path: path.clone(),
                    line: number + 1,
                    reason,
                })?,
            }
        }
        Ok(rows)
    }

    /// Replaces such a file.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write_lines(&self, name: &str, rows: &[impl Serialize]) -> Result<(), FileError> {
        let path = self.path(name);
        let lines: Result<Vec<_>, _> = rows.iter().map(|row| line(&path, row)).collect();
        files::write(&path, &lines?.concat())
    }
}

/// What was read; `None` of a file that is not there.
fn if_there<T>(read: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match read {
        Err(FileError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a line, whose content must match its seal if it has one; in words what is wrong with it.
fn row<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if seal::is_broken(&value) {
        return Err("its content does not match its seal".into());
    }
    // From the text: its digits are those of the row's own types.
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// A row as a line with its seal.
fn line(path: &Path, row: &impl Serialize) -> Result<Vec<u8>, FileError> {
    let sealed = seal::sealed(row).and_then(|row| serde_json::to_vec(&row));
    let mut line = sealed.map_err(FileError::json(path))?;
    line.push(b'\n');
    Ok(line)
}

/// A hint that names the run whose name is nearest.
fn similar(run: &Path, runs: &Path) -> String {
    let names: Vec<String> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let wanted = run
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    match crate::config::nearest(wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}
