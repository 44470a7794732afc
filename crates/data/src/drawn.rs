//! The images of a training step: images of the set, or crops that are cut for the step.

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::value::{Pixels, Value};
use crate::{Augment, Batches, DataError};

/// The images of one training step, before conversion to floats.
pub struct Drawn<'a> {
    batches: &'a Batches,
    indices: &'a [u32],
    /// Pixels of the crops, and the position of the first one in the epoch's order.
    crops: Option<(Pixels, u64)>,
}

impl Batches {
    /// Draws the images of a training step: those at `indices` or, for a set of patches, random patches of
    /// the same pictures. `first` is the number of images of the epoch before these, and `seed` the
    /// epoch's: together they determine where a patch is cut and whether it is mirrored.
    ///
    /// # Errors
    ///
    /// As [`gather`](Self::gather).
    pub fn draw<'a>(
        &'a self,
        indices: &'a [u32],
        first: u64,
        seed: u64,
    ) -> Result<Drawn<'a>, DataError> {
        let images = self.images();
        let crops = match images.crops() {
            Some(crops) => Some((crops.cut(images.shape(), indices, first, seed)?, first)),
            None => None,
        };
        Ok(Drawn {
            batches: self,
            indices,
            crops,
        })
    }
}

impl Drawn<'_> {
    /// The images without changes.
    ///
    /// # Shapes
    ///
    /// - output: `[n, channels, height, width]`, in [0, 1]: pixel / 255
    ///
    /// # Errors
    ///
    /// As [`Batches::gather`].
    pub fn plain(&self) -> Result<Tensor<4>, DataError> {
        match &self.crops {
            Some((pixels, _)) => {
                let all: Vec<u32> = (0..self.indices.len() as u32).collect();
                match pixels {
                    Pixels::Bytes(pixels) => self.batches.convert(pixels, &all),
                    Pixels::Deep(pixels) => self.batches.convert(pixels, &all),
                }
            }
            None => self.batches.gather(self.indices),
        }
    }

    /// The images with small random changes. They are computed on the CPU and uploaded.
    ///
    /// # Shapes
    ///
    /// - output: `[n, channels, height, width]`, in [0, 1]
    ///
    /// # Errors
    ///
    /// As [`Batches::gather`].
    pub fn changed(&self, augment: &Augment, seed: u64) -> Result<Tensor<4>, DataError> {
        let Some((pixels, first)) = &self.crops else {
            return self.batches.augmented(self.indices, augment, seed);
        };
        let values = match pixels {
            Pixels::Bytes(pixels) => self.of(pixels, *first, augment, seed),
            Pixels::Deep(pixels) => self.of(pixels, *first, augment, seed),
        };
        self.batches.upload(values, self.indices.len())
    }

    /// Crops with changes.
    fn of<T: Value>(&self, pixels: &[T], first: u64, augment: &Augment, seed: u64) -> Vec<f32> {
        let shape = self.batches.shape();
        let crops = pixels.par_chunks_exact(shape.iter().product());
        let crops = crops.enumerate();
        let crops = crops.map(|(place, crop)| (first + place as u64, crop));
        augment.change(shape, 1, crops, seed)
    }
}
