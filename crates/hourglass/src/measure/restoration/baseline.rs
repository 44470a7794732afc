//! Baselines: the obvious filters for a corrupted picture.

use std::sync::Arc;

use image::imageops::FilterType;

use super::colour::MeanColours;
use super::diffusion::fill;
use super::filters::{enlarge, gaussian, unsharp};
use super::median::median;
use super::{Degraded, Setting, label};

/// A simple way to restore a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// A median filter with a square window.
    Median {
        /// Side of the window in pixels, an odd number.
        size: usize,
    },
    /// A Gaussian filter.
    Gaussian {
        /// Its standard deviation in pixels.
        sigma: f64,
    },
    /// An unsharp mask.
    Unsharp {
        /// Standard deviation of its Gaussian in pixels.
        sigma: f64,
        /// Strength: the factor of the detail that is added.
        amount: f64,
    },
    /// Bilinear enlargement of the small picture.
    Bilinear,
    /// Bicubic enlargement of the small picture (Catmull-Rom), which is the input itself.
    Bicubic,
    /// Enlargement of the small picture with the three-lobed Lanczos kernel.
    Lanczos,
    /// Diffusion of the known pixels into the missing ones.
    Diffusion,
    /// Grey in all channels, which is the input itself.
    Grey,
    /// The mean colour of the training pixels with the same grey level.
    MeanColour(Arc<MeanColours>),
}

impl Baseline {
    /// Its name in files.
    pub fn name(&self) -> &'static str {
        match self {
            Baseline::Median { .. } => "median",
            Baseline::Gaussian { .. } => "gaussian",
            Baseline::Unsharp { .. } => "unsharp",
            Baseline::Bilinear => "bilinear",
            Baseline::Bicubic => "bicubic",
            Baseline::Lanczos => "lanczos",
            Baseline::Diffusion => "diffusion",
            Baseline::Grey => "grey",
            Baseline::MeanColour(_) => "mean_colour",
        }
    }

    /// Its settings.
    pub fn setting(&self) -> Setting {
        match *self {
            Baseline::Median { size } => Setting {
                size: Some(size),
                ..Setting::default()
            },
            Baseline::Gaussian { sigma } => Setting {
                sigma: Some(sigma),
                ..Setting::default()
            },
            Baseline::Unsharp { sigma, amount } => Setting {
                sigma: Some(sigma),
                amount: Some(amount),
                size: None,
            },
            _ => Setting::default(),
        }
    }

    /// Its name and settings, in words.
    pub fn label(&self) -> String {
        label(self.name(), &self.setting())
    }

    /// Whether it returns the input unchanged.
    pub fn is_input(&self) -> bool {
        matches!(self, Baseline::Bicubic | Baseline::Grey)
    }

    /// The restored picture, `[channels, height, width]` in [0, 1], with the channels of the clean
    /// picture. If the baseline does not apply, the picture stays unchanged.
    pub fn restore(&self, degraded: &Degraded) -> Vec<f32> {
        let Degraded {
            input,
            size,
            channels,
            ..
        } = *degraded;
        let enlarged = |filter| match degraded.small {
            Some(small) => enlarge(small.picture, small.size, small.factor, size, filter),
            None => input.to_vec(),
        };
        let plane = (size[0] * size[1]).max(1);
        let restored = match self {
            Baseline::Median { size: side } => (input.chunks_exact(plane))
                .flat_map(|plane| median(plane, size, *side))
                .collect(),
            Baseline::Gaussian { sigma } => gaussian(input, size, *sigma),
            Baseline::Unsharp { sigma, amount } => unsharp(input, size, *sigma, *amount),
            Baseline::Bilinear => enlarged(FilterType::Triangle),
            Baseline::Bicubic => enlarged(FilterType::CatmullRom),
            Baseline::Lanczos => enlarged(FilterType::Lanczos3),
            Baseline::Diffusion => {
                let mut filled = input.to_vec();
                if let Some(missing) = degraded.missing {
                    let planes = filled.chunks_exact_mut(plane);
                    planes.for_each(|plane| fill(plane, missing, size));
                }
                filled
            }
            Baseline::Grey => input.to_vec(),
            Baseline::MeanColour(colours) if input.len() == plane => return colours.paint(input),
            Baseline::MeanColour(_) => input.to_vec(),
        };
        if restored.len() == plane && channels > 1 {
            return restored.repeat(channels);
        }
        restored
    }
}
