//! The summary: the results of a finished run with the baselines, as `summary.json` and as the table
//! printed at the end.

mod table;

use model::ImageShape;
use model::shape::values;
use serde::{Deserialize, Serialize};

use crate::measure::evaluation::{Baselines, CodeUse, Evaluation};
use crate::measure::metrics::Figures;
use crate::measure::restoration::Restoration;
use crate::run::Status;
use crate::setup::Setup;

pub use table::{cells, table};

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
    pub train_seconds: f64,
    /// Images trained on per second during these.
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
    /// Images trained on.
    pub images: usize,
    /// Seconds from the start of the program to the end of its first step, if this run made that step.
    pub start_seconds: Option<f64>,
}

impl Summary {
    /// Builds the summary.
    pub fn new(setup: &Setup, trained: Trained, test: &Evaluation, baselines: Baselines) -> Self {
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
            train_images_per_s: trained.images as f64 / trained.seconds.max(f64::MIN_POSITIVE),
            start_seconds: trained.start_seconds,
            peak_rss_mib: peak_rss_mib(),
            loss: setup.loss.name().into(),
            quick: setup.quick,
            test: test.figures.clone(),
            code: test.code,
            baselines,
            restoration: test.restoration.clone(),
        }
    }

    /// The figures as a table for the terminal.
    pub fn table(&self) -> String {
        table(
            &format!("{}, code {}", self.kind, self.code_size),
            self.input_shape,
            &self.test,
            &self.code,
            Some(&self.baselines),
            self.restoration.as_ref(),
        )
    }
}

/// The size of a code compared with its image, in words.
pub fn compression(ratio: f64) -> String {
    let (times, word) = if ratio >= 1.0 {
        (ratio, "smaller")
    } else {
        (1.0 / ratio, "larger")
    };
    format!("{times:.1} times {word}")
}

/// How a model compares with the baselines, in words: its error compared with PCA, or how much better it
/// is than the corrupted input and the best filter, and whether it learned anything at all.
pub fn verdict(
    test: &Figures,
    baselines: &Baselines,
    restoration: Option<&Restoration>,
    shape: ImageShape,
) -> Option<String> {
    if let Some(restoration) = restoration {
        return Some(restoration.verdict());
    }
    let beside = (baselines.pca).map(|_| match gain_over_pca(test, baselines, shape) {
        Some(gain) if gain >= 1.0 => format!("{gain:.2} times less error than PCA"),
        Some(gain) => format!("{:.2} times more error than PCA", 1.0 / gain),
        None => "PCA is exact at this code size, so it is no baseline".into(),
    });
    let learned = test.mse < baselines.mean.mse;
    let nothing = (!learned).then(|| {
        "no better than the mean picture: it has not learned yet; try more epochs or model.initial_gain=2"
            .to_owned()
    });
    let parts: Vec<String> = beside.into_iter().chain(nothing).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// PCA's error at the same code size divided by the model's; `None` without PCA, or if PCA is exact
/// because the code has as many values as the image.
pub fn gain_over_pca(test: &Figures, baselines: &Baselines, shape: ImageShape) -> Option<f64> {
    let pca = baselines.pca?;
    (pca.code_size < values(shape)).then(|| pca.mse / test.mse)
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
