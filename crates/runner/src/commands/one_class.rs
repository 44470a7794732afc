//! One class at a time: trains a model on the pictures of each label alone, and tests how well it tells
//! that label's test pictures from all others.

use std::time::Instant;

use anyhow::{Context, Result};

use super::{DIVERGED, DONE, UsageError, analysed, train};
use crate::cli::AnomalyArgs;
use crate::commands::train::watched;
use crate::interrupt;
use crate::progress::Display;
use crate::terminal;
use hourglass::Outcome;
use hourglass::analysis::anomaly::Score;
use hourglass::analysis::one_class::{self, Class, Report};
use hourglass::config;
use hourglass::run::checkpoint::{self, Progress};
use hourglass::run::{Run, Status};
use hourglass::setup::Setup;

pub fn run(args: &AnomalyArgs) -> Result<u8> {
    if args.normal.is_some() || args.other.is_some() {
        let text = "--normal and --other cannot be used with --one-class, which takes each label of \
                    the config's data in turn";
        return Err(UsageError(text.into()).into());
    }
    let mut located = config::load(&args.target, &args.overrides())?;
    if args.strict.strict {
        located.config.data.be_strict();
    }
    let name = match &args.name {
        Some(name) => train::checked_name(name)?,
        None => format!("{}-one-class", train::name_of(&args.target)),
    };
    let setup = Setup::to_start(located, args.quick)?;
    let labels = one_class::labels(&setup)?;
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
    let folder = run.folder().display().to_string();
    let report = Report::new(folder, &setup, args.score.into(), classes);
    analysed::finish(&run, "anomaly", &report, &table(&report), args.output.json)?;
    state.status = Status::Finished;
    run.write_json("state.json", &state)?;
    display.line(&format!("results in {}: analysis/anomaly.json", report.run));
    Ok(DONE)
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
    let model = checkpoint::read_best(&inner)?.model(&only.backend.device)?;
    let pca = analysed::pca(&only.train, setup.layers.code_size())?;
    let normal = (label, only.split.train.len());
    let class = one_class::measure(setup, normal, &model, pca.as_ref(), score)?;
    Ok(Found::Class(class))
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
