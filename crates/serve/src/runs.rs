//! The runs in a folder and in its folders of several runs, such as a sweep's. Names from requests are looked up among
//! the known runs, and never turned into a path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use axum::extract::{self, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Server;
use super::guard::REPORT;
use super::models::stamp;
use super::reply::{self, Refusal, aside};
use hourglass::config::Config;
use hourglass::files;
use hourglass::measure::summary::Summary;
use hourglass::run::{Run, State as RunState};

/// The largest file that is sent, in bytes.
const LARGEST_FILE: u64 = 64 << 20;

/// The runs in a folder.
pub struct Runs {
    folder: PathBuf,
    /// Folders of the runs found last, by name: `conv`, or `sweep/conv` in a folder of several runs.
    known: Mutex<BTreeMap<String, PathBuf>>,
}

/// The list of runs.
#[derive(Serialize)]
struct Listing {
    folder: String,
    runs: Vec<Entry>,
}

/// A run's entry in the list.
#[derive(Serialize)]
struct Entry {
    name: String,
    /// When its state last changed, in seconds since 1970.
    changed: u64,
    /// What is wrong with its folder; the other fields are then missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    about: Option<About>,
}

/// A run's status.
#[derive(Serialize)]
struct About {
    #[serde(flatten)]
    state: RunState,
    /// Total number of epochs.
    epochs: usize,
    kind: String,
    code_size: Option<usize>,
    /// On the test images, if the run is finished.
    mse: Option<f64>,
    /// Whether it has a report.
    report: bool,
}

impl Runs {
    /// The runs in a folder, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            known: Mutex::default(),
        }
    }

    /// The folder of a run.
    ///
    /// # Errors
    /// If there is no run of this name.
    pub async fn find(self: &Arc<Self>, name: String) -> Result<PathBuf, Refusal> {
        if let Some(folder) = self.known().get(&name) {
            return Ok(folder.clone());
        }
        let runs = Arc::clone(self);
        aside(move || {
            runs.look();
            let folder = runs.known().get(&name).cloned();
            folder.ok_or_else(|| Refusal::missing("no such run"))
        })
        .await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, PathBuf>> {
        // The map stays consistent even if a thread panicked while holding the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for runs. Returns the names of links that lead outside the folder.
    fn look(&self) -> Vec<String> {
        let mut found = BTreeMap::new();
        let mut outside = Vec::new();
        if let Ok(root) = self.folder.canonicalize() {
            for (name, folder) in folders(&root) {
                if is_run(&folder) {
                    sort(&root, name, folder, &mut found, &mut outside);
                } else if inside(&root, &folder).is_some() {
                    for (inner, folder) in folders(&folder) {
                        if is_run(&folder) {
                            sort(
                                &root,
                                format!("{name}/{inner}"),
                                folder,
                                &mut found,
                                &mut outside,
                            );
                        }
                    }
                }
            }
        }
        *self.known() = found;
        outside
    }

    /// The list, most recently changed first.
    fn list(&self) -> Listing {
        let outside = self.look();
        let known = self.known().clone();
        let mut runs: Vec<Entry> = known
            .into_iter()
            .map(|(name, folder)| entry(name, &folder))
            .collect();
        runs.sort_by_key(|entry| std::cmp::Reverse(entry.changed));
        runs.extend(outside.into_iter().map(|name| Entry {
            name,
            changed: 0,
            problem: Some(
                "a link to a place outside the folder of runs, which is not followed".into(),
            ),
            about: None,
        }));
        Listing {
            folder: self.folder.display().to_string(),
            runs,
        }
    }

    /// A file of a run, which must be inside the folder of runs after following links.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    fn read(&self, folder: &Path, name: &str) -> Result<Vec<u8>, Refusal> {
        let root = self.folder.canonicalize().map_err(anyhow::Error::from)?;
        let path = inside(&root, &folder.join(name)).filter(|path| path.is_file());
        let path = path.ok_or_else(|| Refusal::missing("no such file"))?;
        Ok(files::read(&path, LARGEST_FILE).map_err(anyhow::Error::from)?)
    }
}

/// Records a run as found, or as outside.
fn sort(
    root: &Path,
    name: String,
    folder: PathBuf,
    found: &mut BTreeMap<String, PathBuf>,
    outside: &mut Vec<String>,
) {
    match inside(root, &folder) {
        Some(_) => {
            found.insert(name, folder);
        }
        None => outside.push(name),
    }
}

/// The target of a path, if it is inside `root`.
fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    path.canonicalize()
        .ok()
        .filter(|path| path.starts_with(root))
}

fn is_run(folder: &Path) -> bool {
    folder.join("config.json").is_file()
}

/// The folders in a folder, by name, except those that begin with a dot, which are still being made.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    named
        .filter(|(name, path)| !name.starts_with('.') && path.is_dir())
        .collect()
}

/// When a file was written, in seconds since 1970; 0 if it does not exist.
pub fn changed(path: &Path) -> u64 {
    let written = path
        .metadata()
        .and_then(|it| it.modified())
        .unwrap_or(UNIX_EPOCH);
    seconds(written)
}

/// Seconds since 1970.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

fn entry(name: String, folder: &Path) -> Entry {
    let (about, problem) = match about(folder) {
        Ok(about) => (Some(about), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Entry {
        name,
        changed: changed(&folder.join("state.json")),
        problem,
        about,
    }
}

fn about(folder: &Path) -> Result<About> {
    let run = Run::open(folder, Path::new(""))?;
    let config: Config = run.config()?;
    let summary: Option<Summary> = run.read_if_there("summary.json")?;
    Ok(About {
        state: run.watched_state()?,
        epochs: config.train.epochs,
        kind: config.model.kind(),
        code_size: summary.as_ref().map(|summary| summary.code_size),
        mse: summary.map(|summary| summary.test.mse),
        report: run.path(report::FILE).is_file(),
    })
}

/// The list.
pub async fn list(State(server): State<Arc<Server>>) -> Result<Response, Refusal> {
    let listing = aside(move || Ok(server.runs.list())).await?;
    reply::json(&listing)
}

/// A run's report.
pub async fn report(
    State(server): State<Arc<Server>>,
    extract::Path(run): extract::Path<String>,
) -> Result<Response, Refusal> {
    let folder = server.runs.find(run).await?;
    let html = aside(move || server.runs.read(&folder, report::FILE)).await?;
    let policy = HeaderValue::from_static(REPORT);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok((
        [(CONTENT_SECURITY_POLICY, policy), (CONTENT_TYPE, kind)],
        html,
    )
        .into_response())
}

/// The sample picture of an epoch.
pub async fn sample(
    State(server): State<Arc<Server>>,
    extract::Path((name, run)): extract::Path<(String, String)>,
) -> Result<Response, Refusal> {
    let folder = server.runs.find(run).await?;
    let png = aside(move || {
        let found = samples(&folder).into_iter().find(|known| *known == name);
        let name = found.ok_or_else(|| Refusal::missing("no such picture"))?;
        server.runs.read(&folder, &format!("samples/{name}"))
    });
    Ok(([(CONTENT_TYPE, "image/png")], png.await?).into_response())
}

/// The names of the sample pictures, earliest first.
pub fn samples(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("samples"))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("epoch-") && name.ends_with(".png"))
        .collect();
    names.sort_unstable();
    names
}

/// Which weights of a run can be explored, as a number that changes with them; `None` without weights.
pub fn weights(folder: &Path) -> Option<u64> {
    let written = stamp(folder)?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(written.as_millis()).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder of runs beside one that is none of it.
    fn runs() -> (tempfile::TempDir, Runs) {
        let top = tempfile::tempdir().unwrap();
        for folder in [
            "runs/one",
            "runs/grid/a",
            "runs/.new-x",
            "runs/empty",
            "other/run",
        ] {
            fs::create_dir_all(top.path().join(folder)).unwrap();
        }
        for run in ["runs/one", "runs/grid/a", "runs/.new-x", "other/run"] {
            fs::write(top.path().join(run).join("config.json"), "{}").unwrap();
        }
        let runs = Runs::new(top.path().join("runs"));
        (top, runs)
    }

    #[test]
    fn runs_and_those_of_sweeps_are_found_by_their_names_alone() {
        let (_top, runs) = runs();
        assert!(runs.look().is_empty());
        let names: Vec<String> = runs.known().keys().cloned().collect();
        assert_eq!(names, ["grid/a", "one"]);
        for listed in runs.list().runs {
            assert!(
                listed
                    .problem
                    .is_some_and(|text| text.contains("state.json"))
            );
        }
    }

    #[test]
    fn what_lies_outside_is_named_and_not_read() {
        let (top, runs) = runs();
        let outer = |name: &str| top.path().join(name);
        symlink(outer("other/run"), outer("runs/link")).unwrap();
        symlink(outer("other"), outer("runs/many")).unwrap();
        symlink(outer("other/run"), outer("runs/grid/link")).unwrap();
        symlink(outer("runs/one"), outer("runs/again")).unwrap();
        let mut outside = runs.look();
        outside.sort_unstable();
        assert_eq!(outside, ["grid/link", "link"]);
        let names: Vec<String> = runs.known().keys().cloned().collect();
        assert_eq!(names, ["again", "grid/a", "one"]);

        fs::write(outer("secret"), "secret").unwrap();
        symlink(outer("secret"), outer("runs/one/report.html")).unwrap();
        let one = outer("runs/one");
        assert!(runs.read(&one, "report.html").is_err());
        assert!(runs.read(&one, "samples").is_err());
        assert_eq!(runs.read(&one, "config.json").unwrap(), b"{}");
    }
}
