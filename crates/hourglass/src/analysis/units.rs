//! Statistics of the units of a code over all pictures: when a unit is active, and which units are dead. Whatever
//! counts active or dead units takes them from here.

use serde::{Deserialize, Serialize};

use super::features::Features;

/// A unit is active for a picture if its absolute value exceeds this share of the unit's own largest one over all
/// pictures, so that neither rescaling the code nor one strong unit changes what is said about the others.
pub const ACTIVE_SHARE: f32 = 0.01;

/// A unit whose largest absolute value is at most this share of that of all units is never active: beside them it
/// is lost in f32.
const INVISIBLE: f32 = f32::EPSILON;

/// Statistics of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Mean over the pictures.
    pub mean: f64,
    /// Standard deviation over these pictures (not an estimate for a population); 0 if it is only
    /// rounding error.
    pub deviation: f64,
    /// The share of pictures for which the unit is active.
    pub active: f64,
    /// Whether it is the same for all pictures, of which there are several: a single one shows nothing.
    pub is_constant: bool,
}

impl Unit {
    /// Whether it is never active, or the same for all pictures, so that it distinguishes none.
    pub fn is_dead(&self) -> bool {
        self.active == 0.0 || self.is_constant
    }
}

/// Activity of the units of the code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeUse {
    /// Share of units that are active for an image, mean over images.
    pub active_share: f64,
    /// Units that are [dead](Unit::is_dead).
    pub dead_units: usize,
}

impl CodeUse {
    /// Of a code with these units.
    pub fn of(units: &[Unit]) -> Self {
        let active: f64 = units.iter().map(|unit| unit.active).sum();
        Self {
            active_share: active / units.len().max(1) as f64,
            dead_units: units.iter().filter(|unit| unit.is_dead()).count(),
        }
    }
}

/// Whether each unit is active, for each picture: as many values as `codes` has, in their order.
pub fn active(codes: &Features) -> Vec<bool> {
    let (values, width) = (codes.values(), codes.width());
    let mut largest = vec![0f32; width];
    for row in values.chunks_exact(width) {
        for (largest, value) in largest.iter_mut().zip(row) {
            *largest = largest.max(value.abs());
        }
    }
    let strongest = largest.iter().copied().fold(0f32, f32::max);
    let threshold = |own: f32| match own > strongest * INVISIBLE {
        true => own * ACTIVE_SHARE,
        false => f32::INFINITY,
    };
    let thresholds: Vec<f32> = largest.into_iter().map(threshold).collect();
    let rows = values.chunks_exact(width);
    rows.flat_map(|row| row.iter().zip(&thresholds))
        .map(|(value, threshold)| value.abs() > *threshold)
        .collect()
}

/// Statistics of each unit, from one row of `codes` per picture.
pub fn units(codes: &Features) -> Vec<Unit> {
    let width = codes.width();
    let mut counts = vec![0usize; width];
    for row in active(codes).chunks_exact(width) {
        for (count, active) in counts.iter_mut().zip(row) {
            *count += usize::from(*active);
        }
    }
    let mean = codes.mean();
    let deviation = codes.deviation(&mean);
    let pictures = codes.len().max(1) as f64;
    let figures = mean.into_iter().zip(deviation).zip(counts);
    figures
        .map(|((mean, deviation), active)| Unit {
            mean,
            deviation,
            active: active as f64 / pictures,
            is_constant: deviation == 0.0 && codes.len() > 1,
        })
        .collect()
}

/// The 1 % and 99 % quantiles of unit `unit` over the pictures, or its minimum and maximum if the
/// quantiles are equal, as for a unit that is 0 for nearly all pictures.
pub fn range(codes: &Features, unit: usize) -> [f32; 2] {
    let column = codes.values().iter().skip(unit).step_by(codes.width());
    let mut sorted: Vec<f32> = column.copied().collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    let [low, high] = [at(last / 100), at(last - last / 100)];
    if low < high {
        [low, high]
    } else {
        [at(0), at(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_acts_and_what_never_changes_is_dead() {
        // Acts for one of two; never; always the same; nothing but rounding.
        let codes = vec![
            0.0,
            0.0,
            1.0,
            0.7, //
            -0.5,
            0.0,
            1.0,
            0.700_000_1,
        ];
        let units = units(&Features::new(codes, 4, 2));
        let dead: Vec<bool> = units.iter().map(Unit::is_dead).collect();
        assert_eq!(dead, [false, true, true, true]);
        assert_eq!((units[0].mean, units[0].deviation), (-0.25, 0.25));
        let active: Vec<f64> = units.iter().map(|unit| unit.active).collect();
        assert_eq!(active, [0.5, 0.0, 1.0, 1.0]);
        let found = CodeUse::of(&units);
        assert_eq!((found.active_share, found.dead_units), (0.625, 3));
    }

    #[test]
    fn a_single_picture_kills_no_unit_that_acts() {
        let found = CodeUse::of(&units(&Features::new(vec![0.5, 0.0], 2, 1)));
        assert_eq!((found.active_share, found.dead_units), (0.5, 1));
    }

    #[test]
    fn a_strong_unit_leaves_the_others_alive() {
        let codes = |strong: f32| {
            let row = |at: f32| [strong * at, 0.1 * at, -0.2 * (1.0 - at)];
            Features::new([0.0, 0.005, 0.5, 1.0].map(row).concat(), 3, 4)
        };
        let (weak, strong) = (units(&codes(0.1)), units(&codes(1e5)));
        let active = |units: &[Unit]| -> Vec<f64> { units.iter().map(|it| it.active).collect() };
        // Half a hundredth of a unit's own largest value is none.
        assert_eq!(active(&weak), [0.5, 0.5, 0.75]);
        assert_eq!(active(&strong), active(&weak));
        assert_eq!(CodeUse::of(&strong).dead_units, 0);
        // Beside this one the others are lost in f32.
        assert_eq!(CodeUse::of(&units(&codes(1e8))).dead_units, 2);
    }

    #[test]
    fn a_code_of_zeros_is_all_dead() {
        let units = units(&Features::new(vec![0.0; 6], 2, 3));
        assert!(units.iter().all(|unit| unit.is_dead() && unit.mean == 0.0));
    }

    #[test]
    fn a_range_leaves_out_the_outermost_hundredths() {
        let mut values: Vec<f32> = (0..=200).map(|it| it as f32).collect();
        values[200] = 1e6;
        assert_eq!(range(&Features::new(values, 1, 201), 0), [2.0, 198.0]);
        let mut rare = vec![0.0; 1000];
        rare[3] = 5.0;
        assert_eq!(range(&Features::new(rare, 2, 500), 1), [0.0, 5.0]);
        assert_eq!(range(&Features::new(vec![3.0], 1, 1), 0), [3.0, 3.0]);
    }
}
