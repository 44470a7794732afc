//! An example: a few inputs and what the model makes of them, with which another program checks its own results.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use data::{Field, FieldKind};
use model::weights::Weight;
use model::{Gives, ImageShape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Exported, onnx, units};
use crate::batched::values;
use crate::error::Result;

/// Samples of the example: odd, and more than one, so that a mixed up batch is noticed.
const SAMPLES: usize = 3;

/// How many deviations from the mean an example's numbers are at most.
const SPREAD: f32 = 2.0;

/// Inputs, codes and reconstructions, in the units that the exported model takes and gives.
///
/// # Errors
/// If the device does not return its values.
pub(super) fn tensors(exported: &Exported<'_>) -> Result<Vec<Weight>> {
    let model = exported.model;
    let shape = model.input_shape();
    let given = inputs(exported, shape);
    let units = units::of(exported);
    let place: usize = shape[1] * shape[2];
    // The unit of the value at this place of a row-major batch.
    let channel = |at: usize, channels: usize| at / place.max(1) % channels.max(1);
    let own: Vec<f32> = match &units {
        None => given.clone(),
        Some(units) => {
            let own = given.iter().enumerate().map(|(at, value)| {
                let channel = channel(at, units.means.len());
                (value - units.means[channel]) / units.deviations[channel]
            });
            own.collect()
        }
    };
    let device = model.devices().into_iter().next().unwrap_or_default();
    let input = batch(own, shape, &device);
    let code = model.encode(input.clone());
    let restored = values(model.output(code.clone(), input).reconstruction())?;
    let restored = match &units {
        None => restored,
        Some(units) => {
            let own = restored.iter().enumerate().map(|(at, value)| {
                let channel = channel(at, units.means.len());
                value * units.deviations[channel] + units.means[channel]
            });
            own.collect()
        }
    };
    let named = |name: &str, shape: &[usize], values| Weight {
        name: name.to_owned(),
        shape: [&[SAMPLES], shape].concat(),
        values,
    };
    let code_size = model.layers().code_size();
    Ok(vec![
        named(onnx::INPUT, &shape, given),
        named(onnx::CODE, &[code_size], values(code)?),
        named(onnx::RECONSTRUCTION, &model.output_shape(), restored),
    ])
}

fn batch(values: Vec<f32>, [channels, height, width]: ImageShape, device: &Device) -> Tensor<4> {
    let shape = [SAMPLES, channels, height, width];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Inputs that have what the model was made for: holes, missing values, categories.
fn inputs(exported: &Exported<'_>, [channels, height, width]: ImageShape) -> Vec<f32> {
    // The same example whenever a model is exported.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let place = height * width;
    let Some(fields) = &exported.meta.fields else {
        let mut values: Vec<f32> = (0..SAMPLES * channels * place)
            .map(|_| random.random::<f32>())
            .collect();
        if exported.model.plan().ends.gives == Gives::Holes {
            for map in values.chunks_exact_mut(place.max(1)) {
                for row in map
                    .chunks_exact_mut(width.max(1))
                    .skip(height / 4)
                    .take(height / 3)
                {
                    let hole = row.iter_mut().skip(width / 4).take(width / 3);
                    hole.for_each(|value| *value = 0.0);
                }
            }
        }
        return values;
    };
    let mut values = Vec::with_capacity(SAMPLES * channels * place);
    for sample in 0..SAMPLES {
        for (_, field) in fields.placed() {
            values.extend(of_field(field, sample, place, &mut random));
        }
    }
    values
}

/// A field's channels of one sample; the first sample has a value missing of each.
fn of_field(field: &Field, sample: usize, place: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut values: Vec<f32> = match &field.kind {
        FieldKind::Number { mean, deviation } => (0..place)
            .map(|_| {
                let away = (random.random::<f32>() * 2.0 - 1.0) * SPREAD;
                *mean as f32 + away * *deviation as f32
            })
            .collect(),
        FieldKind::Category { values, .. } => {
            let chosen = random.random_range(0..values.len().max(1));
            let channels = (0..values.len()).flat_map(|it| {
                let value = if it == chosen { 1.0 } else { 0.0 };
                std::iter::repeat_n(value, place)
            });
            channels.collect()
        }
    };
    if sample == 0 {
        for value in values.iter_mut().step_by(place.max(1)) {
            *value = f32::NAN;
        }
    }
    values
}
