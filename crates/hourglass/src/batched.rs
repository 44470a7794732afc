//! Models over many images, a batch at a time.

use burn::tensor::{Device, Tensor, TensorData};
use data::Batches;
use model::{Autoencoder, NeedsInput};

use crate::error::{Error, Result};
use crate::memory;

/// Images in a batch: enough for full speed, few enough for any device.
pub const BATCH: usize = 250;

/// A tensor's values on the host.
///
/// # Errors
/// If the device does not return them.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| Error::Device(format!("{error:?}")))
}

/// Gives the images at `indices` to `work`, a batch at a time: the indices and the images
/// `[batch, channels, height, width]` in [0, 1].
///
/// # Errors
/// An index past the end, and those of `work`.
pub fn each<E: From<Error>>(
    batches: &Batches,
    indices: &[u32],
    mut work: impl FnMut(&[u32], Tensor<4>) -> Result<(), E>,
) -> Result<(), E> {
    for chunk in indices.chunks(BATCH) {
        let images = batches.gather(chunk).map_err(Error::from)?;
        work(chunk, images)?;
    }
    Ok(())
}

/// What encoder layer `last` gives for the images at `indices`, row-major `[images, units]`; `done` hears how
/// many images are encoded. Any `last` past the end stands for the code.
///
/// # Errors
/// An index past the end, or a device that fails.
pub fn encoded(
    model: &Autoencoder,
    batches: &Batches,
    indices: &[u32],
    last: usize,
    done: impl FnMut(usize),
) -> Result<Vec<f32>> {
    let encode = |input| model.encode_to(input, last);
    encoded_by(model, batches, indices, encode, done)
}

/// The same of what `encode` makes of the model's inputs, `[batch, C, H, W]`.
///
/// # Errors
/// As [`encoded`].
pub fn encoded_by(
    model: &Autoencoder,
    batches: &Batches,
    indices: &[u32],
    encode: impl Fn(Tensor<4>) -> Tensor<2>,
    mut done: impl FnMut(usize),
) -> Result<Vec<f32>> {
    memory::check_batch(model, indices.len().min(BATCH))?;
    let mut codes = Vec::new();
    let mut count = 0;
    each(batches, indices, |chunk, images| -> Result<()> {
        let input = model.clean_input(images);
        codes.extend(values(encode(input))?);
        count += chunk.len();
        done(count);
        Ok(())
    })?;
    Ok(codes)
}

/// Gives the images of codes, row-major `[images, units]`, to `work`, a batch at a time: `[batch, channels,
/// height, width]` in one row.
///
/// # Errors
/// A residual model, whose code alone makes no image; a device that fails; and those of `work`.
pub fn decoded<E: From<Error>>(
    model: &Autoencoder,
    device: &Device,
    codes: &[f32],
    units: usize,
    work: impl FnMut(Vec<f32>) -> Result<(), E>,
) -> Result<(), E> {
    decoded_by(model, device, codes, units, |code| model.decode(code), work)
}

/// The same with images that `decode` makes of codes, `[batch, units]`.
///
/// # Errors
/// As [`decoded`].
pub fn decoded_by<E: From<Error>>(
    model: &Autoencoder,
    device: &Device,
    codes: &[f32],
    units: usize,
    decode: impl Fn(Tensor<2>) -> Result<Tensor<4>, NeedsInput>,
    mut work: impl FnMut(Vec<f32>) -> Result<(), E>,
) -> Result<(), E> {
    let units = units.max(1);
    let images = codes.len() / units;
    memory::check_batch(model, images.min(BATCH)).map_err(Error::from)?;
    for chunk in codes.chunks(BATCH * units) {
        let count = chunk.len() / units;
        let data = TensorData::new(chunk.to_vec(), [count, units]);
        let images = decode(Tensor::from_data(data, device));
        work(values(images.map_err(Error::from)?)?)?;
    }
    Ok(())
}
