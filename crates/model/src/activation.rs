//! Activations: the element-wise functions between layers.

use burn::prelude::*;
use burn::tensor::activation as act;

use crate::config::{Activation, CodeActivation};

/// Slope of leaky ReLU below zero, PyTorch's default.
const LEAKY_SLOPE: f64 = 0.01;
/// Value that ELU approaches far below zero (its negative), PyTorch's default.
const ELU_ALPHA: f64 = 1.0;

impl Activation {
    /// Applies the function to each element; any shape in, the same shape out.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Relu => act::relu(x),
            Activation::LeakyRelu => act::leaky_relu(x, LEAKY_SLOPE),
            Activation::Gelu => act::gelu(x),
            Activation::Silu => act::silu(x),
            Activation::Elu => act::elu(x, ELU_ALPHA),
            Activation::Tanh => act::tanh(x),
            Activation::Sigmoid => act::sigmoid(x),
        }
    }

    /// Whether it never falls as its argument grows.
    pub(crate) fn is_monotone(self) -> bool {
        !matches!(self, Activation::Gelu | Activation::Silu)
    }
}

impl CodeActivation {
    /// The function on the code, or `None` where the code is linear.
    pub fn activation(self) -> Option<Activation> {
        Some(match self {
            CodeActivation::None => return None,
            CodeActivation::Relu => Activation::Relu,
            CodeActivation::LeakyRelu => Activation::LeakyRelu,
            CodeActivation::Gelu => Activation::Gelu,
            CodeActivation::Silu => Activation::Silu,
            CodeActivation::Elu => Activation::Elu,
            CodeActivation::Tanh => Activation::Tanh,
            CodeActivation::Sigmoid => Activation::Sigmoid,
        })
    }

    /// Applies the function, if any, to the code.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self.activation() {
            Some(activation) => activation.apply(x),
            None => x,
        }
    }
}
