//! Scores of the steps of series, from those of the windows that hold them.

use std::collections::BTreeMap;

use super::scoring::Method;

/// What is added to the deviation of the usual error, as a share of its mean: a model that is as exact everywhere would
/// otherwise find any step odd.
const FLOOR: f64 = 0.1;

/// The smallest deviation: that of a model without any error.
const SMALLEST: f64 = 1e-12;

/// A number beyond that of any step of a series in memory.
const MOST_STEPS: usize = u32::MAX as usize;

/// The steps of series, each by its name, while windows come in.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    series: BTreeMap<String, Vec<Sums>>,
}

/// Of the windows that hold a step.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    windows: u32,
    score: f64,
    error: f64,
}

/// What is known of a step: means over the windows that hold it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The score of the window.
    pub score: f64,
    /// The squared error of the step, mean over its channels.
    pub error: f64,
}

impl Steps {
    /// Adds a window that begins at a step of a series: its score, and the squared error of each of its steps.
    pub fn push(&mut self, series: &str, start: usize, score: f64, errors: &[f32]) {
        let end = start.saturating_add(errors.len());
        if end > MOST_STEPS {
            return;
        }
        let sums = match self.series.get_mut(series) {
            Some(sums) => sums,
            None => self.series.entry(series.to_owned()).or_default(),
        };
        if sums.len() < end {
            sums.resize(end, Sums::default());
        }
        for (sums, error) in sums.iter_mut().skip(start).zip(errors) {
            sums.windows += 1;
            sums.score += score;
            sums.error += f64::from(*error);
        }
    }

    /// The steps of a series; `None` for those that no window holds. Empty for a series without windows.
    pub fn of(&self, series: &str) -> Vec<Option<Step>> {
        let sums = self.series.get(series).map(Vec::as_slice);
        let step = |sums: &Sums| {
            let count = f64::from(sums.windows);
            (sums.windows > 0).then(|| Step {
                score: sums.score / count,
                error: sums.error / count,
            })
        };
        sums.unwrap_or_default().iter().map(step).collect()
    }

    /// The steps of all series that a window holds.
    fn known(&self) -> impl Iterator<Item = Step> {
        let names = self.series.keys();
        names.flat_map(|name| self.of(name).into_iter().flatten())
    }
}

/// How steps are scored.
#[derive(Clone, Copy, Debug)]
pub struct StepScore {
    method: Method,
    /// Mean and deviation of the error of usual steps.
    usual: [f64; 2],
}

impl StepScore {
    /// By the steps of validation windows.
    pub fn learn(method: Method, held: &Steps) -> Self {
        let count = held.known().count().max(1) as f64;
        let mean = held.known().map(|it| it.error).sum::<f64>() / count;
        let squares = held.known().map(|it| (it.error - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt() + FLOOR * mean;
        Self {
            method,
            usual: [mean, deviation.max(SMALLEST)],
        }
    }

    /// The score of a step: its error where the score of a window is one of errors; the mean score of the windows that
    /// hold it where that is a distance; and for [`Method::Combined`] that score with the step's error, in standard
    /// deviations above the usual one, because windows tell long oddities and steps short ones.
    pub fn of(&self, step: Step) -> f64 {
        let [mean, deviation] = self.usual;
        match self.method {
            Method::Mse | Method::Relative | Method::Place | Method::Window => step.error,
            Method::Inputs | Method::Codes | Method::Reconstructions | Method::Mahalanobis => {
                step.score
            }
            Method::Combined => step.score + (step.error - mean) / deviation,
        }
    }

    /// The scores of the steps of all series.
    pub fn all(&self, steps: &Steps) -> Vec<f64> {
        steps.known().map(|step| self.of(step)).collect()
    }
}

/// Stretches of steps whose scores are above a threshold, as the first and the last of each.
pub fn intervals(scores: &[Option<f64>], threshold: f64) -> Vec<[usize; 2]> {
    let mut found: Vec<[usize; 2]> = Vec::new();
    for (step, score) in scores.iter().enumerate() {
        if !score.is_some_and(|score| score > threshold) {
            continue;
        }
        match found.last_mut() {
            Some([_, last]) if *last + 1 == step => *last = step,
            _ => found.push([step, step]),
        }
    }
    found
}

/// The series of a window and its first step, from its name, as in `log.csv@120`; a series of one window has its name
/// alone.
pub fn place(name: &str) -> (&str, usize) {
    let parts = name.rsplit_once('@');
    let parts = parts.and_then(|(series, start)| Some((series, start.parse().ok()?)));
    parts.unwrap_or((name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_mean_of_the_windows_that_hold_it() {
        let mut steps = Steps::default();
        steps.push("a", 1, 2.0, &[1.0, 2.0]);
        steps.push("a", 2, 4.0, &[4.0, 5.0]);
        steps.push("b", 0, 1.0, &[7.0, 7.0]);
        let step = |score, error| Some(Step { score, error });
        assert_eq!(
            steps.of("a"),
            [None, step(2.0, 1.0), step(3.0, 3.0), step(4.0, 5.0)]
        );
        assert_eq!(steps.of("c"), []);
    }

    #[test]
    fn errors_count_in_deviations_beside_the_score_of_windows() {
        let mut held = Steps::default();
        held.push("a", 0, 0.5, &[1.0, 3.0]);
        let step = Step {
            score: 0.25,
            error: 4.4,
        };
        // Mean 2, deviation 1, and a tenth of the mean.
        let combined = StepScore::learn(Method::Combined, &held).of(step);
        assert!((combined - (0.25 + 2.4 / 1.2)).abs() < 1e-12);
        assert_eq!(StepScore::learn(Method::Mse, &held).of(step), 4.4);
        assert_eq!(StepScore::learn(Method::Inputs, &held).of(step), 0.25);
        // A model without any error: all others are far.
        let mut exact = Steps::default();
        exact.push("a", 0, 0.0, &[0.0; 4]);
        assert!(
            StepScore::learn(Method::Combined, &exact)
                .of(step)
                .is_finite()
        );
    }

    #[test]
    fn intervals_end_where_scores_fall_and_where_nothing_is_known() {
        let scores = [2.0, 3.0, 0.5, 9.0, -1.0, 4.0].map(|it| (it >= 0.0).then_some(it));
        assert_eq!(intervals(&scores, 1.0), [[0, 1], [3, 3], [5, 5]]);
        assert!(intervals(&scores, 9.0).is_empty());
    }

    #[test]
    fn names_tell_series_and_step() {
        assert_eq!(place("log.csv@120"), ("log.csv", 120));
        assert_eq!(place("a@b.csv:3"), ("a@b.csv:3", 0));
    }
}
