//! Forward: a convolution layer over a batch of images, one image at a time in the cache of one
//! core, the images spread over the threads.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::image::{Images, Scratch};
use super::plan::{Order, Plan, blocks, padded};
use super::tile;
use crate::Activation;
use crate::host::{fresh, written};
use crate::level::Level;
use crate::simd::{Isa, Kernel, NARROW, Vector, WIDE, dispatch};

/// A layer's output: images channels last, and for each value that came out of a pooling window
/// where in the window it was, 2 times the row plus the column.
pub struct Output {
    /// `[N, H, W, O]`.
    pub values: Vec<f32>,
    /// As many as values where there is pooling, else none.
    pub winners: Vec<u8>,
}

/// Height and width after pooling, a part of a window at an odd border counting as one.
pub fn pooled(plan: &Plan) -> [usize; 2] {
    [plan.rows.output, plan.columns.output].map(|n| n.div_ceil(2))
}

/// How many images one task computes; it depends on the batch alone, and so do all results.
pub fn images_per_task(batch: usize) -> usize {
    // Enough tasks for the threads of a large machine to share them evenly.
    const TASKS: usize = 32;
    batch.div_ceil(TASKS).max(1)
}

/// The layer on a batch: the sums of the plan with `weight` packed by [`Plan::pack`], plus the bias,
/// the maximum of each 2x2 window where `pool`, and the activation, which must be monotone then.
pub fn forward(
    level: Level,
    plan: &Plan,
    x: Images,
    panels: &[f32],
    bias: &[f32],
    activation: Activation,
    pool: bool,
) -> Output {
    let batch = x.dims[0];
    assert_eq!(
        [plan.inputs, plan.rows.input, plan.columns.input],
        x.dims[1..]
    );
    assert!(panels.len() >= plan.panels_len(Order::Lanes));
    assert_eq!(bias.len(), plan.outputs);
    let mut padded_bias = vec![0.0; padded(plan.outputs)];
    padded_bias[..bias.len()].copy_from_slice(bias);
    let image_len = if pool {
        pooled(plan).iter().product::<usize>() * plan.outputs
    } else {
        plan.output_len()
    };
    let mut values = fresh(batch * image_len);
    let mut winners = vec![0; if pool { values.len() } else { 0 }];
    let images = images_per_task(batch);
    let task = |first: usize, values: &mut [MaybeUninit<f32>], winners: &mut [u8]| {
        let kernel = Task {
            plan,
            x,
            panels,
            bias: &padded_bias,
            activation,
            first,
            values,
            winners,
        };
        dispatch(level, kernel);
    };
    let chunk = (images * image_len).max(1);
    let values_chunks = values.par_chunks_mut(chunk).enumerate();
    if pool {
        values_chunks
            .zip(winners.par_chunks_mut(chunk))
            .for_each(|((i, values), winners)| task(i * images, values, winners));
    } else {
        values_chunks.for_each(|(i, values)| task(i * images, values, &mut []));
    }
    Output {
        // SAFETY: each task writes every value of its images.
        values: unsafe { written(values) },
        winners,
    }
}

/// Some images of the batch, on one thread.
struct Task<'a> {
    plan: &'a Plan,
    x: Images<'a>,
    panels: &'a [f32],
    bias: &'a [f32],
    activation: Activation,
    /// The first image.
    first: usize,
    values: &'a mut [MaybeUninit<f32>],
    /// Empty where there is no pooling.
    winners: &'a mut [u8],
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let plan = self.plan;
        let mut haloed = Scratch::zeros(plan.haloed_len());
        let pool = !self.winners.is_empty();
        let image_len = if pool {
            pooled(plan).iter().product::<usize>() * plan.outputs
        } else {
            plan.output_len()
        };
        let mut whole = Scratch::zeros(if pool { plan.output_len() } else { 0 });
        let images = self.values.chunks_exact_mut(image_len.max(1));
        for (n, values) in images.enumerate() {
            self.x
                .copy_haloed(self.first + n, &plan.rows, &plan.columns, &mut haloed);
            let out = values.as_mut_ptr().cast::<f32>();
            if pool {
                let winners = &mut self.winners[n * image_len..][..image_len];
                // SAFETY: the caller has the instructions of `I`; `whole` has the image's length,
                // and `out` and `winners` that of the pooled one.
                unsafe {
                    convolve::<I>(plan, &haloed, self.panels, self.bias, whole.as_mut_ptr());
                    pool_image::<I>(plan, &whole, out, winners.as_mut_ptr());
                }
            } else {
                // SAFETY: the caller has the instructions of `I`; `out` has the image's length.
                unsafe { convolve::<I>(plan, &haloed, self.panels, self.bias, out) }
            }
            // SAFETY: all values have been written just now.
            let values = unsafe { std::slice::from_raw_parts_mut(out, image_len) };
            self.activation.apply(values);
        }
    }
}

/// The sums of one image, channels last.
///
/// # Safety
/// The processor has the instructions of `I`; `out` is valid for the image's length.
#[inline(always)]
pub unsafe fn convolve<I: Isa>(
    plan: &Plan,
    haloed: &[f32],
    panels: &[f32],
    bias: &[f32],
    out: *mut f32,
) {
    assert!(haloed.len() >= plan.haloed_len() && panels.len() >= plan.panels_len(Order::Lanes));
    assert!(bias.len() >= padded(plan.outputs));
    let (inputs, outputs) = (plan.inputs, plan.outputs);
    let window = plan.window();
    let x_pixel = plan.columns.step * inputs;
    for pair in plan.pairs() {
        let (rows, columns) = (pair.rows, pair.columns);
        let panel =
            &panels[pair.index * plan.panel_len(Order::Lanes)..][..plan.panel_len(Order::Lanes)];
        for block in blocks(outputs) {
            let w = panel[plan.block_start(block)..].as_ptr();
            let bias = bias[block.first..].as_ptr();
            for i in 0..rows.count {
                let x_row = rows.start + i * plan.rows.step;
                let x_first = x_row * plan.row() + columns.start * inputs;
                let y = rows.first + i * rows.step;
                let out_first = (y * plan.columns.output + columns.first) * outputs + block.first;
                debug_assert!(x_first + window.reach(x_pixel, columns.count) <= haloed.len());
                // SAFETY: the plan's windows lie in the haloed image, its pixels in the output, and
                // the weights and the bias cover the block.
                unsafe {
                    let (x, out) = (haloed.as_ptr().add(x_first), out.add(out_first));
                    let out_pixel = columns.step * outputs;
                    let (count, lanes) = (columns.count, block.lanes);
                    if block.width == WIDE {
                        tile::pixels::<I::Wide>(
                            x, x_pixel, window, w, bias, out, out_pixel, count, lanes,
                        );
                    } else {
                        debug_assert_eq!(block.width, NARROW);
                        tile::pixels::<I::Narrow>(
                            x, x_pixel, window, w, bias, out, out_pixel, count, lanes,
                        );
                    }
                }
            }
        }
    }
}

/// The maximum of each 2x2 window of one image, the first one where several are equal.
///
/// # Safety
/// The processor has the instructions of `I`; `out` and `winners` are valid for the pooled image.
#[inline(always)]
unsafe fn pool_image<I: Isa>(plan: &Plan, whole: &[f32], out: *mut f32, winners: *mut u8) {
    let [rows, columns] = pooled(plan);
    let outputs = plan.outputs;
    assert!(whole.len() >= plan.output_len());
    for y in 0..rows {
        for x in 0..columns {
            let right = usize::from(2 * x + 1 < plan.columns.output) * outputs;
            let below = usize::from(2 * y + 1 < plan.rows.output) * outputs * plan.columns.output;
            let from = whole[(2 * y * plan.columns.output + 2 * x) * outputs..].as_ptr();
            let to = (y * columns + x) * outputs;
            for block in blocks(outputs) {
                // SAFETY: the window's pixels lie in the image; only the block's lanes are read
                // where it is whole, and else copied first.
                unsafe {
                    let window = [0, right, below, right + below]
                        .map(|offset| from.add(offset + block.first));
                    let out = out.add(to + block.first);
                    let winners = winners.add(to + block.first);
                    if block.width == WIDE {
                        pool_block::<I::Wide>(window, out, winners, block.lanes);
                    } else {
                        pool_block::<I::Narrow>(window, out, winners, block.lanes);
                    }
                }
            }
        }
    }
}

/// # Safety
/// The processor has the instructions of `V`; all pointers are valid for `lanes` values.
#[inline(always)]
unsafe fn pool_block<V: Vector>(
    window: [*const f32; 4],
    out: *mut f32,
    winners: *mut u8,
    lanes: usize,
) {
    // SAFETY: the caller's pointers are valid for `lanes` values, at most those of the buffer.
    unsafe {
        let read = |from: *const f32| {
            if lanes == V::LANES {
                return V::load(from);
            }
            let mut values = [0.0; WIDE];
            std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), lanes);
            V::load(values.as_ptr())
        };
        let mut best = read(window[0]);
        let mut winner = V::splat(0.0);
        for (place, from) in window.into_iter().enumerate().skip(1) {
            let value = read(from);
            // Beyond an odd border the window repeats itself, and what is equal does not win.
            let beats = value.beats(best);
            best = V::select(beats, value, best);
            winner = V::select(beats, V::splat(place as f32), winner);
        }
        best.store_first(out, lanes);
        winner.store_bytes(winners, lanes);
    }
}
