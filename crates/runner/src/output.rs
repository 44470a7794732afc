//! The output of a command: never over a file that exists unless that is asked for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use data::{Columns, TableFile};
use hourglass::files;
use hourglass::pictures::names;

use crate::commands::UsageError;

/// Refuses a file that exists, and removes what a killed process left beside it.
///
/// # Errors
/// If it does and `force` is not given.
pub fn check_new(path: &Path, force: bool) -> Result<()> {
    check_free(path, force)?;
    files::sweep(path.parent().unwrap_or(Path::new("")));
    Ok(())
}

fn check_free(path: &Path, force: bool) -> Result<()> {
    if path.is_dir() {
        bail!("{}: is a folder; give the path of a file", path.display());
    }
    if path.exists() && !force {
        bail!(
            "{}: already exists; choose a new path, or use --force",
            path.display()
        );
    }
    Ok(())
}

/// Makes a folder, and fails if it already contains a file with one of these names. Removes what a killed process left
/// there.
///
/// # Errors
/// As [`check_new`], and if the folder cannot be made.
pub fn new_files(folder: &Path, names: &[String], force: bool) -> Result<Vec<PathBuf>> {
    let files: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    for file in &files {
        check_free(file, force)?;
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
    files::sweep(folder);
    Ok(files)
}

/// As [`new_files`], for pictures made from the named ones, or numbered if they have no names.
///
/// # Errors
/// As [`new_files`].
pub fn new_pictures(
    folder: &Path,
    names: Option<&[String]>,
    count: usize,
    force: bool,
) -> Result<Vec<PathBuf>> {
    new_files(folder, &names::outputs(names, count), force)
}

/// A path as a word of a displayed command, in quotes if a shell would split it.
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |it: char| it.is_alphanumeric() || "/\\:._+-=,@".contains(it);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The kind of table that a path asks for by its extension.
pub fn table_kind(path: &Path) -> Option<TableFile> {
    TableFile::of(&path.extension()?.to_string_lossy())
}

/// The same of the option `--output`.
///
/// # Errors
/// A path that asks for none.
pub fn asked_table(path: &Path) -> Result<TableFile> {
    table_kind(path).ok_or_else(|| {
        let text = format!("--output {}: the path must end in {TABLES}", path.display());
        UsageError(text).into()
    })
}

/// The extensions of tables, as errors list them.
#[cfg(feature = "parquet")]
pub const TABLES: &str = ".csv or .parquet";
#[cfg(not(feature = "parquet"))]
pub const TABLES: &str = ".csv";

/// Writes a table, whole or not at all.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_table(path: &Path, kind: TableFile, table: &Columns) -> Result<()> {
    let bytes = table.bytes(kind);
    let bytes = bytes.with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(files::write(path, &bytes)?)
}

/// Whether a path ends in one of the extensions, without regard to case.
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions
        .iter()
        .any(|it| extension.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_a_shell() {
        let words =
            ["runs/code_size=2,seed=1", "my runs/a", "it's", ""].map(|it| word(Path::new(it)));
        assert_eq!(
            words,
            ["runs/code_size=2,seed=1", "'my runs/a'", r"'it'\''s'", "''"]
        );
    }
}
