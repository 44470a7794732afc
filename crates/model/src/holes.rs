//! Holes: what is missing of a picture, filled by what is around it, for a network that only corrects that (after Pathak
//! et al., "Context Encoders: Feature Learning by Inpainting", 2016).

use burn::prelude::*;

use crate::block::average_pool;
use crate::corruption::resample::enlarge;
use crate::shape::SIDE;

/// Sweeps of diffusion at each size, each of which takes the mean of four neighbours: the smaller sizes have solved what
/// is far from the border.
pub const SWEEPS: usize = 10;

/// The weight below which nothing is known of a cell.
pub const NOTHING: f64 = 1e-6;

/// Pictures `[batch, C + 1, H, W]` of pictures `[batch, C, H, W]`: filled where they are black in all channels, and a
/// channel that is 1 there and 0 elsewhere.
pub(crate) fn open(pictures: Tensor<4>) -> Tensor<4> {
    let missing = pictures.clone().max_dim(1).lower_equal_elem(0.0).float();
    let filled = smooth(pictures, missing.clone().neg() + 1.0);
    Tensor::cat(vec![filled, missing], 1)
}

/// The restored pictures: those of [`open`] with a network's output added inside the holes.
pub(crate) fn close(opened: Tensor<4>, correction: Tensor<4>) -> Tensor<4> {
    let channels = opened.dims()[1] - 1;
    let filled = opened.clone().narrow(1, 0, channels);
    filled + correction * opened.narrow(1, channels, 1)
}

/// Fills what is missing by diffusion from what is around it: pictures become ever smaller means of what is known, until
/// all is, and then larger again, with a few sweeps of diffusion at each size (cascadic multigrid, Bornemann & Deuflhard
/// 1996; the means: Gortler et al., "The Lumigraph", 1996). A picture that is missing entirely stays black.
///
/// `colour` is 0 where nothing is known, and `weight`, `[batch, 1, H, W]`, the share of each pixel that is.
fn smooth(colour: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = colour.dims();
    let known = colour.clone() / weight.clone().clamp_min(NOTHING);
    if height.max(width) <= 1 {
        return known;
    }
    let window = [SIDE, SIDE];
    let coarse = smooth(
        average_pool(colour, window),
        average_pool(weight.clone(), window),
    );
    let unknown = weight.lower_elem(NOTHING).float();
    let start = known.clone() + enlarge(coarse, 2, [height, width]) * unknown.clone();
    (0..SWEEPS).fold(start, |filled, _| {
        known.clone() + around(filled) * unknown.clone()
    })
}

/// The mean of each pixel's four neighbours; beyond the border, the picture continues with its pixels there.
fn around(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let shifted = |axis: usize, length: usize| {
        let first = x.clone().narrow(axis, 0, 1);
        let last = x.clone().narrow(axis, length - 1, 1);
        let before = Tensor::cat(vec![first, x.clone().narrow(axis, 0, length - 1)], axis);
        let after = Tensor::cat(vec![x.clone().narrow(axis, 1, length - 1), last], axis);
        before + after
    };
    let rows = match height {
        1 => x.clone() * 2.0,
        _ => shifted(2, height),
    };
    let columns = match width {
        1 => x.clone() * 2.0,
        _ => shifted(3, width),
    };
    (rows + columns) * 0.25
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;

    use super::{close, open};
    use crate::corruption::take_away;
    use crate::fixtures::{device, host};

    /// The filled pictures and the masks that are found in pictures without what is missing.
    fn filled(pictures: Tensor<4>, missing: Tensor<4>) -> [Vec<f32>; 2] {
        let channels = pictures.dims()[1];
        let opened = open(take_away(pictures, missing));
        [
            opened.clone().narrow(1, 0, channels),
            opened.narrow(1, channels, 1),
        ]
        .map(|it| host(&it))
    }

    /// A slope is continued through a hole in it, near enough to the eye, and all around stays to the bit; a flat
    /// picture comes back exactly; what is missing entirely is black.
    #[test]
    fn a_smooth_fill_continues_what_is_around() {
        let [height, width] = [24, 31];
        let values: Vec<f32> = (0..height * width)
            .map(|at| 0.2 + 0.6 * (at % width) as f32 / 30.0)
            .collect();
        let slope =
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, height, width]), &device());
        let hole = |at: usize| (8..14).contains(&(at / width)) && (10..18).contains(&(at % width));
        let mask: Vec<f32> = (0..height * width)
            .map(|at| f32::from(u8::from(hole(at))))
            .collect();
        let mask = Tensor::<4>::from_data(TensorData::new(mask, [1, 1, height, width]), &device());
        let pictures = slope.clone().repeat_dim(1, 3);
        let [found, masks] = filled(pictures.clone(), mask.clone());
        assert_eq!(masks, host(&mask));
        for (place, (found, value)) in found.iter().zip(host(&pictures)).enumerate() {
            match hole(place % (height * width)) {
                true => assert!(
                    (found - value).abs() < 0.05,
                    "{place}: {found}, not {value}"
                ),
                false => assert_eq!(*found, value, "{place}"),
            }
        }
        let flat = Tensor::full([2, 1, height, width], 0.7, &device());
        let [found, _] = filled(flat, mask.clone().repeat_dim(0, 2));
        assert!(found.iter().all(|it| (it - 0.7).abs() < 1e-5));
        let [all, _] = filled(slope, mask.ones_like());
        assert!(all.iter().all(|it| *it == 0.0));
        let small = Tensor::full([1, 1, 1, 1], 0.5, &device());
        let [gone, _] = filled(small.clone(), small.ones_like());
        assert_eq!(gone, [0.0]);
    }

    #[test]
    fn only_what_is_missing_is_corrected() {
        let pictures = Tensor::<4>::full([1, 3, 2, 2], 0.5, &device());
        let missing =
            Tensor::<1>::from_floats([0.0, 1.0, 0.0, 0.0], &device()).reshape([1, 1, 2, 2]);
        let opened = open(take_away(pictures, missing));
        let closed = host(&close(opened, Tensor::full([1, 3, 2, 2], 0.25, &device())));
        let expected = [0.5, 0.75, 0.5, 0.5].repeat(3);
        assert!(
            closed
                .iter()
                .zip(&expected)
                .all(|(found, it): (&f32, &f32)| (found - it).abs() < 1e-5),
            "{closed:?}"
        );
    }
}
