//! Tests of layers on their own: one after the other they are the whole network.

use burn::module::Module;
use burn::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{SILENCE, assert_close, config, gradients, host, model, pictures};
use crate::range::Range;
use crate::{Loss, ModelConfig, transplant};

const INPUT: [usize; 3] = [2, 9, 10];

fn dense(change: Value) -> Value {
    let json = json!({ "kind": "dense", "layers": [6, 5], "code_size": 3, "activation": "tanh" });
    with(json, change)
}

fn conv(change: Value) -> Value {
    with(
        json!({ "kind": "conv", "channels": [3, 4], "code_size": 5 }),
        change,
    )
}

fn with(mut json: Value, change: Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        json[key] = value.clone();
    }
    json
}

fn all() -> Vec<Value> {
    let top_k = json!({ "kind": "top_k", "k": 2 });
    vec![
        dense(json!({ "code_activation": "sigmoid" })),
        dense(json!({ "layers": [] })),
        dense(json!({ "decoder": [5, 6] })),
        conv(json!({ "batch_norm": true })),
        conv(json!({ "code_size": null, "code_activation": "tanh" })),
        conv(json!({ "layers": [8, 6], "downsample": "average", "upsample": "transposed" })),
        json!({
            "kind": "sparse", "penalty": top_k,
            "of": { "kind": "denoising", "corruption": "masking", "of": conv(json!({})) },
        }),
    ]
}

fn check(json: Value) -> Result<(), String> {
    let config: ModelConfig = config(json);
    config
        .check_mirror(INPUT, &Range::Unit)
        .map_err(|error| error.to_string())
}

#[test]
fn only_a_mirror_with_weights_of_its_own_will_do() {
    for json in all() {
        check(json).unwrap();
    }
    let mirror = "allowed: the encoder's mirror, or no \"decoder\" at all";
    let cases = [
        (
            dense(json!({ "decoder": [6, 5] })),
            "decoder: found [6, 5]; ",
        ),
        (dense(json!({ "decoder": [5] })), "decoder: found [5]; "),
        (dense(json!({ "decoder": [] })), "decoder: found []; "),
        (conv(json!({ "decoder": [4] })), "decoder: found [4]; "),
    ];
    for (json, found) in cases {
        assert_eq!(check(json), Err(format!("{found}{mirror}")));
    }
    let linear = json!({ "kind": "linear", "code_size": 2 });
    let line =
        "kind: found \"linear\"; allowed: a kind whose decoder mirrors its encoder layer by layer";
    assert_eq!(check(linear), Err(line.into()));
    let wrapped = json!({
        "kind": "denoising", "corruption": "masking", "of": dense(json!({ "tied": true })),
    });
    let line = check(wrapped).unwrap_err();
    assert!(
        line.starts_with("of.tied: found true; allowed: false"),
        "{line}"
    );
}

#[test]
fn one_after_the_other_the_layers_are_the_network() {
    for json in all() {
        let what = json.to_string();
        let model = model(json, INPUT, 1).valid();
        let x = pictures(4, INPUT, 0).without_autodiff();
        let mut y: Tensor<2> = x.clone().flatten(1, 3);
        for layer in 0..model.depth() {
            y = model.encode_layer(layer, y);
            let whole: Vec<f64> = doubles(&model.encode_to(x.clone(), layer));
            assert_close(&host(&y), &whole, 1e-5, &what);
        }
        let whole = doubles(&model.decode_raw(y.clone()));
        for layer in (0..model.depth()).rev() {
            y = model.decode_layer(layer, y);
        }
        assert_close(&host(&y), &whole, 1e-5, &what);
    }
}

fn doubles<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    host(tensor).into_iter().map(f64::from).collect()
}

#[test]
fn a_layer_and_its_mirror_learn_and_no_other_layer_does() {
    for json in all() {
        let what = json.to_string();
        let model = model(json, INPUT, 2);
        let layers = model.layers();
        let all = transplant::by_layer(&model);
        let x = pictures(4, INPUT, 0).without_autodiff();
        for layer in 0..model.depth() {
            let below: Tensor<2> = match layer {
                0 => x.clone().flatten(1, 3),
                _ => model.valid().encode_to(x.clone(), layer - 1),
            };
            let below = below.autodiff();
            let losses = model.layer_loss(layer, below.clone(), below, Loss::Bce, SILENCE);
            let learning = gradients(&model, &losses.total.backward());
            let learns = |place: usize| {
                let mut names = all[place].parameters.iter().map(|it| &it.stored);
                names.any(|name| learning.iter().any(|(known, _, _)| known == name))
            };
            for place in 0..layers.len() {
                let expected = place == layer || place == layers.len() - 1 - layer;
                assert_eq!(
                    learns(place),
                    expected,
                    "{} of {what}",
                    layers[place].name()
                );
            }
        }
    }
}

#[test]
fn the_loss_is_the_configs_on_pictures_and_the_squared_error_above_them() {
    let sparse = json!({
        "kind": "sparse", "penalty": { "kind": "l1", "weight": 0.5 }, "of": dense(json!({})),
    });
    let model = model(sparse, INPUT, 3);
    let x: Tensor<2> = pictures(4, INPUT, 0).flatten(1, 3);
    let one = |tensor: Tensor<1>| host(&tensor)[0];
    for loss in [Loss::Bce, Loss::Mse] {
        let losses = model.layer_loss(0, x.clone(), x.clone(), loss, SILENCE);
        let logits = model.decode_layer(0, model.encode_layer(0, x.clone()));
        let expected = f64::from(one(loss.forward(logits, x.clone())));
        assert_close(&[one(losses.total)], &[expected], 1e-6, loss.name());
    }
    let below = model.encode_layer(1, model.encode_layer(0, x));
    let code = model.encode_layer(2, below.clone());
    let restored = host(&model.decode_layer(2, code.clone()));
    let pairs = restored
        .iter()
        .zip(host(&below))
        .map(|(a, b)| f64::from(a - b).powi(2));
    let squares = pairs.sum::<f64>() / restored.len() as f64;
    let absolute: f64 = host(&code).iter().map(|&it| f64::from(it.abs())).sum();
    let losses = model.layer_loss(2, below.clone(), below, Loss::Bce, SILENCE);
    assert_close(&[one(losses.reconstruction)], &[squares], 1e-6, "squares");
    let total = squares + 0.5 * absolute / 4.0;
    assert_close(&[one(losses.total)], &[total], 1e-6, "with the penalty");
}
