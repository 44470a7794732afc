//! Losses: what training minimises, averaged over every value.

use burn::prelude::*;

/// What training minimises between target and reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Mean squared error between the target and the sigmoid of the logits.
    Mse,
    /// Binary cross-entropy of the logits; targets anywhere in [0, 1], as grey values are.
    Bce,
}

impl Loss {
    /// The loss, shape `[1]`, of logits and targets of one shape; targets lie in [0, 1].
    ///
    /// - `mse = mean((sigmoid(z) - t)^2)`
    /// - `bce = mean(softplus(z) - t z)` with `softplus(z) = -log_sigmoid(-z)`, which is
    ///   `-t log p - (1 - t) log(1 - p)` for `p = sigmoid(z)` and cannot overflow
    pub fn forward<const D: usize>(self, logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
        match self {
            Loss::Mse => kernels::mse_of_sigmoid(logits, target),
            Loss::Bce => kernels::bce_of_logits(logits, target),
        }
    }

    /// Its name in configs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Mse => "mse",
            Loss::Bce => "bce",
        }
    }
}

/// What each penalty adds to a loss, by its name in configs, from the outside in; shape `[1]`.
pub(crate) type Parts = Vec<(&'static str, Tensor<1>)>;

/// What one batch costs; all of shape `[1]`, on the device.
#[derive(Debug)]
pub struct Losses {
    /// What training minimises: reconstruction and penalties.
    pub total: Tensor<1>,
    /// The reconstruction loss alone.
    pub reconstruction: Tensor<1>,
    /// What each penalty adds, by its name in configs, from the outside in.
    pub penalties: Vec<(&'static str, Tensor<1>)>,
    /// What the bits of the code cost, if they count.
    pub rate: Option<Tensor<1>>,
}

impl Losses {
    pub(crate) fn new(reconstruction: Tensor<1>, penalties: Parts) -> Self {
        let all = penalties.iter().map(|(_, penalty)| penalty.clone());
        let total = match all.reduce(|sum, penalty| sum + penalty) {
            Some(penalty) => reconstruction.clone() + penalty,
            None => reconstruction.clone(),
        };
        Self {
            total,
            reconstruction,
            penalties,
            rate: None,
        }
    }

    /// What epochs are compared by: the reconstruction loss, with what the bits of the code cost if they count. Other
    /// penalties are no aim of their own.
    pub fn compared(&self) -> Tensor<1> {
        match &self.rate {
            Some(rate) => self.reconstruction.clone() + rate.clone(),
            None => self.reconstruction.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{assert_close, cases, device, host, spread};

    /// Losses are means of a few values of size one, so 1e-6 is some ten roundings in f32. The
    /// extreme logits of +-50 would overflow a cross-entropy written with logarithms of `sigmoid`.
    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let mut seen = 0;
        for case in cases("losses.json") {
            let loss = match case.name().split('/').next() {
                Some("mse_of_sigmoid") => Loss::Mse,
                Some("bce_with_logits") => Loss::Bce,
                _ => continue,
            };
            let logits: Tensor<2> = case.leaf("inputs/logits");
            let value = loss.forward(logits.clone(), case.tensor("inputs/target"));
            case.check("output", &value, 1e-6);
            let grad = logits.grad(&value.backward()).unwrap();
            case.check("gradients/logits", &grad, 1e-7);
            seen += 1;
        }
        assert_eq!(seen, 4);
    }

    fn line(values: Vec<f32>) -> Tensor<1> {
        let shape = [values.len()];
        Tensor::from_data(TensorData::new(values, shape), &device())
    }

    /// The loss of a single logit is differenced, so that no mean over others hides its rounding:
    /// step 0.05 leaves an error of some 1e-4 from the third derivative, 1e-5 from rounding.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        let logits: Vec<f32> = spread(12, 0).into_iter().map(|u| 8.0 * u - 4.0).collect();
        let target = spread(12, 1);
        for loss in [Loss::Mse, Loss::Bce] {
            let z = line(logits.clone()).require_grad();
            let value = loss.forward(z.clone(), line(target.clone()));
            let grad = host(&z.grad(&value.backward()).unwrap());
            let one =
                |z: f32, t: f32| f64::from(host(&loss.forward(line(vec![z]), line(vec![t])))[0]);
            let numeric: Vec<f64> = (logits.iter().zip(&target))
                .map(|(&z, &t)| (one(z + 0.05, t) - one(z - 0.05, t)) / 0.1 / 12.0)
                .collect();
            assert_close(&grad, &numeric, 3e-5, loss.name());
        }
    }

    #[test]
    fn a_perfect_reconstruction_costs_the_entropy_of_its_target_and_no_squared_error() {
        let grey = [0.25_f64, 0.5, 0.75];
        let logits = grey.map(|p| (p / (1.0 - p)).ln() as f32).to_vec();
        let target = grey.map(|p| p as f32).to_vec();
        let of = |loss: Loss| host(&loss.forward(line(logits.clone()), line(target.clone())));
        let entropy = grey.map(|p| -p * p.ln() - (1.0 - p) * (1.0 - p).ln());
        let entropy = entropy.iter().sum::<f64>() / 3.0;
        assert_close(&of(Loss::Mse), &[0.0], 1e-12, "mse");
        assert_close(&of(Loss::Bce), &[entropy], 1e-6, "bce");
    }
}
