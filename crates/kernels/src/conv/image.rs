//! Image: one image of a batch in whatever order its values lie, copied to channels-last order with
//! zeros around it, where every run that a convolution reads is contiguous.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::axis::Axis;

/// A batch of images with any strides.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// The values, from that of the first pixel on.
    pub values: &'a [f32],
    /// Images, channels, rows, columns.
    pub dims: [usize; 4],
    /// How far apart neighbours along each dimension lie.
    pub strides: [usize; 4],
}

impl<'a> Images<'a> {
    /// Row `y` of image `n` where its values lie together, channels last.
    #[inline(always)]
    fn row(&self, n: usize, y: usize) -> Option<&'a [f32]> {
        let [_, channels, _, width] = self.dims;
        let [step_n, step_c, step_y, step_x] = self.strides;
        let together = (step_c == 1 || channels == 1) && (step_x == channels || width == 1);
        let start = n * step_n + y * step_y;
        together.then(|| &self.values[start..start + width * channels])
    }

    /// Image `n` where its values lie together, channels last.
    #[inline(always)]
    pub fn image(&self, n: usize) -> Option<&'a [f32]> {
        let [_, channels, height, width] = self.dims;
        let row = self.row(n, 0)?;
        let together = self.strides[2] == row.len() || height == 1;
        let start = n * self.strides[0];
        together.then(|| &self.values[start..start + height * width * channels])
    }

    /// Row `y` of image `n`, channels last: where it lies if it does so already, else copied to
    /// `spare`.
    #[inline(always)]
    pub fn row_or_copy<'b>(&self, n: usize, y: usize, spare: &'b mut [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        match self.row(n, y) {
            Some(row) => row,
            None => {
                self.copy_row(n, y, spare);
                spare
            }
        }
    }

    /// Copies row `y` of image `n` to `to`, channels last.
    #[inline(always)]
    pub fn copy_row(&self, n: usize, y: usize, to: &mut [f32]) {
        let [_, channels, _, width] = self.dims;
        let [step_n, step_c, step_y, step_x] = self.strides;
        if let Some(row) = self.row(n, y) {
            copy(row, to);
            return;
        }
        let from = &self.values[n * step_n + y * step_y..];
        let to = &mut to[..width * channels];
        for c in 0..channels {
            let from = &from[c * step_c..];
            let pixels = to[c..].iter_mut().step_by(channels);
            if step_x == 1 {
                for (to, &from) in pixels.zip(&from[..width]) {
                    *to = from;
                }
            } else {
                for (x, to) in pixels.enumerate() {
                    *to = from[x * step_x];
                }
            }
        }
    }

    /// Copies image `n` to `to`, channels last.
    #[inline(always)]
    pub fn copy_image(&self, n: usize, to: &mut [f32]) {
        if let Some(image) = self.image(n) {
            copy(image, to);
            return;
        }
        let [_, channels, height, width] = self.dims;
        for y in 0..height {
            self.copy_row(n, y, &mut to[y * width * channels..]);
        }
    }

    /// Copies image `n` into the middle of `to`, whose zeros around it stay as they are.
    #[inline(always)]
    pub fn copy_haloed(&self, n: usize, rows: &Axis, columns: &Axis, to: &mut [f32]) {
        let [_, channels, height, _] = self.dims;
        let row = columns.padded * channels;
        for y in 0..height {
            let start = (y + rows.halo) * row + columns.halo * channels;
            self.copy_row(n, y, &mut to[start..]);
        }
    }
}

/// Copies all of `from` to the start of `to`, without the call into the C library that rows of a few
/// hundred bytes would notice.
#[inline(always)]
pub fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    const STEP: usize = 16;
    let to = &mut to[..from.len()];
    let (from, from_rest) = from.as_chunks::<STEP>();
    let (to, to_rest) = to.as_chunks_mut::<STEP>();
    for (from, to) in from.iter().zip(to) {
        *to = *from;
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        *to = *from;
    }
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Memory of this thread that is given back when dropped, for the next image to find in the cache.
pub struct Scratch(Vec<f32>);

impl Scratch {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Scratch {
        let mut values = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        values.clear();
        values.resize(len, 0.0);
        Scratch(values)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SPARE.with_borrow_mut(|spare| spare.push(std::mem::take(&mut self.0)));
    }
}

impl Deref for Scratch {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
