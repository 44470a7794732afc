//! The plan of a sweep: which run each point of the grid is, and how it stands.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::super::compare::{WORDS, flat};
use super::super::{DONE, UsageError};
use crate::config::{Located, Point, Sweep};
use crate::environment::Environment;
use crate::run::{Run, Status};
use crate::terminal;

/// The longest value in the name of a run's folder, in characters.
const LONGEST: usize = 32;

/// A point of the grid and its run's folder.
pub struct Planned {
    /// Where its run lies, or will.
    pub folder: PathBuf,
    /// The value of each swept key.
    pub settings: Map<String, Value>,
    /// The config with these values in it.
    pub located: Located,
    /// The run, where it was begun before.
    pub run: Option<Run>,
}

impl Planned {
    /// The settings in words: the last part of the folder.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// The grid's points with their folders.
///
/// # Errors
/// A model that does not fit its images, a folder that is no sweep's, or a run in it of another
/// config.
pub fn plan(sweep: &Sweep, folder: &Path, quick: bool) -> Result<Vec<Planned>> {
    let shown = folder.display();
    if folder.join("config.json").is_file() {
        let text = format!("{shown}: is a run, not a sweep; allowed: another --name");
        return Err(UsageError(text).into());
    }
    let mut planned: Vec<Planned> = Vec::new();
    for Point { settings, located } in &sweep.points {
        located.check_model(located.data.source(located.seed).shape()?)?;
        let mut run_folder = folder.join(run_name(settings));
        // Cut values, or such as differ in signs that no folder's name has, may look alike.
        if planned.iter().any(|it| it.folder == run_folder) {
            let number = planned.len() + 1;
            run_folder = folder.join(format!("{},{number}", run_name(settings)));
        }
        let run = if run_folder.is_dir() {
            let run = Run::open(&run_folder, folder)?;
            check_same(&run, located, quick)?;
            Some(run)
        } else {
            None
        };
        planned.push(Planned {
            folder: run_folder,
            settings: settings.clone(),
            located: located.clone(),
            run,
        });
    }
    Ok(planned)
}

/// Settings as the name of a folder: `code_size=8,seed=1`.
fn run_name(settings: &Map<String, Value>) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let pair = |(key, value): (&String, &Value)| {
        let alike = settings.keys().filter(|it| last(it) == last(key)).count();
        let is_index = last(key).parse::<usize>().is_ok();
        let key = match alike > 1 || is_index {
            true => key.clone(),
            false => last(key),
        };
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string().replace(['"', '{', '}'], ""),
        };
        let plain = |it: char| {
            if it.is_alphanumeric() || "._+-".contains(it) {
                it
            } else {
                '-'
            }
        };
        let text: String = text.chars().map(plain).take(LONGEST).collect();
        // A minus in front belongs to a number; the others stand for brackets.
        let text = if value.is_number() {
            &text
        } else {
            text.trim_matches('-')
        };
        format!("{key}={text}")
    };
    settings.iter().map(pair).collect::<Vec<_>>().join(",")
}

/// Refuses a run of another config than the sweep's point has.
fn check_same(run: &Run, located: &Located, quick: bool) -> Result<()> {
    let leaves = |config: &Value| -> Vec<(String, Value)> {
        let mut leaves = flat(config);
        leaves.retain(|(key, _)| !WORDS.contains(&key.as_str()));
        leaves
    };
    let found = leaves(&run.read_json("config.json")?);
    let wanted = leaves(&serde_json::to_value(&located.config)?);
    let differs = (found.iter().find(|it| !wanted.contains(it)))
        .or_else(|| wanted.iter().find(|it| !found.contains(it)));
    let environment: Environment = run.read_json("env.json")?;
    let what = match differs {
        Some((key, _)) => {
            let value = |leaves: &[(String, Value)]| {
                let leaf = leaves.iter().find(|leaf| leaf.0 == *key);
                leaf.map_or_else(|| "none".into(), |leaf| leaf.1.to_string())
            };
            format!(
                "{key} {}, and the sweep's config has {}",
                value(&found),
                value(&wanted)
            )
        }
        None if environment.quick && !quick => "--quick".into(),
        None if quick && !environment.quick => "all images, and this is --quick".into(),
        None => return Ok(()),
    };
    let text = format!(
        "{}: was begun with {what}; allowed: the sweep as it was begun, or another --name",
        run.folder().display()
    );
    Err(UsageError(text).into())
}

/// Prints what would be trained.
pub fn list(folder: &Path, planned: &[Planned], json: bool) -> Result<u8> {
    let status = |point: &Planned| -> Result<String> {
        let Some(run) = &point.run else {
            return Ok("new".into());
        };
        let state = run.state()?;
        let status = format!("{:?}", state.status).to_lowercase();
        Ok(match state.status {
            Status::Finished | Status::Diverged => status,
            _ => format!("{status} in epoch {}", state.epoch),
        })
    };
    if json {
        let runs = planned.iter().map(|point| {
            let run = point.folder.display().to_string();
            Ok(json!({ "settings": point.settings, "run": run, "status": status(point)? }))
        });
        let runs: Vec<Value> = runs.collect::<Result<_>>()?;
        terminal::print_json(&json!({ "sweep": folder.display().to_string(), "runs": runs }))?;
        return Ok(DONE);
    }
    for point in planned {
        terminal::print(&format!("{}  {}", point.folder.display(), status(point)?))?;
    }
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_settings() {
        let name = |settings: Value| run_name(settings.as_object().unwrap());
        let cases = [
            (
                json!({ "model.code_size": 8, "seed": 1 }),
                "code_size=8,seed=1",
            ),
            (json!({ "a.kind": "x", "b.kind": "y" }), "a.kind=x,b.kind=y"),
            (json!({ "model.layers.0": 16 }), "model.layers.0=16"),
            (json!({ "model.layers": [512, 256] }), "layers=512-256"),
            (
                json!({ "train.optimizer": { "kind": "sgd", "momentum": 0.9 } }),
                "optimizer=kind-sgd-momentum-0.9",
            ),
            (
                json!({ "train.x": -1.5, "data.dir": "a/../b c" }),
                "x=-1.5,dir=a-..-b-c",
            ),
        ];
        for (settings, expected) in cases {
            assert_eq!(name(settings), expected);
        }
    }
}
