//! The picture files of a folder, and what else is there that somebody may have expected to be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::images::Found;
use crate::picture::File;
use crate::{DataError, Warning, idx_folder};

/// Extensions of picture files; the actual type is detected from the content.
const ENDINGS: [&str; 12] = [
    "png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "pgm", "ppm", "pbm", "pnm",
];

/// Extensions of pictures that are not read.
const UNREAD: [&str; 30] = [
    "heic", "heif", "avif", "jp2", "j2k", "jpx", "jxl", "jfif", "jpe", "apng", "tga", "ico", "svg",
    "exr", "hdr", "dds", "qoi", "psd", "dcm", "nii", "fits", "raw", "dng", "cr2", "cr3", "nef",
    "arw", "orf", "rw2", "raf",
];

/// Names that a warning lists.
const NAMED: usize = 3;

/// Entries of folders below that are counted at most, so that a folder above everything is no trap.
const MOST_ENTRIES: usize = 100_000;

/// How deep folders are counted.
const DEEPEST: usize = 6;

/// The pictures of a folder, or those in its folders `train` and `test`, and warnings about what is not read.
pub(crate) fn find(dir: &Path) -> Result<(Found, Vec<Warning>), DataError> {
    let stored = |files: Vec<PathBuf>| files.into_iter().map(File::Stored).collect();
    let Some((train, test)) = subfolders(dir) else {
        let (files, warnings) = pictures(dir)?;
        return Ok((Found::Together(stored(files)), warnings));
    };
    let mut warnings = Listing::of(dir)?.beside();
    let (train, unread) = pictures(&train)?;
    warnings.extend(unread);
    let (test, unread) = pictures(&test)?;
    warnings.extend(unread);
    let found = Found::Apart {
        train: stored(train),
        test: stored(test),
    };
    Ok((found, warnings))
}

/// `train` and `test` in `dir`, if both are folders.
pub fn subfolders(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let (train, test) = (dir.join("train"), dir.join("test"));
    (train.is_dir() && test.is_dir()).then_some((train, test))
}

/// The pictures of a set's training or test part: those in its folder `train` or `test` if it has both, else all of
/// `dir`. With warnings about what is not read.
///
/// # Errors
///
/// As [`pictures`].
pub fn part(dir: &Path, training: bool) -> Result<(Vec<PathBuf>, Vec<Warning>), DataError> {
    let Some((train, test)) = subfolders(dir) else {
        return pictures(dir);
    };
    let mut warnings = Listing::of(dir)?.beside();
    let (files, unread) = pictures(if training { &train } else { &test })?;
    warnings.extend(unread);
    Ok((files, warnings))
}

/// The picture files directly in a folder, at least one, sorted by name, with warnings about
/// pictures of other kinds and in other folders. Hidden files are skipped, because some systems add one for each
/// picture.
///
/// # Errors
///
/// [`DataError::Read`] if the folder cannot be read, [`DataError::NoPictures`] if it has no picture.
pub fn pictures(dir: &Path) -> Result<(Vec<PathBuf>, Vec<Warning>), DataError> {
    let listing = Listing::of(dir)?;
    if listing.pictures.is_empty() {
        return Err(DataError::NoPictures {
            dir: dir.display().to_string(),
            found: listing.instead(),
        });
    }
    let warnings = listing.warnings(&[]);
    Ok((listing.pictures, warnings))
}

/// What is directly in a folder, each list sorted by name and without hidden names.
struct Listing {
    dir: PathBuf,
    /// Files that are read.
    pictures: Vec<PathBuf>,
    /// Pictures of other kinds.
    unread: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Listing {
    fn of(dir: &Path) -> Result<Self, DataError> {
        let entries: std::io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
        let entries = entries.map_err(|error| DataError::read(dir, error))?;
        let paths = entries.iter().map(std::fs::DirEntry::path);
        let mut listing = Listing {
            dir: dir.to_owned(),
            pictures: Vec::new(),
            unread: Vec::new(),
            folders: Vec::new(),
        };
        for path in paths.filter(|path| !file_name(path).starts_with('.')) {
            if path.is_dir() {
                listing.folders.push(path);
            } else if !path.is_file() {
                // A pipe or a device.
            } else if ends(&path, &ENDINGS) {
                listing.pictures.push(path);
            } else if ends(&path, &UNREAD) {
                listing.unread.push(path);
            }
        }
        let Listing {
            pictures,
            unread,
            folders,
            ..
        } = &mut listing;
        for list in [pictures, unread, folders] {
            list.sort();
        }
        Ok(listing)
    }

    /// Warnings about what is beside folders `train` and `test`, which are read.
    fn beside(&self) -> Vec<Warning> {
        let loose = self.pictures.first().map(|first| Warning::Loose {
            dir: self.dir.display().to_string(),
            count: self.pictures.len(),
            first: file_name(first),
        });
        let others = self.warnings(&["train", "test"]);
        loose.into_iter().chain(others).collect()
    }

    /// Warnings about what is not read, `known` folders aside.
    fn warnings(&self, known: &[&str]) -> Vec<Warning> {
        let dir = self.dir.display().to_string();
        let mut warnings = Vec::new();
        if let Some(kinds) = self.kinds() {
            warnings.push(Warning::Unread {
                dir: dir.clone(),
                kinds,
                first: first(self.unread.iter().map(|path| file_name(path))),
            });
        }
        if let Some(folders) = self.filled(known) {
            warnings.push(Warning::Folders { dir, folders });
        }
        warnings
    }

    /// How many pictures of which other kinds there are, the most frequent first.
    fn kinds(&self) -> Option<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for path in &self.unread {
            let ending = path.extension().unwrap_or_default();
            *counts
                .entry(ending.to_string_lossy().to_lowercase())
                .or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let words = counts
            .iter()
            .map(|(kind, count)| format!("{count} .{kind}"));
        (!counts.is_empty()).then(|| words.collect::<Vec<_>>().join(", "))
    }

    /// The folders that have pictures, `known` ones aside, with the number of pictures.
    fn filled(&self, known: &[&str]) -> Option<String> {
        let mut left = MOST_ENTRIES;
        let folders = self.folders.iter();
        let folders = folders.filter(|path| !known.contains(&file_name(path).as_str()));
        let counted = folders.map(|path| (file_name(path), count(path, DEEPEST, &mut left)));
        let filled: Vec<String> = counted
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        (!filled.is_empty()).then(|| first(filled.into_iter()))
    }

    /// What a folder without pictures has instead, and what to do.
    fn instead(&self) -> String {
        let mut found = String::new();
        if let Some(kinds) = self.kinds() {
            found += &format!("; found {kinds}; convert them to PNG");
        }
        if let Some(folders) = self.filled(&[]) {
            let [train, test] = ["train", "test"].map(|part| self.dir.join(part).is_dir());
            let cure = match (train, test) {
                (true, false) => "add a folder test beside train, or name one folder of pictures",
                (false, true) => "add a folder train beside test, or name one folder of pictures",
                _ => "name one of them, or move the pictures up",
            };
            found += &format!("; found folders with pictures: {folders}; {cure}");
        }
        if found.is_empty() && idx_folder::is_idx_folder(&self.dir) {
            found += "; found IDX files; set data.dataset to \"idx\"";
        }
        found
    }
}

/// The first few names, and how many more there are.
fn first(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let (some, more) = names.split_at(names.len().min(NAMED));
    match more.len() {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// Pictures of any kind in a folder and those below it. Links are not followed, so that there is an end.
fn count(dir: &Path, depth: usize, left: &mut usize) -> usize {
    let Ok(entries) = dir.read_dir() else {
        return 0;
    };
    let mut found = 0;
    for entry in entries.flatten() {
        let Some(less) = left.checked_sub(1) else {
            break;
        };
        *left = less;
        let path = entry.path();
        if file_name(&path).starts_with('.') {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => found += count(&path, depth - 1, left),
            Ok(kind) if kind.is_file() && (ends(&path, &ENDINGS) || ends(&path, &UNREAD)) => {
                found += 1
            }
            _ => {}
        }
    }
    found
}

/// Whether a path has one of these extensions.
fn ends(path: &Path, endings: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    endings
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
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
