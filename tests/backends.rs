//! Parity: every backend computes the losses and gradients that the first one does.
//!
//! Weights and noise are drawn on the host, so all backends start from the same numbers; what is
//! left is how each rounds and in which order it adds. Losses agree within [`LOSS_TOLERANCE`] of
//! their value, gradients within [`GRADIENT_TOLERANCE`] of the largest one in their tensor.

use burn::module::{ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use model::{Autoencoder, Loss, ModelConfig, Noise};
use serde_json::json;

/// Relative. Two backends that only round differently stay ten times below it.
const LOSS_TOLERANCE: f64 = 1e-5;

/// Relative to the largest gradient in the tensor, or to [`NOTICED`] of the largest in the model where
/// that is more. A sum of n products in f32 is off by up to about
/// sqrt(n) roundings of 6e-8; the longest here have some 10,000 terms and pass through seven layers.
const GRADIENT_TOLERANCE: f64 = 2e-4;

/// Below this share of the model's largest gradient all of a tensor is rounding: the gradient of a
/// bias before a batch normalisation, which takes every constant away, is a sum of terms that cancel.
const NOTICED: f32 = 1e-2;

/// Channels, height and width: odd, so that borders are met at every level.
const SHAPE: [usize; 3] = [1, 13, 10];
/// The same in colour.
const COLOUR: [usize; 3] = [3, 13, 10];
const BATCH: usize = 6;

/// The devices of every backend that was compiled in, the reference first.
fn devices() -> Vec<(&'static str, Device)> {
    vec![
        #[cfg(feature = "flex")]
        ("flex", Device::flex()),
        #[cfg(feature = "ndarray")]
        ("ndarray", {
            // Burn asks new programs to take flex; it is here to be compared with.
            #[allow(deprecated)]
            Device::ndarray()
        }),
        #[cfg(feature = "wgpu")]
        ("wgpu", gpu(burn::tensor::DeviceType::Wgpu)),
        #[cfg(feature = "vulkan")]
        ("vulkan", gpu(burn::tensor::DeviceType::Vulkan)),
        #[cfg(feature = "metal")]
        ("metal", gpu(burn::tensor::DeviceType::Metal)),
        #[cfg(feature = "cuda")]
        ("cuda", gpu(burn::tensor::DeviceType::Cuda)),
        #[cfg(feature = "rocm")]
        ("rocm", gpu(burn::tensor::DeviceType::Rocm)),
    ]
}

/// The first adapter. Without one there is nothing to compare, which must not pass for agreement.
#[cfg(any(
    feature = "wgpu",
    feature = "vulkan",
    feature = "metal",
    feature = "cuda",
    feature = "rocm"
))]
fn gpu(kind: burn::tensor::DeviceType) -> Device {
    let found = Device::enumerate(kind).into_vec().into_iter().next();
    found.expect("a GPU or a software driver for it, such as Debian's mesa-vulkan-drivers")
}

/// Four kinds, and what one of them can be built from besides, with the shape of its images.
fn models() -> Vec<(&'static str, [usize; 3], ModelConfig)> {
    let dense = json!({"kind": "dense", "layers": [20, 12], "code_size": 5, "activation": "gelu"});
    let conv = json!({"kind": "conv", "channels": [4, 6], "code_size": 7});
    let strided = json!({
        "kind": "conv", "channels": [3, 5], "kernel": 5, "downsample": "stride",
        "upsample": "transposed", "batch_norm": true, "activation": "silu"
    });
    let average = json!({
        "kind": "conv", "channels": [3], "downsample": "average", "activation": "leaky_relu",
        "code_activation": "sigmoid"
    });
    let several = json!({"kind": "conv", "channels": [4, 6], "convolutions": 2});
    let shuffled = json!({
        "kind": "conv", "channels": [4, 6], "convolutions": 2, "downsample": "unshuffle",
        "upsample": "shuffle"
    });
    let configs = [
        ("dense", dense.clone()),
        ("conv", conv.clone()),
        ("strided conv with batch normalisation", strided),
        ("averaging conv", average.clone()),
        ("conv of pixels as channels", shuffled),
        (
            "sparse, l1",
            json!({"kind": "sparse", "penalty": "l1", "of": conv}),
        ),
        (
            "sparse, kl",
            json!({"kind": "sparse", "penalty": "kl", "of": average}),
        ),
        (
            "sparse, top-k",
            json!({"kind": "sparse", "penalty": {"kind": "top_k", "k": 2}, "of": dense}),
        ),
        (
            "denoising",
            json!({"kind": "denoising", "corruption": "gaussian", "of": dense}),
        ),
        (
            "sparse, denoising, conv",
            json!({
                "kind": "sparse", "penalty": "l1",
                "of": {"kind": "denoising", "corruption": "masking", "of": conv}
            }),
        ),
        (
            "residual, of all that loses information",
            json!({
                "kind": "denoising", "residual": true, "of": several,
                "corruption": [
                    {"kind": "blur", "sigma": [0.5, 2]}, {"kind": "downscale", "factor": 3},
                    {"kind": "block", "size": [[2, 5], 4]}, {"kind": "speckle", "std": [0, 0.3]}
                ]
            }),
        ),
        (
            "colouring",
            json!({"kind": "denoising", "corruption": ["grayscale", "masking"], "of": several}),
        ),
    ];
    configs
        .map(|(name, config)| {
            let shape = if name == "colouring" { COLOUR } else { SHAPE };
            (name, shape, serde_json::from_value(config).unwrap())
        })
        .into()
}

/// Grey values that look like nothing, the same on every backend.
fn images([channels, height, width]: [usize; 3], device: &Device) -> Tensor<4> {
    let count = BATCH * channels * height * width;
    let values: Vec<f32> = (0..count)
        .map(|i| (i * 7919 % 256) as f32 / 255.0)
        .collect();
    Tensor::from_data(
        TensorData::new(values, [BATCH, channels, height, width]),
        device,
    )
}

/// Each parameter's gradient, in the order of the model.
struct Gradients(GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Gradients {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.get::<D>(param.id) {
            self.1.push(gradient.into_data().try_to_vec().unwrap());
        }
    }
}

/// The loss of one batch and the gradients of it.
fn step(
    config: &ModelConfig,
    shape: [usize; 3],
    loss: Loss,
    device: &Device,
) -> (f64, Vec<Vec<f32>>) {
    let device = device.clone().autodiff();
    let model: Autoencoder = config.init(shape, 7, &device).unwrap();
    let clean = images(shape, &device);
    let input = model.corrupt(clean.clone(), Noise::Host { seed: 5 });
    let losses = model.loss(input, clean, loss, Noise::Host { seed: 0 });
    let value: Vec<f32> = losses.total.clone().into_data().try_to_vec().unwrap();
    let gradients = GradientsParams::from_grads(losses.total.backward(), &model);
    let mut gradients = Gradients(gradients, Vec::new());
    model.visit(&mut gradients);
    (f64::from(value[0]), gradients.1)
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, it| most.max(it.abs()))
}

#[test]
fn every_backend_gives_the_same_losses_and_gradients() {
    let devices = devices();
    let (reference, others) = devices.split_first().unwrap();
    for (name, shape, config) in models() {
        for loss in [Loss::Mse, Loss::Bce] {
            let (expected, expected_gradients) = step(&config, shape, loss, &reference.1);
            let parameters = config.layers(shape).unwrap();
            assert!(
                expected.is_finite() && !expected_gradients.is_empty() && !parameters.is_empty()
            );
            for (backend, device) in others {
                let place = format!("{name}, {loss:?}, {backend} against {}", reference.0);
                let (found, gradients) = step(&config, shape, loss, device);
                let apart = (found - expected).abs() / expected.abs();
                assert!(
                    apart < LOSS_TOLERANCE,
                    "{place}: loss {found}, not {expected}"
                );
                assert_eq!(gradients.len(), expected_gradients.len(), "{place}");
                let of_all = expected_gradients
                    .iter()
                    .map(|it| largest(it))
                    .fold(0.0, f32::max);
                for (number, (found, expected)) in
                    gradients.iter().zip(&expected_gradients).enumerate()
                {
                    assert_eq!(found.len(), expected.len(), "{place}");
                    let pairs = found.iter().zip(expected);
                    let apart = pairs.fold(0f32, |most, (a, b)| most.max((a - b).abs()));
                    let scale = largest(expected).max(NOTICED * of_all);
                    let relative = f64::from(apart / scale);
                    assert!(
                        relative < GRADIENT_TOLERANCE,
                        "{place}: gradient {number} is off by {relative}"
                    );
                }
            }
            println!("{name}, {loss:?}: {} backends agree", devices.len());
        }
    }
}
