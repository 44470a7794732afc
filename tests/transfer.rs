use std::fs;

use serde_json::{Value, json};

use crate::common::{BACKEND, SIDE, Work, idx, tiny};

/// The accuracies of a report, by the number of labels and the kind of classifier.
fn accuracy(report: &Value, at: usize, kind: &str) -> f64 {
    let found = &report["labels"][at][kind];
    let (mean, spread) = (
        found["mean"].as_f64().unwrap(),
        found["spread"].as_f64().unwrap(),
    );
    assert!(
        (0.0..=1.0).contains(&mean) && (0.0..=1.0).contains(&spread),
        "{found}"
    );
    mean
}

const KINDS: [&str; 3] = ["frozen", "finetuned", "scratch"];

/// Replaces the labels of a set.
fn label(work: &Work, name: &str, labels: impl Fn(usize) -> u8) {
    for (part, count) in [("train", 96), ("t10k", 32)] {
        let labels: Vec<u8> = (0..count).map(&labels).collect();
        let path = format!("{name}/{part}-labels-idx1-ubyte");
        work.write(&path, idx(0x801, &[count], &labels));
    }
}

/// A set of pictures that are bright above or below, which is their label: 9 or 200.
fn halves(work: &Work, name: &str) {
    for (part, count) in [("train", 96), ("t10k", 32)] {
        let pixel = |at: usize| {
            let (picture, row) = (at / (SIDE * SIDE), at / SIDE % SIDE);
            let bright = (row < SIDE / 2) == picture.is_multiple_of(2);
            (at % 37) as u8 + if bright { 200 } else { 0 }
        };
        let pixels: Vec<u8> = (0..count * SIDE * SIDE).map(pixel).collect();
        let path = format!("{name}/{part}-images-idx3-ubyte");
        work.write(&path, idx(0x803, &[count, SIDE, SIDE], &pixels));
    }
    label(work, name, |at| if at.is_multiple_of(2) { 9 } else { 200 });
}

#[test]
fn a_transfer_writes_what_it_prints_and_nothing_else_and_repeats() {
    let work = Work::new();
    halves(&work, "halves");
    let mut config = tiny();
    config["data"]["dir"] = "halves".into();
    work.json("halves.json", &config);
    work.ok("halves.json --quick --name run");
    let before = work.files();
    let line = "transfer run --labels all,8,20 --seeds 2";
    let printed = work.ok_json(&format!("{line} --json"));
    let names = ["analysis/transfer.json", "analysis/transfer.svg"];
    assert_eq!(work.read_json("runs/run/analysis/transfer.json"), printed);
    let mut after = work.files();
    after.retain(|path, _| !path.starts_with("runs/run/analysis/"));
    assert!(before == after, "it changed other files");
    let counts: Vec<&Value> = (printed["labels"].as_array().unwrap().iter())
        .map(|it| &it["count"])
        .collect();
    assert_eq!(counts, [8, 20, 96]);
    let settings = &printed["settings"];
    assert_eq!(settings["seeds"], 2);
    assert_eq!(settings["spread"], "standard deviation over seeds");
    assert_eq!(
        (&printed["classes"], &printed["test_images"]),
        (&json!(2), &json!(32))
    );
    // Above or below: whoever cannot learn this has not learned.
    for at in 0..3 {
        for kind in KINDS {
            assert!(
                accuracy(&printed, at, kind) > 0.95,
                "{kind}: {}",
                printed["labels"][at]
            );
        }
    }
    let svg = work.read_text("runs/run/analysis/transfer.svg");
    for text in [
        "Transfer of run",
        "frozen",
        "fine-tuned",
        "from scratch",
        "logarithmic",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    // As a table, and again to the bit, on any number of threads.
    let bytes = names.map(|name| work.read(&format!("runs/run/{name}")));
    let ended = work.ok(&format!("{line} --threads 1"));
    for text in [
        "labels",
        "frozen",
        "fine-tuned",
        "from scratch",
        "100.00 % ± 0.00",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("1000 steps"), "{}", ended.stderr);
    assert!(bytes == names.map(|name| work.read(&format!("runs/run/{name}"))));
    assert_eq!(
        work.ok(&format!("{line} --threads 3 --quiet --json"))
            .stderr,
        ""
    );
    assert!(bytes == names.map(|name| work.read(&format!("runs/run/{name}"))));
}

#[test]
fn every_kind_of_model_is_transferred_also_to_other_data() {
    let work = Work::new();
    halves(&work, "halves");
    let map = json!({ "kind": "conv", "channels": [3], "batch_norm": true });
    let top_k = json!({
        "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 },
        "of": { "kind": "denoising", "corruption": "masking", "of":
            { "kind": "conv", "channels": [3], "code_size": 6, "layers": [8] } },
    });
    let tied = json!({ "kind": "dense", "layers": [12], "code_size": 4, "tied": true });
    for (number, model) in [map, top_k, tied].into_iter().enumerate() {
        let config = json!({
            "backend": BACKEND, "model": model, "data": tiny()["data"],
            "train": { "epochs": 1, "batch_size": 16 },
        });
        work.json("model.json", &config);
        work.ok(&format!("model.json --name run{number}"));
        let line = format!("transfer run{number} --labels 40 --seeds 1 --data halves --json");
        let report = work.ok_json(&line);
        for kind in KINDS {
            assert!(
                accuracy(&report, 0, kind) > 0.9,
                "{number}, {kind}: {report}"
            );
            assert_eq!(report["labels"][0][kind]["spread"], 0.0);
        }
        assert_eq!(report["data"], "halves");
    }
    // The run's own data may be gone.
    fs::rename(work.path("set"), work.path("moved")).unwrap();
    work.ok("transfer run0 --labels 2 --seeds 1 --data halves");
}

#[test]
fn what_cannot_be_classified_is_one_line() {
    let work = Work::new();
    work.ok("tiny.json --name run");
    for (labels, found) in [("0", "0"), ("many", "many"), ("1.5", "1.5"), ("", "")] {
        let ended = work.run_words(&["transfer", "run", "--labels", labels]);
        assert_eq!(ended.code, Some(2), "{labels}");
        let text = format!("invalid value '{found}'");
        assert!(ended.stderr.contains(&text), "{}", ended.stderr);
    }
    assert_eq!(work.run("transfer run --seeds 0").code, Some(2));
    assert_eq!(
        work.refused(2, "transfer run --labels 20,9"),
        "--labels: found 9; allowed: at least 10 (one per class), or all"
    );
    assert_eq!(
        work.refused(1, "transfer runn"),
        "runn: no such run; give a run's folder, or its name in runs; did you mean run?"
    );
    // More than there are: all, which is said.
    let ended = work.ok("transfer run --labels 1000,96 --seeds 1 --json");
    let note = "note: 1000 labels requested, but only 96 pictures exist; using all";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["labels"].as_array().unwrap().len(), 1);
    assert_eq!(report["labels"][0]["count"], 96);
    // A single class, and none.
    let bytes = |part: &str| work.read(&format!("set/{part}-images-idx3-ubyte"));
    for part in ["train", "t10k"] {
        work.write(&format!("one/{part}-images-idx3-ubyte"), bytes(part));
        work.write(&format!("none/{part}-images-idx3-ubyte"), bytes(part));
    }
    label(&work, "one", |_| 3);
    assert_eq!(
        work.refused(1, "transfer run --data one"),
        "one: all pictures have the same class; a classifier needs two or more classes"
    );
    let line = work.refused(1, "transfer run --data none");
    assert!(
        line.starts_with("none: no labels found; a transfer needs"),
        "{line}"
    );
}
