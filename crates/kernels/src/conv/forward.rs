//! Forward: a convolution layer over a batch of images, one image at a time in the cache of one
//! core, the images spread over the threads.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::doubling::Doubling;
use super::grid;
use super::image::{Images, Scratch};
use super::plan::{Order, Plan, blocks, padded};
use super::pool;
use super::tile;
use super::winograd::Winograd;
use crate::Activation;
use crate::host::{fresh, written};
use crate::level::Level;
use crate::simd::{Isa, Kernel, NARROW, WIDE, dispatch};

/// A layer's output: images channels last, and for each value that came out of a pooling window
/// where in the window it was, 2 times the row plus the column.
pub struct Output {
    /// `[N, H, W, O]`.
    pub values: Vec<f32>,
    /// As many as values where there is pooling, else none.
    pub winners: Vec<u8>,
}

/// How many images one task computes; it depends on the batch alone, and so do all results.
pub fn images_per_task(batch: usize) -> usize {
    // Enough tasks for the threads of a large machine to share them evenly.
    const TASKS: usize = 32;
    batch.div_ceil(TASKS).max(1)
}

/// Weights in the form that the sums of a plan are fastest with.
pub struct Weights<'a> {
    plan: &'a Plan,
    weight: &'a [f32],
    strides: [usize; 2],
    order: Order,
    /// Packed when first needed, which is never where a faster way always works.
    panels: OnceLock<Vec<f32>>,
    winograd: Option<Winograd<'a>>,
    doubling: Option<(Doubling, Vec<f32>)>,
}

impl<'a> Weights<'a> {
    /// From weights with the strides of [`Plan::pack`].
    pub fn new(plan: &'a Plan, weight: &'a [f32], strides: [usize; 2]) -> Weights<'a> {
        let window = plan.window();
        let lanes = window.rows * window.len * padded(plan.outputs) / WIDE;
        let few = plan.outputs <= NARROW / 2;
        let order = if few && plan.outputs * grid::dots_cost(window) < lanes {
            Order::Windows
        } else {
            Order::Lanes
        };
        let mut weights = Weights {
            plan,
            weight,
            strides,
            order,
            panels: OnceLock::new(),
            winograd: None,
            doubling: Doubling::new(plan).map(|doubling| {
                let points = doubling.layout().pack(Order::Lanes, weight, strides);
                (doubling, points)
            }),
        };
        if Winograd::suits(plan) {
            weights.winograd = Some(Winograd::new(plan, weights.panels()));
        }
        weights
    }

    fn panels(&self) -> &[f32] {
        let pack = || self.plan.pack(self.order, self.weight, self.strides);
        self.panels.get_or_init(pack)
    }

    /// Values of the memory that [`image`](Self::image) works in, which need not be zeros.
    pub fn scratch_len(&self, pool: bool) -> usize {
        let whole = if pool {
            self.plan.output_len() + WIDE
        } else {
            0
        };
        let winograd = self.winograd.as_ref().map_or(0, Winograd::scratch_len);
        let doubling = self
            .doubling
            .as_ref()
            .map_or(0, |(doubling, _)| doubling.scratch_len());
        whole.max(winograd).max(doubling)
    }

    /// The sums of one image, channels last; with `winners`, the maximum of each 2x2 window.
    ///
    /// # Safety
    /// The processor has the instructions of `I`; `haloed` is the image in the plan's layout and a
    /// vector more; `out` and, if it is not null, `winners` are valid for the image.
    #[inline(always)]
    pub unsafe fn image<I: Isa>(
        &self,
        haloed: &[f32],
        bias: &[f32],
        scratch: &mut [f32],
        out: *mut f32,
        winners: *mut u8,
    ) {
        let plan = self.plan;
        assert!(haloed.len() >= plan.haloed_len() + WIDE && bias.len() >= padded(plan.outputs));
        assert!(scratch.len() >= self.scratch_len(!winners.is_null()));
        // SAFETY: the caller's contract; with pooling, the scratch has room for the whole image.
        unsafe {
            if let Some(winograd) = &self.winograd
                && winograd.image::<I>(haloed, bias, scratch, out, winners)
            {
                return;
            }
            if let Some((doubling, points)) = &self.doubling
                && doubling.image::<I>(points, haloed, bias, scratch, out)
            {
                return;
            }
            let whole = if winners.is_null() {
                out
            } else {
                scratch.as_mut_ptr()
            };
            match self.order {
                Order::Lanes => self.in_lanes::<I>(haloed, bias, whole),
                Order::Windows => self.in_windows::<I>(haloed, bias, whole),
            }
            if !winners.is_null() {
                pool::image::<I>(plan, scratch, out, winners);
            }
        }
    }

    /// The sums of one image, a vector of output channels at a time.
    ///
    /// # Safety
    /// As [`image`](Self::image).
    #[inline(always)]
    unsafe fn in_lanes<I: Isa>(&self, haloed: &[f32], bias: &[f32], out: *mut f32) {
        let plan = self.plan;
        let (inputs, outputs, window) = (plan.inputs, plan.outputs, plan.window());
        let x_pixel = plan.columns.step * inputs;
        for pair in plan.pairs() {
            let panel = &self.panels()[pair.index * plan.panel_len(Order::Lanes)..];
            let (out_pixel, count) = (pair.columns.step * outputs, pair.columns.count);
            for block in blocks(outputs) {
                let w = panel[plan.block_start(block)..].as_ptr();
                let bias = bias[block.first..].as_ptr();
                for (x, out_first) in plan.rows_of(pair) {
                    debug_assert!(x + window.reach(x_pixel, count) <= haloed.len());
                    // SAFETY: the plan's windows lie in the haloed image, its pixels in the
                    // output, and the weights and the bias cover the block.
                    unsafe {
                        let x = haloed.as_ptr().add(x);
                        let out = out.add(out_first + block.first);
                        let lanes = block.lanes;
                        if block.width == WIDE {
                            tile::pixels::<I::Wide>(
                                x, x_pixel, window, w, bias, out, out_pixel, count, lanes,
                            );
                        } else {
                            tile::pixels::<I::Narrow>(
                                x, x_pixel, window, w, bias, out, out_pixel, count, lanes,
                            );
                        }
                    }
                }
            }
        }
    }

    /// The sums of one image, a vector of the window at a time.
    ///
    /// # Safety
    /// As [`image`](Self::image).
    #[inline(always)]
    unsafe fn in_windows<I: Isa>(&self, haloed: &[f32], bias: &[f32], out: *mut f32) {
        let plan = self.plan;
        let (inputs, outputs, window) = (plan.inputs, plan.outputs, plan.window());
        let x_pixel = plan.columns.step * inputs;
        let window_len = window.rows * window.len;
        for pair in plan.pairs() {
            let panel = &self.panels()[pair.index * plan.panel_len(Order::Windows)..];
            let (out_pixel, count) = (pair.columns.step * outputs, pair.columns.count);
            for (o, &bias) in bias[..outputs].iter().enumerate() {
                let w = panel[o * window_len..][..window_len].as_ptr();
                for (x, out_first) in plan.rows_of(pair) {
                    debug_assert!(x + window.reach(x_pixel, count) <= haloed.len());
                    // SAFETY: the plan's windows lie in the haloed image, its pixels in the
                    // output, and the weights are a window.
                    unsafe {
                        let x = haloed.as_ptr().add(x);
                        let out = out.add(out_first + o);
                        grid::dots::<I::Wide>(x, x_pixel, window, w, bias, out, out_pixel, count);
                    }
                }
            }
        }
    }
}

/// The layer on a batch: the sums of the plan plus the bias, the maximum of each 2x2 window where
/// `pool`, and the activation, which must be monotone then.
pub fn forward(
    level: Level,
    x: Images,
    weights: &Weights,
    bias: &[f32],
    activation: Activation,
    pool: bool,
) -> Output {
    let plan = weights.plan;
    let batch = x.dims[0];
    assert_eq!(
        [plan.inputs, plan.rows.input, plan.columns.input],
        x.dims[1..]
    );
    assert_eq!(bias.len(), plan.outputs);
    let mut padded_bias = vec![0.0; padded(plan.outputs)];
    padded_bias[..bias.len()].copy_from_slice(bias);
    let image_len = if pool {
        plan.pooled().iter().product::<usize>() * plan.outputs
    } else {
        plan.output_len()
    };
    let mut values = fresh(batch * image_len);
    let mut winners = Vec::with_capacity(if pool { values.len() } else { 0 });
    let spare = &mut winners.spare_capacity_mut()[..if pool { values.len() } else { 0 }];
    let images = images_per_task(batch);
    let task = |first: usize, values: &mut [MaybeUninit<f32>], winners: &mut [MaybeUninit<u8>]| {
        let kernel = Task {
            x,
            weights,
            bias: &padded_bias,
            activation,
            first,
            image_len,
            values,
            winners,
        };
        dispatch(level, kernel);
    };
    let chunk = (images * image_len).max(1);
    let values_chunks = values.par_chunks_mut(chunk).enumerate();
    if pool {
        values_chunks
            .zip(spare.par_chunks_mut(chunk))
            .for_each(|((i, values), winners)| task(i * images, values, winners));
    } else {
        values_chunks.for_each(|(i, values)| task(i * images, values, &mut []));
    }
    // SAFETY: each task writes every winner of its images; there are as many as values.
    unsafe { winners.set_len(if pool { values.len() } else { 0 }) };
    Output {
        // SAFETY: each task writes every value of its images.
        values: unsafe { written(values) },
        winners,
    }
}

/// Some images of the batch, on one thread.
struct Task<'a> {
    x: Images<'a>,
    weights: &'a Weights<'a>,
    bias: &'a [f32],
    activation: Activation,
    /// The first image.
    first: usize,
    /// Values of an image of the output.
    image_len: usize,
    values: &'a mut [MaybeUninit<f32>],
    /// Empty if there is no pooling.
    winners: &'a mut [MaybeUninit<u8>],
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let plan = self.weights.plan;
        let pool = !self.winners.is_empty();
        let mut haloed = Scratch::zeros(plan.haloed_len() + WIDE);
        let mut scratch = Scratch::zeros(self.weights.scratch_len(pool));
        let images = self.values.chunks_exact_mut(self.image_len.max(1));
        for (n, values) in images.enumerate() {
            self.x
                .copy_haloed(self.first + n, &plan.rows, &plan.columns, &mut haloed);
            let out = values.as_mut_ptr().cast::<f32>();
            let winners = match pool {
                true => self.winners[n * self.image_len..][..self.image_len]
                    .as_mut_ptr()
                    .cast(),
                false => std::ptr::null_mut(),
            };
            // SAFETY: the caller has the instructions of `I`; `out` and `winners` have the image's
            // length, and all of `out` is written before it is read.
            let values = unsafe {
                self.weights
                    .image::<I>(&haloed, self.bias, &mut scratch, out, winners);
                std::slice::from_raw_parts_mut(out, self.image_len)
            };
            self.activation.apply(values);
        }
    }
}
