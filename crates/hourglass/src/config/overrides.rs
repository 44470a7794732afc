//! Overrides: `--set KEY=VALUE` changes any key of a config before it is checked.

use super::error::{Fault, Place, join};
use super::raw::{DEEPEST, Entry, Node, Raw, parse_override};
use super::sweep;

/// A change of one key, with the command-line flag that requested it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    flag: &'static str,
    /// The flag as the user wrote it, for errors.
    written: String,
    /// `KEY=VALUE`.
    assignment: String,
}

impl Override {
    /// `--set KEY=VALUE`.
    pub fn set(assignment: &str) -> Self {
        Self {
            flag: "--set",
            written: assignment.to_string(),
            assignment: assignment.to_string(),
        }
    }

    /// A dedicated flag for one key, such as `--backend` for `backend`.
    pub fn flag(flag: &'static str, key: &str, value: &str) -> Self {
        Self {
            flag,
            written: value.to_string(),
            assignment: format!("{key}={value}"),
        }
    }

    /// The changed key, as a path such as `train.epochs`.
    pub fn key(&self) -> &str {
        let key = self.assignment.split_once('=').map_or("", |(key, _)| key);
        key.trim()
    }

    /// Whether the user asked for this change explicitly; with `--quick` they did not.
    pub(super) fn is_asked_for(&self) -> bool {
        self.flag != "--quick"
    }

    /// Its place in error messages.
    pub(super) fn place(&self) -> Place {
        Place::Argument {
            flag: self.flag,
            value: self.written.clone(),
        }
    }
}

/// Puts the value of `argument` into the tree. KEY is a path of keys joined by
/// dots, where a number selects an element of an array; missing objects are created.
/// VALUE is JSON, or a plain string if it is not valid JSON.
///
/// # Errors
///
/// If `argument` has no key, or the path leads through a value that has no keys.
pub(super) fn apply(
    root: &mut Node,
    argument: &Override,
    faults: &mut Vec<Fault>,
) -> Result<(), Fault> {
    let place = argument.place();
    let usage = "expected KEY=VALUE, such as train.epochs=5";
    let Some((path, text)) = argument.assignment.split_once('=') else {
        return Err(Fault::new(&place, "", format!("found no \"=\"; {usage}")));
    };
    // The keys of a sweep are themselves paths.
    let keys: Vec<&str> = match path.trim().split_once('.') {
        Some((sweep::KEY, swept)) => vec![sweep::KEY, swept],
        _ => path.trim().split('.').collect(),
    };
    if keys.iter().any(|key| key.is_empty()) {
        return Err(Fault::new(
            &place,
            "",
            format!("found an empty key; {usage}"),
        ));
    }
    if keys.len() > DEEPEST {
        let text = format!("found {} keys; allowed: at most {DEEPEST}", keys.len());
        return Err(Fault::new(&place, "", text));
    }
    let value = parse_override(text, &place, faults).unwrap_or_else(|_| Node {
        place: place.clone(),
        raw: Raw::String(text.to_string()),
    });
    *slot(root, &keys, &place)? = value;
    Ok(())
}

/// Puts `value`, written at `place`, into the tree at `path`, keys joined by dots.
///
/// # Errors
///
/// If the path leads through a value that has no keys, or is too long.
pub(super) fn put(root: &mut Node, path: &str, place: &Place, value: Node) -> Result<(), Fault> {
    let keys: Vec<&str> = path.split('.').collect();
    if keys.len() > DEEPEST {
        let text = format!("found {} keys; allowed: at most {DEEPEST}", keys.len());
        return Err(Fault::new(place, "", text));
    }
    *slot(root, &keys, place)? = value;
    Ok(())
}

/// The value at `keys`, created if it is missing.
fn slot<'a>(root: &'a mut Node, keys: &[&str], place: &Place) -> Result<&'a mut Node, Fault> {
    let mut node = root;
    let mut path = String::new();
    for key in keys {
        open(node, place);
        node = match &mut node.raw {
            Raw::Object(entries) => entry(entries, key, place),
            Raw::Array(nodes) => {
                let count = nodes.len();
                let element = key.parse().ok().and_then(|i: usize| nodes.get_mut(i));
                element.ok_or_else(|| {
                    let allowed = match count {
                        0 => "this array is empty; set the whole array".to_string(),
                        _ => format!("allowed: an index from 0 to {}", count - 1),
                    };
                    Fault::new(
                        place,
                        &join(&path, key),
                        format!("no such element; {allowed}"),
                    )
                })?
            }
            _ => {
                let text = "has no keys below it; set this key itself";
                return Err(Fault::new(place, &path, text));
            }
        };
        path = join(&path, key);
    }
    Ok(node)
}

/// Makes room for a key below `node`: null becomes an empty object, and a word becomes the object it
/// stands for, so that `train.optimizer.weight_decay=0.01` works on `"optimizer": "adamw"`.
fn open(node: &mut Node, place: &Place) {
    let entries = match &node.raw {
        Raw::Null => Vec::new(),
        Raw::String(_) => vec![Entry {
            key: "kind".to_string(),
            place: node.place.clone(),
            node: node.clone(),
        }],
        _ => return,
    };
    node.place = place.clone();
    node.raw = Raw::Object(entries);
}

fn entry<'a>(entries: &'a mut Vec<Entry>, key: &str, place: &Place) -> &'a mut Node {
    let index = match entries.iter().position(|entry| entry.key == key) {
        Some(index) => index,
        None => {
            entries.push(Entry {
                key: key.to_string(),
                place: place.clone(),
                node: Node {
                    place: place.clone(),
                    raw: Raw::Null,
                },
            });
            entries.len() - 1
        }
    };
    &mut entries[index].node
}
