use serde_json::Value;

use crate::common::Work;
use std::fs;
use std::path::{Path, PathBuf};

/// What version 0.1.0 left and found; see the fixture's README.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/run-0.1.0")
        .join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap()
}

/// A folder with the run in it.
pub fn work() -> Work {
    fn copy(from: &Path, work: &Work, to: &str) {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = format!("{to}/{}", path.file_name().unwrap().to_str().unwrap());
            match path.is_dir() {
                true => copy(&path, work, &to),
                false => work.write(&to, fs::read(path).unwrap()),
            }
        }
    }
    let work = Work::new();
    copy(&fixture("run"), &work, "runs/old");
    work
}

/// Instruction sets round differently, which five steps enlarge.
fn close(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    let difference = (found - expected).abs() / expected.abs();
    assert!(difference < 1e-4, "{found} is not {expected}");
}

#[test]
fn a_run_of_the_first_version_is_evaluated_and_compared_as_ever() {
    let work = work();
    let report: Value = serde_json::from_str(&work.ok("evaluate old --json").stdout).unwrap();
    let expected = &expected()["evaluated"];
    close(&report["test"]["mse"], &expected["mse"]);
    close(&report["test"]["psnr"], &expected["psnr"]);
    let rows = work.ok("compare old --json").stdout;
    assert!(rows.contains("sparse(denoising(conv))"), "{rows}");
    work.ok("encode old set -o codes.npy");
    let layers = work.ok("inspect old").stdout;
    assert!(layers.contains("code"), "{layers}");
}

#[test]
fn a_run_of_the_first_version_goes_on_as_it_would_have() {
    let work = work();
    work.ok("resume old --set train.epochs=4");
    let expected = &expected()["resumed"];
    let rows = work.read_text("runs/old/metrics.jsonl");
    let rows: Vec<Value> = (rows.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let losses = expected["train_loss"].as_array().unwrap();
    assert_eq!(rows.len(), losses.len());
    for (row, loss) in rows.iter().zip(losses) {
        close(&row["train/loss"], loss);
    }
    let summary = work.read_json("runs/old/summary.json");
    close(&summary["test"]["mse"], &expected["mse"]);
}
