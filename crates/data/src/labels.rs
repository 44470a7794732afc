//! Labels that are texts, as those in a column of a table: as classes with names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{DataError, Images};

/// The most different labels, which are bytes.
const MOST: usize = u8::MAX as usize + 1;

/// The names of classes, the first for label 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Classes(Arc<[String]>);

impl Classes {
    /// The different ones of these labels, sorted as numbers if they are; `None` if there are none or too many to be
    /// classes.
    pub(crate) fn of(labels: impl Iterator<Item = String>) -> Option<Self> {
        let mut names = BTreeSet::new();
        for label in labels {
            names.insert(label);
            if names.len() > MOST {
                return None;
            }
        }
        let mut names: Vec<String> = names.into_iter().collect();
        let number = |name: &String| name.parse::<f64>().ok();
        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by(|a, b| {
                number(a)
                    .partial_cmp(&number(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
        }
        (!names.is_empty()).then(|| Self(names.into()))
    }

    /// The number of each label, which must be among the names.
    pub(crate) fn codes(&self, labels: impl Iterator<Item = String>) -> Vec<u8> {
        let place = |label: String| self.0.iter().position(|name| *name == label).unwrap_or(0);
        labels.map(|label| place(label) as u8).collect()
    }

    /// `images` with these numbers as labels.
    pub(crate) fn label(&self, images: Images, codes: Vec<u8>) -> Result<Images, DataError> {
        Ok(images.with_labels(codes)?.with_classes(Arc::clone(&self.0)))
    }
}
