//! Forward: one layer of a plan on a batch, with the weights that a network has for it.

use burn::module::Param;
use burn::nn::Linear;
use burn::prelude::*;

use crate::block::Block;
use crate::frames::{self, Time};
use crate::layer::Layer;
use crate::operation::{self, Operation};
use crate::shape::ImageShape;

/// What goes from layer to layer. It changes its form only where a layer needs the other one:
/// flattening a map that lies channels last in memory costs a copy, a thirtieth of a training step.
pub(crate) enum Signal {
    /// `[batch, units]`.
    Flat(Tensor<2>),
    /// `[batch, C, H, W]`.
    Maps(Tensor<4>),
    /// Of clips, `[batch T, C, H, W]`, with their number T of frames.
    Frames(Tensor<4>, usize),
}

impl Signal {
    /// Flattened, `[batch, units]`.
    pub(crate) fn flat(self) -> Tensor<2> {
        match self {
            Signal::Flat(x) => x,
            Signal::Maps(x) => x.flatten(1, 3),
            Signal::Frames(x, frames) => frames::together(x, frames).flatten(1, 4),
        }
    }

    /// As maps of this shape, `[batch, C, H, W]`; of clips with their frames from top to bottom.
    pub(crate) fn maps(self, shape: &[usize]) -> Tensor<4> {
        match self {
            Signal::Maps(x) => x,
            Signal::Frames(x, frames) => {
                let [all, channels, height, width] = x.dims();
                let batch = all / frames.max(1);
                frames::together(x, frames).reshape([batch, channels, frames * height, width])
            }
            Signal::Flat(x) => {
                let mut dims = [x.dims()[0], 1, 1, 1];
                for (dim, side) in dims.iter_mut().skip(1).zip(shape) {
                    *dim = *side;
                }
                x.reshape(dims)
            }
        }
    }

    /// As the frames of clips, whose maps are `[C, T, H, W]`: `[batch T, C, H, W]`.
    fn frames(self, [channels, frames, height, width]: [usize; 4]) -> Tensor<4> {
        let clips = |x: Tensor<2>| {
            let batch = x.dims()[0];
            frames::apart(x.reshape([batch, channels, frames, height, width]))
        };
        match self {
            Signal::Frames(x, _) => x,
            Signal::Flat(x) => clips(x),
            Signal::Maps(x) => clips(x.flatten(1, 3)),
        }
    }
}

/// The weights of one layer.
pub(crate) enum Weights<'a> {
    /// Of a dense layer.
    Linear(&'a Linear),
    /// Of a dense layer that has the transposed weights of its mirror and a bias of its own.
    Tied(&'a Linear, &'a Param<Tensor<1>>),
    /// Of convolutions.
    Block(&'a Block),
}

impl Weights<'_> {
    /// The layer's output.
    pub(crate) fn run(&self, layer: &Layer, x: Signal) -> Signal {
        let fused = || operation::fused(&layer.operations);
        match self {
            Weights::Linear(linear) => {
                let weight = linear.weight.val();
                let bias = match &linear.bias {
                    Some(bias) => bias.val(),
                    None => Tensor::zeros([weight.dims()[1]], &weight.device()),
                };
                Signal::Flat(kernels::linear(x.flat(), weight, bias, fused()))
            }
            Weights::Tied(mirror, bias) => {
                let weight = mirror.weight.val().transpose();
                Signal::Flat(kernels::linear(x.flat(), weight, bias.val(), fused()))
            }
            Weights::Block(block) => match (layer.input.as_slice(), layer.output.as_slice()) {
                (&[channels, frames, height, width], &[_, after, ..]) => {
                    let x = x.frames([channels, frames, height, width]);
                    Signal::Frames(block.forward(&layer.operations, x, frames), after)
                }
                _ => Signal::Maps(block.forward(&layer.operations, x.maps(&layer.input), 1)),
            },
        }
    }

    /// What the first layer looks for, as pictures `[filters, C, height, width]`: what each unit of a
    /// dense layer gives to every value of an input, or each kernel of a convolution, over time from top to bottom.
    pub(crate) fn filters(&self, layer: &Layer, input: ImageShape) -> Option<Tensor<4>> {
        match self {
            Weights::Linear(linear) | Weights::Tied(linear, _) => {
                let weight = linear.weight.val().transpose();
                let [channels, height, width] = input;
                let units = weight.dims()[0];
                Some(weight.reshape([units, channels, height, width]))
            }
            Weights::Block(block) => {
                let kernels = block.filters()?;
                let Some(Operation::Time(Time::Neighbours { count, .. })) =
                    layer.operations.first()
                else {
                    return Some(kernels);
                };
                let [filters, channels, rows, columns] = kernels.dims();
                let each = channels / (*count).max(1);
                let kernels: Tensor<5> = kernels.reshape([filters, *count, each, rows, columns]);
                let kernels = kernels.permute([0, 2, 1, 3, 4]);
                Some(kernels.reshape([filters, each, count * rows, columns]))
            }
        }
    }
}
