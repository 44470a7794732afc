//! What of a picture is measured: all of it, or what a field's tables are of.

use std::borrow::Cow;

use model::ImageShape;
use serde::Serialize;

/// Red, green and blue in Y, of values in [0, 1]: ITU-R BT.601 with head room, as MATLAB's `rgb2ycbcr`.
const Y: [f64; 3] = [65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0];

/// Y of black.
const BLACK: f64 = 16.0 / 255.0;

/// The channels that PSNR and SSIM are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// All of them.
    #[default]
    All,
    /// Luma (Y of YCbCr) of colour pictures, which tables of super-resolution are of; grey pictures are
    /// their own.
    Y,
}

/// What PSNR and SSIM are measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct View {
    /// The channels.
    pub channels: Channels,
    /// Pixels that are left out at each border.
    pub crop: usize,
}

impl View {
    /// The shape of what is measured of a picture; `None` if nothing would be left.
    pub fn shape(&self, [channels, height, width]: ImageShape) -> Option<ImageShape> {
        let channels = match (self.channels, channels) {
            (Channels::Y, 3) => 1,
            _ => channels,
        };
        let left = |side: usize| {
            side.checked_sub(self.crop.checked_mul(2)?)
                .filter(|it| *it > 0)
        };
        Some([channels, left(height)?, left(width)?])
    }

    /// What is measured of pictures `[n, channels, height, width]` of the shape.
    pub fn of<'a>(&self, pictures: &'a [f32], shape: ImageShape) -> Cow<'a, [f32]> {
        if *self == Self::default() {
            return Cow::Borrowed(pictures);
        }
        let [channels, height, width] = shape;
        let plane = (height * width).max(1);
        let planes = match (self.channels, channels) {
            (Channels::Y, 3) => Cow::Owned(
                pictures
                    .chunks_exact(3 * plane)
                    .flat_map(|it| y(it, plane))
                    .collect(),
            ),
            _ => Cow::Borrowed(pictures),
        };
        if self.crop == 0 {
            return planes;
        }
        let within = |side: usize| self.crop..side.saturating_sub(self.crop).max(self.crop);
        let cropped = planes.chunks_exact(plane).flat_map(|plane| {
            let rows = plane.chunks_exact(width.max(1));
            let rows = rows.take(within(height).end).skip(self.crop);
            rows.flat_map(|row| row.get(within(width)).unwrap_or_default())
        });
        Cow::Owned(cropped.copied().collect())
    }

    /// What it is, in words; `None` if it is all of a picture.
    pub fn words(&self) -> Option<String> {
        let crop = match self.crop {
            0 => None,
            crop => Some(format!(
                "without {} at each border",
                data::counted(crop, "pixel")
            )),
        };
        let channels = match self.channels {
            Channels::All => None,
            Channels::Y => Some("on Y of YCbCr".to_owned()),
        };
        let parts: Vec<String> = channels.into_iter().chain(crop).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Y of a picture `[3, pixels]`.
fn y(picture: &[f32], plane: usize) -> Vec<f32> {
    let [red, green, blue] =
        [0, 1, 2].map(|channel| picture.get(channel * plane..).unwrap_or_default());
    let pixels = red.iter().zip(green).zip(blue).take(plane);
    let luma = pixels.map(|((red, green), blue)| {
        let weighted = [*red, *green, *blue].into_iter().zip(Y);
        let sum: f64 = weighted
            .map(|(value, weight)| f64::from(value) * weight)
            .sum();
        (BLACK + sum) as f32
    });
    luma.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LUMA: View = View {
        channels: Channels::Y,
        crop: 0,
    };

    /// What MATLAB's documentation of `rgb2ycbcr` gives: 16 to 235 for bytes.
    #[test]
    fn luma_is_that_of_rgb2ycbcr() {
        let colours = [
            ([0.0, 0.0, 0.0], 16.0),
            ([1.0, 1.0, 1.0], 235.0),
            ([1.0, 0.0, 0.0], 81.481),
            ([0.0, 1.0, 0.0], 144.553),
            ([0.0, 0.0, 1.0], 40.966),
        ];
        for (colour, expected) in colours {
            let found = LUMA.of(&colour, [3, 1, 1]).into_owned();
            assert!(
                (f64::from(found[0]) * 255.0 - expected).abs() < 1e-4,
                "{colour:?} {found:?}"
            );
        }
        assert_eq!(LUMA.shape([3, 5, 7]), Some([1, 5, 7]));
        assert_eq!(LUMA.of(&[0.25, 0.5], [1, 1, 2]).as_ref(), [0.25, 0.5]);
    }

    #[test]
    fn a_border_is_left_out_of_each_plane_of_each_picture() {
        let view = View {
            crop: 1,
            ..View::default()
        };
        let values: Vec<f32> = (0..2 * 2 * 12).map(|it| it as f32).collect();
        let found = view.of(&values, [2, 3, 4]).into_owned();
        let expected: Vec<f32> = (0..4)
            .flat_map(|plane| [plane as f32 * 12.0 + 5.0, plane as f32 * 12.0 + 6.0])
            .collect();
        assert_eq!(found, expected);
        assert_eq!(view.shape([2, 3, 4]), Some([2, 1, 2]));
        assert_eq!(view.shape([2, 2, 4]), None);
        assert_eq!(
            View {
                crop: usize::MAX,
                ..view
            }
            .shape([2, 3, 4]),
            None
        );
    }

    #[test]
    fn words_say_what_is_measured() {
        assert_eq!(View::default().words(), None);
        let both = View { crop: 2, ..LUMA };
        assert_eq!(
            both.words().as_deref(),
            Some("on Y of YCbCr, without 2 pixels at each border")
        );
    }
}
