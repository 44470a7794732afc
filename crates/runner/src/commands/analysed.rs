//! What all analyses of a run share: its model, the pictures, the PCA baseline, and the files that
//! they write into the run's folder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table};
use data::Images;
use serde::Serialize;

use super::Loaded;
use crate::cli::{BackendArg, Part, RunArg};
use crate::commands::opened;
use crate::commands::own_images;
use crate::input;
use crate::terminal;
use hourglass::files;
use hourglass::measure::pca::{Pca, PcaError};
use hourglass::run::Run;
use hourglass::run::environment::Environment;
use hourglass::setup::Setup;

/// A run's model and the pictures to analyse it on.
pub struct Analysed {
    /// The run with its best model.
    pub loaded: Loaded,
    /// The run's own images; `None` if they could not be loaded and other images are analysed.
    pub setup: Option<Setup>,
    /// Pictures that the model was not trained on.
    pub test: Arc<Images>,
    /// The name of the data that the pictures are from.
    pub data: String,
}

impl Analysed {
    /// Opens a run with its own test pictures, or with the test pictures of `spec`.
    ///
    /// # Errors
    /// If the run or the pictures cannot be read. The run's own pictures are only needed without `spec`.
    pub fn open(run: &RunArg, backend: &BackendArg, spec: Option<&String>) -> Result<Self> {
        let loaded = opened(run, backend)?;
        let setup = own_images(&loaded.run, backend);
        let (test, setup, data) = match (spec, setup) {
            (None, Ok(setup)) => {
                let environment: Environment = loaded.run.read_json("env.json")?;
                (Arc::clone(&setup.test), Some(setup), environment.dataset)
            }
            (None, Err(error)) => return Err(error),
            (Some(spec), setup) => {
                let (shape, seed) = (loaded.meta.input_shape, loaded.meta.seed);
                let images = input::read("--data", spec, Part::Test, shape, seed)?;
                if let Err(error) = &setup {
                    terminal::note(&format!(
                        "note: PCA skipped: the run's images could not be loaded: {error:#}"
                    ));
                }
                (Arc::new(images), setup.ok(), spec.clone())
            }
        };
        Ok(Self {
            loaded,
            setup,
            test,
            data,
        })
    }

    /// The run's folder, for display.
    pub fn name(&self) -> String {
        self.loaded.run.folder().display().to_string()
    }

    /// The model's kind, with its wrappers from the outside in, and the code size.
    pub fn kind_and_code_size(&self) -> Result<(String, usize)> {
        let meta = &self.loaded.meta;
        let layers = meta.model.layers(meta.input_shape)?;
        Ok((meta.model.kind(), layers.code_size()))
    }

    /// PCA with this many components, fitted on the images that the training may use.
    ///
    /// # Errors
    /// If the eigensolver fails.
    pub fn pca(&self, components: usize) -> Result<Option<Pca>> {
        match &self.setup {
            Some(setup) => pca(&setup.train, components),
            None => Ok(None),
        }
    }
}

/// Pictures to train on and to test on, with their classes.
pub struct Labelled {
    pub train: Arc<Images>,
    pub train_classes: Vec<u8>,
    pub test: Arc<Images>,
    pub test_classes: Vec<u8>,
    /// Number of classes among the training pictures.
    pub classes: usize,
    pub seed: u64,
}

impl Labelled {
    /// The test pictures that a run is analysed on and the matching training pictures. `what` names the
    /// analysis that needs their labels.
    ///
    /// # Errors
    /// If the pictures cannot be read or have no labels.
    pub fn of(subject: &Analysed, spec: Option<&String>, what: &str) -> Result<Self> {
        let meta = &subject.loaded.meta;
        let train = match (spec, &subject.setup) {
            (None, Some(setup)) => Arc::clone(&setup.train),
            (spec, _) => {
                let spec = spec.map(String::as_str).unwrap_or_default();
                let (shape, seed) = (meta.input_shape, meta.seed);
                Arc::new(input::read("--data", spec, Part::Train, shape, seed)?)
            }
        };
        let test = Arc::clone(&subject.test);
        let (Some(labels), Some(test_labels)) = (train.labels(), test.labels()) else {
            bail!(
                "{}: no labels found; {what} needs labelled pictures, such as mnist or a folder \
                 of IDX files with labels",
                subject.data
            );
        };
        let mut names = labels.to_vec();
        names.sort_unstable();
        names.dedup();
        // Labels may be any bytes; classes count from 0. A label that no training picture has cannot be
        // predicted: it gets a class that is never right.
        let class = |label: &u8| names.binary_search(label).ok();
        let known = |label: &u8| class(label).and_then(|class| u8::try_from(class).ok());
        let unknown = u8::try_from(names.len()).ok();
        let train_classes = labels.iter().filter_map(known).collect();
        let test_classes = (test_labels.iter())
            .filter_map(|label| known(label).or(unknown))
            .collect();
        Ok(Self {
            train_classes,
            test_classes,
            classes: names.len(),
            seed: meta.seed,
            train,
            test,
        })
    }
}

/// PCA of the images; `None`, with a note that says why, if they are too large for it.
///
/// # Errors
/// If the eigensolver fails.
pub fn pca(train: &Images, components: usize) -> Result<Option<Pca>> {
    let dims = train.shape().iter().product();
    match Pca::fit(train.pixels(), dims, components.min(dims)) {
        Ok(pca) => Ok(Some(pca)),
        Err(error @ PcaError::TooLarge { .. }) => {
            terminal::note(&format!("note: PCA skipped: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The path of a file in a run's analysis folder, which is made if needed.
///
/// # Errors
/// If the folder cannot be made.
pub fn file(run: &Run, name: &str) -> Result<PathBuf> {
    Ok(run.analysis(name)?)
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
    files::write_json(&file(run, &name)?, report)?;
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
