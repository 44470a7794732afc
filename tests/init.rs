use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// The parameters of a checkpoint, each with its bytes, by name.
fn weights(work: &Work, run: &str, checkpoint: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = work.read(&format!(
        "runs/{run}/checkpoints/{checkpoint}/model.safetensors"
    ));
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let names: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let place = |tensor: &Value, end: usize| tensor["data_offsets"][end].as_u64().unwrap() as usize;
    let values = &bytes[8 + header..];
    (names.as_object().unwrap().iter())
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, at)| (name.clone(), values[place(at, 0)..place(at, 1)].to_vec()))
        .collect()
}

/// A config named `next` that starts from the run `tiny`.
fn next(work: &Work, change: impl Fn(&mut Value)) {
    let mut config = tiny();
    config["seed"] = 7.into();
    config["init"] = json!({ "from": "runs/tiny" });
    change(&mut config);
    work.json("next.json", &config);
}

/// Names of parameters that are to the bit the same.
fn same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let same = one
        .iter()
        .filter(|(name, bytes)| other.get(*name) == Some(*bytes));
    same.map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_training_starts_from_the_layers_of_another_run() {
    let work = Work::new();
    work.ok("tiny.json");
    next(&work, |config| {
        config["init"]["layers"] = json!(["encoder.0"]);
        // So little that every weight keeps its value, and its bits where they are taken.
        config["train"]["learning_rate"] = json!(1e-30);
    });
    let ended = work.ok("next.json");
    let line = "init     encoder.0 of runs/tiny\n";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    let source = weights(&work, "tiny", "best");
    let taken = same(&source, &weights(&work, "next", "last"));
    assert_eq!(taken, ["encoder.0.bias", "encoder.0.weight"]);
    // All that fit, by a name below `runs`: of another code size all but the layers about the code.
    next(&work, |config| {
        config["init"]["from"] = "tiny".into();
        config["model"]["code_size"] = 5.into();
        config["train"]["learning_rate"] = json!(1e-30);
    });
    let ended = work.ok("next.json --name wider");
    let line = "init     encoder.0, decoder.1 of runs/tiny\n";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    let taken = same(&source, &weights(&work, "wider", "last"));
    let expected = [
        "decoder.1.bias",
        "decoder.1.weight",
        "encoder.0.bias",
        "encoder.0.weight",
    ];
    assert_eq!(taken, expected);
}

#[test]
fn the_code_is_taken_by_its_name_whatever_stands_before_it() {
    let work = Work::new();
    let model = |channels: &[usize], normed: bool| json!({ "kind": "conv", "channels": channels, "code_size": 3, "batch_norm": normed });
    let mut config = tiny();
    config["model"] = model(&[4, 8], true);
    work.json("conv.json", &config);
    work.ok("conv.json");
    next(&work, |config| {
        config["init"] = json!({ "from": "runs/conv", "freeze": true });
        config["model"] = json!({
            "kind": "denoising", "corruption": "masking", "of": model(&[4, 6], true),
        });
    });
    let ended = work.ok("next.json --json");
    let line = "init     encoder.0, decoder.1 of runs/conv, frozen\n";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    // With the running statistics of its normalisation.
    let taken = same(
        &weights(&work, "conv", "best"),
        &weights(&work, "next", "last"),
    );
    assert!(
        taken.contains(&"encoder.0.norm.running_var".to_owned()),
        "{taken:?}"
    );
    assert!(
        taken
            .iter()
            .all(|it| it.starts_with("encoder.0.") || it.starts_with("decoder.1."))
    );
    assert_eq!(taken.len(), 8, "{taken:?}");
}

#[test]
fn frozen_layers_are_to_the_bit_what_they_were_also_after_a_resume() {
    let work = Work::new();
    work.ok("tiny.json");
    let source = weights(&work, "tiny", "best");
    for optimizer in [
        json!({ "kind": "adamw", "weight_decay": 0.1 }),
        json!({ "kind": "sgd", "momentum": 0.9, "weight_decay": 0.1 }),
    ] {
        next(&work, |config| {
            config["init"]["layers"] = json!(["encoder.0", "code"]);
            config["init"]["freeze"] = true.into();
            config["train"]["optimizer"] = optimizer.clone();
            config["train"]["clip_norm"] = 1.0.into();
        });
        let name = optimizer["kind"].as_str().unwrap();
        work.ok(&format!(
            "next.json --name {name}-whole --set train.epochs=4"
        ));
        work.ok(&format!("next.json --name {name}-halves"));
        // Everything is in the checkpoint: the run that the layers came from may be gone.
        fs::rename(work.path("runs/tiny"), work.path("runs/moved")).unwrap();
        work.ok(&format!("resume {name}-halves --set train.epochs=4"));
        work.assert_same(
            &format!("runs/{name}-whole"),
            &format!("runs/{name}-halves"),
        );
        work.ok(&format!("evaluate {name}-halves"));
        fs::rename(work.path("runs/moved"), work.path("runs/tiny")).unwrap();
        let after = weights(&work, &format!("{name}-halves"), "last");
        let frozen = [
            "encoder.0.bias",
            "encoder.0.weight",
            "encoder.1.bias",
            "encoder.1.weight",
        ];
        assert_eq!(same(&source, &after), frozen);
        let meta = work.read_json(&format!("runs/{name}-halves/checkpoints/last/meta.json"));
        assert_eq!(meta["frozen"], json!(["encoder.0", "code"]));
        let config = work.read_json(&format!("runs/{name}-halves/config.json"));
        assert_eq!(config["init"]["from"], "runs/tiny");
    }
    // Without it they learn.
    next(&work, |config| {
        config["init"]["layers"] = json!(["encoder.0", "code"])
    });
    work.ok("next.json --name free");
    assert!(same(&source, &weights(&work, "free", "last")).is_empty());
}

#[test]
fn what_cannot_be_started_from_is_refused_before_any_data_is_loaded() {
    let work = Work::new();
    work.ok("tiny.json");
    work.set("wide", 96, 32, 2);
    // Whole headers and nothing behind them: whoever loads this fails with another line.
    for part in ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"] {
        let bytes = work.read(&format!("set/{part}"));
        work.write(&format!("cut/{part}"), &bytes[..16]);
    }
    let all = "encoder.0, code, decoder.0, decoder.1";
    // A change of the config, and what it is answered with.
    type Case<'a> = (&'a dyn Fn(&mut Value), String);
    let cases: [Case; 8] = [
        (
            &|config| config["init"]["from"] = "runs/tinny".into(),
            "init.from: runs/tinny: no such run; give a run's folder, or its name in runs; did you \
             mean tiny?"
                .into(),
        ),
        (
            &|config| config["init"]["from"] = "set".into(),
            "init.from: set: not a run: it has no config.json".into(),
        ),
        (
            &|config| config["init"]["layers"] = json!(["encoder.0", "encoder.1"]),
            format!(
                "init.layers.1: found \"encoder.1\", which the model does not have; allowed: {all}"
            ),
        ),
        (
            &|config| {
                config["init"]["layers"] = json!(["encoder.1"]);
                config["model"]["layers"] = json!([16, 8]);
            },
            format!(
                "init.layers.0: found \"encoder.1\", which runs/tiny does not have; allowed: {all}"
            ),
        ),
        (
            &|config| {
                config["init"]["layers"] = json!(["code"]);
                config["model"]["layers"] = json!([12]);
            },
            "init.layers.0: code has weight of 4x16 in runs/tiny and of 4x12 in the model; use \
             layers with the same shapes"
                .into(),
        ),
        (
            &|config| {
                config["model"] = json!({ "kind": "conv", "channels": [2] });
            },
            "init.from: runs/tiny has no layer with the same name and shapes; use another run"
            .into(),
        ),
        (
            &|config| config["init"]["freeze"] = true.into(),
            "init.freeze: found true, which would freeze every layer; freeze fewer, because at least \
             one must be trained"
                .into(),
        ),
        (
            &|config| config["init"]["layers"] = json!(["coed"]),
            "init.layers.0: found \"coed\", which the model does not have; did you mean \"code\"?"
                .into(),
        ),
    ];
    for (change, expected) in cases {
        next(&work, |config| {
            config["data"]["dir"] = "cut".into();
            change(config);
        });
        let line = work.refused(2, "next.json");
        let text = line.splitn(4, ':').nth(3).unwrap().trim();
        assert_eq!(text, expected, "{line}");
    }
    // Of pictures of another shape.
    work.json(
        "digits.json",
        &json!({
            "data": { "dataset": "mnist" }, "model": tiny()["model"],
            "init": { "from": "runs/tiny" },
        }),
    );
    let line = work.refused(2, "digits.json");
    let text = "runs/tiny is for images of 1x8x8; use a run for images of 1x28x28";
    assert!(line.ends_with(&format!("init.from: {text}")), "{line}");
    // Half a file of weights.
    let path = "runs/tiny/checkpoints/best/model.safetensors";
    let bytes = work.read(path);
    work.write(path, &bytes[..bytes.len() / 2]);
    next(&work, |_| {});
    let line = work.refused(2, "next.json");
    assert!(
        line.contains(": init.from: ") && line.contains("damaged"),
        "{line}"
    );
}

#[test]
fn a_sweep_may_compare_starts() {
    let work = Work::new();
    work.ok("tiny.json");
    next(&work, |config| {
        config["init"]["layers"] = json!(["encoder.0"]);
        config["sweep"] = json!({ "init.freeze": [false, true] });
    });
    work.ok("sweep next.json");
    let source = weights(&work, "tiny", "best");
    for (freeze, count) in [(false, 0), (true, 2)] {
        let after = weights(&work, &format!("next/freeze={freeze}"), "last");
        assert_eq!(same(&source, &after).len(), count, "{freeze}");
    }
    // Given again it keeps its runs, and needs none of the other's.
    fs::remove_dir_all(work.path("runs/tiny")).unwrap();
    work.ok("sweep next.json");
}
