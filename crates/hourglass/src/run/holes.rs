//! Holes: epochs whose figures are lost, because their lines are missing or damaged. The weights do not depend on
//! them, so a run goes on, but nobody should take its curves for whole.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::Run;
use super::checkpoint::Progress;
use crate::config::{Config, PretrainConfig};
use crate::files::FileError;
use crate::train::row::{LAYERS, LayerRow, METRICS, Row};

/// The epochs that a file of figures should have and has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The file.
    pub path: PathBuf,
    /// The layer that was trained by itself; `None` if all were trained together.
    pub layer: Option<String>,
    /// The epochs, counted from 1.
    pub epochs: Vec<usize>,
}

impl Display for Hole {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let epochs: Vec<String> = self.epochs.iter().map(usize::to_string).collect();
        let (several, they) = match epochs.len() {
            1 => ("", "its line is"),
            _ => ("s", "their lines are"),
        };
        let of = self.layer.as_ref().map(|layer| format!(" of {layer}"));
        write!(
            f,
            "{}: the figures of epoch{several} {}{} are lost, because {they} missing or damaged; the weights are whole",
            self.path.display(),
            epochs.join(", "),
            of.unwrap_or_default()
        )
    }
}

/// The holes in the figures of a run that has come to `progress`.
///
/// # Errors
/// If a file of figures exists and cannot be read.
pub fn find(run: &Run, config: &Config, progress: &Progress) -> Result<Vec<Hole>, FileError> {
    let mut holes = Vec::new();
    let mut look = |file: &str, layer: Option<&str>, found: &[usize], all: usize| {
        let epochs: Vec<usize> = (1..=all).filter(|epoch| !found.contains(epoch)).collect();
        if !epochs.is_empty() {
            holes.push(Hole {
                path: run.path(file),
                layer: layer.map(ToOwned::to_owned),
                epochs,
            });
        }
    };
    if let Some(PretrainConfig::Layerwise { epochs }) = config.train.pretrain {
        let rows: Vec<LayerRow> = run.intact_lines(LAYERS)?;
        let mut layers: Vec<&str> = rows.iter().map(|row| row.layer.as_str()).collect();
        layers.dedup();
        for (place, layer) in layers.iter().enumerate() {
            let of = rows.iter().filter(|row| row.layer == *layer);
            let found: Vec<usize> = of.map(|row| row.epoch).collect();
            // The last one may be in progress.
            let all = match progress.pretraining {
                Some(_) if place + 1 == layers.len() => progress.epoch,
                _ => epochs,
            };
            look(LAYERS, Some(layer), &found, all);
        }
    }
    if progress.pretraining.is_none() {
        let rows: Vec<Row> = run.intact_lines(METRICS)?;
        let found: Vec<usize> = rows.iter().map(|row| row.epoch).collect();
        look(METRICS, None, &found, progress.epoch);
    }
    Ok(holes)
}
