//! The wording of an error: what was found, and what the schema allows.

use serde_json::Value;

use super::check::is_integer;
use super::error::quotable;
use super::raw::{Node, Raw, number};
use super::resolved::MOST;

/// Describes `node`, quoting the user's text if it is short.
pub(super) fn found(node: &Node) -> String {
    match &node.raw {
        Raw::Null => "null".to_string(),
        Raw::Bool(value) => value.to_string(),
        Raw::Number(text) => match number(text) {
            Some(_) => quotable(text),
            None => format!("{}, which is not a finite number", quotable(text)),
        },
        Raw::String(text) => format!("\"{}\"", quotable(text)),
        Raw::Array(nodes) if nodes.is_empty() => "an empty array".to_string(),
        Raw::Array(nodes) => format!("an array of {}", nodes.len()),
        Raw::Object(_) => "an object".to_string(),
    }
}

/// Describes the values that the alternatives of a schema accept, joined by "or".
pub(super) fn allowed(alternatives: &[&Value]) -> String {
    let mut phrases: Vec<String> = Vec::new();
    for schema in alternatives {
        for phrase in phrases_of(schema) {
            if !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
    }
    match phrases.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_string(),
    }
}

/// The strings that a schema lists, if it accepts no others.
pub(super) fn words(schema: &Value) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let fixed = schema.get("const");
    listed.chain(fixed).filter_map(Value::as_str).collect()
}

fn phrases_of(schema: &Value) -> Vec<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let listed: Vec<String> = listed
        .chain(schema.get("const"))
        .map(Value::to_string)
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().collect(),
        single => vec![single],
    };
    types
        .into_iter()
        .filter_map(Value::as_str)
        .map(|it| phrase(it, schema))
        .collect()
}

fn phrase(name: &str, schema: &Value) -> String {
    match name {
        "boolean" => "true or false".to_string(),
        "integer" => format!("an integer{}", bounds(schema)),
        "number" => format!("a number{}", bounds(schema)),
        "string" if schema["minLength"].is_u64() => "a non-empty string".to_string(),
        "string" => "a string".to_string(),
        "array" => {
            let what = if is_integer(&schema["items"]) {
                "integers"
            } else {
                "values"
            };
            match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
                (Some(least), Some(most)) if least == most => format!("an array of {most} {what}"),
                (Some(least), _) => format!("an array of {least} or more {what}"),
                _ => format!("an array of {what}"),
            }
        }
        "object" => "an object".to_string(),
        other => other.to_string(),
    }
}

/// The range of a number in words, such as " from 1 to 15".
fn bounds(schema: &Value) -> String {
    let bound = |key: &str| schema[key].as_f64();
    let least = bound("minimum");
    // The bound against overflow is only mentioned when it is exceeded.
    let most = bound("maximum").filter(|most| *most < MOST as f64);
    if let (Some(least), Some(most)) = (least, most) {
        return format!(" from {least} to {most}");
    }
    let low = least.map(|it| format!(" of at least {it}"));
    let low = low.or_else(|| bound("exclusiveMinimum").map(|it| format!(" above {it}")));
    let high = most.map(|it| format!(" of at most {it}"));
    let high = high.or_else(|| bound("exclusiveMaximum").map(|it| format!(" below {it}")));
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} and{high}"),
        (low, high) => low.or(high).unwrap_or_default(),
    }
}
