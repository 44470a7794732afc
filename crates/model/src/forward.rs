//! Forward: one layer of a plan on a batch, with the weights that a network has for it.

use burn::module::Param;
use burn::nn::Linear;
use burn::prelude::*;

use crate::block::Block;
use crate::layer::Layer;
use crate::operation;
use crate::shape::ImageShape;

/// What goes from layer to layer. It changes its form only where a layer needs the other one:
/// flattening a map that lies channels last in memory costs a copy, a thirtieth of a training step.
pub(crate) enum Signal {
    /// `[batch, units]`.
    Flat(Tensor<2>),
    /// `[batch, C, H, W]`.
    Maps(Tensor<4>),
}

impl Signal {
    /// Flattened, `[batch, units]`.
    pub(crate) fn flat(self) -> Tensor<2> {
        match self {
            Signal::Flat(x) => x,
            Signal::Maps(x) => x.flatten(1, 3),
        }
    }

    /// As maps of this shape, `[batch, C, H, W]`.
    pub(crate) fn maps(self, shape: &[usize]) -> Tensor<4> {
        match self {
            Signal::Maps(x) => x,
            Signal::Flat(x) => {
                let mut dims = [x.dims()[0], 1, 1, 1];
                for (dim, side) in dims.iter_mut().skip(1).zip(shape) {
                    *dim = *side;
                }
                x.reshape(dims)
            }
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
            Weights::Block(block) => {
                Signal::Maps(block.forward(&layer.operations, x.maps(&layer.input)))
            }
        }
    }

    /// What the first layer looks for, as pictures `[filters, C, height, width]`: what each unit of a
    /// dense layer gives to every value of an input, or each kernel of a convolution.
    pub(crate) fn filters(&self, input: ImageShape) -> Option<Tensor<4>> {
        match self {
            Weights::Linear(linear) | Weights::Tied(linear, _) => {
                let weight = linear.weight.val().transpose();
                let [channels, height, width] = input;
                let units = weight.dims()[0];
                Some(weight.reshape([units, channels, height, width]))
            }
            Weights::Block(block) => block.filters(),
        }
    }
}
