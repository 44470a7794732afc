//! Tests of the convolutional autoencoder: its layers and whole networks against PyTorch, its
//! shapes, and the order of activation and pooling.

use burn::module::Param;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use serde_json::{Value, json};

use burn::nn::conv::{Conv2d, ConvTranspose2dConfig};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::*;
use crate::block::{average_pool, max_pool};
use crate::fixtures::{
    Case, SILENCE, assert_close, cases, config, device, gradients, host, model, named, pictures,
    transpose,
};
use crate::layer::Body;
use crate::weights;
use crate::{Autoencoder, ImageShape, Loss};
use kernels::Activation as Fused;

/// Some hundred products of size one are summed in f32 for a value.
const TOLERANCE: f64 = 1e-5;

fn build(mut json: Value, input: ImageShape) -> Autoencoder {
    json["kind"] = "conv".into();
    model(json, input, 1)
}

fn conv(model: &Autoencoder) -> &Conv {
    match &model.network {
        Network::Conv(conv) => conv,
        Network::Dense(_) => panic!("a dense network"),
    }
}

fn layers(json: Value, input: ImageShape) -> Layers {
    let config: ConvConfig = serde_json::from_value(json).unwrap();
    config.plan(Ends::of(input)).unwrap().layers
}

fn learned<const D: usize>(case: &Case, name: &str) -> Param<Tensor<D>> {
    Param::from_tensor(case.tensor(&format!("parameters/{name}")))
}

/// Height and width of a case's tensor.
fn size(case: &Case, path: &str) -> [usize; 2] {
    let shape = case.shape(path);
    [shape[2], shape[3]]
}

#[test]
fn the_encoders_convolutions_are_those_of_pytorch() {
    for case in cases("conv2d.json") {
        let [inputs, outputs] = case.counts("channels")[..] else {
            panic!("two channels")
        };
        let [height, width] = size(&case, "inputs/input");
        let stride = case.count("stride");
        let downsample = if stride == 2 { "stride" } else { "max" };
        let network = build(
            json!({ "channels": [outputs], "kernel": case.count("kernel"), "downsample": downsample }),
            [inputs, height, width],
        );
        let mut conv = self::conv(&network).encoder[0].main.conv.clone().unwrap();
        conv.weight = learned(&case, "weight");
        conv.bias = Some(learned(&case, "bias"));
        let (weight, bias) = (conv.weight.val(), learned_bias(&conv.bias));
        let x: Tensor<4> = case.leaf("inputs/input");
        let leaves = [("input", &x), ("weight", &weight)];
        let grads = case.check_layer(conv.forward(x.clone()), &leaves, TOLERANCE);
        case.check("gradients/bias", &bias.grad(&grads).unwrap(), TOLERANCE);
    }
}

fn learned_bias(bias: &Option<Param<Tensor<1>>>) -> Tensor<1> {
    bias.as_ref().unwrap().val()
}

/// Ours where the kernel is odd and the stride two; Burn's with the same options otherwise.
#[test]
fn transposed_convolutions_are_those_of_pytorch() {
    let mut of_ours = 0;
    for case in cases("conv_transpose2d.json") {
        let [inputs, outputs] = case.counts("channels")[..] else {
            panic!("two channels")
        };
        let [height, width] = size(&case, "output");
        let (kernel, stride) = (case.count("kernel"), case.count("stride"));
        let mut conv = if kernel % 2 == 1 && stride == 2 {
            of_ours += 1;
            let network = build(
                json!({ "channels": [inputs], "kernel": kernel, "upsample": "transposed" }),
                [outputs, height, width],
            );
            self::conv(&network).decoder[0]
                .main
                .transposed
                .clone()
                .unwrap()
        } else {
            let (padding, extra) = (case.count("padding"), case.count("output_padding"));
            ConvTranspose2dConfig::new([inputs, outputs], [kernel, kernel])
                .with_stride([stride, stride])
                .with_padding([padding, padding])
                .with_padding_out([extra, extra])
                .init(&device())
        };
        conv.weight = learned(&case, "weight");
        conv.bias = Some(learned(&case, "bias"));
        let (weight, bias) = (conv.weight.val(), learned_bias(&conv.bias));
        let x: Tensor<4> = case.leaf("inputs/input");
        let leaves = [("input", &x), ("weight", &weight)];
        let grads = case.check_layer(conv.forward(x.clone()), &leaves, TOLERANCE);
        case.check("gradients/bias", &bias.grad(&grads).unwrap(), TOLERANCE);
    }
    assert!(of_ours >= 2);
}

/// Whole layers of a model of series, the fused ones among them.
#[test]
fn layers_of_series_are_those_of_pytorch() {
    let device = device();
    for case in cases("conv1d.json") {
        let [inputs, outputs] = case.counts("channels")[..] else {
            panic!("two channels")
        };
        let way = case.option("way").as_str().unwrap();
        let of_encoder = way == "downsample";
        let (path, channels, deep) = match of_encoder {
            true => ("inputs/input", inputs, outputs),
            false => ("output", outputs, inputs),
        };
        let [_, length] = size(&case, path);
        let keys =
            json!({ "kernel": case.count("kernel"), way: case.option("by"), "channels": [deep] });
        let layers = layers(keys, [channels, 1, length]);
        let layer = match of_encoder {
            true => layers.code(),
            false => &layers.decoder()[0],
        };
        let mut block = match of_encoder {
            true => Block::encoder(&layer.operations, &device),
            false => Block::decoder(&layer.operations, &device),
        };
        let weight = learned::<4>(&case, "weight");
        let bias = learned::<1>(&case, "bias");
        let leaves = (weight.val(), bias.val());
        match (&mut block.main.conv, &mut block.main.transposed) {
            (Some(conv), _) => (conv.weight, conv.bias) = (weight, Some(bias)),
            (_, Some(conv)) => (conv.weight, conv.bias) = (weight, Some(bias)),
            _ => panic!("a layer without a convolution"),
        }
        let x: Tensor<4> = case.leaf("inputs/input");
        let y = block.forward(&layer.operations, x.clone(), 1);
        let grads = case.check_layer(y, &[("input", &x), ("weight", &leaves.0)], TOLERANCE);
        case.check("gradients/bias", &leaves.1.grad(&grads).unwrap(), TOLERANCE);
    }
}

/// Every way down and up gives back the length, and halves nothing but it.
#[test]
fn series_come_back_in_their_length() {
    for (down, up) in [
        ("max", "nearest"),
        ("average", "transposed"),
        ("stride", "shuffle"),
        ("unshuffle", "shuffle"),
    ] {
        for length in [2, 3, 7, 100, 140] {
            let depth = crate::shape::max_depth(1, length).min(3);
            let json = json!({
                "channels": vec![4; depth], "kernel": 7, "downsample": down, "upsample": up,
                "batch_norm": true, "convolutions": 2,
            });
            let network = build(json, [3, 1, length]);
            let x = pictures(3, [3, 1, length], 1);
            assert_eq!(network.forward(x).dims(), [3, 3, 1, length]);
            let weights = named_shapes(&network);
            assert!(
                weights.iter().all(|shape| shape[2..] == [1, 7]),
                "{weights:?}"
            );
        }
    }
}

/// Shapes of all convolutions' weights.
fn named_shapes(network: &Autoencoder) -> Vec<[usize; 4]> {
    let conv = conv(network);
    let blocks = conv.encoder.iter().chain(&conv.decoder);
    let levels = blocks.flat_map(|it| it.before.iter().chain([&it.main]).chain(&it.after));
    levels
        .map(|level| match (&level.conv, &level.transposed) {
            (Some(conv), _) => conv.weight.val().dims(),
            (_, Some(conv)) => conv.weight.val().dims(),
            _ => panic!("a level without a convolution"),
        })
        .collect()
}

/// The one number of a block is a gap's length; squares and colours are refused, and so are pictures.
#[test]
fn series_are_damaged_and_refused_as_series() {
    let conv = json!({ "kind": "conv", "channels": [4, 4] });
    let of = |corruption: Value| {
        config(json!({ "kind": "denoising", "corruption": corruption, "of": conv }))
    };
    let shape = [3, 1, 20];
    for corruption in [
        json!("gaussian"),
        json!("masking"),
        json!("salt_and_pepper"),
        json!({ "kind": "block", "size": 5 }),
        json!({ "kind": "block", "size": [1, [2, 5]] }),
        json!("blur"),
        json!("downscale"),
    ] {
        let model = of(corruption).init(shape, 1, &device()).unwrap();
        let damaged = model.corrupt(pictures(2, shape, 1), crate::Noise::Host { seed: 1 });
        assert_eq!(damaged.dims(), [2, 3, 1, 20]);
        assert!(host(&damaged).iter().all(|it| (0.0..=1.0).contains(it)));
        let loss = model.loss(damaged, pictures(2, shape, 1), Loss::Mse, SILENCE);
        assert!(host(&loss.total)[0].is_finite());
    }
    assert!(of(json!("grayscale")).plan(shape).is_err());
    let linear = json!({ "kind": "linear", "code_size": 4, "block": 2 });
    assert!(config(linear).plan(shape).is_err());
    let series = config(conv.clone());
    let model = series.init(shape, 1, &device()).unwrap();
    assert!(model.for_images(&series, [3, 1, 33]).is_ok());
    assert!(model.for_images(&series, [3, 12, 20]).is_err());
    let picture = series.init([3, 12, 20], 1, &device()).unwrap();
    let of_one_row = picture.for_images(&series, shape).unwrap();
    assert_eq!(
        of_one_row.forward(pictures(2, shape, 1)).dims(),
        [2, 3, 1, 20]
    );
}

/// Pooling that rounds up is ours, with the border repeated; pooling that rounds down is Burn's.
#[test]
fn pools_are_those_of_pytorch() {
    let average = |x| avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
    let floor = |x| max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
    for case in cases("max_pool2d.json") {
        let x: Tensor<4> = case.leaf("inputs/input");
        let even = case.name().ends_with("/even");
        let pooled = if even || case.option("ceil_mode") == true {
            max_pool(x.clone())
        } else {
            floor(x.clone())
        };
        // A maximum is chosen, not computed.
        case.check_layer(pooled, &[("input", &x)], 1e-9);
    }
    for case in cases("avg_pool2d.json") {
        let x: Tensor<4> = case.leaf("inputs/input");
        let even = case.name().ends_with("/even");
        let pooled = if even || case.option("ceil_mode") == true {
            average_pool(x.clone(), [2, 2])
        } else {
            average(x.clone())
        };
        case.check_layer(pooled, &[("input", &x)], 1e-6);
    }
}

/// Doubling with a cropped border is ours, here before a convolution that changes nothing; other
/// sizes are Burn's.
#[test]
fn nearest_up_sampling_is_that_of_pytorch() {
    let mut of_ours = 0;
    for case in cases("upsample_nearest2d.json") {
        let x: Tensor<4> = case.leaf("inputs/input");
        let [height, width] = size(&case, "inputs/input");
        let [rows, columns] = size(&case, "output");
        assert_eq!(case.counts("size"), [rows, columns]);
        let larger = if [rows.div_ceil(2), columns.div_ceil(2)] == [height, width] {
            of_ours += 1;
            let channels = x.dims()[1];
            let same = Tensor::<2>::eye(channels, &x.device()).reshape([channels, channels, 1, 1]);
            let bias = Tensor::zeros([channels], &x.device());
            kernels::upsample_conv2d(x.clone(), same, bias, Fused::None, [rows, columns])
        } else {
            let options = InterpolateOptions::new(InterpolateMode::Nearest);
            interpolate(x.clone(), options.with_output_size([rows, columns]))
        };
        case.check_layer(larger, &[("input", &x)], 1e-6);
    }
    assert!(of_ours >= 3);
}

#[test]
fn batch_normalisation_is_that_of_pytorch() {
    for case in cases("batch_norm.json") {
        let channels = case.shape("parameters/weight")[0];
        let [height, width] = size(&case, "inputs/input");
        let network = build(
            json!({ "channels": [channels], "batch_norm": true }),
            [1, height, width],
        );
        let mut norm = conv(&network).encoder[0].main.norm.clone().unwrap();
        norm.gamma = learned(&case, "weight");
        norm.beta = learned(&case, "bias");
        norm.running_mean = burn::module::RunningState::new(case.tensor("running/mean"));
        norm.running_var = burn::module::RunningState::new(case.tensor("running/variance"));
        if case.option("training") == false {
            // Evaluation normalises by the running statistics and, without gradients, changes none.
            let norm = norm.valid();
            let x: Tensor<4> = case.tensor("inputs/input");
            let output = norm.forward(x.without_autodiff());
            case.check("output", &output, TOLERANCE);
            let after = norm.running_mean.value_sync();
            case.check("running_after/mean", &after, TOLERANCE);
            continue;
        }
        let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
        let x: Tensor<4> = case.leaf("inputs/input");
        let grads = case.check_layer(norm.forward(x.clone()), &[("input", &x)], TOLERANCE);
        case.check("gradients/weight", &gamma.grad(&grads).unwrap(), TOLERANCE);
        case.check("gradients/bias", &beta.grad(&grads).unwrap(), TOLERANCE);
        let mean = norm.running_mean.value_sync();
        case.check("running_after/mean", &mean, TOLERANCE);
        // PyTorch lets the unbiased variance of the batch (divided by n - 1) run into the average,
        // Burn the one that it normalises by (divided by n): of 24 values here, of thousands in a
        // training, where the difference is lost.
        let n = case.values("inputs/input").len() as f64 / channels as f64;
        let before = case.values("running/variance");
        let after = case.values("running_after/variance").into_iter();
        let expected: Vec<f64> = (after.zip(before))
            .map(|(after, before)| 0.9 * before + (after - 0.9 * before) * (n - 1.0) / n)
            .collect();
        let variance = host(&norm.running_var.value_sync());
        assert_close(&variance, &expected, TOLERANCE, "running variance");
    }
}

/// The fixture's layers under the names that they have here.
fn renamed(name: &str) -> String {
    let (layer, parameter) = name.rsplit_once('.').unwrap();
    let layer = match layer {
        "encoder.2" => "code",
        "decoder.0" => "expand",
        "decoder.1" => "decoder.0.conv",
        "decoder.2" => "decoder.1.conv",
        encoder => &format!("{encoder}.conv"),
    };
    format!("{layer}.{parameter}")
}

#[test]
fn a_whole_network_is_that_of_pytorch() {
    for case in cases("conv_ae.json") {
        let shape = case.shape("inputs/input");
        let input = [shape[1], shape[2], shape[3]];
        let json = json!({
            "kind": "conv", "channels": case.counts("channels"), "kernel": case.count("kernel"),
            "code_size": case.count("code_size"),
        });
        let network = model(json, input, 0);
        let network = weights::from_bytes(network, &case.safetensors(renamed)).unwrap();
        let x: Tensor<4> = case.tensor("inputs/input");
        let code = network.encode(x.clone());
        case.check("outputs/code", &code, TOLERANCE);
        case.check("outputs/logits", &network.decode_raw(code), TOLERANCE);
        for loss in [Loss::Mse, Loss::Bce] {
            let leaf: Tensor<4> = case.leaf("inputs/input");
            let losses = network.loss(leaf.clone(), x.clone(), loss, SILENCE);
            let at = format!("losses/{}", loss.name());
            let value = f64::from(host(&losses.total)[0]);
            assert!((value - case.value(&format!("{at}/value"))).abs() < 1e-6);
            let grads = losses.total.backward();
            let found = gradients(&network, &grads);
            for name in case.names("parameters") {
                let path = format!("{at}/gradients/{name}");
                // The last convolution's weights are not transposed; the dense ones are.
                let expected = if case.shape(&path).len() == 2 {
                    transpose(&case.values(&path), case.shape(&path)[0])
                } else {
                    case.values(&path)
                };
                let what = format!("{}: {path}", case.name());
                let actual = named(&found, &renamed(&name));
                assert_close(actual, &expected, 1e-6, &what);
            }
            let grad = leaf.grad(&grads).unwrap();
            case.check(&format!("{at}/gradients/input"), &grad, 1e-6);
        }
    }
}

/// Max-pooling and a function that never falls can change places, and the encoder makes use of it;
/// with GELU and SiLU, which fall first, it must not.
#[test]
fn pooling_comes_after_the_activation_or_might_as_well() {
    let input = [1, 7, 6];
    for activation in [
        "relu",
        "leaky_relu",
        "elu",
        "tanh",
        "sigmoid",
        "gelu",
        "silu",
    ] {
        for (key, layers) in [("activation", 2), ("code_activation", 1)] {
            let mut json = json!({ "channels": vec![3; layers], "downsample": "max" });
            json[key] = activation.into();
            let network = build(json.clone(), input);
            // Away from zero on both sides, so that the order matters where it can.
            let x = pictures(4, input, 0) * 60.0 - 30.0;
            let word: Activation = serde_json::from_value(activation.into()).unwrap();
            let first = self::conv(&network).encoder[0].main.conv.as_ref();
            let conv = first.unwrap().forward(x.clone());
            let expected: Tensor<2> = max_pool(word.apply(conv.clone())).flatten(1, 3);
            let actual = host(&network.encode_to(x, 0));
            let apart = |other: &[f32]| {
                let pairs = actual.iter().zip(other);
                pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            };
            // Values up to about 30, and sums that Winograd's transforms round in another order.
            assert!(apart(&host(&expected)) < 1e-4, "{activation}");
            let other_order: Tensor<2> = word.apply(max_pool(conv)).flatten(1, 3);
            if !crate::activation::fused(Some(word)).from_output() {
                assert!(apart(&host(&other_order)) > 1e-3, "{activation}");
            }
        }
    }
}

#[test]
fn a_map_code_takes_the_hidden_activation_unless_it_has_its_own() {
    let code = |json: Value| {
        let network = model(json, [1, 6, 6], 3);
        host(&network.encode(pictures(4, [1, 6, 6], 0)))
    };
    let conv = |code_activation: &str| {
        json!({
            "kind": "conv", "channels": [4], "activation": "tanh",
            "code_activation": code_activation, "downsample": "stride",
        })
    };
    let tanh = code(conv("none"));
    assert_eq!(tanh, code(conv("tanh")));
    let sigmoid = code(conv("sigmoid"));
    for (t, s) in tanh.iter().zip(&sigmoid) {
        // sigmoid(x) = (1 + tanh(x / 2)) / 2, so with t = tanh(x): x = atanh(t).
        let expected = (1.0 + (t.atanh() / 2.0).tanh()) / 2.0;
        assert!((s - expected).abs() < 1e-5);
    }
    assert!(tanh.iter().any(|&t| t < 0.0));
}

#[test]
fn an_odd_border_is_pooled_by_itself() {
    let values: Vec<f32> = (0..9).map(|v| v as f32).collect();
    let x = Tensor::from_data(TensorData::new(values, [1, 1, 3, 3]), &device());
    assert_eq!(host(&max_pool(x.clone())), [4.0, 5.0, 7.0, 8.0]);
    assert_eq!(host(&average_pool(x, [2, 2])), [2.0, 3.5, 6.5, 8.0]);
}

fn refusal(json: Value, input: ImageShape) -> (String, String) {
    let error = config(json).layers(input).unwrap_err();
    (error.key, error.found)
}

#[test]
fn configs_that_cannot_work_are_refused_with_their_key() {
    let input = [1, 8, 8];
    let conv = |json: Value| {
        let mut conv = json!({ "kind": "conv", "channels": [2, 3] });
        conv.as_object_mut()
            .unwrap()
            .extend(json.as_object().unwrap().clone());
        refusal(conv, input)
    };
    assert_eq!(conv(json!({ "channels": [] })).0, "channels");
    assert_eq!(conv(json!({ "channels": [2, 0] })).0, "channels.1");
    assert_eq!(conv(json!({ "kernel": 4 })).0, "kernel");
    assert_eq!(conv(json!({ "kernel": 0 })).0, "kernel");
    assert_eq!(conv(json!({ "decoder": [0] })).0, "decoder.0");
    assert_eq!(conv(json!({ "decoder": [3, 2] })).0, "decoder");
    assert_eq!(conv(json!({ "decoder": [] })).0, "decoder");
    assert_eq!(conv(json!({ "code_size": 0 })).0, "code_size");
    let deep = |layers: Value| conv(json!({ "code_size": 3, "layers": layers })).0;
    assert_eq!(deep(json!([4, 0])), "layers.1");
    assert_eq!(conv(json!({ "layers": [4] })).0, "layers");
    let (key, found) = conv(json!({ "channels": [2, 2, 2, 2] }));
    assert_eq!(key, "channels");
    assert!(found.contains("8x8"), "{found}");
}

#[test]
fn layers_say_what_computes_them() {
    use Body::{Composed, Fused, Partly};
    let bodies = |options: Value| -> Vec<Body> {
        let mut config = json!({ "channels": [4, 8], "kernel": 3, "code_size": 5 });
        for (key, value) in options.as_object().unwrap() {
            config[key] = value.clone();
        }
        let layers = layers(config, [1, 8, 8]);
        layers.iter().map(Layer::body).collect()
    };
    // Two levels down, code, expand, two levels up.
    assert_eq!(bodies(json!({})), [Fused; 6]);
    assert_eq!(bodies(json!({ "kernel": 5 })), [Fused; 6]);
    let seven = [Composed, Composed, Fused, Fused, Composed, Composed];
    assert_eq!(bodies(json!({ "kernel": 7 })), seven);
    // No activation on the logits: the last level is fused with any.
    let silu = [Partly, Partly, Fused, Fused, Partly, Fused];
    assert_eq!(bodies(json!({ "activation": "silu" })), silu);
    assert_eq!(bodies(json!({ "batch_norm": true })), silu);
    let average = [Partly, Partly, Fused, Fused, Fused, Fused];
    assert_eq!(bodies(json!({ "downsample": "average" })), average);
    let strides = [Composed, Composed, Fused, Fused, Composed, Composed];
    let options = json!({ "downsample": "stride", "upsample": "transposed" });
    assert_eq!(bodies(options), strides);
    let shuffled = json!({ "downsample": "unshuffle", "upsample": "shuffle" });
    assert_eq!(bodies(shuffled), [Fused; 6]);
    // A map as the code has its own function.
    let map = json!({ "code_size": null, "code_activation": "gelu" });
    assert_eq!(bodies(map), [Fused, Partly, Fused, Fused]);
}

/// With kernels that pick one channel, pixels that become channels and channels that become pixels give back
/// the picture itself, of odd sizes too, at any depth.
#[test]
fn what_is_unshuffled_and_shuffled_is_whole() {
    let json = json!({
        "channels": [12, 48], "kernel": 1, "downsample": "unshuffle", "upsample": "shuffle",
    });
    let input = [3, 7, 10];
    let layers: Vec<(String, Vec<usize>)> = (layers(json.clone(), input).iter())
        .map(|layer| (layer.kind(), layer.output.clone()))
        .collect();
    let expected = [
        ("unshuffle, conv 1x1 12 -> 12", vec![12, 4, 5]),
        ("unshuffle, conv 1x1 48 -> 48", vec![48, 2, 3]),
        ("conv 1x1 48 -> 48, shuffle", vec![12, 4, 5]),
        ("conv 1x1 12 -> 12, shuffle", vec![3, 7, 10]),
    ]
    .map(|(kind, output)| (kind.to_owned(), output));
    assert_eq!(layers, expected);
    let mut model = build(json, input);
    let Network::Conv(network) = &mut model.network else {
        panic!("a dense network")
    };
    let same = |conv: &mut Conv2d| {
        let channels = conv.weight.dims()[0];
        let eye = Tensor::<2>::eye(channels, &device()).reshape([channels, channels, 1, 1]);
        conv.weight = Param::from_tensor(eye);
        conv.bias = Some(Param::from_tensor(Tensor::zeros([channels], &device())));
    };
    let blocks = network.encoder.iter_mut().chain(&mut network.decoder);
    let convolutions = blocks.filter_map(|block| block.main.conv.as_mut());
    convolutions.for_each(same);
    // ReLU leaves what is not negative.
    let x = pictures(2, input, 0);
    let restored = model.decode_raw(model.encode(x.clone()));
    assert_eq!(host(&restored), host(&x));
}

/// Conv 1 -> 2 down to 2x2 maps, dense 8 -> 6 -> 3 -> 6 -> 8 and back: each dense layer by hand.
#[test]
fn dense_layers_stand_between_the_map_and_the_code() {
    let json = json!({ "channels": [2], "code_size": 3, "layers": [6] });
    let input = [1, 4, 4];
    let names: Vec<String> = (layers(json.clone(), input).iter())
        .map(|layer| format!("{} {}", layer.name(), layer.kind()))
        .collect();
    let expected = [
        "encoder.0 conv 3x3 1 -> 2, max-pool",
        "narrow.0 dense 8 -> 6",
        "code dense 6 -> 3",
        "widen.0 dense 3 -> 6",
        "expand dense 6 -> 8",
        "decoder.0 nearest x2, conv 3x3 2 -> 1",
    ];
    assert_eq!(names, expected);
    let network = build(json.clone(), input);
    let conv = conv(&network);
    let dense = |layer: &Linear, x: Tensor<2>| {
        let bias = layer.bias.as_ref().unwrap().val();
        x.matmul(layer.weight.val()) + bias.unsqueeze()
    };
    let relu = burn::tensor::activation::relu::<2>;
    let check = |found: &Tensor<2>, expected: &Tensor<2>, what: &str| {
        let expected: Vec<f64> = host(expected).into_iter().map(f64::from).collect();
        assert_close(&host(found), &expected, TOLERANCE, what);
    };
    let x = pictures(2, input, 3);
    let narrow = relu(dense(&conv.narrow[0], network.encode_to(x.clone(), 0)));
    check(&network.encode_to(x.clone(), 1), &narrow, "narrow");
    let code = dense(conv.code.as_ref().unwrap(), narrow);
    check(&network.encode_to(x, 2), &code, "code");
    let wide = relu(dense(&conv.widen[0], code.clone()));
    let map = relu(dense(conv.expand.as_ref().unwrap(), wide));
    let last = layers(json, input).last().unwrap().operations.clone();
    let logits = conv.decoder[0].forward(&last, map.reshape([2, 2, 2, 2]), 1);
    check(
        &network.decode_raw(code).flatten(1, 3),
        &logits.flatten(1, 3),
        "logits",
    );
}
