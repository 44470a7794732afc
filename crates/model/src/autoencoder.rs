//! The [`Autoencoder`], with the verbs that all kinds share: `encode`, `decode`, `forward` and `loss`.

use std::f64::consts::LN_2;
use std::sync::Arc;

use burn::prelude::*;

use crate::config::{Corruption, ModelConfig};
use crate::corruption::{Damage, grey};
use crate::density::Density;
use crate::error::{ModelError, NeedsInput};
use crate::forward::{Signal, Weights};
use crate::frames;
use crate::holes;
use crate::init;
use crate::kind::{Components, Corruptions, Network, Penalties};
use crate::layer::{Layer, Layers};
use crate::loss::{Loss, Losses, Parts};
use crate::noise::{Noise, Source};
use crate::operation::Operation;
use crate::output::Output;
use crate::penalty::Given;
use crate::plan::{Ends, Gives, Plan};
use crate::range::{self, Range};
use crate::shape::{self, ImageShape, values};

impl ModelConfig {
    /// Checks that the model works for images of the shape and plans its network.
    ///
    /// # Errors
    /// The first key that cannot work, as a path below `model`, and a shape that no image has.
    pub fn plan(&self, images: ImageShape) -> Result<Plan, ModelError> {
        self.plan_for(images, &Range::Unit)
    }

    /// The same for samples of any range.
    ///
    /// # Errors
    /// As [`ModelConfig::plan`], and keys that make sense for pictures alone.
    pub fn plan_for(&self, samples: ImageShape, range: &Range) -> Result<Plan, ModelError> {
        shape::check(samples)?;
        let frames = range.frames();
        if frames::frame(samples, frames).is_none() {
            return Err(ModelError::new(
                "kind",
                format!("found clips of {frames} frames in {} rows", samples[1]),
                "as many rows for each frame".into(),
            ));
        }
        self.plan_between(Ends::between(samples, range))
    }

    /// The layers of the plan.
    ///
    /// # Errors
    /// As [`ModelConfig::plan`].
    pub fn layers(&self, images: ImageShape) -> Result<Layers, ModelError> {
        Ok(self.plan(images)?.layers)
    }

    /// Channels, height and width of what the model takes for images of the shape.
    ///
    /// # Errors
    /// As [`ModelConfig::plan`].
    pub fn input_shape(&self, images: ImageShape) -> Result<ImageShape, ModelError> {
        Ok(self.plan(images)?.ends.taken())
    }

    /// Whether the network gives the difference between its input and the clean image.
    pub fn is_residual(&self) -> bool {
        let (wrappers, _) = self.walk();
        wrappers.iter().any(|wrapper| wrapper.is_residual())
    }

    /// Whether the network gives values and not logits, which are not probabilities.
    pub fn gives_values(&self) -> bool {
        let (wrappers, base) = self.walk();
        base.gives_values() || wrappers.iter().any(|wrapper| wrapper.gives_values())
    }

    /// What one bit per pixel of its code weighs beside the reconstruction loss; `None` if bits do not count.
    pub fn rate_weight(&self) -> Option<f64> {
        let (wrappers, _) = self.walk();
        Penalties::of(&wrappers).rate_weight()
    }

    /// The loss that suits the model: the mean squared error if its output is not a probability, and
    /// binary cross-entropy for all others.
    pub fn default_loss(&self) -> Loss {
        match self.gives_values() {
            true => Loss::Mse,
            false => Loss::Bce,
        }
    }

    /// What its corruptions do to a picture, in the order in which they are done.
    pub fn damages(&self) -> Vec<Damage> {
        let (wrappers, _) = self.walk();
        let all = wrappers.iter().flat_map(|wrapper| wrapper.corruptions());
        all.map(Corruption::damage).collect()
    }

    /// Kinds from the outside in, for example `sparse(denoising(conv))`.
    pub fn kind(&self) -> String {
        let (wrappers, base) = self.walk();
        let start = base.name().to_owned();
        (wrappers.iter().rev()).fold(start, |of, wrapper| format!("{}({of})", wrapper.name()))
    }

    /// The model on the device, with the initial weights that belong to the seed (the same on every
    /// backend), for images of the given shape.
    ///
    /// # Errors
    /// As [`ModelConfig::plan`].
    pub fn init(
        &self,
        images: ImageShape,
        seed: u64,
        device: &Device,
    ) -> Result<Autoencoder, ModelError> {
        self.init_for(images, &Range::Unit, seed, device)
    }

    /// The same for samples of any range.
    ///
    /// # Errors
    /// As [`ModelConfig::plan_for`].
    pub fn init_for(
        &self,
        samples: ImageShape,
        range: &Range,
        seed: u64,
        device: &Device,
    ) -> Result<Autoencoder, ModelError> {
        let plan = self.plan_for(samples, range)?;
        let (wrappers, base) = self.walk();
        let network = base.init(&plan, device);
        let network = init::draw(network, seed, base.initial_gain());
        let penalties = Penalties::of(&wrappers);
        let channels = plan.layers.code().channels();
        let density = (penalties.rate_weight()).map(|_| Density::new(channels, device));
        Ok(Autoencoder {
            network: base.start(network),
            density,
            penalties,
            corruptions: Corruptions::of(&wrappers, range),
            plan: Arc::new(plan),
            range: range.clone(),
        })
    }
}

/// Any autoencoder: a dense or convolutional network and the wrappers around it.
///
/// It lives on the [`Device`] it was made for; Burn 0.22 chooses the backend at run time, so the
/// same type trains on a CPU or on any GPU.
#[derive(Module, Debug)]
pub struct Autoencoder {
    /// The name of this field is left out of the names of weights.
    pub(crate) network: Network,
    /// How likely the values of the code are, if bits count.
    density: Option<Density>,
    #[module(skip)]
    penalties: Penalties,
    #[module(skip)]
    corruptions: Corruptions,
    #[module(skip)]
    plan: Arc<Plan>,
    #[module(skip)]
    range: Range,
}

/// What happens to a code between the encoder's last layer and the decoder, outside of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeStep {
    /// The `k` largest values stay, and the others become 0.
    TopK(usize),
    /// Values become whole numbers; halves go to the even one.
    Round,
}

impl Autoencoder {
    /// What happens to a code after the encoder's last layer, in this order.
    pub fn code_steps(&self) -> Vec<CodeStep> {
        let mut steps = self.penalties.steps();
        steps.extend(self.density.is_some().then_some(CodeStep::Round));
        steps
    }

    /// What the network is: shapes, layers, operations.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its layers.
    pub fn layers(&self) -> &Layers {
        &self.plan.layers
    }

    /// Each layer with its weights.
    fn weighted(&self) -> impl Iterator<Item = (&Layer, Weights<'_>)> {
        self.plan.layers.iter().zip(self.network.weights())
    }

    /// The model for images of another shape, with the same weights, whose layers are all convolutions. `config` is
    /// what it was made from.
    ///
    /// # Errors
    /// As [`ModelConfig::plan`]; and if a layer has other weights at that shape, as dense ones have.
    pub fn for_images(&self, config: &ModelConfig, images: ImageShape) -> Result<Self, ModelError> {
        if images == self.output_shape() {
            return Ok(self.clone());
        }
        shape::check(images)?;
        let [_, height, width] = images;
        if self.plan.ends.frames > 1 {
            return Err(ModelError::new(
                "kind",
                format!("found images of {height}x{width} pixels for a model of clips"),
                "clips of the size and the number of frames of its training".into(),
            ));
        }
        let is_series = self.plan.ends.is_series;
        if is_series && !shape::is_series(images) {
            return Err(ModelError::new(
                "kind",
                format!("found images of {height}x{width} pixels for a model of series"),
                "series, which have one row of several values".into(),
            ));
        }
        // A picture of one row stays a picture.
        let plan = config.plan_between(Ends {
            is_series,
            ..Ends::between(images, &self.range)
        })?;
        let weights =
            |plan: &Plan| -> Vec<usize> { plan.layers.iter().map(Layer::parameters).collect() };
        if weights(&plan) != weights(&self.plan) {
            return Err(ModelError::new(
                "kind",
                format!(
                    "found {:?} for images of another size than in training",
                    config.kind()
                ),
                "a model whose layers are all convolutions".into(),
            ));
        }
        let mut model = self.clone();
        model.plan = Arc::new(plan);
        Ok(model)
    }

    /// Codes `[batch, code_size]` of inputs `[batch, C, H, W]` in [0, 1], which have the model's input
    /// shape; maps come flattened. Rounded to whole numbers if bits count.
    pub fn encode(&self, input: Tensor<4>) -> Tensor<2> {
        self.encode_to(input, self.layers().code_place())
    }

    /// The representation after encoder layer `last`, flattened to `[batch, units]`: 0 is the first
    /// layer, `depth() - 1` and anything above it the code.
    pub fn encode_to(&self, input: Tensor<4>, last: usize) -> Tensor<2> {
        let code = self.unrounded(input, last);
        match self.density.is_some() && last >= self.layers().code_place() {
            true => code.round(),
            false => code,
        }
    }

    /// Codes as [`Autoencoder::encode`] gives them, before they are rounded.
    pub fn encode_unrounded(&self, input: Tensor<4>) -> Tensor<2> {
        self.unrounded(input, self.layers().code_place())
    }

    fn unrounded(&self, input: Tensor<4>, last: usize) -> Tensor<2> {
        let code = self.layers().code_place();
        let layers = self.weighted().take(last.min(code) + 1);
        let x = layers.fold(Signal::Maps(self.open(input)), |x, (layer, it)| {
            it.run(layer, x)
        });
        match last >= code {
            true => self.penalties.constrain(x.flat()),
            false => x.flat(),
        }
    }

    /// Reconstructions `[batch, C, H, W]` in [0, 1] from codes `[batch, code_size]`.
    ///
    /// # Errors
    /// If the model is residual: then the input is needed as well.
    pub fn decode(&self, code: Tensor<2>) -> Result<Tensor<4>, NeedsInput> {
        if self.is_residual() {
            return Err(NeedsInput);
        }
        let raw = self.decode_raw(code);
        Ok(self.output_of(raw).reconstruction())
    }

    /// What the decoder makes of the codes `[batch, code_size]` of these inputs.
    pub fn output(&self, code: Tensor<2>, input: Tensor<4>) -> Output {
        self.complete(self.decode_raw(code), self.open(input))
    }

    /// Reconstructions in [0, 1] of inputs `[batch, C, H, W]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        match self.penalties.is_empty() {
            true => self.through(input),
            false => self.output(self.encode(input.clone()), input),
        }
        .reconstruction()
    }

    /// The output that the last layer's stands for, of a model that needs no input beside the code.
    fn output_of(&self, raw: Tensor<4>) -> Output {
        match (self.plan.ends.gives, &self.range) {
            (Gives::Logits, _) => Output::Logits(raw),
            (_, Range::Real(categories)) => Output::Real(raw, Arc::clone(categories)),
            _ => Output::Values(raw),
        }
    }

    /// What the values of its samples are.
    pub fn range(&self) -> &Range {
        &self.range
    }

    /// The output for inputs `[batch, C, H, W]`, of a model whose code goes on as it is.
    fn through(&self, input: Tensor<4>) -> Output {
        let input = self.open(input);
        let start = Signal::Maps(input.clone());
        let raw = self
            .weighted()
            .fold(start, |x, (layer, it)| it.run(layer, x));
        self.complete(raw.maps(&self.plan.ends.output), input)
    }

    /// The last layer's output before any function, `[batch, C, H, W]`.
    pub(crate) fn decode_raw(&self, code: Tensor<2>) -> Tensor<4> {
        let layers = self.weighted().skip(self.depth());
        let raw = layers.fold(Signal::Flat(code), |x, (layer, it)| it.run(layer, x));
        raw.maps(&self.plan.ends.output)
    }

    /// Inputs `[batch, C, H, W]` as the encoder gets them: without missing values, and with a mask of them if it was made
    /// for holes or marks.
    fn open(&self, input: Tensor<4>) -> Tensor<4> {
        match self.plan.ends.gives {
            Gives::Holes => holes::open(input),
            Gives::Real => range::filled(input),
            Gives::Marked => range::marked(input),
            _ => input,
        }
    }

    /// The output that the last layer's stands for, from the encoder's input. A grey input is added to each channel.
    fn complete(&self, raw: Tensor<4>, input: Tensor<4>) -> Output {
        match self.plan.ends.gives {
            Gives::Logits | Gives::Values | Gives::Real | Gives::Marked => self.output_of(raw),
            Gives::Difference => Output::Values(raw + input),
            Gives::Colours => Output::Values(raw.clone() - grey(raw) + input),
            Gives::Holes => Output::Values(holes::close(input, raw)),
        }
    }

    /// The input that the encoder gets in training or evaluation: the images themselves, or their
    /// corrupted form if the model is denoising. From `[batch, C, H, W]` of the output's shape to the
    /// input's.
    pub fn corrupt(&self, images: Tensor<4>, noise: Noise) -> Tensor<4> {
        self.corruptions.corrupt(images, noise).0
    }

    /// The same, with what the corruption `block` has taken away: `[batch, 1, H, W]`, 1 inside the hole
    /// and 0 outside. `None` if the chain has no such corruption.
    pub fn corrupt_marked(
        &self,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        self.corruptions.corrupt(images, noise)
    }

    /// The corruption at `place` of the chain alone, with noise drawn on the host: all of them one
    /// after the other, each with the same seed, do what [`Autoencoder::corrupt_marked`] does with it.
    /// Images of any height and width, `[batch, C, H, W]`, may be corrupted so; what comes out is as
    /// there.
    pub fn corrupt_at(
        &self,
        place: usize,
        images: Tensor<4>,
        seed: u64,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        self.corruptions.one(place, images, Noise::Host { seed })
    }

    /// The input that the encoder gets of images that are not to be corrupted: the images themselves,
    /// in grey if the encoder takes one channel of three.
    pub fn clean_input(&self, images: Tensor<4>) -> Tensor<4> {
        match self.input_shape()[0] == self.plan.ends.output[0] {
            true => images,
            false => grey(images),
        }
    }

    /// An input `[batch, C, H, W]` as an image, which has the output's channels: grey in each of them.
    pub fn as_image(&self, input: Tensor<4>) -> Tensor<4> {
        let (channels, shown) = (self.input_shape()[0], self.plan.ends.output[0]);
        match channels == shown {
            true => input,
            false => input.repeat_dim(1, shown),
        }
    }

    /// The loss between the reconstruction of `input` and `target`, `[batch, C, H, W]` of the input's
    /// and the output's shape, with the penalties. `noise` is for penalties that draw; it may be the
    /// same as the corruption's. How `loss` is applied is up to [`Output::loss`].
    pub fn loss(&self, input: Tensor<4>, target: Tensor<4>, loss: Loss, noise: Noise) -> Losses {
        if self.penalties.is_empty() {
            return Losses::new(self.through(input).loss(target, loss), Vec::new());
        }
        let code = self.encode_unrounded(input.clone());
        let (code, penalties, bits) =
            self.penalised(code, &input, &|input| self.encode(input), noise);
        let rate = bits.zip(self.rate_weight());
        Losses {
            rate: rate.map(|(bits, weight)| bits * weight),
            ..Losses::new(self.output(code, input).loss(target, loss), penalties)
        }
    }

    /// The code as the decoder gets it in training, what each penalty adds, and the bits per pixel if they count.
    fn penalised<const D: usize>(
        &self,
        code: Tensor<2>,
        input: &Tensor<D>,
        encoder: &dyn Fn(Tensor<D>) -> Tensor<2>,
        noise: Noise,
    ) -> (Tensor<2>, Parts, Option<Tensor<1>>) {
        let noise = noise.of_penalties();
        let code = self.with_rounding_noise(code, noise);
        let bits_per_pixel = self.bits_per_pixel(code.clone());
        let parts = self.penalties.parts(&Given {
            encoder,
            input,
            code: &code,
            noise,
            bits_per_pixel: bits_per_pixel.as_ref(),
        });
        (code, parts, bits_per_pixel)
    }

    /// Codes with noise in place of rounding, uniform in [-0.5, 0.5), which has a gradient (Ballé et al. 2018); as they
    /// are if bits do not count.
    fn with_rounding_noise(&self, code: Tensor<2>, noise: Noise) -> Tensor<2> {
        if self.density.is_none() {
            return code;
        }
        let device = code.device();
        noise.start(&device);
        let [batch, units] = code.dims();
        let drawn = Source::new(noise, 0, &device).uniform([batch, units, 1, 1]);
        code + drawn.reshape([batch, units]) - 0.5
    }

    /// Bits that codes `[batch, code_size]` take for each pixel of their images, shape `[1]`, by how likely the model
    /// takes their values to be; `None` if bits do not count.
    pub fn bits_per_pixel(&self, code: Tensor<2>) -> Option<Tensor<1>> {
        let [_, height, width] = self.plan.ends.output;
        let pixels = (code.dims()[0] * height * width) as f64;
        Some(self.density.as_ref()?.bits(code) / pixels)
    }

    /// What one bit per pixel weighs beside the reconstruction loss; `None` if bits do not count.
    pub fn rate_weight(&self) -> Option<f64> {
        self.penalties.rate_weight()
    }

    /// What encoder layer `layer` (counted from 0, the code's last) and its mirror in the decoder cost
    /// as an autoencoder of their own, from `input` to `target`, both the flattened representation
    /// below the layer, `[batch, units]`: the model's `loss` on pictures, which are what is below the
    /// first layer, and the mean squared error on all others. The code's layer has the penalties with
    /// it; `noise` is as in [`Autoencoder::loss`].
    ///
    /// The decoder must be the encoder's mirror, which [`ModelConfig::check_mirror`] checks.
    pub fn layer_loss(
        &self,
        layer: usize,
        input: Tensor<2>,
        target: Tensor<2>,
        loss: Loss,
        noise: Noise,
    ) -> Losses {
        let input = match (layer, self.plan.ends.gives) {
            (0, Gives::Real) => range::filled(input),
            _ => input,
        };
        let code = self.encode_layer(layer, input.clone());
        let encoder = |input| self.encode_layer(layer, input);
        let (code, penalties) = match layer >= self.layers().code_place() {
            true => {
                let (code, parts, _) = self.penalised(code, &input, &encoder, noise);
                (code, parts)
            }
            false => (code, Vec::new()),
        };
        let restored = self.decode_layer(layer, code);
        let loss = match layer {
            0 => {
                let [input, restored] = [
                    (input, self.plan.ends.input),
                    (restored, self.plan.ends.output),
                ]
                .map(|(flat, shape)| Signal::Flat(flat).maps(&shape));
                let target = Signal::Flat(target).maps(&self.plan.ends.output);
                self.complete(restored, input).loss(target, loss)
            }
            _ => Output::Values(restored).loss(target, loss),
        };
        Losses::new(loss, penalties)
    }

    /// The output of encoder layer `layer` alone for what comes into it, both `[batch, units]`.
    pub(crate) fn encode_layer(&self, layer: usize, below: Tensor<2>) -> Tensor<2> {
        let code = self.layers().code_place();
        let x = match self.weighted().take(code + 1).nth(layer) {
            Some((layer, it)) => it.run(layer, Signal::Flat(below)).flat(),
            None => below,
        };
        match layer >= code {
            true => self.penalties.constrain(x),
            false => x,
        }
    }

    /// What the mirror of encoder layer `layer` makes of that layer's output, both `[batch, units]`; of
    /// the first layer's without any function.
    pub(crate) fn decode_layer(&self, layer: usize, code: Tensor<2>) -> Tensor<2> {
        let place = self.layers().len().checked_sub(layer + 1);
        match place.and_then(|place| self.weighted().nth(place)) {
            Some((layer, it)) => it.run(layer, Signal::Flat(code)).flat(),
            None => code,
        }
    }

    /// Sets how many epochs of training are done, for penalties that change with them; `None`, as a
    /// new model has it, is for everything but training.
    pub fn at_epoch(&mut self, epoch: Option<f64>) {
        self.penalties.at_epoch(epoch);
    }

    /// The place of an encoder layer by its name (`encoder.0` and so on, `narrow.0` and so on,
    /// `code`) or number, for [`Autoencoder::encode_to`]; `None` if it has no such layer.
    pub fn encoder_layer(&self, name: &str) -> Option<usize> {
        let encoder = self.layers().encoder();
        let by_name = encoder.iter().position(|layer| layer.name() == name);
        by_name.or_else(|| name.parse().ok().filter(|&place| place < encoder.len()))
    }

    /// How many layers the encoder has, the code's included.
    pub fn depth(&self) -> usize {
        self.layers().encoder().len()
    }

    /// The weights of the encoder's first layer as pictures, `[filters, C, height, width]`: what each
    /// unit of a dense layer gives to every pixel, or each kernel of a convolution. `None` if it has
    /// no such weights.
    pub fn filters(&self) -> Option<Tensor<4>> {
        let (layer, first) = self.weighted().next()?;
        first.filters(layer, self.plan.ends.input)
    }

    /// The shape of what a model of the kind `linear` has components of: images, or squares of them. `None` for every
    /// other kind.
    pub fn component_shape(&self) -> Option<ImageShape> {
        if self.layers().from_components().is_empty() {
            return None;
        }
        let image @ [channels, ..] = self.plan.ends.output;
        let code = self.layers().code();
        if code.map().is_none() {
            return Some(image);
        }
        let operations = code.operations.iter();
        let side = 1
            << operations
                .filter(|it| matches!(it, Operation::Unshuffle { .. }))
                .count();
        Some([channels, side, side])
    }

    /// A model of the kind `linear` whose code is that of principal components. `components` are `[code_size, C, H, W]`
    /// of [`Autoencoder::component_shape`], orthonormal, and `mean` is `[C, H, W]`, of images in [0, 1]. If bits count, a
    /// code of 1 is as long as the step that suits what a bit weighs. Any other model comes back as it is.
    ///
    /// # Panics
    /// If the components or the mean are of another size.
    #[must_use]
    pub fn with_components(mut self, components: &[f32], mean: &[f32]) -> Self {
        let Some(shape) = self.component_shape() else {
            return self;
        };
        let size = values(shape);
        assert_eq!(mean.len(), size, "values of the mean picture");
        let each = self.layers().code().channels();
        assert_eq!(components.len(), each * size, "values of the components");
        // An error of step^2 / 12 in a value of the code is shared by all values of a picture, and a bit more or less by
        // all pixels; at this step both change the loss alike (Gersho & Gray 1992, high rate).
        let weight = self
            .rate_weight()
            .map(|lambda| 6.0 * shape[0] as f64 * lambda / LN_2);
        let step = weight
            .map(f64::sqrt)
            .filter(|step| *step > 0.0)
            .unwrap_or(1.0);
        self.network = self.network.with_components(Components {
            directions: components,
            mean,
            shape,
            step,
        });
        self
    }

    /// Whether a corruption stands before the encoder.
    pub fn is_denoising(&self) -> bool {
        !self.corruptions().is_empty()
    }

    /// What is done to an input before the encoder gets it, in this order.
    pub fn corruptions(&self) -> &[Corruption] {
        self.corruptions.all()
    }

    /// Whether the network's output is added to its input, so that a code alone has no reconstruction.
    pub fn is_residual(&self) -> bool {
        self.plan.ends.gives.is_residual()
    }

    /// Channels, height and width of what the model takes: one channel after `grayscale`.
    pub fn input_shape(&self) -> ImageShape {
        self.plan.ends.taken()
    }

    /// Channels, height and width of the images: the decoder's output.
    pub fn output_shape(&self) -> ImageShape {
        self.plan.ends.output
    }
}

#[cfg(test)]
#[path = "autoencoder_tests.rs"]
mod tests;
