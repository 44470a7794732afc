use serde_json::json;

use crate::common::Work;

/// A small trained run.
fn trained() -> Work {
    let work = Work::new();
    work.ok("tiny.json");
    work
}

#[test]
fn each_format_is_written_whole_and_over_nothing() {
    let work = trained();
    for part in ["whole", "encoder", "decoder"] {
        let report = work.ok_json(&format!("export tiny -o {part}.onnx --part {part} --json"));
        let bytes = work.read(&format!("{part}.onnx"));
        assert_eq!(report["bytes"], bytes.len());
        let has = |word: &str| bytes.windows(word.len()).any(|it| it == word.as_bytes());
        assert!(has("code"), "{part}");
        assert_eq!(has("reconstruction"), part != "encoder");
    }
    work.ok("export tiny --format pytorch -o torch");
    let torch = ["example.safetensors", "model.py", "model.safetensors"];
    assert_eq!(work.names("torch"), torch);
    let checkpoint = work.read("runs/tiny/checkpoints/best/model.safetensors");
    assert!(work.read("torch/model.safetensors") == checkpoint);
    work.ok("export tiny --format huggingface -o hub");
    assert_eq!(work.names("hub").len(), 5);
    let card = work.read_text("hub/README.md");
    for part in [
        "pipeline_tag: image-feature-extraction",
        "PCA, code 4",
        "## Limits",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }

    let exists = work.refused(1, "export tiny -o whole.onnx");
    assert!(exists.contains("whole.onnx: already exists"), "{exists}");
    work.refused(1, "export tiny --format pytorch -o torch");
    work.ok("export tiny --format pytorch -o torch --force");
    let ending = work.refused(2, "export tiny -o model.pt");
    assert!(ending.contains("must end in .onnx"), "{ending}");
    let part = work.refused(2, "export tiny --format pytorch -o other --part encoder");
    assert!(part.contains("--part"), "{part}");
    work.refused(1, "export none -o none.onnx");
}

/// An exported folder encodes and decodes as its run does, and says what it cannot do.
#[test]
fn an_exported_folder_stands_for_its_run() {
    let work = trained();
    work.ok("export tiny --format huggingface -o hub");
    for run in ["tiny", "hub"] {
        work.ok(&format!("encode {run} set -o {run}.npy"));
        work.ok(&format!("decode {run} {run}.npy -o {run}-back.npy"));
    }
    assert!(work.read("tiny.npy") == work.read("hub.npy"));
    assert!(work.read("tiny-back.npy") == work.read("hub-back.npy"));
    let figures =
        |run: &str| work.ok_json(&format!("evaluate {run} --data set --json"))["test"].clone();
    assert_eq!(figures("hub"), figures("tiny"));
    work.ok("inspect hub");
    work.ok("export hub --format pytorch -o again");
    assert!(work.read("again/model.safetensors") == work.read("hub/model.safetensors"));
    for line in ["evaluate hub", "resume hub", "probe hub"] {
        let error = work.refused(1, line);
        assert!(error.contains("hub: is an exported model"), "{error}");
    }
    let mut config = work.read_json("tiny.json");
    config["init"] = json!({ "from": "hub" });
    work.json("from.json", &config);
    work.ok("from.json");
}

#[test]
fn a_damaged_exported_folder_is_named() {
    let work = trained();
    work.ok("export tiny --format huggingface -o hub");
    let (weights, config) = (
        work.read("hub/model.safetensors"),
        work.read_json("hub/config.json"),
    );
    let mut changed = weights.clone();
    *changed.last_mut().unwrap() ^= 1;
    for bytes in [&weights[..100], &changed] {
        work.write("hub/model.safetensors", bytes);
        let error = work.refused(1, "encode hub set -o codes.npy");
        assert!(error.contains("model.safetensors: damaged"), "{error}");
    }
    work.write("hub/model.safetensors", &weights);
    let mut newer = config.clone();
    newer["hourglass"]["format_version"] = 1000.into();
    let mut other = config.clone();
    other["hourglass"]["input_shape"] = json!([1, 70_000, 70_000]);
    let mut none = config.clone();
    none.as_object_mut().unwrap().remove("hourglass");
    for config in [newer, other, none, json!([]), json!({ "hourglass": 3 })] {
        work.json("hub/config.json", &config);
        let error = work.refused(1, "encode hub set -o codes.npy");
        assert!(error.contains("config.json: "), "{error}");
    }
}
