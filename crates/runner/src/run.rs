//! The run: one training, and the folder that holds everything about it.
//!
//! Important files are written under a temporary name, synced and renamed, so that a process killed at
//! any moment leaves either the old file or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the run folder's layout. Folders with a higher version are rejected.
pub const FORMAT_VERSION: u32 = 1;

/// The default folder of runs.
pub const RUNS: &str = "runs";

/// The file in a folder that is locked by the process that works in it.
const LOCK: &str = ".lock";

/// How often and at what interval a lock is tried before it counts as held. A check whether it is held
/// ([`Run::is_locked`]) itself holds it for microseconds.
const LOCK_TRIES: u32 = 3;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Prefix of files that are still being written.
const DRAFT: &str = ".tmp-";

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
    /// Makes a new folder `runs/<stem>`, or with `-2`, `-3` and so on appended, with its first files in
    /// place. Never touches an existing folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(
        runs: &Path,
        stem: &str,
        config: &impl Serialize,
        env: &impl Serialize,
        state: &State,
    ) -> Result<Self> {
        let failed = |error: io::Error| {
            reason(error).context(format!(
                "{}: the run's folder cannot be made",
                runs.display()
            ))
        };
        fs::create_dir_all(runs).map_err(failed)?;
        // Everything is first written under a temporary name, so that a folder with a run's name is complete.
        let new = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(runs)
            .map_err(failed)?;
        let draft = Run {
            folder: new.path().to_owned(),
        };
        draft.write_json("config.json", config)?;
        draft.write_json("env.json", env)?;
        draft.write_json("state.json", state)?;
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
        bail!(
            "{}: all names from {stem} on are taken; choose another --name",
            runs.display()
        )
    }

    /// Opens a run by its folder, or by its name in `runs`.
    ///
    /// # Errors
    /// If the run does not exist, the folder is not a run, or it has a newer format.
    pub fn open(run: &Path, runs: &Path) -> Result<Self> {
        let named = runs.join(run);
        // A local folder that is not a run, such as one of images, must not hide a run of the same name.
        let is_run = run.join("config.json").is_file();
        let folder = if named.is_dir() && !is_run {
            named
        } else {
            run.to_owned()
        };
        if !folder.is_dir() {
            bail!(
                "{}: no such run; give a run's folder, or its name in {}{}",
                run.display(),
                runs.display(),
                similar(run, runs)
            );
        }
        let run = Self { folder };
        if !run.path("config.json").is_file() {
            bail!("{}: not a run: it has no config.json", run.folder.display());
        }
        let state = run.state()?;
        if state.format_version > FORMAT_VERSION {
            bail!(
                "{}: found format version {}, but this program reads up to {FORMAT_VERSION}; update the program",
                run.path("state.json").display(),
                state.format_version
            );
        }
        Ok(run)
    }

    /// Keeps other processes from training the run until the lock is dropped or the process ends in any
    /// way.
    ///
    /// # Errors
    /// If another process holds the lock.
    pub fn lock(&self) -> Result<File> {
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

    /// A file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads `state.json`.
    ///
    /// # Errors
    /// If it is missing or was not written by this program.
    pub fn state(&self) -> Result<State> {
        // A newer format may have other fields, so its version is read before them.
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let version: Version = self.read_json("state.json")?;
        if version.format_version > FORMAT_VERSION {
            return Ok(State {
                format_version: version.format_version,
                status: Status::Failed,
                pretraining: None,
                epoch: 0,
                step: 0,
                best: None,
                epochs_without_improvement: 0,
                message: None,
            });
        }
        self.read_json("state.json")
    }

    /// The same for watching the run: a run whose process was killed before it could write its status
    /// counts as interrupted.
    ///
    /// # Errors
    /// If `state.json` is missing or was not written by this program.
    pub fn watched_state(&self) -> Result<State> {
        let state = self.state()?;
        if state.status != Status::Running || self.is_locked() {
            return Ok(state);
        }
        // It may have ended between the two checks.
        let mut state = self.state()?;
        if state.status == Status::Running {
            state.status = Status::Interrupted;
            state.message = Some(format!(
                "its process was killed; `hourglass resume {}` continues from its last checkpoint",
                self.folder.display()
            ));
        }
        Ok(state)
    }

    /// Whether a process is training it: the lock is held, does not exist yet, or cannot be checked.
    pub fn is_locked(&self) -> bool {
        let shared = File::open(self.path(LOCK)).map(|file| file.try_lock_shared());
        !matches!(shared, Ok(Ok(())))
    }

    /// Reads a JSON file of the run.
    ///
    /// # Errors
    /// If it is missing or does not hold a `T`.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        read_json(&self.path(name))
    }

    /// Writes a JSON file of the run, whole or not at all.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        write_json(&self.path(name), value)
    }

    /// Appends one line to a file of lines, such as `metrics.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written. An incomplete line may remain, which readers skip.
    pub fn append_line(&self, name: &str, row: &impl Serialize) -> Result<()> {
        let path = self.path(name);
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&line))
            .map_err(reason)
            .with_context(|| format!("{}: cannot be written", path.display()))
    }

    /// The complete lines of such a file; `None` if it does not exist yet.
    pub fn lines<T: DeserializeOwned>(&self, name: &str) -> Vec<T> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Replaces such a file.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write_lines(&self, name: &str, rows: &[impl Serialize]) -> Result<()> {
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row)?;
            text.push(b'\n');
        }
        write(&self.path(name), &text)
    }
}

/// Keeps other processes from working in a folder until the lock is dropped or the process ends in any
/// way. `busy` says what this process does there.
///
/// # Errors
/// If another process holds the lock.
pub fn lock(folder: &Path, busy: &str) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::create(&path)
        .map_err(reason)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    for tried in 1.. {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) if tried < LOCK_TRIES => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::WouldBlock) => bail!(
                "{}: another process {busy}; wait until it ends",
                folder.display()
            ),
            // A file system without locks cannot tell, but that is no reason not to train.
            Err(fs::TryLockError::Error(_)) | Ok(()) => break,
        }
    }
    Ok(file)
}

/// Writes a JSON file, whole or not at all.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    write(path, &text)
}

/// Reads a JSON file.
///
/// # Errors
/// If it is missing or does not hold a `T`.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path)
        .map_err(reason)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{}: not written by this program", path.display()))
}

/// Writes a file whole or not at all: under a temporary name, synced, then renamed.
///
/// # Errors
/// If the folder cannot be written; the file is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(DRAFT);
        // Temporary files are private by default, but these get the permissions of any new file
        // under the user's mask.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write()
        .map_err(reason)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    sync_folder(folder);
    Ok(())
}

/// Makes renames in a folder survive a power cut, on systems that can; others keep their order anyway.
pub fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// The system's message for an error, without its number and the path, which the context gives.
fn reason(error: io::Error) -> anyhow::Error {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.split(" at path").next().unwrap_or(text);
    anyhow::anyhow!("{text}")
}

/// A hint with the run of the most similar name.
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
