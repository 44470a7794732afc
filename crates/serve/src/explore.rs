//! Exploring a model: pictures to codes and back.

use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use burn::tensor::{Tensor, TensorData};
use data::Preparation;
use model::{ImageShape, Noise, shape};
use serde::{Deserialize, Serialize};

use super::Server;
use super::body::Sent;
use super::reply::{self, BadRequest, Refusal};
use super::restore::MOST_PIXELS;
use hourglass::Loaded;
use hourglass::batched::values;
use hourglass::measure::restoration::scale;
use hourglass::memory;

/// The most codes that are decoded at once, and the most values of the result.
const MOST_CODES: usize = 64;
const MOST_VALUES: usize = 1 << 24;

/// What the page needs to know about a model.
#[derive(Serialize)]
struct Details {
    kind: String,
    /// Channels, height and width.
    shape: ImageShape,
    /// How a picture becomes an image of this shape.
    preparation: Preparation,
    code_size: usize,
    parameters: usize,
    /// The corruptions of an input before it is encoded; empty if the model is not denoising.
    corruptions: Vec<String>,
    /// How many times larger a restored picture is, along both axes.
    scale: usize,
    /// The most pixels of one.
    most_pixels: usize,
    /// Whether a code can be decoded without the input.
    decodes: bool,
}

/// Describes a run's model.
pub async fn details(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let folder = server.runs.find(run).await?;
    let details = server.models.ask(&folder, |loaded| {
        let layers = loaded.meta.layers()?;
        Ok(Details {
            kind: loaded.meta.model.kind(),
            shape: loaded.meta.input_shape,
            preparation: loaded.meta.prepared(),
            code_size: layers.code_size(),
            parameters: layers.parameters(),
            corruptions: loaded
                .model
                .corruptions()
                .iter()
                .map(|it| it.label())
                .collect(),
            scale: scale(loaded.model.corruptions()),
            most_pixels: MOST_PIXELS,
            decodes: !loaded.model.is_residual(),
        })
    });
    reply::json(&details.await?)
}

/// How the input is corrupted; not corrupted if there is no seed.
#[derive(Deserialize)]
pub struct Corruption {
    /// Seed of the noise.
    noise: Option<u64>,
    /// From 0 for the clean picture to 1 for the full corruption of the training.
    #[serde(default = "all")]
    strength: f32,
}

fn all() -> f32 {
    1.0
}

/// The code, the (corrupted) input and the reconstruction of a picture, one after the other, from its values
/// `[channels, height, width]` in [0, 1].
pub async fn reconstruct(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
    Query(corruption): Query<Corruption>,
    sent: Sent,
) -> Result<Response, Refusal> {
    let pixels = reply::read_floats(sent.bytes())?;
    let folder = server.runs.find(run).await?;
    let found = server
        .models
        .ask(&folder, move |loaded| through(loaded, pixels, &corruption));
    Ok(reply::floats(&found.await?))
}

fn through(loaded: &Loaded, pixels: Vec<f32>, corruption: &Corruption) -> Result<Vec<f32>> {
    let [channels, height, width] = loaded.meta.input_shape;
    let expected = shape::values(loaded.meta.input_shape);
    let found = pixels.len();
    let within = |value: f32| (0.0..=1.0).contains(&value);
    ensure!(
        found == expected && pixels.iter().all(|&value| within(value)),
        BadRequest(format!(
            "found {found} values; allowed: {channels}x{height}x{width} values from 0 to 1"
        ))
    );
    ensure!(
        within(corruption.strength),
        BadRequest(format!(
            "strength: found {}; allowed: 0 to 1",
            corruption.strength
        ))
    );
    memory::check_batch(&loaded.model, 1)?;
    let data = TensorData::new(pixels, [1, channels, height, width]);
    let clean = Tensor::<4>::from_data(data, &loaded.device);
    let model = &loaded.model;
    let mut input = model.clean_input(clean.clone());
    if let Some(seed) = corruption.noise {
        let corrupted = model.corrupt(clean, Noise::Host { seed });
        input = input.clone() + (corrupted - input) * corruption.strength;
    }
    let code = values(model.encode(input.clone()))?;
    let restored = values(model.forward(input.clone()))?;
    Ok([code, values(model.as_image(input))?, restored].concat())
}

/// The decoded pictures of codes, one after the other.
pub async fn decode(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
    sent: Sent,
) -> Result<Response, Refusal> {
    let codes = reply::read_floats(sent.bytes())?;
    let folder = server.runs.find(run).await?;
    let found = server
        .models
        .ask(&folder, move |loaded| decoded(loaded, codes));
    Ok(reply::floats(&found.await?))
}

fn decoded(loaded: &Loaded, codes: Vec<f32>) -> Result<Vec<f32>> {
    let shape = loaded.meta.input_shape;
    let units = loaded.meta.layers()?.code_size().max(1);
    let image = shape::values(shape);
    let most = (MOST_VALUES / image.max(1)).clamp(1, MOST_CODES);
    let count = codes.len() / units;
    ensure!(
        codes.len() == count * units && (1..=most).contains(&count),
        BadRequest(format!(
            "found {} values; allowed: 1 to {most} codes of {units} values",
            codes.len()
        ))
    );
    memory::check_batch(&loaded.model, count)?;
    let codes = Tensor::<2>::from_data(TensorData::new(codes, [count, units]), &loaded.device);
    let decoded = loaded.model.decode(codes);
    Ok(values(
        decoded.map_err(|error| BadRequest(error.to_string()))?,
    )?)
}
