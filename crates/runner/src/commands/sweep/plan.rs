//! The plan of a sweep: the run of each grid point, and its status.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::super::{DONE, UsageError};
use crate::terminal;
use hourglass::Setup;
use hourglass::config::{Point, Sweep};
use hourglass::files::{self, LARGEST_JSON};
use hourglass::run::Status;
use hourglass::run::kept::{Kept, Owner};

/// The longest value in a run folder's name, in characters.
const LONGEST: usize = 32;

/// How a sweep describes itself in messages.
const OWNER: Owner = Owner {
    config: "the sweep's config",
    allowed: "use the sweep's original settings, or another --name",
};

/// A point of the grid, and the run of the config with its values.
pub struct Planned {
    /// The value of each swept key.
    pub settings: Map<String, Value>,
    /// Its run.
    pub kept: Kept,
}

/// The grid points with their folders.
///
/// # Errors
/// If a model does not fit its images or the memory, the folder is not a sweep's, or it has a run of another config.
pub fn plan(sweep: &Sweep, folder: &Path, quick: bool, force: bool) -> Result<Vec<Planned>> {
    let shown = folder.display();
    if folder.join("config.json").is_file() {
        let text = format!("{shown}: is a run, not a sweep; choose another --name");
        return Err(UsageError(text).into());
    }
    let mut planned: Vec<Planned> = Vec::new();
    for Point { settings, located } in &sweep.points {
        let layers = located.check_source(&located.data.source(located.seed))?;
        located.check_batches(&layers, None)?;
        let mut run_folder = folder.join(run_name(settings));
        // Truncated values, or values that differ only in dropped characters, may look alike.
        if planned.iter().any(|it| it.kept.folder == run_folder) {
            let number = planned.len() + 1;
            run_folder = folder.join(format!("{},{number}", run_name(settings)));
        }
        let located = located.clone().with_force(force);
        let kept = Kept::look(run_folder, located, quick, OWNER)?;
        if kept.run.is_none() {
            // Before the first training, not when it is this one's turn.
            Setup::check(&kept.located, quick)?;
        }
        planned.push(Planned {
            settings: settings.clone(),
            kept,
        });
    }
    Ok(planned)
}

/// Whether the folder has runs of a sweep over seeds that version 0.1.0 started, which split the images by each seed.
///
/// # Errors
/// If a config in it cannot be read.
pub fn has_split_of_each_seed(sweep: &Sweep, folder: &Path) -> Result<bool> {
    for point in &sweep.points {
        let path = folder.join(run_name(&point.settings)).join("config.json");
        if path.is_file() {
            let config: Value = files::read_json(&path, LARGEST_JSON)?;
            return Ok(config.pointer("/data/split_seed").is_none());
        }
    }
    Ok(false)
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
        // A leading minus belongs to a number; the others replace brackets.
        let text = if value.is_number() {
            &text
        } else {
            text.trim_matches('-')
        };
        format!("{key}={text}")
    };
    settings.iter().map(pair).collect::<Vec<_>>().join(",")
}

/// Prints the runs that would be trained.
pub fn list(folder: &Path, planned: &[Planned], json: bool) -> Result<u8> {
    let status = |point: &Planned| -> Result<String> {
        let Some(run) = &point.kept.run else {
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
            let run = point.kept.folder.display().to_string();
            Ok(json!({ "settings": point.settings, "run": run, "status": status(point)? }))
        });
        let runs: Vec<Value> = runs.collect::<Result<_>>()?;
        terminal::print_json(&json!({ "sweep": folder.display().to_string(), "runs": runs }))?;
        return Ok(DONE);
    }
    for point in planned {
        terminal::print(&format!(
            "{}  {}",
            point.kept.folder.display(),
            status(point)?
        ))?;
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
