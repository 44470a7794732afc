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
    /// By how many standard deviations of normal samples the logarithms of the [`Method::PARTS`] are larger than usual:
    /// the logarithm of the mean exponential, a soft maximum. Scores brought to one scale are what ensembles of
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
    /// The standard deviation of the logarithm of its share of that.
    spread: f64,
}

impl Part {
    /// The logarithm of a length's share of what is usual.
    fn log(&self, length: f64) -> f64 {
        (length / self.mean.max(SMALLEST) + FLOOR)
            .min(f64::MAX)
            .ln()
    }
}

/// What is usual for the parts of [`Method::Combined`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual([Part; Method::PARTS.len()]);

impl Usual {
    /// Of normal samples.
    pub fn of(normal: &[Parts]) -> Self {
        let mut usual = Self::default();
        for (at, part) in usual.0.iter_mut().enumerate() {
            let lengths = normal.iter().filter_map(|it| it.lengths().get(at).copied());
            let lengths: Vec<f64> = lengths.collect();
            part.mean = mean_and_spread(&lengths).unwrap_or_default().0;
            let logs: Vec<f64> = lengths.iter().map(|it| part.log(*it)).collect();
            part.spread = mean_and_spread(&logs).unwrap_or_default().1;
        }
        usual
    }

    /// The score of [`Method::Combined`]: about 0 is usual.
    pub fn combined(&self, parts: &Parts) -> f64 {
        let lengths = parts.lengths();
        let scores = self.0.iter().zip(lengths);
        let scores = scores.map(|(part, it)| part.log(it) / (part.spread + LEAST_SPREAD));
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
        let usual = Usual::of(&[parts(0.01, 3.0, 10.0); 2]);
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
        let varied = Usual::of(&varied);
        let odd = |inputs, restored| varied.combined(&parts(0.01, inputs, restored));
        assert!(odd(6.0, 1.75) > odd(3.0, 3.5) + 1.0);
    }

    #[test]
    fn no_evidence_is_infinite() {
        let usual = Usual::of(&[parts(1.0, 1.0, 1.0)]);
        for found in [
            usual.combined(&parts(1.0, 0.0, 1.0)),
            usual.combined(&parts(0.0, 0.0, 0.0)),
            usual.combined(&parts(f64::MAX, f64::MAX, f64::MAX)),
            usual.combined(&parts(f64::INFINITY, f64::INFINITY, f64::INFINITY)),
            Usual::of(&[]).combined(&parts(1.0, 1.0, 1.0)),
            Usual::of(&[Parts::default()]).combined(&parts(1.0, 1.0, 1.0)),
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
