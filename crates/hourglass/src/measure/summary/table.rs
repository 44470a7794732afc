//! The table printed after a training or an evaluation: the model's figures above those of the
//! baselines.

use std::fmt::Write;

use super::Measured;
use crate::measure::metrics::metric::{self, METRICS, MSE, Metric, PSNR, SSIM, SUM_SQ};
use crate::measure::restoration::{Fidelity, Restoration, Setting, label};

/// Width of the table's heading.
const NARROWEST: usize = 20;

/// Headings, digits and widths of the columns after the metrics'; a column is omitted if no row has it.
const HOLE: (&str, usize, usize) = ("hole psnr", 2, 9);
const AB_ERROR: (&str, usize, usize) = ("ab error", 2, 8);

/// Metrics that say what others of the table say too, in the order in which a narrow terminal goes without them.
const LEAST: [&str; 3] = [SUM_SQ.name, "bce", SSIM.name];

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

impl Measured<'_> {
    /// The model's figures above those of the baselines, with the verdict below, as text. With a `width`, columns that
    /// say least are left out until its lines of figures are no wider.
    pub fn table(&self, width: Option<usize>) -> String {
        let mut cells = self.cells();
        let heading = format!("on {}", self.on);
        for name in LEAST {
            if width.is_some_and(|width| cells.width(&heading) > width) {
                cells.leave_out(name);
            }
        }
        let mut text = draw(&cells, &heading);
        let set = |it: &Restoration| {
            let mut settings = it.baselines.values().map(|it| it.setting);
            settings.any(|setting| setting != Setting::default())
        };
        if self.restoration.is_some_and(set) {
            text += "filters are tuned on the validation pictures\n";
        }
        let compresses = self.code_size < model::shape::values(self.shape);
        if compresses && self.baselines.is_some_and(|it| it.pca.is_none()) {
            text += "PCA is left out: it takes too long for so many images and so large a code\n";
        }
        if let Some(verdict) = self.verdict() {
            text += &format!("{verdict}\n");
        }
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{:.1} % of the code's units active per picture, {} dead",
            self.code.active_share * 100.0,
            self.code.dead_units
        );
        text
    }
}

/// The model first, then the baselines.
fn rows(it: &Measured<'_>) -> Vec<Row> {
    let values = model::shape::values(it.shape);
    let (baselines, restoration) = (it.baselines, it.restoration);
    // A baseline's error is an mse alone.
    let error = |mse: f64| [(MSE, Some(mse)), (SUM_SQ, Some(mse * values as f64))];
    let name = format!("{}, code {}", it.kind, it.code_size);
    let model = Row::of(
        name,
        &METRICS.map(|metric| (metric, (metric.of)(it.figures))),
    );
    let mut rows = vec![match restoration {
        Some(restoration) => model.with(&restoration.output),
        None => model,
    }];
    if let Some(pca) = it.yardstick() {
        rows.push(Row::of(
            format!("PCA, code {}", pca.code_size),
            &error(pca.mse),
        ));
    }
    if let Some(baselines) = baselines {
        let name = it.mean().trim_start_matches("the ");
        rows.push(Row::of(name, &error(baselines.mean.mse)));
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

impl Measured<'_> {
    /// The cells of the table, for all places that show it.
    pub fn cells(&self) -> Cells {
        let rows = rows(self);
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
}

impl Cells {
    /// Columns of text of the names.
    fn names(&self, heading: &str) -> usize {
        let names = self.rows.iter().filter_map(|row| row.first());
        let names = names.map(|name| name.chars().count());
        names.fold(NARROWEST.max(heading.chars().count()), usize::max)
    }

    /// Columns of text of a line.
    fn width(&self, heading: &str) -> usize {
        self.names(heading) + self.widths.iter().map(|width| 1 + width).sum::<usize>()
    }

    /// Leaves out the column with this heading, if there is one.
    fn leave_out(&mut self, name: &str) {
        let Some(column) = self.headings.iter().position(|it| *it == name) else {
            return;
        };
        self.headings.remove(column);
        self.widths.remove(column);
        for row in &mut self.rows {
            // A row begins with its name.
            if column + 1 < row.len() {
                row.remove(column + 1);
            }
        }
    }
}

/// The lines, for a terminal.
fn draw(cells: &Cells, heading: &str) -> String {
    let width = cells.names(heading);
    let mut text = String::new();
    let mut line = |name: &str, figures: &mut dyn Iterator<Item = &str>| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name:<width$}");
        for (figure, width) in figures.zip(&cells.widths) {
            let _ = write!(text, " {figure:>width$}");
        }
        text.push('\n');
    };
    line(heading, &mut cells.headings.iter().copied());
    for row in &cells.rows {
        if let Some((name, figures)) = row.split_first() {
            line(name, &mut figures.iter().map(String::as_str));
        }
    }
    text
}
