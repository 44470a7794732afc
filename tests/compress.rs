use std::fs;

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::common::{BACKEND, Random, SIDE, Work, sealed, tiny};

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
        &with(4, &[3]),
        "found format version 3, but this program reads up to 2; update the program",
    );
    // Announced in thirty bytes: sixteen million pictures, or a stream of an exabyte.
    refused(&with(59, &0x00ff_ffff_u32.to_le_bytes()), "too short");
    refused(&with(59, &u32::MAX.to_le_bytes()), "not valid");
    refused(&with(71, &u64::MAX.to_le_bytes()), "announced");
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
        ["code", "jpeg", "webp", "png", "pca"]
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
    assert!(text.contains("; the fewest: "), "{text}");
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

#[test]
fn a_file_opens_after_its_run_was_trained_further() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("compress tiny set -o old.hg");
    work.ok("decompress old.hg -o before --run tiny");
    for epochs in [4, 6] {
        work.ok(&format!("resume tiny --set train.epochs={epochs}"));
        let best = &work.read_json("runs/tiny/state.json")["best"];
        assert!(
            best["epoch"].as_u64().unwrap() > epochs - 2,
            "the model is another one: {best}"
        );
        work.ok(&format!("compress tiny set -o new{epochs}.hg"));
        for (file, out) in [("old", "after"), (&*format!("new{epochs}"), "new")] {
            work.ok(&format!("decompress {file}.hg -o {out}{epochs} --run tiny"));
        }
        for name in work.names("before") {
            assert!(
                work.read(&format!("before/{name}")) == work.read(&format!("after{epochs}/{name}")),
                "{name} differs"
            );
        }
    }
    // Two models were replaced that files were compressed with, and no more are kept than these.
    let kept = std::fs::read_dir(work.path("runs/tiny/analysis/compressed"))
        .unwrap()
        .count();
    assert_eq!(kept, 2);
    // A kept model that was damaged is no model.
    let folder = std::fs::read_dir(work.path("runs/tiny/analysis/compressed")).unwrap();
    for entry in folder {
        let path = entry.unwrap().path().join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let line = work.refused(1, "decompress old.hg -o damaged --run tiny");
    assert!(line.contains("model.safetensors: damaged"), "{line}");
}

/// A training beside the command swaps its best checkpoint again and again: the file is that of one of them, to the byte.
#[cfg(unix)]
#[test]
fn beside_a_training_a_file_is_of_one_checkpoint() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let work = Work::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        work.ok(&format!(
            "tiny.json --name {name} --set seed={seed} --quiet"
        ));
        // Codes of one and weights of the other would fit each other.
        work.ok(&format!("compress {name} set -o {name}.hg --model"));
    }
    let expected = ["a.hg", "b.hg"].map(|name| work.read(name));
    work.copy("runs/a", "runs/live");
    let live = |name: &str| work.path(&format!("runs/live/checkpoints/{name}"));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for name in ["b", "a"].into_iter().cycle() {
                work.copy(
                    &format!("runs/{name}/checkpoints/best"),
                    "runs/live/checkpoints/.best.new",
                );
                fs::rename(live("best"), live(".best.old")).unwrap();
                fs::rename(live(".best.new"), live("best")).unwrap();
                fs::remove_dir_all(live(".best.old")).unwrap();
                if ended.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let mut wrong = Vec::new();
        for number in 0..12 {
            let made = work.run("compress live set -o live.hg --model --force");
            if made.code != Some(0) || !expected.contains(&work.read("live.hg")) {
                wrong.push(format!("{number}: {made:?}"));
            }
        }
        for line in [
            "evaluate live --json",
            "inspect live",
            "encode live set -o live.npy",
            "reconstruct live set -o out",
        ] {
            let made = work.run(line);
            if made.code != Some(0) {
                wrong.push(format!("{line}: {made:?}"));
            }
        }
        ended.store(true, Ordering::SeqCst);
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// Trains `noise`, the tiny model that removes noise.
#[cfg(unix)]
fn train_denoising(work: &Work) {
    let mut config = tiny();
    config["model"] =
        json!({ "kind": "denoising", "corruption": "gaussian", "of": config["model"] });
    work.json("noise.json", &config);
    work.ok("noise.json");
}

/// Whatever the pictures are called, as many come out as went in, and what was written opens.
#[cfg(unix)]
#[test]
fn names_stay_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let work = Work::new();
    work.ok("tiny.json");
    train_denoising(&work);
    let long = "l".repeat(251);
    let sets: [(&str, Vec<Vec<u8>>); 4] = [
        (
            "twins",
            ["a.png", "a.jpg", "a.png.png", "A.png"]
                .map(|it| it.into())
                .into(),
        ),
        (
            "bytes",
            [b"x\xff.png".into(), b"x\xfe.png".into(), b"x%FF.png".into()].into(),
        ),
        (
            "signs",
            ["a\\b.png", "a_b.png", "a\x1b[31m\n.png", "=1.png"]
                .map(|it| it.into())
                .into(),
        ),
        (
            "long",
            [format!("{long}.png").into(), format!("{long}.jpg").into()].into(),
        ),
    ];
    for (set, names) in sets {
        fs::create_dir(work.path(set)).unwrap();
        for (number, name) in names.iter().enumerate() {
            // What is in it decides how it is read; each has another size.
            let mut bytes = std::io::Cursor::new(Vec::new());
            let picture = GrayImage::from_pixel(8 + number as u32, 9, Luma([number as u8 * 30]));
            picture
                .write_to(&mut bytes, image::ImageFormat::Png)
                .unwrap();
            let path = work.path(set).join(OsStr::from_bytes(name));
            fs::write(path, bytes.into_inner()).unwrap();
        }
        work.ok(&format!("compress tiny {set} -o {set}.hg"));
        work.ok(&format!("decompress {set}.hg -o {set}-hg --run tiny"));
        work.ok(&format!("reconstruct tiny {set} -o {set}-rec"));
        work.ok(&format!("restore noise {set} -o {set}-res"));
        for made in ["hg", "rec", "res"] {
            let found = work.names(&format!("{set}-{made}"));
            assert_eq!(found.len(), names.len(), "{made}: {found:?}");
            let plain = |name: &String| name.ends_with(".png") && !name.contains(['\\', '\x1b']);
            assert!(found.iter().all(plain), "{made}: {found:?}");
        }
        let widths = |folder: &str| {
            let names = work.names(folder);
            let width = |name: &String| grey(&work, &format!("{folder}/{name}")).width();
            let mut widths: Vec<u32> = names.iter().map(width).collect();
            widths.sort_unstable();
            widths
        };
        let expected: Vec<u32> = (0..names.len() as u32).map(|number| 8 + number).collect();
        assert_eq!(widths(&format!("{set}-hg")), expected);
    }
}

#[test]
fn what_announces_far_more_than_it_holds_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    // Codes that never vary take no bytes.
    let codes = |pictures: usize| {
        let statistics = work.read_json("runs/tiny/analysis/codes.json");
        let axis = json!({ "first": 0, "counts": [pictures] });
        let axes = vec![axis; statistics["axes"].as_array().unwrap().len()];
        let mut constant = statistics;
        constant.as_object_mut().unwrap().shift_remove("turn");
        constant["axes"] = json!(axes);
        constant.to_string()
    };
    work.ok("compress tiny set -o good.hg --model");
    let good = work.read("good.hg");
    let statistics = codes(96);
    // The header of a file, the announced numbers and an empty stream, then the model with the other statistics.
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap()) as usize;
    let stream = number(&good[71..79]);
    let model = 79 + stream;
    let meta = number(&good[model..model + 8]);
    let weights = model + 8 + meta;
    let end = weights + 8 + number(&good[weights..weights + 8]);
    let file = |count: u32, [height, width]: [u32; 2]| {
        let mut body = good[..39].to_vec();
        body.extend(crc32fast::hash(statistics.as_bytes()).to_le_bytes());
        body.extend(&good[43..59]);
        for part in [count, height, width] {
            body.extend(part.to_le_bytes());
        }
        body.extend(0u64.to_le_bytes());
        body.extend(&good[model..end]);
        body.extend((statistics.len() as u64).to_le_bytes());
        body.extend(statistics.as_bytes());
        sealed(&body)
    };
    work.write("few.hg", file(3, [8, 8]));
    let report = work.ok_json("decompress few.hg -o few --json");
    assert_eq!(report["pictures"].as_array().unwrap().len(), 3);
    assert_eq!(report["pictures"][2]["output"], "few/2.png");
    for (count, size) in [(1, [32_768, 32_768]), (70_000, [1, 1]), (1 << 24, [1, 1])] {
        work.write("bomb.hg", file(count, size));
        let line = work.refused(1, "decompress bomb.hg -o out");
        assert!(
            line.contains(&format!("which announce {count} pictures")) && line.contains("--large"),
            "{line}"
        );
    }
    // Who asks for it gets it.
    work.write("wide.hg", file(1, [8200, 8200]));
    assert!(
        work.refused(1, "decompress wide.hg -o out")
            .contains("--large")
    );
    work.ok("decompress wide.hg -o out --large");
    assert_eq!(grey(&work, "out/0.png").width(), 8200);

    // A model that no config could ask for is refused before it is built.
    for (key, value) in [
        ("\"code_size\":4", "\"code_size\":9223372036854775809"),
        ("[16]", "[4294967296]"),
    ] {
        let text = String::from_utf8(good[model + 8..weights].to_vec()).unwrap();
        assert!(text.contains(key), "{text}");
        let text = text.replace(key, value);
        let mut body = good[..model].to_vec();
        body.extend((text.len() as u64).to_le_bytes());
        body.extend(text.as_bytes());
        body.extend(&good[weights..good.len() - 4]);
        work.write("bad.hg", sealed(&body));
        let line = work.refused(1, "decompress bad.hg -o out");
        assert!(
            line.starts_with("bad.hg: ") && line.contains("model."),
            "{line}"
        );
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_no_files() {
    let work = Work::new();
    work.ok("tiny.json");
    train_denoising(&work);
    let made = std::process::Command::new("mkfifo")
        .arg(work.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for input in ["/dev/zero", "pipe"] {
        for line in [
            format!("decompress {input} -o out"),
            format!("decode tiny {input} -o out"),
            format!("restore noise {input} -o out"),
            format!("reconstruct tiny {input} -o out"),
            format!("encode tiny {input} -o out.npy"),
            format!("compress tiny {input} -o out.hg"),
            format!("evaluate tiny --data {input}"),
        ] {
            // The files of a pipe would be read by the test itself.
            let ended = work.run(&line);
            assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
            assert!(
                ended.stderr.contains("pipe or a device"),
                "{line}: {ended:?}"
            );
            assert_eq!(ended.stderr.lines().count(), 1, "{line}: {ended:?}");
        }
    }
    // A large file that is none of ours is not read whole: it has no bytes on disk.
    for name in ["large.hg", "large.npy", "large.npz", "large.png"] {
        let file = fs::File::create(work.path(name)).unwrap();
        file.set_len(900 << 30).unwrap();
    }
    for line in [
        "decompress large.hg -o out",
        "decode tiny large.npy -o out",
        "decode tiny large.npz -o out",
        "restore noise large.png -o out",
        "compress tiny large.png -o out.hg",
    ] {
        let ended = work.run(line);
        assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{line}: {ended:?}");
    }
}

#[test]
fn sets_of_one_picture_and_of_equal_pictures_are_measured() {
    let work = Work::new();
    work.set("one", 1, 1, 5);
    work.ok("tiny.json --name one --set data.dir=one --set data.validation=0");
    let ended = work.ok("compress one --json");
    assert!(
        ended.stderr.contains("PCA skipped: it has no component"),
        "{ended:?}"
    );
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["baselines"]["pca"], json!([]));
    let text = work.ok("compress one one -o one.hg").stdout;
    assert!(
        text.starts_with("one.hg: 1 picture in ") && text.contains(" times larger than raw"),
        "{text}"
    );
    for part in ["train", "t10k"] {
        let pixels = vec![100; 40 * SIDE * SIDE];
        let file = crate::common::idx(0x803, &[40, SIDE, SIDE], &pixels);
        work.write(&format!("same/{part}-images-idx3-ubyte"), file);
    }
    work.ok("tiny.json --name same --set data.dir=same");
    let ended = work.ok("compress same");
    assert!(!ended.stdout.contains("the fewest: the code"), "{ended:?}");
}

#[test]
fn a_compressed_folder_is_compared_with_its_files() {
    let work = Work::new();
    trained(&work);
    photos(&work);
    let report = work.ok_json("compress tiny photos -o photos.hg --json");
    let names = work.names("photos");
    let bytes: usize = names
        .iter()
        .map(|name| work.read(&format!("photos/{name}")).len())
        .sum();
    assert_eq!(report["stored_bytes"], bytes);
    let ratio = bytes as f64 / work.read("photos.hg").len() as f64;
    assert_eq!(report["stored_ratio"], ratio);
    let text = work.ok("compress tiny photos -o photos.hg --force").stdout;
    assert!(text.contains(" than the files; decompressed"), "{text}");
    assert_eq!(
        work.ok_json("compress tiny set -o set.hg --json")["stored_bytes"],
        Value::Null
    );
}

/// A model that was trained to take few bits takes pictures of any size whole: they come back with their names and sizes,
/// exactly as they were when the file was written, and what was promised is what is there.
#[test]
fn pictures_of_any_size_go_whole_through_a_model_of_few_bits() {
    let work = Work::new();
    let mut config = tiny();
    config["model"] = json!({
        "kind": "sparse", "penalty": { "kind": "rate", "lambda": 0.001 },
        "of": {
            "kind": "conv", "channels": [4, 4], "downsample": "unshuffle", "upsample": "shuffle",
            "code_activation": "none", "initial_gain": 2,
        },
    });
    config["train"] = json!({ "epochs": 4, "batch_size": 8, "learning_rate": 0.01, "loss": "mse" });
    work.json("few.json", &config);
    work.ok("few.json");
    let rows = work.read_text("runs/few/metrics.jsonl");
    let last: Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    let [loss, mse, bits] =
        ["val/loss", "val/mse", "val/bits_per_pixel"].map(|key| last[key].as_f64().unwrap());
    assert!(
        bits > 0.0 && (mse + 0.001 * bits - loss).abs() < 1e-9,
        "{last}"
    );

    let expected = photos(&work);
    let report = work.ok_json("compress few photos -o photos.hg --json");
    let opened = work.ok_json("decompress photos.hg -o out --run few --json");
    assert_eq!(opened["exact"], true);
    let mut pairs = Vec::new();
    for (name, size) in &expected {
        let picture = grey(&work, &format!("out/{name}"));
        assert_eq!([picture.width(), picture.height()], *size, "{name}");
        let given = name.replace("b.png", "b.jpg");
        pairs.push((
            grey(&work, &format!("photos/{given}")).into_raw(),
            picture.into_raw(),
        ));
    }
    let (found, said) = (psnr(pairs.into_iter()), report["psnr"].as_f64().unwrap());
    assert!((found - said).abs() < 1e-4, "{found} {said}");
    // Finer steps take more bytes.
    let finer = work.ok_json("compress few photos -o finer.hg --json --bits 8");
    assert!(finer["bytes"].as_u64() > report["bytes"].as_u64());
    // What it is made of goes with it.
    work.ok("compress few photos -o own.hg --model");
    work.ok("decompress own.hg -o own");
    assert_eq!(work.read("own/a.png"), work.read("out/a.png"));
    // Beside other formats there are bits per pixel, which photographs are compared by.
    let ended = work.ok("compress few photos");
    assert!(ended.stdout.contains("bits per pixel"), "{}", ended.stdout);

    // Another machine may round differently: it is found out and said.
    let file = work.read("photos.hg");
    let mut body = file[..file.len() - 4].to_vec();
    body[7 + 32 + 4] ^= 1;
    work.write("other.hg", sealed(&body));
    let ended = work.ok("decompress other.hg -o other --run few");
    assert!(
        ended.stderr.contains("rounds differently"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        work.ok_json("decompress other.hg -o again --run few --json")["exact"],
        false
    );
}
