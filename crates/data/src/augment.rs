//! Augmentation: small random changes of the training pictures, other ones in each epoch, so that
//! a model learns what stays the same under them.
//!
//! What happens to a picture depends on the epoch's seed and the picture's index alone: neither the
//! batch that it comes in nor the number of threads changes it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::elastic::Elastic;
use crate::{DataError, ImageShape, Images};
use kernels::Interpolation;

/// Pictures at a time that a thread takes: enough that handing them out costs nothing beside them.
const LEAST: usize = 8;

/// Where in a picture's random stream its colours are drawn, in words of 32 bits: beyond what any displacement takes,
/// so that neither changes the other.
const COLOURS: u128 = 1 << 40;

/// How far training pictures are changed. Zero everywhere leaves them as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// Largest move to each side, and up and down, in pixels.
    pub shift: f64,
    /// Largest turn either way, in degrees.
    pub rotation: f64,
    /// Largest change of size, as a fraction: 0.1 makes a picture a tenth smaller up to a tenth
    /// larger. Below 1.
    pub scale: f64,
    /// Largest slant, as a fraction: with 0.1, up to one pixel sideways for every ten upwards.
    pub shear: f64,
    /// Whether left and right are swapped in half of the pictures.
    pub flip: bool,
    /// Smooth displacements, other ones at each place of the picture.
    pub elastic: Option<Elastic>,
    /// How pixels come to lie between pixels.
    pub interpolation: Interpolation,
    /// Largest change of brightness, as a fraction, drawn for each channel by itself: at 0.5 values are
    /// multiplied by 0.5 up to 1.5, and what would be brighter than white is white. At most 1.
    pub brightness: f64,
    /// Whether channels are put in a random order, each as often as the others.
    pub shuffle_channels: bool,
}

impl Augment {
    /// The images at `indices` as `f32` in [0, 1], changed as `seed` says: `[n, C, H, W]`.
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
        let count = images.len();
        if let Some(&index) = indices.iter().find(|&&index| index as usize >= count) {
            return Err(DataError::Index { index, count });
        }
        let each = (indices.par_iter()).map(|&index| {
            let image = images.image(index as usize).unwrap_or_default();
            (u64::from(index), image)
        });
        Ok(self.change(images.shape(), each, seed))
    }

    /// Images of this shape, each beside the number of the random stream that decides what is done
    /// to it, as `f32` in [0, 1], changed as `seed` says: `[n, C, H, W]`.
    pub(crate) fn change<'a>(
        &self,
        [channels, height, width]: ImageShape,
        images: impl IndexedParallelIterator<Item = (u64, &'a [u8])>,
        seed: u64,
    ) -> Vec<f32> {
        let size = [height, width];
        let warp = self.elastic.map(|elastic| elastic.warp(size));
        let seeded = ChaCha8Rng::seed_from_u64(seed);
        let image_len = channels * height * width;
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
                let area = height * width;
                for (&channel, out) in room.order.iter().zip(out.chunks_exact_mut(area)) {
                    let pixels = image.chunks_exact(area).nth(channel).unwrap_or_default();
                    let (xs, ys) = (&room.xs, &room.ys);
                    let padded = &mut room.padded;
                    kernels::sample(pixels, size, xs, ys, self.interpolation, padded, out);
                    if self.brightness > 0.0 {
                        let factor = 1.0 + self.brightness as f32 * unit(&mut random);
                        out.iter_mut().for_each(|it| *it = (*it * factor).min(1.0));
                    }
                }
            },
        );
        values
    }

    /// Which channel comes to each place (Fisher & Yates).
    fn draw_order(&self, random: &mut impl Rng, channels: usize, order: &mut Vec<usize>) {
        order.clear();
        order.extend(0..channels);
        for last in (1..channels).rev() {
            // 32 bits over a handful of channels: none is favoured by more than one in a billion.
            let other = random.next_u32() as usize % (last + 1);
            if self.shuffle_channels {
                order.swap(last, other);
            }
        }
    }

    /// A change within the limits. Every part takes its share of chance whatever its limit is, so
    /// that turning one on leaves the others as they were.
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

/// A random number of [-1, 1).
fn unit(random: &mut impl Rng) -> f32 {
    // The 24 bits that an f32 in [1, 2) has.
    (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// What a thread works in: no picture asks for memory of its own.
struct Room {
    /// For each pixel of the result, the place of the picture that it shows.
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

/// What is done to one picture, about its centre: swapped, slanted, resized, turned, then moved.
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
    /// The inverse map: for each pixel of the result the place of the picture that comes there.
    fn places(&self, [height, width]: [usize; 2], room: &mut Room) {
        let [[a, b], [c, d]] = self.inverse();
        let middle = |side: usize| (side as f64 - 1.0) / 2.0;
        let (x0, y0) = (middle(width), middle(height));
        let rows = room.xs.chunks_exact_mut(width);
        for (row, (xs, ys)) in rows.zip(room.ys.chunks_exact_mut(width)).enumerate() {
            // Added up in f64 for the row, in f32 along it; both are exact where nothing changes.
            let (left, down) = (-x0 - self.shift[0], row as f64 - y0 - self.shift[1]);
            let x = (a * left + b * down + x0) as f32;
            let y = (c * left + d * down + y0) as f32;
            let (right, below) = (a as f32, c as f32);
            // Counted in 32 bits, which become floats four at a time; 64 bits do so one by one.
            for (column, (xs, ys)) in (0_i32..).zip(xs.iter_mut().zip(ys)) {
                *xs = x + right * column as f32;
                *ys = y + below * column as f32;
            }
        }
    }

    /// Rows of the matrix that undoes the change, from offsets to the right and down to such.
    fn inverse(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        // Undoing the turn, whose y points down, then the size ...
        let (a, b, c, d) = (cos, -sin, sin, cos);
        let [a, b, c, d] = [a, b, c, d].map(|it| it / self.scale);
        // ... then the slant, in which what is above moves to the right, then the swap.
        let (a, b) = (a + self.shear * c, b + self.shear * d);
        let side = if self.flip { -1.0 } else { 1.0 };
        [[side * a, side * b], [c, d]]
    }
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
