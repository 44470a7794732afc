//! What all analyses of a run share: its model, the pictures, the PCA baseline, and the files that
//! they write into the run's folder.

use std::sync::Arc;

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use data::Images;
use serde::Serialize;

use crate::cli::{BackendArg, Part, RunArg, StrictArg, TrustArg};
use crate::commands::opened;
use crate::commands::own_images;
use crate::input;
use crate::terminal;
use hourglass::analysis::subject::{self, Labelled, Subject};
use hourglass::files;
use hourglass::measure::pca::{Pca, PcaError};
use hourglass::run::Run;

/// Opens a run with its own test pictures, or with the test pictures of `spec`.
///
/// # Errors
/// If the run or the pictures cannot be read. The run's own pictures are only needed without `spec`.
pub fn open(
    run: &RunArg,
    backend: &BackendArg,
    spec: Option<&String>,
    strict: StrictArg,
    trust: TrustArg,
) -> Result<Subject> {
    let loaded = opened(run, backend, trust.force)?;
    let setup = own_images(&loaded.run, backend);
    let Some(spec) = spec else {
        return Ok(Subject::own(loaded, setup?)?);
    };
    let images = input::read("--data", spec, Part::Test, &loaded.meta, strict)?;
    match &setup {
        Ok(setup) => input::warn_trained_on(spec, &images, &setup.train),
        Err(error) => terminal::note(&format!(
            "note: PCA skipped: the run's images could not be loaded: {error:#}"
        )),
    }
    Ok(Subject {
        loaded,
        setup: setup.ok(),
        test: Arc::new(images),
        data: spec.clone(),
    })
}

/// The test pictures of a subject and the training pictures of the same data. `what` names the analysis
/// that needs their labels.
///
/// # Errors
/// If the pictures cannot be read or have no labels.
pub fn labelled(
    subject: &Subject,
    spec: Option<&String>,
    strict: StrictArg,
    what: &'static str,
) -> Result<Labelled> {
    let meta = &subject.loaded.meta;
    let train = match (spec, &subject.setup) {
        (None, Some(setup)) => Arc::clone(&setup.train),
        (spec, _) => {
            let spec = spec.map(String::as_str).unwrap_or_default();
            Arc::new(input::read("--data", spec, Part::Train, meta, strict)?)
        }
    };
    Ok(Labelled::of(subject, train, what)?)
}

/// PCA of the images that a subject's training may use; `None` if these could not be loaded, or as for
/// [`pca`].
///
/// # Errors
/// If the eigensolver fails.
pub fn own_pca(subject: &Subject, components: usize) -> Result<Option<Pca>> {
    match &subject.setup {
        Some(setup) => pca(&setup.train, components),
        None => Ok(None),
    }
}

/// PCA of the images; `None`, with a note that says why, if they are too large for it.
///
/// # Errors
/// If the eigensolver fails.
pub fn pca(train: &Images, components: usize) -> Result<Option<Pca>> {
    match subject::pca(train, components) {
        Ok(pca) => Ok(Some(pca)),
        Err(error @ PcaError::TooLarge { .. }) => {
            terminal::note(&format!("note: PCA skipped: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes `analysis/NAME.json`, and prints either the same JSON or a table.
///
/// # Errors
/// If the folder or stdout cannot be written.
pub fn finish(
    run: &Run,
    name: &str,
    report: &impl Serialize,
    table: &Table,
    json: bool,
) -> Result<()> {
    let name = format!("{name}.json");
    files::write_json(&run.analysis(&name)?, report)?;
    if json {
        terminal::print_json(report)
    } else {
        terminal::print(&table.trim_fmt())
    }
}

/// A table whose columns hold figures, except the first.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A figure with four decimals, or a dash if there is none.
pub fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))
}
