//! Tests of what all kinds share, for any config: shapes, layers, refusals and verbs.

use burn::tensor::activation::sigmoid as logistic;
use proptest::prelude::*;
use proptest::sample::{Select, select};
use serde_json::{Value, json};

use super::*;
use crate::config::Activation;
use crate::fixtures::{SILENCE, assert_close, config, device, host, model, pictures};
use crate::shape::levels;
use crate::weights;

/// Networks are small, but every case builds one and runs it.
fn few(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const ACTIVATIONS: [&str; 7] = [
    "relu",
    "leaky_relu",
    "gelu",
    "silu",
    "elu",
    "tanh",
    "sigmoid",
];

fn activations() -> Select<&'static str> {
    select(ACTIVATIONS.to_vec())
}

fn code_activations() -> Select<&'static str> {
    select([&["none"], &ACTIVATIONS[..]].concat())
}

/// An image's shape and a depth that it can be halved to.
fn images() -> impl Strategy<Value = (ImageShape, usize)> {
    let shape = (select(vec![1, 3]), 1..=40usize, 1..=40usize);
    let halvable = shape.prop_filter("one pixel", |&(_, height, width)| height * width > 1);
    halvable.prop_flat_map(|(channels, height, width)| {
        let depths = 1..=crate::shape::max_depth(height, width);
        depths.prop_map(move |depth| ([channels, height, width], depth))
    })
}

/// A convolutional model that can work, and the shape of its images.
fn working_conv() -> impl Strategy<Value = (Value, ImageShape)> {
    let ways = (
        select(vec![1, 3, 5]),
        select(vec!["max", "average", "stride", "unshuffle"]),
        select(vec!["nearest", "transposed", "shuffle"]),
        activations(),
        code_activations(),
        any::<bool>(),
        prop::option::of((1..=4usize, prop::collection::vec(1..=5usize, 0..=2))),
        1..=3usize,
    );
    images().prop_flat_map(move |(input, depth)| {
        let widths = |length| prop::collection::vec(1..=3usize, length);
        let decoder = prop::option::of(widths(depth - 1));
        let all = (widths(depth), decoder, ways.clone());
        all.prop_map(move |(channels, decoder, ways)| {
            let (kernel, down, up, activation, code_activation, norm, code, convolutions) = ways;
            let (code_size, layers) = code.unzip();
            let json = json!({
                "kind": "conv", "channels": channels, "decoder": decoder, "kernel": kernel,
                "downsample": down, "upsample": up, "activation": activation,
                "code_activation": code_activation, "batch_norm": norm, "code_size": code_size,
                "layers": layers.unwrap_or_default(), "convolutions": convolutions,
            });
            (json, input)
        })
    })
}

/// A dense model that can work, and the shape of its images.
fn working_dense() -> impl Strategy<Value = (Value, ImageShape)> {
    let widths = || prop::collection::vec(1..=5usize, 0..=3);
    let own = prop::option::of(widths());
    let shape = (select(vec![1, 3]), 1..=40usize, 1..=40usize);
    let all = (
        widths(),
        own,
        any::<bool>(),
        activations(),
        code_activations(),
        1..=4usize,
        shape,
    );
    all.prop_map(
        |(layers, own, tied, activation, code_activation, code_size, (c, h, w))| {
            let decoder = if tied { None } else { own };
            let json = json!({
                "kind": "dense", "layers": layers, "decoder": decoder, "tied": tied,
                "activation": activation, "code_activation": code_activation,
                "code_size": code_size,
            });
            (json, [c, h, w])
        },
    )
}

/// Checks that a model is what its layers say, and gives back the shape that it took.
fn is_as_listed(json: &Value, input: ImageShape) -> Result<(), TestCaseError> {
    let layers = config(json.clone()).layers(input).unwrap();
    let model = model(json.clone(), input, 1);
    let x = pictures(2, input, 0);

    // Every layer of the encoder gives what its line says.
    let names: Vec<String> = layers.iter().map(Layer::name).collect();
    let code = names.iter().position(|name| name == "code").unwrap();
    prop_assert_eq!(model.depth(), code + 1);
    for (i, layer) in layers[..=code].iter().enumerate() {
        let units: usize = layer.output.iter().product();
        prop_assert_eq!(
            model.encode_to(x.clone(), i).dims(),
            [2, units],
            "{}",
            layer.name()
        );
        prop_assert_eq!(model.encoder_layer(&layer.name()), Some(i));
        prop_assert_eq!(model.encoder_layer(&i.to_string()), Some(i));
    }

    for beyond in ["encoder", "narrow"] {
        let known = names.iter().filter(|name| name.starts_with(beyond)).count();
        prop_assert_eq!(model.encoder_layer(&format!("{beyond}.{known}")), None);
    }

    // The picture comes back in its own shape, with values in [0, 1].
    let codes = model.encode(x.clone());
    prop_assert_eq!(codes.dims()[1], layers.code_size());
    let logits = model.decode_raw(codes.clone());
    prop_assert_eq!(logits.dims(), x.dims());
    let restored = model.decode(codes).unwrap();
    prop_assert_eq!(restored.dims(), x.dims());
    prop_assert!(host(&restored).iter().all(|v| (0.0..=1.0).contains(v)));
    let last = layers.last().unwrap();
    prop_assert_eq!(&last.output, &input.to_vec());
    prop_assert_eq!(last.activation(), Some(Activation::Sigmoid));

    // Each layer has as many parameters as its line says.
    let mut counted = vec![0; layers.len()];
    for parameter in weights::names(&model) {
        if parameter.name.contains("running_") {
            continue;
        }
        let of = parameter.name.replace("decoder_bias.", "decoder.") + ".";
        let at = |name: &str| of.starts_with(&format!("{name}."));
        // The last layer of the encoder is the code, under its own name or in its place.
        let known = names.iter().position(|name| at(name));
        let layer = known.or(at(&format!("encoder.{code}")).then_some(code));
        prop_assert!(layer.is_some(), "{} belongs to no layer", parameter.name);
        counted[layer.unwrap()] += parameter.shape.iter().product::<usize>();
    }
    let listed: Vec<usize> = layers.iter().map(Layer::parameters).collect();
    prop_assert_eq!(counted, listed);

    let ratio = input.iter().product::<usize>() as f64 / layers.code_size() as f64;
    prop_assert_eq!(layers.compression_ratio(input), ratio);
    Ok(())
}

proptest! {
    #![proptest_config(few(64))]

    #[test]
    fn any_convolutional_network_is_as_listed((json, input) in working_conv()) {
        is_as_listed(&json, input)?;
    }

    #[test]
    fn any_dense_network_is_as_listed((json, input) in working_dense()) {
        is_as_listed(&json, input)?;
    }

    /// The maps between the input and the code are those of [`levels`], down and up.
    #[test]
    fn maps_are_halved_and_doubled((json, input) in working_conv()) {
        let layers = config(json).layers(input).unwrap();
        let maps: Vec<[usize; 2]> = layers
            .iter()
            .filter(|layer| layer.output.len() == 3)
            .map(|layer| [layer.output[1], layer.output[2]])
            .collect();
        let depth = layers.iter().filter(|layer| layer.name().starts_with("decoder.")).count();
        let down = levels(input[1], input[2], depth).unwrap();
        let expanded = layers.iter().any(|layer| layer.name() == "expand");
        let mut expected = down[1..].to_vec();
        expected.extend(expanded.then_some(down[depth]));
        expected.extend(down[..depth].iter().rev());
        prop_assert_eq!(maps, expected);
    }
}

/// A model with anything that the types allow, sensible or not, under any wrappers.
fn anything() -> impl Strategy<Value = Value> {
    let widths = |longest| prop::collection::vec(0..=3usize, 0..=longest);
    let dense = (
        widths(3),
        0..=3usize,
        prop::option::of(widths(3)),
        any::<bool>(),
        code_activations(),
    )
        .prop_map(|(layers, code_size, decoder, tied, code_activation)| {
            json!({
                "kind": "dense", "layers": layers, "code_size": code_size, "decoder": decoder,
                "tied": tied, "code_activation": code_activation,
            })
        });
    let conv = (
        widths(4),
        0..=5usize,
        prop::option::of(0..=3usize),
        prop::option::of(widths(4)),
        (code_activations(), widths(2)),
    )
        .prop_map(
            |(channels, kernel, code_size, decoder, (code_activation, layers))| {
                json!({
                    "kind": "conv", "channels": channels, "kernel": kernel, "code_size": code_size,
                    "decoder": decoder, "code_activation": code_activation, "layers": layers,
                })
            },
        );
    let penalty = prop_oneof![
        Just(json!({ "kind": "l1" })),
        Just(json!({ "kind": "kl" })),
        (0..=20usize).prop_map(|k| json!({ "kind": "top_k", "k": k })),
    ];
    let corruption = select(vec![
        json!("gaussian"),
        json!({ "kind": "masking", "probability": [0.5, 0.1] }),
        json!({ "kind": "salt_and_pepper", "probability": [0.1, 0.5] }),
        json!({ "kind": "speckle", "std": [0, 1] }),
        json!({ "kind": "block", "size": [2, [1, 3]] }),
        json!({ "kind": "blur", "sigma": [0, 2] }),
        json!(["blur", "downscale"]),
        json!(["grayscale", "gaussian"]),
    ]);
    let corruption = (corruption, any::<bool>());
    prop_oneof![dense, conv].prop_recursive(3, 4, 1, move |of| {
        prop_oneof![
            (penalty.clone(), of.clone()).prop_map(
                |(penalty, of)| json!({ "kind": "sparse", "penalty": penalty, "of": of })
            ),
            (corruption.clone(), of).prop_map(|((corruption, residual), of)| json!({
                "kind": "denoising", "corruption": corruption, "residual": residual, "of": of,
            })),
        ]
    })
}

proptest! {
    #![proptest_config(few(300))]

    /// Whatever is not refused works; what is refused names a key that the config has.
    #[test]
    fn no_config_panics(
        json in anything(),
        channels in select(vec![1, 3]),
        height in 1..=6usize,
        width in 1..=6usize,
    ) {
        let (config, input) = (config(json), [channels, height, width]);
        let built = config.init(input, 1, &device());
        let layers = config.layers(input);
        let (model, layers) = match (built, layers) {
            (Ok(model), Ok(layers)) => (model, layers),
            (Err(error), Err(same)) => {
                prop_assert_eq!(&error, &same);
                let pointer = format!("/{}", error.key.replace('.', "/"));
                let written = serde_json::to_value(&config).unwrap();
                prop_assert!(written.pointer(&pointer).is_some(), "{}", error.key);
                prop_assert!(!error.found.is_empty() && !error.allowed.is_empty());
                return Ok(());
            }
            _ => return Err(TestCaseError::fail("layers() and init() disagree")),
        };
        let clean = pictures(2, input, 0);
        let noisy = model.corrupt(clean.clone(), Noise::Host { seed: 1 });
        prop_assert_eq!(&noisy.dims()[1..], &model.input_shape()[..]);
        let losses = model.loss(noisy, clean.clone(), Loss::Bce, SILENCE);
        prop_assert!(host(&losses.total)[0].is_finite());
        losses.total.backward();
        let code = model.encode(model.clean_input(clean));
        prop_assert_eq!(code.dims(), [2, layers.code_size()]);
    }

    #[test]
    fn a_config_survives_json(json in anything()) {
        let config = config(json);
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
    }
}

#[test]
fn the_verbs_agree_with_each_other() {
    let input = [1, 6, 5];
    let of = json!({ "kind": "conv", "channels": [2, 3], "code_size": 4 });
    let top = json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": of });
    for json in [of, top] {
        let model = model(json, input, 1);
        assert_eq!(model.output_shape(), input);
        assert_eq!(model.depth(), 3);
        let x = pictures(3, input, 0);
        let code = model.encode(x.clone());
        for last in [2, 3, 100, usize::MAX] {
            assert_eq!(host(&model.encode_to(x.clone(), last)), host(&code));
        }
        let logits = model.decode_raw(code.clone());
        assert_eq!(
            host(&model.decode(code).unwrap()),
            host(&logistic(logits.clone()))
        );
        assert_eq!(
            host(&model.forward(x.clone())),
            host(&logistic(logits.clone()))
        );
        for loss in [Loss::Mse, Loss::Bce] {
            let expected = host(&loss.forward(logits.clone(), x.clone()));
            let losses = model.loss(x.clone(), x.clone(), loss, SILENCE);
            assert_eq!(host(&losses.reconstruction), expected);
            assert_eq!(host(&losses.total), expected);
        }
    }
}

/// One picture's code must not depend on the pictures that happen to be in its batch.
#[test]
fn pictures_are_encoded_each_by_itself() {
    let input = [3, 7, 6];
    for json in [
        json!({ "kind": "dense", "layers": [8], "code_size": 4 }),
        json!({ "kind": "conv", "channels": [4, 5], "code_size": 4, "batch_norm": true }),
    ] {
        let model = model(json, input, 1).valid();
        let all = pictures(3, input, 0).without_autodiff();
        let together = host(&model.forward(all.clone()));
        for i in 0..3 {
            let alone = model.forward(all.clone().narrow(0, i, 1));
            let size = together.len() / 3;
            let expected = together[i * size..(i + 1) * size].iter().map(|&v| v.into());
            // Another batch size may add in another order.
            assert_close(
                &host(&alone),
                &expected.collect::<Vec<_>>(),
                1e-6,
                "picture",
            );
        }
    }
}

/// What a unit gives to a pixel is what its output gains from it.
#[test]
fn filters_are_the_first_layers_weights_in_the_shape_of_pictures() {
    let input = [3, 2, 5];
    let json = json!({ "kind": "dense", "layers": [], "code_size": 4 });
    let network = model(json, input, 1);
    let filters = network.filters().unwrap();
    assert_eq!(filters.dims(), [4, 3, 2, 5]);
    let weights = host(&filters);
    let black = pictures(1, input, 0).zeros_like();
    for pixel in [0, 7, 29] {
        let mut values = vec![0.0; 30];
        values[pixel] = 1.0;
        let lit = Tensor::from_data(TensorData::new(values, [1, 3, 2, 5]), &device());
        let gains = network.encode(lit) - network.encode(black.clone());
        let expected: Vec<f64> = (0..4)
            .map(|unit| weights[unit * 30 + pixel].into())
            .collect();
        assert_close(&host(&gains), &expected, 1e-6, "filter");
    }
    let of = json!({ "kind": "conv", "channels": [4, 5], "kernel": 5, "batch_norm": true });
    let json = json!({ "kind": "sparse", "penalty": "l1", "of": of });
    assert_eq!(
        model(json, input, 1).filters().unwrap().dims(),
        [4, 3, 5, 5]
    );
}

#[test]
fn an_error_names_key_finding_and_remedy() {
    let of = json!({ "kind": "conv", "channels": [2, 3, 4] });
    let json = json!({ "kind": "denoising", "corruption": "masking", "of": of });
    let error = config(json).layers([1, 4, 3]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "of.channels: found 3 levels for images of 4x3 pixels; allowed: at most 2: each level halves the map"
    );
}

#[test]
fn kinds_are_named_from_the_outside_in() {
    let dense = json!({ "kind": "dense", "layers": [], "code_size": 1 });
    let denoising = json!({ "kind": "denoising", "corruption": "speckle", "of": dense });
    let sparse = json!({ "kind": "sparse", "penalty": "l1", "of": denoising });
    assert_eq!(config(dense).kind(), "dense");
    assert_eq!(config(sparse).kind(), "sparse(denoising(dense))");
}

#[test]
fn a_code_may_be_larger_than_the_image() {
    let json = json!({ "kind": "dense", "layers": [], "code_size": 12 });
    let layers = config(json).layers([1, 2, 3]).unwrap();
    assert_eq!(layers.code_size(), 12);
    assert_eq!(layers.compression_ratio([1, 2, 3]), 0.5);
}
