//! Batching: how an epoch's images become steps, and how far along a training is.
//!
//! How far it is counts in images and as a share of the epoch, so that a run may go on with batches of another
//! size in the middle of an epoch: the images that are left are those that were not used, and the learning
//! rate goes on from where it was.

use crate::run::checkpoint::{Part, Progress};

/// The batches of an epoch, all of one size from some image of the epoch on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batching {
    /// Images per step; the last step may have fewer.
    size: usize,
    /// Images per epoch.
    images: usize,
    /// Where steps of this size begin.
    from: Part,
}

impl Batching {
    /// Batches of `size` in epochs of `images`, for a training that has come to `progress`.
    pub fn new(size: usize, images: usize, progress: &Progress) -> Self {
        Self {
            size: size.max(1),
            images,
            from: progress.part.unwrap_or(Part {
                images: 0,
                share: 0.0,
            }),
        }
    }

    /// Where steps of another size than this begin, if `progress` is in the middle of an epoch of which images are left.
    pub fn left_at(&self, progress: &Progress) -> Option<Part> {
        let is_within = (1..self.images).contains(&progress.images);
        is_within.then(|| Part {
            images: progress.images,
            share: self.share(progress.images),
        })
    }

    /// Steps of an epoch that has this size from its start.
    pub fn per_epoch(&self) -> usize {
        self.images.div_ceil(self.size)
    }

    /// Steps made in all epochs when `epochs` are completed and `images` of the next are used, as if all had been
    /// of this size. A whole number if they were.
    pub fn steps(&self, epochs: usize, images: usize) -> f64 {
        let before = epochs.saturating_mul(self.per_epoch()) as f64;
        match self.from.images {
            0 => before + images.div_ceil(self.size) as f64,
            _ => before + self.per_epoch() as f64 * self.share(images),
        }
    }

    /// Images of the epoch before the step that came to `images` of them.
    pub fn before(&self, images: usize) -> usize {
        let since = images.saturating_sub(self.from.images);
        let steps = since.saturating_sub(1) / self.size;
        self.from.images + steps * self.size
    }

    /// A step of the current epoch, measured in the steps of an epoch that has this size from its start: 1 if this one
    /// has.
    pub fn step(&self) -> f64 {
        match self.from.images {
            0 => 1.0,
            _ => self.per_epoch() as f64 * (1.0 - self.from.share) / self.left(),
        }
    }

    /// Steps of this size that the current epoch has, at least 1.
    fn left(&self) -> f64 {
        let images = self.images.saturating_sub(self.from.images);
        images.div_ceil(self.size).max(1) as f64
    }

    /// The share of the epoch that is done when this many of its images are used: 0 to 1, in equal parts per step.
    pub fn share(&self, images: usize) -> f64 {
        let since = images.saturating_sub(self.from.images);
        let made = since.div_ceil(self.size) as f64;
        self.from.share + (1.0 - self.from.share) * (made / self.left())
    }

    /// The epoch's batches that are not used yet, when `images` of its `order` are; `None` if it has fewer.
    pub fn rest<'a>(
        &self,
        order: &'a [u32],
        images: usize,
    ) -> Option<impl Iterator<Item = &'a [u32]>> {
        Some(order.get(images..)?.chunks(self.size))
    }
}

#[cfg(test)]
#[path = "batching_tests.rs"]
mod tests;
