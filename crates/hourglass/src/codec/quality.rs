//! The quality of decompressed pictures of any size, compared with the originals byte by byte.

use data::ImageShape;
use serde::{Deserialize, Serialize};

use super::pictures::Group;
use crate::error::Result;
use crate::measure::metrics::Reconstruction;

/// Means over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// In dB; at most 100 per picture.
    pub psnr: f64,
    /// Structural similarity; `None` if a picture is smaller than its window.
    pub ssim: Option<f64>,
}

/// Running measurements, grouped by shape.
#[derive(Default)]
pub struct Comparison {
    shapes: Vec<(ImageShape, Reconstruction)>,
}

impl Comparison {
    /// Measures pictures of one shape, one after the other.
    ///
    /// # Errors
    /// If the numbers of pictures differ.
    pub fn push(&mut self, shape: ImageShape, clean: &[u8], found: &[u8]) -> Result<()> {
        let floats =
            |bytes: &[u8]| -> Vec<f32> { bytes.iter().map(|&it| f32::from(it) / 255.0).collect() };
        let known = self.shapes.iter().position(|(it, _)| *it == shape);
        let place = known.unwrap_or(self.shapes.len());
        if known.is_none() {
            self.shapes.push((shape, Reconstruction::new(shape)));
        }
        if let Some((_, figures)) = self.shapes.get_mut(place) {
            figures.push(&floats(clean), &floats(found))?;
        }
        Ok(())
    }

    /// Measures the pictures of a group against what came of them, one after the other.
    ///
    /// # Errors
    /// If the numbers of pictures differ.
    pub fn push_group(&mut self, group: &Group, found: &[u8]) -> Result<()> {
        self.push(group.picture, &group.pixels, found)
    }

    /// The means over all pictures.
    pub fn finish(&self) -> Quality {
        let mut sums = (0.0, 0.0, Some(0.0));
        for (_, figures) in &self.shapes {
            let (found, count) = (figures.finish(), figures.images() as f64);
            let ssim = |sum: f64| found.ssim.map(|ssim| sum + ssim * count);
            sums = (
                sums.0 + count,
                sums.1 + found.psnr * count,
                sums.2.and_then(ssim),
            );
        }
        Quality {
            psnr: sums.1 / sums.0,
            ssim: sums.2.map(|sum| sum / sums.0),
        }
    }
}
