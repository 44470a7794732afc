//! Gradients of whole networks against central finite differences of their loss.
//!
//! The networks are tiny, so that every parameter is nudged, and smooth, so that a difference means
//! something. (ReLU and its like are compared with PyTorch and, one value at a time, beside their
//! code.) The loss is computed in f32, as in training, which makes a difference of step `h` uncertain
//! by some `1e-7 / h`: weights are chosen whose gradients stand out from that.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{
    Named, SILENCE, config, device, gradients, host, model, parameters, pictures, spread,
};
use crate::{Autoencoder, ImageShape, Loss, Noise, Range};

/// Half the distance between the two losses of a difference.
const STEP: f32 = 0.004;
/// What a gradient may be off by, relative to the largest of its tensor: a maximum that changes
/// hands well inside the step bends the loss by about so much.
const RELATIVE: f64 = 0.015;
/// The noise of a difference of a quarter of the step: two roundings of a loss near one (1.2e-7),
/// divided by two steps, and as much again for the roundings inside the network.
const NOISE: f64 = 1.2e-4;

/// The model with all that it learns multiplied by the gain. As drawn, weights give gradients so
/// small that the noise would hide a wrong one. A convolution that starts at zero, behind which nothing
/// has a gradient, gets other weights.
fn amplified(model: Autoencoder, gain: f32) -> Autoencoder {
    struct Amplify(f32);
    impl ModuleMapper for Amplify {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if !param.is_require_grad() {
                return param;
            }
            let starts_at_zero = D == 4 && largest(&host(&param.val())) == 0.0;
            param.map(|tensor| {
                let tensor = match starts_at_zero {
                    true => {
                        let values = spread(tensor.shape().num_elements(), 5);
                        let data = TensorData::new(values, tensor.shape());
                        Tensor::from_data(data, &tensor.device()) - 0.5
                    }
                    false => tensor,
                };
                (tensor * self.0).detach().require_grad()
            })
        }
    }
    model.map(&mut Amplify(gain))
}

/// The model with one value of one parameter changed.
fn nudged(model: &Autoencoder, id: ParamId, index: usize, by: f32) -> Autoencoder {
    struct Nudge(ParamId, usize, f32);
    impl ModuleMapper for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if param.id != self.0 {
                return param;
            }
            let mut values = host(&param.val());
            values[self.1] += self.2;
            let data = TensorData::new(values, param.val().dims());
            let tensor = Tensor::from_data(data, &param.val().device());
            Param::initialized(param.id, tensor.require_grad())
        }
    }
    model.clone().map(&mut Nudge(id, index, by))
}

/// Every gradient of `loss` for the model's parameters, and beside it the difference of the losses
/// of models whose parameter is a little larger and a little smaller; not a number where that
/// difference depends on the step, because a maximum changed hands in between.
fn differences(model: &Autoencoder, loss: impl Fn(&Autoencoder) -> Tensor<1>) -> (Named, Named) {
    let exact = gradients(model, &loss(model).backward());
    let at = |id: ParamId, i: usize, by: f32| f64::from(host(&loss(&nudged(model, id, i, by)))[0]);
    let numeric = exact.iter().map(|(name, id, values)| {
        let of_step = |i, h: f32| (at(*id, i, h) - at(*id, i, -h)) / f64::from(2.0 * h);
        let slope = |i| {
            let (wide, narrow) = (of_step(i, STEP), of_step(i, STEP / 4.0));
            let smooth = (wide - narrow).abs() <= tolerance(values);
            if smooth { wide as f32 } else { f32::NAN }
        };
        let slopes = (0..values.len()).map(slope).collect();
        (name.clone(), *id, slopes)
    });
    let numeric = numeric.collect();
    (exact, numeric)
}

/// The largest magnitude; `max` passes over what is not a number.
fn largest(values: &[f32]) -> f64 {
    values
        .iter()
        .fold(0.0, |max, v| f64::from(v.abs()).max(max))
}

/// What the gradients of a tensor may be off by.
fn tolerance(gradients: &[f32]) -> f64 {
    RELATIVE * largest(gradients) + NOISE
}

/// The first gradient that is not the difference, in words, or too many that could not be compared.
fn disagreement(exact: &Named, numeric: &Named) -> Option<String> {
    for ((name, _, exact), (_, _, numeric)) in exact.iter().zip(numeric) {
        let tolerance = tolerance(exact);
        for (i, (&e, &n)) in exact.iter().zip(numeric).enumerate() {
            if f64::from(e - n).abs() > tolerance || !e.is_finite() {
                return Some(format!("{name}[{i}]: gradient {e}, difference {n}"));
            }
        }
    }
    let all = || numeric.iter().flat_map(|(_, _, values)| values);
    let (kinks, values) = (all().filter(|v| v.is_nan()).count(), all().count());
    (kinks * 10 > values).then(|| format!("{kinks} of {values} gradients next to a kink"))
}

/// Checks every gradient of a model's loss on four pictures against differences, for the first
/// weights whose gradients are large enough for the comparison to mean something.
///
/// `silent` names the parameters whose gradient is zero for a reason.
fn check(json: Value, input: ImageShape, loss: Loss, silent: impl Fn(&str) -> bool) {
    check_for(json, input, &Range::Unit, loss, silent);
}

/// The same for samples of any range.
fn check_for(
    json: Value,
    input: ImageShape,
    range: &Range,
    loss: Loss,
    silent: impl Fn(&str) -> bool,
) {
    // Mostly dark, as a half-grey target is what a network gives before it has learnt anything.
    let clean = pictures(4, input, 0).powi_scalar(3);
    for (seed, gain) in (0..20).flat_map(|seed| [(seed, 2.5), (seed, 5.0)]) {
        let model = config(json.clone()).init_for(input, range, seed, &device());
        let model = amplified(model.unwrap(), gain);
        // Without a corruption this is the clean picture itself.
        let noisy = model.corrupt(clean.clone(), Noise::Host { seed: 3 });
        let of = |model: &Autoencoder| {
            model
                .loss(noisy.clone(), clean.clone(), loss, SILENCE)
                .total
        };
        let exact = gradients(&model, &of(&model).backward());
        let is_clear = |(name, _, values): &(String, ParamId, Vec<f32>)| {
            silent(name) || largest(values) > 12.0 * NOISE
        };
        if !exact.iter().all(is_clear) {
            continue;
        }
        let learned = parameters(&model).into_iter();
        let learned = learned.filter(|(name, _, _)| !name.contains("running_"));
        assert_eq!(exact.len(), learned.count(), "{json}: all have a gradient");
        for (name, _, values) in exact.iter().filter(|(name, _, _)| silent(name)) {
            assert!(largest(values) < NOISE, "{json}: {name}");
        }
        let (exact, numeric) = differences(&model, of);
        if let Some(what) = disagreement(&exact, &numeric) {
            panic!("{json}, {loss:?}: {what}");
        }
        return;
    }
    panic!("{json}: no weights give gradients to compare");
}

fn none(_: &str) -> bool {
    false
}

#[test]
fn a_wrong_gradient_is_noticed() {
    let input = [1, 3, 2];
    let model = amplified(model(dense(json!({})), input, 11), 2.5);
    let x = pictures(4, input, 0).powi_scalar(3);
    let of = |model: &Autoencoder| model.loss(x.clone(), x.clone(), Loss::Bce, SILENCE).total;
    let (exact, numeric) = differences(&model, of);
    assert_eq!(disagreement(&exact, &numeric), None);
    for tensor in 0..exact.len() {
        // The largest value of the tensor off by a tenth; all values of opposite sign.
        let mut off = exact.clone();
        let values = &mut off[tensor].2;
        let top = (0..values.len()).max_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
        values[top.unwrap()] *= 1.1;
        assert!(disagreement(&off, &numeric).is_some());
        let mut off = exact.clone();
        off[tensor].2.iter_mut().for_each(|value| *value = -*value);
        assert!(disagreement(&off, &numeric).is_some());
    }
}

/// A dense model with some keys changed.
fn dense(keys: Value) -> Value {
    let json = json!({ "kind": "dense", "layers": [4], "code_size": 3, "activation": "tanh" });
    with(json, keys)
}

/// A convolutional model with some keys changed.
fn conv(keys: Value) -> Value {
    let json = json!({ "kind": "conv", "channels": [2, 3], "activation": "tanh" });
    with(json, keys)
}

fn with(mut json: Value, keys: Value) -> Value {
    let table = json.as_object_mut().unwrap();
    table.extend(keys.as_object().unwrap().clone());
    json
}

#[test]
fn dense_networks() {
    for loss in [Loss::Mse, Loss::Bce] {
        for tied in [false, true] {
            check(dense(json!({ "tied": tied })), [2, 2, 2], loss, none);
        }
        let keys = json!({ "layers": [], "code_activation": "sigmoid", "decoder": [4, 3] });
        check(dense(keys), [1, 3, 3], loss, none);
    }
}

#[test]
fn dense_networks_with_every_smooth_activation() {
    for activation in ["gelu", "silu", "elu", "tanh", "sigmoid"] {
        let keys = json!({ "activation": activation, "code_activation": activation });
        check(dense(keys), [1, 2, 3], Loss::Bce, none);
    }
}

#[test]
fn convolutional_networks_of_every_down_and_up_sampling() {
    for downsample in ["max", "average", "stride", "unshuffle"] {
        for upsample in ["nearest", "transposed", "shuffle"] {
            for code_size in [Value::Null, 3.into()] {
                let ways = json!({
                    "downsample": downsample, "upsample": upsample, "code_size": code_size,
                });
                // Odd at the first level, and at the second.
                for input in [[1, 5, 6], [2, 4, 3]] {
                    check(conv(ways.clone()), input, Loss::Bce, none);
                }
            }
        }
    }
}

#[test]
fn convolutional_networks_of_clips() {
    for (downsample, upsample) in [
        ("max", "nearest"),
        ("average", "transposed"),
        ("stride", "shuffle"),
        ("unshuffle", "nearest"),
    ] {
        let ways = json!({
            "downsample": downsample, "upsample": upsample, "channels": [2], "code_size": 3,
        });
        // An odd number of frames, and an even one.
        for (input, frames) in [([1, 3 * 2, 3], 3), ([2, 2 * 3, 2], 2)] {
            check_for(
                conv(ways.clone()),
                input,
                &Range::Clip(frames),
                Loss::Bce,
                none,
            );
        }
    }
}

#[test]
fn convolutional_networks_of_every_kernel_and_loss() {
    for kernel in [1, 3, 5] {
        for loss in [Loss::Mse, Loss::Bce] {
            let keys = json!({ "kernel": kernel, "channels": [3], "downsample": "stride" });
            check(conv(keys), [1, 3, 4], loss, none);
            let keys = json!({ "kernel": kernel, "channels": [3], "upsample": "transposed" });
            check(conv(keys), [1, 3, 4], loss, none);
        }
    }
}

/// Normalisation takes away any shift, so the bias of a convolution before it has no effect.
#[test]
fn convolutional_networks_with_batch_normalisation() {
    for (downsample, upsample) in [
        ("average", "nearest"),
        ("stride", "transposed"),
        ("unshuffle", "shuffle"),
    ] {
        let keys = json!({
            "batch_norm": true, "downsample": downsample, "upsample": upsample, "code_size": 3,
        });
        let shifted = |name: &str| {
            let last = name.starts_with("decoder.1.");
            !last && (name.ends_with("conv.bias") || name.ends_with("transposed.bias"))
        };
        check(conv(keys), [1, 5, 6], Loss::Bce, shifted);
    }
}

#[test]
fn sparse_networks() {
    let sigmoid = json!({ "code_activation": "sigmoid" });
    for (penalty, code) in [
        (json!({ "kind": "l1", "weight": 0.5 }), sigmoid.clone()),
        (json!({ "kind": "kl", "rho": 0.2, "beta": 0.5 }), sigmoid),
        (json!({ "kind": "top_k", "k": 2 }), json!({})),
    ] {
        let of = dense(code);
        let json = json!({ "kind": "sparse", "penalty": penalty, "of": of });
        check(json, [1, 2, 3], Loss::Mse, none);
    }
}

#[test]
fn denoising_networks() {
    for corruption in ["gaussian", "masking", "salt_and_pepper", "speckle"] {
        let of = dense(json!({}));
        let json = json!({ "kind": "denoising", "corruption": corruption, "of": of });
        check(json, [1, 2, 3], Loss::Bce, none);
    }
}

/// The difference is compared as it is, without a function that bends it; grey is added to each of
/// three channels.
#[test]
fn residual_and_colouring_networks() {
    for of in [
        dense(json!({})),
        conv(json!({ "downsample": "average", "code_size": 3 })),
        conv(json!({ "channels": [2], "convolutions": 2 })),
    ] {
        for (corruption, residual) in [
            (json!(["grayscale", "gaussian"]), true),
            (json!("grayscale"), false),
        ] {
            let json = json!({
                "kind": "denoising", "corruption": corruption, "residual": residual, "of": of,
            });
            check(json, [3, 4, 3], Loss::Mse, none);
        }
        let json = json!({
            "kind": "denoising", "corruption": "grayscale", "residual": true, "keep_luma": true, "of": of,
        });
        check(json, [3, 4, 3], Loss::Mse, none);
        let json = json!({
            "kind": "denoising", "corruption": { "kind": "block", "size": 2 }, "residual": true,
            "fill_holes": true, "of": of,
        });
        check(json, [3, 4, 3], Loss::Mse, none);
    }
}

/// Those of what learns how likely the code's values are too.
#[test]
fn networks_whose_code_is_to_take_few_bits() {
    for of in [
        conv(json!({ "code_activation": "none" })),
        conv(json!({ "channels": [2], "downsample": "unshuffle", "upsample": "shuffle" })),
    ] {
        let json =
            json!({ "kind": "sparse", "penalty": { "kind": "rate", "lambda": 0.5 }, "of": of });
        check(json, [1, 4, 5], Loss::Mse, none);
    }
}

#[test]
fn linear_codes_that_are_refined() {
    for halvings in [0, 1, 2] {
        let linear = json!({
            "kind": "linear", "code_size": 2, "channels": 2, "convolutions": 2, "halvings": halvings,
            "activation": "tanh", "mirror": halvings == 1,
        });
        check(linear.clone(), [1, 3, 5], Loss::Mse, none);
        let json = json!({ "kind": "denoising", "corruption": "gaussian", "of": linear });
        check(json, [1, 3, 5], Loss::Mse, none);
    }
}

#[test]
fn networks_of_several_convolutions_a_level() {
    for (downsample, upsample) in [
        ("max", "nearest"),
        ("stride", "transposed"),
        ("unshuffle", "shuffle"),
    ] {
        let keys = json!({
            "channels": [2], "convolutions": 3, "downsample": downsample, "upsample": upsample,
        });
        check(conv(keys), [1, 4, 5], Loss::Bce, none);
    }
}

#[test]
fn a_sparse_denoising_convolutional_network() {
    let json = json!({
        "kind": "sparse", "penalty": { "kind": "kl", "rho": 0.2, "beta": 0.1 },
        "of": {
            "kind": "denoising", "corruption": { "kind": "masking", "probability": 0.3 },
            "of": conv(json!({ "code_activation": "sigmoid", "code_size": 3 })),
        },
    });
    assert_eq!(config(json.clone()).kind(), "sparse(denoising(conv))");
    check(json, [1, 5, 6], Loss::Bce, none);
}
