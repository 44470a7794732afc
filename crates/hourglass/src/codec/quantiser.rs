//! Quantisation: a code as whole multiples of a step along each axis, with frequencies learned from training codes.
//!
//! All axes have the same step, which spreads the error evenly; the entropy coder makes narrow axes cheap. The axes are
//! the code's units, or their principal components if training codes then take fewer bits: units are correlated, and
//! this removes the redundancy (transform coding, Huang & Schultheiss 1963).

use serde::{Deserialize, Serialize};

use super::Damaged;
use crate::analysis::features::Features;
use crate::analysis::principal::Principal;
use crate::measure::pca::PcaError;

/// The most bits per level. Finer levels change reconstructions less than rounding pixels to bytes.
pub const MOST_BITS: u32 = 8;

/// Bits at which units and principal components are compared.
const COMPARED_BITS: u32 = 5;

/// The widest code that is rotated: the directions of a wider one cost more space and time than they save.
const WIDEST_TURNED: usize = 512;

/// The most cells per axis. The widest unit has about 512; a principal component may be longer by a factor of up to the
/// square root of the number of units.
const MOST_CELLS: usize = 1 << 15;

/// The largest distance of a value from 0 in steps, which f32 can all distinguish.
const FURTHEST: usize = 1 << 20;

/// Axes other than the units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The mean code, which is 0 on all axes.
    pub mean: Vec<f32>,
    /// One unit vector per axis, of the length of a code.
    pub directions: Vec<Vec<f32>>,
}

/// Statistics of an axis over training codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The lowest cell with a training code. A cell is half of the finest step; cell 0 begins at 0.
    pub first: i32,
    /// The number of training codes in this cell and in each higher one, up to the highest.
    pub counts: Vec<u32>,
}

/// Statistics of a run's codes over training pictures: `codes.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// SHA-256 of the weights that made the codes.
    pub model_sha256: String,
    /// The step at [`MOST_BITS`]: the range of the widest unit divided by 256. Each bit less doubles it.
    pub step: f32,
    /// Principal components, if they replace the units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// Statistics of each unit or component.
    pub axes: Vec<Axis>,
}

impl Statistics {
    /// Learns the step, axes and frequencies from codes, one row per training picture.
    ///
    /// # Errors
    /// If the eigensolver fails.
    pub fn learn(model_sha256: &str, codes: &Features) -> Result<Self, PcaError> {
        let widest = extents(codes).map(|(low, high)| high - low);
        let furthest = extents(codes).map(|(low, high)| high.abs().max(low.abs()));
        let step = widest.fold(0.0, f32::max) / (1 << MOST_BITS) as f32;
        // Codes that vary little compared with their size.
        let step = step.max(furthest.fold(0.0, f32::max) / FURTHEST as f32);
        let units = Self {
            model_sha256: model_sha256.to_owned(),
            step: if step.is_normal() { step } else { 1.0 },
            turn: None,
            axes: Vec::new(),
        };
        let with = |turn, rows: &Features| units.counted(turn, rows);
        let plain = with(None, codes);
        if codes.width() > WIDEST_TURNED {
            return Ok(plain);
        }
        let Some(principal) = Principal::fit(codes, codes.width())? else {
            return Ok(plain);
        };
        let turn = Turn {
            mean: principal.mean().iter().map(|&it| it as f32).collect(),
            directions: principal.directions().to_vec(),
        };
        let along = Features::new(
            turn.along(codes.values()),
            turn.directions.len(),
            codes.len(),
        );
        let turned = with(Some(turn), &along);
        let bits = |it: &Self| it.quantiser(COMPARED_BITS).bits();
        Ok(if bits(&turned) < bits(&plain) {
            turned
        } else {
            plain
        })
    }

    /// The same for codes whose finest step is known, along their own units.
    pub fn of_steps(model_sha256: &str, codes: &Features, step: f32) -> Self {
        let empty = Self {
            model_sha256: model_sha256.to_owned(),
            step,
            turn: None,
            axes: Vec::new(),
        };
        empty.counted(None, codes)
    }

    /// With the frequencies of these places along the axes.
    fn counted(&self, turn: Option<Turn>, places: &Features) -> Self {
        let cells = |value: f32| cell(value, self.step);
        let axes = extents(places).map(|(low, high)| {
            let (first, last) = (cells(low), cells(high));
            let length = usize::try_from(last - first).unwrap_or_default() + 1;
            Axis {
                first,
                counts: vec![0; length.min(MOST_CELLS)],
            }
        });
        let mut axes: Vec<Axis> = axes.collect();
        for row in places.values().chunks_exact(places.width()) {
            for (axis, &value) in axes.iter_mut().zip(row) {
                let place = axis.place(cells(value));
                if let Some(count) = axis.counts.get_mut(place) {
                    *count += 1;
                }
            }
        }
        Self {
            turn,
            axes,
            ..self.clone()
        }
    }

    /// As the bytes of `codes.json`.
    ///
    /// # Errors
    /// Never, if memory suffices.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Damaged> {
        serde_json::to_vec(self).map_err(|error| Damaged(error.to_string()))
    }

    /// Whether it is valid for a code of this many units. A file may contain anything.
    pub fn fits(&self, units: usize) -> bool {
        let axis = |axis: &Axis| {
            let total: u64 = axis.counts.iter().map(|&count| u64::from(count)).sum();
            let last = usize::try_from(axis.first.unsigned_abs()).unwrap_or(usize::MAX);
            (1..=MOST_CELLS).contains(&axis.counts.len())
                && last <= 2 * FURTHEST
                && total <= u64::from(u32::MAX)
        };
        let finite = |values: &Vec<f32>| {
            values.len() == units && values.iter().all(|value| value.is_finite())
        };
        let turn = match &self.turn {
            Some(turn) => {
                finite(&turn.mean)
                    && turn.directions.iter().all(finite)
                    && turn.directions.len() == self.axes.len()
            }
            None => self.axes.len() == units,
        };
        self.step.is_normal() && self.step > 0.0 && turn && self.axes.iter().all(axis)
    }

    /// The quantiser with this many bits, 1 to [`MOST_BITS`].
    pub fn quantiser(&self, bits: u32) -> Quantiser<'_> {
        Quantiser {
            known: self,
            coarser: MOST_BITS.saturating_sub(bits.max(1)),
        }
    }
}

/// The cell of a value.
fn cell(value: f32, step: f32) -> i32 {
    let furthest = (2 * FURTHEST) as f32;
    (value * 2.0 / step).floor().clamp(-furthest, furthest) as i32
}

/// The minimum and maximum of each column.
fn extents(rows: &Features) -> impl Iterator<Item = (f32, f32)> {
    let mut all = vec![(f32::INFINITY, f32::NEG_INFINITY); rows.width()];
    for row in rows.values().chunks_exact(rows.width()) {
        for (extent, &value) in all.iter_mut().zip(row) {
            *extent = (extent.0.min(value), extent.1.max(value));
        }
    }
    all.into_iter()
}

impl Turn {
    /// The coordinates of codes, row-major `[pictures, units]`, along the axes: `[pictures, axes]`.
    fn along(&self, codes: &[f32]) -> Vec<f32> {
        let mut places = Vec::with_capacity(codes.len());
        for code in codes.chunks_exact(self.mean.len().max(1)) {
            for direction in &self.directions {
                let terms = code.iter().zip(&self.mean).zip(direction);
                places.push(
                    terms
                        .map(|((value, mean), weight)| (value - mean) * weight)
                        .sum(),
                );
            }
        }
        places
    }

    /// Codes from their coordinates along the axes.
    fn back(&self, places: &[f32]) -> Vec<f32> {
        let mut codes = Vec::with_capacity(places.len());
        for place in places.chunks_exact(self.directions.len().max(1)) {
            let mut code = self.mean.clone();
            for (direction, &length) in self.directions.iter().zip(place) {
                for (value, weight) in code.iter_mut().zip(direction) {
                    *value += length * weight;
                }
            }
            codes.extend(code);
        }
        codes
    }
}

impl Axis {
    /// A cell's index among those seen in training, or that of the nearest one.
    fn place(&self, cell: i32) -> usize {
        let above = i64::from(cell) - i64::from(self.first);
        let last = self.counts.len().saturating_sub(1);
        usize::try_from(above).unwrap_or_default().min(last)
    }
}

/// The level of a cell for steps of 2^`coarser` times the finest: its value in steps, rounded.
fn level(cell: i32, coarser: u32) -> i32 {
    (cell + (1 << coarser)) >> (coarser + 1)
}

/// Turns codes into whole multiples of a step.
#[derive(Clone, Copy, Debug)]
pub struct Quantiser<'a> {
    known: &'a Statistics,
    /// How often the finest step is doubled.
    coarser: u32,
}

impl Quantiser<'_> {
    /// The levels of codes, row-major `[pictures, units]`, counted from the lowest level of each axis: `[pictures, axes]`.
    ///
    /// # Errors
    /// If a code is not finite.
    pub fn levels(&self, codes: &[f32]) -> Result<Vec<u16>, Damaged> {
        if let Some(value) = codes.iter().find(|value| !value.is_finite()) {
            return Err(Damaged(format!("found {value} in a code")));
        }
        let turned = self.known.turn.as_ref().map(|turn| turn.along(codes));
        let places = turned.as_deref().unwrap_or(codes);
        let axes = self.known.axes.iter().cycle();
        let level = |(&value, axis): (&f32, &Axis)| {
            let cell = axis.first + axis.place(cell(value, self.known.step)) as i32;
            (level(cell, self.coarser) - level(axis.first, self.coarser)) as u16
        };
        Ok(places.iter().zip(axes).map(level).collect())
    }

    /// Codes from levels.
    pub fn values(&self, levels: &[u16]) -> Vec<f32> {
        let step = self.known.step * (1u32 << self.coarser) as f32;
        let axes = self.known.axes.iter().cycle();
        let value = |(&found, axis): (&u16, &Axis)| {
            (i32::from(found) + level(axis.first, self.coarser)) as f32 * step
        };
        let places: Vec<f32> = levels.iter().zip(axes).map(value).collect();
        match &self.known.turn {
            Some(turn) => turn.back(&places),
            None => places,
        }
    }

    /// The frequency of each level of each axis in training.
    pub fn frequencies(&self) -> impl Iterator<Item = Vec<u64>> {
        let coarser = self.coarser;
        self.known.axes.iter().map(move |axis| {
            let lowest = level(axis.first, coarser);
            let mut all = Vec::new();
            for (cell, &count) in (axis.first..).zip(&axis.counts) {
                let place = (level(cell, coarser) - lowest) as usize;
                all.resize(all.len().max(place + 1), 0u64);
                if let Some(sum) = all.get_mut(place) {
                    *sum += u64::from(count);
                }
            }
            all
        })
    }

    /// Bits per training code, from the entropy of each axis.
    fn bits(&self) -> f64 {
        let axis = |counts: Vec<u64>| {
            let total = counts.iter().sum::<u64>() as f64;
            let seen = counts.iter().filter(|&&count| count > 0);
            let bits = seen.map(|&count| -(count as f64 / total).log2() * count as f64 / total);
            bits.sum::<f64>()
        };
        self.frequencies().map(axis).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit 0 from -1 to 1, unit 1 always 3, unit 2 nearly always 0.
    fn statistics() -> Statistics {
        let codes = (0..5000).flat_map(|i| {
            let even = i as f32 / 2499.5 - 1.0;
            [even, 3.0, if i % 50 == 7 { 0.7 } else { 0.0 }]
        });
        Statistics::learn("abc", &Features::new(codes.collect(), 3, 5000)).unwrap()
    }

    /// Two units that are nearly the same.
    fn correlated() -> Statistics {
        let codes = (0..5000u32).flat_map(|i| {
            let noise = |salt: u32| {
                (i.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0
            };
            let common = noise(0) * 8.0;
            [common + noise(99), 1.0 - common + noise(7_777)]
        });
        Statistics::learn("abc", &Features::new(codes.collect(), 2, 5000)).unwrap()
    }

    #[test]
    fn values_come_back_within_half_a_step() {
        let statistics = statistics();
        assert!(statistics.turn.is_none());
        assert!(statistics.fits(3) && !statistics.fits(2));
        for bits in 1..=MOST_BITS {
            let quantiser = statistics.quantiser(bits);
            let step = 2.0 / f32::from(1u16 << bits);
            for value in [-0.99, 0.01, 0.3, 0.77, 0.99] {
                let levels = quantiser.levels(&[value, 3.0, 0.0]).unwrap();
                let back = quantiser.values(&levels);
                let near = |a: f32, b: f32| (a - b).abs() <= step * 0.501;
                assert!(
                    near(back[0], value) && near(back[1], 3.0),
                    "{bits} {back:?}"
                );
                // What a sparse code is made of stays exactly what it is.
                assert_eq!(back[2], 0.0);
            }
            // What lies beyond the range becomes its end.
            let ends = quantiser.levels(&[1.0, 3.0, 0.7]).unwrap();
            assert_eq!(quantiser.levels(&[9.0, 4.0, 1e30]).unwrap(), ends);
            assert_eq!(quantiser.levels(&[-9.0, 2.0, -1.0]).unwrap()[0], 0);
            assert!(quantiser.levels(&[f32::NAN, 3.0, 0.0]).is_err());
        }
    }

    #[test]
    fn correlated_units_are_turned_and_take_fewer_bits() {
        let statistics = correlated();
        assert!(statistics.turn.is_some() && statistics.fits(2));
        let plain = Statistics {
            turn: None,
            ..statistics.clone()
        };
        assert!(plain.fits(2), "as many axes as units");
        let quantiser = statistics.quantiser(6);
        let codes = [4.5, -2.5, 8.0, -6.5, 0.5, 1.0];
        let back = quantiser.values(&quantiser.levels(&codes).unwrap());
        let step = 9.0 / 64.0;
        for (value, back) in codes.iter().zip(back) {
            assert!((value - back).abs() < step, "{value} {back}");
        }
        let frequencies: Vec<Vec<u64>> = quantiser.frequencies().collect();
        // Along what both have in common there are many levels, across it few.
        assert!(frequencies[0].len() > 4 * frequencies[1].len());
    }

    #[test]
    fn levels_that_are_quantised_again_stay() {
        for statistics in [statistics(), correlated()] {
            let quantiser = statistics.quantiser(5);
            let counts: Vec<usize> = quantiser.frequencies().map(|it| it.len()).collect();
            let levels: Vec<u16> = (0..200)
                .flat_map(|place| counts.iter().map(move |count| (place % count) as u16))
                .collect();
            let again = quantiser.levels(&quantiser.values(&levels)).unwrap();
            assert_eq!(again, levels);
        }
    }

    #[test]
    fn frequencies_are_those_of_the_levels() {
        let statistics = statistics();
        let codes: Vec<f32> = (0..5000)
            .flat_map(|i| {
                [
                    i as f32 / 2499.5 - 1.0,
                    3.0,
                    if i % 50 == 7 { 0.7 } else { 0.0 },
                ]
            })
            .collect();
        for bits in [1, 3, 5, 8] {
            let quantiser = statistics.quantiser(bits);
            let levels = quantiser.levels(&codes).unwrap();
            for (axis, counts) in quantiser.frequencies().enumerate() {
                let mut found = vec![0u64; counts.len()];
                for &level in levels.iter().skip(axis).step_by(3) {
                    found[usize::from(level)] += 1;
                }
                assert_eq!(found, counts, "{bits} bits, axis {axis}");
            }
        }
    }

    #[test]
    fn what_no_program_wrote_does_not_fit() {
        let good = correlated();
        let with = |change: fn(&mut Statistics)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.fits(2)
        };
        assert!(with(|_| {}));
        assert!(!with(|it| it.step = 0.0));
        assert!(!with(|it| it.step = f32::NAN));
        assert!(!with(|it| it.axes[0].counts.clear()));
        assert!(!with(|it| it.axes[0].counts = vec![1; MOST_CELLS + 1]));
        assert!(!with(|it| it.axes[0].counts = vec![u32::MAX; 2]));
        assert!(!with(|it| it.axes[0].first = i32::MIN));
        assert!(!with(|it| it.axes.truncate(1)));
        assert!(!with(|it| it.turn.as_mut().unwrap().mean[0] = f32::INFINITY));
        assert!(!with(
            |it| it.turn.as_mut().unwrap().directions[1].truncate(1)
        ));
    }
}
