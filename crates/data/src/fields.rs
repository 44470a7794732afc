//! Fields: what the channels of real samples stand for, and how the data's own values become those that a model sees.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::table::{Cells, Column, Table};
use crate::{DataError, Warning};

/// A column of a table: what the model's training found of it, with which all later data are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldKind {
    /// A number, which the model sees as (number - mean) / deviation.
    Number {
        /// Of the training rows.
        mean: f64,
        /// Standard deviation of the training rows; 1 if they are all equal.
        deviation: f64,
    },
    /// One of some texts, which the model sees as a channel for each: 1 for the one it is, 0 for the others.
    Category {
        /// The texts, sorted.
        values: Vec<String>,
        /// The share of the training rows that have each of them.
        shares: Vec<f64>,
    },
}

/// The fields of a sample, in the order of its channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fields(pub Vec<Field>);

impl Field {
    /// Channels that it takes.
    pub fn channels(&self) -> usize {
        match &self.kind {
            FieldKind::Number { .. } => 1,
            FieldKind::Category { values, .. } => values.len(),
        }
    }

    /// Whether it is a category.
    pub fn is_category(&self) -> bool {
        matches!(self.kind, FieldKind::Category { .. })
    }

    /// What the training rows have in the mean, as a model sees it: a value for each channel.
    pub fn center(&self) -> Vec<f32> {
        match &self.kind {
            FieldKind::Number { .. } => vec![0.0],
            FieldKind::Category { shares, .. } => shares.iter().map(|&it| it as f32).collect(),
        }
    }

    /// How often `cells` have which values, as a model will see them.
    pub(crate) fn fit(name: &str, cells: &Cells) -> Self {
        let kind = match cells {
            Cells::Numbers(all) => {
                let known: Vec<f64> = all.iter().copied().filter(|it| !it.is_nan()).collect();
                let count = known.len().max(1) as f64;
                let mean = known.iter().sum::<f64>() / count;
                let square = known
                    .iter()
                    .map(|it| (it - mean) * (it - mean))
                    .sum::<f64>();
                let deviation = (square / count).sqrt();
                // Equal numbers leave a deviation of rounding alone.
                let equal = deviation <= mean.abs() * f64::EPSILON * count.sqrt();
                FieldKind::Number {
                    mean,
                    deviation: if equal { 1.0 } else { deviation },
                }
            }
            Cells::Texts(all) => {
                let mut counts = BTreeMap::new();
                for text in all.iter().flatten() {
                    *counts.entry(text.clone()).or_insert(0_usize) += 1;
                }
                let known = counts.values().sum::<usize>().max(1) as f64;
                let shares = counts.values().map(|&count| count as f64 / known).collect();
                FieldKind::Category {
                    values: counts.into_keys().collect(),
                    shares,
                }
            }
        };
        Field {
            name: name.to_owned(),
            kind,
        }
    }

    /// Whether the training rows all have the same value.
    fn is_constant(&self, cells: &Cells) -> bool {
        match (&self.kind, cells) {
            (FieldKind::Number { mean, .. }, Cells::Numbers(all)) => {
                let mut known = all.iter().filter(|it| !it.is_nan());
                known.all(|it| (it - mean).abs() <= mean.abs() * 1e-12)
            }
            (FieldKind::Category { values, .. }, _) => values.len() < 2,
            _ => false,
        }
    }
}

impl Fields {
    /// The fields of a table of training rows, and the names of those whose values are all equal. A text column without
    /// any text has no channel.
    pub(crate) fn fit(table: &Table) -> (Self, Vec<String>) {
        let (mut fields, mut constant) = (Vec::new(), Vec::new());
        for column in &table.columns {
            let field = Field::fit(&column.name, &column.cells);
            if field.is_constant(&column.cells) {
                constant.push(column.name.clone());
            }
            if field.channels() > 0 {
                fields.push(field);
            }
        }
        (Self(fields), constant)
    }

    /// Channels of a sample.
    pub fn channels(&self) -> usize {
        self.0.iter().map(Field::channels).sum()
    }

    /// Each field with the first of its channels.
    pub fn placed(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.0.iter().scan(0, |next, field| {
            let first = *next;
            *next += field.channels();
            Some((first, field))
        })
    }

    /// The rows of a table as a model sees them, `[row, channel]`; a missing value is NaN. With warnings about texts that
    /// no training row had, which become no category.
    ///
    /// # Errors
    ///
    /// [`DataError::Table`] if a field has no column of its kind.
    pub(crate) fn encode(&self, table: &Table) -> Result<(Vec<f32>, Vec<Warning>), DataError> {
        let channels = self.channels();
        let mut out = vec![0.0_f32; table.rows * channels];
        let mut warnings = Vec::new();
        let columns = table.columns.iter();
        let columns: HashMap<&str, &Column> = columns.map(|it| (it.name.as_str(), it)).collect();
        for (first, field) in self.placed() {
            let column = columns
                .get(field.name.as_str())
                .ok_or_else(|| DataError::Table {
                    file: table.file.clone(),
                    reason: format!(
                        "has no column \"{}\", which the model was trained with",
                        field.name
                    ),
                })?;
            let rows = out.chunks_exact_mut(channels);
            match (&field.kind, &column.cells) {
                (FieldKind::Number { mean, deviation }, Cells::Numbers(cells)) => {
                    for (row, &cell) in rows.zip(cells) {
                        if let Some(value) = row.get_mut(first) {
                            *value = ((cell - mean) / deviation) as f32;
                        }
                    }
                }
                (FieldKind::Category { values, .. }, cells) => {
                    let mut unknown = 0;
                    let mut an_unknown = String::new();
                    for (index, row) in rows.enumerate() {
                        let Some(row) = row.get_mut(first..first + values.len()) else {
                            continue;
                        };
                        match cells.text(index) {
                            None => row.fill(f32::NAN),
                            Some(text) => match values.binary_search(&text) {
                                Ok(place) => row[place] = 1.0,
                                Err(_) => {
                                    unknown += 1;
                                    an_unknown = text;
                                }
                            },
                        }
                    }
                    if unknown > 0 {
                        warnings.push(Warning::UnknownCategory {
                            file: table.file.clone(),
                            column: field.name.clone(),
                            count: unknown,
                            value: an_unknown,
                        });
                    }
                }
                (FieldKind::Number { .. }, Cells::Texts(_)) => {
                    return Err(DataError::Table {
                        file: table.file.clone(),
                        reason: format!(
                            "column \"{}\": found text; the model was trained with numbers",
                            field.name
                        ),
                    });
                }
            }
        }
        Ok((out, warnings))
    }

    /// Numbers in the data's own units, `[sample, step, field]`, from samples `[sample, channel, step]` as a model sees
    /// them: rows have one step. As [`Fields::own_numbers`] if there are categories, whose samples are rows.
    pub fn own_values(&self, seen: &[f32], steps: usize) -> Vec<f32> {
        let number = |field: &Field| match field.kind {
            FieldKind::Number { mean, deviation } => Some([mean, deviation]),
            FieldKind::Category { .. } => None,
        };
        let Some(numbers) = self.0.iter().map(number).collect::<Option<Vec<_>>>() else {
            return self.own_numbers(seen);
        };
        let sample = (numbers.len() * steps).max(1);
        let value = |of: &[f32], step: usize| -> Vec<f32> {
            let channels = of.iter().skip(step).step_by(steps.max(1));
            let pairs = channels.zip(&numbers);
            pairs
                .map(|(value, [mean, deviation])| (f64::from(*value) * deviation + mean) as f32)
                .collect()
        };
        let samples = seen.chunks_exact(sample);
        samples
            .flat_map(|of| (0..steps).flat_map(move |step| value(of, step)))
            .collect()
    }

    /// Numbers in the data's own units, `[row, field]`, from rows `[row, channel]` as a model sees them; a category is
    /// the number that its text stands for, or else its place among the texts.
    pub fn own_numbers(&self, rows: &[f32]) -> Vec<f32> {
        let samples = rows.chunks_exact(self.channels().max(1));
        let number = |field: &Field, text: &String| match &field.kind {
            FieldKind::Number { .. } => text.parse().unwrap_or(f32::NAN),
            FieldKind::Category { values, .. } => match text.parse() {
                Ok(number) => number,
                Err(_) => values
                    .binary_search(text)
                    .map_or(f32::NAN, |place| place as f32),
            },
        };
        let row = |sample| {
            let own = self.own(sample);
            let pairs = self.0.iter().zip(&own);
            pairs
                .map(|(field, text)| number(field, text))
                .collect::<Vec<f32>>()
        };
        samples.flat_map(row).collect()
    }

    /// A value in the data's own units, as text, from what a model gives for a sample's channels.
    pub fn own(&self, sample: &[f32]) -> Vec<String> {
        let texts = self.placed().map(|(first, field)| {
            let channels = sample.get(first..first + field.channels());
            let channels = channels.unwrap_or_default();
            match &field.kind {
                FieldKind::Number { mean, deviation } => match channels.first() {
                    Some(value) if !value.is_nan() => {
                        // An f32 has about seven digits.
                        let own = f64::from(*value) * deviation + mean;
                        format!("{}", own as f32)
                    }
                    _ => String::new(),
                },
                FieldKind::Category { values, .. } => {
                    let largest = (channels.iter().zip(values))
                        .filter(|(it, _)| !it.is_nan())
                        .max_by(|(a, _), (b, _)| a.total_cmp(b));
                    largest.map_or_else(String::new, |(_, value)| value.clone())
                }
            }
        });
        texts.collect()
    }
}
