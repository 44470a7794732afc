//! Grid: rows of vectors of neighbouring values (those that one output value reads) kept in
//! registers, as products of single numbers with whole windows. Where there are few output channels,
//! or few of them matter at a pixel, this uses every lane; [`tile`](super::tile) would not.

use super::tile::Window;
use crate::simd::{Vector, WIDE};

/// Calls the function for a number of rows and of vectors in a row that only the run knows.
macro_rules! with_grid {
    ($rows:expr, $vectors:expr, $V:ident, $function:ident($($argument:expr),*)) => {
        match ($rows, $vectors) {
            (1, 1) => $function::<$V, 1, 1>($($argument),*),
            (1, 2) => $function::<$V, 1, 2>($($argument),*),
            (1, 3) => $function::<$V, 1, 3>($($argument),*),
            (1, 4) if fits::<$V>(1, 4) => $function::<$V, 1, 4>($($argument),*),
            (1, 5) if fits::<$V>(1, 5) => $function::<$V, 1, 5>($($argument),*),
            (1, 6) if fits::<$V>(1, 6) => $function::<$V, 1, 6>($($argument),*),
            (1, 7) if fits::<$V>(1, 7) => $function::<$V, 1, 7>($($argument),*),
            (1, 8) if fits::<$V>(1, 8) => $function::<$V, 1, 8>($($argument),*),
            (1, 9) if fits::<$V>(1, 9) => $function::<$V, 1, 9>($($argument),*),
            (1, 10) if fits::<$V>(1, 10) => $function::<$V, 1, 10>($($argument),*),
            (1, 11) if fits::<$V>(1, 11) => $function::<$V, 1, 11>($($argument),*),
            (1, 12) if fits::<$V>(1, 12) => $function::<$V, 1, 12>($($argument),*),
            (1, 13) if fits::<$V>(1, 13) => $function::<$V, 1, 13>($($argument),*),
            (1, 14) if fits::<$V>(1, 14) => $function::<$V, 1, 14>($($argument),*),
            (2, 1) => $function::<$V, 2, 1>($($argument),*),
            (2, 2) if fits::<$V>(2, 2) => $function::<$V, 2, 2>($($argument),*),
            (2, 3) if fits::<$V>(2, 3) => $function::<$V, 2, 3>($($argument),*),
            (2, 4) if fits::<$V>(2, 4) => $function::<$V, 2, 4>($($argument),*),
            (2, 5) if fits::<$V>(2, 5) => $function::<$V, 2, 5>($($argument),*),
            (2, 6) if fits::<$V>(2, 6) => $function::<$V, 2, 6>($($argument),*),
            (3, 1) => $function::<$V, 3, 1>($($argument),*),
            (3, 2) if fits::<$V>(3, 2) => $function::<$V, 3, 2>($($argument),*),
            (3, 3) if fits::<$V>(3, 3) => $function::<$V, 3, 3>($($argument),*),
            (3, 4) if fits::<$V>(3, 4) => $function::<$V, 3, 4>($($argument),*),
            (5, 1) if fits::<$V>(5, 1) => $function::<$V, 5, 1>($($argument),*),
            (5, 2) if fits::<$V>(5, 2) => $function::<$V, 5, 2>($($argument),*),
            _ => unreachable!("`parts` gives none but these grids"),
        }
    };
}

const fn fits<V: Vector>(rows: usize, vectors: usize) -> bool {
    rows * vectors <= V::ACCUMULATORS
}

/// A part of a window that fits into the registers.
#[derive(Clone, Copy)]
struct Part {
    /// The first row and how many.
    row: usize,
    rows: usize,
    /// The first value of a row, and how many vectors.
    first: usize,
    vectors: usize,
    /// Lanes of the last vector that belong to the row.
    last: usize,
}

/// The parts of a window: all of it where it fits, else row by row.
#[inline(always)]
fn parts<V: Vector>(window: Window) -> impl Iterator<Item = Part> {
    let vectors = window.len.div_ceil(V::LANES);
    let whole = matches!((window.rows, vectors), (1..=3, 1..=6) | (5, 1..=2))
        && fits::<V>(window.rows, vectors);
    let rows = if whole { window.rows } else { 1 };
    let most = if whole {
        vectors
    } else {
        V::ACCUMULATORS.min(14)
    };
    (0..window.rows).step_by(rows).flat_map(move |row| {
        (0..vectors).step_by(most).map(move |vector| {
            let count = most.min(vectors - vector);
            let first = vector * V::LANES;
            Part {
                row,
                rows,
                first,
                vectors: count,
                last: V::LANES.min(window.len - first - (count - 1) * V::LANES),
            }
        })
    })
}

/// Numbers, each with the window that it is multiplied with.
#[derive(Clone, Copy)]
pub struct Terms {
    /// The first number.
    pub g: *const f32,
    /// From one number to the next.
    pub g_step: usize,
    /// Where the first one's window starts in the image.
    pub place: *const u32,
    /// From one place to the next.
    pub place_step: usize,
    /// How many terms.
    pub count: usize,
}

/// Adds the sum of the terms, `g * window`, to `out`, in which the window's rows lie one after
/// another.
///
/// # Safety
/// The processor has the instructions of `V`; the terms' pointers are valid, and `x` is for every
/// window and a vector more; `out` is valid for `window.rows * window.len` values.
#[inline(always)]
pub unsafe fn gather<V: Vector>(x: *const f32, window: Window, terms: Terms, out: *mut f32) {
    for part in parts::<V>(window) {
        // SAFETY: the part lies in the window.
        unsafe {
            let x = x.add(part.row * window.row + part.first);
            let out = out.add(part.row * window.len + part.first);
            with_grid!(
                part.rows,
                part.vectors,
                V,
                gather_part(x, window, terms, out, part.last)
            );
        }
    }
}

#[inline(always)]
unsafe fn gather_part<V: Vector, const R: usize, const N: usize>(
    x: *const f32,
    window: Window,
    terms: Terms,
    out: *mut f32,
    last: usize,
) {
    // SAFETY: the contract of `gather`. Lanes beyond the row's end hold what lies there, and are
    // not written.
    unsafe {
        // A small grid is summed twice, over every other term, since one sum would wait for itself.
        let mut sums = [[V::splat(0.0); N]; R];
        let mut others = sums;
        let mut i = 0;
        while i < terms.count {
            add_term(x, window, terms, i, &mut sums);
            i += 1;
            if R * N <= V::ACCUMULATORS / 3 && i < terms.count {
                add_term(x, window, terms, i, &mut others);
                i += 1;
            }
        }
        for (r, (mut sums, others)) in sums.into_iter().zip(others).enumerate() {
            if R * N <= V::ACCUMULATORS / 3 {
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum = sum.add(other);
                }
            }
            add_row(sums, out.add(r * window.len), last);
        }
    }
}

/// # Safety
/// That of [`gather`]; there are more than `i` terms.
#[inline(always)]
unsafe fn add_term<V: Vector, const R: usize, const N: usize>(
    x: *const f32,
    window: Window,
    terms: Terms,
    i: usize,
    sums: &mut [[V; N]; R],
) {
    // SAFETY: the caller's contract.
    unsafe {
        let g = V::splat(*terms.g.add(i * terms.g_step));
        let x = x.add(*terms.place.add(i * terms.place_step) as usize);
        for (r, sums) in sums.iter_mut().enumerate() {
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(x.add(r * window.row + n * V::LANES)).mul_add(g, *sum);
            }
        }
    }
}

/// Adds, for each channel whose bit is set, `g * window of weights` to the window at `to`.
///
/// # Safety
/// The processor has the instructions of `V`; at each set bit `g` is valid, and so are `w`, in which
/// the channels' windows are contiguous, for a window and a vector more; `to` is valid for
/// the window.
#[inline(always)]
pub unsafe fn scatter<V: Vector>(
    to: *mut f32,
    window: Window,
    w: *const f32,
    channels: u64,
    g: *const f32,
) {
    for part in parts::<V>(window) {
        // SAFETY: the part lies in the window.
        unsafe {
            let to = to.add(part.row * window.row + part.first);
            let w = w.add(part.row * window.len + part.first);
            with_grid!(
                part.rows,
                part.vectors,
                V,
                scatter_part(to, window, w, channels, g, part.last)
            );
        }
    }
}

#[inline(always)]
unsafe fn scatter_part<V: Vector, const R: usize, const N: usize>(
    to: *mut f32,
    window: Window,
    w: *const f32,
    channels: u64,
    g: *const f32,
    last: usize,
) {
    // SAFETY: the contract of `scatter`. Lanes beyond the row's end hold the product with what lies
    // there, and are not written.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; R];
        let mut channels = channels;
        while channels != 0 {
            let channel = channels.trailing_zeros() as usize;
            channels &= channels - 1;
            let g = V::splat(*g.add(channel));
            let w = w.add(channel * window.rows * window.len);
            for (r, sums) in sums.iter_mut().enumerate() {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(w.add(r * window.len + n * V::LANES)).mul_add(g, *sum);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            add_row(sums, to.add(r * window.row), last);
        }
    }
}

/// Adds vectors to a row that ends in the last one after `last` lanes.
///
/// # Safety
/// The processor has the instructions of `V`; `to` is valid for the row.
#[inline(always)]
unsafe fn add_row<V: Vector, const N: usize>(sums: [V; N], to: *mut f32, last: usize) {
    for (n, sum) in sums.into_iter().enumerate() {
        // SAFETY: only the last vector reaches beyond the row, and its lanes there are left out.
        unsafe {
            let to = to.add(n * V::LANES);
            if n + 1 < N || last == V::LANES {
                sum.add(V::load(to)).store(to);
            } else {
                sum.add(V::load_first(to, last)).store_first(to, last);
            }
        }
    }
}

/// How many pixels [`dots`] computes together, so that a vector of weights is read once for all.
const PIXELS: usize = 4;

/// The cost of [`dots`] for one output value, in products of vectors: those of the window, and about
/// as many instructions again as it takes to add up the lanes.
pub fn dots_cost(window: Window) -> usize {
    const SUM: usize = 6;
    window.rows * window.len.div_ceil(WIDE) + SUM
}

/// Output values of one channel and row: `count` pixels whose windows start `x_pixel` apart, each
/// the bias plus the product of its window with the channel's, to be stored `out_pixel` apart.
///
/// # Safety
/// The processor has the instructions of `V`. `x` is valid for the windows' reach, `w` for the
/// window's values, `out` for writes at each pixel.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn dots<V: Vector>(
    x: *const f32,
    x_pixel: usize,
    window: Window,
    w: *const f32,
    bias: f32,
    out: *mut f32,
    out_pixel: usize,
    count: usize,
) {
    let whole = count / PIXELS * PIXELS;
    // SAFETY: the pixels are among the `count` that the caller vouches for.
    unsafe {
        for first in (0..whole).step_by(PIXELS) {
            let (x, out) = (x.add(first * x_pixel), out.add(first * out_pixel));
            dot::<V, PIXELS>(x, x_pixel, window, w, bias, out, out_pixel);
        }
        for first in whole..count {
            let (x, out) = (x.add(first * x_pixel), out.add(first * out_pixel));
            dot::<V, 1>(x, x_pixel, window, w, bias, out, out_pixel);
        }
    }
}

#[inline(always)]
unsafe fn dot<V: Vector, const P: usize>(
    x: *const f32,
    x_pixel: usize,
    window: Window,
    w: *const f32,
    bias: f32,
    out: *mut f32,
    out_pixel: usize,
) {
    // SAFETY: the contract of `dots`; of the last vector of a row only its lanes are read, since
    // what lies beyond may be infinite and must not meet the weights.
    unsafe {
        let mut sums = [V::splat(0.0); P];
        let vectors = window.len / V::LANES;
        let last = window.len % V::LANES;
        for row in 0..window.rows {
            let (x, w) = (x.add(row * window.row), w.add(row * window.len));
            for n in 0..vectors {
                let weight = V::load(w.add(n * V::LANES));
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(x.add(p * x_pixel + n * V::LANES)).mul_add(weight, *sum);
                }
            }
            if last > 0 {
                let weight = V::load_first(w.add(vectors * V::LANES), last);
                for (p, sum) in sums.iter_mut().enumerate() {
                    let x = V::load_first(x.add(p * x_pixel + vectors * V::LANES), last);
                    *sum = x.mul_add(weight, *sum);
                }
            }
        }
        for (p, sum) in sums.into_iter().enumerate() {
            *out.add(p * out_pixel) = sum.sum() + bias;
        }
    }
}
