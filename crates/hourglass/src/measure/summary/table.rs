//! The table printed after a training or an evaluation: the model's figures above those of the
//! baselines.

use std::fmt::Write;

use model::ImageShape;
use model::shape::values;

use super::verdict;
use crate::measure::evaluation::{Baselines, CodeUse};
use crate::measure::metrics::Figures;
use crate::measure::metrics::metric::{self, METRICS, MSE, Metric, PSNR, SSIM, SUM_SQ};
use crate::measure::restoration::{Fidelity, Restoration, Setting, label};

/// Width of the table's heading.
const NARROWEST: usize = 20;

/// Headings, digits and widths of the columns after the metrics'; a column is omitted if no row has it.
const HOLE: (&str, usize, usize) = ("hole psnr", 2, 9);
const AB_ERROR: (&str, usize, usize) = ("ab error", 2, 8);

/// A line of the table.
struct Row {
    name: String,
    /// A figure for each of [`METRICS`].
    figures: [Option<f64>; METRICS.len()],
    hole: Option<f64>,
    ab_error: Option<f64>,
}

impl Row {
    /// A line with these figures alone.
    fn of(name: impl Into<String>, figures: &[(Metric, Option<f64>)]) -> Self {
        let row = Self {
            name: name.into(),
            figures: [None; METRICS.len()],
            hole: None,
            ab_error: None,
        };
        row.and(figures)
    }

    /// The same with these figures in place of its own.
    fn and(mut self, figures: &[(Metric, Option<f64>)]) -> Self {
        for (metric, own) in METRICS.iter().zip(&mut self.figures) {
            if let Some((_, figure)) = figures.iter().find(|(it, _)| it.name == metric.name) {
                *own = *figure;
            }
        }
        self
    }

    /// The same with the measurements of restored pictures.
    fn with(self, fidelity: &Fidelity) -> Self {
        Self {
            hole: fidelity.hole.map(|hole| hole.psnr),
            ab_error: fidelity.ab_error,
            ..self.and(&[(PSNR, Some(fidelity.psnr)), (SSIM, fidelity.ssim)])
        }
    }
}

/// The model's figures above those of the baselines, as text.
pub fn table(
    name: &str,
    shape: ImageShape,
    test: &Figures,
    code: &CodeUse,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> String {
    let values = values(shape);
    let mut text = draw(&cells(name, values, test, baselines, restoration));
    let set = |it: &Restoration| {
        let mut settings = it.baselines.values().map(|it| it.setting);
        settings.any(|setting| setting != Setting::default())
    };
    if restoration.is_some_and(set) {
        text += "filters are tuned on the validation pictures\n";
    }
    if let Some(verdict) = baselines.and_then(|it| verdict(test, it, restoration, shape)) {
        text += &format!("{verdict}; ");
    }
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{:.1} % of the code's units active per picture, {} dead",
        code.active_share * 100.0,
        code.dead_units
    );
    text
}

/// The model first, then the baselines.
fn rows(
    name: &str,
    values: usize,
    test: &Figures,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> Vec<Row> {
    // A baseline's error is an mse alone.
    let error = |mse: f64| [(MSE, Some(mse)), (SUM_SQ, Some(mse * values as f64))];
    let model = Row::of(name, &METRICS.map(|metric| (metric, (metric.of)(test))));
    let mut rows = vec![match restoration {
        Some(restoration) => model.with(&restoration.output),
        None => model,
    }];
    if let Some(pca) = baselines.and_then(|baselines| baselines.pca) {
        rows.push(Row::of(
            format!("PCA, code {}", pca.code_size),
            &error(pca.mse),
        ));
    }
    if let Some(baselines) = baselines {
        rows.push(Row::of("mean picture", &error(baselines.mean.mse)));
    }
    if let Some(corrupted) = baselines.and_then(|baselines| baselines.corrupted) {
        let row = Row::of("corrupted input", &error(corrupted.mse));
        let row = row.and(&[(PSNR, Some(corrupted.psnr))]);
        rows.push(match restoration {
            Some(restoration) => row.with(&restoration.input),
            None => row,
        });
    }
    for (name, found) in restoration.iter().flat_map(|it| &it.baselines) {
        let row = Row::of(label(name, &found.setting), &[]);
        rows.push(row.with(&found.fidelity));
    }
    rows
}

/// The figures of a model and its baselines, as text.
pub struct Cells {
    /// The headings of the columns after the first.
    pub headings: Vec<&'static str>,
    /// A name, and a figure or `-` for each heading.
    pub rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

/// The cells of the table, for all places that show it. `values` is the number of values per image.
pub fn cells(
    name: &str,
    values: usize,
    test: &Figures,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> Cells {
    let rows = rows(name, values, test, baselines, restoration);
    let holes = rows.iter().any(|row| row.hole.is_some());
    let colours = rows.iter().any(|row| row.ab_error.is_some());
    let columns: Vec<(&str, usize, usize)> = METRICS
        .iter()
        .map(|it| (it.name, it.digits, it.width))
        .chain(holes.then_some(HOLE))
        .chain(colours.then_some(AB_ERROR))
        .collect();
    let texts = |row: Row| {
        let figures = (row.figures.into_iter())
            .chain(holes.then_some(row.hole))
            .chain(colours.then_some(row.ab_error));
        let figures = figures.zip(&columns);
        let figures = figures.map(|(figure, (_, digits, _))| metric::text(figure, *digits));
        std::iter::once(row.name).chain(figures).collect()
    };
    Cells {
        rows: rows.into_iter().map(texts).collect(),
        headings: columns.iter().map(|(name, ..)| *name).collect(),
        widths: columns.iter().map(|(_, _, width)| *width).collect(),
    }
}

/// The lines, for a terminal.
fn draw(cells: &Cells) -> String {
    let names = cells.rows.iter().filter_map(|row| row.first());
    let width = names.fold(NARROWEST, |width, name| width.max(name.chars().count()));
    let mut text = String::new();
    let mut line = |name: &str, figures: &mut dyn Iterator<Item = &str>| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name:<width$}");
        for (figure, width) in figures.zip(&cells.widths) {
            let _ = write!(text, " {figure:>width$}");
        }
        text.push('\n');
    };
    line("on the test images", &mut cells.headings.iter().copied());
    for row in &cells.rows {
        if let Some((name, figures)) = row.split_first() {
            line(name, &mut figures.iter().map(String::as_str));
        }
    }
    text
}
