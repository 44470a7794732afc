use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use burn::tensor::Device;
use data::{Images, PictureOptions, Source};
use hourglass::codec::decompress::{self, Archive};
use hourglass::comparison::Row as Compared;
use hourglass::run::loaded::own_images;
use hourglass::run::resumed::Resumed;
use hourglass::train::optimizer::Optimizer;
use hourglass::train::row::Row;
use hourglass::{Loaded, Run, arrays, backend, config};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{BACKEND, Random, Work, sealed, tiny};

/// Mutants of each file and kind. The variable of this name asks for another number, to hunt for longer.
const MUTANTS: usize = 12;

/// The run that version 0.1.0 left, whose files have no seals to keep mutants out.
const RUN: &str = "runs/old";

const JSON: [&str; 6] = [
    "config.json",
    "env.json",
    "state.json",
    "summary.json",
    "checkpoints/best/meta.json",
    "checkpoints/last/meta.json",
];

const OTHERS: [&str; 3] = [
    "metrics.jsonl",
    "checkpoints/best/model.safetensors",
    "checkpoints/last/optimizer.safetensors",
];

/// Values at the edges of what numbers hold, and of other types.
fn extreme(random: &mut Random) -> Value {
    let all = [
        json!(0),
        json!(-1),
        json!(1),
        json!(7),
        json!(65_536),
        json!(1u64 << 31),
        json!(1u64 << 32),
        json!(1u64 << 53),
        json!(1u64 << 63),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e30),
        json!(1e308),
        json!(-1e308),
        json!(null),
        json!(true),
        json!(""),
        json!("x".repeat(2000)),
        json!([]),
        json!([1u64 << 62, 4, 4]),
        json!(vec![1; 3000]),
        json!({}),
        json!({ "kind": "sparse" }),
    ];
    all[random.below(all.len())].clone()
}

/// Puts an extreme value in the place of some value, a member or all.
fn mutate(value: &mut Value, random: &mut Random) {
    let count = match &*value {
        Value::Object(members) => members.len(),
        Value::Array(values) => values.len(),
        _ => 0,
    };
    if count == 0 || random.below(12) == 0 {
        *value = extreme(random);
        return;
    }
    let at = random.below(count);
    match value {
        Value::Object(members) if random.below(15) == 0 => {
            let key = members.keys().nth(at).unwrap().clone();
            members.shift_remove(&key);
        }
        Value::Object(members) => mutate(members.values_mut().nth(at).unwrap(), random),
        Value::Array(values) => mutate(&mut values[at], random),
        _ => {}
    }
}

/// Bytes with something changed, missing, twice or in between.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1));
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            3 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes
}

/// Everything that reads a run, as far as it goes.
fn read(work: &Work, images: &Arc<Images>) {
    let open = || Run::open(&work.path(RUN), Path::new(""));
    let Ok(run) = open() else { return };
    let device = device();
    let _ = run.watched_state();
    let _ = run.lines::<Row>("metrics.jsonl");
    if let Ok(row) = Compared::read(&run) {
        let _ = hourglass::comparison::Comparison::new(vec![row], Default::default());
    }
    if let Ok(loaded) = Loaded::open(run.clone(), device.clone()) {
        let _ = loaded.meta.model.layers(loaded.meta.input_shape);
        if let Ok(codes) = loaded.encode(images) {
            let width = loaded.model.layers().code_size();
            let _ = loaded.decode(&codes[..width], width);
        }
    }
    let _ = own_images(&run, Some(BACKEND), false, None);
    let Ok(located) = config::load(&run.path("config.json"), &[]) else {
        return;
    };
    if let Ok(Resumed {
        setup,
        from: Some(from),
        ..
    }) = Resumed::prepare(&run, located)
    {
        let _ = setup.steps_made(&from.meta.progress);
        let _ = setup.steps();
        if let Ok(model) = from.model(&device) {
            let settings = &setup.config.train;
            let mut optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
            let _ = from.restore(&mut optimizer, &model, &device);
        }
    }
}

fn device() -> Device {
    let choice = serde_json::from_value(BACKEND.into()).unwrap();
    backend::open(choice).unwrap().device
}

/// How many mutants of each file are made.
fn mutants() -> usize {
    let asked = std::env::var("MUTANTS").ok().and_then(|it| it.parse().ok());
    asked.unwrap_or(MUTANTS)
}

/// The run of the first version, and images of its shape.
fn work() -> (Work, Arc<Images>) {
    let work = crate::old_run::work();
    let source = Source::Idx {
        limit: None,
        dir: work.path("set"),
    };
    // A config's paths are relative to the folder that one is in.
    let config = format!("{RUN}/config.json");
    let set = Value::from(work.path("set").display().to_string()).to_string();
    let text = work.read_text(&config).replace("\"set\"", &set);
    work.write(&config, text);
    let images = source.load().unwrap().test;
    (work, Arc::new(images.select(&[0, 1, 2]).unwrap()))
}

#[test]
fn no_mutant_of_a_run_ends_the_program() {
    let (work, images) = work();
    let mutants = mutants();
    let mut random = Random(7);
    let files = |names: &[&str]| -> Vec<(String, Vec<u8>)> {
        let paths = names.iter().map(|name| format!("{RUN}/{name}"));
        paths.map(|path| (path.clone(), work.read(&path))).collect()
    };
    let env = work.read(&format!("{RUN}/env.json"));
    let check = |path: &str, bytes: &[u8], good: &[u8]| {
        work.write(path, bytes);
        let done = catch_unwind(AssertUnwindSafe(|| read(&work, &images)));
        let text = String::from_utf8_lossy(bytes);
        assert!(done.is_ok(), "{path}: {text:.2000}");
        work.write(path, good);
        // A resume notes itself there.
        work.write(&format!("{RUN}/env.json"), &env);
    };
    for (path, good) in files(&JSON) {
        let value: Value = serde_json::from_slice(&good).unwrap();
        for _ in 0..mutants {
            let mut value = value.clone();
            for _ in 0..=random.below(2) {
                mutate(&mut value, &mut random);
            }
            check(&path, value.to_string().as_bytes(), &good);
            check(&path, &mutated(&good, &mut random), &good);
        }
    }
    for (path, good) in files(&OTHERS) {
        let Some((folder, file)) = path.rsplit_once('/') else {
            continue;
        };
        let meta = format!("{folder}/meta.json");
        let sealed = file.strip_suffix(".safetensors").map(|stem| {
            let key = format!("{stem}_sha256");
            (key, work.read(&meta))
        });
        for _ in 0..mutants {
            let bytes = mutated(&good, &mut random);
            if let Some((key, before)) = &sealed {
                // With the digest that it needs to be read at all.
                let mut value: Value = serde_json::from_slice(before).unwrap();
                let digest = Sha256::digest(&bytes);
                let digest: String = digest.iter().map(|it| format!("{it:02x}")).collect();
                value[key] = digest.into();
                work.json(&meta, &value);
            }
            check(&path, &bytes, &good);
            if let Some((_, before)) = &sealed {
                work.write(&meta, before);
            }
        }
    }
}

/// Everything that reads a file of this kind; whether it can.
fn read_file(work: &Work, path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let (dir, file) = (work.path(folder), work.path(path));
    match extension {
        "hg" => {
            let device = device();
            decompress::read(&file)
                .and_then(|(container, bytes)| {
                    Archive::of_file(name, container, Some(bytes), &device)
                })
                .and_then(|archive| archive.pictures(|_| Ok::<(), hourglass::Error>(())))
                .is_ok()
        }
        "npy" | "npz" => arrays::read_codes(&file, 4).is_ok(),
        "json" => config::load(&file, &[]).is_ok_and(|located| {
            let layers = located.check_model([1, 8, 8], &model::Range::Unit);
            layers.is_ok_and(|layers| layers.parameters() > 0)
        }),
        "png" | "jpg" | "webp" => [None, Some(4)].into_iter().all(|patch| {
            let options = PictureOptions {
                size: patch.is_none().then_some([8, 8]),
                patch,
                ..PictureOptions::default()
            };
            let dir = dir.clone();
            Source::Folder { dir, options }.load().is_ok()
        }),
        _ => Source::Idx { limit: None, dir }.load().is_ok(),
    }
}

#[test]
fn no_mutant_of_a_file_ends_the_program() {
    let work = Work::new();
    work.ok("tiny.json");
    work.write("configs/tiny.json", work.read("tiny.json"));
    fs::create_dir(work.path("in")).unwrap();
    for line in [
        "encode tiny set -o in/codes.npy",
        "encode tiny set -o in/codes.npz",
        "compress tiny set -o in/set.hg --model",
    ] {
        work.ok(line);
    }
    let picture = image::RgbImage::from_fn(20, 12, |x, y| image::Rgb([x as u8 * 9, y as u8, 77]));
    for extension in ["png", "jpg", "webp"] {
        for number in 0..3 {
            let path = work.path(&format!("{extension}/{number}.{extension}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            picture.save(&path).unwrap();
        }
    }
    let mut random = Random(11);
    for path in [
        "in/codes.npy",
        "in/codes.npz",
        "in/set.hg",
        "configs/tiny.json",
        "png/0.png",
        "jpg/0.jpg",
        "webp/0.webp",
        "set/train-images-idx3-ubyte",
        "set/t10k-labels-idx1-ubyte",
    ] {
        let good = work.read(path);
        let check = |bytes: Vec<u8>| {
            work.write(path, &bytes);
            let done = catch_unwind(AssertUnwindSafe(|| read_file(&work, path)));
            done.unwrap_or_else(|_| panic!("{path}: {:.4000}", format!("{bytes:?}")))
        };
        assert!(check(good.clone()), "{path}");
        for _ in 0..mutants() {
            let bytes = mutated(&good, &mut random);
            check(match path.ends_with(".hg") {
                // With the checksum that it needs to be read at all.
                true => sealed(&bytes[..bytes.len().saturating_sub(4)]),
                false => bytes,
            });
        }
        work.write(path, &good);
    }
}

/// A run whose checkpoints' `meta.json` say this at `pointer`.
fn with_meta(work: &Work, name: &str, pointer: &str, value: Value) {
    let run = format!("runs/{name}");
    work.copy("runs/tiny", &run);
    for checkpoint in ["best", "last"] {
        let path = format!("{run}/checkpoints/{checkpoint}/meta.json");
        let mut meta = work.read_json(&path);
        *meta.pointer_mut(pointer).unwrap() = value.clone();
        work.json(&path, &meta);
    }
}

#[test]
fn a_model_larger_than_its_weights_is_refused_before_it_is_built() {
    let work = Work::new();
    work.ok("tiny.json");
    let best = |name: &str, file: &str| format!("runs/{name}/checkpoints/best/{file}");
    for (number, (pointer, value, text)) in [
        (
            "/model/code_size",
            json!(1u64 << 31),
            "model.code_size: found 2147483648; allowed: at most 65536",
        ),
        (
            "/model/code_size",
            json!(u64::MAX),
            "model.code_size: found 18446744073709551615; allowed: at most 65536",
        ),
        (
            "/model/layers/0",
            json!(0),
            "model.layers.0: found 0; allowed: an integer of at least 1",
        ),
        (
            "/input_shape/1",
            json!(1u64 << 63),
            "model.kind: found images with a height of 9223372036854775808; allowed: at most 65536",
        ),
        (
            "/input_shape",
            json!([65_536, 65_536, 65_536]),
            "model.kind: found images of 281474976710656 values; allowed: at most 2147483648",
        ),
        (
            "/progress/step",
            json!(u64::MAX),
            "progress.step: found 18446744073709551615; allowed: at most 9007199254740992",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("bad{number}");
        with_meta(&work, &name, pointer, value);
        let text = format!("not written by this program: {text}");
        for line in ["inspect RUN", "evaluate RUN", "encode RUN set -o codes.npy"] {
            assert_eq!(
                work.refused(1, &line.replace("RUN", &name)),
                format!("{}: {text}", best(&name, "meta.json")),
                "{line}"
            );
        }
        let found = work.refused(1, &format!("resume {name} --set train.epochs=3"));
        assert!(found.ends_with(&text), "{found}");
    }
    // Within the limits, but more than the file has.
    with_meta(&work, "wide", "/model/layers/0", json!(65_536));
    assert_eq!(
        work.refused(1, "evaluate wide"),
        format!(
            "{}: the weights do not fit the model: found 2276 values; the model needs 9044036",
            best("wide", "model.safetensors")
        )
    );

    // A figure of the summary is only shown, so that it is large does no harm.
    work.copy("runs/tiny", "runs/figures");
    let mut summary = work.read_json("runs/figures/summary.json");
    summary["input_shape"] = json!([u64::MAX, u64::MAX, 2]);
    work.json("runs/figures/summary.json", &summary);
    work.ok("compare figures tiny");
    work.ok("resume figures");
}

#[test]
fn numbers_of_a_config_have_ends() {
    let work = Work::new();
    for (key, value, most) in [
        (
            "model.corruption.sigma",
            json!(1e7),
            "a number above 0 and of at most 1000",
        ),
        (
            "model.corruption.sigma",
            json!(1e30),
            "a number above 0 and of at most 1000",
        ),
        ("train.learning_rate", json!(1e31), "at most 1e30"),
        ("train.clip_norm", json!(1e300), "at most 1e30"),
        ("train.min_delta", json!(1e300), "at most 1e30"),
    ] {
        let mut config = tiny();
        config["model"] = json!({
            "kind": "denoising", "corruption": { "kind": "blur", "sigma": 1 }, "of": tiny()["model"],
        });
        let pointer = format!("/{}", key.replace('.', "/"));
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[last] = value;
        work.json("wide.json", &config);
        let found = work.refused(2, "wide.json");
        assert!(found.contains(key) && found.contains(most), "{found}");
    }
}

/// Refuses within a limit of memory; the line.
#[cfg(target_os = "linux")]
fn within(work: &Work, kib: usize, line: &str) -> String {
    let mut command = Command::new("sh");
    let script = format!("ulimit -v {kib}; exec {} {line}", crate::common::PROGRAM);
    command.args(["-c", &script]).current_dir(work.path("."));
    let ended = crate::common::finish(command);
    assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr.trim_end().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_not_there_is_not_asked_for() {
    let work = Work::new();
    let mut config = tiny();
    config["model"]["layers"] = json!([32_768, 32_768]);
    work.json("large.json", &config);
    config["sweep"] = json!({ "model.layers.1": [4, 32_768] });
    work.json("grid.json", &config);
    const LIMIT: usize = 8 << 20;
    for line in ["large.json", "large.json --quick", "sweep grid.json"] {
        let found = within(&work, LIMIT, line);
        // 2 (64 x 32768 + 32768^2 + 4 x 32768) weights in 4 bytes.
        let start = match line.starts_with("sweep") {
            true => "error: grid.json: needs about ",
            false => "error: large.json: needs about 56.1 GiB of memory (parameters 8.0 GiB, ",
        };
        assert!(found.starts_with(start), "{found}");
        assert!(
            found.ends_with(
                " are free; use a smaller model, batch or data set, or try it anyway with --force"
            ),
            "{found}"
        );
    }
    assert!(!work.path("runs/large").exists());
    let shown = work.ok_json("inspect large.json --json");
    let parameters = shown["parameters"].as_u64().unwrap();
    let memory = &shown["memory"];
    assert_eq!(memory["parameters"], 4 * parameters);
    assert_eq!(memory["optimizer"], 8 * parameters);
    let text = work.ok("inspect large.json").stdout;
    assert!(
        text.contains("memory to train: about 56.1 GiB (parameters 8.0 GiB, gradients"),
        "{text}"
    );
    work.ok("sweep grid.json --dry-run --force");
}

/// What may lie in the place of a file.
#[cfg(unix)]
const STRANGE: [&str; 5] = ["pipe", "zero", "folder", "huge", "nowhere"];

#[cfg(unix)]
pub fn put(work: &Work, path: &str, kind: &str) {
    let path = work.path(path);
    let _ = fs::remove_file(&path);
    match kind {
        "pipe" => {
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
        }
        "zero" => std::os::unix::fs::symlink("/dev/zero", &path).unwrap(),
        "folder" => fs::create_dir(&path).unwrap(),
        "huge" => fs::File::create(&path).unwrap().set_len(1 << 36).unwrap(),
        _ => std::os::unix::fs::symlink("nowhere/at/all", &path).unwrap(),
    }
}

#[cfg(unix)]
#[test]
fn nothing_but_files_is_read_in_a_run() {
    let work = Work::new();
    work.ok("tiny.json");
    let names = [
        "state.json",
        "env.json",
        "config.json",
        "summary.json",
        "metrics.jsonl",
        "checkpoints/best/meta.json",
        "checkpoints/best/model.safetensors",
        "checkpoints/last/optimizer.safetensors",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let line = match name {
            "summary.json" => "compare RUN",
            "metrics.jsonl" => "resume RUN --quiet --set train.epochs=3",
            name if name.contains("last") => "resume RUN --quiet --set train.epochs=3",
            _ => "evaluate RUN",
        };
        for kind in STRANGE {
            if (name, kind) == ("metrics.jsonl", "nowhere") {
                // As good as none.
                continue;
            }
            let run = format!("{kind}{number}");
            work.copy("runs/tiny", &format!("runs/{run}"));
            put(&work, &format!("runs/{run}/{name}"), kind);
            let ended = work.run(&line.replace("RUN", &run));
            let code = ended.code.unwrap_or_default();
            assert!(code == 1 || code == 2, "{kind} as {name}: {ended:?}");
            let lines = ended.stderr.lines().count();
            assert!(lines == 1 && ended.stderr.contains(&run), "{ended:?}");
            fs::remove_dir_all(work.path(&format!("runs/{run}"))).unwrap();
        }
    }
    // A lock that no process can hold.
    work.copy("runs/tiny", "runs/lock");
    put(&work, "runs/lock/.lock", "pipe");
    let ended = work.run("resume lock");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let text = "error: runs/lock/.lock: not a regular file; put the file itself there\n";
    assert_eq!(ended.stderr, text);
}
