use std::fs::{self, File};

use hourglass::config::{self, Override};
use hourglass::run::resumed::Resumed;
use hourglass::train::observer::{Flow, Observer};
use hourglass::{Outcome, Run, Setup, Start};
use serde_json::{Value, json};

use crate::common::{Random, Work, tiny};

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

/// What a run cannot go on with, after "found".
fn kept(work: &Work, run: &str, change: &str) -> String {
    let line = work.refused(2, &format!("resume {run} --set {change}"));
    let (key, _) = change.split_once('=').unwrap();
    let start = format!("--set {change}: {key}: found ");
    let rest = line
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("{line}"));
    let end = format!(
        "; set it back, or start a new run, which takes these weights with init.from=runs/{run}"
    );
    rest.strip_suffix(&end)
        .unwrap_or_else(|| panic!("{line}"))
        .to_owned()
}

#[test]
fn what_would_spoil_what_a_run_has_told_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    for (change, expected) in [
        (
            "model.code_size=5",
            "5, but the run was trained with 4, and the weights are those of another model",
        ),
        (
            "data.validation=8",
            "8, but the run was trained with 16, and its figures would be of other images",
        ),
        (
            "seed=1",
            "1, but the run was trained with 42, and the order of the images and the split come from it",
        ),
        (
            "train.loss=mse",
            "\"mse\", but the run was trained with \"bce\", and the best epoch would be chosen across two losses",
        ),
    ] {
        assert_eq!(kept(&work, "tiny", change), expected);
    }
    for change in [
        "train.optimizer=sgd",
        "train.optimizer.beta2=0.9",
        "train.pretrain=layerwise",
    ] {
        let line = work.refused(2, &format!("resume tiny --set {change}"));
        assert!(line.contains("; set it back, or start a new run"), "{line}");
    }
    assert_eq!(
        work.refused(2, "resume tiny --set backend=flex"),
        "--set backend: cannot be set here, because a run keeps its backend; use --backend"
    );
    assert!(
        work.refused(2, "resume tiny --set trainx=1")
            .contains("trainx")
    );
    assert_eq!(
        work.refused(2, "resume tiny --set train.epochs=0"),
        "--set train.epochs=0: train.epochs: found 0; allowed: an integer of at least 1"
    );
    // A config that was edited by hand is no other way in.
    let config = work.read_json("runs/tiny/config.json");
    let mut edited = config.clone();
    edited["train"]["loss"] = "mse".into();
    edited["train"]["epochs"] = 4.into();
    work.json("runs/tiny/config.json", &edited);
    let line = work.refused(2, "resume tiny");
    assert!(
        line.contains("was changed after the training began"),
        "{line}"
    );
    let line = work.refused(2, "resume tiny --force");
    assert!(line.starts_with("runs/tiny/config.json:1:"), "{line}");
    assert!(
        line.contains("train.loss: found \"mse\", but the run was trained with \"bce\""),
        "{line}"
    );
    work.json("runs/tiny/config.json", &config);
    // What is the same is no change, and what does not touch the past may change.
    work.ok("resume tiny --set seed=42 --set train.loss=bce --set train.epochs=3 --set train.clip_norm=1 \
             --set train.learning_rate=0.002 --set train.optimizer.weight_decay=0.1 --set train.patience=9");
    assert_eq!(work.read_json("runs/tiny/summary.json")["epochs"], 3);
}

#[test]
fn data_that_moved_are_found_where_they_are() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=4");
    work.ok("tiny.json --name halves");
    fs::rename(work.path("set"), work.path("moved")).unwrap();
    work.ok("resume halves --set train.epochs=4 --set data.dir=moved");
    work.assert_same("runs/whole", "runs/halves");
}

/// Rows of a run's figures.
fn rows(work: &Work, run: &str) -> Vec<Value> {
    let text = work.read_text(&format!("runs/{run}/metrics.jsonl"));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn another_batch_size_goes_on_with_the_learning_rate_where_it_was() {
    let work = Work::new();
    let mut config = tiny();
    config["train"]["schedule"] = "cosine".into();
    config["train"]["epochs"] = 6.into();
    work.json("cosine.json", &config);
    work.ok("cosine.json --name whole");
    work.ok("cosine.json --name resized");
    // As it was after two of six epochs.
    work.ok("cosine.json --name two --set train.epochs=2 --set train.schedule=constant");
    let mut config = work.read_json("runs/two/config.json");
    config["train"] = work.read_json("runs/whole/config.json")["train"].clone();
    work.json("runs/two/config.json", &config);
    work.ok("resume two --force --set train.batch_size=80");
    let rates = |run: &str| -> Vec<f64> {
        rows(&work, run)
            .iter()
            .map(|row| row["lr"].as_f64().unwrap())
            .collect()
    };
    let (whole, resized) = (rates("whole"), rates("two"));
    // One step of an epoch begins where the epoch does; the last of five is four fifths on.
    for epoch in 2..6 {
        let cosine = |at: f64| 0.01 * 0.5 * (1.0 + (std::f64::consts::PI * at / 6.0).cos());
        assert!(
            (resized[epoch] - cosine(epoch as f64)).abs() < 1e-9,
            "{resized:?}"
        );
        assert!(
            (whole[epoch] - cosine(epoch as f64 + 0.8)).abs() < 1e-9,
            "{whole:?}"
        );
    }
}

#[test]
fn the_best_epoch_is_the_lowest_whatever_counts_for_patience() {
    let work = Work::new();
    work.ok("tiny.json --set train.epochs=5 --set train.min_delta=0.05");
    let losses: Vec<f64> = rows(&work, "tiny")
        .iter()
        .map(|row| row["val/loss"].as_f64().unwrap())
        .collect();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let place = losses.iter().position(|loss| *loss == lowest).unwrap() + 1;
    assert!(place > 1, "{losses:?}");
    let state = work.read_json("runs/tiny/state.json");
    assert_eq!(state["best"], json!({ "epoch": place, "value": lowest }));
    assert_eq!(
        work.read_json("runs/tiny/summary.json")["best_epoch"],
        place
    );
}

#[test]
fn lost_lines_of_figures_are_named() {
    let work = Work::new();
    work.ok("tiny.json --name whole --set train.epochs=5");
    work.ok("tiny.json --name halves --set train.epochs=4");
    let text = work.read_text("runs/halves/metrics.jsonl");
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    // A byte that is not JSON, a digit that makes an epoch another one, and an end that a power cut lost.
    lines[0] = lines[0].replacen('{', "x", 1);
    lines[1] = lines[1].replace("\"epoch\":2", "\"epoch\":7");
    lines.truncate(3);
    work.write("runs/halves/metrics.jsonl", lines.join("\n") + "\n");
    let ended = work.ok("resume halves --set train.epochs=5");
    let warning = "warning: runs/halves/metrics.jsonl: the figures of epochs 1, 2, 4 are lost, because their \
                   lines are missing or damaged; the weights are whole";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    let (whole, halves) = (work.outcome("runs/whole"), work.outcome("runs/halves"));
    assert!(
        whole.last == halves.last && whole.best == halves.best,
        "the weights differ"
    );
    assert_eq!(halves.metrics.len(), 2);
}

#[test]
fn a_figure_that_json_cannot_hold_makes_no_run_unreadable() {
    let work = Work::new();
    work.ok("tiny.json");
    for (file, keys) in [
        ("summary.json", vec!["train_images_per_s", "train_seconds"]),
        ("metrics.jsonl", vec!["images_per_s", "seconds"]),
    ] {
        let path = format!("runs/tiny/{file}");
        let values = work.read_text(&path);
        let values = serde_json::Deserializer::from_str(&values).into_iter::<Value>();
        let text: String = values
            .map(|value| {
                let mut value = value.unwrap();
                // Runs of the version that wrote such figures had no seals.
                value.as_object_mut().unwrap().remove("seal");
                for key in &keys {
                    value[*key] = Value::Null;
                }
                value.to_string() + "\n"
            })
            .collect();
        work.write(&path, text);
    }
    work.ok("compare tiny --json");
    work.ok("resume tiny");
    let ended = work.ok("resume tiny --set train.epochs=3");
    assert!(!ended.stderr.contains("lost"), "{}", ended.stderr);
    assert_eq!(rows(&work, "tiny").len(), 3);
}

/// Stops a training after some steps.
struct After(usize);

impl Observer for After {
    fn step(&mut self, _done: usize) {
        self.0 = self.0.saturating_sub(1);
    }

    fn flow(&mut self) -> Flow {
        match self.0 {
            0 => Flow::Stop,
            _ => Flow::Go,
        }
    }
}

#[test]
fn whatever_may_change_at_any_step_no_picture_is_skipped_or_seen_twice() {
    const EPOCHS: usize = 5;
    let work = Work::new();
    let mut random = Random(29);
    for number in 0..8 {
        let mut config = tiny();
        config["data"]["dir"] = work.path("set").to_str().unwrap().into();
        config["train"]["epochs"] = EPOCHS.into();
        config["train"]["schedule"] = "cosine".into();
        config["train"]["min_delta"] = 0.05.into();
        let text = config.to_string();
        let setup = Setup::from_config(config::parse("config", &text, &[]).unwrap()).unwrap();
        let run = Run::start(&setup, &work.path("runs"), &format!("drawn{number}")).unwrap();
        let stop = After(1 + random.below(12));
        let mut ended = hourglass::train(&setup, &run, Start::default(), &mut { stop }).unwrap();
        let mut stops = 0;
        while let Outcome::Interrupted = ended {
            stops += 1;
            let size = 1 + random.below(90);
            let changes = [
                format!("train.batch_size={size}"),
                format!("train.min_delta={}", random.below(3)),
                format!("train.patience={}", 5 + random.below(5)),
                format!("train.clip_norm={}", 1 + random.below(9)),
            ];
            let count = random.below(changes.len() + 1);
            let changes: Vec<Override> = changes
                .iter()
                .take(count)
                .map(|it| Override::set(it))
                .collect();
            let located = config::load(&run.path("config.json"), &changes).unwrap();
            let Resumed { setup, from, holes } = Resumed::prepare(&run, located).unwrap();
            assert_eq!(holes, []);
            run.change_config(&setup.config).unwrap();
            let start = Start {
                from: from.as_ref(),
                ..Start::default()
            };
            // It always comes on, and to its end after some stops.
            let steps = if stops > 6 {
                usize::MAX
            } else {
                1 + random.below(12)
            };
            ended = hourglass::train(&setup, &run, start, &mut After(steps)).unwrap();
        }
        let meta: Value = run.read_json("checkpoints/last/meta.json").unwrap();
        let progress = &meta["progress"];
        // 80 of the 96 images are for training.
        assert_eq!(progress["train_images"], EPOCHS * 80, "{progress}");
        assert_eq!(progress["epoch"], EPOCHS);
        let rows: Vec<Value> = run.lines("metrics.jsonl").unwrap();
        let epochs: Vec<u64> = rows
            .iter()
            .map(|row| row["epoch"].as_u64().unwrap())
            .collect();
        assert_eq!(epochs, [1, 2, 3, 4, 5]);
        let rates: Vec<f64> = rows.iter().map(|row| row["lr"].as_f64().unwrap()).collect();
        assert!(
            rates.is_sorted_by(|one, next| one > next),
            "the cosine falls: {rates:?}"
        );
        let losses: Vec<f64> = rows
            .iter()
            .map(|row| row["val/loss"].as_f64().unwrap())
            .collect();
        let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(progress["best"]["value"], lowest, "{losses:?}");
    }
}
