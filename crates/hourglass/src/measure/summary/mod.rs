//! The summary: the results of a finished run with the baselines, as `summary.json` and as the table
//! printed at the end.

pub mod advice;
mod measured;
mod table;

use model::ImageShape;
use serde::{Deserialize, Serialize};

use crate::fields::Form;
use crate::files::or_nan;
use crate::measure::evaluation::{Baselines, CodeUse, Evaluation};
use crate::measure::metrics::{Column, Figures};
use crate::measure::restoration::Restoration;
use crate::run::Status;
use crate::setup::Setup;
use crate::train::row::Row;

pub use advice::Course;
pub use measured::Measured;
pub use table::Cells;

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How the run ended.
    pub status: Status,
    /// The model's kind, with its wrappers from the outside in, for example `sparse(conv)`.
    pub kind: String,
    /// Backend that trained it.
    pub backend: String,
    /// Trainable parameters.
    pub parameters: usize,
    /// Channels, height and width.
    pub input_shape: ImageShape,
    /// Units of the code.
    pub code_size: usize,
    /// Values of an image per unit of the code.
    pub compression_ratio: f64,
    /// Epochs trained.
    pub epochs: usize,
    /// Epoch of the figures: the best one by validation loss.
    pub best_epoch: usize,
    /// Optimizer steps made.
    pub steps: usize,
    /// Seconds spent in training steps.
    #[serde(deserialize_with = "or_nan")]
    pub train_seconds: f64,
    /// Images trained on per second during these.
    #[serde(deserialize_with = "or_nan")]
    pub train_images_per_s: f64,
    /// Seconds from the start of the program to the end of its first training step. `None` if the
    /// program made no step because the run only had to be measured, and for all but the first run of
    /// a program that trains several, such as a sweep.
    #[serde(default)]
    pub start_seconds: Option<f64>,
    /// Peak memory of the process, in MiB; `None` if the system does not report it.
    pub peak_rss_mib: Option<u64>,
    /// Loss that was minimised.
    pub loss: String,
    /// Whether it is a `--quick` run, whose figures are meaningless.
    pub quick: bool,
    /// On the test images.
    pub test: Figures,
    /// Use of the code on the test images.
    pub code: CodeUse,
    /// On the same images.
    pub baselines: Baselines,
    /// How well corrupted images were restored, if the model is denoising.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoration: Option<Restoration>,
    /// The error of each column on the test rows, if the data are a table; of series, that of each channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Column>>,
    /// How the training went; `None` for a `--quick` run and for runs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
}

/// What the training knows about the run.
#[derive(Clone, Copy, Debug)]
pub struct Trained {
    /// How it ended.
    pub status: Status,
    /// Epochs completed.
    pub epochs: usize,
    /// The epoch whose weights are measured.
    pub best_epoch: usize,
    /// Optimizer steps made.
    pub steps: usize,
    /// Seconds spent in training steps.
    pub seconds: f64,
    /// Images trained on per second, in those.
    pub images_per_s: f64,
    /// Seconds from the start of the program to the end of its first step, if this run made that step.
    pub start_seconds: Option<f64>,
}

impl Summary {
    /// Builds the summary from the figures of all epochs and of the test images.
    pub fn new(
        setup: &Setup,
        trained: Trained,
        rows: &[Row],
        test: &Evaluation,
        baselines: Baselines,
    ) -> Self {
        Self {
            status: trained.status,
            kind: setup.config.model.kind(),
            backend: setup.backend.name.into(),
            parameters: setup.parameters(),
            input_shape: setup.shape(),
            code_size: setup.layers.code_size(),
            compression_ratio: setup.layers.compression_ratio(setup.shape()),
            epochs: trained.epochs,
            best_epoch: trained.best_epoch,
            steps: trained.steps,
            train_seconds: trained.seconds,
            train_images_per_s: trained.images_per_s,
            start_seconds: trained.start_seconds,
            peak_rss_mib: peak_rss_mib(),
            loss: setup.loss.name().into(),
            quick: setup.quick,
            test: test.figures.clone(),
            code: test.code,
            baselines,
            restoration: test.restoration.clone(),
            columns: test.columns.clone(),
            course: match setup.quick {
                true => None,
                false => Course::of(setup, rows, trained.best_epoch),
            },
        }
    }

    /// The figures on the test images, beside the baselines'.
    pub fn measured(&self) -> Measured<'_> {
        Measured {
            kind: &self.kind,
            shape: self.input_shape,
            code_size: self.code_size,
            on: on_test(&self.test, self.input_shape),
            figures: &self.test,
            code: &self.code,
            baselines: Some(&self.baselines),
            restoration: self.restoration.as_ref(),
            course: self.course.as_ref(),
        }
    }
}

/// What the figures of a run's own test part are on.
pub fn on_test(figures: &Figures, shape: ImageShape) -> &'static str {
    match Form::of(figures.r2.is_some(), shape) {
        Form::Pictures | Form::Clips => "the test images",
        Form::Table => "the test rows",
        Form::Series => "the test windows",
    }
}

/// The size of a code compared with its image, in words.
pub fn compression(ratio: f64) -> String {
    let (times, word) = match ratio >= 1.0 {
        true => (ratio, "smaller"),
        false => (1.0 / ratio, "larger"),
    };
    match times < 1.05 {
        true => "as large as the image".into(),
        false => format!("{times:.1} times {word}"),
    }
}

/// The peak memory of this process so far, in MiB.
fn peak_rss_mib() -> Option<u64> {
    // Linux reports the peak; other systems only report the current size, which is another figure.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
