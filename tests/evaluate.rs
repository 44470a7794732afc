use std::fs;

use serde_json::{Value, json};

use crate::common::{BACKEND, SIDE, Work, tiny};

#[test]
fn a_run_is_measured_as_its_summary_says_to_the_last_digit() {
    let work = Work::new();
    let models = [
        tiny()["model"].clone(),
        json!({ "kind": "conv", "channels": [4, 8], "code_size": 6, "batch_norm": true }),
        json!({
            "kind": "denoising", "corruption": "salt_and_pepper",
            "of": {
                "kind": "sparse", "penalty": { "kind": "top_k", "k": 3 },
                "of": { "kind": "dense", "layers": [16], "code_size": 12 },
            },
        }),
    ];
    for (number, model) in models.into_iter().enumerate() {
        let mut config = tiny();
        config["model"] = model;
        work.json("config.json", &config);
        work.ok(&format!("config.json --name run{number}"));
        let summary = work.read_json(&format!("runs/run{number}/summary.json"));
        for data in ["", "--data set", r#"--data {"dataset":"idx","dir":"set"}"#] {
            let report = work.ok_json(&format!("evaluate run{number} --json {data}"));
            for key in [
                "test",
                "code",
                "baselines",
                "restoration",
                "kind",
                "code_size",
            ] {
                assert_eq!(report[key], summary[key], "{key} with {data}");
            }
            assert_eq!(report["images"], 32);
        }
    }
}

#[test]
fn the_best_epoch_is_measured_and_not_the_last() {
    let work = Work::new();
    work.ok("tiny.json --name one --set train.epochs=1");
    work.copy("runs/one", "runs/three");
    // Steps of this size lead away from any good weights.
    work.ok("resume three --set train.epochs=3 --set train.learning_rate=3");
    assert_eq!(work.read_json("runs/three/summary.json")["best_epoch"], 1);
    let report = |run: &str| work.ok_json(&format!("evaluate {run} --json"))["test"].clone();
    assert_eq!(report("one"), report("three"));
}

#[test]
fn other_data_has_other_figures() {
    let work = Work::new();
    work.ok("tiny.json");
    work.set("other", 20, 10, 99);
    let own = work.ok_json("evaluate tiny --json");
    let other = work.ok_json("evaluate tiny --json --data other");
    assert_eq!(other["images"], 10);
    assert_eq!(other["data"], "other");
    assert_ne!(own["test"], other["test"]);
    // PCA is that of the run's own training images, measured on the other ones.
    assert_ne!(
        own["baselines"]["pca"]["mse"],
        other["baselines"]["pca"]["mse"]
    );
}

#[test]
fn the_same_images_as_pictures_have_the_same_figures() {
    let work = Work::new();
    work.ok("tiny.json");
    let images = work.read("set/t10k-images-idx3-ubyte");
    fs::create_dir(work.path("photos")).unwrap();
    for (index, pixels) in images[16..].chunks_exact(SIDE * SIDE).enumerate() {
        let side = SIDE as u32;
        let picture = image::GrayImage::from_raw(side, side, pixels.to_vec()).unwrap();
        picture
            .save(work.path(&format!("photos/{index:03}.png")))
            .unwrap();
    }
    let own = work.ok_json("evaluate tiny --json");
    let pictures = work.ok_json("evaluate tiny --json --data photos");
    assert_eq!(pictures["images"], 32);
    assert_eq!(pictures["test"], own["test"]);
    let one = work.ok_json("evaluate tiny --json --data photos/007.png");
    assert_eq!(one["images"], 1);
}

#[test]
fn a_run_outlives_its_data() {
    let work = Work::new();
    work.ok("tiny.json");
    work.set("other", 20, 10, 99);
    let before = work.ok_json("evaluate tiny --json --data other");
    fs::rename(work.path("set"), work.path("moved")).unwrap();
    let line = work.refused(1, "evaluate tiny");
    assert!(line.starts_with("set: cannot be read"), "{line}");
    let ended = work.ok("evaluate tiny --json --data other");
    assert!(
        ended
            .stderr
            .starts_with("note: baselines skipped: the run's images could not be loaded")
    );
    let after: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(after["test"], before["test"]);
    assert_eq!(after["baselines"], Value::Null);
}

#[test]
fn changed_test_images_are_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    let name = "set/t10k-images-idx3-ubyte";
    let mut bytes = work.read(name);
    *bytes.last_mut().unwrap() ^= 1;
    work.write(name, bytes);
    let line = work.refused(1, "evaluate tiny");
    assert!(
        line.starts_with("set: found images with SHA-256 "),
        "{line}"
    );
}

#[test]
fn a_model_of_mnist_is_measured_on_mnist() {
    let work = Work::new();
    let mut config = tiny();
    config["data"] = json!({ "dataset": "mnist", "limit": 300, "validation": 100 });
    work.json("digits.json", &config);
    let summary = work.ok_json("digits.json --json --set train.epochs=1");
    assert_eq!(summary["input_shape"], json!([1, 28, 28]));
    assert!(summary["test"]["ssim"].is_f64());

    let report = work.ok_json(&format!(
        "evaluate digits --data mnist --json --backend {BACKEND}"
    ));
    assert_eq!(report["images"], 10_000);
    assert_eq!(report["test"], summary["test"]);
}

#[test]
fn the_baselines_of_mnist_are_the_published_ones() {
    let work = Work::new();
    let mut config = tiny();
    config["data"] = json!({ "dataset": "mnist" });
    config["model"] = json!({ "kind": "dense", "layers": [], "code_size": 30 });
    // The model is of no interest here; PCA is fitted on all 60,000 images however it trains.
    config["train"] = json!({ "epochs": 1, "batch_size": 5000 });
    work.json("pca.json", &config);
    let summary = work.ok_json("pca.json --json");
    // Hinton & Salakhutdinov (2006) give 13.87 for PCA with 30 components.
    let error = &summary["baselines"]["pca"]["sum_sq"];
    assert_eq!(format!("{:.3}", error.as_f64().unwrap()), "13.866");
    // The entropy that the 10,000 test images have themselves, below which no cross-entropy comes.
    let figure = |name: &str| summary["test"][name].as_f64().unwrap();
    let floor = figure("bce") - figure("bce_over_floor");
    assert_eq!(format!("{floor:.6}"), "0.058080");
}

#[test]
fn the_table_shows_the_figures_beside_the_baselines() {
    let work = Work::new();
    work.ok("tiny.json");
    let test = &work.read_json("runs/tiny/summary.json")["test"];
    let table = work.ok("evaluate tiny").stdout;
    let row = table.lines().nth(1).unwrap();
    for (name, digits) in [("mse", 6), ("sum_sq", 3), ("bce", 6), ("psnr", 2)] {
        let figure = format!("{:.digits$}", test[name].as_f64().unwrap());
        assert!(
            row.split_whitespace().any(|it| it == figure),
            "{name} {figure}: {row}"
        );
    }
    for name in ["PCA, code 4", "mean picture", "error than PCA"] {
        assert!(table.contains(name), "{table}");
    }
}
