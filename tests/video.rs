use std::fs;

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// Six frames of 6 x 8 in colour.
const GIF: &[u8] = include_bytes!("fixtures/pillow/moving.gif");
const NPY: &[u8] = include_bytes!("fixtures/pillow/moving.npy");

/// A folder of six videos of 12 grey frames of 8 x 9 each, in which a square moves, and the config `video.json`.
fn videos(work: &Work, model: Value) {
    for video in 0..6_u32 {
        for frame in 0..12_u32 {
            let left = (video + frame) % 6;
            let picture = GrayImage::from_fn(9, 8, |x, y| {
                let inside = (left..left + 3).contains(&x) && (video..video + 3).contains(&y);
                Luma([if inside { 230 } else { 20 }])
            });
            let path = work.path(&format!("clips/v{video}/frame{frame}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            picture.save(path).unwrap();
        }
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "video", "dir": "clips", "frames": 5, "stride": 3 });
    config["model"] = model;
    config["train"]["batch_size"] = 4.into();
    work.json("video.json", &config);
}

fn conv() -> Value {
    json!({ "kind": "conv", "channels": [3, 4], "code_size": 6, "batch_norm": true })
}

#[test]
fn a_resumed_training_of_clips_is_the_same_to_the_bit() {
    let work = Work::new();
    videos(&work, conv());
    let augment = "--set data.augment={\"shift\":1,\"flip\":true}";
    work.ok(&format!(
        "video.json --name whole --threads 2 --set train.epochs=4 {augment}"
    ));
    work.ok(&format!(
        "video.json --name halves --threads 1 --set train.epochs=2 {augment}"
    ));
    work.ok("resume halves --threads 1 --set train.epochs=4");
    work.assert_same("runs/whole", "runs/halves");
}

#[test]
fn commands_take_videos_and_errors_are_by_frame() {
    let work = Work::new();
    videos(&work, conv());
    work.ok("video.json --name run");
    let meta = work.read_json("runs/run/checkpoints/best/meta.json");
    assert_eq!(
        meta["preparation"]["clips"],
        json!({ "frames": 5, "stride": 3 })
    );
    assert_eq!(meta["preparation"]["size"], json!([8, 9]));
    assert_eq!(meta["input_shape"], json!([1, 40, 9]));
    // Clips of 12 frames start at 0, 3 and 6, so that frame 11 is in none.
    let report = work.ok_json("evaluate run --data clips/v2 --frames errors.csv --json");
    assert_eq!(report["images"], 3);
    let text = work.read_text("errors.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("video,frame,mse,clips", 12));
    let rows: Vec<Vec<&str>> = lines[1..]
        .iter()
        .map(|line| line.split(',').collect())
        .collect();
    let clips: Vec<&str> = rows.iter().map(|row| row[3]).collect();
    assert_eq!(
        clips,
        ["1", "1", "1", "2", "2", "1", "2", "2", "1", "1", "1"]
    );
    assert!(rows.iter().all(|row| row[0] == "v2"));
    let all: f64 = rows
        .iter()
        .map(|row| row[2].parse::<f64>().unwrap() * row[3].parse::<f64>().unwrap())
        .sum();
    let mse = report["test"]["mse"].as_f64().unwrap();
    assert!((all / 15.0 - mse).abs() < 1e-6, "{} {mse}", all / 15.0);
    let refused = work.refused(1, "evaluate run --data clips/v2 --frames errors.csv");
    assert!(refused.contains("already exists"), "{refused}");
    // Others are brought to the run's size and colours.
    work.write("other/a.gif", GIF);
    work.write("other/b.npy", NPY);
    work.ok("encode run other -o codes.npz");
    assert_eq!(
        work.ok_json("encode run other/a.gif -o one.npy --json")["images"],
        1
    );
    work.ok("reconstruct run other -o strips");
    let strip = image::open(work.path("strips").join(&work.names("strips")[0])).unwrap();
    assert_eq!([strip.height(), strip.width()], [40, 9]);
    // Clips are scored, each with the frame and the place of its largest errors.
    let told = work
        .ok("score run clips/v2 --score mse --quantile 0.5 -o scores.csv")
        .stdout;
    assert!(told.contains("of 3 clips odd"), "{told}");
    let scores = work.read_text("scores.csv");
    let mut scores = scores
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let columns = "name,score,threshold,verdict,frame,top,left,height,width";
    assert_eq!(
        scores.next().unwrap(),
        columns.split(',').collect::<Vec<_>>()
    );
    for (start, row) in [0, 3, 6].into_iter().zip(scores) {
        assert_eq!(row[0], format!("v2@{start}"));
        let cell = |at: usize| row[at].parse::<usize>().unwrap();
        assert!((start..start + 5).contains(&cell(4)), "{row:?}");
        // Frames have 8 rows and 9 columns.
        assert!(cell(5) + cell(7) <= 8 && cell(6) + cell(8) <= 9, "{row:?}");
    }
    work.ok("inspect run");
    work.ok("plot run");
    for (code, line, expected) in [
        (1, "evaluate run --data clips/v2/frame1.png", "not a video"),
        (2, "compress run", "was trained on clips"),
        (2, "restore run clips/v2/frame1.png -o out", "restore"),
        (1, "evaluate run --data mnist", "1x28x28"),
    ] {
        let text = work.refused(code, line);
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn a_denoising_model_of_clips_has_no_baselines_that_cross_frames() {
    let work = Work::new();
    videos(
        &work,
        json!({ "kind": "denoising", "corruption": { "kind": "blur", "sigma": 1 }, "of": conv() }),
    );
    work.ok("video.json --name run");
    let summary = work.read_json("runs/run/summary.json");
    assert_eq!(summary["restoration"], Value::Null);
    let text = work.refused(2, "restore run clips/v2/frame1.png -o out");
    assert!(text.contains("was trained on clips"), "{text}");
}

#[test]
fn keys_that_make_no_sense_are_refused_with_their_place() {
    let work = Work::new();
    videos(&work, conv());
    for (set, expected) in [
        ("data.frames=1", "data.frames: found 1"),
        ("data.frames=13", "the 13 frames of a clip"),
        ("data.aspect=crop", "data.aspect: needs data.size"),
        ("data.patch=8", "data.patch"),
        ("data.validation=5", "fewer than the 5 training videos"),
        ("model.channels=[2,2,2,2,2]", "model.channels"),
    ] {
        let ended = work.run(&format!("video.json --set {set}"));
        assert_ne!(ended.code, Some(0), "{set}");
        assert!(ended.stderr.contains(expected), "{set}: {}", ended.stderr);
    }
}
