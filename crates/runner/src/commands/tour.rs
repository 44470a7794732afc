//! The tour: explains autoencoders in short chapters of text, pictures and figures, which come from
//! small trainings made on the way.
//!
//! Each training is an ordinary run in the tour's folder. The same command, run again, keeps finished
//! runs and continues the others.

mod chapter;
mod code;
mod copying;
mod guide;
mod map;
mod other;
mod page;
mod pca;
mod runs;
mod told;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{DIVERGED, DONE, UsageError};
use crate::cli::TourArgs;
use crate::progress::Display;
use crate::{interrupt, terminal};
use chapter::Chapter;
use guide::Guide;
use hourglass::files;
use hourglass::run::{self, Status};

/// Its default name in the folder of runs.
const FOLDER: &str = "tour";

/// The names of its page and its figures file.
const PAGE: &str = "tour.html";
const FIGURES: &str = "tour.json";

/// A planned chapter.
struct Plan {
    /// The runs that it needs.
    runs: &'static [&'static str],
    tell: fn(&Guide) -> Result<Chapter>,
}

/// The chapters in their order.
const CHAPTERS: [Plan; 7] = [
    Plan {
        runs: &["code-32"],
        tell: code::there_and_back,
    },
    Plan {
        runs: &["code-2", "code-8", "code-32"],
        tell: code::the_smaller,
    },
    Plan {
        runs: &["code-8", "straight"],
        tell: pca::better_than_pca,
    },
    Plan {
        runs: &["copy", "noise"],
        tell: copying::noise,
    },
    Plan {
        runs: &["copy", "penalty"],
        tell: copying::penalty,
    },
    Plan {
        runs: &["code-32"],
        tell: other::photographs,
    },
    Plan {
        runs: &["code-2"],
        tell: map::map,
    },
];

/// `tour.json`.
#[derive(Debug, Serialize)]
struct Report {
    /// The tour's status.
    status: Status,
    /// Whether its runs are `--quick` runs, whose figures are meaningless.
    quick: bool,
    seed: u64,
    folder: String,
    /// The path of the page, once all chapters are told.
    page: Option<String>,
    chapters: Vec<Chapter>,
}

pub fn run(args: &TourArgs) -> Result<u8> {
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => args.runs.runs.join(FOLDER),
    };
    if folder.join("config.json").is_file() {
        let text = format!(
            "{}: is a run, not a tour; choose another --output or --runs",
            folder.display()
        );
        return Err(UsageError(text).into());
    }
    let kept = runs::look(&folder, args)?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))?;
    let _lock = run::lock(&folder, "is on this tour")?;
    interrupt::listen();
    let mut guide = Guide::new(folder.clone(), args)?;
    if args.quick && !args.show.quiet {
        terminal::note(
            "--quick: a few images and one epoch per training, so the figures and what is said about them are meaningless",
        );
    }
    let mut report = Report {
        status: Status::Running,
        quick: args.quick,
        seed: args.seed,
        folder: folder.display().to_string(),
        page: None,
        chapters: Vec::new(),
    };
    for plan in &CHAPTERS {
        files::write_json(&folder.join(FIGURES), &report)?;
        for name in plan.runs {
            let ended = match guide.has(name) {
                true => Ended::Finished,
                false => train(name, &kept, &mut guide, args)?,
            };
            if !matches!(ended, Ended::Finished) {
                return stop(ended, report, &folder, args);
            }
        }
        let chapter = (plan.tell)(&guide)?;
        report.chapters.push(chapter);
        if let (false, Some(chapter)) = (args.show.json, report.chapters.last()) {
            told::print(report.chapters.len(), chapter, args.show.quiet)?;
        }
    }
    let page = folder.join(PAGE);
    let html = page::page(&report.chapters, &guide)?;
    files::write(&page, html.as_bytes())?;
    report.status = Status::Finished;
    report.page = Some(page.display().to_string());
    files::write_json(&folder.join(FIGURES), &report)?;
    if args.show.json {
        terminal::print_json(&report)?;
    }
    if !args.show.quiet {
        terminal::note(&format!(
            "results in {}: {PAGE} (the whole tour on one page), {FIGURES}, and one run folder per training",
            folder.display()
        ));
    }
    Ok(DONE)
}

/// Ends the tour before its last chapter, because a training was interrupted or diverged. Gives the exit code.
fn stop(ended: Ended, mut report: Report, folder: &Path, args: &TourArgs) -> Result<u8> {
    let code = match ended {
        Ended::Finished => DONE,
        Ended::Interrupted => {
            report.status = Status::Interrupted;
            if !args.show.quiet {
                terminal::note("saved; continue with the same command");
            }
            interrupt::EXIT_CODE
        }
        Ended::Diverged(run) => {
            report.status = Status::Diverged;
            let text = "diverged, but the tour needs its figures; try another --seed";
            terminal::note(&format!("error: {}: {text}", run.display()));
            DIVERGED
        }
    };
    files::write_json(&folder.join(FIGURES), &report)?;
    if args.show.json {
        terminal::print_json(&report)?;
    }
    Ok(code)
}

/// How a run of the tour ended.
enum Ended {
    Finished,
    Interrupted,
    /// In this folder.
    Diverged(PathBuf),
}

/// Trains a run to its end, unless it is finished already, and adds it to the guide.
fn train(name: &str, kept: &[runs::Lesson], guide: &mut Guide, args: &TourArgs) -> Result<Ended> {
    let number = kept.iter().position(|it| it.name == name);
    let number = number.with_context(|| format!("{name}: no such run in the tour"))?;
    let lesson = kept.get(number).context("no such run")?;
    let quiet = args.show.quiet;
    if lesson.kept.ended()?.is_none() {
        if interrupt::requested() {
            return Ok(Ended::Interrupted);
        }
        if !quiet {
            let about = lesson
                .kept
                .located
                .description
                .as_deref()
                .unwrap_or_default();
            terminal::note(&format!(
                "training {} of {}: {name}: {about}",
                guide.count() + 1,
                kept.len()
            ));
        }
        let display = |steps, done| Display::bar_alone(quiet, steps, done);
        if !super::kept::train(&lesson.kept, display)? {
            return Ok(Ended::Interrupted);
        }
    }
    match lesson.kept.ended()? {
        Some((run, Some(summary))) => {
            guide.learn(lesson.name, lesson.json, run, summary)?;
            Ok(Ended::Finished)
        }
        Some((run, None)) => Ok(Ended::Diverged(run.folder().to_owned())),
        None => Ok(Ended::Interrupted),
    }
}

/// A command about a run of the tour, as a reader can type it.
fn command(words: &str, folder: &Path) -> String {
    words.replace("TOUR", &crate::output::word(folder))
}
