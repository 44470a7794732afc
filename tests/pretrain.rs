use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Random, Work, tiny};

/// Kills that one run has to survive.
const KILLS: usize = 6;

/// A config named `stack` of three encoder layers, each trained by itself for two epochs first.
fn stack(work: &Work, change: impl Fn(&mut Value)) {
    let mut config = tiny();
    config["model"]["layers"] = json!([16, 8]);
    config["train"]["pretrain"] = json!({ "kind": "layerwise", "epochs": 2 });
    change(&mut config);
    work.json("stack.json", &config);
}

/// The lines of a run's `pretrain.jsonl` without what depends on the clock.
fn rows(work: &Work, run: &str) -> Vec<Value> {
    let text = work.read_text(&format!("runs/{run}/pretrain.jsonl"));
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        for key in ["seconds", "images_per_s", "seal"] {
            assert!(
                row.as_object_mut().unwrap().shift_remove(key).is_some(),
                "{line}"
            );
        }
        row
    };
    text.lines().map(row).collect()
}

/// Asserts that two runs came to the same, the training of their layers too.
fn assert_same(work: &Work, one: &str, other: &str) {
    assert_eq!(rows(work, one), rows(work, other));
    work.assert_same(&format!("runs/{one}"), &format!("runs/{other}"));
}

#[test]
fn layers_are_trained_one_after_the_other_and_then_together() {
    let work = Work::new();
    stack(&work, |_| {});
    let ended = work.ok("stack.json");
    let lines: Vec<&str> = (ended.stderr.lines())
        .filter(|it| it.starts_with("layer "))
        .collect();
    let starts = [
        "layer 1/3 encoder.0  epoch   1/2  train/loss ",
        "layer 1/3 encoder.0  epoch   2/2  train/loss ",
        "layer 2/3 encoder.1  epoch   1/2  train/loss ",
        "layer 2/3 encoder.1  epoch   2/2  train/loss ",
        "layer 3/3 code  epoch   1/2  train/loss ",
        "layer 3/3 code  epoch   2/2  train/loss ",
    ];
    assert_eq!(lines.len(), starts.len(), "{}", ended.stderr);
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let rows = rows(&work, "stack");
    let places: Vec<(&Value, &Value, &Value)> = rows
        .iter()
        .map(|row| (&row["layer"], &row["epoch"], &row["step"]))
        .collect();
    // Five steps an epoch, counted for each layer.
    let expected: Vec<(Value, Value, Value)> = ["encoder.0", "encoder.1", "code"]
        .iter()
        .flat_map(|name| {
            [(1, 5), (2, 10)].map(|(epoch, step)| (json!(name), json!(epoch), json!(step)))
        })
        .collect();
    let expected: Vec<_> = expected.iter().map(|(a, b, c)| (a, b, c)).collect();
    assert_eq!(places, expected);
    for pair in rows.chunks(2) {
        let loss = |row: &Value| row["train/loss"].as_f64().unwrap();
        assert!(loss(&pair[1]) < loss(&pair[0]), "it learns: {pair:?}");
    }
    // Readers of the figures find what they always found.
    let metrics = work.read_text("runs/stack/metrics.jsonl");
    assert_eq!(metrics.lines().count(), 2);
    let state = work.read_json("runs/stack/state.json");
    assert_eq!((&state["epoch"], &state["step"]), (&json!(2), &json!(10)));
    assert!(state.get("pretraining").is_none(), "{state}");
    // It is another start than the drawn one.
    stack(&work, |config| config["train"]["pretrain"] = Value::Null);
    work.ok("stack.json --name drawn");
    assert!(work.outcome("runs/stack").last != work.outcome("runs/drawn").last);
    assert!(!work.path("runs/drawn/pretrain.jsonl").exists());
}

#[test]
fn every_network_with_a_mirror_is_pretrained_and_goes_on_as_if_it_had_not_stopped() {
    let work = Work::new();
    let conv = json!({
        "kind": "conv", "channels": [3, 4], "code_size": 4, "batch_norm": true, "layers": [6],
    });
    let map = json!({ "kind": "conv", "channels": [3, 4], "upsample": "transposed" });
    let kinds = [
        conv.clone(),
        json!({ "kind": "denoising", "corruption": "masking", "of": map }),
        json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": conv }),
    ];
    for (number, model) in kinds.into_iter().enumerate() {
        stack(&work, |config| {
            config["model"] = model.clone();
            config["train"]["pretrain"]["epochs"] = 1.into();
            config["data"]["augment"] = json!({ "shift": 1 });
        });
        let (whole, halves) = (format!("whole{number}"), format!("halves{number}"));
        work.ok(&format!("stack.json --name {whole} --set train.epochs=3"));
        work.ok(&format!("stack.json --name {halves} --set train.epochs=1"));
        work.ok(&format!("resume {halves} --set train.epochs=3"));
        assert_same(&work, &whole, &halves);
    }
}

#[test]
fn a_run_killed_while_a_layer_is_trained_goes_on_bit_for_bit() {
    let work = Work::new();
    stack(&work, |config| {
        // An epoch is a single step, so that this is mostly the writing of files.
        config["train"]["batch_size"] = 128.into();
        config["train"]["pretrain"]["epochs"] = 12.into();
        config["train"]["optimizer"] = json!({ "kind": "sgd", "momentum": 0.9 });
    });
    work.ok("stack.json --name whole");
    let mut random = Random(3);
    let mut kill = |line: &str| {
        let mut child = work
            .command()
            .args(line.split_whitespace())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(20 + random.below(150) as u64));
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.code().is_none_or(|code| code == 0), "{status}");
        running
    };
    while !work.path("runs/killed").is_dir() {
        kill("stack.json --name killed");
    }
    let mut seen = Vec::new();
    while seen.len() < KILLS && kill("resume killed") {
        seen.push(work.read_json("runs/killed/state.json")["pretraining"].as_u64());
    }
    work.ok("resume killed");
    assert_same(&work, "whole", "killed");
    assert_eq!(work.names("runs/whole"), work.names("runs/killed"));
}

#[cfg(unix)]
#[test]
fn a_run_interrupted_while_a_layer_is_trained_says_so_and_goes_on() {
    let work = Work::new();
    let endless = |epochs: usize| {
        stack(&work, |config| {
            config["train"]["batch_size"] = 2.into();
            config["train"]["pretrain"]["epochs"] = epochs.into();
        });
    };
    endless(40);
    work.ok("stack.json --name whole");
    let mut child = work
        .command()
        .args(["stack.json", "--name", "stopped", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !work.path("runs/stopped/pretrain.jsonl").is_file() {
        sleep(Duration::from_millis(5));
    }
    let kill = format!("kill -s INT {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let state = work.read_json("runs/stopped/state.json");
    assert_eq!(state["status"], "interrupted");
    assert!(state["pretraining"].as_u64().unwrap() < 3, "{state}");
    // Its weights may be looked at already.
    work.ok("evaluate stopped");
    work.ok("resume stopped");
    assert_same(&work, "whole", "stopped");
}

#[test]
fn frozen_layers_are_left_out_and_stay() {
    let work = Work::new();
    stack(&work, |config| config["train"]["pretrain"] = Value::Null);
    work.ok("stack.json --name source");
    stack(&work, |config| {
        config["seed"] = 9.into();
        config["init"] =
            json!({ "from": "source", "layers": ["encoder.0", "decoder.2"], "freeze": true });
    });
    work.ok("stack.json --name next");
    let layers: Vec<Value> = rows(&work, "next")
        .iter()
        .map(|row| row["layer"].clone())
        .collect();
    assert_eq!(layers, ["encoder.1", "encoder.1", "code", "code"]);
}

#[test]
fn a_decoder_that_is_no_mirror_is_refused() {
    let work = Work::new();
    let cases = [
        (
            json!({ "kind": "dense", "layers": [16, 8], "decoder": [9, 16], "code_size": 4 }),
            "model.decoder: found [9, 16] with train.pretrain; allowed: the encoder's mirror, or no \
             \"decoder\" at all",
        ),
        (
            json!({
                "kind": "sparse", "penalty": "l1",
                "of": { "kind": "dense", "layers": [16], "tied": true, "code_size": 4 },
            }),
            "model.of.tied: found true with train.pretrain; allowed: false, because a layer is trained \
             with a mirror that has weights of its own",
        ),
        (
            json!({ "kind": "conv", "channels": [2, 3], "decoder": [3] }),
            "model.decoder: found [3] with train.pretrain; allowed: the encoder's mirror, or no \
             \"decoder\" at all",
        ),
    ];
    for (model, expected) in cases {
        stack(&work, |config| config["model"] = model.clone());
        let line = work.refused(2, "stack.json");
        assert!(line.ends_with(expected), "{line}");
    }
    stack(&work, |_| {});
    work.ok("stack.json");
    let line = work.refused(2, "resume stack --set train.pretrain.epochs=3");
    assert!(
        line.contains("the layers were trained by themselves at the start"),
        "{line}"
    );
}

#[test]
fn a_layer_that_leaves_the_numbers_ends_the_run() {
    let work = Work::new();
    stack(&work, |config| {
        config["train"]["learning_rate"] = json!(1e30);
        config["train"]["optimizer"] = "sgd".into();
    });
    let ended = work.run("stack.json");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(
        work.read_json("runs/stack/state.json")["status"],
        "diverged"
    );
}
