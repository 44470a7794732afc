//! The terminal: results on stdout, everything else on stderr.
//!
//! A reader that stops reading (`| head`) ends the program quietly, as usual.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use terminal_size::{Width, terminal_size_of};

/// Columns assumed for a terminal that does not report its width.
const COLUMNS: usize = 80;

/// Colour support of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// 24-bit colours.
    All,
    /// The 256 standard colours.
    Few,
}

/// The width of the terminal behind stdout, or a usual width if there is none.
pub fn columns() -> usize {
    match terminal_size_of(io::stdout()) {
        Some((Width(columns), _)) => usize::from(columns),
        None => COLUMNS,
    }
}

/// Colour support of stdout; `None` off a terminal, with too few colours, or under `NO_COLOR`.
pub fn colours() -> Option<Colours> {
    let variable = std::env::var_os;
    let (term, depth) = (variable("TERM"), variable("COLORTERM"));
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    // Windows Terminal sets neither of the others.
    let windows = variable("WT_SESSION").is_some();
    let shown = !refused && io::stdout().is_terminal();
    shown
        .then(|| colours_of(term.as_deref(), depth.as_deref(), windows))
        .flatten()
}

/// Colour support according to the environment variables `TERM` and `COLORTERM`.
fn colours_of(term: Option<&OsStr>, depth: Option<&OsStr>, windows: bool) -> Option<Colours> {
    let term = term.unwrap_or_default().to_string_lossy();
    let depth = depth.unwrap_or_default();
    if term == "dumb" {
        None
    } else if windows || depth == "truecolor" || depth == "24bit" || term.ends_with("-direct") {
        Some(Colours::All)
    } else if term.contains("256color") {
        Some(Colours::Few)
    } else {
        None
    }
}

/// Writes a result and a line break to stdout.
///
/// # Errors
/// If stdout cannot be written, for example because the disk behind it is full.
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

/// Warnings about single files that are told: a folder may have thousands of bad ones.
const WARNINGS: usize = 8;

/// The warnings that were told: a command may read a folder twice.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Pictures that were left out.
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// Warns about files that are not as they should be, the first few of many, each once.
pub fn warn(warnings: &[data::Warning]) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let new = warnings.iter().filter(|it| told.insert(it.to_string()));
    let new: Vec<&data::Warning> = new.collect();
    for (place, warning) in new.iter().enumerate() {
        let line = match warning {
            data::Warning::Skipped { reason } => left_out(reason),
            other => format!("warning: {other}"),
        };
        if place < WARNINGS {
            note(&line);
        }
    }
    if let Some(more @ 1..) = new.len().checked_sub(WARNINGS) {
        note(&format!("warning: and {more} more"));
    }
}

/// The warning about a picture that is left out, which is counted.
pub fn left_out(reason: &str) -> String {
    LEFT_OUT.fetch_add(1, Ordering::Relaxed);
    format!("warning: skipped: {reason}")
}

/// Says how many pictures were left out, if there were any: their warnings may have scrolled away.
pub fn count_left_out() {
    match LEFT_OUT.load(Ordering::Relaxed) {
        0 => {}
        1 => note("warning: 1 picture was left out because it cannot be read"),
        count => note(&format!(
            "warning: {count} pictures were left out because they cannot be read"
        )),
    }
}

/// Writes a line for people to stderr; where nobody can read it there is nobody to tell.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_says_how_many_colours_it_has() {
        let of =
            |term: &str, depth: &str| colours_of(Some(term.as_ref()), Some(depth.as_ref()), false);
        assert_eq!(of("xterm-256color", "truecolor"), Some(Colours::All));
        assert_eq!(of("xterm", "24bit"), Some(Colours::All));
        assert_eq!(of("xterm-direct", ""), Some(Colours::All));
        assert_eq!(of("screen-256color", ""), Some(Colours::Few));
        assert_eq!(of("linux", ""), None);
        assert_eq!(of("dumb", "truecolor"), None);
        assert_eq!(colours_of(None, None, false), None);
        assert_eq!(colours_of(None, None, true), Some(Colours::All));
    }
}
