use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, RgbImage};
use serde_json::{Value, json};

use crate::common::{Random, Work, tiny};

/// A grey texture: stripes whose distance and phase depend on the seed, with noise.
fn texture(width: u32, height: u32, seed: u64) -> GrayImage {
    let mut random = Random(seed);
    let (step, phase) = (3 + random.below(4) as u32, random.below(9) as u32);
    GrayImage::from_fn(width, height, |x, y| {
        let bright = (x + 2 * y + phase) % step == 0;
        Luma([random.below(50) as u8 + if bright { 200 } else { 20 }])
    })
}

fn save(work: &Work, name: &str, picture: impl Into<DynamicImage>) {
    let path = work.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture
        .into()
        .save_with_format(path, image::ImageFormat::Png)
        .unwrap();
}

/// A folder of two parts, of pictures wider than high, and the config `mine.json` of a training on it with these
/// keys beside.
fn folder(work: &Work, keys: &Value) {
    for (part, count, first) in [("train", 8, 0), ("test", 4, 100)] {
        for number in 0..count {
            let name = format!("mine/{part}/{number}.png");
            save(work, &name, texture(40, 24, first + number));
        }
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "mine", "validation": 2 });
    for (key, value) in keys.as_object().unwrap() {
        config["data"][key] = value.clone();
    }
    work.json("mine.json", &config);
}

fn mse(report: &Value) -> f64 {
    report["test"]["mse"].as_f64().unwrap()
}

/// Whatever a training did to pictures, other commands do: the same files give the same figures to the last bit.
#[test]
fn pictures_are_prepared_as_in_the_training() {
    let cases = [
        (json!({ "patch": 8 }), json!("patches"), 4 * 15),
        (json!({ "size": [8, 8] }), json!("resized"), 4),
        (
            json!({ "size": [8, 8], "aspect": "crop" }),
            json!("resized"),
            4,
        ),
        (json!({}), json!("as_is"), 4),
    ];
    let mut errors = Vec::new();
    for (keys, rule, count) in cases {
        let work = Work::new();
        folder(&work, &keys);
        work.ok("mine.json");
        let own = work.ok_json("evaluate mine --json");
        let given = work.ok_json("evaluate mine --data mine --json");
        assert_eq!(
            (mse(&own), &own["images"]),
            (mse(&given), &json!(count)),
            "{keys}"
        );
        assert_eq!(own["images"], given["images"], "{keys}");
        errors.push(mse(&own));
        let shown = work.ok_json("inspect mine --json");
        assert_eq!(shown["preparation"]["rule"], rule);
        assert_eq!(shown["preparation"]["channels"], 1);
        assert!(work.ok("inspect mine").stdout.contains("\npictures: "));
        // The same pictures are neither more nor less unusual than themselves.
        let found = work.ok_json("anomaly mine --other mine --json");
        assert_eq!(found["auroc"], 0.5, "{keys}: {found}");
        assert_eq!(found["other_images"], json!(count), "{keys}");
        work.ok("encode mine mine -o codes.npy");
        // 128 bytes of header, and four values of four bytes for each image.
        assert_eq!(work.read("codes.npy").len(), 128 + count * 16, "{keys}");
        work.ok("cluster mine --k 2 --data mine");
        // A run of an earlier version does not say what it did, but its config does.
        if keys.get("aspect").is_none() && rule != "as_is" {
            for checkpoint in ["best", "last"] {
                let name = format!("runs/mine/checkpoints/{checkpoint}/meta.json");
                let mut meta = work.read_json(&name);
                meta.as_object_mut()
                    .unwrap()
                    .shift_remove("preparation")
                    .unwrap();
                work.json(&name, &meta);
            }
            let old = work.ok_json("evaluate mine --data mine --json");
            assert_eq!(mse(&old), mse(&own), "{keys}");
            let shown = work.ok_json("inspect mine --json");
            assert_eq!(shown["preparation"]["rule"], rule);
            work.ok("resume mine --set train.epochs=3");
        }
    }
    errors.dedup();
    assert_eq!(errors.len(), 4, "each rule makes other images: {errors:?}");
}

#[test]
fn a_model_of_patches_reconstructs_whole_pictures() {
    let work = Work::new();
    folder(&work, &json!({ "patch": 8 }));
    work.ok("mine.json");
    save(&work, "other/odd.png", texture(21, 13, 7));
    save(&work, "other/small.png", texture(5, 4, 8));
    let ended = work.ok("reconstruct mine other -o back");
    assert!(
        ended.stdout.contains("2 pictures: mse 0."),
        "{}",
        ended.stdout
    );
    for (name, size) in [("odd", (21, 13)), ("small", (5, 4))] {
        let picture = image::open(work.path(&format!("back/{name}.png"))).unwrap();
        assert_eq!((picture.width(), picture.height()), size);
    }
    work.ok("reconstruct mine other/odd.png -o one.png");
    assert_eq!(work.read("one.png"), work.read("back/odd.png"));
}

/// A PNG whose header is whole and whose pixels are not.
fn damage(work: &Work, name: &str) {
    let mut bytes = work.read(name);
    let data = bytes.windows(4).position(|it| it == b"IDAT").unwrap();
    bytes[data + 20] ^= 0xff;
    work.write(name, bytes);
}

#[test]
fn a_damaged_picture_is_the_same_to_every_command() {
    let work = Work::new();
    folder(&work, &json!({ "size": [8, 8] }));
    let mut config = work.read_json("mine.json");
    config["model"] = json!({ "kind": "denoising", "corruption": { "kind": "gaussian", "std": 0.2 },
        "of": config["model"].clone() });
    work.json("noisy.json", &config);
    work.ok("mine.json");
    work.ok("noisy.json");
    for number in 0..6 {
        save(
            &work,
            &format!("bad/{number}.png"),
            texture(16, 16, 50 + number),
        );
    }
    damage(&work, "bad/2.png");
    config["data"]["dir"] = "bad".into();
    config["data"]["validation"] = 1.into();
    work.json("bad.json", &config);
    let spec = r#"{"dataset":"images","dir":"bad","test":0.5}"#;
    let lines = [
        "bad.json --name fresh",
        "evaluate mine --data bad",
        "anomaly mine --other bad",
        "anomaly mine --normal bad --other mine",
        "cluster mine --k 2 --data bad",
        "plot mine --data bad",
        "encode mine bad -o codes.npz",
        "reconstruct mine bad -o back",
        "compress mine bad -o bad.hg",
        "compress mine bad",
        "restore noisy bad -o restored",
        "restore noisy bad -o clean --from-clean",
        &format!("evaluate mine --data {spec}"),
    ];
    for line in lines {
        let strict = work.run(&format!("{line} --strict"));
        assert_eq!(strict.code, Some(1), "{line}: {strict:?}");
        assert!(
            strict
                .stderr
                .contains("error: bad/2.png: not a readable picture"),
            "{line}: {strict:?}"
        );
        let ended = work.ok(&line.replace("-o clean", "-o clean2"));
        let start = "warning: skipped: bad/2.png: not a readable picture: ";
        let told = ended
            .stderr
            .lines()
            .filter(|it| it.starts_with(start))
            .count();
        assert_eq!(told, 1, "{line}: {}", ended.stderr);
        let last = "warning: 1 picture was left out because it cannot be read";
        assert_eq!(ended.stderr.lines().last(), Some(last), "{line}");
    }
    // The only one that is asked for is an error.
    for line in [
        "evaluate mine --data bad/2.png",
        "compress mine bad/2.png -o x.hg",
    ] {
        let line = work.refused(1, line);
        assert!(
            line.starts_with("bad/2.png: not a readable picture"),
            "{line}"
        );
    }
}

#[test]
fn what_the_run_was_trained_on_is_named() {
    let work = Work::new();
    folder(&work, &json!({ "patch": 8 }));
    work.ok("mine.json");
    let warning = "warning: mine/train: 120 of 120 images are among those that the run was trained on, so figures \
                   on them are not those of unseen pictures";
    for line in [
        "evaluate mine --data mine/train",
        "anomaly mine --other mine/train",
        "cluster mine --data mine/train",
    ] {
        let ended = work.ok(line);
        assert!(
            ended.stderr.lines().any(|it| it == warning),
            "{line}: {}",
            ended.stderr
        );
        let ended = work.ok(&line.replace("/train", "/test"));
        assert!(
            !ended.stderr.contains("trained on, so"),
            "{line}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_threshold_from_few_pictures_has_a_caveat() {
    let work = Work::new();
    folder(&work, &json!({ "size": [8, 8], "validation": 1 }));
    work.ok("mine.json");
    save(&work, "one/a.png", texture(24, 24, 9));
    let ended = work.ok("anomaly mine --other one");
    let text = &ended.stderr;
    assert!(
        text.contains(": 4 normal pictures of mine, 1 other of one;"),
        "{text}"
    );
    assert!(
        text.contains("warning: 1 picture sets the threshold, too few for the 0.99 quantile"),
        "{text}"
    );
    let ended = work.ok("anomaly mine --other one --quantile 0");
    assert!(!ended.stderr.contains("too few for"), "{}", ended.stderr);
}

#[test]
fn twelve_bits_in_sixteen_are_not_almost_black() {
    let work = Work::new();
    let deep = |seed: u64| {
        let grey = texture(8, 8, seed);
        let pixel = |x, y| Luma([u16::from(grey.get_pixel(x, y).0[0]) * 16]);
        image::ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(8, 8, pixel)
    };
    for number in 0..12 {
        let picture = deep(number);
        save(&work, &format!("twelve/{number:02}.png"), picture);
        save(
            &work,
            &format!("eight/{number:02}.png"),
            texture(8, 8, number),
        );
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "twelve", "validation": 1 });
    work.json("twelve.json", &config);
    let ended = work.ok("twelve.json");
    assert!(
        ended.stderr.contains("so 4095 is white; set data.white"),
        "{}",
        ended.stderr
    );
    // The run remembers it: single pictures, which do not show it, are as bright as in training.
    work.ok("reconstruct twelve twelve/00.png -o a.png");
    work.ok("reconstruct twelve eight/00.png -o b.png");
    let values = |name: &str| {
        image::open(work.path(name))
            .unwrap()
            .into_luma8()
            .into_raw()
    };
    let far = |one: &u8, other: &u8| one.abs_diff(*other) > 3;
    let differ = values("a.png")
        .iter()
        .zip(&values("b.png"))
        .filter(|(a, b)| far(a, b))
        .count();
    assert!(differ == 0, "{differ} values differ");
    assert_eq!(
        work.ok_json("inspect twelve --json")["preparation"]["white"],
        4095
    );
    // A model of ordinary pictures does not see them as almost black without a word.
    config["data"]["dir"] = "eight".into();
    work.json("eight.json", &config);
    work.ok("eight.json");
    let ended = work.ok("evaluate eight --data twelve");
    assert!(
        ended.stderr.contains("so they are almost black"),
        "{}",
        ended.stderr
    );
}

#[test]
fn one_grey_picture_does_not_make_all_grey() {
    let work = Work::new();
    save(&work, "mixed/a.png", texture(8, 8, 1));
    for number in 0..6 {
        let grey = texture(8, 8, number + 5);
        let picture =
            RgbImage::from_fn(8, 8, |x, y| image::Rgb([grey.get_pixel(x, y).0[0], 9, 200]));
        save(&work, &format!("mixed/b{number}.png"), picture);
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "mixed", "validation": 1 });
    work.json("mixed.json", &config);
    let ended = work.ok("mixed.json");
    let warning = "warning: 1 of the 7 pictures is grey, but all are read as colour; the first: mixed/a.png; set \
                   data.channels to 1 to make all grey";
    assert!(
        ended.stderr.lines().any(|it| it == warning),
        "{}",
        ended.stderr
    );
    assert_eq!(
        work.ok_json("inspect mixed --json")["input_shape"],
        json!([3, 8, 8])
    );
}

/// `data.dir` stands beside the config, or where the program was started; a run finds it from anywhere.
#[test]
fn the_data_are_found_from_other_folders() {
    let work = Work::new();
    for name in work.names("set") {
        work.write(
            &format!("project/data/{name}"),
            work.read(&format!("set/{name}")),
        );
    }
    let mut config = tiny();
    config["data"]["dir"] = "data".into();
    work.json("project/a.json", &config);
    work.ok("project/a.json");
    work.ok("tiny.json");
    work.assert_same("runs/a", "runs/tiny");
    // From elsewhere: the run's own images are needed for its baselines.
    fs::create_dir(work.path("away")).unwrap();
    let mut command = work.command();
    command
        .current_dir(work.path("away"))
        .args(["evaluate", "../runs/tiny", "--json"]);
    let ended = crate::common::finish(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Nowhere: each place once, and the system's words too.
    config["data"]["dir"] = "nowhere".into();
    work.json("project/b.json", &config);
    let line = work.refused(1, "project/b.json");
    let here = work.path(".");
    let whole = |path: &Path| std::path::absolute(path).unwrap().display().to_string();
    let here = fs::canonicalize(here).unwrap();
    let looked = format!("{} and in {}", whole(&here.join("project")), whole(&here));
    assert_eq!(
        line,
        format!("nowhere: cannot be read: No such file or directory; looked for it in {looked}")
    );
}

#[test]
fn keys_of_pictures_are_faults_of_the_config() {
    let work = Work::new();
    folder(&work, &json!({ "size": [8, 8], "patch": 8 }));
    let line = work.refused(2, "mine.json");
    let found = "data.patch: found 8 together with \"size\"; remove one of the two";
    assert!(
        line.starts_with("mine.json:1:") && line.ends_with(found),
        "{line}"
    );
    folder(&work, &json!({ "aspect": "crop" }));
    let line = work.refused(2, "mine.json");
    assert!(
        line.ends_with("data.aspect: needs data.size; set data.size, or remove this key"),
        "{line}"
    );
    fs::rename(work.path("mine/train"), work.path("flat")).unwrap();
    folder(
        &work,
        &json!({ "dir": "flat", "size": [8, 8], "test": ["1.png", "9.png"] }),
    );
    let line = work.refused(2, "mine.json");
    let found = "data.test: found \"9.png\"; allowed: names of pictures in flat";
    assert!(
        line.starts_with("mine.json:1:") && line.ends_with(found),
        "{line}"
    );
}

/// A limit takes pictures of the whole folder, not the first class of a sorted one, and the run keeps them.
#[test]
fn a_limit_is_drawn_from_the_whole_set() {
    let work = Work::new();
    for number in 0..20 {
        save(
            &work,
            &format!("sorted/a{number:02}.png"),
            texture(8, 8, number),
        );
        save(
            &work,
            &format!("sorted/z{number:02}.png"),
            texture(8, 8, 100 + number),
        );
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "sorted", "validation": 2, "limit": 10 });
    work.json("few.json", &config);
    work.ok("few.json");
    let env = work.read_json("runs/few/env.json");
    assert_eq!(
        (&env["train_images"], &env["validation_images"]),
        (&json!(8), &json!(2))
    );
    let first = work.ok("few.json --name other --set seed=7");
    assert_eq!(first.code, Some(0));
    assert_ne!(
        work.read_json("runs/other/env.json")["data_sha256"],
        env["data_sha256"]
    );
    work.ok("resume few --set train.epochs=3");
    work.ok("evaluate few");
}

/// The digits of 16-bit files beyond the first 8 bits reach the model, in training and later.
#[test]
fn all_sixteen_bits_are_seen() {
    let work = Work::new();
    let save = |name: &str, coarse: u16, fine: u16| {
        let path = work.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pixel =
            |x: u32, y: u32| Luma([(x * 7 + y * 3) as u16 % 200 * 257 + coarse * 257 + fine]);
        let picture = image::ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(8, 8, pixel);
        picture.save(path).unwrap();
    };
    for number in 0..12 {
        save(&format!("deep/{number:02}.tif"), number * 4, number * 9);
        save(&format!("flat/{number:02}.tif"), number * 4, 0);
    }
    let mut config = tiny();
    for name in ["deep", "flat"] {
        config["data"] =
            json!({ "dataset": "images", "dir": name, "validation": 1, "white": 65535 });
        work.json(&format!("{name}.json"), &config);
        work.ok(&format!("{name}.json"));
    }
    let digest =
        |name: &str| work.read_json(&format!("runs/{name}/env.json"))["data_sha256"].clone();
    assert_ne!(digest("deep"), digest("flat"));
    // Both are the same in 8 bits.
    let code = |input: &str, name: &str| {
        work.ok(&format!("encode deep {input} -o {name}"));
        work.read(name)
    };
    assert_ne!(
        code("deep/03.tif", "fine.npy"),
        code("flat/03.tif", "coarse.npy")
    );
    // With and without the cache.
    let mut command = work.command();
    command.env("HOURGLASS_CACHE", work.path("cache"));
    command.args(["deep.json", "--name", "cached", "--set", "data.cache=true"]);
    assert_eq!(crate::common::finish(command).code, Some(0));
    work.assert_same("runs/deep", "runs/cached");
}
