//! Elastic distortion: every point of a picture moves a little, together with nearby points.
//!
//! Simard, Steinkraus & Platt (2003) smooth a random move of every pixel. Here the moves are drawn at
//! the points of a coarse grid and interpolated by a cubic B-spline (Rueckert et al. 1999), which is
//! equally smooth and needs a fiftieth of the random numbers.

/// Random smooth displacements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elastic {
    /// Largest horizontal and vertical displacement, in pixels.
    pub strength: f64,
    /// Distance of the grid points, in pixels, at least 1: closer pixels move together.
    pub smoothness: f64,
}

impl Elastic {
    /// Precomputes what pictures of this height and width need.
    pub(crate) fn warp(self, [height, width]: [usize; 2]) -> Warp {
        Warp {
            strength: self.strength as f32,
            across: Axis::new(width, self.smoothness),
            down: Axis::new(height, self.smoothness),
        }
    }
}

/// The spline over pictures of one size.
pub(crate) struct Warp {
    strength: f32,
    across: Axis,
    down: Axis,
}

/// One side of the picture.
struct Axis {
    /// For each pixel, the weights of the four surrounding points, which sum to 1.
    weights: [Vec<f32>; 4],
    /// Runs of pixels between the same points: the first point, and the number of pixels.
    runs: Vec<(usize, usize)>,
    /// Points of the grid.
    points: usize,
}

impl Axis {
    fn new(side: usize, distance: f64) -> Self {
        let mut axis = Self {
            weights: Default::default(),
            runs: Vec::new(),
            points: 0,
        };
        for pixel in 0..side {
            let place = pixel as f64 / distance.max(1.0);
            let first = place as usize;
            for (all, weight) in axis.weights.iter_mut().zip(weights(place.fract())) {
                all.push(weight);
            }
            match axis.runs.last_mut() {
                Some((last, pixels)) if *last == first => *pixels += 1,
                _ => axis.runs.push((first, 1)),
            }
            axis.points = first + 4;
        }
        axis
    }

    /// For each run of pixels, the first of its points, and the weights.
    fn parts(&self) -> impl Iterator<Item = (usize, [&[f32]; 4])> {
        let mut start = 0;
        self.runs.iter().map(move |&(first, pixels)| {
            let end = start + pixels;
            let weights = self.weights.each_ref().map(|it| &it[start..end]);
            start = end;
            (first, weights)
        })
    }
}

/// The weights of the uniform cubic B-spline for the four points around a position, given as a fraction
/// of the way from the second point to the third.
fn weights(t: f64) -> [f32; 4] {
    let cube = |t: f64| t * t * t;
    let middle = |t: f64| 3.0 * cube(t) - 6.0 * t * t + 4.0;
    [cube(1.0 - t), middle(t), middle(1.0 - t), cube(t)].map(|it| (it / 6.0) as f32)
}

impl Warp {
    /// Moves the positions of one picture, row by row. `draw` returns numbers in [-1, 1): first for the
    /// moves to the right, row by row of the grid, then for those down. `room` is reused memory.
    pub(crate) fn displace(
        &self,
        mut draw: impl FnMut() -> f32,
        room: &mut Vec<f32>,
        xs: &mut [f32],
        ys: &mut [f32],
    ) {
        let width = self.across.weights[0].len();
        for places in [xs, ys] {
            room.clear();
            room.resize(self.across.points + self.down.points * width, 0.0);
            let (points, rows) = room.split_at_mut(self.across.points);
            // Along each row of the grid first, to every column of the picture ...
            for row in rows.chunks_exact_mut(width) {
                points.fill_with(|| self.strength * draw());
                let mut rest = row;
                for (first, weights) in self.across.parts() {
                    let (values, after) = rest.split_at_mut(weights[0].len());
                    rest = after;
                    if let Some(points) = points[first..].first_chunk() {
                        blend(points, weights, values);
                    }
                }
            }
            // ... then down.
            let mut places = places.chunks_exact_mut(width);
            for (first, weights) in self.down.parts() {
                let near = &rows[first * width..];
                let rows = [0, 1, 2, 3].map(|row| &near[row * width..(row + 1) * width]);
                for (pixel, places) in places.by_ref().take(weights[0].len()).enumerate() {
                    add(rows, weights.map(|weights| weights[pixel]), places);
                }
            }
        }
    }
}

/// The values between four points.
fn blend(points: &[f32; 4], weights: [&[f32]; 4], values: &mut [f32]) {
    let [a, b, c, d] = *points;
    let [wa, wb, wc, wd] = weights;
    let weights = wa.iter().zip(wb).zip(wc).zip(wd);
    for (value, (((wa, wb), wc), wd)) in values.iter_mut().zip(weights) {
        *value = a * wa + b * wb + c * wc + d * wd;
    }
}

/// Moves a row of positions by the interpolation of four rows.
fn add(rows: [&[f32]; 4], weights: [f32; 4], places: &mut [f32]) {
    let [a, b, c, d] = rows;
    let [wa, wb, wc, wd] = weights;
    let rows = a.iter().zip(b).zip(c).zip(d);
    for (place, (((a, b), c), d)) in places.iter_mut().zip(rows) {
        *place = *place + wa * a + wb * b + wc * c + wd * d;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn displaced(elastic: Elastic, draw: impl FnMut() -> f32) -> (Vec<f32>, Vec<f32>) {
        let (mut xs, mut ys) = (vec![0.0; 20 * 30], vec![0.0; 20 * 30]);
        let mut room = Vec::new();
        elastic
            .warp([20, 30])
            .displace(draw, &mut room, &mut xs, &mut ys);
        (xs, ys)
    }

    #[test]
    fn nothing_moves_further_than_the_strength() {
        let elastic = Elastic {
            strength: 2.5,
            smoothness: 7.0,
        };
        let (xs, ys) = displaced(elastic, || -1.0);
        for moved in xs.iter().chain(&ys) {
            assert!((moved + 2.5).abs() < 1e-5, "{moved}");
        }
        let mut sign = 1.0;
        let (xs, ys) = displaced(elastic, || {
            sign = -sign;
            sign
        });
        assert!(xs.iter().chain(&ys).all(|moved| moved.abs() <= 2.5));
    }

    #[test]
    fn neighbours_move_alike_and_distant_places_do_not() {
        // As many numbers as the grid has: 3 + 4 by 4 + 4 points for either direction.
        let mut drawn = 0;
        let elastic = Elastic {
            strength: 1.0,
            smoothness: 7.0,
        };
        let (xs, _) = displaced(elastic, || {
            drawn += 1;
            ((drawn * 37 % 101) as f32 / 50.5) - 1.0
        });
        assert_eq!(drawn, 2 * 6 * 8);
        let steps = || xs.chunks(30).flat_map(|row| row.windows(2));
        // The spline's slope is at most the difference of its points over their distance.
        assert!(steps().all(|pair| (pair[0] - pair[1]).abs() <= 2.0 / 7.0));
        let largest = xs.iter().fold(f32::MIN, |a, &b| a.max(b));
        let smallest = xs.iter().fold(f32::MAX, |a, &b| a.min(b));
        assert!(largest - smallest > 0.3, "{smallest} {largest}");
    }
}
