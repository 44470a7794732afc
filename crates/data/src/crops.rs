//! Crops: patches cut at random places of whole pictures, redrawn every epoch.
//!
//! A set of patches keeps the patches of a grid as its images, which are used for counting, splitting,
//! validation and baselines; each training step cuts new ones. Their places depend only on the epoch's
//! seed and the crop's position in the epoch's order, not on the batch size or the number of threads.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::cache::Digest;
use crate::split::{Split, below, split};
use crate::value::{Pixels, Value};
use crate::whole::{Pictures, Whole};
use crate::{DataError, ImageShape, Images, View};

/// Crops per piece of work of a thread: enough that distributing the work costs almost nothing.
const LEAST: usize = 8;

/// The most crops per epoch, whose order takes one GiB: days of training.
const MOST: usize = 1 << 28;

/// The random stream of an epoch's first crop. Lower streams are used for the changes that
/// [`Augment`](crate::Augment) draws from the same seed.
const STREAM: u64 = 1 << 63;

/// The source of random crops.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crops {
    pub pictures: Arc<Pictures>,
    /// For each image of the set, the picture that it is a patch of.
    pub of: Vec<u32>,
    /// Crops per picture and epoch; by default as many as the picture has images.
    pub each: Option<usize>,
    /// Whether half of the crops are mirrored left to right.
    pub flip: bool,
}

impl Crops {
    /// For each image, a random patch of the picture that it comes from, `[n, C, H, W]`. `first` is the
    /// position of the first one in the epoch's order.
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
    ) -> Result<Pixels, DataError> {
        let count = self.of.len();
        let picture_of = |&index: &u32| {
            let picture = self.of.get(index as usize).copied();
            picture.ok_or(DataError::Index { index, count })
        };
        let pictures: Vec<u32> = indices.iter().map(picture_of).collect::<Result<_, _>>()?;
        Ok(match &*self.pictures {
            Pictures::Bytes(whole) => {
                Pixels::Bytes(self.cut_from(whole, &pictures, shape, first, seed))
            }
            Pictures::Deep(whole) => {
                Pixels::Deep(self.cut_from(whole, &pictures, shape, first, seed))
            }
        })
    }

    /// A random patch of each of these pictures.
    fn cut_from<T: Value>(
        &self,
        whole: &Whole<T>,
        pictures: &[u32],
        [channels, rows, columns]: ImageShape,
        first: u64,
        seed: u64,
    ) -> Vec<T> {
        let length = channels * rows * columns;
        let seeded = ChaCha8Rng::seed_from_u64(seed);
        let mut pixels = vec![T::default(); pictures.len() * length];
        let each = (pictures.par_iter(), pixels.par_chunks_exact_mut(length));
        let each = each.into_par_iter().enumerate().with_min_len(LEAST);
        each.for_each(|(place, (&picture, out))| {
            let mut random = seeded.clone();
            random.set_stream(STREAM + first + place as u64);
            let (picture, [height, width]) = whole.get(picture as usize);
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
        pixels
    }

    /// The pictures that the images come from, each with its height and width and, if it is known, the SHA-256 of its
    /// pixels.
    pub fn whole(&self) -> impl Iterator<Item = (View<'_>, [usize; 2], Option<Digest>)> {
        let runs = self.of.chunk_by(|one, other| one == other);
        let pictures = runs.filter_map(|run| run.first());
        pictures.map(|&picture| {
            let (pixels, size) = self.pictures.get(picture as usize);
            let known = self.pictures.digests().get(picture as usize);
            (pixels, size, known.copied())
        })
    }

    /// The first image of a picture.
    pub fn first(&self, picture: usize) -> Option<usize> {
        Some(self.runs().get(picture)?.start as usize)
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
    /// Number of pictures that the images come from: with patches, fewer than images. Of clips the number of videos,
    /// and of one video that of its parts in time.
    pub fn pictures(&self) -> usize {
        if let Some(clips) = self.clips() {
            return clips.groups();
        }
        self.crops().map_or(self.len(), |crops| crops.runs().len())
    }

    /// Keeps the images of the first `count` pictures, or all if there are fewer.
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

    /// Draws `validation` of the pictures at random with `seed`. Their images are for validation, those of
    /// the other pictures for training: patches of one picture overlap, so they must not be on both sides.
    /// If the number of crops is set, a picture has as many training images as crops, some omitted or
    /// repeated: each stands for one crop. Of clips, videos are drawn; of one video, its last parts in time are for
    /// validation.
    ///
    /// # Errors
    ///
    /// [`DataError::Split`] unless `validation` is less than the number of pictures, [`DataError::Option`]
    /// if there are too many crops for an order.
    pub fn split(&self, validation: usize, seed: u64) -> Result<Split, DataError> {
        if let Some(clips) = self.clips() {
            return clips.split(validation, seed);
        }
        let Some(crops) = self.crops() else {
            return split(self.len(), validation, seed);
        };
        let pictures = split(crops.runs().len(), validation, seed)?;
        self.split_of(&pictures)
    }

    /// The split whose validation pictures are those that are `held`: one for each picture.
    ///
    /// # Errors
    ///
    /// [`DataError::Split`] unless there is one for each picture and one is not held, [`DataError::Option`] if there are
    /// too many crops for an order.
    pub fn split_by(&self, held: &[bool]) -> Result<Split, DataError> {
        let count = self.pictures();
        if held.len() != count || !held.contains(&false) {
            return Err(DataError::Split {
                count,
                validation: held.len(),
            });
        }
        let of = |wanted: bool| {
            let pictures = (0..).zip(held).filter(|(_, held)| **held == wanted);
            pictures.map(|(index, _)| index).collect()
        };
        self.split_of(&Split {
            train: of(false),
            validation: of(true),
        })
    }

    /// The split of the images by one of the pictures.
    fn split_of(&self, pictures: &Split) -> Result<Split, DataError> {
        let Some(crops) = self.crops() else {
            return Ok(pictures.clone());
        };
        let runs = crops.runs();
        if let Some(each) = crops.each
            && each.saturating_mul(runs.len()) > MOST
        {
            return Err(DataError::Option {
                option: "crops",
                found: format!("{each} for each of {} pictures", runs.len()),
                allowed: format!("at most {MOST} in total"),
            });
        }
        // A split's indices are below the count it was given.
        let of = |picture: &u32| runs[*picture as usize].clone();
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
