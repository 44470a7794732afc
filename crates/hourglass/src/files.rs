//! Files: written whole or not at all, and read with errors that name them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::seal;

/// The most bytes of a JSON file that this program wrote about a run: a hundred times a usual one.
pub const LARGEST_JSON: u64 = 1 << 22;

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

/// The system's words for an error, without its number and without a path, which the message names.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.split(" at path").next().unwrap_or(text);
    text.to_owned()
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
    let file = open(path, OpenOptions::new().read(true))?;
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
    let text = read(path, most)?;
    let value = serde_json::from_slice(&text).map_err(FileError::json(path))?;
    if seal::is_broken(&value) {
        let path = path.to_owned();
        return Err(FileError::Broken { path });
    }
    // It may take many times the text's memory.
    drop(value);
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
