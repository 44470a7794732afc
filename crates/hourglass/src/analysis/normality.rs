//! What is normal for a run: learned from samples that its model was trained on and others that it was validated with,
//! and the scores of any samples by that.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, Fields, ImageShape, Images};
use model::Autoencoder;

use super::cloud::{Cloud, Ellipsoid};
use super::error::AnalysisError;
use super::features::{Features, MOST_VALUES};
use super::places::{Pair, Places, Window, largest_in_frames, smoothed_frames};
use super::random::sample;
use super::scoring::{Method, Parts, Usual};
use crate::batched::{self, BATCH, values};
use crate::error::{Error, Result};
use crate::memory;
use crate::pictures::shrink::shrunk;

/// The most training samples that others are compared with, drawn at random: the distance from the nearest of a few
/// thousand tells odd samples about as well as that of all (Sugiyama & Borgwardt 2013).
const MOST_KNOWN: usize = 10_000;

/// The most places of an input that is compared with others, 32 x 32: larger ones are made smaller by whole factors,
/// because their details never lie on each other.
const MOST_PLACES: usize = 1024;

/// Fields that are named as the reason of a score.
const NAMED: usize = 3;

/// A model on its device.
#[derive(Clone, Debug)]
pub struct Scorer {
    /// The model, without autodiff; a copy shares its weights.
    pub model: Autoencoder,
    /// Where it computes.
    pub device: Device,
}

/// A batch of samples as a model sees them.
struct Seen {
    /// `[samples, values]`; NaN is a missing one.
    inputs: Vec<f32>,
    /// `[samples, values]`
    restored: Vec<f32>,
    /// `[samples, units]`
    codes: Vec<f32>,
}

impl Scorer {
    /// Gives the samples at `indices` to `work`, a batch at a time.
    fn each(
        &self,
        images: &Arc<Images>,
        indices: &[u32],
        mut work: impl FnMut(&[u32], &Seen) -> Result<()>,
    ) -> Result<()> {
        let model = &self.model;
        memory::check_batch(model, indices.len().min(BATCH))?;
        let image: usize = images.shape().iter().product();
        let batches = Batches::new(Arc::clone(images), &self.device, false);
        batched::each(&batches, indices, |chunk, clean| -> Result<()> {
            let input = model.clean_input(clean.clone());
            let code = model.encode(input.clone());
            let restored = model.output(code.clone(), input).reconstruction();
            let seen = Seen {
                inputs: values(clean)?,
                restored: values(restored)?,
                codes: values(code)?,
            };
            let bad = |all: &[f32], width: usize| {
                let at = all.iter().position(|value| !value.is_finite())?;
                chunk.get(at / width.max(1)).copied()
            };
            if let Some(image) = bad(&seen.restored, image) {
                return Err(Error::Reconstruction { image });
            }
            if let Some(image) = bad(&seen.codes, seen.codes.len() / chunk.len().max(1)) {
                return Err(Error::NotFinite { image });
            }
            work(chunk, &seen)
        })
    }
}

/// Normal samples of a run.
#[derive(Clone, Copy, Debug)]
pub struct Normal<'a> {
    /// The samples that training may use.
    pub images: &'a Arc<Images>,
    /// Those of them that it took steps on; a sample may be there several times.
    pub train: &'a [u32],
    /// Those that it was validated with.
    pub held: &'a [u32],
    /// Draws training samples, if there are too many.
    pub seed: u64,
}

/// A tile of a picture, or a whole sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its place among the images.
    pub index: u32,
    /// The place of what it is a piece of; all pieces of one thing follow each other.
    pub whole: usize,
    /// Row and column of its first pixel in that.
    pub at: [usize; 2],
}

impl Piece {
    /// Samples that are no tiles.
    pub fn wholes(indices: &[u32]) -> Vec<Self> {
        let piece = |(whole, &index): (usize, &u32)| Piece {
            index,
            whole,
            at: [0, 0],
        };
        indices.iter().enumerate().map(piece).collect()
    }

    /// Tiles whose names end in `@ROW,COLUMN`, as those of patches do, and the names of the pictures that they are of.
    /// Tiles of one picture must follow each other.
    pub fn tiles(names: &[String], indices: &[u32]) -> (Vec<Self>, Vec<String>) {
        let mut wholes: Vec<String> = Vec::new();
        let mut pieces = Vec::with_capacity(indices.len());
        for &index in indices {
            let name = names.get(index as usize).map_or("", String::as_str);
            let place = name.rsplit_once('@').and_then(|(picture, place)| {
                let (row, column) = place.split_once(',')?;
                Some((picture, [row.parse().ok()?, column.parse().ok()?]))
            });
            let (picture, at) = place.unwrap_or((name, [0, 0]));
            if wholes.last().is_none_or(|last| last != picture) {
                wholes.push(picture.to_owned());
            }
            pieces.push(Piece {
                index,
                whole: wholes.len() - 1,
                at,
            });
        }
        (pieces, wholes)
    }
}

/// A scored sample; of a picture in tiles, what its worst tile gave.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Its score.
    pub score: f64,
    /// The window with the largest errors, unless it has one place alone.
    pub window: Option<Window>,
    /// The fields with the largest shares of the error and these shares; empty for pictures.
    pub fields: Vec<(usize, f64)>,
    /// Row and column of the worst tile, if there are several.
    pub tile: Option<[usize; 2]>,
    /// The error map, if it was asked for.
    pub map: Option<Map>,
    /// Of a window of series: the squared error of each step, mean over its channels.
    pub steps: Vec<f32>,
}

/// The squared error around each place, mean over a [window](largest_in_frames).
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// `[height, width]`
    pub values: Vec<f32>,
    /// Height and width.
    pub size: [usize; 2],
}

impl Map {
    /// Puts the map of a tile on this one, which grows if it must; the larger value stays.
    fn put(&mut self, tile: &Map, [top, left]: [usize; 2]) {
        let [tall, wide] = tile.size;
        let size = [self.size[0].max(top + tall), self.size[1].max(left + wide)];
        if size != self.size {
            let mut values = vec![0f32; size[0] * size[1]];
            let rows = values.chunks_exact_mut(size[1].max(1));
            for (to, from) in rows.zip(self.values.chunks_exact(self.size[1].max(1))) {
                if let Some(to) = to.get_mut(..from.len()) {
                    to.copy_from_slice(from);
                }
            }
            *self = Self { values, size };
        }
        for (row, from) in tile.values.chunks_exact(wide.max(1)).enumerate() {
            let start = (top + row) * self.size[1] + left;
            let to = self.values.get_mut(start..start + wide).unwrap_or_default();
            for (to, from) in to.iter_mut().zip(from) {
                *to = to.max(*from);
            }
        }
    }
}

/// What is usual for a model of samples of one shape.
#[derive(Debug)]
pub struct Normality {
    scorer: Scorer,
    method: Method,
    shape: ImageShape,
    /// Frames that a sample has from top to bottom.
    frames: usize,
    fields: Option<Arc<Fields>>,
    places: Places,
    known: Known,
    usual: Usual,
    /// What the validation samples were given: of pictures in tiles one of each picture, without maps.
    pub held: Vec<Scored>,
}

impl Normality {
    /// Learns what is usual. `name` is what the samples are called, and `tiles` says whether they are tiles of pictures.
    ///
    /// # Errors
    /// No validation samples, a device that fails, and codes or reconstructions that are not finite.
    pub fn learn(
        scorer: Scorer,
        method: Method,
        normal: &Normal,
        tiles: bool,
        name: &str,
    ) -> Result<Self> {
        let images = normal.images;
        let mut held = normal.held.to_vec();
        held.sort_unstable();
        let pieces = match (tiles, images.names()) {
            (true, Some(names)) => Piece::tiles(names, &held).0,
            _ => Piece::wholes(&held),
        };
        if pieces.is_empty() {
            let run = name.to_owned();
            return Err(AnalysisError::NoValidation { run }.into());
        }
        let shape = images.shape();
        let image = shape.iter().product::<usize>().max(1);
        let mut places = Places::new(image);
        if method.needs(Method::Place) {
            scorer.each(images, &held, |_, seen| {
                let pairs = seen.inputs.chunks_exact(image);
                for (input, restored) in pairs.zip(seen.restored.chunks_exact(image)) {
                    places.push(&Pair {
                        input,
                        restored,
                        shape,
                    });
                }
                Ok(())
            })?;
        }
        let known = Known::learn(&scorer, method, normal)?;
        let mut learned = Self {
            scorer,
            method,
            shape,
            frames: images.frames(),
            fields: images.fields().cloned(),
            places: places.finish(),
            known,
            usual: Usual::default(),
            held: Vec::new(),
        };
        if method == Method::Combined {
            let mut parts = Vec::with_capacity(held.len());
            learned.parts(images, &held, |_, _, it| {
                parts.push(it);
                Ok(())
            })?;
            learned.usual = Usual::of(&parts, images.fields().is_none());
        }
        let mut scored = Vec::new();
        learned.score(images, &pieces, false, |_, it| {
            scored.push(it);
            Ok(())
        })?;
        learned.held = scored;
        Ok(learned)
    }

    /// Scores samples, and gives each whole with its place to `work`; `maps` says whether error maps are needed.
    ///
    /// # Errors
    /// As [`Normality::learn`], and those of `work`.
    pub fn score(
        &self,
        images: &Arc<Images>,
        pieces: &[Piece],
        maps: bool,
        mut work: impl FnMut(usize, Scored) -> Result<()>,
    ) -> Result<()> {
        let indices: Vec<u32> = pieces.iter().map(|piece| piece.index).collect();
        let mut left = pieces.iter();
        let mut current: Option<(usize, Scored)> = None;
        self.parts(images, &indices, |pair, window, parts| {
            let Some(piece) = left.next() else {
                return Ok(());
            };
            let scored = self.scored(&pair, window, parts, piece.at, maps);
            match &mut current {
                Some((whole, worst)) if *whole == piece.whole => add_tile(worst, scored, piece.at),
                _ => {
                    if let Some((whole, worst)) = current.replace((piece.whole, scored)) {
                        work(whole, worst)?;
                    }
                }
            }
            Ok(())
        })?;
        match current {
            Some((whole, worst)) => work(whole, worst),
            None => Ok(()),
        }
    }

    fn scored(
        &self,
        pair: &Pair,
        window: Window,
        parts: Parts,
        [top, left]: [usize; 2],
        maps: bool,
    ) -> Scored {
        let [_, height, width] = self.shape;
        let fields = self.fields.as_ref();
        let map = maps.then(|| {
            let tile = Map {
                values: smoothed_frames(&pair.map(), [height, width], self.frames),
                size: [height, width],
            };
            let mut map = Map {
                values: Vec::new(),
                size: [0, 0],
            };
            map.put(&tile, [top, left]);
            map
        });
        Scored {
            score: match self.method {
                Method::Combined => self.usual.combined(&parts),
                part => parts.of(part),
            },
            window: (height * width > 1).then_some(Window {
                at: [window.at[0] + top, window.at[1] + left],
                ..window
            }),
            fields: fields.map_or_else(Vec::new, |it| pair.largest_fields(it, NAMED)),
            tile: None,
            map,
            steps: match (height, fields) {
                (1, Some(_)) if width > 1 => pair.map(),
                _ => Vec::new(),
            },
        }
    }

    /// Gives each sample's window and what its score is made of to `work`, in the order of `indices`.
    fn parts(
        &self,
        images: &Arc<Images>,
        indices: &[u32],
        mut work: impl FnMut(Pair, Window, Parts) -> Result<()>,
    ) -> Result<()> {
        let shape @ [_, height, width] = self.shape;
        let image = shape.iter().product::<usize>().max(1);
        self.scorer.each(images, indices, |chunk, seen| {
            let mut far = self.known.distances(seen, shape, chunk.len()).into_iter();
            let pairs = seen.inputs.chunks_exact(image);
            for (input, restored) in pairs.zip(seen.restored.chunks_exact(image)) {
                let pair = Pair {
                    input,
                    restored,
                    shape,
                };
                let window = largest_in_frames(&pair.map(), [height, width], self.frames);
                let parts = Parts {
                    sums: pair.sums(),
                    place: self.places.ratio(&pair),
                    window: window.mean,
                    ..far.next().unwrap_or_default()
                };
                work(pair, window, parts)?;
            }
            Ok(())
        })
    }
}

/// Adds a tile to what is known of its picture.
fn add_tile(worst: &mut Scored, tile: Scored, at: [usize; 2]) {
    // What was taken first lies where the grid begins.
    worst.tile.get_or_insert([0, 0]);
    let mut map = worst.map.take();
    if let (Some(map), Some(new)) = (&mut map, &tile.map) {
        map.put(new, [0, 0]);
    }
    if tile.score > worst.score {
        *worst = Scored {
            tile: Some(at),
            ..tile
        };
    }
    worst.map = map;
}

/// Where training samples lie, as far as a method needs it.
#[derive(Debug, Default)]
struct Known {
    inputs: Option<Cloud>,
    codes: Option<Cloud>,
    reconstructions: Option<Cloud>,
    spread: Option<Ellipsoid>,
}

impl Known {
    fn learn(scorer: &Scorer, method: Method, normal: &Normal) -> Result<Self> {
        let needs = |part| method.needs(part);
        let (of_inputs, of_codes) = (needs(Method::Inputs), needs(Method::Codes));
        let (of_restored, of_spread) = (needs(Method::Reconstructions), needs(Method::Mahalanobis));
        if !(of_inputs || of_codes || of_restored || of_spread) {
            return Ok(Self::default());
        }
        let mut train = normal.train.to_vec();
        train.sort_unstable();
        train.dedup();
        let shape = normal.images.shape();
        // The widths of codes and of what is compared of samples are known from the first.
        let first = train.get(..1).unwrap_or_default();
        let mut widest = 1;
        scorer.each(normal.images, first, |_, seen| {
            let input = compared(&seen.inputs, shape, 1).width();
            widest = seen.codes.len().max(input);
            Ok(())
        })?;
        let most = MOST_KNOWN.min(MOST_VALUES / widest.max(1));
        let chosen: Vec<u32> = sample(train.len(), most, normal.seed)
            .into_iter()
            .filter_map(|at| train.get(at as usize).copied())
            .collect();
        let (mut inputs, mut codes, mut restored) = (Vec::new(), Vec::new(), Vec::new());
        scorer.each(normal.images, &chosen, |chunk, seen| {
            if of_inputs {
                inputs.extend_from_slice(compared(&seen.inputs, shape, chunk.len()).values());
            }
            if of_restored {
                restored.extend_from_slice(compared(&seen.restored, shape, chunk.len()).values());
            }
            if of_codes || of_spread {
                codes.extend_from_slice(&seen.codes);
            }
            Ok(())
        })?;
        let rows = |rows: Vec<f32>| {
            let width = rows.len() / chosen.len().max(1);
            Features::new(rows, width, chosen.len())
        };
        let codes = rows(codes);
        Ok(Self {
            inputs: of_inputs.then(|| Cloud::new(&rows(inputs))),
            reconstructions: of_restored.then(|| Cloud::new(&rows(restored))),
            spread: of_spread.then(|| Ellipsoid::fit(&codes)).transpose()?,
            codes: of_codes.then(|| Cloud::new(&codes)),
        })
    }

    /// How far each sample of a batch is from these.
    fn distances(&self, seen: &Seen, shape: ImageShape, count: usize) -> Vec<Parts> {
        let mut parts = vec![Parts::default(); count];
        let codes = || {
            let width = seen.codes.len() / count.max(1);
            Features::new(seen.codes.clone(), width, count)
        };
        let mut put = |distances: Vec<f64>, to: fn(&mut Parts) -> &mut f64| {
            for (parts, distance) in parts.iter_mut().zip(distances) {
                *to(parts) = distance;
            }
        };
        if let Some(cloud) = &self.inputs {
            let rows = compared(&seen.inputs, shape, count);
            put(cloud.distances(&rows), |parts| &mut parts.inputs);
        }
        if let Some(cloud) = &self.reconstructions {
            let rows = compared(&seen.restored, shape, count);
            put(cloud.distances(&rows), |parts| &mut parts.reconstructions);
        }
        if let Some(cloud) = &self.codes {
            put(cloud.distances(&codes()), |parts| &mut parts.codes);
        }
        if let Some(spread) = &self.spread {
            put(spread.distances(&codes()), |parts| &mut parts.mahalanobis);
        }
        parts
    }
}

/// Samples as they are compared with each other: small enough, and with what a model sees of missing values.
fn compared(inputs: &[f32], shape: ImageShape, count: usize) -> Features {
    let [_, height, width] = shape;
    let image = shape.iter().product::<usize>().max(1);
    let excess = (height * width) as f64 / MOST_PLACES as f64;
    // A map of one row has one side alone to be made smaller.
    let by = match height.min(width) {
        0 | 1 => excess.ceil(),
        _ => excess.sqrt().ceil(),
    };
    let by = (by as usize).max(1);
    let known = |value: &f32| match value.is_nan() {
        true => 0.0,
        false => *value,
    };
    let mut rows = Vec::with_capacity(inputs.len() / by);
    for input in inputs.chunks_exact(image) {
        let input: Vec<f32> = input.iter().map(known).collect();
        rows.extend(shrunk(&input, shape, by));
    }
    let width = rows.len() / count.max(1);
    Features::new(rows, width, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_belong_to_their_pictures() {
        let names = ["a@b.png@0,0", "a@b.png@0,64", "c.png@8,0", "plain"].map(String::from);
        let (pieces, wholes) = Piece::tiles(&names, &[0, 1, 2, 3]);
        assert_eq!(wholes, ["a@b.png", "c.png", "plain"]);
        let found: Vec<_> = pieces.iter().map(|it| (it.whole, it.at)).collect();
        assert_eq!(found, [(0, [0, 0]), (0, [0, 64]), (1, [8, 0]), (2, [0, 0])]);
    }

    #[test]
    fn maps_of_tiles_are_put_together() {
        let tile = |value: f32| Map {
            values: vec![value; 4],
            size: [2, 2],
        };
        let mut map = Map {
            values: Vec::new(),
            size: [0, 0],
        };
        map.put(&tile(1.0), [0, 0]);
        map.put(&tile(3.0), [0, 1]);
        map.put(&tile(2.0), [1, 1]);
        assert_eq!(map.size, [3, 3]);
        assert_eq!(map.values, [1.0, 3.0, 3.0, 1.0, 3.0, 3.0, 0.0, 2.0, 2.0]);
    }

    #[test]
    fn inputs_are_compared_at_a_size_and_without_gaps() {
        let found = compared(&[1.0, f32::NAN], [2, 1, 1], 1);
        assert_eq!(found.values(), [1.0, 0.0]);
        let small = |shape: ImageShape| {
            let values = vec![0.5; 2 * shape.iter().product::<usize>()];
            let found = compared(&values, shape, 2);
            (found.len(), found.width())
        };
        assert_eq!(small([3, 32, 32]), (2, 3 * 1024));
        assert_eq!(small([1, 33, 32]), (2, 17 * 16));
        assert_eq!(small([2, 1, 5000]), (2, 2 * 1000));
    }
}
