//! One class at a time: trains a model on the pictures of each label alone, and tests how well it tells
//! that label's test pictures from all others.
//!
//! Like a sweep it may be stopped or killed at any moment: labels that are done are kept in the run's folder, and the
//! label in progress is a run within it, which goes on where it stopped.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::{DIVERGED, DONE, UsageError, analysed, train};
use crate::cli::{AnomalyArgs, OutputArgs, ResumeArgs};
use crate::commands::train::watched;
use crate::progress::Display;
use crate::{fetch, interrupt, terminal};
use hourglass::Outcome;
use hourglass::analysis::one_class::{self, Class, FILE, Kept, Report};
use hourglass::analysis::scoring::Method;
use hourglass::config::{self, Located, Override};
use hourglass::files;
use hourglass::run::checkpoint::{self, Progress};
use hourglass::run::environment::Environment;
use hourglass::run::resumed::Resumed;
use hourglass::run::{Run, Status, kept};
use hourglass::setup::Setup;

pub fn run(args: &AnomalyArgs) -> Result<u8> {
    if args.normal.is_some() || args.other.is_some() {
        let text = "--normal and --other cannot be used with --one-class, which takes each label of \
                    the config's data in turn";
        return Err(UsageError(text.into()).into());
    }
    let mut located = config::load(&args.target, &args.overrides())?.with_force(args.backend.force);
    if args.strict.strict {
        located.config.data.be_strict();
    }
    let name = match &args.name {
        Some(name) => train::checked_name(name)?,
        None => format!("{}-one-class", train::name_of(&args.target)),
    };
    let score = args.score;
    let runs = &args.runs.runs;
    if let Some(run) = begun(runs, &name, &located, args.quick, score)? {
        return go_on(&run, None, &args.output);
    }
    fetch::images(&located, args.quick, args.output.quiet)?;
    let setup = Setup::to_start(located, args.quick)?;
    one_class::labels(&setup)?;
    let classes = Vec::new();
    let kept = Kept { score, classes };
    let run = Run::start_with(&setup, runs, &name, Some((FILE, &kept)))?;
    let _lock = run.lock()?;
    all(&setup, &run, kept, &args.output)
}

/// Continues a run of one model for each label; `None` if `run` is another one.
pub fn resume(run: &Run, args: &ResumeArgs) -> Result<Option<u8>> {
    let folder = run.folder().display();
    if !run.path(FILE).is_file() {
        let environment: Environment = run.read_json("env.json")?;
        if environment.command.iter().any(|word| word == "--one-class") {
            let text = format!(
                "{folder}: has one model for each label, of which version 0.1.0 kept none; give \
                 hourglass anomaly CONFIG --one-class again"
            );
            return Err(UsageError(text).into());
        }
        return Ok(None);
    }
    if let Some(set) = args.set.first() {
        let text = format!(
            "--set {set}: the labels would have different trainings; use hourglass anomaly CONFIG --one-class \
             --set {set}"
        );
        return Err(UsageError(text).into());
    }
    go_on(run, args.backend.backend.as_deref(), &args.output).map(Some)
}

/// The first run of this name that has begun the same and is not finished.
fn begun(
    runs: &Path,
    name: &str,
    located: &Located,
    quick: bool,
    score: Method,
) -> Result<Option<Run>> {
    for number in 1.. {
        let folder = match number {
            1 => runs.join(name),
            _ => runs.join(format!("{name}-{number}")),
        };
        if !folder.exists() {
            break;
        }
        if !folder.join(FILE).is_file() {
            continue;
        }
        let run = Run::open(&folder, runs)?;
        let kept: Kept = run.read_json(FILE)?;
        let ended = run.state()?.status == Status::Finished;
        if !ended && kept.score == score && kept::difference(&run, located, quick)?.is_none() {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// Continues a run where it stopped.
fn go_on(run: &Run, backend: Option<&str>, output: &OutputArgs) -> Result<u8> {
    let _lock = run.lock()?;
    let environment: Environment = run.read_json("env.json")?;
    let kept: Kept = run.read_json(FILE)?;
    let backend = backend.unwrap_or(&environment.backend);
    let backend = Override::flag("--backend", "backend", backend);
    let located = config::load(&run.path("config.json"), &[backend])?;
    fetch::images(&located, environment.quick, output.quiet)?;
    let setup = Setup::to_start(located, environment.quick)?;
    environment.check_data(&setup)?;
    clean_up(run, &kept);
    let done = kept.classes.len();
    if !output.quiet && run.state()?.status != Status::Finished {
        let folder = run.folder().display();
        terminal::note(&format!(
            "{folder}: {done} labels are done, and the others follow"
        ));
    }
    all(&setup, run, kept, output)
}

/// Removes what a killed process left of labels that are done. Only call this with the lock held.
fn clean_up(run: &Run, kept: &Kept) {
    run.remove_drafts();
    for entry in fs::read_dir(run.folder()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let done = kept.classes.iter().any(|class| name == inner(class.normal));
        if done || name.starts_with(files::NEW) {
            // It does no harm if it stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder of a label in progress.
fn inner(label: u8) -> String {
    format!("label-{label}")
}

/// Trains and scores the labels that are not done yet, and reports all.
fn all(setup: &Setup, run: &Run, mut kept: Kept, output: &OutputArgs) -> Result<u8> {
    let labels = one_class::labels(setup)?;
    let mut state = Progress::default().state(Status::Running);
    run.write_json("state.json", &state)?;
    interrupt::listen();
    let display = Display::of(output.quiet, "label", labels.len(), kept.classes.len());
    let folder = run.folder().display();
    for (number, &label) in labels.iter().enumerate() {
        if kept.classes.iter().any(|class| class.normal == label) {
            continue;
        }
        let name = setup.test.class_name(label);
        display.message(format!("label {name}"));
        let started = Instant::now();
        let stopped = number > 0 && interrupt::requested();
        let found = match stopped {
            true => Ok(Found::Interrupted),
            false => class(setup, run, label, kept.score),
        };
        let (status, code) = match found {
            Ok(Found::Class(class)) => {
                kept.classes.push(class);
                run.write_json(FILE, &kept)?;
                clean_up(run, &kept);
                display.step(number + 1);
                display.line(&format!(
                    "label {name}: auroc {:.4}, PCA {}  {:.1} s",
                    class.auroc,
                    analysed::figure(class.pca),
                    started.elapsed().as_secs_f64()
                ));
                continue;
            }
            Ok(Found::Interrupted) => {
                display.line(&format!("saved; continue with: hourglass resume {folder}"));
                (Status::Interrupted, interrupt::EXIT_CODE)
            }
            Ok(Found::Diverged) => {
                terminal::note(&format!(
                    "error: {folder}: diverged: the loss for label {name} is not finite; try a smaller \
                     train.learning_rate, or set train.clip_norm"
                ));
                (Status::Diverged, DIVERGED)
            }
            Err(error) => {
                state.status = Status::Failed;
                state.message = Some(format!("label {name}: {error:#}"));
                // The first error is the one to report.
                let _ = run.write_json("state.json", &state);
                return Err(error.context(format!("label {name}")));
            }
        };
        display.finish();
        state.status = status;
        run.write_json("state.json", &state)?;
        if output.json {
            terminal::print_json(&state)?;
        }
        return Ok(code);
    }
    display.finish();
    let report = Report::new(folder.to_string(), setup, kept.score, kept.classes);
    analysed::finish(run, "anomaly", &report, &table(&report), output.json)?;
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

/// Trains on one label, or goes on with that, and scores all test pictures. The training is removed once its label is
/// done, because a run on some of the pictures could not be repeated from its config.
fn class(setup: &Setup, run: &Run, label: u8, score: Method) -> Result<Found> {
    let only = setup.only(label)?;
    let pictures = only.train.clone();
    let folder = run.path(&inner(label));
    let is_new = !folder.is_dir();
    let inner = match is_new {
        true => Run::start(&only, run.folder(), &inner(label))?,
        false => Run::open(&folder, run.folder())?,
    };
    let lock = inner.lock()?;
    let Resumed {
        setup: only,
        from,
        holes,
    } = match is_new {
        true => Resumed {
            setup: only,
            from: None,
            holes: Vec::new(),
        },
        false => Resumed::with(&inner, |_, _| Ok(only))?,
    };
    terminal::warn_of_holes(&holes);
    let display = Display::new(true, only.steps(), 0);
    match watched(&only, (&inner, &lock), from.as_ref(), &display)? {
        Outcome::Finished(_) => {}
        Outcome::Interrupted => return Ok(Found::Interrupted),
        Outcome::Diverged(_) => return Ok(Found::Diverged),
    }
    let model = checkpoint::read_best(&inner)?.model(&only.backend.device)?;
    let pca = analysed::pca(&pictures, setup.layers.code_size())?;
    let class = one_class::measure(setup, (label, &only), &model, pca.as_ref(), score)
        .with_context(|| inner.folder().display().to_string())?;
    Ok(Found::Class(class))
}

fn table(report: &Report) -> crate::table::Table {
    let mut rows: Vec<Vec<String>> = report
        .classes
        .iter()
        .map(|class| {
            vec![
                match report.class_names.get(usize::from(class.normal)) {
                    Some(name) => name.clone(),
                    None => class.normal.to_string(),
                },
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
