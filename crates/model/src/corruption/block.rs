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
    let [rows, columns] = size.sides();
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
