//! The input of a command: what the library reads, with its warnings on the terminal.

use anyhow::Result;
use data::{Images, Rule, Warning};
use hourglass::codec::pictures::Pictures;
use hourglass::input::{self, Reading};
use hourglass::run::checkpoint::Meta;

use crate::cli::{Part, StrictArg};
use crate::{fetch, terminal};

/// As [`input::read`]; fetches what is missing, and warns about files that are not as they should be.
///
/// # Errors
/// As [`input::read`].
pub fn read(
    flag: &'static str,
    spec: &str,
    part: Part,
    meta: &Meta,
    strict: StrictArg,
) -> Result<Images> {
    let reading = reading(meta, strict);
    if let Some(source) = input::named(flag, spec, reading)? {
        fetch::source_of(&source, false)?;
    }
    warned(|warn| input::read(flag, spec, part.into(), reading, warn))
}

/// As [`Pictures::find`]; warns about files that are not as they should be.
///
/// # Errors
/// As [`Pictures::find`].
pub fn find(spec: &str, part: Part, meta: &Meta, strict: StrictArg) -> Result<Pictures> {
    let reading = reading(meta, strict);
    warned(|warn| Pictures::find(spec, part.into(), reading, warn))
}

/// What `work` gives, after the warnings that it had.
fn warned<T>(work: impl FnOnce(&mut dyn FnMut(&Warning)) -> hourglass::Result<T>) -> Result<T> {
    let mut warnings = Vec::new();
    let given = work(&mut |warning| warnings.push(warning.clone()));
    terminal::warn(&warnings);
    Ok(given?)
}

fn reading(meta: &Meta, strict: StrictArg) -> Reading<'_> {
    Reading {
        meta,
        strict: strict.strict,
    }
}

/// Says that a run saw smaller pictures in its training than it gets from a command that keeps their sizes.
pub fn note_tiles(meta: &Meta, verb: &str) {
    let preparation = meta.prepared();
    if preparation.rule == Rule::Resized {
        let [height, width] = preparation.size;
        terminal::note(&format!(
            "note: the run was trained on pictures resized to {height}x{width}, but {verb} keeps their sizes and cuts \
             them into tiles, so shapes in them are larger than those it knows"
        ));
    }
}

/// Warns if images called `spec` are among those that a run was trained on: its figures on them say nothing about
/// others.
pub fn warn_trained_on(spec: &str, images: &Images, train: &Images) {
    let (shared, all) = (images.shared_with(train), images.len());
    if shared > 0 {
        terminal::note(&format!(
            "warning: {spec}: {shared} of {all} images {} among those that the run was trained on, so figures on \
             them are not those of unseen pictures",
            if shared == 1 { "is" } else { "are" }
        ));
    }
}

impl From<Part> for input::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Self::Train,
            Part::Test => Self::Test,
        }
    }
}
