use serde_json::json;
use sha2::{Digest, Sha256};

use crate::common::{Work, tiny};

/// Every command that opens a run, without those that need more than its model.
const OPENING: [&str; 3] = [
    "evaluate RUN",
    "encode RUN set -o out.npy",
    "reconstruct RUN set -o out",
];

#[test]
fn a_run_that_is_not_there_is_named_with_a_near_one() {
    let work = Work::new();
    work.ok("tiny.json");
    for line in ["inspect RUN", "resume RUN", "compare RUN tiny"]
        .iter()
        .chain(&OPENING)
    {
        assert_eq!(
            work.refused(1, &line.replace("RUN", "tinny")),
            "tinny: no such run; give a run's folder, or its name in runs; did you mean tiny?"
        );
    }
    assert_eq!(
        work.refused(1, "evaluate tiny --runs elsewhere"),
        "tiny: no such run; give a run's folder, or its name in elsewhere"
    );
    assert_eq!(
        work.refused(1, "evaluate set"),
        "set: not a run: it has no config.json"
    );
    assert_eq!(
        work.refused(1, "resume tiny.json"),
        "tiny.json: no such run; give a run's folder, or its name in runs; did you mean tiny?"
    );
}

#[test]
fn half_written_files_of_a_run_are_named() {
    let work = Work::new();
    work.ok("tiny.json");
    let cases = [
        ("state.json", "inspect RUN", 1),
        ("state.json", "resume RUN", 1),
        ("env.json", "evaluate RUN", 1),
        ("env.json", "resume RUN --set train.epochs=3", 1),
        ("summary.json", "compare RUN", 1),
        ("summary.json", "resume RUN", 1),
        ("config.json", "resume RUN --set train.epochs=3", 2),
        ("config.json", "evaluate RUN", 2),
        ("checkpoints/best/meta.json", "inspect RUN", 1),
        ("checkpoints/best/meta.json", "encode RUN set -o out.npy", 1),
        (
            "checkpoints/last/meta.json",
            "resume RUN --set train.epochs=3",
            1,
        ),
    ];
    for (file, line, code) in cases {
        let path = format!("runs/tiny/{file}");
        let good = work.read(&path);
        for bytes in [&good[..good.len() / 2], &[]] {
            work.write(&path, bytes);
            let line = work.refused(code, &line.replace("RUN", "tiny"));
            assert!(line.starts_with(&path), "{file}: {line}");
        }
        work.write(&path, good);
    }
}

#[test]
fn a_run_of_a_newer_format_asks_for_an_update() {
    let work = Work::new();
    work.ok("tiny.json");
    let good = work.read("runs/tiny/state.json");
    // What a later version writes may look like anything else.
    work.json(
        "runs/tiny/state.json",
        &json!({ "format_version": 2, "status": "paused" }),
    );
    for line in [
        "inspect tiny",
        "resume tiny",
        "evaluate tiny",
        "compare tiny",
    ] {
        assert_eq!(
            work.refused(1, line),
            "runs/tiny/state.json: found format version 2, but this program reads up to 1; update the program"
        );
    }
    work.write("runs/tiny/state.json", good);
    for name in ["best", "last"] {
        let path = format!("runs/tiny/checkpoints/{name}/meta.json");
        work.json(&path, &json!({ "format_version": 3 }));
    }
    for (line, name) in [
        ("evaluate tiny", "best"),
        ("resume tiny --set train.epochs=3", "last"),
    ] {
        assert_eq!(
            work.refused(1, line),
            format!(
                "runs/tiny/checkpoints/{name}/meta.json: found format version 3, but this program reads \
                 up to 1; update the program"
            )
        );
    }
}

#[test]
fn a_flipped_byte_in_a_checkpoint_is_found() {
    let work = Work::new();
    work.ok("tiny.json");
    let files = ["model.safetensors", "optimizer.safetensors"];
    for (name, line) in [
        ("best", "evaluate tiny"),
        ("last", "resume tiny --set train.epochs=3"),
    ] {
        for file in files {
            let path = format!("runs/tiny/checkpoints/{name}/{file}");
            let good = work.read(&path);
            // In the header, in the values, at either end.
            for place in [0, 9, good.len() / 2, good.len() - 1] {
                let mut bytes = good.clone();
                bytes[place] ^= 0x10;
                work.write(&path, bytes);
                let found = work.refused(1, line);
                let start = format!("{path}: damaged: found SHA-256 ");
                assert!(found.starts_with(&start), "{found}");
            }
            work.write(&path, &good[..good.len() - 1]);
            assert!(
                work.refused(1, line)
                    .starts_with(&format!("{path}: damaged"))
            );
            std::fs::remove_file(work.path(&path)).unwrap();
            let found = work.refused(1, line);
            assert!(
                found.starts_with(&format!("{path}: cannot be read: No such file")),
                "{found}"
            );
            work.write(&path, good);
        }
    }
    work.ok("evaluate tiny");
}

/// Puts bytes in the place of a checkpoint's weights, with the digest that they need.
fn replace_weights(work: &Work, checkpoint: &str, file: &str, bytes: &[u8]) {
    work.write(&format!("{checkpoint}/{file}.safetensors"), bytes);
    let digest: String = (Sha256::digest(bytes).iter())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut meta = work.read_json(&format!("{checkpoint}/meta.json"));
    meta[format!("{file}_sha256")] = digest.into();
    work.json(&format!("{checkpoint}/meta.json"), &meta);
}

#[test]
fn weights_of_another_shape_are_named() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("tiny.json --name wide --set model.code_size=5");
    let mut conv = tiny();
    conv["model"] = json!({ "kind": "conv", "channels": [4], "code_size": 4 });
    work.json("conv.json", &conv);
    work.ok("conv.json");

    let best = "runs/tiny/checkpoints/best";
    for other in ["wide", "conv"] {
        let weights = work.read(&format!("runs/{other}/checkpoints/best/model.safetensors"));
        replace_weights(&work, best, "model", &weights);
        for line in OPENING {
            let found = work.refused(1, &line.replace("RUN", "tiny"));
            let start = format!("{best}/model.safetensors: the weights do not fit the model: ");
            assert!(found.starts_with(&start), "{found}");
        }
    }
    for bytes in [b"".as_slice(), b"not safetensors at all", &[0xff; 64]] {
        replace_weights(&work, best, "model", bytes);
        let found = work.refused(1, "evaluate tiny");
        assert!(
            found.starts_with(&format!("{best}/model.safetensors: ")),
            "{found}"
        );
    }

    let last = "runs/wide/checkpoints/last";
    let optimizer = work.read("runs/tiny/checkpoints/last/optimizer.safetensors");
    replace_weights(&work, last, "optimizer", &optimizer);
    // It is found when the optimizer is put back, so the run is known to have failed.
    let ended = work.run("resume wide --quiet --set train.epochs=3");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let start = format!(
        "error: {last}/optimizer.safetensors: the optimizer state does not fit the model: "
    );
    assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn a_checkpoint_of_another_model_is_not_trained_on() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("tiny.json --name wide --set model.code_size=5");
    work.copy("runs/wide/checkpoints/last", "runs/tiny/checkpoints/last");
    assert_eq!(
        work.refused(1, "resume tiny --set train.epochs=3"),
        "runs/tiny: the model in checkpoints/last does not match config.json"
    );
}

#[cfg(unix)]
#[test]
fn a_link_out_of_a_run_is_not_followed() {
    let work = Work::new();
    work.ok("tiny.json");
    work.write("secret", "root:x:0");
    for name in [
        "config.json",
        "state.json",
        "summary.json",
        "checkpoints/best/meta.json",
    ] {
        work.copy("runs/tiny", "runs/linked");
        let path = work.path(&format!("runs/linked/{name}"));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(work.path("secret"), &path).unwrap();
        for verb in ["inspect", "evaluate", "resume", "compare"] {
            let line = work.refused(1, &format!("{verb} linked"));
            assert!(
                line.contains(&format!(
                    "{name}: is a link that leads out of the run's folder"
                )),
                "{verb}: {line}"
            );
        }
        std::fs::remove_dir_all(work.path("runs/linked")).unwrap();
    }
}
