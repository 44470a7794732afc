//! The terminal: results on stdout, everything else on stderr.
//!
//! A reader that goes away (`| head`) ends the program quietly, as it does other programs.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

/// Writes a result and a line break to stdout.
///
/// # Errors
/// Where stdout cannot be written, for example because the disk behind it is full.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.context("stdout: cannot be written"),
    }
}

/// Writes a result as JSON.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Writes a line for people to stderr; where nobody can read it there is nobody to tell.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
