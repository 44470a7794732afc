//! Blur: the picture convolved with a Gaussian, which spreads each pixel as a lens out of focus does.

use burn::prelude::*;

use super::Drawn;
use super::filter::{apply, matrix, positions};

/// The kernel ends after so many standard deviations: what lies beyond is 0.3 % of a Gaussian.
const REACH: f64 = 3.0;

/// The least standard deviation in pixels that is told apart from none, which would be divided by.
/// A kernel of it is a single pixel: its next weight, `exp(-1 / 2e-6)`, is no f32.
const LEAST_SIGMA: f64 = 1e-3;

/// Pictures `[batch, C, H, W]` blurred with `sigma`, of which `highest` is the greatest; the kernel
/// reaches `ceil(3 highest)` pixels. Pixels beyond the border are those of the border.
pub(super) fn blur(images: Tensor<4>, sigma: Drawn, highest: f64) -> Tensor<4> {
    let device = images.device();
    let [_, _, height, width] = images.dims();
    let sigma = match sigma {
        Drawn::Same(sigma) => Tensor::full([1, 1, 1, 1], sigma, &device),
        Drawn::Each(sigmas) => sigmas,
    };
    // -1 / (2 sigma^2)
    let slope = sigma.clamp_min(LEAST_SIGMA).square().recip() * -0.5;
    let reach = (REACH * highest).ceil() as usize;
    let rows = spread(height, reach, slope.clone());
    let columns = spread(width, reach, slope);
    apply(images, rows, columns)
}

/// The matrix `[1 or batch, 1, pixels, pixels]` of the convolution along one axis.
fn spread(pixels: usize, reach: usize, slope: Tensor<4>) -> Tensor<4> {
    let device = slope.device();
    // Of each pixel to each of the row that is longer by the reach at both ends.
    let longer = pixels + 2 * reach;
    let at = positions(pixels, &device) + reach as f64;
    let distance = positions(longer, &device).swap_dims(2, 3) - at;
    let beyond = distance.clone().abs().greater_elem(reach as f64);
    let weights = (distance.square() * slope).exp();
    let [batch, ..] = weights.dims();
    let weights = weights.mask_fill(beyond.expand([batch, 1, pixels, longer]), 0.0);
    let weights = weights.clone() / weights.sum_dim(3);
    // What falls beyond an end falls on its pixel.
    let last = pixels.saturating_sub(1);
    let fold = matrix([longer, pixels], &device, |from, to| {
        let pixel = from.saturating_sub(reach).min(last);
        f64::from(u8::from(pixel == to))
    });
    weights.matmul(fold)
}
