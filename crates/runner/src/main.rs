//! Hourglass: trains, measures and compares autoencoders from JSON configs.

// What only verbs and options use that are left out stays, so that each of them is left out in one place.
#![cfg_attr(
    not(all(feature = "report", feature = "serve")),
    allow(dead_code, unused_imports, unused_variables, unreachable_code)
)]

mod cli;
mod commands;
mod half_block;
mod input;
mod interrupt;
mod output;
mod progress;
mod terminal;
mod watch;

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

/// When the program started, for its first training; `None` for later ones, such as the second run of a sweep.
fn started() -> Option<Instant> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    (!ASKED.swap(true, Ordering::Relaxed)).then(|| *STARTED)
}

fn main() -> ExitCode {
    LazyLock::force(&STARTED);
    let done = commands::run(cli::Cli::parse());
    terminal::count_left_out();
    let code = match done {
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
