//! Winograd: a 3x3 convolution that computes 2x2 neighbouring output values from 16 products instead
//! of 36, as sums and differences of the inputs, of the weights and of the products (F(2x2, 3x3) of
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). The 2x2 values are
//! just what a pooling window needs.
//!
//! Differences turn an infinite input into NaN. [`Winograd::image`] tells so, for the caller to
//! compute that image directly.

use super::plan::{Block, Order, Plan, blocks};
use super::pool;
use super::tile::{self, Window};
use crate::simd::{Isa, NARROW, Vector, WIDE};

/// Products of one tile of 2x2 output values.
const POINTS: usize = 16;
/// About how many tiles are computed together: enough for the registers, few enough for the cache.
const TILES: usize = 14;

// The loops below are loops, not closures given to iterators or arrays: a closure would be a function
// of its own, without the instruction set, in which no vector stays in a register.

/// A layer's weights, transformed.
pub struct Winograd<'a> {
    plan: &'a Plan,
    /// For each block of output channels, point and input channel, a vector.
    weights: Vec<f32>,
}

impl<'a> Winograd<'a> {
    /// Whether fewer products pay for the sums and differences.
    pub fn suits(plan: &Plan) -> bool {
        let is_convolution = plan.rows.step == 1 && plan.rows.classes.len() == 1;
        // Both transforms of a tile cost about as much as the products of 8 channels with 16.
        plan.kernel == [3, 3]
            && is_convolution
            && plan.columns.classes.len() == 1
            && plan.rows.taps == 3
            && plan.inputs >= 12
            && plan.outputs >= 12
    }

    /// From the panels of a plan that it [`suits`](Self::suits), in [`Order::Lanes`].
    pub fn new(plan: &'a Plan, panels: &[f32]) -> Winograd<'a> {
        let mut weights = vec![0.0; plan.panel_len(Order::Lanes) / 9 * POINTS];
        for block in blocks(plan.outputs) {
            let from = &panels[plan.block_start(block)..];
            let step = plan.inputs * block.width;
            let to = &mut weights[block.first * plan.inputs * POINTS..];
            for i in 0..step {
                let g: [[f32; 3]; 3] =
                    std::array::from_fn(|y| std::array::from_fn(|x| from[(3 * y + x) * step + i]));
                let rows: [[f32; 4]; 3] = g.map(spread);
                for x in 0..4 {
                    let column = spread([rows[0][x], rows[1][x], rows[2][x]]);
                    for y in 0..4 {
                        to[(4 * y + x) * step + i] = column[y];
                    }
                }
            }
        }
        Winograd { plan, weights }
    }

    /// Tiles that are computed together, in whole rows of tiles.
    fn rows_together(&self) -> usize {
        let [rows, columns] = self.plan.pooled();
        (TILES / columns).clamp(1, rows)
    }

    /// From the tile of one pixel to the next in the transformed input.
    fn pixel(&self) -> usize {
        self.plan.inputs.next_multiple_of(WIDE)
    }

    /// Values of the memory that [`image`](Self::image) works in.
    pub fn scratch_len(&self) -> usize {
        let tiles = self.rows_together() * self.plan.pooled()[1];
        POINTS * tiles * (self.pixel() + WIDE)
    }

    /// The sums of one image, and with `winners` the maximum of each 2x2 window. Returns whether all
    /// of them are finite.
    ///
    /// # Safety
    /// The processor has the instructions of `I`; `haloed` is the image in the plan's layout and a
    /// vector more, `bias` has the lanes of all blocks, `scratch` its length; `out` and, where it is
    /// not null, `winners` are valid for the image.
    #[inline(always)]
    pub unsafe fn image<I: Isa>(
        &self,
        haloed: &[f32],
        bias: &[f32],
        scratch: &mut [f32],
        out: *mut f32,
        winners: *mut u8,
    ) -> bool {
        let plan = self.plan;
        let [rows, columns] = plan.pooled();
        let (together, pixel) = (self.rows_together(), self.pixel());
        let capacity = together * columns;
        assert!(scratch.len() >= self.scratch_len() && haloed.len() >= plan.haloed_len() + WIDE);
        let (inputs, products) = scratch.split_at_mut(POINTS * capacity * pixel);
        let window = Window {
            rows: 1,
            row: 0,
            len: plan.inputs,
        };
        let zeros = [0.0; WIDE];
        let mut is_finite = true;
        for first in (0..rows).step_by(together) {
            let together = together.min(rows - first);
            // SAFETY: the tiles lie in the image, whose halo covers whole tiles; the buffers have
            // room for the tiles that are computed together.
            unsafe {
                for row in 0..together {
                    let from = haloed.as_ptr().add(2 * (first + row) * plan.row());
                    let to = inputs.as_mut_ptr().add(row * columns * pixel);
                    transform_row::<I::Single>(plan, from, to, columns, pixel, capacity * pixel);
                }
                for block in blocks(plan.outputs) {
                    let w = &self.weights[block.first * plan.inputs * POINTS..];
                    for point in 0..POINTS {
                        let x = inputs.as_ptr().add(point * capacity * pixel);
                        let w = w[point * plan.inputs * block.width..].as_ptr();
                        let to = products.as_mut_ptr().add(point * capacity * WIDE);
                        let (bias, count) = (zeros.as_ptr(), together * columns);
                        if block.width == WIDE {
                            tile::pixels::<I::Wide>(
                                x, pixel, window, w, bias, to, WIDE, count, WIDE,
                            );
                        } else {
                            tile::pixels::<I::Narrow>(
                                x, pixel, window, w, bias, to, WIDE, count, NARROW,
                            );
                        }
                    }
                    let bias = bias[block.first..].as_ptr();
                    for row in 0..together {
                        let m = products.as_ptr().add(row * columns * WIDE);
                        let at = (first + row, capacity * WIDE);
                        is_finite &= if block.width == WIDE {
                            output_row::<I::Wide>(plan, block, at, m, bias, out, winners)
                        } else {
                            output_row::<I::Narrow>(plan, block, at, m, bias, out, winners)
                        };
                    }
                }
            }
        }
        is_finite
    }
}

/// The transform of three weights to four.
fn spread([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
}

/// The transform of a row of tiles of 4x4 input pixels, 2 apart.
///
/// # Safety
/// The processor has the instructions of `V`; `from` is valid for four rows of the haloed image and
/// a vector more, `to` for `columns` pixels at each of the points, `point` apart.
#[inline(always)]
unsafe fn transform_row<V: Vector>(
    plan: &Plan,
    from: *const f32,
    to: *mut f32,
    columns: usize,
    pixel: usize,
    point: usize,
) {
    for column in 0..columns {
        for c in (0..plan.inputs).step_by(V::LANES) {
            // SAFETY: the caller's contract; lanes beyond the last channel hold the next pixel's,
            // and go where nothing is read.
            unsafe {
                let from = from.add(2 * column * plan.inputs + c);
                let to = to.add(column * pixel + c);
                let mut rows = [[V::splat(0.0); 4]; 4];
                for (y, row) in rows.iter_mut().enumerate() {
                    let from = from.add(y * plan.row());
                    for (x, value) in row.iter_mut().enumerate() {
                        *value = V::load(from.add(x * plan.inputs));
                    }
                    *row = differences(*row);
                }
                let [first, second, third, fourth] = rows;
                for x in 0..4 {
                    let column = differences([first[x], second[x], third[x], fourth[x]]);
                    for (y, value) in column.into_iter().enumerate() {
                        value.store(to.add((4 * y + x) * point));
                    }
                }
            }
        }
    }
}

/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn differences<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
    // SAFETY: the caller's contract.
    unsafe { [a.sub(c), b.add(c), c.sub(b), b.sub(d)] }
}

/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn sums<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
    // SAFETY: the caller's contract.
    unsafe { [a.add(b).add(c), b.sub(c).sub(d)] }
}

/// Output values of one block and row of tiles from their products. Returns whether all are finite.
///
/// # Safety
/// The processor has the instructions of `V`; `m` is valid for the row's products at each of the
/// points; `bias` is valid for a vector; `out` and `winners` as in [`Winograd::image`].
#[inline(always)]
unsafe fn output_row<V: Vector>(
    plan: &Plan,
    block: Block,
    (row, point): (usize, usize),
    m: *const f32,
    bias: *const f32,
    out: *mut f32,
    winners: *mut u8,
) -> bool {
    let [height, width] = [plan.rows.output, plan.columns.output];
    let columns = width.div_ceil(2);
    let mut strange = 0;
    for column in 0..columns {
        // SAFETY: the caller's contract; pixels beyond an odd border are not written.
        unsafe {
            let bias = V::load(bias);
            let m = m.add(column * WIDE);
            let mut rows = [[bias; 2]; 4];
            for (y, row) in rows.iter_mut().enumerate() {
                let mut points = [bias; 4];
                for (x, value) in points.iter_mut().enumerate() {
                    *value = V::load(m.add((4 * y + x) * point));
                }
                *row = sums(points);
            }
            let mut pixels = [bias; 4];
            for x in 0..2 {
                let [above, below] = sums([rows[0][x], rows[1][x], rows[2][x], rows[3][x]]);
                pixels[x] = above.add(bias);
                pixels[2 + x] = below.add(bias);
            }
            let right_is_there = 2 * column + 1 < width;
            let below_is_there = 2 * row + 1 < height;
            if winners.is_null() {
                for (place, pixel) in pixels.into_iter().enumerate() {
                    let (down, along) = (place / 2, place % 2);
                    if (down == 0 || below_is_there) && (along == 0 || right_is_there) {
                        strange |= pixel.sub(pixel).nonzero();
                        let at = (2 * row + down) * width + 2 * column + along;
                        pixel.store_first(out.add(at * plan.outputs + block.first), block.lanes);
                    }
                }
            } else {
                let (best, winner) = pool::best(pixels, right_is_there, below_is_there);
                strange |= best.sub(best).nonzero();
                let at = (row * columns + column) * plan.outputs + block.first;
                best.store_first(out.add(at), block.lanes);
                winner.store_bytes(winners.add(at), block.lanes);
            }
        }
    }
    // Lanes without a channel have weights of zero, whose product with infinity is NaN as well.
    strange == 0
}
