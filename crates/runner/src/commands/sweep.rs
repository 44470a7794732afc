//! Sweeping: one training per point of a grid, one after the other in one folder, with a table and a
//! curve of the results.
//!
//! Each point is an ordinary run. The same command, run again, keeps finished runs and continues
//! the others, so a sweep may be stopped or killed at any moment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::compare;
use super::train::{checked_name, config_of, name_of};
use super::{DIVERGED, DONE, kept};
use crate::cli::SweepArgs;
use crate::progress::Display;
use crate::{fetch, interrupt, terminal};
use hourglass::comparison::Spread;
use hourglass::config::{self, Sweep};
use hourglass::files::{self, LARGEST_JSON};
use hourglass::measure::evaluation::Baselines;
use hourglass::measure::metrics::Figures;
#[cfg(feature = "report")]
use hourglass::run::environment::Environment;
use hourglass::run::{self, Status};
#[cfg(feature = "report")]
use report::curve::{self, Curve};

mod plan;

/// `sweep.json`.
#[derive(Debug, Serialize)]
struct Report {
    /// The sweep's status.
    status: Status,
    /// Whether its runs are `--quick` runs, whose figures are meaningless.
    quick: bool,
    /// Number of grid points.
    runs: usize,
    /// The finished points, in the order of the grid.
    points: Vec<Done>,
}

/// A finished grid point.
#[derive(Clone, Debug, Serialize)]
struct Done {
    /// The value of each swept key.
    settings: Map<String, Value>,
    /// The run's folder.
    run: String,
    /// `finished`, or `diverged` without any figures.
    status: Status,
    /// On the test images.
    test: Option<Figures>,
    /// On the same images.
    baselines: Option<Baselines>,
    /// The error of PCA, where it is a yardstick.
    #[serde(skip)]
    pca: Option<f64>,
}

pub fn run(args: &SweepArgs) -> Result<u8> {
    let path = config_of(&args.train)?;
    let mut sweep = config::load_sweep(path, &args.train.overrides())?;
    if args.train.strict.strict {
        sweep
            .points
            .iter_mut()
            .for_each(|point| point.located.config.data.be_strict());
    }
    if args.train.no_cache {
        sweep
            .points
            .iter_mut()
            .for_each(|point| point.located.config.data.be_uncached());
    }
    let name = match &args.train.name {
        Some(name) => checked_name(name)?,
        None => name_of(path),
    };
    let folder = args.train.runs.runs.join(&name);
    if sweep.one_split && plan::has_split_of_each_seed(&sweep, &folder)? {
        sweep.split_each();
        terminal::note(&format!(
            "note: {}: was started with a split for each seed, so its figures are of different images; for one split, \
             choose another --name",
            folder.display()
        ));
    }
    let planned = plan::plan(&sweep, &folder, args.train.quick, args.train.backend.force)?;
    if args.dry_run {
        return plan::list(&folder, &planned, args.train.output.json);
    }
    for plan::Planned { kept, .. } in &planned {
        fetch::images(&kept.located, args.train.quick, args.train.output.quiet)?;
    }
    let plots = folder.join("plots");
    std::fs::create_dir_all(&plots)
        .with_context(|| format!("{}: cannot be made", plots.display()))?;
    let _lock = run::lock(&folder, "is doing this sweep")?;
    interrupt::listen();

    let mut report = Report {
        status: Status::Running,
        quick: args.train.quick,
        runs: planned.len(),
        points: Vec::new(),
    };
    let file = folder.join("sweep.json");
    let count = planned.len();
    for (number, point) in planned.iter().enumerate() {
        files::write_json(&file, &report)?;
        let done = match finished(point)? {
            Some(done) => Some(done),
            None => {
                if !args.train.output.quiet {
                    let text = format!("run {} of {count}: {}", number + 1, point.kept.name());
                    terminal::note(&text);
                }
                let quiet = args.train.output.quiet;
                let display = |steps, done| Display::new(quiet, steps, done);
                kept::train(&point.kept, display)?
                    .then(|| finished(point))
                    .transpose()?
                    .flatten()
            }
        };
        report.points.extend(done);
        if interrupt::requested() && number + 1 < count || report.points.len() <= number {
            report.status = Status::Interrupted;
            files::write_json(&file, &report)?;
            if args.train.output.json {
                terminal::print_json(&report)?;
            }
            if !args.train.output.quiet {
                terminal::note("saved; continue with the same command");
            }
            return Ok(interrupt::EXIT_CODE);
        }
    }
    report.status = Status::Finished;
    files::write_json(&file, &report)?;
    conclude(&sweep, &report, &folder, &name, args)
}

/// The result of a point, if it is finished.
fn finished(point: &plan::Planned) -> Result<Option<Done>> {
    let Some((_, summary)) = point.kept.ended()? else {
        return Ok(None);
    };
    let status = match summary {
        Some(_) => Status::Finished,
        None => Status::Diverged,
    };
    let pca = (summary.as_ref()).and_then(|it| Some(it.measured().yardstick()?.mse));
    let (test, baselines) = summary.map(|it| (it.test, it.baselines)).unzip();
    Ok(Some(Done {
        settings: point.settings.clone(),
        run: point.kept.folder.display().to_string(),
        status,
        test,
        baselines,
        pca,
    }))
}

/// Prints the table or the report, and draws the curve.
fn conclude(
    sweep: &Sweep,
    report: &Report,
    folder: &Path,
    name: &str,
    args: &SweepArgs,
) -> Result<u8> {
    let finished = report.points.iter().filter(|it| it.test.is_some());
    let runs: Vec<PathBuf> = finished.map(|it| PathBuf::from(&it.run)).collect();
    #[cfg(feature = "report")]
    let drawn = match curve_of(&sweep.keys, &report.points) {
        // A mean over different images says nothing about what was swept.
        Some(_) if !same_test_images(&runs)? => {
            terminal::note(
                "note: no curve is drawn, because the runs were tested on different images",
            );
            ""
        }
        Some(curve) => {
            curve.write(&format!("Sweep of {name}"), &folder.join("plots"))?;
            ", plots/curve.svg, plots/curve.csv"
        }
        None => "",
    };
    #[cfg(not(feature = "report"))]
    let drawn = "";
    if args.train.output.json {
        terminal::print_json(report)?;
    } else if !runs.is_empty() {
        terminal::print(&compare::table_of(&runs, folder)?)?;
    }
    if !args.train.output.quiet {
        terminal::note(&format!(
            "results in {}: sweep.json{drawn}",
            folder.display()
        ));
    }
    let diverged = report.points.iter().filter(|it| it.test.is_none()).count();
    if diverged > 0 {
        terminal::note(&format!(
            "error: {}: {diverged} of {} runs diverged; the others are finished",
            folder.display(),
            report.runs
        ));
        return Ok(DIVERGED);
    }
    Ok(DONE)
}

/// Whether runs were tested on the same images.
#[cfg(feature = "report")]
fn same_test_images(runs: &[PathBuf]) -> Result<bool> {
    let mut digests = Vec::new();
    for run in runs {
        let environment: Environment = files::read_json(&run.join("env.json"), LARGEST_JSON)?;
        digests.push(environment.test_sha256);
    }
    digests.dedup();
    Ok(digests.len() < 2)
}

/// The test error over the single key that is swept besides the seed, if its values are numbers.
#[cfg(feature = "report")]
fn curve_of(keys: &[String], points: &[Done]) -> Option<Curve> {
    let mut keys = keys.iter().filter(|key| *key != "seed");
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let mut groups: Vec<(f64, Vec<&Done>)> = Vec::new();
    for point in points {
        let value = point.settings.get(key)?.as_f64()?;
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, group)) => group.push(point),
            None => groups.push((value, vec![point])),
        }
    }
    groups.sort_by(|a, b| a.0.total_cmp(&b.0));
    let is_code = key.ends_with("code_size");
    let points: Vec<curve::Point> = groups
        .into_iter()
        .filter_map(|(value, group)| {
            let errors = || {
                group
                    .iter()
                    .filter_map(|it| it.test.as_ref())
                    .map(|it| it.mse)
            };
            let Spread { mean, sd } = Spread::of(errors());
            let pca = || group.iter().find_map(|it| it.pca);
            let pca = is_code.then(pca).flatten();
            let runs = errors().count();
            // All runs may have diverged.
            (runs > 0).then_some(curve::Point {
                value,
                runs,
                mean,
                sd,
                pca,
            })
        })
        .collect();
    let key = key.clone();
    (points.len() > 1).then_some(Curve { key, points })
}
