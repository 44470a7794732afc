//! Tests of denoising models: noise, chains, residual models and models of grey pictures.

use burn::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{SILENCE, assert_close, drawn_on_device, host, model, pictures};
use crate::range::{Category, Range};
use crate::{Autoencoder, Loss, Noise};

const INPUT: [usize; 3] = [1, 4, 5];

fn dense() -> Value {
    json!({ "kind": "dense", "layers": [6], "code_size": 5 })
}

fn denoising(corruption: Value, of: Value) -> Value {
    json!({ "kind": "denoising", "corruption": corruption, "of": of })
}

/// Corrupted by noise from the device, which had another seed before.
fn on_device(model: &Autoencoder, x: Tensor<4>, seed: u64) -> Vec<f32> {
    drawn_on_device(seed + 1000, || {
        host(&model.corrupt(x, Noise::Device { seed }))
    })
}

#[test]
fn noise_is_the_same_for_its_seed_and_fresh_for_another() {
    for corruption in [
        json!("gaussian"),
        json!("masking"),
        json!("salt_and_pepper"),
        json!("speckle"),
        json!({ "kind": "gaussian", "std": [0.1, 0.5] }),
        json!({ "kind": "blur", "sigma": [0.5, 2.0] }),
        json!({ "kind": "block", "size": [[1, 2], [2, 3]] }),
        json!(["downscale", "speckle"]),
    ] {
        let model = model(denoising(corruption.clone(), dense()), INPUT, 0);
        let x = pictures(8, INPUT, 0);
        let from_host = |seed| host(&model.corrupt(x.clone(), Noise::Host { seed }));
        let from_device = |seed| on_device(&model, x.clone(), seed);
        for draw in [&from_host as &dyn Fn(u64) -> Vec<f32>, &from_device] {
            let first = draw(1);
            assert_ne!(first, host(&x), "{corruption}");
            assert_ne!(first, draw(2), "{corruption}");
            assert_eq!(first, draw(1), "{corruption}");
            assert!(
                first.iter().all(|v| (0.0..=1.0).contains(v)),
                "{corruption}"
            );
        }
        assert!(model.is_denoising());
    }
}

#[test]
fn pictures_of_a_batch_get_noise_of_their_own() {
    let model = model(denoising("gaussian".into(), dense()), INPUT, 0);
    let same = Tensor::full([2, 1, 4, 5], 0.5, &crate::fixtures::device());
    let noisy = host(&model.corrupt(same, Noise::Host { seed: 1 }));
    assert_ne!(noisy[..20], noisy[20..]);
}

#[test]
fn without_a_corruption_nothing_is_changed() {
    let sparse = json!({ "kind": "sparse", "penalty": "l1", "of": dense() });
    for json in [dense(), sparse] {
        let model = model(json, INPUT, 0);
        assert!(!model.is_denoising());
        let x = pictures(3, INPUT, 0);
        let same = model.corrupt(x.clone(), Noise::Host { seed: 1 });
        assert_eq!(host(&same), host(&x));
        assert_eq!(on_device(&model, x.clone(), 1), host(&x));
    }
}

/// With one stream for both, the second mask would hit what the first has hit already.
#[test]
fn corruptions_inside_each_other_draw_apart() {
    let half = || json!({ "kind": "masking", "probability": 0.5 });
    let model = model(denoising(half(), denoising(half(), dense())), INPUT, 0);
    let ones = Tensor::ones([500, 1, 4, 5], &crate::fixtures::device());
    let left = |values: Vec<f32>| values.iter().sum::<f32>() / 10_000.0;
    let of_host = left(host(&model.corrupt(ones.clone(), Noise::Host { seed: 1 })));
    // Five standard errors of 10,000 values that are one with probability 1/4.
    assert!((of_host - 0.25).abs() < 0.022, "{of_host}");
    let of_device = left(on_device(&model, ones, 1));
    assert!((of_device - 0.25).abs() < 0.022, "{of_device}");
}

#[test]
fn the_outer_corruption_comes_first() {
    let salt = || json!({ "kind": "salt_and_pepper", "probability": 1.0 });
    let mask = || json!({ "kind": "masking", "probability": 1.0 });
    let x = pictures(3, INPUT, 0);
    let sum = |json: Value| {
        let noisy = model(json, INPUT, 0).corrupt(x.clone(), Noise::Host { seed: 1 });
        host(&noisy).iter().sum::<f32>()
    };
    assert_eq!(sum(denoising(salt(), denoising(mask(), dense()))), 0.0);
    assert!(sum(denoising(mask(), denoising(salt(), dense()))) > 10.0);
}

/// An array is the same as wrappers inside each other, and its order counts.
#[test]
fn a_chain_is_wrappers_inside_each_other() {
    let blur = || json!({ "kind": "blur", "sigma": 1 });
    let noise = || json!({ "kind": "masking", "probability": 0.3 });
    let block = || json!({ "kind": "block", "size": 2 });
    let x = pictures(3, INPUT, 0);
    let corrupted = |json: Value| {
        let model = model(json, INPUT, 0);
        let labels: Vec<String> = model.corruptions().iter().map(|it| it.label()).collect();
        let found = model.corrupt(x.clone(), Noise::Host { seed: 1 });
        (labels, host(&found))
    };
    let chain = corrupted(denoising(json!([blur(), noise(), block()]), dense()));
    assert_eq!(chain.0, ["blur 1", "masking 0.3", "block 2x2"]);
    let inner = denoising(json!([noise(), block()]), dense());
    assert_eq!(corrupted(denoising(blur(), inner)), chain);
    let other = corrupted(denoising(json!([noise(), blur(), block()]), dense()));
    assert_ne!(other.1, chain.1);
    // Nothing is exactly black where the blur comes last.
    let last = corrupted(denoising(json!([noise(), blur()]), dense())).1;
    assert!(chain.1.contains(&0.0) && !last.contains(&0.0));
}

#[test]
fn what_is_missing_is_marked() {
    let x = pictures(4, INPUT, 0) * 0.5 + 0.25;
    let marked = |json: Value| {
        let model = model(denoising(json, dense()), INPUT, 0);
        let noise = Noise::Host { seed: 1 };
        let (input, missing) = model.corrupt_marked(x.clone(), noise);
        assert_eq!(host(&model.corrupt(x.clone(), noise)), host(&input));
        (host(&input), missing.map(|missing| host(&missing)))
    };
    assert_eq!(marked(json!("downscale")).1, None);
    let block = || json!({ "kind": "block", "size": [2, 3] });
    let (input, missing) = marked(block());
    let missing = missing.unwrap();
    for (value, missing) in input.iter().zip(&missing) {
        assert_eq!(*value == 0.0, *missing == 1.0);
    }
    // Two holes together, and noise in them does not matter.
    let (input, both) = marked(json!([block(), block()]));
    let both = both.unwrap();
    let count = |mask: &[f32]| mask.iter().filter(|&&it| it == 1.0).count();
    assert!(count(&both) > count(&missing) && count(&both) <= 2 * count(&missing));
    let zeros = input.iter().filter(|&&it| it == 0.0).count();
    assert_eq!(zeros, count(&both));
    let (_, noisy) = marked(json!([block(), "gaussian"]));
    assert_eq!(noisy.unwrap(), missing);
}

const COLOUR: [usize; 3] = [3, 6, 5];

fn grayscale(residual: bool, of: Value) -> Value {
    json!({ "kind": "denoising", "corruption": "grayscale", "residual": residual, "of": of })
}

/// Grey in, colour out, whatever the network; noise after it has one channel.
#[test]
fn grayscale_models_see_one_channel_and_give_three() {
    let conv = json!({ "kind": "conv", "channels": [2, 3] });
    let top = json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": dense() });
    for of in [dense(), conv, top] {
        for residual in [false, true] {
            let json = json!({
                "kind": "denoising", "corruption": ["grayscale", "masking"],
                "residual": residual, "of": of,
            });
            let model = model(json, COLOUR, 1);
            assert_eq!(model.input_shape(), [1, 6, 5]);
            assert_eq!(model.output_shape(), COLOUR);
            let x = pictures(4, COLOUR, 0);
            let input = model.corrupt(x.clone(), Noise::Host { seed: 1 });
            assert_eq!(input.dims(), [4, 1, 6, 5]);
            let restored = model.forward(input.clone());
            assert_eq!(restored.dims(), x.dims());
            assert!(host(&restored).iter().all(|v| (0.0..=1.0).contains(v)));
            assert_eq!(model.as_image(input.clone()).dims(), x.dims());
            let total = model.loss(input, x.clone(), Loss::Mse, SILENCE).total;
            assert!(host(&total)[0].is_finite());
            // A clean picture is fed in grey.
            let clean = model.clean_input(x);
            assert_eq!(clean.dims(), [4, 1, 6, 5]);
            assert_eq!(model.forward(clean).dims(), [4, 3, 6, 5]);
        }
    }
}

#[test]
fn a_residual_model_adds_its_output_to_its_input() {
    let conv = json!({ "kind": "conv", "channels": [2, 3] });
    for (of, input) in [(dense(), INPUT), (conv.clone(), COLOUR)] {
        let plain = model(denoising("gaussian".into(), of.clone()), input, 3);
        let mut json = denoising("gaussian".into(), of);
        json["residual"] = true.into();
        let residual = model(json, input, 3);
        assert!(residual.is_residual() && !plain.is_residual());
        let x = pictures(3, input, 0);
        let code = plain.encode(x.clone());
        // The same weights: what the plain model takes for logits is the difference.
        let crate::Output::Logits(raw) = plain.output(code.clone(), x.clone()) else {
            panic!("a plain model gives logits");
        };
        let sum = host(&(raw + x.clone()));
        let clamped: Vec<f32> = sum.iter().map(|it| it.clamp(0.0, 1.0)).collect();
        assert_eq!(host(&residual.forward(x.clone())), clamped);
        assert_ne!(sum, clamped);
        let target = pictures(3, input, 1);
        let squares = sum.iter().zip(host(&target));
        let squares = squares.map(|(&a, b)| f64::from(a - b).powi(2));
        let mse = squares.sum::<f64>() / sum.len() as f64;
        let losses = residual.loss(x, target, Loss::Mse, SILENCE);
        assert_close(&host(&losses.total), &[mse], 1e-6, "loss");
        assert_eq!(
            residual.decode(code.clone()).unwrap_err(),
            crate::NeedsInput
        );
        assert!(plain.decode(code).is_ok());
    }
}

/// A grey input is added to red, green and blue alike, in the first layer's own loss as well.
#[test]
fn a_residual_colour_model_adds_grey_to_each_channel() {
    for of in [
        json!({ "kind": "dense", "layers": [], "code_size": 4 }),
        json!({ "kind": "conv", "channels": [2] }),
    ] {
        let model = model(grayscale(true, of), COLOUR, 1);
        let x = pictures(2, COLOUR, 0);
        let grey = model.clean_input(x.clone());
        let whole = model
            .loss(grey.clone(), x.clone(), Loss::Mse, SILENCE)
            .total;
        let alone = model.layer_loss(0, grey.flatten(1, 3), x.flatten(1, 3), Loss::Mse, SILENCE);
        assert_close(
            &host(&alone.total),
            &[f64::from(host(&whole)[0])],
            1e-6,
            "loss",
        );
    }
}

#[test]
fn chains_that_cannot_work_are_refused_with_their_place() {
    let key = |json: Value, input| {
        let error = crate::fixtures::config(json).layers(input).unwrap_err();
        error.key
    };
    let big = || json!({ "kind": "block", "size": 5 });
    assert_eq!(key(denoising(big(), dense()), INPUT), "corruption.size");
    let chain = denoising(json!(["masking", big()]), dense());
    assert_eq!(key(chain.clone(), INPUT), "corruption.1.size");
    assert_eq!(
        key(denoising("blur".into(), chain), INPUT),
        "of.corruption.1.size"
    );
    assert_eq!(key(grayscale(false, dense()), INPUT), "corruption.kind");
    let twice = grayscale(false, grayscale(false, dense()));
    assert_eq!(key(twice, COLOUR), "of.corruption.kind");
    let mut tied = dense();
    tied["tied"] = true.into();
    assert_eq!(key(grayscale(false, tied), COLOUR), "of.tied");
}

#[test]
fn the_last_layer_of_a_residual_model_has_no_function() {
    for of in [dense(), json!({ "kind": "conv", "channels": [2] })] {
        for residual in [false, true] {
            let layers = crate::fixtures::config(grayscale(residual, of.clone()))
                .layers(COLOUR)
                .unwrap();
            let last = layers.last().unwrap();
            assert_eq!(last.activation().is_none(), residual);
            assert_eq!(last.output, COLOUR);
        }
    }
}

#[test]
fn the_loss_compares_with_the_clean_picture() {
    let model = model(denoising("salt_and_pepper".into(), dense()), INPUT, 0);
    let clean = pictures(3, INPUT, 0);
    let noisy = model.corrupt(clean.clone(), Noise::Host { seed: 1 });
    let restored = host(&model.forward(noisy.clone()));
    let mse = |target: &Tensor<4>| {
        let target = host(target);
        let squares = restored
            .iter()
            .zip(&target)
            .map(|(&r, &t)| f64::from(r - t).powi(2));
        squares.sum::<f64>() / target.len() as f64
    };
    let losses = model.loss(noisy.clone(), clean.clone(), Loss::Mse, SILENCE);
    assert_close(&host(&losses.total), &[mse(&clean)], 1e-6, "loss");
    assert!((mse(&clean) - mse(&noisy)).abs() > 1e-3);
}

#[test]
fn wrappers_nest_in_any_order() {
    let conv = json!({ "kind": "conv", "channels": [2, 3] });
    let top =
        |of: Value| json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": of });
    let masked = |of: Value| denoising(json!({ "kind": "masking", "probability": 1.0 }), of);
    for (json, units, kind) in [
        (top(masked(conv.clone())), 3 * 2, "sparse(denoising(conv))"),
        (masked(top(dense())), 5, "denoising(sparse(dense))"),
    ] {
        let config = crate::fixtures::config(json.clone());
        assert_eq!(config.kind(), kind);
        let model = model(json, INPUT, 3);
        let x = pictures(4, INPUT, 0);
        let noisy = model.corrupt(x.clone(), Noise::Host { seed: 1 });
        assert!(host(&noisy).iter().all(|&v| v == 0.0));
        let code = model.encode(x.clone());
        assert_eq!(code.dims(), [4, units]);
        for row in host(&code).chunks(units) {
            assert!(row.iter().filter(|&&h| h != 0.0).count() <= 2);
        }
        assert_eq!(model.forward(x.clone()).dims(), x.dims());
        let total = model.loss(noisy, x, Loss::Bce, SILENCE).total;
        assert!(host(&total)[0].is_finite());
    }
}

/// Before values are clamped, every pixel has the luma of its grey input, whatever the network predicts; and colours
/// that the network does not change are grey.
#[test]
fn luma_is_kept_exactly_and_only_colours_are_predicted() {
    let json = json!({
        "kind": "denoising", "corruption": "grayscale", "residual": true, "keep_luma": true,
        "of": { "kind": "conv", "channels": [4], "initial_gain": 3 },
    });
    let model = model(json.clone(), [3, 6, 6], 1);
    let images = pictures(2, [3, 6, 6], 0);
    let grey_input = model.clean_input(images.clone());
    let crate::Output::Values(values) =
        model.output(model.encode(grey_input.clone()), grey_input.clone())
    else {
        panic!("a residual model gives values");
    };
    let [luma, expected] =
        [crate::corruption::grey(values.clone()), grey_input].map(|it| host(&it));
    let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
    assert_close(&luma, &expected, 1e-6, "luma");
    let red = host(&values.narrow(1, 0, 1));
    assert!(
        red.iter()
            .zip(&expected)
            .any(|(red, grey)| (f64::from(*red) - grey).abs() > 0.01)
    );
    assert!(
        model
            .decode(Tensor::zeros(
                [1, model.layers().code_size()],
                &crate::fixtures::device()
            ))
            .is_err()
    );

    for (key, value) in [
        ("corruption", json!("gaussian")),
        ("residual", json!(false)),
    ] {
        let refused = refusal_with(&json, key, value, [3, 6, 6]);
        assert!(refused.starts_with("keep_luma: found true"), "{refused}");
    }
}

/// Why a model with one key changed is refused.
fn refusal_with(json: &Value, key: &str, value: Value, images: [usize; 3]) -> String {
    let mut wrong = json.clone();
    wrong[key] = value;
    let refused = crate::fixtures::config(wrong).plan(images);
    refused.unwrap_err().to_string()
}

/// The encoder gets a mask as a fourth channel; what is not missing comes back to the bit, and pictures keep three
/// channels outside of the model.
#[test]
fn holes_are_filled_and_everything_else_is_kept() {
    for of in [
        json!({ "kind": "conv", "channels": [4], "initial_gain": 3 }),
        json!({ "kind": "dense", "layers": [], "code_size": 4 }),
    ] {
        let json = json!({
            "kind": "denoising", "corruption": { "kind": "block", "size": 3 }, "residual": true, "fill_holes": true,
            "of": of,
        });
        let plan = crate::fixtures::config(json.clone())
            .plan([3, 6, 6])
            .unwrap();
        assert_eq!(plan.layers[0].input, [4, 6, 6]);
        let model = model(json.clone(), [3, 6, 6], 1);
        assert_eq!([model.input_shape(), model.output_shape()], [[3, 6, 6]; 2]);
        let images = pictures(2, [3, 6, 6], 0) * 0.5 + 0.25;
        let (input, missing) = model.corrupt_marked(images.clone(), Noise::Host { seed: 4 });
        let missing = host(&missing.unwrap().repeat_dim(1, 3));
        let restored = host(&model.forward(input));
        let clean = host(&images);
        for ((restored, clean), missing) in restored.iter().zip(&clean).zip(&missing) {
            assert_eq!(restored == clean, *missing == 0.0);
        }

        for (key, value) in [
            ("corruption", json!("gaussian")),
            (
                "corruption",
                json!([{ "kind": "block", "size": 3 }, "grayscale"]),
            ),
            ("residual", json!(false)),
        ] {
            let refused = refusal_with(&json, key, value, [3, 6, 6]);
            assert!(refused.starts_with("fill_holes: found true"), "{refused}");
        }
        let refused = crate::fixtures::config(json)
            .check_mirror([3, 6, 6], &Range::Unit)
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with("fill_holes: found true"), "{refused}");
    }
}

/// Rows of two numbers and a category of three: what masking hides is missing, as what the data lack is, and the encoder
/// gets a mark of both.
#[test]
fn models_of_tables_see_what_is_missing() {
    let range = Range::Real([Category { first: 2, count: 3 }].into());
    let shape = [5, 1, 1];
    let json = denoising(json!({ "kind": "masking", "probability": 0.5 }), dense());
    let config = crate::fixtures::config(json.clone());
    let model = config
        .init_for(shape, &range, 3, &crate::fixtures::device())
        .unwrap();
    assert_eq!(model.plan().ends.input, [10, 1, 1]);
    assert_eq!([model.input_shape(), model.output_shape()], [shape; 2]);
    let rows = pictures(64, shape, 0);
    let hidden = host(&model.corrupt(rows.clone(), Noise::Host { seed: 4 }));
    let known = host(&rows);
    let mut missing = 0;
    for (hidden, known) in hidden.chunks(5).zip(known.chunks(5)) {
        assert_eq!(hidden[2].is_nan(), hidden[3].is_nan() && hidden[4].is_nan());
        for (hidden, known) in hidden.iter().zip(known) {
            assert!(hidden.is_nan() || hidden == known);
            missing += usize::from(hidden.is_nan());
        }
    }
    assert!((100..220).contains(&missing), "{missing} of 320");
    // A zero that is known is not the same as one that is missing.
    let row = |first: f32| {
        let data = TensorData::new(vec![first, 1.0, 0.0, 1.0, 0.0], [1, 5, 1, 1]);
        host(&model.encode(Tensor::from_data(data, &crate::fixtures::device())))
    };
    assert_ne!(row(0.0), row(f32::NAN));

    let mut without = json.clone();
    without["mark_missing"] = json!(false);
    let config = crate::fixtures::config(without);
    assert_eq!(config.plan_for(shape, &range).unwrap().ends.input, shape);
    config.check_mirror(shape, &range).unwrap();
    let refused = crate::fixtures::config(json.clone())
        .check_mirror(shape, &range)
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("mark_missing: found true"), "{refused}");
    let mut asked = json;
    asked["mark_missing"] = json!(true);
    let refused = crate::fixtures::config(asked)
        .plan(INPUT)
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("mark_missing: found true"), "{refused}");
}
