//! Tests of the grid of a sweep.

use serde_json::{Value, json};

use super::{Sweep, parse_sweep};
use crate::config::{Override, parse};

/// A config that is swept so.
fn text(sweep: &str) -> String {
    let model = r#"{"kind": "dense", "layers": [8]}"#;
    format!(
        "{{\n\"data\": {{\"dataset\": \"mnist\"}},\n\"model\": {model},\n\"sweep\": {sweep}\n}}"
    )
}

fn read(sweep: &str, overrides: &[&str]) -> Result<Sweep, Vec<String>> {
    let overrides: Vec<Override> = overrides.iter().map(|it| Override::set(it)).collect();
    parse_sweep("c.json", &text(sweep), &overrides).map_err(|error| error.errors().to_vec())
}

fn settings(sweep: &Sweep) -> Vec<Value> {
    let settings = sweep.points.iter().map(|point| point.settings.clone());
    settings.map(Value::Object).collect()
}

#[test]
fn a_grid_has_every_combination_and_its_last_key_changes_fastest() {
    let sweep = read(r#"{"model.code_size": [2, 4], "seed": [1, 2, 3]}"#, &[]).unwrap();
    assert_eq!(sweep.keys, ["model.code_size", "seed"]);
    let expected = [(2, 1), (2, 2), (2, 3), (4, 1), (4, 2), (4, 3)];
    let expected = expected.map(|(size, seed)| json!({"model.code_size": size, "seed": seed}));
    assert_eq!(settings(&sweep), expected);
    // The base lacks the size, which each point has.
    let seeds: Vec<u64> = sweep.points.iter().map(|it| it.located.seed).collect();
    assert_eq!(seeds, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_sweep_over_seeds_has_one_split() {
    let splits = |sweep: &str, overrides: &[&str]| -> Vec<Option<u64>> {
        let sweep = read(sweep, overrides).unwrap();
        let points = sweep.points.iter();
        points.map(|it| it.located.data.split_seed()).collect()
    };
    let seeds = r#"{"seed": [1, 2], "model.code_size": [3]}"#;
    assert_eq!(splits(seeds, &[]), [Some(42); 2]);
    let of_photos = &[r#"data={"dataset": "photos", "patch": 8}"#][..];
    assert_eq!(splits(seeds, of_photos), [Some(42); 2]);
    assert_eq!(splits(seeds, &["data.split_seed=7"]), [Some(7); 2]);
    let both = r#"{"seed": [1], "data.split_seed": [1, 2], "model.code_size": [3]}"#;
    assert_eq!(splits(both, &[]), [Some(1), Some(2)]);
    // Without seeds nothing is filled in, and each is what it would be by itself.
    assert_eq!(splits(r#"{"model.code_size": [3]}"#, &["seed=5"]), [None]);
    let mut old = read(seeds, &[]).unwrap();
    old.split_each();
    assert!(
        old.points
            .iter()
            .all(|it| it.located.data.split_seed().is_none())
    );
    assert_eq!(old.points[1].located.split_seed(), 2);
}

#[test]
fn any_value_of_a_config_can_be_swept() {
    let optimizers = r#"["sgd", {"kind": "adamw", "weight_decay": 0.1}]"#;
    let swept = format!(
        r#"{{"train.optimizer": {optimizers}, "model.layers": [[], [9, 8]], "model.code_size": [3]}}"#
    );
    let sweep = read(&swept, &["train.epochs=3"]).unwrap();
    assert_eq!(sweep.points.len(), 4);
    assert!(sweep.points.iter().all(|it| it.located.train.epochs == 3));
    assert_eq!(settings(&sweep)[3]["model.layers"], json!([9, 8]));
}

#[test]
fn set_changes_the_values_of_a_key() {
    let swept = r#"{"model.code_size": [2, 4], "seed": [1]}"#;
    let sweep = read(swept, &["sweep.model.code_size=[7]", "sweep.seed=[5, 6]"]).unwrap();
    let sizes = settings(&sweep);
    assert_eq!(sizes[1], json!({"model.code_size": 7, "seed": 6}));
    assert_eq!(
        read(swept, &["model.code_size=3"]).unwrap_err(),
        [
            "--set model.code_size=3: model.code_size: this key is swept; use --set \
          sweep.model.code_size=[VALUE, ...]"
        ]
    );
}

#[test]
fn a_fault_of_a_sweep_is_one_exact_line() {
    let cases = [
        (
            r#"{"model.code_size": [2, 0], "seed": [1, 2]}"#,
            "c.json:4:34: model.code_size: found 0; allowed: an integer from 1 to 65536",
        ),
        (
            r#"{"model.code_size": [2], "train.epoch": [1, 2]}"#,
            "c.json:4:35: train.epoch: unknown key; did you mean \"epochs\"?",
        ),
        (
            r#"{"model.code_size": 2}"#,
            "c.json:4:30: sweep.model.code_size: found 2; allowed: an array of 1 or more values",
        ),
        (
            r#"{"model.code_size": []}"#,
            "c.json:4:30: sweep.model.code_size: found an empty array; allowed: an array of 1 or \
             more values",
        ),
        (
            r#"{"model.code_size": [2, 4, 2.0]}"#,
            "c.json:4:37: sweep.model.code_size.2: duplicate value; each value can be given only once",
        ),
        (
            r#"{"model.code_size": [2], "description": ["a"]}"#,
            "c.json:4:35: sweep.description: does not affect training, so it cannot be swept; use a key such as \
             model.code_size",
        ),
        (
            r#"{"model.code_size": [2], "seed.x": [1]}"#,
            "c.json:4:35: seed: found an object; allowed: an integer of at least 0",
        ),
        (
            "{}",
            "c.json:4:10: sweep: no key to sweep; add keys of the config with lists of values",
        ),
        (
            "[1]",
            "c.json:4:10: sweep: found an array of 1; allowed: an object",
        ),
        // A fault of the base is named once, however many points share it.
        (
            r#"{"seed": [1, 2]}"#,
            "c.json:3:10: model.code_size: missing key; allowed: an integer from 1 to 65536",
        ),
        (
            r#"{"model.code_size": [2], "train.patience": [3, 4], "data.validation": [0, 9]}"#,
            "c.json:4:54: train.patience: found 3 without validation images; set data.validation above \
             0, or patience to null\n\
             c.json:4:57: train.patience: found 4 without validation images; set data.validation above \
             0, or patience to null",
        ),
    ];
    for (swept, expected) in cases {
        let found = read(swept, &[]).err().unwrap_or_default().join("\n");
        assert_eq!(found, expected, "{swept}");
    }
}

#[test]
fn too_many_runs_are_refused() {
    let many: Vec<u32> = (1..=101).collect();
    let swept = format!(r#"{{"model.code_size": {many:?}, "seed": {many:?}}}"#);
    assert_eq!(
        read(&swept, &[]).unwrap_err(),
        ["c.json:4:1: sweep: found 10201 runs; allowed: at most 10000"]
    );
}

#[test]
fn a_training_takes_no_sweep_and_a_sweep_needs_one() {
    let training = text("{\"seed\": [1]}");
    let errors = parse("c.json", &training, &[Override::set("model.code_size=2")]).unwrap_err();
    assert_eq!(
        errors.errors(),
        [
            "c.json:4:1: sweep: describes many trainings; run hourglass sweep c.json, or remove the key"
        ]
    );
    let plain = training.replace(",\n\"sweep\": {\"seed\": [1]}", "");
    let errors = parse_sweep("c.json", &plain, &[]).unwrap_err();
    assert_eq!(
        errors.errors(),
        [
            "c.json: sweep: missing key; add keys of the config with lists of values, such as \
          {\"seed\": [1, 2, 3]}"
        ]
    );
}
