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
use crate::shape::{levels, max_depth, values};
use crate::shuffle;

/// Values of a picture for each value of its code up to which the convolutions work at half of the
/// picture's height and width, and above which at a quarter: the more is missing, the coarser it is.
const FINE: usize = 48;

impl LinearConfig {
    /// How often height and width are halved before the convolutions: as given, or by how much is missing.
    fn halvings(&self, ends: Ends) -> usize {
        let [_, height, width] = ends.output;
        let usual = match values(ends.output) > FINE.saturating_mul(self.code_size) {
            true => 2,
            false => 1,
        };
        self.halvings
            .unwrap_or_else(|| usual.min(max_depth(height, width)))
    }
}

impl Base for LinearConfig {
    fn name(&self) -> &'static str {
        "linear"
    }

    /// # Errors
    /// A code or convolutions out of range, more halvings than the picture allows, and an input that is not
    /// of the picture's own shape or that a difference is to be added to.
    fn plan(&self, ends: Ends) -> Result<Plan, ModelError> {
        check_count("code_size", self.code_size, WIDEST)?;
        check_count("channels", self.channels, WIDEST)?;
        check_count("convolutions", self.convolutions, MOST_CONVOLUTIONS)?;
        check_number("initial_gain", self.initial_gain, [0.0, GREATEST_GAIN])?;
        if ends.gives.is_residual() || ends.input != ends.output {
            let found = "found \"linear\" in a model that is residual or gets grey pictures";
            let allowed = "\"dense\" or \"conv\", because a linear code starts from the pictures' own components";
            return Err(ModelError::new("kind", found.into(), allowed.into()));
        }
        let [channels, height, width] = ends.output;
        let halvings = self.halvings(ends);
        let Some(sizes) = levels(height, width, halvings) else {
            return Err(ModelError::new(
                "halvings",
                format!("found {halvings} for images of {height}x{width} pixels"),
                format!("at most {}", max_depth(height, width)),
            ));
        };
        let (image, flat) = (ends.output.to_vec(), vec![self.code_size]);
        let code = Layer::dense(Role::Code, image.clone(), flat.clone(), None);
        let expand = Layer::dense(Role::Expand, flat, image.clone(), None);
        let unfolded = channels.saturating_mul(shuffle::CHANNELS.saturating_pow(halvings as u32));
        let mut operations = vec![Operation::Unshuffle; halvings];
        for place in 1..=self.convolutions {
            let (is_first, is_last) = (place == 1, place == self.convolutions);
            operations.push(Operation::Convolution {
                inputs: if is_first { unfolded } else { self.channels },
                outputs: if is_last { unfolded } else { self.channels },
                kernel: 3,
                stride: 1,
            });
            if !is_last {
                operations.push(Operation::Activation(self.activation));
            }
        }
        let larger = sizes.iter().rev().skip(1);
        operations.extend(larger.map(|&size| Operation::Shuffle { size }));
        operations.push(Operation::AddInput);
        let role = Role::Decoder(0);
        let refine = Layer {
            role,
            stored: role.to_string(),
            input: image.clone(),
            output: image,
            operations,
        };
        Ok(Plan {
            ends: Ends {
                gives: Gives::Values,
                ..ends
            },
            layers: Layers::new(Vec::new(), code, vec![expand, refine]),
        })
    }

    fn init(&self, plan: &Plan, device: &Device) -> Network {
        let decoder = plan.layers.decoder();
        Network::Conv(Conv {
            encoder: Vec::new(),
            narrow: Vec::new(),
            code: Some(linear(plan.layers.code(), device)),
            widen: Vec::new(),
            expand: decoder.first().map(|layer| linear(layer, device)),
            decoder: (decoder.iter().skip(1))
                .map(|layer| Block::decoder(&layer.operations, device))
                .collect(),
        })
    }

    fn start(&self, network: Network) -> Network {
        match network {
            Network::Conv(mut conv) => {
                if let Some(last) = conv.decoder.last_mut().and_then(Block::last) {
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

impl Conv {
    /// The network with a linear code that is the principal components' and gives back what they give:
    /// `components` are `[code_size, C, H, W]`, orthonormal, and `mean` is `[C, H, W]`. The convolutions get
    /// pictures whose channels are centred, because they see zeros beyond the border.
    pub(super) fn with_components(
        mut self,
        components: &[f32],
        mean: &[f32],
        channels: usize,
    ) -> Self {
        let values = mean.len();
        let code_size = components.len() / values.max(1);
        let area = values / channels.max(1);
        let centres: Vec<f32> = mean
            .chunks_exact(area.max(1))
            .map(|channel| channel.iter().sum::<f32>() / area as f32)
            .collect();
        if let Some(Linear { weight, bias }) = &mut self.code {
            // Burn has `[inputs, outputs]`.
            let across = (0..values).flat_map(|at| components.iter().skip(at).step_by(values));
            set(weight, across.copied().collect());
            let offset = components.chunks_exact(values).map(|component| {
                let of = component.iter().zip(mean);
                -of.map(|(one, other)| f64::from(*one) * f64::from(*other))
                    .sum::<f64>() as f32
            });
            if let Some(bias) = bias {
                set(bias, offset.take(code_size).collect());
            }
        }
        if let Some(Linear { weight, bias }) = &mut self.expand {
            set(weight, components.to_vec());
            let centred = mean.chunks_exact(area.max(1)).zip(&centres);
            let centred =
                centred.flat_map(|(channel, centre)| channel.iter().map(move |it| it - centre));
            if let Some(bias) = bias {
                set(bias, centred.collect());
            }
        }
        if let Some(last) = self.decoder.last_mut().and_then(Block::last)
            && let Some(bias) = &mut last.bias
        {
            // Shuffling takes the channels of one picture channel from places next to each other.
            let each = bias.val().shape().num_elements() / channels.max(1);
            let all = centres
                .iter()
                .flat_map(|&centre| std::iter::repeat_n(centre, each));
            set(bias, all.collect());
        }
        self
    }
}

/// Gives a parameter these values, in its own shape.
fn set<const D: usize>(param: &mut Param<Tensor<D>>, values: Vec<f32>) {
    let old = param.val();
    let tensor = Tensor::from_data(TensorData::new(values, old.shape()), &old.device());
    // The parameter's setting, not the tensor's: it also holds on a device without gradients.
    *param = Param::initialized(param.id, tensor).set_require_grad(true);
}

#[cfg(test)]
#[path = "linear_tests.rs"]
mod tests;
