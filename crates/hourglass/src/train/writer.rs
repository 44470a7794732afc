//! The writer: what a run is resumed from. Checkpoints are written while the next steps are computed.

use super::background::Background;
use super::optimizer::Optimizer;
use crate::error::Result;
use crate::model::Autoencoder;
use crate::run::checkpoint::{Progress, Snapshot};
use crate::run::{Run, Status};
use crate::setup::Setup;

/// Writes checkpoints and the state of a run.
pub(super) struct Writer<'a> {
    setup: &'a Setup,
    run: &'a Run,
    /// Layers that are not trained.
    frozen: Vec<String>,
    background: Background,
    /// Whether the best checkpoint alone is written, at the end.
    at_end: bool,
    /// That checkpoint.
    best: Option<Snapshot>,
}

impl<'a> Writer<'a> {
    /// A writer for a training of all layers. With `at_end`, it writes no checkpoint before [`Writer::finish`], and then
    /// the best one alone.
    pub fn new(setup: &'a Setup, run: &'a Run, at_end: bool) -> Self {
        Self {
            setup,
            run,
            frozen: Vec::new(),
            background: Background::default(),
            at_end,
            best: None,
        }
    }

    /// Starts to write checkpoints of these names and, once they are in place, a running state.
    ///
    /// # Errors
    /// If the device fails, or what was started before cannot be written.
    pub fn checkpoints(
        &mut self,
        names: &'static [&'static str],
        model: &Autoencoder,
        optimizer: &Optimizer,
        progress: &Progress,
    ) -> Result<()> {
        if self.at_end && !names.contains(&"best") {
            return Ok(());
        }
        let setup = self.setup;
        let snapshot = Snapshot::take(
            &setup.config,
            setup.preparation,
            setup.train.fields().map(|fields| fields.as_ref()),
            model,
            optimizer,
            progress,
            &self.frozen,
        )?;
        if self.at_end {
            self.best = Some(snapshot);
            return Ok(());
        }
        let state = progress.state(Status::Running);
        let run = self.run.clone();
        self.background.start(move || {
            snapshot.write(&run, names)?;
            Ok(run.write_json("state.json", &state)?)
        })
    }

    /// Notes the layers that have no part in the training.
    pub fn freeze(&mut self, frozen: Vec<String>) {
        self.frozen = frozen;
    }

    /// Whether a layer is not trained.
    pub fn is_frozen(&self, layer: &str) -> bool {
        self.frozen.iter().any(|frozen| frozen == layer)
    }

    /// Waits until all that was started is written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        if let Some(best) = self.best.take() {
            best.write(self.run, &["best"])?;
        }
        self.background.finish()
    }

    /// Writes the state, after everything before it.
    ///
    /// # Errors
    /// If that, or what was started before, cannot be written.
    pub fn state(&mut self, status: Status, progress: &Progress) -> Result<()> {
        self.finish()?;
        Ok(self.run.write_json("state.json", &progress.state(status))?)
    }

    /// Writes that the run diverged; its last good checkpoint stays.
    ///
    /// # Errors
    /// If the run's folder cannot be written.
    pub fn diverged(&mut self, message: &str) -> Result<()> {
        self.finish()?;
        let mut state = self.run.state()?;
        state.status = Status::Diverged;
        state.message = Some(message.to_owned());
        Ok(self.run.write_json("state.json", &state)?)
    }
}
