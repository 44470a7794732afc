//! `report.html`: everything about a run on one page that opens without a network, written at every new best epoch
//! and at the end.

pub mod chart;
pub mod code;
pub mod curves;
mod hourglass;
pub mod page;
pub mod pictures;

use std::sync::Arc;

use anyhow::Result;
use data::Images;
use model::Autoencoder;
use serde_json::Value;

use crate::commands::compare::flat;
use crate::evaluation::Evaluation;
use crate::run::Run;
use crate::setup::Setup;
use crate::shown::{self, Shown};
use crate::summary::{self, Summary};
use crate::train::Row;
use page::Page;
use pictures::Column;

/// The file's name in the run's folder.
pub const FILE: &str = "report.html";

/// Pictures in each group: the best, those in the middle, the worst.
const GROUP: usize = 10;

/// What a report is made of.
pub struct Report<'a> {
    /// What was to be trained.
    pub setup: &'a Setup,
    /// Where it goes.
    pub run: &'a Run,
    /// The epochs so far.
    pub rows: &'a [Row],
    /// The weights that the figures are of.
    pub model: &'a Autoencoder,
    /// The images that were measured are these of `images`.
    pub images: &'a Arc<Images>,
    /// See `images`.
    pub indices: &'a [u32],
    /// What was found on them.
    pub evaluation: &'a Evaluation,
    /// The end's figures; none while it trains.
    pub summary: Option<&'a Summary>,
}

impl Report<'_> {
    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// Where the device fails or the folder cannot be written.
    pub fn write(&self) -> Result<()> {
        let html = self.page()?;
        crate::run::write(&self.run.path(FILE), html.as_bytes())
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
        let code_size = setup.layers.code_size();
        let ratio = setup.layers.compression_ratio(setup.shape());
        let mut page = Page::new(
            &name,
            &format!(
                "{}: {channels}x{height}x{width} images, code of {code_size} values ({}), {} parameters; {} on {}",
                setup.config.model.kind(),
                summary::compression(ratio),
                setup.parameters(),
                setup.backend.name,
                setup.backend.adapter
            ),
        );
        self.figures(&mut page);
        page.section("Training");
        let pca = self.summary.and_then(|summary| summary.baselines.pca);
        let curves = curves::curves(self.rows, setup.loss, pca);
        page.html(&format!("<div class=\"charts\">{curves}</div>"));
        self.epochs(&mut page);
        page.section("Reconstructions");
        self.reconstructions(&mut page)?;
        page.section("Code");
        let codes = &self.evaluation.codes;
        let labels: Option<Vec<u8>> = self.images.labels().and_then(|all| {
            let measured = self.indices.iter().take(codes.len());
            measured
                .map(|&index| all.get(index as usize).copied())
                .collect()
        });
        page.html(&code::section(codes, labels.as_deref())?);
        page.section("Architecture");
        page.html(&hourglass::hourglass(setup.shape(), &setup.layers));
        page.section("Config and environment");
        let config = serde_json::to_string_pretty(&setup.config.without_schema())?;
        page.details(
            "Resolved config: training from it repeats the run",
            &format!("<pre tabindex=\"0\">{}</pre>", page::escape(&config)),
        );
        let environment: Value = self.run.read_json("env.json")?;
        let rows: Vec<Vec<String>> = flat(&environment)
            .into_iter()
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

    /// The headline figures, beside the baselines once they are known.
    fn figures(&self, page: &mut Page) {
        let on = match self.summary {
            Some(summary) => {
                if let Some(verdict) = summary::verdict(
                    &summary.test,
                    &summary.baselines,
                    summary.restoration.as_ref(),
                    self.setup.shape(),
                ) {
                    page.html(&format!(
                        "<p class=\"verdict\">{}.</p>",
                        page::escape(&verdict)
                    ));
                }
                "test images, which training never saw; weights of the best epoch"
            }
            None => {
                page.html("<p class=\"verdict\">The training is not at its end: baselines and test figures come then.</p>");
                "validation images"
            }
        };
        let code_size = self.setup.layers.code_size();
        let cells = summary::cells(
            &format!("{}, code {code_size}", self.setup.config.model.kind()),
            self.setup.shape().iter().product(),
            &self.evaluation.figures,
            self.summary.map(|summary| &summary.baselines),
            self.summary
                .and_then(|summary| summary.restoration.as_ref()),
        );
        page.html(&page::table(
            &format!(
                "{} {on}; mse per value, sum_sq per image, bce in nats per value, psnr in dB",
                self.indices.len()
            ),
            &[&[""], cells.headings.as_slice()].concat(),
            &cells.rows,
        ));
        if self.setup.quick {
            page.text("This is a --quick run: its figures mean nothing.");
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
            "Every epoch's figures",
            &page::table("metrics.jsonl", &columns, &rows),
        );
    }

    /// The best, the middle and the worst of what was measured; all in one group where they are few.
    fn reconstructions(&self, page: &mut Page) -> Result<()> {
        let mut order: Vec<(f64, u32)> = self
            .evaluation
            .errors
            .iter()
            .copied()
            .zip(self.indices.iter().copied())
            .collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        let count = order.len();
        let groups = if count < 3 * GROUP {
            vec![("All, the best first", 0..count)]
        } else {
            let middle = count / 2 - GROUP / 2;
            vec![
                ("The best", 0..GROUP),
                ("In the middle", middle..middle + GROUP),
                ("The worst", count - GROUP..count),
            ]
        };
        let rows = if self.model.is_denoising() {
            "input, corrupted input, reconstruction"
        } else {
            "input, reconstruction"
        };
        page.html(&format!(
            "<p class=\"note\">From top to bottom: {rows}. By squared error per value{}.</p>",
            if self.model.is_denoising() {
                "; the corruption is drawn anew for these pictures"
            } else {
                ""
            }
        ));
        let shown: usize = groups.iter().map(|(_, group)| group.len()).sum();
        let stacked = shown * if self.model.is_denoising() { 3 } else { 2 };
        for (heading, group) in groups {
            let chosen: Vec<u32> = order
                .get(group)
                .unwrap_or_default()
                .iter()
                .map(|(_, index)| *index)
                .collect();
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
