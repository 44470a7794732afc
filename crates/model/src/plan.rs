//! Plan: a network described once. The table of its layers, its initial weights, its forward pass and
//! the names of its weights are all read from it, and so can an exporter.

use crate::config::Activation;
use crate::layer::Layers;
use crate::operation::Operation;
use crate::range::Range;
use crate::shape::{ImageShape, SIDE, is_series};

/// Shapes at both ends of a network, and what its output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Channels, height and width of the encoder's input, masks of what is missing among the channels.
    pub input: ImageShape,
    /// Channels, height and width of the decoder's output: the images'.
    pub output: ImageShape,
    /// What the decoder's last values are.
    pub gives: Gives,
    /// Whether the images are series, along which alone convolutions, halving and doubling go.
    pub is_series: bool,
    /// Frames that a picture has from top to bottom: those of a clip, or 1.
    pub frames: usize,
}

/// What a decoder's last values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Logits, whose sigmoid is the reconstruction.
    Logits,
    /// The reconstruction, before it is clamped to [0, 1].
    Values,
    /// The reconstruction of numbers of any size, and logits of categories.
    Real,
    /// The same of an encoder that gets a mark beside each value: 1 where it is missing.
    Marked,
    /// The difference of the reconstruction from the input.
    Difference,
    /// The same, of which only what changes colours counts: the reconstruction has the luma of the grey input.
    Colours,
    /// The difference of the reconstruction from the filled input, inside its holes.
    Holes,
}

impl Gives {
    /// Whether the reconstruction needs the input beside the code.
    pub fn is_residual(self) -> bool {
        matches!(self, Gives::Difference | Gives::Colours | Gives::Holes)
    }
}

impl Ends {
    /// Those of a model without wrappers.
    pub fn of(images: ImageShape) -> Self {
        Self {
            input: images,
            output: images,
            gives: Gives::Logits,
            is_series: is_series(images),
            frames: 1,
        }
    }

    /// Those of a model without wrappers for samples of this range.
    pub(crate) fn between(samples: ImageShape, range: &Range) -> Self {
        Self {
            gives: match range {
                Range::Unit | Range::Clip(_) => Gives::Logits,
                Range::Real(_) => Gives::Real,
            },
            frames: range.frames(),
            ..Self::of(samples)
        }
    }

    /// Channels, height and width of the pictures that the model takes: the encoder's input without a mask.
    pub fn taken(&self) -> ImageShape {
        let [channels, height, width] = self.input;
        match self.gives {
            Gives::Holes => [channels.saturating_sub(1), height, width],
            Gives::Marked => [channels / 2, height, width],
            _ => self.input,
        }
    }

    /// Channels, height and width of the decoder's output, of clips of one frame.
    pub(crate) fn frame(&self) -> ImageShape {
        let [channels, height, width] = self.output;
        [channels, height / self.frames.max(1), width]
    }

    /// The shape of a map in a layer, of one with so many channels, frames, rows and columns: only those of clips have
    /// frames.
    pub(crate) fn map(&self, [channels, frames, height, width]: [usize; 4]) -> Vec<usize> {
        match self.frames {
            0 | 1 => vec![channels, height, width],
            _ => vec![channels, frames, height, width],
        }
    }

    /// Height and width of the windows that become one place where a map is halved.
    pub(crate) fn window(&self) -> [usize; 2] {
        [if self.is_series { 1 } else { SIDE }, SIDE]
    }

    /// Height and width of a kernel of this size.
    pub(crate) fn kernel(&self, size: usize) -> [usize; 2] {
        [if self.is_series { 1 } else { size }, size]
    }

    /// What makes the reconstruction of the decoder's last values: the sigmoid of logits; others are only
    /// clamped to [0, 1].
    pub(crate) fn operation(&self) -> Option<Operation> {
        (self.gives == Gives::Logits).then_some(Operation::Output(Activation::Sigmoid))
    }
}

/// A network between two ends: its layers, with shapes, operations and roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The shapes at both ends.
    pub ends: Ends,
    /// The layers, encoder first.
    pub layers: Layers,
}
