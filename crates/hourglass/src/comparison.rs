//! Comparison: runs side by side, smallest reconstruction error first.
//!
//! Only figures on the same test images are ranked against each other: runs on different images form
//! groups. Runs that differ only in their seed are also summarised as mean and standard deviation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::analysis::spread::mean_and_spread;
use crate::config::{WORDS, flat};
use crate::error::Result;
use crate::measure::metrics::Figures;
use crate::measure::metrics::metric::{METRICS, MSE, Metric};
use crate::measure::summary::Summary;
use crate::run::environment::Environment;
use crate::run::{Run, RunError, Status};

/// A figure that runs can be sorted by, best first.
#[derive(Clone, Copy, Debug)]
pub enum SortBy {
    /// A metric of the test images.
    Metric(Metric),
    /// Another figure of the run.
    Figure(Figure),
}

/// A figure of a [`Row`] that is not a metric.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    name: &'static str,
    about: &'static str,
    less_is_better: bool,
    of: fn(&Row) -> Option<f64>,
}

/// Figures beside the metrics.
const FIGURES: [Figure; 5] = [
    Figure {
        name: "gain",
        about: "PCA's error at the same code size divided by the run's",
        less_is_better: false,
        of: |row| row.gain,
    },
    Figure {
        name: "code_size",
        about: "Code size",
        less_is_better: true,
        of: |row| Some(row.code_size as f64),
    },
    Figure {
        name: "parameters",
        about: "Trainable parameters",
        less_is_better: true,
        of: |row| Some(row.parameters as f64),
    },
    Figure {
        name: "seconds",
        about: "Training time",
        less_is_better: true,
        of: |row| Some(row.seconds),
    },
    Figure {
        name: "images_per_s",
        about: "Training speed in images per second",
        less_is_better: false,
        of: |row| Some(row.images_per_s),
    },
];

impl Default for SortBy {
    fn default() -> Self {
        Self::Metric(MSE)
    }
}

impl SortBy {
    /// Every metric, then the other figures.
    pub fn all() -> impl Iterator<Item = Self> {
        let metrics = METRICS.into_iter().map(Self::Metric);
        metrics.chain(FIGURES.into_iter().map(Self::Figure))
    }

    /// Its key in the JSON of a [`Row`], and its word on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.name,
            Self::Figure(figure) => figure.name,
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.about,
            Self::Figure(figure) => figure.about,
        }
    }

    /// A row's figure, turned so that less is better; infinity if it has none.
    fn key(self, row: &Row) -> f64 {
        let (figure, less_is_better) = match self {
            Self::Metric(metric) => ((metric.of)(&row.test), metric.less_is_better),
            Self::Figure(figure) => ((figure.of)(row), figure.less_is_better),
        };
        match (figure, less_is_better) {
            (Some(figure), true) => figure,
            (Some(figure), false) => -figure,
            (None, _) => f64::INFINITY,
        }
    }
}

/// One finished run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its folder.
    pub run: String,
    /// Rank among the runs on the same test images, from 1.
    pub rank: usize,
    /// The model's kind, with its wrappers from the outside in.
    pub kind: String,
    /// Config keys in which the compared runs differ, with this run's values.
    pub differs: BTreeMap<String, Value>,
    /// Values of a code.
    pub code_size: usize,
    /// Values of an image divided by those of its code.
    pub compression_ratio: f64,
    /// Trainable parameters.
    pub parameters: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Seconds spent in training steps.
    pub seconds: f64,
    /// Images trained on in a second.
    pub images_per_s: f64,
    /// The metrics on the test images.
    #[serde(flatten)]
    pub test: Figures,
    /// PCA's error at the same code size divided by the run's; `None` where PCA is no yardstick.
    pub gain: Option<f64>,
    /// The data set.
    pub dataset: String,
    /// SHA-256 of the test images.
    pub test_sha256: String,
    /// Whether it is a `--quick` run, whose figures are meaningless.
    pub quick: bool,
    #[serde(skip)]
    config: BTreeMap<String, Value>,
}

/// Mean and sample standard deviation (n - 1) of a figure over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 0 for a single figure.
    pub sd: f64,
}

/// Runs that differ only in their seed.
#[derive(Clone, Debug, Serialize)]
pub struct Seeds {
    /// Their folders.
    pub runs: Vec<String>,
    /// Their seeds.
    pub seeds: Vec<Value>,
    /// As in a [`Row`].
    pub mse: Spread,
    /// As in a [`Row`].
    pub bce: Spread,
    /// As in a [`Row`].
    pub psnr: Spread,
    /// As in a [`Row`].
    pub ssim: Option<Spread>,
    /// As in a [`Row`].
    pub seconds: Spread,
}

/// Runs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The name of the figure that they are sorted by.
    pub sorted_by: &'static str,
    /// Whether all figures are on the same test images.
    pub same_data: bool,
    /// Those on the same test images next to each other, best first.
    pub runs: Vec<Row>,
    /// Those that differ only in their seed.
    pub seeds: Vec<Seeds>,
}

/// Reads the figures of runs as they are opened, each run once. A run that is not finished is left out, and so is a
/// folder or a file that is no run, as a pattern such as `runs/SWEEP/*` names some; `skipped` hears why.
///
/// # Errors
/// A run that is missing or damaged.
pub fn read(
    runs: impl IntoIterator<Item = Result<Run, RunError>>,
    mut skipped: impl FnMut(&str),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut folders = BTreeSet::new();
    for run in runs {
        let run = match run {
            Err(RunError::NotARun { folder }) => {
                skipped(&format!(
                    "{} skipped because it is no run",
                    folder.display()
                ));
                continue;
            }
            run => run?,
        };
        if !folders.insert(run.folder().to_owned()) {
            continue;
        }
        let state = run.watched_state()?;
        // The old figures of a run that is being trained further do not belong to its config.
        if state.status == Status::Finished {
            rows.push(Row::read(&run)?);
            continue;
        }
        let more = match (state.status, &state.message) {
            (Status::Interrupted, Some(message)) => format!("; {message}"),
            _ => String::new(),
        };
        skipped(&format!(
            "{} skipped because it has no figures yet: {} in epoch {}{more}",
            run.folder().display(),
            format!("{:?}", state.status).to_lowercase(),
            state.epoch
        ));
    }
    Ok(rows)
}

impl Row {
    /// Reads the figures of a finished run.
    ///
    /// # Errors
    /// If the run is not finished, or is damaged.
    pub fn read(run: &Run) -> Result<Self> {
        run.check_trained_here()?;
        let summary: Summary = run.read_json("summary.json")?;
        let gain = summary.measured().gain_over_pca();
        let environment: Environment = run.read_json("env.json")?;
        let config: Value = run.config()?;
        Ok(Self {
            run: run.folder().display().to_string(),
            rank: 0,
            kind: summary.kind,
            differs: BTreeMap::new(),
            code_size: summary.code_size,
            compression_ratio: summary.compression_ratio,
            parameters: summary.parameters,
            epochs: summary.epochs,
            seconds: summary.train_seconds,
            images_per_s: summary.train_images_per_s,
            gain,
            test: summary.test,
            dataset: environment.dataset,
            test_sha256: environment.test_sha256,
            quick: summary.quick,
            config: flat(&config)
                .into_iter()
                .filter(|(key, _)| !WORDS.contains(&key.as_str()))
                .collect(),
        })
    }
}

impl Comparison {
    /// Ranks runs, and says in what they differ.
    pub fn new(mut rows: Vec<Row>, sort: SortBy) -> Self {
        let keys: BTreeSet<String> = rows
            .iter()
            .flat_map(|row| row.config.keys().cloned())
            .collect();
        for key in keys {
            let values: Vec<Option<Value>> = rows
                .iter()
                .map(|row| row.config.get(&key).cloned())
                .collect();
            let everywhere = values.iter().all(Option::is_some);
            if says_more(&key, everywhere)
                && values.windows(2).any(|pair| pair.first() != pair.last())
            {
                for (row, value) in rows.iter_mut().zip(values) {
                    row.differs.extend(value.map(|value| (key.clone(), value)));
                }
            }
        }
        // Data sets in the order of their first run.
        let mut order: Vec<String> = Vec::new();
        for row in &rows {
            if !order.contains(&row.test_sha256) {
                order.push(row.test_sha256.clone());
            }
        }
        let group = |row: &Row| order.iter().position(|digest| *digest == row.test_sha256);
        rows.sort_by(|a, b| {
            group(a)
                .cmp(&group(b))
                .then(sort.key(a).total_cmp(&sort.key(b)))
        });
        let mut rank = 0;
        let mut before = None;
        for row in &mut rows {
            rank = if before.as_ref() == Some(&row.test_sha256) {
                rank + 1
            } else {
                1
            };
            row.rank = rank;
            before = Some(row.test_sha256.clone());
        }
        Self {
            sorted_by: sort.name(),
            same_data: order.len() == 1,
            seeds: Seeds::among(&rows),
            runs: rows,
        }
    }
}

impl Seeds {
    fn among(rows: &[Row]) -> Vec<Self> {
        let mut groups: Vec<(BTreeMap<String, Value>, Vec<&Row>)> = Vec::new();
        for row in rows {
            let mut config = row.config.clone();
            config.remove("seed");
            config.insert("test".into(), row.test_sha256.clone().into());
            match groups.iter_mut().find(|(known, _)| *known == config) {
                Some((_, group)) => group.push(row),
                None => groups.push((config, vec![row])),
            }
        }
        let groups = groups.into_iter().map(|(_, group)| group);
        let several = groups.filter(|group| group.len() > 1);
        several
            .map(|group| {
                let over =
                    |figure: fn(&Row) -> f64| Spread::of(group.iter().map(|row| figure(row)));
                Self {
                    runs: group.iter().map(|row| row.run.clone()).collect(),
                    seeds: group
                        .iter()
                        .filter_map(|row| row.config.get("seed").cloned())
                        .collect(),
                    mse: over(|row| row.test.mse),
                    bce: over(|row| row.test.bce),
                    psnr: over(|row| row.test.psnr),
                    ssim: group
                        .iter()
                        .map(|row| row.test.ssim)
                        .collect::<Option<Vec<f64>>>()
                        .map(|all| Spread::of(all.into_iter())),
                    seconds: over(|row| row.seconds),
                }
            })
            .collect()
    }
}

impl Spread {
    /// Of these figures; zeros without figures.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let (mean, sd) = mean_and_spread(&values).unwrap_or_default();
        Self { mean, sd }
    }
}

/// Whether a config key says more about the runs than their kind, which has its own column: a key that only one kind
/// of model has does not. Keys of a corruption or a penalty are always shown.
fn says_more(key: &str, everywhere: bool) -> bool {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let is_model = table.split('.').all(|part| ["model", "of"].contains(&part));
    match is_model {
        // A chain of corruptions is shown whole, because it has no keys of its own.
        true => name != "kind" && (everywhere || name == "corruption"),
        false => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(run: &str, mse: f64, data: &str, config: Value) -> Row {
        Row {
            run: run.into(),
            rank: 0,
            kind: "dense".into(),
            differs: BTreeMap::new(),
            code_size: 32,
            compression_ratio: 24.5,
            parameters: 100,
            epochs: 3,
            seconds: 10.0,
            images_per_s: 1000.0,
            test: Figures {
                mse,
                bce: 0.1,
                bce_over_floor: 0.02,
                sum_sq: 784.0 * mse,
                psnr: 20.0,
                ssim: None,
                r2: None,
                mixed: None,
            },
            gain: Some(2.0),
            dataset: "mnist".into(),
            test_sha256: data.into(),
            quick: false,
            config: flat(&config).into_iter().collect(),
        }
    }

    fn names(comparison: &Comparison) -> Vec<(&str, usize)> {
        comparison
            .runs
            .iter()
            .map(|row| (row.run.as_str(), row.rank))
            .collect()
    }

    #[test]
    fn runs_are_ranked_by_error_among_those_on_the_same_images() {
        let rows = vec![
            row("a", 0.3, "x", json!({})),
            row("b", 0.1, "y", json!({})),
            row("c", 0.2, "x", json!({})),
        ];
        let comparison = Comparison::new(rows, SortBy::default());
        assert!(!comparison.same_data);
        assert_eq!(names(&comparison), [("c", 1), ("a", 2), ("b", 1)]);
    }

    #[test]
    fn what_differs_is_listed_and_what_is_alike_is_not() {
        let rows = vec![
            row(
                "a",
                0.3,
                "x",
                json!({"seed": 1, "train": {"epochs": 2, "batch_size": 8}}),
            ),
            row(
                "b",
                0.2,
                "x",
                json!({"seed": 1, "train": {"epochs": 3, "batch_size": 8}}),
            ),
        ];
        let comparison = Comparison::new(rows, SortBy::default());
        for row in &comparison.runs {
            assert_eq!(row.differs.keys().collect::<Vec<_>>(), ["train.epochs"]);
        }
        assert!(comparison.seeds.is_empty());
    }

    #[test]
    fn other_corruptions_are_told_and_other_kinds_of_models_are_not() {
        let model =
            |corruption: Value| json!({"model": {"kind": "denoising", "corruption": corruption}});
        let chain = json!(["grayscale", {"kind": "gaussian", "std": 0.1}]);
        let rows = vec![
            row(
                "a",
                0.1,
                "x",
                model(json!({"kind": "gaussian", "std": 0.1})),
            ),
            row(
                "b",
                0.2,
                "x",
                model(json!({"kind": "masking", "probability": 0.5})),
            ),
            row("c", 0.3, "x", model(chain)),
            row(
                "d",
                0.4,
                "x",
                json!({"model": {"kind": "dense", "tied": true}}),
            ),
        ];
        let comparison = Comparison::new(rows, SortBy::default());
        let told: Vec<Vec<&str>> = (comparison.runs.iter())
            .map(|row| row.differs.keys().map(String::as_str).collect())
            .collect();
        let [kind, std] = ["model.corruption.kind", "model.corruption.std"];
        let masking = [kind, "model.corruption.probability"].to_vec();
        let expected = [
            [kind, std].to_vec(),
            masking,
            vec!["model.corruption"],
            vec![],
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn runs_that_differ_only_in_the_seed_get_mean_and_spread() {
        let rows = vec![
            row("a", 0.1, "x", json!({"seed": 1, "epochs": 2})),
            row("b", 0.2, "x", json!({"seed": 2, "epochs": 2})),
            row("c", 0.3, "x", json!({"seed": 3, "epochs": 2})),
            row("other", 0.4, "x", json!({"seed": 3, "epochs": 9})),
            row("elsewhere", 0.5, "y", json!({"seed": 4, "epochs": 2})),
        ];
        let seeds = Comparison::new(rows, SortBy::default()).seeds;
        assert_eq!(seeds.len(), 1);
        assert_eq!(seeds[0].runs, ["a", "b", "c"]);
        assert!((seeds[0].mse.mean - 0.2).abs() < 1e-12);
        assert!((seeds[0].mse.sd - 0.1).abs() < 1e-12);
        assert_eq!(seeds[0].ssim, None);
    }

    #[test]
    fn every_figure_sorts_with_the_best_first() {
        let mut good = row("good", 0.1, "x", json!({}));
        (good.test.bce, good.test.psnr, good.test.ssim, good.gain) =
            (0.05, 30.0, Some(0.9), Some(4.0));
        good.test.r2 = Some(0.9);
        (
            good.code_size,
            good.parameters,
            good.seconds,
            good.images_per_s,
        ) = (2, 9, 1.0, 2e4);
        let bad = row("bad", 0.2, "x", json!({}));
        for sort in SortBy::all() {
            let comparison = Comparison::new(vec![bad.clone(), good.clone()], sort);
            assert_eq!(comparison.runs[0].run, "good", "{sort:?}");
        }
    }
}
