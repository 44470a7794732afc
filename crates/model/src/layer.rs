//! Layers: the parts of a network by their roles, with the code among them.

use std::fmt::{self, Display, Formatter};
use std::ops::Deref;

use serde::Serialize;

use crate::config::Activation;
use crate::operation::{self, Operation, groups};
use crate::shape::{ImageShape, product, values};

/// What a layer does in a network. Its `Display` is the layer's name, for example `encoder.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A layer below the code, counted from the input.
    Encoder(usize),
    /// A dense layer between the last map and a dense code, counted from the map.
    Narrow(usize),
    /// The encoder's last layer, which gives the code.
    Code,
    /// The mirror of a `Narrow` layer, counted from the code.
    Widen(usize),
    /// The dense layer that gives the first map of a decoder.
    Expand,
    /// A layer above the code, counted from there.
    Decoder(usize),
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Role::Encoder(number) => write!(f, "encoder.{number}"),
            Role::Narrow(number) => write!(f, "narrow.{number}"),
            Role::Code => f.write_str("code"),
            Role::Widen(number) => write!(f, "widen.{number}"),
            Role::Expand => f.write_str("expand"),
            Role::Decoder(number) => write!(f, "decoder.{number}"),
        }
    }
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

/// One layer of a [`Plan`](crate::Plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its role, whose `Display` is its name.
    pub role: Role,
    /// Where its parameters are in files: `encoder.2` if they are `encoder.2.weight` and so on.
    pub stored: String,
    /// Shape of its input for one image: `[units]`, `[channels, height, width]`, or in a convolution of clips
    /// `[channels, frames, height, width]`.
    pub input: Vec<usize>,
    /// Shape of its output for one image.
    pub output: Vec<usize>,
    /// What it computes, in this order.
    pub operations: Vec<Operation>,
}

impl Layer {
    /// A dense layer, stored under its name.
    pub(crate) fn dense(
        role: Role,
        input: Vec<usize>,
        output: Vec<usize>,
        activation: Option<Activation>,
    ) -> Self {
        let linear = Operation::Linear {
            inputs: product(&input),
            outputs: product(&output),
            tied: false,
        };
        let mut operations = vec![linear];
        operations.extend(activation.map(Operation::Activation));
        Self {
            role,
            stored: role.to_string(),
            input,
            output,
            operations,
        }
    }

    /// Its name: `encoder.0` and so on, `narrow.0` and so on, `code`, `widen.0` and so on, `expand`,
    /// `decoder.0` and so on.
    pub fn name(&self) -> String {
        self.role.to_string()
    }

    /// What it computes, for example `dense 784 -> 512`.
    pub fn kind(&self) -> String {
        operation::words(&self.operations)
    }

    /// Where the parameters of each of its operations are in files, for example `encoder.2.before.0.conv`; `None` for an
    /// operation without parameters. A tied dense layer has its bias there; its weight is its mirror's, transposed.
    pub fn stored_operations(&self) -> Vec<Option<String>> {
        let is_level = |operation: &Operation| {
            matches!(
                operation,
                Operation::Convolution { .. } | Operation::Transposed { .. }
            )
        };
        let levels = self.operations.iter().filter(|it| is_level(it)).count();
        // The main convolution of an encoder's block is its last one, and of a decoder's the first.
        let before = match self.role {
            Role::Encoder(_) | Role::Narrow(_) | Role::Code => levels.saturating_sub(1),
            Role::Widen(_) | Role::Expand | Role::Decoder(_) => 0,
        };
        let mut next = 0;
        let name = |operation: &Operation| {
            next += usize::from(is_level(operation));
            let level = match next.saturating_sub(1) {
                level if level < before => format!("{}.before.{level}", self.stored),
                level if level == before => self.stored.clone(),
                level => format!("{}.after.{}", self.stored, level - before - 1),
            };
            match operation {
                Operation::Linear { .. } => Some(self.stored.clone()),
                Operation::Convolution { .. } => Some(format!("{level}.conv")),
                Operation::Transposed { .. } => Some(format!("{level}.transposed")),
                Operation::BatchNorm { .. } => Some(format!("{level}.norm")),
                _ => None,
            }
        };
        self.operations.iter().map(name).collect()
    }

    /// The function on its output.
    pub fn activation(&self) -> Option<Activation> {
        let mut last = None;
        for operation in &self.operations {
            match *operation {
                Operation::Activation(activation) | Operation::Output(activation) => {
                    last = Some(activation);
                }
                Operation::Linear { .. }
                | Operation::Convolution { .. }
                | Operation::Transposed { .. } => last = None,
                _ => {}
            }
        }
        last
    }

    /// The shape of its output, if that is a feature map.
    pub fn map(&self) -> Option<ImageShape> {
        self.output.as_slice().try_into().ok()
    }

    /// Values of each place of its output: the channels of a feature map, or all units.
    pub fn channels(&self) -> usize {
        self.output.first().copied().unwrap_or_default()
    }

    /// Values of its output for one image.
    pub fn size(&self) -> usize {
        product(&self.output)
    }

    /// Values of what its operators give for one image, one after the other: what a training step holds of it.
    pub fn held(&self) -> Vec<usize> {
        let mut shape = self.input.clone();
        let mut held = Vec::new();
        for group in groups(&self.operations) {
            // Losses take what comes before it.
            if let [Operation::Output(_)] = group {
                continue;
            }
            for operation in group {
                shape = operation.output(shape);
            }
            held.push(product(&shape));
        }
        held
    }

    /// Whether it normalises maps of one pixel, of which a channel has a single value per image: a batch of one image
    /// has no spread to be normalised by.
    pub fn normalises_single_values(&self) -> bool {
        let mut shape = self.input.clone();
        for operation in &self.operations {
            let is_single =
                |shape: &[usize]| shape.len() > 1 && shape.iter().skip(1).all(|&side| side == 1);
            if matches!(operation, Operation::BatchNorm { .. }) && is_single(&shape) {
                return true;
            }
            shape = operation.output(shape);
        }
        false
    }

    /// Trainable parameters, batch normalisation's included.
    pub fn parameters(&self) -> usize {
        let each = self.operations.iter().map(Operation::parameters);
        each.fold(0, usize::saturating_add)
    }

    /// What computes it on the flex backend.
    pub fn body(&self) -> Body {
        use Operation::{
            AddInput, Convolution, Linear, Output, Shuffle, Time, Unshuffle, Upsample,
        };
        let (mut handwritten, mut composed) = (false, false);
        for group in groups(&self.operations) {
            match group {
                [Linear { .. }, ..] => handwritten = true,
                [Upsample { .. }, Convolution { kernel, .. }, ..]
                | [
                    Convolution {
                        kernel, stride: 1, ..
                    },
                    ..,
                ] => {
                    let is_fast = |activation| kernels::conv::is_fast(*kernel, activation);
                    handwritten |= is_fast(kernels::Activation::None);
                    composed |= !is_fast(operation::fused(group));
                }
                // These move or add values, which is nothing beside a convolution.
                [Unshuffle { .. } | Shuffle { .. } | Time(_) | Output(_) | AddInput] => {}
                _ => composed = true,
            }
        }
        match (handwritten, composed) {
            (true, false) => Body::Fused,
            (true, true) => Body::Partly,
            (false, _) => Body::Composed,
        }
    }
}

/// The layers of a network in the order in which they compute: the encoder's, of which the code's is
/// the last, and the decoder's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    all: Vec<Layer>,
    /// The place of the code's layer.
    code: usize,
}

impl Layers {
    /// From the layers below the code, the one that gives the code, and those above it.
    pub(crate) fn new(below: Vec<Layer>, code: Layer, above: Vec<Layer>) -> Self {
        let place = below.len();
        let mut all = below;
        all.push(code);
        all.extend(above);
        Self { all, code: place }
    }

    /// The layer that gives the code.
    pub fn code(&self) -> &Layer {
        &self.all[self.code]
    }

    /// Its place among the layers.
    pub fn code_place(&self) -> usize {
        self.code
    }

    /// Values of one image's code.
    pub fn code_size(&self) -> usize {
        self.code().size()
    }

    /// The encoder's layers, the code's last.
    pub fn encoder(&self) -> &[Layer] {
        &self.all[..=self.code]
    }

    /// The decoder's layers.
    pub fn decoder(&self) -> &[Layer] {
        &self.all[self.code + 1..]
    }

    /// Encoder layer `place` and its mirror, which stands as far from the end as it does from the
    /// start; `None` if the encoder or the decoder has no such layer.
    pub fn pair(&self, place: usize) -> Option<(&Layer, &Layer)> {
        self.encoder()
            .get(place)
            .zip(self.decoder().iter().rev().nth(place))
    }

    /// Names of the layers that start as principal components, which
    /// [`Autoencoder::with_components`](crate::Autoencoder::with_components) sets; none if what follows the code makes
    /// a picture and does not add to one.
    pub fn from_components(&self) -> Vec<String> {
        let adds = |layer: &Layer| layer.operations.contains(&Operation::AddInput);
        match self.iter().any(adds) {
            true => self
                .iter()
                .filter(|it| !adds(it))
                .map(Layer::name)
                .collect(),
            false => Vec::new(),
        }
    }

    /// Trainable parameters of all layers.
    pub fn parameters(&self) -> usize {
        let each = self.iter().map(Layer::parameters);
        each.fold(0, usize::saturating_add)
    }

    /// Values that a file of weights holds: the parameters, and batch normalisations' running statistics.
    pub fn stored_values(&self) -> usize {
        let operations = self.iter().flat_map(|layer| &layer.operations);
        let statistics = operations.map(|operation| match operation {
            Operation::BatchNorm { channels } => 2 * channels,
            _ => 0,
        });
        statistics.fold(self.parameters(), usize::saturating_add)
    }

    /// Values in one of these images for each value of the code; below 1 if the code is larger.
    pub fn compression_ratio(&self, images: ImageShape) -> f64 {
        values(images) as f64 / self.code_size() as f64
    }
}

impl Deref for Layers {
    type Target = [Layer];

    fn deref(&self) -> &[Layer] {
        &self.all
    }
}

impl<'a> IntoIterator for &'a Layers {
    type Item = &'a Layer;
    type IntoIter = std::slice::Iter<'a, Layer>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
