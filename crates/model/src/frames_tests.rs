//! Tests of models of clips: their layers against PyTorch, their shapes, and that no frame is mixed with another
//! where none may be.

use burn::module::Param;
use serde_json::{Value, json};

use super::*;
use crate::block::Block;
use crate::config::Corruption;
use crate::fixtures::{Case, assert_close, cases, config, device, host, pictures};
use crate::layer::Layers;
use crate::{Autoencoder, ModelError, Noise, Range};

/// Some hundred products of size one are summed in f32 for a value.
const TOLERANCE: f64 = 1e-5;

fn layers(json: Value, clips: ImageShape, frames: usize) -> Result<Layers, ModelError> {
    let plan = config(json).plan_for(clips, &Range::Clip(frames))?;
    Ok(plan.layers)
}

fn model(json: Value, clips: ImageShape, frames: usize) -> Autoencoder {
    let range = Range::Clip(frames);
    config(json).init_for(clips, &range, 1, &device()).unwrap()
}

/// A weight of PyTorch, `[outputs, inputs, T, H, W]`, as the convolution of pictures has it whose channels are those of T
/// frames: `[outputs, T inputs, H, W]`; a transposed one's is `[inputs, outputs, T, H, W]` and goes back in time.
fn ours(weight: Tensor<5>, is_transposed: bool) -> Tensor<4> {
    let [one, two, frames, height, width] = weight.dims();
    match is_transposed {
        true => {
            (weight.flip([2]).permute([2, 0, 1, 3, 4])).reshape([frames * one, two, height, width])
        }
        false => (weight.permute([0, 2, 1, 3, 4])).reshape([one, frames * two, height, width]),
    }
}

/// A gradient of [`ours`] as PyTorch has it.
fn theirs(weight: Tensor<4>, shape: &[usize], is_transposed: bool) -> Tensor<5> {
    let &[one, two, frames, height, width] = shape else {
        panic!("five sides")
    };
    match is_transposed {
        true => {
            let weight: Tensor<5> = weight.reshape([frames, one, two, height, width]);
            weight.permute([1, 2, 0, 3, 4]).flip([2])
        }
        false => {
            let weight: Tensor<5> = weight.reshape([one, frames, two, height, width]);
            weight.permute([0, 2, 1, 3, 4])
        }
    }
}

/// Channels, frames, height and width of a case's tensor, and the shape of such clips.
fn clip(case: &Case, path: &str) -> ([usize; 4], ImageShape) {
    let &[_, channels, frames, height, width] = case.shape(path).as_slice() else {
        panic!("five sides")
    };
    (
        [channels, frames, height, width],
        [channels, frames * height, width],
    )
}

#[test]
fn layers_of_clips_are_those_of_pytorch() {
    for case in cases("conv3d.json") {
        let [inputs, outputs] = case.counts("channels")[..] else {
            panic!("two channels")
        };
        let way = case.option("way").as_str().unwrap();
        let of_encoder = way == "downsample";
        let (path, deep) = match of_encoder {
            true => ("inputs/input", outputs),
            false => ("output", inputs),
        };
        let ([_, frames, ..], shape) = clip(&case, path);
        let keys = json!({
            "kind": "conv", "kernel": case.count("kernel"), way: case.option("by"), "channels": [deep],
        });
        let layers = layers(keys, shape, frames).unwrap();
        let layer = match of_encoder {
            true => layers.code(),
            false => &layers.decoder()[0],
        };
        let mut block = match of_encoder {
            true => Block::encoder(&layer.operations, &device()),
            false => Block::decoder(&layer.operations, &device()),
        };
        let is_transposed = block.main.transposed.is_some();
        let weight = ours(case.tensor("parameters/weight"), is_transposed).require_grad();
        let bias = case.leaf::<1>("parameters/bias");
        let (learned, shift) = (
            Param::from_tensor(weight.clone()),
            Some(Param::from_tensor(bias.clone())),
        );
        match (&mut block.main.conv, &mut block.main.transposed) {
            (Some(conv), _) => {
                assert_eq!(conv.weight.val().dims(), weight.dims(), "{}", case.name());
                (conv.weight, conv.bias) = (learned, shift);
            }
            (_, Some(conv)) => {
                assert_eq!(conv.weight.val().dims(), weight.dims(), "{}", case.name());
                (conv.weight, conv.bias) = (learned, shift);
            }
            _ => panic!("a layer without a convolution"),
        }
        let x: Tensor<5> = case.leaf("inputs/input");
        let ([_, before, ..], _) = clip(&case, "inputs/input");
        let y = block.forward(&layer.operations, apart(x.clone()), before);
        let y = together(y, layer.output[1]);
        let grads = case.check_layer(y, &[("input", &x)], TOLERANCE);
        case.check("gradients/bias", &bias.grad(&grads).unwrap(), TOLERANCE);
        let shape = case.shape("parameters/weight");
        let weight = theirs(weight.grad(&grads).unwrap(), &shape, is_transposed);
        case.check("gradients/weight", &weight, TOLERANCE);
    }
}

/// Every way down and up gives back the clip, and the table's shapes are those that come out.
#[test]
fn clips_come_back_in_their_shape() {
    for (down, up) in [
        ("max", "nearest"),
        ("average", "transposed"),
        ("stride", "shuffle"),
        ("unshuffle", "shuffle"),
        ("unshuffle", "nearest"),
    ] {
        for [frames, height, width] in [[2, 8, 8], [3, 5, 7], [5, 4, 9], [8, 1, 6], [7, 12, 1]] {
            for kernel in [1, 3] {
                let json = json!({
                    "kind": "conv", "channels": [4, 5, 6], "kernel": kernel, "downsample": down, "upsample": up,
                    "batch_norm": true, "convolutions": 2,
                });
                let shape = [2, frames * height, width];
                let json = match config(json.clone()).plan(shape) {
                    Ok(_) if height.max(width) > 4 => json,
                    _ => {
                        json!({ "kind": "conv", "channels": [4], "downsample": down, "upsample": up })
                    }
                };
                let network = model(json, shape, frames);
                for layer in network.layers() {
                    let operations = layer.operations.iter();
                    let walked = operations.fold(layer.input.clone(), |shape, it| it.output(shape));
                    assert_eq!(walked, layer.output, "{down} {up} {}", layer.name());
                }
                let x = pictures(3, shape, 1);
                let code = network.encode(x.clone());
                assert_eq!(code.dims(), [3, network.layers().code_size()]);
                assert_eq!(
                    network.decode(code).unwrap().dims(),
                    [3, 2, frames * height, width]
                );
                assert_eq!(network.forward(x).dims(), [3, 2, frames * height, width]);
            }
        }
    }
}

#[test]
fn a_code_is_decoded_as_a_forward_pass_does_it() {
    for json in [
        json!({ "kind": "conv", "channels": [4, 5], "code_size": 6, "layers": [7] }),
        json!({ "kind": "conv", "channels": [4, 5] }),
        json!({ "kind": "linear", "code_size": 6 }),
    ] {
        let network = model(json, [3, 5 * 6, 7], 5);
        let x = pictures(2, [3, 30, 7], 2);
        let whole = host(&network.forward(x.clone()));
        let parts = host(&network.decode(network.encode(x)).unwrap());
        let parts: Vec<f64> = parts.into_iter().map(f64::from).collect();
        assert_close(&whole, &parts, 1e-6, "encode and decode");
    }
}

#[test]
fn tables_say_what_a_layer_of_clips_does() {
    let json = json!({ "kind": "conv", "channels": [8, 16], "code_size": 4 });
    let layers = layers(json, [3, 5 * 8, 8], 5).unwrap();
    let kinds: Vec<String> = layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(
        kinds,
        [
            "conv 3x3x3 3 -> 8, max-pool, max of 2 frames",
            "conv 3x3x3 8 -> 16, max-pool, max of 2 frames",
            "dense 128 -> 4",
            "dense 4 -> 128",
            "frames x2, nearest x2, conv 3x3x3 16 -> 8",
            "frames x2, nearest x2, conv 3x3x3 8 -> 3",
        ]
    );
    assert_eq!(layers[0].input, [3, 5, 8, 8]);
    assert_eq!(layers[1].output, [16, 2, 2, 2]);
    assert_eq!(layers[0].parameters(), 3 * 8 * 27 + 8);
}

/// A white frame between black ones: what reaches over a border would make them grey.
#[test]
fn corruptions_stay_within_a_frame() {
    let shape = [3, 3 * 8, 8];
    let white: Vec<f32> = (0..3 * 3 * 64)
        .map(|at| f32::from(u8::from(at / 64 % 3 == 1)))
        .collect();
    let clip: Tensor<4> =
        Tensor::from_data(TensorData::new(white.clone(), [1, 3, 24, 8]), &device());
    for corruption in [
        json!({ "kind": "blur", "sigma": 2 }),
        json!({ "kind": "downscale", "factor": 3 }),
    ] {
        let of = json!({ "kind": "conv", "channels": [4] });
        let json = json!({ "kind": "denoising", "corruption": corruption, "of": of });
        let damaged = host(&model(json, shape, 3).corrupt(clip.clone(), Noise::Host { seed: 1 }));
        for (found, expected) in damaged.iter().zip(&white) {
            assert!(
                (found - expected).abs() < 1e-5,
                "{corruption}: {found} {expected}"
            );
        }
    }
    let json = json!({
        "kind": "denoising", "corruption": { "kind": "block", "size": 4 },
        "of": { "kind": "conv", "channels": [4] },
    });
    let network = model(json, shape, 3);
    assert!(matches!(network.corruptions(), [Corruption::Block { .. }]));
    let (_, missing) = network.corrupt_marked(clip, Noise::Host { seed: 1 });
    let missing = host(&missing.unwrap());
    let of_frames: Vec<f32> = missing.chunks(64).map(|frame| frame.iter().sum()).collect();
    assert_eq!(of_frames, [16.0; 3]);
}

#[test]
fn what_makes_no_sense_for_clips_is_refused() {
    let shape = [3, 24, 8];
    let refused = |json: Value, key: &str| {
        let error = layers(json, shape, 3).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(!error.to_string().contains('\n'));
    };
    refused(
        json!({ "kind": "linear", "code_size": 4, "block": 2 }),
        "block",
    );
    let of = json!({ "kind": "conv", "channels": [4] });
    refused(
        json!({ "kind": "denoising", "corruption": { "kind": "block", "size": 9 }, "of": of }),
        "corruption.size",
    );
    refused(
        json!({ "kind": "denoising", "corruption": { "kind": "block", "size": 4 }, "residual": true, "fill_holes": true, "of": of }),
        "fill_holes",
    );
    refused(
        json!({ "kind": "conv", "channels": [4, 4, 4, 4] }),
        "channels",
    );
    let error = config(of.clone())
        .plan_for(shape, &Range::Clip(5))
        .unwrap_err();
    assert_eq!(error.found, "found clips of 5 frames in 24 rows");
    assert!(config(of.clone()).plan_for(shape, &Range::Clip(0)).is_err());
    let network = model(of.clone(), shape, 3);
    assert!(network.for_images(&config(of), [3, 48, 8]).is_err());
}
