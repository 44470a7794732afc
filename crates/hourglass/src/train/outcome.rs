//! Outcomes: how a training ended.

use model::Autoencoder;

use crate::error::Error;
use crate::measure::summary::Summary;

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All epochs are done, or it stopped early as configured.
    Finished(Box<Finished>),
    /// An observer stopped it, and it was saved.
    Interrupted,
    /// The loss stopped being finite; the last good checkpoint is kept. The text says when that was.
    Diverged(String),
}

/// What a training came to.
#[derive(Debug)]
pub struct Finished {
    /// The final figures.
    pub summary: Summary,
    /// The best weights, which they are of, without autodiff.
    pub model: Autoencoder,
}

/// Why a training ends before its last epoch.
#[derive(Debug)]
pub(super) enum Stop {
    /// An observer asked for it; everything is saved.
    Interrupted,
    /// The loss is no longer finite by this step of this epoch.
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Optimizer steps made.
        step: usize,
    },
    /// Something failed.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
