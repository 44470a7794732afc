//! Statistics of the units of a code over all pictures, and which units are dead.

use super::features::Features;

/// A unit counts as active for a picture if its absolute value exceeds this share of the largest one of
/// any unit and picture, so that neither rescaling the code nor rounding changes the count.
pub const ACTIVE_SHARE: f32 = 0.01;

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
}

impl Unit {
    /// Whether it is never active, or the same for all pictures, so that it distinguishes none.
    pub fn is_dead(&self) -> bool {
        self.active == 0.0 || self.deviation == 0.0
    }
}

/// Statistics of each unit, from one row of `codes` per picture.
pub fn units(codes: &Features) -> Vec<Unit> {
    let (values, width) = (codes.values(), codes.width());
    let largest = values
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let mut active = vec![0usize; width];
    for row in values.chunks_exact(width) {
        for (active, value) in active.iter_mut().zip(row) {
            *active += usize::from(value.abs() > largest * ACTIVE_SHARE);
        }
    }
    let mean = codes.mean();
    let deviation = codes.deviation(&mean);
    let pictures = codes.len().max(1) as f64;
    let figures = mean.into_iter().zip(deviation).zip(active);
    figures
        .map(|((mean, deviation), active)| Unit {
            mean,
            deviation,
            active: active as f64 / pictures,
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
        // Acts for one of two; too small to count; always the same; nothing but rounding.
        let codes = vec![
            0.0,
            0.009,
            1.0,
            0.7, //
            -0.5,
            0.001,
            1.0,
            0.700_000_1,
        ];
        let units = units(&Features::new(codes, 4, 2));
        let dead: Vec<bool> = units.iter().map(Unit::is_dead).collect();
        assert_eq!(dead, [false, true, true, true]);
        assert_eq!((units[0].mean, units[0].deviation), (-0.25, 0.25));
        let active: Vec<f64> = units.iter().map(|unit| unit.active).collect();
        assert_eq!(active, [0.5, 0.0, 1.0, 1.0]);
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
