//! Scores of how odd a sample is, by what a model makes of it: from its values, their reconstruction and its code.
//! What is usual is learned from normal samples alone; nothing here needs an odd one or a label. A sample is a row of
//! values of one shape, so this is the same for pictures and for anything else.

use model::ImageShape;

use super::distances::dot;
use super::features::Features;
use super::neighbours;
use super::principal::Principal;
use super::spread::mean_and_spread;
use crate::measure::pca::PcaError;

/// Nearest training codes whose distances are averaged.
pub const NEIGHBOURS: usize = 5;

/// The side of the window that [`Method::Window`] moves over the errors, as a share of the shorter side: small enough
/// for a scratch, large enough that one noisy pixel says little.
const WINDOW_SHARE: f64 = 0.125;

/// What is added to the usual error at each place, as a share of its mean over all places, because a border that is
/// always black has an error of nearly 0 and would decide alone.
const FLOOR: f64 = 0.1;

/// The smallest score whose logarithm is taken.
const SMALLEST: f64 = 1e-12;

/// The widest code that is whitened; the time grows with the cube. The units of wider ones are scaled one by one.
const WIDEST: usize = 1024;

/// The smallest variance of a whitened direction, as a share of the mean: smaller ones are rounding.
const NARROWEST: f64 = 1e-6;

/// How a sample is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The mean squared error per value (Sakurada & Yairi 2014).
    Mse,
    /// The squared error over the sample's norm.
    Relative,
    /// The squared error over what is usual at that place, mean over the values: the Mahalanobis distance of the error
    /// with a diagonal covariance, as in PaDiM (Defard et al. 2021) for features.
    Place,
    /// The largest mean of the squared error in a window: a small fault counts whatever else is on the picture
    /// (Bergmann et al. 2019 look for the largest region of errors).
    Window,
    /// The mean distance of the code from its [`NEIGHBOURS`] nearest training codes, along whitened axes (Ramaswamy et
    /// al. 2000; Bergman, Cohen & Hoshen 2020).
    Neighbours,
    /// The Mahalanobis distance of the code from the training codes (Lee et al. 2018).
    Mahalanobis,
    /// The mean of the standard scores of [`Method::PARTS`], as logarithms, by the normal samples (Aggarwal & Sathe
    /// 2017 on such ensembles).
    Combined,
}

impl Method {
    /// What [`Method::Combined`] is made of: one of each family, with equal weights.
    pub const PARTS: [Method; 4] = [
        Method::Relative,
        Method::Place,
        Method::Window,
        Method::Neighbours,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Mse => "mse",
            Method::Relative => "relative",
            Method::Place => "place",
            Method::Window => "window",
            Method::Neighbours => "neighbours",
            Method::Mahalanobis => "mahalanobis",
            Method::Combined => "combined",
        }
    }

    /// Whether it needs the codes of training samples.
    pub fn needs_codes(self) -> bool {
        matches!(
            self,
            Method::Neighbours | Method::Mahalanobis | Method::Combined
        )
    }
}

/// The squared error that is usual at each place.
#[derive(Clone, Debug)]
pub struct Places {
    shape: ImageShape,
    /// Sums of squared errors, one for each value, until [`Places::finish`] makes them means.
    usual: Vec<f64>,
    samples: usize,
}

impl Places {
    /// Of samples of this shape, without any yet.
    pub fn new(shape: ImageShape) -> Self {
        Self {
            shape,
            usual: vec![0.0; shape.iter().product()],
            samples: 0,
        }
    }

    /// Adds a normal sample.
    pub fn push(&mut self, input: &[f32], restored: &[f32]) {
        for ((sum, x), y) in self.usual.iter_mut().zip(input).zip(restored) {
            *sum += square(*x, *y);
        }
        self.samples += 1;
    }

    /// The means, none of them near 0.
    pub fn finish(mut self) -> Self {
        let count = self.samples.max(1) as f64;
        let all: f64 = self.usual.iter().sum::<f64>() / count;
        let floor = (FLOOR * all / self.usual.len().max(1) as f64).max(SMALLEST);
        for usual in &mut self.usual {
            *usual = *usual / count + floor;
        }
        self
    }

    /// How many times the usual squared error each pixel has, mean over its channels: `[height, width]`.
    pub fn map(&self, input: &[f32], restored: &[f32]) -> Vec<f32> {
        let [channels, height, width] = self.shape;
        let mut map = vec![0f32; height * width];
        let values = input.iter().zip(restored).zip(&self.usual);
        for (place, ((x, y), usual)) in values.enumerate() {
            if let Some(pixel) = map.get_mut(place % (height * width).max(1)) {
                *pixel += (square(*x, *y) / usual / channels as f64) as f32;
            }
        }
        map
    }

    /// The scores of a sample that its values alone give: of `mse`, `relative`, `place` and `window`.
    pub fn values(&self, input: &[f32], restored: &[f32]) -> Values {
        let [channels, height, width] = self.shape;
        let count = self.usual.len().max(1) as f64;
        let (mut sum, mut norm, mut place) = (0.0, 0.0, 0.0);
        let mut errors = vec![0f32; height * width];
        let values = input.iter().zip(restored).zip(&self.usual);
        for (at, ((x, y), usual)) in values.enumerate() {
            let error = square(*x, *y);
            sum += error;
            norm += f64::from(*x).powi(2);
            place += error / usual;
            if let Some(pixel) = errors.get_mut(at % (height * width).max(1)) {
                *pixel += (error / channels as f64) as f32;
            }
        }
        Values {
            mse: sum / count,
            // At least one white pixel's norm, because a black picture's is 0.
            relative: sum / norm.sqrt().max(1.0),
            place: place / count,
            window: largest_window(&errors, [height, width]).mean,
        }
    }
}

fn square(x: f32, y: f32) -> f64 {
    (f64::from(x) - f64::from(y)).powi(2)
}

/// The scores of a sample that its values alone give.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Values {
    /// Of [`Method::Mse`].
    pub mse: f64,
    /// Of [`Method::Relative`].
    pub relative: f64,
    /// Of [`Method::Place`].
    pub place: f64,
    /// Of [`Method::Window`].
    pub window: f64,
}

/// A window of an error map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The mean of its values.
    pub mean: f64,
    /// Row and column of its first pixel.
    pub at: [usize; 2],
    /// Its height and width.
    pub size: [usize; 2],
}

/// The window with the largest mean in a map, `[height, width]`; the first of equals. Its sides are an eighth of the
/// shorter one of the map; of a map of one row it is as wide as an eighth of the row.
pub fn largest_window(map: &[f32], [height, width]: [usize; 2]) -> Window {
    let longer_than_one = [height, width].into_iter().filter(|side| *side > 1);
    let shorter = longer_than_one.min().unwrap_or(1);
    let side = ((shorter as f64 * WINDOW_SHARE).round() as usize).max(1);
    let size = [side.min(height), side.min(width)];
    // Sums of all values above and to the left, a row and a column longer than the map.
    let stride = width + 1;
    let mut sums = vec![0f64; stride * (height + 1)];
    for (row, line) in map.chunks_exact(width.max(1)).enumerate() {
        let mut sum = 0.0;
        for (column, value) in line.iter().enumerate() {
            sum += f64::from(*value);
            let above = sums.get(row * stride + column + 1).copied();
            if let Some(to) = sums.get_mut((row + 1) * stride + column + 1) {
                *to = above.unwrap_or_default() + sum;
            }
        }
    }
    let sum = |row: usize, column: usize| sums.get(row * stride + column).copied();
    let mut best = Window {
        mean: f64::NEG_INFINITY,
        at: [0, 0],
        size,
    };
    for row in 0..=height.saturating_sub(size[0]) {
        for column in 0..=width.saturating_sub(size[1]) {
            let (below, right) = (row + size[0], column + size[1]);
            let corners = (
                sum(below, right),
                sum(row, right),
                sum(below, column),
                sum(row, column),
            );
            if let (Some(all), Some(above), Some(left), Some(both)) = corners {
                let mean = (all - above - left + both) / (size[0] * size[1]) as f64;
                if mean > best.mean {
                    best = Window {
                        mean,
                        at: [row, column],
                        size,
                    };
                }
            }
        }
    }
    // A map of no values has no window.
    best.mean = best.mean.max(0.0);
    best
}

/// What gives centred codes axes of variance 1.
#[derive(Clone, Debug, PartialEq)]
enum Axes {
    /// The principal components over their standard deviations.
    Whitened(Vec<Vec<f32>>),
    /// The units over their standard deviations, 0 for one that never varies.
    Scaled(Vec<f32>),
}

impl Axes {
    /// Number of values of a code along the axes.
    fn len(&self) -> usize {
        match self {
            Axes::Whitened(axes) => axes.len(),
            Axes::Scaled(scales) => scales.len(),
        }
    }

    /// Whether no axis varies.
    fn is_empty(&self) -> bool {
        match self {
            Axes::Whitened(axes) => axes.is_empty(),
            Axes::Scaled(scales) => scales.iter().all(|scale| *scale == 0.0),
        }
    }

    /// A centred code along the axes.
    fn of(&self, centred: &[f32]) -> Vec<f32> {
        match self {
            Axes::Whitened(axes) => axes.iter().map(|axis| dot(axis, centred)).collect(),
            Axes::Scaled(scales) => centred.iter().zip(scales).map(|(it, by)| it * by).collect(),
        }
    }
}

/// Where training codes lie, along axes of variance 1.
#[derive(Clone, Debug)]
pub struct Codes {
    mean: Vec<f64>,
    axes: Axes,
    /// The training codes, whitened, `[codes, axes]`.
    known: Vec<f32>,
}

impl Codes {
    /// Of training codes; `None` if all are the same.
    ///
    /// # Errors
    /// If the eigensolver fails.
    pub fn fit(codes: &Features) -> Result<Option<Self>, PcaError> {
        let mean = codes.mean();
        let axes = match codes.width() <= WIDEST {
            true => Axes::Whitened(whitening(codes)?),
            false => scaling(&codes.deviation(&mean)),
        };
        if axes.is_empty() {
            return Ok(None);
        }
        let mut fitted = Self {
            mean,
            axes,
            known: Vec::new(),
        };
        fitted.known = fitted.whitened(codes);
        Ok(Some(fitted))
    }

    /// Codes along the axes, `[codes, axes]`.
    fn whitened(&self, codes: &Features) -> Vec<f32> {
        let mut rows = Vec::with_capacity(codes.len() * self.axes.len());
        for row in codes.values().chunks_exact(codes.width()) {
            let centred: Vec<f32> = (row.iter().zip(&self.mean))
                .map(|(value, mean)| (f64::from(*value) - mean) as f32)
                .collect();
            rows.extend(self.axes.of(&centred));
        }
        rows
    }

    /// For each code, the scores of [`Method::Neighbours`] and [`Method::Mahalanobis`].
    pub fn distances(&self, codes: &Features) -> Vec<[f64; 2]> {
        let rows = self.whitened(codes);
        let width = self.axes.len();
        let nearest = neighbours::mean_distances(&self.known, &rows, width, NEIGHBOURS);
        let lengths = rows.chunks_exact(width).map(|row| {
            let squares = row.iter().map(|value| f64::from(*value).powi(2));
            squares.sum::<f64>().sqrt()
        });
        nearest
            .into_iter()
            .zip(lengths)
            .map(|(near, length)| [near, length])
            .collect()
    }
}

/// The principal components over their standard deviations.
fn whitening(codes: &Features) -> Result<Vec<Vec<f32>>, PcaError> {
    let Some(principal) = Principal::fit(codes, codes.width())? else {
        return Ok(Vec::new());
    };
    let mean =
        principal.explained().iter().sum::<f64>() / principal.explained().len().max(1) as f64;
    let total = codes
        .deviation(&codes.mean())
        .iter()
        .map(|it| it * it)
        .sum::<f64>();
    let axes = principal.directions().iter().zip(principal.explained());
    let axes = axes.filter(|(_, share)| **share > NARROWEST * mean);
    Ok(axes
        .map(|(direction, share)| {
            let scale = 1.0 / (share * total).sqrt();
            direction
                .iter()
                .map(|value| (f64::from(*value) * scale) as f32)
                .collect()
        })
        .collect())
}

/// The units over their standard deviations.
fn scaling(deviation: &[f64]) -> Axes {
    let scale = |&deviation: &f64| match deviation > 0.0 {
        true => (1.0 / deviation) as f32,
        false => 0.0,
    };
    Axes::Scaled(deviation.iter().map(scale).collect())
}

/// What is usual for the parts of [`Method::Combined`]: mean and deviation of their logarithms over normal samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard([(f64, f64); Method::PARTS.len()]);

impl Standard {
    /// Of normal samples, each with its scores in the order of [`Method::PARTS`].
    pub fn of(normal: &[[f64; Method::PARTS.len()]]) -> Self {
        let mut standard = Self::default();
        for (part, usual) in standard.0.iter_mut().enumerate() {
            let logs: Vec<f64> = normal
                .iter()
                .filter_map(|it| it.get(part).map(|it| log(*it)))
                .collect();
            *usual = mean_and_spread(&logs).unwrap_or_default();
        }
        standard
    }

    /// The mean standard score. A part that never varies says nothing.
    pub fn combined(&self, parts: [f64; Method::PARTS.len()]) -> f64 {
        let standard = parts
            .iter()
            .zip(self.0)
            .map(|(part, (mean, spread))| match spread > 0.0 {
                true => (log(*part) - mean) / spread,
                false => 0.0,
            });
        standard.sum::<f64>() / parts.len() as f64
    }
}

fn log(score: f64) -> f64 {
    score.max(SMALLEST).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_weighed_by_what_is_usual_at_their_place() {
        let mut places = Places::new([1, 1, 2]);
        // The first value is usually wrong by 1, the second by 0.1.
        places.push(&[1.0, 0.1], &[0.0, 0.0]);
        places.push(&[-1.0, -0.1], &[0.0, 0.0]);
        let places = places.finish();
        let at_first = places.values(&[1.0, 0.0], &[0.0, 0.0]);
        let at_second = places.values(&[0.0, 1.0], &[0.0, 0.0]);
        assert_eq!(at_first.mse, 0.5);
        assert_eq!(at_first.mse, at_second.mse);
        assert!(at_second.place > 10.0 * at_first.place);
        let map = places.map(&[1.0, 1.0], &[0.0, 0.0]);
        assert!(
            (f64::from(map[0] + map[1]) / 2.0 - (at_first.place + at_second.place)).abs() < 1e-5
        );
        assert_eq!(places.values(&[3.0, 4.0], &[3.0, 2.0]).relative, 4.0 / 5.0);
    }

    #[test]
    fn places_of_no_error_do_not_decide_alone() {
        let mut places = Places::new([1, 1, 2]);
        places.push(&[0.0, 1.0], &[0.0, 0.0]);
        let found = places.finish().values(&[1.0, 1.0], &[0.0, 0.0]);
        assert!(found.place.is_finite() && found.place < 12.0, "{found:?}");
        let none = Places::new([1, 1, 2])
            .finish()
            .values(&[1.0, 1.0], &[0.0, 0.0]);
        assert!(none.place.is_finite());
    }

    #[test]
    fn the_largest_window_is_that_of_all_sums() {
        let (height, width) = (16, 24);
        let mut map: Vec<f32> = (0..height * width)
            .map(|at| (at * 37 % 11) as f32 / 11.0)
            .collect();
        map[7 * width + 20] += 5.0;
        let found = largest_window(&map, [height, width]);
        assert_eq!(found.size, [2, 2]);
        let mut best = (f64::MIN, [0, 0]);
        for row in 0..height - 1 {
            for column in 0..width - 1 {
                let of = |y: usize, x: usize| f64::from(map[(row + y) * width + column + x]);
                let mean = (of(0, 0) + of(0, 1) + of(1, 0) + of(1, 1)) / 4.0;
                if mean > best.0 + 1e-9 {
                    best = (mean, [row, column]);
                }
            }
        }
        assert!(
            (found.mean - best.0).abs() < 1e-6 && found.at == best.1,
            "{found:?} {best:?}"
        );
        // One row, one value, none.
        assert_eq!(largest_window(&[0.0, 3.0, 1.0], [1, 3]).at, [0, 1]);
        assert_eq!(largest_window(&[2.0], [1, 1]).mean, 2.0);
        assert_eq!(largest_window(&[], [0, 0]).mean, 0.0);
    }

    #[test]
    fn distances_are_measured_along_whitened_axes() {
        // Deviations 10 and 1 along two axes, and a third unit that never varies.
        let mut random = crate::analysis::random::Random::new(3);
        let mut rows = Vec::new();
        // Uniform numbers of variance 1.
        let mut draw = || (12f64.sqrt() * (random.uniform() - 0.5)) as f32;
        for _ in 0..4000 {
            let (x, y) = (draw(), draw());
            rows.extend([10.0 * x, y, 7.0]);
        }
        let known = Features::new(rows, 3, 4000);
        let codes = Codes::fit(&known).unwrap().unwrap();
        assert_eq!(codes.axes.len(), 2);
        let asked = Features::new(vec![30.0, 0.0, 7.0, 0.0, 3.0, 7.0, 0.0, 0.0, 7.0], 3, 3);
        let found = codes.distances(&asked);
        assert!(
            (found[0][1] - 3.0).abs() < 0.15 && (found[1][1] - 3.0).abs() < 0.15,
            "{found:?}"
        );
        assert!(found[2][1] < 0.1 && found[2][0] < found[0][0]);
        let same = Features::new(vec![1.0; 12], 3, 4);
        assert!(Codes::fit(&same).unwrap().is_none());
    }

    #[test]
    fn wide_codes_are_scaled_unit_by_unit() {
        let axes = scaling(&[2.0, 0.0, 4.0]);
        assert_eq!(axes.of(&[2.0, 5.0, 4.0]), [1.0, 0.0, 1.0]);
        assert!(scaling(&[0.0; 2]).is_empty());
    }

    #[test]
    fn a_combination_counts_parts_by_their_spread() {
        let normal: Vec<[f64; 4]> = (0..50)
            .map(|it| {
                let it = f64::from(it);
                [(it / 50.0).exp(), (it / 5.0).exp(), 1.0, (-it / 50.0).exp()]
            })
            .collect();
        let standard = Standard::of(&normal);
        let middle = standard.combined([(0.49f64).exp(), (4.9f64).exp(), 1.0, (-0.49f64).exp()]);
        assert!(middle.abs() < 1e-9, "{middle}");
        // One deviation more in any part that varies counts the same.
        let more = |part: usize, by: f64| {
            let mut parts = [(0.49f64).exp(), (4.9f64).exp(), 1.0, (-0.49f64).exp()];
            parts[part] *= by.exp();
            standard.combined(parts)
        };
        assert!((more(0, 0.1) - more(1, 1.0)).abs() < 1e-9);
        assert_eq!(more(2, 9.0), middle);
        assert!(standard.combined([0.0; 4]).is_finite());
    }
}
