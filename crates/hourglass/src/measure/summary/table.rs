//! The table printed after a training or an evaluation: the model's figures above those of the
//! baselines.

use std::fmt::Write;

use model::ImageShape;

use super::verdict;
use crate::measure::evaluation::{Baselines, CodeUse};
use crate::measure::metrics::Figures;
use crate::measure::restoration::{Fidelity, Restoration, Setting, label};

/// Width of the table's heading.
const NARROWEST: usize = 20;

/// A line of the table.
#[derive(Default)]
struct Row {
    name: String,
    mse: Option<f64>,
    bce: Option<f64>,
    psnr: Option<f64>,
    ssim: Option<f64>,
    hole: Option<f64>,
    ab_error: Option<f64>,
}

impl Row {
    fn of(name: impl Into<String>, mse: f64) -> Self {
        Self {
            name: name.into(),
            mse: Some(mse),
            ..Self::default()
        }
    }

    /// The same with the measurements of restored pictures.
    fn with(self, fidelity: &Fidelity) -> Self {
        Self {
            psnr: Some(fidelity.psnr),
            ssim: fidelity.ssim,
            hole: fidelity.hole.map(|hole| hole.psnr),
            ab_error: fidelity.ab_error,
            ..self
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
    let values = shape.iter().product();
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
    test: &Figures,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> Vec<Row> {
    let model = Row {
        bce: Some(test.bce),
        psnr: Some(test.psnr),
        ssim: test.ssim,
        ..Row::of(name, test.mse)
    };
    let mut rows = vec![match restoration {
        Some(restoration) => model.with(&restoration.output),
        None => model,
    }];
    if let Some(pca) = baselines.and_then(|baselines| baselines.pca) {
        rows.push(Row::of(format!("PCA, code {}", pca.code_size), pca.mse));
    }
    if let Some(baselines) = baselines {
        rows.push(Row::of("mean picture", baselines.mean.mse));
    }
    if let Some(corrupted) = baselines.and_then(|baselines| baselines.corrupted) {
        let row = Row {
            psnr: Some(corrupted.psnr),
            ..Row::of("corrupted input", corrupted.mse)
        };
        rows.push(match restoration {
            Some(restoration) => row.with(&restoration.input),
            None => row,
        });
    }
    for (name, found) in restoration.iter().flat_map(|it| &it.baselines) {
        let row = Row {
            name: label(name, &found.setting),
            ..Row::default()
        };
        rows.push(row.with(&found.fidelity));
    }
    rows
}

/// The headings of the figures; the last two are omitted if no row has them.
const HEADINGS: [&str; 7] = [
    "mse",
    "sum_sq",
    "bce",
    "psnr",
    "ssim",
    "hole psnr",
    "ab error",
];

/// Width of each column.
const WIDTHS: [usize; 7] = [9, 9, 9, 8, 7, 9, 8];

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
    let rows = rows(name, test, baselines, restoration);
    let holes = rows.iter().any(|row| row.hole.is_some());
    let colours = rows.iter().any(|row| row.ab_error.is_some());
    let shown = [true, true, true, true, true, holes, colours];
    let figure = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "-".into(), |figure| format!("{figure:.digits$}"))
    };
    let texts = |row: Row| {
        let figures = [
            figure(row.mse, 6),
            figure(row.mse.map(|mse| mse * values as f64), 3),
            figure(row.bce, 6),
            figure(row.psnr, 2),
            figure(row.ssim, 4),
            figure(row.hole, 2),
            figure(row.ab_error, 2),
        ];
        let figures = figures.into_iter().zip(shown);
        let figures = figures.filter_map(|(figure, shown)| shown.then_some(figure));
        std::iter::once(row.name).chain(figures).collect()
    };
    let columns = HEADINGS.into_iter().zip(WIDTHS).zip(shown);
    let (headings, widths) = columns
        .filter_map(|(column, shown)| shown.then_some(column))
        .unzip();
    Cells {
        headings,
        rows: rows.into_iter().map(texts).collect(),
        widths,
    }
}

/// The lines, for a terminal.
fn draw(cells: &Cells) -> String {
    let names = cells.rows.iter().filter_map(|row| row.first());
    let longest = names.map(|name| name.chars().count()).max();
    let width = longest.unwrap_or_default().max(NARROWEST);
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
