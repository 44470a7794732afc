//! Tests of configs as users write them: defaults, words and tables, and what is refused.

use serde_json::{Value, json};

use super::*;

fn read(json: Value) -> Result<ModelConfig, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_the_documented_ones() {
    let dense = read(json!({ "kind": "dense", "layers": [8], "code_size": 2 })).unwrap();
    let written = json!({
        "kind": "dense", "layers": [8], "code_size": 2, "activation": "relu",
        "code_activation": "none", "decoder": null, "tied": false,
        "initial_gain": 1.0,
    });
    assert_eq!(serde_json::to_value(dense).unwrap(), written);
    let conv = read(json!({ "kind": "conv", "channels": [8] })).unwrap();
    let written = json!({
        "kind": "conv", "channels": [8], "kernel": 3, "downsample": "max", "upsample": "nearest",
        "code_size": null, "activation": "relu", "code_activation": "none", "batch_norm": false,
        "decoder": null, "layers": [], "initial_gain": 1.0, "convolutions": 1,
    });
    assert_eq!(serde_json::to_value(conv).unwrap(), written);
    let dense = json!({ "kind": "dense", "layers": [8], "code_size": 2 });
    let denoising = json!({ "kind": "denoising", "corruption": "blur", "of": dense });
    let written = serde_json::to_value(read(denoising).unwrap()).unwrap();
    assert_eq!(written["residual"], false);
}

#[test]
fn a_word_is_a_table_of_defaults() {
    let dense = json!({ "kind": "dense", "layers": [], "code_size": 2 });
    let penalty = |penalty: Value| {
        read(json!({ "kind": "sparse", "penalty": penalty, "of": dense })).unwrap()
    };
    let l1 = json!({ "kind": "l1", "weight": 0.001 });
    assert_eq!(penalty("l1".into()), penalty(l1));
    let kl = json!({ "kind": "kl", "rho": 0.05, "beta": 1.0 });
    assert_eq!(penalty("kl".into()), penalty(kl));
    let corruption = |corruption: Value| {
        read(json!({ "kind": "denoising", "corruption": corruption, "of": dense })).unwrap()
    };
    for (word, key, value) in [
        ("gaussian", "std", 0.4),
        ("masking", "probability", 0.5),
        ("salt_and_pepper", "probability", 0.25),
        ("speckle", "std", 0.4),
        ("blur", "sigma", 1.5),
    ] {
        let table = json!({ "kind": word, key: value });
        assert_eq!(corruption(word.into()), corruption(table));
    }
    let table = json!({ "kind": "downscale", "factor": 2 });
    assert_eq!(corruption("downscale".into()), corruption(table));
}

/// One is written as a table, so that its keys have no number in their path; several as an array.
#[test]
fn corruptions_follow_each_other_in_an_array() {
    let chain = |corruption: Value| {
        let dense = json!({ "kind": "dense", "layers": [], "code_size": 2 });
        let json = json!({ "kind": "denoising", "corruption": corruption, "of": dense });
        let ModelConfig::Denoising(denoising) = read(json).unwrap() else {
            panic!("another kind");
        };
        let written = serde_json::to_value(&denoising).unwrap();
        (denoising.corruption, written["corruption"].clone())
    };
    let gaussian = json!({ "kind": "gaussian", "std": 0.05, "clip": true });
    let one = Corruption::Gaussian {
        std: Strength::Fixed(0.05),
        clip: true,
    };
    for written in [gaussian.clone(), json!([gaussian])] {
        assert_eq!(chain(written), (vec![one.clone()], gaussian.clone()));
    }
    let blocks = json!({ "kind": "block", "size": [8, [2, 6]] });
    let (found, written) = chain(json!(["downscale", gaussian, blocks]));
    let size = BlockSize::Sides([Strength::Fixed(8), Strength::Range([2, 6])]);
    let expected = [
        Corruption::Downscale {
            factor: 2,
            filter: ShrinkFilter::Mean,
        },
        one,
        Corruption::Block { size },
    ];
    assert_eq!(found, expected);
    let downscale = json!({ "kind": "downscale", "factor": 2, "filter": "mean" });
    assert_eq!(written, json!([downscale, gaussian, blocks]));
}

#[test]
fn what_is_unknown_or_missing_is_refused() {
    let dense = || json!({ "kind": "dense", "layers": [], "code_size": 2 });
    for (json, word) in [
        (
            json!({ "kind": "dens", "layers": [], "code_size": 2 }),
            "dens",
        ),
        (json!({ "kind": "dense", "layers": [] }), "code_size"),
        (
            json!({ "kind": "dense", "layers": [], "code_size": 2, "tide": true }),
            "tide",
        ),
        (
            json!({ "kind": "dense", "layers": [], "code_size": -2 }),
            "-2",
        ),
        (json!({ "kind": "conv", "chanels": [2] }), "chanels"),
        (
            json!({ "kind": "conv", "channels": [2], "upsample": "bilinear" }),
            "bilinear",
        ),
        (
            json!({ "kind": "sparse", "penalty": "top_k", "of": dense() }),
            "k",
        ),
        (
            json!({ "kind": "sparse", "penalty": "l2", "of": dense() }),
            "l2",
        ),
        (
            json!({ "kind": "sparse", "penalty": { "kind": "l1", "rho": 1 }, "of": dense() }),
            "rho",
        ),
        (
            json!({ "kind": "denoising", "corruption": "masking" }),
            "of",
        ),
        (
            json!({ "kind": "denoising", "corruption": 3, "of": dense() }),
            "3",
        ),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}

/// A schema that offers a word without its required keys would complete configs that are refused.
#[test]
fn the_schema_offers_only_words_that_can_be_read() {
    let words = |schema: Schema| -> Vec<String> {
        serde_json::from_value(schema.to_value()["anyOf"][0]["enum"].clone()).unwrap()
    };
    let mut generator = SchemaGenerator::default();
    let penalties = words(word_or_table_schema::<Penalty>(&mut generator));
    assert_eq!(penalties, ["l1", "kl", "rate"]);
    let corruptions = words(word_or_table_schema::<Corruption>(&mut generator));
    assert_eq!(
        corruptions,
        [
            "gaussian",
            "masking",
            "salt_and_pepper",
            "speckle",
            "blur",
            "downscale",
            "grayscale"
        ]
    );
}
