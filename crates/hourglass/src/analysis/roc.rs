//! Measures of an anomaly score, which should be larger for pictures of another kind than for normal ones.

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
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.99), Some(3.0));
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(share_above(&[1.0, 2.0, 3.0], 2.0), 1.0 / 3.0);
        assert_eq!(share_above(&[], 2.0), 0.0);
    }
}
