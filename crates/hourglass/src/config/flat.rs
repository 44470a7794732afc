//! A config as a list of keys and values, so that two of them can be compared.

use serde_json::Value;

/// Keys that do not affect a training.
pub const WORDS: [&str; 5] = [
    "$schema",
    "description",
    "tensorboard",
    "track.mlflow",
    "track.experiment",
];

/// The leaves of a JSON value, in order, each with the keys that lead to it, joined by dots. An array and an empty
/// object are leaves.
pub fn flat(value: &Value) -> Vec<(String, Value)> {
    fn walk(path: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(&path, value, leaves);
                }
            }
            leaf => leaves.push((path.to_owned(), leaf.clone())),
        }
    }
    let mut leaves = Vec::new();
    walk("", value, &mut leaves);
    leaves
}
