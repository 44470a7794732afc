//! The report: what `score --json` prints, and the same in words.

use std::path::PathBuf;

use data::counted;
use hourglass::analysis::roc::{auroc, auroc_interval, average_precision};
use hourglass::analysis::scoring::Method;
use serde::Serialize;

use super::masks::Pixels;
use crate::table::Table;

/// The samples that the terminal shows.
const SHOWN: usize = 10;

/// The window with the largest errors, in pixels.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Place {
    /// Of a clip: the frame, counted from the start of its video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
    /// The worst tile of a picture that was cut into several: top, left, height, width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<[usize; 4]>,
}

/// The steps of a window of series with the largest errors.
#[derive(Clone, Debug, Serialize)]
pub struct Span {
    /// Counted from the start of the series.
    pub first_step: usize,
    pub last_step: usize,
    /// When they are, if the series says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_time: Option<String>,
}

/// A column of a table and its share of the squared error.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    pub name: String,
    pub share: f64,
}

/// What is found of a sample.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub name: String,
    pub score: f64,
    pub odd: bool,
    #[serde(flatten)]
    pub place: Option<Place>,
    #[serde(flatten)]
    pub span: Option<Span>,
    /// The columns with the largest shares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heat_map: Option<PathBuf>,
    /// Whether it is normal, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<bool>,
}

impl Verdict {
    /// `odd` or `normal`.
    pub fn word(&self) -> &'static str {
        if self.odd { "odd" } else { "normal" }
    }

    /// Where the errors are, in words.
    fn place(&self) -> String {
        let columns = self.fields.iter();
        let columns = columns.map(|it| format!("{} {:.0} %", it.name, it.share * 100.0));
        let window = (self.place).map(|it| {
            let frame = it
                .frame
                .map_or_else(String::new, |it| format!("frame {it}, "));
            format!(
                "{frame}top {}, left {}, {} x {}",
                it.top, it.left, it.height, it.width
            )
        });
        let tile = self.place.and_then(|it| it.tile);
        let tile = tile.map(|[top, left, ..]| format!("tile at {top}, {left}"));
        let window = window.or_else(|| {
            let it = self.span.as_ref()?;
            Some(match (&it.first_time, &it.last_time) {
                (Some(first), Some(last)) => format!("{first} to {last}"),
                _ => format!("steps {} to {}", it.first_step, it.last_step),
            })
        });
        let parts: Vec<String> = window.into_iter().chain(tile).chain(columns).collect();
        match parts.is_empty() {
            true => "-".into(),
            false => parts.join("; "),
        }
    }
}

/// How well scores tell normal samples from others.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measured {
    /// Samples known to be normal.
    pub normal: usize,
    /// Others.
    pub other: usize,
    /// Area under the receiver operating characteristic.
    pub auroc: f64,
    /// Its 95 % confidence interval.
    pub auroc_interval: [f64; 2],
    /// Average precision, with the others as positives.
    pub average_precision: f64,
}

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Found {
    pub run: String,
    pub method: Method,
    pub unit: &'static str,
    pub quantile: f64,
    pub threshold: f64,
    /// Validation samples that set the threshold.
    pub held: usize,
    pub pixels: Option<Pixels>,
    /// Odd stretches of steps, if they were looked for.
    pub intervals: Option<usize>,
    pub verdicts: Vec<Verdict>,
}

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub score: &'static str,
    /// `picture`, `row` or `window`.
    pub unit: &'static str,
    /// Share of the validation samples that score at most the threshold.
    pub quantile: f64,
    pub threshold: f64,
    /// Validation samples that set the threshold.
    #[serde(rename = "validation_samples")]
    pub held: usize,
    /// Samples above the threshold.
    pub odd: usize,
    /// If some are known to be normal and some not to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// How well error maps tell odd pixels, if there are masks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// Odd stretches of steps of series, if they were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<usize>,
    pub scores: Vec<Verdict>,
}

impl Report {
    /// Of what was found.
    pub fn new(found: &Found) -> Self {
        let of = |normal: bool| -> Vec<f64> {
            let known = found.verdicts.iter();
            let known = known.filter(|it| it.normal == Some(normal));
            known.map(|it| it.score).collect()
        };
        let (normal, other) = (of(true), of(false));
        let measured = || {
            let area = auroc(&normal, &other)?;
            Some(Measured {
                normal: normal.len(),
                other: other.len(),
                auroc: area,
                auroc_interval: auroc_interval(area, normal.len(), other.len())?,
                average_precision: average_precision(&normal, &other)?,
            })
        };
        Self {
            run: found.run.clone(),
            score: found.method.name(),
            unit: found.unit,
            quantile: found.quantile,
            threshold: found.threshold,
            held: found.held,
            odd: found.verdicts.iter().filter(|it| it.odd).count(),
            measured: measured(),
            pixels: found.pixels,
            intervals: found.intervals,
            scores: found.verdicts.clone(),
        }
    }

    /// The samples with the highest scores.
    pub fn worst(&self) -> Table {
        let mut worst: Vec<&Verdict> = self.scores.iter().collect();
        worst.sort_by(|one, other| other.score.total_cmp(&one.score));
        let row = |it: &&Verdict| {
            vec![
                it.name.clone(),
                it.place(),
                it.word().to_owned(),
                format!("{:.4}", it.score),
            ]
        };
        let rows = worst.iter().take(SHOWN).map(row).collect();
        Table::new(&[self.unit, "largest errors", "verdict", "score"], rows, 3)
    }

    /// What labels and masks say, in words.
    pub fn measured(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(it) = &self.measured {
            let [low, high] = it.auroc_interval;
            lines.push(format!(
                "by labels: AUROC {:.4} ({low:.4} to {high:.4}), average precision {:.4}, on {} normal and {} other {}s",
                it.auroc, it.average_precision, it.normal, it.other, self.unit
            ));
        }
        if let Some(it) = &self.pixels {
            let without = match it.without {
                0 => String::new(),
                without => format!(
                    "; {} without a mask, taken as normal",
                    counted(without, "picture")
                ),
            };
            let area = it.auroc.map_or_else(|| "-".into(), |it| format!("{it:.4}"));
            lines.push(format!(
                "by masks: AUROC {area} of {} normal and {} odd pixels{without}",
                it.normal, it.odd
            ));
        }
        lines
    }
}
