//! Density: how likely each value of a code that is a feature map is, channel by channel. It is learned with the model,
//! so that a loss can count the bits that the code will take (a factorised prior: Ballé et al., "Variational Image
//! Compression with a Scale Hyperprior", 2018; here each channel has a mixture of logistic distributions, as pixels in
//! Salimans et al., "PixelCNN++", 2017).

use std::f64::consts::LN_2;

use burn::module::Param;
use burn::prelude::*;
use burn::tensor::activation::{sigmoid, softmax};

/// Standard deviations of the logistics at the start, up to a factor of 1.8: codes may begin narrow or wide.
const STARTS: [f32; 3] = [0.3, 1.0, 4.0];

/// What parameters are multiplied by. Adam moves each of them by about the learning rate a step, which suits the weights
/// of a network, but a density has to follow codes that move by whole numbers.
const SPEED: f64 = 16.0;

/// The least probability that is counted: 30 bits, whose gradient is none.
const LEAST: f64 = 1e-9;

/// A mixture of logistics for each channel; all `[mixtures, channels]`, divided by [`SPEED`]. The fields are the names of
/// weights in files.
#[derive(Module, Debug)]
pub(crate) struct Density {
    /// Logits of the shares.
    share: Param<Tensor<2>>,
    mean: Param<Tensor<2>>,
    /// Logarithms of the scales.
    scale: Param<Tensor<2>>,
}

impl Density {
    /// Wide enough for any code, for so many channels.
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        let shape = [STARTS.len(), channels];
        let zeros = || Tensor::zeros(shape, device);
        let starts = STARTS
            .iter()
            .flat_map(|it| vec![it.ln() / SPEED as f32; channels]);
        let scale = Tensor::from_data(TensorData::new(starts.collect(), shape), device);
        Self {
            share: Param::from_tensor(zeros()),
            mean: Param::from_tensor(zeros()),
            scale: Param::from_tensor(scale),
        }
    }

    /// Bits that codes `[batch, units]`, maps of so many channels, take together when they are rounded to whole
    /// numbers, shape `[1]`: the negative logarithm of the probability of the interval of length 1 around each value.
    pub(crate) fn bits(&self, code: Tensor<2>) -> Tensor<1> {
        let [batch, units] = code.dims();
        let [mixtures, channels] = self.mean.dims();
        let code = code.reshape([batch, channels, units / channels.max(1)]);
        let [share, mean, scale] =
            [&self.share, &self.mean, &self.scale].map(|it| it.val() * SPEED);
        let shares = softmax(share, 0);
        let of = |all: &Tensor<2>, place: usize| {
            let one = all.clone().narrow(0, place, 1);
            one.reshape([1, channels, 1])
        };
        let slope = scale.neg().exp();
        let mixture = (0..mixtures).map(|place| {
            // Both tails are alike, and in the upper one the difference of two values near 1 would be lost.
            let from_mean = (code.clone() - of(&mean, place)).abs().neg();
            let slope = of(&slope, place);
            let below = |end: f64| sigmoid((from_mean.clone() + end) * slope.clone());
            (below(0.5) - below(-0.5)) * of(&shares, place)
        });
        match mixture.reduce(|sum, one| sum + one) {
            Some(probability) => probability.clamp_min(LEAST).log().sum() * (-1.0 / LN_2),
            None => code.sum() * 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::prelude::*;

    use super::{Density, SPEED, STARTS};
    use crate::fixtures::{assert_close, device, host, spread};

    fn row(values: &[f32]) -> Tensor<2> {
        Tensor::from_data(
            TensorData::new(values.to_vec(), [1, values.len()]),
            &device(),
        )
    }

    fn param(values: Vec<f32>, channels: usize) -> Param<Tensor<2>> {
        let shape = [values.len() / channels, channels];
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &device()))
    }

    /// Three mixtures for two channels, none like another.
    fn density() -> Density {
        let numbers = |seed: usize, from: f32, to: f32| {
            let all = spread(6, seed).into_iter();
            param(
                all.map(|it| (from + (to - from) * it) / SPEED as f32)
                    .collect(),
                2,
            )
        };
        Density {
            share: numbers(0, -1.0, 1.0),
            mean: numbers(1, -2.0, 2.0),
            scale: numbers(2, -1.0, 1.0),
        }
    }

    /// The same from the distribution function of the logistic distribution, in f64.
    fn expected(density: &Density, code: &[f32], places: usize) -> f64 {
        let [share, mean, scale] = [&density.share, &density.mean, &density.scale].map(|it| {
            host(&it.val())
                .into_iter()
                .map(|it| f64::from(it) * SPEED)
                .collect::<Vec<_>>()
        });
        let channels = density.mean.dims()[1];
        let bits = code.iter().enumerate().map(|(at, &value)| {
            let channel = at / places % channels;
            let of = |all: &[f64], mixture: usize| all[mixture * channels + channel];
            let total: f64 = (0..3).map(|it| of(&share, it).exp()).sum();
            let probability: f64 = (0..3)
                .map(|it| {
                    let below =
                        |x: f64| 1.0 / (1.0 + (-(x - of(&mean, it)) / of(&scale, it).exp()).exp());
                    let value = f64::from(value);
                    of(&share, it).exp() / total * (below(value + 0.5) - below(value - 0.5))
                })
                .sum();
            -probability.log2()
        });
        bits.sum()
    }

    #[test]
    fn bits_are_those_of_the_distribution_function() {
        let density = density();
        let code: Vec<f32> = spread(12, 5).into_iter().map(|it| 8.0 * it - 4.0).collect();
        let found = host(&density.bits(row(&code).reshape([1, 12])));
        assert_close(&found, &[expected(&density, &code, 6)], 1e-4, "bits");
        // Two pictures take what each takes.
        let two = row(&[code.clone(), code.clone()].concat()).reshape([2, 12]);
        assert_close(
            &host(&density.bits(two)),
            &[2.0 * expected(&density, &code, 6)],
            1e-3,
            "two",
        );
    }

    /// What a coder may rely on: no more than all outcomes together are likely.
    #[test]
    fn probabilities_of_all_whole_numbers_add_up_to_one() {
        let density = density();
        for channel in 0..2 {
            let alone = |all: &Param<Tensor<2>>| param(host(&all.val().narrow(1, channel, 1)), 1);
            let one = Density {
                share: alone(&density.share),
                mean: alone(&density.mean),
                scale: alone(&density.scale),
            };
            let bits = (-60..=60).map(|value| f64::from(host(&one.bits(row(&[value as f32])))[0]));
            let sum: f64 = bits.map(|bits| (-bits).exp2()).sum();
            assert!((sum - 1.0).abs() < 1e-3, "channel {channel}: {sum}");
        }
    }

    #[test]
    fn values_far_away_take_many_bits_and_no_infinite_ones() {
        let density = Density::new(2, &device());
        let bits = |value: f32| host(&density.bits(row(&[value, value])))[0];
        assert!(bits(0.0) < 4.0, "{}", bits(0.0));
        assert!(bits(-40.0) > bits(-4.0) && bits(-4.0) > bits(0.0));
        assert!((bits(40.0) - bits(-40.0)).abs() < 1e-3);
        for value in [1e4, -1e4, 1e30] {
            assert!(bits(value).is_finite() && bits(value) > 50.0);
        }
        assert_eq!(density.mean.dims(), [STARTS.len(), 2]);
    }

    /// Step 0.01 in f32 leaves an error of some 1e-3 of the gradient from rounding.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        let code: Vec<f32> = spread(8, 3).into_iter().map(|it| 6.0 * it - 3.0).collect();
        let density = density();
        let x = row(&code).require_grad();
        let grads = density.bits(x.clone()).backward();
        let grad = host(&x.grad(&grads).unwrap());
        let step = 0.01;
        let numeric: Vec<f64> = (0..code.len())
            .map(|at| {
                let with = |by: f32| {
                    let mut moved = code.clone();
                    moved[at] += by;
                    expected(&density, &moved, 4)
                };
                (with(step) - with(-step)) / f64::from(2.0 * step)
            })
            .collect();
        assert_close(&grad, &numeric, 2e-3, "code");
        for (name, one) in [("share", 0), ("mean", 1), ("scale", 2)] {
            let params = [&density.share, &density.mean, &density.scale];
            let grad = host(&params[one].val().grad(&grads).unwrap());
            let values = host(&params[one].val());
            let numeric: Vec<f64> = (0..values.len())
                .map(|at| {
                    let with = |by: f32| {
                        let mut moved = values.clone();
                        moved[at] += by;
                        let mut other = density.clone();
                        let place = match one {
                            0 => &mut other.share,
                            1 => &mut other.mean,
                            _ => &mut other.scale,
                        };
                        *place = param(moved, 2);
                        expected(&other, &code, 4)
                    };
                    (with(step / 16.0) - with(-step / 16.0)) / f64::from(step / 8.0)
                })
                .collect();
            assert_close(&grad, &numeric, 2e-3, name);
        }
    }
}
