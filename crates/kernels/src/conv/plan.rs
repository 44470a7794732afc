//! Plan: a convolution-like sum in two dimensions over channels-last images, and the layout in
//! which its weights are read.

use super::axis::{Axis, Class};
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
    pub kernel: usize,
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
    /// Values of one input image.
    pub fn input_len(&self) -> usize {
        self.rows.input * self.columns.input * self.inputs
    }

    /// Values of one output image.
    pub fn output_len(&self) -> usize {
        self.rows.output * self.columns.output * self.outputs
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

    /// Values of the weights of one class pair: for each block of output channels, and in it each
    /// row, tap and input channel, a vector.
    pub fn panel_len(&self) -> usize {
        self.rows.taps * self.run() * padded(self.outputs)
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

    /// Values of the weights of all class pairs.
    pub fn panels_len(&self) -> usize {
        self.rows.classes.len() * self.columns.classes.len() * self.panel_len()
    }

    /// Where in a panel the weights of a block start.
    pub fn block_start(&self, block: Block) -> usize {
        self.rows.taps * self.run() * block.first
    }

    /// The panels of all class pairs, from weights in which the value for output channel `o`, input
    /// channel `i` and kernel place `s` lies at `o * strides[0] + i * strides[1] + s`.
    pub fn pack(&self, weight: &[f32], strides: [usize; 2]) -> Vec<f32> {
        let mut panels = vec![0.0; self.panels_len()];
        self.for_each_place(|panel, o, i, s| {
            panels[panel] += weight[o * strides[0] + i * strides[1] + s];
        });
        panels
    }

    /// The transpose of [`pack`](Self::pack): the gradient of the weights from that of the panels.
    pub fn unpack(&self, panels: &[f32], strides: [usize; 2], len: usize) -> Vec<f32> {
        let mut weight = vec![0.0; len];
        self.for_each_place(|panel, o, i, s| {
            weight[o * strides[0] + i * strides[1] + s] += panels[panel];
        });
        weight
    }

    /// Calls `visit(panel index, output channel, input channel, kernel place)` for every product.
    #[inline(always)]
    fn for_each_place(&self, mut visit: impl FnMut(usize, usize, usize, usize)) {
        for pair in self.pairs() {
            for block in blocks(self.outputs) {
                let start = pair.index * self.panel_len() + self.block_start(block);
                for (row, rows) in pair.rows.fold.iter().enumerate() {
                    for (tap, columns) in pair.columns.fold.iter().enumerate() {
                        let first = row * self.run() + tap * self.inputs;
                        for (sy, sx) in rows
                            .iter()
                            .flat_map(|y| columns.iter().map(move |x| (y, x)))
                        {
                            let place = sy * self.kernel + sx;
                            for i in 0..self.inputs {
                                let at = start + (first + i) * block.width;
                                for lane in 0..block.lanes {
                                    visit(at + lane, block.first + lane, i, place);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
