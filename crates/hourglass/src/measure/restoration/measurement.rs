//! The measurement: how well baselines and a model restore corrupted pictures, batch by batch.

use crate::error::Result;
use model::{Autoencoder, ImageShape};
use rayon::prelude::*;

use super::closer::Closer;
use super::{
    BaselineFigures, Baselines, Corrupted, Degraded, Fidelity, Restoration, Small, View, scale,
};
use crate::batched::values;
use crate::measure::metrics::{Figures, Reconstruction};

/// Clean pictures and their corrupted versions, on the host.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[n, channels, height, width]`.
    pub clean: Vec<f32>,
    shape: ImageShape,
    /// `[n, channels of the model's input, height, width]`.
    pub input: Vec<f32>,
    /// The same with the channels of the clean pictures.
    pub shown: Vec<f32>,
    missing: Option<Vec<f32>>,
    /// With height, width and factor.
    small: Option<(Vec<f32>, [usize; 2], usize)>,
}

impl Batch {
    /// Pictures `clean` of `shape`, `[n, C, H, W]`, and their corrupted form.
    ///
    /// # Errors
    /// If the device does not return its values.
    pub fn new(
        model: &Autoencoder,
        clean: Vec<f32>,
        shape: ImageShape,
        corrupted: Corrupted,
    ) -> Result<Self> {
        let small = match corrupted.small {
            Some(small) => {
                let [_, _, height, width] = small.dims();
                let factor = scale(model.corruptions());
                Some((values(small)?, [height, width], factor))
            }
            None => None,
        };
        Ok(Self {
            clean,
            shape,
            shown: values(model.as_image(corrupted.input.clone()))?,
            input: values(corrupted.input)?,
            missing: corrupted.missing.map(values).transpose()?,
            small,
        })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.clean.len() / self.shape.iter().product::<usize>().max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of the pictures.
    fn degraded(&self, number: usize) -> Degraded<'_> {
        let [channels, height, width] = self.shape;
        let count = self.len().max(1);
        let of = |all: &Vec<f32>| {
            let length = all.len() / count;
            number * length..(number + 1) * length
        };
        let small = self.small.as_ref().map(|(pictures, size, factor)| Small {
            picture: &pictures[of(pictures)],
            size: *size,
            factor: *factor,
        });
        Degraded {
            input: &self.input[of(&self.input)],
            size: [height, width],
            channels,
            missing: self.missing.as_ref().map(|all| &all[of(all)]),
            small,
        }
    }

    /// A baseline's output for all pictures, `[n, channels, height, width]`.
    pub fn restore(&self, baseline: &super::Baseline) -> Vec<f32> {
        if baseline.is_input() {
            return self.shown.clone();
        }
        let pictures = (0..self.len()).into_par_iter();
        let restored: Vec<Vec<f32>> = pictures
            .map(|number| baseline.restore(&self.degraded(number)))
            .collect();
        restored.concat()
    }
}

/// The running measurements.
#[derive(Clone, Debug)]
pub struct Measurement<'a> {
    baselines: &'a Baselines,
    /// What PSNR and SSIM are measured on.
    view: View,
    /// Special figures of the input.
    input: Closer,
    /// Special figures of the model's output.
    output: Closer,
    /// Figures of each baseline.
    figures: Vec<(Reconstruction, Closer)>,
}

impl<'a> Measurement<'a> {
    /// No measurements yet, for pictures of which `view` is of `shape`.
    pub fn new(baselines: &'a Baselines, view: View, shape: ImageShape) -> Self {
        let count = baselines.all().len();
        Self {
            baselines,
            view,
            input: Closer::default(),
            output: Closer::default(),
            figures: vec![(Reconstruction::new(shape), Closer::default()); count],
        }
    }

    /// Measures the baselines on pictures, and the special figures of the baselines and of the model's
    /// output, `[n, C, H, W]`.
    ///
    /// # Errors
    /// If an output is not finite.
    pub fn push(&mut self, batch: &Batch, output: &[f32]) -> Result<()> {
        let [channels, height, width] = batch.shape;
        let (plane, missing) = (height * width, batch.missing.as_deref());
        let colours = self.baselines.colours();
        let look = |closer: &mut Closer, restored: &[f32]| {
            closer.push(&batch.clean, restored, [channels, plane], missing, colours);
        };
        look(&mut self.input, &batch.shown);
        look(&mut self.output, output);
        for (baseline, (figures, closer)) in self.baselines.all().iter().zip(&mut self.figures) {
            let restored = batch.restore(baseline);
            look(closer, &restored);
            if !baseline.is_input() {
                let (clean, restored) = (
                    self.view.of(&batch.clean, batch.shape),
                    self.view.of(&restored, batch.shape),
                );
                figures.push(&clean, &restored)?;
            }
        }
        Ok(())
    }

    /// The figures of all pictures; `input` and `output` are the figures of the corrupted pictures and of
    /// the model's output.
    pub fn finish(&self, input: &Figures, output: &Figures) -> Restoration {
        let fidelity = |figures: &Figures, closer: &Closer| Fidelity {
            psnr: figures.psnr,
            ssim: figures.ssim,
            hole: closer.hole(),
            ab_error: closer.ab_error(),
        };
        let baselines = self.baselines.all().iter().zip(&self.figures);
        let baselines = baselines.map(|(baseline, (figures, closer))| {
            let fidelity = match baseline.is_input() {
                true => fidelity(input, closer),
                false => fidelity(&figures.finish(), closer),
            };
            let setting = baseline.setting();
            (
                baseline.name().to_owned(),
                BaselineFigures { fidelity, setting },
            )
        });
        Restoration {
            input: fidelity(input, &self.input),
            output: fidelity(output, &self.output),
            baselines: baselines.collect(),
        }
    }
}

/// The mean peak signal-to-noise ratio of a baseline's output, in dB.
///
/// # Errors
/// If it is not finite.
pub(super) fn psnr_of(baseline: &super::Baseline, batches: &[Batch]) -> Result<f64> {
    let Some(first) = batches.first() else {
        return Ok(f64::NAN);
    };
    let mut figures = Reconstruction::without_ssim(first.shape);
    for batch in batches {
        figures.push(&batch.clean, &batch.restore(baseline))?;
    }
    Ok(figures.finish().psnr)
}
