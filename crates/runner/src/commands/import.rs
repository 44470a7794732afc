//! Importing: weights that another program trained, as a run.

use std::path::PathBuf;

use anyhow::Result;
use data::counted;
use hourglass::import::{self, ImportError, Pair};
use hourglass::{Setup, config};
use serde::Serialize;

use super::DONE;
use crate::cli::ImportArgs;
use crate::{fetch, terminal};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: PathBuf,
    /// Parameters of the model and the tensors of the file that they are.
    pairs: Vec<[String; 2]>,
    /// Tensors of the file that belong to no parameter.
    unused: Vec<String>,
}

pub fn run(args: &ImportArgs) -> Result<u8> {
    if args.output.exists() {
        return Err(hourglass::Error::from(ImportError::Exists(args.output.clone())).into());
    }
    let overrides: Vec<_> = args.backend.as_override().into_iter().collect();
    let located = config::load(&args.config, &overrides)?.with_force(args.backend.force);
    fetch::source_of(&located.data.source(located.seed), false)?;
    let setup = Setup::new(located, false)?;
    terminal::warn(&setup.warnings);
    let imported = import::weights(&setup, &args.weights, args.map.as_deref())?;
    let run = import::into_run(&setup, &imported, &args.output)?;
    let pair = |Pair { parameter, tensor }| [parameter, tensor];
    let report = Report {
        run: run.folder().to_owned(),
        pairs: imported.pairs.into_iter().map(pair).collect(),
        unused: imported.unused,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    // Names that are equal need no line.
    for [parameter, tensor] in report.pairs.iter().filter(|[ours, theirs]| ours != theirs) {
        terminal::say(&format!("{tensor} -> {parameter}"))?;
    }
    if !report.unused.is_empty() {
        terminal::note(&format!("note: not used: {}", report.unused.join(", ")));
    }
    terminal::say(&format!(
        "{}: {} from {}",
        report.run.display(),
        counted(report.pairs.len(), "parameter"),
        args.weights.display()
    ))?;
    Ok(DONE)
}
