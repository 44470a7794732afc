//! Block: the convolutions of one layer, with their normalisations, and how they are run.

use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use crate::operation::{NORM_EPSILON, Operation, fused, groups};
use crate::shape::SIDE;
use crate::shuffle::{shuffle, unshuffle};

/// The convolutions of one layer. The fields are the names of weights in files: one convolution is the
/// layer's main one, which halves a map or follows its doubling, and others stand before or after it.
#[derive(Module, Debug)]
pub(crate) struct Block {
    pub(crate) before: Vec<Level>,
    /// Its own name is left out of the names of weights.
    pub(crate) main: Level,
    pub(crate) after: Vec<Level>,
}

/// One convolution, of one sort or the other, and what normalises its output.
#[derive(Module, Debug)]
pub(crate) struct Level {
    pub(crate) conv: Option<Conv2d>,
    pub(crate) transposed: Option<ConvTranspose2d>,
    pub(crate) norm: Option<BatchNorm>,
}

/// A module that an operation has.
enum Part<'a> {
    Conv(&'a Conv2d),
    Transposed(&'a ConvTranspose2d),
    Norm(&'a BatchNorm),
}

/// Why no other pair of operation and module is met.
const BUILT: &str = "a block is built from the operations that it runs";

impl Block {
    /// With Burn's lazy initial weights; the main convolution is the last.
    pub(crate) fn encoder(operations: &[Operation], device: &Device) -> Self {
        let mut before = levels(operations, device);
        let main = before.pop().expect(BUILT);
        Self {
            before,
            main,
            after: Vec::new(),
        }
    }

    /// With Burn's lazy initial weights; the main convolution is the first.
    pub(crate) fn decoder(operations: &[Operation], device: &Device) -> Self {
        let mut levels = levels(operations, device).into_iter();
        Self {
            before: Vec::new(),
            main: levels.next().expect(BUILT),
            after: levels.collect(),
        }
    }

    /// The last convolution, unless it is transposed.
    pub(crate) fn last(&mut self) -> Option<&mut Conv2d> {
        let last = self.after.last_mut().unwrap_or(&mut self.main);
        last.conv.as_mut()
    }

    /// The modules in the order in which operations need them.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let levels = self.before.iter().chain([&self.main]).chain(&self.after);
        levels.flat_map(|level| {
            let conv = level.conv.iter().map(Part::Conv);
            let transposed = level.transposed.iter().map(Part::Transposed);
            conv.chain(transposed)
                .chain(level.norm.iter().map(Part::Norm))
        })
    }

    /// The output of the operations for maps, both `[batch, C, H, W]`; of clips with so many frames, `[batch frames, C, H, W]`.
    pub(crate) fn forward(
        &self,
        operations: &[Operation],
        x: Tensor<4>,
        mut frames: usize,
    ) -> Tensor<4> {
        use Operation as O;
        let mut parts = self.parts();
        let is_added = operations.contains(&O::AddInput);
        let input = is_added.then(|| x.clone());
        groups(operations).fold(x, |x, group| {
            let has_weights = |it: &O| {
                matches!(
                    it,
                    O::Convolution { .. } | O::Transposed { .. } | O::BatchNorm { .. }
                )
            };
            let part = match group.iter().any(has_weights) {
                true => parts.next(),
                false => None,
            };
            match (group, part) {
                ([O::Upsample { size }, ..], Some(Part::Conv(conv))) => {
                    let (weight, bias) = parameters(conv);
                    kernels::upsample_conv2d(x, weight, bias, fused(group), *size)
                }
                ([.., O::MaxPool], Some(Part::Conv(conv))) => {
                    let (weight, bias) = parameters(conv);
                    kernels::conv2d_max_pool(x, weight, bias, fused(group))
                }
                ([O::Convolution { stride: 1, .. }, ..], Some(Part::Conv(conv))) => {
                    let (weight, bias) = parameters(conv);
                    kernels::conv2d(x, weight, bias, fused(group))
                }
                // Strided convolutions have no fused form.
                ([O::Convolution { .. }], Some(Part::Conv(conv))) => conv.forward(x),
                ([O::Transposed { .. }], Some(Part::Transposed(conv))) => conv.forward(x),
                ([O::BatchNorm { .. }], Some(Part::Norm(norm))) => norm.forward(x),
                ([O::Activation(activation)], None) => activation.apply(x),
                ([O::MaxPool], None) => max_pool(x),
                ([O::AveragePool { window }], None) => average_pool(x, *window),
                ([O::Unshuffle { window }], None) => unshuffle(pad_to_windows(x, *window), *window),
                ([O::Shuffle { window, size }], None) => crop(shuffle(x, *window), *size),
                ([O::Time(change)], None) => {
                    let x = change.apply(x, frames);
                    [_, frames] = change.output(1, frames);
                    x
                }
                ([O::Output(_)], None) => x,
                ([O::AddInput], None) => match &input {
                    Some(input) => x + input.clone(),
                    None => x,
                },
                _ => unreachable!("{BUILT}"),
            }
        })
    }

    /// The first convolution's kernels, `[channels, C, rows, columns]`.
    pub(crate) fn filters(&self) -> Option<Tensor<4>> {
        self.parts().find_map(|part| match part {
            Part::Conv(conv) => Some(conv.weight.val()),
            _ => None,
        })
    }
}

/// The convolutions of operations, each with the normalisation that follows it.
fn levels(operations: &[Operation], device: &Device) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let one = |conv, transposed| Level {
        conv,
        transposed,
        norm: None,
    };
    for operation in operations {
        match *operation {
            Operation::Convolution {
                inputs,
                outputs,
                kernel,
                stride,
            } => {
                let [rows, columns] = kernel.map(|side| side / 2);
                let conv = Conv2dConfig::new([inputs, outputs], kernel)
                    .with_stride([stride, stride])
                    .with_padding(PaddingConfig2d::Explicit(rows, columns, rows, columns))
                    .init(device);
                levels.push(one(Some(conv), None));
            }
            Operation::Transposed {
                inputs,
                outputs,
                kernel,
                extra,
            } => {
                let conv = ConvTranspose2dConfig::new([inputs, outputs], kernel)
                    .with_stride([2, 2])
                    .with_padding(kernel.map(|side| side / 2))
                    .with_padding_out(extra)
                    .init(device);
                levels.push(one(None, Some(conv)));
            }
            Operation::BatchNorm { channels } => {
                if let Some(level) = levels.last_mut() {
                    level.norm = Some(
                        BatchNormConfig::new(channels)
                            .with_epsilon(NORM_EPSILON)
                            .init(device),
                    );
                }
            }
            _ => {}
        }
    }
    levels
}

/// The maximum of each 2x2 window. The only row of a map is not repeated, which would not change the
/// maximum.
pub(crate) fn max_pool(x: Tensor<4>) -> Tensor<4> {
    let window = [x.dims()[2].min(SIDE), SIDE];
    let options = MaxPoolOptions::new(window).with_stride(window);
    max_pool2d(pad_to_windows(x, window), options)
}

/// The mean of each window.
pub(crate) fn average_pool(x: Tensor<4>, window: [usize; 2]) -> Tensor<4> {
    let options = AvgPoolOptions::new(window).with_stride(window);
    avg_pool2d(pad_to_windows(x, window), options)
}

/// Repeats the last row and column where windows of 2x2, or of 1x2, lack one, so that they cover the
/// whole map and an odd border is neither dropped nor mixed with zeros.
pub(crate) fn pad_to_windows(x: Tensor<4>, window: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = if height.is_multiple_of(window[0]) {
        x
    } else {
        let row = x
            .clone()
            .slice([0..batch, 0..channels, height - 1..height, 0..width]);
        Tensor::cat(vec![x, row], 2)
    };
    let height = height.next_multiple_of(window[0]);
    if width.is_multiple_of(window[1]) {
        return x;
    }
    let column = x
        .clone()
        .slice([0..batch, 0..channels, 0..height, width - 1..width]);
    Tensor::cat(vec![x, column], 3)
}

/// The map without what [`pad_to_windows`] added on the way down.
fn crop(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if [height, width] == size {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..size[0], 0..size[1]])
}

/// Weight `[outputs, inputs, rows, columns]` and bias `[outputs]`.
fn parameters(conv: &Conv2d) -> (Tensor<4>, Tensor<1>) {
    let weight = conv.weight.val();
    let outputs = weight.dims()[0];
    let bias = match &conv.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([outputs], &weight.device()),
    };
    (weight, bias)
}
