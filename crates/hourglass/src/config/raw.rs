//! The raw config: what the user wrote, as a tree in which every key and value knows its place.

use jsonc_parser::ast::Value as Syntax;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::error::{Fault, Place, join, quotable};

/// How deep a config may nest. Each wrapped model takes one level, so this is far more than any
/// config needs, yet small enough to walk a config recursively.
pub(super) const DEEPEST: usize = 64;

/// JSON as in RFC 8259, and nothing more.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub raw: Raw,
}

/// A value of JSON.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Null,
    Bool(bool),
    /// The number as written.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Entry>),
}

/// A key of an object, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

impl Node {
    /// The same tree as if it had not been written anywhere.
    #[must_use]
    pub fn without_places(self) -> Self {
        let nowhere = |entry: Entry| Entry {
            place: Place::File,
            node: entry.node.without_places(),
            ..entry
        };
        let raw = match self.raw {
            Raw::Array(nodes) => Raw::Array(nodes.into_iter().map(Node::without_places).collect()),
            Raw::Object(entries) => Raw::Object(entries.into_iter().map(nowhere).collect()),
            plain => plain,
        };
        Self {
            place: Place::File,
            raw,
        }
    }

    /// The value of `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.raw {
            Raw::Object(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
        .map(|entry| &entry.node)
    }

    /// The place of `key` itself, if this is an object that has it.
    pub fn place_of_key(&self, key: &str) -> Option<&Place> {
        match &self.raw {
            Raw::Object(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
        .map(|entry| &entry.place)
    }

    /// The place of the value at `path`, or of its nearest written parent.
    pub fn nearest_place(&self, path: &str) -> &Place {
        let mut node = self;
        for key in path.split('.') {
            let below = match &node.raw {
                Raw::Array(nodes) => key.parse().ok().and_then(|index: usize| nodes.get(index)),
                _ => node.get(key),
            };
            match below {
                Some(below) => node = below,
                None => break,
            }
        }
        &node.place
    }

    /// The value without places. A number that is not finite becomes null.
    pub fn to_json(&self) -> Value {
        match &self.raw {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(*value),
            Raw::Number(text) => number(text).map_or(Value::Null, Value::Number),
            Raw::String(text) => Value::String(text.clone()),
            Raw::Array(nodes) => nodes.iter().map(Node::to_json).collect(),
            Raw::Object(entries) => {
                let pairs = entries.iter().map(|e| (e.key.clone(), e.node.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

/// The number in `text`, if it is finite. A whole number is an integer however it is written, as in
/// JSON Schema: `20.0` and `2e1` are 20.
pub(super) fn number(text: &str) -> Option<Number> {
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    let value: f64 = text.parse().ok()?;
    let integer = value as i64;
    // Above 2^53 a float no longer identifies an integer.
    if integer as f64 == value && integer.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS {
        return Some(integer.into());
    }
    Number::from_f64(value)
}

/// Reads the text of a file. Duplicate keys are added to `faults`, and the first one is kept.
///
/// # Errors
///
/// If the text is not JSON, or nests deeper than [`DEEPEST`].
pub(super) fn parse(text: &str, faults: &mut Vec<Fault>) -> Result<Node, Fault> {
    // Windows editors add a byte-order mark in front, which is not part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let starts: Vec<usize> = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
        .collect();
    let place = |offset: usize| {
        let line = starts.partition_point(|start| *start <= offset);
        let start = starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = text.get(start..offset).map_or(0, |it| it.chars().count()) + 1;
        Place::Text { line, column }
    };
    parse_at(text, &place, faults)
}

/// Reads the value of an override; all its parts get the place `place`.
///
/// # Errors
///
/// As [`parse`].
pub(super) fn parse_override(
    text: &str,
    place: &Place,
    faults: &mut Vec<Fault>,
) -> Result<Node, Fault> {
    parse_at(text, &|_| place.clone(), faults)
}

fn parse_at(
    text: &str,
    place: &dyn Fn(usize) -> Place,
    faults: &mut Vec<Fault>,
) -> Result<Node, Fault> {
    let not_json = |place: Place, what: &str| Fault::new(&place, "", format!("not JSON: {what}"));
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|error| {
        let start = error.range().start;
        let place = place(start);
        match error.kind() {
            ParseErrorKind::NestingDepthExceeded => too_deep(&place),
            ParseErrorKind::UnexpectedToken | ParseErrorKind::UnexpectedWord => {
                not_json(place, &format!("found {}", token(text, start)))
            }
            kind => not_json(place, &lower_first(&kind.to_string())),
        }
    })?;
    let Some(value) = parsed.value else {
        return Err(not_json(place(0), "the file is empty"));
    };
    let mut builder = Builder { place, faults };
    let node = builder.node(value, "", 0)?;
    // The parser above accepts a few things that are not JSON, such as other kinds of space.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let at = match place(0) {
            Place::Text { .. } => {
                let (line, column) = (error.line(), error.column());
                Place::Text { line, column }
            }
            place => place,
        };
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        return Err(not_json(at, what));
    }
    Ok(node)
}

/// The word at `start`, such as NaN, or a single character.
fn token(text: &str, start: usize) -> String {
    let rest = text.get(start..).unwrap_or_default();
    let word = |it: &char| it.is_alphanumeric();
    let length = rest.chars().take_while(word).count().max(1);
    quotable(&rest.chars().take(length).collect::<String>())
}

fn too_deep(place: &Place) -> Fault {
    let text = format!("nested too deep; allowed: at most {DEEPEST} levels");
    Fault::new(place, "", text)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

/// Turns the parser's tree into ours.
struct Builder<'a> {
    place: &'a dyn Fn(usize) -> Place,
    faults: &'a mut Vec<Fault>,
}

impl Builder<'_> {
    fn node(&mut self, syntax: Syntax<'_>, path: &str, depth: usize) -> Result<Node, Fault> {
        let place = (self.place)(syntax.start());
        if depth > DEEPEST {
            return Err(too_deep(&place));
        }
        let raw = match syntax {
            Syntax::NullKeyword(_) => Raw::Null,
            Syntax::BooleanLit(literal) => Raw::Bool(literal.value),
            Syntax::NumberLit(literal) => Raw::Number(literal.value.to_string()),
            Syntax::StringLit(literal) => Raw::String(literal.value.into_owned()),
            Syntax::Array(array) => Raw::Array(
                array
                    .elements
                    .into_iter()
                    .enumerate()
                    .map(|(index, element)| self.node(element, &join(path, index), depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Syntax::Object(object) => {
                let mut entries: Vec<Entry> = Vec::new();
                for property in object.properties {
                    let place = (self.place)(property.name.start());
                    let key = property.name.into_string();
                    let path = join(path, &key);
                    let node = self.node(property.value, &path, depth + 1)?;
                    if entries.iter().any(|entry| entry.key == key) {
                        let text = "duplicate key; each key can be given only once";
                        self.faults.push(Fault::new(&place, &path, text));
                    } else {
                        entries.push(Entry { key, place, node });
                    }
                }
                Raw::Object(entries)
            }
        };
        Ok(Node { place, raw })
    }
}
