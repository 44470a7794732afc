//! What all kinds share: the [`Autoencoder`] with its verbs `encode`, `decode`, `forward` and
//! `loss`, its layers by name, and the errors of configs that cannot work.

use burn::prelude::*;
use serde::Serialize;

use crate::config::{Activation, Corruption, ModelConfig};
use crate::conv::Conv;
use crate::corruption::grey;
use crate::denoising::Denoising;
use crate::dense::Dense;
use crate::init;
use crate::loss::Loss;
use crate::noise::Noise;
use crate::output::Output;
use crate::shape::{ImageShape, values};
use crate::sparse::Sparse;

/// A model config that cannot work for the given images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {found}; allowed: {allowed}")]
pub struct ModelError {
    /// Dotted path of the key below `model`, for example `of.channels`.
    pub key: String,
    /// What was found there.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

impl ModelError {
    pub(crate) fn new(key: impl Into<String>, found: String, allowed: String) -> Self {
        Self {
            key: key.into(),
            found,
            allowed,
        }
    }

    /// The same error seen from the wrapper around the model it is about.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.key = format!("{outer}.{}", self.key);
        self
    }
}

/// Refuses a zero in a list of widths, naming its place.
pub(crate) fn reject_zero(key: &str, widths: Option<&Vec<usize>>) -> Result<(), ModelError> {
    match widths.and_then(|widths| widths.iter().position(|&width| width == 0)) {
        None => Ok(()),
        Some(at) => reject_no_units(&format!("{key}.{at}"), 0),
    }
}

/// Refuses a count of zero.
pub(crate) fn reject_no_units(key: &str, units: usize) -> Result<(), ModelError> {
    if units > 0 {
        return Ok(());
    }
    Err(ModelError::new(
        key,
        "found 0".into(),
        "an integer of at least 1".into(),
    ))
}

/// A code alone was given to a model whose output is added to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a residual model adds its output to its input: a code alone has no reconstruction")]
pub struct NeedsInput;

/// What a network lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Channels, height and width of what the encoder gets.
    pub input: ImageShape,
    /// Those of what the decoder gives: the images'.
    pub output: ImageShape,
    /// Whether the decoder gives a difference from the input instead of logits.
    pub residual: bool,
}

impl Ends {
    /// Of a model without wrappers.
    pub(crate) fn of(images: ImageShape) -> Self {
        Self {
            input: images,
            output: images,
            residual: false,
        }
    }

    /// The function on the decoder's last layer.
    pub(crate) fn activation(&self) -> Option<Activation> {
        (!self.residual).then_some(Activation::Sigmoid)
    }
}

/// One layer as tables show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `encoder.0` and so on, `narrow.0` and so on, `code`, `widen.0` and so on, `expand`, `decoder.0`
    /// and so on: the names that its parameters have in files.
    pub name: String,
    /// What it computes, for example `dense 784 -> 512`.
    pub kind: String,
    /// The function on its output.
    pub activation: Option<Activation>,
    /// Shape of its output for one image.
    pub output: Vec<usize>,
    /// Trainable parameters, batch normalisation's included.
    pub parameters: usize,
    /// What computes it on the flex backend.
    pub body: Body,
}

/// What computes a layer on the flex backend; the other backends have composed layers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// One handwritten operator.
    Fused,
    /// A handwritten convolution among Burn's own operators.
    Partly,
    /// Burn's own operators, several times slower.
    Composed,
}

impl ModelConfig {
    /// The network under the wrappers.
    fn base(&self) -> &ModelConfig {
        match self {
            ModelConfig::Sparse(sparse) => sparse.of.base(),
            ModelConfig::Denoising(denoising) => denoising.of.base(),
            base => base,
        }
    }

    /// Checks that the model works for images of the shape and lists its layers, encoder first.
    ///
    /// # Errors
    /// The first key that cannot work, as a path below `model`.
    pub fn layers(&self, images: ImageShape) -> Result<Vec<Layer>, ModelError> {
        Ok(self.between(Ends::of(images))?.0)
    }

    /// The layers of a model that lies between these ends, and what its network lies between.
    fn between(&self, ends: Ends) -> Result<(Vec<Layer>, Ends), ModelError> {
        let within = |of: &ModelConfig, ends: Ends| {
            let found = of.between(ends);
            found.map_err(|error| error.within("of"))
        };
        match self {
            ModelConfig::Dense(dense) => Ok((dense.layers(ends)?, ends)),
            ModelConfig::Conv(conv) => Ok((conv.layers(ends)?, ends)),
            ModelConfig::Sparse(sparse) => {
                let (layers, ends) = within(&sparse.of, ends)?;
                sparse.check(&layers)?;
                Ok((layers, ends))
            }
            ModelConfig::Denoising(denoising) => within(&denoising.of, denoising.inside(ends)?),
        }
    }

    /// Channels, height and width of what the encoder gets of images of the shape.
    ///
    /// # Errors
    /// As [`ModelConfig::layers`].
    pub fn input_shape(&self, images: ImageShape) -> Result<ImageShape, ModelError> {
        Ok(self.between(Ends::of(images))?.1.input)
    }

    /// Whether the network gives the difference between its input and the clean image.
    pub fn is_residual(&self) -> bool {
        match self {
            ModelConfig::Dense(_) | ModelConfig::Conv(_) => false,
            ModelConfig::Sparse(sparse) => sparse.of.is_residual(),
            ModelConfig::Denoising(denoising) => denoising.residual || denoising.of.is_residual(),
        }
    }

    /// Kinds from the outside in, for example `sparse(denoising(conv))`.
    pub fn kind(&self) -> String {
        match self {
            ModelConfig::Dense(_) => "dense".into(),
            ModelConfig::Conv(_) => "conv".into(),
            ModelConfig::Sparse(sparse) => format!("sparse({})", sparse.of.kind()),
            ModelConfig::Denoising(denoising) => format!("denoising({})", denoising.of.kind()),
        }
    }

    /// The model on the device, with the initial weights that belong to the seed (the same on every
    /// backend), for images of the given shape.
    ///
    /// # Errors
    /// As [`ModelConfig::layers`].
    pub fn init(
        &self,
        images: ImageShape,
        seed: u64,
        device: &Device,
    ) -> Result<Autoencoder, ModelError> {
        let (_, ends) = self.between(Ends::of(images))?;
        let (network, gain) = match self.base() {
            ModelConfig::Conv(conv) => (Network::Conv(conv.init(ends, device)), conv.initial_gain),
            ModelConfig::Dense(dense) => {
                (Network::Dense(dense.init(ends, device)), dense.initial_gain)
            }
            ModelConfig::Sparse(_) | ModelConfig::Denoising(_) => {
                unreachable!("a base is not a wrapper")
            }
        };
        Ok(Autoencoder {
            network: init::draw(network, seed, gain),
            sparse: Sparse::of(self),
            denoising: Denoising::of(self),
            ends,
        })
    }
}

/// The trainable part, under any wrappers.
///
/// There is one of it in a program, so what the smaller variant wastes is nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
enum Network {
    Dense(Dense),
    Conv(Conv),
}

/// Any autoencoder: a dense or convolutional network and the wrappers around it.
///
/// It lives on the [`Device`] it was made for; Burn 0.22 chooses the backend at run time, so the
/// same type trains on a CPU or on any GPU.
#[derive(Module, Debug)]
pub struct Autoencoder {
    network: Network,
    #[module(skip)]
    sparse: Sparse,
    #[module(skip)]
    denoising: Denoising,
    #[module(skip)]
    ends: Ends,
}

/// What one batch costs; both of shape `[1]`, on the device.
#[derive(Debug)]
pub struct Losses {
    /// What training minimises: reconstruction and penalties.
    pub total: Tensor<1>,
    /// The reconstruction loss alone.
    pub reconstruction: Tensor<1>,
}

impl Losses {
    fn new(reconstruction: Tensor<1>, penalty: Option<Tensor<1>>) -> Self {
        let total = match penalty {
            Some(penalty) => reconstruction.clone() + penalty,
            None => reconstruction.clone(),
        };
        Self {
            total,
            reconstruction,
        }
    }
}

impl Autoencoder {
    /// Codes `[batch, code_size]` of inputs `[batch, C, H, W]` in [0, 1], which have the model's input
    /// shape; maps come flattened.
    pub fn encode(&self, input: Tensor<4>) -> Tensor<2> {
        self.encode_to(input, self.depth() - 1)
    }

    /// The representation after encoder layer `last`, flattened to `[batch, units]`: 0 is the first
    /// layer, `depth() - 1` and anything above it the code.
    pub fn encode_to(&self, input: Tensor<4>, last: usize) -> Tensor<2> {
        let x = match &self.network {
            Network::Dense(dense) => dense.encode_to(input, last),
            Network::Conv(conv) => conv.encode_to(input, last),
        };
        if last >= self.depth() - 1 {
            self.sparse.constrain(x)
        } else {
            x
        }
    }

    /// Reconstructions `[batch, C, H, W]` in [0, 1] from codes `[batch, code_size]`.
    ///
    /// # Errors
    /// Where the model is residual, so that it takes an input as well.
    pub fn decode(&self, code: Tensor<2>) -> Result<Tensor<4>, NeedsInput> {
        if self.is_residual() {
            return Err(NeedsInput);
        }
        Ok(Output::Logits(self.decode_raw(code)).reconstruction())
    }

    /// What the decoder makes of the codes `[batch, code_size]` of these inputs.
    pub fn output(&self, code: Tensor<2>, input: Tensor<4>) -> Output {
        self.complete(self.decode_raw(code), input)
    }

    /// Reconstructions in [0, 1] of inputs `[batch, C, H, W]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        self.run(input).0.reconstruction()
    }

    /// The output for inputs `[batch, C, H, W]`, and the penalties on their codes.
    fn run(&self, input: Tensor<4>) -> (Output, Option<Tensor<1>>) {
        if let (Network::Conv(conv), true) = (&self.network, self.sparse.is_empty()) {
            return (self.complete(conv.forward(input.clone()), input), None);
        }
        let code = self.encode(input.clone());
        let penalty = self.sparse.penalty(&code);
        (self.output(code, input), penalty)
    }

    /// The last layer's output before any function, `[batch, C, H, W]`.
    pub(crate) fn decode_raw(&self, code: Tensor<2>) -> Tensor<4> {
        match &self.network {
            Network::Dense(dense) => dense.decode(code),
            Network::Conv(conv) => conv.decode(code),
        }
    }

    /// The output that the last layer's stands for. A grey input is added to each channel.
    fn complete(&self, raw: Tensor<4>, input: Tensor<4>) -> Output {
        match self.ends.residual {
            true => Output::Values(raw + input),
            false => Output::Logits(raw),
        }
    }

    /// The input that the encoder gets in training or evaluation: the images themselves, or their
    /// corrupted form where the model is denoising. `[batch, C, H, W]` of the output's shape in, of the
    /// input's out.
    pub fn corrupt(&self, images: Tensor<4>, noise: Noise) -> Tensor<4> {
        self.denoising.corrupt(images, noise).0
    }

    /// The same, with what the corruption `block` has taken away: `[batch, 1, H, W]`, 1 inside the hole
    /// and 0 outside. `None` where no such corruption is in the chain.
    pub fn corrupt_marked(
        &self,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        self.denoising.corrupt(images, noise)
    }

    /// The input that the encoder gets of images that are not to be corrupted: the images themselves,
    /// in grey where that is all that it takes.
    pub fn clean_input(&self, images: Tensor<4>) -> Tensor<4> {
        match self.ends.input[0] == self.ends.output[0] {
            true => images,
            false => grey(images),
        }
    }

    /// An input `[batch, C, H, W]` as an image, which has the output's channels: grey in each of them.
    pub fn as_image(&self, input: Tensor<4>) -> Tensor<4> {
        let (channels, shown) = (self.ends.input[0], self.ends.output[0]);
        match channels == shown {
            true => input,
            false => input.repeat_dim(1, shown),
        }
    }

    /// The loss between the reconstruction of `input` and `target`, `[batch, C, H, W]` of the input's
    /// and the output's shape, with the penalties on the code. A residual model's is the mean squared
    /// error whatever `loss` says.
    pub fn loss(&self, input: Tensor<4>, target: Tensor<4>, loss: Loss) -> Losses {
        let (output, penalty) = self.run(input);
        Losses::new(output.loss(target, loss), penalty)
    }

    /// What encoder layer `layer` (counted from 0, the code's last) and its mirror in the decoder cost
    /// as an autoencoder of their own, from `input` to `target`, both the flattened representation
    /// below the layer, `[batch, units]`: the model's `loss` on pictures, which are what is below the
    /// first layer, and the mean squared error on all others. The code's layer has the penalties with
    /// it.
    ///
    /// The decoder must be the encoder's mirror, which [`ModelConfig::check_mirror`] checks.
    pub fn layer_loss(
        &self,
        layer: usize,
        input: Tensor<2>,
        target: Tensor<2>,
        loss: Loss,
    ) -> Losses {
        let code = self.encode_layer(layer, input.clone());
        let last = layer + 1 >= self.depth();
        let penalty = last.then(|| self.sparse.penalty(&code)).flatten();
        let restored = self.decode_layer(layer, code);
        let output = if layer > 0 {
            Output::Values(restored)
        } else if self.ends.residual {
            let repeats = values(self.ends.output) / values(self.ends.input);
            Output::Values(restored + input.repeat_dim(1, repeats))
        } else {
            Output::Logits(restored)
        };
        Losses::new(output.loss(target, loss), penalty)
    }

    /// The output of encoder layer `layer` alone for what comes into it, both `[batch, units]`.
    pub(crate) fn encode_layer(&self, layer: usize, below: Tensor<2>) -> Tensor<2> {
        let code = match &self.network {
            Network::Dense(dense) => dense.encode_layer(layer, below),
            Network::Conv(conv) => conv.encode_layer(layer, below),
        };
        if layer + 1 >= self.depth() {
            self.sparse.constrain(code)
        } else {
            code
        }
    }

    /// What the mirror of encoder layer `layer` makes of that layer's output, both `[batch, units]`; of
    /// the first layer's without any function.
    pub(crate) fn decode_layer(&self, layer: usize, code: Tensor<2>) -> Tensor<2> {
        match &self.network {
            Network::Dense(dense) => dense.decode_layer(layer, code),
            Network::Conv(conv) => conv.decode_layer(layer, code),
        }
    }

    /// Sets how many epochs of training are done, for penalties that change with them; `None`, as a
    /// new model has it, is for everything but training.
    pub fn at_epoch(&mut self, epoch: Option<f64>) {
        self.sparse.at_epoch(epoch);
    }

    /// The place of an encoder layer by its name (`encoder.0` and so on, `narrow.0` and so on,
    /// `code`) or number, for [`Autoencoder::encode_to`]; `None` where it has no such layer.
    pub fn encoder_layer(&self, name: &str) -> Option<usize> {
        let code = self.depth() - 1;
        if name == "code" {
            return Some(code);
        }
        let narrow = match &self.network {
            Network::Dense(_) => 0,
            Network::Conv(conv) => conv.narrow(),
        };
        // The dense layers of a convolutional encoder stand between its maps and its code.
        let first_narrow = code - narrow;
        if let Some(number) = name.strip_prefix("encoder.") {
            return number.parse().ok().filter(|&layer| layer < first_narrow);
        }
        match name.strip_prefix("narrow.") {
            Some(number) => (number.parse().ok())
                .filter(|&layer: &usize| layer < narrow)
                .map(|layer| first_narrow + layer),
            None => name.parse().ok().filter(|&layer| layer <= code),
        }
    }

    /// How many layers the encoder has, the code's included.
    pub fn depth(&self) -> usize {
        match &self.network {
            Network::Dense(dense) => dense.depth(),
            Network::Conv(conv) => conv.depth(),
        }
    }

    /// The weights of the encoder's first layer as pictures, `[filters, C, height, width]`: what each
    /// unit of a dense layer gives to every pixel, or each kernel of a convolution. `None` where it
    /// has no layer.
    pub fn filters(&self) -> Option<Tensor<4>> {
        match &self.network {
            Network::Dense(dense) => dense.filters(),
            Network::Conv(conv) => conv.filters(),
        }
    }

    /// Whether a corruption stands before the encoder.
    pub fn is_denoising(&self) -> bool {
        !self.corruptions().is_empty()
    }

    /// What is done to an input before the encoder gets it, in this order.
    pub fn corruptions(&self) -> &[Corruption] {
        self.denoising.corruptions()
    }

    /// Whether the network's output is added to its input, so that a code alone has no reconstruction.
    pub fn is_residual(&self) -> bool {
        self.ends.residual
    }

    /// Channels, height and width of what the encoder gets: one channel after `grayscale`.
    pub fn input_shape(&self) -> ImageShape {
        self.ends.input
    }

    /// Channels, height and width of the images: what the decoder gives.
    pub fn output_shape(&self) -> ImageShape {
        self.ends.output
    }
}

/// The place of the code among the layers of a config.
pub fn code_place(layers: &[Layer]) -> usize {
    let place = layers.iter().position(|layer| layer.name == "code");
    place.unwrap_or_default()
}

/// Units of the code, from the layers of a config.
pub fn code_size(layers: &[Layer]) -> usize {
    layers
        .iter()
        .find(|layer| layer.name == "code")
        .map_or(0, |layer| layer.output.iter().product())
}

/// Values in one image for each unit of the code; below 1 the code is larger than the image.
pub fn compression_ratio(input: ImageShape, layers: &[Layer]) -> f64 {
    values(input) as f64 / code_size(layers) as f64
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
