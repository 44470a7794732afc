//! A missing block: a rectangle of each picture, of its own size and at its own place (Pathak et al.,
//! "Context Encoders: Feature Learning by Inpainting", 2016).

use burn::prelude::*;

use super::filter::positions;
use super::resample::enlarge;
use crate::block::average_pool;
use crate::config::{BlockSize, HoleFill, Strength};
use crate::noise::Source;

/// What is missing of pictures of `shape`: `[batch, 1, H, W]`, 1 inside the block and 0 outside. Each
/// place wholly inside the picture is equally likely.
pub(super) fn missing(size: BlockSize, shape: [usize; 4], source: &mut Source) -> Tensor<4> {
    let [batch, _, height, width] = shape;
    // Of each picture: height, width, top and left.
    let drawn = source.for_pictures(batch, 4);
    let draw = |place: usize| drawn.clone().narrow(1, place, 1);
    let [rows, columns] = size.sides();
    let rows = inside([draw(0), draw(2)], rows, height);
    let columns = inside([draw(1), draw(3)], columns, width);
    rows * columns.swap_dims(2, 3)
}

/// Sweeps of diffusion at each size, each of which takes the mean of four neighbours: the smaller sizes have solved what
/// is far from the border.
const SWEEPS: usize = 10;

/// The weight below which nothing is known of a cell.
const NOTHING: f64 = 1e-6;

/// Pictures `[batch, C, H, W]` without what is missing, `[batch, 1, H, W]`.
pub(super) fn take_away(images: Tensor<4>, missing: Tensor<4>, fill: HoleFill) -> Tensor<4> {
    let weight = missing.neg() + 1.0;
    let left = images * weight.clone();
    match fill {
        HoleFill::Black => left,
        HoleFill::Smooth => smooth(left, weight),
    }
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
    let coarse = smooth(average_pool(colour), average_pool(weight.clone()));
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

/// 1 where one of `pixels` in a row lies inside the block: `[batch, 1, pixels, 1]`, from draws for
/// the block's length and start.
fn inside(drawn: [Tensor<4>; 2], length: Strength<usize>, pixels: usize) -> Tensor<4> {
    let [low, high] = length.ends();
    let [length, start] = drawn;
    // Uniform draws of a device may be 1.
    let one_of = |draw: Tensor<4>, count: Tensor<4>| {
        let last = count.clone() - 1.0;
        (draw * count).floor().min_pair(last)
    };
    let count = length.full_like((high - low + 1) as f64);
    let length = one_of(length, count) + low as f64;
    let start = one_of(start, length.clone().neg() + (pixels + 1) as f64);
    let from_start = positions(pixels, &start.device()) - start;
    let before = from_start.clone().lower_elem(0.0);
    let after = (from_start - length).greater_equal_elem(0.0);
    before.bool_or(after).bool_not().float()
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;
    use serde_json::{Value, json};

    use super::{missing, take_away};
    use crate::Noise;
    use crate::config::HoleFill;
    use crate::fixtures::{device, drawn_on_device, host};
    use crate::noise::Source;

    const SHAPE: [usize; 4] = [500, 3, 9, 12];

    /// Top, left, height and width of the block of each picture, drawn on the host and on the device.
    fn blocks(size: Value, seed: u64) -> [Vec<[usize; 4]>; 2] {
        let size = serde_json::from_value(size).unwrap();
        let draw = |noise| {
            let mask = missing(size, SHAPE, &mut Source::new(noise, 0, &device()));
            assert_eq!(mask.dims(), [500, 1, 9, 12]);
            host(&mask)
        };
        let masks = [
            draw(Noise::Host { seed }),
            drawn_on_device(seed, || draw(Noise::Device { seed })),
        ];
        masks.map(|mask| mask.chunks(9 * 12).map(block).collect())
    }

    /// The rectangle of ones in a mask of 9 x 12, which has nothing else.
    fn block(mask: &[f32]) -> [usize; 4] {
        let ones: Vec<usize> = (0..mask.len()).filter(|&at| mask[at] == 1.0).collect();
        let zeros = mask.iter().filter(|&&it| it == 0.0).count();
        assert_eq!(zeros + ones.len(), mask.len());
        let (first, last) = (ones[0], ones[ones.len() - 1]);
        let [top, left] = [first / 12, first % 12];
        let [height, width] = [last / 12 + 1 - top, last % 12 + 1 - left];
        assert_eq!(height * width, ones.len());
        [top, left, height, width]
    }

    /// How often each number comes.
    fn counts(numbers: impl Iterator<Item = usize>, of: usize) -> Vec<usize> {
        let mut counts = vec![0; of];
        numbers.for_each(|number| counts[number] += 1);
        counts
    }

    #[test]
    fn a_block_of_one_size_comes_to_every_place_equally_often() {
        for blocks in blocks(json!([4, 7]), 3) {
            assert!(blocks.iter().all(|it| it[2..] == [4, 7]));
            // Six places in either direction: 83 blocks each, by a binomial deviation of 8.
            for place in 0..2 {
                let counts = counts(blocks.iter().map(|it| it[place]), 6);
                assert!(counts.iter().all(|it| (43..123).contains(it)), "{counts:?}");
            }
            let crossed = blocks.iter().filter(|it| it[0] == it[1]).count();
            assert!((43..123).contains(&crossed), "{crossed}");
        }
    }

    #[test]
    fn sides_are_drawn_apart_and_whole_pictures_can_be_missing() {
        for blocks in blocks(json!([[3, 9], [11, 12]]), 4) {
            let heights = counts(blocks.iter().map(|it| it[2] - 3), 7);
            assert!(
                heights.iter().all(|it| (32..112).contains(it)),
                "{heights:?}"
            );
            let widths = counts(blocks.iter().map(|it| it[3] - 11), 2);
            assert!(
                widths.iter().all(|it| (194..306).contains(it)),
                "{widths:?}"
            );
            assert!(blocks.contains(&[0, 0, 9, 12]));
        }
    }

    #[test]
    fn a_square_has_equal_sides() {
        for blocks in blocks(json!(5), 5) {
            assert!(blocks.iter().all(|it| it[2..] == [5, 5]));
        }
    }

    #[test]
    fn all_channels_lose_the_block_and_nothing_else() {
        let block = crate::config::Corruption::Block {
            size: crate::config::BlockSize::Square(4),
            fill: HoleFill::Black,
        };
        let ones = Tensor::full([2, 3, 9, 12], 0.75, &device());
        let mut source = Source::new(Noise::Host { seed: 1 }, 0, &device());
        let (left, missing) = block.apply(ones, &mut source);
        let (left, missing) = (host(&left), host(&missing.unwrap()));
        for (picture, missing) in left.chunks(3 * 108).zip(missing.chunks(108)) {
            for channel in picture.chunks(108) {
                let expected: Vec<f32> = missing.iter().map(|it| 0.75 * (1.0 - it)).collect();
                assert_eq!(channel, expected);
            }
        }
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
        let filled = host(&take_away(pictures.clone(), mask.clone(), HoleFill::Smooth));
        for (place, (found, value)) in filled.iter().zip(host(&pictures)).enumerate() {
            match hole(place % (height * width)) {
                true => assert!(
                    (found - value).abs() < 0.05,
                    "{place}: {found}, not {value}"
                ),
                false => assert_eq!(*found, value, "{place}"),
            }
        }
        let flat = Tensor::full([2, 1, height, width], 0.7, &device());
        let filled = host(&take_away(
            flat,
            mask.clone().repeat_dim(0, 2),
            HoleFill::Smooth,
        ));
        assert!(filled.iter().all(|it| (it - 0.7).abs() < 1e-5));
        let all = host(&take_away(slope, mask.ones_like(), HoleFill::Smooth));
        assert!(all.iter().all(|it| *it == 0.0));
        let small = Tensor::full([1, 1, 1, 1], 0.5, &device());
        let gone = take_away(small.clone(), small.ones_like(), HoleFill::Smooth);
        assert_eq!(host(&gone), [0.0]);
    }
}
