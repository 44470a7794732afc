//! Sweeping: a training for each point of a grid, one after the other in one folder, and a table
//! and a curve of what came of them.
//!
//! Each point is an ordinary run. Given again, the same command keeps the runs that are finished
//! and goes on with the others, so a sweep may be stopped or killed at any moment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Map, Value};

use super::compare::{self, Spread};
use super::train::{checked_name, config_of, name_of, new_run};
use super::{DIVERGED, DONE, resume};
use crate::checkpoint;
use crate::cli::SweepArgs;
use crate::config::{self, Sweep};
use crate::curve::{self, Curve};
use crate::environment::{Environment, Resumption};
use crate::evaluation::Baselines;
use crate::metrics::Figures;
use crate::progress::Display;
use crate::run::{self, Run, Status};
use crate::setup::Setup;
use crate::summary::Summary;
use crate::train::{self, Outcome};
use crate::{interrupt, terminal};

mod plan;

/// `sweep.json`.
#[derive(Debug, Serialize)]
struct Report {
    /// How the sweep stands.
    status: Status,
    /// Whether its runs are `--quick` ones, whose figures mean nothing.
    quick: bool,
    /// Points of the grid.
    runs: usize,
    /// Those that are done, in the order of the grid.
    points: Vec<Done>,
}

/// A point that is done.
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
    let sweep = config::load_sweep(path, &args.train.overrides())?;
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
        run::write_json(&file, &report)?;
        let done = match finished(point)? {
            Some(done) => Some(done),
            None => {
                if !args.train.output.quiet {
                    let text = format!("run {} of {count}: {}", number + 1, point.name());
                    terminal::note(&text);
                }
                train(point, args)?
                    .then(|| finished(point))
                    .transpose()?
                    .flatten()
            }
        };
        report.points.extend(done);
        if interrupt::requested() && number + 1 < count || report.points.len() <= number {
            report.status = Status::Interrupted;
            run::write_json(&file, &report)?;
            if args.train.output.json {
                terminal::print_json(&report)?;
            }
            if !args.train.output.quiet {
                terminal::note("saved; to go on: the same command again");
            }
            return Ok(interrupt::EXIT_CODE);
        }
    }
    report.status = Status::Finished;
    run::write_json(&file, &report)?;
    conclude(&sweep, &report, &folder, &name, args)
}

/// What a point came to, where it is done.
fn finished(point: &plan::Planned) -> Result<Option<Done>> {
    if !point.folder.is_dir() {
        return Ok(None);
    }
    let run = Run::open(&point.folder, Path::new("."))?;
    let status = run.state()?.status;
    let summary: Option<Summary> = match status {
        Status::Finished => Some(run.read_json("summary.json")?),
        Status::Diverged => None,
        Status::Running | Status::Interrupted | Status::Failed => return Ok(None),
    };
    let (test, baselines) = summary.map(|it| (it.test, it.baselines)).unzip();
    Ok(Some(Done {
        settings: point.settings.clone(),
        run: point.folder.display().to_string(),
        status,
        test,
        baselines,
    }))
}

/// Trains a point's run from its start or from where it stopped; whether it came to its end.
fn train(point: &plan::Planned, args: &SweepArgs) -> Result<bool> {
    let quick = args.train.quick;
    let mut located = point.located.clone();
    let (setup, run, from, _lock) = match &point.run {
        None => {
            let setup = Setup::to_start(located, quick)?;
            let runs = point.folder.parent().unwrap_or(Path::new("."));
            let name = point.folder.file_name().unwrap_or_default();
            let run = new_run(&setup, runs, &name.to_string_lossy())?;
            if run.folder() != point.folder {
                bail!("{}: another process made this run", point.folder.display());
            }
            let lock = run.lock()?;
            (setup, run, None, lock)
        }
        Some(run) => {
            let lock = run.lock()?;
            let mut environment: Environment = run.read_json("env.json")?;
            // With the backend that its figures came from so far.
            let backend = Value::String(environment.backend.clone());
            located.config.backend = serde_json::from_value(backend).with_context(|| {
                format!(
                    "{}: not as this program writes it",
                    run.path("env.json").display()
                )
            })?;
            checkpoint::settle(run)?;
            let from = checkpoint::read(run, "last")?;
            let setup = resume::setup(located, quick, from.as_ref())?;
            resume::check(run, &setup, &environment, from.as_ref())?;
            run.remove_drafts();
            environment.resumed.push(Resumption::new(&setup.backend));
            run.write_json("env.json", &environment)?;
            (setup, run.clone(), from, lock)
        }
    };
    let steps = (from.as_ref()).map_or(0, |it| setup.steps_made(&it.meta.progress));
    let display = Display::new(args.train.output.quiet, setup.steps(), steps);
    match train::train(&setup, &run, from.as_ref(), &display)? {
        Outcome::Finished(_) => Ok(true),
        Outcome::Interrupted => Ok(false),
        Outcome::Diverged => {
            let message = run.state()?.message.unwrap_or_default();
            terminal::note(&format!("{}: diverged: {message}", run.folder().display()));
            Ok(true)
        }
    }
}

/// Prints the table or the report, and draws the curve.
fn conclude(
    sweep: &Sweep,
    report: &Report,
    folder: &Path,
    name: &str,
    args: &SweepArgs,
) -> Result<u8> {
    let curve = curve_of(&sweep.keys, &report.points);
    if let Some(curve) = &curve {
        curve.write(&format!("Sweep of {name}"), &folder.join("plots"))?;
    }
    let finished = report.points.iter().filter(|it| it.test.is_some());
    let runs: Vec<PathBuf> = finished.map(|it| PathBuf::from(&it.run)).collect();
    if args.train.output.json {
        terminal::print_json(report)?;
    } else if !runs.is_empty() {
        terminal::print(&compare::table_of(&runs)?)?;
    }
    if !args.train.output.quiet {
        let curve = curve.map_or("", |_| ", plots/curve.svg, plots/curve.csv");
        terminal::note(&format!(
            "results in {}: sweep.json{curve}",
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

/// The test error over the one key that is swept besides the seed, where its values are numbers.
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
            // All of them may have diverged.
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
