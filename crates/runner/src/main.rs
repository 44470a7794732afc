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

use std::ffi::OsString;
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

/// The command line; ends the program if it is wrong. The message, which quotes arguments, shows what would act on the
/// terminal.
fn arguments() -> cli::Cli {
    let given: Vec<_> = std::env::args_os().collect();
    cli::Cli::try_parse_from(&given).unwrap_or_else(|error| {
        let text =
            |argument: &OsString| terminal::one_line(&argument.to_string_lossy()).into_owned();
        match cli::Cli::try_parse_from(given.iter().map(text)) {
            Err(shown) => shown.exit(),
            Ok(_) => error.exit(),
        }
    })
}

fn main() -> ExitCode {
    LazyLock::force(&STARTED);
    let code = match commands::run(arguments()) {
        Ok(code) => code,
        Err(error) => {
            let text = format!("{error:#}");
            // One line per fault, because a config may have several. In another error a line would be part of a name.
            let lines = match commands::has_lines(&error) {
                true => text.lines().collect(),
                false => vec![text.as_str()],
            };
            for line in lines {
                terminal::note(&format!("error: {line}"));
            }
            commands::exit_code(&error)
        }
    };
    ExitCode::from(code)
}
