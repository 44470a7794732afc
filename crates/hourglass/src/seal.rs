//! Seals: the digest of a JSON object that the object itself holds, as its last key.
//!
//! A seal is written in one go with what it is of, so a process killed at any moment leaves both or neither.
//! It is of keys and values, not of bytes: spaces and line ends may change. What an earlier version wrote has
//! none, and is taken as it is.

use serde::Serialize;
use serde_json::Value;

use crate::digest::sha256;

/// The key of an object's seal.
pub const KEY: &str = "seal";

/// Digits of a seal: far more than an accident hits by chance.
const DIGITS: usize = 16;

/// The object with its seal; anything else as it is.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn sealed(value: &impl Serialize) -> serde_json::Result<Value> {
    let mut value = as_read(value)?;
    if let Value::Object(members) = &mut value {
        members.shift_remove(KEY);
        let seal = of(&Value::Object(members.clone()))?;
        members.insert(KEY.into(), seal.into());
    }
    Ok(value)
}

/// The seal that belongs to a value, for another file to hold.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn of(value: &impl Serialize) -> serde_json::Result<String> {
    let mut digest = sha256(&serde_json::to_vec(&as_read(value)?)?);
    digest.truncate(DIGITS);
    Ok(digest)
}

/// A value as its text gives it when it is read again: numbers of other types may have other digits.
fn as_read(value: &impl Serialize) -> serde_json::Result<Value> {
    serde_json::from_slice(&serde_json::to_vec(value)?)
}

/// Whether an object has a seal that is not its own.
pub fn is_broken(value: &Value) -> bool {
    let Value::Object(members) = value else {
        return false;
    };
    let Some(found) = members.get(KEY) else {
        return false;
    };
    let mut rest = members.clone();
    rest.shift_remove(KEY);
    of(&Value::Object(rest)).map_or(true, |own| *found != own)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_broken, sealed};

    /// A value with all that JSON has, and an f32 whose shortest digits are not those of its f64.
    fn value() -> Value {
        #[derive(serde::Serialize)]
        struct Part {
            sum: f32,
            rate: f64,
            seed: u64,
        }
        let part = Part {
            sum: 0.1,
            rate: 1e-8,
            seed: u64::MAX,
        };
        sealed(&json!({ "name": "ä \"b\"", "none": null, "list": [1, 2.5, true], "part": sealed(&part).unwrap() }))
            .unwrap()
    }

    #[test]
    fn an_object_matches_its_seal_however_it_is_laid_out() {
        for text in [
            serde_json::to_string(&value()).unwrap(),
            serde_json::to_string_pretty(&value()).unwrap(),
        ] {
            assert!(!is_broken(&serde_json::from_str(&text).unwrap()), "{text}");
            let spaced = text.replace(',', " ,\r\n\t");
            assert!(!is_broken(&serde_json::from_str(&spaced).unwrap()));
        }
        assert!(!is_broken(&json!({ "of": "an earlier version" })));
        assert_eq!(sealed(&json!([1])).unwrap(), json!([1]));
    }

    #[test]
    fn every_changed_digit_breaks_it() {
        let text = serde_json::to_string(&value()).unwrap();
        let digits: Vec<usize> = (text.char_indices())
            .filter_map(|(at, it)| it.is_ascii_digit().then_some(at))
            .collect();
        assert!(digits.len() > 30);
        for at in digits {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'9' {
                b'8'
            } else {
                bytes[at] + 1
            };
            // What is no longer JSON is refused without it.
            if let Ok(changed) = serde_json::from_slice(&bytes) {
                assert!(is_broken(&changed), "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
