use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// A folder with a sweep of two sizes and two seeds as `grid.json`.
fn grid() -> Work {
    let work = Work::new();
    let mut config = tiny();
    config["sweep"] = json!({ "model.code_size": [2, 20], "seed": [1, 2] });
    work.json("grid.json", &config);
    work
}

const RUNS: [&str; 4] = [
    "runs/grid/code_size=2,seed=1",
    "runs/grid/code_size=2,seed=2",
    "runs/grid/code_size=20,seed=1",
    "runs/grid/code_size=20,seed=2",
];

fn runs(report: &Value) -> Vec<&str> {
    let points = report["points"].as_array().unwrap();
    let run = |point: &'_ Value| point["run"].as_str().unwrap().to_owned();
    let names: Vec<String> = points.iter().map(run).collect();
    let known = |name: &String| RUNS.into_iter().find(|it| it == name);
    names.iter().map(|name| known(name).unwrap()).collect()
}

#[test]
fn every_point_is_a_run_as_training_gives_it() {
    let work = grid();
    let report = work.ok_json("sweep grid.json --json");
    assert_eq!(report, work.read_json("runs/grid/sweep.json"));
    assert_eq!(report["status"], "finished");
    assert_eq!(runs(&report), RUNS);
    for point in report["points"].as_array().unwrap() {
        let run = point["run"].as_str().unwrap();
        let summary = work.read_json(&format!("{run}/summary.json"));
        assert_eq!(point["test"], summary["test"]);
        assert_eq!(point["baselines"], summary["baselines"]);
        assert_eq!(summary["code_size"], point["settings"]["model.code_size"]);
    }
    // The program starts once, whatever it trains.
    let seconds =
        |run: &str| work.read_json(&format!("{run}/summary.json"))["start_seconds"].clone();
    assert!(seconds(RUNS[0]).is_number());
    assert!(RUNS[1..].iter().all(|run| seconds(run).is_null()));
    assert_eq!(
        report["points"][3]["settings"],
        json!({ "model.code_size": 20, "seed": 2 })
    );
    // The same config by itself, with the split that all seeds have, comes to the same, bit for bit.
    work.ok(
        "tiny.json --name alone --set model.code_size=20 --set seed=2 --set data.split_seed=42",
    );
    work.assert_same("runs/alone", RUNS[3]);
}

#[test]
fn it_ends_in_a_table_with_the_spread_over_seeds_and_a_curve_with_pca() {
    let work = grid();
    let ended = work.ok("sweep grid.json");
    for run in RUNS {
        assert!(ended.stdout.contains(run), "{}", ended.stdout);
    }
    assert!(
        ended
            .stdout
            .contains("mean and standard deviation over seeds")
    );
    assert!(ended.stderr.contains("run 4 of 4: code_size=20,seed=2"));

    let report = work.read_json("runs/grid/sweep.json");
    let error = |index: usize| report["points"][index]["test"]["mse"].as_f64().unwrap();
    let pca = |index: usize| {
        let pca = &report["points"][index]["baselines"]["pca"];
        pca["mse"].as_f64().unwrap()
    };
    let csv = work.read_text("runs/grid/plots/curve.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "model.code_size,runs,mse_mean,mse_sd,pca_mse");
    for (line, first, size) in [(lines[1], 0, 2.0), (lines[2], 2, 20.0)] {
        let found: Vec<f64> = line.split(',').map(|it| it.parse().unwrap()).collect();
        let (one, other) = (error(first), error(first + 1));
        let mean = (one + other) / 2.0;
        let sd = (one - other).abs() / 2f64.sqrt();
        let expected = [size, 2.0, mean, sd, pca(first)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{line}: {expected}");
        }
    }
    let svg = work.read_text("runs/grid/plots/curve.svg");
    for text in ["Sweep of grid", "PCA", "model.code_size (logarithmic)"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn given_again_it_keeps_what_is_finished_and_trains_the_rest() {
    let work = grid();
    work.ok("sweep grid.json");
    let files = || {
        let mut files = work.files();
        // Drawn again, with parts that are numbered by how many pictures the process drew before.
        assert!(files.remove("runs/grid/plots/curve.svg").is_some());
        files
    };
    let before = files();
    let ended = work.ok("sweep grid.json");
    assert!(!ended.stderr.contains("run 1 of 4"), "{}", ended.stderr);
    assert!(before == files(), "a finished sweep changed");

    // As if it had been killed in the first epoch of the third run, before the fourth.
    let last = work.outcome(RUNS[2]);
    std::fs::remove_dir_all(work.path(RUNS[3])).unwrap();
    std::fs::remove_dir_all(work.path(RUNS[2])).unwrap();
    work.ok(
        "tiny.json --name short --set train.epochs=1 --set model.code_size=20 --set seed=1 --set data.split_seed=42",
    );
    work.copy("runs/short", RUNS[2]);
    let mut config = work.read_json(&format!("{}/config.json", RUNS[2]));
    config["train"]["epochs"] = 2.into();
    work.json(&format!("{}/config.json", RUNS[2]), &config);
    let mut env = work.read_json(&format!("{}/env.json", RUNS[2]));
    env.as_object_mut().unwrap().shift_remove("configs");
    work.json(&format!("{}/env.json", RUNS[2]), &env);
    let mut state = work.read_json(&format!("{}/state.json", RUNS[2]));
    state["status"] = "running".into();
    work.json(&format!("{}/state.json", RUNS[2]), &state);

    let listed = work.ok("sweep grid.json --dry-run").stdout;
    let expected = ["finished", "finished", "running in epoch 1", "new"];
    let expected: Vec<String> = (RUNS.iter().zip(expected))
        .map(|(run, status)| format!("{run}  {status}"))
        .collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);

    let ended = work.ok("sweep grid.json");
    assert!(!ended.stderr.contains("run 2 of 4"), "{}", ended.stderr);
    assert!(ended.stderr.contains("run 3 of 4"), "{}", ended.stderr);
    let resumed = work.outcome(RUNS[2]);
    assert!(resumed.last == last.last && resumed.metrics == last.metrics);
    assert_eq!(
        work.read_json("runs/grid/sweep.json")["points"][3]["run"],
        RUNS[3]
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let work = grid();
    let before = work.files();
    let listed = work.ok_json("sweep grid.json --dry-run --json --set sweep.seed=[7]");
    assert_eq!(listed["sweep"], "runs/grid");
    assert_eq!(
        listed["runs"][1],
        json!({
            "settings": { "model.code_size": 20, "seed": 7 },
            "run": "runs/grid/code_size=20,seed=7",
            "status": "new",
        })
    );
    assert!(before == work.files());
}

#[test]
fn flags_of_a_training_are_those_of_a_sweep() {
    let work = grid();
    work.ok(
        "sweep grid.json --quick --name other --runs elsewhere --set train.batch_size=8 --quiet",
    );
    let run = "elsewhere/other/code_size=2,seed=1";
    assert_eq!(
        work.read_json(&format!("{run}/summary.json"))["quick"],
        true
    );
    let config = work.read_json(&format!("{run}/config.json"));
    assert_eq!(
        (&config["train"]["epochs"], &config["train"]["batch_size"]),
        (&json!(1), &json!(8))
    );
    assert_eq!(work.read_json("elsewhere/other/sweep.json")["quick"], true);
}

#[test]
fn a_changed_config_is_refused_before_anything_is_trained() {
    let work = grid();
    work.ok("sweep grid.json --set sweep.seed=[2]");
    let allowed = "use the sweep's original settings, or another --name";
    assert_eq!(
        work.refused(2, "sweep grid.json --set train.epochs=3"),
        format!(
            "runs/grid/code_size=2,seed=2: was started with train.epochs 2, but the sweep's config \
             has 3; {allowed}"
        )
    );
    assert_eq!(
        work.refused(2, "sweep grid.json --quick --set train.epochs=2"),
        format!(
            "runs/grid/code_size=2,seed=2: was started with all images, but this is --quick; {allowed}"
        )
    );
    // More points are no change of those that there are.
    work.ok("sweep grid.json");
    work.ok("tiny.json");
    assert_eq!(
        work.refused(2, "sweep grid.json --name tiny"),
        "runs/tiny: is a run, not a sweep; choose another --name"
    );
}

#[test]
fn faults_are_placed() {
    let work = grid();
    let model = r#"{"kind": "dense", "layers": [8]}"#;
    let data = r#"{"dataset": "idx", "dir": "set", "validation": 16}"#;
    let text = |sweep: &str| {
        format!(
            "{{\"data\": {data},\n\"model\": {model},\n\"sweep\": {{\"model.code_size\": {sweep}}}}}"
        )
    };
    work.write("bad.json", text("[2, -1]"));
    assert_eq!(
        work.refused(2, "sweep bad.json"),
        "bad.json:3:34: model.code_size: found -1; allowed: an integer from 1 to 65536"
    );
    assert_eq!(
        work.refused(2, "tiny.json --set sweep.seed=[1]"),
        "--set sweep.seed=[1]: sweep: describes many trainings; run hourglass sweep tiny.json, or \
         remove the key"
    );
    assert_eq!(
        work.refused(2, "sweep tiny.json"),
        "tiny.json: sweep: missing key; add keys of the config with lists of values, such as \
         {\"seed\": [1, 2, 3]}"
    );
}

#[test]
fn a_point_that_diverges_does_not_stop_the_others() {
    let work = Work::new();
    let mut config = tiny();
    config["train"]["optimizer"] = "sgd".into();
    config["train"]["loss"] = "mse".into();
    config["sweep"] = json!({ "train.learning_rate": [1e30, 0.01] });
    work.json("rates.json", &config);
    for _ in 0..2 {
        let ended = work.run("sweep rates.json");
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("error: runs/rates: 1 of 2 runs diverged"),
            "{}",
            ended.stderr
        );
        let report = work.read_json("runs/rates/sweep.json");
        assert_eq!(report["points"][0]["status"], "diverged");
        assert_eq!(report["points"][0]["test"], Value::Null);
        assert!(report["points"][1]["test"]["mse"].is_f64());
    }
}

/// The digests of the test images of the runs of a sweep.
fn tested(work: &Work, runs: &[&str]) -> Vec<Value> {
    let env = |run: &&str| work.read_json(&format!("{run}/env.json"))["test_sha256"].clone();
    runs.iter().map(env).collect()
}

#[test]
fn all_seeds_are_measured_on_the_same_pictures() {
    let work = Work::new();
    let mut config = tiny();
    config["data"] = json!({ "dataset": "photos", "size": [8, 8], "channels": 1, "test": 0.3 });
    work.json("alone.json", &config);
    config["sweep"] = json!({ "seed": [1, 2, 3] });
    work.json("photos.json", &config);
    let runs = [
        "runs/photos/seed=1",
        "runs/photos/seed=2",
        "runs/photos/seed=3",
    ];
    let ended = work.ok("sweep photos.json");
    assert!(
        ended
            .stdout
            .contains("mean and standard deviation over seeds"),
        "{}",
        ended.stdout
    );
    let all = tested(&work, &runs);
    assert!(all.iter().all(|it| *it == all[0]), "{all:?}");
    // Where the split is swept, no curve goes over the different pictures.
    let line = "sweep photos.json --name splits --set sweep.data.split_seed=[1,2]";
    let ended = work.ok(&format!("{line} --set sweep.seed=[1,2]"));
    let note = "note: no curve is drawn, because the runs were tested on different images";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    assert!(!work.path("runs/splits/plots/curve.csv").exists());
    // The resolved config says so, and one seed alone has its own split, as ever.
    assert_eq!(
        work.read_json("runs/photos/seed=2/config.json")["data"]["split_seed"],
        42
    );
    work.ok("alone.json --set seed=2");
    let alone = work.read_json("runs/alone/config.json");
    assert_eq!(alone["data"].get("split_seed"), None);
    assert!(
        tested(&work, &["runs/alone"])[0] != all[0],
        "seed 2 drew the test pictures of seed 42"
    );
}

#[test]
fn a_sweep_that_has_a_split_for_each_seed_goes_on_with_it() {
    let work = grid();
    // As version 0.1.0 started it.
    work.ok("tiny.json --name old --set model.code_size=2 --set seed=1");
    work.copy("runs/old", RUNS[0]);
    let ended = work.ok("sweep grid.json");
    let note = "note: runs/grid: was started with a split for each seed, so its figures are of different images; \
                for one split, choose another --name";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    work.ok("tiny.json --name alone --set model.code_size=20 --set seed=2");
    work.assert_same("runs/alone", RUNS[3]);
}
