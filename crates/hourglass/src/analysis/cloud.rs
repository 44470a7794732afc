//! Where training samples lie, and how far from them others are: from the nearest, or from their middle.

use super::distances::dot;
use super::features::Features;
use super::neighbours;
use super::principal::Principal;
use crate::measure::pca::PcaError;

/// Nearest training rows whose distances are averaged: as many as in ADBench (Han et al. 2022) and most of its field.
pub const NEIGHBOURS: usize = 5;

/// The widest rows that are whitened; the time grows with the cube. The columns of wider ones are scaled one by one.
const WIDEST: usize = 1024;

/// The smallest variance of a whitened direction, as a share of the mean: smaller ones are rounding.
const NARROWEST: f64 = 1e-6;

/// Rows minus their mean, `[rows, width]`.
fn centred(rows: &Features, mean: &[f64]) -> Vec<f32> {
    let mut centred = Vec::with_capacity(rows.values().len());
    for row in rows.values().chunks_exact(rows.width()) {
        let values = row.iter().zip(mean);
        centred.extend(values.map(|(value, mean)| (f64::from(*value) - mean) as f32));
    }
    centred
}

/// Training rows, from the nearest of which others are measured.
#[derive(Clone, Debug)]
pub struct Cloud {
    mean: Vec<f64>,
    /// The training rows minus their mean, because far from the origin rounding hides small distances.
    known: Vec<f32>,
}

impl Cloud {
    /// Of training rows.
    pub fn new(rows: &Features) -> Self {
        let mean = rows.mean();
        Self {
            known: centred(rows, &mean),
            mean,
        }
    }

    /// The mean distance of each row from its [`NEIGHBOURS`] nearest training rows (Ramaswamy et al. 2000; the mean is
    /// that of Angiulli & Pizzuti 2002).
    pub fn distances(&self, rows: &Features) -> Vec<f64> {
        let asked = centred(rows, &self.mean);
        neighbours::mean_distances(&self.known, &asked, rows.width(), NEIGHBOURS)
    }
}

/// The middle of training rows and how they vary about it.
#[derive(Clone, Debug)]
pub struct Ellipsoid {
    mean: Vec<f64>,
    /// Directions over the standard deviations along them.
    axes: Vec<Vec<f32>>,
    /// The columns over their standard deviations, of rows that are too wide for directions.
    scales: Vec<f32>,
}

impl Ellipsoid {
    /// Of training rows.
    ///
    /// # Errors
    /// If the eigensolver fails.
    pub fn fit(rows: &Features) -> Result<Self, PcaError> {
        let mean = rows.mean();
        let (mut axes, mut scales) = (Vec::new(), Vec::new());
        match rows.width() <= WIDEST {
            true => axes = whitening(rows)?,
            false => scales = scaling(&rows.deviation(&mean)),
        }
        Ok(Self { mean, axes, scales })
    }

    /// The Mahalanobis distance of each row from the middle; 0 if the training rows are all the same.
    pub fn distances(&self, rows: &Features) -> Vec<f64> {
        let length = |row: &[f32]| {
            let along = self.axes.iter().map(|axis| dot(axis, row));
            let scaled = self.scales.iter().zip(row).map(|(scale, it)| scale * it);
            let squares = along.chain(scaled).map(|it| f64::from(it).powi(2));
            let length = squares.sum::<f64>().sqrt();
            // What f32 has no number for is as far as it can say.
            if length.is_finite() {
                length
            } else {
                f64::from(f32::MAX)
            }
        };
        let rows = centred(rows, &self.mean);
        rows.chunks_exact(self.mean.len().max(1))
            .map(length)
            .collect()
    }
}

/// The principal components over their standard deviations.
fn whitening(rows: &Features) -> Result<Vec<Vec<f32>>, PcaError> {
    let Some(principal) = Principal::fit(rows, rows.width())? else {
        return Ok(Vec::new());
    };
    let explained = principal.explained();
    let mean = explained.iter().sum::<f64>() / explained.len().max(1) as f64;
    let deviation = rows.deviation(principal.mean());
    let total = deviation.iter().map(|it| it.powi(2)).sum::<f64>();
    let axes = principal.directions().iter().zip(explained);
    let axes = axes.filter(|(_, share)| **share > NARROWEST * mean);
    Ok(axes
        .map(|(direction, share)| {
            let scale = 1.0 / (share * total).sqrt();
            let scaled = direction.iter().map(|it| (f64::from(*it) * scale) as f32);
            scaled.collect()
        })
        .collect())
}

/// 1 over each column's standard deviation; 0 for one that never varies.
fn scaling(deviation: &[f64]) -> Vec<f32> {
    let scale = |&deviation: &f64| match deviation > 0.0 {
        true => (1.0 / deviation) as f32,
        false => 0.0,
    };
    deviation.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::random::Random;

    #[test]
    fn distances_from_the_middle_count_deviations() {
        // Deviations 10 and 1 along two axes, and a third unit that never varies.
        let mut random = Random::new(3);
        let mut rows = Vec::new();
        // Uniform numbers of variance 1.
        let mut draw = || (12f64.sqrt() * (random.uniform() - 0.5)) as f32;
        for _ in 0..4000 {
            let (x, y) = (draw(), draw());
            rows.extend([10.0 * x, y, 7.0]);
        }
        let known = Ellipsoid::fit(&Features::new(rows, 3, 4000)).unwrap();
        assert_eq!(known.axes.len(), 2);
        let asked = Features::new(vec![30.0, 0.0, 7.0, 0.0, 3.0, 7.0, 0.0, 0.0, 7.0], 3, 3);
        let found = known.distances(&asked);
        let near = |found: f64| (found - 3.0).abs() < 0.15;
        assert!(
            near(found[0]) && near(found[1]) && found[2] < 0.1,
            "{found:?}"
        );
    }

    #[test]
    fn distances_from_the_nearest_are_means_of_five() {
        // Far from the origin, where products of f32 would know nothing of them.
        let known: Vec<f32> = (0..10).map(|it| 1e6 + it as f32).collect();
        let cloud = Cloud::new(&Features::new(known, 1, 10));
        let found = cloud.distances(&Features::new(vec![1e6 + 4.0, 1e6 + 14.0], 1, 2));
        // 0, 1, 1, 2, 2 and 5, 6, 7, 8, 9.
        assert!((found[0] - 6.0 / 5.0).abs() < 1e-6, "{found:?}");
        assert!((found[1] - 7.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn rows_that_are_all_the_same_have_no_deviation() {
        let same = Features::new(vec![1.0; 12], 3, 4);
        assert_eq!(Ellipsoid::fit(&same).unwrap().distances(&same), [0.0; 4]);
        assert_eq!(Cloud::new(&same).distances(&same), [0.0; 4]);
    }

    #[test]
    fn wide_rows_are_scaled_column_by_column() {
        assert_eq!(scaling(&[2.0, 0.0, 4.0]), [0.5, 0.0, 0.25]);
        let wide = Ellipsoid {
            mean: vec![1.0, 0.0],
            axes: Vec::new(),
            scales: vec![0.5, 1.0],
        };
        let found = wide.distances(&Features::new(vec![7.0, 4.0], 2, 1));
        assert!((found[0] - 5.0).abs() < 1e-6, "{found:?}");
    }
}
