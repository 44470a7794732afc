use std::fs;

use image::GrayImage;
use serde_json::{Value, json};

use crate::common::{BACKEND, Ended, Random, Work};

/// Side of the pictures.
const SIDE: u32 = 16;

/// A picture of soft stripes and, if it is odd, a bright square of 3 x 3 at a place.
fn stripes(random: &mut Random, odd: Option<[u32; 2]>) -> GrayImage {
    let bright = random.below(40) as u8;
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let noise = random.below(6) as u8;
        let stripe = if (x / 4) % 2 == 0 { 60 } else { 120 };
        let inside = odd.is_some_and(|[top, left]| {
            (top..top + 3).contains(&y) && (left..left + 3).contains(&x)
        });
        image::Luma([if inside { 250 } else { stripe + bright + noise }])
    })
}

/// Writes pictures into a folder.
fn pictures(work: &Work, folder: &str, count: usize, seed: u64, odd: bool) {
    let mut random = Random(seed);
    fs::create_dir_all(work.path(folder)).unwrap();
    for number in 0..count {
        let at = [random.below(13) as u32, random.below(13) as u32];
        let picture = stripes(&mut random, odd.then_some(at));
        picture
            .save(work.path(&format!("{folder}/{number:02}.png")))
            .unwrap();
        if odd {
            let inside =
                |y: u32, x: u32| (at[0]..at[0] + 3).contains(&y) && (at[1]..at[1] + 3).contains(&x);
            let mask = GrayImage::from_fn(SIDE, SIDE, |x, y| {
                image::Luma([if inside(y, x) { 255 } else { 0 }])
            });
            let masks = format!("masks/{}", folder.rsplit('/').next().unwrap());
            fs::create_dir_all(work.path(&masks)).unwrap();
            mask.save(work.path(&format!("{masks}/{number:02}_mask.png")))
                .unwrap();
        }
    }
}

/// A run on pictures, named `cloth`, with `test/good` and `test/hole` to score.
fn cloth(data: &Value) -> Work {
    let work = Work::new();
    pictures(&work, "cloth", 80, 1, false);
    pictures(&work, "test/good", 12, 2, false);
    pictures(&work, "test/hole", 12, 3, true);
    let mut config = json!({
        "backend": BACKEND,
        "data": { "dataset": "images", "dir": "cloth", "validation": 20 },
        "model": { "kind": "dense", "layers": [32], "code_size": 4 },
        "train": { "epochs": 30, "batch_size": 16, "learning_rate": 0.003 },
    });
    for (key, value) in data.as_object().unwrap() {
        config["data"][key] = value.clone();
    }
    work.json("cloth.json", &config);
    work.ok("cloth.json");
    work
}

/// The lines of a file of scores: the names of its columns, and the cells.
fn lines(work: &Work, file: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = work.read_text(file);
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(String::from).collect());
    (lines.next().unwrap(), lines.collect())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn odd_pictures_are_found_and_their_faults_located() {
    let work = cloth(&json!({}));
    let line =
        "score cloth test/good test/hole --normal good --masks masks --heatmaps heat -o scores.csv";
    let told = work.ok_json(&format!("{line} --json"));
    assert_eq!(
        (&told["unit"], &told["validation_samples"]),
        (&json!("picture"), &json!(20))
    );
    let measured = &told["measured"];
    assert_eq!(
        (&measured["normal"], &measured["other"]),
        (&json!(12), &json!(12))
    );
    let area = number(&measured["auroc"]);
    assert!(area > 0.9, "{area}");
    let interval = &measured["auroc_interval"];
    assert!(number(&interval[0]) < area && area <= number(&interval[1]));
    assert!(number(&measured["average_precision"]) > 0.9);
    let pixels = &told["pixels"];
    assert_eq!(pixels["pictures_without_mask"], 12);
    assert_eq!(pixels["odd"], 12 * 9);
    assert!(number(&pixels["auroc"]) > 0.9, "{pixels}");

    let (header, rows) = lines(&work, "scores.csv");
    assert_eq!(
        header,
        [
            "name",
            "score",
            "threshold",
            "verdict",
            "top",
            "left",
            "height",
            "width"
        ]
    );
    assert_eq!(rows.len(), 24);
    assert_eq!(rows[0][0], "test/good/00.png");
    for (row, told) in rows.iter().zip(told["scores"].as_array().unwrap()) {
        let score: f64 = row[1].parse().unwrap();
        let threshold: f64 = row[2].parse().unwrap();
        assert_eq!(row[3], if score > threshold { "odd" } else { "normal" });
        assert_eq!(score, number(&told["score"]));
        // A window that touches the fault, which the mask shows.
        if let Some(name) = row[0].strip_prefix("test/hole/") {
            let mask = image::open(work.path(&format!("masks/hole/{}_mask.png", &name[..2])));
            let mask = mask.unwrap().into_luma8();
            let cell = |at: usize| row[at].parse::<u32>().unwrap();
            let touched = (0..cell(6))
                .any(|y| (0..cell(7)).any(|x| mask.get_pixel(cell(5) + x, cell(4) + y).0[0] > 0));
            assert!(touched, "{row:?}");
        }
    }
    // A map for each picture, in the folder, whatever the names.
    assert_eq!(work.names("heat").len(), 24);
    let map = image::open(work.path("heat/test_good_00.png")).unwrap();
    assert_eq!((map.width(), map.height()), (SIDE, SIDE));

    // Again to the bit, on any number of threads; nothing is replaced unasked, and the run stays as it is.
    let bytes = work.read("scores.csv");
    let refused = work.refused(1, line);
    assert!(
        refused.starts_with("scores.csv: already exists"),
        "{refused}"
    );
    for threads in [1, 3] {
        let ended = work.ok(&format!("{line} --force --threads {threads}"));
        assert!(bytes == work.read("scores.csv"), "{threads} threads");
        assert!(
            ended.stdout.contains("of 24 pictures odd"),
            "{}",
            ended.stdout
        );
        assert!(
            ended.stderr.contains("too few for the 0.99 quantile"),
            "{}",
            ended.stderr
        );
        // A line of names, and the worst ten.
        assert_eq!(
            ended
                .stdout
                .lines()
                .take_while(|line| line.starts_with(' '))
                .count(),
            11
        );
    }
    assert!(!work.path("runs/cloth/analysis").exists());
}

#[test]
fn every_score_is_a_finite_number_for_each_sample() {
    let work = cloth(&json!({}));
    let help = work.ok("score --help").stdout;
    for score in [
        "combined",
        "mse",
        "relative",
        "place",
        "window",
        "inputs",
        "codes",
        "reconstructions",
        "mahalanobis",
    ] {
        assert!(help.contains(&format!("- {score}")), "{score}: {help}");
        let told = work.ok_json(&format!(
            "score cloth --score {score} --quantile 0.5 --json"
        ));
        assert_eq!(
            (&told["score"], &told["unit"]),
            (&json!(score), &json!("picture"))
        );
        // The run's own test part, without labels.
        let scores = told["scores"].as_array().unwrap();
        assert_eq!(scores.len(), 8);
        assert!(
            scores.iter().all(|it| number(&it["score"]).is_finite()),
            "{scores:?}"
        );
        assert!(told.get("measured").is_none());
    }
    // The score that anomaly has by the same name is the same.
    let scores = work.ok_json("score cloth test/good --score mse --json");
    let anomaly = work.ok_json("anomaly cloth --normal test/good --other test/hole --json");
    let mean = scores["scores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| number(&it["score"]))
        .sum::<f64>()
        / 12.0;
    let found = number(&anomaly["errors"]["model"]["normal"]);
    // One half of the normal pictures sets the threshold there.
    assert!((mean / found - 1.0).abs() < 0.3, "{mean} {found}");
}

#[test]
fn a_picture_in_tiles_has_the_score_of_its_worst() {
    let work = cloth(&json!({ "patch": 8 }));
    let mut random = Random(9);
    let mut large = stripes(&mut random, None);
    large = image::imageops::resize(&large, 20, 30, image::imageops::FilterType::Nearest);
    for y in 24..27 {
        for x in 14..17 {
            large.put_pixel(x, y, image::Luma([250]));
        }
    }
    fs::create_dir_all(work.path("large")).unwrap();
    large.save(work.path("large/a.png")).unwrap();
    GrayImage::from_pixel(5, 3, image::Luma([90]))
        .save(work.path("large/small.png"))
        .unwrap();
    let told = work.ok_json("score cloth large --score window --heatmaps heat -o s.csv --json");
    let scores = told["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 2);
    // Tiles lie at 22 and 12 at the end, so that nothing is left out.
    assert_eq!(scores[0]["tile"], json!([22, 12, 8, 8]));
    let (top, left) = (number(&scores[0]["top"]), number(&scores[0]["left"]));
    assert!(
        (24.0..27.0).contains(&top) && (14.0..17.0).contains(&left),
        "{top} {left}"
    );
    let map = image::open(work.path("heat/a.png")).unwrap();
    assert_eq!((map.width(), map.height()), (20, 30));
    let (header, rows) = lines(&work, "s.csv");
    assert_eq!(header[8..], ["tile_top", "tile_left"]);
    assert_eq!(rows[0][8..], ["22", "12"]);
    // The thresholds are of whole pictures, not of tiles.
    assert_eq!(told["validation_samples"], 20);
    // A mask of another size is refused with its name.
    fs::create_dir_all(work.path("wrong")).unwrap();
    GrayImage::new(20, 29)
        .save(work.path("wrong/a_mask.png"))
        .unwrap();
    let refused = work.refused(1, "score cloth large --masks wrong --quiet");
    assert_eq!(
        refused,
        "wrong/a_mask.png: found 29 x 20 pixels, but its picture has 30 x 20; give a mask of the same height and width"
    );
    work.ok("score cloth --heatmaps own");
}

/// Writes a table with two columns that depend on each other, a category, gaps, and odd rows at the end.
fn table(work: &Work, name: &str, normal: usize, odd: usize, seed: u64) {
    let mut random = Random(seed);
    let mut text = String::from("a,b,town,kind\n");
    for row in 0..normal + odd {
        let a = random.below(1000) as f64 / 100.0;
        let noise = random.below(100) as f64 / 200.0;
        let is_odd = row >= normal;
        let b = if is_odd { 12.0 - 2.0 * a } else { 2.0 * a } + noise;
        let town = if a < 5.0 { "Ulm" } else { "Bonn" };
        let b = match row % 17 {
            3 if !is_odd => String::new(),
            _ => b.to_string(),
        };
        text += &format!("{a},{b},{town},{}\n", if is_odd { "bad" } else { "good" });
    }
    work.write(name, text);
}

/// A run on normal rows, named `rows`.
fn rows_run() -> Work {
    let work = Work::new();
    table(&work, "rows.csv", 300, 20, 4);
    work.json(
        "rows.json",
        &json!({
            "backend": BACKEND,
            "data": { "dataset": "table", "file": "rows.csv", "label": "kind", "normal": "good", "test": 0.3 },
            "model": { "kind": "dense", "layers": [16], "code_size": 2 },
            "train": { "epochs": 40, "batch_size": 16, "learning_rate": 0.01 },
        }),
    );
    work.ok("rows.json");
    work
}

#[test]
fn odd_rows_are_found_and_their_columns_named() {
    let work = rows_run();
    // The labels of the run's own test part are known.
    let own = work.ok_json("score rows --json");
    assert_eq!(
        (&own["unit"], &own["measured"]["other"]),
        (&json!("row"), &json!(20))
    );
    assert!(
        number(&own["measured"]["auroc"]) > 0.8,
        "{}",
        own["measured"]
    );

    // Those of another table too, if it has the column.
    table(&work, "new.csv", 50, 10, 5);
    let told = work.ok_json("score rows new.csv -o scores.csv --json");
    assert!(
        number(&told["measured"]["auroc"]) > 0.8,
        "{}",
        told["measured"]
    );
    let (header, rows) = lines(&work, "scores.csv");
    assert_eq!(
        header[..5],
        ["name", "score", "threshold", "verdict", "column1"]
    );
    assert_eq!((rows.len(), rows[0][0].as_str()), (60, "row 0"));
    for row in &rows {
        assert!(["a", "b", "town"].contains(&row[4].as_str()), "{row:?}");
        let shares: Vec<f64> = [5, 7, 9].map(|at| row[at].parse().unwrap()).to_vec();
        assert!(shares.is_sorted_by(|one, other| one >= other), "{row:?}");
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{row:?}");
    }
    // What counts as normal can be said otherwise.
    let towns = work.ok_json("score rows new.csv --label town --normal Ulm --json");
    let measured = &towns["measured"];
    assert_eq!(
        number(&measured["normal"]) + number(&measured["other"]),
        60.0
    );
    assert_ne!(measured["other"], 10);

    // A value beyond all others is odd, and a number.
    work.write("far.csv", "a,b,town\n1e9,-1e9,Ulm\n3,6,Ulm\n");
    let far = work.ok_json("score rows far.csv --json");
    assert_eq!(
        (&far["scores"][0]["odd"], &far["scores"][1]["odd"]),
        (&json!(true), &json!(false))
    );

    // Without the column there are scores, and no measurement.
    let text = work.read_text("new.csv");
    let without = text
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0)
        .collect::<Vec<_>>();
    work.write("plain.csv", without.join("\n"));
    let plain = work.ok_json("score rows plain.csv --json");
    assert!(plain.get("measured").is_none());
    assert_eq!(plain["scores"][3]["score"], told["scores"][3]["score"]);
    let both = work.ok_json("score rows plain.csv new.csv --json");
    assert_eq!(both["scores"][60]["name"], "new.csv/row 0");
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let work = rows_run();
    table(&work, "new.csv", 20, 2, 5);
    work.write("other.csv", "x,y\n1,2\n");
    for (code, line, says) in [
        (1, "score rows nothing.csv", "nothing.csv: is not a file"),
        (1, "score rows other.csv", "other.csv: has no column \"a\""),
        (
            1,
            "score rows new.csv --label colour --normal good",
            "new.csv: has no column \"colour\"",
        ),
        (
            1,
            "score rows new.csv --normal fine",
            "--normal fine: no sample has this label",
        ),
        (
            2,
            "score rows --normal good",
            "--label and --normal are for an INPUT",
        ),
        (
            2,
            "score rows new.csv --heatmaps heat",
            "--heatmaps: is for pictures",
        ),
        (
            2,
            "score rows new.csv --masks set",
            "--masks: is for pictures",
        ),
        (1, "score nothing", "nothing: no such run"),
        (
            2,
            "score rows new.csv -o set",
            "--output set: the path must end in .csv or .parquet",
        ),
    ] {
        let refused = work.refused(code, line);
        assert!(refused.starts_with(says), "{line}: {refused}");
    }
    let ended = work.run("score rows --score best");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("combined"), "{}", ended.stderr);

    work.ok("tiny.json");
    for (code, line, says) in [
        (1, "score tiny rows.csv", "rows.csv: "),
        (
            2,
            "score tiny set --label kind --normal good",
            "--label names a column of a table",
        ),
        (
            1,
            "score tiny set --normal good",
            "--normal: found good; the labels of these images are numbers",
        ),
        (
            1,
            "score tiny set --masks none",
            "--masks none: no such folder",
        ),
        (
            1,
            "score tiny set --masks runs",
            "--masks runs: found no mask of the 32 pictures",
        ),
    ] {
        let refused = work.refused(code, line);
        assert!(refused.starts_with(says), "{line}: {refused}");
    }
    let told = work.ok_json("score tiny set --normal 3 --json");
    // Of 32 labels from 0 to 9, over and over.
    assert_eq!(told["measured"]["normal"], 3);
    work.ok("tiny.json --name bare --set data.validation=0");
    let refused = work.refused(1, "score bare");
    assert!(refused.contains("has no validation samples"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_it_and_leaves_nothing() {
    let work = Work::new();
    work.ok("tiny.json");
    let Ended {
        code,
        stdout,
        stderr,
    } = work.limited(0, "score tiny -o scores.csv --quantile 0.5");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        "error: scores.csv: cannot be written: File too large\n"
    );
    assert!(!work.path("scores.csv").exists());
}
