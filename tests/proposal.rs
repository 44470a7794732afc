//! `hourglass init` and the linear kind, which it proposes for photographs.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::common::{Random, Work};

/// Colour pictures of blobs with edges, so that neither PCA nor the mean picture is exact.
fn photographs(work: &Work, folder: &str, count: u64) {
    let mut random = Random(7);
    fs::create_dir_all(work.path(folder)).unwrap();
    for number in 0..count {
        let blobs: Vec<[i64; 6]> = (0..12)
            .map(|_| {
                let mut below = |limit: usize| random.below(limit) as i64;
                [
                    below(160),
                    below(120),
                    4 + below(24),
                    below(256),
                    below(256),
                    below(256),
                ]
            })
            .collect();
        let picture = RgbImage::from_fn(160, 120 + number as u32, |x, y| {
            let inside = |blob: &&[i64; 6]| {
                let (dx, dy) = (i64::from(x) - blob[0], i64::from(y) - blob[1]);
                dx * dx + dy * dy < blob[2] * blob[2]
            };
            let colour = blobs.iter().rev().find(inside);
            Rgb(colour.map_or([90, 120, 200], |blob| [3, 4, 5].map(|at| blob[at] as u8)))
        });
        picture
            .save(work.path(&format!("{folder}/{number}.png")))
            .unwrap();
    }
}

fn key<'a>(config: &'a Value, path: &str) -> &'a Value {
    config.pointer(path).unwrap_or(&Value::Null)
}

#[test]
fn a_folder_becomes_a_config_that_trains_and_beats_pca() {
    let work = Work::new();
    photographs(&work, "my photos", 8);
    work.write("my photos/broken.png", b"\x89PNG");
    work.write("my photos/left.heic", b"x");
    let said = work.run_words(&["init", "my photos", "--minutes", "0.05"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("broken.png") && said.stderr.contains("1 .heic"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout
            .contains("8 colour pictures of 120 to 160 pixels a side"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("hourglass 'my photos.json'"),
        "{}",
        said.stdout
    );
    let config = work.read_json("my photos.json");
    assert_eq!(key(&config, "/model/kind"), "linear");
    assert_eq!(key(&config, "/data/dir"), "my photos");

    // It is not overwritten.
    let refused = work.refused_words(1, &["init", "my photos"]);
    assert!(
        refused.contains("my photos.json") && refused.contains("--force"),
        "{refused}"
    );

    let trained = work.run_words(&[
        "my photos.json",
        "--json",
        "--set",
        "train.epochs=2",
        "--set",
        "data.crops=60",
        "--set",
        "data.patch=16",
        "--set",
        "model.code_size=8",
        "--name",
        "mine",
    ]);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    let summary: Value = serde_json::from_str(&trained.stdout).unwrap();
    let mse = |path: &str| key(&summary, path).as_f64().unwrap();
    assert!(mse("/test/mse") < mse("/baselines/pca/mse"), "{summary}");

    // What else is done with a run works with this kind too.
    for words in [
        "encode mine PICTURES -o codes.npz",
        "reconstruct mine PICTURES -o back",
        "evaluate mine --data PICTURES",
        "compress mine PICTURES -o pictures.hg",
        "decompress pictures.hg -o pictures --run mine",
        "plot mine",
        "inspect mine",
    ] {
        let words: Vec<&str> = (words.split(' '))
            .map(|word| word.replace("PICTURES", "my photos").leak() as &str)
            .collect();
        let ended = work.run_words(&words);
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn a_linear_run_starts_at_pca_and_resumes_to_the_same_weights() {
    let work = Work::new();
    photographs(&work, "photos", 6);
    let config = |epochs: usize| {
        json!({
            "data": { "dataset": "images", "dir": "photos", "patch": 16, "crops": 20, "validation": 1 },
            "model": { "kind": "linear", "code_size": 6, "channels": 8, "convolutions": 3 },
            "train": { "epochs": epochs, "batch_size": 10, "learning_rate": 1e-30 },
        })
    };
    work.json("start.json", &config(1));
    let summary = work.ok_json("start.json --json");
    let [found, pca] =
        ["/test/mse", "/baselines/pca/mse"].map(|at| key(&summary, at).as_f64().unwrap());
    // Values are clamped to [0, 1], which PCA's are not.
    assert!(
        found <= pca * 1.0001 && found > pca * 0.9,
        "{found}, PCA {pca}"
    );

    let mut whole = config(3);
    whole["train"]["learning_rate"] = json!(0.001);
    work.json("whole.json", &whole);
    work.ok("whole.json");
    let mut part = whole.clone();
    part["train"]["epochs"] = json!(1);
    work.json("part.json", &part);
    work.ok("part.json");
    work.ok("resume part --set train.epochs=3");
    work.assert_same("runs/whole", "runs/part");
    work.ok("whole.json --threads 1 --name one");
    work.assert_same("runs/whole", "runs/one");
}

#[test]
fn every_aim_is_a_config_that_works() {
    let work = Work::new();
    photographs(&work, "photos", 5);
    for aim in ["explore", "compress", "denoise", "anomaly"] {
        let line = format!("init photos --for {aim} --minutes 0.01 -o {aim}.json --json");
        let said = work.ok_json(&line);
        assert_eq!(
            key(&said, "/config"),
            &work.read_json(&format!("{aim}.json"))
        );
        assert!(key(&said, "/seconds").as_f64().unwrap() > 0.0);
        work.ok(&format!("{aim}.json --quick"));
    }
}

#[test]
fn folders_without_enough_pictures_are_refused_in_a_line() {
    let work = Work::new();
    photographs(&work, "one", 1);
    fs::create_dir_all(work.path("empty")).unwrap();
    for (folder, words) in [
        ("one", "found 1 picture that can be read"),
        ("empty", "no picture (.png, .jpg,"),
        ("nowhere", "nowhere: cannot be read"),
    ] {
        let refused = work.refused(1, &format!("init {folder}"));
        assert!(refused.contains(words), "{refused}");
        assert!(!work.path(&format!("{folder}.json")).exists());
    }
    let ended = work.run("init one --minutes 0");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("0.01 to 10080"), "{}", ended.stderr);
}

#[test]
fn a_linear_code_needs_more_images_than_it_has_values() {
    let work = Work::new();
    photographs(&work, "photos", 5);
    let config = json!({
        "data": { "dataset": "images", "dir": "photos", "size": [16, 16] },
        "model": { "kind": "linear", "code_size": 32 },
    });
    work.json("few.json", &config);
    let refused = work.refused(2, "few.json");
    assert!(
        refused.contains("32 values for 4 training images"),
        "{refused}"
    );
    assert!(refused.contains("at most 3"), "{refused}");
    assert!(!work.path("runs/few").exists());
}
