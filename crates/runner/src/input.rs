//! The input of a command: what the library reads, with its warnings on the terminal.

use anyhow::Result;
use data::Images;
use hourglass::input;
use model::ImageShape;

use crate::cli::Part;
use crate::terminal;

/// As [`input::read`]; warns about files that are not as they should be.
///
/// # Errors
/// As [`input::read`].
pub fn read(
    flag: &'static str,
    spec: &str,
    part: Part,
    shape: ImageShape,
    seed: u64,
) -> Result<Images> {
    let mut warnings = Vec::new();
    let warn = |warning: &data::Warning| warnings.push(warning.clone());
    let images = input::read(flag, spec, part.into(), shape, seed, warn);
    terminal::warn(&warnings);
    Ok(images?)
}

impl From<Part> for input::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Self::Train,
            Part::Test => Self::Test,
        }
    }
}
