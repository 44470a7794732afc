//! Features: descriptions of pictures, one row of numbers each: their pixels, the model's output after
//! a layer, or their principal components.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, Images};
use model::Autoencoder;

use crate::batched::{self, BATCH};
use crate::error::{Error, Result};
use crate::measure::pca::Pca;

/// The most values of one representation in memory, 192 MiB of f32: the pixels of the 60,000 training
/// digits fit; wider representations use fewer pictures.
pub const MOST_VALUES: usize = 3 << 24;

/// A column that deviates from its mean by less than this share is only rounding error: the codes of
/// equal pictures may differ in the last bits, depending on their place in a batch.
const ROUNDING: f64 = 1e-5;

/// Rows of the same width, in the order of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Row-major, [rows, width].
    values: Vec<f32>,
    width: usize,
}

impl Features {
    /// Rows `[rows, width]`, row-major; an incomplete last row is dropped. With a `width` of 0, each of
    /// the `rows` has a single 0.
    pub fn new(mut values: Vec<f32>, width: usize, rows: usize) -> Self {
        if width == 0 {
            values = vec![0.0; rows];
        }
        let width = width.max(1);
        values.truncate(values.len() / width * width);
        Self { values, width }
    }

    /// The output of encoder layer `last` for the images at `indices`, encoded in batches. `done` is
    /// called after each batch with the number of encoded images.
    ///
    /// # Errors
    /// If the device fails, or a value is not finite.
    pub fn encoded(
        model: &Autoencoder,
        device: &Device,
        images: &Arc<Images>,
        indices: &[u32],
        last: usize,
        done: impl FnMut(usize),
    ) -> Result<Self> {
        let batches = Batches::new(Arc::clone(images), device, false);
        let all = batched::encoded(model, &batches, indices, last, done)?;
        let width = all.len() / indices.len().max(1);
        let bad = all.iter().position(|value| !value.is_finite());
        if let Some(&image) = bad.and_then(|at| indices.get(at / width.max(1))) {
            return Err(Error::NotFinite { image });
        }
        Ok(Self::new(all, width, indices.len()))
    }

    /// The pixels of the images at `indices`, in [0, 1]; an index past the end has no row.
    pub fn pixels(images: &Images, indices: &[u32]) -> Self {
        let width = images.shape().iter().product();
        let mut values = Vec::with_capacity(indices.len() * width);
        for sample in (indices.iter()).filter_map(|&index| images.sample(index as usize)) {
            sample.append_seen(&mut values);
        }
        Self::new(values, width, indices.len())
    }

    /// The principal components of the images at `indices`, as many as `pca` keeps.
    ///
    /// # Errors
    /// If the images have another size than the fitted ones.
    pub fn components(pca: &Pca, images: &Images, indices: &[u32]) -> Result<Self> {
        let mut values = Vec::with_capacity(indices.len() * pca.components());
        for chunk in indices.chunks(BATCH) {
            let chosen = images.select(chunk).map_err(Error::from)?;
            values.extend(pca.codes(chosen.values())?);
        }
        Ok(Self::new(values, pca.components(), indices.len()))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in a row, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows, one after the other.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Row `index`; empty past the end.
    pub fn row(&self, index: usize) -> &[f32] {
        let start = index.saturating_mul(self.width);
        self.values
            .get(start..start.saturating_add(self.width))
            .unwrap_or_default()
    }

    /// The rows at `indices`; indices past the end are skipped.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut values = Vec::with_capacity(indices.len() * self.width);
        for &index in indices {
            values.extend_from_slice(self.row(index as usize));
        }
        Self {
            values,
            width: self.width,
        }
    }

    /// The mean of each column.
    pub fn mean(&self) -> Vec<f64> {
        let mut sums = vec![0f64; self.width];
        for row in self.values.chunks_exact(self.width) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
        let rows = self.len().max(1) as f64;
        sums.iter().map(|sum| sum / rows).collect()
    }

    /// The standard deviation of each column about its `mean`, for these rows (not an estimate for a
    /// population); 0 if it is only rounding error.
    pub fn deviation(&self, mean: &[f64]) -> Vec<f64> {
        let mut sums = vec![0f64; self.width];
        for row in self.values.chunks_exact(self.width) {
            for ((sum, &value), mean) in sums.iter_mut().zip(row).zip(mean) {
                *sum += (f64::from(value) - mean).powi(2);
            }
        }
        let rows = self.len().max(1) as f64;
        let deviation = |(sum, mean): (&f64, &f64)| {
            let deviation = (sum / rows).sqrt();
            if deviation > ROUNDING * mean.abs() {
                deviation
            } else {
                0.0
            }
        };
        sums.iter().zip(mean).map(deviation).collect()
    }

    /// Centres each column on 0 and returns the means; a column that is only rounding error becomes 0.
    pub fn centre(&mut self) -> Vec<f64> {
        let mean = self.mean();
        let varies = varies(&self.deviation(&mean));
        self.rescale(&mean, &varies);
        mean
    }

    /// Replaces each value by its difference from its column's `mean`, times its column's `scale`.
    pub fn rescale(&mut self, mean: &[f64], scale: &[f64]) {
        for row in self.values.chunks_exact_mut(self.width) {
            for ((value, mean), scale) in row.iter_mut().zip(mean).zip(scale) {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            }
        }
    }
}

/// 1 for each column that varies, 0 for the others.
pub fn varies(deviation: &[f64]) -> Vec<f64> {
    let varies = |&deviation: &f64| if deviation > 0.0 { 1.0 } else { 0.0 };
    deviation.iter().map(varies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_means_and_deviations() {
        let mut features = Features::new(vec![1.0, 10.0, 3.0, 10.0, 5.0, 10.0], 2, 3);
        let mean = features.mean();
        let deviation = features.deviation(&mean);
        assert_eq!(mean, [3.0, 10.0]);
        assert!((deviation[0] - (8f64 / 3.0).sqrt()).abs() < 1e-12 && deviation[1] == 0.0);
        features.rescale(&mean, &[0.5, 0.0]);
        assert_eq!(features.values(), [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn rounding_is_no_deviation() {
        let mut features = Features::new(vec![0.7, 1.0, 0.700_000_1, 2.0], 2, 2);
        features.centre();
        assert_eq!(features.values(), [0.0, -0.5, 0.0, 0.5]);
    }

    #[test]
    fn nothing_to_tell_rows_apart_is_a_column_of_zeros() {
        let features = Features::new(Vec::new(), 0, 3);
        assert_eq!((features.len(), features.width()), (3, 1));
        assert_eq!(features.values(), [0.0; 3]);
    }

    #[test]
    fn rows_past_the_end_are_left_out() {
        let features = Features::new((0..6).map(|it| it as f32).collect(), 2, 3);
        assert_eq!(features.select(&[2, 9, 0]).values(), [4.0, 5.0, 0.0, 1.0]);
        assert!(features.row(usize::MAX).is_empty());
    }
}
