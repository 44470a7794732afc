//! Tile: the two loops in which nearly all the time is spent, with their sums kept in registers.

use crate::simd::Vector;

/// The most [`Vector::ACCUMULATORS`] of any vector.
const MOST: usize = 14;

/// What one output pixel reads: `rows` runs of `len` neighbouring values, `row` apart.
#[derive(Clone, Copy)]
pub struct Window {
    /// Runs.
    pub rows: usize,
    /// From the start of one run to that of the next.
    pub row: usize,
    /// Values of a run.
    pub len: usize,
}

impl Window {
    /// Values of the window and `count - 1` more to the right, `pixel` apart, from the first to the
    /// last.
    pub fn reach(&self, pixel: usize, count: usize) -> usize {
        (self.rows - 1) * self.row + (count - 1) * pixel + self.len
    }
}

/// Splits `count` into equal tiles of at most `most`; the last one reaches back over the one before
/// it where they do not fit evenly. Returns the tile and the number of tiles.
#[inline(always)]
fn tiles(count: usize, most: usize) -> (usize, usize) {
    let tiles = count.div_ceil(most);
    (count.div_ceil(tiles), tiles)
}

/// Calls the function for a number of accumulators that only the run knows.
macro_rules! with_size {
    ($size:expr, $vector:ident, $function:ident($($argument:expr),*)) => {
        match $size {
            1 => $function::<$vector, 1>($($argument),*),
            2 => $function::<$vector, 2>($($argument),*),
            3 => $function::<$vector, 3>($($argument),*),
            4 if $vector::ACCUMULATORS >= 4 => $function::<$vector, 4>($($argument),*),
            5 if $vector::ACCUMULATORS >= 5 => $function::<$vector, 5>($($argument),*),
            6 if $vector::ACCUMULATORS >= 6 => $function::<$vector, 6>($($argument),*),
            7 if $vector::ACCUMULATORS >= 7 => $function::<$vector, 7>($($argument),*),
            8 if $vector::ACCUMULATORS >= 8 => $function::<$vector, 8>($($argument),*),
            9 if $vector::ACCUMULATORS >= 9 => $function::<$vector, 9>($($argument),*),
            10 if $vector::ACCUMULATORS >= 10 => $function::<$vector, 10>($($argument),*),
            11 if $vector::ACCUMULATORS >= 11 => $function::<$vector, 11>($($argument),*),
            12 if $vector::ACCUMULATORS >= 12 => $function::<$vector, 12>($($argument),*),
            13 if $vector::ACCUMULATORS >= 13 => $function::<$vector, 13>($($argument),*),
            MOST if $vector::ACCUMULATORS >= MOST => $function::<$vector, MOST>($($argument),*),
            _ => unreachable!("a tile is at most as large as the accumulators"),
        }
    };
}

/// Output pixels of one row: `count` pixels whose windows start `x_pixel` apart, each the bias plus
/// the products of its window with the block's weights, to be stored `out_pixel` apart.
///
/// # Safety
/// The processor has the instructions of `V`. `x` is valid for the windows' reach, `w` for a vector
/// per value of a window, `bias` for one vector, `out` for writes of `lanes` values at each pixel;
/// `count` and `lanes` are at least 1.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn pixels<V: Vector>(
    x: *const f32,
    x_pixel: usize,
    window: Window,
    w: *const f32,
    bias: *const f32,
    out: *mut f32,
    out_pixel: usize,
    count: usize,
    lanes: usize,
) {
    let (size, tiles) = tiles(count, V::ACCUMULATORS);
    for tile in 0..tiles {
        let first = (tile * size).min(count - size);
        // SAFETY: the tile's pixels are among the `count` that the caller vouches for.
        unsafe {
            let (x, out) = (x.add(first * x_pixel), out.add(first * out_pixel));
            with_size!(
                size,
                V,
                pixel_tile(x, x_pixel, window, w, bias, 0, out, out_pixel, lanes)
            );
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pixel_tile<V: Vector, const P: usize>(
    x: *const f32,
    x_pixel: usize,
    window: Window,
    w: *const f32,
    bias: *const f32,
    bias_pixel: usize,
    out: *mut f32,
    out_pixel: usize,
    lanes: usize,
) {
    // SAFETY: the contract of `pixels`.
    unsafe {
        let mut sums = [V::load(bias); P];
        for (p, sum) in sums.iter_mut().enumerate() {
            *sum = V::load(bias.add(p * bias_pixel));
        }
        let mut w = w;
        for row in 0..window.rows {
            let x = x.add(row * window.row);
            for i in 0..window.len {
                let weight = V::load(w);
                w = w.add(V::LANES);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = V::splat(*x.add(p * x_pixel + i)).mul_add(weight, *sum);
                }
            }
        }
        for (p, sum) in sums.into_iter().enumerate() {
            let out = out.add(p * out_pixel);
            if lanes == V::LANES {
                sum.store(out);
            } else {
                sum.store_first(out, lanes);
            }
        }
    }
}

/// As [`pixels`], adding to what is there instead of a bias, for at most
/// [`ACCUMULATORS`](Vector::ACCUMULATORS) pixels and all lanes.
///
/// # Safety
/// As [`pixels`].
#[inline(always)]
pub unsafe fn add_pixels<V: Vector>(
    x: *const f32,
    x_pixel: usize,
    window: Window,
    w: *const f32,
    out: *mut f32,
    out_pixel: usize,
    count: usize,
) {
    let (bias, lanes) = (out.cast_const(), V::LANES);
    // SAFETY: the caller's contract; the sums are read before they are written.
    unsafe {
        with_size!(
            count,
            V,
            pixel_tile(
                x, x_pixel, window, w, bias, out_pixel, out, out_pixel, lanes
            )
        );
    }
}

/// A grid of pixels in two images that are walked together: `rows` by `columns`, with the distances
/// from row to row and from pixel to pixel in each.
#[derive(Clone, Copy)]
pub struct Walk {
    /// Rows of the grid.
    pub rows: usize,
    /// Pixels of a row.
    pub columns: usize,
    /// From row to row in the input.
    pub x_row: usize,
    /// From pixel to pixel in the input.
    pub x_pixel: usize,
    /// From row to row in the gradient.
    pub g_row: usize,
    /// From pixel to pixel in the gradient.
    pub g_pixel: usize,
}

/// Weight gradients: for each of the `len` values of a run and each lane of the gradient, adds the
/// products over all pixels of the walk to a vector of `out`.
///
/// # Safety
/// The processor has the instructions of `V`. At every pixel of the walk `x` is valid for `len`
/// values and `g` for a vector; `out` is valid for `len` vectors; `len` is at least 1.
#[inline(always)]
pub unsafe fn products<V: Vector>(
    x: *const f32,
    g: *const f32,
    walk: Walk,
    out: *mut f32,
    len: usize,
) {
    let (size, tiles) = tiles(len, V::ACCUMULATORS);
    for tile in 0..tiles {
        let first = (tile * size).min(len - size);
        // What the tile before has already added.
        let skip = tile * size - first;
        // SAFETY: the tile's values are among the `len` that the caller vouches for.
        unsafe {
            let (x, out) = (x.add(first), out.add(first * V::LANES));
            with_size!(size, V, product_tile(x, g, walk, out, skip));
        }
    }
}

#[inline(always)]
unsafe fn product_tile<V: Vector, const P: usize>(
    x: *const f32,
    g: *const f32,
    walk: Walk,
    out: *mut f32,
    skip: usize,
) {
    // SAFETY: the contract of `products`.
    unsafe {
        let mut sums = [V::splat(0.0); P];
        for row in 0..walk.rows {
            let (mut x, mut g) = (x.add(row * walk.x_row), g.add(row * walk.g_row));
            for _ in 0..walk.columns {
                let gradient = V::load(g);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = V::splat(*x.add(p)).mul_add(gradient, *sum);
                }
                // Past the last pixel these point beyond the image but are not read.
                x = x.wrapping_add(walk.x_pixel);
                g = g.wrapping_add(walk.g_pixel);
            }
        }
        for (p, sum) in sums.into_iter().enumerate() {
            if p >= skip {
                let out = out.add(p * V::LANES);
                sum.add(V::load(out)).store(out);
            }
        }
    }
}
