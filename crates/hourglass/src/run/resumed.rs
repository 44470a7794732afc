//! Resuming: what a run that stopped goes on with.

use super::changes;
use super::checkpoint::{self, Checkpoint, Meta};
use super::environment::{Environment, Resumption};
use super::holes::{self, Hole};
use super::{Run, RunError};
use crate::config::{ConfigError, Located};
use crate::error::Result;
use crate::setup::Setup;

/// A run that is ready to go on.
#[derive(Debug)]
pub struct Resumed {
    /// What is trained.
    pub setup: Setup,
    /// Where the training goes on; `None` if it was killed before its first checkpoint.
    pub from: Option<Checkpoint>,
    /// Figures that are lost.
    pub holes: Vec<Hole>,
}

impl Resumed {
    /// Prepares a run, whose lock the caller holds, to go on with `located`: puts in order what a killed
    /// process left, loads the data and checks that nothing is another run's. `env.json` notes the
    /// resumption.
    ///
    /// # Errors
    /// A key that may not change, a damaged checkpoint or one of another model, data that differ from the run's,
    /// and those of [`Setup::of_run`].
    pub fn prepare(run: &Run, located: Located) -> Result<Self> {
        changes::check(run, &located)?;
        Self::with(run, |from, quick| {
            let Some(from) = from else {
                // Killed before its first checkpoint: it starts again.
                return Setup::to_start(located, quick);
            };
            let setup = Setup::of_run(located.clone(), quick, from)?;
            check_batches(&setup, &located, from)?;
            Ok(setup)
        })
    }

    /// The same with a setup that is made elsewhere, from what the training goes on with, if it was not killed before
    /// its first checkpoint, and whether it is a `--quick` one.
    ///
    /// # Errors
    /// As [`Resumed::prepare`], and what `setup` says.
    pub fn with(
        run: &Run,
        setup: impl FnOnce(Option<&Meta>, bool) -> Result<Setup>,
    ) -> Result<Self> {
        let mut environment: Environment = run.read_json("env.json")?;
        checkpoint::settle(run)?;
        let mut from = checkpoint::read(run, "last")?;
        if let Some(Checkpoint { meta, .. }) = &mut from
            && meta.config.is_none()
        {
            // Version 0.1.0 kept it beside the checkpoint only.
            meta.config = Some(changes::written(run)?);
        }
        let setup = setup(from.as_ref().map(|from| &from.meta), environment.quick)?;
        environment.check_data(&setup)?;
        if let Some(from) = &from
            && (from.meta.model != setup.config.model || from.meta.input_shape != setup.shape())
        {
            let folder = run.folder().to_owned();
            return Err(RunError::OtherModel { folder }.into());
        }
        let mut holes = Vec::new();
        if let Some(from) = &from {
            holes = holes::find(run, &setup.config, &from.meta.progress)?;
        }
        run.remove_drafts();
        environment.resumed.push(Resumption::new(&setup.backend));
        run.write_json("env.json", &environment)?;
        Ok(Self { setup, from, holes })
    }
}

/// Fails if batches of another size than before could not be normalised, in the epoch in progress or in the others.
fn check_batches(setup: &Setup, located: &Located, from: &Meta) -> Result<(), ConfigError> {
    let before = (from.config.as_ref()).map(|config| config.train.batch_size);
    let images = setup.split.train.len();
    if before.is_none_or(|before| before == located.train.batch_size) {
        return Ok(());
    }
    let left = images.saturating_sub(from.progress.images);
    located.check_batches(&setup.layers, Some(left))?;
    located.check_batches(&setup.layers, Some(images))
}
