//! Resampling: pictures made smaller by one filter or another, and larger by bicubic interpolation;
//! one after the other they are the corruption `downscale`.

use burn::prelude::*;

use super::filter::{apply, matrix};
use crate::config::ShrinkFilter;

/// Pictures `[batch, C, ceil(H / factor), ceil(W / factor)]` from `[batch, C, H, W]`; `factor` is at
/// least 1. The values of `bicubic` may leave [0, 1] a little.
///
/// - mean: each pixel is the mean of a cell of factor x factor pixels; cells that the border cuts have
///   fewer.
/// - bicubic: the cubic of [`enlarge`], `factor` times as wide, around the middle of each cell. Beyond
///   the border the picture goes on as in a mirror that repeats the border's pixels, as in MATLAB's
///   `imresize`.
pub fn shrink(images: Tensor<4>, factor: usize, filter: ShrinkFilter) -> Tensor<4> {
    let device = images.device();
    let [_, _, height, width] = images.dims();
    let along = |pixels: usize| {
        let shape = [pixels.div_ceil(factor), pixels];
        match filter {
            ShrinkFilter::Mean => matrix(shape, &device, |cell, pixel| {
                let held = factor.min(pixels - cell * factor);
                if pixel / factor == cell {
                    1.0 / held as f64
                } else {
                    0.0
                }
            }),
            ShrinkFilter::Bicubic => {
                let weights: Vec<Vec<f64>> = (0..shape[0])
                    .map(|cell| stretched(cell, factor, pixels))
                    .collect();
                matrix(shape, &device, |cell, pixel| weights[cell][pixel])
            }
        }
    };
    let (rows, columns) = (along(height), along(width));
    apply(images, rows, columns)
}

/// The weight of each of so many pixels in the pixel that stands for a cell.
fn stretched(cell: usize, factor: usize, pixels: usize) -> Vec<f64> {
    let scale = factor as f64;
    let middle = (cell as f64 + 0.5) * scale - 0.5;
    let reach = 2.0 * scale;
    let mut weights = vec![0.0; pixels];
    let mut sum = 0.0;
    let (first, last) = (
        (middle - reach).ceil() as i64,
        (middle + reach).floor() as i64,
    );
    for place in first..=last {
        let weight = catmull_rom((place as f64 - middle).abs() / scale);
        weights[mirrored(place, pixels)] += weight;
        sum += weight;
    }
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// The pixel that is seen at a place beyond the border, in a mirror behind the last pixel.
fn mirrored(place: i64, pixels: usize) -> usize {
    let pixels = pixels as i64;
    let place = place.rem_euclid(2 * pixels);
    place.min(2 * pixels - 1 - place) as usize
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
        let weights = interpolation([to, from], factor);
        matrix([to, from], &device, |output, input| {
            weights[output * from + input]
        })
    };
    let (rows, columns) = (interpolate(size[0], height), interpolate(size[1], width));
    apply(images, rows, columns).clamp(0.0, 1.0)
}

/// What [`enlarge`] multiplies by along one axis: the weights `[to, from]` of so many pixels in those that they become,
/// row by row.
pub fn interpolation([to, from]: [usize; 2], factor: usize) -> Vec<f64> {
    // Distances of an output's middle from those of inputs, in inputs.
    let distance =
        |output: usize, input: usize| (output as f64 + 0.5) / factor as f64 - (input as f64 + 0.5);
    let row = |output: usize| {
        let taps = (0..from).map(move |input| catmull_rom(distance(output, input).abs()));
        let sum: f64 = taps.clone().sum();
        taps.map(move |tap| tap / sum)
    };
    (0..to).flat_map(row).collect()
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

#[cfg(test)]
mod tests {
    use burn::prelude::*;
    use serde_json::Value;

    use super::ShrinkFilter::{Bicubic, Mean};
    use super::{enlarge, shrink};
    use crate::Noise;
    use crate::config::Corruption;
    use crate::fixtures::{assert_close, device, host, pictures};
    use crate::noise::Source;

    /// Pillow computes in f32 and in another order.
    const TOLERANCE: f64 = 2e-6;

    /// The six cases of a file of fixtures.
    fn cases(file: &str) -> Vec<Value> {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/");
        let text = std::fs::read_to_string(fixtures.to_owned() + file).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        let cases: Vec<Value> = serde_json::from_value(file["cases"].take()).unwrap();
        assert_eq!(cases.len(), 6);
        cases
    }

    fn numbers(case: &Value, key: &str) -> Vec<f64> {
        serde_json::from_value(case[key].clone()).unwrap()
    }

    /// A case's picture, and the factor that makes it smaller.
    fn picture(case: &Value) -> (Tensor<4>, usize) {
        let values: Vec<f32> = (numbers(case, "picture").into_iter())
            .map(|v| v as f32)
            .collect();
        let [height, width]: [usize; 2] = serde_json::from_value(case["shape"].clone()).unwrap();
        let data = TensorData::new(values, [1, 1, height, width]);
        let factor = case["factor"].as_u64().unwrap() as usize;
        (Tensor::from_data(data, &device()), factor)
    }

    /// `tests/fixtures/pillow/make.py` wrote what Pillow makes of pictures whose sides are multiples of
    /// the factor, and of some whose sides are not.
    #[test]
    fn pictures_become_smaller_and_larger_as_in_pillow() {
        for case in cases("pillow/resample.json") {
            let (picture, factor) = picture(&case);
            let check = |found: &Tensor<4>, key: &str| {
                let what = format!("{key} by {factor} of {}", case["shape"]);
                assert_close(&host(found), &numbers(&case, key), TOLERANCE, &what);
            };
            let [_, _, height, width] = picture.dims();
            let small = shrink(picture.clone(), factor, Mean);
            check(&small, "small");
            check(&enlarge(small.clone(), factor, [height, width]), "large");
            let [_, _, rows, columns] = small.dims();
            let whole = [rows * factor, columns * factor];
            check(&enlarge(small, factor, whole), "whole");
            let mut source = Source::new(Noise::Host { seed: 0 }, 0, &device());
            let filter = Mean;
            let both = Corruption::Downscale { factor, filter }
                .apply(picture, &mut source)
                .0;
            check(&both, "large");
        }
    }

    /// `tests/fixtures/resize-right/make.py` wrote what ResizeRight makes of pictures, which follows
    /// MATLAB's `imresize`.
    #[test]
    fn the_bicubic_filter_is_that_of_imresize() {
        for case in cases("resize-right/imresize.json") {
            let (picture, factor) = picture(&case);
            let [_, _, height, width] = picture.dims();
            let small = shrink(picture, factor, Bicubic);
            let what = format!("by {factor} of {}", case["shape"]);
            assert_eq!(
                small.dims()[2..],
                [height.div_ceil(factor), width.div_ceil(factor)]
            );
            assert_close(&host(&small), &numbers(&case, "small"), TOLERANCE, &what);
        }
    }

    /// Of a batch with channels, each plane alone.
    #[test]
    fn planes_do_not_mix() {
        let x = pictures(3, [2, 7, 6], 4);
        for filter in [Mean, Bicubic] {
            let down_and_up = |x: Tensor<4>| host(&enlarge(shrink(x, 3, filter), 3, [7, 6]));
            let together = down_and_up(x.clone());
            let apart: Vec<f64> = (0..6)
                .flat_map(|plane| {
                    let one = x.clone().narrow(0, plane / 2, 1).narrow(1, plane % 2, 1);
                    down_and_up(one).into_iter().map(f64::from)
                })
                .collect();
            assert_close(&together, &apart, 1e-6, "planes");
        }
    }

    #[test]
    fn a_picture_of_one_grey_stays_it() {
        for (shape, filter) in [
            ([1, 1, 1, 1], Mean),
            ([1, 1, 9, 7], Mean),
            ([2, 3, 1, 5], Mean),
            ([1, 1, 1, 1], Bicubic),
            ([1, 1, 9, 7], Bicubic),
            ([2, 3, 1, 5], Bicubic),
        ] {
            let grey = Tensor::<4>::full(shape, 0.6, &device());
            let found = host(&enlarge(shrink(grey, 4, filter), 4, [shape[2], shape[3]]));
            let expected = vec![0.6; found.len()];
            assert_close(&found, &expected, 1e-6, "grey");
        }
    }
}
