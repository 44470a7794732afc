//! The pictures that `plot` leaves in the run's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::commands::analysed;
use hourglass::run::Run;

/// Everything that this command may write, without the endings.
const NAMES: [&str; 8] = [
    "code", "pca", "tsne", "units", "grid", "walk", "varied", "filters",
];

/// The pictures that this command leaves in the run's folder.
pub struct Files<'a> {
    run: &'a Run,
    folder: PathBuf,
    written: Vec<&'static str>,
}

impl<'a> Files<'a> {
    /// Makes the folder for them.
    pub fn new(run: &'a Run) -> Result<Self> {
        let folder = analysed::file(run, "plot")?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
        Ok(Self {
            run,
            folder,
            written: Vec::new(),
        })
    }

    /// Where a picture goes, without the ending.
    pub fn stem(&mut self, name: &'static str) -> PathBuf {
        self.written.push(name);
        self.folder.join(name)
    }

    /// Removes what an earlier call has left of pictures that there are no more, so that the folder
    /// never shows two states; the names of the files that there are.
    pub fn finish(self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for name in NAMES {
            for ending in ["png", "svg"] {
                let path = self.folder.join(name).with_extension(ending);
                if self.written.contains(&name) {
                    let below = path.strip_prefix(self.run.folder()).unwrap_or(&path);
                    files.push(below.to_string_lossy().into_owned());
                } else if path.exists() {
                    fs::remove_file(&path)
                        .with_context(|| format!("{}: cannot be removed", path.display()))?;
                }
            }
        }
        Ok(files)
    }
}

/// The files' names without folder and ending, each once.
pub fn stems(files: &[String]) -> Vec<String> {
    let stem = |file: &String| Some(Path::new(file).file_stem()?.to_string_lossy().into_owned());
    let mut stems: Vec<String> = files.iter().filter_map(stem).collect();
    stems.dedup();
    stems
}
