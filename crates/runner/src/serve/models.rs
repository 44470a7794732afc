//! The models: those that were used last are kept, and one thread computes with them. Two at once would only wait for
//! each other: each takes all of the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use axum::http::StatusCode;
use burn::tensor::Device;
use tokio::sync::oneshot;

use super::reply::Refusal;
use crate::commands::Loaded;
use crate::run::Run;

/// Models that are kept.
const KEPT: usize = 3;

/// Requests that may wait. A page has one on its way at a time.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Kept) + Send>;

/// Where models are asked.
#[derive(Clone, Debug)]
pub struct Models {
    jobs: SyncSender<Job>,
}

/// What computes.
pub struct Worker {
    jobs: Receiver<Job>,
    kept: Kept,
}

/// Models that compute on the device, and the worker to do it.
pub fn start(device: Device) -> (Models, Worker) {
    let (sender, jobs) = sync_channel(WAITING);
    let kept = Kept {
        device,
        models: Vec::new(),
    };
    (Models { jobs: sender }, Worker { jobs, kept })
}

impl Models {
    /// What `work` finds with the model of the run in a folder. It is not done where nobody waits for it any more.
    ///
    /// # Errors
    /// A model that cannot be had, and what `work` refuses.
    pub async fn ask<T: Send + 'static>(
        &self,
        folder: &Path,
        work: impl FnOnce(&Loaded) -> Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let folder = folder.to_owned();
        let job: Job = Box::new(move |kept| {
            if !answer.is_closed() {
                // Where nobody listens any more there is nobody to tell.
                let _ = answer.send(kept.open(&folder).and_then(work));
            }
        });
        let busy = |_| {
            let text = "too many requests at once; try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        };
        self.jobs.try_send(job).map_err(busy)?;
        let answer = answered.await;
        let fault = || anyhow!("the model failed; the terminal says how");
        Ok(answer.map_err(|_| fault())??)
    }
}

impl Worker {
    /// Works until nobody can ask any more.
    pub fn work(mut self) {
        while let Ok(job) = self.jobs.recv() {
            // A fault of a backend's driver is that of one answer, not of the page.
            if catch_unwind(AssertUnwindSafe(|| job(&mut self.kept))).is_err() {
                self.kept.models.clear();
            }
        }
    }
}

/// The models that were used last, the latest first.
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
    /// The run's model, as its checkpoint has it now.
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
                // A training swaps its checkpoints at this moment.
                (Err(_), Some(old)) => old,
                (Err(error), None) => return Err(error),
            },
        };
        self.models.insert(0, known);
        self.models.truncate(KEPT);
        let first = self.models.first().map(|known| &known.loaded);
        first.context("no model is kept")
    }

    fn load(&self, folder: &Path) -> Result<Loaded> {
        let run = Run::open(folder, Path::new(""))?;
        Loaded::of(run, self.device.clone())
    }
}

/// When the checkpoint was written that a run's model is taken from; `None` if it has none.
pub fn stamp(folder: &Path) -> Option<SystemTime> {
    let written = |name: &str| {
        let path = folder.join("checkpoints").join(name).join("meta.json");
        path.metadata().and_then(|it| it.modified()).ok()
    };
    written("best").or_else(|| written("last"))
}
