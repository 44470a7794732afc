//! Hourglass: trains, measures and compares autoencoders from JSON configs. This is the whole program as one function,
//! [`main`], which the program and the package for Python call.

// What only verbs and options use that are left out stays, so that each of them is left out in one place.
#![cfg_attr(
    not(all(feature = "report", feature = "serve")),
    allow(dead_code, unused_imports, unused_variables, unreachable_code)
)]

mod cli;
mod commands;
mod fetch;
mod half_block;
mod input;
mod interrupt;
mod mistyped;
mod output;
mod progress;
mod table;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Parser;

/// When the program started.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When the program started, for its first training; `None` for later ones, such as the second run of a sweep.
fn started() -> Option<Instant> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    (!ASKED.swap(true, Ordering::Relaxed)).then(|| *STARTED)
}

/// Runs the program with its command line, whose first word is the program's own name; gives the exit code.
pub fn main(words: &[OsString]) -> u8 {
    LazyLock::force(&STARTED);
    #[cfg(feature = "parquet")]
    quiet_reader();
    match cli::Cli::try_parse_from(words) {
        Ok(cli) => run(cli),
        Err(error) => {
            // The message quotes them, and nothing in them may act on the terminal.
            let told: Vec<String> = (words.iter())
                .map(|it| terminal::one_line(&it.to_string_lossy()).into_owned())
                .collect();
            match mistyped::refused(&error, &told) {
                Some(text) => {
                    terminal::note(&format!("error: {text}"));
                    commands::USAGE
                }
                None => match cli::Cli::try_parse_from(&told) {
                    Err(shown) => show(&shown),
                    Ok(_) => show(&error),
                },
            }
        }
    }
}

/// Prints what clap has to say, which may be help; gives the exit code.
fn show(said: &clap::Error) -> u8 {
    // Who closed the pipe reads no more.
    let _ = said.print();
    u8::try_from(said.exit_code()).unwrap_or(commands::USAGE)
}

/// Keeps quiet about panics that a damaged Parquet file causes in its reader: they come back as an error of one line.
#[cfg(feature = "parquet")]
fn quiet_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(data::READER_THREAD) {
            usual(panic);
        }
    }));
}

/// Runs the command line; gives the exit code.
fn run(cli: cli::Cli) -> u8 {
    let no_config = match (&cli.command, &cli.train.config) {
        (None, Some(config)) => config.to_str().and_then(mistyped::no_config),
        _ => None,
    };
    if let Some(text) = no_config {
        terminal::note(&format!("error: {text}"));
        return commands::USAGE;
    }
    let done = commands::run(cli);
    terminal::count_left_out();
    done.unwrap_or_else(|error| {
        let text = terminal::told(&error);
        // One line per fault, because a config may have several. In another error a line would be part of a name.
        let lines = match commands::has_lines(&error) {
            true => text.lines().collect(),
            false => vec![text.as_str()],
        };
        for line in lines {
            terminal::note(&format!("error: {line}"));
        }
        commands::exit_code(&error)
    })
}
