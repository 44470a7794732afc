//! The function on the code in configs: the word of an activation, or `none`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::Activation;

/// The word of a code without a function.
const NONE: &str = "none";

pub(super) fn serialize<S: Serializer>(
    activation: &Option<Activation>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match activation {
        Some(activation) => activation.serialize(to),
        None => NONE.serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Activation>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Word {
        None(None),
        Some(Activation),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum None {
        None,
    }
    Ok(match Word::deserialize(from)? {
        Word::None(None::None) => Option::None,
        Word::Some(activation) => Option::Some(activation),
    })
}

/// The schema of such a word.
pub(super) struct Word;

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "CodeActivation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut words = vec![json!({
            "description": "The code is left as the last layer gives it.",
            "type": "string",
            "const": NONE,
        })];
        let activations = Activation::json_schema(generator);
        let activations = activations.get("oneOf").and_then(Value::as_array);
        words.extend(activations.into_iter().flatten().cloned());
        json_schema!({
            "description": "The function on the code: none, or any activation.",
            "oneOf": words,
        })
    }
}
