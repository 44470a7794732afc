use std::path::Path;

use hourglass::measure::summary::Summary;
use hourglass::run::environment::Environment;
use hourglass::run::{Run, checkpoint};
use hourglass::train::row::Row;
use serde_json::Value;

use crate::common::Work;

/// A file of a run, what reads it, and whether that was refused.
type Reader = (&'static str, fn(&Run) -> bool);

const READERS: [Reader; 8] = [
    ("state.json", |run| run.state().is_err()),
    ("env.json", |run| {
        run.read_json::<Environment>("env.json").is_err()
    }),
    ("env.json", |run| run.check_config().is_err()),
    ("config.json", |run| run.check_config().is_err()),
    ("summary.json", |run| {
        run.read_json::<Summary>("summary.json").is_err()
    }),
    ("metrics.jsonl", |run| {
        run.lines::<Row>("metrics.jsonl").is_err()
    }),
    ("checkpoints/best/meta.json", |run| {
        checkpoint::read(run, "best").is_err()
    }),
    ("checkpoints/last/meta.json", |run| {
        checkpoint::read(run, "last").is_err()
    }),
];

/// The bytes with the digit at a place changed.
fn changed(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = if bytes[at] == b'9' {
        b'8'
    } else {
        bytes[at] + 1
    };
    bytes
}

/// What a JSON file or its lines say; `None` of what is not JSON.
fn values(bytes: &[u8]) -> Vec<Option<Value>> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return vec![Some(value)];
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// The places of a text's digits.
fn digits(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len())
        .filter(|&at| bytes[at].is_ascii_digit())
        .collect()
}

#[test]
fn every_changed_digit_of_a_run_is_found() {
    let work = Work::new();
    work.ok("tiny.json");
    let run = Run::open(&work.path("runs/tiny"), Path::new("")).unwrap();
    for (name, refuses) in READERS {
        let path = format!("runs/tiny/{name}");
        let good = work.read(&path);
        assert!(!refuses(&run), "{name}");
        let digits = digits(&good);
        assert!(digits.len() >= 10, "{name}: {}", digits.len());
        for at in digits {
            let bytes = changed(&good, at);
            if values(&bytes) == values(&good) {
                // The last of 17 digits may not tell two numbers apart.
                continue;
            }
            work.write(&path, &bytes);
            assert!(refuses(&run), "{name}: {}", String::from_utf8_lossy(&bytes));
        }
        work.write(&path, good);
    }
}

#[test]
fn what_a_command_reads_is_named_when_it_is_damaged() {
    let work = Work::new();
    work.ok("tiny.json");
    let damaged = "damaged: its content does not match its seal; restore the file from a copy";
    let line = format!("line 1: {damaged}");
    for (name, key, command, code, text) in [
        ("state.json", "\"step\": ", "inspect tiny", 1, damaged),
        ("state.json", "\"epoch\": ", "resume tiny", 1, damaged),
        ("env.json", "\"threads\": ", "evaluate tiny", 1, damaged),
        ("env.json", "\"threads\": ", "compare tiny", 1, damaged),
        ("summary.json", "\"mse\": ", "compare tiny", 1, damaged),
        ("summary.json", "\"mse\": ", "resume tiny", 1, damaged),
        (
            "checkpoints/best/meta.json",
            "\"seed\": ",
            "inspect tiny",
            1,
            damaged,
        ),
        (
            "checkpoints/best/meta.json",
            "\"seed\": ",
            "evaluate tiny",
            1,
            damaged,
        ),
        (
            "checkpoints/last/meta.json",
            "\"loss_sum\": ",
            "resume tiny --set train.epochs=3",
            1,
            damaged,
        ),
        (
            "metrics.jsonl",
            "\"train/loss\":",
            "compare tiny --html page.html",
            1,
            &line,
        ),
    ] {
        let path = format!("runs/tiny/{name}");
        let good = work.read_text(&path);
        let at = good.find(key).unwrap_or_else(|| panic!("{name}: {good}")) + key.len();
        work.write(&path, changed(good.as_bytes(), at));
        let found = work.refused(code, command);
        assert_eq!(found, format!("{path}: {text}"), "{command}");
        work.write(&path, good);
    }
}

#[test]
fn damaged_figures_are_named_by_whatever_reads_them() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("tiny.json --name whole --set train.epochs=3");
    let path = "runs/tiny/metrics.jsonl";
    let good = work.read_text(path);
    let (first, second) = good.split_once('\n').unwrap();
    for (number, (text, line)) in [
        (format!("{}\n{second}", &first[..20]), 1),
        (good.replacen("\"lr\":0.01", "\"lr\":0.02", 1), 1),
        (format!("{first}\n\0\0\0\n"), 2),
    ]
    .into_iter()
    .enumerate()
    {
        let run = format!("damaged{number}");
        work.copy("runs/tiny", &format!("runs/{run}"));
        let path = format!("runs/{run}/metrics.jsonl");
        work.write(&path, &text);
        let told = work.refused(1, &format!("compare {run} tiny --html {run}.html"));
        let start = format!("{path}: line {line}: damaged: ");
        assert!(told.starts_with(&start), "{told}");
        assert_eq!(work.read_text(&path), text);
        // The weights do not depend on figures, so a training goes on, and says which are lost.
        let ended = work.ok(&format!("resume {run} --quiet --set train.epochs=3"));
        let lost = format!("warning: {path}: the figures of epoch {line} are lost");
        assert!(ended.stderr.starts_with(&lost), "{}", ended.stderr);
        assert_eq!(
            work.outcome(&format!("runs/{run}")).last,
            work.outcome("runs/whole").last
        );
    }
}

#[test]
fn a_config_that_was_changed_is_named_and_can_be_accepted() {
    let work = Work::new();
    work.ok("tiny.json");
    let path = "runs/tiny/config.json";
    let good = work.read_text(path);
    // Spaces are not the config.
    work.write(path, good.replace("  ", "\t"));
    work.ok("evaluate tiny");
    for text in [
        good.replace("0.01", "0.02"),
        good.replace("\"seed\": 42", "\"seed\": 43"),
        format!("// mine\n{good}"),
    ] {
        work.write(path, text);
        for line in [
            "evaluate tiny",
            "encode tiny set -o codes.npy",
            "compare tiny",
            "inspect tiny",
            "resume tiny",
            "resume tiny --set train.epochs=3",
        ] {
            if line.starts_with("encode") {
                // It reads no config.
                work.ok("encode tiny set -o codes.npy --force");
                continue;
            }
            assert_eq!(
                work.refused(2, line),
                format!(
                    "{path}: was changed after the training began; undo that, or accept it with: \
                     hourglass resume runs/tiny --force"
                )
            );
        }
    }
    work.write(path, good.replace("0.01", "0.02"));
    let accepted = work.ok("resume tiny --force").stderr;
    let note = "note: runs/tiny: goes on with its config.json as it is now\n";
    assert!(accepted.starts_with(note), "{accepted}");
    assert!(!work.ok("resume tiny --force").stderr.contains("note"));
    work.ok("evaluate tiny");
    work.ok("resume tiny --set train.epochs=3");
    let env: Value = work.read_json("runs/tiny/env.json");
    assert_eq!(env["configs"].as_array().unwrap().len(), 3);
    // As if it had been killed after it had noted the new config and before it wrote it.
    work.write(path, good);
    work.ok("evaluate tiny");
}

/// A run of the first version has no seals, until it is trained further.
#[test]
fn a_run_of_the_first_version_gets_its_seals_with_the_next_epochs() {
    let work = crate::old_run::work();
    let config = work.read_text("runs/old/config.json");
    work.write("runs/old/config.json", config.replace("42", "43"));
    work.ok("inspect old");
    work.write("runs/old/config.json", &config);
    work.ok("resume old --set train.epochs=3");
    // Killed before the new config was written.
    work.write("runs/old/config.json", &config);
    work.ok("inspect old");
    work.write("runs/old/config.json", config.replace("42", "43"));
    assert!(
        work.refused(2, "inspect old")
            .contains("was changed after the training began")
    );
    assert_eq!(
        work.read_text("runs/old/metrics.jsonl")
            .matches("\"seal\"")
            .count(),
        3
    );
}
