//! Sample: reads an image of whole numbers between its pixels, as floats in [0, 1].

use crate::level;
use crate::stored::Stored;
use crate::vectorise::vectorise;

/// The largest height or width of an image, in pixels: positions are `f32`, which resolve hundredths of
/// a pixel up to this size.
const LARGEST_SIDE: usize = 1 << 16;

/// Black columns to the left of an image, and rows above it: a place at most one pixel before the
/// first is read, and the pixel before that.
const BEFORE: usize = 2;

/// Black columns to the left and right of an image together, and rows above and below it: a place
/// at most one pixel behind the last is read, and the two behind that.
const FRAME: usize = BEFORE + 3;

/// Interpolation between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Linear interpolation between the four nearest pixels. It blurs.
    #[default]
    Bilinear,
    /// Cubic convolution of the sixteen nearest pixels (Keys 1981, a = -1/2), clipped to [0, 1]: edges
    /// stay sharp. Four times the work.
    Bicubic,
}

/// Reads one channel of an image at positions between its pixels, divided by white. Everything beyond the
/// border is black, so the last pixel fades to black over the width of one pixel. A position on a pixel
/// gives exactly the same value as [`gather`](crate::gather).
///
/// # Shapes
/// - `pixels`: `height * width` values
/// - `xs`, `ys`: places in pixels, counted from the middle of the first one, rightwards and
///   downwards; what is not a number counts as outside
/// - `padded`: working memory, which is reused from call to call
/// - `out`: one value per position
///
/// # Panics
/// If the lengths differ, or a side is above 65,536 pixels.
pub fn sample<T: Stored>(
    pixels: &[T],
    [height, width]: [usize; 2],
    xs: &[f32],
    ys: &[f32],
    interpolation: Interpolation,
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
        let rows = padded.chunks_exact_mut(stride).skip(BEFORE);
        for (padded, row) in rows.zip(pixels.chunks_exact(width)) {
            for (value, &pixel) in padded[BEFORE..].iter_mut().zip(row) {
                *value = pixel.float();
            }
        }
    }
    let size = [height, width];
    let level = level::current();
    match interpolation {
        Interpolation::Bilinear => bilinear(level, padded, size, xs, ys, T::WHITE, out),
        Interpolation::Bicubic => bicubic(level, padded, size, xs, ys, T::WHITE, out),
    }
}

vectorise! {
    /// `padded` is an image of this height and width in its frame.
    fn bilinear(padded: &[f32], size: [usize; 2], xs: &[f32], ys: &[f32], white: f32, out: &mut [f32]) {
        let [height, width] = size;
        assert_eq!(padded.len(), (height + FRAME) * (width + FRAME));
        let stride = (width + FRAME) as i32;
        let (right, bottom) = ((width + BEFORE) as f32, (height + BEFORE) as f32);
        for ((out, &x), &y) in out.iter_mut().zip(xs).zip(ys) {
            // In the frame's coordinates, up to a pixel outside; further out all is black as there.
            let x = (x + BEFORE as f32).max(1.0).min(right);
            let y = (y + BEFORE as f32).max(1.0).min(bottom);
            // SAFETY: both are numbers of [1, 65,538], for max() leaves no NaN.
            let (column, row) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
            let (across, down) = (x - column as f32, y - row as f32);
            let start = row as isize * stride as isize + column as isize;
            // SAFETY: `row` is at most `height + 2` and `column` at most `width + 2`, so that the
            // place one further right and one further down is still among the padded values.
            let at = |offset: i32| unsafe {
                *padded.get_unchecked((start + offset as isize) as usize)
            };
            let between = |from: f32, to: f32, share: f32| from + share * (to - from);
            let above = between(at(0), at(1), across);
            let below = between(at(stride), at(stride + 1), across);
            // The sum may be rounded to above white where all four are.
            *out = between(above, below, down).min(white) / white;
        }
    }
}

vectorise! {
    /// `padded` is an image of this height and width in its frame.
    fn bicubic(padded: &[f32], size: [usize; 2], xs: &[f32], ys: &[f32], white: f32, out: &mut [f32]) {
        let [height, width] = size;
        assert_eq!(padded.len(), (height + FRAME) * (width + FRAME));
        let stride = (width + FRAME) as i32;
        let (right, bottom) = ((width + BEFORE) as f32, (height + BEFORE) as f32);
        for ((out, &x), &y) in out.iter_mut().zip(xs).zip(ys) {
            let x = (x + BEFORE as f32).max(1.0).min(right);
            let y = (y + BEFORE as f32).max(1.0).min(bottom);
            // SAFETY: both are numbers of [1, 65,538], for max() leaves no NaN.
            let (column, row) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
            let (across, down) = (x - column as f32, y - row as f32);
            let start = row as isize * stride as isize + column as isize;
            // SAFETY: `row` and `column` are at least 1 and at most `height + 2` and `width + 2`, so
            // that places from one before to two behind are among the padded values.
            let at = |offset: i32| unsafe {
                *padded.get_unchecked((start + offset as isize) as usize)
            };
            let between = |a: f32, b: f32, c: f32, d: f32, share: f32| {
                let cube = 1.5 * (b - c) + 0.5 * (d - a);
                let square = a - 2.5 * b + 2.0 * c - 0.5 * d;
                b + share * (0.5 * (c - a) + share * (square + share * cube))
            };
            let along = |from: i32| {
                between(at(from - 1), at(from), at(from + 1), at(from + 2), across)
            };
            let value = between(along(-stride), along(0), along(stride), along(2 * stride), down);
            *out = value.clamp(0.0, white) / white;
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
        read(places, Interpolation::Bilinear)
    }

    fn read(places: &[(f32, f32)], interpolation: Interpolation) -> Vec<f32> {
        let (xs, ys): (Vec<f32>, Vec<f32>) = places.iter().copied().unzip();
        let run = |level| {
            let mut out = vec![7.0; places.len()];
            let mut padded = vec![9.0; 100];
            with(level, || {
                sample(
                    &PIXELS,
                    SIZE,
                    &xs,
                    &ys,
                    interpolation,
                    &mut padded,
                    &mut out,
                )
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
        assert_eq!(read(&places, Interpolation::Bicubic), expected);
    }

    #[test]
    fn a_place_between_pixels_gives_their_mean_by_distance() {
        let found = at(&[(0.5, 0.0), (0.0, 0.25), (1.5, 0.5), (0.9, 2.0)]);
        let expected = [15.0, 20.0, 45.0, 255.0].map(|it| it / 255.0);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// Against the kernel of Keys (1981) itself, in f64.
    #[test]
    fn a_place_between_pixels_gives_their_cubic_convolution() {
        let kernel = |x: f64| match x.abs() {
            x if x <= 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
            x if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
            _ => 0.0,
        };
        let places: Vec<(f32, f32)> = (0..500)
            .map(|i| (i as f32 * 0.0117 - 1.0, (i * 7 % 500) as f32 * 0.0081 - 1.0))
            .collect();
        let found = read(&places, Interpolation::Bicubic);
        for ((x, y), found) in places.into_iter().zip(found) {
            let mut sum = 0.0;
            for (i, &pixel) in PIXELS.iter().enumerate() {
                let (column, row) = ((i % 4) as f64, (i / 4) as f64);
                let weight = kernel(f64::from(x) - column) * kernel(f64::from(y) - row);
                sum += f64::from(pixel) * weight;
            }
            let inside = (-1.0..=4.0).contains(&x) && (-1.0..=3.0).contains(&y);
            let expected = if inside {
                sum.clamp(0.0, 255.0) / 255.0
            } else {
                0.0
            };
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{x} {y}: {found} {expected}"
            );
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
        let cubic = read(&places, Interpolation::Bicubic);
        assert!(cubic.iter().all(|&it| it == 0.0), "{cubic:?}");
    }

    #[test]
    fn no_place_gives_more_than_white() {
        let places: Vec<(f32, f32)> = (0..4000)
            .map(|i| ((i % 63) as f32 / 61.0, 2.0 + (i / 63) as f32 / 63.1))
            .collect();
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            let found = read(&places, interpolation);
            assert!(found.iter().all(|it| (0.0..=1.0).contains(it)));
        }
    }
}
