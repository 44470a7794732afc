//! Progress of a training, on stderr: a bar with the remaining time on a terminal, and one line per
//! epoch everywhere.

use std::io::{IsTerminal, stderr};

use hourglass::analysis::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// Refreshes of the bar per second.
const REFRESHES_PER_SECOND: u8 = 4;

/// Columns from which a terminal has room for a long bar.
const WIDE: usize = 100;

/// The display of one training.
#[derive(Debug)]
pub struct Display {
    quiet: bool,
    bar: ProgressBar,
}

impl Display {
    /// A display for a training of `steps` steps, `done` of which are done. Shows nothing if `quiet`.
    pub fn new(quiet: bool, steps: usize, done: usize) -> Self {
        Self::of(quiet, "step", steps, done)
    }

    /// The same for work counted in other units than steps.
    pub fn of(quiet: bool, unit: &str, steps: usize, done: usize) -> Self {
        let target = if quiet || !stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(REFRESHES_PER_SECOND)
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        let wide = terminal::note_width().is_none_or(|width| width >= WIDE);
        let length = if wide { 30 } else { 10 };
        let template = format!("{{bar:{length}}} {unit} {{pos}}/{{len}}  {{msg}}  {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_position(done as u64);
        bar.reset_eta();
        Self { quiet, bar }
    }

    /// A bar without permanent lines, except important ones.
    pub fn bar_alone(quiet: bool, steps: usize, done: usize) -> Self {
        Self {
            quiet: true,
            ..Self::new(quiet, steps, done)
        }
    }

    /// One more step is done.
    pub fn step(&self, done: usize) {
        self.bar.set_position(done as u64);
    }

    /// The text next to the bar.
    pub fn message(&self, text: String) {
        self.bar.set_message(terminal::one_line(&text).into_owned());
    }

    /// What an analysis tells.
    pub fn show(&self, progress: Progress) {
        match progress {
            Progress::Stage(name) => self.message(name),
            Progress::Steps(done) => self.step(done),
        }
    }

    /// A permanent line.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| terminal::note(text));
        }
    }

    /// An important permanent line, shown even if nothing else is.
    pub fn always(&self, text: &str) {
        self.bar.suspend(|| terminal::note(text));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
