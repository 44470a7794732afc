//! Training the runs that a command keeps in folders with fixed names.

use anyhow::Result;
use hourglass::Outcome;
use hourglass::run::kept::Kept;

use super::train::watched;
use crate::progress::Display;
use crate::terminal;

/// Trains a run from its start or from where it stopped. Returns whether it reached its end. `display` makes a
/// progress display from the number of all steps and of those already done.
///
/// # Errors
/// As for a training or [`Kept::prepare`].
pub fn train(kept: &Kept, display: impl FnOnce(usize, usize) -> Display) -> Result<bool> {
    let ready = kept.prepare()?;
    terminal::warn(&ready.setup.warnings);
    terminal::warn_of_holes(&ready.holes);
    let display = display(ready.setup.steps(), ready.steps_made());
    match watched(
        &ready.setup,
        (&ready.run, &ready.lock),
        ready.from.as_ref(),
        &display,
    )? {
        Outcome::Finished(_) => Ok(true),
        Outcome::Interrupted => Ok(false),
        Outcome::Diverged(message) => {
            let folder = ready.run.folder().display();
            terminal::note(&format!("{folder}: diverged: {message}"));
            Ok(true)
        }
    }
}
