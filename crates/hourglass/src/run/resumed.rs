//! Resuming: what a run that stopped goes on with.

use super::changes;
use super::checkpoint::{self, Checkpoint};
use super::environment::{Environment, Resumption};
use super::holes::{self, Hole};
use super::{Run, RunError};
use crate::config::Located;
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
    /// and those of [`Setup::new`].
    pub fn prepare(run: &Run, located: Located) -> Result<Self> {
        changes::check(run, &located)?;
        Self::with(run, |starts, quick| match starts {
            false => Setup::new(located, quick),
            true => Setup::to_start(located, quick),
        })
    }

    /// The same with a setup that is made elsewhere, from whether the training starts again because it was killed
    /// before its first checkpoint, and whether it is a `--quick` one.
    ///
    /// # Errors
    /// As [`Resumed::prepare`], and what `setup` says.
    pub fn with(run: &Run, setup: impl FnOnce(bool, bool) -> Result<Setup>) -> Result<Self> {
        let mut environment: Environment = run.read_json("env.json")?;
        checkpoint::settle(run)?;
        let mut from = checkpoint::read(run, "last")?;
        let setup = setup(from.is_none(), environment.quick)?;
        environment.check_data(&setup)?;
        if let Some(from) = &from
            && (from.meta.model != setup.config.model || from.meta.input_shape != setup.shape())
        {
            let folder = run.folder().to_owned();
            return Err(RunError::OtherModel { folder }.into());
        }
        let mut holes = Vec::new();
        if let Some(from) = &mut from {
            let meta = &mut from.meta;
            holes = holes::find(run, &setup.config, &meta.progress)?;
            if meta.config.is_none() {
                // Version 0.1.0 kept it beside the checkpoint only.
                meta.config = Some(changes::written(run)?);
            }
        }
        run.remove_drafts();
        environment.resumed.push(Resumption::new(&setup.backend));
        run.write_json("env.json", &environment)?;
        Ok(Self { setup, from, holes })
    }
}
