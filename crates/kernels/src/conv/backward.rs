//! Backward: the gradients of a convolution layer, one image at a time as in the forward pass.
//!
//! The weights' gradients are summed over a fixed number of images for each task, and the sums of
//! the tasks are added in their order, so that results are the same for any number of threads and
//! any timing.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::doubling::Doubling;
use super::forward::{Weights, images_per_task};
use super::image::Images;
use super::plan::{Order, Plan, padded};
use crate::Activation;
use crate::host::{fresh, written};
use crate::level::Level;
use crate::simd::dispatch;

mod dense;
mod sparse;

/// A layer whose gradients are computed.
pub struct Backward<'a> {
    /// The forward sums.
    pub plan: &'a Plan,
    /// The sums that give the input's gradient from that of the output.
    pub gradient: &'a Plan,
    /// The forward pass's activation, one whose derivative follows from its output.
    pub activation: Activation,
    /// The forward pass's input, if the weights' gradient is requested.
    pub x: Option<Images<'a>>,
    /// The forward pass's output.
    pub y: Images<'a>,
    /// Its winners, where it pooled.
    pub winners: Option<&'a [u8]>,
    /// The gradient of the output.
    pub dy: Images<'a>,
    /// The weight, if the input's gradient is requested.
    pub weight: Option<&'a [f32]>,
}

/// About the most values that the sums of all tasks take, 4 MiB.
const SUMS: usize = 1 << 20;
/// But no fewer tasks than this, where there are as many images.
const LEAST_TASKS: usize = 8;
/// Values that one thread adds up over all tasks.
const CHUNK: usize = 4096;

/// The result of [`Backward::run`].
pub struct Gradients {
    /// That of the input, channels last, if requested.
    pub x: Option<Vec<f32>>,
    /// That of the weight, if requested.
    pub weight: Option<Vec<f32>>,
    /// That of the bias.
    pub bias: Vec<f32>,
}

impl Backward<'_> {
    /// Computes the gradients.
    pub fn run(&self, level: Level) -> Gradients {
        let plan = self.plan;
        let [batch, _, _, _] = self.dy.dims;
        assert_eq!(self.dy.dims, self.y.dims);
        assert!(self.x.is_none_or(|x| x.dims[0] == batch));
        let area = plan.area();
        let (weight_len, strides) = (
            plan.inputs * plan.outputs * area,
            [plan.inputs * area, area],
        );
        assert!(self.weight.is_none_or(|weight| weight.len() == weight_len));
        let doubling = Doubling::new(plan);
        // Where pooling leaves most gradients zero, each of the others meets whole windows.
        let order = match (self.winners, &doubling) {
            (Some(_), _) => Order::Windows,
            (None, Some(_)) => Order::Lanes,
            (None, None) => dense::order(plan),
        };
        let layout = doubling.as_ref().map_or(plan, Doubling::layout);
        let (mut weights, mut windows, mut points) = (None, None, None);
        if let Some(weight) = self.weight {
            let exchanged = [area, plan.inputs * area];
            match (self.winners, &doubling) {
                (Some(_), _) => windows = Some(plan.pack(Order::Windows, weight, strides)),
                (None, Some(doubling)) => {
                    let layout = doubling.gradient_layout();
                    points = Some(layout.pack(Order::Lanes, weight, exchanged));
                }
                (None, None) => weights = Some(Weights::new(self.gradient, weight, exchanged)),
            }
        }
        let dx_len = self.weight.map_or(0, |_| plan.input_len());
        let panels_len = self.x.map_or(0, |_| layout.panels_len(order));
        // Both sums of a task lie together.
        let sums_len = panels_len + padded(plan.outputs);
        // Large weights in few tasks, so that their sums stay small beside the images; this too
        // depends on shapes alone.
        let most = (SUMS / sums_len).clamp(LEAST_TASKS, batch.max(LEAST_TASKS));
        let images = images_per_task(batch).max(batch.div_ceil(most));
        let tasks = batch.div_ceil(images);
        let mut dx = fresh(batch * dx_len);
        let mut sums = fresh(tasks * sums_len);
        let run = |first: usize, dx: &mut [MaybeUninit<f32>], sums: &mut [MaybeUninit<f32>]| {
            sums.fill(MaybeUninit::new(0.0));
            // SAFETY: all values have been written just now.
            let sums: &mut [f32] = unsafe { std::mem::transmute(sums) };
            let (weight_sums, bias_sums) = sums.split_at_mut(panels_len);
            let task = Task {
                layer: self,
                images: first..batch.min(first + images),
                order,
                dx,
                weight_sums,
                bias_sums,
            };
            match (self.winners, &doubling) {
                (Some(winners), _) => {
                    let windows = windows.as_deref();
                    dispatch(
                        level,
                        sparse::Sparse {
                            task,
                            winners,
                            windows,
                        },
                    );
                }
                (None, Some(doubling)) => {
                    let points = points.as_deref();
                    dispatch(
                        level,
                        dense::Doubled {
                            task,
                            doubling,
                            points,
                        },
                    );
                }
                (None, None) => {
                    let weights = weights.as_ref();
                    dispatch(level, dense::Dense { task, weights });
                }
            }
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
        let totals = total.par_chunks_mut(CHUNK).enumerate();
        totals.for_each(|(i, total)| {
            for sums in sums.chunks_exact(sums_len) {
                for (total, sum) in total.iter_mut().zip(&sums[i * CHUNK..]) {
                    *total += sum;
                }
            }
        });
        Gradients {
            // SAFETY: each task writes every value of its images.
            x: self.weight.map(|_| unsafe { written(dx) }),
            weight: self
                .x
                .map(|_| layout.unpack(order, &total[..panels_len], strides)),
            bias: total[panels_len..][..plan.outputs].to_vec(),
        }
    }
}

/// Some images of the batch, on one thread.
struct Task<'a> {
    layer: &'a Backward<'a>,
    images: Range<usize>,
    /// How the weight's gradient lies.
    order: Order,
    /// The input's gradient of these images, or empty.
    dx: &'a mut [MaybeUninit<f32>],
    /// To add the weight's gradient to, or empty.
    weight_sums: &'a mut [f32],
    /// To add the bias's gradient to.
    bias_sums: &'a mut [f32],
}
