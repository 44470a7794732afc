//! The convolutional autoencoder: convolutions that halve the map at each level, an optional dense
//! code, and a decoder that doubles it back to exactly the input's shape. Of clips, they halve and double
//! time too.

use burn::nn::Linear;
use burn::prelude::*;

use super::{Base, Network};
use crate::block::Block;
use crate::config::{
    Activation, ConvConfig, Downsample, GREATEST_GAIN, LARGEST_KERNEL, MOST_CONVOLUTIONS, Upsample,
    WIDEST,
};
use crate::error::{ModelError, check_count, check_number, check_widths};
use crate::forward::Weights;
use crate::frames::{self, Time};
use crate::init::linear;
use crate::layer::{Layer, Layers, Role};
use crate::operation::Operation;
use crate::plan::{Ends, Plan};
use crate::shape::{SIDE, levels, max_depth, product};

/// A convolutional autoencoder. The fields are the names of weights in files.
#[derive(Module, Debug)]
pub(crate) struct Conv {
    pub(super) encoder: Vec<Block>,
    /// Dense layers between the flattened last map and a dense code.
    pub(super) narrow: Vec<Linear>,
    /// To the code from what is above it, if there is a dense code.
    pub(super) code: Option<Linear>,
    /// The mirror image of `narrow`, from the code on.
    pub(super) widen: Vec<Linear>,
    /// Back to the last map.
    pub(super) expand: Option<Linear>,
    pub(super) decoder: Vec<Block>,
}

/// What a config's levels are: frames, height and width of each, the input's first; the channels of all but the
/// encoder's last level; and the channels of that.
type Levels<'a> = (Vec<Sides>, &'a [usize], usize);

/// Frames of a clip, or 1, height and width of a map.
type Sides = [usize; 3];

/// A map: its channels and sides.
type Map = (usize, Sides);

/// The shape of a map, which has frames only in models of clips.
fn shape(ends: Ends, (channels, [frames, height, width]): Map) -> Vec<usize> {
    ends.map([channels, frames, height, width])
}

/// Frames that a convolution sees of a map: as many as rows, but one of a map that has no others.
fn window(frames: usize, kernel: usize) -> usize {
    if frames > 1 { kernel } else { 1 }
}

/// What gives each frame its neighbours for a kernel, if it has any.
fn neighbours(count: usize, stride: usize) -> Option<Operation> {
    let seen = Time::Neighbours { count, stride };
    (count > 1).then_some(Operation::Time(seen))
}

impl ConvConfig {
    /// Checks all keys.
    fn check(&self, ends: Ends) -> Result<Levels<'_>, ModelError> {
        let [_, height, width] = ends.frame();
        let Some((&last, hidden)) = self.channels.split_last() else {
            return Err(ModelError::new(
                "channels",
                "found an empty list".into(),
                "the channels of at least one level".into(),
            ));
        };
        let depth = self.channels.len();
        if self.kernel.is_multiple_of(2) {
            return Err(ModelError::new(
                "kernel",
                format!("found {}", self.kernel),
                "an odd size, so that a map keeps its height and width".into(),
            ));
        }
        check_count("kernel", self.kernel, LARGEST_KERNEL)?;
        check_widths("channels", &self.channels)?;
        check_widths("decoder", self.decoder.as_deref().unwrap_or_default())?;
        check_widths("layers", &self.layers)?;
        if let Some(code_size) = self.code_size {
            check_count("code_size", code_size, WIDEST)?;
        }
        check_count("convolutions", self.convolutions, MOST_CONVOLUTIONS)?;
        check_number("initial_gain", self.initial_gain, [0.0, GREATEST_GAIN])?;
        if self.code_size.is_none() && !self.layers.is_empty() {
            return Err(ModelError::new(
                "layers",
                format!("found {:?} without a \"code_size\"", self.layers),
                "no dense layers, because the last map is the code".into(),
            ));
        }
        let Some(sizes) = levels(height, width, depth) else {
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
        let times = frames::levels(ends.frames, depth);
        let sides = times.into_iter().zip(sizes);
        let sides = sides.map(|(frames, [height, width])| [frames, height, width]);
        Ok((sides.collect(), hidden, last))
    }

    /// Level `number` of the encoder: half the height and width, and half of several frames, rounded up.
    fn down(
        &self,
        ends: Ends,
        (number, role): (usize, Role),
        input: Map,
        output: Map,
        activation: Activation,
    ) -> Layer {
        let mut operations = Vec::new();
        let ((mut inputs, [mut frames, ..]), (outputs, _)) = (input, output);
        let is_halved = |change| (input.1[0] > 1).then_some(Operation::Time(change));
        if self.downsample == Downsample::Unshuffle {
            let window = ends.window();
            operations.extend(is_halved(Time::Unshuffle));
            operations.push(Operation::Unshuffle { window });
            if frames > 1 {
                inputs *= SIDE;
                frames = frames::halved(frames);
            }
            inputs *= product(&window);
        }
        for place in 1..=self.convolutions {
            let is_last = place == self.convolutions;
            let stride = match self.downsample {
                Downsample::Stride if is_last => 2,
                _ => 1,
            };
            let over = window(frames, self.kernel);
            if over == 1 && frames > 1 && stride > 1 {
                // A kernel of one frame that passes every second one by.
                operations.push(Operation::Time(Time::Neighbours { count: 1, stride }));
            }
            operations.extend(neighbours(over, stride));
            operations.push(Operation::Convolution {
                inputs: over.saturating_mul(inputs),
                outputs,
                kernel: ends.kernel(self.kernel),
                stride,
            });
            operations.extend(self.norm(outputs));
            let function = if is_last { activation } else { self.activation };
            operations.push(Operation::Activation(function));
            inputs = outputs;
        }
        match self.downsample {
            Downsample::Max => {
                operations.push(Operation::MaxPool);
                operations.extend(is_halved(Time::Max));
            }
            Downsample::Average => {
                operations.push(Operation::AveragePool {
                    window: ends.window(),
                });
                operations.extend(is_halved(Time::Average));
            }
            Downsample::Stride | Downsample::Unshuffle => {}
        }
        Layer {
            role,
            // A map that is the code is stored as the encoder's last.
            stored: format!("encoder.{number}"),
            input: shape(ends, input),
            output: shape(ends, output),
            operations,
        }
    }

    /// Level `number` of the decoder: twice the height and width, and twice the frames where the encoder has halved
    /// them, cropped to the output's. The last convolution is followed by `last`, and by normalisation if that is a
    /// hidden layer's function.
    fn up(
        &self,
        ends: Ends,
        number: usize,
        input: Map,
        output: Map,
        last: Option<Operation>,
    ) -> Layer {
        let (deep, [mut frames, rows, columns]) = input;
        let (shallow, [after, height, width]) = output;
        let size = [height, width];
        let is_hidden = matches!(last, Some(Operation::Activation(_)));
        let is_doubled = |change| (after > 1).then_some(Operation::Time(change));
        let mut operations = Vec::new();
        match self.upsample {
            Upsample::Nearest => {
                operations.extend(is_doubled(Time::Repeat { frames: after }));
                frames = after;
            }
            Upsample::Transposed => {
                operations.extend(is_doubled(Time::Spread { frames: after }));
                frames = after;
            }
            Upsample::Shuffle => {}
        }
        let over = window(frames, self.kernel);
        let widest = match self.upsample {
            Upsample::Shuffle if after > 1 => SIDE * product(&ends.window()) * shallow,
            Upsample::Shuffle => product(&ends.window()) * shallow,
            Upsample::Nearest | Upsample::Transposed => shallow,
        };
        for place in 1..=self.convolutions {
            let is_last = place == self.convolutions;
            let (inputs, outputs) = (
                over.saturating_mul(deep),
                if is_last { widest } else { deep },
            );
            operations.extend(neighbours(over, 1));
            if self.upsample == Upsample::Nearest && place == 1 {
                // Beside its convolution, with which it is one operator; neighbours are the same before it.
                operations.push(Operation::Upsample { size });
            }
            operations.push(match self.upsample {
                Upsample::Transposed if place == 1 => Operation::Transposed {
                    inputs,
                    outputs,
                    kernel: ends.kernel(self.kernel),
                    // (n - 1) 2 - 2 pad + kernel + extra = 2 n - 1 + extra rows come out of n.
                    extra: [height + 1 - 2 * rows, width + 1 - 2 * columns],
                },
                _ => Operation::Convolution {
                    inputs,
                    outputs,
                    kernel: ends.kernel(self.kernel),
                    stride: 1,
                },
            });
            // The image itself is not normalised.
            if !is_last || is_hidden {
                operations.extend(self.norm(outputs));
                operations.push(Operation::Activation(self.activation));
            }
        }
        if self.upsample == Upsample::Shuffle {
            let window = ends.window();
            operations.push(Operation::Shuffle { window, size });
            operations.extend(is_doubled(Time::Shuffle { frames: after }));
        }
        if !is_hidden {
            operations.extend(last);
        }
        let role = Role::Decoder(number);
        Layer {
            role,
            stored: role.to_string(),
            input: shape(ends, input),
            output: shape(ends, output),
            operations,
        }
    }

    /// What normalises these channels.
    fn norm(&self, channels: usize) -> Option<Operation> {
        self.batch_norm.then_some(Operation::BatchNorm { channels })
    }
}

impl Base for ConvConfig {
    fn name(&self) -> &'static str {
        "conv"
    }

    /// # Errors
    /// More levels than the image can be halved, a decoder of another depth, no channels
    /// or units in a layer, no convolutions, dense layers without a dense code, or an even kernel.
    fn plan(&self, ends: Ends) -> Result<Plan, ModelError> {
        let (sizes, hidden, last) = self.check(ends)?;
        let depth = self.channels.len();
        // The map at a level, the input's 0.
        let at = |channels: usize, level: usize| (channels, sizes[level]);
        let mut from = at(ends.input[0], 0);
        let mut below = Vec::new();
        for (number, &channels) in hidden.iter().enumerate() {
            let to = at(channels, number + 1);
            let role = Role::Encoder(number);
            below.push(self.down(ends, (number, role), from, to, self.activation));
            from = to;
        }
        let map = at(last, depth);
        let mut above = Vec::new();
        let code = match self.code_size {
            None => {
                let activation = self.code_activation.unwrap_or(self.activation);
                self.down(ends, (below.len(), Role::Code), from, map, activation)
            }
            Some(code_size) => {
                let number = below.len();
                let role = Role::Encoder(number);
                below.push(self.down(ends, (number, role), from, map, self.activation));
                let mut shape = self::shape(ends, map);
                for (number, &units) in self.layers.iter().enumerate() {
                    let (role, activation) = (Role::Narrow(number), Some(self.activation));
                    below.push(Layer::dense(role, shape, vec![units], activation));
                    shape = vec![units];
                }
                let code = Layer::dense(Role::Code, shape, vec![code_size], self.code_activation);
                let mut shape = vec![code_size];
                for (number, &units) in self.layers.iter().rev().enumerate() {
                    let (role, activation) = (Role::Widen(number), Some(self.activation));
                    above.push(Layer::dense(role, shape, vec![units], activation));
                    shape = vec![units];
                }
                let (to, activation) = (self::shape(ends, map), Some(self.activation));
                above.push(Layer::dense(Role::Expand, shape, to, activation));
                code
            }
        };
        let mirrored: Vec<usize> = hidden.iter().rev().copied().collect();
        let mut from = map;
        for (number, &channels) in self
            .decoder
            .as_ref()
            .unwrap_or(&mirrored)
            .iter()
            .enumerate()
        {
            let to = at(channels, depth - 1 - number);
            let activation = Operation::Activation(self.activation);
            above.push(self.up(ends, number, from, to, Some(activation)));
            from = to;
        }
        let to = at(ends.output[0], 0);
        above.push(self.up(ends, hidden.len(), from, to, ends.operation()));
        Ok(Plan {
            ends,
            layers: Layers::new(below, code, above),
        })
    }

    fn init(&self, plan: &Plan, device: &Device) -> Network {
        let mut network = Conv {
            encoder: Vec::new(),
            narrow: Vec::new(),
            code: None,
            widen: Vec::new(),
            expand: None,
            decoder: Vec::new(),
        };
        for layer in &plan.layers {
            match layer.role {
                Role::Narrow(_) => network.narrow.push(linear(layer, device)),
                Role::Code if self.code_size.is_some() => {
                    network.code = Some(linear(layer, device));
                }
                Role::Widen(_) => network.widen.push(linear(layer, device)),
                Role::Expand => network.expand = Some(linear(layer, device)),
                Role::Encoder(_) | Role::Code => {
                    network
                        .encoder
                        .push(Block::encoder(&layer.operations, device));
                }
                Role::Decoder(_) => {
                    network
                        .decoder
                        .push(Block::decoder(&layer.operations, device));
                }
            }
        }
        Network::Conv(network)
    }

    fn initial_gain(&self) -> f64 {
        self.initial_gain
    }

    fn decoder(&self) -> Option<&[usize]> {
        self.decoder.as_deref()
    }
}

impl Conv {
    /// The weights of each layer, in the order of the plan.
    pub(crate) fn weights(&self) -> Vec<Weights<'_>> {
        let encoder = self.encoder.iter().map(Weights::Block);
        let down = self.narrow.iter().chain(&self.code);
        let up = self.widen.iter().chain(&self.expand);
        let decoder = self.decoder.iter().map(Weights::Block);
        let dense = down.chain(up).map(Weights::Linear);
        encoder.chain(dense).chain(decoder).collect()
    }
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
