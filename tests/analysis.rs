use std::fs;

use serde_json::{Value, json};

use crate::common::{BACKEND, Random, SIDE, Work, idx, tiny};

/// Writes an IDX folder of three classes that anyone can tell apart: a bright bar at the left, in
/// the middle or at the right. Labels are 3, 77 and 255.
fn bars(work: &Work, name: &str, train: usize, test: usize) {
    let mut random = Random(5);
    for (part, count) in [("train", train), ("t10k", test)] {
        let mut images = Vec::new();
        for index in 0..count {
            for place in 0..SIDE * SIDE {
                let noise = random.below(60) as u8;
                let bright = (place % SIDE) / 3 == index % 3;
                images.push(if bright { 195 + noise } else { noise });
            }
        }
        let labels: Vec<u8> = (0..count).map(|index| [3, 77, 255][index % 3]).collect();
        let images = idx(0x803, &[count, SIDE, SIDE], &images);
        work.write(&format!("{name}/{part}-images-idx3-ubyte"), images);
        let labels = idx(0x801, &[count], &labels);
        work.write(&format!("{name}/{part}-labels-idx1-ubyte"), labels);
    }
}

/// A run on bars, named `run`.
fn bars_run(work: &Work) {
    bars(work, "bars", 240, 90);
    let mut config = tiny();
    config["data"]["dir"] = json!("bars");
    config["train"]["epochs"] = json!(8);
    work.json("bars.json", &config);
    work.ok("bars.json --name run");
}

/// Removes the labels of a set.
fn without_labels(work: &Work, name: &str) {
    for part in ["train", "t10k"] {
        fs::remove_file(work.path(&format!("{name}/{part}-labels-idx1-ubyte"))).unwrap();
    }
}

/// Asserts that a report has no NaN, which JSON writes as null, but for the named keys.
fn assert_no_null(value: &Value, allowed: &[&str]) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                assert!(!value.is_null() || allowed.contains(&key.as_str()), "{key}");
                assert_no_null(value, allowed);
            }
        }
        Value::Array(array) => array.iter().for_each(|it| assert_no_null(it, allowed)),
        _ => {}
    }
}

/// Every command of the analyses, on the run `run`.
const COMMANDS: [(&str, &str); 3] = [
    ("cluster", "cluster run --k 3"),
    ("probe", "probe run"),
    ("anomaly", "anomaly run --other set"),
];

#[test]
fn an_analysis_writes_what_it_prints_and_nothing_else() {
    let work = Work::new();
    bars_run(&work);
    for (name, line) in COMMANDS {
        let before = work.files();
        let printed = work.ok_json(&format!("{line} --json"));
        let file = format!("run/analysis/{name}.json");
        assert_eq!(work.read_json(&format!("runs/{file}")), printed);
        assert_no_null(&printed, &[]);
        let mut after = work.files();
        after.retain(|path, _| !path.starts_with("runs/run/analysis/"));
        let mut kept = before.clone();
        kept.retain(|path, _| !path.starts_with("runs/run/analysis/"));
        assert!(after == kept, "{line} changed other files");
        // As a table, and again to the bit, on any number of threads.
        let bytes = work.read(&format!("runs/{file}"));
        for threads in ["", "--threads 1", "--threads 3"] {
            let ended = work.ok(&format!("{line} {threads}"));
            assert!(ended.stdout.contains("PCA"), "{}", ended.stdout);
            assert!(
                bytes == work.read(&format!("runs/{file}")),
                "{line} {threads}"
            );
        }
        let quiet = work.ok(&format!("{line} --quiet --json"));
        assert_eq!(quiet.stderr, "", "{line}");
    }
    let pictures = [
        "runs/run/analysis/cluster.png",
        "runs/run/analysis/anomaly.png",
    ];
    for picture in pictures {
        image::open(work.path(picture)).unwrap();
    }
}

#[test]
fn what_is_easy_to_tell_apart_is_told_apart() {
    let work = Work::new();
    bars_run(&work);
    let clusters = work.ok_json("cluster run --k 3 --json");
    for space in [
        &clusters,
        &clusters["baselines"]["raw"],
        &clusters["baselines"]["pca"],
    ] {
        for measure in ["accuracy", "nmi", "ari"] {
            assert!(
                space[measure].as_f64().unwrap() > 0.95,
                "{measure} of {space}"
            );
        }
        assert!(space["silhouette"].as_f64().unwrap() > 0.3, "{space}");
    }
    assert_eq!(
        (&clusters["k"], &clusters["images"]),
        (&json!(3), &json!(90))
    );

    // Moved together with their neighbours, pictures of a class lie on one spot.
    let smooth = work.ok_json("cluster run --k 3 --smooth 20 --json");
    assert_eq!(
        (&clusters["smooth"], &smooth["smooth"]),
        (&json!(0), &json!(20))
    );
    for space in [&smooth, &smooth["baselines"]["raw"]] {
        assert_eq!(space["accuracy"], 1.0, "{space}");
        assert!(space["silhouette"].as_f64().unwrap() > 0.9, "{space}");
    }

    let probe = work.ok_json("probe run --json");
    let names: Vec<&Value> = (probe["layers"].as_array().unwrap().iter())
        .map(|layer| &layer["name"])
        .collect();
    assert_eq!(names, ["encoder.0", "code"]);
    assert_eq!(probe["layers"][1]["size"], 4);
    assert_eq!(probe["baselines"]["pca"]["size"], 4);
    for row in [
        &probe["layers"][1],
        &probe["baselines"]["raw"],
        &probe["baselines"]["pca"],
    ] {
        assert_eq!(row["knn_accuracy"], 1.0, "{row}");
        assert_eq!(row["linear_accuracy"], 1.0, "{row}");
        let low = row["linear_interval"][0].as_f64().unwrap();
        assert!((0.95..1.0).contains(&low), "{row}");
    }

    // The crosses of the other set are nothing that the model has seen.
    let anomaly = work.ok_json("anomaly run --other set --json");
    assert!(anomaly["auroc"].as_f64().unwrap() > 0.9, "{anomaly}");
    assert_eq!(
        anomaly["threshold_from"],
        "the run's 16 validation pictures"
    );
    assert_eq!(
        (&anomaly["normal_images"], &anomaly["other_images"]),
        (&json!(90), &json!(32))
    );
    // The same pictures on both sides cannot be told apart.
    let same = work.ok_json("anomaly run --other bars --json");
    assert_eq!(
        (&same["auroc"], &same["baselines"]["pca"]["auroc"]),
        (&json!(0.5), &json!(0.5))
    );
    // A run of the other pictures stands beside, and restores them better.
    let mut config = tiny();
    config["train"]["epochs"] = json!(8);
    work.json("set.json", &config);
    work.ok("set.json --name crosses");
    let beside =
        work.ok_json("anomaly run --other set --other-run crosses --score relative --json");
    assert_eq!(
        (&anomaly["score"], &beside["score"]),
        (&json!("mse"), &json!("relative"))
    );
    assert!(beside["auroc"].as_f64().unwrap() > 0.9, "{beside}");
    assert!(beside["threshold"] != anomaly["threshold"]);
    // The errors are the same, whatever is scored.
    assert_eq!(beside["errors"]["model"], anomaly["errors"]["model"]);
    let error = |model: &str| beside["errors"][model]["other"].as_f64().unwrap();
    assert!(error("model_of_other") < error("model"), "{beside}");
    // Of normal pictures that are not the run's own, half are for the threshold.
    let halved = work.ok_json("anomaly run --normal set --other bars --json");
    assert_eq!(halved["normal_images"], 16);
    assert_eq!(halved["threshold_from"], "half of the normal pictures, 16");
}

#[test]
fn one_layer_can_be_probed() {
    let work = Work::new();
    bars_run(&work);
    for layer in ["encoder.0", "0"] {
        let probe = work.ok_json(&format!("probe run --json --layer {layer}"));
        assert_eq!(probe["layers"].as_array().unwrap().len(), 1);
        assert_eq!(probe["layers"][0]["size"], 16);
        assert_eq!(probe["baselines"]["pca"]["size"], 16);
    }
    assert_eq!(
        work.refused(2, "probe run --layer encoder.7"),
        "--layer: found encoder.7; allowed: all, encoder.0, code, or a number from 0 to 1"
    );
}

#[test]
fn missing_labels_are_one_line_or_no_matter() {
    let work = Work::new();
    bars(&work, "bars", 120, 40);
    without_labels(&work, "bars");
    let mut config = tiny();
    config["data"]["dir"] = json!("bars");
    work.json("bars.json", &config);
    work.ok("bars.json --name run");
    let ended = work.ok("cluster run --k 3 --json");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(report["accuracy"].is_null() && report["nmi"].is_null() && report["ari"].is_null());
    assert!(report["silhouette"].as_f64().is_some());
    assert!(
        ended.stderr.contains("note: these pictures have no labels"),
        "{}",
        ended.stderr
    );
    let line = work.refused(1, "probe run");
    assert!(
        line.starts_with("bars: no labels found; a probe needs"),
        "{line}"
    );
    let line = work.refused(1, "anomaly bars.json --one-class");
    assert!(
        line.starts_with("bars: no labels found; --one-class needs"),
        "{line}"
    );
    assert_no_null(&work.ok_json("anomaly run --other set --json"), &[]);
}

#[test]
fn degenerate_pictures_get_a_line_or_a_right_answer() {
    let work = Work::new();
    bars_run(&work);
    assert_eq!(
        work.refused(2, "cluster run --k 91"),
        "--k: found 91; allowed: at most 90 (the number of pictures)"
    );
    // As many clusters as pictures.
    assert_no_null(&work.ok_json("cluster run --k 90 --json"), &["silhouette"]);
    // All pictures alike, and of one class.
    for (name, value) in [("black", 0), ("grey", 128)] {
        for (part, count) in [("train", 20), ("t10k", 12)] {
            let images = idx(
                0x803,
                &[count, SIDE, SIDE],
                &vec![value; count * SIDE * SIDE],
            );
            work.write(&format!("{name}/{part}-images-idx3-ubyte"), images);
            let labels = idx(0x801, &[count], &vec![9; count]);
            work.write(&format!("{name}/{part}-labels-idx1-ubyte"), labels);
        }
        let clusters = work.ok_json(&format!("cluster run --k 3 --data {name} --json"));
        assert_no_null(&clusters, &["silhouette"]);
        // One cluster of one class.
        for measure in ["accuracy", "nmi", "ari"] {
            assert_eq!(clusters[measure], 1.0, "{measure}");
        }
        let probe = work.ok_json(&format!("probe run --data {name} --json"));
        assert_no_null(&probe, &[]);
        assert_eq!(probe["layers"][1]["linear_accuracy"], 1.0);
        assert_eq!(probe["layers"][1]["knn_accuracy"], 1.0);
        let line = format!("anomaly run --normal {name} --other {name} --json");
        assert_eq!(work.ok_json(&line)["auroc"], 0.5);
    }
    // A single picture.
    work.ok("reconstruct run bars -o photos");
    assert_no_null(
        &work.ok_json("anomaly run --other photos/00.png --json"),
        &["pca_of_other"],
    );
    let line = work.refused(1, "anomaly run --normal photos/00.png --other bars");
    assert!(
        line.starts_with("photos/00.png: found 1 picture; at least 2 are needed"),
        "{line}"
    );
    assert_eq!(
        work.refused(2, "anomaly run"),
        "--other: missing; give pictures of another kind, such as a folder, or use --one-class \
         with a config"
    );
}

#[test]
fn other_kinds_and_folders_of_pictures_are_analysed() {
    let work = Work::new();
    bars_run(&work);
    work.ok("reconstruct run bars -o photos/train --split train");
    work.ok("reconstruct run bars -o photos/test");
    let model = json!({
        "kind": "denoising", "corruption": { "kind": "gaussian", "std": 0.2 },
        "of": {
            "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 },
            "of": { "kind": "conv", "channels": [4], "code_size": 6 },
        },
    });
    work.json(
        "photos.json",
        &json!({
            "backend": BACKEND, "model": model, "train": { "epochs": 2, "batch_size": 32 },
            "data": { "dataset": "images", "dir": "photos" },
        }),
    );
    work.ok("photos.json --name photos");
    let clusters = work.ok_json("cluster photos --runs runs --k 3 --json");
    assert_no_null(&clusters, &["accuracy", "nmi", "ari"]);
    assert_no_null(&work.ok_json("anomaly photos --other set --json"), &[]);
    // Its layers on pictures that have labels.
    let probe = work.ok_json("probe photos --data bars --json");
    assert_no_null(&probe, &[]);
    assert_eq!(probe["layers"][1]["size"], 6);
}

#[test]
fn each_label_in_turn_is_told_from_the_others() {
    let work = Work::new();
    bars_run(&work);
    let line = "anomaly bars.json --one-class --json --set train.epochs=6";
    let report = work.ok_json(line);
    let classes = report["classes"].as_array().unwrap();
    let normal: Vec<&Value> = classes.iter().map(|class| &class["normal"]).collect();
    assert_eq!(normal, [3, 77, 255]);
    for class in classes {
        assert!(class["auroc"].as_f64().unwrap() > 0.9, "{class}");
    }
    let mean = classes
        .iter()
        .map(|it| it["auroc"].as_f64().unwrap())
        .sum::<f64>()
        / 3.0;
    assert!((report["mean_auroc"].as_f64().unwrap() - mean).abs() < 1e-12);
    assert!(report["baselines"]["pca"].as_f64().unwrap() > 0.9);
    assert_eq!(
        work.read_json("runs/bars-one-class/analysis/anomaly.json"),
        report
    );
    assert_eq!(
        work.read_json("runs/bars-one-class/state.json")["status"],
        "finished"
    );
    // Nothing is left of the trainings, and another time gives the same in a folder of its own.
    let names = work.names("runs/bars-one-class");
    assert_eq!(
        names,
        [
            ".lock",
            "analysis/anomaly.json",
            "config.json",
            "env.json",
            "one-class.json",
            "state.json"
        ]
    );
    let again = work.ok_json(&format!("{line} --threads 1"));
    assert_eq!(again["classes"], report["classes"]);
    assert_eq!(again["run"], "runs/bars-one-class-2");
    let line = work.refused(2, "anomaly bars.json --one-class --other set");
    assert!(
        line.starts_with("--normal and --other cannot be used with --one-class"),
        "{line}"
    );
    let line = work.refused(2, "anomaly run --other set --quick");
    assert!(line.starts_with("--set, --quick and --name"), "{line}");
}

/// Leaves a finished run of one model for each label as it was while `label` was trained.
fn unfinish(work: &Work, run: &str, label: u64) {
    let mut kept = work.read_json(&format!("{run}/one-class.json"));
    let classes = kept["classes"].as_array_mut().unwrap();
    classes.retain(|class| class["normal"].as_u64().unwrap() < label);
    work.json(&format!("{run}/one-class.json"), &kept);
    let mut state = work.read_json(&format!("{run}/state.json"));
    state["status"] = "running".into();
    work.json(&format!("{run}/state.json"), &state);
    std::fs::remove_file(work.path(&format!("{run}/analysis/anomaly.json"))).unwrap();
}

#[test]
fn a_model_for_each_label_goes_on_label_by_label() {
    let work = Work::new();
    bars_run(&work);
    let line = "anomaly bars.json --one-class --json --set train.epochs=6";
    let whole = work.ok_json(line);
    let run = "runs/bars-one-class";
    // Killed within the second label, whose folder a process left half made.
    unfinish(&work, run, 77);
    work.write(&format!("{run}/.new-x/config.json"), "{");
    let again = work.ok_json(line);
    assert_eq!(again, whole);
    // The same with resume, which keeps what is done: the first label's figure stays whatever it is.
    unfinish(&work, run, 255);
    let mut kept = work.read_json(&format!("{run}/one-class.json"));
    kept["classes"][0]["auroc"] = 0.25.into();
    work.json(&format!("{run}/one-class.json"), &kept);
    let resumed = work.ok_json("resume bars-one-class --json");
    assert_eq!(resumed["classes"][0]["auroc"], 0.25);
    assert_eq!(resumed["classes"][2], whole["classes"][2]);
    assert_eq!(work.names(run).len(), 6, "{:?}", work.names(run));
    let line = work.refused(2, "resume bars-one-class --set train.epochs=9");
    assert!(
        line.starts_with("--set train.epochs=9: the labels would have different trainings"),
        "{line}"
    );
    // Another score or another training is another run.
    unfinish(&work, run, 77);
    let other = work.ok_json("anomaly bars.json --one-class --json --set train.epochs=1");
    assert_eq!(other["run"], "runs/bars-one-class-2");
    assert_eq!(
        work.read_json(&format!("{run}/state.json"))["status"],
        "running"
    );
    // Version 0.1.0 kept nothing.
    std::fs::remove_file(work.path(&format!("{run}/one-class.json"))).unwrap();
    let line = work.refused(2, "resume bars-one-class");
    assert!(
        line.starts_with("runs/bars-one-class: has one model for each label"),
        "{line}"
    );
}
