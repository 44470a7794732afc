//! The schema of a config, as JSON Schema, generated from the types that read it.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Config, sweep};

/// The JSON Schema (draft 2020-12) of a config. Configs are checked against it, and
/// `configs/schema.json` is a copy for editors.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.into_root_schema_for::<Config>();
    // Serialising puts the keywords into their usual order.
    let mut schema = serde_json::to_value(schema).expect("a schema is JSON");
    unwrap_descriptions(&mut schema);
    // A config with this key describes many trainings, so the type of one training lacks it.
    schema["properties"][sweep::KEY] = sweep::schema_of_sweep();
    schema
}

/// Joins the lines of descriptions: editors would show the line breaks of the doc comments.
fn unwrap_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    value => unwrap_descriptions(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(unwrap_descriptions),
        _ => {}
    }
}
