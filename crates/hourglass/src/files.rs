//! Files: written whole or not at all, and read with errors that name them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use data::reason;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How the name of a file begins that is not yet whole.
pub(crate) const DRAFT: &str = ".tmp-";

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

/// Reads a JSON file.
///
/// # Errors
/// If it is missing or does not hold a `T`.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = fs::read(path).map_err(FileError::read(path))?;
    serde_json::from_slice(&text).map_err(FileError::json(path))
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

/// Writes a file whole or not at all: under a temporary name, synced, then renamed.
///
/// # Errors
/// If the folder cannot be written; the file is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(DRAFT);
        // Temporary files are private by default; these become files that others may read, as far
        // as the user's mask lets them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(FileError::write(path))?;
    sync_folder(folder);
    Ok(())
}

/// Makes renames in a folder outlive a power cut, if the system can; others order them anyway.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
