//! Mean and standard deviation of a figure over repetitions.

/// The mean and the sample standard deviation (divided by count - 1; 0 for a single figure); `None`
/// without figures.
pub fn mean_and_spread(figures: &[f64]) -> Option<(f64, f64)> {
    let count = figures.len() as f64;
    if figures.is_empty() {
        return None;
    }
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    Some((mean, (squares / (count - 1.0).max(1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_a_sample_deviation() {
        assert_eq!(mean_and_spread(&[]), None);
        assert_eq!(mean_and_spread(&[3.0]), Some((3.0, 0.0)));
        let (mean, spread) = mean_and_spread(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((mean - 2.5).abs() < 1e-12 && (spread - (5f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
