//! Linear filters of the crate `image` on pictures with float values in [0, 1]: Gaussian filters and
//! interpolation.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};

/// A plane in the crate's type.
type Plane<'a> = ImageBuffer<Luma<f32>, &'a [f32]>;

/// Applies a filter to each plane of a picture `[channels, height, width]`. A plane that the filter
/// cannot handle stays unchanged.
fn each_plane(
    picture: &[f32],
    [height, width]: [usize; 2],
    filter: impl Fn(&Plane) -> Vec<f32>,
) -> Vec<f32> {
    let filtered = |plane| {
        let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        Some(filter(&ImageBuffer::from_raw(width, height, plane)?))
    };
    (picture.chunks_exact((height * width).max(1)))
        .flat_map(|plane: &[f32]| filtered(plane).unwrap_or_else(|| plane.to_vec()))
        .collect()
}

/// A picture convolved with a Gaussian of this standard deviation, above 0 and in pixels.
pub(super) fn gaussian(picture: &[f32], size: [usize; 2], sigma: f64) -> Vec<f32> {
    each_plane(picture, size, |plane| {
        imageops::blur(plane, sigma as f32).into_raw()
    })
}

/// An unsharp mask: adds `amount` times the detail that a Gaussian removes, clipped to [0, 1].
pub(super) fn unsharp(picture: &[f32], size: [usize; 2], sigma: f64, amount: f64) -> Vec<f32> {
    let mut sharp = gaussian(picture, size, sigma);
    for (blurred, &value) in sharp.iter_mut().zip(picture) {
        *blurred = (value + amount as f32 * (value - *blurred)).clamp(0.0, 1.0);
    }
    sharp
}

/// Enlarges a picture of height and width `small` by `factor` along both axes, in [0, 1]; pixels
/// beyond `size` are cut off.
pub(super) fn enlarge(
    picture: &[f32],
    small: [usize; 2],
    factor: usize,
    [height, width]: [usize; 2],
    filter: FilterType,
) -> Vec<f32> {
    let [whole_height, whole_width] = small.map(|side| side * factor);
    let whole = each_plane(picture, small, |plane| {
        let (width, height) = (plane.width(), plane.height());
        let factor = factor as u32;
        imageops::resize(plane, width * factor, height * factor, filter).into_raw()
    });
    (whole.chunks_exact((whole_height * whole_width).max(1)))
        .flat_map(|plane| plane.chunks_exact(whole_width).take(height))
        .flat_map(|row| row.iter().take(width))
        .map(|value| value.clamp(0.0, 1.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use model::corruption::resample;

    use super::*;

    /// Values in [0, 1) that look like nothing in particular.
    fn noise(count: usize) -> Vec<f32> {
        let place = (0..count as u32).map(|at| at.wrapping_mul(2_654_435_761));
        place
            .map(|it| (it >> 8) as f32 / (1 << 24) as f32)
            .collect()
    }

    #[test]
    fn bicubic_is_what_the_corruption_enlarges_by() {
        for (small, factor, size) in [
            ([5, 7], 2, [9, 14]),
            ([4, 4], 3, [11, 10]),
            ([1, 3], 4, [2, 9]),
        ] {
            let picture = noise(3 * small[0] * small[1]);
            let data = TensorData::new(picture.clone(), [1, 3, small[0], small[1]]);
            let tensor = Tensor::<4>::from_data(data, &Device::default());
            let wanted = resample::enlarge(tensor, factor, size).into_data();
            let wanted = wanted.try_to_vec::<f32>().unwrap();
            let found = enlarge(&picture, small, factor, size, FilterType::CatmullRom);
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 1e-5, "{small:?}: {found} {wanted}");
            }
        }
    }

    #[test]
    fn flat_pictures_stay_flat_whatever_their_size() {
        for size in [[1, 1], [1, 9], [3, 2], [40, 30]] {
            let flat = vec![0.3; 3 * size[0] * size[1]];
            for sigma in [0.4, 3.0] {
                for filtered in [
                    gaussian(&flat, size, sigma),
                    unsharp(&flat, size, sigma, 2.0),
                ] {
                    assert_eq!(filtered.len(), flat.len());
                    assert!(
                        filtered.iter().all(|it| (it - 0.3).abs() < 1e-5),
                        "{size:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_gaussian_spreads_and_an_unsharp_mask_gathers() {
        let mut picture = vec![0.0; 81];
        picture[40] = 1.0;
        let blurred = gaussian(&picture, [9, 9], 1.0);
        // 1 / (2 pi sigma^2) in the middle, a little more for what the kernel's end cuts off.
        assert!((blurred[40] - 0.162).abs() < 0.01, "{}", blurred[40]);
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let sharp = unsharp(&blurred, [9, 9], 1.0, 1.0);
        assert!(sharp[40] > blurred[40] && sharp.iter().all(|it| (0.0..=1.0).contains(it)));
    }
}
