//! The check of a raw config against the schema, which finds all faults at once.
//!
//! It supports the part of JSON Schema that the schema of a config uses. A general validator would
//! say that "no alternative of oneOf matches"; this one picks the intended alternative by its `kind`
//! or type, and says what is wrong with it and where.

use serde_json::{Map, Value};

use super::allowed::{allowed, found, words};
use super::error::{Fault, Place, join};
use super::raw::{Entry, Node, Raw, number};
use super::resolved::MOST;

/// The Jaro-Winkler similarity from which a name counts as a typo of another: a missing, doubled or
/// swapped letter stays above it, a different word does not.
const NEAR: f64 = 0.8;

/// All faults of `root` against `schema`.
pub(super) fn check(root: &Node, schema: &Value) -> Vec<Fault> {
    check_below(root, schema, "")
}

/// All faults of `node`, found at `path` in a config, against `schema`.
pub(super) fn check_below(node: &Node, schema: &Value, path: &str) -> Vec<Fault> {
    let mut check = Check {
        schema,
        faults: Vec::new(),
    };
    check.value(node, schema, path);
    check.faults
}

/// The one of `names` that is most similar to `word`, if any is similar enough.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| {
            (
                strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase()),
                name,
            )
        })
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

struct Check<'a> {
    /// The whole schema, as the target of references.
    schema: &'a Value,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, place: &Place, path: &str, text: String) {
        self.faults.push(Fault::new(place, path, text));
    }

    fn value(&mut self, node: &Node, schema: &'a Value, path: &str) {
        let all = self.alternatives(schema);
        let fitting: Vec<&Value> = all.iter().copied().filter(|it| takes(it, node)).collect();
        let Some(first) = fitting.first().copied() else {
            return self.wrong(node, &all, path);
        };
        match &node.raw {
            Raw::Null | Raw::Bool(_) => {}
            Raw::Number(text) => match excess(text, first) {
                Some(most) => {
                    // Long bounds are powers of ten.
                    let most = match most < 1e15 {
                        true => most.to_string(),
                        false => format!("{most:e}"),
                    };
                    let text = format!("found {}; allowed: at most {most}", found(node));
                    self.fault(&node.place, path, text);
                }
                None if is_allowed(text, first) => {}
                None => self.wrong(node, &all, path),
            },
            Raw::String(text) => self.string(node, text, &fitting, &all, path),
            Raw::Array(nodes) => {
                let (least, most) = (first["minItems"].as_u64(), first["maxItems"].as_u64());
                let count = nodes.len() as u64;
                if least.is_some_and(|it| count < it) || most.is_some_and(|it| count > it) {
                    self.wrong(node, &all, path);
                }
                // Items without a schema may be anything.
                if let Some(schema) = first.get("items") {
                    for (index, node) in nodes.iter().enumerate() {
                        self.value(node, schema, &join(path, index));
                    }
                }
            }
            Raw::Object(entries) => {
                if let Some(chosen) = self.choose(node, &fitting, path) {
                    self.object(node, entries, chosen, path);
                }
            }
        }
    }

    fn wrong(&mut self, node: &Node, alternatives: &[&Value], path: &str) {
        let text = format!("found {}; allowed: {}", found(node), allowed(alternatives));
        self.fault(&node.place, path, text);
    }

    fn string(&mut self, node: &Node, text: &str, fitting: &[&Value], all: &[&Value], path: &str) {
        let words: Vec<&str> = fitting.iter().flat_map(|it| words(it)).collect();
        if words.is_empty() {
            let least = fitting
                .iter()
                .filter_map(|it| it["minLength"].as_u64())
                .max();
            if least.is_some_and(|least| (text.chars().count() as u64) < least) {
                self.wrong(node, all, path);
            }
        } else if !words.contains(&text) {
            match nearest(text, words) {
                Some(name) => {
                    let text = format!("found {}; did you mean \"{name}\"?", found(node));
                    self.fault(&node.place, path, text);
                }
                None => self.wrong(node, all, path),
            }
        }
    }

    /// The alternative that the tag (`kind`, `dataset`) of an object names.
    fn choose(&mut self, node: &Node, fitting: &[&'a Value], path: &str) -> Option<&'a Value> {
        let first = fitting.first()?;
        let Some(tag) = tag(first) else {
            return Some(first);
        };
        let tags: Vec<&Value> = fitting.iter().map(|it| &it["properties"][tag]).collect();
        let path = join(path, tag);
        let Some(named) = node.get(tag) else {
            let text = format!("missing key; allowed: {}", allowed(&tags));
            self.fault(&node.place, &path, text);
            return None;
        };
        let Raw::String(name) = &named.raw else {
            self.wrong(named, &tags, &path);
            return None;
        };
        let chosen = fitting
            .iter()
            .find(|it| it["properties"][tag]["const"] == **name);
        if chosen.is_none() {
            self.string(named, name, &tags, &tags, &path);
        }
        chosen.copied()
    }

    fn object(&mut self, node: &Node, entries: &[Entry], schema: &'a Value, path: &str) {
        let none = Map::new();
        let known = schema["properties"].as_object();
        let names = || known.unwrap_or(&none).keys().map(String::as_str);
        for entry in entries {
            let path = join(path, &entry.key);
            let others = schema.get("additionalProperties");
            let others = others.filter(|schema| schema.is_object());
            let named = known.and_then(|known| known.get(&entry.key));
            if let Some(schema) = named.or(others) {
                self.value(&entry.node, schema, &path);
                continue;
            }
            let hint = match nearest(&entry.key, names()) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("allowed: {}", names().collect::<Vec<_>>().join(", ")),
            };
            self.fault(&entry.place, &path, format!("unknown key; {hint}"));
        }
        let required = schema["required"].as_array().into_iter().flatten();
        for key in required.filter_map(Value::as_str) {
            if node.get(key).is_none() {
                let alternatives = self.alternatives(&schema["properties"][key]);
                let text = format!("missing key; allowed: {}", allowed(&alternatives));
                self.fault(&node.place, &join(path, key), text);
            }
        }
    }

    /// The schemas one of which a value must match, with references resolved.
    fn alternatives(&self, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference
                .strip_prefix('#')
                .and_then(|it| self.schema.pointer(it));
            return target.map_or_else(Vec::new, |target| self.alternatives(target));
        }
        match schema["oneOf"]
            .as_array()
            .or_else(|| schema["anyOf"].as_array())
        {
            Some(several) => several
                .iter()
                .flat_map(|it| self.alternatives(it))
                .collect(),
            None => vec![schema],
        }
    }
}

/// The key that distinguishes the alternatives of an object: the one with a fixed value.
fn tag(schema: &Value) -> Option<&str> {
    let mut properties = schema["properties"].as_object()?.iter();
    properties
        .find(|(_, it)| it.get("const").is_some())
        .map(|(key, _)| key.as_str())
}

/// Whether `schema` accepts values of the type of `node`.
fn takes(schema: &Value, node: &Node) -> bool {
    let names: &[&str] = match &node.raw {
        Raw::Null => &["null"],
        Raw::Bool(_) => &["boolean"],
        Raw::Number(_) => &["number", "integer"],
        Raw::String(_) => &["string"],
        Raw::Array(_) => &["array"],
        Raw::Object(_) => &["object"],
    };
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|it| names.iter().any(|name| it == name)),
        single => names.iter().any(|name| single == name),
    }
}

/// The bound against overflow that the number in `text` exceeds. Other messages omit this bound, so
/// that they are easy to read.
fn excess(text: &str, schema: &Value) -> Option<f64> {
    let value = number(text)?.as_f64()?;
    schema["maximum"]
        .as_f64()
        .filter(|most| *most >= MOST as f64 && value > *most)
}

/// Whether `schema` allows the number in `text`.
fn is_allowed(text: &str, schema: &Value) -> bool {
    let Some(number) = number(text) else {
        return false;
    };
    let value = number.as_f64().unwrap_or(f64::NAN);
    let holds = |key: &str, test: fn(f64, f64) -> bool| {
        schema[key].as_f64().is_none_or(|bound| test(value, bound))
    };
    (!is_integer(schema) || number.as_f64().is_some_and(|it| it.fract() == 0.0))
        && holds("minimum", |value, bound| value >= bound)
        && holds("maximum", |value, bound| value <= bound)
        && holds("exclusiveMinimum", |value, bound| value > bound)
        && holds("exclusiveMaximum", |value, bound| value < bound)
        && schema["enum"]
            .as_array()
            .is_none_or(|it| it.iter().any(|it| it.as_f64() == Some(value)))
}

/// Whether `schema` accepts only integers.
pub(super) fn is_integer(schema: &Value) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|it| it == "integer"),
        single => single == "integer",
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["channels", "kernel", "code_size"];
        assert_eq!(nearest("chanels", names), Some("channels"));
        assert_eq!(nearest("Kernel", names), Some("kernel"));
        assert_eq!(nearest("codesize", names), Some("code_size"));
        assert_eq!(nearest("dropout", names), None);
    }
}
