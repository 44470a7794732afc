//! Errors of configs that cannot work, and of verbs that a model does not have.

/// A model config that cannot work for the given images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {found}; allowed: {allowed}")]
pub struct ModelError {
    /// Dotted path of the key below `model`, for example `of.channels`.
    pub key: String,
    /// What was found there.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

impl ModelError {
    pub(crate) fn new(key: impl Into<String>, found: String, allowed: String) -> Self {
        Self {
            key: key.into(),
            found,
            allowed,
        }
    }

    /// The same error seen from the wrapper around the model it is about.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.key = format!("{outer}.{}", self.key);
        self
    }
}

/// Refuses a zero in a list of widths and names its place.
pub(crate) fn reject_zero(key: &str, widths: Option<&Vec<usize>>) -> Result<(), ModelError> {
    match widths.and_then(|widths| widths.iter().position(|&width| width == 0)) {
        None => Ok(()),
        Some(at) => reject_no_units(&format!("{key}.{at}"), 0),
    }
}

/// Refuses a count of zero.
pub(crate) fn reject_no_units(key: &str, units: usize) -> Result<(), ModelError> {
    if units > 0 {
        return Ok(());
    }
    Err(ModelError::new(
        key,
        "found 0".into(),
        "an integer of at least 1".into(),
    ))
}

/// A code alone was given to a model that adds its output to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a residual model adds its output to its input: a code alone has no reconstruction")]
pub struct NeedsInput;
