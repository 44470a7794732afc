//! Pool: the maximum of each 2x2 window, and which pixel it was.

use super::plan::{Plan, blocks};
use crate::simd::{Isa, Vector, WIDE};

/// The greatest of the four pixels of a window and its place, 2 times the row plus the column; the
/// first one where several are equal, and NaN where one is. At an odd border the pixels to the
/// right or below are not there, whatever is given for them.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
pub unsafe fn best<V: Vector>(
    pixels: [V; 4],
    right_is_there: bool,
    below_is_there: bool,
) -> (V, V) {
    let is_there = [
        true,
        right_is_there,
        below_is_there,
        right_is_there && below_is_there,
    ];
    // SAFETY: the caller's contract.
    unsafe {
        let (mut best, mut winner) = (pixels[0], V::splat(0.0));
        for place in 1..4 {
            if is_there[place] {
                let beats = pixels[place].beats(best);
                best = V::select(beats, pixels[place], best);
                winner = V::select(beats, V::splat(place as f32), winner);
            }
        }
        (best, winner)
    }
}

/// The maximum of each window of one image.
///
/// # Safety
/// The processor has the instructions of `I`; `out` and `winners` are valid for the pooled image.
#[inline(always)]
pub unsafe fn image<I: Isa>(plan: &Plan, whole: &[f32], out: *mut f32, winners: *mut u8) {
    let [rows, columns] = plan.pooled();
    let outputs = plan.outputs;
    assert!(whole.len() >= plan.output_len() + WIDE);
    for y in 0..rows {
        for x in 0..columns {
            let right = 2 * x + 1 < plan.columns.output;
            let below = 2 * y + 1 < plan.rows.output;
            let from = (2 * y * plan.columns.output + 2 * x) * outputs;
            let to = (y * columns + x) * outputs;
            let down = plan.columns.output * outputs;
            let offsets = [
                0,
                usize::from(right) * outputs,
                usize::from(below) * down,
                usize::from(right) * outputs + usize::from(below) * down,
            ];
            for block in blocks(outputs) {
                // SAFETY: the window's pixels lie in the image, which is longer by a vector; only
                // the block's lanes are written.
                unsafe {
                    let from = whole.as_ptr().add(from + block.first);
                    let out = out.add(to + block.first);
                    let winners = winners.add(to + block.first);
                    if block.width == WIDE {
                        let mut pixels = [I::Wide::splat(0.0); 4];
                        for (pixel, offset) in pixels.iter_mut().zip(offsets) {
                            *pixel = I::Wide::load(from.add(offset));
                        }
                        let (best, winner) = best(pixels, right, below);
                        best.store_first(out, block.lanes);
                        winner.store_bytes(winners, block.lanes);
                    } else {
                        let mut pixels = [I::Narrow::splat(0.0); 4];
                        for (pixel, offset) in pixels.iter_mut().zip(offsets) {
                            *pixel = I::Narrow::load(from.add(offset));
                        }
                        let (best, winner) = best(pixels, right, below);
                        best.store_first(out, block.lanes);
                        winner.store_bytes(winners, block.lanes);
                    }
                }
            }
        }
    }
}
