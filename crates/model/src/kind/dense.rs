//! The dense autoencoder: fully connected layers from the flattened image down to the code, and
//! their mirror image back up.

use burn::module::Param;
use burn::nn::Linear;
use burn::prelude::*;

use super::{Base, Network};
use crate::config::{DenseConfig, GREATEST_GAIN, WIDEST};
use crate::error::{ModelError, check_count, check_number, check_widths};
use crate::forward::Weights;
use crate::init::linear;
use crate::layer::{Layer, Layers, Role};
use crate::operation::Operation;
use crate::plan::{Ends, Plan};

/// A dense autoencoder. The fields are the names of weights in files.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    encoder: Vec<Linear>,
    /// Empty if the weights are tied.
    decoder: Vec<Linear>,
    /// The decoder's own biases if its weights are the encoder's, transposed.
    decoder_bias: Vec<Param<Tensor<1>>>,
}

impl DenseConfig {
    /// The decoder's hidden layers: as given, or the encoder's mirrored.
    fn hidden_decoder(&self) -> Vec<usize> {
        match &self.decoder {
            Some(layers) => layers.clone(),
            None => self.layers.iter().rev().copied().collect(),
        }
    }

    fn check(&self, ends: Ends) -> Result<(), ModelError> {
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
                "false, because the first layer does not mirror the last".into(),
            ));
        }
        check_widths("layers", &self.layers)?;
        check_widths("decoder", self.decoder.as_deref().unwrap_or_default())?;
        check_number("initial_gain", self.initial_gain, [0.0, GREATEST_GAIN])?;
        check_count("code_size", self.code_size, WIDEST)
    }

    /// Layer `number` of the encoder.
    fn down(&self, number: usize, role: Role, input: &[usize], units: usize) -> Layer {
        let activation = match role {
            Role::Code => self.code_activation,
            _ => Some(self.activation),
        };
        let layer = Layer::dense(role, input.to_vec(), vec![units], activation);
        Layer {
            // The code's layer is stored as the encoder's last.
            stored: format!("encoder.{number}"),
            ..layer
        }
    }

    /// Layer `number` of the decoder, with the operation after its product.
    fn up(
        &self,
        number: usize,
        input: usize,
        output: Vec<usize>,
        then: Option<Operation>,
    ) -> Layer {
        let role = Role::Decoder(number);
        let mut layer = Layer::dense(role, vec![input], output, None);
        if let (true, Some(Operation::Linear { tied, .. })) =
            (self.tied, layer.operations.first_mut())
        {
            *tied = true;
            layer.stored = format!("decoder_bias.{number}");
        }
        layer.operations.extend(then);
        layer
    }
}

impl Base for DenseConfig {
    fn name(&self) -> &'static str {
        "dense"
    }

    /// # Errors
    /// No units in a layer or the code, or tied weights with a decoder that is not the encoder's mirror.
    fn plan(&self, ends: Ends) -> Result<Plan, ModelError> {
        self.check(ends)?;
        let mut shape = ends.input.to_vec();
        let mut below = Vec::new();
        for (number, &units) in self.layers.iter().enumerate() {
            below.push(self.down(number, Role::Encoder(number), &shape, units));
            shape = vec![units];
        }
        let code = self.down(below.len(), Role::Code, &shape, self.code_size);
        let mut units = self.code_size;
        let mut above = Vec::new();
        for (number, &next) in self.hidden_decoder().iter().enumerate() {
            let activation = Operation::Activation(self.activation);
            above.push(self.up(number, units, vec![next], Some(activation)));
            units = next;
        }
        let last = ends.output.to_vec();
        above.push(self.up(above.len(), units, last, ends.operation()));
        Ok(Plan {
            ends,
            layers: Layers::new(below, code, above),
        })
    }

    fn init(&self, plan: &Plan, device: &Device) -> Network {
        let encoder = plan.layers.encoder().iter();
        let (mut decoder, mut decoder_bias) = (Vec::new(), Vec::new());
        for layer in plan.layers.decoder() {
            match self.tied {
                true => {
                    let bias = Tensor::zeros([layer.size()], device);
                    decoder_bias.push(Param::from_tensor(bias));
                }
                false => decoder.push(linear(layer, device)),
            }
        }
        Network::Dense(Dense {
            encoder: encoder.map(|layer| linear(layer, device)).collect(),
            decoder,
            decoder_bias,
        })
    }

    fn initial_gain(&self) -> f64 {
        self.initial_gain
    }

    fn decoder(&self) -> Option<&[usize]> {
        self.decoder.as_deref()
    }
}

impl Dense {
    /// The weights of each layer, in the order of the plan.
    pub(crate) fn weights(&self) -> Vec<Weights<'_>> {
        let mirrors = self.encoder.iter().rev().zip(&self.decoder_bias);
        let tied = mirrors.map(|(mirror, bias)| Weights::Tied(mirror, bias));
        let own = self.encoder.iter().chain(&self.decoder);
        own.map(Weights::Linear).chain(tied).collect()
    }
}

#[cfg(test)]
#[path = "dense_tests.rs"]
mod tests;
