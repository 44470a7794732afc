//! Changes: which keys of its config a run may go on with another value of, and why not the others.
//!
//! A key may change if that leaves everything true that the run has told so far: which epoch is the best, what its
//! figures were measured on, which images of the epoch were used. Every key has its line in one table.

use model::Loss;
use serde_json::Value;

use super::checkpoint;
use super::{Run, RunError};
use crate::config::{Config, ConfigError, Located, LossChoice, flat};
use crate::error::Result;
use crate::files::FileError;

/// A key, with all below it, and what a change of it would spoil.
struct Rule {
    key: &'static str,
    /// Why it may not change; `None` if it may.
    spoils: Option<&'static str>,
}

/// The key may change.
const fn may(key: &'static str) -> Rule {
    Rule { key, spoils: None }
}

/// The key may not change, because it `spoils` something.
const fn must_not(key: &'static str, spoils: &'static str) -> Rule {
    Rule {
        key,
        spoils: Some(spoils),
    }
}

/// All keys. Of two that fit, the longer one counts.
const RULES: [Rule; 29] = [
    // Words, and what is written from here on.
    may("$schema"),
    may("description"),
    may("tensorboard"),
    may("track"),
    // Rounds differently, and that is all.
    may("backend"),
    must_not("seed", "the order of the images and the split come from it"),
    // The digest of the images says whether they are the same.
    may("data.dir"),
    may("data.strict"),
    may("data.cache"),
    must_not("data", "its figures would be of other images"),
    must_not(
        "data.augment",
        "the epochs before would have seen other pictures than those after",
    ),
    must_not(
        "data.crops",
        "the epochs before would have had another number of patches than those after",
    ),
    must_not(
        "data.flip",
        "the epochs before would have seen other pictures than those after",
    ),
    must_not("model", "the weights are those of another model"),
    must_not("init", "only the start of a training uses it"),
    // How long, and when to stop: what has passed stays.
    may("train.epochs"),
    may("train.patience"),
    may("train.min_delta"),
    // Progress counts in images and shares of an epoch.
    may("train.batch_size"),
    // The next steps, each of which means the same as before.
    may("train.learning_rate"),
    may("train.schedule"),
    may("train.clip_norm"),
    may("train.optimizer"),
    must_not(
        "train.optimizer.kind",
        "the optimizer's running means are those of another one",
    ),
    must_not(
        "train.optimizer.beta1",
        "the running mean of the gradients was made with it",
    ),
    must_not(
        "train.optimizer.beta2",
        "the running mean of the squared gradients was made with it",
    ),
    must_not(
        "train.loss",
        "the best epoch would be chosen across two losses",
    ),
    must_not(
        "train.pretrain",
        "the layers were trained by themselves at the start",
    ),
    // What an older version wrote and this one does not know.
    must_not("", "this program does not know what it does"),
];

/// The rule of a key.
fn rule(key: &str) -> Option<&'static Rule> {
    let fits = |rule: &&Rule| match key.strip_prefix(rule.key) {
        Some(rest) => rest.is_empty() || rest.starts_with('.') || rule.key.is_empty(),
        None => false,
    };
    let fitting = RULES.iter().filter(fits);
    fitting.max_by_key(|rule| rule.key.len())
}

/// Fails if a run cannot go on with `located`, which is what was asked for.
///
/// # Errors
/// The first key that may not change, with its place; a checkpoint or a config that cannot be read.
pub fn check(run: &Run, located: &Located) -> Result<()> {
    let meta = checkpoint::meta(run, "last")?;
    let seed = meta.as_ref().map(|meta| meta.seed);
    let written = written(run)?;
    let mut before = match meta.and_then(|meta| meta.config) {
        // A checkpoint of another model is refused as what it is.
        Some(config) => Config {
            model: written.model,
            ..config
        },
        // Version 0.1.0, or nothing was trained yet.
        None => written,
    };
    before.seed = seed.unwrap_or(before.seed);
    compare(run, &before, located)
}

/// The config in the run's folder.
///
/// # Errors
/// If it cannot be read.
pub fn written(run: &Run) -> Result<Config, RunError> {
    Ok(run.read_json("config.json")?)
}

fn compare(run: &Run, before: &Config, located: &Located) -> Result<()> {
    let leaves = |config: &Config| -> Result<Vec<(String, Value)>> {
        let mut config = config.without_schema();
        // "auto" and the loss that it stands for are the same.
        config.train.loss = match config.loss() {
            Loss::Mse => LossChoice::Mse,
            Loss::Bce => LossChoice::Bce,
        };
        let value = serde_json::to_value(config);
        let path = run.path("config.json");
        Ok(flat(&value.map_err(FileError::json(&path))?))
    };
    let (before, now) = (leaves(before)?, leaves(&located.config)?);
    // A key that is not written counts as null, which is how some are written that have no value.
    let value = |leaves: &[(String, Value)], key: &str| {
        let found = leaves.iter().find(|leaf| leaf.0 == key);
        found.map_or(Value::Null, |leaf| leaf.1.clone())
    };
    let keys = before.iter().chain(&now).map(|leaf| &leaf.0);
    for key in keys {
        let (old, new) = (value(&before, key), value(&now, key));
        if old == new {
            continue;
        }
        if let Some(spoils) = rule(key).and_then(|rule| rule.spoils) {
            return Err(refuse(run, located, key, (&old, &new), spoils).into());
        }
    }
    Ok(())
}

fn refuse(
    run: &Run,
    located: &Located,
    key: &str,
    (old, new): (&Value, &Value),
    spoils: &str,
) -> ConfigError {
    let folder = run.folder().display();
    located.error(
        key,
        format!(
            "found {new}, but the run was trained with {old}, and {spoils}; set it back, or start a new run, \
             which takes these weights with init.from={folder}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::schema;

    /// The paths of all keys that a part of the schema has, below `path`.
    fn keys(schema: &Value, whole: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.trim_start_matches("#/$defs/");
            return keys(&whole["$defs"][name], whole, path, found);
        }
        for part in ["anyOf", "oneOf", "allOf"] {
            for schema in schema[part].as_array().into_iter().flatten() {
                keys(schema, whole, path, found);
            }
        }
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            // Models hold models.
            if path.matches('.').count() < 5 {
                keys(schema, whole, &path, found);
            }
            found.push(path);
        }
    }

    #[test]
    fn every_key_of_a_config_has_a_rule() {
        let schema = schema();
        let mut found = Vec::new();
        keys(&schema, &schema, "", &mut found);
        assert!(found.len() > 60, "{found:?}");
        for key in &found {
            let rule = rule(key).unwrap();
            let known = !rule.key.is_empty() || key.starts_with("sweep");
            // A group of keys is not a value itself.
            assert!(known || key == "train", "{key} has no rule");
        }
        for Rule { key, .. } in &RULES {
            let known = key.is_empty() || found.iter().any(|it| it == key);
            assert!(known, "{key} is no key of a config");
        }
    }

    #[test]
    fn the_longest_rule_counts() {
        let spoils = |key| rule(key).unwrap().spoils.is_some();
        assert!(!spoils("train.optimizer.weight_decay") && spoils("train.optimizer.kind"));
        assert!(!spoils("data.dir") && spoils("data.directory") && spoils("data.augment.shift"));
        assert!(spoils("trainer") && !spoils("train.schedule.kind"));
    }

    #[test]
    fn only_values_that_differ_are_changes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        let state = json!({
            "format_version": 1, "status": "finished", "epoch": 1, "step": 1, "best": null,
            "epochs_without_improvement": 0,
        });
        std::fs::write(folder.path().join("state.json"), state.to_string()).unwrap();
        let run = Run::open(folder.path(), folder.path()).unwrap();
        let config = |change: &str| {
            let text = r#"{"data": {"dataset": "mnist"}, "model": {"kind": "dense", "layers": [], "code_size": 1}}"#;
            let change: Vec<_> = (!change.is_empty())
                .then(|| crate::config::Override::set(change))
                .into_iter()
                .collect();
            crate::config::parse("config", text, &change).unwrap()
        };
        let before = config("").config;
        let refused = |change: &str| {
            compare(&run, &before, &config(change))
                .err()
                .map(|error| error.to_string())
        };
        for same in [
            "seed=42",
            "train.loss=auto",
            "train.loss=bce",
            "data.limit=null",
            "train.epochs=3",
            "backend=ndarray",
        ] {
            assert_eq!(refused(same), None, "{same}");
        }
        let line = refused("train.loss=mse").unwrap();
        let expected = format!(
            "--set train.loss=mse: train.loss: found \"mse\", but the run was trained with \"bce\", and the best \
             epoch would be chosen across two losses; set it back, or start a new run, which takes these weights \
             with init.from={}",
            folder.path().display()
        );
        assert_eq!(line, expected);
        for change in [
            "seed=1",
            "data.limit=5",
            "train.optimizer=sgd",
            "train.pretrain=layerwise",
            "model.code_size=2",
        ] {
            assert!(refused(change).is_some(), "{change}");
        }
    }
}
