//! The models: the most recently used ones are kept in memory, and one thread runs them. Two at once would only wait
//! for each other, because each uses the whole thread pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use axum::http::StatusCode;
use burn::tensor::Device;
use tokio::sync::oneshot;

use super::reply::Refusal;
use hourglass::Loaded;
use hourglass::run::Run;

/// Number of models kept in memory.
const KEPT: usize = 3;

/// Number of requests that may wait. A page sends one at a time.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Kept) + Send>;

/// A handle for sending work to the models.
#[derive(Clone, Debug)]
pub struct Models {
    jobs: SyncSender<Job>,
}

/// The backend.
pub struct Worker {
    jobs: Receiver<Job>,
    kept: Kept,
}

/// A handle, and the worker that runs models on the device.
pub fn start(device: Device) -> (Models, Worker) {
    let (sender, jobs) = sync_channel(WAITING);
    let kept = Kept {
        device,
        models: Vec::new(),
    };
    (Models { jobs: sender }, Worker { jobs, kept })
}

impl Models {
    /// The result of `work` with the model of the run in a folder. It is skipped if nobody waits for it any more.
    ///
    /// # Errors
    /// If the model cannot be loaded, or `work` fails.
    pub async fn ask<T: Send + 'static>(
        &self,
        folder: &Path,
        work: impl FnOnce(&Loaded) -> Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let folder = folder.to_owned();
        let job: Job = Box::new(move |kept| {
            if !answer.is_closed() {
                // The error is ignored if nobody waits for the result any more.
                let _ = answer.send(kept.open(&folder).and_then(work));
            }
        });
        let busy = |_| {
            let text = "too many requests at once; try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        };
        self.jobs.try_send(job).map_err(busy)?;
        let answer = answered.await;
        let fault = || anyhow!("the model failed; see the terminal for the reason");
        Ok(answer.map_err(|_| fault())??)
    }
}

impl Worker {
    /// Works until all handles are gone.
    pub fn work(mut self) {
        while let Ok(job) = self.jobs.recv() {
            // A panic in a backend's driver must only fail one request, not the page.
            if catch_unwind(AssertUnwindSafe(|| job(&mut self.kept))).is_err() {
                self.kept.models.clear();
            }
        }
    }
}

/// The most recently used models, latest first.
struct Kept {
    device: Device,
    models: Vec<Known>,
}

struct Known {
    folder: PathBuf,
    /// See [`stamp`].
    stamp: Option<SystemTime>,
    loaded: Loaded,
}

impl Kept {
    /// The run's model, from its current checkpoint.
    fn open(&mut self, folder: &Path) -> Result<&Loaded> {
        let now = stamp(folder);
        let at = self.models.iter().position(|known| known.folder == folder);
        let known = at.map(|at| self.models.remove(at));
        let known = match known {
            Some(known) if known.stamp == now => known,
            old => match (self.load(folder), old) {
                (Ok(loaded), _) => Known {
                    folder: folder.to_owned(),
                    stamp: now,
                    loaded,
                },
                // A training may be swapping its checkpoints at this moment.
                (Err(_), Some(old)) => old,
                (Err(error), None) => return Err(error),
            },
        };
        self.models.insert(0, known);
        self.models.truncate(KEPT);
        let first = self.models.first().map(|known| &known.loaded);
        first.context("no model in memory")
    }

    fn load(&self, folder: &Path) -> Result<Loaded> {
        let run = Run::open(folder, Path::new(""))?;
        Ok(Loaded::open(run, self.device.clone())?)
    }
}

/// When the checkpoint of a run's model was written; `None` if it has no checkpoint.
pub fn stamp(folder: &Path) -> Option<SystemTime> {
    let written = |name: &str| {
        let path = folder.join("checkpoints").join(name).join("meta.json");
        path.metadata().and_then(|it| it.modified()).ok()
    };
    written("best").or_else(|| written("last"))
}
