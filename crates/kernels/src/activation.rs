//! Activations: element-wise functions that operators apply to their output while it is in the cache,
//! and their derivatives.

use burn::backend::tensor::{BoolTensor, FloatTensor};
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings};

use crate::math;

/// An element-wise function, defined as in Burn (and PyTorch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x`.
    None,
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
    /// `x`, and `0.01 x` below zero.
    LeakyRelu,
    /// `x Phi(x)` with the normal distribution's exact `Phi`, by the error function.
    Gelu,
    /// `x sigmoid(x)`.
    Silu,
    /// `x`, and `e^x - 1` up to zero.
    Elu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

/// Every activation.
pub const ALL: [Activation; 8] = [
    Activation::None,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Gelu,
    Activation::Silu,
    Activation::Elu,
    Activation::Tanh,
    Activation::Sigmoid,
];

/// Slope of leaky ReLU below zero, PyTorch's default.
const LEAKY_SLOPE: f32 = 0.01;

/// 1 / sqrt(2 pi), the height of the normal density.
const NORMAL_HEIGHT: f32 = 0.398_942_3;

impl Activation {
    /// Whether the derivative can be computed from the output alone, so that the backward pass need not
    /// keep the input. True for all except GELU and SiLU, which are not monotone.
    pub fn from_output(self) -> bool {
        !matches!(self, Activation::Gelu | Activation::Silu)
    }

    /// Applies the function to each value.
    ///
    /// Inlined, and a loop per function, so that it compiles to the vectors of the instruction set
    /// that the caller enables.
    #[inline(always)]
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Activation::None => {}
            // Not `max`, which would turn NaN into zero.
            Activation::Relu => each(values, |x| if x <= 0.0 { 0.0 } else { x }),
            Activation::LeakyRelu => each(values, |x| if x < 0.0 { LEAKY_SLOPE * x } else { x }),
            Activation::Gelu => each(values, |x| x * normal_distribution(x)),
            Activation::Silu => each(values, |x| x * math::sigmoid(x)),
            Activation::Elu => each(values, |x| if x <= 0.0 { math::exp(x) - 1.0 } else { x }),
            Activation::Tanh => each(values, math::tanh),
            Activation::Sigmoid => each(values, math::sigmoid),
        }
    }

    /// Replaces each gradient of the output by that of the input, given what
    /// [`from_output`](Self::from_output) says to keep: the output, or else the input.
    ///
    /// Inlined like [`apply`](Self::apply); the slices have equal lengths.
    #[inline(always)]
    pub(crate) fn apply_backward(self, grad: &mut [f32], kept: &[f32]) {
        match self {
            Activation::None => {}
            Activation::Relu => pairs(grad, kept, |g, y| if y <= 0.0 { 0.0 } else { g }),
            Activation::LeakyRelu => {
                pairs(grad, kept, |g, y| if y < 0.0 { LEAKY_SLOPE * g } else { g })
            }
            Activation::Gelu => pairs(grad, kept, |g, x| {
                let density = NORMAL_HEIGHT * math::exp(-0.5 * x * x);
                g * (normal_distribution(x) + x * density)
            }),
            Activation::Silu => pairs(grad, kept, |g, x| {
                let s = math::sigmoid(x);
                g * (s + x * s * (1.0 - s))
            }),
            Activation::Elu => pairs(grad, kept, |g, y| if y > 0.0 { g } else { g * (y + 1.0) }),
            Activation::Tanh => pairs(grad, kept, |g, y| g * (1.0 - y * y)),
            Activation::Sigmoid => pairs(grad, kept, |g, y| g * y * (1.0 - y)),
        }
    }

    /// The function with Burn's own operators.
    pub(crate) fn composed<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        match self {
            Activation::None => x,
            Activation::Relu => B::relu(x),
            Activation::LeakyRelu => B::leaky_relu(x, LEAKY_SLOPE.into()),
            Activation::Gelu => B::gelu(x),
            Activation::Silu => B::float_mul(x.clone(), B::sigmoid(x)),
            Activation::Elu => {
                let below = B::float_sub_scalar(B::float_exp(x.clone()), 1f32.into());
                let mask = not_above_zero::<B>(x.clone());
                B::float_mask_where(x, mask, below)
            }
            Activation::Tanh => B::float_tanh(x),
            Activation::Sigmoid => B::sigmoid(x),
        }
    }

    /// The gradient of the input with Burn's own operators, from that of the output and from what
    /// [`from_output`](Self::from_output) says to keep.
    pub(crate) fn composed_backward<B: Backend>(
        self,
        grad: FloatTensor<B>,
        kept: FloatTensor<B>,
    ) -> FloatTensor<B> {
        match self {
            Activation::None => grad,
            Activation::Relu => B::relu_backward(kept, grad),
            Activation::LeakyRelu => {
                let settings = get_or_init_device_settings::<B>(&kept.device());
                let below = B::float_lower_elem(kept, 0f32.into(), settings.bool_dtype);
                let scaled = B::float_mul_scalar(grad.clone(), LEAKY_SLOPE.into());
                B::float_mask_where(grad, below, scaled)
            }
            // Not the backend's own, which is usually the derivative of the tanh approximation.
            Activation::Gelu => {
                let x = kept;
                let scaled = B::float_mul_scalar(x.clone(), std::f32::consts::FRAC_1_SQRT_2.into());
                let distribution = B::float_add_scalar(B::float_erf(scaled), 1f32.into());
                let distribution = B::float_mul_scalar(distribution, 0.5f32.into());
                let square = B::float_mul(x.clone(), x.clone());
                let density = B::float_exp(B::float_mul_scalar(square, (-0.5f32).into()));
                let density = B::float_mul_scalar(density, NORMAL_HEIGHT.into());
                B::float_mul(grad, B::float_add(distribution, B::float_mul(x, density)))
            }
            Activation::Silu => {
                let s = B::sigmoid(kept.clone());
                let through_x = B::float_mul(grad.clone(), s.clone());
                let through_s = B::sigmoid_backward(s, B::float_mul(grad, kept));
                B::float_add(through_x, through_s)
            }
            Activation::Elu => {
                let mask = not_above_zero::<B>(kept.clone());
                let slope = B::float_add_scalar(kept, 1f32.into());
                B::float_mask_where(grad.clone(), mask, B::float_mul(grad, slope))
            }
            Activation::Tanh => {
                let square = B::float_mul(kept.clone(), kept);
                let slope = B::float_add_scalar(B::float_neg(square), 1f32.into());
                B::float_mul(grad, slope)
            }
            Activation::Sigmoid => B::sigmoid_backward(kept, grad),
        }
    }
}

fn not_above_zero<B: Backend>(x: FloatTensor<B>) -> BoolTensor<B> {
    let settings = get_or_init_device_settings::<B>(&x.device());
    B::float_lower_equal_elem(x, 0f32.into(), settings.bool_dtype)
}

/// The probability that a standard normal variable is at most `x`.
#[inline(always)]
fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + math::erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

#[inline(always)]
fn pairs(grad: &mut [f32], kept: &[f32], function: impl Fn(f32, f32) -> f32) {
    debug_assert_eq!(grad.len(), kept.len());
    for (g, &k) in grad.iter_mut().zip(kept) {
        *g = function(*g, k);
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::backend::flex::FlexTensor;

    use super::*;
    use crate::host;
    use crate::level::{self, Level};
    use crate::testing::{close, numbers};
    use crate::vectorise::vectorise;

    vectorise! {
        fn value(values: &mut [f32], activation: Activation) {
            activation.apply(values);
        }
    }

    vectorise! {
        fn derivative(grad: &mut [f32], kept: &[f32], activation: Activation) {
            activation.apply_backward(grad, kept);
        }
    }

    fn levels() -> impl Iterator<Item = Level> {
        level::ALL
            .into_iter()
            .filter(|&level| level <= level::best())
    }

    fn tensor(values: &[f32]) -> FlexTensor {
        host::tensor(values.to_vec(), [values.len()])
    }

    /// Every activation in f64.
    fn naive(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::None => x,
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu => {
                if x < 0.0 {
                    0.01 * x
                } else {
                    x
                }
            }
            Activation::Gelu => 0.5 * x * (1.0 + crate::math::tests::erf(x / 2f64.sqrt())),
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Elu => {
                if x < 0.0 {
                    x.exp_m1()
                } else {
                    x
                }
            }
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        }
    }

    #[test]
    fn values_and_derivatives_agree_with_f64_and_with_the_composed_body() {
        let x: Vec<f32> = numbers(997, 1).iter().map(|x| 3.0 * x).collect();
        let grad = numbers(997, 2);
        for activation in ALL {
            let wanted: Vec<f64> = x.iter().map(|&x| naive(activation, x.into())).collect();
            let slopes: Vec<f64> = x
                .iter()
                .zip(&grad)
                .map(|(&x, &g)| {
                    let (x, h) = (f64::from(x), 1e-6);
                    let rise = naive(activation, x + h) - naive(activation, x - h);
                    f64::from(g) * rise / (2.0 * h)
                })
                .collect();
            let composed = activation.composed::<Flex>(tensor(&x));
            close(host::values(&composed), &wanted, 1e-6);
            for level in levels() {
                let mut y = x.clone();
                value(level, &mut y, activation);
                close(&y, &wanted, 1e-6);
                let kept = if activation.from_output() { &y } else { &x };
                let mut dx = grad.clone();
                derivative(level, &mut dx, kept, activation);
                close(&dx, &slopes, 1e-5);
                let composed = activation.composed_backward::<Flex>(tensor(&grad), tensor(kept));
                close(&dx, host::values(&composed), 1e-6);
            }
        }
    }

    #[test]
    fn special_values_are_those_of_the_composed_body() {
        let x = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
            90.0,
            -90.0,
        ];
        for activation in ALL {
            for level in levels() {
                let mut y = x.to_vec();
                value(level, &mut y, activation);
                let composed = activation.composed::<Flex>(tensor(&x));
                close(&y, host::values(&composed), 1e-6);
                let kept = if activation.from_output() { &y[..] } else { &x };
                let mut dx = vec![1.0; x.len()];
                derivative(level, &mut dx, kept, activation);
                let grad = tensor(&vec![1.0; x.len()]);
                let composed = activation.composed_backward::<Flex>(grad, tensor(kept));
                // The derivative at NaN: ReLU and leaky ReLU pass the gradient as Burn does.
                close(&dx[1..], &host::values(&composed)[1..], 1e-6);
                if matches!(activation, Activation::Relu | Activation::LeakyRelu) {
                    assert_eq!((dx[0], host::values(&composed)[0]), (1.0, 1.0));
                }
            }
        }
    }
}
