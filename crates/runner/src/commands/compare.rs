//! Comparison: runs side by side, smallest reconstruction error first.
//!
//! Only figures on the same test images are ranked against each other: runs on different images form
//! groups, with a note. Runs that differ only in their seed are also summarised as mean and standard
//! deviation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use super::DONE;
use crate::cli::{CompareArgs, SortKey, TableFormat};
use crate::{output, terminal};
use hourglass::analysis::spread::mean_and_spread;
use hourglass::backend;
use hourglass::config::{WORDS, flat};
use hourglass::measure::summary::{self, Summary};
use hourglass::run::environment::Environment;
use hourglass::run::{Run, Status};

mod html;
mod render;

/// One finished run.
#[derive(Clone, Debug, Serialize)]
struct Row {
    run: String,
    /// Rank among the runs on the same test images, from 1.
    rank: usize,
    kind: String,
    /// Config keys in which the compared runs differ, with this run's values.
    differs: BTreeMap<String, Value>,
    code_size: usize,
    compression_ratio: f64,
    parameters: usize,
    epochs: usize,
    seconds: f64,
    images_per_s: f64,
    mse: f64,
    bce: f64,
    psnr: f64,
    ssim: Option<f64>,
    /// PCA's error at the same code size divided by the run's; `None` if PCA is exact.
    gain: Option<f64>,
    dataset: String,
    test_sha256: String,
    quick: bool,
    #[serde(skip)]
    config: BTreeMap<String, Value>,
}

/// Mean and sample standard deviation (n - 1) of a figure over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub mean: f64,
    pub sd: f64,
}

/// Runs that differ only in their seed.
#[derive(Clone, Debug, Serialize)]
struct Seeds {
    runs: Vec<String>,
    seeds: Vec<Value>,
    mse: Spread,
    bce: Spread,
    psnr: Spread,
    ssim: Option<Spread>,
    seconds: Spread,
}

/// What `compare` prints.
#[derive(Clone, Debug, Serialize)]
struct Comparison {
    sorted_by: String,
    /// Whether all figures are on the same test images.
    same_data: bool,
    runs: Vec<Row>,
    seeds: Vec<Seeds>,
}

pub fn run(args: &CompareArgs) -> Result<u8> {
    let mut rows = Vec::new();
    let mut folders = BTreeSet::new();
    for name in &args.names {
        let run = Run::open(name, &args.runs.runs)?;
        if !folders.insert(run.folder().to_owned()) {
            continue;
        }
        let state = run.state()?;
        // The old figures of a run that is being trained further do not belong to its config.
        if state.status != Status::Finished {
            terminal::note(&format!(
                "note: {} skipped because it has no figures yet: {} in epoch {}",
                run.folder().display(),
                format!("{:?}", state.status).to_lowercase(),
                state.epoch
            ));
            continue;
        }
        rows.push(Row::read(&run)?);
    }
    if rows.is_empty() {
        bail!("none of the named runs is finished; name at least one finished run");
    }
    let comparison = Comparison::new(rows, args.sort);
    if !comparison.same_data {
        terminal::note(
            "note: these runs were measured on different test images; only runs on the same test \
             images are ranked against each other",
        );
    }
    if let Some(path) = &args.html {
        output::check_new(path, args.force)?;
        let device = backend::open(super::chosen(&args.backend)?)?.device;
        html::write(&comparison, &device, path)?;
        terminal::note(&format!("the page is {}", path.display()));
    }
    let format = if args.json {
        TableFormat::Json
    } else {
        args.format
    };
    match format {
        TableFormat::Json => terminal::print_json(&comparison)?,
        TableFormat::Table => terminal::print(&render::table(&comparison))?,
        TableFormat::Markdown => terminal::print(&render::markdown(&comparison))?,
        TableFormat::Csv => terminal::print(&render::csv(&comparison))?,
    }
    Ok(DONE)
}

/// The table of finished runs, smallest reconstruction error first.
pub(super) fn table_of(runs: &[PathBuf]) -> Result<String> {
    let rows = runs
        .iter()
        .map(|run| Row::read(&Run::open(run, Path::new("."))?));
    let comparison = Comparison::new(rows.collect::<Result<_>>()?, SortKey::Mse);
    Ok(render::table(&comparison))
}

impl Row {
    fn read(run: &Run) -> Result<Self> {
        let summary: Summary = run.read_json("summary.json")?;
        let environment: Environment = run.read_json("env.json")?;
        let config: Value = run.read_json("config.json")?;
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
            mse: summary.test.mse,
            bce: summary.test.bce,
            psnr: summary.test.psnr,
            ssim: summary.test.ssim,
            gain: summary::gain_over_pca(&summary.test, &summary.baselines, summary.input_shape),
            dataset: environment.dataset,
            test_sha256: environment.test_sha256,
            quick: summary.quick,
            config: flat(&config)
                .into_iter()
                .filter(|(key, _)| !WORDS.contains(&key.as_str()))
                .collect(),
        })
    }

    /// The figure to sort by, turned so that less is better.
    fn key(&self, sort: SortKey) -> f64 {
        let missing = f64::INFINITY;
        match sort {
            SortKey::Mse => self.mse,
            SortKey::Bce => self.bce,
            SortKey::Psnr => -self.psnr,
            SortKey::Ssim => self.ssim.map_or(missing, |ssim| -ssim),
            SortKey::Gain => self.gain.map_or(missing, |gain| -gain),
            SortKey::CodeSize => self.code_size as f64,
            SortKey::Parameters => self.parameters as f64,
            SortKey::Seconds => self.seconds,
            SortKey::ImagesPerS => -self.images_per_s,
        }
    }
}

impl Comparison {
    fn new(mut rows: Vec<Row>, sort: SortKey) -> Self {
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
                .then(a.key(sort).total_cmp(&b.key(sort)))
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
            sorted_by: name_of(sort),
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
                    mse: over(|row| row.mse),
                    bce: over(|row| row.bce),
                    psnr: over(|row| row.psnr),
                    ssim: group
                        .iter()
                        .map(|row| row.ssim)
                        .collect::<Option<Vec<f64>>>()
                        .map(|all| Spread::of(all.into_iter())),
                    seconds: over(|row| row.seconds),
                }
            })
            .collect()
    }
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let (mean, sd) = mean_and_spread(&values).unwrap_or_default();
        Self { mean, sd }
    }
}

/// The command line's name of a figure.
fn name_of(sort: SortKey) -> String {
    let word = sort.to_possible_value();
    word.map_or_else(String::new, |word| word.get_name().to_owned())
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
            mse,
            bce: 0.1,
            psnr: 20.0,
            ssim: None,
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
        let comparison = Comparison::new(rows, SortKey::Mse);
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
        let comparison = Comparison::new(rows, SortKey::Mse);
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
        let comparison = Comparison::new(rows, SortKey::Mse);
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
        let seeds = Comparison::new(rows, SortKey::Mse).seeds;
        assert_eq!(seeds.len(), 1);
        assert_eq!(seeds[0].runs, ["a", "b", "c"]);
        assert!((seeds[0].mse.mean - 0.2).abs() < 1e-12);
        assert!((seeds[0].mse.sd - 0.1).abs() < 1e-12);
        assert_eq!(seeds[0].ssim, None);
    }

    #[test]
    fn every_figure_sorts_with_the_best_first() {
        let mut good = row("good", 0.1, "x", json!({}));
        (good.bce, good.psnr, good.ssim, good.gain) = (0.05, 30.0, Some(0.9), Some(4.0));
        (
            good.code_size,
            good.parameters,
            good.seconds,
            good.images_per_s,
        ) = (2, 9, 1.0, 2e4);
        let bad = row("bad", 0.2, "x", json!({}));
        for sort in SortKey::value_variants() {
            let comparison = Comparison::new(vec![bad.clone(), good.clone()], *sort);
            assert_eq!(comparison.runs[0].run, "good", "{sort:?}");
        }
    }
}
