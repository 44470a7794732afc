//! The terminal: results on stdout, everything else on stderr.
//!
//! A reader that stops reading (`| head`) is no error. The program goes on, because the files that it writes are wanted
//! too, and what it prints from then on is dropped.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle as AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use hourglass::run::holes::Hole;
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

/// Whether a letter would move the cursor, colour what follows or turn the direction of reading: names hold any letters,
/// and must not act on the terminal or look like other names.
pub fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with such letters shown instead of sent, on one line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, acts, |letter| letter.escape_default().collect())
}

/// The same for text of several lines.
pub fn shown(text: &str) -> Cow<'_, str> {
    let acts = |letter| letter != '\n' && acts(letter);
    escaped(text, acts, |letter| letter.escape_default().collect())
}

fn escaped(
    text: &str,
    acts: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let letter = |letter: char| match acts(letter) {
        true => escape(letter),
        false => letter.to_string(),
    };
    Cow::Owned(text.chars().map(letter).collect())
}

/// Writes a result and a line break to stdout. What would act on the terminal is shown.
///
/// # Errors
/// If stdout cannot be written, for example because the disk behind it is full.
pub fn print(text: &str) -> Result<()> {
    print_drawn(&shown(text))
}

/// The same for a text with colours of this program's own, whose other parts are [`shown`].
///
/// # Errors
/// As [`print()`].
pub fn print_drawn(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
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
    // JSON has its own way to write such a letter, of which all are below U+10000.
    let acts = |letter| letter != '\n' && acts(letter);
    let escape = |letter: char| format!("\\u{:04x}", u32::from(letter));
    print(&escaped(
        &serde_json::to_string_pretty(value)?,
        acts,
        escape,
    ))
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

/// Warns about figures of a run that are lost.
pub fn warn_of_holes(holes: &[Hole]) {
    for hole in holes {
        note(&format!("warning: {hole}"));
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
/// to tell. What would act on the terminal is shown.
pub fn note(text: &str) {
    let text = one_line(text);
    let text = match note_width() {
        Some(width) => wrapped(&text, width),
        None => text.into_owned(),
    };
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_acts_on_the_terminal() {
        let name = "a\x1b]0;title\x07\u{202e}gnp.\u{2066}\u{9b}31m\r\n\tb";
        assert_eq!(
            one_line(name),
            r"a\u{1b}]0;title\u{7}\u{202e}gnp.\u{2066}\u{9b}31m\r\n\tb"
        );
        assert!(shown(name).contains('\n') && !shown(name).contains(['\x1b', '\u{202e}', '\r']));
        for name in ["", "ü 日本 é.png", "\u{2019}"] {
            assert_eq!(one_line(name), name);
        }
    }

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
