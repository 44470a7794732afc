use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// A folder with a run `NAME` of tiny grey images whose input is corrupted so.
fn trained(name: &str, corruption: Value) -> Work {
    let work = Work::new();
    train(&work, name, corruption, false);
    work
}

fn train(work: &Work, name: &str, corruption: Value, residual: bool) {
    let mut config = tiny();
    config["model"] = json!({
        "kind": "denoising", "corruption": corruption, "residual": residual, "of": config["model"],
    });
    work.json(&format!("{name}.json"), &config);
    work.ok(&format!("{name}.json"));
}

/// The same for colour pictures of 12 x 10, cut from nothing in particular.
fn train_on_colours(work: &Work, name: &str, corruption: Value) {
    for number in 0..24 {
        let picture = colours(10, 12, number);
        save(work, &format!("colours/{number:02}.png"), picture.into());
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "colours" });
    config["model"] = json!({
        "kind": "denoising", "corruption": corruption,
        "of": { "kind": "conv", "channels": [4], "convolutions": 1 },
    });
    config["train"]["batch_size"] = json!(8);
    work.json(&format!("{name}.json"), &config);
    work.ok(&format!("{name}.json --quick"));
}

/// A smooth picture in colour without any black.
fn colours(width: u32, height: u32, number: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |by: u32| {
            let at = (x * by + y * 3 + number * 40) as f32 / 10.0;
            (130.0 + 90.0 * at.sin()) as u8
        };
        Rgb([wave(2), wave(3), wave(5)])
    })
}

fn grey(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        Luma([colours(width, height, 0).get_pixel(x, y)[0]])
    })
}

fn save(work: &Work, name: &str, picture: DynamicImage) {
    fs::create_dir_all(work.path(name).parent().unwrap()).unwrap();
    picture.save(work.path(name)).unwrap();
}

fn size(path: &Path) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

fn psnr(one: &[f64], other: &[f64]) -> f64 {
    let squares = one
        .iter()
        .zip(other)
        .map(|(a, b)| ((a - b) / 255.0).powi(2));
    -10.0 * (squares.sum::<f64>() / one.len() as f64).log10()
}

fn values(picture: &DynamicImage) -> Vec<f64> {
    picture
        .to_rgb8()
        .into_raw()
        .into_iter()
        .map(f64::from)
        .collect()
}

#[test]
fn a_run_of_each_loss_says_what_comes_back_beside_baselines() {
    let work = Work::new();
    for (name, corruption, baselines) in [
        ("noise", json!("gaussian"), vec!["gaussian", "median"]),
        (
            "small",
            json!({ "kind": "downscale" }),
            vec!["bicubic", "bilinear", "lanczos"],
        ),
        (
            "hole",
            json!({ "kind": "block", "size": [[2, 3], 3] }),
            vec!["diffusion"],
        ),
        ("blur", json!("blur"), vec!["unsharp"]),
        (
            "both",
            json!([{ "kind": "block", "size": 2 }, "speckle"]),
            vec!["diffusion", "gaussian", "median"],
        ),
    ] {
        train(&work, name, corruption, name == "small");
        let found = &work.read_json(&format!("runs/{name}/summary.json"));
        let restoration = &found["restoration"];
        let names: Vec<&String> = restoration["baselines"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(names, baselines, "{name}");
        assert_eq!(
            restoration["input"]["psnr"],
            found["baselines"]["corrupted"]["psnr"]
        );
        assert_eq!(restoration["output"]["psnr"], found["test"]["psnr"]);
        for (baseline, figures) in restoration["baselines"].as_object().unwrap() {
            assert!(figures["psnr"].as_f64().unwrap() > 3.0, "{name} {baseline}");
            let has_hole = figures["hole"]["psnr"].is_f64();
            assert_eq!(
                has_hole,
                ["hole", "both"].contains(&name),
                "{name} {baseline}"
            );
        }
        // What the baselines are set to and give is the same when it is measured again.
        let again = work.ok_json(&format!("evaluate {name} --json"));
        assert_eq!(&again["restoration"], restoration);
        let table = work.ok(&format!("evaluate {name}")).stdout;
        assert!(table.contains("corrupted input"), "{table}");
        assert_eq!(
            table.contains("hole psnr"),
            ["hole", "both"].contains(&name),
            "{table}"
        );
    }
    let small = work.read_json("runs/small/summary.json")["restoration"].clone();
    // Of other pictures too, and without the run's own with what the summary has.
    let set = |of: &Value| of["baselines"]["gaussian"]["sigma"].clone();
    work.set("other", 20, 10, 99);
    let other = work.ok_json("evaluate noise --data other --json")["restoration"].clone();
    fs::rename(work.path("set"), work.path("moved")).unwrap();
    let without = work.ok_json("evaluate noise --data other --json")["restoration"].clone();
    fs::rename(work.path("moved"), work.path("set")).unwrap();
    assert_eq!(without, other);
    let own = work.read_json("runs/noise/summary.json")["restoration"].clone();
    assert!(set(&own).is_f64() && set(&own) == set(&other) && own != other);
    // The input is the small picture by bicubic interpolation.
    assert_eq!(small["baselines"]["bicubic"], small["input"]);
    assert_ne!(small["baselines"]["lanczos"], small["input"]);

    work.ok("tiny.json");
    assert_eq!(
        work.read_json("runs/tiny/summary.json")["restoration"],
        Value::Null
    );
}

#[test]
fn colours_that_come_back_are_measured_as_colours() {
    let work = Work::new();
    train_on_colours(&work, "grey", json!("grayscale"));
    let found = work.read_json("runs/grey/summary.json")["restoration"].clone();
    let error = |of: &Value| of["ab_error"].as_f64().unwrap();
    assert_eq!(found["baselines"]["grey"], found["input"]);
    // Pictures whose colours belong to their brightness.
    assert!(error(&found["baselines"]["mean_colour"]) < error(&found["input"]));

    save(&work, "wide.png", colours(31, 17, 3).into());
    work.ok("restore grey wide.png -o out");
    let restored = image::open(work.path("out/wide.png")).unwrap();
    assert_eq!((restored.width(), restored.height()), (31, 17));
    assert_eq!(restored.color(), image::ColorType::Rgb8);
    // The colours of the picture itself are not seen.
    save(
        &work,
        "same.png",
        image::open(work.path("wide.png"))
            .unwrap()
            .to_luma8()
            .into(),
    );
    work.ok("restore grey same.png -o out --compare");
    let same = image::open(work.path("out/same.png")).unwrap();
    for (one, other) in values(&restored).iter().zip(values(&same)) {
        assert!((one - other).abs() <= 3.0, "{one} {other}");
    }

    let report = work.ok_json("restore grey wide.png -o clean --from-clean --json");
    assert!(report["restoration"]["output"]["ab_error"].is_f64());
    // Without the run's own pictures there is no mean colour, and all else is as before.
    fs::rename(work.path("colours"), work.path("moved")).unwrap();
    let ended = work.ok("restore grey wide.png -o clean --from-clean --json --force");
    assert!(
        ended
            .stderr
            .starts_with("note: some baselines skipped: the run's images"),
        "{ended:?}"
    );
    let without: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        without["restoration"]["output"],
        report["restoration"]["output"]
    );
    assert_eq!(
        without["restoration"]["baselines"]["mean_colour"],
        Value::Null
    );
}

#[test]
fn pictures_of_any_size_and_colour_keep_their_names() {
    let work = trained("noise", json!("gaussian"));
    save(&work, "in/odd.png", grey(29, 21).into());
    save(&work, "in/tiny.jpg", grey(3, 5).into());
    save(&work, "in/colour.jpg", colours(40, 8, 1).into());
    let ended = work.ok("restore noise in -o out");
    assert_eq!(
        ended.stdout,
        "out/colour.png: 8x40\nout/odd.png: 21x29\nout/tiny.png: 5x3\n"
    );
    assert_eq!(ended.stderr, "");
    for (name, expected) in [("odd", (29, 21)), ("tiny", (3, 5)), ("colour", (40, 8))] {
        assert_eq!(
            size(&work.path(&format!("out/{name}.png"))),
            expected,
            "{name}"
        );
    }
    let odd = image::open(work.path("out/odd.png")).unwrap();
    assert_eq!(odd.color(), image::ColorType::L8);
    // One by one they are what they are together, and the same each time.
    work.ok("restore noise in/odd.png -o one");
    assert_eq!(work.read("one/odd.png"), work.read("out/odd.png"));

    let taken = "out/odd.png: already exists; choose a new path, or use --force";
    assert_eq!(work.refused(1, "restore noise in/odd.png -o out"), taken);
    work.write("out/odd.png", "mine");
    assert_eq!(work.refused(1, "restore noise in/odd.png -o out"), taken);
    work.ok("restore noise in/odd.png -o out --force --quiet");
    assert_eq!(work.read("one/odd.png"), work.read("out/odd.png"));
}

/// A picture of the model's own size is one tile, and so is what `reconstruct` makes of it.
#[test]
fn one_tile_is_a_reconstruction() {
    let work = trained("noise", json!("gaussian"));
    save(&work, "one.png", grey(8, 8).into());
    work.ok("restore noise one.png -o out");
    work.ok("reconstruct noise one.png -o one-out.png");
    let pixels = |name: &str| image::open(work.path(name)).unwrap().to_luma8().into_raw();
    for (one, other) in pixels("out/one.png").into_iter().zip(pixels("one-out.png")) {
        assert!(one.abs_diff(other) <= 1, "{one} {other}");
    }
}

#[test]
fn a_small_picture_comes_back_large() {
    let work = Work::new();
    train(
        &work,
        "small",
        json!({ "kind": "downscale", "factor": 3 }),
        true,
    );
    save(&work, "in.png", grey(9, 7).into());
    let report = work.ok_json("restore small in.png -o out --compare --json");
    assert_eq!(report["pictures"][0]["height"], 21);
    assert_eq!(size(&work.path("out/in.png")), (27, 21));
    // Ten times as large, so that the names have room.
    assert_eq!(
        size(&work.path("out/in-compare.png")),
        (3 * 270 + 2 * 4, 210 + 28)
    );
    // A clean picture keeps its size: it is made small first.
    let report = work.ok_json("restore small in.png -o clean --from-clean --json");
    assert_eq!(size(&work.path("clean/in.png")), (9, 7));
    let found = &report["restoration"];
    assert_eq!(found["baselines"]["bicubic"], found["input"]);
}

#[test]
fn figures_are_of_what_a_table_is_of() {
    let work = Work::new();
    for number in 0..3 {
        save(
            &work,
            &format!("colours/{number}.png"),
            colours(24, 24, number).into(),
        );
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "colours", "patch": 8 });
    config["model"] = json!({
        "kind": "denoising", "of": tiny()["model"],
        "corruption": { "kind": "gaussian", "std": 0.1, "clip": false },
    });
    work.json("noise.json", &config);
    work.ok("noise.json --quick");
    save(&work, "in.png", colours(31, 64, 7).into());
    let psnr = |more: &str| {
        let line = format!("restore noise in.png -o out --from-clean --json --force {more}");
        let report = work.ok_json(&line);
        let psnr = report["restoration"]["input"]["psnr"].as_f64().unwrap();
        (psnr, report["measured"].clone())
    };
    let (all, measured) = psnr("");
    assert_eq!(measured, json!({ "channels": "all", "crop": 0 }));
    // Noise of 0.1 has 20 dB. Y weighs the colours' by 0.257, 0.504 and 0.098: 4.81 dB less of it.
    assert!((all - 20.0).abs() < 0.3, "{all}");
    let (luma, measured) = psnr("--metric y --crop 3");
    assert_eq!(measured, json!({ "channels": "y", "crop": 3 }));
    assert!((luma - all - 4.81).abs() < 0.5, "{luma}");
    let text = work
        .ok("restore noise in.png -o out --from-clean --force --metric y --crop 1")
        .stdout;
    assert!(
        text.ends_with("\npsnr and ssim on Y of YCbCr, without 1 pixel at each border\n"),
        "{text}"
    );
    assert_eq!(
        work.refused(2, "restore noise in.png -o never --from-clean --crop 16"),
        "--crop: found 16; allowed: less than half of each picture's sides, but in.png has 64x31 pixels"
    );
    assert!(!work.path("never").exists());
    let ended = work.run("restore noise in.png -o out --metric y");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn what_is_printed_is_what_the_pictures_show() {
    let work = trained("noise", json!({ "kind": "gaussian", "std": 0.2 }));
    save(&work, "in/a.png", grey(26, 19).into());
    save(&work, "in/b.png", grey(13, 33).into());
    let report = work.ok_json("restore noise in -o out --from-clean --compare --json");
    let pictures = report["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 2);
    for picture in pictures {
        let path = |key: &str| work.path(picture[key].as_str().unwrap());
        let clean = image::open(path("input")).unwrap();
        let (width, height) = (clean.width(), clean.height());
        let found = &picture["restoration"];
        let near = |name: &str, figures: &Value, other: &DynamicImage| {
            let (printed, seen) = (
                figures["psnr"].as_f64().unwrap(),
                psnr(&values(&clean), &values(other)),
            );
            assert!((printed - seen).abs() < 0.02, "{name}: {printed} {seen}");
        };
        near(
            "output",
            &found["output"],
            &image::open(path("output")).unwrap(),
        );
        // The four panels are enlarged by the same whole factor.
        let page = image::open(path("compare")).unwrap();
        let scale = (page.width() - 3 * 4) / 4 / width;
        assert_eq!(page.width(), 4 * width * scale + 3 * 4);
        assert_eq!(page.height(), height * scale + 28);
        let panel = |number: u32| {
            let left = number * (width * scale + 4);
            let part = page.crop_imm(left, 28, width * scale, height * scale);
            part.resize_exact(width, height, image::imageops::FilterType::Nearest)
        };
        near("input", &found["input"], &panel(0));
        assert_eq!(
            values(&panel(1)),
            values(&image::open(path("output")).unwrap())
        );
        let baselines = &found["baselines"];
        let shown = ["median", "gaussian"].map(|name| {
            (baselines[name]["psnr"].as_f64().unwrap() - psnr(&values(&clean), &values(&panel(2))))
                .abs()
        });
        assert!(shown.iter().any(|it| *it < 0.02), "{shown:?} {baselines}");
        assert_eq!(values(&panel(3)), values(&clean));
    }
    let mean = |key: &str, figure: &str| {
        let of = |picture: &Value| picture["restoration"][key][figure].as_f64().unwrap();
        pictures.iter().map(of).sum::<f64>() / 2.0
    };
    for key in ["input", "output"] {
        for figure in ["psnr", "ssim"] {
            assert_eq!(
                report["restoration"][key][figure].as_f64(),
                Some(mean(key, figure))
            );
        }
    }
    let table = work
        .ok("restore noise in -o out --from-clean --force")
        .stdout;
    let figure = format!("{:.2}", mean("output", "psnr"));
    let row = table
        .lines()
        .skip_while(|line| !line.starts_with("mean of 2"))
        .nth(1);
    assert!(row.is_some_and(|row| row.contains(&figure)), "{table}");
}

#[test]
fn a_seed_decides_what_a_clean_picture_suffers() {
    let work = trained("noise", json!("masking"));
    save(&work, "in.png", grey(20, 20).into());
    let output = |folder: &str, more: &str| {
        work.ok(&format!(
            "restore noise in.png -o {folder} --from-clean {more}"
        ));
        work.read(&format!("{folder}/in.png"))
    };
    let own = output("a", "");
    assert_eq!(own, output("b", "--seed 42"));
    assert_ne!(own, output("c", "--seed 43"));
    let line = work.run("restore noise in.png -o d --seed 1");
    assert_eq!(line.code, Some(2), "{line:?}");
}

#[test]
fn holes_are_black_and_have_figures_of_their_own() {
    let work = Work::new();
    train_on_colours(&work, "hole", json!({ "kind": "block", "size": [3, 4] }));
    save(&work, "clean.png", colours(35, 26, 9).into());
    let report = work.ok_json("restore hole clean.png -o clean --from-clean --json --compare");
    let found = &report["restoration"];
    let inside = |of: &Value| of["hole"]["psnr"].as_f64().unwrap();
    let diffusion = &found["baselines"]["diffusion"];
    assert!(
        inside(diffusion) > inside(&found["input"]) + 10.0,
        "{found}"
    );
    // 2 x 3 regions of 12 x 10, a hole of 12 pixels in each.
    let page = image::open(work.path("clean/clean-compare.png"))
        .unwrap()
        .to_rgb8();
    let scale = (page.width() - 12) / 4 / 35;
    let input = (0..35 * 26).map(|at| page.get_pixel(at % 35 * scale, at / 35 * scale + 28));
    assert_eq!(input.filter(|pixel| pixel.0 == [0; 3]).count(), 72);

    // A picture that has a hole already: what diffusion makes of it stands beside.
    let mut damaged = colours(35, 26, 9);
    for at in 0..20 {
        damaged.put_pixel(15 + at % 5, 10 + at / 5, Rgb([0; 3]));
    }
    save(&work, "damaged.png", damaged.into());
    work.ok("restore hole damaged.png -o out --compare");
    let page = image::open(work.path("out/damaged-compare.png"))
        .unwrap()
        .to_rgb8();
    let third = page.width() - 35 * scale;
    let filled = page.get_pixel(third + 17 * scale, 12 * scale + 28);
    let wanted = colours(35, 26, 9);
    let wanted = wanted.get_pixel(17, 12);
    let apart = filled.0.iter().zip(wanted.0).map(|(a, b)| a.abs_diff(b));
    assert!(apart.max().unwrap() < 60, "{filled:?} {wanted:?}");
}

#[test]
fn bad_files_of_a_folder_are_left_out_and_named_ones_are_errors() {
    let work = trained("noise", json!("gaussian"));
    save(&work, "in/good.png", grey(9, 9).into());
    let whole = work.read("in/good.png");
    // A header that is good, and nothing behind it; no picture at all; an announced giant.
    work.write("in/cut.png", &whole[..60]);
    work.write("in/text.png", "not a picture");
    let mut giant = whole.clone();
    giant[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    work.write("in/giant.png", giant);
    let ended = work.ok("restore noise in -o out");
    assert_eq!(ended.stdout, "out/good.png: 9x9\n");
    assert_eq!(work.names("out"), ["good.png"]);
    let mut warnings: Vec<&str> = ended.stderr.lines().collect();
    let count = "warning: 3 pictures were left out because they cannot be read";
    assert_eq!(warnings.pop(), Some(count));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for name in ["cut", "text", "giant"] {
        let told = format!("warning: skipped: in/{name}.png: ");
        assert!(
            warnings.iter().any(|line| line.starts_with(&told)),
            "{warnings:?}"
        );
    }
    for name in ["text", "giant"] {
        let line = work.refused(1, &format!("restore noise in/good.png in/{name}.png -o no"));
        assert!(line.starts_with(&format!("in/{name}.png: ")), "{line}");
    }
    let ended = work.run("restore noise in/cut.png -o no");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: in/cut.png: "), "{ended:?}");
    fs::remove_file(work.path("in/good.png")).unwrap();
    let ended = work.run("restore noise in -o none");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended
            .stderr
            .contains("error: none: no picture could be restored"),
        "{ended:?}"
    );
}

#[test]
fn what_cannot_be_restored_is_refused_in_one_line() {
    let work = trained("noise", json!("gaussian"));
    work.ok("tiny.json");
    save(&work, "in/a.png", grey(9, 9).into());
    save(&work, "other/a.jpg", grey(9, 9).into());
    save(&work, "third/a.jpg", grey(9, 9).into());
    save(&work, "other/a-compare.png", grey(9, 9).into());
    fs::create_dir(work.path("empty")).unwrap();
    work.write("file", "mine");
    for (code, line, expected) in [
        (
            1,
            "restore tiny in -o out",
            "runs/tiny: is a dense model; restore needs a denoising model, such as one trained from \
             configs/denoise-photos.json",
        ),
        (
            1,
            "restore noise nowhere.png -o out",
            "nowhere.png: no such file or folder; give a picture or a folder of pictures",
        ),
        (
            2,
            "restore noise third other/a.jpg -o out",
            "INPUT: third/a.jpg and other/a.jpg would both be written to a.jpg.png; give pictures with \
             different names",
        ),
        (
            2,
            "restore noise other -o out --compare",
            "INPUT: other/a-compare.png and other/a.jpg would both be written to a-compare.png; give \
             pictures with different names",
        ),
    ] {
        assert_eq!(work.refused(code, line), expected);
    }
    let line = work.refused(1, "restore noise empty -o out");
    assert!(line.starts_with("empty: "), "{line}");
    let line = work.refused(1, "restore noise in -o file");
    assert!(
        line.starts_with("file: the folder cannot be made"),
        "{line}"
    );
    let line = work.refused(1, "restore missing in -o out");
    assert!(line.starts_with("missing: no such run"), "{line}");
}

/// A model that fills holes takes black for missing: it comes back as what is around it, and what is far from it as if
/// there were no hole.
#[test]
fn black_holes_are_filled() {
    let work = Work::new();
    let mut config = tiny();
    for number in 0..12 {
        save(
            &work,
            &format!("colours/{number:02}.png"),
            colours(16, 16, number).into(),
        );
    }
    config["data"] = json!({ "dataset": "images", "dir": "colours" });
    config["model"] = json!({
        "kind": "denoising", "corruption": { "kind": "block", "size": 4 }, "residual": true, "fill_holes": true,
        "of": { "kind": "conv", "channels": [64], "initial_gain": 0.01 },
    });
    config["train"] = json!({ "epochs": 1, "batch_size": 4, "learning_rate": 1e-30 });
    work.json("fill.json", &config);
    work.ok("fill.json");

    let whole = colours(40, 30, 3);
    let inside = |x: u32, y: u32| (12..18).contains(&x) && (10..15).contains(&y);
    let mut holed = whole.clone();
    for (x, y, pixel) in holed.enumerate_pixels_mut() {
        if inside(x, y) {
            *pixel = Rgb([0, 0, 0]);
        }
    }
    save(&work, "in/whole.png", whole.into());
    save(&work, "in/holed.png", holed.into());
    work.ok("restore fill in -o out");
    let read = |name: &str| image::open(work.path(name)).unwrap().to_rgb8();
    let (whole, holed) = (read("out/whole.png"), read("out/holed.png"));
    let (mut sum, mut count) = (0.0, 0.0);
    for (x, y, pixel) in holed.enumerate_pixels() {
        let other = whole.get_pixel(x, y);
        let differences = pixel
            .0
            .iter()
            .zip(other.0)
            .map(|(a, b)| f64::from(a.abs_diff(b)));
        if inside(x, y) {
            sum += differences.sum::<f64>();
            count += 3.0;
        } else if y >= 20 {
            assert_eq!(pixel, other, "({x}, {y})");
        }
    }
    // The pictures' mean is 130, and their waves are 90 high.
    assert!(sum / count < 25.0, "{}", sum / count);
}
