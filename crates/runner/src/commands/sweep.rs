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
use crate::{interrupt, terminal};
use hourglass::comparison::Spread;
use hourglass::config::{self, Sweep};
use hourglass::files;
use hourglass::measure::evaluation::Baselines;
use hourglass::measure::metrics::Figures;
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
    let name = match &args.train.name {
        Some(name) => checked_name(name)?,
        None => name_of(path),
    };
    let folder = args.train.runs.runs.join(&name);
    let planned = plan::plan(&sweep, &folder, args.train.quick)?;
    if args.dry_run {
        return plan::list(&folder, &planned, args.train.output.json);
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
    let (test, baselines) = summary.map(|it| (it.test, it.baselines)).unzip();
    Ok(Some(Done {
        settings: point.settings.clone(),
        run: point.kept.folder.display().to_string(),
        status,
        test,
        baselines,
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
    #[cfg(feature = "report")]
    let drawn = match curve_of(&sweep.keys, &report.points) {
        Some(curve) => {
            curve.write(&format!("Sweep of {name}"), &folder.join("plots"))?;
            ", plots/curve.svg, plots/curve.csv"
        }
        None => "",
    };
    #[cfg(not(feature = "report"))]
    let drawn = "";
    let finished = report.points.iter().filter(|it| it.test.is_some());
    let runs: Vec<PathBuf> = finished.map(|it| PathBuf::from(&it.run)).collect();
    if args.train.output.json {
        terminal::print_json(report)?;
    } else if !runs.is_empty() {
        terminal::print(&compare::table_of(&runs)?)?;
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
            let pca = || group.iter().find_map(|it| it.baselines.as_ref()?.pca);
            let pca = is_code.then(pca).flatten().map(|pca| pca.mse);
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
