//! Progress: what an analysis tells while it computes.

/// What an analysis tells while it computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// What it computes from now on.
    Stage(String),
    /// Steps done so far, of as many as the analysis says it has.
    Steps(usize),
}
