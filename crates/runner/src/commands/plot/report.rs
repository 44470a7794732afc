//! What `plot` finds, as `analysis/plot.json` and as a table.

use serde::Serialize;

use super::Study;
use crate::commands::analysed;
use hourglass::analysis::units::{CodeUse, Unit};

/// Statistics of a unit of the code over the pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UnitFigures {
    pub mean: f64,
    /// Standard deviation over the pictures; 0 if it is only rounding error.
    pub deviation: f64,
    /// The share of pictures for which the unit is active: its absolute value exceeds a hundredth of
    /// the largest one of any unit and picture.
    pub active: f64,
    /// Never active, or the same for all pictures.
    pub dead: bool,
}

/// How t-SNE was run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TsneFigures {
    pub images: usize,
    pub perplexity: usize,
}

/// How many are drawn, out of how many.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Shown {
    pub shown: usize,
    pub of: usize,
}

/// What the plots show.
#[derive(Debug, Serialize)]
pub struct Drawn {
    /// The share of the codes' variance along each of the first two principal components; only one
    /// if there are no more, `None` if all codes are the same.
    pub explained: Vec<f64>,
    /// Number of pictures in the scatter charts.
    pub scattered_images: usize,
    /// `None` if the code itself is drawn, or there is nothing to map.
    pub tsne: Option<TsneFigures>,
    /// Pairs of pictures, counted from 0, at the ends of the walks.
    pub walks: Vec<[u32; 2]>,
    pub varied_units: Shown,
    pub filters: Shown,
}

/// `analysis/plot.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub data: String,
    pub images: usize,
    pub code_size: usize,
    /// Units that are never active, or the same for all pictures.
    pub dead_units: usize,
    /// Dead units that are never active.
    pub never_active: usize,
    /// Dead units that are the same for all pictures.
    pub constant: usize,
    #[serde(flatten)]
    pub drawn: Drawn,
    /// In the order of the code.
    pub units: Vec<UnitFigures>,
    /// Paths relative to the run's folder.
    pub files: Vec<String>,
}

impl Study<'_> {
    /// Collects everything that was found and drawn.
    pub fn report(&self, drawn: Drawn, files: Vec<String>) -> Report {
        let count = |is: fn(&Unit) -> bool| self.units.iter().filter(|unit| is(unit)).count();
        let figures = |unit: &Unit| UnitFigures {
            mean: unit.mean,
            deviation: unit.deviation,
            active: unit.active,
            dead: unit.is_dead(),
        };
        Report {
            run: self.subject.name(),
            data: self.subject.data.clone(),
            images: self.codes.len(),
            code_size: self.codes.width(),
            dead_units: CodeUse::of(&self.units).dead_units,
            never_active: count(|unit| unit.active == 0.0),
            constant: count(|unit| unit.is_constant),
            drawn,
            units: self.units.iter().map(figures).collect(),
            files,
        }
    }
}

/// The table of figures.
pub fn table(report: &Report, kind: &str) -> crate::table::Table {
    let active = report.units.iter().map(|unit| unit.active).sum::<f64>();
    let active = active / report.units.len().max(1) as f64;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let drawn = &report.drawn;
    let explained = |component: usize| drawn.explained.get(component).copied().map(percent);
    let dash = || "-".to_string();
    let tsne = drawn
        .tsne
        .map(|tsne| format!("{} pictures, perplexity {}", tsne.images, tsne.perplexity));
    let shown = |it: Shown| format!("{} of {}", it.shown, it.of);
    let rows = vec![
        ("pictures", report.images.to_string()),
        ("units active per picture", percent(active)),
        ("dead units", report.dead_units.to_string()),
        ("  never active", report.never_active.to_string()),
        ("  the same for all", report.constant.to_string()),
        (
            "variance along component 1",
            explained(0).unwrap_or_else(dash),
        ),
        (
            "variance along component 2",
            explained(1).unwrap_or_else(dash),
        ),
        ("t-SNE", tsne.unwrap_or_else(dash)),
        ("units varied alone", shown(drawn.varied_units)),
        ("filters", shown(drawn.filters)),
    ];
    let rows = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value]);
    let header = format!("{kind}, code {}", report.code_size);
    analysed::table(&[&header, "found"], rows.collect())
}
