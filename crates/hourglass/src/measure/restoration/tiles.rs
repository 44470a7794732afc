//! Tiles: sends a picture of any size through a model of a fixed size, in overlapping pieces that blend
//! without visible seams.
//!
//! Only the current rows of tiles are in memory as floats, whatever the picture's height.

use std::f32::consts::PI;
use std::ops::Range;

use data::View;
use image::imageops::FilterType::CatmullRom;

use super::filters::enlarge;
use crate::error::Error;

/// The overlap of neighbouring tiles, along both axes. With half a tile, every pixel except at the
/// border is well inside at least one tile.
const OVERLAP: f64 = 0.5;

/// Rows of a small picture on either side that bicubic interpolation uses.
const REACH: usize = 2;

/// The values of a picture, `[channels, height, width]`.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// As a file has them.
    Stored(View<'a>),
    /// In [0, 1].
    Values(&'a [f32]),
    /// A smaller picture, which is enlarged row by row as by the corruption `downscale`.
    Small {
        /// As a file has them, `[channels, height, width]`.
        pixels: View<'a>,
        /// Its height and width.
        size: [usize; 2],
        /// Pixels of the large picture per pixel of this one, along both axes.
        factor: usize,
    },
}

/// A picture to cut into tiles.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its values.
    pub pixels: Pixels<'a>,
    /// Channels, height and width.
    pub shape: [usize; 3],
}

impl<'a> Picture<'a> {
    /// A file's values, `[channels, height, width]`, for a model that makes pictures `factor` times as large
    /// along both axes.
    pub fn given(
        pixels: impl Into<View<'a>>,
        [channels, height, width]: [usize; 3],
        factor: usize,
    ) -> Self {
        let pixels = pixels.into();
        let size = [height, width];
        Self {
            pixels: match factor {
                1 => Pixels::Stored(pixels),
                _ => Pixels::Small {
                    pixels,
                    size,
                    factor,
                },
            },
            shape: [channels, height * factor, width * factor],
        }
    }

    /// Its rows from `top` to before `bottom`, `[channels, rows, width]` in [0, 1].
    fn rows(&self, top: usize, bottom: usize) -> Vec<f32> {
        let [_, height, width] = self.shape;
        let plane = (height * width).max(1);
        match self.pixels {
            Pixels::Stored(pixels) => seen(pixels, plane, top * width..bottom * width),
            Pixels::Values(values) => (values.chunks_exact(plane))
                .flat_map(|plane| &plane[top * width..bottom * width])
                .copied()
                .collect(),
            Pixels::Small {
                pixels,
                size: [high, wide],
                factor,
            } => {
                let first = (top / factor).saturating_sub(REACH);
                let last = (bottom.div_ceil(factor) + REACH).min(high);
                let rows = seen(pixels, high * wide, first * wide..last * wide);
                let size = [bottom - first * factor, width];
                let large = enlarge(&rows, [last - first, wide], factor, size, CatmullRom);
                (large.chunks_exact(size[0] * width))
                    .flat_map(|plane| &plane[(top - first * factor) * width..])
                    .copied()
                    .collect()
            }
        }
    }
}

/// These values of each plane of a picture, in [0, 1].
fn seen(pixels: View<'_>, plane: usize, range: Range<usize>) -> Vec<f32> {
    let mut values = Vec::new();
    for plane in pixels.chunks(plane) {
        if let Some(part) = plane.part(range.clone()) {
            part.append_seen(&mut values);
        }
    }
    values
}

/// Some rows of a picture.
struct Band {
    /// `[channels, height, width]`.
    values: Vec<f32>,
    shape: [usize; 3],
    /// Index of the first row in the picture.
    top: usize,
}

impl Band {
    /// Appends a tile `[channels, h, w]`; border pixels are repeated beyond the border.
    fn tile(&self, [row, column]: [usize; 2], [high, wide]: [usize; 2], to: &mut Vec<f32>) {
        let [channels, height, width] = self.shape;
        for channel in 0..channels {
            for row in row - self.top..row - self.top + high {
                let start = (channel * height + row.min(height - 1)) * width;
                let columns = (column..column + wide).map(|it| start + it.min(width - 1));
                to.extend(columns.map(|at| self.values[at]));
            }
        }
    }
}

/// The positions of tiles of one size in a picture.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Height and width of the picture.
    size: [usize; 2],
    /// Height and width of a tile.
    tile: [usize; 2],
    rows: Axis,
    columns: Axis,
}

/// The tiles along one axis.
#[derive(Clone, Debug)]
struct Axis {
    /// Start of each tile.
    starts: Vec<usize>,
    /// Weight of each pixel of a tile.
    weights: Vec<f32>,
    /// Total weight of all tiles at each pixel of the picture.
    sums: Vec<f32>,
}

impl Axis {
    /// Tiles as evenly spaced as possible, with the first and the last at the ends of the picture. A
    /// single tile if the picture is not longer than it.
    fn new(length: usize, tile: usize) -> Self {
        let beyond = length.saturating_sub(tile);
        let step = (tile as f64 * (1.0 - OVERLAP)).max(1.0);
        let steps = (beyond as f64 / step).ceil() as usize;
        let starts: Vec<usize> = (0..=steps)
            .map(|number| (number * beyond).checked_div(steps).unwrap_or(0))
            .collect();
        // A raised cosine (Hann 1903, as named by Blackman & Tukey) falls to 0 just beyond the edges, and
        // two of them half a tile apart add up to 1.
        let weights: Vec<f32> = (0..tile)
            .map(|at| (PI * (at as f32 + 0.5) / tile as f32).sin().powi(2))
            .collect();
        let mut sums = vec![0.0; length.max(tile)];
        for start in &starts {
            for (sum, weight) in sums[*start..].iter_mut().zip(&weights) {
                *sum += weight;
            }
        }
        Self {
            starts,
            weights,
            sums,
        }
    }
}

impl Grid {
    /// Tiles of height and width `tile` over a picture of height and width `size`; all must be above 0.
    pub fn new(size: [usize; 2], tile: [usize; 2]) -> Self {
        Self {
            size,
            tile,
            rows: Axis::new(size[0], tile[0]),
            columns: Axis::new(size[1], tile[1]),
        }
    }

    /// Number of tiles.
    pub fn count(&self) -> usize {
        self.rows.starts.len() * self.columns.starts.len()
    }

    /// Sends a picture through a model. `model` turns at most `batch` tiles `[n, C, h, w]` into
    /// `[n, channels, h, w]`. `emit` gets each row of the result, `[channels, width]`, from top to bottom.
    /// `done` is called with the number of finished tiles.
    ///
    /// # Errors
    /// Where `model` fails, or gives another number of values.
    pub fn restore<E: From<Error>>(
        &self,
        picture: Picture,
        channels: usize,
        batch: usize,
        mut model: impl FnMut(Vec<f32>, usize) -> Result<Vec<f32>, E>,
        mut emit: impl FnMut(usize, &[f32]),
        mut done: impl FnMut(usize),
    ) -> Result<(), E> {
        let [height, width] = self.size;
        let [high, wide] = self.tile;
        let line = channels * width;
        // Rows of tiles that go through the model at once, at least one.
        let across = self.columns.starts.len();
        let together = (batch / across).max(1);
        // Weighted sums of the rows from `top` on, `[row, channel, column]`.
        let (mut sums, mut top, mut finished) = (Vec::new(), 0, 0);
        for (group, starts) in self.rows.starts.chunks(together).enumerate() {
            let last = starts.last().copied().unwrap_or(top);
            sums.resize((last + high - top).min(height - top) * line, 0f32);
            let first = starts.first().copied().unwrap_or(top);
            let bottom = (last + high).min(height);
            let band = Band {
                values: picture.rows(first, bottom),
                shape: [picture.shape[0], bottom - first, width],
                top: first,
            };
            let places: Vec<[usize; 2]> = starts
                .iter()
                .flat_map(|&row| self.columns.starts.iter().map(move |&column| [row, column]))
                .collect();
            for places in places.chunks(batch.max(1)) {
                let mut tiles = Vec::with_capacity(places.len() * picture.shape[0] * high * wide);
                for place in places {
                    band.tile(*place, self.tile, &mut tiles);
                }
                let restored = model(tiles, places.len())?;
                let expected = places.len() * channels * high * wide;
                if restored.len() != expected {
                    let found = restored.len();
                    return Err(Error::Values { found, expected }.into());
                }
                for (tile, place) in restored.chunks_exact(channels * high * wide).zip(places) {
                    self.add(tile, *place, channels, top, &mut sums);
                }
                finished += places.len();
                done(finished);
            }
            // Rows above the next tile are complete.
            let next = self.rows.starts.get((group + 1) * together);
            let bottom = next.copied().unwrap_or(height).min(height);
            for (number, row) in sums
                .chunks_exact_mut(line.max(1))
                .take(bottom - top)
                .enumerate()
            {
                let weight = self.rows.sums[top + number];
                for values in row.chunks_exact_mut(width) {
                    for (value, sum) in values.iter_mut().zip(&self.columns.sums) {
                        *value /= weight * sum;
                    }
                }
                emit(top + number, row);
            }
            sums.drain(..(bottom - top) * line);
            top = bottom;
        }
        Ok(())
    }

    /// Adds one tile `[channels, h, w]` to the weighted sums of the rows from `top` on.
    fn add(
        &self,
        tile: &[f32],
        [row, column]: [usize; 2],
        channels: usize,
        top: usize,
        sums: &mut [f32],
    ) {
        let [height, width] = self.size;
        let [high, wide] = self.tile;
        for (channel, plane) in tile.chunks_exact(high * wide).enumerate() {
            let lines = plane.chunks_exact(wide).zip(&self.rows.weights);
            for ((line, weight), row) in lines.zip(row..height) {
                let start = ((row - top) * channels + channel) * width + column;
                let length = wide.min(width - column);
                let into = &mut sums[start..start + length];
                for ((sum, value), other) in into.iter_mut().zip(line).zip(&self.columns.weights) {
                    *sum += value * weight * other;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "tiles_tests.rs"]
mod tests;
