//! A config error: all faults found in a config, one line each, with their places.

use std::fmt;
use std::path::Path;

/// The longest piece of a user's text that an error line quotes, in characters.
const LONGEST_QUOTE: usize = 60;

/// Why a config was rejected: one line per fault, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines.join("\n"))]
pub struct ConfigError {
    lines: Vec<String>,
}

impl ConfigError {
    /// An error about a key that is not written anywhere; `name` is what it is about.
    pub(crate) fn about(name: &str, path: &str, text: impl Into<String>) -> Self {
        Self::new(name, vec![Fault::new(&Place::File, path, text)])
    }

    /// The faults of the config called `name`, sorted by place.
    pub(super) fn new(name: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        let lines = faults.iter().map(|fault| fault.line(name)).collect();
        Self { lines }
    }

    /// One line per fault.
    #[cfg(test)]
    pub fn errors(&self) -> &[String] {
        &self.lines
    }
}

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The file as a whole.
    File,
    /// A line and a column of the file, in characters, both counted from 1.
    Text { line: usize, column: usize },
    /// An argument of the command line, with its flag.
    Argument { flag: &'static str, value: String },
}

/// One thing that is wrong with a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where it was written.
    pub place: Place,
    /// The keys that lead to it, joined by dots; empty for the whole config.
    pub path: String,
    /// What was found and what is allowed.
    pub text: String,
}

impl Fault {
    pub fn new(place: &Place, path: &str, text: impl Into<String>) -> Self {
        let (place, path, text) = (place.clone(), path.to_string(), text.into());
        Self { place, path, text }
    }

    fn line(&self, name: &str) -> String {
        let mut line = match &self.place {
            Place::File => name.to_string(),
            Place::Text { line, column } => format!("{name}:{line}:{column}"),
            Place::Argument { flag, value } => format!("{flag} {}", quotable(value)),
        };
        for part in [&self.path, &self.text] {
            if !part.is_empty() {
                line.push_str(": ");
                line.push_str(part);
            }
        }
        line
    }
}

/// The path of `key` in the object or array at `path`.
pub(super) fn join(path: &str, key: impl fmt::Display) -> String {
    let key = quotable(&key.to_string());
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// A user's text made fit for an error line: cut when long, and with nothing in it that would
/// break the line or control the terminal.
pub(super) fn quotable(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => escaped(text.get(..end).unwrap_or(text)) + "...",
        None => escaped(text),
    }
}

/// A path made fit for an error line. It is never cut: the user must recognise it.
pub(super) fn quotable_path(path: &Path) -> String {
    escaped(&path.display().to_string())
}

fn escaped(text: &str) -> String {
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().collect(),
        false => String::from(character),
    };
    text.chars().map(escape).collect()
}
