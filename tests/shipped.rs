use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{BACKEND, Work};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

/// Paths and contents of the configs that come with the program.
fn configs() -> Vec<(PathBuf, Value)> {
    let paths = fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path());
    let mut configs: Vec<PathBuf> = paths
        .filter(|path| path.extension() == Some("json".as_ref()) && !path.ends_with("schema.json"))
        .collect();
    configs.sort();
    assert!(configs.len() >= 7);
    let read = |path: PathBuf| {
        let config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (path, config)
    };
    configs.into_iter().map(read).collect()
}

#[test]
fn every_shipped_config_obeys_the_schema_and_names_it() {
    let schema = fs::read(folder().join("schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (path, config) in configs() {
        let errors: Vec<String> = (validator.iter_errors(&config))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert_eq!(config["$schema"], "schema.json", "{}", path.display());
        assert!(config["description"].is_string(), "{}", path.display());
    }
}

#[test]
fn the_schema_that_is_printed_is_the_one_in_the_configs_folder() {
    let work = Work::new();
    let committed = fs::read_to_string(folder().join("schema.json")).unwrap();
    let printed = work.ok("schema").stdout;
    assert!(
        printed == committed,
        "configs/schema.json is stale: cargo run -p runner -- schema > configs/schema.json"
    );
}

#[test]
fn every_shipped_config_trains_with_quick() {
    let work = Work::new();
    for (path, config) in configs() {
        let path = path.to_str().unwrap();
        if config["sweep"].is_object() {
            let report = work.ok_json(&format!("sweep {path} --quick --json --backend {BACKEND}"));
            let points = report["points"].as_array().unwrap();
            assert_eq!(report["runs"], points.len(), "{path}");
            assert!(points.iter().all(|it| it["status"] == "finished"), "{path}");
            continue;
        }
        let summary = work.ok_json(&format!("{path} --quick --json --backend {BACKEND}"));
        assert_eq!(summary["status"], "finished", "{path}");
        assert_eq!(summary["quick"], true, "{path}");
        assert_eq!(summary["epochs"], 1, "{path}");
        let outermost = config["model"]["kind"].as_str().unwrap();
        assert!(summary["kind"].as_str().unwrap().starts_with(outermost));
        assert!(summary["test"]["mse"].as_f64().unwrap() > 0.0, "{path}");
        // MNIST is large enough for SSIM.
        assert!(summary["test"]["ssim"].is_f64(), "{path}");
    }
}

#[test]
fn quick_gives_way_to_set() {
    let work = Work::new();
    let summary = work.ok_json("tiny.json --quick --set train.epochs=3 --json");
    assert_eq!(summary["epochs"], 3);
}
