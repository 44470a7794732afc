//! Augmentation: small random changes of the training pictures, redrawn every epoch, so that a model
//! learns what they do not change.
//!
//! The change of a picture depends only on the epoch's seed and the picture's index, not on its batch
//! or the number of threads.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::elastic::Elastic;
use crate::value::Value;
use crate::{DataError, ImageShape, Images, View};
use kernels::Interpolation;

/// Pictures per piece of work of a thread: enough that distributing the work costs almost nothing.
const LEAST: usize = 8;

/// The position in a picture's random stream where its colours are drawn, in words of 32 bits: beyond the end of any
/// displacement, so that neither affects the other.
const COLOURS: u128 = 1 << 40;

/// How strongly training pictures are changed. All zeros leave them unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// Largest horizontal and vertical shift, in pixels.
    pub shift: f64,
    /// Largest rotation in either direction, in degrees.
    pub rotation: f64,
    /// Largest change of scale, as a fraction below 1: 0.1 makes a picture up to a tenth smaller or
    /// larger.
    pub scale: f64,
    /// Largest shear, as a fraction: 0.1 shifts up to one pixel sideways for every ten upwards.
    pub shear: f64,
    /// Whether half of the pictures are mirrored left to right.
    pub flip: bool,
    /// Elastic distortion: smooth displacements that vary over the picture.
    pub elastic: Option<Elastic>,
    /// Interpolation between pixels.
    pub interpolation: Interpolation,
    /// Largest change of brightness, as a fraction of at most 1, drawn separately for each channel: 0.5
    /// multiplies values by 0.5 to 1.5 and clips them at white.
    pub brightness: f64,
    /// Whether channels are put in random order, each order equally likely.
    pub shuffle_channels: bool,
}

impl Augment {
    /// The images at `indices` as `f32` in [0, 1], changed at random with `seed`: `[n, C, H, W]`.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] for an index past the end.
    pub(crate) fn gather(
        &self,
        images: &Images,
        indices: &[u32],
        seed: u64,
    ) -> Result<Vec<f32>, DataError> {
        match images.values() {
            View::Bytes(pixels) => self.changed(images, pixels, indices, seed),
            View::Deep(pixels) => self.changed(images, pixels, indices, seed),
            // What is no picture is not turned.
            View::Real(_) => Err(DataError::Index { index: 0, count: 0 }),
        }
    }

    /// The same of the pixels of these images.
    fn changed<T: Value>(
        &self,
        images: &Images,
        pixels: &[T],
        indices: &[u32],
        seed: u64,
    ) -> Result<Vec<f32>, DataError> {
        let (count, size) = (images.len(), images.image_len());
        let image_of = |&index: &u32| {
            let start = index as usize * size;
            let image = pixels.get(start..start + size);
            let image = image.ok_or(DataError::Index { index, count })?;
            Ok((u64::from(index), image))
        };
        let each: Vec<(u64, &[T])> = indices.iter().map(image_of).collect::<Result<_, _>>()?;
        Ok(self.change(images.shape(), images.frames(), each.into_par_iter(), seed))
    }

    /// Images of this shape, each with the number of its random stream, as `f32` in [0, 1], changed at
    /// random with `seed`: `[n, C, H, W]`. Each has so many frames from top to bottom, all changed alike.
    pub(crate) fn change<'a, T: Value>(
        &self,
        [channels, rows, width]: ImageShape,
        frames: usize,
        images: impl IndexedParallelIterator<Item = (u64, &'a [T])>,
        seed: u64,
    ) -> Vec<f32> {
        let height = rows / frames.max(1);
        let size = [height, width];
        let warp = self.elastic.map(|elastic| elastic.warp(size));
        let seeded = ChaCha8Rng::seed_from_u64(seed);
        let image_len = channels * rows * width;
        let mut values = vec![0.0; images.len() * image_len];
        let each = images.zip(values.par_chunks_exact_mut(image_len));
        each.with_min_len(LEAST).for_each_init(
            || Room::new(size),
            |room, ((stream, image), out)| {
                let mut random = seeded.clone();
                random.set_stream(stream);
                self.draw(&mut random).places(size, room);
                if let Some(warp) = &warp {
                    let draw = || unit(&mut random);
                    warp.displace(draw, &mut room.control, &mut room.xs, &mut room.ys);
                }
                if self.shuffle_channels || self.brightness > 0.0 {
                    random.set_word_pos(COLOURS);
                }
                self.draw_order(&mut random, channels, &mut room.order);
                let area = rows * width;
                for (&channel, out) in room.order.iter().zip(out.chunks_exact_mut(area)) {
                    let pixels = &image[channel * area..(channel + 1) * area];
                    let (xs, ys) = (&room.xs, &room.ys);
                    let padded = &mut room.padded;
                    let each = (pixels.chunks_exact(height * width))
                        .zip(out.chunks_exact_mut(height * width));
                    for (pixels, out) in each {
                        kernels::sample(pixels, size, xs, ys, self.interpolation, padded, out);
                    }
                    if self.brightness > 0.0 {
                        let factor = 1.0 + self.brightness as f32 * unit(&mut random);
                        out.iter_mut().for_each(|it| *it = (*it * factor).min(1.0));
                    }
                }
            },
        );
        values
    }

    /// The channel at each place after shuffling (Fisher & Yates).
    fn draw_order(&self, random: &mut impl Rng, channels: usize, order: &mut Vec<usize>) {
        order.clear();
        order.extend(0..channels);
        for last in (1..channels).rev() {
            // 32 random bits for a few channels: the bias is below one in a billion.
            let other = random.next_u32() as usize % (last + 1);
            if self.shuffle_channels {
                order.swap(last, other);
            }
        }
    }

    /// A change within the limits. Every part draws its random numbers whatever its limit is, so that
    /// enabling one does not change the others.
    fn draw(&self, random: &mut impl Rng) -> Change {
        let mut within = |limit: f64| limit * f64::from(unit(random));
        Change {
            shift: [within(self.shift), within(self.shift)],
            rotation: within(self.rotation),
            scale: 1.0 + within(self.scale),
            shear: within(self.shear),
            flip: within(1.0) < 0.0 && self.flip,
        }
    }
}

/// A random number in [-1, 1).
fn unit(random: &mut impl Rng) -> f32 {
    // The 24 bits of an f32 in [1, 2).
    (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// A thread's working memory, so that pictures need no allocations.
struct Room {
    /// For each pixel of the result, its position in the picture.
    xs: Vec<f32>,
    ys: Vec<f32>,
    control: Vec<f32>,
    padded: Vec<f32>,
    /// See [`Augment::draw_order`].
    order: Vec<usize>,
}

impl Room {
    fn new([height, width]: [usize; 2]) -> Self {
        Self {
            xs: vec![0.0; height * width],
            ys: vec![0.0; height * width],
            control: Vec::new(),
            padded: Vec::new(),
            order: Vec::new(),
        }
    }
}

/// The change of one picture about its centre: mirrored, sheared, scaled, rotated, then shifted.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    /// Rightwards and downwards, in pixels.
    shift: [f64; 2],
    /// In degrees, counter-clockwise.
    rotation: f64,
    scale: f64,
    shear: f64,
    flip: bool,
}

impl Change {
    /// The inverse map: for each pixel of the result, its position in the picture.
    fn places(&self, [height, width]: [usize; 2], room: &mut Room) {
        let [[a, b], [c, d]] = self.inverse();
        let middle = |side: usize| (side as f64 - 1.0) / 2.0;
        let (x0, y0) = (middle(width), middle(height));
        let rows = room.xs.chunks_exact_mut(width);
        for (row, (xs, ys)) in rows.zip(room.ys.chunks_exact_mut(width)).enumerate() {
            // Summed in f64 per row and in f32 along the row; both are exact if nothing changes.
            let (left, down) = (-x0 - self.shift[0], row as f64 - y0 - self.shift[1]);
            let x = (a * left + b * down + x0) as f32;
            let y = (c * left + d * down + y0) as f32;
            let (right, below) = (a as f32, c as f32);
            // 32-bit counters, because they are converted to floats four at a time, and 64-bit ones one by one.
            for (column, (xs, ys)) in (0_i32..).zip(xs.iter_mut().zip(ys)) {
                *xs = x + right * column as f32;
                *ys = y + below * column as f32;
            }
        }
    }

    /// Rows of the matrix that undoes the change, for offsets to the right and down.
    fn inverse(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        // Undo the rotation, whose y axis points down, then the scale ...
        let (a, b, c, d) = (cos, -sin, sin, cos);
        let [a, b, c, d] = [a, b, c, d].map(|it| it / self.scale);
        // ... then the shear, which moves the upper part to the right, then the mirroring.
        let (a, b) = (a + self.shear * c, b + self.shear * d);
        let side = if self.flip { -1.0 } else { 1.0 };
        [[side * a, side * b], [c, d]]
    }
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
