//! Tests of the program as its users run it: each starts the built `hourglass` in a folder of its
//! own and looks at what it prints, the code it exits with and the files it leaves.

// A failed step of a test is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// What the tests share: a folder of one's own, the program, and small data to train on.
mod common;

/// Config faults: one line each, before anything is written.
mod bad_config;
/// Data faults: one line each, before anything is written.
mod bad_data;
/// Run folders that are missing, damaged, half-written or from the future.
mod bad_run;
/// `encode`, `decode` and `reconstruct`, and hostile codes.
mod codes;
/// `compare`: order, formats, seeds, and what may not be ranked together.
mod compare;
/// A loss that stops being a number.
mod divergence;
/// `evaluate`: a run's own figures, and those on other data.
mod evaluate;
/// A disk that is full, or that may not be written.
mod full_disk;
/// Processes killed at any moment.
mod killed;
/// `resume`: exactly what a run that never stopped would have done.
mod resume;
/// The shipped configs and their schema.
mod shipped;
/// Signals: once finishes the step and saves, twice stops at once.
mod signals;
/// What the program prints, and where: help, version, lists, closed pipes, colours.
mod terminal;
/// Training: the run folder and everything in it.
mod train;
