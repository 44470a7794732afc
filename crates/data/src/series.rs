//! Series: values of one or more channels over time, from text, NumPy and WAV files.

use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::wrong;
use crate::numpy::Array;
use crate::series_set::EachRow;
use crate::table::{Cells, Column, Table, Told, is_date, open};
use crate::{DataError, Fields, Warning, counted, wav};

/// Files of these kinds are read where a folder is given.
const KINDS: [&str; 8] = ["csv", "tsv", "txt", "npy", "npz", "parquet", "pq", "wav"];

/// A step of time may differ so much from the usual one, as a share of it.
const JITTER: f64 = 0.01;

/// Steps that are longer than so many usual ones are gaps.
const GAP: f64 = 1.5;

/// Stamps of which fewer than this share are as far apart as usual, or a gap, are irregular.
const REGULAR: f64 = 0.95;

/// Values of some channels over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    steps: usize,
    /// `[channel, step]` in the data's own units; a missing one is NaN.
    values: Vec<f64>,
    clock: Clock,
    labels: Labels,
    /// Steps before which some are missing, ascending.
    breaks: Vec<usize>,
    /// What is to be said of these.
    gaps: String,
}

/// When the steps of a series are.
#[derive(Clone, Debug, PartialEq)]
enum Clock {
    None,
    /// As the file says.
    Stamps(Cells),
    /// So many steps in a second.
    Rate(u32),
}

/// The labels of a series.
#[derive(Clone, Debug, PartialEq)]
enum Labels {
    None,
    /// Of the whole series.
    One(String),
    /// Of each step.
    Each(Cells),
}

/// How series are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub each_row: EachRow,
    /// The column of stamps; by default the first one of dates.
    pub time: Option<&'a str>,
    /// The column of labels.
    pub label: Option<&'a str>,
    /// Columns to leave out.
    pub drop: &'a [String],
    /// The channels of a run; the file's own by default.
    pub fields: Option<&'a Fields>,
}

/// The series of a file or a folder.
#[derive(Debug)]
pub(crate) struct Found {
    pub series: Vec<Series>,
    /// The names of the channels, which all series have.
    pub channels: Vec<String>,
    pub warnings: Vec<Warning>,
}

impl Series {
    /// What it is called: its file, or its row.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The values of a channel, in the data's own units; a missing one is NaN. Empty past the last channel.
    pub fn channel(&self, channel: usize) -> &[f64] {
        let start = channel * self.steps;
        self.values
            .get(start..start + self.steps)
            .unwrap_or_default()
    }

    /// When a step is: its stamp, or seconds from the start of a recording.
    pub fn time(&self, step: usize) -> Option<String> {
        match &self.clock {
            Clock::None => None,
            Clock::Stamps(cells) => cells.text(step),
            Clock::Rate(rate) => Some(format!("{:.6}", step as f64 / f64::from(*rate))),
        }
    }

    /// The label of a step, if steps or whole series have labels.
    pub fn label(&self, step: usize) -> Option<String> {
        match &self.labels {
            Labels::None => None,
            Labels::One(text) => Some(text.clone()),
            Labels::Each(cells) => cells.text(step),
        }
    }

    /// The label of the whole series, if series have labels.
    pub(crate) fn own_label(&self) -> Option<&str> {
        match &self.labels {
            Labels::One(text) => Some(text),
            _ => None,
        }
    }

    /// What is to be said of its gaps, if it has any. Where they leave less than two windows of so many steps between each
    /// other, windows cross them.
    pub(crate) fn settle_gaps(&mut self, window: usize) -> Option<String> {
        let parts = self.breaks.len() + 1;
        if parts == 1 {
            return None;
        }
        if self.steps / parts < 2 * window {
            self.breaks.clear();
            return Some(format!(
                "{}; they are so many that windows cross them",
                self.gaps
            ));
        }
        Some(format!("{}; no window crosses one", self.gaps))
    }

    /// The stretches of some steps that have no gap within.
    pub(crate) fn stretches(&self, within: &Range<usize>) -> Vec<Range<usize>> {
        let inner = self.breaks.iter().copied();
        let inner = inner.filter(|step| within.start < *step && *step < within.end);
        let ends = inner.chain([within.end]);
        let mut start = within.start;
        let stretch = |end| {
            let stretch = start..end;
            start = end;
            stretch
        };
        ends.map(stretch).collect()
    }
}

/// The series of a file, or of all files of a folder in the order of their names.
///
/// # Errors
///
/// [`DataError::Table`] with the place of the fault.
pub(crate) fn read(path: &Path, how: &Reading<'_>) -> Result<Found, DataError> {
    if !path.is_dir() {
        return read_file(path, how);
    }
    let listing = std::fs::read_dir(path).map_err(|error| DataError::read(path, error))?;
    let (mut files, mut others): (Vec<PathBuf>, usize) = (Vec::new(), 0);
    for entry in listing {
        let file = entry.map_err(|error| DataError::read(path, error))?.path();
        let kind = file.extension().unwrap_or_default().to_string_lossy();
        match KINDS.contains(&kind.to_lowercase().as_str()) && file.is_file() {
            true => files.push(file),
            false => others += 1,
        }
    }
    files.sort();
    let place = path.display().to_string();
    let mut all: Option<Found> = None;
    for file in &files {
        let found = read_file(file, how)?;
        match &mut all {
            None => all = Some(found),
            Some(all) if all.channels != found.channels => {
                let reason = format!(
                    "found the channels {}, but {} has {}; put files of one kind into a folder of their own",
                    found.channels.join(", "),
                    all.series.first().map_or("the first file", Series::name),
                    all.channels.join(", ")
                );
                return Err(wrong(&file.display().to_string(), &reason));
            }
            Some(all) => {
                all.series.extend(found.series);
                all.warnings.extend(found.warnings);
            }
        }
    }
    let Some(mut all) = all else {
        let reason = "has no series; allowed: .csv, .tsv, .txt, .npy, .npz, .parquet, .wav";
        return Err(wrong(&place, reason));
    };
    if others > 0 {
        all.warnings.push(Warning::Series {
            file: place,
            reason: format!(
                "{} not read: folders, or files of other kinds",
                match others {
                    1 => "1 entry is".to_owned(),
                    _ => format!("{others} entries are"),
                }
            ),
        });
    }
    Ok(all)
}

fn read_file(path: &Path, how: &Reading<'_>) -> Result<Found, DataError> {
    let file = path.display().to_string();
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let found = match (kind.to_lowercase().as_str(), how.each_row) {
        ("wav", EachRow::Step) => recording(path, name)?,
        ("wav", EachRow::Series) => {
            let reason =
                "is one series; remove data.row, which is for tables with a series in each row";
            return Err(wrong(&file, reason));
        }
        ("npy", _) => array(path, &file, &name, how)?,
        (_, EachRow::Step) => steps(path, name, how)?,
        (_, EachRow::Series) => rows(path, &name, how)?,
    };
    if let Some(fields) = how.fields {
        let wanted: Vec<&str> = fields.0.iter().map(|it| it.name.as_str()).collect();
        if found.channels != wanted {
            let reason = format!(
                "found the channels {}; the model was trained with {}",
                found.channels.join(", "),
                wanted.join(", ")
            );
            return Err(wrong(&file, &reason));
        }
    }
    Ok(found)
}

fn recording(path: &Path, name: String) -> Result<Found, DataError> {
    let recording = wav::read(path)?;
    Ok(Found {
        channels: numbered(recording.channels),
        series: vec![Series {
            name,
            steps: recording.values.len() / recording.channels,
            values: recording.values,
            clock: Clock::Rate(recording.rate),
            labels: Labels::None,
            breaks: Vec::new(),
            gaps: String::new(),
        }],
        warnings: Vec::new(),
    })
}

/// The names of channels without names.
fn numbered(channels: usize) -> Vec<String> {
    match channels {
        1 => vec!["value".to_owned()],
        _ => (0..channels).map(|place| format!("x{place}")).collect(),
    }
}

/// An array: `[step]` or `[step, channel]`, or with a series in each row `[series, step]` or `[series, channel, step]`.
fn array(path: &Path, file: &str, name: &str, how: &Reading<'_>) -> Result<Found, DataError> {
    if let Some(column) = how.label.or(how.time) {
        let reason =
            format!("an array has no column \"{column}\"; use .npz or .csv, or remove the key");
        return Err(wrong(file, &reason));
    }
    let (opened, bytes) = open(path)?;
    let Array { values, shape } = Array::read(file, BufReader::new(opened), [bytes, bytes])?;
    let (count, channels, steps) = match (how.each_row, shape.as_slice()) {
        (EachRow::Step, &[steps]) => (1, 1, steps),
        (EachRow::Step, &[steps, channels]) => (1, channels, steps),
        (EachRow::Series, &[count, steps]) => (count, 1, steps),
        (EachRow::Series, &[count, channels, steps]) => (count, channels, steps),
        (row, _) => {
            let allowed = match row {
                EachRow::Step => {
                    "[steps] or [steps, channels]; set data.row to \"series\" for an array of series"
                }
                EachRow::Series => "[series, steps] or [series, channels, steps]",
            };
            let reason = format!("found an array of shape {shape:?}; allowed: {allowed}");
            return Err(wrong(file, &reason));
        }
    };
    if values.is_empty() {
        return Err(wrong(
            file,
            &format!("found an empty array of shape {shape:?}"),
        ));
    }
    let series = |(index, values): (usize, &[f64])| Series {
        name: match how.each_row {
            EachRow::Step => name.to_owned(),
            EachRow::Series => format!("{name}:{index}"),
        },
        steps,
        values: match how.each_row {
            // The file has the channels of a step side by side.
            EachRow::Step => (0..channels)
                .flat_map(|channel| values.iter().skip(channel).step_by(channels).copied())
                .collect(),
            EachRow::Series => values.to_vec(),
        },
        clock: Clock::None,
        labels: Labels::None,
        breaks: Vec::new(),
        gaps: String::new(),
    };
    Ok(Found {
        series: values
            .chunks_exact(values.len() / count)
            .enumerate()
            .map(series)
            .collect(),
        channels: numbered(channels),
        warnings: Vec::new(),
    })
}

/// A table with a step in each row.
fn steps(path: &Path, name: String, how: &Reading<'_>) -> Result<Found, DataError> {
    let told = Told {
        time: how.time,
        dates: true,
        ..match how.fields {
            Some(fields) => Told::for_run(fields, how.label),
            None => Told {
                drop: how.drop,
                label: how.label,
                ..Told::default()
            },
        }
    };
    let mut table = Table::read(path, &told)?;
    let labels = how.label.and_then(|name| table.take(name));
    let time = match how.time {
        Some(name) => table.take(name),
        None => {
            let dates = table.columns.iter().find(|it| has_dates(it));
            let dates = dates.map(|it| it.name.clone());
            dates.and_then(|name| table.take(&name))
        }
    };
    let columns = match how.fields {
        None => table.columns,
        // Other columns of a run's data are of no importance.
        Some(fields) => {
            let wanted = fields.0.iter();
            wanted.filter_map(|it| table.take(&it.name)).collect()
        }
    };
    let (mut values, mut channels) = (Vec::new(), Vec::new());
    for column in columns {
        values.extend_from_slice(numbers(&table.file, &column)?);
        channels.push(column.name);
    }
    if channels.is_empty() {
        let reason = "has no column of numbers beside those of data.time, data.label and data.drop";
        return Err(wrong(&table.file, reason));
    }
    let mut warnings = Vec::new();
    let (breaks, gaps) = match &time {
        None => Default::default(),
        Some(time) => breaks(&table.file, time, &mut warnings),
    };
    Ok(Found {
        series: vec![Series {
            name,
            steps: table.rows,
            values,
            clock: time.map_or(Clock::None, |time| Clock::Stamps(time.cells)),
            labels: labels.map_or(Labels::None, |labels| Labels::Each(labels.cells)),
            breaks,
            gaps,
        }],
        channels,
        warnings,
    })
}

/// A table with a series in each row.
fn rows(path: &Path, name: &str, how: &Reading<'_>) -> Result<Found, DataError> {
    if how.time.is_some() {
        let reason = "data.time is for tables with a step in each row; remove it, or data.row";
        return Err(wrong(&path.display().to_string(), reason));
    }
    let told = Told {
        drop: how.drop,
        label: how.label,
        ..Told::default()
    };
    let mut table = Table::read(path, &told)?;
    let labels = how.label.and_then(|name| table.take(name));
    let columns: Vec<&[f64]> = (table.columns.iter())
        .map(|column| numbers(&table.file, column))
        .collect::<Result<_, _>>()?;
    let series = |row: usize| Series {
        name: format!("{name}:{row}"),
        steps: columns.len(),
        values: (columns.iter())
            .map(|column| column.get(row).copied().unwrap_or(f64::NAN))
            .collect(),
        clock: Clock::None,
        labels: match labels.as_ref().map(|labels| labels.cells.text(row)) {
            Some(Some(text)) => Labels::One(text),
            _ => Labels::None,
        },
        breaks: Vec::new(),
        gaps: String::new(),
    };
    Ok(Found {
        series: (0..table.rows).map(series).collect(),
        channels: numbered(1),
        warnings: Vec::new(),
    })
}

fn numbers<'a>(file: &str, column: &'a Column) -> Result<&'a [f64], DataError> {
    match &column.cells {
        Cells::Numbers(all) => Ok(all),
        Cells::Texts(_) => {
            let reason = format!(
                "column \"{}\": found text; a series holds numbers; list the column in data.drop, or name it in data.time \
                 or data.label",
                column.name
            );
            Err(wrong(file, &reason))
        }
    }
}

fn has_dates(column: &Column) -> bool {
    let Cells::Texts(all) = &column.cells else {
        return false;
    };
    let mut known = all.iter().flatten().peekable();
    known.peek().is_some() && known.all(|text| is_date(text))
}

/// The seconds of a stamp: a number, or a date and time in ISO's order.
fn seconds(cells: &Cells, step: usize) -> Option<f64> {
    match cells {
        Cells::Numbers(all) => all.get(step).copied().filter(|it| !it.is_nan()),
        Cells::Texts(all) => {
            let text = all.get(step)?.as_deref()?;
            if let Ok(number) = text.parse::<f64>() {
                return Some(number);
            }
            // One with an offset is a moment, one without is as good for telling how far two are apart.
            let moment = text.parse::<jiff::Timestamp>().ok();
            let moment = moment.or_else(|| {
                let moment: DateTime = text.parse().ok()?;
                TimeZone::UTC.to_timestamp(moment).ok()
            })?;
            Some(moment.as_second() as f64 + f64::from(moment.subsec_nanosecond()) * 1e-9)
        }
    }
}

/// The steps before which some are missing, from the stamps of a series, and what is to be said of them; warnings about
/// anything else.
fn breaks(file: &str, time: &Column, warnings: &mut Vec<Warning>) -> (Vec<usize>, String) {
    let mut warn = |reason| {
        warnings.push(Warning::Series {
            file: file.to_owned(),
            reason,
        });
    };
    let cells = &time.cells;
    let mut stamps = Vec::with_capacity(cells.len());
    for step in 0..cells.len() {
        let Some(stamp) = seconds(cells, step) else {
            let found = match cells.text(step) {
                Some(text) => {
                    format!("\"{text}\", which is no number and no date as 2026-01-31 12:00")
                }
                None => "nothing".to_owned(),
            };
            warn(format!(
                "row {step}, column \"{}\": found {found}; windows count rows, and gaps in time are not looked for",
                time.name
            ));
            return Default::default();
        };
        stamps.push(stamp);
    }
    let apart: Vec<f64> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let back: Vec<usize> = (1..)
        .zip(&apart)
        .filter(|(_, it)| **it <= 0.0)
        .map(|(step, _)| step)
        .collect();
    if let Some(first) = back.first() {
        warn(format!(
            "{} not later than the one before, the first in row {first} ({})",
            match back.len() {
                1 => "1 stamp is".to_owned(),
                count => format!("{count} stamps are"),
            },
            cells.text(*first).unwrap_or_default()
        ));
    }
    let mut sorted: Vec<f64> = apart.iter().copied().filter(|it| *it > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(&usual) = sorted.get(sorted.len() / 2) else {
        return Default::default();
    };
    let is_gap = |it: f64| it > GAP * usual;
    let as_usual = |it: f64| (it - usual).abs() <= JITTER * usual;
    let regular = sorted
        .iter()
        .filter(|it| as_usual(**it) || is_gap(**it))
        .count();
    let gaps = sorted.iter().filter(|it| is_gap(**it)).count();
    // Where gaps are many, none of them is one.
    let many = (sorted.len() - gaps) as f64;
    if (regular as f64) < REGULAR * sorted.len() as f64 || many < REGULAR * sorted.len() as f64 {
        let ends = [sorted.first(), sorted.last()].map(|it| it.copied().unwrap_or_default());
        warn(format!(
            "stamps are irregular, {} to {} apart, {} usually; windows count rows, not time",
            lasting(ends[0]),
            lasting(ends[1]),
            lasting(usual)
        ));
        return Default::default();
    }
    let breaks: Vec<usize> = (1..)
        .zip(&apart)
        .filter(|(_, it)| is_gap(**it))
        .map(|(step, _)| step)
        .collect();
    let Some(&first) = breaks.first() else {
        return Default::default();
    };
    let missing: f64 = (apart.iter().filter(|it| is_gap(**it)))
        .map(|it| (it / usual).round() - 1.0)
        .sum();
    let gaps = format!(
        "{}, {missing} steps in all are missing, the first before row {first} ({})",
        counted(breaks.len(), "gap"),
        cells.text(first).unwrap_or_default()
    );
    (breaks, gaps)
}

/// A time in words. Stamps that are numbers may count anything, and are taken as seconds.
fn lasting(seconds: f64) -> String {
    match seconds {
        it if it >= 86_400.0 => format!("{:.1} days", it / 86_400.0),
        it if it >= 3_600.0 => format!("{:.1} h", it / 3_600.0),
        it if it >= 60.0 => format!("{:.1} min", it / 60.0),
        it => format!("{it} s"),
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
