//! Warnings about pictures with problems.

use std::fmt;

use crate::error::dims;

/// Something about a set's files that the user should know. It is displayed as one line that names the
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A file was skipped.
    Skipped {
        /// Why it cannot be used, with its name.
        reason: String,
    },
    /// Pictures were extended to the size of a patch.
    Padded {
        /// Number of pictures.
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
            Warning::Skipped { reason } => write!(f, "skipped: {reason}"),
            Warning::Padded {
                count,
                first,
                size,
                patch,
            } => write!(
                f,
                "{count} smaller than a patch of {patch} x {patch}, extended by reflection; the \
                 first: {first}, {} (height x width)",
                dims(size)
            ),
        }
    }
}
