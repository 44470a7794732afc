//! A run's model as a codec: tiles to codes and back.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, ImageShape, Images};
use model::Autoencoder;

use crate::analysis::features::Features;
use crate::batched::{self, BATCH};
use crate::error::{At, Result};
use crate::run::loaded::Loaded;

/// The most values of training codes that ranges and frequencies are learned from; beyond it, only the first pictures
/// are used.
const LEARNED_VALUES: usize = 1 << 25;

/// The most values of a layer for all tiles that go through a model together: 1 GiB.
pub(super) const MOST_ACTIVE: usize = 1 << 28;

/// A model that turns tiles into codes and codes into tiles.
pub struct Codec<'a> {
    /// Without autodiff.
    pub model: &'a Autoencoder,
    /// The device of the model.
    pub device: &'a Device,
    /// Channels, height and width of a tile.
    pub tile: ImageShape,
    /// Values of a code.
    pub units: usize,
}

impl<'a> Codec<'a> {
    /// A run's model as a codec.
    ///
    /// # Errors
    /// If the model needs its input to restore it, or its plan does not fit its images.
    pub fn of(loaded: &'a Loaded) -> Result<Self> {
        let meta = &loaded.meta;
        let codec = Self {
            model: &loaded.model,
            device: &loaded.device,
            tile: meta.input_shape,
            units: meta.model.layers(meta.input_shape)?.code_size(),
        };
        codec.check(&loaded.run.folder().display().to_string())?;
        Ok(codec)
    }

    /// Rejects a model whose code cannot be decoded on its own; the error names it `name`.
    ///
    /// # Errors
    /// If the model needs its input to restore it.
    pub fn check(&self, name: &str) -> Result<()> {
        if self.model.is_residual() {
            return Err(model::NeedsInput).at(|| name.to_owned());
        }
        Ok(())
    }

    /// Codes of tiles, `[tiles, units]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode(&self, tiles: Vec<u8>) -> Result<Vec<f32>> {
        let images = Arc::new(Images::new(tiles, self.tile)?);
        let all: Vec<u32> = (0..images.len() as u32).collect();
        let batches = Batches::new(images, self.device, false);
        let mut codes = Vec::with_capacity(all.len() * self.units);
        for part in all.chunks(self.at_once()) {
            codes.extend(batched::encoded(
                self.model,
                &batches,
                part,
                usize::MAX,
                |_| (),
            )?);
        }
        Ok(codes)
    }

    /// Tiles that go through the model together: fewer than usual where one alone takes much memory.
    fn at_once(&self) -> usize {
        let layers = self.model.layers().iter();
        let widest = layers.map(|layer| layer.size()).max().unwrap_or_default();
        (MOST_ACTIVE / widest.max(1)).clamp(1, BATCH)
    }

    /// Decodes codes into tiles, as bytes.
    ///
    /// # Errors
    /// If the device fails.
    pub fn decode(&self, codes: &[f32]) -> Result<Vec<u8>> {
        let units = self.units.max(1);
        let mut tiles =
            Vec::with_capacity(codes.len() / units * self.tile.iter().product::<usize>());
        for codes in codes.chunks(units * self.at_once()) {
            batched::decoded(
                self.model,
                self.device,
                codes,
                units,
                |decoded| -> Result<()> {
                    tiles.extend(decoded.iter().map(|&value| byte(value)));
                    Ok(())
                },
            )?;
        }
        Ok(tiles)
    }

    /// Codes of training images, as many as are used to learn ranges and frequencies.
    ///
    /// # Errors
    /// If the device fails.
    pub fn training_codes(&self, train: &Images) -> Result<Features> {
        let count = (LEARNED_VALUES / self.units.max(1)).clamp(1, train.len());
        let image: usize = self.tile.iter().product();
        let mut codes = Vec::new();
        for tiles in train
            .pixels()
            .chunks(BATCH * image)
            .take(count.div_ceil(BATCH))
        {
            codes.extend(self.encode(tiles.to_vec())?);
        }
        let rows = codes.len() / self.units.max(1);
        Ok(Features::new(codes, self.units, rows))
    }
}

/// A value in [0, 1] as a byte; other values are clipped.
pub fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
