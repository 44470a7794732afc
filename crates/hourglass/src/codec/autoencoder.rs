//! A run's model as a codec: pictures to codes and back.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use data::{Batches, ImageShape, Images};
use model::{Autoencoder, ModelConfig, ModelError};

use super::tiles;
use crate::analysis::features::Features;
use crate::batched::{self, BATCH};
use crate::error::{At, Result};
use crate::run::checkpoint::Meta;
use crate::run::loaded::Loaded;

/// The most values of training codes that ranges and frequencies are learned from; beyond it, only the first pictures
/// are used.
const LEARNED_VALUES: usize = 1 << 25;

/// The most values of a layer for all tiles that go through a model together: 1 GiB.
pub(super) const MOST_ACTIVE: usize = 1 << 28;

/// What one code of a model stands for.
///
/// Most models take tiles of their own size, and a code is that of a tile. A model that was trained to take few bits
/// (penalty `rate`) has nothing but convolutions: it takes a picture of any size at once, without seams, and each place
/// of its code's map is a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Channels, height and width of what a code stands for.
    pub tile: ImageShape,
    /// Values of a code.
    pub units: usize,
    /// Whether pictures go through the model at once.
    pub whole: bool,
}

impl Form {
    /// That of a model of images of this shape.
    ///
    /// # Errors
    /// If the model does not fit the images.
    pub fn of(config: &ModelConfig, images: ImageShape) -> Result<Self, ModelError> {
        let layers = config.layers(images)?;
        Ok(match (config.rate_weight(), layers.code().map()) {
            (Some(_), Some([channels, height, width])) => {
                // Of a map that was halved several times, each time rounded up.
                let fits = |side: &usize| {
                    [images[1].div_ceil(*side), images[2].div_ceil(*side)] == [height, width]
                };
                let mut sides = (0..usize::BITS).map(|halvings| 1 << halvings);
                let side = sides.find(fits).unwrap_or(1);
                Self {
                    tile: [images[0], side, side],
                    units: channels,
                    whole: true,
                }
            }
            _ => Self {
                tile: images,
                units: layers.code_size(),
                whole: false,
            },
        })
    }

    /// The shape of the tiles that a picture of this height and width is cut into: one that covers it, or the model's.
    pub fn cut(&self, size: [usize; 2]) -> ImageShape {
        let [channels, height, width] = self.tile;
        match self.whole {
            true => {
                let [rows, columns] = tiles::grid(size, [height, width]);
                [channels, rows * height, columns * width]
            }
            false => self.tile,
        }
    }

    /// Codes of a picture of this height and width.
    pub fn codes(&self, size: [usize; 2]) -> usize {
        let [_, height, width] = self.tile;
        tiles::grid(size, [height, width]).iter().product()
    }
}

/// A model that turns tiles into codes and codes into tiles.
pub struct Codec<'a> {
    /// Without autodiff.
    model: &'a Autoencoder,
    config: &'a ModelConfig,
    /// The device of the model.
    device: &'a Device,
    /// What one code stands for.
    pub form: Form,
}

impl<'a> Codec<'a> {
    /// A run's model as a codec.
    ///
    /// # Errors
    /// If the model needs its input to restore it, or its plan does not fit its images.
    pub fn of(loaded: &'a Loaded) -> Result<Self> {
        let codec = Self::new(&loaded.model, &loaded.meta, &loaded.device)?;
        codec.check(&loaded.run.folder().display().to_string())?;
        Ok(codec)
    }

    /// A model as a codec, with what its weights belong to.
    ///
    /// # Errors
    /// If its plan does not fit its images.
    pub fn new(model: &'a Autoencoder, meta: &'a Meta, device: &'a Device) -> Result<Self> {
        Ok(Self {
            form: Form::of(&meta.model, meta.input_shape)?,
            model,
            config: &meta.model,
            device,
        })
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

    /// Codes of tiles of a shape that [`Form::cut`] gives, `[codes, units]`.
    ///
    /// # Errors
    /// If a tile needs more memory than is free, or the device fails.
    pub fn encode(&self, tiles: Vec<u8>, shape: ImageShape) -> Result<Vec<f32>> {
        let model = self.model.for_images(self.config, shape)?;
        let images = Arc::new(Images::new(tiles, shape)?);
        let all: Vec<u32> = (0..images.len() as u32).collect();
        let batches = Batches::new(images, self.device, false);
        let encode = |input| {
            let code = model.encode_unrounded(input);
            match self.map(&model) {
                // A row for each place of the map.
                Some([channels, height, width]) => {
                    let (count, places) = (code.dims()[0], height * width);
                    let maps = code.reshape([count, channels, places]);
                    maps.swap_dims(1, 2).reshape([count * places, channels])
                }
                None => code,
            }
        };
        let mut codes = Vec::new();
        for part in all.chunks(at_once(&model)) {
            codes.extend(batched::encoded_by(&model, &batches, part, encode, |_| ())?);
        }
        Ok(codes)
    }

    /// The shape of the code's map, if its places are codes.
    fn map(&self, model: &Autoencoder) -> Option<ImageShape> {
        model.layers().code().map().filter(|_| self.form.whole)
    }

    /// Decodes codes into tiles of this shape, as bytes.
    ///
    /// # Errors
    /// If a tile needs more memory than is free, or the device fails.
    pub fn decode(&self, codes: &[f32], shape: ImageShape) -> Result<Vec<u8>> {
        let model = self.model.for_images(self.config, shape)?;
        let units = model.layers().code_size().max(1);
        let decode = |code: Tensor<2>| {
            model.decode(match self.map(&model) {
                Some([channels, height, width]) => {
                    let count = code.dims()[0];
                    let places = code.reshape([count, height * width, channels]);
                    places.swap_dims(1, 2).reshape([count, units])
                }
                None => code,
            })
        };
        let mut tiles = Vec::new();
        for codes in codes.chunks(units * at_once(&model)) {
            let put = |decoded: Vec<f32>| -> Result<()> {
                tiles.extend(decoded.iter().map(|&value| byte(value)));
                Ok(())
            };
            batched::decoded_by(&model, self.device, codes, units, decode, put)?;
        }
        Ok(tiles)
    }

    /// Codes of training images, as many as are used to learn ranges and frequencies.
    ///
    /// # Errors
    /// If the device fails.
    pub fn training_codes(&self, train: &Images) -> Result<Features> {
        let [_, height, width] = train.shape();
        let shape = self.form.cut([height, width]);
        let each = self.form.codes([height, width]) * self.form.units;
        let count = (LEARNED_VALUES / each.max(1)).clamp(1, train.len());
        let image: usize = train.shape().iter().product();
        let mut codes = Vec::new();
        for pixels in train
            .values()
            .chunks(BATCH * image)
            .take(count.div_ceil(BATCH))
        {
            let pixels = pixels.bytes();
            let tiles = tiles::all(&pixels, train.shape(), shape);
            codes.extend(self.encode(tiles.into_owned(), shape)?);
        }
        let rows = codes.len() / self.form.units.max(1);
        Ok(Features::new(codes, self.form.units, rows))
    }
}

/// Tiles that go through a model together: fewer than usual where one alone takes much memory.
fn at_once(model: &Autoencoder) -> usize {
    let widest = model.layers().iter().map(|layer| layer.size()).max();
    (MOST_ACTIVE / widest.unwrap_or_default().max(1)).clamp(1, BATCH)
}

/// A value in [0, 1] as a byte; other values are clipped.
pub fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
