//! The Wilson confidence interval of a share.

/// The 97.5th percentile of the normal distribution, for an interval of 95 %.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// The 95 % confidence interval of a share, from `hits` in `total` trials: all p for which
/// `hits / total` is within z standard errors sqrt(p (1 - p) / total) of p (Wilson 1927). Unlike the
/// interval around the observed share, it stays within [0, 1]. Without trials it is [0, 1].
pub fn wilson_interval(hits: usize, total: usize) -> [f64; 2] {
    if total == 0 {
        return [0.0, 1.0];
    }
    let n = total as f64;
    let share = hits as f64 / n;
    let middle = share + Z * Z / (2.0 * n);
    let width = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [
        ((middle - width) / scale).max(0.0),
        ((middle + width) / scale).min(1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_stays_within_the_possible() {
        assert_eq!(wilson_interval(0, 0), [0.0, 1.0]);
        let [low, high] = wilson_interval(0, 10);
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-4, "{high}");
        let [low, high] = wilson_interval(10, 10);
        assert!((low - 0.7225).abs() < 1e-4 && high > 1.0 - 1e-9, "{low}");
    }
}
