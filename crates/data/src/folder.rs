//! The picture files of a folder.

use std::path::{Path, PathBuf};

use crate::DataError;
use crate::images::Found;
use crate::picture::File;

/// Extensions of picture files; the actual type is detected from the content.
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// The pictures of a folder, or those in its folders `train` and `test`.
pub(crate) fn find(dir: &Path) -> Result<Found, DataError> {
    let files = |dir: &Path| -> Result<Vec<File>, DataError> {
        Ok(pictures(dir)?.into_iter().map(File::Stored).collect())
    };
    Ok(match subfolders(dir) {
        Some((train, test)) => Found::Apart {
            train: files(&train)?,
            test: files(&test)?,
        },
        None => Found::Together(files(dir)?),
    })
}

/// `train` and `test` in `dir`, if both are folders.
pub fn subfolders(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let (train, test) = (dir.join("train"), dir.join("test"));
    (train.is_dir() && test.is_dir()).then_some((train, test))
}

/// The PNG, JPEG and WebP files directly in a folder, at least one, sorted by name. Hidden files are
/// skipped, because some systems add one for each picture.
///
/// # Errors
///
/// [`DataError::Read`] if the folder cannot be read, [`DataError::NoPictures`] if it has no picture.
pub fn pictures(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries: std::io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
    let entries = entries.map_err(|error| DataError::read(dir, error))?;
    let paths = entries.iter().map(std::fs::DirEntry::path);
    let mut files: Vec<PathBuf> = paths.filter(|path| is_picture(path)).collect();
    if files.is_empty() {
        return Err(DataError::NoPictures {
            dir: dir.display().to_string(),
        });
    }
    files.sort();
    Ok(files)
}

/// The last part of a path as text. A byte that is not UTF-8 becomes `%` and its two digits, so that names that differ
/// in such bytes stay apart.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    #[cfg(unix)]
    {
        use std::fmt::Write;
        use std::os::unix::ffi::OsStrExt;

        let mut text = String::new();
        for part in name.as_bytes().utf8_chunks() {
            text += part.valid();
            for byte in part.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    }
    #[cfg(not(unix))]
    name.to_string_lossy().into_owned()
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let named = (ENDINGS.iter()).any(|known| extension.eq_ignore_ascii_case(known));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    named && !name.starts_with('.') && path.is_file()
}
