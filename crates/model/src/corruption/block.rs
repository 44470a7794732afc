//! A missing block: a rectangle of each picture, of its own size and at its own place (Pathak et al.,
//! "Context Encoders: Feature Learning by Inpainting", 2016).

use burn::prelude::*;

use super::filter::positions;
use crate::config::{BlockSize, Strength};
use crate::noise::Source;

/// What is missing of pictures of `shape`: `[batch, 1, H, W]`, 1 inside the block and 0 outside. Each
/// place wholly inside the picture is equally likely.
pub(super) fn missing(size: BlockSize, shape: [usize; 4], source: &mut Source) -> Tensor<4> {
    let [batch, _, height, width] = shape;
    // Of each picture: height, width, top and left.
    let drawn = source.for_pictures(batch, 4);
    let draw = |place: usize| drawn.clone().narrow(1, place, 1);
    let [rows, columns] = size.sides_in(height);
    let rows = inside([draw(0), draw(2)], rows, height);
    let columns = inside([draw(1), draw(3)], columns, width);
    rows * columns.swap_dims(2, 3)
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

    use super::missing;
    use crate::Noise;
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
}
