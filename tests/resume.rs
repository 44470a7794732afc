use std::fs::{self, File};

use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// Trains four epochs at once as `whole`, and two and two as `halves`; they must come to the same.
fn two_and_two_are_four(change: impl Fn(&mut Value)) {
    let work = Work::new();
    let mut config = tiny();
    change(&mut config);
    work.json("config.json", &config);
    work.ok("config.json --name whole --set train.epochs=4");
    work.ok("config.json --name halves --set train.epochs=2");
    let half = work.outcome("runs/halves");
    work.ok("resume halves --set train.epochs=4");
    work.assert_same("runs/whole", "runs/halves");
    assert!(
        half.last != work.outcome("runs/halves").last,
        "it trained on"
    );
    assert_eq!(
        work.read("runs/whole/config.json"),
        work.read("runs/halves/config.json")
    );
    let resumed = &work.read_json("runs/halves/env.json")["resumed"];
    assert_eq!(resumed.as_array().unwrap().len(), 1);
}

#[test]
fn with_adam_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| config["train"]["optimizer"] = "adam".into());
}

#[test]
fn with_adamw_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["train"]["optimizer"] = json!({ "kind": "adamw", "weight_decay": 0.1 });
    });
}

#[test]
fn with_momentum_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["train"]["optimizer"] = json!({ "kind": "sgd", "momentum": 0.9, "nesterov": true });
        config["train"]["clip_norm"] = 1.0.into();
    });
}

#[test]
fn with_plain_descent_and_steps_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["train"]["optimizer"] = "sgd".into();
        // One fall before the stop and one behind it.
        config["train"]["schedule"] = json!({ "kind": "step", "every": 1, "factor": 0.5 });
        config["train"]["loss"] = "mse".into();
    });
}

#[test]
fn with_noise_two_epochs_and_two_more_are_four() {
    for corruption in ["gaussian", "masking", "salt_and_pepper", "speckle"] {
        two_and_two_are_four(|config| {
            config["model"] = json!({
                "kind": "denoising", "corruption": corruption, "of": tiny()["model"],
            });
        });
    }
}

#[test]
fn with_changed_pictures_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["data"]["augment"] = json!({
            "shift": 1, "rotation": 20, "scale": 0.1, "shear": 0.1, "flip": true,
            "elastic": { "strength": 1, "smoothness": 3 },
        });
        // The changed picture is what is corrupted, and what is to be restored.
        config["model"] = json!({
            "kind": "denoising", "corruption": "gaussian", "of": tiny()["model"],
        });
    });
    two_and_two_are_four(|config| {
        config["data"]["augment"] = json!({ "shift": 2, "target": "original" });
    });
}

#[test]
fn with_random_patches_two_epochs_and_two_more_are_four() {
    for augment in [json!(null), json!({ "rotation": 20, "target": "original" })] {
        two_and_two_are_four(|config| {
            config["data"] = json!({
                "dataset": "photos", "patch": 32, "channels": 1, "crops": 10, "augment": augment,
            });
        });
    }
}

#[test]
fn with_running_statistics_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["model"] = json!({
            "kind": "conv", "channels": [4, 8], "code_size": 6, "batch_norm": true,
        });
    });
}

#[test]
fn with_the_largest_units_only_two_epochs_and_two_more_are_four() {
    two_and_two_are_four(|config| {
        config["model"] = json!({
            "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 },
            "of": { "kind": "dense", "layers": [16], "code_size": 12 },
        });
    });
}

#[test]
fn early_stopping_counts_on_across_a_stop() {
    let work = Work::new();
    // Only the first epoch counts as an improvement: four more are allowed.
    let never = "--set train.patience=4 --set train.min_delta=1e9";
    work.ok(&format!(
        "tiny.json --name whole --set train.epochs=9 {never}"
    ));
    work.ok(&format!(
        "tiny.json --name halves --set train.epochs=3 {never}"
    ));
    work.ok("resume halves --set train.epochs=9");
    assert_eq!(work.read_json("runs/whole/summary.json")["epochs"], 5);
    work.assert_same("runs/whole", "runs/halves");
}

#[test]
fn a_quick_run_goes_on_with_its_few_images() {
    let work = Work::new();
    work.set("set", 1000, 300, 1);
    work.ok("tiny.json --quick --name whole --set train.epochs=3");
    work.ok("tiny.json --quick --name halves");
    work.ok("resume halves --set train.epochs=3");
    work.assert_same("runs/whole", "runs/halves");
    let env = work.read_json("runs/halves/env.json");
    assert_eq!(env["test_images"], 256);
}

#[test]
fn a_folder_that_is_no_run_hides_none() {
    let work = Work::new();
    work.ok("tiny.json --name set");
    // Here `set` is the folder of the images.
    work.ok("resume set --set train.epochs=3");
    assert_eq!(work.read_json("runs/set/summary.json")["epochs"], 3);
}

#[test]
fn a_run_is_found_by_its_folder_or_by_its_name() {
    let work = Work::new();
    work.ok("tiny.json --runs elsewhere");
    work.ok("resume elsewhere/tiny --set train.epochs=3");
    work.ok("resume tiny --runs elsewhere --set train.epochs=4");
    let folder = work.path("elsewhere/tiny");
    work.ok(&format!("resume {} --set train.epochs=5", folder.display()));
    assert_eq!(work.read_json("elsewhere/tiny/summary.json")["epochs"], 5);
    let resumed = &work.read_json("elsewhere/tiny/env.json")["resumed"];
    assert_eq!(resumed.as_array().unwrap().len(), 3);
}

#[test]
fn a_finished_run_says_so_and_stays_as_it_is() {
    let work = Work::new();
    let trained = work.ok("tiny.json");
    let before = work.files();
    for line in ["resume tiny", "resume tiny --set train.epochs=2"] {
        let ended = work.ok(line);
        assert!(
            ended.stderr.contains("finished after 2 epochs"),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stdout, trained.stdout);
        assert!(before == work.files(), "{line} changed files");
    }
    assert_eq!(
        work.ok_json("resume tiny --json"),
        work.unsealed("runs/tiny/summary.json")
    );
}

#[test]
fn a_half_written_line_of_figures_is_dropped() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=4");
    work.ok("tiny.json --name halves");
    let metrics = work.read_text("runs/halves/metrics.jsonl");
    work.write(
        "runs/halves/metrics.jsonl",
        metrics + "{\"epoch\":3,\"step\":1",
    );
    work.ok("resume halves --set train.epochs=4");
    work.assert_same("runs/whole", "runs/halves");
}

#[test]
fn an_epoch_whose_checkpoint_was_not_written_is_trained_again() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=4");
    work.ok("tiny.json --name halves");
    // Killed after the line of the third epoch, before its checkpoint.
    let line = work.read_text("runs/whole/metrics.jsonl");
    let third = line.lines().nth(2).unwrap();
    let metrics = work.read_text("runs/halves/metrics.jsonl");
    work.write("runs/halves/metrics.jsonl", format!("{metrics}{third}\n"));
    work.ok("resume halves --set train.epochs=4");
    work.assert_same("runs/whole", "runs/halves");
}

#[test]
fn a_stop_behind_the_last_batch_of_an_epoch_leaves_nothing_of_it() {
    let work = Work::new();
    // Two batches of 30 images and one of 20.
    let line = "tiny.json --set train.batch_size=30 --set train.schedule=constant";
    work.ok(&format!("{line} --name whole --set train.epochs=2"));
    work.ok(&format!("{line} --name halves --set train.epochs=1"));
    let meta = "runs/halves/checkpoints/last/meta.json";
    let mut stopped = work.read_json(meta);
    stopped["progress"]["epoch"] = 0.into();
    stopped["progress"]["images"] = 80.into();
    work.json(meta, &stopped);
    work.ok("resume halves --set train.epochs=2");
    let steps = |run: &str| work.read_json(&format!("runs/{run}/summary.json"))["steps"].clone();
    assert_eq!((steps("whole"), steps("halves")), (6.into(), 6.into()));
    let (whole, halves) = (work.outcome("runs/whole"), work.outcome("runs/halves"));
    assert!(whole.last == halves.last, "the last weights differ");
}

#[test]
fn a_run_that_another_process_trains_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    let lock = File::open(work.path("runs/tiny/.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(
        work.refused(1, "resume tiny --set train.epochs=3"),
        "runs/tiny: another process is training this run; wait until it ends"
    );
    lock.unlock().unwrap();
    work.ok("resume tiny --set train.epochs=3");
}

#[test]
fn a_run_whose_data_changed_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    for file in ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        let name = format!("set/{file}");
        let good = work.read(&name);
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() ^= 1;
        work.write(&name, bytes);
        let line = work.refused(1, "resume tiny --set train.epochs=3");
        assert!(
            line.contains("found images with SHA-256")
                && line.contains("but the run was trained on images with"),
            "{line}"
        );
        work.write(&name, good);
    }
    fs::rename(work.path("set"), work.path("moved")).unwrap();
    let line = work.refused(1, "resume tiny --set train.epochs=3");
    assert!(line.starts_with("set: cannot be read"), "{line}");
}

#[test]
fn only_the_training_of_a_run_may_change() {
    let work = Work::new();
    work.ok("tiny.json");
    for key in [
        "model.code_size=5",
        "data.validation=8",
        "seed=1",
        "trainx=1",
        "backend=flex",
    ] {
        let line = work.refused(2, &format!("resume tiny --set {key}"));
        let name = key.split('=').next().unwrap();
        assert_eq!(
            line,
            format!(
                "--set {name}: a resumed run cannot change this key; change a key under train, or start \
                 a new run"
            )
        );
    }
    assert_eq!(
        work.refused(2, "resume tiny --set train.epochs=0"),
        "--set train.epochs=0: train.epochs: found 0; allowed: an integer of at least 1"
    );
}
