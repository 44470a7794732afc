//! Activations: the element-wise functions between layers.

use burn::prelude::*;
use burn::tensor::activation as act;

use crate::config::Activation;

impl Activation {
    /// Slope of leaky ReLU below zero, PyTorch's default.
    pub const LEAKY_SLOPE: f64 = 0.01;
    /// Value that ELU approaches far below zero (its negative), PyTorch's default.
    pub const ELU_ALPHA: f64 = 1.0;

    /// Applies the function to each element; any shape in, the same shape out.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Relu => act::relu(x),
            Activation::LeakyRelu => act::leaky_relu(x, Self::LEAKY_SLOPE),
            Activation::Gelu => act::gelu(x),
            Activation::Silu => act::silu(x),
            Activation::Elu => act::elu(x, Self::ELU_ALPHA),
            Activation::Tanh => act::tanh(x),
            Activation::Sigmoid => act::sigmoid(x),
        }
    }

    /// The same function, as the fused operators know it.
    fn fused(self) -> kernels::Activation {
        match self {
            Activation::Relu => kernels::Activation::Relu,
            Activation::LeakyRelu => kernels::Activation::LeakyRelu,
            Activation::Gelu => kernels::Activation::Gelu,
            Activation::Silu => kernels::Activation::Silu,
            Activation::Elu => kernels::Activation::Elu,
            Activation::Tanh => kernels::Activation::Tanh,
            Activation::Sigmoid => kernels::Activation::Sigmoid,
        }
    }
}

/// The function, or none, as the fused operators know it.
pub(crate) fn fused(activation: Option<Activation>) -> kernels::Activation {
    activation.map_or(kernels::Activation::None, Activation::fused)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::DenseConfig;
    use crate::fixtures::{assert_close, cases, device, host, spread};

    const ALL: [Activation; 7] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Elu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];

    fn line(values: Vec<f32>) -> Tensor<1> {
        let shape = [values.len()];
        Tensor::from_data(TensorData::new(values, shape), &device())
    }

    /// The fixtures go from -50 to 50; 1e-6 leaves room for some ten roundings in f32 and is far
    /// below what GELU by erf and its approximation by tanh differ by (5e-4).
    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let mut seen = Vec::new();
        for case in cases("activations.json") {
            let activation: Activation =
                serde_json::from_value(case.name().to_owned().into()).unwrap();
            let x: Tensor<1> = case.leaf("inputs/input");
            let y = activation.apply(x.clone());
            let grads = case.check_layer::<1, 1>(y, &[], 1e-6);
            let mut expected = case.values("gradients/input");
            if activation == Activation::LeakyRelu {
                // At its kink it has two slopes: PyTorch takes the lower, Burn the upper one.
                let zero = case.values("inputs/input").iter().position(|&x| x == 0.0);
                let kink = zero.unwrap();
                expected[kink] = case.values("probe")[kink];
            }
            let grad = host(&x.grad(&grads).unwrap());
            assert_close(&grad, &expected, 1e-6, case.name());
            seen.push(activation);
        }
        assert!(ALL.iter().all(|activation| seen.contains(activation)));
    }

    /// Points in (-4, 4) but not within 0.1 of the kink at zero. A central difference of step 0.01
    /// is off by at most 2e-5 from its third derivative and as much again from rounding.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        let points = spread(60, 0).into_iter().map(|u| {
            let x = 8.0 * u - 4.0;
            x + 0.1 * x.signum()
        });
        let points: Vec<f32> = points.collect();
        for activation in ALL {
            let x = line(points.clone()).require_grad();
            let grads = activation.apply(x.clone()).sum().backward();
            let at = |by: f32| host(&activation.apply(line(points.clone()) + by));
            let numeric = at(0.01).into_iter().zip(at(-0.01));
            let numeric: Vec<f64> = numeric.map(|(a, b)| f64::from(a - b) / 0.02).collect();
            let name = format!("{activation:?}");
            assert_close(&host(&x.grad(&grads).unwrap()), &numeric, 2e-4, &name);
        }
    }

    #[test]
    fn those_whose_derivative_follows_from_the_output_never_fall() {
        let grid: Vec<f32> = (-800..=800).map(|i| i as f32 / 100.0).collect();
        for activation in ALL {
            let y = host(&activation.apply(line(grid.clone())));
            // One rounding of the largest value is no fall.
            let rises = y.windows(2).all(|pair| pair[1] >= pair[0] - 1e-6);
            assert_eq!(rises, activation.fused().from_output(), "{activation:?}");
        }
    }

    #[test]
    fn the_code_has_every_activation_and_none() {
        // What the fused operators make of x through a layer that changes nothing.
        let x = || line(vec![-1.5, -0.25, 0.75]);
        let fused = |activation: kernels::Activation| {
            let same = Tensor::eye(3, &device());
            let bias = Tensor::zeros([3], &device());
            host(&kernels::linear(
                x().reshape([1, 3]),
                same,
                bias,
                activation,
            ))
        };
        let of_code = |word: Value| {
            let json = json!({ "layers": [], "code_size": 1, "code_activation": word });
            serde_json::from_value::<DenseConfig>(json)
                .unwrap()
                .code_activation
        };
        assert_eq!(fused(super::fused(None)), host(&x()));
        assert_eq!(of_code("none".into()), None);
        for activation in ALL {
            let word = serde_json::to_value(activation).unwrap();
            let found = of_code(word);
            assert_eq!(found, Some(activation));
            let plain: Vec<f64> = host(&activation.apply(x()))
                .into_iter()
                .map(f64::from)
                .collect();
            assert_close(&fused(super::fused(found)), &plain, 1e-6, "fused");
        }
    }
}
