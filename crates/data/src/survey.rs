//! A look at a folder before anything is decided: how many pictures it has, of which sizes, in colour or not.

use std::path::Path;

use rayon::prelude::*;

use crate::images::Found;
use crate::picture::{File, Header};
use crate::{DataError, Warning, folder};

/// What the headers of a folder's pictures say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Height and width of each readable picture to train on, in the order of the files' names; those in a folder for
    /// validation are not among them.
    pub sizes: Vec<[usize; 2]>,
    /// Readable pictures in a folder for validation; `None` without one.
    pub validated: Option<usize>,
    /// Readable pictures in a folder `test` of their own; `None` without one.
    pub tested: Option<usize>,
    /// Whether a picture has colour.
    pub colour: bool,
    /// Warnings about what is not read.
    pub warnings: Vec<Warning>,
}

impl Survey {
    /// Of the pictures of a folder at any depth, or of its folders for training, validation and testing. Only headers
    /// are read.
    ///
    /// # Errors
    /// If the folder cannot be read, or has no picture that can be.
    pub fn of(dir: &Path) -> Result<Self, DataError> {
        let (found, mut warnings) = folder::find(dir)?;
        let (train, test) = match found {
            Found::Together(files) => (files, None),
            Found::Apart { train, test } => (train, Some(test)),
        };
        let mut headers = |files: &[File]| -> Vec<Header> {
            let read: Vec<_> = files.par_iter().map(File::header).collect();
            let mut readable = Vec::new();
            for header in read {
                match header {
                    Ok(header) => readable.push(header),
                    Err(error) => warnings.push(Warning::Skipped {
                        reason: error.to_string(),
                    }),
                }
            }
            readable
        };
        let (held, train): (Vec<File>, Vec<File>) = train.into_iter().partition(File::is_held);
        let validated = (!held.is_empty()).then(|| headers(&held));
        let trained = headers(&train);
        let tested = test.map(|files| headers(&files));
        let all = || (trained.iter()).chain([&validated, &tested].into_iter().flatten().flatten());
        let colour = all().any(|header| header.channels == 3);
        if trained.is_empty() {
            let place = dir.display().to_string();
            let first = warnings.iter().find_map(|warning| match warning {
                Warning::Skipped { reason } => Some(reason),
                _ => None,
            });
            let count = train.len();
            return Err(DataError::none_readable(&place, "pictures", count, first));
        }
        Ok(Self {
            sizes: trained.iter().map(|header| header.size).collect(),
            validated: validated.map(|headers| headers.len()),
            tested: tested.map(|headers| headers.len()),
            colour,
            warnings,
        })
    }

    /// Whether all pictures have one size.
    pub fn is_uniform(&self) -> bool {
        self.sizes
            .windows(2)
            .all(|pair| pair.first() == pair.last())
    }

    /// The shortest and the longest side of all pictures, in pixels.
    pub fn sides(&self) -> [usize; 2] {
        let sides = || self.sizes.iter().flatten().copied();
        [sides().min().unwrap_or(0), sides().max().unwrap_or(0)]
    }

    /// Squares of this side that the pictures hold side by side; a picture smaller than one counts as one.
    pub fn squares(&self, side: usize) -> usize {
        let along = |length: usize| (length / side.max(1)).max(1);
        let each = self
            .sizes
            .iter()
            .map(|&[height, width]| along(height) * along(width));
        each.sum()
    }
}
