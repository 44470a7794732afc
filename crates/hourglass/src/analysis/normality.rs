//! What is normal for a run: learned from its training and validation pictures by its model, or by PCA beside it, and
//! the scores of other pictures by that.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, ImageShape, Images};
use model::Autoencoder;

use super::error::AnalysisError;
use super::features::{Features, MOST_VALUES};
use super::random::sample;
use super::scoring::{Codes, Method, Places, Standard, Values};
use crate::batched::{self, BATCH, values};
use crate::error::{Error, Result};
use crate::measure::pca::Pca;
use crate::memory;

/// What encodes pictures and restores them.
#[derive(Clone, Copy, Debug)]
pub enum Restorer<'a> {
    /// A model on its device.
    Model(&'a Autoencoder, &'a Device),
    /// Principal components.
    Pca(&'a Pca),
}

/// A batch of pictures as a restorer sees them.
struct Seen {
    /// `[pictures, values]`
    inputs: Vec<f32>,
    /// `[pictures, values]`
    restored: Vec<f32>,
    /// `[pictures, units]`
    codes: Vec<f32>,
}

impl Restorer<'_> {
    /// Gives the pictures at `indices` to `work`, a batch at a time.
    fn each(
        &self,
        images: &Arc<Images>,
        indices: &[u32],
        mut work: impl FnMut(&Seen) -> Result<()>,
    ) -> Result<()> {
        let image: usize = images.shape().iter().product();
        let mut checked = |seen: &Seen, chunk: &[u32]| {
            let each = seen.restored.chunks_exact(image.max(1)).zip(chunk);
            for (restored, &image) in each {
                if restored.iter().any(|value| !value.is_finite()) {
                    return Err(Error::Reconstruction { image });
                }
            }
            if let Some(at) = seen.codes.iter().position(|value| !value.is_finite()) {
                let width = (seen.codes.len() / chunk.len().max(1)).max(1);
                let image = chunk.get(at / width).copied().unwrap_or_default();
                return Err(Error::NotFinite { image });
            }
            work(seen)
        };
        match self {
            Restorer::Model(model, device) => {
                memory::check_batch(model, indices.len().min(BATCH))?;
                let batches = Batches::new(Arc::clone(images), device, false);
                batched::each(&batches, indices, |chunk, clean| {
                    let input = model.clean_input(clean.clone());
                    let code = model.encode(input.clone());
                    let restored = model.output(code.clone(), input).reconstruction();
                    let seen = Seen {
                        inputs: values(clean)?,
                        restored: values(restored)?,
                        codes: values(code)?,
                    };
                    checked(&seen, chunk)
                })
            }
            Restorer::Pca(pca) => {
                for chunk in indices.chunks(BATCH) {
                    let pixels = images.select(chunk)?;
                    let codes = pca.codes(pixels.pixels())?;
                    let restored = match pca.components() {
                        0 => pca.mean_picture().repeat(chunk.len()),
                        _ => pca.pictures(&codes),
                    };
                    let inputs = pixels.pixels().iter().map(|it| f32::from(*it) / 255.0);
                    let seen = Seen {
                        inputs: inputs.collect(),
                        restored,
                        codes,
                    };
                    checked(&seen, chunk)?;
                }
                Ok(())
            }
        }
    }
}

/// Normal pictures of a run.
#[derive(Clone, Copy, Debug)]
pub struct Normal<'a> {
    /// The pictures that training may use.
    pub images: &'a Arc<Images>,
    /// Those of them that it took steps on; a picture may be there several times.
    pub train: &'a [u32],
    /// Those that show what is usual.
    pub held: &'a [u32],
    /// The pictures that `held` are of, if not of `images`.
    pub held_images: &'a Arc<Images>,
    /// Draws training pictures, if there are too many codes.
    pub seed: u64,
}

/// What is usual for a restorer of pictures of one shape.
#[derive(Debug)]
pub struct Normality<'a> {
    restorer: Restorer<'a>,
    method: Method,
    shape: ImageShape,
    places: Places,
    codes: Option<Codes>,
    standard: Standard,
    /// The scores of the held pictures, in their order.
    pub held: Vec<f64>,
}

/// A scored picture.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Its score.
    pub score: f64,
    /// How many times the usual error each pixel has, `[height, width]`; empty if not asked for.
    pub map: Vec<f32>,
}

impl<'a> Normality<'a> {
    /// Learns what is usual.
    ///
    /// # Errors
    /// No held pictures, a device that fails, and codes or reconstructions that are not finite. `name` is what the
    /// pictures are called.
    pub fn learn(
        restorer: Restorer<'a>,
        method: Method,
        normal: &Normal,
        name: &str,
    ) -> Result<Self> {
        if normal.held.is_empty() {
            let run = name.to_owned();
            return Err(AnalysisError::NoValidation { run }.into());
        }
        let shape = normal.images.shape();
        let image = shape.iter().product::<usize>().max(1);
        let mut places = Places::new(shape);
        restorer.each(normal.held_images, normal.held, |seen| {
            let pairs = seen.inputs.chunks_exact(image);
            for (input, restored) in pairs.zip(seen.restored.chunks_exact(image)) {
                places.push(input, restored);
            }
            Ok(())
        })?;
        let codes = match method.needs_codes() {
            true => Codes::fit(&training_codes(&restorer, normal)?)?,
            false => None,
        };
        let mut learned = Self {
            restorer,
            method,
            shape,
            places: places.finish(),
            codes,
            standard: Standard::default(),
            held: Vec::new(),
        };
        if method == Method::Combined {
            let mut parts = Vec::new();
            learned.each(normal.held_images, normal.held, false, |values, near, _| {
                parts.push(of_parts(values, near));
            })?;
            learned.standard = Standard::of(&parts);
            learned.held = parts
                .iter()
                .map(|it| learned.standard.combined(*it))
                .collect();
        } else {
            let held = learned.scores(normal.held_images, normal.held, false)?;
            learned.held = held.iter().map(|it| it.score).collect();
        }
        Ok(learned)
    }

    /// The scores of the pictures at `indices`, with their error maps if asked for.
    ///
    /// # Errors
    /// As [`Normality::learn`].
    pub fn scores(&self, images: &Arc<Images>, indices: &[u32], maps: bool) -> Result<Vec<Scored>> {
        let mut scored = Vec::with_capacity(indices.len());
        self.each(images, indices, maps, |values, near, map| {
            let score = match self.method {
                Method::Mse => values.mse,
                Method::Relative => values.relative,
                Method::Place => values.place,
                Method::Window => values.window,
                Method::Neighbours => near[0],
                Method::Mahalanobis => near[1],
                Method::Combined => self.standard.combined(of_parts(values, near)),
            };
            scored.push(Scored { score, map });
        })?;
        Ok(scored)
    }

    /// Height and width of an error map.
    pub fn size(&self) -> [usize; 2] {
        [self.shape[1], self.shape[2]]
    }

    /// Gives what each picture is scored by to `work`: its values' scores, those of its code, and its map.
    fn each(
        &self,
        images: &Arc<Images>,
        indices: &[u32],
        maps: bool,
        mut work: impl FnMut(Values, [f64; 2], Vec<f32>),
    ) -> Result<()> {
        let image = self.shape.iter().product::<usize>().max(1);
        self.restorer.each(images, indices, |seen| {
            let count = seen.inputs.len() / image;
            let near = match &self.codes {
                Some(codes) => {
                    let width = seen.codes.len() / count.max(1);
                    codes.distances(&Features::new(seen.codes.clone(), width, count))
                }
                None => vec![[0.0; 2]; count],
            };
            let pairs = seen.inputs.chunks_exact(image);
            for ((input, restored), near) in pairs.zip(seen.restored.chunks_exact(image)).zip(near)
            {
                let map = match maps {
                    true => self.places.map(input, restored),
                    false => Vec::new(),
                };
                work(self.places.values(input, restored), near, map);
            }
            Ok(())
        })
    }
}

/// The scores of the parts of a combination, in the order of [`Method::PARTS`].
fn of_parts(values: Values, [near, _]: [f64; 2]) -> [f64; Method::PARTS.len()] {
    [values.relative, values.place, values.window, near]
}

/// The codes of the training pictures, or of as many as fit into memory.
fn training_codes(restorer: &Restorer, normal: &Normal) -> Result<Features> {
    let mut train = normal.train.to_vec();
    train.sort_unstable();
    train.dedup();
    let mut rows = 0;
    let mut width = 1;
    // The width of a code is known from the first one.
    let first = train.get(..1).unwrap_or_default();
    restorer.each(normal.images, first, |seen| {
        width = seen.codes.len().max(1);
        Ok(())
    })?;
    let most = MOST_VALUES / width;
    let chosen: Vec<u32> = sample(train.len(), most, normal.seed)
        .into_iter()
        .filter_map(|at| train.get(at as usize).copied())
        .collect();
    let mut codes = Vec::with_capacity(chosen.len() * width);
    restorer.each(normal.images, &chosen, |seen| {
        codes.extend(&seen.codes);
        rows = codes.len() / width;
        Ok(())
    })?;
    Ok(Features::new(codes, width, rows))
}
