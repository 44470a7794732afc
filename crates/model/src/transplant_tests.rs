//! Tests of layers taken from another model, and of layers that stay as they are.

use burn::optim::{GradientsParams, SgdConfig};
use serde_json::{Value, json};

use super::*;
use crate::Loss;
use crate::fixtures::{SILENCE, config, model, named, parameters, pictures};

const INPUT: [usize; 3] = [1, 8, 8];

fn dense(layers: &[usize]) -> Value {
    json!({ "kind": "dense", "layers": layers, "code_size": 2, "activation": "tanh" })
}

fn conv(change: Value) -> Value {
    // Units of relu that are dead for all pictures would learn nothing.
    let mut json = json!({
        "kind": "conv", "channels": [2, 3], "code_size": 4, "activation": "tanh",
    });
    for (key, value) in change.as_object().unwrap() {
        json[key] = value.clone();
    }
    json
}

/// One model of each structure that names depend on.
fn all() -> Vec<Value> {
    let mut tied = dense(&[5, 3]);
    tied["tied"] = true.into();
    vec![
        dense(&[5, 3]),
        dense(&[]),
        tied,
        conv(json!({ "batch_norm": true })),
        conv(json!({ "code_size": null, "upsample": "transposed" })),
        conv(json!({ "layers": [6, 5] })),
        json!({
            "kind": "sparse", "penalty": "l1",
            "of": { "kind": "denoising", "corruption": "masking", "of": dense(&[5]) },
        }),
    ]
}

#[test]
fn every_layer_has_the_parameters_that_it_is_listed_with() {
    for json in all() {
        let layers = config(json.clone()).layers(INPUT).unwrap();
        let found = by_layer(&model(json.clone(), INPUT, 0));
        assert_eq!(found.len(), layers.len(), "{json}");
        for (found, layer) in found.iter().zip(&layers) {
            assert_eq!(found.layer, layer.name());
            let learned = found.parameters.iter();
            let learned = learned.filter(|it| !it.name.contains("running"));
            let count: usize = learned.map(|it| it.shape.iter().product::<usize>()).sum();
            assert_eq!(count, layer.parameters(), "{} of {json}", layer.name());
        }
    }
}

#[test]
fn every_parameter_belongs_to_one_layer() {
    for json in all() {
        let model = model(json.clone(), INPUT, 0);
        let mut found: Vec<String> = by_layer(&model)
            .into_iter()
            .flat_map(|layer| layer.parameters)
            .map(|parameter| parameter.stored)
            .collect();
        let mut known: Vec<String> = (weights::names(&model).into_iter())
            .map(|parameter| parameter.name)
            .collect();
        found.sort();
        known.sort();
        assert_eq!(found, known, "{json}");
    }
}

#[test]
fn a_layer_is_taken_by_its_name_and_the_others_stay() {
    // The code is the third layer of one model and the second of the other.
    let (from, to) = (dense(&[5, 3]), dense(&[3]));
    let (source, own) = (model(from.clone(), INPUT, 1), model(to.clone(), INPUT, 2));
    let [here, there] = [&own, &source].map(|model| {
        let layers = by_layer(model).into_iter();
        layers
            .map(|it| (it.layer.clone(), it))
            .collect::<std::collections::HashMap<_, _>>()
    });
    assert_eq!(here["code"].differs(&there["code"]), None);
    let differs = here["encoder.0"].differs(&there["encoder.0"]);
    let expected = Difference {
        parameter: "weight".into(),
        here: Some(vec![3, 64]),
        there: Some(vec![5, 64]),
    };
    assert_eq!(differs, Some(expected));
    let before = parameters(&own);
    let bytes = weights::to_bytes(&source).unwrap();
    let pair = (here["code"].clone(), there["code"].clone());
    let after = parameters(&take(own, &bytes, &[pair]).unwrap());
    let source = parameters(&source);
    assert_eq!(
        named(&after, "encoder.1.weight"),
        named(&source, "encoder.2.weight")
    );
    assert_eq!(
        named(&after, "encoder.1.bias"),
        named(&source, "encoder.2.bias")
    );
    for other in ["encoder.0.weight", "decoder.0.weight", "decoder.1.bias"] {
        assert_eq!(named(&after, other), named(&before, other));
    }
    let pair = (here["encoder.0"].clone(), there["encoder.0"].clone());
    let wrong = take(model(to, INPUT, 2), &bytes, &[pair]).unwrap_err();
    assert!(
        wrong
            .to_string()
            .starts_with("encoder.0.weight: found F32 [5, 64]"),
        "{wrong}"
    );
}

#[test]
fn a_parameter_that_only_one_layer_has_is_a_difference() {
    let (plain, normed) = (conv(json!({})), conv(json!({ "batch_norm": true })));
    let [plain, normed] = [plain, normed].map(|json| {
        let layers = by_layer(&model(json.clone(), INPUT, 0));
        layers.into_iter().next().unwrap()
    });
    let differs = plain.differs(&normed).unwrap();
    assert_eq!(differs.parameter, "norm.weight");
    assert_eq!((differs.here, differs.there), (None, Some(vec![2])));
    assert_eq!(normed.differs(&plain).unwrap().here, Some(vec![2]));
}

/// Two steps of gradient descent with each layer frozen in turn: it stays to the bit, and all others
/// move.
#[test]
fn frozen_layers_stay_to_the_bit_and_all_others_learn() {
    let pictures = pictures(6, INPUT, 0);
    for json in all() {
        let count = config(json.clone()).layers(INPUT).unwrap().len();
        for frozen in 0..count {
            let mut model = model(json.clone(), INPUT, 3);
            let layers = by_layer(&model);
            model = freeze(model, &[&layers[frozen]]);
            let before = parameters(&model);
            let mut optimizer = SgdConfig::new().init();
            for _ in 0..2 {
                let loss = model
                    .loss(pictures.clone(), pictures.clone(), Loss::Bce, SILENCE)
                    .total;
                let grads = GradientsParams::from_grads(loss.backward(), &model);
                model = optimizer.step(0.1, model, grads);
            }
            // Statistics are held back until a model is saved.
            let bytes = weights::to_bytes(&model).unwrap();
            let model = weights::from_bytes(self::model(json.clone(), INPUT, 4), &bytes).unwrap();
            let after = parameters(&model);
            for (place, layer) in layers.iter().enumerate() {
                let same =
                    |it: &LayerParameter| named(&before, &it.stored) == named(&after, &it.stored);
                let stays = layer.parameters.iter().all(same);
                assert_eq!(stays, place == frozen, "{} of {json}", layer.layer);
            }
        }
    }
}
