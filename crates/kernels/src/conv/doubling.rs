//! Doubling: nearest up-sampling by two and a 3x3 convolution, with 9 products for each 2x2 output
//! values.
//!
//! In one dimension, of weights `a b c` around input `z`, outputs `2i` and `2i + 1` are
//! `a z[i-1] + (b + c) z[i]` and `(a + b) z[i] + c z[i+1]`: four products. With the differences
//! `d[i] = z[i-1] - z[i]` and `s = a + b + c` they are `a d[i] + s z[i]` and `s z[i] - c d[i+1]`:
//! three, one for each of the weights `a`, `s` and `c`. In two dimensions that makes 9 *points*
//! instead of 16, whose inputs lie in 4 *planes*: differences or values, down the rows and along
//! them.
//!
//! Differences of infinite inputs are NaN. [`Doubling::image`] reports this, so that the caller can compute
//! that image directly.

use super::axis::{Axis, Class};
use super::plan::{Block, Order, Plan, blocks};
use super::tile::{self, Window};
use crate::simd::{Isa, NARROW, Vector, WIDE};

mod gradient;

/// The points of one dimension.
const SIDE: usize = 3;
/// The points of two.
const POINTS: usize = SIDE * SIDE;
/// Differences and values of rows, times those of columns.
const PLANES: usize = 4;

/// The sizes of such a layer.
pub struct Doubling {
    /// Height and width of the input.
    rows: usize,
    columns: usize,
    /// A plan for the layout of the points' weights alone.
    points: Plan,
}

impl Doubling {
    /// The layer of a plan, if it is one and fewer products pay for the differences.
    pub fn new(plan: &Plan) -> Option<Doubling> {
        let is_whole = |axis: &Axis| axis.classes.len() == 2 && axis.output == 2 * axis.input;
        let suits = plan.kernel == [SIDE, SIDE]
            && is_whole(&plan.rows)
            && is_whole(&plan.columns)
            && plan.inputs >= 12
            && plan.outputs >= 12;
        suits.then(|| Doubling {
            rows: plan.rows.input,
            columns: plan.columns.input,
            points: Doubling::points(plan.inputs, plan.outputs),
        })
    }

    fn points(inputs: usize, outputs: usize) -> Plan {
        let class = Class {
            first: 0,
            step: 1,
            count: 1,
            start: 0,
            fold: vec![vec![0], vec![0, 1, 2], vec![2]],
        };
        let axis = Axis {
            input: SIDE,
            output: 1,
            halo: 0,
            padded: SIDE,
            taps: SIDE,
            step: 1,
            classes: vec![class],
        };
        Plan {
            rows: axis.clone(),
            columns: axis,
            inputs,
            outputs,
            kernel: [SIDE, SIDE],
        }
    }

    /// The layout of the points' weights and of their gradients.
    pub fn layout(&self) -> &Plan {
        &self.points
    }

    /// From pixel to pixel in the planes.
    fn pixel(&self) -> usize {
        self.points.inputs.next_multiple_of(WIDE)
    }

    /// Values of one plane.
    fn plane_len(&self) -> usize {
        (self.rows + 1) * (self.columns + 1) * self.pixel()
    }

    /// Values of all planes.
    pub fn planes_len(&self) -> usize {
        PLANES * self.plane_len()
    }

    /// Values of the memory that [`image`](Self::image) works in.
    pub fn scratch_len(&self) -> usize {
        self.planes_len() + POINTS * self.columns * WIDE
    }

    /// Where in the planes the inputs of row `i` of a point start.
    fn point_start(&self, (a, b): (usize, usize), i: usize) -> usize {
        let plane = 2 * usize::from(a == 1) + usize::from(b == 1);
        let (row, column) = (i + usize::from(a == 2), usize::from(b == 2));
        plane * self.plane_len() + (row * (self.columns + 1) + column) * self.pixel()
    }

    /// Where the weights of a block and point start.
    fn weight_start(&self, block: Block, (a, b): (usize, usize)) -> usize {
        let point = self.points.inputs * block.width;
        self.points.block_start(block) + (SIDE * a + b) * point
    }

    /// The planes of an image with one zero around it.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn planes<V: Vector>(&self, haloed: &[f32], planes: &mut [f32]) {
        let inputs = self.points.inputs;
        let (row, plane) = ((self.columns + 2) * inputs, self.plane_len());
        assert!(haloed.len() >= (self.rows + 2) * row + WIDE && planes.len() >= self.planes_len());
        for i in 0..=self.rows {
            for j in 0..=self.columns {
                for c in (0..inputs).step_by(V::LANES) {
                    // SAFETY: the four pixels lie in the haloed image, which is longer by a
                    // vector; the pixel lies in each plane, where pixels have whole vectors.
                    unsafe {
                        let from = haloed.as_ptr().add(i * row + j * inputs + c);
                        let above_left = V::load(from);
                        let above = V::load(from.add(inputs));
                        let left = V::load(from.add(row));
                        let here = V::load(from.add(row + inputs));
                        let at = (i * (self.columns + 1) + j) * self.pixel() + c;
                        let to = planes.as_mut_ptr().add(at);
                        let (down, down_left) = (above.sub(here), above_left.sub(left));
                        down_left.sub(down).store(to);
                        down.store(to.add(plane));
                        left.sub(here).store(to.add(2 * plane));
                        here.store(to.add(3 * plane));
                    }
                }
            }
        }
    }

    /// The sums of one image from the points' weights. Returns whether all of them are finite.
    ///
    /// # Safety
    /// The processor has the instructions of `I`; `bias` has the lanes of all blocks; `out` is valid
    /// for the image.
    #[inline(always)]
    pub unsafe fn image<I: Isa>(
        &self,
        weights: &[f32],
        haloed: &[f32],
        bias: &[f32],
        scratch: &mut [f32],
        out: *mut f32,
    ) -> bool {
        let columns = self.columns;
        assert!(scratch.len() >= self.scratch_len());
        assert!(weights.len() >= self.points.panels_len(Order::Lanes));
        let (planes, products) = scratch.split_at_mut(self.planes_len());
        let window = Window {
            rows: 1,
            row: 0,
            len: self.points.inputs,
        };
        let zeros = [0.0; WIDE];
        let mut is_finite = true;
        // SAFETY: the points' rows lie in the planes, and their products in the scratch.
        unsafe {
            self.planes::<I::Single>(haloed, planes);
            for block in blocks(self.points.outputs) {
                let bias = bias[block.first..].as_ptr();
                for i in 0..self.rows {
                    for point in 0..POINTS {
                        let (a, b) = (point / SIDE, point % SIDE);
                        let x = planes.as_ptr().add(self.point_start((a, b), i));
                        let w = weights.as_ptr().add(self.weight_start(block, (a, b)));
                        let to = products.as_mut_ptr().add(point * columns * WIDE);
                        let (pixel, zeros) = (self.pixel(), zeros.as_ptr());
                        if block.width == WIDE {
                            tile::pixels::<I::Wide>(
                                x, pixel, window, w, zeros, to, WIDE, columns, WIDE,
                            );
                        } else {
                            tile::pixels::<I::Narrow>(
                                x, pixel, window, w, zeros, to, WIDE, columns, NARROW,
                            );
                        }
                    }
                    let m = products.as_ptr();
                    is_finite &= if block.width == WIDE {
                        self.output_row::<I::Wide>(block, i, m, bias, out)
                    } else {
                        self.output_row::<I::Narrow>(block, i, m, bias, out)
                    };
                }
            }
        }
        is_finite
    }

    /// The two rows of output values of input row `i` from their products.
    ///
    /// # Safety
    /// The processor has the instructions of `V`; `m` is valid for the row's products, `bias` for a
    /// vector, `out` for the image.
    #[inline(always)]
    unsafe fn output_row<V: Vector>(
        &self,
        block: Block,
        i: usize,
        m: *const f32,
        bias: *const f32,
        out: *mut f32,
    ) -> bool {
        let (columns, outputs) = (self.columns, self.points.outputs);
        let mut strange = 0;
        for j in 0..columns {
            // SAFETY: the caller's contract.
            unsafe {
                let bias = V::load(bias);
                let mut above = [bias; SIDE];
                let mut below = above;
                for b in 0..SIDE {
                    let m = m.add((b * columns + j) * WIDE);
                    let value = V::load(m.add(SIDE * columns * WIDE));
                    above[b] = V::load(m).add(value);
                    below[b] = value.sub(V::load(m.add(2 * SIDE * columns * WIDE)));
                }
                for (y, row) in [above, below].into_iter().enumerate() {
                    let value = row[1].add(bias);
                    let pixels = [row[0].add(value), value.sub(row[2])];
                    for (x, pixel) in pixels.into_iter().enumerate() {
                        strange |= pixel.sub(pixel).nonzero();
                        let at = (2 * i + y) * 2 * columns + 2 * j + x;
                        pixel.store_first(out.add(at * outputs + block.first), block.lanes);
                    }
                }
            }
        }
        strange == 0
    }
}
