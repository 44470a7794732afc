//! A linear code with a decoder that refines: the code and the picture that it stands for are linear, as
//! in principal component analysis, and convolutions add to the picture what they expect to be missing.
//! A training starts at the PCA solution, the best linear autoencoder (Baldi & Hornik 1989), and the
//! convolutions start by adding nothing, so that it can only improve on PCA.

use burn::module::Param;
use burn::nn::Linear;
use burn::prelude::*;

use super::conv::Conv;
use super::{Base, Network};
use crate::block::Block;
use crate::config::{GREATEST_GAIN, LinearConfig, MOST_CONVOLUTIONS, WIDEST};
use crate::error::{ModelError, check_count, check_number};
use crate::init::linear;
use crate::layer::{Layer, Layers, Role};
use crate::operation::Operation;
use crate::plan::{Ends, Gives, Plan};
use crate::shape::{ImageShape, SIDE, levels, max_depth, product, values};
use crate::shuffle;

/// Values of a picture for each value of its code up to which the convolutions work at half of the
/// picture's height and width, and above which at a quarter: the more is missing, the coarser it is.
const FINE: usize = 48;

/// The largest side of a square with a code: its components are a matrix of all its values.
const LARGEST_BLOCK: usize = 64;

impl LinearConfig {
    /// How often height and width are halved before the convolutions: as given, or by how much is missing.
    fn halvings(&self, ends: Ends) -> usize {
        let [channels, height, width] = ends.frame();
        let coded = self
            .block
            .map_or(values(ends.output), |side| channels * side * side);
        let usual = match coded > FINE.saturating_mul(self.code_size) {
            true => 2,
            false => 1,
        };
        self.halvings
            .unwrap_or_else(|| usual.min(max_depth(height, width)))
    }

    /// The layer that gives the code and the one that gives the picture it stands for.
    fn linear(&self, ends: Ends) -> Result<[Layer; 2], ModelError> {
        let image @ [channels, height, width] = ends.output;
        let Some(side) = self.block else {
            let flat = vec![self.code_size];
            let code = Layer::dense(Role::Code, image.to_vec(), flat.clone(), None);
            return Ok([code, Layer::dense(Role::Expand, flat, image.to_vec(), None)]);
        };
        if ends.is_series || ends.frames > 1 {
            let (what, one) = match ends.is_series {
                true => ("series, which have no squares", "a series"),
                false => ("clips", "a clip"),
            };
            return Err(ModelError::new(
                "block",
                format!("found {side} for {what}"),
                format!("null: {one} has one code"),
            ));
        }
        let halvings = side.checked_ilog2().unwrap_or_default() as usize;
        let sizes = levels(height, width, halvings)
            .filter(|_| side.is_power_of_two() && (2..=LARGEST_BLOCK).contains(&side));
        let Some((sizes, &[rows, columns])) = sizes
            .as_ref()
            .and_then(|sizes| Some((sizes, sizes.last()?)))
        else {
            return Err(ModelError::new(
                "block",
                format!("found {side} for images of {height}x{width} pixels"),
                format!(
                    "2, 4, 8 and so on, at most {LARGEST_BLOCK} and not above the image's sides"
                ),
            ));
        };
        let values = channels * side * side;
        if self.code_size > values {
            return Err(ModelError::new(
                "code_size",
                format!("found {} for squares of {values} values", self.code_size),
                format!("at most {values}"),
            ));
        }
        let convolution = |inputs, outputs| Operation::Convolution {
            inputs,
            outputs,
            kernel: ends.kernel(1),
            stride: 1,
        };
        let window = ends.window();
        let mut down = vec![Operation::Unshuffle { window }; halvings];
        down.push(convolution(values, self.code_size));
        let mut up = vec![convolution(self.code_size, values)];
        up.extend(shuffles(window, sizes));
        let map = vec![self.code_size, rows, columns];
        Ok([
            Layer {
                role: Role::Code,
                // After the mirror of the decoder's convolutions, if there is one.
                stored: Role::Encoder(usize::from(self.mirror)).to_string(),
                input: image.to_vec(),
                output: map.clone(),
                operations: down,
            },
            Layer {
                role: Role::Decoder(0),
                stored: "decoder.0".into(),
                input: map,
                output: image.to_vec(),
                operations: up,
            },
        ])
    }

    /// The convolutions that add to a picture, at the last of these heights and widths.
    fn refine(&self, role: Role, ends: Ends, sizes: &[[usize; 2]]) -> Layer {
        let (image, window) = (ends.output, ends.window());
        let halvings = sizes.len().saturating_sub(1);
        let unfolded = image[0].saturating_mul(product(&window).saturating_pow(halvings as u32));
        let mut operations = vec![Operation::Unshuffle { window }; halvings];
        for place in 1..=self.convolutions {
            let (is_first, is_last) = (place == 1, place == self.convolutions);
            operations.push(Operation::Convolution {
                inputs: if is_first { unfolded } else { self.channels },
                outputs: if is_last { unfolded } else { self.channels },
                kernel: ends.kernel(3),
                stride: 1,
            });
            if !is_last {
                operations.push(Operation::Activation(self.activation));
            }
        }
        operations.extend(shuffles(window, sizes));
        operations.push(Operation::AddInput);
        // A clip is refined frame by frame.
        let [channels, height, width] = ends.frame();
        let picture = ends.map([channels, ends.frames, height, width]);
        Layer {
            role,
            stored: role.to_string(),
            input: picture.clone(),
            output: picture,
            operations,
        }
    }
}

/// From the last of these heights and widths back to the first.
fn shuffles(window: [usize; 2], sizes: &[[usize; 2]]) -> impl Iterator<Item = Operation> {
    let larger = sizes.iter().rev().skip(1);
    larger.map(move |&size| Operation::Shuffle { window, size })
}

impl Base for LinearConfig {
    fn name(&self) -> &'static str {
        "linear"
    }

    /// # Errors
    /// A code or convolutions out of range, more halvings than the picture allows, and an input that is not
    /// of the picture's own shape or that a difference is to be added to.
    fn plan(&self, ends: Ends) -> Result<Plan, ModelError> {
        if matches!(ends.gives, Gives::Real | Gives::Marked) {
            return Err(ModelError::new(
                "kind",
                "found \"linear\" for data that are not pictures".into(),
                "\"dense\", \"conv\", \"sparse\", \"denoising\"".into(),
            ));
        }
        check_count("code_size", self.code_size, WIDEST)?;
        check_count("channels", self.channels, WIDEST)?;
        check_count("convolutions", self.convolutions, MOST_CONVOLUTIONS)?;
        check_number("initial_gain", self.initial_gain, [0.0, GREATEST_GAIN])?;
        if ends.gives.is_residual() || ends.input != ends.output {
            let found = "found \"linear\" in a model that is residual or gets grey pictures";
            let allowed = "\"dense\" or \"conv\", because a linear code starts from the pictures' own components";
            return Err(ModelError::new("kind", found.into(), allowed.into()));
        }
        let [_, height, width] = ends.frame();
        let halvings = self.halvings(ends);
        let Some(sizes) = levels(height, width, halvings) else {
            return Err(ModelError::new(
                "halvings",
                format!("found {halvings} for images of {height}x{width} pixels"),
                format!("at most {}", max_depth(height, width)),
            ));
        };
        let [code, expand] = self.linear(ends)?;
        let refine = |role: Role| self.refine(role, ends, &sizes);
        let below = match self.mirror {
            true => vec![refine(Role::Encoder(0))],
            false => Vec::new(),
        };
        let above = refine(Role::Decoder(usize::from(self.block.is_some())));
        Ok(Plan {
            ends: Ends {
                gives: Gives::Values,
                ..ends
            },
            layers: Layers::new(below, code, vec![expand, above]),
        })
    }

    fn init(&self, plan: &Plan, device: &Device) -> Network {
        let is_dense = self.block.is_none();
        let block = |layer: &Layer| Block::decoder(&layer.operations, device);
        let (code, decoder) = (plan.layers.code(), plan.layers.decoder());
        let expand = decoder.first().filter(|_| is_dense);
        let coding = plan
            .layers
            .encoder()
            .iter()
            .filter(|layer| !is_dense || layer.role != Role::Code);
        Network::Conv(Conv {
            encoder: coding
                .map(|layer| Block::encoder(&layer.operations, device))
                .collect(),
            narrow: Vec::new(),
            code: is_dense.then(|| linear(code, device)),
            widen: Vec::new(),
            expand: expand.map(|layer| linear(layer, device)),
            decoder: decoder
                .iter()
                .skip(usize::from(is_dense))
                .map(block)
                .collect(),
        })
    }

    fn start(&self, network: Network) -> Network {
        match network {
            Network::Conv(mut conv) => {
                let before = conv.encoder.first_mut().filter(|_| self.mirror);
                for last in before
                    .into_iter()
                    .chain(conv.decoder.last_mut())
                    .filter_map(Block::last)
                {
                    let weight = last.weight.val();
                    set(&mut last.weight, vec![0.0; weight.shape().num_elements()]);
                    if let Some(bias) = &mut last.bias {
                        let outputs = bias.val().shape().num_elements();
                        set(bias, vec![0.0; outputs]);
                    }
                }
                Network::Conv(conv)
            }
            other => other,
        }
    }

    fn initial_gain(&self) -> f64 {
        self.initial_gain
    }

    fn decoder(&self) -> Option<&[usize]> {
        None
    }

    fn gives_values(&self) -> bool {
        true
    }
}

/// Principal components for a linear code.
#[derive(Clone, Copy)]
pub(crate) struct Components<'a> {
    /// `[code_size, C, H, W]`, orthonormal, of images or of squares of them.
    pub(crate) directions: &'a [f32],
    /// `[C, H, W]`.
    pub(crate) mean: &'a [f32],
    /// Channels, height and width.
    pub(crate) shape: ImageShape,
    /// How long they are in a code of 1.
    pub(crate) step: f64,
}

impl Components<'_> {
    fn code_size(&self) -> usize {
        self.directions.len() / values(self.shape).max(1)
    }

    /// What the encoder adds to each value of the code: the mean's own value, taken away.
    fn offset(&self) -> Vec<f32> {
        let each = self.directions.chunks_exact(values(self.shape).max(1));
        let offset = each.map(|direction| {
            let of = direction.iter().zip(self.mean);
            let along: f64 = of
                .map(|(one, other)| f64::from(*one) * f64::from(*other))
                .sum();
            (-along / self.step) as f32
        });
        offset.collect()
    }

    /// The mean of each channel of the mean.
    fn centres(&self) -> Vec<f32> {
        let area = (self.shape[1] * self.shape[2]).max(1);
        let channels = self.mean.chunks_exact(area);
        channels
            .map(|channel| channel.iter().sum::<f32>() / area as f32)
            .collect()
    }

    /// The mean without the means of its channels.
    fn centred(&self) -> Vec<f32> {
        let area = (self.shape[1] * self.shape[2]).max(1);
        let channels = self.mean.chunks_exact(area).zip(self.centres());
        channels
            .flat_map(|(channel, centre)| channel.iter().map(move |it| it - centre))
            .collect()
    }
}

impl Conv {
    /// The network with a linear code that is the principal components' and gives back what they give. The convolutions
    /// get pictures whose channels are centred, because they see zeros beyond the border.
    pub(super) fn with_components(mut self, it: Components<'_>) -> Self {
        match &mut self.code {
            Some(code) => {
                let size = values(it.shape);
                // Burn has `[inputs, outputs]`.
                let across = (0..size).flat_map(|at| it.directions.iter().skip(at).step_by(size));
                set(&mut code.weight, across.copied().collect());
                if let Some(bias) = &mut code.bias {
                    set(bias, it.offset());
                }
                if let Some(Linear { weight, bias }) = &mut self.expand {
                    set(weight, it.directions.to_vec());
                    if let Some(bias) = bias {
                        set(bias, it.centred());
                    }
                }
            }
            None => self.with_block_components(it),
        }
        if let Some(last) = self.decoder.last_mut().and_then(Block::last)
            && let Some(bias) = &mut last.bias
        {
            // Shuffling takes the channels of one picture channel from places next to each other.
            let each = bias.val().shape().num_elements() / it.shape[0].max(1);
            let centres = it.centres();
            let all = (centres.iter()).flat_map(|&centre| std::iter::repeat_n(centre, each));
            set(bias, all.collect());
        }
        self
    }

    /// The same of squares, which the network has as channels of one pixel.
    fn with_block_components(&mut self, it: Components<'_>) {
        let (size, code_size) = (values(it.shape), it.code_size());
        let as_channels = |squares: Vec<f32>, device: &Device| -> Tensor<4> {
            let [channels, height, width] = it.shape;
            let count = squares.len() / size.max(1);
            let mut x = Tensor::from_data(
                TensorData::new(squares, [count, channels, height, width]),
                device,
            );
            while x.dims()[2] > 1 {
                x = shuffle::unshuffle(x, [SIDE, SIDE]);
            }
            x
        };
        let (step, scaled) = (it.step, |by: f64| -> Vec<f32> {
            it.directions
                .iter()
                .map(|value| (f64::from(*value) * by) as f32)
                .collect()
        });
        if let Some(code) = self.encoder.last_mut().and_then(Block::last) {
            let device = code.weight.val().device();
            put(&mut code.weight, as_channels(scaled(1.0 / step), &device));
            if let Some(bias) = &mut code.bias {
                set(bias, it.offset());
            }
        }
        if let Some(expand) = self.decoder.first_mut().and_then(Block::last) {
            let device = expand.weight.val().device();
            let across = as_channels(scaled(step), &device).swap_dims(0, 1);
            put(&mut expand.weight, across.reshape([size, code_size, 1, 1]));
            if let Some(bias) = &mut expand.bias {
                put(bias, as_channels(it.centred(), &device).reshape([size]));
            }
        }
    }
}

/// Gives a parameter these values, in its own shape.
fn set<const D: usize>(param: &mut Param<Tensor<D>>, values: Vec<f32>) {
    let old = param.val();
    put(
        param,
        Tensor::from_data(TensorData::new(values, old.shape()), &old.device()),
    );
}

/// Gives a parameter this value.
fn put<const D: usize>(param: &mut Param<Tensor<D>>, tensor: Tensor<D>) {
    // The parameter's setting, not the tensor's: it also holds on a device without gradients.
    *param = Param::initialized(param.id, tensor).set_require_grad(true);
}

#[cfg(test)]
#[path = "linear_tests.rs"]
mod tests;
