//! The layer against Burn's own operators and against f64.

use burn::tensor::activation as act;
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use crate::activation::{ALL, Activation};
use crate::level::{self, with};
use crate::linear;
use crate::testing::{close, in_pool, numbers};

/// How an input lies in memory.
#[derive(Clone, Copy, Debug)]
enum Lies {
    Contiguous,
    Transposed,
    Sliced,
    Flipped,
}

const LIES: [Lies; 4] = [
    Lies::Contiguous,
    Lies::Transposed,
    Lies::Sliced,
    Lies::Flipped,
];

/// A tensor that tracks gradients, and the view of it that is multiplied.
fn input([rows, columns]: [usize; 2], lies: Lies, seed: u64, tracked: bool) -> [Tensor<2>; 2] {
    let shape = match lies {
        Lies::Transposed => [columns, rows],
        Lies::Sliced => [rows + 2, columns + 3],
        Lies::Contiguous | Lies::Flipped => [rows, columns],
    };
    let data = TensorData::new(numbers(shape[0] * shape[1], seed), shape);
    let whole = Tensor::<2>::from_data(data, &Device::flex().autodiff());
    let whole = if tracked { whole.require_grad() } else { whole };
    let view = match lies {
        Lies::Contiguous => whole.clone(),
        Lies::Transposed => whole.clone().transpose(),
        Lies::Sliced => whole.clone().slice([1..rows + 1, 2..columns + 2]),
        Lies::Flipped => whole.clone().flip([0, 1]),
    };
    [whole, view]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn composed(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Activation) -> Tensor<2> {
    let z = x.matmul(weight) + bias.unsqueeze();
    match activation {
        Activation::None => z,
        Activation::Relu => act::relu(z),
        Activation::LeakyRelu => act::leaky_relu(z, 0.01),
        Activation::Gelu => act::gelu(z),
        Activation::Silu => act::silu(z),
        Activation::Elu => act::elu(z, 1.0),
        Activation::Tanh => act::tanh(z),
        Activation::Sigmoid => act::sigmoid(z),
    }
}

type Layer = fn(Tensor<2>, Tensor<2>, Tensor<1>, Activation) -> Tensor<2>;

/// Output and gradients of input, weight and bias, for a loss that weighs each output differently.
fn run(
    layer: Layer,
    [n, inputs, outputs]: [usize; 3],
    lies: [Lies; 2],
    activation: Activation,
    tracked: [bool; 3],
) -> Vec<Option<Vec<f32>>> {
    let [whole_x, x] = input([n, inputs], lies[0], 1, tracked[0]);
    let [whole_weight, weight] = input([inputs, outputs], lies[1], 2, tracked[1]);
    let device = Device::flex().autodiff();
    let bias = Tensor::<1>::from_data(TensorData::new(numbers(outputs, 3), [outputs]), &device);
    let bias = if tracked[2] {
        bias.require_grad()
    } else {
        bias
    };
    let weights = TensorData::new(numbers(n * outputs, 4), [n, outputs]);
    let y = layer(x, weight, bias.clone(), activation);
    let mut results = vec![Some(values(y.clone()))];
    if tracked.contains(&true) {
        let grads = (y * Tensor::from_data(weights, &device)).sum().backward();
        results.push(whole_x.grad(&grads).map(values));
        results.push(whole_weight.grad(&grads).map(values));
        results.push(bias.grad(&grads).map(values));
        for (gradient, tracked) in results[1..].iter().zip(tracked) {
            assert_eq!(gradient.is_some(), tracked);
        }
    }
    results
}

fn check(size: [usize; 3], lies: [Lies; 2], activation: Activation, tracked: [bool; 3]) {
    let wanted = run(composed, size, lies, activation, tracked);
    for level in level::ALL {
        let got = |threads| {
            in_pool(threads, || {
                with(level, || run(linear, size, lies, activation, tracked))
            })
        };
        let one = got(1);
        assert_eq!(one, got(2), "one thread and two");
        for (one, wanted) in one.iter().zip(&wanted) {
            assert_eq!(one.is_some(), wanted.is_some());
            if let (Some(one), Some(wanted)) = (one, wanted) {
                close(one, wanted, 2e-5);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn agrees_with_burns_own_operators(
        n in 1usize..20,
        inputs in 1usize..30,
        outputs in 1usize..40,
        x in 0usize..4,
        weight in 0usize..4,
        activation in 0usize..8,
        tracked: [bool; 3],
    ) {
        check([n, inputs, outputs], [LIES[x], LIES[weight]], ALL[activation], tracked);
    }
}

#[test]
fn batches_for_several_threads_agree_with_burns_own_operators() {
    for activation in ALL {
        check(
            [128, 100, 300],
            [Lies::Contiguous; 2],
            activation,
            [true; 3],
        );
    }
    let tied = [Lies::Contiguous, Lies::Transposed];
    check([128, 32, 512], tied, Activation::Relu, [true; 3]);
    check(
        [128, 512, 32],
        [Lies::Contiguous; 2],
        Activation::Relu,
        [false, true, true],
    );
    check(
        [1, 784, 512],
        [Lies::Contiguous; 2],
        Activation::Tanh,
        [true; 3],
    );
    check(
        [70, 1, 1],
        [Lies::Contiguous; 2],
        Activation::None,
        [true; 3],
    );
}

#[test]
fn gradients_agree_with_f64() {
    let [n, inputs, outputs] = [33, 65, 47];
    let [x, w, b, g] = [n * inputs, inputs * outputs, outputs, n * outputs]
        .into_iter()
        .zip(1..)
        .map(|(count, seed)| numbers(count, seed))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let mut y = vec![0.0f64; n * outputs];
    let [mut dx, mut dw, mut db] = [
        vec![0.0f64; n * inputs],
        vec![0.0; inputs * outputs],
        vec![0.0; outputs],
    ];
    for i in 0..n {
        for j in 0..outputs {
            let product = |k: usize| f64::from(x[i * inputs + k]) * f64::from(w[k * outputs + j]);
            let z = (0..inputs).map(product).sum::<f64>() + f64::from(b[j]);
            y[i * outputs + j] = z.max(0.0);
            if z <= 0.0 {
                continue;
            }
            let g = f64::from(g[i * outputs + j]);
            db[j] += g;
            for k in 0..inputs {
                dx[i * inputs + k] += g * f64::from(w[k * outputs + j]);
                dw[k * outputs + j] += g * f64::from(x[i * inputs + k]);
            }
        }
    }
    for level in level::ALL {
        let size = [n, inputs, outputs];
        let got = with(level, || {
            run(
                linear,
                size,
                [Lies::Contiguous; 2],
                Activation::Relu,
                [true; 3],
            )
        });
        for (got, wanted) in got.iter().zip([&y, &dx, &dw, &db]) {
            close(got.as_ref().unwrap(), wanted, 1e-6);
        }
    }
}

#[test]
fn a_loss_that_counts_each_output_once_has_an_expanded_gradient() {
    let device = Device::flex().autodiff();
    let x = Tensor::<2>::ones([3, 2], &device);
    let weight = Tensor::<2>::ones([2, 4], &device).require_grad();
    let bias = Tensor::<1>::zeros([4], &device).require_grad();
    for activation in [Activation::None, Activation::Relu] {
        let grads = linear(x.clone(), weight.clone(), bias.clone(), activation)
            .sum()
            .backward();
        assert_eq!(values(weight.grad(&grads).unwrap()), [3.0; 8]);
        assert_eq!(values(bias.grad(&grads).unwrap()), [3.0; 4]);
    }
}

#[test]
fn nan_and_infinity_pass_as_through_burns_own_operators() {
    let device = Device::flex();
    let x = Tensor::<2>::from_floats([[f32::NAN, 1.0], [f32::INFINITY, 1.0], [1.0, 1.0]], &device);
    let weight = Tensor::<2>::from_floats([[1.0, -1.0], [0.5, 0.0]], &device);
    let bias = Tensor::<1>::from_floats([0.0, 2.0], &device);
    for activation in ALL {
        for level in level::ALL {
            let got = with(level, || {
                linear(x.clone(), weight.clone(), bias.clone(), activation)
            });
            let wanted = composed(x.clone(), weight.clone(), bias.clone(), activation);
            close(&values(got), &values(wanted), 1e-6);
        }
    }
}

#[test]
fn other_types_take_burns_own_operators() {
    use burn::tensor::DType;
    let [_, x] = input([3, 4], Lies::Contiguous, 1, false);
    let [_, weight] = input([4, 5], Lies::Contiguous, 2, false);
    let bias = Tensor::<1>::zeros([5], &Device::flex().autodiff());
    let wanted = values(linear(
        x.clone(),
        weight.clone(),
        bias.clone(),
        Activation::Gelu,
    ));
    let weight = weight.cast(DType::F64).require_grad();
    let y = linear(
        x.cast(DType::F64),
        weight.clone(),
        bias.cast(DType::F64),
        Activation::Gelu,
    );
    close(&values(y.clone().cast(DType::F32)), &wanted, 1e-6);
    let grads = y.sum().backward();
    assert_eq!(weight.grad(&grads).unwrap().dims(), [4, 5]);
}
