//! Resampling: pictures made smaller by the mean of cells, and larger by bicubic interpolation; one
//! after the other they are the corruption `downscale`.

use burn::prelude::*;

use super::filter::{apply, matrix};

/// Pictures `[batch, C, ceil(H / factor), ceil(W / factor)]` from `[batch, C, H, W]`: each pixel is the
/// mean of a cell of factor x factor pixels. Cells that the border cuts have fewer. `factor` is at
/// least 1.
pub fn shrink(images: Tensor<4>, factor: usize) -> Tensor<4> {
    let device = images.device();
    let [_, _, height, width] = images.dims();
    let means = |pixels: usize| {
        matrix([pixels.div_ceil(factor), pixels], &device, |cell, pixel| {
            let held = factor.min(pixels - cell * factor);
            if pixel / factor == cell {
                1.0 / held as f64
            } else {
                0.0
            }
        })
    };
    let (rows, columns) = (means(height), means(width));
    apply(images, rows, columns)
}

/// Pictures `[batch, C, H, W]` in [0, 1], of `size` = `[H, W]`, from smaller ones by bicubic
/// interpolation: `factor` pixels for each pixel along both axes, of which those beyond `size` are cut
/// off; it is at most `factor` times the smaller size. So the size of a pixel is the same whether
/// [`shrink`] had whole cells or not.
///
/// The filter is Catmull and Rom's (1974), of which taps beyond the border are left out, as in the
/// `CatmullRom` of the crate `image` and the `BICUBIC` of Pillow.
pub fn enlarge(images: Tensor<4>, factor: usize, size: [usize; 2]) -> Tensor<4> {
    let device = images.device();
    let [_, _, height, width] = images.dims();
    let interpolate = |to: usize, from: usize| {
        // Distances of an output's middle from those of inputs, in inputs.
        let distance = |output: usize, input: usize| {
            (output as f64 + 0.5) / factor as f64 - (input as f64 + 0.5)
        };
        let tap = |output: usize, input: usize| catmull_rom(distance(output, input).abs());
        let sums: Vec<f64> = (0..to)
            .map(|output| (0..from).map(|input| tap(output, input)).sum())
            .collect();
        matrix([to, from], &device, |output, input| {
            tap(output, input) / sums.get(output).copied().unwrap_or(1.0)
        })
    };
    let (rows, columns) = (interpolate(size[0], height), interpolate(size[1], width));
    apply(images, rows, columns).clamp(0.0, 1.0)
}

/// The cubic of Keys (1981) with a = -0.5 at a distance from its middle.
fn catmull_rom(distance: f64) -> f64 {
    const A: f64 = -0.5;
    if distance < 1.0 {
        ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
    } else if distance < 2.0 {
        A * (((distance - 5.0) * distance + 8.0) * distance - 4.0)
    } else {
        0.0
    }
}
