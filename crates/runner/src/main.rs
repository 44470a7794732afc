//! Hourglass: trains, measures and compares autoencoders from JSON configs.

mod analysis;
mod backend;
mod background;
mod checkpoint;
mod cli;
mod commands;
mod compression;
mod config;
mod curve;
mod digest;
mod environment;
mod evaluation;
mod half_block;
mod input;
mod interrupt;
mod metrics;
mod optimizer;
mod output;
mod pca;
mod plots;
mod pretrain;
mod pretrained;
mod progress;
mod report;
mod restoration;
mod run;
mod samples;
mod scatter;
mod schedule;
mod serve;
mod setup;
mod sheet;
mod shown;
mod streams;
mod summary;
mod tensorboard;
mod terminal;
mod train;

use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Parser;

/// Keeps freed pages for the next step's tensors: glibc's allocator returns large buffers to the
/// kernel and faults them in again, which takes two fifths of a training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// When the program started.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Seconds from the start of the program to now at the first call, which comes after the first training
/// step; `None` at later calls, as in the second run of a sweep.
fn seconds_to_first_step() -> Option<f64> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    (!ASKED.swap(true, Ordering::Relaxed)).then(|| STARTED.elapsed().as_secs_f64())
}

fn main() -> ExitCode {
    LazyLock::force(&STARTED);
    let code = match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // One line per fault, because a config may have several.
            for line in format!("{error:#}").lines() {
                terminal::note(&format!("error: {line}"));
            }
            commands::exit_code(&error)
        }
    };
    ExitCode::from(code)
}
