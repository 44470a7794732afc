//! What was done about pictures that are not quite as they should be.

use std::fmt;

use crate::error::dims;

/// Something about a set's files that its user should know. It is written as one line that names
/// the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A file was left out.
    Skipped {
        /// Why it cannot be used, with its name.
        reason: String,
    },
    /// Pictures were made as large as a patch.
    Padded {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
        /// Its height and width.
        size: [usize; 2],
        /// Side of a patch, in pixels.
        patch: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Skipped { reason } => write!(f, "left out: {reason}"),
            Warning::Padded {
                count,
                first,
                size,
                patch,
            } => write!(
                f,
                "{count} smaller than a patch of {patch} x {patch}, continued by reflection; the \
                 first: {first}, {} (height x width)",
                dims(size)
            ),
        }
    }
}
