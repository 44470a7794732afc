//! The convolutional autoencoder: convolutions that halve the map at each level, an optional dense
//! code, and a decoder that doubles it back to exactly the input's shape.

use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use kernels::Activation as Fused;

use crate::config::{Activation, CodeActivation, ConvConfig, Downsample, Upsample};
use crate::dense::linear;
use crate::network::{Body, Ends, Layer, ModelError, reject_no_units, reject_zero};
use crate::shape::{levels, max_depth};
use crate::shuffle::{self, shuffle, unshuffle};

/// A convolutional autoencoder; built by [`ConvConfig::init`].
#[derive(Module, Debug)]
pub struct Conv {
    encoder: Vec<DownBlock>,
    /// Dense layers between the flattened last map and a dense code.
    narrow: Vec<Linear>,
    /// To the code from what is above it, where there is a dense code.
    code: Option<Linear>,
    /// The mirror image of `narrow`, from the code on.
    widen: Vec<Linear>,
    /// Back to the last map.
    expand: Option<Linear>,
    decoder: Vec<UpBlock>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    code_activation: CodeActivation,
    #[module(skip)]
    downsample: Downsample,
    #[module(skip)]
    upsample: Upsample,
    /// Channels of the last map.
    channels: usize,
    /// Height and width from the input down to the last map.
    #[module(skip)]
    levels: Vec<[usize; 2]>,
}

/// A convolution that keeps height and width, and optional batch normalisation.
#[derive(Module, Debug)]
struct Level {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

/// The way down by one level: convolutions, of which the halving follows the last or, where it makes
/// channels of pixels, precedes the first.
#[derive(Module, Debug)]
struct DownBlock {
    before: Vec<Level>,
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

/// The way up by one level: one of the two convolutions is there, and others may follow; what makes
/// pixels of channels is done after all.
#[derive(Module, Debug)]
struct UpBlock {
    conv: Option<Conv2d>,
    transposed: Option<ConvTranspose2d>,
    norm: Option<BatchNorm>,
    after: Vec<Level>,
}

impl ConvConfig {
    /// Channels at each level, the input's first, and those of the decoder from the last map on.
    fn widths(&self, ends: Ends) -> (Vec<usize>, Vec<usize>) {
        let (input, output) = (ends.input[0], ends.output[0]);
        let encoder = [&[input], self.channels.as_slice()].concat();
        let hidden = match &self.decoder {
            Some(channels) => channels.clone(),
            None => self.channels.iter().rev().skip(1).copied().collect(),
        };
        let last = *self.channels.last().unwrap_or(&input);
        let decoder = [&[last], hidden.as_slice(), &[output]].concat();
        (encoder, decoder)
    }

    /// Channels of the convolutions of a level from `from` channels to `to` where `wide` is what the
    /// inner ones have: `[inputs, outputs]` of each.
    fn chain(&self, from: usize, to: usize, wide: usize) -> Vec<[usize; 2]> {
        let mut channels = vec![wide; self.convolutions + 1];
        channels[0] = from;
        channels[self.convolutions] = to;
        channels.windows(2).map(|pair| [pair[0], pair[1]]).collect()
    }

    /// The convolutions of the encoder's level from `from` channels to `to`.
    fn chain_down(&self, from: usize, to: usize) -> Vec<[usize; 2]> {
        match self.downsample {
            Downsample::Unshuffle => self.chain(shuffle::CHANNELS * from, to, to),
            _ => self.chain(from, to, to),
        }
    }

    /// The convolutions of the decoder's level from `from` channels to `to`.
    fn chain_up(&self, from: usize, to: usize) -> Vec<[usize; 2]> {
        match self.upsample {
            Upsample::Shuffle => self.chain(from, shuffle::CHANNELS * to, from),
            _ => self.chain(from, to, from),
        }
    }

    /// Checks the config against the shapes of input and output and lists the layers.
    ///
    /// # Errors
    /// More levels than the image can be halved, a decoder of another depth, no channels
    /// or units in a layer, no convolutions, dense layers without a dense code, or an even kernel.
    pub(crate) fn layers(&self, ends: Ends) -> Result<Vec<Layer>, ModelError> {
        let [_, height, width] = ends.input;
        let depth = self.channels.len();
        if depth == 0 {
            return Err(ModelError::new(
                "channels",
                "found an empty list".into(),
                "the channels of at least one level".into(),
            ));
        }
        if self.kernel.is_multiple_of(2) {
            return Err(ModelError::new(
                "kernel",
                format!("found {}", self.kernel),
                "an odd size, so that a map keeps its height and width".into(),
            ));
        }
        reject_zero("channels", Some(&self.channels))?;
        reject_zero("decoder", self.decoder.as_ref())?;
        reject_zero("layers", Some(&self.layers))?;
        reject_no_units("code_size", self.code_size.unwrap_or(1))?;
        reject_no_units("convolutions", self.convolutions)?;
        if self.code_size.is_none() && !self.layers.is_empty() {
            return Err(ModelError::new(
                "layers",
                format!("found {:?} without a \"code_size\"", self.layers),
                "no dense layers where the last map is the code".into(),
            ));
        }
        let Some(levels) = levels(height, width, depth) else {
            return Err(ModelError::new(
                "channels",
                format!("found {depth} levels for images of {height}x{width} pixels"),
                format!(
                    "at most {}: each level halves the map",
                    max_depth(height, width)
                ),
            ));
        };
        if let Some(decoder) = &self.decoder
            && decoder.len() + 1 != depth
        {
            return Err(ModelError::new(
                "decoder",
                format!("found {} channels", decoder.len()),
                format!(
                    "{}, one fewer than the encoder's: the last level gives the image's own",
                    depth - 1
                ),
            ));
        }
        let (down, up) = self.widths(ends);
        let area = self.kernel * self.kernel;
        let norm = |channels: usize| if self.batch_norm { 2 * channels } else { 0 };
        // All convolutions of a level, with the normalisation after each.
        let parameters = |chain: &[[usize; 2]]| -> usize {
            let each = chain.iter().map(|[a, b]| area * a * b + b + norm(*b));
            each.sum()
        };
        let several = match self.convolutions {
            1 => String::new(),
            count => format!("{count} x "),
        };
        let mut layers = Vec::new();
        for i in 0..depth {
            let is_code = i + 1 == depth && self.code_size.is_none();
            let activation = match self.code_activation.activation() {
                Some(activation) if is_code => activation,
                _ => self.activation,
            };
            layers.push(Layer {
                name: if is_code {
                    "code".into()
                } else {
                    format!("encoder.{i}")
                },
                kind: {
                    let conv = |from: usize| {
                        format!(
                            "{several}conv {k}x{k} {from} -> {}",
                            down[i + 1],
                            k = self.kernel
                        )
                    };
                    match self.downsample {
                        Downsample::Max => format!("{}, max-pool", conv(down[i])),
                        Downsample::Average => format!("{}, average-pool", conv(down[i])),
                        Downsample::Stride => format!("{}, stride 2", conv(down[i])),
                        Downsample::Unshuffle => {
                            format!("unshuffle, {}", conv(shuffle::CHANNELS * down[i]))
                        }
                    }
                },
                activation: Some(activation),
                output: vec![down[i + 1], levels[i + 1][0], levels[i + 1][1]],
                parameters: parameters(&self.chain_down(down[i], down[i + 1])),
                body: match self.downsample {
                    Downsample::Stride if self.convolutions == 1 => Body::Composed,
                    Downsample::Stride => self.partly(),
                    Downsample::Max | Downsample::Unshuffle if !self.batch_norm => {
                        self.body(activation.fused())
                    }
                    Downsample::Max | Downsample::Average | Downsample::Unshuffle => self.partly(),
                },
            });
        }
        let [rows, columns] = levels[depth];
        let map = down[depth] * rows * columns;
        if let Some(code_size) = self.code_size {
            let widths = self.dense_widths(map, code_size);
            let dense = |name: String, inputs: usize, outputs: usize, activation| Layer {
                name,
                kind: format!("dense {inputs} -> {outputs}"),
                activation,
                output: vec![outputs],
                parameters: inputs * outputs + outputs,
                body: Body::Fused,
            };
            let last = widths.len() - 2;
            for (i, pair) in widths.windows(2).enumerate() {
                let (name, activation) = if i == last {
                    ("code".into(), self.code_activation.activation())
                } else {
                    (format!("narrow.{i}"), Some(self.activation))
                };
                layers.push(dense(name, pair[0], pair[1], activation));
            }
            for (i, pair) in widths.windows(2).rev().enumerate() {
                let name = format!("widen.{i}");
                layers.push(dense(name, pair[1], pair[0], Some(self.activation)));
            }
            if let Some(expand) = layers.last_mut() {
                expand.name = "expand".into();
                expand.output = vec![down[depth], rows, columns];
            }
        }
        for i in 0..depth {
            let [rows, columns] = levels[depth - 1 - i];
            let last = i + 1 == depth;
            let chain = self.chain_up(up[i], up[i + 1]);
            let [_, outputs] = chain.last().copied().unwrap_or_default();
            layers.push(Layer {
                name: format!("decoder.{i}"),
                kind: {
                    let [before, to, after] = match self.upsample {
                        Upsample::Nearest => ["nearest x2, ", "conv", ""],
                        Upsample::Transposed => ["", "transposed conv", ""],
                        Upsample::Shuffle => ["", "conv", ", shuffle"],
                    };
                    format!(
                        "{before}{several}{to} {k}x{k} {} -> {outputs}{after}",
                        up[i],
                        k = self.kernel,
                    )
                },
                activation: if last {
                    ends.activation()
                } else {
                    Some(self.activation)
                },
                output: vec![up[i + 1], rows, columns],
                parameters: parameters(&chain) - if last { norm(outputs) } else { 0 },
                body: match self.upsample {
                    Upsample::Transposed if self.convolutions == 1 => Body::Composed,
                    Upsample::Transposed => self.partly(),
                    // The last convolution gives logits, or a difference.
                    Upsample::Nearest | Upsample::Shuffle if last => self.last_body(),
                    Upsample::Nearest | Upsample::Shuffle if self.batch_norm => self.partly(),
                    Upsample::Nearest | Upsample::Shuffle => self.body(self.activation.fused()),
                },
            });
        }
        Ok(layers)
    }

    /// Units from the flattened last map down to the dense code.
    fn dense_widths(&self, map: usize, code_size: usize) -> Vec<usize> {
        [&[map], self.layers.as_slice(), &[code_size]].concat()
    }

    /// What computes the last level, of which the last convolution has no function.
    fn last_body(&self) -> Body {
        match self.convolutions {
            1 => self.body(Fused::None),
            _ if self.batch_norm => self.partly(),
            _ => self.body(self.activation.fused()),
        }
    }

    /// What computes a convolution with this function around it, and nothing else.
    fn body(&self, activation: Fused) -> Body {
        if kernels::conv::is_fast(self.kernel, activation) {
            Body::Fused
        } else {
            self.partly()
        }
    }

    /// What computes a convolution with more around it than an operator takes in.
    fn partly(&self) -> Body {
        if kernels::conv::is_fast(self.kernel, Fused::None) {
            Body::Partly
        } else {
            Body::Composed
        }
    }

    /// The network with Burn's lazy initial weights, for images of the given shapes.
    pub(crate) fn init(&self, ends: Ends, device: &Device) -> Conv {
        let depth = self.channels.len();
        let levels = levels(ends.input[1], ends.input[2], depth).unwrap_or_default();
        let (down, up) = self.widths(ends);
        let kernel = [self.kernel, self.kernel];
        let pad = self.kernel / 2;
        let norm = |channels: usize| {
            (self.batch_norm).then(|| BatchNormConfig::new(channels).init(device))
        };
        let conv = |channels: [usize; 2], stride: usize| {
            Conv2dConfig::new(channels, kernel)
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .init(device)
        };
        let level = |channels: [usize; 2]| Level {
            conv: conv(channels, 1),
            norm: norm(channels[1]),
        };
        let stride = match self.downsample {
            Downsample::Stride => 2,
            Downsample::Max | Downsample::Average | Downsample::Unshuffle => 1,
        };
        let encoder = (0..depth)
            .map(|i| {
                let mut chain = self.chain_down(down[i], down[i + 1]);
                let last = chain.pop().unwrap_or_default();
                DownBlock {
                    before: chain.into_iter().map(level).collect(),
                    conv: conv(last, stride),
                    norm: norm(last[1]),
                }
            })
            .collect();
        let decoder = (0..depth)
            .map(|i| {
                let from = levels[depth - i];
                let to = levels[depth - 1 - i];
                let mut chain = self.chain_up(up[i], up[i + 1]);
                let first = chain.remove(0);
                let mut after: Vec<Level> = chain.into_iter().map(level).collect();
                let is_transposed = self.upsample == Upsample::Transposed;
                let mut block = UpBlock {
                    conv: (!is_transposed).then(|| conv(first, 1)),
                    // (n - 1) 2 - 2 pad + kernel + extra = 2 n - 1 + extra rows come out of n.
                    transposed: is_transposed.then(|| {
                        ConvTranspose2dConfig::new(first, kernel)
                            .with_stride([2, 2])
                            .with_padding([pad, pad])
                            .with_padding_out([to[0] + 1 - 2 * from[0], to[1] + 1 - 2 * from[1]])
                            .init(device)
                    }),
                    norm: norm(first[1]),
                    after: Vec::new(),
                };
                if i + 1 == depth {
                    // The image itself is not normalised.
                    match after.last_mut() {
                        Some(last) => last.norm = None,
                        None => block.norm = None,
                    }
                }
                UpBlock { after, ..block }
            })
            .collect();
        let [rows, columns] = levels[depth];
        let map = down[depth] * rows * columns;
        let widths = (self.code_size).map(|code_size| self.dense_widths(map, code_size));
        let pairs = widths.as_deref().unwrap_or_default().windows(2);
        let dense = |inputs: usize, outputs: usize| LinearConfig::new(inputs, outputs).init(device);
        let mut narrow: Vec<Linear> = pairs.clone().map(|pair| dense(pair[0], pair[1])).collect();
        let mut widen: Vec<Linear> = pairs.rev().map(|pair| dense(pair[1], pair[0])).collect();
        let (code, expand) = (narrow.pop(), widen.pop());
        Conv {
            encoder,
            narrow,
            code,
            widen,
            expand,
            decoder,
            activation: self.activation,
            code_activation: self.code_activation,
            downsample: self.downsample,
            upsample: self.upsample,
            channels: down[depth],
            levels,
        }
    }
}

impl Conv {
    /// The flattened output of encoder layer `last` (the code is the last one); `[batch, C, H, W]`
    /// in, `[batch, units]` out.
    pub(crate) fn encode_to(&self, images: Tensor<4>, last: usize) -> Tensor<2> {
        let depth = self.encoder.len();
        let x = self.map_after(images, last.saturating_add(1).min(depth));
        let x: Tensor<2> = x.flatten(1, 3);
        let above = (self.narrow.iter()).take(last.saturating_add(1).saturating_sub(depth));
        let x = above.fold(x, |x, layer| linear(layer, x, self.activation.fused()));
        match &self.code {
            Some(code) if last >= depth + self.narrow.len() => {
                linear(code, x, self.code_activation.fused())
            }
            _ => x,
        }
    }

    /// The map after the first `levels` levels of the encoder.
    fn map_after(&self, images: Tensor<4>, levels: usize) -> Tensor<4> {
        let blocks = self.encoder.iter().enumerate().take(levels);
        blocks.fold(images, |x, (i, block)| {
            self.down(block, x, self.activation_of(i))
        })
    }

    /// The last level's output for images, both `[batch, C, H, W]`. A map that is the code itself stays
    /// as it lies in memory, channels last: flattening it and back costs a thirtieth of a training step.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        match &self.code {
            Some(_) => self.decode(self.encode_to(images, self.depth() - 1)),
            None => self.decode_map(self.map_after(images, self.encoder.len())),
        }
    }

    /// One level of the encoder: half the height and width of `[batch, C, H, W]`, rounded up.
    fn down(&self, block: &DownBlock, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let x = match self.downsample {
            Downsample::Unshuffle => unshuffle(pad_to_even(x)),
            _ => x,
        };
        let x = block
            .before
            .iter()
            .fold(x, |x, level| level.forward(x, Some(self.activation)));
        let (x, activated) = match (self.downsample, &block.norm) {
            (Downsample::Max, None) => {
                let (weight, bias) = parameters(&block.conv);
                return kernels::conv2d_max_pool(x, weight, bias, activation.fused());
            }
            // Strided convolutions have no fused form.
            (Downsample::Stride, norm) => {
                let x = block.conv.forward(x);
                (
                    norm.as_ref().map_or(x.clone(), |norm| norm.forward(x)),
                    false,
                )
            }
            (Downsample::Average | Downsample::Unshuffle, None) => {
                (convolve(&block.conv, x, activation.fused()), true)
            }
            (_, Some(norm)) => (norm.forward(convolve(&block.conv, x, Fused::None)), false),
        };
        let x = if activated { x } else { activation.apply(x) };
        match self.downsample {
            Downsample::Max => max_pool(x),
            Downsample::Average => avg_pool2d(
                pad_to_even(x),
                AvgPoolOptions::new([2, 2]).with_stride([2, 2]),
            ),
            Downsample::Stride | Downsample::Unshuffle => x,
        }
    }

    /// The last level's output, without a function on it, `[batch, C, H, W]`, from flattened codes
    /// `[batch, code_size]`.
    pub(crate) fn decode(&self, code: Tensor<2>) -> Tensor<4> {
        let dense = self.widen.iter().chain(&self.expand);
        let x = dense.fold(code, |x, layer| linear(layer, x, self.activation.fused()));
        let [rows, columns] = self.levels[self.decoder.len()];
        self.decode_map(x.reshape([-1, self.channels as i32, rows as i32, columns as i32]))
    }

    /// The same from the encoder's last map.
    fn decode_map(&self, map: Tensor<4>) -> Tensor<4> {
        let depth = self.decoder.len();
        let mut x = map;
        for (i, block) in self.decoder.iter().enumerate() {
            let last = i + 1 == depth;
            // The last level gives logits, or a difference.
            let activation = (!last).then_some(self.activation);
            x = self.up(block, x, activation, self.levels[depth - 1 - i]);
        }
        x
    }

    /// The output of encoder layer `layer` alone for what comes into it, both flattened.
    pub(crate) fn encode_layer(&self, layer: usize, below: Tensor<2>) -> Tensor<2> {
        let depth = self.encoder.len();
        let (Some(block), Some([rows, columns])) =
            (self.encoder.get(layer), self.levels.get(layer))
        else {
            let mut dense = self.narrow.iter().map(|it| (it, self.activation.fused()));
            let code = self
                .code
                .iter()
                .map(|it| (it, self.code_activation.fused()));
            return match dense.by_ref().chain(code).nth(layer - depth) {
                Some((layer, activation)) => linear(layer, below, activation),
                None => below,
            };
        };
        let inputs = block.first().weight.dims()[1];
        let channels = match self.downsample {
            Downsample::Unshuffle => inputs / shuffle::CHANNELS,
            _ => inputs,
        };
        let x = below.reshape([-1, channels as i32, *rows as i32, *columns as i32]);
        self.down(block, x, self.activation_of(layer)).flatten(1, 3)
    }

    /// What the mirror of encoder layer `layer` makes of that layer's output, both flattened; of the
    /// first layer's logits.
    pub(crate) fn decode_layer(&self, layer: usize, code: Tensor<2>) -> Tensor<2> {
        let depth = self.decoder.len();
        let place = self
            .encoder
            .get(layer)
            .zip(self.decoder.iter().rev().nth(layer));
        let Some((block, mirror)) = place else {
            let mut dense = self.expand.iter().chain(self.widen.iter().rev());
            return match dense.nth(layer - depth) {
                Some(layer) => linear(layer, code, self.activation.fused()),
                None => code,
            };
        };
        let [rows, columns] = self.levels[layer + 1];
        let x = code.reshape([
            -1,
            block.conv.weight.dims()[0] as i32,
            rows as i32,
            columns as i32,
        ]);
        let activation = (layer > 0).then_some(self.activation);
        self.up(mirror, x, activation, self.levels[layer])
            .flatten(1, 3)
    }

    /// The function after a level of the encoder.
    fn activation_of(&self, level: usize) -> Activation {
        match self.code_activation.activation() {
            Some(activation) if level + 1 == self.encoder.len() && self.code.is_none() => {
                activation
            }
            _ => self.activation,
        }
    }

    /// How many dense layers stand between the last map and the code.
    pub(crate) fn narrow(&self) -> usize {
        self.narrow.len()
    }

    /// How many layers the encoder has, the code's included.
    pub(crate) fn depth(&self) -> usize {
        self.encoder.len() + self.narrow.len() + usize::from(self.code.is_some())
    }

    /// The first level's kernels, `[channels, C, kernel, kernel]`.
    pub(crate) fn filters(&self) -> Option<Tensor<4>> {
        Some(self.encoder.first()?.first().weight.val())
    }

    /// One level of the decoder: up to `size` = `[height, width]` from half of it.
    fn up(
        &self,
        block: &UpBlock,
        x: Tensor<4>,
        activation: Option<Activation>,
        size: [usize; 2],
    ) -> Tensor<4> {
        let is_shuffled = self.upsample == Upsample::Shuffle;
        let first = |x, activation| match &block.conv {
            Some(conv) if is_shuffled => normalised(conv, &block.norm, x, activation),
            _ => up(block, x, activation, size),
        };
        let x = match block.after.split_last() {
            None => first(x, activation),
            Some((last, inner)) => {
                let x = inner
                    .iter()
                    .fold(first(x, Some(self.activation)), |x, level| {
                        level.forward(x, Some(self.activation))
                    });
                last.forward(x, activation)
            }
        };
        if is_shuffled {
            crop(shuffle(x), size)
        } else {
            x
        }
    }
}

impl Level {
    /// The convolution, and the function after it.
    fn forward(&self, x: Tensor<4>, activation: Option<Activation>) -> Tensor<4> {
        normalised(&self.conv, &self.norm, x, activation)
    }
}

/// A convolution that keeps height and width, its normalisation, and the function after it.
fn normalised(
    conv: &Conv2d,
    norm: &Option<BatchNorm>,
    x: Tensor<4>,
    activation: Option<Activation>,
) -> Tensor<4> {
    let fused = activation.map_or(Fused::None, Activation::fused);
    match (norm, activation) {
        (None, _) => convolve(conv, x, fused),
        (Some(norm), Some(activation)) => {
            activation.apply(norm.forward(convolve(conv, x, Fused::None)))
        }
        (Some(norm), None) => norm.forward(convolve(conv, x, Fused::None)),
    }
}

impl DownBlock {
    /// The convolution that comes first.
    fn first(&self) -> &Conv2d {
        self.before.first().map_or(&self.conv, |level| &level.conv)
    }
}

/// The maximum of each 2x2 window.
fn max_pool(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(
        pad_to_even(x),
        MaxPoolOptions::new([2, 2]).with_stride([2, 2]),
    )
}

/// Repeats the last row and column where their number is odd, so that pooling windows of 2x2 cover
/// the whole map and an odd border is neither dropped nor mixed with zeros.
fn pad_to_even(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = if height % 2 == 0 {
        x
    } else {
        let row = x
            .clone()
            .slice([0..batch, 0..channels, height - 1..height, 0..width]);
        Tensor::cat(vec![x, row], 2)
    };
    let height = height + height % 2;
    if width % 2 == 0 {
        return x;
    }
    let column = x
        .clone()
        .slice([0..batch, 0..channels, 0..height, width - 1..width]);
    Tensor::cat(vec![x, column], 3)
}

/// The map without what [`pad_to_even`] added on the way down.
fn crop(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if [height, width] == size {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..size[0], 0..size[1]])
}

/// The first convolution of a level of the decoder: up to `size` = `[height, width]` from half of it.
fn up(
    block: &UpBlock,
    x: Tensor<4>,
    activation: Option<Activation>,
    size: [usize; 2],
) -> Tensor<4> {
    let fused = match (&block.norm, activation) {
        (None, Some(activation)) => activation.fused(),
        _ => Fused::None,
    };
    let (x, activated) = match (&block.conv, &block.transposed) {
        (Some(conv), _) => {
            let (weight, bias) = parameters(conv);
            (
                kernels::upsample_conv2d(x, weight, bias, fused, size),
                fused != Fused::None,
            )
        }
        (None, Some(transposed)) => (transposed.forward(x), false),
        (None, None) => (x, false),
    };
    let x = match &block.norm {
        Some(norm) => norm.forward(x),
        None => x,
    };
    match activation {
        Some(activation) if !activated => activation.apply(x),
        _ => x,
    }
}

/// A convolution that keeps height and width, and the function after it.
fn convolve(conv: &Conv2d, x: Tensor<4>, activation: Fused) -> Tensor<4> {
    let (weight, bias) = parameters(conv);
    kernels::conv2d(x, weight, bias, activation)
}

/// Weight `[outputs, inputs, k, k]` and bias `[outputs]`.
fn parameters(conv: &Conv2d) -> (Tensor<4>, Tensor<1>) {
    let weight = conv.weight.val();
    let outputs = weight.dims()[0];
    let bias = match &conv.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([outputs], &weight.device()),
    };
    (weight, bias)
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
