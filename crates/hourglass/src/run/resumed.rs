//! Resuming: what a run that stopped goes on with.

use super::checkpoint::{self, Checkpoint};
use super::environment::{Environment, Resumption};
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
}

impl Resumed {
    /// Prepares a run, whose lock the caller holds, to go on with `located`: puts in order what a killed
    /// process left, loads the data and checks that nothing is another run's. `env.json` notes the
    /// resumption.
    ///
    /// # Errors
    /// A damaged checkpoint or one of another model, data that differ from the run's, and those of
    /// [`Setup::of_run`].
    pub fn prepare(run: &Run, located: Located) -> Result<Self> {
        let mut environment: Environment = run.read_json("env.json")?;
        checkpoint::settle(run)?;
        let from = checkpoint::read(run, "last")?;
        let setup = match &from {
            Some(from) => Setup::of_run(located, environment.quick, &from.meta)?,
            // Killed before its first checkpoint: it starts again.
            None => Setup::to_start(located, environment.quick)?,
        };
        environment.check_data(&setup)?;
        if let Some(from) = &from
            && (from.meta.model != setup.config.model || from.meta.input_shape != setup.shape())
        {
            let folder = run.folder().to_owned();
            return Err(RunError::OtherModel { folder }.into());
        }
        run.remove_drafts();
        environment.resumed.push(Resumption::new(&setup.backend));
        run.write_json("env.json", &environment)?;
        Ok(Self { setup, from })
    }
}
