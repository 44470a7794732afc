//! The sweep of a config: one training per combination of the values in its `sweep`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::{Fault, Place, join};
use super::raw::{Entry, Node, Raw};
use super::{ConfigError, Located, Override, check, overrides, resolve, schema, tree};

/// The config key that lists the swept values.
pub(super) const KEY: &str = "sweep";

/// The most runs of one sweep: more are probably a mistake in a list, or a year of training.
const MOST_RUNS: usize = 10_000;

/// One config per grid point.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The swept keys, in the order of the file.
    pub keys: Vec<String>,
    /// The points; the last key changes fastest.
    pub points: Vec<Point>,
}

/// One point of a grid.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value of each swept key.
    pub settings: Map<String, Value>,
    /// The config with these values.
    pub located: Located,
}

/// A swept key and its values.
struct Axis<'a> {
    key: &'a str,
    place: &'a Place,
    values: &'a [Node],
}

/// The JSON Schema of a config's `sweep`. The values are checked by the schema of their keys.
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

/// Reads the sweep in the config at `path` and applies `overrides`: `sweep.seed=[1,2]` changes the
/// swept values of a key, `train.epochs=3` a key that is the same at all points.
///
/// # Errors
///
/// As [`load`](super::load), for each point; a fault that several points share is reported once,
/// where it was written.
pub fn load_sweep(path: &Path, overrides: &[Override]) -> Result<Sweep, ConfigError> {
    let (name, text) = super::read_text(path)?;
    let mut sweep = parse_sweep(&name, &text, overrides)?;
    for point in &mut sweep.points {
        point.located.find_data(path);
    }
    Ok(sweep)
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
        let text = "missing key; add keys of the config with lists of values, such as \
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
        // The last key changes fastest, like the last digit of a number.
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

/// Removes `sweep` from a config, which then describes one training.
fn take(root: &mut Node) -> Option<Entry> {
    let Raw::Object(entries) = &mut root.raw else {
        return None;
    };
    let index = entries.iter().position(|entry| entry.key == KEY)?;
    Some(entries.remove(index))
}

/// The keys and their values; faults in the lists are added to `faults`.
fn axes<'a>(swept: &'a Node, faults: &mut Vec<Fault>) -> Vec<Axis<'a>> {
    faults.extend(check::check_below(swept, &schema_of_sweep(), KEY));
    let Raw::Object(entries) = &swept.raw else {
        return Vec::new();
    };
    if entries.is_empty() {
        let text = "no key to sweep; add keys of the config with lists of values";
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
                let text = "duplicate value; each value can be given only once";
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

/// Why a valid config key cannot be swept.
fn not_swept(key: &str) -> Option<&'static str> {
    if key.split('.').any(str::is_empty) {
        return Some("empty key; use a key such as model.code_size");
    }
    let words = ["$schema", "description", KEY];
    let text = "does not affect training, so it cannot be swept; use a key such as model.code_size";
    words.contains(&key).then_some(text)
}

/// A fault for a `--set` that would have no effect because the sweep sets its key.
fn idle(argument: &Override, axes: &[Axis]) -> Option<Fault> {
    let key = argument.key();
    let text = format!("this key is swept; use --set {KEY}.{key}=[VALUE, ...]");
    let is_swept = argument.is_asked_for() && axes.iter().any(|axis| axis.key == key);
    is_swept.then(|| Fault::new(&argument.place(), key, text))
}

#[cfg(test)]
#[path = "tests/sweep.rs"]
mod tests;
