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

#[cfg(test)]
mod tests {
    use burn::prelude::*;

    use super::{Drawn, blur};
    use crate::fixtures::{assert_close, device, host, pictures};

    /// The convolution by its definition, in f64: every pixel within reach, in both directions at once.
    fn convolved(picture: &[f32], [height, width]: [usize; 2], sigma: f64, reach: i64) -> Vec<f64> {
        let weight = |d: i64| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp();
        let sum: f64 = (-reach..=reach).map(weight).sum();
        let at = |y: i64, x: i64| {
            let y = y.clamp(0, height as i64 - 1) as usize;
            let x = x.clamp(0, width as i64 - 1) as usize;
            f64::from(picture[y * width + x])
        };
        let places = (0..height as i64).flat_map(|y| (0..width as i64).map(move |x| (y, x)));
        let of = |(y, x)| {
            let mut value = 0.0;
            for down in -reach..=reach {
                for right in -reach..=reach {
                    value += weight(down) * weight(right) * at(y + down, x + right);
                }
            }
            value / (sum * sum)
        };
        places.map(of).collect()
    }

    /// A kernel that fits into the picture, one that is wider, and a single row.
    #[test]
    fn it_is_the_convolution_with_the_border_repeated() {
        for (sigma, reach, shape) in [
            (0.8, 3, [2, 9, 12]),
            (2.5, 8, [1, 5, 6]),
            (1.0, 3, [3, 1, 7]),
            (0.3, 1, [1, 4, 4]),
        ] {
            let x = pictures(3, shape, 1);
            let found = host(&blur(x.clone(), Drawn::Same(sigma), sigma));
            let size = [shape[1], shape[2]];
            let planes = host(&x);
            let planes = planes.chunks(shape[1] * shape[2]);
            let expected: Vec<f64> = planes
                .flat_map(|plane| convolved(plane, size, sigma, reach))
                .collect();
            assert_close(&found, &expected, 1e-6, &format!("sigma {sigma}"));
        }
    }

    #[test]
    fn each_picture_is_blurred_by_its_own() {
        let sigmas = [0.0, 0.7, 2.0];
        let each = Tensor::<1>::from_floats(sigmas, &device()).reshape([3, 1, 1, 1]);
        let x = pictures(3, [2, 8, 9], 2);
        let found = host(&blur(x.clone(), Drawn::Each(each), 2.0));
        let before = host(&x);
        let values = 2 * 8 * 9;
        // A picture that drew none stays as it is.
        let same: Vec<f64> = before[..values].iter().map(|&v| f64::from(v)).collect();
        assert_close(&found[..values], &same, 1e-6, "none");
        for (number, sigma) in [(1, 0.7), (2, 2.0)] {
            let planes = before[number * values..][..values].chunks(8 * 9);
            let expected: Vec<f64> = planes
                .flat_map(|plane| convolved(plane, [8, 9], sigma, 6))
                .collect();
            let found = &found[number * values..][..values];
            assert_close(found, &expected, 1e-6, &format!("sigma {sigma}"));
        }
    }
}
