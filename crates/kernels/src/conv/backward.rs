//! Backward: the gradients of a convolution layer, one image at a time as in the forward pass.
//!
//! The weights' gradients are summed over a fixed number of images for each task, and the sums of
//! the tasks are added in their order, so that results are the same for any number of threads and
//! any timing.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::forward::{convolve, images_per_task, pooled};
use super::image::{Images, Scratch};
use super::plan::{Plan, blocks, padded};
use super::tile::{self, Walk};
use crate::Activation;
use crate::host::{fresh, written};
use crate::level::Level;
use crate::simd::{Isa, Kernel, Vector, WIDE, dispatch};

/// A layer whose gradients are wanted.
pub struct Backward<'a> {
    /// The forward sums.
    pub plan: &'a Plan,
    /// The sums that give the input's gradient from that of the output.
    pub gradient: &'a Plan,
    /// The forward pass's activation, one whose derivative follows from its output.
    pub activation: Activation,
    /// The forward pass's input, where the weights' gradient is wanted.
    pub x: Option<Images<'a>>,
    /// The forward pass's output.
    pub y: Images<'a>,
    /// Its winners, where it pooled.
    pub winners: Option<&'a [u8]>,
    /// The gradient of the output.
    pub dy: Images<'a>,
    /// The weights packed for `gradient`, where the input's gradient is wanted.
    pub panels: Option<&'a [f32]>,
}

/// What [`Backward::run`] gives.
pub struct Gradients {
    /// That of the input, channels last, where wanted.
    pub x: Option<Vec<f32>>,
    /// That of the forward weights in their panels, where wanted.
    pub panels: Option<Vec<f32>>,
    /// That of the bias.
    pub bias: Vec<f32>,
}

impl Backward<'_> {
    /// Computes the gradients.
    pub fn run(&self, level: Level) -> Gradients {
        let (plan, gradient) = (self.plan, self.gradient);
        let batch = self.dy.dims[0];
        assert_eq!(self.dy.dims, self.y.dims);
        assert!(self.x.is_none_or(|x| x.dims[0] == batch));
        assert!(self.panels.is_none_or(|p| p.len() == gradient.panels_len()));
        assert!(
            self.winners
                .is_none_or(|w| w.len() == self.y.dims.iter().product::<usize>())
        );
        let images = images_per_task(batch);
        let tasks = batch.div_ceil(images);
        let dx_len = self.panels.map_or(0, |_| plan.input_len());
        let panels_len = self.x.map_or(0, |_| plan.panels_len());
        // Both sums of a task lie together.
        let sums_len = panels_len + padded(plan.outputs);
        let mut dx = fresh(batch * dx_len);
        let mut sums = fresh(tasks * sums_len);
        let run = |first: usize, dx: &mut [MaybeUninit<f32>], sums: &mut [MaybeUninit<f32>]| {
            sums.fill(MaybeUninit::new(0.0));
            // SAFETY: all values have been written just now.
            let sums: &mut [f32] = unsafe { std::mem::transmute(sums) };
            let (panels, bias) = sums.split_at_mut(panels_len);
            let count = images.min(batch - first);
            let task = Task {
                layer: self,
                images: first..first + count,
                dx,
                panels,
                bias,
            };
            dispatch(level, task);
        };
        let sums_chunks = sums.par_chunks_mut(sums_len).enumerate();
        if dx_len > 0 {
            sums_chunks
                .zip(dx.par_chunks_mut(images * dx_len))
                .for_each(|((i, sums), dx)| run(i * images, dx, sums));
        } else {
            sums_chunks.for_each(|(i, sums)| run(i * images, &mut [], sums));
        }
        // SAFETY: each task filled its sums with zeros at least.
        let sums = unsafe { written(sums) };
        let mut total = vec![0.0; sums_len];
        for sums in sums.chunks_exact(sums_len) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        let bias = total[panels_len..][..plan.outputs].to_vec();
        total.truncate(panels_len);
        Gradients {
            // SAFETY: each task writes every value of its images.
            x: self.panels.map(|_| unsafe { written(dx) }),
            panels: self.x.map(|_| total),
            bias,
        }
    }
}

/// Some images of the batch, on one thread.
struct Task<'a> {
    layer: &'a Backward<'a>,
    images: std::ops::Range<usize>,
    /// The input's gradient of these images, or empty.
    dx: &'a mut [MaybeUninit<f32>],
    /// To add the weights' gradient to, or empty.
    panels: &'a mut [f32],
    /// To add the bias's gradient to.
    bias: &'a mut [f32],
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Backward { plan, gradient, .. } = *self.layer;
        // A vector may read beyond the last channel of the last pixel.
        let mut g = Scratch::zeros(gradient.haloed_len() + WIDE);
        let mut haloed = Scratch::zeros(self.layer.x.map_or(0, |_| plan.haloed_len()));
        let no_bias = Scratch::zeros(padded(gradient.outputs));
        for (n, image) in self.images.clone().enumerate() {
            self.layer.output_gradient(image, &mut g);
            // SAFETY: the caller has the instructions of `I`; the buffers have the lengths that
            // the plans ask for, and `dx` is as long as the images' gradients.
            unsafe {
                add_pixels::<I>(gradient, &g, self.bias);
                if let Some(x) = self.layer.x {
                    x.copy_haloed(image, &plan.rows, &plan.columns, &mut haloed);
                    add_products::<I>(plan, gradient, &haloed, &g, self.panels);
                }
                if let Some(panels) = self.layer.panels {
                    let dx = &mut self.dx[n * plan.input_len()..][..plan.input_len()];
                    convolve::<I>(gradient, &g, panels, &no_bias, dx.as_mut_ptr().cast());
                }
            }
        }
    }
}

impl Backward<'_> {
    /// The gradient of the sums of one image, before activation and pooling, in the haloed layout.
    #[inline(always)]
    fn output_gradient(&self, image: usize, g: &mut [f32]) {
        let [_, channels, height, width] = self.dy.dims;
        let gradient = self.gradient;
        let mut y_row = Scratch::zeros(width * channels);
        let mut dy_row = Scratch::zeros(width * channels);
        for y in 0..height {
            self.dy.copy_row(image, y, &mut dy_row);
            if self.activation != Activation::None {
                self.y.copy_row(image, y, &mut y_row);
                self.activation.apply_backward(&mut dy_row, &y_row);
            }
            let Some(winners) = self.winners else {
                let start =
                    (y + gradient.rows.halo) * gradient.row() + gradient.columns.halo * channels;
                g[start..][..width * channels].copy_from_slice(&dy_row);
                continue;
            };
            let winners = &winners[(image * height + y) * width * channels..][..width * channels];
            for place in 0..4 {
                let row = 2 * y + place / 2;
                if row >= gradient.rows.input {
                    continue;
                }
                for x in 0..width {
                    let column = 2 * x + place % 2;
                    if column >= gradient.columns.input {
                        continue;
                    }
                    let start = (row + gradient.rows.halo) * gradient.row()
                        + (column + gradient.columns.halo) * channels;
                    let at = x * channels..(x + 1) * channels;
                    let values = dy_row[at.clone()].iter().zip(&winners[at]);
                    for (g, (&dy, &winner)) in g[start..][..channels].iter_mut().zip(values) {
                        *g = if usize::from(winner) == place {
                            dy
                        } else {
                            0.0
                        };
                    }
                }
            }
        }
        debug_assert!(self.winners.is_none() || pooled(self.plan) == [height, width]);
    }
}

/// Adds every pixel of the gradient to the bias's.
///
/// # Safety
/// The processor has the instructions of `I`.
#[inline(always)]
unsafe fn add_pixels<I: Isa>(gradient: &Plan, g: &[f32], bias: &mut [f32]) {
    let channels = gradient.inputs;
    for block in blocks(channels) {
        let first =
            gradient.rows.halo * gradient.row() + gradient.columns.halo * channels + block.first;
        assert!(g.len() >= gradient.haloed_len() + WIDE && bias.len() >= block.first + block.width);
        // SAFETY: the interior lies in `g`, which is longer by a vector; `bias` covers the block.
        unsafe {
            let (g, bias) = (g.as_ptr().add(first), bias.as_mut_ptr().add(block.first));
            if block.width == WIDE {
                sum_pixels::<I::Wide>(gradient, g, bias);
            } else {
                sum_pixels::<I::Narrow>(gradient, g, bias);
            }
        }
    }
}

/// # Safety
/// The processor has the instructions of `V`; `g` is valid for a vector at every pixel, `bias` for
/// one.
#[inline(always)]
unsafe fn sum_pixels<V: Vector>(gradient: &Plan, g: *const f32, bias: *mut f32) {
    // SAFETY: the caller's contract. Four sums, since one would wait for each addition.
    unsafe {
        let mut sums = [V::splat(0.0); 4];
        for y in 0..gradient.rows.input {
            let row = g.add(y * gradient.row());
            for x in 0..gradient.columns.input {
                let sum = &mut sums[x % 4];
                *sum = sum.add(V::load(row.add(x * gradient.inputs)));
            }
        }
        let sum = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
        sum.add(V::load(bias)).store(bias);
    }
}

/// Adds the products of one image with the gradient of its sums to the panels of the forward plan.
///
/// # Safety
/// The processor has the instructions of `I`.
#[inline(always)]
unsafe fn add_products<I: Isa>(
    plan: &Plan,
    gradient: &Plan,
    haloed: &[f32],
    g: &[f32],
    panels: &mut [f32],
) {
    assert!(haloed.len() >= plan.haloed_len() && g.len() >= gradient.haloed_len() + WIDE);
    assert!(panels.len() >= plan.panels_len());
    let (inputs, outputs) = (plan.inputs, plan.outputs);
    for pair in plan.pairs() {
        let (rows, columns) = (pair.rows, pair.columns);
        let panel = &mut panels[pair.index * plan.panel_len()..][..plan.panel_len()];
        let walk = Walk {
            rows: rows.count,
            columns: columns.count,
            x_row: plan.rows.step * plan.row(),
            x_pixel: plan.columns.step * inputs,
            g_row: rows.step * gradient.row(),
            g_pixel: columns.step * outputs,
        };
        let g_first = (rows.first + gradient.rows.halo) * gradient.row()
            + (columns.first + gradient.columns.halo) * outputs;
        for block in blocks(outputs) {
            let out = &mut panel[plan.block_start(block)..];
            for row in 0..plan.rows.taps {
                let x_first = (rows.start + row) * plan.row() + columns.start * inputs;
                // SAFETY: the plan's windows lie in the haloed image, its output pixels in the
                // haloed gradient, which is longer by a vector; `out` has a vector per value.
                unsafe {
                    let x = haloed.as_ptr().add(x_first);
                    let g = g.as_ptr().add(g_first + block.first);
                    let out = out[row * plan.run() * block.width..].as_mut_ptr();
                    if block.width == WIDE {
                        tile::products::<I::Wide>(x, g, walk, out, plan.run());
                    } else {
                        tile::products::<I::Narrow>(x, g, walk, out, plan.run());
                    }
                }
            }
        }
    }
}
