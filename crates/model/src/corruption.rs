//! Corruption: noise, missing parts, blur, fewer pixels or lost colours in the input of a denoising
//! autoencoder, but not in its target.

use std::fmt::Display;

use burn::prelude::*;

use crate::config::{Corruption, GREATEST, GREATEST_SIGMA, ShrinkFilter, Strength};
use crate::error::{ModelError, check_number};
use crate::noise::Source;
use crate::shape::ImageShape;

mod block;
mod blur;
mod filter;
mod grey;
pub mod resample;

pub use grey::LUMA;
pub(crate) use grey::grey;

/// What a corruption does to a picture, whatever its kind: what a restoration has to undo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Damage {
    /// Values are wrong, each by itself.
    Noise,
    /// A part is missing.
    Hole,
    /// Edges are spread by a Gaussian.
    Blur {
        /// Its standard deviation in pixels.
        sigma: Strength,
    },
    /// Details are lost because there are fewer pixels.
    Resolution {
        /// Pixels for each that is left, along both axes.
        factor: usize,
        /// How those that are left were computed.
        filter: ShrinkFilter,
    },
    /// Colours are lost.
    Colour,
}

impl Corruption {
    /// What it does to a picture.
    pub fn damage(&self) -> Damage {
        match *self {
            Corruption::Gaussian { .. }
            | Corruption::Masking { .. }
            | Corruption::SaltAndPepper { .. }
            | Corruption::Speckle { .. } => Damage::Noise,
            Corruption::Block { .. } => Damage::Hole,
            Corruption::Blur { sigma } => Damage::Blur { sigma },
            Corruption::Downscale { factor, filter } => Damage::Resolution { factor, filter },
            Corruption::Grayscale => Damage::Colour,
        }
    }

    /// Whether it makes sense for values that are not a picture's.
    pub(crate) fn suits_real_values(&self) -> bool {
        matches!(
            self,
            Corruption::Gaussian { .. }
                | Corruption::Speckle { .. }
                | Corruption::Masking { .. }
                | Corruption::Block { .. }
        )
    }

    /// The same without limits for the values, which only pictures have.
    pub(crate) fn without_limits(&self) -> Self {
        match *self {
            Corruption::Gaussian { std, .. } => Corruption::Gaussian { std, clip: false },
            Corruption::Speckle { std, .. } => Corruption::Speckle { std, clip: false },
            _ => self.clone(),
        }
    }

    /// What it is and how strong, in a few words for tables, for example `gaussian 0.1`, `block 8x8`
    /// or `downscale 2`; ranges as `gaussian 0..0.2`.
    pub fn label(&self) -> String {
        match self {
            Corruption::Gaussian { std, clip } => {
                format!("gaussian {}{}", words(*std), unclipped(*clip))
            }
            Corruption::Masking { probability } => format!("masking {}", words(*probability)),
            Corruption::SaltAndPepper { probability } => {
                format!("salt_and_pepper {}", words(*probability))
            }
            Corruption::Speckle { std, clip } => {
                format!("speckle {}{}", words(*std), unclipped(*clip))
            }
            Corruption::Block { size } => {
                let [height, width] = size.sides().map(words);
                format!("block {height}x{width}")
            }
            Corruption::Blur { sigma } => format!("blur {}", words(*sigma)),
            Corruption::Downscale {
                factor,
                filter: ShrinkFilter::Mean,
            } => format!("downscale {factor}"),
            Corruption::Downscale {
                factor,
                filter: ShrinkFilter::Bicubic,
            } => format!("downscale {factor}, bicubic"),
            Corruption::Grayscale => "grayscale".into(),
        }
    }

    /// Checks it against the shape of the images that it gets; the shape of those that it gives.
    ///
    /// # Errors
    /// A strength that is negative or too great, a range that falls, a block larger than a picture, a factor other
    /// than 2, 3 or 4, and images without colour for `grayscale`, each with its key in the table of the corruption.
    pub(crate) fn check(&self, images: ImageShape) -> Result<ImageShape, ModelError> {
        let [channels, height, width] = images;
        match self {
            Corruption::Gaussian { std, .. } | Corruption::Speckle { std, .. } => {
                within("std", *std, GREATEST)?;
            }
            Corruption::Masking { probability } | Corruption::SaltAndPepper { probability } => {
                within("probability", *probability, 1.0)?;
            }
            Corruption::Blur { sigma } => within("sigma", *sigma, GREATEST_SIGMA)?,
            Corruption::Block { size } => {
                let sides = size.sides_in(height);
                sides.iter().try_for_each(|side| rising("size", *side))?;
                let [rows, columns] = sides.map(Strength::ends);
                if rows[0] == 0 || columns[0] == 0 || rows[1] > height || columns[1] > width {
                    let [rows, columns] = sides.map(words);
                    return Err(ModelError::new(
                        "size",
                        format!("found {rows}x{columns} for images of {height}x{width} pixels"),
                        format!("from 1x1 to {height}x{width}"),
                    ));
                }
            }
            Corruption::Downscale { factor, .. } if !(2..=4).contains(factor) => {
                let found = format!("found {factor}");
                return Err(ModelError::new("factor", found, "2, 3 or 4".into()));
            }
            Corruption::Downscale { .. } => {}
            Corruption::Grayscale if channels != 3 => {
                return Err(ModelError::new(
                    "kind",
                    format!("found \"grayscale\" for images of {channels} channel"),
                    "\"grayscale\" for images of 3 channels: red, green and blue".into(),
                ));
            }
            Corruption::Grayscale => return Ok([1, height, width]),
        }
        Ok(images)
    }

    /// The corrupted pictures, in [0, 1] unless noise is not clipped, from pictures `[batch, C, H, W]` and numbers drawn from
    /// `source`; with them the mask of missing parts, `[batch, 1, H, W]`, 1 inside, if there are any.
    ///
    /// - gaussian: `x + std n`; speckle: `x (1 + std n)`; both clipped to [0, 1] unless `clip` is false
    /// - masking: zero with the given probability; salt-and-pepper: black or white with half of it
    ///   each
    /// - the others: see the files below this one
    pub(crate) fn apply(
        &self,
        images: Tensor<4>,
        source: &mut Source,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let shape = images.dims();
        let batch = shape[0];
        let corrupted = match *self {
            Corruption::Gaussian { std, clip } => {
                let noise = source.normal(shape);
                clipped(images + std.draw(batch, source).times(noise), clip)
            }
            Corruption::Speckle { std, clip } => {
                let noise = source.normal(shape);
                clipped(images * (std.draw(batch, source).times(noise) + 1.0), clip)
            }
            Corruption::Masking { probability } => {
                let noise = source.uniform(shape);
                let probability = probability.draw(batch, source);
                images.mask_fill(probability.covers_low(noise, 1.0), 0.0)
            }
            Corruption::SaltAndPepper { probability } => {
                let noise = source.uniform(shape);
                let probability = probability.draw(batch, source);
                let pepper = probability.covers_low(noise.clone(), 0.5);
                let salt = probability.covers_high(noise, 0.5);
                images.mask_fill(pepper, 0.0).mask_fill(salt, 1.0)
            }
            Corruption::Block { size } => {
                let missing = block::missing(size, shape, source);
                let left = take_away(images, missing.clone());
                return (left, Some(missing));
            }
            Corruption::Blur { sigma } => {
                let highest = sigma.ends()[1];
                blur::blur(images, sigma.draw(batch, source), highest)
            }
            Corruption::Downscale { factor, filter } => {
                let [_, _, height, width] = shape;
                let small = resample::shrink(images, factor, filter);
                resample::enlarge(small, factor, [height, width])
            }
            Corruption::Grayscale => grey(images),
        };
        (corrupted, None)
    }
}

/// Pictures `[batch, C, H, W]` that are black where something is missing, `[batch, 1, H, W]`, 1 inside.
pub fn take_away(images: Tensor<4>, missing: Tensor<4>) -> Tensor<4> {
    images * (missing.neg() + 1.0)
}

/// Noisy values, cut off below 0 and above 1 if they are to be.
fn clipped(noisy: Tensor<4>, clip: bool) -> Tensor<4> {
    match clip {
        true => noisy.clamp(0.0, 1.0),
        false => noisy,
    }
}

/// What a label says of noise that is not clipped.
fn unclipped(clip: bool) -> &'static str {
    match clip {
        true => "",
        false => ", not clipped",
    }
}

/// Refuses strengths outside 0 to `most`, and a range that falls.
fn within(key: &str, it: Strength, most: f64) -> Result<(), ModelError> {
    rising(key, it)?;
    let mut ends = it.ends().into_iter();
    ends.try_for_each(|end| check_number(key, end, [0.0, most]))
}

/// Refuses a range whose end is below its start.
fn rising<T: Copy + PartialOrd + Display>(key: &str, it: Strength<T>) -> Result<(), ModelError> {
    let [low, high] = it.ends();
    if low <= high {
        return Ok(());
    }
    Err(ModelError::new(
        key,
        format!("found a range from {low} to {high}"),
        "a range [low, high] that does not fall".into(),
    ))
}

/// A strength in a table.
fn words<T: Copy + Display>(strength: Strength<T>) -> String {
    match strength {
        Strength::Fixed(value) => value.to_string(),
        Strength::Range([low, high]) => format!("{low}..{high}"),
    }
}

/// The strength of a corruption for the pictures of a batch. It lives as long as one corruption takes,
/// so what the smaller variant wastes is nothing.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Drawn {
    /// The same for all.
    Same(f64),
    /// Each picture's own, `[batch, 1, 1, 1]`.
    Each(Tensor<4>),
}

impl Strength {
    fn draw(self, batch: usize, source: &mut Source) -> Drawn {
        match self {
            Strength::Fixed(value) => Drawn::Same(value),
            Strength::Range([low, high]) => {
                Drawn::Each(source.for_pictures(batch, 1) * (high - low) + low)
            }
        }
    }
}

impl Drawn {
    fn times(self, noise: Tensor<4>) -> Tensor<4> {
        match self {
            Drawn::Same(strength) => noise * strength,
            Drawn::Each(strengths) => noise * strengths,
        }
    }

    /// Where uniform noise lies among the lowest `part` of the strength.
    fn covers_low(&self, noise: Tensor<4>, part: f64) -> Tensor<4, Bool> {
        match self {
            Drawn::Same(strength) => noise.lower_elem(strength * part),
            Drawn::Each(strengths) => (noise - strengths.clone() * part).lower_elem(0.0),
        }
    }

    /// Where uniform noise lies among the highest `part` of the strength.
    fn covers_high(&self, noise: Tensor<4>, part: f64) -> Tensor<4, Bool> {
        match self {
            Drawn::Same(strength) => noise.greater_equal_elem(1.0 - strength * part),
            Drawn::Each(strengths) => (noise + strengths.clone() * part).greater_equal_elem(1.0),
        }
    }
}

#[cfg(test)]
#[path = "corruption_tests.rs"]
mod tests;
