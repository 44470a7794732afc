//! Quantisation: each unit's value as one of a few levels, in a range and with frequencies learned from training codes.

use serde::{Deserialize, Serialize};

use crate::analysis::features::Features;

/// The most bits of a level. Finer levels change reconstructions by less than rounding pixels to bytes does.
pub const MOST_BITS: u32 = 8;

/// Levels of a range at most.
const FINEST: usize = 1 << MOST_BITS;

/// The share of the training codes that may lie beyond each end of a unit's range, and is moved to it. Without any, one
/// outlier makes the levels of all other pictures coarser.
const CLIPPED: f64 = 0.001;

/// What is known of a unit from training codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Ends of its range.
    pub low: f32,
    /// See `low`; the same where the unit never changes.
    pub high: f32,
    /// How many training codes lie in each of 256 equal parts of the range.
    pub counts: Vec<u32>,
}

/// What is known of a code from training pictures: `codes.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// SHA-256 of the weights that gave the codes.
    pub model_sha256: String,
    /// A unit each.
    pub units: Vec<Unit>,
}

impl Statistics {
    /// Learns ranges and frequencies from a row of codes for each training picture.
    pub fn learn(model_sha256: &str, codes: &Features) -> Self {
        let width = codes.width();
        let units = (0..width).map(|unit| {
            let mut sorted: Vec<f32> = codes
                .values()
                .iter()
                .skip(unit)
                .step_by(width)
                .copied()
                .collect();
            sorted.sort_unstable_by(f32::total_cmp);
            let last = sorted.len().saturating_sub(1);
            let beyond = (last as f64 * CLIPPED) as usize;
            let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
            let (mut low, mut high) = (at(beyond), at(last - beyond));
            if low >= high {
                // A unit that is the same for nearly all, as one of a sparse code.
                (low, high) = (at(0), at(last));
            }
            let mut known = Unit {
                low,
                high,
                counts: vec![0; FINEST],
            };
            for value in sorted {
                let level = known.level(value, FINEST);
                if let Some(count) = known.counts.get_mut(level) {
                    *count += 1;
                }
            }
            known
        });
        Self {
            model_sha256: model_sha256.to_owned(),
            units: units.collect(),
        }
    }

    /// Whether it can be used with a code of so many units: nothing in a file need be what this program writes.
    pub fn fits(&self, units: usize) -> bool {
        let fits = |unit: &Unit| {
            let total: u64 = unit.counts.iter().map(|&count| u64::from(count)).sum();
            unit.low.is_finite()
                && unit.high.is_finite()
                && unit.low <= unit.high
                && (unit.high - unit.low).is_finite()
                && unit.counts.len() == FINEST
                && total <= u64::from(u32::MAX)
        };
        self.units.len() == units && self.units.iter().all(fits)
    }

    /// The quantiser of so many bits, 1 to [`MOST_BITS`].
    pub fn quantiser(&self, bits: u32) -> Quantiser<'_> {
        Quantiser {
            units: &self.units,
            levels: 1 << bits.clamp(1, MOST_BITS),
        }
    }
}

impl Unit {
    fn level(&self, value: f32, levels: usize) -> usize {
        let share = (value - self.low) / (self.high - self.low);
        // What is no number, as for a range of no length, becomes level 0.
        ((share * levels as f32) as usize).min(levels - 1)
    }
}

/// Levels of a number that is a power of two, for each unit.
#[derive(Clone, Copy, Debug)]
pub struct Quantiser<'a> {
    units: &'a [Unit],
    levels: usize,
}

impl Quantiser<'_> {
    /// The level of each value of codes, row-major `[pictures, units]`.
    pub fn levels(&self, codes: &[f32]) -> Vec<u16> {
        let known = self.units.iter().cycle();
        codes
            .iter()
            .zip(known)
            .map(|(&value, unit)| unit.level(value, self.levels) as u16)
            .collect()
    }

    /// The middle of each level's part of the range.
    pub fn values(&self, levels: &[u16]) -> Vec<f32> {
        let known = self.units.iter().cycle();
        let middle = |(&level, unit): (&u16, &Unit)| {
            unit.low + (unit.high - unit.low) * (f32::from(level) + 0.5) / self.levels as f32
        };
        levels.iter().zip(known).map(middle).collect()
    }

    /// How often each level of each unit was seen in training.
    pub fn frequencies(&self) -> impl Iterator<Item = Vec<u64>> {
        let together = FINEST / self.levels;
        self.units.iter().map(move |unit| {
            let parts = unit.counts.chunks(together);
            parts
                .map(|part| part.iter().map(|&count| u64::from(count)).sum())
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> Statistics {
        // Unit 0 from 0 to 1, unit 1 always 3, unit 2 nearly always 0.
        let codes =
            (0..5000).flat_map(|i| [i as f32 / 4999.0, 3.0, if i == 7 { 2.0 } else { 0.0 }]);
        Statistics::learn("abc", &Features::new(codes.collect(), 3, 5000))
    }

    #[test]
    fn values_come_back_within_half_a_level() {
        let statistics = statistics();
        assert!(statistics.fits(3) && !statistics.fits(2));
        for bits in 1..=MOST_BITS {
            let quantiser = statistics.quantiser(bits);
            let step = 1.0 / f32::from(1u16 << bits);
            for value in [0.01, 0.3, 0.77, 0.99] {
                let back = quantiser.values(&quantiser.levels(&[value, 3.0, 0.0]));
                assert!(
                    (back[0] - value).abs() <= step * 0.51,
                    "{bits} {value} {back:?}"
                );
                assert_eq!(back[1], 3.0);
            }
            // What lies beyond the range becomes its end, and what is no number its beginning.
            let levels = quantiser.levels(&[9.0, 4.0, -1.0, f32::NAN, f32::INFINITY, 2.0]);
            assert_eq!(levels[0], (1 << bits) - 1);
            assert_eq!(levels[2..4], [0, 0]);
        }
    }

    #[test]
    fn levels_that_are_quantised_again_stay() {
        let statistics = statistics();
        let quantiser = statistics.quantiser(5);
        let levels: Vec<u16> = (0..32).flat_map(|level| [level, 0, level]).collect();
        let again = quantiser.levels(&quantiser.values(&levels));
        assert_eq!(again, levels);
    }

    #[test]
    fn coarser_levels_add_the_frequencies_of_finer_ones() {
        let statistics = statistics();
        for bits in [1, 3, 8] {
            let frequencies: Vec<Vec<u64>> = statistics.quantiser(bits).frequencies().collect();
            assert_eq!(frequencies.len(), 3);
            for unit in frequencies {
                assert_eq!((unit.len(), unit.iter().sum::<u64>()), (1 << bits, 5000));
            }
        }
    }
}
