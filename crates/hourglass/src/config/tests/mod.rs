//! Tests of the config as a whole: what is read from a file, from overrides and from defaults.

// The exact line of every fault.
mod faults;
// Any config, written and read back; any text, read without a panic.
mod round_trip;
// The committed schema, and the check against a validator of the whole standard.
mod standard;

use std::path::PathBuf;

use model::config::{Activation, Corruption, ModelConfig, Penalty, Strength};
use serde_json::json;

use super::{Config, DataConfig, OptimizerConfig, Override, ScheduleConfig, load, parse};

/// The smallest config.
const LEAST: &str = r#"{
  "data": { "dataset": "mnist" },
  "model": { "kind": "dense", "layers": [64], "code_size": 8 }
}"#;

/// The error lines of `text` with `overrides`.
fn errors(text: &str, overrides: &[&str]) -> Vec<String> {
    let overrides: Vec<Override> = overrides.iter().map(|it| Override::set(it)).collect();
    match parse("c.json", text, &overrides) {
        Ok(located) => panic!("accepted as {:?}", located.config),
        Err(error) => error.errors().to_vec(),
    }
}

/// The config that `LEAST` with `overrides` resolves to.
fn with(overrides: &[&str]) -> Config {
    let overrides: Vec<Override> = overrides.iter().map(|it| Override::set(it)).collect();
    parse("c.json", LEAST, &overrides).unwrap().config
}

/// A config with this model and nothing else out of the ordinary.
fn of_model(model: &str) -> String {
    format!("{{\n\"data\": {{\"dataset\": \"mnist\"}},\n\"model\": {model}\n}}")
}

#[test]
fn hostile_nesting_is_refused_without_overflowing_the_stack() {
    let limit = "nested too deep; allowed: at most 64 levels";
    for (open, close) in [("[", "]"), ("{\"of\":", "}")] {
        for depth in [65, 10_000] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let errors = errors(&text, &[]);
            assert_eq!(errors.len(), 1);
            assert!(errors[0].ends_with(limit), "{errors:?}");
        }
    }
    let keys = format!("model.{}kind=dense", "of.".repeat(10_000));
    assert!(errors(LEAST, &[&keys])[0].ends_with("found 10002 keys; allowed: at most 64"));
    // Each override may be shallow although the tree that they make together is not.
    let below = format!(
        "model.{}x={}1{}",
        "of.".repeat(60),
        "[".repeat(60),
        "]".repeat(60)
    );
    assert!(!errors(LEAST, &[&below]).is_empty());
}

#[test]
fn models_nest() {
    let text = of_model(
        r#"{"kind": "sparse", "penalty": {"kind": "top_k", "k": 3}, "of":
            {"kind": "denoising", "corruption": "masking", "of": {"kind": "conv", "channels": [4]}}}"#,
    );
    let ModelConfig::Sparse(sparse) = parse("c.json", &text, &[]).unwrap().config.model else {
        panic!("another kind");
    };
    assert_eq!(
        sparse.penalty,
        Penalty::TopK {
            k: 3,
            anneal_epochs: 0.0
        }
    );
    let ModelConfig::Denoising(denoising) = *sparse.of else {
        panic!("another kind");
    };
    assert_eq!(
        denoising.corruption,
        [Corruption::Masking {
            probability: Strength::Fixed(0.5)
        }]
    );
}

#[test]
fn overrides_change_any_key() {
    let config = with(&[
        "seed=7",
        "train.epochs=3.0",
        "train.optimizer=adamw",
        "train.optimizer.weight_decay=0.5",
        "train.schedule={\"kind\": \"step\", \"every\": 2}",
        "model.layers.0=16",
        "model.code_activation=sigmoid",
        "data.validation=10",
        "description=a = b",
    ]);
    assert_eq!(config.seed, 7);
    assert_eq!(config.train.epochs, 3);
    let OptimizerConfig::AdamW {
        weight_decay,
        beta1,
        ..
    } = config.train.optimizer
    else {
        panic!("another optimizer");
    };
    assert_eq!((weight_decay, beta1), (0.5, 0.9));
    assert_eq!(
        config.train.schedule,
        ScheduleConfig::Step {
            every: 2,
            factor: 0.1
        }
    );
    let ModelConfig::Dense(dense) = config.model else {
        panic!("another kind");
    };
    assert_eq!(dense.layers, [16]);
    assert_eq!(dense.code_activation, Some(Activation::Sigmoid));
    assert_eq!(
        config.data,
        DataConfig::Mnist {
            validation: 10,
            limit: None,
            split_seed: None,
            augment: None
        }
    );
    assert_eq!(config.description.as_deref(), Some("a = b"));
}

#[test]
fn a_description_is_of_the_configs_own_data_and_model() {
    let text = r#"{"description": "digits; expect 0.0044", "data": {"dataset": "mnist"},
        "model": {"kind": "dense", "layers": [8], "code_size": 4}}"#;
    let described = |changes: &[&str]| {
        let changes: Vec<Override> = changes.iter().map(|it| Override::set(it)).collect();
        parse("c.json", text, &changes).unwrap().config.description
    };
    let own = Some("digits; expect 0.0044".to_owned());
    assert_eq!(described(&[]), own);
    assert_eq!(described(&["train.epochs=3", "seed=1"]), own);
    assert_eq!(described(&["data.limit=100"]), None);
    assert_eq!(described(&["model.code_size=8"]), None);
    let other = ["data.limit=100", "description=few digits"];
    assert_eq!(described(&other).as_deref(), Some("few digits"));
}

#[test]
fn defaults_are_filled_in() {
    let resolved = serde_json::to_value(with(&[])).unwrap();
    let expected = json!({
        "seed": 42,
        "backend": "auto",
        "data": { "dataset": "mnist", "validation": 5000, "limit": null },
        "model": {
            "kind": "dense", "layers": [64], "code_size": 8, "activation": "relu",
            "code_activation": "none", "decoder": null, "tied": false, "initial_gain": 1.0
        },
        "train": {
            "epochs": 20, "batch_size": 128, "loss": "auto",
            "optimizer": {
                "kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0
            },
            "learning_rate": 0.001,
            "schedule": { "kind": "constant", "warmup_epochs": 0.0 },
            "clip_norm": null, "patience": null, "min_delta": 0.0
        },
        "tensorboard": false
    });
    assert_eq!(resolved, expected);
}

#[test]
fn a_later_error_is_placed_where_its_key_was_written() {
    let overrides = [Override::set("model.code_size=9")];
    let located = parse("c.json", LEAST, &overrides).unwrap();
    let line = |path: &str| located.error(path, "text").to_string();
    assert_eq!(line("model.layers.0"), "c.json:3:42: model.layers.0: text");
    assert_eq!(line("model.decoder"), "c.json:3:12: model.decoder: text");
    assert_eq!(
        line("model.code_size"),
        "--set model.code_size=9: model.code_size: text"
    );
    assert_eq!(line("train.epochs"), "c.json:1:1: train.epochs: text");
}

#[test]
fn files_that_are_no_configs_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conv.json");
    let at = |place: &str| format!("{}{place}", path.display());
    let line = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        load(&path, &[])
            .map(|located| located.config)
            .map_err(|error| error.to_string())
    };
    let expected = "not JSON: found the byte 0xff; save the file as UTF-8 text";
    assert_eq!(
        line(b"{\n \"\xc3\xa9\xff"),
        Err(at(&format!(":2:4: {expected}")))
    );
    assert_eq!(
        line(b"\xff\xfe{\0}\0"),
        Err(at(&format!(":1:1: {expected}")))
    );
    let expected = "found more than 64 KiB; allowed: at most 64 KiB";
    assert_eq!(line(&[b' '; 100_000]), Err(at(&format!(": {expected}"))));
    assert_eq!(line(format!("\u{feff}{LEAST}").as_bytes()), Ok(with(&[])));

    let error = |path: PathBuf| load(&path, &[]).unwrap_err().to_string();
    let missing = folder.path().join("cnov.json");
    let expected = format!(
        "{}: cannot be read: No such file or directory; did you mean {}?",
        missing.display(),
        path.display()
    );
    assert_eq!(error(missing), expected);
    let expected = format!(
        "{}: cannot be read: Is a directory",
        folder.path().display()
    );
    assert_eq!(error(folder.path().to_path_buf()), expected);
}
