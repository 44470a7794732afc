//! The output of a command: never over a file that exists unless that is asked for.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
/// Refuses a file that exists.
///
/// # Errors
/// If it does and `force` is not given.
pub fn check_new(path: &Path, force: bool) -> Result<()> {
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

/// Makes a folder, and fails if it already contains a file with one of these names.
///
/// # Errors
/// As [`check_new`], and if the folder cannot be made.
pub fn new_files(folder: &Path, names: &[String], force: bool) -> Result<Vec<PathBuf>> {
    let files: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    for file in &files {
        check_new(file, force)?;
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
    Ok(files)
}

/// Unique file names for pictures made from the named ones, or numbers if they have no names, with the
/// extension of the written files.
pub fn picture_names(names: Option<&[String]>, count: usize) -> Vec<String> {
    let digits = count.saturating_sub(1).to_string().len();
    let numbered = |index: usize| format!("{index:0digits$}.png");
    let Some(names) = names else {
        return (0..count).map(numbered).collect();
    };
    let stem = |name: &String| {
        Path::new(name)
            .file_stem()
            .map(|it| it.to_string_lossy().into_owned())
    };
    let mut stems: HashMap<Option<String>, usize> = HashMap::new();
    for name in names {
        *stems.entry(stem(name)).or_default() += 1;
    }
    let mut made: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let plain = stem(name).map_or_else(|| numbered(index), |stem| format!("{stem}.png"));
        // With a.jpg and a.png in one folder, the second keeps its whole name.
        let twin = stems.get(&stem(name)).is_some_and(|&count| count > 1);
        made.push(if twin { format!("{name}.png") } else { plain });
    }
    made
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
