use std::fs;

use serde_json::{Value, json};

use crate::common::{BACKEND, SIDE, Work, idx, tiny};

/// Trains a model on a data set, in seconds, as the run `name`.
fn train(work: &Work, name: &str, model: &Value, data: &Value) {
    let config = json!({
        "backend": BACKEND, "data": data, "model": model,
        "train": { "epochs": 1, "batch_size": 32 },
    });
    work.json(&format!("{name}.json"), &config);
    work.ok(&format!("{name}.json --name {name} --quick --quiet"));
}

/// The files of a run, without those of `plot`.
fn others(work: &Work, run: &str) -> Vec<(String, Vec<u8>)> {
    let files = work.files().into_iter();
    let own = [
        format!("runs/{run}/analysis/plot.json"),
        format!("runs/{run}/analysis/plot/"),
    ];
    files
        .filter(|(name, _)| name != &format!("runs/{run}/analysis/"))
        .filter(|(name, _)| !own.iter().any(|own| name.starts_with(own)))
        .collect()
}

/// Draws a run: what it prints is what it writes, all numbers are numbers, every picture that it
/// names is there and whole, and nothing else has changed. The report, and the pictures' names.
fn plot(work: &Work, run: &str, more: &str) -> (Value, Vec<String>) {
    let before = others(work, run);
    let report = work.ok_json(&format!("plot {run} --json --quiet {more}"));
    assert!(before == others(work, run), "{run}: other files changed");
    let file = format!("runs/{run}/analysis/plot.json");
    assert_eq!(work.read_json(&file), report);
    let mut numbers = report.clone();
    numbers.as_object_mut().unwrap().shift_remove("tsne");
    assert!(!numbers.to_string().contains("null"), "{numbers}");
    let names: Vec<String> = (report["files"].as_array().unwrap().iter())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let there: Vec<String> = (work.names(&format!("runs/{run}/analysis/plot")).into_iter())
        .map(|name| format!("analysis/plot/{name}"))
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, there);
    let mut stems = Vec::new();
    for name in &names {
        let path = format!("runs/{run}/{name}");
        if let Some(stem) = name.strip_suffix(".svg") {
            let svg = work.read_text(&path);
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{name}");
            assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{name}");
            assert!(svg.contains(&format!(">{run}: ")), "{name} has no title");
            stems.push(stem.strip_prefix("analysis/plot/").unwrap().to_owned());
        } else {
            let picture = image::open(work.path(&path)).unwrap();
            assert!(picture.width() > 200 && picture.height() > 100, "{name}");
        }
    }
    assert_eq!(names.len(), 2 * stems.len());
    (report, stems)
}

fn svg(work: &Work, run: &str, name: &str) -> String {
    work.read_text(&format!("runs/{run}/analysis/plot/{name}.svg"))
}

#[test]
fn every_kind_is_drawn() {
    let work = Work::new();
    let set = json!({ "dataset": "idx", "dir": "set", "validation": 16 });
    let map = json!({ "kind": "conv", "channels": [4] });
    let conv = json!({ "kind": "conv", "channels": [4, 4], "code_size": 6, "batch_norm": true });
    let kinds = [
        (
            "dense",
            json!({ "kind": "dense", "layers": [16], "code_size": 4 }),
            4,
            16,
        ),
        ("conv", conv.clone(), 6, 4),
        ("map", map.clone(), 64, 4),
        (
            "sparse",
            json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": conv }),
            6,
            4,
        ),
        (
            "denoising",
            json!({ "kind": "denoising", "corruption": "masking", "of": map }),
            64,
            4,
        ),
    ];
    for (name, model, code, filters) in kinds {
        train(&work, name, &model, &set);
        let (report, stems) = plot(&work, name, "");
        assert_eq!(
            stems,
            ["pca", "tsne", "units", "walk", "varied", "filters"],
            "{name}"
        );
        assert_eq!(report["code_size"], code, "{name}");
        assert_eq!(report["units"].as_array().unwrap().len(), code);
        let images = report["images"].as_u64().unwrap();
        assert_eq!(report["scattered_images"], images);
        assert_eq!(
            report["tsne"],
            json!({ "images": images, "perplexity": (images - 1) / 3 })
        );
        assert_eq!(
            report["filters"],
            json!({ "shown": filters, "of": filters }),
            "{name}"
        );
        let varying = (report["units"].as_array().unwrap().iter())
            .filter(|unit| unit["deviation"].as_f64().unwrap() > 0.0)
            .count();
        let shown = json!({ "shown": varying.min(10), "of": code });
        assert_eq!(report["varied_units"], shown, "{name}");
        let explained: Vec<f64> = serde_json::from_value(report["explained"].clone()).unwrap();
        let [first, second] = explained.as_slice() else {
            panic!("{name}: {explained:?}")
        };
        assert!(first >= second && *second > 0.0 && first + second < 1.0 + 1e-9);
        // As many of the images as labels, ten; pairs of different ones.
        assert!(svg(&work, name, "pca").contains(">label<"));
        for pair in report["walks"].as_array().unwrap() {
            let [from, to] = [0, 1].map(|end| pair[end].as_u64().unwrap());
            assert!(
                from < images && to < images && from % 10 != to % 10,
                "{pair}"
            );
        }
    }
    // The same to the bit, on any number of threads; a table without --json.
    let folder = "runs/map/analysis";
    let all = |work: &Work| -> Vec<Vec<u8>> {
        let names = work.names(folder).into_iter();
        names
            .map(|name| work.read(&format!("{folder}/{name}")))
            .collect()
    };
    let before = all(&work);
    for threads in ["--threads 1", "--threads 3"] {
        let ended = work.ok(&format!("plot map {threads}"));
        assert!(ended.stdout.contains("dead units"), "{}", ended.stdout);
        assert!(
            ended.stderr.contains("analysis/plot.json"),
            "{}",
            ended.stderr
        );
        assert!(before == all(&work), "{threads}");
    }
}

#[test]
fn codes_of_two_units_and_of_one_are_drawn_as_they_are() {
    let work = Work::new();
    let set = json!({ "dataset": "idx", "dir": "set", "validation": 16 });
    let dense = |size: usize| json!({ "kind": "dense", "layers": [], "code_size": size });
    train(&work, "two", &dense(2), &set);
    let (report, stems) = plot(&work, "two", "");
    assert_eq!(
        stems,
        ["code", "units", "grid", "walk", "varied", "filters"]
    );
    assert!(report["tsne"].is_null());
    let explained: Vec<f64> = serde_json::from_value(report["explained"].clone()).unwrap();
    assert!(
        (explained.iter().sum::<f64>() - 1.0).abs() < 1e-6,
        "{explained:?}"
    );
    let grid = svg(&work, "two", "grid");
    assert!(grid.contains(">unit 0<") && grid.contains(">unit 1<"));
    train(&work, "one", &dense(1), &set);
    let (report, stems) = plot(&work, "one", "");
    assert_eq!(stems, ["code", "units", "walk", "varied", "filters"]);
    assert_eq!(report["explained"].as_array().unwrap().len(), 1);
    assert_eq!(report["varied_units"], json!({ "shown": 1, "of": 1 }));
}

#[test]
fn folders_of_colour_pictures_without_labels_are_drawn_in_one_colour() {
    let work = Work::new();
    for index in 0..40u32 {
        let picture = image::RgbImage::from_fn(9, 7, |x, y| {
            image::Rgb([(index * 6) as u8, (x * 28) as u8, (y * 36 + index) as u8])
        });
        let part = if index % 3 == 0 { "test" } else { "train" };
        fs::create_dir_all(work.path(&format!("photos/{part}"))).unwrap();
        picture
            .save(work.path(&format!("photos/{part}/{index:02}.png")))
            .unwrap();
    }
    let model = json!({ "kind": "conv", "channels": [4], "code_size": 5 });
    let data = json!({ "dataset": "images", "dir": "photos", "validation": 4 });
    train(&work, "photos", &model, &data);
    let ended = work.ok("plot photos");
    let note = "note: these pictures have no labels, so all are drawn in one colour";
    assert!(
        ended.stderr.lines().any(|line| line == note),
        "{}",
        ended.stderr
    );
    let (report, stems) = plot(&work, "photos", "");
    assert_eq!(stems, ["pca", "tsne", "units", "walk", "varied", "filters"]);
    assert_eq!(
        (&report["images"], &report["data"]),
        (&json!(14), &json!("photos"))
    );
    let pca = svg(&work, "photos", "pca");
    assert!(!pca.contains(">label<") && pca.contains("without labels"));
    assert!(svg(&work, "photos", "filters").contains("grey is 0"));
    // A single picture has nothing to lie beside.
    let (report, stems) = plot(&work, "photos", "--data photos/test/00.png");
    assert_eq!(stems, ["units", "filters"]);
    assert_eq!(report["walks"], json!([]));
    // Fewer than t-SNE needs.
    for index in [3, 6, 9] {
        let from = work.path(&format!("photos/test/{index:02}.png"));
        fs::create_dir_all(work.path("few")).unwrap();
        fs::copy(from, work.path(&format!("few/{index}.png"))).unwrap();
    }
    let ended = work.ok("plot photos --data few");
    let note = "note: t-SNE skipped: it needs at least 10 pictures with different codes";
    assert!(
        ended.stderr.lines().any(|line| line == note),
        "{}",
        ended.stderr
    );
    assert_eq!(
        plot(&work, "photos", "--data few").1,
        ["pca", "units", "walk", "varied", "filters"]
    );
}

#[test]
fn degenerate_codes_get_a_line_or_a_right_answer() {
    let work = Work::new();
    work.ok("tiny.json --name run --quiet");
    plot(&work, "run", "");
    // All pictures alike, of one class: the code is constant, whatever the model.
    for (part, count) in [("train", 20), ("t10k", 12)] {
        let size = [count, SIDE, SIDE];
        let images = idx(0x803, &size, &vec![128; count * SIDE * SIDE]);
        work.write(&format!("grey/{part}-images-idx3-ubyte"), images);
        let labels = idx(0x801, &[count], &vec![9; count]);
        work.write(&format!("grey/{part}-labels-idx1-ubyte"), labels);
    }
    let ended = work.ok("plot run --data grey");
    for note in [
        "note: scatter charts skipped: all pictures have the same code",
        "note: varied units skipped: each unit is the same for all pictures",
    ] {
        assert!(
            ended.stderr.lines().any(|line| line == note),
            "{}",
            ended.stderr
        );
    }
    // What an earlier call has drawn of other pictures is gone.
    let (report, stems) = plot(&work, "run", "--data grey");
    assert_eq!(stems, ["units", "walk", "filters"]);
    assert_eq!(
        (&report["dead_units"], &report["constant"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(report["explained"], json!([]));
    // Units that are never active: all but the two largest of each code are 0, and nothing else
    // tells these pictures apart.
    let mut config = tiny();
    let of = json!({ "kind": "dense", "layers": [], "code_size": 80 });
    config["model"] = json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 1 }, "of": of });
    work.json("top.json", &config);
    work.ok("top.json --name top --quiet");
    let (report, stems) = plot(&work, "top", "");
    assert!(stems.contains(&"pca".to_owned()));
    // 32 pictures have at most 32 units.
    assert!(report["never_active"].as_u64().unwrap() >= 48);
    let dead = report["units"].as_array().unwrap().iter();
    let dead = dead.filter(|unit| unit["dead"] == true).count();
    assert_eq!(report["dead_units"], dead);
    assert!(svg(&work, "top", "units").contains("dead (its mean)"));
}

#[test]
fn what_cannot_be_drawn_is_one_line() {
    let work = Work::new();
    assert!(work.refused(1, "plot nothing").contains("nothing"));
    work.ok("tiny.json --name run --quiet");
    assert!(
        work.refused(1, "plot run --data nowhere")
            .starts_with("nowhere: no such")
    );
    assert!(
        work.refused(1, "plot run --data mnist")
            .contains("found images of 1x28x28")
    );
}
