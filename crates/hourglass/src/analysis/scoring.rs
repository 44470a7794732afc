//! Scores of how odd a sample is, by what a model makes of it. What is usual is known from normal samples alone; nothing
//! here needs an odd one or a label. A sample is a row of values of one shape, so this is the same for pictures, tables
//! and series.

use serde::{Deserialize, Serialize};

use super::anomaly::Score;
use super::places::Sums;
use super::spread::mean_and_spread;

/// What is added to the share of the usual before its logarithm is taken: a copy of training samples has a distance
/// of 0, which is no infinite evidence.
const FLOOR: f64 = 1e-3;

/// The smallest usual value of a part, so that one that is always 0 is no division by 0.
const SMALLEST: f64 = 1e-12;

/// What is added to the spread of a part, as a share of its size: a few validation samples may be alike by chance.
const LEAST_SPREAD: f64 = 0.1;

/// How a sample is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By how many standard deviations of normal samples the logarithms of the [`Method::PARTS`] are larger than usual, for
    /// pictures of its brightness: the logarithm of the mean exponential, a soft maximum. Scores brought to one scale are what ensembles of
    /// detectors are made of (Aggarwal & Sathe 2017); in a maximum, what one part says clearly is not outvoted.
    Combined,
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
    /// The mean distance of the input from its nearest training inputs (Ramaswamy et al. 2000).
    Inputs,
    /// The same of the code (Bergman, Cohen & Hoshen 2020).
    Codes,
    /// The same of the reconstruction: of the code, as the decoder measures it.
    Reconstructions,
    /// The Mahalanobis distance of the code from the training codes (Lee et al. 2018).
    Mahalanobis,
}

impl Method {
    /// All of them, the usual choice first.
    pub const ALL: [Self; 9] = [
        Self::Combined,
        Self::Mse,
        Self::Relative,
        Self::Place,
        Self::Window,
        Self::Inputs,
        Self::Codes,
        Self::Reconstructions,
        Self::Mahalanobis,
    ];

    /// What [`Method::Combined`] is made of, with equal weights: what the model gets wrong, and how far the sample and
    /// what the model makes of it are from known ones.
    pub const PARTS: [Self; 3] = [Self::Window, Self::Inputs, Self::Reconstructions];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Combined => "combined",
            Method::Mse => "mse",
            Method::Relative => "relative",
            Method::Place => "place",
            Method::Window => "window",
            Method::Inputs => "inputs",
            Method::Codes => "codes",
            Method::Reconstructions => "reconstructions",
            Method::Mahalanobis => "mahalanobis",
        }
    }

    /// What it is, for the help.
    pub fn about(self) -> &'static str {
        match self {
            Method::Combined => {
                "by how many standard deviations window, inputs and reconstructions exceed what is usual, soft maximum"
            }
            Method::Mse => "mean squared error of the reconstruction",
            Method::Relative => "squared error divided by the sample's norm",
            Method::Place => "squared error divided by what is usual at that place",
            Method::Window => "largest mean squared error in a window: a small fault counts",
            Method::Inputs => "distance of the sample from the 5 nearest training samples",
            Method::Codes => "distance of the code from the 5 nearest training codes",
            Method::Reconstructions => {
                "distance of the reconstruction from the 5 nearest ones of training samples"
            }
            Method::Mahalanobis => "Mahalanobis distance of the code from the training codes",
        }
    }

    /// The same as a score of the error in all, which needs nothing but the sample.
    pub fn of_error(self) -> Option<Score> {
        match self {
            Method::Mse => Some(Score::Mse),
            Method::Relative => Some(Score::Relative),
            _ => None,
        }
    }

    /// Whether it is made of `part`, or is it.
    pub fn needs(self, part: Self) -> bool {
        self == part || (self == Self::Combined && Self::PARTS.contains(&part))
    }
}

/// What the score of a sample is made of. What a method does not need is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// Sums over its values.
    pub sums: Sums,
    /// Of [`Method::Place`].
    pub place: f64,
    /// Of [`Method::Window`].
    pub window: f64,
    /// Of [`Method::Inputs`].
    pub inputs: f64,
    /// Of [`Method::Codes`].
    pub codes: f64,
    /// Of [`Method::Reconstructions`].
    pub reconstructions: f64,
    /// Of [`Method::Mahalanobis`].
    pub mahalanobis: f64,
}

impl Parts {
    /// The score of a method that is no combination, and 0 of one that is.
    pub fn of(&self, method: Method) -> f64 {
        let whole = |score: Score| {
            let Sums {
                known,
                squared_error,
                squared_norm,
            } = self.sums;
            score.value(squared_error, known, squared_norm)
        };
        match method {
            Method::Mse => whole(Score::Mse),
            Method::Relative => whole(Score::Relative),
            Method::Place => self.place,
            Method::Window => self.window,
            Method::Inputs => self.inputs,
            Method::Codes => self.codes,
            Method::Reconstructions => self.reconstructions,
            Method::Mahalanobis => self.mahalanobis,
            Method::Combined => 0.0,
        }
    }

    /// The [`Method::PARTS`] in one unit: distances, and the root of a squared error.
    fn lengths(&self) -> [f64; Method::PARTS.len()] {
        Method::PARTS.map(|part| match part {
            Method::Window => self.of(part).sqrt(),
            part => self.of(part),
        })
    }
}

/// What is usual for a part of [`Method::Combined`].
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Its mean over normal samples.
    mean: f64,
    /// The logarithm of its share of that, by the sample's brightness.
    line: Line,
    /// The standard deviation of the logarithm around the line.
    spread: f64,
}

impl Part {
    /// The logarithm of a length's share of what is usual for samples of this brightness.
    fn log(&self, length: f64, brightness: f64) -> f64 {
        self.share(length) - self.line.above_zero(brightness)
    }

    /// The logarithm of a length's share of the mean.
    fn share(&self, length: f64) -> f64 {
        (length / self.mean.max(SMALLEST) + FLOOR)
            .min(f64::MAX)
            .ln()
    }
}

/// A line through points, as far as their number bears it out.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Its mean place, and the smallest and the largest one.
    mean: f64,
    range: [f64; 2],
    slope: f64,
}

impl Line {
    /// By least squares through points `(x, y)`. The slope is made smaller by how uncertain it is, and is 0 where it may
    /// well be chance: the positive-part estimator of James & Stein (1961), with the estimated variance of the slope.
    fn through(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let centre = (mean(|it| it.0), mean(|it| it.1));
        let sum = |of: fn(f64, f64) -> f64| -> f64 {
            let each = points.iter().map(|(x, y)| of(x - centre.0, y - centre.1));
            each.sum()
        };
        let [xx, xy, yy] = [sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y)];
        let slope = xy / xx;
        let variance = ((yy - slope * xy) / (count - 2.0)).max(0.0) / xx;
        let kept = 1.0 - variance / (slope * slope);
        // Nothing can be said of two points, of one brightness, or of parts that are always the same.
        if points.len() < 3 || !kept.is_finite() {
            return Self::default();
        }
        let places = || points.iter().map(|it| it.0);
        Self {
            mean: centre.0,
            range: [
                places().fold(f64::MAX, f64::min),
                places().fold(f64::MIN, f64::max),
            ],
            slope: slope * kept.max(0.0),
        }
    }

    /// How far the line is above its mean at a place; no farther than at the ends of what it was fitted to.
    fn above_zero(&self, place: f64) -> f64 {
        let [first, last] = self.range;
        self.slope * (place.max(first).min(last) - self.mean)
    }
}

/// What is usual for the parts of [`Method::Combined`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual {
    parts: [Part; Method::PARTS.len()],
    /// Whether samples are pictures, whose brightness is no fault.
    of_pictures: bool,
}

impl Usual {
    /// Of normal samples. In pictures, a thick stroke or a bright thing makes every error and every distance larger, and
    /// is no less normal for that: what their brightness explains of a part is taken out of it. A row of standardised
    /// values is the odder the longer it is, so there nothing is taken out.
    pub fn of(normal: &[Parts], of_pictures: bool) -> Self {
        let mut usual = Self {
            of_pictures,
            ..Self::default()
        };
        let brightness: Vec<f64> = normal.iter().map(|it| usual.brightness(it)).collect();
        for (at, part) in usual.parts.iter_mut().enumerate() {
            let lengths = normal.iter().filter_map(|it| it.lengths().get(at).copied());
            let lengths: Vec<f64> = lengths.collect();
            part.mean = mean_and_spread(&lengths).unwrap_or_default().0;
            let shares = lengths.iter().map(|it| part.share(*it));
            let points: Vec<(f64, f64)> = brightness.iter().copied().zip(shares).collect();
            part.line = Line::through(&points);
            let logs = lengths.iter().zip(&brightness);
            let logs: Vec<f64> = logs.map(|(it, bright)| part.log(*it, *bright)).collect();
            part.spread = mean_and_spread(&logs).unwrap_or_default().1;
        }
        usual
    }

    /// The logarithm of the norm of a picture; 0 of other samples.
    fn brightness(&self, parts: &Parts) -> f64 {
        match self.of_pictures {
            true => parts.sums.squared_norm.max(SMALLEST).ln() / 2.0,
            false => 0.0,
        }
    }

    /// The score of [`Method::Combined`]: about 0 is usual.
    pub fn combined(&self, parts: &Parts) -> f64 {
        let (lengths, bright) = (parts.lengths(), self.brightness(parts));
        let scores = self.parts.iter().zip(lengths);
        let scores = scores.map(|(part, it)| part.log(it, bright) / (part.spread + LEAST_SPREAD));
        let scores: Vec<f64> = scores.collect();
        // Around the largest, because a large exponential is infinite.
        let most = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
        most + (sum / scores.len().max(1) as f64).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(window: f64, inputs: f64, reconstructions: f64) -> Parts {
        Parts {
            window,
            inputs,
            reconstructions,
            ..Parts::default()
        }
    }

    #[test]
    fn a_combination_counts_deviations_from_what_is_usual() {
        let usual = Usual::of(&[parts(0.01, 3.0, 10.0); 2], true);
        let near = |parts: Parts, right: f64| {
            let found = usual.combined(&parts);
            assert!((found - right).abs() < 0.02, "{found} {right}");
        };
        near(parts(0.01, 3.0, 10.0), 0.0);
        // Four times the squared error is twice the error.
        let twice = 2f64.ln() / 0.1;
        near(parts(0.04, 6.0, 20.0), twice);
        // One part is enough, whichever it is, and however usual the others are.
        for odd in [
            parts(0.04, 1.0, 1.0),
            parts(0.0, 6.0, 1.0),
            parts(0.0, 1.0, 20.0),
        ] {
            near(odd, twice - 3f64.ln());
        }
        // A part that varies counts less.
        let varied = [1.0, 1.5, 2.0, 2.5].map(|it| parts(0.01, 3.0, it));
        let varied = Usual::of(&varied, true);
        let odd = |inputs, restored| varied.combined(&parts(0.01, inputs, restored));
        assert!(odd(6.0, 1.75) > odd(3.0, 3.5) + 1.0);
    }

    /// Of pictures whose distances grow with their brightness, a bright one is as usual as a dark one, and one that is far
    /// for its brightness is odd. Of rows of a table it is the long one.
    #[test]
    fn brightness_is_no_fault_of_a_picture() {
        let of = |norm: f64, inputs: f64| Parts {
            sums: Sums {
                known: 4,
                squared_error: 0.0,
                squared_norm: norm * norm,
            },
            ..parts(1.0, inputs, 1.0)
        };
        let normal: Vec<Parts> = (10..40)
            .map(|it| {
                let norm = f64::from(it);
                of(norm, 0.5 * norm * if it % 2 == 0 { 1.1 } else { 1.0 / 1.1 })
            })
            .collect();
        let [pictures, rows] = [true, false].map(|of_pictures| Usual::of(&normal, of_pictures));
        let [dark, bright, odd] = [of(12.0, 6.0), of(36.0, 18.0), of(12.0, 18.0)];
        let gap = pictures.combined(&bright) - pictures.combined(&dark);
        assert!(gap.abs() < 0.1, "{gap}");
        assert!(pictures.combined(&odd) > pictures.combined(&bright) + 2.0);
        assert_eq!(rows.combined(&odd), rows.combined(&bright));
        assert!(rows.combined(&bright) > rows.combined(&dark));
        // A brightness that was never seen excuses nothing more.
        let glaring = |norm| pictures.combined(&of(norm, 30.0));
        assert_eq!(glaring(39.0), glaring(1000.0));
    }

    #[test]
    fn a_slope_that_may_be_chance_is_none() {
        let slope = |points: &[(f64, f64)]| Line::through(points).slope;
        let exact: Vec<(f64, f64)> = (0..9).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        assert!((slope(&exact) - 2.0).abs() < 1e-9);
        assert_eq!(
            slope(&[(0.0, 1.0), (1.0, 5.0), (2.0, 1.5), (3.0, 4.0)]),
            0.0
        );
        for none in [
            &[][..],
            &[(1.0, 2.0)],
            &[(1.0, 2.0), (2.0, 9.0)],
            &[(1.0, 2.0); 9],
        ] {
            assert_eq!(slope(none), 0.0);
        }
    }

    #[test]
    fn no_evidence_is_infinite() {
        let usual = Usual::of(&[parts(1.0, 1.0, 1.0)], true);
        for found in [
            usual.combined(&parts(1.0, 0.0, 1.0)),
            usual.combined(&parts(0.0, 0.0, 0.0)),
            usual.combined(&parts(f64::MAX, f64::MAX, f64::MAX)),
            usual.combined(&parts(f64::INFINITY, f64::INFINITY, f64::INFINITY)),
            Usual::of(&[], true).combined(&parts(1.0, 1.0, 1.0)),
            Usual::of(&[Parts::default()], true).combined(&parts(1.0, 1.0, 1.0)),
        ] {
            assert!(found.is_finite(), "{found}");
        }
    }

    #[test]
    fn names_are_apart_and_parts_are_no_combination() {
        let mut names = Method::ALL.map(Method::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(!Method::PARTS.contains(&Method::Combined));
        assert!(Method::Combined.needs(Method::Inputs) && !Method::Mse.needs(Method::Inputs));
    }
}
