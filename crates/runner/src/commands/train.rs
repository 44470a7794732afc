//! Training: from a config to a run.

use std::path::Path;

use anyhow::Result;
use data::{Warning, counted};
use hourglass::config::DataConfig;
use hourglass::fields::Form;
use hourglass::measure::summary;
use hourglass::pictures::samples;
use hourglass::pictures::shown::Shown;
use hourglass::run::checkpoint::Checkpoint;
use hourglass::run::{Lock, RUNS};
use hourglass::train::outcome::Finished;
use hourglass::{Outcome, Run, Setup, Start, config};

use super::{DIVERGED, DONE, UsageError};
use crate::cli::{OutputArgs, TrainArgs};
use crate::progress::Display;
use crate::{fetch, half_block, interrupt, output, terminal, watch};

/// Steps below which no convolutional or dense model came near PCA on squares of photographs, in any training that was
/// tried: after 1,500 steps the best still had 1.3 times PCA's error, with the rate and gain that suited it best.
const ENOUGH_STEPS: usize = 1500;

/// Number of pictures shown on a terminal at the end.
const PICTURES: usize = 10;

pub fn run(args: &TrainArgs) -> Result<u8> {
    let path = config_of(args)?;
    let mut located = config::load(path, &args.overrides())?.with_force(args.backend.force);
    if args.strict.strict {
        located.config.data.be_strict();
    }
    if args.no_cache {
        located.config.data.be_uncached();
    }
    let name = match &args.name {
        Some(name) => checked_name(name)?,
        None => name_of(path),
    };
    fetch::images(&located, args.quick, args.output.quiet)?;
    let setup = Setup::to_start(located, args.quick)?;
    terminal::warn(&setup.warnings);
    let run = Run::start(&setup, &args.runs.runs, &name)?;
    let lock = run.lock()?;
    drive(&setup, (&run, &lock), None, &args.output)
}

/// The config that the command line names.
pub fn config_of(args: &TrainArgs) -> Result<&Path, UsageError> {
    args.config.as_deref().ok_or_else(|| {
        let text = "no config or command given; try configs/conv.json, or see hourglass --help";
        UsageError(text.into())
    })
}

/// Trains a run, whose lock is beside it, to its end, reports it and returns the exit code.
pub fn drive(
    setup: &Setup,
    (run, lock): (&Run, &Lock),
    from: Option<&Checkpoint>,
    output: &OutputArgs,
) -> Result<u8> {
    interrupt::listen();
    let done = from.map_or(0, |checkpoint| setup.steps_made(&checkpoint.meta.progress));
    let display = Display::new(output.quiet, setup.steps(), done);
    for line in about(setup, run) {
        display.line(&line);
    }
    let folder = run.folder().display();
    let outcome = watched(setup, (run, lock), from, &display)?;
    if let (true, Outcome::Interrupted | Outcome::Diverged(_)) = (output.json, &outcome) {
        terminal::print_json(&run.state()?)?;
    }
    match outcome {
        Outcome::Finished(finished) => {
            let summary = &finished.summary;
            if output.json {
                terminal::print_json(summary)?;
            } else {
                if !output.quiet && setup.test.fields().is_none() {
                    picture(setup, &finished)?;
                }
                terminal::say(&summary.measured().table(terminal::width()))?;
            }
            let last = samples::name(summary.epochs);
            let drawn = match cfg!(feature = "report") {
                true => "report.html, summary.json, plots/loss.svg",
                false => "summary.json",
            };
            let last = match setup.test.fields() {
                Some(_) => String::new(),
                None => format!(", {last}"),
            };
            display.line(&format!("results in {folder}: {drawn}{last}"));
            next(setup, run).iter().for_each(|line| display.line(line));
            Ok(DONE)
        }
        Outcome::Interrupted => {
            display.line(&format!("saved; continue with: hourglass resume {folder}"));
            Ok(interrupt::EXIT_CODE)
        }
        Outcome::Diverged(message) => {
            terminal::note(&format!(
                "error: {folder}: diverged: {message}; the last good checkpoint is kept; \
                 try a smaller train.learning_rate, or set train.clip_norm"
            ));
            Ok(DIVERGED)
        }
    }
}

/// Trains a run, whose lock is beside it, to its end, watched by all that this program has.
///
/// # Errors
/// As [`hourglass::train()`].
pub fn watched(
    setup: &Setup,
    (run, lock): (&Run, &Lock),
    from: Option<&Checkpoint>,
    display: &Display,
) -> hourglass::Result<Outcome> {
    let start = Start {
        from,
        lock: Some(lock),
        since: crate::started(),
        temporary: false,
    };
    let mut observers = watch::observers(&setup.config, display);
    let outcome = hourglass::train(setup, run, start, &mut observers);
    display.finish();
    outcome
}

/// The first test pictures and what the best weights make of them, where the terminal has colours.
fn picture(setup: &Setup, finished: &Finished) -> Result<()> {
    let Some(colours) = terminal::colours() else {
        return Ok(());
    };
    let indices: Vec<u32> = (0..setup.test.len().min(PICTURES) as u32).collect();
    let (device, seed) = (&setup.backend.device, setup.config.seed);
    let shown = Shown::of(&finished.model, device, &setup.test, &indices, seed)?;
    let columns = terminal::columns();
    match half_block::draw(&shown.stacks(), half_block::SIDE, columns, colours) {
        Some(picture) => {
            terminal::print_drawn(&format!("test pictures, {}\n{picture}", shown.words()))
        }
        None => Ok(()),
    }
}

/// Commands to try next, a line each.
fn next(setup: &Setup, run: &Run) -> [String; 3] {
    let folder = run.folder();
    let runs = folder.parent().unwrap_or(Path::new("."));
    let serve = match runs == Path::new(RUNS) {
        true => "hourglass serve".to_owned(),
        false => format!("hourglass serve --runs {}", output::word(runs)),
    };
    let run = output::word(folder);
    let restores = setup.config.model.kind().contains("denoising") && setup.test.frames() == 1;
    let more = match (setup.test.fields(), restores) {
        // The error of each column.
        (Some(_), _) => format!("hourglass evaluate {run}"),
        (None, true) => format!("hourglass restore {run} PICTURE -o DIR"),
        (None, false) => format!("hourglass plot {run}"),
    };
    [
        format!("next     {serve}"),
        format!("         hourglass compare {run} RUN"),
        format!("         {more}"),
    ]
}

/// The lines that say what is about to be trained, and where.
fn about(setup: &Setup, run: &Run) -> Vec<String> {
    let [channels, height, width] = setup.shape();
    let ratio = setup.layers.compression_ratio(setup.shape());
    let (samples, each) = match setup.train.fields() {
        Some(fields) => match Form::of(true, setup.shape()) {
            Form::Series => {
                let of = counted(fields.0.len(), "channel");
                let steps = counted(width, "step");
                (format!("windows of {steps}, {of}"), "test window")
            }
            _ => {
                let columns = counted(fields.0.len(), "column");
                let values = counted(channels, "value");
                (format!("rows of {columns} ({values})"), "test row")
            }
        },
        None if setup.train.frames() > 1 => {
            let frames = setup.train.frames();
            let height = height / frames;
            let each = format!("clips of {frames} frames of {channels}x{height}x{width}");
            (each, "test clip")
        }
        None => (format!("{channels}x{height}x{width} images"), "test image"),
    };
    let mut lines = vec![
        format!(
            "model    {}: {samples}, code of {} ({}), {}",
            setup.config.model.kind(),
            counted(setup.layers.code_size(), "value"),
            summary::compression(ratio),
            counted(setup.parameters(), "parameter")
        ),
        format!(
            "data     {}: {} training, {} validation, {}{}{}",
            setup.dataset,
            setup.split.train.len(),
            setup.split.validation.len(),
            counted(setup.test.len(), each),
            left_out(setup),
            if setup.quick {
                " (--quick: the figures are meaningless)"
            } else {
                ""
            }
        ),
        format!(
            "backend  {} on {}",
            setup.backend.name, setup.backend.adapter
        ),
        format!("run      {}", run.folder().display()),
    ];
    if let Some(classes) = data::Images::by_class(&[&setup.train, &setup.test]) {
        lines.insert(2, format!("labels   {}", terminal::one_line(&classes)));
    }
    lines.extend(unlikely(setup));
    if setup.train.fields().is_none() && setup.train.frames() == 1 {
        lines.extend(super::drawn_channels(setup.shape()));
    }
    if let Some(pretrained) = &setup.pretrained {
        lines.insert(1, format!("init     {}", pretrained.words()));
    }
    lines
}

/// What to know before a model learns a code of photographs in few steps: PCA of them is hard to beat.
fn unlikely(setup: &Setup) -> Option<String> {
    let config = &setup.config;
    let folder = match &config.data {
        DataConfig::Images { dir, .. } => output::word(dir),
        DataConfig::Photos { .. } => "FOLDER".into(),
        _ => return None,
    };
    let steps = setup.steps();
    let learns_a_code =
        config.model.damages().is_empty() && setup.layers.from_components().is_empty();
    let is_cut = setup.preparation.patch().is_some();
    (learns_a_code && is_cut && steps < ENOUGH_STEPS && !setup.quick).then(|| {
        format!(
            "note     {} are too few for this model to come near PCA on squares of photographs; the kind \"linear\" starts \
             as good as PCA: hourglass init {folder}",
            counted(steps, "training step")
        )
    })
}

/// How many files of the data could not be read, or nothing if all could.
fn left_out(setup: &Setup) -> String {
    let skipped = |warning: &&Warning| matches!(warning, Warning::Skipped { .. });
    match setup.warnings.iter().filter(skipped).count() {
        0 => String::new(),
        count => format!("; {} skipped", counted(count, "file")),
    }
}

/// The name that a config gives its run: that of the file, or of the run whose config it is, without what no `--name`
/// may have.
pub fn name_of(config: &Path) -> String {
    let folder = config
        .parent()
        .filter(|folder| folder.join("state.json").is_file());
    let named = match (folder, config.file_name()) {
        (Some(folder), Some(name)) if name == "config.json" => folder.file_name(),
        _ => config.file_stem(),
    };
    let name = named.unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches(['.', '-']);
    match name.is_empty() {
        true => "run".into(),
        false => name.replace(bad, "_"),
    }
}

/// Checks that a `--name` makes a folder directly inside the folder of runs.
pub fn checked_name(name: &str) -> Result<String, UsageError> {
    if name.starts_with('-') {
        let text = format!("--name: found {name:?}; use a name that does not start with a dash");
        return Err(UsageError(text));
    }
    if name.is_empty() || name.starts_with('.') || name.contains(bad) {
        return Err(UsageError(format!(
            "--name: found {name:?}; use a folder name without separators that does not start \
             with a dot"
        )));
    }
    Ok(name.to_owned())
}

/// Whether a letter cannot be in a run's name.
fn bad(letter: char) -> bool {
    terminal::acts(letter) || matches!(letter, '/' | '\\' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_gives_its_run_a_name_that_could_be_asked_for() {
        for (file, name) in [
            ("configs/conv.json", "conv"),
            (".hidden.json", "hidden"),
            ("--help.json", "help"),
            ("a\x1b[31m\u{202e}b.json", "a_[31m_b"),
            ("c:d.json", "c_d"),
            ("..", "run"),
            ("-.json", "run"),
        ] {
            assert_eq!(name_of(Path::new(file)), name, "{file}");
            assert_eq!(checked_name(name).unwrap(), name);
        }
        for name in ["", ".a", "-a", "a/b", "a\u{202e}b"] {
            assert!(checked_name(name).is_err(), "{name}");
        }
    }
}
