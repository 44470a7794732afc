use std::io::Cursor;

use image::{ColorType, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::common::{BACKEND, Random, Work};

/// Height and width of the pictures: different ones, so that neither is taken for the other.
const SIZE: [u32; 2] = [12, 10];

/// A folder `photos` of pictures, each of two colours with an edge between them.
fn photos(work: &Work) {
    let mut random = Random(7);
    for number in 0..40 {
        let mut colour = || Rgb([0; 3].map(|_: u8| random.below(256) as u8));
        let (above, below) = (colour(), colour());
        let edge = random.below(12) as u32;
        let picture = RgbImage::from_fn(SIZE[1], SIZE[0], |x, y| {
            if y + x / 3 < edge { above } else { below }
        });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        work.write(&format!("photos/{number:02}.png"), bytes.into_inner());
    }
}

/// A config `NAME.json` of a model that restores photos.
fn restoring(work: &Work, name: &str, corruption: Value, residual: bool) {
    let of = json!({ "kind": "conv", "channels": [6], "convolutions": 2 });
    let config = json!({
        "backend": BACKEND,
        "data": { "dataset": "images", "dir": "photos" },
        "model": {
            "kind": "denoising", "corruption": corruption, "residual": residual, "of": of,
        },
        "train": { "epochs": 4, "batch_size": 4, "learning_rate": 0.01 },
    });
    work.json(&format!("{name}.json"), &config);
}

/// Everything that loses information, in one chain.
fn chain() -> Value {
    json!([
        { "kind": "blur", "sigma": [0.3, 1.0] },
        { "kind": "downscale", "factor": 2 },
        { "kind": "block", "size": [[2, 4], 3] },
        { "kind": "gaussian", "std": [0, 0.1] },
    ])
}

/// Every command that takes pictures gives a model of grey inputs what it can see.
#[test]
fn a_model_of_grey_inputs_works_with_every_command() {
    let work = Work::new();
    photos(&work);
    restoring(&work, "grey", json!(["grayscale", "masking"]), true);
    work.ok("grey.json");
    let summary = work.read_json("runs/grey/summary.json");
    assert_eq!(summary["input_shape"], json!([3, 12, 10]));
    assert_eq!(summary["loss"], "mse");
    let corrupted = &summary["baselines"]["corrupted"]["mse"];
    assert!(summary["test"]["mse"].as_f64() < corrupted.as_f64());
    // Inputs, what is left of them in grey, and restorations: one picture in colour.
    let samples = image::open(work.path("runs/grey/samples/epoch-0001.png")).unwrap();
    assert_eq!(samples.color(), ColorType::Rgb8);

    let shown = work.ok_json("inspect grey --json");
    assert_eq!(shown["input_shape"], json!([3, 12, 10]));
    assert_eq!(shown["encoder_input_shape"], json!([1, 12, 10]));
    let kinds: Vec<&str> = (shown["layers"].as_array().unwrap().iter())
        .map(|layer| layer["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "2 x conv 3x3 1 -> 6, max-pool",
            "nearest x2, 2 x conv 3x3 6 -> 3"
        ]
    );
    // 1 -> 6, 6 -> 6, 6 -> 6, 6 -> 3, with 9 weights each and a bias.
    let parameters = 60 + 330 + 330 + 165;
    assert_eq!(shown["parameters"], parameters);
    assert!(
        work.ok("inspect grey")
            .stdout
            .contains("reduced to 1 channel for the encoder")
    );

    work.ok("evaluate grey");
    work.ok("encode grey photos -o codes.npy");
    work.ok("reconstruct grey photos -o restored");
    let restored = image::open(work.path("restored/00.png")).unwrap();
    assert_eq!(restored.color(), ColorType::Rgb8);
    work.ok("cluster grey --k 2");
    work.ok("anomaly grey --other photos");
    work.ok("plot grey");
    let drawn = work.read_json("runs/grey/analysis/plot.json");
    assert_eq!(drawn["walks"], json!([]));

    let line = work.refused(1, "decode grey codes.npy -o decoded");
    assert_eq!(
        line,
        "grey: a residual model adds its output to its input: a code alone has no reconstruction"
    );
}

/// A killed and resumed training draws the same holes, strengths and noise.
#[test]
fn chains_are_drawn_again_as_they_were() {
    let work = Work::new();
    photos(&work);
    for residual in [false, true] {
        let name = if residual { "residual" } else { "plain" };
        restoring(&work, name, chain(), residual);
        work.ok(&format!("{name}.json"));
        work.ok(&format!("{name}.json --name {name}-again"));
        work.assert_same(&format!("runs/{name}"), &format!("runs/{name}-again"));
        work.ok(&format!(
            "{name}.json --name {name}-short --set train.epochs=2"
        ));
        work.ok(&format!("resume {name}-short --set train.epochs=4"));
        work.assert_same(&format!("runs/{name}"), &format!("runs/{name}-short"));
        let evaluated = work.ok_json(&format!("evaluate {name} --json"));
        let summary = work.read_json(&format!("runs/{name}/summary.json"));
        assert_eq!(evaluated["test"], summary["test"]);
        let loss = if residual { "mse" } else { "bce" };
        assert_eq!(summary["loss"], loss);
    }
}

#[test]
fn models_that_need_another_input_or_loss_are_refused() {
    let work = Work::new();
    let mut config = crate::common::tiny();
    let of = config["model"].take();
    let model = |corruption: Value, residual: bool| json!({ "kind": "denoising", "corruption": corruption, "residual": residual, "of": of });
    config["model"] = model(json!("grayscale"), false);
    work.json("grey.json", &config);
    let line = work.refused(2, "grey.json");
    assert!(line.contains("model.corruption.kind: found \"grayscale\" for images of 1 channel"));
    config["model"] = model(
        json!(["blur", { "kind": "block", "size": [[3, 9], 2] }]),
        false,
    );
    work.json("block.json", &config);
    let line = work.refused(2, "block.json");
    let expected = "model.corruption.1.size: found 3..9x2 for images of 8x8 pixels";
    assert!(line.contains(expected), "{line}");
    config["model"] = model(json!("blur"), true);
    config["train"]["loss"] = json!("bce");
    work.json("loss.json", &config);
    let line = work.refused(2, "loss.json");
    assert!(
        line.contains("train.loss: found \"bce\" for a model with \"residual\": true"),
        "{line}"
    );
}
