//! `report.html`: everything about a run on one page that needs no network, written at every new best epoch and at
//! the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use data::{Images, counted};
use model::Autoencoder;
use serde_json::Value;

use crate::page::Page;
use crate::pictures::Column;
use crate::plots::{self, EpochRow};
use crate::{architecture, chart, code, curves, page, pictures};
use hourglass::Result;
use hourglass::config::flat;
use hourglass::files::{self, FileError};
use hourglass::measure::evaluation::Evaluation;
use hourglass::measure::metrics::{self, metric};
use hourglass::measure::summary::{self, Measured, Summary};
use hourglass::pictures::shown::{self, Shown};
use hourglass::run::Run;
use hourglass::seal;
use hourglass::setup::Setup;
use hourglass::train::observer::{End, Epoch, Observer};
use hourglass::train::row::Row;

/// The file's name in the run's folder.
pub const FILE: &str = "report.html";

/// Pictures per group: best, middle, worst.
const GROUP: usize = 10;

/// Kinds of pictures from which the best of each say more than the best of all.
const FEWEST_KINDS: usize = 3;

/// Writes the report and the loss curves of the training that it watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reporter;

impl Observer for Reporter {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        let (true, Some(evaluation)) = (epoch.improved, epoch.evaluation) else {
            return Ok(());
        };
        let report = Report {
            setup: epoch.setup,
            run: epoch.run,
            rows: epoch.rows,
            model: epoch.model,
            images: &epoch.setup.train,
            indices: &epoch.setup.split.validation,
            evaluation,
            summary: None,
        };
        report.write()
    }

    fn end(&mut self, end: &End<'_>) -> hourglass::Result<()> {
        write_curves(end.run, end.rows)?;
        let report = Report {
            setup: end.setup,
            run: end.run,
            rows: end.rows,
            model: end.model,
            images: end.images,
            indices: end.indices,
            evaluation: end.evaluation,
            summary: Some(end.summary),
        };
        report.write()
    }
}

/// `plots/loss.svg`.
fn write_curves(run: &Run, rows: &[Row]) -> Result<()> {
    let history: Vec<EpochRow> = rows
        .iter()
        .map(|row| EpochRow {
            epoch: row.epoch,
            train_loss: row.train_loss,
            val_loss: row.val_loss,
        })
        .collect();
    let folder = run.path("plots");
    std::fs::create_dir_all(&folder).map_err(FileError::folder(&folder))?;
    let title = format!("Loss of {}", run.name());
    plots::loss_curves(&title, &history, &folder.join("loss.svg"))
}

/// What a report is made of.
pub struct Report<'a> {
    /// What is trained.
    pub setup: &'a Setup,
    /// The run that it is written to.
    pub run: &'a Run,
    /// The epochs so far.
    pub rows: &'a [Row],
    /// The weights that were measured.
    pub model: &'a Autoencoder,
    /// Indices of the measured images in `images`.
    pub images: &'a Arc<Images>,
    /// See `images`.
    pub indices: &'a [u32],
    /// The measurements on them.
    pub evaluation: &'a Evaluation,
    /// The final figures; `None` while the run trains.
    pub summary: Option<&'a Summary>,
}

impl Report<'_> {
    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// If the device fails or the folder cannot be written.
    pub fn write(&self) -> Result<()> {
        let html = self.page()?;
        Ok(files::write(&self.run.path(FILE), html.as_bytes())?)
    }

    fn page(&self) -> Result<String> {
        let setup = self.setup;
        let name = self
            .run
            .folder()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let [channels, height, width] = setup.shape();
        let ratio = setup.layers.compression_ratio(setup.shape());
        let mut page = Page::new(
            &name,
            &format!(
                "{}: {channels}x{height}x{width} images, code of {} ({}), {}; {} on {}",
                setup.config.model.kind(),
                counted(setup.layers.code_size(), "value"),
                summary::compression(ratio),
                counted(setup.parameters(), "parameter"),
                setup.backend.name,
                setup.backend.adapter
            ),
        );
        self.figures(&mut page);
        page.section("Training");
        let pca = self
            .summary
            .and_then(|summary| summary.measured().yardstick());
        let curves = curves::curves(self.rows, setup.loss, pca);
        page.html(&format!("<div class=\"charts\">{curves}</div>"));
        self.epochs(&mut page);
        match &self.evaluation.columns {
            Some(columns) => self.columns_of_table(&mut page, columns),
            None => {
                page.section("Reconstructions");
                self.reconstructions(&mut page)?;
            }
        }
        page.section("Code");
        let codes = &self.evaluation.codes;
        let labels: Option<Vec<u8>> = self.images.labels().and_then(|all| {
            let measured = self.indices.iter().take(codes.len());
            measured
                .map(|&index| all.get(index as usize).copied())
                .collect()
        });
        page.html(&code::section(
            codes,
            labels.as_deref(),
            self.images.classes(),
        )?);
        page.section("Architecture");
        page.html(&architecture::hourglass(setup.shape(), &setup.layers));
        page.section("Config and environment");
        let config = serde_json::to_string_pretty(&setup.config.without_schema())
            .map_err(FileError::json(&self.run.path(FILE)))?;
        page.details(
            "Full config (train from it to repeat this run)",
            &format!("<pre tabindex=\"0\">{}</pre>", page::escape(&config)),
        );
        let environment: Value = self.run.read_json("env.json")?;
        let rows: Vec<Vec<String>> = flat(&environment)
            .into_iter()
            .filter(|(key, _)| key != seal::KEY)
            .map(|(key, value)| {
                let value = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                vec![key, value]
            })
            .collect();
        page.details(
            "Environment",
            &format!(
                "<div class=\"keys\">{}</div>",
                page::table("env.json", &["key", "value"], &rows)
            ),
        );
        Ok(page.finish())
    }

    /// The error of each column of a table.
    fn columns_of_table(&self, page: &mut Page, columns: &[metrics::Column]) {
        page.section("Columns");
        let rows: Vec<Vec<String>> = columns.iter().map(|it| it.cells().to_vec()).collect();
        page.html(&page::table(
            "rmse in the data's own units; accuracy of the most probable category; r2 is the share of the variance that \
             is explained",
            &metrics::Column::HEADINGS,
            &rows,
        ));
    }

    /// The headline figures, with the baselines once they are known.
    fn figures(&self, page: &mut Page) {
        let on = match self.summary {
            Some(summary) => {
                if let Some(verdict) = summary.measured().verdict() {
                    page.html(&format!(
                        "<p class=\"verdict\">{}.</p>",
                        page::escape(&verdict)
                    ));
                }
                match self.setup.split.validation.is_empty() {
                    true => {
                        "; never used in training; weights of the epoch with the lowest training loss"
                    }
                    false => {
                        "; never used in training; weights of the epoch with the lowest validation loss"
                    }
                }
            }
            None => {
                page.html("<p class=\"verdict\">Still training. Test figures and baselines appear when it ends.</p>");
                ""
            }
        };
        let image = match self.summary {
            Some(_) => "test image",
            None => "validation image",
        };
        let kind = self.setup.config.model.kind();
        let measured = match self.summary {
            Some(summary) => summary.measured(),
            None => Measured {
                kind: &kind,
                shape: self.setup.shape(),
                code_size: self.setup.layers.code_size(),
                on: "the validation images",
                figures: &self.evaluation.figures,
                code: &self.evaluation.code,
                baselines: None,
                restoration: None,
                course: None,
            },
        };
        let cells = measured.cells();
        page.html(&page::table(
            &format!(
                "{}{on}; {}",
                counted(self.indices.len(), image),
                metric::units()
            ),
            &[&[""], cells.headings.as_slice()].concat(),
            &cells.rows,
        ));
        if self.setup.quick {
            page.text("This is a --quick run: its figures are meaningless.");
        }
    }

    fn epochs(&self, page: &mut Page) {
        let figure = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.6}"))
        };
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.epoch.to_string(),
                    figure(Some(row.train_loss)),
                    figure(row.val_loss),
                    figure(row.val_mse),
                    row.val_psnr
                        .map_or_else(|| "-".into(), |psnr| format!("{psnr:.2}")),
                    format!("{:.2e}", row.lr),
                    format!("{:.0}", row.images_per_s),
                    format!("{:.1}", row.seconds),
                ]
            })
            .collect();
        let columns = [
            "epoch",
            "train/loss",
            "val/loss",
            "val/mse",
            "val/psnr, dB",
            "learning rate",
            "images/s",
            "seconds",
        ];
        page.details(
            "Figures of every epoch",
            &page::table("metrics.jsonl", &columns, &rows),
        );
    }

    /// The best, the middle and the worst measured pictures; all in one group if there are few.
    fn reconstructions(&self, page: &mut Page) -> Result<()> {
        let mut order: Vec<(f64, u32)> = self
            .evaluation
            .errors
            .iter()
            .copied()
            .zip(self.indices.iter().copied())
            .collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        let order: Vec<u32> = order.into_iter().map(|(_, index)| index).collect();
        let count = order.len();
        let part = |range: std::ops::Range<usize>| order.get(range).unwrap_or_default().to_vec();
        let groups = if count < 3 * GROUP {
            vec![("All, best first", order.clone())]
        } else {
            let middle = count / 2 - GROUP / 2;
            vec![
                self.best(&order),
                ("Middle", part(middle..middle + GROUP)),
                ("Worst", part(count - GROUP..count)),
            ]
        };
        let rows = if self.model.is_denoising() {
            "input, corrupted input, reconstruction"
        } else {
            "input, reconstruction"
        };
        page.html(&format!(
            "<p class=\"note\">From top to bottom: {rows}. Sorted by mean squared error{}.</p>",
            if self.model.is_denoising() {
                ", with freshly drawn corruption"
            } else {
                ""
            }
        ));
        let shown: usize = groups.iter().map(|(_, group)| group.len()).sum();
        let stacked = shown * if self.model.is_denoising() { 3 } else { 2 };
        for (heading, chosen) in groups {
            if !chosen.is_empty() {
                page.html(&pictures::columns(
                    heading,
                    &self.columns(&chosen)?,
                    stacked,
                )?);
            }
        }
        Ok(())
    }

    /// The best of `order`, which begins with the best: one of each label or each picture that patches were cut from,
    /// because the best of all are mostly alike.
    fn best(&self, order: &[u32]) -> (&'static str, Vec<u32>) {
        let (labels, names) = (self.images.labels(), self.images.names());
        let kind = |index: u32| -> Option<String> {
            match labels {
                Some(labels) => labels.get(index as usize).map(u8::to_string),
                None => {
                    let name = names?.get(index as usize)?;
                    Some(name.split_once('@')?.0.to_owned())
                }
            }
        };
        let mut kinds = BTreeSet::new();
        let each = order.iter().copied();
        let each = each.filter(|&index| kind(index).is_some_and(|kind| kinds.insert(kind)));
        let each: Vec<u32> = each.take(GROUP).collect();
        match (each.len() >= FEWEST_KINDS, labels) {
            (true, Some(_)) if !self.images.classes().is_empty() => ("Best of each class", each),
            (true, Some(_)) => ("Best of each label", each),
            (true, None) => ("Best of each picture", each),
            (false, _) => ("Best", order.iter().copied().take(GROUP).collect()),
        }
    }

    fn columns(&self, chosen: &[u32]) -> Result<Vec<Column>> {
        let setup = self.setup;
        let device = &setup.backend.device;
        let shown = Shown::of(self.model, device, self.images, chosen, setup.config.seed)?;
        let rows = shown.rows();
        let column = |(place, (&index, error)): (usize, (&u32, f64))| {
            let pictures = rows.iter().filter_map(|(name, row)| {
                let values = row.get(place)?.to_vec();
                Some((*name, values, shown.shape))
            });
            let error = chart::significant(error);
            Column {
                pictures: pictures.collect(),
                caption: match shown::caption(self.images, index) {
                    Some(known) => format!("{known}, {error}"),
                    None => error,
                },
            }
        };
        let each = chosen.iter().zip(shown.errors()).enumerate();
        Ok(each.map(column).collect())
    }
}
