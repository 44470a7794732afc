//! A study of a model: statistics of its code over the run's test pictures, for the sliders, the map and the example
//! pictures.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::{self, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use data::Images;
use data_encoding::BASE64;
use serde::Serialize;

use super::Server;
use super::models::stamp;
use super::reply::{Refusal, aside};
use hourglass::analysis::features::Features;
use hourglass::analysis::plane::{self, Plane};
use hourglass::run::Run;
use hourglass::run::loaded::own_images;

/// The most example pictures, and their most bytes.
const EXAMPLES: usize = 24;
const EXAMPLE_BYTES: usize = 1 << 20;

/// The most bytes of the pictures in a study.
const LARGEST: usize = 32 << 20;

/// Pictures that are encoded at once, so that a drawing sent in the meantime need not wait for all of them.
const CHUNK: usize = 50;

/// Number of studies kept in memory.
const KEPT: usize = 3;

/// The studies made so far.
pub struct Studies {
    backend: Option<String>,
    kept: Mutex<Vec<Kept>>,
    /// Held while a study is made: two at once would load the same images twice.
    making: tokio::sync::Mutex<()>,
}

struct Kept {
    folder: PathBuf,
    weights: Option<SystemTime>,
    images: Arc<Images>,
    json: Bytes,
}

/// A study as the page gets it.
#[derive(Serialize)]
struct Study {
    /// Number of pictures.
    images: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<u8>>,
    /// The names of the classes, the first for label 0; empty if labels have no names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<String>,
    /// Each picture's place on the plane of the map; see [`Plane`].
    places: Vec<[f32; 2]>,
    axes: [String; 2],
    origin: Vec<f32>,
    directions: [Vec<f32>; 2],
    units: Units,
    examples: Examples,
}

/// Statistics of each unit over the pictures.
#[derive(Serialize)]
struct Units {
    low: Vec<f32>,
    high: Vec<f32>,
    mean: Vec<f32>,
}

/// Example pictures, spread over the whole set because neighbours may be patches of one photograph.
#[derive(Serialize)]
struct Examples {
    /// Their indices among the pictures.
    indices: Vec<usize>,
    /// Their pixels, `[examples, channels, height, width]`, in base64.
    pixels: String,
}

impl Studies {
    /// None yet; `backend` is what models compute on, as in a config; `None` for the best one.
    pub fn new(backend: Option<String>) -> Self {
        Self {
            backend,
            kept: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// A run's study for these weights, and its pictures.
    fn find(
        &self,
        folder: &Path,
        weights: Option<SystemTime>,
    ) -> (Option<Bytes>, Option<Arc<Images>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = kept.iter().find(|it| it.folder == folder) else {
            return (None, None);
        };
        let json = (found.weights == weights).then(|| found.json.clone());
        (json, Some(Arc::clone(&found.images)))
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| it.folder != new.folder);
        kept.insert(0, new);
        kept.truncate(KEPT);
    }
}

/// A run's study, made at the first request.
pub async fn study(
    State(server): State<Arc<Server>>,
    extract::Path(run): extract::Path<String>,
) -> Result<Response, Refusal> {
    let folder = server.runs.find(run).await?;
    let _making = server.studies.making.lock().await;
    let weights = stamp(&folder);
    let json = match server.studies.find(&folder, weights) {
        (Some(json), _) => json,
        (None, images) => make(&server, folder, weights, images).await?,
    };
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

async fn make(
    server: &Arc<Server>,
    folder: PathBuf,
    weights: Option<SystemTime>,
    images: Option<Arc<Images>>,
) -> Result<Bytes, Refusal> {
    let images = match images {
        Some(images) => images,
        None => {
            let (folder, backend) = (folder.clone(), server.studies.backend.clone());
            Arc::new(
                aside(move || tested(&folder, backend.as_deref()).map_err(Refusal::from)).await?,
            )
        }
    };
    let mut codes = Vec::new();
    let all: Vec<u32> = (0..images.len() as u32).collect();
    for chunk in all.chunks(CHUNK) {
        let (images, chunk) = (Arc::clone(&images), chunk.to_vec());
        let encoded = server.models.ask(&folder, move |loaded| {
            let (model, device) = (&loaded.model, &loaded.device);
            Ok(Features::encoded(
                model,
                device,
                &images,
                &chunk,
                usize::MAX,
                |_| (),
            )?)
        });
        codes.extend_from_slice(encoded.await?.values());
    }
    let shown = Arc::clone(&images);
    let json = aside(move || {
        let codes = {
            let width = codes.len() / shown.len().max(1);
            Features::new(codes, width, shown.len())
        };
        let study = Study::of(&shown, &codes)?;
        Ok(Bytes::from(serde_json::to_vec(&study).context("a study")?))
    });
    let json = json.await?;
    server.studies.keep(Kept {
        folder,
        weights,
        images,
        json: json.clone(),
    });
    Ok(json)
}

/// The first of the pictures that a run was tested on, as many as a map of its code shows.
fn tested(folder: &Path, backend: Option<&str>) -> Result<Images> {
    let run = Run::open(folder, Path::new(""))?;
    let setup = own_images(&run, backend, false, None)?;
    let image = model::shape::values(setup.shape()).max(1);
    let most = plane::shown(setup.layers.code_size()).min(LARGEST / image);
    let count = most.max(1).min(setup.test.len());
    let first: Vec<u32> = (0..count as u32).collect();
    Ok(setup.test.select(&first)?)
}

impl Study {
    fn of(images: &Images, codes: &Features) -> Result<Self> {
        let plane = Plane::of(codes)?;
        Ok(Self {
            images: images.len(),
            labels: images.labels().map(<[u8]>::to_vec),
            classes: images.classes().to_vec(),
            places: plane
                .places
                .iter()
                .map(|place| place.map(|it| it as f32))
                .collect(),
            axes: plane.axes,
            origin: plane.origin,
            directions: plane.directions,
            units: Units::of(codes),
            examples: Examples::of(images),
        })
    }
}

impl Examples {
    fn of(images: &Images) -> Self {
        let image = images.shape().iter().product::<usize>().max(1);
        let most = (EXAMPLE_BYTES / image).clamp(2, EXAMPLES);
        let count = most.min(images.len());
        let indices: Vec<usize> = (0..count).map(|it| it * images.len() / count).collect();
        let pixels = indices.iter().filter_map(|&index| images.image(index));
        Self {
            pixels: BASE64.encode(&pixels.collect::<Vec<_>>().concat()),
            indices,
        }
    }
}

impl Units {
    fn of(codes: &Features) -> Self {
        let mut low = codes.row(0).to_vec();
        let mut high = low.clone();
        for row in codes.values().chunks_exact(codes.width()) {
            for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(row) {
                *low = low.min(value);
                *high = high.max(value);
            }
        }
        Self {
            low,
            high,
            mean: codes.mean().iter().map(|it| *it as f32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_has_the_range_of_each_unit_and_pictures_from_all_over() {
        let images = Images::new((0..96).collect(), [1, 1, 2]).unwrap();
        let codes = (0..48)
            .flat_map(|i| [i as f32, -2.0 * i as f32, 7.0])
            .collect();
        let study = Study::of(&images, &Features::new(codes, 3, 48)).unwrap();
        assert_eq!(study.units.low, [0.0, -94.0, 7.0]);
        assert_eq!(study.units.high, [47.0, 0.0, 7.0]);
        assert_eq!(study.units.mean, [23.5, -47.0, 7.0]);
        assert_eq!((study.images, study.places.len()), (48, 48));
        let every_second: Vec<usize> = (0..EXAMPLES).map(|it| 2 * it).collect();
        assert_eq!(study.examples.indices, every_second);
        let pixels = BASE64.decode(study.examples.pixels.as_bytes()).unwrap();
        assert_eq!(pixels.len(), 2 * EXAMPLES);
        assert_eq!(pixels.get(2..4), Some([4, 5].as_slice()));
        assert!(study.labels.is_none());
    }
}
