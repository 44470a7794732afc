//! Decoded codes: a grid over a code of two units, walks from one picture to another, and each unit
//! varied alone.

use anyhow::Result;

use super::{Files, Shown, Study};
use crate::terminal;
use hourglass::analysis::features::Features;
use hourglass::analysis::random::Random;
use hourglass::analysis::units::range;
use hourglass::streams::Stream;
use report::chart::plain_number;
use report::sheet::Sheet;

/// Pictures along each side of the grid; every fifth one is labelled with its value.
const GRID: usize = 21;
const GRID_NAMED: usize = 5;

/// Number of walks, and of pictures on each.
const WALKS: usize = 6;
const WALK_STEPS: usize = 11;
/// Attempts to find a picture with another label.
const TRIES: usize = 100;

/// Number of varied units, starting with those that vary most, and of values per unit.
const VARIED: usize = 10;
const VARIED_STEPS: usize = 11;

impl Study<'_> {
    /// Decodes codes, row-major [pictures, code size].
    fn decode(&self, codes: &[f32]) -> Result<Vec<Vec<f32>>> {
        Ok(self.subject.loaded.decode(codes, self.codes.width())?)
    }

    /// `grid`: decoded pictures over the plane of a code of two units.
    pub(super) fn grid(&self, files: &mut Files<'_>) -> Result<()> {
        if self.codes.width() != 2 {
            return Ok(());
        }
        let Some(Plane {
            across,
            rows,
            codes,
        }) = Plane::over(&self.codes, GRID)
        else {
            terminal::note("note: grid skipped: a unit is the same for all pictures");
            return Ok(());
        };
        let named = |values: &[f32]| -> Vec<String> {
            let name = |(place, value): (usize, &f32)| match place % GRID_NAMED {
                0 => plain_number(f64::from(*value)),
                _ => String::new(),
            };
            values.iter().enumerate().map(name).collect()
        };
        Ok(self
            .sheet(
                format!("{}: decoded grid over the code of 2 units", self.name),
                vec!["each axis covers the middle 98 % of the unit's values".into()],
                self.decode(&codes)?,
                GRID,
            )
            .named("unit 0", named(&across), "unit 1", named(&rows))
            .write(&files.stem("grid"))?)
    }

    /// `walk`: decoded pictures along straight lines between the codes of two pictures. Returns the
    /// pairs, as indices into the data.
    pub(super) fn walks(&self, files: &mut Files<'_>) -> Result<Vec<[u32; 2]>> {
        let pairs = pairs(
            self.codes.len(),
            self.labels.as_deref(),
            Stream::Analysis.seed(self.seed, 2),
        );
        if pairs.is_empty() {
            terminal::note("note: walks skipped: they need two pictures");
            return Ok(Vec::new());
        }
        let mut codes = Vec::new();
        for &[from, to] in &pairs {
            let (from, to) = (self.codes.row(from), self.codes.row(to));
            for share in steps([0.0, 1.0], WALK_STEPS) {
                let way = from.iter().zip(to);
                codes.extend(way.map(|(from, to)| from + share * (to - from)));
            }
        }
        let decoded = self.decode(&codes)?;
        let ends: Vec<[u32; 2]> = pairs
            .iter()
            .map(|pair| pair.map(|row| self.chosen.get(row).copied().unwrap_or_default()))
            .collect();
        let inputs = Features::pixels(&self.subject.test, &ends.concat());
        let mut pictures = Vec::new();
        for (walk, decoded) in decoded.chunks(WALK_STEPS).enumerate() {
            pictures.push(inputs.row(2 * walk).to_vec());
            pictures.extend(decoded.iter().cloned());
            pictures.push(inputs.row(2 * walk + 1).to_vec());
        }
        let name = |row: usize| match self.labels.as_ref().and_then(|it| it.get(row)) {
            Some(label) => self.subject.test.class_name(*label),
            None => format!("no. {}", self.chosen.get(row).copied().unwrap_or_default()),
        };
        let rows: Vec<String> = pairs
            .iter()
            .map(|&[from, to]| format!("{} to {}", name(from), name(to)))
            .collect();
        let percent = |share: f32| format!("{:.0} %", share * 100.0);
        let mut columns = vec!["input".to_owned()];
        columns.extend(steps([0.0, 1.0], WALK_STEPS).into_iter().map(percent));
        columns.push("input".into());
        self.sheet(
            format!("{}: walks from one code to another", self.name),
            vec!["decoded along the straight line between the codes of two pictures".into()],
            pictures,
            WALK_STEPS + 2,
        )
        .named("position along the line", columns, "", rows)
        .write(&files.stem("walk"))?;
        Ok(ends)
    }

    /// `varied`: each unit varied alone, with all others at their mean.
    pub(super) fn varied(&self, files: &mut Files<'_>) -> Result<Shown> {
        let mut order: Vec<usize> = (0..self.units.len()).collect();
        let deviation = |unit: usize| self.units.get(unit).map_or(0.0, |unit| unit.deviation);
        order.retain(|&unit| deviation(unit) > 0.0);
        order.sort_by(|&one, &other| deviation(other).total_cmp(&deviation(one)));
        order.truncate(VARIED);
        let shown = Shown {
            shown: order.len(),
            of: self.units.len(),
        };
        if order.is_empty() {
            terminal::note("note: varied units skipped: each unit is the same for all pictures");
            return Ok(shown);
        }
        let mean: Vec<f32> = self.units.iter().map(|unit| unit.mean as f32).collect();
        let (mut codes, mut rows) = (Vec::new(), Vec::new());
        for &unit in &order {
            let range = range(&self.codes, unit);
            let [low, high] = range.map(|value| plain_number(f64::from(value)));
            rows.push(format!("unit {unit}: {low} to {high}"));
            for value in steps(range, VARIED_STEPS) {
                let start = codes.len();
                codes.extend_from_slice(&mean);
                if let Some(place) = codes.get_mut(start + unit) {
                    *place = value;
                }
            }
        }
        let percent = |share: f32| format!("{:.0} %", share * 100.0);
        let columns = steps([0.0, 1.0], VARIED_STEPS).into_iter().map(percent);
        let which = if shown.shown < shown.of {
            format!(
                "the {} of {} units that vary most; the others stay at their mean",
                shown.shown, shown.of
            )
        } else {
            "the other units stay at their mean".to_owned()
        };
        self.sheet(
            format!("{}: each unit of the code varied alone", self.name),
            vec![which],
            self.decode(&codes)?,
            VARIED_STEPS,
        )
        .named(
            "position within the middle 98 % of the unit's values",
            columns.collect(),
            "",
            rows,
        )
        .write(&files.stem("varied"))?;
        Ok(shown)
    }

    /// A sheet of pictures in rows of `columns`.
    fn sheet(
        &self,
        title: String,
        notes: Vec<String>,
        pictures: Vec<Vec<f32>>,
        columns: usize,
    ) -> Sheet {
        Sheet {
            title,
            notes,
            pictures: pictures.chunks(columns).map(<[Vec<f32>]>::to_vec).collect(),
            shape: self.subject.test.shape(),
            ..Sheet::default()
        }
    }
}

/// A grid of codes of two units, with the largest value of the second unit at the top, as on any chart.
pub struct Plane {
    /// Value of the first unit in each column.
    pub across: Vec<f32>,
    /// Value of the second unit in each row, from the top.
    pub rows: Vec<f32>,
    /// The codes, row by row, row-major [rows x columns, 2].
    pub codes: Vec<f32>,
}

impl Plane {
    /// A grid of `side` rows and columns, with each unit over the middle 98 % of its values in `codes`;
    /// `None` if a unit is constant.
    pub fn over(codes: &Features, side: usize) -> Option<Self> {
        let ranges = [range(codes, 0), range(codes, 1)];
        if ranges.iter().any(|[low, high]| low >= high) {
            return None;
        }
        let [across, mut rows] = ranges.map(|range| steps(range, side));
        rows.reverse();
        let row = |&second: &f32| across.iter().flat_map(move |&first| [first, second]);
        let codes = rows.iter().flat_map(row).collect();
        Some(Self {
            across,
            rows,
            codes,
        })
    }
}

/// `count` equally spaced values from one end of a range to the other.
fn steps([low, high]: [f32; 2], count: usize) -> Vec<f32> {
    let last = count.saturating_sub(1).max(1) as f32;
    (0..count)
        .map(|step| low + (high - low) * (step as f32 / last))
        .collect()
}

/// Pairs of different pictures, with different labels if possible; empty for fewer than two pictures.
fn pairs(pictures: usize, labels: Option<&[u8]>, seed: u64) -> Vec<[usize; 2]> {
    if pictures < 2 {
        return Vec::new();
    }
    let mut random = Random::new(seed);
    let label = |picture: usize| labels.and_then(|labels| labels.get(picture));
    let mut pairs = Vec::new();
    for _ in 0..WALKS {
        let from = random.below(pictures);
        let mut to = (from + 1 + random.below(pictures - 1)) % pictures;
        for _ in 0..TRIES {
            if labels.is_none() || label(from) != label(to) {
                break;
            }
            to = (from + 1 + random.below(pictures - 1)) % pictures;
        }
        pairs.push([from, to]);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_from_end_to_end() {
        assert_eq!(steps([-1.0, 3.0], 5), [-1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(steps([2.0, 3.0], 1), [2.0]);
    }

    #[test]
    fn pairs_are_of_different_pictures_and_labels() {
        let labels: Vec<u8> = (0..50).map(|it| it % 3).collect();
        let found = pairs(50, Some(&labels), 7);
        assert_eq!(found.len(), WALKS);
        assert!(found.iter().all(|&[from, to]| labels[from] != labels[to]));
        assert_eq!(found, pairs(50, Some(&labels), 7));
        assert_ne!(found, pairs(50, Some(&labels), 8));
        // One label, no labels, two pictures, one.
        for labels in [Some(&[4; 2][..]), None] {
            assert!(pairs(2, labels, 1).iter().all(|&[from, to]| from != to));
        }
        assert!(pairs(1, None, 1).is_empty() && pairs(0, None, 1).is_empty());
    }
}
