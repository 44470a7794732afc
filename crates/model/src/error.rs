//! Errors of configs that cannot work, and of verbs that a model does not have.

use crate::config::{MOST_LAYERS, WIDEST};

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

/// Refuses a list of widths that is too long, and a width of zero or more than any layer may have, with its place.
/// What a config says is within these limits already; what a file says need not be.
pub(crate) fn check_widths(key: &str, widths: &[usize]) -> Result<(), ModelError> {
    if widths.len() > MOST_LAYERS {
        let found = format!("found {} layers", widths.len());
        return Err(ModelError::new(
            key,
            found,
            format!("at most {MOST_LAYERS}"),
        ));
    }
    let mut each = widths.iter().enumerate();
    each.try_for_each(|(at, &width)| check_count(&format!("{key}.{at}"), width, WIDEST))
}

/// Refuses a count of zero, and one above `most`.
pub(crate) fn check_count(key: &str, count: usize, most: usize) -> Result<(), ModelError> {
    let allowed = match count {
        0 => "an integer of at least 1".into(),
        count if count > most => format!("at most {most}"),
        _ => return Ok(()),
    };
    Err(ModelError::new(key, format!("found {count}"), allowed))
}

/// Refuses a number outside `least` to `most`, and what is no number.
pub(crate) fn check_number(
    key: &str,
    number: f64,
    [least, most]: [f64; 2],
) -> Result<(), ModelError> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let found = format!("found {number}");
    Err(ModelError::new(
        key,
        found,
        format!("a number from {least} to {most:e}"),
    ))
}

/// A code alone was given to a model that adds its output to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a residual model adds its output to its input: a code alone has no reconstruction")]
pub struct NeedsInput;
