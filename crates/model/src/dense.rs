//! The dense autoencoder: fully connected layers from the flattened image down to the code, and
//! their mirror image back up.

use burn::module::Param;
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use crate::config::{Activation, CodeActivation, DenseConfig};
use crate::network::{Body, Ends, Layer, ModelError, reject_no_units, reject_zero};
use crate::shape::values;

/// A dense autoencoder; built by [`DenseConfig::init`].
#[derive(Module, Debug)]
pub struct Dense {
    encoder: Vec<Linear>,
    /// Empty where the weights are tied.
    decoder: Vec<Linear>,
    /// The decoder's own biases where its weights are the encoder's, transposed.
    decoder_bias: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    code_activation: CodeActivation,
    #[module(skip)]
    ends: Ends,
}

impl DenseConfig {
    /// Units of each layer from input to code, and from code to output.
    fn widths(&self, ends: Ends) -> (Vec<usize>, Vec<usize>) {
        let (input, output) = (values(ends.input), values(ends.output));
        let hidden = self.hidden_decoder();
        let encoder = [&[input], self.layers.as_slice(), &[self.code_size]].concat();
        let decoder = [&[self.code_size], hidden.as_slice(), &[output]].concat();
        (encoder, decoder)
    }

    /// The decoder's hidden layers: as given, or the encoder's mirrored.
    fn hidden_decoder(&self) -> Vec<usize> {
        match &self.decoder {
            Some(layers) => layers.clone(),
            None => self.layers.iter().rev().copied().collect(),
        }
    }

    /// Checks the config against the shapes of input and output and lists the layers.
    ///
    /// # Errors
    /// No units in a layer or the code, or tied weights with a decoder that is not the encoder's mirror.
    pub(crate) fn layers(&self, ends: Ends) -> Result<Vec<Layer>, ModelError> {
        let mirrored: Vec<usize> = self.layers.iter().rev().copied().collect();
        if self.tied && self.hidden_decoder() != mirrored {
            return Err(ModelError::new(
                "decoder",
                format!("found {:?} with tied weights", self.hidden_decoder()),
                format!("the encoder's mirror {mirrored:?}, or no \"decoder\" at all"),
            ));
        }
        if self.tied && ends.input != ends.output {
            return Err(ModelError::new(
                "tied",
                "found true with an input of fewer channels than the output".into(),
                "false, for the first layer is no mirror of the last".into(),
            ));
        }
        reject_zero("layers", Some(&self.layers))?;
        reject_zero("decoder", self.decoder.as_ref())?;
        reject_no_units("code_size", self.code_size)?;
        let (encoder, decoder) = self.widths(ends);
        let last = encoder.len() - 2;
        let down = encoder.windows(2).enumerate().map(|(i, pair)| Layer {
            name: if i == last {
                "code".into()
            } else {
                format!("encoder.{i}")
            },
            kind: format!("dense {} -> {}", pair[0], pair[1]),
            activation: if i == last {
                self.code_activation.activation()
            } else {
                Some(self.activation)
            },
            output: vec![pair[1]],
            parameters: pair[0] * pair[1] + pair[1],
            body: Body::Fused,
        });
        let end = decoder.len() - 2;
        let up = decoder.windows(2).enumerate().map(|(i, pair)| Layer {
            name: format!("decoder.{i}"),
            kind: format!(
                "dense {} -> {}{}",
                pair[0],
                pair[1],
                if self.tied { ", tied" } else { "" }
            ),
            activation: if i == end {
                ends.activation()
            } else {
                Some(self.activation)
            },
            output: if i == end {
                ends.output.to_vec()
            } else {
                vec![pair[1]]
            },
            parameters: if self.tied {
                pair[1]
            } else {
                pair[0] * pair[1] + pair[1]
            },
            body: Body::Fused,
        });
        Ok(down.chain(up).collect())
    }

    /// The network with Burn's lazy initial weights, for images of the given shapes.
    pub(crate) fn init(&self, ends: Ends, device: &Device) -> Dense {
        let (encoder, decoder) = self.widths(ends);
        let layers = |widths: &[usize]| {
            widths
                .windows(2)
                .map(|pair| LinearConfig::new(pair[0], pair[1]).init(device))
                .collect::<Vec<_>>()
        };
        let bias = |width: &usize| Param::from_tensor(Tensor::zeros([*width], device));
        Dense {
            encoder: layers(&encoder),
            decoder: if self.tied {
                Vec::new()
            } else {
                layers(&decoder)
            },
            decoder_bias: if self.tied {
                decoder[1..].iter().map(bias).collect()
            } else {
                Vec::new()
            },
            activation: self.activation,
            code_activation: self.code_activation,
            ends,
        }
    }
}

impl Dense {
    /// The output of encoder layer `last` (the code is the last one); `[batch, C, H, W]` in,
    /// `[batch, units]` out.
    pub(crate) fn encode_to(&self, images: Tensor<4>, last: usize) -> Tensor<2> {
        let mut x: Tensor<2> = images.flatten(1, 3);
        for layer in 0..self.encoder.len().min(last.saturating_add(1)) {
            x = self.encode_layer(layer, x);
        }
        x
    }

    /// The output of encoder layer `layer` alone for what comes into it, both `[batch, units]`.
    pub(crate) fn encode_layer(&self, layer: usize, below: Tensor<2>) -> Tensor<2> {
        let activation = if layer + 1 == self.encoder.len() {
            self.code_activation.fused()
        } else {
            self.activation.fused()
        };
        match self.encoder.get(layer) {
            Some(layer) => linear(layer, below, activation),
            None => below,
        }
    }

    /// What the mirror of encoder layer `layer` makes of that layer's output; of the first layer's
    /// logits.
    pub(crate) fn decode_layer(&self, layer: usize, code: Tensor<2>) -> Tensor<2> {
        let activation = if layer == 0 {
            kernels::Activation::None
        } else {
            self.activation.fused()
        };
        match self.decoder.iter().rev().nth(layer) {
            Some(mirror) => linear(mirror, code, activation),
            None => code,
        }
    }

    /// The last layer's output, without a function on it, `[batch, C, H, W]`, from codes
    /// `[batch, code_size]`.
    pub(crate) fn decode(&self, code: Tensor<2>) -> Tensor<4> {
        let mut x = code;
        let depth = self.encoder.len();
        let layers = self.decoder.len().max(self.decoder_bias.len());
        for i in 0..layers {
            // The last layer gives logits, or a difference.
            let activation = if i + 1 == layers {
                kernels::Activation::None
            } else {
                self.activation.fused()
            };
            x = match (self.decoder.get(i), self.decoder_bias.get(i)) {
                (Some(layer), _) => linear(layer, x, activation),
                (None, Some(bias)) => {
                    let weight = self.encoder[depth - 1 - i].weight.val().transpose();
                    kernels::linear(x, weight, bias.val(), activation)
                }
                (None, None) => break,
            };
        }
        let [channels, height, width] = self.ends.output;
        x.reshape([-1, channels as i32, height as i32, width as i32])
    }

    /// How many layers the encoder has, the code's included.
    pub(crate) fn depth(&self) -> usize {
        self.encoder.len()
    }

    /// The weights of each unit of the first layer in the shape of an image, `[units, C, H, W]`.
    pub(crate) fn filters(&self) -> Option<Tensor<4>> {
        let [channels, height, width] = self.ends.input;
        let weight = self.encoder.first()?.weight.val().transpose();
        let units = weight.dims()[0];
        Some(weight.reshape([units, channels, height, width]))
    }
}

/// A dense layer and the function after it: `[batch, inputs]` to `[batch, outputs]`.
pub(crate) fn linear(layer: &Linear, x: Tensor<2>, activation: kernels::Activation) -> Tensor<2> {
    let weight = layer.weight.val();
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([weight.dims()[1]], &weight.device()),
    };
    kernels::linear(x, weight, bias, activation)
}

#[cfg(test)]
#[path = "dense_tests.rs"]
mod tests;
