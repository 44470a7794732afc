use std::fs;

use image::GrayImage;
use serde_json::{Value, json};

use crate::common::{Random, SIDE, Work, picture, tiny};

fn save(work: &Work, name: &str, random: &mut Random) {
    let path = work.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = GrayImage::from_raw(SIDE as u32, SIDE as u32, picture(random)).unwrap();
    picture
        .save_with_format(path, image::ImageFormat::Png)
        .unwrap();
}

/// As many pictures as are asked for in each folder, no two the same.
fn folders(work: &Work, counts: &[(&str, usize)]) {
    let mut random = Random(7);
    for (folder, count) in counts {
        for number in 0..*count {
            save(work, &format!("{folder}/{number:03}.png"), &mut random);
        }
    }
}

/// A config of a training on a folder.
fn config(work: &Work, name: &str, data: &Value) {
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images" });
    for (key, value) in data.as_object().unwrap() {
        config["data"][key] = value.clone();
    }
    work.json(name, &config);
}

/// A set in MVTec's layout.
fn mvtec(work: &Work) {
    let counts = [
        ("part/train/good", 40),
        ("part/test/good", 8),
        ("part/test/crack", 5),
        ("part/test/hole", 3),
        ("part/ground_truth/crack", 5),
        ("part/ground_truth/hole", 3),
    ];
    folders(work, &counts);
    config(work, "part.json", &json!({ "dir": "part" }));
}

#[test]
fn what_a_run_was_trained_on_alone_is_normal() {
    let work = Work::new();
    mvtec(&work);
    let trained = work.ok("part.json").stderr;
    assert!(
        trained.contains("labels   3 classes by folder: crack 5, good 48, hole 3\n"),
        "{trained}"
    );
    let found = work.ok_json("anomaly part --json");
    assert_eq!(found["normal"], "part (good)");
    assert_eq!(
        (&found["normal_images"], &found["other_images"]),
        (&json!(8), &json!(8))
    );
    assert_eq!(found["threshold_from"], "the run's 4 validation pictures");
    let kinds: Vec<_> = found["kinds"].as_array().unwrap().iter().collect();
    let kind = |it: &Value| (it["class"].clone(), it["images"].clone());
    assert_eq!(
        kinds.iter().map(|it| kind(it)).collect::<Vec<_>>(),
        [(json!("crack"), json!(5)), (json!("hole"), json!(3))]
    );
    // All of the others together are the mean of their kinds.
    let of = |it: &Value, key: &str| it[key].as_f64().unwrap();
    let mean = (5.0 * of(kinds[0], "auroc") + 3.0 * of(kinds[1], "auroc")) / 8.0;
    assert!((mean - of(&found, "auroc")).abs() < 1e-9, "{found}");
    let table = work.ok("anomaly part").stdout;
    assert!(table.contains("crack, 5 pictures"), "{table}");
    // The same pictures by hand.
    let by_hand =
        work.ok_json("anomaly part --normal part/test/good --other part/test/crack --json");
    assert_eq!(by_hand["errors"]["model"]["other"], kinds[0]["error"]);
    // Without such a class somebody has to say what is unusual.
    folders(&work, &[("flat", 20)]);
    config(&work, "flat.json", &json!({ "dir": "flat" }));
    work.ok("flat.json");
    let line = work.refused(2, "anomaly flat");
    assert!(line.contains("--other: missing; give pictures"), "{line}");
}

#[test]
fn masks_are_no_pictures_to_any_command() {
    let work = Work::new();
    mvtec(&work);
    let mut noisy = work.read_json("part.json");
    noisy["model"] = json!({ "kind": "denoising", "corruption": "gaussian", "of": noisy["model"] });
    work.json("noisy.json", &noisy);
    work.ok("noisy.json");
    work.ok("restore noisy part -o back");
    let names = work.names("back");
    assert_eq!(names.len(), 56, "{names:?}");
    assert!(names.iter().all(|name| !name.contains("ground_truth")));
    // Several such sets in one folder are classes, without the masks of each.
    fs::create_dir(work.path("all")).unwrap();
    fs::rename(work.path("part"), work.path("all/part")).unwrap();
    folders(&work, &[("all/screw", 10)]);
    config(&work, "all.json", &json!({ "dir": "all" }));
    let trained = work.ok("all.json").stderr;
    assert!(
        trained.contains("2 classes by folder: part 56, screw 10\n"),
        "{trained}"
    );
}

#[test]
fn class_names_stand_for_labels() {
    let work = Work::new();
    folders(&work, &[("pets/cat", 30), ("pets/dog", 30)]);
    config(&work, "pets.json", &json!({ "dir": "pets", "test": 0.5 }));
    work.ok("pets.json");
    let probed = work.ok_json("probe pets --json");
    assert_eq!(probed["class_names"], json!(["cat", "dog"]));
    let ended = work.run("probe pets --data pets");
    let line = "error: pets: a probe would learn from the pictures that it is tested on; ";
    assert!(
        ended.code == Some(1) && ended.stderr.contains(line),
        "{ended:?}"
    );
    let drawn = r#"{"dataset":"images","dir":"pets","test":0.5}"#;
    let probed_again = work.ok_json(&format!("probe pets --data {drawn} --json"));
    assert_eq!(probed_again["layers"], probed["layers"]);
    let found = work.ok_json("cluster pets --k 2 --json");
    let classes = found["clusters"].as_array().unwrap().iter();
    let classes = classes.flat_map(|it| it["classes"].as_array().unwrap());
    let total: u64 = classes
        .map(|pair| {
            assert!(["cat", "dog"].contains(&pair[0].as_str().unwrap()));
            pair[1].as_u64().unwrap()
        })
        .sum();
    assert_eq!(json!(total), found["images"]);
    assert!(work.ok("cluster pets --k 2").stdout.contains("cluster 1: "));
    let report = work.read_text("runs/pets/report.html");
    assert!(report.contains(">cat<") && report.contains(">dog<"));
    work.ok("plot pets");
    assert!(
        work.read_text("runs/pets/analysis/plot/pca.svg")
            .contains(">dog<")
    );
    let found = work.ok_json("anomaly pets.json --one-class --name each --json");
    assert_eq!(found["class_names"], json!(["cat", "dog"]));
}

#[test]
fn a_folder_for_validation_is_neither_trained_nor_tested_on() {
    let work = Work::new();
    folders(&work, &[("mine/train", 30), ("mine/val", 6)]);
    config(&work, "mine.json", &json!({ "dir": "mine" }));
    let shown = work.ok("init mine -o proposed.json --minutes 0.01").stdout;
    assert!(
        shown.contains("30 grey pictures of 8x8 pixels, and 6 for validation\n"),
        "{shown}"
    );
    let trained = work.ok("mine.json").stderr;
    assert!(
        trained.contains("27 training, 6 validation, 3 test images"),
        "{trained}"
    );
    let ended = work.ok("compress mine mine -o mine.hg");
    assert!(ended.stdout.contains("6 pictures in"), "{}", ended.stdout);
    assert!(
        (ended.stderr).contains("mine: no folder test, so val is read in its place"),
        "{}",
        ended.stderr
    );
    let line = work.refused(2, "mine.json --set data.validation=3");
    assert!(
        line.contains("the data have a folder for validation"),
        "{line}"
    );
}

#[test]
fn bursts_stay_in_one_part() {
    let work = Work::new();
    let mut random = Random(3);
    for scene in 0..12 {
        for frame in 0..5 {
            save(
                &work,
                &format!("mine/scene{scene:02}_{frame}.png"),
                &mut random,
            );
        }
    }
    config(
        &work,
        "mine.json",
        &json!({ "dir": "mine", "group": "name" }),
    );
    let trained = work.ok("mine.json").stderr;
    assert!(
        trained.contains("50 training, 5 validation, 5 test images"),
        "{trained}"
    );
    work.ok("evaluate mine");
    let line = work.refused(2, "mine.json --set data.group=folder");
    assert!(
        line.contains(
            "data.group: found \"folder\" and all 60 pictures in one folder; allowed: two groups"
        ),
        "{line}"
    );
    // Each copy beside its original: no group keeps them apart.
    for frame in 0..5 {
        let name = |scene: usize| work.path(&format!("mine/scene{scene:02}_{frame}.png"));
        for scene in 1..12 {
            fs::copy(name(0), name(scene)).unwrap();
        }
    }
    let ended = work.ok("mine.json --name same");
    for line in [
        "50 of the 55 training pictures are copies of others",
        "5 of the 5 validation pictures are also training pictures",
        "5 of the 5 test pictures are also training pictures",
    ] {
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
    }
}
