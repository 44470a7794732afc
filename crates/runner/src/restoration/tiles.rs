//! Tiles: a picture of any size through a model of one size, in overlapping pieces that fade into
//! each other, so that no seam is seen where they meet.
//!
//! Only the rows of tiles at work are in memory as floats, whatever the picture's height.

use std::f32::consts::PI;

use anyhow::Result;

/// How much of a tile its neighbour covers too, along both axes. With half of it every pixel but those
/// at the border lies well inside one tile at least.
const OVERLAP: f64 = 0.5;

/// The values of a picture, `[channels, height, width]`.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// 0 to 255.
    Bytes(&'a [u8]),
    /// In [0, 1].
    Values(&'a [f32]),
}

/// A picture to be cut.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its values.
    pub pixels: Pixels<'a>,
    /// Channels, height and width.
    pub shape: [usize; 3],
}

impl Picture<'_> {
    /// Appends `length` values of a row from `left` on; beyond the border are those of the border.
    fn row(&self, channel: usize, row: usize, left: usize, length: usize, to: &mut Vec<f32>) {
        let [_, height, width] = self.shape;
        let start = (channel * height + row.min(height - 1)) * width;
        let columns = (left..left + length).map(|column| start + column.min(width - 1));
        match self.pixels {
            Pixels::Bytes(bytes) => to.extend(columns.map(|at| f32::from(bytes[at]) / 255.0)),
            Pixels::Values(values) => to.extend(columns.map(|at| values[at])),
        }
    }
}

/// Where the tiles of one size lie in a picture.
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
    /// Where each begins.
    starts: Vec<usize>,
    /// What each of a tile's pixels weighs.
    weights: Vec<f32>,
    /// What all tiles together weigh at each pixel of the picture.
    sums: Vec<f32>,
}

impl Axis {
    /// Tiles as evenly spaced as can be, the first and the last at the ends of the picture. One tile
    /// where it is no longer than that.
    fn new(length: usize, tile: usize) -> Self {
        let beyond = length.saturating_sub(tile);
        let step = (tile as f64 * (1.0 - OVERLAP)).max(1.0);
        let steps = (beyond as f64 / step).ceil() as usize;
        let starts: Vec<usize> = (0..=steps)
            .map(|number| (number * beyond).checked_div(steps).unwrap_or(0))
            .collect();
        // A raised cosine (Hann 1903, as Blackman & Tukey have it) falls to nothing beyond the edges,
        // and two of them half a tile apart make one.
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
    /// Tiles of height and width `tile` over a picture of height and width `size`; none is 0.
    pub fn new(size: [usize; 2], tile: [usize; 2]) -> Self {
        Self {
            size,
            tile,
            rows: Axis::new(size[0], tile[0]),
            columns: Axis::new(size[1], tile[1]),
        }
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.rows.starts.len() * self.columns.starts.len()
    }

    /// Sends a picture through a model. `model` makes of tiles `[n, C, h, w]`, at most `batch` of them,
    /// `[n, channels, h, w]`, whatever the values; `emit` gets each row of the result from the top on,
    /// `[channels, width]`; `done` hears how many tiles are.
    ///
    /// # Errors
    /// Where `model` fails, or gives another number of values.
    pub fn restore(
        &self,
        picture: Picture,
        channels: usize,
        batch: usize,
        mut model: impl FnMut(Vec<f32>, usize) -> Result<Vec<f32>>,
        mut emit: impl FnMut(usize, &[f32]),
        mut done: impl FnMut(usize),
    ) -> Result<()> {
        let [height, width] = self.size;
        let [high, wide] = self.tile;
        let line = channels * width;
        // Rows of tiles that go through the model at once, one at least.
        let across = self.columns.starts.len();
        let together = (batch / across).max(1);
        // Weighted sums of the rows from `top` on, `[row, channel, column]`.
        let (mut sums, mut top, mut finished) = (Vec::new(), 0, 0);
        for (group, starts) in self.rows.starts.chunks(together).enumerate() {
            let last = starts.last().copied().unwrap_or(top);
            sums.resize((last + high - top).min(height - top) * line, 0f32);
            let places: Vec<[usize; 2]> = starts
                .iter()
                .flat_map(|&row| self.columns.starts.iter().map(move |&column| [row, column]))
                .collect();
            for places in places.chunks(batch.max(1)) {
                let mut tiles = Vec::with_capacity(places.len() * picture.shape[0] * high * wide);
                for &[row, column] in places {
                    for channel in 0..picture.shape[0] {
                        for row in row..row + high {
                            picture.row(channel, row, column, wide, &mut tiles);
                        }
                    }
                }
                let restored = model(tiles, places.len())?;
                let expected = places.len() * channels * high * wide;
                anyhow::ensure!(
                    restored.len() == expected,
                    "the model gave {} values for {} tiles, not {expected}",
                    restored.len(),
                    places.len()
                );
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
mod tests {
    use super::*;

    /// A picture that looks like nothing in particular.
    fn noise([channels, height, width]: [usize; 3]) -> Vec<u8> {
        let place =
            (0..(channels * height * width) as u32).map(|at| at.wrapping_mul(2_654_435_761));
        place.map(|it| (it >> 24) as u8).collect()
    }

    /// What comes back, `[height, channels, width]`.
    fn through(
        picture: Picture,
        tile: [usize; 2],
        channels: usize,
        batch: usize,
        model: impl FnMut(Vec<f32>, usize) -> Result<Vec<f32>>,
    ) -> Vec<f32> {
        let [_, height, width] = picture.shape;
        let grid = Grid::new([height, width], tile);
        let (mut rows, mut seen, mut tiles) = (Vec::new(), 0, 0);
        let emit = |row, values: &[f32]| {
            assert_eq!((row, values.len()), (seen, channels * width));
            seen += 1;
            rows.extend(values);
        };
        let done = |count| tiles = count;
        grid.restore(picture, channels, batch, model, emit, done)
            .unwrap();
        assert_eq!(seen, height);
        assert_eq!(tiles, grid.count());
        rows
    }

    #[test]
    fn a_model_that_gives_back_its_input_gives_back_the_picture() {
        for (shape, tile, batch) in [
            ([1, 8, 8], [8, 8], 4),
            ([3, 29, 43], [8, 8], 7),
            ([3, 29, 43], [8, 12], 1000),
            ([1, 5, 40], [9, 7], 3),
            ([3, 1, 1], [4, 4], 2),
            ([1, 9, 100], [9, 9], 1),
            ([1, 33, 2], [1, 1], 50),
        ] {
            let bytes = noise(shape);
            let picture = Picture {
                pixels: Pixels::Bytes(&bytes),
                shape,
            };
            let back = through(picture, tile, shape[0], batch, |tiles, _| Ok(tiles));
            let [channels, height, width] = shape;
            for (at, value) in back.iter().enumerate() {
                let (row, channel, column) =
                    (at / (channels * width), at / width % channels, at % width);
                let wanted = bytes[(channel * height + row) * width + column];
                assert_eq!(
                    (value * 255.0).round() as u8,
                    wanted,
                    "{shape:?} {tile:?} {at}"
                );
                assert!((value - f32::from(wanted) / 255.0).abs() < 1e-5);
            }
        }
    }

    /// Channels may be added, as by a model that gives colour to grey.
    #[test]
    fn the_result_may_have_other_channels() {
        let values = vec![0.25; 20 * 30];
        let picture = Picture {
            pixels: Pixels::Values(&values),
            shape: [1, 20, 30],
        };
        let back = through(picture, [8, 8], 3, 5, |tiles, count| {
            let size = tiles.len() / count;
            let color = |tile: &[f32]| {
                [1.0, 2.0, 3.0]
                    .map(|by| tile.iter().map(move |it| it * by).collect::<Vec<_>>())
                    .concat()
            };
            Ok(tiles.chunks_exact(size).flat_map(color).collect())
        });
        for row in back.chunks_exact(90) {
            for (channel, values) in row.chunks_exact(30).enumerate() {
                let wanted = 0.25 * (channel + 1) as f32;
                assert!(values.iter().all(|it| (it - wanted).abs() < 1e-6));
            }
        }
    }

    /// A model that errs by half of the range from one edge of a tile to the other would show each edge
    /// as a step of that height.
    #[test]
    fn what_tiles_disagree_about_leaves_no_step() {
        let tile = 16;
        let wrong = |tiles: Vec<f32>, _| {
            let error = |at: usize| (at % tile) as f32 / tile as f32 - 0.5;
            Ok(tiles
                .iter()
                .enumerate()
                .map(|(at, it)| it + error(at))
                .collect())
        };
        let values = vec![0.5; 50 * 90];
        let picture = Picture {
            pixels: Pixels::Values(&values),
            shape: [1, 50, 90],
        };
        let back = through(picture, [tile, tile], 1, 9, wrong);
        let inner = back.chunks_exact(90).flat_map(|row| row[8..82].windows(2));
        let steepest = inner
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        // A sixteenth is the slope that the model itself makes.
        assert!(steepest < 2.0 / 16.0, "{steepest}");
    }

    /// Where the tiles happen to lie matters little: the same picture, cut off by some pixels.
    #[test]
    fn another_place_of_the_grid_changes_little() {
        // A model that smooths along rows, and knows nothing beyond its tile.
        let smooth = |tiles: Vec<f32>, _| {
            let row = |row: &[f32]| -> Vec<f32> {
                let mean = |at: usize| {
                    let window = &row[at.saturating_sub(3)..(at + 4).min(row.len())];
                    window.iter().sum::<f32>() / window.len() as f32
                };
                (0..row.len()).map(mean).collect()
            };
            Ok(tiles.chunks_exact(16).flat_map(row).collect())
        };
        let wave = |at: usize| 0.5 + 0.3 * ((at % 100) as f32 / 5.0).sin();
        let restored = |cut: usize| {
            let width = 100 - cut;
            let values: Vec<f32> = (0..40).flat_map(|_| (cut..100).map(wave)).collect();
            let picture = Picture {
                pixels: Pixels::Values(&values),
                shape: [1, 40, width],
            };
            let back = through(picture, [16, 16], 1, 64, smooth);
            back[20 * width..21 * width].to_vec()
        };
        let (whole, cut) = (restored(0), restored(5));
        for (column, value) in cut.iter().enumerate().skip(16) {
            let other = whole[column + 5];
            assert!((value - other).abs() < 0.02, "{column}: {value} {other}");
        }
    }
}
