//! The schema: the committed one against the types, and our check against a validator of the whole
//! standard.

use serde_json::{Value, json};

use super::super::{Config, check, raw, schema};
use super::with;

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert!(
        committed == current,
        "configs/schema.json is old; `cargo run -p runner -- schema > configs/schema.json` renews it"
    );
}

#[test]
fn the_schema_is_a_schema_and_its_defaults_obey_it() {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    let resolved = serde_json::to_value(with(&[])).unwrap();
    jsonschema::validate(&schema, &resolved).unwrap();
}

/// Values that stand in for any value of a config.
fn probes() -> Vec<Value> {
    let numbers = [
        json!(0),
        json!(1),
        json!(-1),
        json!(3),
        json!(4),
        json!(0.5),
        json!(2.0),
    ];
    let large = [
        json!(65_537),
        json!(1u64 << 40),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e300),
    ];
    let words = [
        "", "relu", "none", "adam", "adamw", "l1", "top_k", "gaussian", "cosine", "auto",
    ];
    let mut probes = vec![
        Value::Null,
        json!(true),
        json!([]),
        json!([1, 2]),
        json!([0]),
        json!({}),
    ];
    probes.extend([
        json!([1, 2, 3]),
        json!([null]),
        json!({"kind": "sgd"}),
        json!({"kind": "x"}),
    ]);
    probes.extend([
        json!({"kind": "top_k"}),
        json!({"kind": "kl", "rho": 1}),
        json!({"kind": 1}),
    ]);
    probes.extend(numbers.into_iter().chain(large));
    probes.extend(words.map(Value::from));
    probes
}

/// Every value in `value`, by its JSON pointer.
fn pointers(value: &Value, here: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| pointers(value, format!("{here}/{key}"), all));
        }
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(i, it)| pointers(it, format!("{here}/{i}"), all));
        }
        _ => {}
    }
    all.push(here);
}

/// Whether our reading of `config` finds no fault against the schema.
fn passes(config: &Value, schema: &Value) -> bool {
    let mut faults = Vec::new();
    let root = raw::parse(&config.to_string(), &mut faults).unwrap();
    let passes = check::check(&root, schema).is_empty() && faults.is_empty();
    // What passes the check must also be what serde takes.
    let read = serde_json::from_value::<Config>(root.to_json());
    assert!(!passes || read.is_ok(), "{config}: {read:?}");
    passes
}

#[test]
fn the_check_agrees_with_a_validator_of_the_standard() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let dense = json!({ "kind": "dense", "layers": [8, 4], "code_size": 2, "decoder": [4] });
    let conv =
        json!({ "kind": "conv", "channels": [8], "code_size": 2, "kernel": 3, "convolutions": 2 });
    let sparse = json!({ "kind": "sparse", "penalty": { "kind": "kl", "rho": 0.1 }, "of": dense });
    let masking = json!({ "kind": "masking", "probability": 0.1 });
    let blocks = json!({ "kind": "block", "size": [2, [1, 3]] });
    let range = json!({ "kind": "blur", "sigma": [0.5, 2] });
    let chain = json!([masking, blocks, range, { "kind": "downscale", "factor": 3 }, "grayscale"]);
    let denoising = json!({
        "kind": "denoising", "corruption": chain, "residual": true, "of": sparse,
    });
    let images = json!({
        "dataset": "images", "dir": "x", "size": [8, 8], "channels": 3, "test": 0.5, "patch": 4,
        "crops": 9, "flip": false, "strict": true,
    });
    let photos = json!({ "dataset": "photos", "collection": "large", "patch": 8, "test": ["a.jpg", "b.jpg"] });
    let sgd = json!({ "kind": "sgd", "momentum": 0.5, "nesterov": true });
    let cosine = json!({ "kind": "cosine", "warmup_epochs": 0.5 });
    let train = json!({ "optimizer": sgd, "schedule": cosine, "clip_norm": 1, "patience": 2 });
    let bases = [
        json!({ "data": images, "model": denoising, "train": train, "seed": 1 }),
        json!({ "data": { "dataset": "idx", "dir": "x" }, "model": conv, "backend": "wgpu" }),
        json!({ "data": photos, "model": dense }),
    ];
    let (mut accepted, mut refused) = (0, 0);
    for base in bases {
        assert!(passes(&base, &schema), "{base}");
        let mut places = Vec::new();
        pointers(&base, String::new(), &mut places);
        for pointer in places {
            for probe in probes() {
                let mut config = base.clone();
                *config.pointer_mut(&pointer).unwrap() = probe;
                let expected = validator.is_valid(&config);
                assert_eq!(passes(&config, &schema), expected, "{pointer} in {config}");
                *(if expected {
                    &mut accepted
                } else {
                    &mut refused
                }) += 1;
            }
        }
    }
    assert!(
        accepted > 50 && refused > 500,
        "{accepted} accepted, {refused} refused"
    );
}
