//! The losses against Burn's own operators, against f64 and against finite differences.

use burn::backend::Flex;
use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use crate::level::{self, with};
use crate::testing::{close, in_pool, numbers};
use crate::{LossGrad, LossKind, bce_of_logits, host, mse_of_sigmoid};

const KINDS: [LossKind; 2] = [LossKind::Mse, LossKind::Bce];

/// How images lie in memory.
#[derive(Clone, Copy, Debug)]
enum Lies {
    Contiguous,
    ChannelsLast,
    Sliced,
    Transposed,
}

const LIES: [Lies; 4] = [
    Lies::Contiguous,
    Lies::ChannelsLast,
    Lies::Sliced,
    Lies::Transposed,
];

fn images(values: Vec<f32>, [n, c, h, w]: [usize; 4], lies: Lies) -> Tensor<4> {
    let tensor = |values, shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
    };
    match lies {
        Lies::Contiguous => tensor(values, [n, c, h, w]),
        Lies::ChannelsLast => tensor(values, [n, h, w, c]).permute([0, 3, 1, 2]),
        Lies::Transposed => tensor(values, [n, c, w, h]).swap_dims(2, 3),
        Lies::Sliced => {
            let twice = [values.clone(), values].concat();
            tensor(twice, [n, c, h, 2 * w]).slice([0..n, 0..c, 0..h, 0..w])
        }
    }
}

fn loss(kind: LossKind, logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    match kind {
        LossKind::Mse => mse_of_sigmoid(logits, target),
        LossKind::Bce => bce_of_logits(logits, target),
    }
}

fn composed(kind: LossKind, logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    match kind {
        LossKind::Mse => (sigmoid(logits) - target).square().mean(),
        LossKind::Bce => (log_sigmoid(logits.clone().neg()) + logits * target)
            .mean()
            .neg(),
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The loss and its gradients by logits and target, as far as they are tracked, times 3.
fn run(
    loss: fn(LossKind, Tensor<4>, Tensor<4>) -> Tensor<1>,
    kind: LossKind,
    logits: &Tensor<4>,
    target: &Tensor<4>,
    tracked: [bool; 2],
) -> Vec<Vec<f32>> {
    let [logits, target] = [(logits, tracked[0]), (target, tracked[1])].map(|(tensor, tracked)| {
        let tensor = tensor.clone().detach();
        if tracked {
            tensor.require_grad()
        } else {
            tensor
        }
    });
    let value = loss(kind, logits.clone(), target.clone());
    assert_eq!(value.dims(), [1]);
    let mut results = vec![values(value.clone())];
    if tracked.contains(&true) {
        let grads = (value * 3.0).backward();
        for (tensor, tracked) in [(logits, tracked[0]), (target, tracked[1])] {
            let gradient = tensor.grad(&grads);
            assert_eq!(gradient.is_some(), tracked);
            results.extend(gradient.map(values));
        }
    }
    results
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn agrees_with_burns_own_operators(
        shape in [1usize..9, 1usize..4, 1usize..20, 1usize..20],
        logits in 0usize..4,
        target in 0usize..4,
        tracked: [bool; 2],
    ) {
        let count = shape.iter().product();
        let z = numbers(count, 1).iter().map(|z| 4.0 * z).collect();
        let t = numbers(count, 2).iter().map(|t| t / 4.0 + 0.5).collect();
        let (logits, target) = (images(z, shape, LIES[logits]), images(t, shape, LIES[target]));
        for kind in KINDS {
            let wanted = run(composed, kind, &logits, &target, tracked);
            for level in level::ALL {
                let got = with(level, || run(loss, kind, &logits, &target, tracked));
                close(&got[0], &wanted[0], 1e-6);
                for (got, wanted) in got[1..].iter().zip(&wanted[1..]) {
                    let scaled = |values: &[f32]| -> Vec<f32> {
                        values.iter().map(|value| value * count as f32).collect()
                    };
                    close(&scaled(got), &scaled(wanted), 1e-5);
                }
            }
        }
    }
}

/// The loss in f64.
fn naive(kind: LossKind, z: &[f64], t: &[f64]) -> f64 {
    let one = |(&z, &t): (&f64, &f64)| match kind {
        LossKind::Mse => (1.0 / (1.0 + (-z).exp()) - t).powi(2),
        LossKind::Bce => z.max(0.0) + (-z.abs()).exp().ln_1p() - t * z,
    };
    z.iter().zip(t).map(one).sum::<f64>() / z.len() as f64
}

#[test]
fn gradients_are_finite_differences() {
    let shape = [2, 1, 3, 4];
    let (z, t) = (numbers(24, 1), numbers(24, 2));
    let (logits, target) = (
        images(z.clone(), shape, LIES[0]),
        images(t.clone(), shape, LIES[0]),
    );
    let [z, t] = [z, t].map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
    for kind in KINDS {
        let slopes: Vec<f64> = (0..24)
            .map(|i| {
                let shifted = |h: f64| {
                    let mut z = z.clone();
                    z[i] += h;
                    naive(kind, &z, &t)
                };
                3.0 * (shifted(1e-6) - shifted(-1e-6)) / 2e-6
            })
            .collect();
        for level in level::ALL {
            let got = with(level, || run(loss, kind, &logits, &target, [true, false]));
            close(&got[1], &slopes, 1e-7);
        }
    }
}

#[test]
fn a_batch_is_added_up_accurately_and_the_same_on_every_thread_count_and_level() {
    let shape = [128, 1, 28, 28];
    let count = shape.iter().product();
    let z: Vec<f32> = numbers(count, 1).iter().map(|z| 3.0 * z).collect();
    let t: Vec<f32> = numbers(count, 2).iter().map(|t| t / 4.0 + 0.5).collect();
    let (logits, target) = (
        images(z.clone(), shape, LIES[0]),
        images(t.clone(), shape, LIES[0]),
    );
    let [z, t] = [z, t].map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
    for kind in KINDS {
        let wanted = naive(kind, &z, &t);
        let mut first = None;
        for level in level::ALL {
            for threads in [1, 2] {
                for tracked in [[true, false], [false, false]] {
                    let got = in_pool(threads, || {
                        with(level, || run(loss, kind, &logits, &target, tracked))
                    });
                    let relative = (f64::from(got[0][0]) / wanted - 1.0).abs();
                    assert!(relative < 1e-7, "{} is not {wanted}", got[0][0]);
                    assert_eq!(*first.get_or_insert(got[0].clone()), got[0]);
                }
            }
        }
    }
}

#[test]
fn the_gradient_lies_as_the_logits_do() {
    let shape = [2, 3, 4, 5];
    let strides = host::channels_last_strides(shape);
    let logits = host::tensor_with_strides(numbers(120, 1), shape, strides);
    let target = host::tensor(numbers(120, 2), shape);
    for kind in KINDS {
        let (_, gradient) = Flex::loss_with_gradient(logits.clone(), target.clone(), kind);
        assert!(host::is_channels_last(&gradient) && !gradient.is_contiguous());
        let rows = host::contiguous(logits.clone());
        let (_, wanted) = Flex::loss_with_gradient(rows, target.clone(), kind);
        assert_eq!(
            host::values(&host::contiguous(gradient)),
            host::values(&wanted)
        );
    }
}

#[test]
fn extreme_logits_are_those_of_burns_own_operators() {
    let z = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        200.0,
        -200.0,
        88.5,
        -88.5,
        0.0,
    ];
    for t in [0.0, 1.0, 0.25] {
        for z in z {
            let logits = images(vec![z], [1, 1, 1, 1], LIES[0]);
            let target = images(vec![t], [1, 1, 1, 1], LIES[0]);
            for kind in KINDS {
                let wanted = run(composed, kind, &logits, &target, [true, false]);
                for level in level::ALL {
                    let got = with(level, || run(loss, kind, &logits, &target, [true, false]));
                    close(&got[0], &wanted[0], 1e-6);
                    // The composed gradient of an infinite logit multiplies zero by infinity.
                    if z.is_finite() {
                        close(&got[1], &wanted[1], 1e-6);
                    }
                }
            }
        }
    }
}
