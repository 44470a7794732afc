//! Anomaly scores: how badly a model restores an image. An image unlike those that it learned from comes back
//! worse (Sakurada & Yairi 2014).

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, Images, View};
use model::Autoencoder;

use serde::{Deserialize, Serialize};

use crate::batched::{self, BATCH, values};
use crate::error::{Error, Result};
use crate::memory;

/// What is done to pixels before they are scored; published figures differ in it.
pub const PREPROCESSING: &str = "pixels in [0, 1], no contrast normalisation";

/// How images are scored by what their reconstruction gets wrong in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// The mean squared error per value.
    Mse,
    /// The squared error over the image's norm: bright images have larger errors, anomalous or not.
    Relative,
}

impl Score {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Score::Mse => "mse",
            Score::Relative => "relative",
        }
    }

    /// The score of a sample with a squared error, summed over its `known` values, and a squared norm.
    pub fn value(self, squared_error: f64, known: usize, squared_norm: f64) -> f64 {
        match self {
            // What is missing has no error.
            Score::Mse => squared_error / known.max(1) as f64,
            // At least one white pixel's norm, because a black picture's is 0.
            Score::Relative => squared_error / squared_norm.sqrt().max(1.0),
        }
    }

    /// The scores of the images at `indices`, from the squared errors of their reconstructions.
    pub fn of(self, squared_errors: &[f64], images: &Images, indices: &[u32]) -> Vec<f64> {
        let score = |(error, &index): (&f64, &u32)| {
            let sample = images.sample(index as usize);
            let known = sample.map_or(0, View::known);
            self.value(*error, known, sample.map_or(0.0, View::squared_norm))
        };
        squared_errors.iter().zip(indices).map(score).collect()
    }
}

/// The squared error of each image's reconstruction by a model on its device, summed over the values.
///
/// # Errors
/// If the device fails, or a reconstruction is not finite.
pub fn squared_errors(
    model: &Autoencoder,
    device: &Device,
    images: &Arc<Images>,
    indices: &[u32],
) -> Result<Vec<f64>> {
    memory::check_batch(model, indices.len().min(BATCH))?;
    let batches = Batches::new(Arc::clone(images), device, false);
    let image: usize = images.shape().iter().product();
    let mut errors = Vec::with_capacity(indices.len());
    batched::each(&batches, indices, |chunk, input| -> Result<()> {
        let restored = values(model.forward(model.clean_input(input.clone())))?;
        let input = values(input)?;
        let pairs = input.chunks_exact(image).zip(restored.chunks_exact(image));
        for ((input, restored), &image) in pairs.zip(chunk) {
            let square = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
            // What is missing has no error.
            let known = input.iter().zip(restored).filter(|(it, _)| !it.is_nan());
            let sum: f64 = known.map(square).sum();
            if !sum.is_finite() {
                return Err(Error::Reconstruction { image });
            }
            errors.push(sum);
        }
        Ok(())
    })?;
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_score_is_the_squared_error_over_the_norm() {
        // Norms 2 (four white pixels), 1 (one) and 0; the last counts as 1.
        let pixels = [[255; 4], [0, 255, 0, 0], [0; 4]].concat();
        let images = Images::new(pixels, [1, 2, 2]).unwrap();
        let errors = [8.0, 0.5, 0.25];
        let scores = Score::Relative.of(&errors, &images, &[0, 1, 2]);
        assert_eq!(scores, [4.0, 0.5, 0.25]);
        assert_eq!(
            Score::Mse.of(&errors, &images, &[0, 1, 2]),
            [2.0, 0.125, 0.0625]
        );
        assert_eq!(Score::Relative.of(&[3.0], &images, &[0]), [1.5]);
    }
}
