//! Plan: a convolution-like sum in two dimensions over channels-last images, and the layout in
//! which its weights are read.

use super::axis::{Axis, Class};
use super::tile::Window;
use crate::simd::{NARROW, WIDE};

/// An [`Axis`] down the rows and one along them, and the channels of both sides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// From row to row.
    pub rows: Axis,
    /// Along a row.
    pub columns: Axis,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
}

/// Neighbouring output channels that one vector computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// The first channel.
    pub first: usize,
    /// Lanes: [`WIDE`] or [`NARROW`].
    pub width: usize,
    /// Channels, at most the lanes.
    pub lanes: usize,
}

/// The vectors that cover `channels`: wide ones, and at the end a narrow one where that is enough.
pub fn blocks(channels: usize) -> impl Iterator<Item = Block> {
    (0..channels).step_by(WIDE).map(move |first| {
        let lanes = WIDE.min(channels - first);
        Block {
            first,
            width: if lanes <= NARROW { NARROW } else { WIDE },
            lanes,
        }
    })
}

/// The lanes of all [`blocks`] together.
pub fn padded(channels: usize) -> usize {
    blocks(channels).map(|block| block.width).sum()
}

/// A row class and a column class.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// Which pair it is.
    pub index: usize,
    /// Down the rows.
    pub rows: &'a Class,
    /// Along a row.
    pub columns: &'a Class,
}

impl Plan {
    /// Places of the kernel.
    pub fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Values of one input image.
    pub fn input_len(&self) -> usize {
        self.rows.input * self.columns.input * self.inputs
    }

    /// Values of one output image.
    pub fn output_len(&self) -> usize {
        self.rows.output * self.columns.output * self.outputs
    }

    /// Height and width after pooling; a part of a window at an odd border counts as one.
    pub fn pooled(&self) -> [usize; 2] {
        [self.rows.output, self.columns.output].map(|n| n.div_ceil(2))
    }

    /// Values of one input image with its zeros around.
    pub fn haloed_len(&self) -> usize {
        self.rows.padded * self.row()
    }

    /// Values of one row of the haloed input.
    pub fn row(&self) -> usize {
        self.columns.padded * self.inputs
    }

    /// Neighbouring values that one output value reads of one row.
    pub fn run(&self) -> usize {
        self.columns.taps * self.inputs
    }

    /// What one output pixel reads.
    pub fn window(&self) -> Window {
        Window {
            rows: self.rows.taps,
            row: self.row(),
            len: self.run(),
        }
    }

    /// Values of the weights of one class pair.
    pub fn panel_len(&self, order: Order) -> usize {
        self.rows.taps * self.run() * order.lanes(self.outputs)
    }

    /// The class pairs, in the order of their panels.
    pub fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let rows = self.rows.classes.iter();
        rows.flat_map(|rows| self.columns.classes.iter().map(move |c| (rows, c)))
            .enumerate()
            .map(|(index, (rows, columns))| Pair {
                index,
                rows,
                columns,
            })
    }

    /// For each output row of a class pair, where in the haloed input its first window starts and
    /// where in the output its first pixel is.
    pub fn rows_of(&self, pair: Pair) -> impl Iterator<Item = (usize, usize)> {
        let x = pair.rows.start * self.row() + pair.columns.start * self.inputs;
        let out_row = self.columns.output * self.outputs;
        let out = pair.rows.first * out_row + pair.columns.first * self.outputs;
        let (x_step, out_step) = (self.rows.step * self.row(), pair.rows.step * out_row);
        (0..pair.rows.count).map(move |i| (x + i * x_step, out + i * out_step))
    }

    /// Values of the weights of all class pairs.
    pub fn panels_len(&self, order: Order) -> usize {
        self.rows.classes.len() * self.columns.classes.len() * self.panel_len(order)
    }

    /// Where in a panel in [`Order::Lanes`] the weights of a block start.
    pub fn block_start(&self, block: Block) -> usize {
        self.rows.taps * self.run() * block.first
    }

    /// The panels of all class pairs, from weights in which the value for output channel `o`, input
    /// channel `i` and kernel place `s` lies at `o * strides[0] + i * strides[1] + s`.
    ///
    /// There is a vector more of zeros at the end, since the last one of a window is read whole.
    pub fn pack(&self, order: Order, weight: &[f32], strides: [usize; 2]) -> Vec<f32> {
        // First each kernel place on its own, in the order of the panels, so that whole slices can
        // be added up.
        let places_len = self.place_len(order);
        let mut places = vec![0.0; self.area() * places_len];
        self.for_each_weight(order, |at, o, i| {
            for (s, place) in places[at..].iter_mut().step_by(places_len).enumerate() {
                *place = weight[o * strides[0] + i * strides[1] + s];
            }
        });
        let mut panels = vec![0.0; self.panels_len(order) + WIDE];
        self.for_each_slice(order, |panel, place, len| {
            let sums = panels[panel..][..len].iter_mut();
            for (sum, value) in sums.zip(&places[place..][..len]) {
                *sum += value;
            }
        });
        panels
    }

    /// The transpose of [`pack`](Self::pack): the gradient of the weights from that of the panels.
    pub fn unpack(&self, order: Order, panels: &[f32], strides: [usize; 2]) -> Vec<f32> {
        let places_len = self.place_len(order);
        let mut places = vec![0.0; self.area() * places_len];
        self.for_each_slice(order, |panel, place, len| {
            let sums = places[place..][..len].iter_mut();
            for (sum, value) in sums.zip(&panels[panel..][..len]) {
                *sum += value;
            }
        });
        let mut weight = vec![0.0; self.inputs * self.outputs * self.area()];
        self.for_each_weight(order, |at, o, i| {
            for (s, place) in places[at..].iter().step_by(places_len).enumerate() {
                weight[o * strides[0] + i * strides[1] + s] = *place;
            }
        });
        weight
    }

    /// Values of the weights of one kernel place.
    fn place_len(&self, order: Order) -> usize {
        self.inputs * order.lanes(self.outputs)
    }

    /// Calls `visit(index in a kernel place, output channel, input channel)` for every weight.
    #[inline(always)]
    fn for_each_weight(&self, order: Order, mut visit: impl FnMut(usize, usize, usize)) {
        for block in blocks(self.outputs) {
            for i in 0..self.inputs {
                for lane in 0..block.lanes {
                    let start = block.first * self.inputs;
                    let at = match order {
                        Order::Lanes => start + i * block.width + lane,
                        Order::Windows => start + lane * self.inputs + i,
                    };
                    visit(at, block.first + lane, i);
                }
            }
        }
    }

    /// Calls `visit(start in the panels, start in the kernel places, length)` for every slice of the
    /// panels and every one of a kernel place that it is a sum of.
    #[inline(always)]
    fn for_each_slice(&self, order: Order, mut visit: impl FnMut(usize, usize, usize)) {
        let (window, places_len) = (self.rows.taps * self.run(), self.place_len(order));
        for pair in self.pairs() {
            let panel = pair.index * self.panel_len(order);
            for (row, rows) in pair.rows.fold.iter().enumerate() {
                for (tap, columns) in pair.columns.fold.iter().enumerate() {
                    let first = row * self.run() + tap * self.inputs;
                    for (sy, sx) in rows
                        .iter()
                        .flat_map(|y| columns.iter().map(move |x| (y, x)))
                    {
                        let place = (sy * self.kernel[1] + sx) * places_len;
                        match order {
                            Order::Lanes => {
                                for block in blocks(self.outputs) {
                                    let start = panel + self.block_start(block);
                                    let place = place + block.first * self.inputs;
                                    let len = self.inputs * block.width;
                                    visit(start + first * block.width, place, len);
                                }
                            }
                            Order::Windows => {
                                for o in 0..self.outputs {
                                    let start = panel + o * window + first;
                                    visit(start, place + o * self.inputs, self.inputs);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How the weights of a class pair lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// For each block of output channels, and in it each value of the window, a vector.
    Lanes,
    /// For each output channel, a window.
    Windows,
}

impl Order {
    /// Output channels, with those that fill up the last vector.
    fn lanes(self, outputs: usize) -> usize {
        match self {
            Order::Lanes => padded(outputs),
            Order::Windows => outputs,
        }
    }
}
