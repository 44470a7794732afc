//! Measures of an anomaly score, which should be larger for pictures of another kind than for normal ones.

use super::wilson::Z;

/// The chance that a picture of another kind has a larger score than a normal one, equal scores
/// counting half: the area under the receiver operating characteristic (Hanley & McNeil 1982), from
/// the sum of ranks (Mann & Whitney 1947). `None` if one of the two kinds has no scores.
pub fn auroc(normal: &[f64], other: &[f64]) -> Option<f64> {
    if normal.is_empty() || other.is_empty() {
        return None;
    }
    let mut below = 0u64;
    let mut twice_better = 0u64;
    for group in groups(normal, other) {
        // One for each normal score below, a half for each equal one.
        twice_better += group.other * (2 * below + group.normal);
        below += group.normal;
    }
    let pairs = normal.len() as f64 * other.len() as f64;
    Some(twice_better as f64 / 2.0 / pairs)
}

/// The 95 % confidence interval of an [`auroc`] of `normal` and `other` scores: all areas from which it is within z
/// standard errors of Hanley & McNeil (1982), with the mean of both sample sizes in them (method 5 of Newcombe 2006).
/// It stays within [0, 1] and has a width even where all are told apart. `None` if one of the two kinds has no scores.
pub fn auroc_interval(auroc: f64, normal: usize, other: usize) -> Option<[f64; 2]> {
    if normal == 0 || other == 0 {
        return None;
    }
    let (normal, other) = (normal as f64, other as f64);
    let beside = (normal + other) / 2.0 - 1.0;
    let within = |area: f64| {
        let variance = area
            * (1.0 - area)
            * (1.0 + beside * ((1.0 - area) / (2.0 - area) + area / (1.0 + area)))
            / (normal * other);
        (area - auroc).powi(2) <= Z * Z * variance
    };
    // Between an area that is possible and an end of [0, 1], halved until f64 has no more digits.
    let bound = |end: f64| {
        let (mut inside, mut outside) = (auroc, end);
        if within(outside) {
            return outside;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            match within(middle) {
                true => inside = middle,
                false => outside = middle,
            }
        }
        inside
    };
    Some([bound(0.0), bound(1.0)])
}

/// The area under the curve of precision over recall, as average precision: the sum over thresholds
/// of the gain in recall times the precision there, without interpolation (scikit-learn's
/// `average_precision_score`; Davis & Goadrich 2006 show why not to interpolate). Pictures of
/// another kind are what is to be found. `None` as [`auroc`].
pub fn average_precision(normal: &[f64], other: &[f64]) -> Option<f64> {
    if normal.is_empty() || other.is_empty() {
        return None;
    }
    let (mut found, mut false_alarms, mut area) = (0u64, 0u64, 0.0);
    for group in groups(normal, other).iter().rev() {
        found += group.other;
        false_alarms += group.normal;
        let precision = found as f64 / (found + false_alarms) as f64;
        area += group.other as f64 / other.len() as f64 * precision;
    }
    Some(area)
}

/// The quantile of the values, with linear interpolation (type 7 of Hyndman & Fan 1996, NumPy's
/// default). `None` without values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (
        sorted.get(place.floor() as usize)?,
        sorted.get(place.ceil() as usize)?,
    );
    Some(low + (high - low) * place.fract())
}

/// The share of the values above a threshold; 0 without values.
pub fn share_above(values: &[f64], threshold: f64) -> f64 {
    let above = values.iter().filter(|&&value| value > threshold).count();
    above as f64 / (values.len() as f64).max(1.0)
}

/// The area under the receiver operating characteristic of more values than fit into memory, such as all pixels of all
/// pictures. Values count as equal if their first binary digits are.
#[derive(Clone, Debug)]
pub struct ManyScores {
    normal: Vec<u64>,
    other: Vec<u64>,
}

/// Digits that are told apart: the exponent and 12 of the mantissa, which is an error below 0.03 % of a value, and 16
/// MB of counts.
const DIGITS: u32 = 20;

impl Default for ManyScores {
    fn default() -> Self {
        let counts = vec![0; 1 << DIGITS];
        Self {
            normal: counts.clone(),
            other: counts,
        }
    }
}

impl ManyScores {
    /// Adds a score; below 0 is like 0.
    pub fn push(&mut self, score: f32, is_other: bool) {
        // Numbers above 0 are ordered as their bits are, of which the first is the sign.
        let place = (score.max(0.0).to_bits() << 1) >> (u32::BITS - DIGITS);
        let counts = if is_other {
            &mut self.other
        } else {
            &mut self.normal
        };
        if let Some(count) = counts.get_mut(place as usize) {
            *count += 1;
        }
    }

    /// Numbers of normal scores and of others.
    pub fn counts(&self) -> [u64; 2] {
        [&self.normal, &self.other].map(|it| it.iter().sum())
    }

    /// As [`auroc`].
    pub fn auroc(&self) -> Option<f64> {
        let [normal, other] = self.counts();
        if normal == 0 || other == 0 {
            return None;
        }
        let (mut below, mut better) = (0u64, 0.0);
        for (normal, other) in self.normal.iter().zip(&self.other) {
            // Beyond 2^64 pairs, so as floats.
            better += *other as f64 * (below as f64 + *normal as f64 / 2.0);
            below += normal;
        }
        Some(better / normal as f64 / other as f64)
    }
}

/// The number of pictures of each kind with one score.
#[derive(Clone, Copy, Debug)]
struct Group {
    normal: u64,
    other: u64,
}

/// The distinct scores, ascending.
fn groups(normal: &[f64], other: &[f64]) -> Vec<Group> {
    let mut all: Vec<(f64, bool)> = normal
        .iter()
        .map(|&score| (score, false))
        .chain(other.iter().map(|&score| (score, true)))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let group = |scores: &[(f64, bool)]| {
        let other = scores.iter().filter(|(_, other)| *other).count() as u64;
        Group {
            normal: scores.len() as u64 - other,
            other,
        }
    };
    all.chunk_by(|one, other| one.0 == other.0)
        .map(group)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_say_nothing_are_worth_a_half() {
        assert_eq!(auroc(&[1.0; 7], &[1.0; 3]), Some(0.5));
        assert_eq!(average_precision(&[1.0; 7], &[1.0; 3]), Some(0.3));
        assert_eq!(auroc(&[1.0], &[]), None);
        assert_eq!(average_precision(&[], &[1.0]), None);
        assert_eq!(auroc(&[1.0, 2.0], &[0.0]), Some(0.0));
    }

    #[test]
    fn an_interval_holds_its_area_and_has_a_width() {
        assert_eq!(auroc_interval(0.9, 0, 5), None);
        for (area, normal, other) in [(0.9, 50, 50), (1.0, 20, 3), (0.0, 1, 1), (0.5, 1000, 10)] {
            let [low, high] = auroc_interval(area, normal, other).unwrap();
            assert!(
                0.0 <= low && low <= area && area <= high && high <= 1.0,
                "{low} {high}"
            );
            assert!(high - low > 0.0);
            // The other way round it is the mirror image.
            let [mirrored, _] = auroc_interval(1.0 - area, normal, other).unwrap();
            assert!((1.0 - mirrored - high).abs() < 1e-9, "{mirrored} {high}");
        }
        let width = |count| {
            let [low, high] = auroc_interval(0.8, count, count).unwrap();
            high - low
        };
        // Standard error of Hanley & McNeil: 0.8 * 0.2 * (1 + 99 * (0.2 / 1.2 + 0.8 / 1.8)) / 10,000, rooted 0.0313.
        assert!(
            (width(100) / (2.0 * Z * 0.0313) - 1.0).abs() < 0.05,
            "{}",
            width(100)
        );
        assert!((width(100) / width(10_000) - 10.0).abs() < 0.3);
    }

    #[test]
    fn counted_scores_have_the_area_of_sorted_ones() {
        let mut many = ManyScores::default();
        assert_eq!(many.auroc(), None);
        let score = |at: u32, scale: f32| (at * 37 % 1009) as f32 * scale;
        let normal: Vec<f32> = (0..500).map(|at| score(at, 0.001)).collect();
        let other: Vec<f32> = (0..300).map(|at| score(at, 0.0013)).collect();
        normal.iter().for_each(|it| many.push(*it, false));
        other.iter().for_each(|it| many.push(*it, true));
        let wide = |all: &[f32]| all.iter().map(|it| f64::from(*it)).collect::<Vec<_>>();
        let exact = auroc(&wide(&normal), &wide(&other)).unwrap();
        assert!((many.auroc().unwrap() - exact).abs() < 1e-3);
        assert_eq!(many.counts(), [500, 300]);
        for strange in [f32::INFINITY, f32::NAN, -1.0, f32::MAX] {
            many.push(strange, true);
        }
        assert_eq!(many.counts(), [500, 304]);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.99), Some(3.0));
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(share_above(&[1.0, 2.0, 3.0], 2.0), 1.0 / 3.0);
        assert_eq!(share_above(&[], 2.0), 0.0);
    }
}
