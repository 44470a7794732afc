//! Penalties: what a sparse autoencoder adds to the loss, or does to the code, so that few units
//! are active for any one picture.

use burn::prelude::*;

use crate::config::{Activation, GREATEST, Penalty, WIDEST};
use crate::error::{ModelError, check_count, check_number};
use crate::layer::Layer;
use crate::noise::Noise;

/// Mean activations are kept this far from 0 and 1 before the logarithms of the KL penalty.
const KL_MARGIN: f32 = 1e-6;

/// What a penalty may depend on, of one batch.
#[derive(Clone, Copy)]
pub struct Given<'a, const D: usize> {
    /// The encoder: inputs to codes.
    pub encoder: &'a dyn Fn(Tensor<D>) -> Tensor<2>,
    /// The encoder's input: `[batch, C, H, W]`, or `[batch, units]` of a layer by itself.
    pub input: &'a Tensor<D>,
    /// The input's code, `[batch, code_size]`, as the decoder sees it.
    pub code: &'a Tensor<2>,
    /// Noise of the penalties' own, which does not repeat that of the corruption.
    pub noise: Noise,
    /// Bits of all codes of the batch for each pixel of its pictures, shape `[1]`, if a penalty counts them.
    pub bits_per_pixel: Option<&'a Tensor<1>>,
}

impl Penalty {
    /// Its name in configs and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Penalty::L1 { .. } => "l1",
            Penalty::Kl { .. } => "kl",
            Penalty::TopK { .. } => "top_k",
            Penalty::Rate { .. } => "rate",
        }
    }

    /// Checks it against the layer that gives the code.
    ///
    /// # Errors
    /// A number out of its range, a rate of a code that is no map, KL without a sigmoid on the code, or top-k that keeps none or more units than the
    /// code has.
    pub(crate) fn check(&self, code: &Layer) -> Result<(), ModelError> {
        let magnitude = [0.0, GREATEST];
        match *self {
            Penalty::L1 { weight } => check_number("weight", weight, magnitude)?,
            Penalty::Kl { rho, beta } => {
                check_number("rho", rho, [0.0, 1.0])?;
                check_number("beta", beta, magnitude)?;
            }
            Penalty::TopK { k, anneal_epochs } => {
                check_count("k", k, WIDEST)?;
                check_number("anneal_epochs", anneal_epochs, magnitude)?;
            }
            Penalty::Rate { lambda } => check_number("lambda", lambda, magnitude)?,
        }
        match *self {
            Penalty::Kl { .. } if code.activation() != Some(Activation::Sigmoid) => {
                Err(ModelError::new(
                    "kind",
                    "found \"kl\" on a code that is not in (0, 1)".into(),
                    "\"kl\" with \"code_activation\": \"sigmoid\", or \"l1\" or \"top_k\"".into(),
                ))
            }
            Penalty::TopK { k, .. } => {
                let units = code.size();
                if k <= units {
                    return Ok(());
                }
                Err(ModelError::new(
                    "k",
                    format!("found {k} for a code of {units} units"),
                    format!("1 to {units}"),
                ))
            }
            Penalty::Rate { .. } if code.map().is_none() => Err(ModelError::new(
                "kind",
                format!("found \"rate\" on a code of {} values", code.size()),
                "\"rate\" on a code that is a feature map: kind \"conv\" without \"code_size\""
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// What the penalty adds to the loss, shape `[1]`; `None` for top-k, which changes the code
    /// instead.
    ///
    /// - L1: `weight * mean over pictures of sum over units of |h|`
    /// - KL: `beta * sum over units of KL(rho || mean over pictures of h)`, with codes in (0, 1)
    ///   (Ng, "Sparse autoencoder", CS294A lecture notes, 2011)
    /// - rate: `lambda * bits per pixel` (Ballé et al. 2018)
    pub fn forward<const D: usize>(&self, given: &Given<'_, D>) -> Option<Tensor<1>> {
        let code = given.code;
        match *self {
            Penalty::L1 { weight } => {
                let pictures = code.dims()[0] as f64;
                Some(code.clone().abs().sum() * (weight / pictures))
            }
            Penalty::Kl { rho, beta } => {
                let mean = code.clone().mean_dim(0).clamp(KL_MARGIN, 1.0 - KL_MARGIN);
                let entropy = rho * rho.ln() + (1.0 - rho) * (1.0 - rho).ln();
                let cross = mean.clone().log() * rho + (mean.neg() + 1.0).log() * (1.0 - rho);
                Some((cross.neg() + entropy).sum() * beta)
            }
            Penalty::TopK { .. } => None,
            Penalty::Rate { lambda } => Some(given.bits_per_pixel?.clone() * lambda),
        }
    }

    /// What one bit per pixel weighs in the loss, if bits count.
    pub(crate) fn rate_weight(&self) -> Option<f64> {
        match *self {
            Penalty::Rate { lambda } => Some(lambda),
            _ => None,
        }
    }

    /// The code as the decoder sees it: top-k keeps the `k` largest units of each picture and sets
    /// the others to zero (Makhzani & Frey, "k-Sparse Autoencoders", 2013); others change nothing.
    ///
    /// The gradient passes through the kept units only. `epoch` is how many epochs of training are
    /// done, `None` outside of training: while the annealing lasts, more are kept.
    pub(crate) fn constrain(&self, code: Tensor<2>, epoch: Option<f64>) -> Tensor<2> {
        let Penalty::TopK { k, anneal_epochs } = *self else {
            return code;
        };
        let [pictures, units] = code.dims();
        let k = match epoch {
            Some(epoch) if epoch < anneal_epochs => {
                let fall = units.saturating_sub(k) as f64 * epoch / anneal_epochs;
                (units - fall as usize).max(k)
            }
            _ => k,
        };
        let (_, kept) = code.clone().detach().topk_with_indices(k, 1);
        let ones = Tensor::ones([pictures, k], &code.device());
        let mask =
            code.zeros_like()
                .detach()
                .scatter(1, kept, ones, burn::tensor::IndexingUpdateOp::Add);
        code * mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{assert_close, cases, device, host, spread};

    fn top(k: usize) -> Penalty {
        Penalty::TopK {
            k,
            anneal_epochs: 0.0,
        }
    }

    /// None of these penalties looks at more than the code.
    fn forward(penalty: &Penalty, code: &Tensor<2>) -> Option<Tensor<1>> {
        penalty.forward(&Given {
            encoder: &|input| input,
            input: code,
            code,
            noise: Noise::Host { seed: 0 },
            bits_per_pixel: None,
        })
    }

    fn codes(values: Vec<f32>, units: usize) -> Tensor<2> {
        let shape = [values.len() / units, units];
        Tensor::from_data(TensorData::new(values, shape), &device())
    }

    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let mut seen = 0;
        for case in cases("losses.json") {
            let penalty = match case.name() {
                "l1_penalty" => Penalty::L1 {
                    weight: case.number("weight"),
                },
                "kl_penalty" => Penalty::Kl {
                    rho: case.number("rho"),
                    beta: case.number("beta"),
                },
                _ => continue,
            };
            let code: Tensor<2> = case.leaf("inputs/code");
            let value = forward(&penalty, &code).unwrap();
            // A sum of at most twenty values: some ten roundings in f32.
            case.check("output", &value, 1e-6);
            let grad = code.grad(&value.backward()).unwrap();
            case.check("gradients/code", &grad, 1e-6);
            seen += 1;
        }
        assert_eq!(seen, 2);
    }

    #[test]
    fn top_k_is_that_of_pytorch() {
        let mut seen = 0;
        for case in cases("losses.json") {
            if !case.name().starts_with("top_k/") {
                continue;
            }
            let k = case.count("k");
            let code: Tensor<2> = case.leaf("inputs/code");
            let kept = top(k).constrain(code.clone(), None);
            // Values are kept or not, never computed, so they are exact.
            case.check_layer(kept, &[("code", &code)], 1e-9);
            seen += 1;
        }
        assert_eq!(seen, 2);
    }

    /// Codes in (0.1, 0.9), away from L1's kink. Step 0.01 leaves an error below 1e-3 of the
    /// gradient from KL's third derivative.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        let values: Vec<f32> = spread(12, 0).into_iter().map(|u| 0.1 + 0.8 * u).collect();
        let (rho, beta) = (0.2, 3.0);
        for (penalty, sign) in [
            (Penalty::L1 { weight: 0.7 }, 1.0),
            (Penalty::L1 { weight: 0.7 }, -1.0),
            (Penalty::Kl { rho, beta }, 1.0),
        ] {
            let values: Vec<f32> = values.iter().map(|v| sign * v).collect();
            let code = codes(values.clone(), 4).require_grad();
            let value = forward(&penalty, &code).unwrap();
            let grad = host(&code.grad(&value.backward()).unwrap());
            let nudged = |i: usize, by: f32| {
                let mut values = values.clone();
                values[i] += by;
                f64::from(host(&forward(&penalty, &codes(values, 4)).unwrap())[0])
            };
            let numeric: Vec<f64> = (0..values.len())
                .map(|i| (nudged(i, 0.01) - nudged(i, -0.01)) / 0.02)
                .collect();
            assert_close(&grad, &numeric, 1e-3, &format!("{penalty:?}"));
        }
    }

    #[test]
    fn kl_is_zero_at_its_target_and_finite_at_the_ends() {
        let penalty = Penalty::Kl {
            rho: 0.25,
            beta: 1.0,
        };
        let of = |values: Vec<f32>| host(&forward(&penalty, &codes(values, 2)).unwrap())[0];
        // The means of both units are a quarter, though no value is.
        assert!(of(vec![0.125, 0.5, 0.375, 0.0]).abs() < 1e-6);
        assert!(of(vec![0.5, 0.5, 0.5, 0.5]) > 0.2);
        for end in [0.0, 1.0] {
            let value = of(vec![end; 4]);
            assert!(value.is_finite() && value > 1.0, "{value}");
        }
    }

    #[test]
    fn l1_is_summed_over_units_and_averaged_over_pictures() {
        let penalty = Penalty::L1 { weight: 0.5 };
        let code = codes(vec![1.0, -2.0, 3.0, 0.0, 0.0, -4.0], 3);
        let value = host(&forward(&penalty, &code).unwrap());
        assert_close(&value, &[0.5 * 10.0 / 2.0], 1e-6, "l1");
    }

    #[test]
    fn only_top_k_changes_the_code_and_only_it_adds_nothing_to_the_loss() {
        let code = codes(spread(12, 0), 4);
        let l1 = Penalty::L1 { weight: 1.0 };
        let kl = Penalty::Kl {
            rho: 0.1,
            beta: 1.0,
        };
        for penalty in [l1, kl] {
            assert_eq!(host(&penalty.constrain(code.clone(), None)), host(&code));
        }
        assert!(forward(&top(2), &code).is_none());
    }

    #[test]
    fn top_k_keeps_exactly_k_of_equal_values() {
        for k in 1..=5 {
            let equal = codes(vec![0.5; 15], 5);
            let kept = host(&top(k).constrain(equal, None));
            for row in kept.chunks(5) {
                assert_eq!(row.iter().filter(|&&v| v == 0.5).count(), k);
                assert_eq!(row.iter().filter(|&&v| v == 0.0).count(), 5 - k);
            }
        }
        // The largest is kept for certain, one of the two second ones with it.
        let kept = host(&top(2).constrain(codes(vec![1.0, 3.0, 2.0, 2.0], 4), None));
        assert_eq!(kept[..2], [0.0, 3.0]);
        assert_eq!(kept[2] + kept[3], 2.0);
    }

    #[test]
    fn top_k_takes_the_largest_not_the_farthest_from_zero() {
        let kept = top(2).constrain(codes(vec![-9.0, 0.5, -0.25, -1.0], 4), None);
        assert_eq!(host(&kept), [0.0, 0.5, -0.25, 0.0]);
    }

    #[test]
    fn top_k_of_all_units_changes_nothing() {
        let code = codes(spread(12, 0), 4);
        let kept = top(4).constrain(code.clone(), None);
        assert_eq!(host(&kept), host(&code));
    }

    #[test]
    fn the_gradient_of_top_k_passes_the_kept_units_only() {
        let code = codes(vec![1.0, 3.0, 2.0, 0.5, -1.0, -2.0, -3.0, -4.0], 4).require_grad();
        let kept = top(2).constrain(code.clone(), None);
        let grads = (kept * 7.0).sum().backward();
        let grad = host(&code.grad(&grads).unwrap());
        assert_eq!(grad, [0.0, 7.0, 7.0, 0.0, 7.0, 7.0, 0.0, 0.0]);
    }

    /// A training that diverges must end with a message, not with a panic of the sort behind top-k.
    #[test]
    fn codes_that_are_not_numbers_do_not_stop_top_k() {
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for values in [vec![bad; 40], [vec![bad, 1.0, bad], vec![2.0; 37]].concat()] {
                let kept = top(3).constrain(codes(values, 40), None);
                assert_eq!(kept.dims(), [1, 40]);
                host(&kept);
            }
        }
    }

    #[test]
    fn the_number_kept_falls_in_a_straight_line_while_it_is_annealed() {
        let penalty = Penalty::TopK {
            k: 2,
            anneal_epochs: 4.0,
        };
        let code = codes((1..=10).map(|it| it as f32).collect(), 10);
        let kept = |epoch: Option<f64>| {
            let kept = host(&penalty.constrain(code.clone(), epoch));
            kept.iter().filter(|&&it| it != 0.0).count()
        };
        let epochs = [0.0, 1.0, 2.0, 3.5, 4.0, 9.0];
        assert_eq!(epochs.map(|it| kept(Some(it))), [10, 8, 6, 3, 2, 2]);
        assert_eq!(kept(None), 2);
    }
}
