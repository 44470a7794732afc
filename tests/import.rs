use std::io::{Cursor, Write};

use safetensors::SafeTensors;
use serde_json::json;
use zip::ZipWriter;
use zip::write::FileOptions;

use crate::common::Work;

/// A run, and its weights as a file of another program.
fn exported() -> Work {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("export tiny --format pytorch -o torch");
    work
}

/// What an imported run does is what the weights did, and it goes on like any other.
#[test]
fn imported_weights_are_a_run_like_any_other() {
    let work = exported();
    let report =
        work.ok_json("import torch/model.safetensors --config tiny.json -o runs/back --json");
    assert_eq!(report["unused"], json!([]));
    for run in ["tiny", "back"] {
        work.ok(&format!("encode {run} set -o {run}.npy"));
    }
    assert!(work.read("tiny.npy") == work.read("back.npy"));
    let figures = |run: &str| work.ok_json(&format!("evaluate {run} --json"))["test"].clone();
    assert_eq!(figures("back"), figures("tiny"));
    assert_eq!(
        work.unsealed("runs/back/state.json")["status"],
        "interrupted"
    );
    let mut config = work.read_json("tiny.json");
    config["init"] = json!({ "from": "runs/back" });
    work.json("from.json", &config);
    work.ok("from.json");
    work.ok("resume back");
    assert_eq!(work.unsealed("runs/back/state.json")["status"], "finished");
    // It went on from these weights and not from new ones.
    let loss = |run: &str| {
        let lines = work.read_text(&format!("runs/{run}/metrics.jsonl"));
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        first["train/loss"].as_f64().unwrap()
    };
    assert!(loss("back") < loss("tiny"));

    let error = work.refused(
        1,
        "import torch/model.safetensors --config tiny.json -o runs/back",
    );
    assert!(error.contains("runs/back: already exists"), "{error}");
}

#[test]
fn what_does_not_fit_is_named_before_anything_is_written() {
    let work = exported();
    let mut wider = work.read_json("tiny.json");
    wider["model"]["code_size"] = 5.into();
    work.json("wider.json", &wider);
    let error = work.refused(
        2,
        "import torch/model.safetensors --config wider.json -o runs/new",
    );
    assert!(error.contains("has no tensor for"), "{error}");
    work.json("map.json", &json!({ "none": "encoder.0.weight" }));
    let error = work.refused(
        2,
        "import torch/model.safetensors --config tiny.json -o runs/new --map map.json",
    );
    assert!(error.contains("no tensor none"), "{error}");
    work.refused(1, "import none.pt --config tiny.json -o runs/new");
    // What the file has beyond the model is said.
    let file = work.read("torch/example.safetensors");
    assert!(SafeTensors::deserialize(&file).is_ok());
    work.refused(
        2,
        "import torch/example.safetensors --config tiny.json -o runs/new",
    );
}

/// A pickle can call any function where PyTorch loads it. Here it is data that are refused.
#[test]
fn hostile_files_run_nothing() {
    let work = Work::new();
    let call = format!(
        "cposix\nsystem\n(S'touch {}'\ntR.",
        work.path("trace").display()
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("archive/data.pkl", FileOptions::default())
        .unwrap();
    zip.write_all(call.as_bytes()).unwrap();
    let archive = zip.finish().unwrap().into_inner();
    let mut cut = archive.clone();
    cut.truncate(archive.len() / 2);
    let long_header = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let files = [
        call.into_bytes(),
        archive,
        cut,
        long_header,
        Vec::new(),
        vec![0x80; 40],
    ];
    for (number, bytes) in files.into_iter().enumerate() {
        work.write("weights.pt", bytes);
        let error = work.refused(1, "import weights.pt --config tiny.json -o runs/new");
        assert!(
            error.starts_with("weights.pt: not a file of weights"),
            "{number}: {error}"
        );
        assert!(!work.path("trace").exists());
    }
}
