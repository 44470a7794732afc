//! The sweep of a config: one training for each combination of the values that its `sweep` lists.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::{Fault, Place, join};
use super::raw::{Entry, Node, Raw};
use super::{ConfigError, Located, Override, check, overrides, resolve, schema, tree};

/// The key of a config that lists what is swept.
pub(super) const KEY: &str = "sweep";

/// The most runs of one sweep: more are a mistake in a list, or a year of training.
const MOST_RUNS: usize = 10_000;

/// A config for each point of a grid.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The keys that are swept, in the order of the file.
    pub keys: Vec<String>,
    /// The points; the last key changes fastest.
    pub points: Vec<Point>,
}

/// One point of a grid.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value of each key that is swept.
    pub settings: Map<String, Value>,
    /// The config with these values in it.
    pub located: Located,
}

/// A key that is swept, and its values.
struct Axis<'a> {
    key: &'a str,
    place: &'a Place,
    values: &'a [Node],
}

/// The JSON Schema of a config's `sweep`. What the values may be is in the schema of their keys.
pub(super) fn schema_of_sweep() -> Value {
    json!({
        "description": "Values for any keys of the config, such as `{\"model.code_size\": [2, 8], \
                        \"seed\": [1, 2]}`: `hourglass sweep` trains every combination of them. \
                        Default: none.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": { "type": "array", "minItems": 1 },
    })
}

/// Reads the sweep in the config at `path`, changed by `overrides`: `sweep.seed=[1,2]` changes the
/// values of a key, `train.epochs=3` what is the same in all points.
///
/// # Errors
///
/// As [`load`](super::load), for each of the points; a fault that several points share is named
/// once, where it was written.
pub fn load_sweep(path: &Path, overrides: &[Override]) -> Result<Sweep, ConfigError> {
    let (name, text) = super::read_text(path)?;
    parse_sweep(&name, &text, overrides)
}

/// Reads a sweep from `text`. Errors call it `name`.
///
/// # Errors
///
/// As [`load_sweep`].
pub(super) fn parse_sweep(
    name: &str,
    text: &str,
    overrides: &[Override],
) -> Result<Sweep, ConfigError> {
    let refuse = |faults| ConfigError::new(name, faults);
    let mut faults = Vec::new();
    let mut root = tree(text, overrides, &mut faults).map_err(|fault| refuse(vec![fault]))?;
    let Some(swept) = take(&mut root) else {
        let text = "missing key; allowed: keys of the config with lists of values, such as \
                    {\"seed\": [1, 2, 3]}";
        faults.push(Fault::new(&Place::File, KEY, text));
        return Err(refuse(faults));
    };
    let axes = axes(&swept.node, &mut faults);
    faults.extend(overrides.iter().filter_map(|it| idle(it, &axes)));
    let runs = axes
        .iter()
        .try_fold(1_usize, |runs, axis| runs.checked_mul(axis.values.len()))
        .unwrap_or(usize::MAX);
    if runs > MOST_RUNS {
        let text = format!("found {runs} runs; allowed: at most {MOST_RUNS}");
        faults.push(Fault::new(&swept.place, KEY, text));
    }
    if !faults.is_empty() {
        return Err(refuse(faults));
    }
    let schema = schema();
    let mut points = Vec::new();
    for number in 0..runs {
        let mut root = root.clone();
        let mut settings = Map::new();
        let mut faults_here = Vec::new();
        // The last key changes fastest, as the last digit of a number does.
        let mut left = runs;
        for Axis { key, place, values } in &axes {
            left /= values.len();
            let Some(value) = values.get(number / left % values.len()) else {
                continue;
            };
            settings.insert((*key).to_string(), value.to_json());
            faults_here.extend(overrides::put(&mut root, key, place, value.clone()).err());
        }
        faults_here.extend(check::check(&root, &schema));
        if faults_here.is_empty() {
            match resolve(name, root) {
                Ok(located) => points.push(Point { settings, located }),
                Err(found) => faults_here = found,
            }
        }
        for fault in faults_here {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    if !faults.is_empty() {
        return Err(refuse(faults));
    }
    let keys = axes.iter().map(|axis| axis.key.to_string()).collect();
    Ok(Sweep { keys, points })
}

/// Takes `sweep` out of a config, which without it is one of a training.
fn take(root: &mut Node) -> Option<Entry> {
    let Raw::Object(entries) = &mut root.raw else {
        return None;
    };
    let index = entries.iter().position(|entry| entry.key == KEY)?;
    Some(entries.remove(index))
}

/// The keys and their values; what is wrong with them as lists goes to `faults`.
fn axes<'a>(swept: &'a Node, faults: &mut Vec<Fault>) -> Vec<Axis<'a>> {
    faults.extend(check::check_below(swept, &schema_of_sweep(), KEY));
    let Raw::Object(entries) = &swept.raw else {
        return Vec::new();
    };
    if entries.is_empty() {
        let text = "found no key; allowed: keys of the config with lists of values";
        faults.push(Fault::new(&swept.place, KEY, text));
    }
    let mut axes = Vec::new();
    for entry in entries {
        let Raw::Array(values) = &entry.node.raw else {
            continue;
        };
        let path = join(KEY, &entry.key);
        if let Some(text) = not_swept(&entry.key) {
            faults.push(Fault::new(&entry.place, &path, text));
        }
        for (index, value) in values.iter().enumerate() {
            let earlier = values.iter().take(index);
            if earlier
                .into_iter()
                .any(|it| it.to_json() == value.to_json())
            {
                let text = "found a value for the second time; allowed: each once";
                faults.push(Fault::new(&value.place, &join(&path, index), text));
            }
        }
        axes.push(Axis {
            key: &entry.key,
            place: &entry.place,
            values,
        });
    }
    axes
}

/// Why a key cannot be swept although a config has it.
fn not_swept(key: &str) -> Option<&'static str> {
    if key.split('.').any(str::is_empty) {
        return Some("found an empty key; allowed: a key such as model.code_size");
    }
    let words = ["$schema", "description", KEY];
    let text = "makes no training another; allowed: a key such as model.code_size";
    words.contains(&key).then_some(text)
}

/// A `--set` that would change nothing, for the sweep gives its key other values.
fn idle(argument: &Override, axes: &[Axis]) -> Option<Fault> {
    let key = argument.key();
    let text = format!("found a key that is swept; allowed: --set {KEY}.{key}=[VALUE, ...]");
    let is_swept = argument.is_asked_for() && axes.iter().any(|axis| axis.key == key);
    is_swept.then(|| Fault::new(&argument.place(), key, text))
}

#[cfg(test)]
#[path = "tests/sweep.rs"]
mod tests;
