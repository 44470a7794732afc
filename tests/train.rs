use std::process::Stdio;

use image::ColorType;
use serde_json::{Value, json};

use crate::common::{BACKEND, Random, SIDE, Work, picture, tiny};

/// The keys of a JSON object, in order.
fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_run_folder_holds_what_is_documented_and_nothing_else() {
    let work = Work::new();
    work.ok("tiny.json");
    let expected = [
        ".lock",
        "checkpoints/best/meta.json",
        "checkpoints/best/model.safetensors",
        "checkpoints/best/optimizer.safetensors",
        "checkpoints/last/meta.json",
        "checkpoints/last/model.safetensors",
        "checkpoints/last/optimizer.safetensors",
        "config.json",
        "env.json",
        "metrics.jsonl",
        "plots/loss.svg",
        "report.html",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
        "state.json",
        "summary.json",
    ];
    assert_eq!(work.names("runs/tiny"), expected);
    // Nothing is left beside the run either.
    assert_eq!(std::fs::read_dir(work.path("runs")).unwrap().count(), 1);
}

#[test]
fn the_summary_has_every_documented_figure() {
    let work = Work::new();
    work.ok("tiny.json");
    let summary = work.read_json("runs/tiny/summary.json");
    for key in [
        "status",
        "kind",
        "backend",
        "parameters",
        "input_shape",
        "code_size",
        "compression_ratio",
        "epochs",
        "steps",
        "train_seconds",
        "train_images_per_s",
        "start_seconds",
        "peak_rss_mib",
        "loss",
        "test",
        "baselines",
    ] {
        assert!(summary.get(key).is_some(), "{key}");
    }
    assert_eq!(
        keys(&summary["test"]),
        ["mse", "bce", "bce_over_floor", "sum_sq", "psnr", "ssim"]
    );
    assert_eq!(
        keys(&summary["baselines"]["pca"]),
        ["code_size", "mse", "sum_sq"]
    );
    assert_eq!(keys(&summary["baselines"]["mean"]), ["mse"]);

    assert_eq!(summary["status"], "finished");
    assert_eq!(summary["kind"], "dense");
    assert_eq!(summary["backend"], BACKEND);
    assert_eq!(summary["input_shape"], json!([1, 8, 8]));
    assert_eq!(summary["code_size"], 4);
    assert_eq!(summary["compression_ratio"], 16.0);
    // 64 -> 16 -> 4 -> 16 -> 64, weights and biases.
    let parameters = (64 * 16 + 16) + (16 * 4 + 4) + (4 * 16 + 16) + (16 * 64 + 64);
    assert_eq!(summary["parameters"], parameters);
    assert_eq!(summary["epochs"], 2);
    // 80 training images in batches of 16.
    assert_eq!(summary["steps"], 10);
    assert_eq!(summary["loss"], "bce");
    let figure = |path: &str| summary.pointer(path).unwrap().as_f64().unwrap();
    let error = figure("/test/mse");
    assert!((figure("/test/sum_sq") - error * 64.0).abs() < 1e-9);
    assert!(figure("/test/bce_over_floor") < figure("/test/bce"));
    assert!(figure("/baselines/pca/mse") < figure("/baselines/mean/mse"));
    // Images smaller than the window of SSIM have none.
    assert_eq!(summary["test"]["ssim"], Value::Null);
}

#[test]
fn every_epoch_has_its_line_of_figures() {
    let work = Work::new();
    work.ok("tiny.json --set train.epochs=3");
    let text = work.read_text("runs/tiny/metrics.jsonl");
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(row["epoch"], number);
        assert_eq!(row["step"], 5 * number);
        assert_eq!(row["lr"], 0.01);
        for key in [
            "seconds",
            "images_per_s",
            "train/loss",
            "val/loss",
            "val/mse",
            "val/bce",
            "val/psnr",
        ] {
            assert!(row[key].as_f64().unwrap() > 0.0, "{key} of {row}");
        }
    }
    let loss = |row: &Value| row["val/loss"].as_f64().unwrap();
    assert!(loss(&rows[2]) < loss(&rows[0]), "it learns: {text}");
}

#[test]
fn a_model_gives_back_the_changed_picture_or_the_original() {
    let work = Work::new();
    let loss = |name: &str, augment: Value| -> Value {
        let mut config = tiny();
        config["data"]["augment"] = augment;
        let file = format!("{name}.json");
        work.json(&file, &config);
        work.ok(&format!("{file} --set train.epochs=1"));
        let text = work.read_text(&format!("runs/{name}/metrics.jsonl"));
        let row: Value = serde_json::from_str(&text).unwrap();
        row["train/loss"].clone()
    };
    let plain = loss("plain", Value::Null);
    assert_eq!(loss("unmoved", json!({ "target": "original" })), plain);
    let changed = loss("changed", json!({ "shift": 3 }));
    let original = loss("original", json!({ "shift": 3, "target": "original" }));
    assert!(plain != changed && changed != original && plain != original);
}

#[test]
fn the_run_says_what_it_was_made_with() {
    let work = Work::new();
    work.ok("tiny.json --set train.learning_rate=0.02");
    let env = work.read_json("runs/tiny/env.json");
    for key in ["version", "commit", "burn", "backend", "adapter", "cpu"] {
        assert!(!env[key].as_str().unwrap().is_empty(), "{key}");
    }
    assert_eq!(env["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(env["backend"], BACKEND);
    assert!(env["threads"].as_u64().unwrap() > 0);
    assert_eq!(env["data_sha256"].as_str().unwrap().len(), 64);
    let command: Vec<&str> = (env["command"].as_array().unwrap().iter())
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(
        command[1..],
        ["tiny.json", "--set", "train.learning_rate=0.02"]
    );

    let state = work.read_json("runs/tiny/state.json");
    assert_eq!(state["status"], "finished");
    assert_eq!(state["format_version"], 1);
    assert_eq!(state["epoch"], 2);
    assert_eq!(state["step"], 10);
    assert_eq!(state["best"]["epoch"], 2);

    let config = work.read_json("runs/tiny/config.json");
    assert_eq!(config["seed"], 42, "defaults are filled in");
    assert_eq!(config["train"]["learning_rate"], 0.02);
    assert_eq!(config["train"]["optimizer"]["kind"], "adam");
}

#[test]
fn the_sample_pictures_show_inputs_over_reconstructions() {
    let work = Work::new();
    let mut denoising = tiny();
    denoising["model"] = json!({
        "kind": "denoising", "corruption": { "kind": "masking", "probability": 0.5 },
        "of": tiny()["model"],
    });
    work.json("denoising.json", &denoising);
    // 16 pictures, each enlarged ten times, with a line between neighbours.
    let (cell, columns) = (SIDE as u32 * 10 + 1, 16);
    for (config, rows) in [("tiny", 2), ("denoising", 3)] {
        work.ok(&format!("{config}.json"));
        let path = work.path(&format!("runs/{config}/samples/epoch-0002.png"));
        let grid = image::open(path).unwrap();
        assert_eq!(grid.color(), ColorType::L8);
        assert_eq!(
            (grid.width(), grid.height()),
            (columns * cell - 1, rows * cell - 1)
        );
        // The upper row are images of the set, to the pixel, and no two are the same.
        let grid = grid.to_luma8();
        let mut random = Random(1);
        let set: Vec<Vec<u8>> = (0..96).map(|_| picture(&mut random)).collect();
        let mut shown: Vec<Vec<u8>> = (0..columns)
            .map(|column| {
                let pixel = |place: usize| {
                    let (x, y) = (place % SIDE, place / SIDE);
                    grid.get_pixel(column * cell + 10 * x as u32 + 5, 10 * y as u32 + 5)[0]
                };
                (0..SIDE * SIDE).map(pixel).collect()
            })
            .collect();
        assert!(shown.iter().all(|picture| set.contains(picture)));
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), 16);
    }
}

#[test]
fn the_curves_are_a_drawing() {
    let work = Work::new();
    work.ok("tiny.json");
    let svg = work.read_text("runs/tiny/plots/loss.svg");
    assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("Loss of tiny"));
}

#[test]
fn json_on_stdout_is_the_summary() {
    let work = Work::new();
    let printed = work.ok_json("tiny.json --json");
    assert_eq!(printed, work.unsealed("runs/tiny/summary.json"));
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let work = Work::new();
    let loud = work.ok("tiny.json");
    let quiet = work.ok("tiny.json --quiet");
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, loud.stdout);
    // Off a terminal: a line an epoch, no bar and no control characters.
    let epochs = |text: &str| text.lines().filter(|it| it.starts_with("epoch ")).count();
    assert_eq!(epochs(&loud.stderr), 2);
    assert!(!loud.stderr.contains(['\r', '\u{1b}']), "{}", loud.stderr);
}

#[test]
fn a_run_is_never_overwritten() {
    let work = Work::new();
    work.ok("tiny.json");
    let first = work.files();
    work.ok("tiny.json --set seed=1");
    work.ok("tiny.json");
    let after = work.files();
    for (name, bytes) in &first {
        assert!(after.get(name) == Some(bytes), "{name} changed");
    }
    work.assert_same("runs/tiny", "runs/tiny-3");
    assert!(
        work.outcome("runs/tiny").last != work.outcome("runs/tiny-2").last,
        "another seed gives other weights"
    );
    // A file may have taken the name too.
    work.write("runs/taken", "mine");
    work.ok("tiny.json --name taken");
    assert_eq!(work.read_text("runs/taken"), "mine");
    assert!(work.path("runs/taken-2/summary.json").is_file());
}

#[test]
fn runs_started_at_once_do_not_share_a_folder() {
    let work = Work::new();
    let started: Vec<_> = (0..4)
        .map(|seed| {
            let mut command = work.command();
            command.args(["tiny.json", "--quiet", "--set", &format!("seed={seed}")]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in started {
        assert!(child.wait().unwrap().success());
    }
    let mut seeds: Vec<u64> = ["tiny", "tiny-2", "tiny-3", "tiny-4"]
        .map(|run| work.read_json(&format!("runs/{run}/config.json"))["seed"].clone())
        .iter()
        .map(|seed| seed.as_u64().unwrap())
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 1, 2, 3]);
}

#[test]
fn name_and_runs_say_where_the_run_goes() {
    let work = Work::new();
    let ended = work.ok("tiny.json --name first --runs far/away");
    assert!(work.path("far/away/first/summary.json").is_file());
    assert!(!work.path("runs").exists());
    assert!(ended.stderr.contains("far/away/first"), "{}", ended.stderr);
    let shown = work.ok_json("inspect first --runs far/away --json");
    assert_eq!(shown["state"]["status"], "finished");
}

#[test]
fn set_and_backend_change_the_config() {
    let work = Work::new();
    let line = format!(
        "tiny.json --set train.epochs=1 --set model.layers.0=8 --set train.optimizer=sgd \
         --backend {BACKEND}"
    );
    let summary = work.ok_json(&format!("{line} --json"));
    assert_eq!(summary["epochs"], 1);
    let config = work.read_json("runs/tiny/config.json");
    assert_eq!(config["model"]["layers"], json!([8]));
    assert_eq!(config["train"]["optimizer"]["kind"], "sgd");
    assert_eq!(config["backend"], BACKEND);
}

#[test]
fn threads_are_as_many_as_asked_for() {
    let work = Work::new();
    work.ok("tiny.json --threads 1");
    let env = work.read_json("runs/tiny/env.json");
    assert_eq!(env["threads"], 1);
    for threads in ["0", "-1", "many"] {
        let ended = work.run(&format!("tiny.json --threads={threads}"));
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

#[test]
fn the_config_of_a_run_repeats_it() {
    let work = Work::new();
    let mut config = tiny();
    config["description"] = "every part that draws from the seed".into();
    config["seed"] = 7.into();
    config["model"] = json!({
        "kind": "sparse", "penalty": { "kind": "l1", "weight": 0.001 },
        "of": { "kind": "denoising", "corruption": "gaussian", "of": tiny()["model"] },
    });
    config["train"]["schedule"] = "cosine".into();
    work.json("noisy.json", &config);
    work.ok("noisy.json");
    work.ok("runs/noisy/config.json");
    assert_eq!(
        work.read("runs/noisy/config.json"),
        work.read("runs/noisy-2/config.json")
    );
    work.assert_same("runs/noisy", "runs/noisy-2");
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    let work = Work::new();
    let mut config = tiny();
    config["train"]["epochs"] = 9.into();
    config["train"]["patience"] = 2.into();
    work.json("stops.json", &config);
    // No epoch but the first can improve by as much as counts, although each has a lower loss.
    let summary = work.ok_json("stops.json --set train.min_delta=1e9 --json");
    assert_eq!(
        (&summary["epochs"], &summary["best_epoch"]),
        (&json!(3), &json!(3))
    );
    // From the second epoch on the steps are too small for any weight.
    config["train"]["schedule"] = json!({ "kind": "step", "every": 1, "factor": 1e-30 });
    work.json("still.json", &config);
    let summary = work.ok_json("still.json --name tiny --json");
    assert_eq!(summary["status"], "finished");
    assert_eq!(summary["epochs"], 3);
    assert_eq!(summary["best_epoch"], 1);
    let meta = |name: &str| work.read_json(&format!("runs/tiny/checkpoints/{name}/meta.json"));
    assert_eq!(meta("best")["progress"]["epoch"], 1);
    assert_eq!(meta("last")["progress"]["epoch"], 3);
}

#[test]
fn colour_pictures_of_odd_sizes_are_trained_on() {
    let work = Work::new();
    let mut random = Random(3);
    std::fs::create_dir(work.path("photos")).unwrap();
    for number in 0..12 {
        let (width, height) = (9 + number % 3, 7 + number % 2);
        let pixel = |_, _| image::Rgb([0; 3].map(|_: u8| random.below(256) as u8));
        let photo = image::RgbImage::from_fn(width, height, pixel);
        // Both formats, side by side.
        let kind = ["png", "jpg"][number as usize % 2];
        photo
            .save(work.path(&format!("photos/{number}.{kind}")))
            .unwrap();
    }
    let mut config = tiny();
    config["model"] = json!({ "kind": "conv", "channels": [4, 4], "code_size": 6 });
    config["data"] = json!({ "dataset": "images", "dir": "photos", "size": [7, 9] });
    work.json("resized.json", &config);
    config["data"] = json!({ "dataset": "images", "dir": "photos", "patch": 3, "channels": 1 });
    work.json("patches.json", &config);

    let resized = work.ok_json("resized.json --json");
    assert_eq!(resized["input_shape"], json!([3, 7, 9]));
    let grid = image::open(work.path("runs/resized/samples/epoch-0001.png")).unwrap();
    assert_eq!(grid.color(), ColorType::Rgb8);
    // Nine pixels wide: enlarged nine times. One picture of twelve is for validation.
    assert_eq!((grid.width(), grid.height()), (81, 2 * 64 - 1));

    let patches = work.ok_json("patches.json --set model.channels=[4] --json");
    assert_eq!(patches["input_shape"], json!([1, 3, 3]));
    let env = work.read_json("runs/patches/env.json");
    let counts = ["train_images", "validation_images", "test_images"];
    let total: u64 = counts.map(|key| env[key].as_u64().unwrap()).iter().sum();
    // Whole patches: two rows of three in each picture.
    assert_eq!(total, 12 * 6);
}

#[test]
fn random_patches_of_the_bundled_photos_are_trained_on() {
    let work = Work::new();
    let mut config = tiny();
    config["data"] = json!({ "dataset": "photos", "patch": 32, "channels": 1, "crops": 12 });
    work.json("patches.json", &config);
    let ended = work.ok("patches.json --threads 1");
    // Seven photos to train on and one to validate with, of 512 x 512 pixels or somewhat less;
    // two of 512 x 342 and 341 to test on.
    let env = work.read_json("runs/patches/env.json");
    assert_eq!(
        (&env["train_images"], &env["test_images"]),
        (&json!(84), &json!(320))
    );
    let held = env["validation_images"].as_u64().unwrap();
    assert!([256, 208, 160, 126, 9 * 14].contains(&held), "{held}");
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    work.ok("patches.json --threads 2");
    work.assert_same("runs/patches", "runs/patches-2");
    // The name of the set means the same patches of the same photos.
    let own = work.ok_json("evaluate patches --json");
    let named = work.ok_json("evaluate patches --data photos --json");
    assert_eq!(
        (&named["images"], &named["test"]),
        (&json!(320), &own["test"])
    );
    // Other seeds hold out other photos, and nothing else changes the crops but the seed.
    work.ok("patches.json --set data.flip=false --name straight");
    let losses = |run: &str| work.outcome(&format!("runs/{run}")).metrics;
    assert_ne!(losses("straight"), losses("patches"));
    let quick = work.ok("patches.json --set data.crops=1000 --quick --name quick");
    let counts = "photos: 640 training, 128 validation, 256 test images (--quick";
    assert!(quick.stderr.contains(counts), "{}", quick.stderr);
    // Not square: resized.
    config["data"] = json!({ "dataset": "photos", "size": [24, 32], "test": 0.3 });
    work.json("resized.json", &config);
    work.ok("resized.json");
    assert_eq!(work.read_json("runs/resized/env.json")["test_images"], 3);
    assert_eq!(
        work.ok_json("evaluate resized --data photos --json")["images"],
        2
    );
    let line = work.refused(2, "patches.json --set data.validation=8");
    assert!(
        line.ends_with("found 8; allowed: fewer than the 8 training pictures"),
        "{line}"
    );
}
