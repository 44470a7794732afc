//! The terminal: results on stdout, everything else on stderr.
//!
//! A reader that stops reading (`| head`) ends the program quietly, as usual.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle as AsFd;

use anyhow::{Context, Result};
use terminal_size::{Width, terminal_size_of};

use crate::table::wrapped;

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

/// The narrowest terminal that text is laid out for.
const NARROWEST: usize = 20;

/// The width of the terminal behind stdout; `None` if there is no terminal, so that what a program reads does not depend
/// on one.
pub fn width() -> Option<usize> {
    width_of(io::stdout())
}

/// The width of the terminal behind stdout, or a usual width if there is none.
pub fn columns() -> usize {
    width().unwrap_or(COLUMNS)
}

/// The same as [`width`] of stderr.
pub fn note_width() -> Option<usize> {
    width_of(io::stderr())
}

fn width_of(stream: impl AsFd + IsTerminal) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let columns = match terminal_size_of(stream) {
        Some((Width(columns @ 1..), _)) => usize::from(columns),
        _ => COLUMNS,
    };
    Some(columns.max(NARROWEST))
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

/// Writes a result and a line break to stdout, as it is.
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

/// Writes a result in words and a line break to stdout; on a terminal, its lines break between words.
///
/// # Errors
/// As [`print()`].
pub fn say(text: &str) -> Result<()> {
    match width() {
        Some(width) => print(&wrapped(text, width)),
        None => print(text),
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

/// Warns about files that are not as they should be, the first few of many.
pub fn warn(warnings: &[data::Warning]) {
    for warning in warnings.iter().take(WARNINGS) {
        note(&format!("warning: {warning}"));
    }
    if let Some(more @ 1..) = warnings.len().checked_sub(WARNINGS) {
        note(&format!("warning: and {more} more"));
    }
}

/// An error with its causes, in one line. A cause that the text before it already tells is not told again.
pub fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        match text.contains(&cause) {
            true => {}
            false if text.is_empty() => text = cause,
            false => text += &format!(": {cause}"),
        }
    }
    text
}

/// Writes a line for people to stderr, which breaks between words on a terminal; where nobody can read it there is nobody
/// to tell.
pub fn note(text: &str) {
    let text = match note_width() {
        Some(width) => wrapped(text, width),
        None => text.to_owned(),
    };
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cause_is_told_twice() {
        let missing = anyhow::anyhow!("No such file").context("dir: cannot be read: No such file");
        assert_eq!(told(&missing), "dir: cannot be read: No such file");
        let other = anyhow::anyhow!("the reason").context("the place");
        assert_eq!(told(&other), "the place: the reason");
    }

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
