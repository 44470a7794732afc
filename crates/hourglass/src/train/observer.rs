//! Observers: what watches a training. The loop tells them what happens and knows nothing of what
//! they do with it: a terminal, sample pictures, a report, event files, other machines.

use std::sync::Arc;

use data::Images;
use model::Autoencoder;

use super::row::{LayerRow, Row};
use crate::error::Result;
use crate::measure::evaluation::Evaluation;
use crate::measure::summary::Summary;
use crate::run::Run;
use crate::setup::Setup;

/// Whether a training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Go,
    /// It saves and stops; the run can be resumed.
    Stop,
}

/// What watches a training. Every method does nothing unless it is written.
pub trait Observer {
    /// The first step is about to be made, after `step` steps in an earlier process.
    ///
    /// # Errors
    /// What keeps it from watching; the training ends with it.
    fn start(&mut self, _setup: &Setup, _run: &Run, _step: usize) -> Result<()> {
        Ok(())
    }

    /// A step was made, `done` in all, those of layers that were trained by themselves among them.
    /// Called after each step, so it must be quick.
    fn step(&mut self, _done: usize) {}

    /// Whether to go on. Asked after each step and each epoch, so it must be quick.
    fn flow(&mut self) -> Flow {
        Flow::Go
    }

    /// The mean loss of the current epoch so far, which is read from the device a few times a second.
    fn loss(&mut self, _at: &Place<'_>, _loss: f32) {}

    /// An epoch ended. Its row is in `metrics.jsonl`; its checkpoint is not written yet.
    ///
    /// # Errors
    /// What keeps it from watching; the training ends with it.
    fn epoch(&mut self, _epoch: &Epoch<'_>) -> Result<()> {
        Ok(())
    }

    /// An epoch of a layer that is trained by itself ended.
    ///
    /// # Errors
    /// What keeps it from watching; the training ends with it.
    fn layer_epoch(&mut self, _at: &Place<'_>, _row: &LayerRow) -> Result<()> {
        Ok(())
    }

    /// All steps are made and saved, and the test images are about to be measured.
    fn measuring(&mut self) {}

    /// The test images are measured; `summary.json` is about to be written.
    ///
    /// # Errors
    /// What keeps it from watching; the training ends with it.
    fn end(&mut self, _end: &End<'_>) -> Result<()> {
        Ok(())
    }

    /// Something that somebody should know, in one line; the training goes on.
    fn warn(&mut self, _message: &str) {}

    /// The loss is no longer finite, so the training ends here; `message` says when that was.
    fn diverged(&mut self, _message: &str) {}
}

/// Where a training is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The layer that is trained by itself; `None` if all are trained together.
    pub layer: Option<LayerPlace<'a>>,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
}

/// A layer that is trained by itself.
#[derive(Clone, Copy, Debug)]
pub struct LayerPlace<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its number, counted from 1.
    pub number: usize,
    /// Layers that are trained by themselves.
    pub of: usize,
}

/// An epoch that ended.
#[derive(Debug)]
pub struct Epoch<'a> {
    /// What is trained.
    pub setup: &'a Setup,
    /// Its folder.
    pub run: &'a Run,
    /// The figures of all epochs so far; this one's are the last.
    pub rows: &'a [Row],
    /// This epoch's.
    pub row: &'a Row,
    /// The model as it is now, without autodiff.
    pub model: &'a Autoencoder,
    /// What it makes of the validation images; `None` if there are none.
    pub evaluation: Option<&'a Evaluation>,
    /// Whether it is the best epoch so far.
    pub improved: bool,
}

/// A training that ended.
#[derive(Debug)]
pub struct End<'a> {
    /// What was trained.
    pub setup: &'a Setup,
    /// Its folder.
    pub run: &'a Run,
    /// The figures of all epochs.
    pub rows: &'a [Row],
    /// The best weights, without autodiff.
    pub model: &'a Autoencoder,
    /// The test images.
    pub images: &'a Arc<Images>,
    /// Which of them were measured.
    pub indices: &'a [u32],
    /// What was found.
    pub evaluation: &'a Evaluation,
    /// The figures, with the baselines'.
    pub summary: &'a Summary,
}

/// Nobody watches.
impl Observer for () {}

/// Several watch, each in its turn. One that wants to stop is enough.
impl Observer for Vec<Box<dyn Observer + '_>> {
    fn start(&mut self, setup: &Setup, run: &Run, step: usize) -> Result<()> {
        self.iter_mut()
            .try_for_each(|it| it.start(setup, run, step))
    }

    fn step(&mut self, done: usize) {
        self.iter_mut().for_each(|it| it.step(done));
    }

    fn flow(&mut self) -> Flow {
        let stop = self.iter_mut().any(|it| it.flow() == Flow::Stop);
        if stop { Flow::Stop } else { Flow::Go }
    }

    fn loss(&mut self, at: &Place<'_>, loss: f32) {
        self.iter_mut().for_each(|it| it.loss(at, loss));
    }

    fn epoch(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self.iter_mut().try_for_each(|it| it.epoch(epoch))
    }

    fn layer_epoch(&mut self, at: &Place<'_>, row: &LayerRow) -> Result<()> {
        self.iter_mut().try_for_each(|it| it.layer_epoch(at, row))
    }

    fn measuring(&mut self) {
        self.iter_mut().for_each(|it| it.measuring());
    }

    fn end(&mut self, end: &End<'_>) -> Result<()> {
        self.iter_mut().try_for_each(|it| it.end(end))
    }

    fn warn(&mut self, message: &str) {
        self.iter_mut().for_each(|it| it.warn(message));
    }

    fn diverged(&mut self, message: &str) {
        self.iter_mut().for_each(|it| it.diverged(message));
    }
}
