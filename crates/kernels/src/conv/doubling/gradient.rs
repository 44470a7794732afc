//! The gradients of [`Doubling`]: each step of the forward pass transposed.

use super::{Doubling, PLANES, POINTS, SIDE};
use crate::conv::plan::{Block, Order, Plan, blocks};
use crate::conv::tile::{self, Walk, Window};
use crate::simd::{Isa, Vector, WIDE};

impl Doubling {
    /// The layout of the points' weights for the input's gradient, to be packed with exchanged
    /// strides.
    pub fn gradient_layout(&self) -> Plan {
        Doubling::points(self.points.outputs, self.points.inputs)
    }

    /// From pixel to pixel in the points' gradients.
    fn gradient_pixel(&self) -> usize {
        self.points.outputs.next_multiple_of(WIDE)
    }

    /// Values of one point's gradient.
    fn point_len(&self) -> usize {
        self.rows * self.columns * self.gradient_pixel()
    }

    /// Values of all points' gradients.
    pub fn gradients_len(&self) -> usize {
        POINTS * self.point_len()
    }

    /// Values of the memory that [`input`](Self::input) works in.
    pub fn input_scratch_len(&self) -> usize {
        PLANES * (self.rows + 1) * (self.columns + 1) * WIDE
    }

    /// The gradients of the points from that of the sums, which has one zero around it.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn gradients<V: Vector>(&self, g: &[f32], gradients: &mut [f32]) {
        let outputs = self.points.outputs;
        let row = (2 * self.columns + 2) * outputs;
        assert!(g.len() >= (2 * self.rows + 2) * row + WIDE);
        assert!(gradients.len() >= self.gradients_len());
        for i in 0..self.rows {
            for j in 0..self.columns {
                for o in (0..outputs).step_by(V::LANES) {
                    // SAFETY: the 2x2 pixels lie in the haloed gradient, which is longer by a
                    // vector; the pixel lies in each point's gradient, where pixels have whole
                    // vectors.
                    unsafe {
                        let from = g
                            .as_ptr()
                            .add((2 * i + 1) * row + (2 * j + 1) * outputs + o);
                        let above = points(V::load(from), V::load(from.add(outputs)));
                        let from = from.add(row);
                        let below = points(V::load(from), V::load(from.add(outputs)));
                        let at = (i * self.columns + j) * self.gradient_pixel() + o;
                        let to = gradients.as_mut_ptr().add(at);
                        for b in 0..SIDE {
                            let column = points(above[b], below[b]);
                            for (a, value) in column.into_iter().enumerate() {
                                value.store(to.add((SIDE * a + b) * self.point_len()));
                            }
                        }
                    }
                }
            }
        }
    }

    /// Adds the gradient of the points' weights to panels in the [`layout`](Self::layout).
    ///
    /// # Safety
    /// The processor has the instructions of `I`.
    #[inline(always)]
    pub unsafe fn add_weight<I: Isa>(&self, planes: &[f32], gradients: &[f32], panels: &mut [f32]) {
        assert!(planes.len() >= self.planes_len() && gradients.len() >= self.gradients_len());
        assert!(panels.len() >= self.points.panels_len(Order::Lanes));
        let walk = Walk {
            rows: self.rows,
            columns: self.columns,
            x_row: (self.columns + 1) * self.pixel(),
            x_pixel: self.pixel(),
            g_row: self.columns * self.gradient_pixel(),
            g_pixel: self.gradient_pixel(),
        };
        let len = self.points.inputs;
        for block in blocks(self.points.outputs) {
            for point in 0..POINTS {
                let (a, b) = (point / SIDE, point % SIDE);
                // SAFETY: the point's pixels lie in the planes, its gradients have whole vectors,
                // and its weights are a vector per input channel.
                unsafe {
                    let x = planes.as_ptr().add(self.point_start((a, b), 0));
                    let g = gradients
                        .as_ptr()
                        .add(point * self.point_len() + block.first);
                    let out = panels.as_mut_ptr().add(self.weight_start(block, (a, b)));
                    if block.width == WIDE {
                        tile::products::<I::Wide>(x, g, walk, out, len);
                    } else {
                        tile::products::<I::Narrow>(x, g, walk, out, len);
                    }
                }
            }
        }
    }

    /// The input's gradient of one image, from weights in the
    /// [`gradient_layout`](Self::gradient_layout).
    ///
    /// # Safety
    /// The processor has the instructions of `I`; `dx` is valid for the image.
    #[inline(always)]
    pub unsafe fn input<I: Isa>(
        &self,
        weights: &[f32],
        gradients: &[f32],
        scratch: &mut [f32],
        dx: *mut f32,
    ) {
        assert!(gradients.len() >= self.gradients_len());
        assert!(weights.len() >= self.gradient_layout().panels_len(Order::Lanes));
        let scratch = &mut scratch[..self.input_scratch_len()];
        for block in blocks(self.points.inputs) {
            scratch.fill(0.0);
            // SAFETY: the caller's contract, with the lengths checked above.
            unsafe {
                if block.width == WIDE {
                    self.input_block::<I::Wide>(block, weights, gradients, scratch, dx);
                } else {
                    self.input_block::<I::Narrow>(block, weights, gradients, scratch, dx);
                }
            }
        }
    }

    /// # Safety
    /// As [`input`](Self::input), with planes of zeros that have [`WIDE`] values for each pixel.
    #[inline(always)]
    unsafe fn input_block<V: Vector>(
        &self,
        block: Block,
        weights: &[f32],
        gradients: &[f32],
        planes: &mut [f32],
        dx: *mut f32,
    ) {
        let (inputs, outputs) = (self.points.inputs, self.points.outputs);
        let (columns, row) = (self.columns, (self.columns + 1) * WIDE);
        let plane = (self.rows + 1) * row;
        let window = Window {
            rows: 1,
            row: 0,
            len: outputs,
        };
        for point in 0..POINTS {
            let (a, b) = (point / SIDE, point % SIDE);
            let to = (2 * usize::from(a == 1) + usize::from(b == 1)) * plane
                + usize::from(a == 2) * row
                + usize::from(b == 2) * WIDE;
            let w = (SIDE * SIDE * block.first + point * block.width) * outputs;
            for i in 0..self.rows {
                // In tiles without overlap, since each is added to what is there.
                for j in (0..columns).step_by(V::ACCUMULATORS) {
                    let count = V::ACCUMULATORS.min(columns - j);
                    let pixel = self.gradient_pixel();
                    let from = point * self.point_len() + (i * columns + j) * pixel;
                    // SAFETY: the pixels lie in the point's gradient and in the plane.
                    unsafe {
                        let x = gradients.as_ptr().add(from);
                        let w = weights.as_ptr().add(w);
                        let to = planes.as_mut_ptr().add(to + i * row + j * WIDE);
                        tile::add_pixels::<V>(x, pixel, window, w, to, WIDE, count);
                    }
                }
            }
        }
        for i in 0..self.rows {
            for j in 0..columns {
                // SAFETY: the pixel and those to its right and below lie in the planes; the pixel
                // lies in the image.
                unsafe {
                    let differences = planes.as_ptr().add(i * row + j * WIDE);
                    let (right, below) = (WIDE, row);
                    let down = differences.add(plane);
                    let along = differences.add(2 * plane);
                    let value = V::load(differences.add(3 * plane));
                    let down = V::load(down.add(below)).sub(V::load(down));
                    let along = V::load(along.add(right)).sub(V::load(along));
                    let both = V::load(differences)
                        .sub(V::load(differences.add(right)))
                        .sub(V::load(differences.add(below)))
                        .add(V::load(differences.add(right + below)));
                    let sum = value.add(down).add(along).add(both);
                    let to = dx.add((i * columns + j) * inputs + block.first);
                    sum.store_first(to, block.lanes);
                }
            }
        }
    }
}

/// The gradients of the three points from those of two neighbouring outputs.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn points<V: Vector>(first: V, second: V) -> [V; SIDE] {
    // SAFETY: the caller's contract.
    unsafe { [first, first.add(second), V::splat(0.0).sub(second)] }
}
