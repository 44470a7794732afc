//! Files: written whole or not at all, and read with errors that name them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use data::reason;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use tempfile::NamedTempFile;

use crate::seal;

/// The most bytes of a JSON file that this program wrote about a run: a hundred times a usual one.
pub const LARGEST_JSON: u64 = 1 << 22;

/// How the name of a file begins that is not yet whole.
pub(crate) const DRAFT: &str = ".tmp-";

/// How the name of a run's folder begins that is not yet whole.
pub const NEW: &str = ".new-";

/// Why a file or a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: cannot be read: {}", path.display(), reason(error))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("{}: cannot be written: {}", path.display(), reason(error))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is a pipe or a device, which may never end.
    #[error("{}: is a pipe or a device; give a file", path.display())]
    NotAFile {
        /// What was asked for.
        path: PathBuf,
    },
    /// The folder cannot be made.
    #[error("{}: the folder cannot be made: {}", path.display(), reason(error))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A JSON file does not hold what this program writes into it.
    #[error("{}: not written by this program: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        error: serde_json::Error,
    },
    /// It is a folder, a pipe or a device.
    #[error("{}: not a regular file; put the file itself there", path.display())]
    Irregular {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than any such file.
    #[error("{}: found more than {most} bytes; restore the file from a copy", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that it may have.
        most: u64,
    },
    /// Its content is not what was written.
    #[error("{}: damaged: its content does not match its seal; restore the file from a copy", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// The same of one of its lines.
    #[error("{}: line {line}: damaged: {reason}; restore the file from a copy", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl FileError {
    /// For [`Result::map_err`]: the file cannot be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Read { path, error }
    }

    /// For [`Result::map_err`]: the file cannot be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Write { path, error }
    }

    /// For [`Result::map_err`]: what was to be written could not be opened.
    pub fn writing(self) -> Self {
        match self {
            Self::Read { path, error } => Self::Write { path, error },
            other => other,
        }
    }

    /// For [`Result::map_err`]: the folder cannot be made.
    pub fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Folder { path, error }
    }

    /// For [`Result::map_err`]: the file does not hold what this program writes.
    pub fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Json { path, error }
    }
}

/// For `deserialize_with`: a figure that JSON cannot hold was written as null, and is not a number.
///
/// # Errors
/// What is neither a number nor null.
pub(crate) fn or_nan<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or(f64::NAN))
}

/// Opens a file to read. A pipe or a device is refused before it is opened, which could wait for ever.
///
/// # Errors
/// If it is no file, or cannot be opened.
pub fn open_input(path: &Path) -> Result<File, FileError> {
    let about = fs::metadata(path).map_err(FileError::read(path))?;
    if !about.is_file() && !about.is_dir() {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    File::open(path).map_err(FileError::read(path))
}

/// Opens a file if it is a regular one: a pipe would be waited for, and a device has no end.
///
/// # Errors
/// If it cannot be opened, or is something else.
pub fn open(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    // Without this flag the opening of a pipe waits for its other end. It changes nothing for a file.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    let irregular = || FileError::Irregular {
        path: path.to_owned(),
    };
    let file = match options.open(path) {
        Ok(file) => file,
        // A pipe without a reader and a socket say this, and a folder that is to be written.
        Err(_) if path.metadata().is_ok_and(|it| !it.is_file()) => return Err(irregular()),
        Err(error) => return Err(FileError::read(path)(error)),
    };
    match file.metadata().map_err(FileError::read(path))?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

/// The bytes of a regular file, of which there are at most `most`.
///
/// # Errors
/// If it cannot be read, is not a regular file, or is larger.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    read_opened(open(path, OpenOptions::new().read(true))?, path, most)
}

/// The same of a file that is open already.
pub(crate) fn read_opened(file: File, path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    // A file may grow while it is read, so its length is not relied on.
    let within = file.metadata().is_ok_and(|it| it.len() <= most);
    if within {
        let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(FileError::read(path))?;
    }
    if !within || bytes.len() as u64 > most {
        let path = path.to_owned();
        return Err(FileError::TooLarge { path, most });
    }
    Ok(bytes)
}

/// Reads a JSON file of at most `most` bytes, whose content must match its seal if it has one.
///
/// # Errors
/// If it is missing, damaged or too large, or does not hold a `T`.
pub fn read_json<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, FileError> {
    parse_json(&read(path, most)?, path)
}

/// The same of the text that was read from it.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &[u8], path: &Path) -> Result<T, FileError> {
    let value = serde_json::from_slice(text).map_err(FileError::json(path))?;
    if seal::is_broken(&value) {
        let path = path.to_owned();
        return Err(FileError::Broken { path });
    }
    // It may take many times the text's memory.
    drop(value);
    serde_json::from_slice(text).map_err(FileError::json(path))
}

/// Writes a JSON file, whole or not at all.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(FileError::json(path))?;
    text.push(b'\n');
    write(path, &text)
}

/// Writes a JSON object with its seal, whole or not at all.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_sealed(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_json(path, &seal::sealed(value).map_err(FileError::json(path))?)
}

/// Writes a file whole or not at all: under a temporary name, synced, then renamed.
///
/// # Errors
/// If the folder cannot be written; the file is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = draft(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(FileError::write(path))?;
    sync_folder(folder);
    Ok(())
}

/// A temporary file, held as [`hold`] does as long as it is open.
fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(DRAFT);
    // Temporary files are private by default; these become files that others may read, as far
    // as the user's mask lets them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let file = builder.tempfile_in(folder)?;
        if hold(file.as_file(), file.path()) {
            return Ok(file);
        }
    }
}

/// Locks a draft, so that [`sweep`] leaves it until this process closes it or ends. Not if another process, which found
/// it not yet locked, is just removing it.
pub(crate) fn hold(draft: &File, path: &Path) -> bool {
    match draft.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Where files cannot be locked nothing is swept.
        Err(TryLockError::Error(_)) => true,
        Ok(()) => path.exists(),
    }
}

/// Removes what killed processes left in a folder, under names that only unfinished files of this program have. What a
/// living process writes is locked, and stays.
pub fn sweep(folder: &Path) {
    // Elsewhere a folder cannot be opened, and a lock keeps the owner from renaming.
    if cfg!(unix) {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_draft)) {
            // It does no harm if it stays.
            let _ = remove_left(&entry.path());
        }
    }
}

/// Removes a draft, unless it is locked.
fn remove_left(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?;
    if kind.is_file() || kind.is_dir() {
        let draft = File::open(path)?;
        if draft.try_lock().is_ok() {
            return match kind.is_dir() {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
        }
    }
    Ok(())
}

/// Whether a name is that of a draft: its beginning, and the six letters that make it unique.
fn is_draft(name: &str) -> bool {
    let random = [DRAFT, NEW].iter().find_map(|it| name.strip_prefix(it));
    random.is_some_and(|it| it.len() == 6 && it.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Makes renames in a folder outlive a power cut, if the system can; others order them anyway.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let living = draft(folder.path()).unwrap();
        let new = path(".new-aBc123");
        fs::create_dir(&new).unwrap();
        let held = File::open(&new).unwrap();
        assert!(hold(&held, &new));
        // Left by who is gone, and what only looks like it.
        fs::create_dir_all(path(".new-zzzzzz/samples")).unwrap();
        for name in [".tmp-000000", ".tmp-mine", ".tmp-no.png", "tmp-000000"] {
            fs::write(path(name), "x").unwrap();
        }
        sweep(folder.path());
        assert!(living.path().exists() && new.exists());
        assert!(!path(".new-zzzzzz").exists() && !path(".tmp-000000").exists());
        for name in [".tmp-mine", ".tmp-no.png", "tmp-000000"] {
            assert!(path(name).exists(), "{name}");
        }
        let left = living.path().to_owned();
        // As a process that is killed: closed, and not removed.
        let _ = living.keep().unwrap();
        drop(held);
        sweep(folder.path());
        assert!(!left.exists() && !new.exists());
        // Who had it opened before it was locked makes another.
        let (gone, file) = (path("gone"), File::open(folder.path()).unwrap());
        assert!(!hold(&file, &gone));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let error = open_input(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "/dev/zero: is a pipe or a device; give a file");
    }
}
