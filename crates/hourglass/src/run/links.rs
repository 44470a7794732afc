//! Links in a run's folder: one that leads out of it is not followed, because a run may come from somebody else, and what
//! it names would be shown in messages and on pages.

use std::path::{Path, PathBuf};

use super::{ANALYSIS, RunError};

/// The files of a run that are read.
const FILES: [&str; 6] = [
    "config.json",
    "env.json",
    "state.json",
    "summary.json",
    "metrics.jsonl",
    "pretrain.jsonl",
];

/// The files of a checkpoint.
const CHECKPOINT: [&str; 3] = ["meta.json", "model.safetensors", "optimizer.safetensors"];

/// Refuses a run one of whose files or folders is a link that leads out of its folder.
///
/// # Errors
/// [`RunError::Outside`].
pub(super) fn check(folder: &Path) -> Result<(), RunError> {
    let checkpoints = folder.join("checkpoints");
    let mut paths: Vec<PathBuf> = FILES.iter().map(|name| folder.join(name)).collect();
    paths.push(checkpoints.clone());
    for name in ["best", "last"] {
        let checkpoint = checkpoints.join(name);
        paths.extend(CHECKPOINT.iter().map(|name| checkpoint.join(name)));
        paths.push(checkpoint);
    }
    let analysis = folder.join(ANALYSIS);
    paths.extend([analysis.join("codes.json"), analysis]);
    match paths.into_iter().find(|path| leads_out(folder, path)) {
        Some(path) => Err(RunError::Outside { path }),
        None => Ok(()),
    }
}

/// Whether a path is a link to a place outside a folder, or to nothing.
fn leads_out(folder: &Path, path: &Path) -> bool {
    let is_link = path.symlink_metadata().is_ok_and(|it| it.is_symlink());
    let inside = || {
        Some(
            path.canonicalize()
                .ok()?
                .starts_with(folder.canonicalize().ok()?),
        )
    };
    is_link && inside() != Some(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_may_lead_about_in_a_run_and_not_out_of_it() {
        let top = tempfile::tempdir().unwrap();
        let run = top.path().join("run");
        fs::create_dir_all(run.join("checkpoints/old")).unwrap();
        fs::write(run.join("config.json"), "{}").unwrap();
        fs::write(top.path().join("secret"), "root:x").unwrap();
        symlink("old", run.join("checkpoints/last")).unwrap();
        // The folder itself may be a link: whoever names it means what it leads to.
        symlink(&run, top.path().join("link")).unwrap();
        assert!(check(&run).is_ok() && check(&top.path().join("link")).is_ok());
        for name in [
            "state.json",
            "checkpoints/old/meta.json",
            "checkpoints/best",
            "analysis",
        ] {
            symlink("../../../secret", run.join(name)).unwrap();
            if name.contains("old") {
                // Only what is read: as a part of the checkpoint that it belongs to.
                assert!(
                    check(&run)
                        .unwrap_err()
                        .to_string()
                        .contains("last/meta.json")
                );
            } else {
                let error = check(&run).unwrap_err().to_string();
                assert!(error.contains(name) && !error.contains("root"), "{error}");
            }
            fs::remove_file(run.join(name)).unwrap();
        }
        assert!(check(&run).is_ok());
    }
}
