//! The evaluation: how well a model reconstructs images that it was not trained on, and how well simple
//! baselines do on the same images.

use std::sync::Arc;

use burn::tensor::Tensor;
use data::{Batches, Images};
use model::{Autoencoder, Loss, Output};
use serde::{Deserialize, Serialize};

use crate::analysis::features::Features;
use crate::analysis::units;
pub use crate::analysis::units::CodeUse;
use crate::batched::{self, BATCH, values};
use crate::error::Result;
use crate::measure::metrics::{Column, Figures, Reconstruction};
use crate::measure::pca::{Pca, PcaError};
use crate::measure::restoration::{self, Batch, Measurement, Restoration, View};
use crate::memory;
use crate::streams::Stream;

/// The most code values kept for counting active units; beyond it, only those of the first images.
const KEPT_CODES: usize = 1 << 25;

/// A model's figures on a set of images.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Figures of the reconstructions against the clean images.
    pub figures: Figures,
    /// Figures of the corrupted inputs against the clean images, if the model is denoising.
    pub corrupted: Option<Figures>,
    /// What the units of the code do.
    pub code: CodeUse,
    /// Mean squared error per value of each image.
    pub errors: Vec<f64>,
    /// The codes of all images, or only of the first images if all would take too much memory.
    pub codes: Features,
    /// How well the corrupted inputs were restored, if baselines were given.
    pub restoration: Option<Restoration>,
    /// What the codes cost, if bits count.
    pub rate: Option<Rate>,
    /// The error of each column, if these are rows of a table.
    pub columns: Option<Vec<Column>>,
}

/// What codes cost, by how likely their model takes their values to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Mean over images.
    pub bits_per_pixel: f64,
    /// What they add to the loss.
    pub cost: f64,
}

impl Evaluation {
    /// The figure that corresponds to a loss, with what the codes cost if bits count.
    pub fn loss(&self, loss: Loss) -> f64 {
        let cost = self.rate.map_or(0.0, |rate| rate.cost);
        cost + match loss {
            Loss::Mse => self.figures.mixed.unwrap_or(self.figures.mse),
            Loss::Bce => self.figures.bce,
        }
    }
}

/// Measures a model (without autodiff, on its device) and any `baselines` on the chosen images. Noise
/// depends only on the run's seed and the position in `indices`.
///
/// # Errors
/// If the device does not return its values, or a reconstruction is not finite.
pub fn evaluate(
    model: &Autoencoder,
    batches: &Batches,
    indices: &[u32],
    seed: u64,
    ssim: bool,
    baselines: Option<&restoration::Baselines>,
) -> Result<Evaluation> {
    let measure = || {
        if let Some(fields) = batches.fields() {
            Reconstruction::of_fields(batches.shape(), Arc::clone(fields))
        } else if ssim {
            Reconstruction::of_clips(batches.shape(), batches.frames())
        } else {
            Reconstruction::without_ssim(batches.shape())
        }
    };
    let mut restored = measure();
    // The input of a table may have missing values, which have no figure.
    let is_picture = batches.fields().is_none();
    let mut corrupted = (model.is_denoising() && is_picture).then(measure);
    let mut measured =
        baselines.map(|baselines| Measurement::new(baselines, View::default(), batches.shape()));
    let mut codes = Codes::default();
    let mut bits = 0.0;
    let mut number = 0;
    memory::check_batch(model, indices.len().min(BATCH))?;
    batched::each(batches, indices, |_, clean| -> Result<()> {
        let seed = Stream::Evaluation.seed(seed, number);
        number += 1;
        let degraded = restoration::corrupt(model, clean.clone(), seed)?;
        let code = model.encode(degraded.input.clone());
        let images = code.dims()[0] as f64;
        if let Some(each) = model.bits_per_pixel(code.clone()) {
            bits += values(each)?.into_iter().map(f64::from).sum::<f64>() * images;
        }
        let targets = values(clean)?;
        let output = model.output(code.clone(), degraded.input.clone());
        if let Some(corrupted) = &mut corrupted {
            let shown = model.as_image(degraded.input.clone());
            corrupted.push(&targets, &values(shown)?)?;
        }
        if let Some(measured) = &mut measured {
            let batch = Batch::new(model, targets.clone(), batches.shape(), degraded)?;
            measured.push(&batch, &values(output.clone().reconstruction())?)?;
        }
        match output {
            Output::Logits(logits) => restored.push_logits(&targets, &values(logits)?)?,
            output @ (Output::Values(_) | Output::Real(..)) => {
                restored.push(&targets, &values(output.reconstruction())?)?;
            }
        }
        codes.push(code)
    })?;
    let figures = restored.finish();
    let corrupted = corrupted.map(|figures| figures.finish());
    let restoration = match (&measured, &corrupted) {
        (Some(measured), Some(input)) => Some(measured.finish(input, &figures)),
        _ => None,
    };
    let codes = codes.finish();
    let bits_per_pixel = bits / indices.len() as f64;
    Ok(Evaluation {
        rate: model.rate_weight().map(|weight| Rate {
            bits_per_pixel,
            cost: weight * bits_per_pixel,
        }),
        figures,
        columns: restored.columns(),
        corrupted,
        code: CodeUse::of(&units::units(&codes)),
        errors: restored.errors().to_vec(),
        codes,
        restoration,
    })
}

/// Codes of the first images, for counting active units.
#[derive(Default)]
struct Codes {
    units: usize,
    kept: Vec<f32>,
}

impl Codes {
    fn push(&mut self, code: Tensor<2>) -> Result<()> {
        let [_, units] = code.dims();
        self.units = units;
        if self.kept.len() < KEPT_CODES {
            self.kept.extend(values(code)?);
        }
        Ok(())
    }

    /// A row for each image whose code was kept.
    fn finish(self) -> Features {
        let rows = self.kept.len() / self.units.max(1);
        Features::new(self.kept, self.units, rows)
    }
}

/// The error of PCA.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaFigures {
    /// Number of components: the model's code size, or all if there are fewer.
    pub code_size: usize,
    /// Mean squared error per value.
    pub mse: f64,
    /// Squared error summed over an image, mean over images.
    pub sum_sq: f64,
}

/// The mean picture's error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanFigures {
    /// Mean squared error per value.
    pub mse: f64,
}

/// The error of the corrupted input, for a denoising model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorruptedFigures {
    /// Mean squared error per value.
    pub mse: f64,
    /// Mean over images, in dB.
    pub psnr: f64,
}

/// Baselines on the test images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Exact PCA of the same code size, fitted on all images that training may use (training and
    /// validation split); `None` if the images are too large for it.
    pub pca: Option<PcaFigures>,
    /// The mean training picture as every reconstruction.
    pub mean: MeanFigures,
    /// The corrupted input itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupted: Option<CorruptedFigures>,
}

/// The mean of the images alone as a baseline, which takes no time.
///
/// # Errors
/// If the images cannot be measured.
pub fn mean_alone(train: &Arc<Images>, test: &Images) -> Result<Baselines> {
    let mean = Pca::mean(train.values(), train.shape().iter().product())?;
    Ok(Baselines {
        pca: None,
        mean: MeanFigures {
            mse: mean.error(0, test.values())?.mse,
        },
        corrupted: None,
    })
}

/// Fits and measures the baselines for clean images. `fitted` is PCA of `train` with a component for each value of the
/// code, if that was found before.
///
/// # Errors
/// If the sets are empty or of different shapes.
pub fn baselines(
    train: &Arc<Images>,
    test: &Images,
    code_size: usize,
    corrupted: Option<&Figures>,
    fitted: Option<Pca>,
) -> Result<Baselines> {
    let dims = train.shape().iter().product();
    let components = code_size.min(dims);
    let fitted = match fitted {
        Some(pca) => Ok(pca),
        None => Pca::fit(train.values(), dims, components),
    };
    let (pca, mean) = match fitted {
        Ok(pca) => {
            let error = pca.error(components, test.values())?;
            let figures = PcaFigures {
                code_size: components,
                mse: error.mse,
                sum_sq: error.sum_sq,
            };
            (Some(figures), pca)
        }
        Err(PcaError::TooLarge { .. }) => (None, Pca::mean(train.values(), dims)?),
        Err(error) => return Err(error.into()),
    };
    Ok(Baselines {
        pca,
        mean: MeanFigures {
            mse: mean.error(0, test.values())?.mse,
        },
        corrupted: corrupted.map(|figures| CorruptedFigures {
            mse: figures.mse,
            psnr: figures.psnr,
        }),
    })
}
