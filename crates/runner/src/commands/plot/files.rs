//! The plots that `plot` writes into the run's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use hourglass::run::Run;

/// All files that this command may write, without extensions.
const NAMES: [&str; 8] = [
    "code", "pca", "tsne", "units", "grid", "walk", "varied", "filters",
];

/// The plots that this command writes into the run's folder.
pub struct Files<'a> {
    run: &'a Run,
    folder: PathBuf,
    written: Vec<&'static str>,
}

impl<'a> Files<'a> {
    /// Makes their folder.
    pub fn new(run: &'a Run) -> Result<Self> {
        let folder = run.analysis("plot")?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
        Ok(Self {
            run,
            folder,
            written: Vec::new(),
        })
    }

    /// The path of a plot, without extension.
    pub fn stem(&mut self, name: &'static str) -> PathBuf {
        self.written.push(name);
        self.folder.join(name)
    }

    /// Removes plots of an earlier call that were not drawn again, so that the folder never mixes two
    /// states. Returns the names of the remaining files.
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

/// The files' names without folder and extension, each once.
pub fn stems(files: &[String]) -> Vec<String> {
    let stem = |file: &String| Some(Path::new(file).file_stem()?.to_string_lossy().into_owned());
    let mut stems: Vec<String> = files.iter().filter_map(stem).collect();
    stems.dedup();
    stems
}
