//! Crops: patches cut at random places of whole pictures, other ones in each epoch.
//!
//! A set of patches keeps those of a grid as its images, which are counted, split, validated with
//! and fitted by baselines; what a training step is shown is cut anew. Where depends on the epoch's
//! seed and the crop's place in the epoch's order alone: neither the size of the batches nor the
//! number of threads changes it.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::split::{Split, below, split};
use crate::whole::Whole;
use crate::{DataError, ImageShape, Images};

/// Crops at a time that a thread cuts: enough that handing them out costs nothing beside them.
const LEAST: usize = 8;

/// The random stream of an epoch's first crop. Streams below are those of the changes that
/// [`Augment`](crate::Augment) draws from the same seed.
const STREAM: u64 = 1 << 63;

/// What random crops are cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crops {
    pub pictures: Arc<Whole>,
    /// For each image of the set the picture that it is a patch of.
    pub of: Vec<u32>,
    /// How many an epoch has of each picture; by default as many as there are images of it.
    pub each: Option<usize>,
    /// Whether left and right are swapped in half of them.
    pub flip: bool,
}

impl Crops {
    /// For each of the images a random patch of the picture that it comes from, `[n, C, H, W]`.
    /// `first` is the place of the first in the epoch's order.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] for an index past the end.
    pub fn cut(
        &self,
        shape: ImageShape,
        indices: &[u32],
        first: u64,
        seed: u64,
    ) -> Result<Vec<u8>, DataError> {
        let count = self.of.len();
        if let Some(&index) = indices.iter().find(|&&index| index as usize >= count) {
            return Err(DataError::Index { index, count });
        }
        let [channels, rows, columns] = shape;
        let length = channels * rows * columns;
        let seeded = ChaCha8Rng::seed_from_u64(seed);
        let mut pixels = vec![0; indices.len() * length];
        let each = (indices.par_iter(), pixels.par_chunks_exact_mut(length));
        let each = each.into_par_iter().enumerate().with_min_len(LEAST);
        each.for_each(|(place, (&index, out))| {
            let mut random = seeded.clone();
            random.set_stream(STREAM + first + place as u64);
            let picture = self.of.get(index as usize).copied().unwrap_or_default();
            let (picture, [height, width]) = self.pictures.get(picture as usize);
            let top = below(&mut random, height - rows + 1);
            let left = below(&mut random, width - columns + 1);
            let flip = random.next_u32() & 1 == 1 && self.flip;
            for (line, out) in out.chunks_exact_mut(columns).enumerate() {
                let row = line / rows * height + top + line % rows;
                let start = row * width + left;
                out.copy_from_slice(&picture[start..start + columns]);
                if flip {
                    out.reverse();
                }
            }
        });
        Ok(pixels)
    }

    /// The pictures that the images come from, each with its height and width.
    pub fn whole(&self) -> impl Iterator<Item = (&[u8], [usize; 2])> {
        let runs = self.of.chunk_by(|one, other| one == other);
        let pictures = runs.filter_map(|run| run.first());
        pictures.map(|&picture| self.pictures.get(picture as usize))
    }

    /// The images of each picture, as ranges.
    fn runs(&self) -> Vec<std::ops::Range<u32>> {
        let mut end = 0;
        let runs = self.of.chunk_by(|one, other| one == other);
        runs.map(|run| {
            let start = end;
            end += run.len() as u32;
            start..end
        })
        .collect()
    }
}

impl Images {
    /// How many pictures the images come from: with patches fewer than there are images.
    pub fn pictures(&self) -> usize {
        self.crops().map_or(self.len(), |crops| crops.runs().len())
    }

    /// Keeps the images of the first `count` pictures, or all where there are fewer.
    pub fn truncate_pictures(&mut self, count: usize) {
        let runs = self.crops().map(Crops::runs);
        self.truncate(match runs {
            None => count,
            Some(runs) => match runs.get(count) {
                Some(behind) => behind.start as usize,
                None => return,
            },
        });
    }

    /// Draws `validation` of the pictures at random by `seed`, whose images are to validate with;
    /// those of the other pictures are for training. Patches of one picture overlap, and so are
    /// never on both sides. Of a picture whose crops are counted, the images for training are as
    /// many as its crops, some left out or several times the same: each stands for a crop.
    ///
    /// # Errors
    ///
    /// [`DataError::Split`] unless `validation` is less than the pictures.
    pub fn split(&self, validation: usize, seed: u64) -> Result<Split, DataError> {
        let Some(crops) = self.crops() else {
            return split(self.len(), validation, seed);
        };
        let runs = crops.runs();
        let pictures = split(runs.len(), validation, seed)?;
        let of = |picture: &u32| runs.get(*picture as usize).cloned().unwrap_or_default();
        let each = |images: std::ops::Range<u32>| {
            let count = crops.each.unwrap_or(images.len());
            images.cycle().take(count)
        };
        Ok(Split {
            train: pictures.train.iter().map(of).flat_map(each).collect(),
            validation: pictures.validation.iter().flat_map(of).collect(),
        })
    }
}

#[cfg(test)]
#[path = "crops_tests.rs"]
mod tests;
