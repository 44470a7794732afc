//! Sample: an image of bytes read between its pixels, as floats in [0, 1].

use crate::level;
use crate::vectorise::vectorise;

/// The largest height or width of an image, in pixels: places are `f32`, which tell the hundredths
/// of a pixel apart up to here.
const LARGEST_SIDE: usize = 1 << 16;

/// Black columns to the left and right of an image together, and rows above and below it: one
/// before it, and behind it the one that a place on its far end reads with a weight of zero.
const FRAME: usize = 3;

/// Reads one channel of an image at places between its pixels: bilinear interpolation of the four
/// around each place, divided by 255. Beyond the border everything is black, so that the last
/// pixel fades to it over the width of one. A place on a pixel gives it exactly as
/// [`gather`](crate::gather) does.
///
/// # Shapes
/// - `pixels`: `height * width` bytes
/// - `xs`, `ys`: places in pixels, counted from the middle of the first one, rightwards and
///   downwards; what is no number counts as outside
/// - `padded`: room to work in, whose memory is reused from call to call
/// - `out`: as many values as there are places
///
/// # Panics
/// Where lengths do not agree, or a side is above 65,536 pixels.
pub fn sample(
    pixels: &[u8],
    [height, width]: [usize; 2],
    xs: &[f32],
    ys: &[f32],
    padded: &mut Vec<f32>,
    out: &mut [f32],
) {
    assert!(height <= LARGEST_SIDE && width <= LARGEST_SIDE);
    assert_eq!(pixels.len(), height * width);
    assert!(xs.len() == out.len() && ys.len() == out.len());
    let stride = width + FRAME;
    padded.clear();
    padded.resize(stride * (height + FRAME), 0.0);
    if !pixels.is_empty() {
        let rows = padded.chunks_exact_mut(stride).skip(1);
        for (padded, row) in rows.zip(pixels.chunks_exact(width)) {
            for (value, &pixel) in padded[1..].iter_mut().zip(row) {
                *value = f32::from(pixel);
            }
        }
    }
    let size = [height, width];
    interpolate(level::current(), padded, size, xs, ys, out);
}

vectorise! {
    /// `padded` is an image of this height and width in its frame.
    fn interpolate(padded: &[f32], size: [usize; 2], xs: &[f32], ys: &[f32], out: &mut [f32]) {
        let [height, width] = size;
        assert_eq!(padded.len(), (height + FRAME) * (width + FRAME));
        let stride = (width + FRAME) as i32;
        let (right, bottom) = ((width + 1) as f32, (height + 1) as f32);
        for ((out, &x), &y) in out.iter_mut().zip(xs).zip(ys) {
            // In the frame's coordinates. Outside of it all is black, as it is on its edge.
            let x = (x + 1.0).max(0.0).min(right);
            let y = (y + 1.0).max(0.0).min(bottom);
            // SAFETY: both are numbers of [0, 65,537], for max() leaves no NaN.
            let (column, row) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
            let (across, down) = (x - column as f32, y - row as f32);
            let start = row as isize * stride as isize + column as isize;
            // SAFETY: `row` is at most `height + 1` and `column` at most `width + 1`, so that the
            // place one further right and one further down is still among the padded values.
            let at = |offset: i32| unsafe {
                *padded.get_unchecked((start + offset as isize) as usize)
            };
            let between = |from: f32, to: f32, share: f32| from + share * (to - from);
            let above = between(at(0), at(1), across);
            let below = between(at(stride), at(stride + 1), across);
            // The sum may be rounded to above 255 where all four are.
            *out = between(above, below, down).min(255.0) / 255.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::with;

    const SIZE: [usize; 2] = [3, 4];
    const PIXELS: [u8; 12] = [10, 20, 30, 40, 50, 60, 70, 80, 255, 255, 0, 255];

    fn at(places: &[(f32, f32)]) -> Vec<f32> {
        let (xs, ys): (Vec<f32>, Vec<f32>) = places.iter().copied().unzip();
        let run = |level| {
            let mut out = vec![7.0; places.len()];
            let mut padded = vec![9.0; 100];
            with(level, || {
                sample(&PIXELS, SIZE, &xs, &ys, &mut padded, &mut out)
            });
            out
        };
        let [portable, others @ ..] = level::ALL.map(run);
        for other in others {
            assert_eq!(portable, other, "a level differs");
        }
        portable
    }

    #[test]
    fn a_place_on_a_pixel_gives_it_exactly() {
        let places: Vec<(f32, f32)> = (0..12).map(|i| ((i % 4) as f32, (i / 4) as f32)).collect();
        let expected: Vec<f32> = PIXELS.iter().map(|&it| f32::from(it) / 255.0).collect();
        assert_eq!(at(&places), expected);
    }

    #[test]
    fn a_place_between_pixels_gives_their_mean_by_distance() {
        let found = at(&[(0.5, 0.0), (0.0, 0.25), (1.5, 0.5), (0.9, 2.0)]);
        let expected = [15.0, 20.0, 45.0, 255.0].map(|it| it / 255.0);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn beyond_the_border_the_image_fades_to_black() {
        let found = at(&[(-0.5, 0.0), (3.25, 0.0), (3.0, 2.5), (0.0, -0.5)]);
        let expected = [5.0, 30.0, 127.5, 5.0].map(|it| it / 255.0);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let far = [-1.0, 4.0, 1e30, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let places: Vec<(f32, f32)> = far.iter().flat_map(|&it| [(it, 1.0), (1.0, it)]).collect();
        assert!(at(&places)[..2].iter().all(|&it| it == 0.0));
        assert!(at(&places)[4..].iter().all(|&it| it == 0.0));
    }

    #[test]
    fn no_place_gives_more_than_white() {
        let places: Vec<(f32, f32)> = (0..4000)
            .map(|i| ((i % 63) as f32 / 61.0, 2.0 + (i / 63) as f32 / 63.1))
            .collect();
        assert!(at(&places).iter().all(|it| (0.0..=1.0).contains(it)));
    }
}
