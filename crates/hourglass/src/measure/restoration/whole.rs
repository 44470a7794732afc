//! Whole pictures through a model of a fixed size.

use burn::tensor::{Device, Tensor, TensorData};
use model::Autoencoder;

use super::tiles::{Grid, Picture};
use crate::batched::{BATCH, values};
use crate::error::Result;
use crate::memory;

/// About how many pixels go through a model at once: a quarter of a GiB per 64 channels at full size.
const PIXELS_AT_ONCE: usize = 1 << 20;

/// Sends a picture, which has the channels of the model's images and any size above 0, through the model in tiles.
/// `emit` gets each row of the result, `[channels, width]`, from top to bottom; `done` the number of finished tiles.
///
/// # Errors
/// If a batch of tiles needs more memory than is free, or the device fails.
pub fn through(
    model: &Autoencoder,
    device: &Device,
    picture: Picture,
    emit: impl FnMut(usize, &[f32]),
    done: impl FnMut(usize),
) -> Result<()> {
    let [channels, height, width] = model.output_shape();
    let [given, rows, columns] = picture.shape;
    let grid = Grid::new([rows, columns], [height, width]);
    let batch = (PIXELS_AT_ONCE / (height * width).max(1)).clamp(1, BATCH);
    memory::check_batch(model, batch.min(grid.count()))?;
    let forward = |tiles: Vec<f32>, count: usize| {
        let tiles = TensorData::new(tiles, [count, given, height, width]);
        let tiles = Tensor::from_data(tiles, device);
        values(model.forward(tiles))
    };
    grid.restore(picture, channels, batch, forward, emit, done)
}

/// The same, as the bytes of a picture file, `[height, width, channels]`.
///
/// # Errors
/// As [`through`].
pub fn restored(
    model: &Autoencoder,
    device: &Device,
    picture: Picture,
    done: impl FnMut(usize),
) -> Result<Vec<u8>> {
    let [channels, ..] = model.output_shape();
    let [_, height, width] = picture.shape;
    let mut bytes = vec![0; channels * height * width];
    let put = |row, values: &[f32]| put_row(&mut bytes, row, values, width);
    through(model, device, picture, put, done)?;
    Ok(bytes)
}

/// Copies a row `[channels, width]` of values in [0, 1] into bytes `[height, width, channels]`.
fn put_row(bytes: &mut [u8], row: usize, values: &[f32], width: usize) {
    let channels = values.len() / width.max(1);
    let line = &mut bytes[row * values.len()..][..values.len()];
    for (channel, values) in values.chunks_exact(width).enumerate() {
        let places = line.iter_mut().skip(channel).step_by(channels);
        for (byte, value) in places.zip(values) {
            *byte = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
}
