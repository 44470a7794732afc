//! The trainings of the tour: their configs, which are next to this file, and their status.

use std::path::Path;

use anyhow::Result;

use crate::cli::TourArgs;
use hourglass::config;
use hourglass::run::kept::{Kept, Owner};

/// The runs' names and configs, in training order.
pub const RUNS: [(&str, &str); 7] = [
    ("code-32", include_str!("code-32.json")),
    ("code-2", include_str!("code-2.json")),
    ("code-8", include_str!("code-8.json")),
    ("straight", include_str!("straight.json")),
    ("copy", include_str!("copy.json")),
    ("noise", include_str!("noise.json")),
    ("penalty", include_str!("penalty.json")),
];

/// How a tour describes itself in messages.
const OWNER: Owner = Owner {
    config: "this tour",
    allowed: "use the tour's original settings, or another --output",
};

/// A run of the tour.
pub struct Lesson {
    /// Its name.
    pub name: &'static str,
    /// The text of its config.
    pub json: &'static str,
    /// The run itself.
    pub kept: Kept,
}

/// All runs, with their current status in the tour's folder.
///
/// # Errors
/// If an override does not fit the configs, or the folder holds another tour.
pub fn look(folder: &Path, args: &TourArgs) -> Result<Vec<Lesson>> {
    let look = |&(name, json): &(&'static str, &'static str)| {
        let located = config::parse(&format!("tour/{name}.json"), json, &args.overrides())?;
        let located = located.with_force(args.backend.force);
        let kept = Kept::look(folder.join(name), located, args.quick, OWNER)?;
        Ok(Lesson { name, json, kept })
    };
    RUNS.iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::super::CHAPTERS;
    use super::*;

    #[test]
    fn the_configs_are_configs_for_the_same_pictures_and_each_is_described() {
        for (name, json) in RUNS {
            let located = config::parse(name, json, &[]).unwrap();
            let shape = located.data.source(located.seed).shape().unwrap();
            located.check_model(shape, &model::Range::Unit).unwrap();
            assert_eq!(shape, [1, 28, 28], "{name}");
            assert!(located.description.is_some(), "{name}");
            if let Some(size) = name.strip_prefix("code-") {
                let layers = located.check_model(shape, &model::Range::Unit).unwrap();
                assert_eq!(layers.code_size().to_string(), size);
            }
        }
    }

    #[test]
    fn each_chapter_has_its_runs_and_each_run_its_chapter() {
        let told: Vec<&str> = CHAPTERS
            .iter()
            .flat_map(|it| it.runs.iter().copied())
            .collect();
        for name in &told {
            assert!(RUNS.iter().any(|(known, _)| known == name), "{name}");
        }
        for (name, _) in RUNS {
            assert!(told.contains(&name), "{name}");
        }
    }
}
