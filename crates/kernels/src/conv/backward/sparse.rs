//! Sparse: the gradients of a layer with pooling, in which one value in four at most has one. Each
//! meets the window of its pixel: the image's for the weight's gradient, the weight's for the
//! input's gradient.

use std::mem::MaybeUninit;

use super::Task;
use crate::conv::grid::{self, Terms};
use crate::conv::image::{Scratch, copy};
use crate::conv::plan::{Order, Plan, blocks};
use crate::simd::{Isa, Kernel, NARROW, Vector, WIDE};

/// A task of the backward pass of a layer with pooling.
pub struct Sparse<'a> {
    pub(super) task: Task<'a>,
    /// For each value of the output, which pixel of its pooling window it came from.
    pub winners: &'a [u8],
    /// The weight in [`Order::Windows`], if the input's gradient is requested.
    pub windows: Option<&'a [f32]>,
}

/// Places in a pooling window.
const PLACES: usize = 4;

impl Kernel for Sparse<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Sparse {
            task,
            winners,
            windows,
        } = self;
        let (layer, plan) = (task.layer, task.layer.plan);
        let [_, channels, height, width] = layer.dy.dims;
        let len = channels * height * width;
        let mut g = Scratch::zeros(len + WIDE);
        let mut kept = Scratch::zeros(len);
        let mut haloed = Scratch::zeros(layer.x.map_or(0, |_| plan.haloed_len() + WIDE));
        let mut spread = Scratch::zeros(layer.weight.map_or(0, |_| plan.haloed_len()));
        let mut places = vec![0; layer.x.map_or(0, |_| len)];
        // A vector may read beyond the last channel of the last pixel.
        let mut own = vec![0; len + WIDE];
        for (n, image) in task.images.clone().enumerate() {
            layer.dy.copy_image(image, &mut g);
            if layer.activation != crate::Activation::None {
                let kept = match layer.y.image(image) {
                    Some(kept) => kept,
                    None => {
                        layer.y.copy_image(image, &mut kept);
                        &kept
                    }
                };
                layer.activation.apply_backward(&mut g[..len], kept);
            }
            own[..len].copy_from_slice(&winners[image * len..][..len]);
            for pixel in g[..len].chunks_exact(channels) {
                for (sum, g) in task.bias_sums.iter_mut().zip(pixel) {
                    *sum += g;
                }
            }
            // SAFETY: the caller has the instructions of `I`; winners are less than 4, since the
            // forward pass wrote them, and none lies beyond an odd border.
            unsafe {
                if let Some(x) = layer.x {
                    x.copy_haloed(image, &plan.rows, &plan.columns, &mut haloed);
                    find_places(plan, [height, width], &own, &mut places);
                    add_windows::<I>(plan, &haloed, &g, &places, task.weight_sums);
                }
                if let Some(panels) = windows {
                    spread.fill(0.0);
                    add_spread::<I>(plan, [height, width], panels, &own, &g, &mut spread);
                    let dx = &mut task.dx[n * plan.input_len()..][..plan.input_len()];
                    write_interior(plan, &spread, dx);
                }
            }
        }
    }
}

/// Where the window of a pooling window's first pixel starts.
#[inline(always)]
fn corner(plan: &Plan, y: usize, x: usize) -> usize {
    2 * y * plan.row() + 2 * x * plan.inputs
}

/// For each value of the gradient, where its pixel's window starts in the haloed image.
#[inline(always)]
fn find_places(plan: &Plan, [height, width]: [usize; 2], winners: &[u8], places: &mut [u32]) {
    let channels = plan.outputs;
    let (row, pixel) = (plan.row() as u32, plan.inputs as u32);
    let pixels = places
        .chunks_exact_mut(channels)
        .zip(winners.chunks_exact(channels));
    for (at, (places, winners)) in pixels.take(height * width).enumerate() {
        let corner = corner(plan, at / width, at % width) as u32;
        for (place, &winner) in places.iter_mut().zip(winners) {
            let winner = u32::from(winner);
            *place = corner + (winner >> 1) * row + (winner & 1) * pixel;
        }
    }
}

/// Adds the weight's gradient of one image to panels in [`Order::Windows`].
///
/// # Safety
/// The processor has the instructions of `I`; `places` are windows of the haloed image.
#[inline(always)]
unsafe fn add_windows<I: Isa>(
    plan: &Plan,
    haloed: &[f32],
    g: &[f32],
    places: &[u32],
    panels: &mut [f32],
) {
    assert!(haloed.len() >= plan.haloed_len() + WIDE && g.len() >= places.len());
    let window = plan.window();
    let window_len = window.rows * window.len;
    for (o, out) in panels.chunks_exact_mut(window_len).enumerate() {
        let terms = Terms {
            g: g[o..].as_ptr(),
            g_step: plan.outputs,
            place: places[o..].as_ptr(),
            place_step: plan.outputs,
            count: places.len() / plan.outputs,
        };
        // SAFETY: the terms of channel `o` lie in `g` and `places`; the windows lie in the haloed
        // image, which is longer by a vector; `out` is a window.
        unsafe {
            if window.len <= NARROW {
                grid::gather::<I::Narrow>(haloed.as_ptr(), window, terms, out.as_mut_ptr());
            } else {
                grid::gather::<I::Wide>(haloed.as_ptr(), window, terms, out.as_mut_ptr());
            }
        }
    }
}

/// Adds the input's gradient of one image in the haloed layout.
///
/// # Safety
/// The processor has the instructions of `I`; no winner lies beyond an odd border.
#[inline(always)]
unsafe fn add_spread<I: Isa>(
    plan: &Plan,
    [height, width]: [usize; 2],
    panels: &[f32],
    winners: &[u8],
    g: &[f32],
    spread: &mut [f32],
) {
    let window = plan.window();
    let window_len = window.rows * window.len;
    let channels = plan.outputs;
    assert!(panels.len() >= plan.panels_len(Order::Windows) + WIDE);
    assert!(spread.len() >= plan.haloed_len());
    assert!(winners.len() >= height * width * channels + WIDE && g.len() >= winners.len());
    for block in blocks(channels) {
        for y in 0..height {
            for x in 0..width {
                let at = (y * width + x) * channels + block.first;
                // SAFETY: the block's values lie in `g` and `winners`, which are longer by a
                // vector; the panels hold a window for each of its channels and those beyond the
                // block are masked out; a winner's window lies in `spread`.
                unsafe {
                    let (g, winners) = (g.as_ptr().add(at), winners.as_ptr().add(at));
                    let w = panels.as_ptr().add(block.first * window_len);
                    let masks = if block.width == WIDE {
                        masks::<I::Wide>(g, winners, block.lanes)
                    } else {
                        masks::<I::Narrow>(g, winners, block.lanes)
                    };
                    for (place, &mask) in masks.iter().enumerate() {
                        if mask == 0 {
                            continue;
                        }
                        let offset = (place >> 1) * plan.row() + (place & 1) * plan.inputs;
                        let to = spread.as_mut_ptr().add(corner(plan, y, x) + offset);
                        if window.len <= NARROW {
                            grid::scatter::<I::Narrow>(to, window, w, mask, g);
                        } else {
                            grid::scatter::<I::Wide>(to, window, w, mask, g);
                        }
                    }
                }
            }
        }
    }
}

/// For each place of a pooling window, the channels that it won and whose gradient is not zero.
///
/// # Safety
/// The processor has the instructions of `V`; both pointers are valid for a vector.
#[inline(always)]
unsafe fn masks<V: Vector>(g: *const f32, winners: *const u8, lanes: usize) -> [u64; PLACES] {
    // SAFETY: the caller's contract.
    unsafe {
        let alive = V::load(g).nonzero() & ((1 << lanes) - 1);
        let mut masks = [alive; PLACES];
        for (place, mask) in masks.iter_mut().enumerate() {
            *mask &= V::equal_bytes(winners, place as u8);
        }
        masks
    }
}

/// Copies an image without the zeros around it.
#[inline(always)]
fn write_interior(plan: &Plan, haloed: &[f32], out: &mut [MaybeUninit<f32>]) {
    let len = plan.columns.input * plan.inputs;
    for (y, out) in out.chunks_exact_mut(len).enumerate() {
        let start = (y + plan.rows.halo) * plan.row() + plan.columns.halo * plan.inputs;
        let from = &haloed[start..][..len];
        // SAFETY: the two types have one layout, and no value is made uninitialised.
        let from: &[MaybeUninit<f32>] = unsafe { std::mem::transmute(from) };
        copy(from, out);
    }
}
