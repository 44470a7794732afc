//! Dense: the gradients of a layer without pooling, whose every output value has one.

use super::Task;
use crate::Activation;
use crate::conv::doubling::Doubling;
use crate::conv::forward::Weights;
use crate::conv::grid::{self, Terms};
use crate::conv::image::Scratch;
use crate::conv::plan::{Order, Pair, Plan, blocks, padded};
use crate::conv::tile::{self, Walk};
use crate::simd::{Isa, Kernel, NARROW, Vector, WIDE};

/// How the weight's gradient is computed: a vector over the output channels, or over the window
/// where a few output channels would leave most lanes empty.
pub fn order(plan: &Plan) -> Order {
    let run = plan.run();
    let lanes = padded(plan.outputs) * run;
    let windows = plan.outputs * run.next_multiple_of(if run <= NARROW { NARROW } else { WIDE });
    if windows < lanes {
        Order::Windows
    } else {
        Order::Lanes
    }
}

/// A task of the backward pass.
pub struct Dense<'a> {
    pub(super) task: Task<'a>,
    /// The weight for the input's gradient, if requested.
    pub weights: Option<&'a Weights<'a>>,
}

impl Kernel for Dense<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Dense { task, weights } = self;
        let layer = task.layer;
        let (plan, gradient) = (layer.plan, layer.gradient);
        // A vector may read beyond the last channel of the last pixel.
        let mut g = Scratch::zeros(gradient.haloed_len() + WIDE);
        let mut haloed = Scratch::zeros(layer.x.map_or(0, |_| plan.haloed_len() + WIDE));
        let mut scratch = Scratch::zeros(weights.map_or(0, |weights| weights.scratch_len(false)));
        let no_bias = Scratch::zeros(padded(gradient.outputs));
        let places: Vec<Places> = match task.order {
            Order::Windows => plan
                .pairs()
                .map(|pair| Places::new(plan, gradient, pair))
                .collect(),
            Order::Lanes => Vec::new(),
        };
        for (n, image) in task.images.clone().enumerate() {
            task.output_gradient(image, &mut g);
            // SAFETY: the caller has the instructions of `I`; the buffers have the lengths that
            // the plans ask for, and `dx` is as long as the images' gradients.
            unsafe {
                add_pixels::<I>(gradient, &g, task.bias_sums);
                if let Some(x) = layer.x {
                    x.copy_haloed(image, &plan.rows, &plan.columns, &mut haloed);
                    match task.order {
                        Order::Lanes => {
                            add_products::<I>(plan, gradient, &haloed, &g, task.weight_sums)
                        }
                        Order::Windows => {
                            add_windows::<I>(plan, &places, &haloed, &g, task.weight_sums)
                        }
                    }
                }
                if let Some(weights) = weights {
                    let dx = &mut task.dx[n * plan.input_len()..][..plan.input_len()];
                    let (dx, none) = (dx.as_mut_ptr().cast(), std::ptr::null_mut());
                    weights.image::<I>(&g, &no_bias, &mut scratch, dx, none);
                }
            }
        }
    }
}

/// A task of the backward pass of a layer that doubles its input.
pub struct Doubled<'a> {
    pub(super) task: Task<'a>,
    /// The layer's sizes.
    pub doubling: &'a Doubling,
    /// The weights of the points for the input's gradient, if requested.
    pub points: Option<&'a [f32]>,
}

impl Kernel for Doubled<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Doubled {
            task,
            doubling,
            points,
        } = self;
        let layer = task.layer;
        let (plan, gradient) = (layer.plan, layer.gradient);
        let mut g = Scratch::zeros(gradient.haloed_len() + WIDE);
        let mut gradients = Scratch::zeros(doubling.gradients_len());
        let is_weight_wanted = layer.x.is_some();
        let len = |wanted: bool, len: usize| if wanted { len } else { 0 };
        let mut haloed = Scratch::zeros(len(is_weight_wanted, plan.haloed_len() + WIDE));
        let mut planes = Scratch::zeros(len(is_weight_wanted, doubling.planes_len()));
        let mut scratch = Scratch::zeros(len(points.is_some(), doubling.input_scratch_len()));
        for (n, image) in task.images.clone().enumerate() {
            task.output_gradient(image, &mut g);
            // SAFETY: the caller has the instructions of `I`; `dx` is as long as the images'
            // gradients.
            unsafe {
                add_pixels::<I>(gradient, &g, task.bias_sums);
                doubling.gradients::<I::Single>(&g, &mut gradients);
                if let Some(x) = layer.x {
                    x.copy_haloed(image, &plan.rows, &plan.columns, &mut haloed);
                    doubling.planes::<I::Single>(&haloed, &mut planes);
                    doubling.add_weight::<I>(&planes, &gradients, task.weight_sums);
                }
                if let Some(points) = points {
                    let dx = &mut task.dx[n * plan.input_len()..][..plan.input_len()];
                    let dx = dx.as_mut_ptr().cast();
                    doubling.input::<I>(points, &gradients, &mut scratch, dx);
                }
            }
        }
    }
}

impl Task<'_> {
    /// The gradient of the sums of one image, before the activation, in the haloed layout.
    #[inline(always)]
    fn output_gradient(&self, image: usize, g: &mut [f32]) {
        let (dy, y) = (self.layer.dy, self.layer.y);
        let [_, channels, height, width] = dy.dims;
        let gradient = self.layer.gradient;
        let mut kept = Scratch::zeros(width * channels);
        for row in 0..height {
            let start =
                (row + gradient.rows.halo) * gradient.row() + gradient.columns.halo * channels;
            let g = &mut g[start..][..width * channels];
            dy.copy_row(image, row, g);
            if self.layer.activation != Activation::None {
                let kept = y.row_or_copy(image, row, &mut kept);
                self.layer.activation.apply_backward(g, kept);
            }
        }
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
    assert!(panels.len() >= plan.panels_len(Order::Lanes));
    let (inputs, outputs) = (plan.inputs, plan.outputs);
    for pair in plan.pairs() {
        let (rows, columns) = (pair.rows, pair.columns);
        let panel = &mut panels[pair.index * plan.panel_len(Order::Lanes)..]
            [..plan.panel_len(Order::Lanes)];
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

/// As [`add_products`], for panels in [`Order::Windows`].
///
/// # Safety
/// The processor has the instructions of `I`.
#[inline(always)]
unsafe fn add_windows<I: Isa>(
    plan: &Plan,
    places: &[Places],
    haloed: &[f32],
    g: &[f32],
    panels: &mut [f32],
) {
    assert!(haloed.len() >= plan.haloed_len() + WIDE);
    assert!(panels.len() >= plan.panels_len(Order::Windows));
    let pixels = plan.rows.output * plan.columns.output;
    let mut numbers = Scratch::zeros(pixels);
    let window = plan.window();
    let window_len = window.rows * window.len;
    let panels = panels.chunks_exact_mut(plan.panel_len(Order::Windows));
    for (panel, places) in panels.zip(places) {
        for o in 0..plan.outputs {
            let count = places.x.len();
            for (number, &place) in numbers.iter_mut().zip(&places.g) {
                *number = g[place as usize + o];
            }
            let terms = Terms {
                g: numbers.as_ptr(),
                g_step: 1,
                place: places.x.as_ptr(),
                place_step: 1,
                count,
            };
            let out = panel[o * window_len..][..window_len].as_mut_ptr();
            // SAFETY: the places are those of the plan's windows in the haloed image, which is
            // longer by a vector; `out` is a window.
            unsafe {
                if window.len <= NARROW {
                    grid::gather::<I::Narrow>(haloed.as_ptr(), window, terms, out);
                } else {
                    grid::gather::<I::Wide>(haloed.as_ptr(), window, terms, out);
                }
            }
        }
    }
}

/// For each output pixel of a class pair, where its window starts in the haloed input, and where
/// its gradient is in the haloed gradient.
struct Places {
    x: Vec<u32>,
    g: Vec<u32>,
}

impl Places {
    fn new(plan: &Plan, gradient: &Plan, pair: Pair) -> Places {
        let mut places = Places {
            x: Vec::with_capacity(pair.rows.count * pair.columns.count),
            g: Vec::with_capacity(pair.rows.count * pair.columns.count),
        };
        for i in 0..pair.rows.count {
            let x_row = (pair.rows.start + i * plan.rows.step) * plan.row();
            let g_row =
                (pair.rows.first + i * pair.rows.step + gradient.rows.halo) * gradient.row();
            for j in 0..pair.columns.count {
                let x = pair.columns.start + j * plan.columns.step;
                let g = pair.columns.first + j * pair.columns.step + gradient.columns.halo;
                places.x.push((x_row + x * plan.inputs) as u32);
                places.g.push((g_row + g * plan.outputs) as u32);
            }
        }
        places
    }
}
