use std::fs;

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::common::{BACKEND, Random, SIDE, Work, tiny};

/// Trains the tiny config until its code says something of the pictures.
fn trained(work: &Work) {
    work.ok("tiny.json --set train.epochs=8");
}

/// A folder `photos` of pictures of other sizes than the model's, and the names that they get.
fn photos(work: &Work) -> Vec<(&'static str, [u32; 2])> {
    let mut random = Random(3);
    fs::create_dir(work.path("photos")).unwrap();
    for (name, [width, height]) in [("a.png", [21, 13]), ("b.jpg", [8, 8]), ("ü.png", [3, 30])] {
        let picture = GrayImage::from_fn(width, height, |x, y| {
            Luma([(x * 9 + y * 5 + random.below(20) as u32).min(255) as u8])
        });
        picture.save(work.path(&format!("photos/{name}"))).unwrap();
    }
    vec![("a.png", [21, 13]), ("b.png", [8, 8]), ("ü.png", [3, 30])]
}

fn grey(work: &Work, file: &str) -> GrayImage {
    image::open(work.path(file)).unwrap().to_luma8()
}

/// The mean over pictures of their peak signal-to-noise ratio.
fn psnr(pairs: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> f64 {
    let one = |(clean, found): (Vec<u8>, Vec<u8>)| {
        let square = |(a, b): (&u8, &u8)| (f64::from(*a) / 255.0 - f64::from(*b) / 255.0).powi(2);
        let sum: f64 = clean.iter().zip(&found).map(square).sum();
        -10.0 * (sum / clean.len() as f64).log10()
    };
    let all: Vec<f64> = pairs.map(one).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

/// The file with the checksum that belongs to it.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

#[test]
fn what_comes_back_is_as_good_as_was_said() {
    let work = Work::new();
    trained(&work);
    let report = work.ok_json("compress tiny set -o set.hg --json");
    let file = work.read("set.hg");
    assert_eq!(report["pictures"], 32);
    assert_eq!(report["bytes"], file.len());
    assert_eq!(report["bytes_per_picture"], file.len() as f64 / 32.0);
    // Four units of at most some 5 bits.
    assert!(report["stream_bytes_per_picture"].as_f64().unwrap() < 3.5);
    assert_eq!(
        report["ratio"],
        (32 * SIDE * SIDE) as f64 / file.len() as f64
    );
    work.ok("decompress set.hg -o out --run tiny");
    let names = work.names("out");
    assert_eq!((names.len(), names[7].as_str()), (32, "07.png"));
    let clean = work.read("set/t10k-images-idx3-ubyte");
    let pairs = clean[16..].chunks(SIDE * SIDE).zip(&names);
    let pairs = pairs.map(|(clean, name)| {
        (
            clean.to_vec(),
            grey(&work, &format!("out/{name}")).into_raw(),
        )
    });
    let (found, said) = (psnr(pairs), report["psnr"].as_f64().unwrap());
    assert!((found - said).abs() < 1e-4, "{found} {said}");

    // The same file each time, finer with more bits.
    work.ok("compress tiny set -o again.hg");
    assert_eq!(work.read("again.hg"), file);
    let mut last = (0.0, 0.0);
    for bits in 2..=8 {
        let line = format!("compress tiny set -o bits.hg --force --json --bits {bits}");
        let report = work.ok_json(&line);
        let now = ["stream_bytes_per_picture", "psnr"].map(|key| report[key].as_f64().unwrap());
        assert!(
            now[0] > last.0 && now[1] > last.1 - 0.1,
            "{bits} {now:?} {last:?}"
        );
        last = (now[0], now[1]);
    }
    let whole = work.ok_json("evaluate tiny --json")["test"]["psnr"]
        .as_f64()
        .unwrap();
    assert!((whole - last.1).abs() < 0.1, "{whole} {last:?}");
}

#[test]
fn pictures_of_any_size_come_back_with_their_names() {
    let work = Work::new();
    trained(&work);
    let expected = photos(&work);
    work.ok("compress tiny photos -o photos.hg --bits 8");
    work.ok("decompress photos.hg -o out --run tiny");
    let found: Vec<String> = work.names("out");
    let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, names);
    for (name, size) in &expected {
        let picture = grey(&work, &format!("out/{name}"));
        assert_eq!([picture.width(), picture.height()], *size, "{name}");
    }
    // A picture of one tile is what the model makes of it; one tile of a larger one too.
    work.ok("reconstruct tiny photos/b.jpg -o b.png");
    let (one, plain) = (grey(&work, "out/b.png"), grey(&work, "b.png"));
    let off = one
        .iter()
        .zip(plain.iter())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(off.unwrap() < 8, "{off:?}");
    work.ok("compress tiny photos/a.png -o a.hg --bits 8");
    work.ok("decompress a.hg -o alone --run tiny");
    assert_eq!(work.read("alone/a.png"), work.read("out/a.png"));

    // Nothing is replaced unasked.
    for line in [
        "decompress photos.hg -o out --run tiny",
        "decompress a.hg -o alone --run tiny",
        "compress tiny photos -o a.hg",
    ] {
        assert!(work.refused(1, line).contains("already exists"), "{line}");
    }
    work.ok("decompress photos.hg -o out --run tiny --force");
}

#[test]
fn a_file_with_its_model_needs_nothing_else() {
    let work = Work::new();
    for (number, model) in [
        tiny()["model"].clone(),
        json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 3 },
            "of": { "kind": "dense", "layers": [16], "code_size": 12 } }),
        json!({ "kind": "denoising", "corruption": "gaussian",
            "of": { "kind": "conv", "channels": [4, 8] } }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut config = tiny();
        config["model"] = model;
        work.json("config.json", &config);
        work.ok(&format!("config.json --name run{number}"));
        work.ok(&format!(
            "compress run{number} set -o with{number}.hg --model"
        ));
        work.ok(&format!("compress run{number} set -o without{number}.hg"));
        work.ok(&format!(
            "decompress without{number}.hg -o without{number} --run run{number}"
        ));
        fs::remove_dir_all(work.path(&format!("runs/run{number}"))).unwrap();
        work.ok(&format!("decompress with{number}.hg -o with{number}"));
        for name in work.names(&format!("with{number}")) {
            let [one, other] =
                ["with", "without"].map(|it| work.read(&format!("{it}{number}/{name}")));
            assert!(one == other, "{number} {name}");
        }
    }
    let refused = work.refused(1, "decompress without0.hg -o no");
    assert!(
        refused.starts_with("without0.hg: no embedded model; name the run with --run RUN"),
        "{refused}"
    );
}

#[test]
fn sparse_codes_take_no_bits_where_they_are_nothing() {
    let work = Work::new();
    let bytes = |k: usize| {
        let mut config = tiny();
        config["model"] = json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": k },
            "of": { "kind": "dense", "layers": [32], "code_size": 64 } });
        work.json("config.json", &config);
        work.ok(&format!("config.json --name top{k}"));
        let report = work.ok_json(&format!("compress top{k} set -o {k}.hg --json --bits 6"));
        let whole = work.ok_json(&format!("evaluate top{k} --json"));
        let [found, whole] =
            [&report["psnr"], &whole["test"]["psnr"]].map(|it| it.as_f64().unwrap());
        assert!((found - whole).abs() < 0.3, "{k}: {found} {whole}");
        report["stream_bytes_per_picture"].as_f64().unwrap()
    };
    let (few, many) = (bytes(2), bytes(40));
    assert!(few * 3.0 < many, "{few} {many}");
}

#[test]
fn damaged_files_are_refused_in_a_line_and_leave_nothing() {
    let work = Work::new();
    trained(&work);
    work.ok("compress tiny set -o good.hg");
    let good = work.read("good.hg");
    let refused = |bytes: &[u8], part: &str| {
        work.write("bad.hg", bytes);
        let line = work.refused(1, "decompress bad.hg -o out --run tiny");
        assert!(
            line.starts_with("bad.hg: ") && line.contains(part),
            "{part}: {line}"
        );
    };
    for place in (0..good.len()).step_by(9) {
        let mut flipped = good.clone();
        flipped[place] ^= 1 << (place % 8);
        refused(&flipped, "");
    }
    refused(&good[..good.len() / 2], "damaged or truncated");
    refused(&good[..3], "not a compressed file");
    refused(b"", "not a compressed file");
    refused(&[good.as_slice(), b"more"].concat(), "damaged or truncated");
    let body = &good[..good.len() - 4];
    let with = |place: usize, bytes: &[u8]| {
        let mut body = body.to_vec();
        body[place..place + bytes.len()].copy_from_slice(bytes);
        sealed(&body)
    };
    refused(
        &with(4, &[2]),
        "found format version 2, but this program reads up to 1; update the program",
    );
    // Announced in thirty bytes: sixteen million pictures, or a stream of an exabyte.
    refused(&with(55, &0x00ff_ffff_u32.to_le_bytes()), "too short");
    refused(&with(55, &u32::MAX.to_le_bytes()), "not valid");
    refused(&with(67, &u64::MAX.to_le_bytes()), "announced");
    refused(&sealed(&[body, b"more"].concat()), "4 bytes after its end");

    // Of another model, or of another state of this one.
    work.ok("tiny.json --name other --set seed=7");
    let line = work.refused(1, "decompress good.hg -o out --run other");
    assert!(
        line.starts_with("good.hg: compressed by a model with SHA-256 "),
        "{line}"
    );
    work.write("runs/tiny/analysis/codes.json", "{}");
    let line = work.refused(1, "decompress good.hg -o out --run tiny");
    assert!(
        line.contains("codes.json: not written by this program"),
        "{line}"
    );
    fs::remove_file(work.path("runs/tiny/analysis/codes.json")).unwrap();
    let line = work.refused(1, "decompress good.hg -o out --run tiny");
    assert!(line.contains("analysis/codes.json is missing"), "{line}");
    // Learned again, they are the same.
    work.ok("compress tiny set -o again.hg");
    work.ok("decompress good.hg -o out --run tiny");
}

#[test]
fn no_file_with_a_hostile_model_stops_the_program_any_other_way() {
    let work = Work::new();
    trained(&work);
    work.ok("compress tiny set -o good.hg --model");
    let good = work.read("good.hg");
    let body = &good[..good.len() - 4];
    let mut random = Random(11);
    for number in 0..60 {
        let mut body = body.to_vec();
        for _ in 0..1 + number % 3 {
            let place = random.below(body.len());
            body[place] = match number % 2 {
                0 => b"0123456789-e.,[]{}"[random.below(18)],
                _ => random.below(256) as u8,
            };
        }
        work.write("bad.hg", sealed(&body));
        let ended = work.run("decompress bad.hg -o out --force");
        assert!(matches!(ended.code, Some(0 | 1)), "{number}: {ended:?}");
        assert!(
            ended.code == Some(0) || ended.stderr.lines().count() == 1,
            "{ended:?}"
        );
    }
    // Names that lead out of the folder.
    let expected = photos(&work);
    work.ok("compress tiny photos -o photos.hg --model");
    let file = work.read("photos.hg");
    let place = file.windows(5).position(|it| it == b"a.png").unwrap();
    for (name, part) in [("../.p", "named"), ("b.jpg", "both be")] {
        let mut body = file[..file.len() - 4].to_vec();
        body[place..place + 5].copy_from_slice(name.as_bytes());
        work.write("bad.hg", sealed(&body));
        let line = work.refused(1, "decompress bad.hg -o escaped");
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(expected.len(), 3);
}

#[test]
fn bytes_and_quality_are_measured_beside_other_formats() {
    let work = Work::new();
    trained(&work);
    let report = work.ok_json("compress tiny --json");
    assert_eq!(report, work.read_json("runs/tiny/analysis/compress.json"));
    assert_eq!(
        (&report["pictures"], &report["sheets"]),
        (&json!(32), &json!(true))
    );
    let points = |of: &Value| -> Vec<(f64, f64)> {
        let number = |point: &Value, key: &str| point[key].as_f64().unwrap();
        let points = of.as_array().unwrap().iter();
        points
            .map(|it| (number(it, "bytes_per_picture"), number(it, "psnr")))
            .collect()
    };
    let own = points(&report["points"]);
    let baselines = ["jpeg", "webp", "pca"].map(|name| points(&report["baselines"][name]));
    for curve in baselines.iter().chain([&own]) {
        assert!(curve.len() >= 7, "{report}");
        assert!(curve.is_sorted_by(|a, b| a.0 <= b.0), "{curve:?}");
        assert!(
            curve.first().unwrap().1 < curve.last().unwrap().1,
            "{curve:?}"
        );
    }
    let png = points(&report["baselines"]["png"]);
    assert_eq!((png.len(), png[0].1), (1, 100.0));
    // What is measured is what is written.
    let written = work.ok_json("compress tiny set -o set.hg --json --bits 6");
    let six = &report["points"][4];
    assert_eq!(six["bits"], 6);
    for key in ["psnr", "ssim", "bytes_per_picture"] {
        assert_eq!(six[key], written[key], "{key}");
    }
    let at = &report["at_psnr"];
    let code = report["points"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["bits"] == at["bits"]);
    assert_eq!(at["code"], code.unwrap()["bytes_per_picture"]);
    assert!(
        ["code", "jpeg", "webp", "pca"]
            .iter()
            .any(|name| at["winner"] == *name)
    );
    let picture = image::open(work.path("runs/tiny/analysis/compress/rate.png"));
    assert!(picture.unwrap().width() > 100);
    assert!(
        work.read_text("runs/tiny/analysis/compress/rate.svg")
            .contains("WebP")
    );

    // Pictures of any size, each a file of its own.
    photos(&work);
    let other = work.ok_json("compress tiny photos --json");
    assert_eq!(
        (&other["pictures"], &other["sheets"]),
        (&json!(3), &json!(false))
    );
    let text = work.ok("compress tiny").stdout;
    assert!(
        text.contains("code 4, 5 bits") && text.contains("bytes per picture, JPEG"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    for flag in ["--model", "--force", "--bits 4"] {
        let line = work.refused(2, &format!("compress tiny set {flag}"));
        assert!(line.contains("needs --output"), "{line}");
    }
    assert!(
        work.refused(2, "compress tiny -o x.hg")
            .contains("INPUT: missing")
    );
    assert!(
        work.refused(1, "compress tiny nowhere -o x.hg")
            .starts_with("nowhere: no such")
    );
    assert!(
        work.refused(1, "decompress x.hg -o out")
            .starts_with("x.hg: ")
    );
    // The decoder needs what it is to restore.
    let mut config = tiny();
    config["model"] = json!({
        "kind": "denoising", "corruption": "gaussian", "residual": true,
        "of": { "kind": "conv", "channels": [4] },
    });
    config["backend"] = json!(BACKEND);
    work.json("residual.json", &config);
    work.ok("residual.json");
    for line in ["compress residual set -o x.hg", "compress residual"] {
        let refused = work.refused(1, line);
        assert!(refused.starts_with("runs/residual: "), "{refused}");
    }
}
