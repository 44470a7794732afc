//! Colour from grey: the mean colour of the training pixels with each grey level. Also the perceived
//! difference of colours.

use data::View;
use model::corruption::LUMA;
use rayon::prelude::*;

/// Number of grey levels: those of a byte.
const LEVELS: usize = 256;

/// Pixels per piece of work.
const PIECE: usize = 1 << 22;

/// The mean colour of each grey level; red, green and blue in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct MeanColours([[f32; 3]; LEVELS]);

/// Sums of the colours of each level, and their number.
type Sums = Vec<[u64; 4]>;

impl MeanColours {
    /// Learns from pictures `[picture, 3, pixels]` of `plane` pixels each, as bytes. Levels without any pixel stay
    /// grey.
    pub fn of<'a>(pictures: impl Into<View<'a>>, plane: usize) -> Self {
        let pictures = pictures.into();
        let none = || vec![[0u64; 4]; LEVELS];
        let add = |mut sums: Sums, picture: &[u8]| {
            let (red, rest) = picture.split_at(plane);
            let (green, blue) = rest.split_at(plane);
            for ((&red, &green), &blue) in red.iter().zip(green).zip(blue) {
                let color = [red, green, blue];
                let luma: f64 = (color.iter().zip(LUMA))
                    .map(|(&value, weight)| f64::from(value) * weight)
                    .sum();
                if let Some(sum) = sums.get_mut(luma.round() as usize) {
                    for (sum, value) in sum.iter_mut().zip(color) {
                        *sum += u64::from(value);
                    }
                    sum[3] += 1;
                }
            }
            sums
        };
        let join = |mut one: Sums, other: Sums| {
            for (one, other) in one.iter_mut().zip(other) {
                one.iter_mut().zip(other).for_each(|(one, it)| *one += it);
            }
            one
        };
        let picture = (3 * plane).max(1);
        let piece = (PIECE / picture).max(1) * picture;
        let pieces: Vec<View<'_>> = pictures.chunks(piece).collect();
        let sums = (pieces.into_par_iter())
            .map(|piece| piece.bytes().chunks_exact(picture).fold(none(), add))
            .reduce(none, join);
        Self(std::array::from_fn(|level| match sums.get(level) {
            Some(&[red, green, blue, count]) if count > 0 => {
                [red, green, blue].map(|sum| (sum as f64 / count as f64 / 255.0) as f32)
            }
            _ => [level as f32 / 255.0; 3],
        }))
    }

    /// A picture `[3, pixels]` from a grey one `[pixels]` in [0, 1].
    pub fn paint(&self, grey: &[f32]) -> Vec<f32> {
        let level = |value: f32| ((value * 255.0).round() as usize).min(LEVELS - 1);
        (0..3)
            .flat_map(|channel| grey.iter().map(move |&it| self.0[level(it)][channel]))
            .collect()
    }
}

/// The mean distance in the a*b* plane between the pixels of two sRGB pictures `[3, pixels]` in
/// [0, 1].
pub(super) fn ab_error(one: &[f32], other: &[f32]) -> f64 {
    let plane = (one.len() / 3).max(1);
    let pixel = |picture: &[f32], at: usize| ab([0, 1, 2].map(|it| picture[it * plane + at]));
    let distance = |at: usize| {
        let ([a, b], [c, d]) = (pixel(one, at), pixel(other, at));
        f64::from((a - c).hypot(b - d))
    };
    (0..one.len() / 3).map(distance).sum::<f64>() / plane as f64
}

/// a* and b* of an sRGB colour in [0, 1]: CIE 1976 with D65 white, as in IEC 61966-2-1.
fn ab(srgb: [f32; 3]) -> [f32; 2] {
    /// Red, green and blue in X, Y and Z, each divided by that of white.
    const XYZ: [[f32; 3]; 3] = [
        [
            0.412_453 / 0.950_47,
            0.357_58 / 0.950_47,
            0.180_423 / 0.950_47,
        ],
        [0.212_671, 0.715_16, 0.072_169],
        [
            0.019_334 / 1.088_83,
            0.119_193 / 1.088_83,
            0.950_227 / 1.088_83,
        ],
    ];
    let linear = srgb.map(|value| {
        if value > 0.04045 {
            ((value + 0.055) / 1.055).powf(2.4)
        } else {
            value / 12.92
        }
    });
    // The cube root, with a straight line below (6 / 29)^3.
    let [x, y, z] = XYZ.map(|row| {
        let share: f32 = row.iter().zip(linear).map(|(weight, it)| weight * it).sum();
        if share > 0.008_856 {
            share.cbrt()
        } else {
            7.787 * share + 16.0 / 116.0
        }
    });
    [500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grey_level_gets_the_mean_of_its_colours() {
        // Two pixels of level 100 and one of level 200, in two pictures.
        let pictures = [100, 200, 100, 200, 100, 200, 200, 0, 72, 0, 79, 0];
        let colours = MeanColours::of(&pictures, 2);
        let painted = colours.paint(&[100.0 / 255.0, 200.0 / 255.0, 0.5, 0.0]);
        let wanted = [
            [150.0, 200.0, 128.0, 0.0],
            [86.0, 200.0, 128.0, 0.0],
            [89.5, 200.0, 128.0, 0.0],
        ];
        for (found, wanted) in painted.iter().zip(wanted.as_flattened()) {
            assert!((found * 255.0 - wanted).abs() < 1e-3, "{painted:?}");
        }
    }

    /// What scikit-image's `rgb2lab` gives.
    #[test]
    fn colours_lie_where_cielab_has_them() {
        for (srgb, wanted) in [
            ([1.0, 0.0, 0.0], [80.0942, 67.2015]),
            ([0.0, 1.0, 0.0], [-86.1813, 83.1775]),
            ([0.0, 0.0, 1.0], [79.1940, -107.8554]),
            ([1.0, 1.0, 1.0], [0.0, 0.0]),
            ([0.02, 0.02, 0.02], [0.0, 0.0]),
        ] {
            let found = ab(srgb);
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 0.02, "{srgb:?}: {found} {wanted}");
            }
        }
    }

    #[test]
    fn the_error_is_the_mean_distance() {
        let red_and_grey = [1.0, 0.5, 0.0, 0.5, 0.0, 0.5];
        let grey = [0.5; 6];
        let error = ab_error(&red_and_grey, &grey);
        assert!(
            (error - 80.0942f64.hypot(67.2015) / 2.0).abs() < 0.02,
            "{error}"
        );
        assert_eq!(ab_error(&grey, &grey), 0.0);
    }
}
