//! One class at a time: trains a model on the pictures of each label alone, and tests how well it tells
//! that label's test pictures from all others.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{DIVERGED, DONE, UsageError, analysed, train};
use crate::cli::AnomalyArgs;
use crate::commands::train::watched;
use crate::interrupt;
use crate::progress::Display;
use crate::terminal;
use hourglass::Outcome;
use hourglass::analysis::anomaly::{PREPROCESSING, Score, squared_errors};
use hourglass::analysis::roc::auroc;
use hourglass::config;
use hourglass::run::checkpoint::{self, Progress};
use hourglass::run::{Run, Status};
use hourglass::setup::Setup;

/// How well one label is told from the others.
#[derive(Debug, Serialize)]
struct Class {
    normal: u8,
    /// Number of pictures that the model was trained on.
    train_images: usize,
    auroc: f64,
    /// The same for PCA of the same code size, fitted on the same pictures.
    pca: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Baselines {
    /// Mean over the classes.
    pca: Option<f64>,
}

/// `analysis/anomaly.json` of a `--one-class` run.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    test_images: usize,
    kind: String,
    code_size: usize,
    preprocessing: &'static str,
    /// `mse` or `relative`, for the model and for PCA.
    score: &'static str,
    classes: Vec<Class>,
    mean_auroc: f64,
    baselines: Baselines,
}

pub fn run(args: &AnomalyArgs) -> Result<u8> {
    if args.normal.is_some() || args.other.is_some() {
        let text = "--normal and --other cannot be used with --one-class, which takes each label of \
                    the config's data in turn";
        return Err(UsageError(text.into()).into());
    }
    let located = config::load(&args.target, &args.overrides())?;
    let name = match &args.name {
        Some(name) => train::checked_name(name)?,
        None => format!("{}-one-class", train::name_of(&args.target)),
    };
    let setup = Setup::to_start(located, args.quick)?;
    let labels = labels(&setup)?;
    let mut state = Progress::default().state(Status::Running);
    let run = Run::start(&setup, &args.runs.runs, &name)?;
    let _lock = run.lock()?;
    interrupt::listen();
    let display = Display::new(args.output.quiet, labels.len(), 0);
    let mut classes = Vec::with_capacity(labels.len());
    for (done, &label) in labels.iter().enumerate() {
        display.message(format!("label {label}"));
        let started = Instant::now();
        let (status, code) = match class(&setup, &run, label, args.score.into()) {
            Ok(Found::Class(class)) => {
                display.step(done + 1);
                display.line(&format!(
                    "label {label}: auroc {:.4}, PCA {}  {:.1} s",
                    class.auroc,
                    analysed::figure(class.pca),
                    started.elapsed().as_secs_f64()
                ));
                classes.push(class);
                continue;
            }
            Ok(Found::Interrupted) => (Status::Interrupted, interrupt::EXIT_CODE),
            Ok(Found::Diverged) => {
                terminal::note(&format!(
                    "error: {name}: diverged: the loss for label {label} is not finite; try a smaller \
                     train.learning_rate, or set train.clip_norm"
                ));
                (Status::Diverged, DIVERGED)
            }
            Err(error) => {
                state.status = Status::Failed;
                state.message = Some(format!("label {label}: {error:#}"));
                // The first error is the one to report.
                let _ = run.write_json("state.json", &state);
                return Err(error.context(format!("label {label}")));
            }
        };
        display.finish();
        state.status = status;
        run.write_json("state.json", &state)?;
        return Ok(code);
    }
    display.finish();
    let mean = |figures: Vec<f64>| {
        let count = figures.len() as f64;
        (count > 0.0).then(|| figures.iter().sum::<f64>() / count)
    };
    let report = Report {
        run: run.folder().display().to_string(),
        data: setup.dataset.clone(),
        test_images: setup.test.len(),
        kind: setup.config.model.kind(),
        code_size: setup.layers.code_size(),
        preprocessing: PREPROCESSING,
        score: Score::from(args.score).name(),
        mean_auroc: mean(classes.iter().map(|class| class.auroc).collect()).unwrap_or_default(),
        baselines: Baselines {
            pca: mean(classes.iter().filter_map(|class| class.pca).collect()),
        },
        classes,
    };
    analysed::finish(&run, "anomaly", &report, &table(&report), args.output.json)?;
    state.status = Status::Finished;
    run.write_json("state.json", &state)?;
    display.line(&format!("results in {}: analysis/anomaly.json", report.run));
    Ok(DONE)
}

/// The labels that both training and test pictures have.
fn labels(setup: &Setup) -> Result<Vec<u8>> {
    let (Some(train), Some(test)) = (setup.train.labels(), setup.test.labels()) else {
        bail!(
            "{}: no labels found; --one-class needs labelled pictures, such as mnist or a folder of \
             IDX files with labels",
            setup.dataset
        );
    };
    let split = setup.split.train.iter();
    let trained = split.filter_map(|&index| train.get(index as usize).copied());
    let mut labels: Vec<u8> = trained.filter(|label| test.contains(label)).collect();
    labels.sort_unstable();
    labels.dedup();
    let several = test.iter().any(|label| Some(label) != test.first());
    if labels.is_empty() || !several {
        bail!(
            "{}: all test pictures have the same label; --one-class needs two or more labels",
            setup.dataset
        );
    }
    Ok(labels)
}

/// How one class ended.
enum Found {
    Class(Class),
    Interrupted,
    Diverged,
}

/// Trains on one label and scores all test pictures. The training leaves nothing behind, because a
/// run on some of the pictures could not be repeated from its config.
fn class(setup: &Setup, run: &Run, label: u8, score: Score) -> Result<Found> {
    let only = setup.only(label)?;
    let folder = tempfile::Builder::new()
        .prefix(".class-")
        .tempdir_in(run.folder())
        .with_context(|| format!("{}: cannot be written", run.folder().display()))?;
    let inner = Run::start(&only, folder.path(), "class")?;
    match watched(&only, &inner, None, &Display::new(true, only.steps(), 0))? {
        Outcome::Finished(_) => {}
        Outcome::Interrupted => return Ok(Found::Interrupted),
        Outcome::Diverged(_) => return Ok(Found::Diverged),
    }
    let device = &only.backend.device;
    let model = checkpoint::read_best(&inner)?.model(device)?;
    let all: Vec<u32> = (0..setup.test.len() as u32).collect();
    let errors = squared_errors(&model, device, &setup.test, &all)?;
    let by_model = score.of(&errors, &setup.test, &all);
    let pca = analysed::pca(&only.train, setup.layers.code_size())?;
    let by_pca = match pca {
        Some(pca) => {
            let errors = pca.errors(setup.test.pixels())?;
            Some(score.of(&errors, &setup.test, &all))
        }
        None => None,
    };
    let labels = setup.test.labels().unwrap_or_default();
    let area = |scores: &[f64]| {
        let of = |wanted: bool| -> Vec<f64> {
            let pairs = scores.iter().zip(labels);
            pairs
                .filter(|(_, found)| (**found == label) == wanted)
                .map(|(score, _)| *score)
                .collect()
        };
        auroc(&of(true), &of(false))
    };
    let auroc = area(&by_model).context("all test pictures have the same label")?;
    Ok(Found::Class(Class {
        normal: label,
        train_images: only.split.train.len(),
        auroc,
        pca: by_pca.as_deref().and_then(area),
    }))
}

fn table(report: &Report) -> comfy_table::Table {
    let mut rows: Vec<Vec<String>> = report
        .classes
        .iter()
        .map(|class| {
            vec![
                class.normal.to_string(),
                class.train_images.to_string(),
                analysed::figure(Some(class.auroc)),
                analysed::figure(class.pca),
            ]
        })
        .collect();
    rows.push(vec![
        "mean".into(),
        String::new(),
        analysed::figure(Some(report.mean_auroc)),
        analysed::figure(report.baselines.pca),
    ]);
    let auroc = format!("auroc, {} code {}", report.kind, report.code_size);
    analysed::table(&["normal", "trained on", &auroc, "auroc, PCA"], rows)
}
