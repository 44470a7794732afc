//! The summary: what a finished run reached, beside the baselines; `summary.json` and the table
//! printed at the end.

mod table;

use model::ImageShape;
use serde::{Deserialize, Serialize};

use crate::evaluation::{Baselines, CodeUse, Evaluation};
use crate::metrics::Figures;
use crate::restoration::Restoration;
use crate::run::Status;
use crate::setup::Setup;

pub use table::{cells, table};

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How the run ended.
    pub status: Status,
    /// Kinds from the outside in, for example `sparse(conv)`.
    pub kind: String,
    /// Backend that trained it.
    pub backend: String,
    /// Trainable parameters.
    pub parameters: usize,
    /// Channels, height and width.
    pub input_shape: ImageShape,
    /// Units of the code.
    pub code_size: usize,
    /// Values of an image for each unit of the code.
    pub compression_ratio: f64,
    /// Epochs trained.
    pub epochs: usize,
    /// Epoch that the figures are from: the best by validation loss.
    pub best_epoch: usize,
    /// Optimizer steps made.
    pub steps: usize,
    /// Seconds spent in training steps.
    pub train_seconds: f64,
    /// Images trained on per second, in those.
    pub train_images_per_s: f64,
    /// Seconds from the start of the program to the end of its first training step; `None` where
    /// it made none, as a resumed run that only had to be measured, and in all but the first of
    /// several runs of one program, as of a sweep.
    #[serde(default)]
    pub start_seconds: Option<f64>,
    /// Largest memory that the process held, in MiB; `None` where the system does not tell.
    pub peak_rss_mib: Option<u64>,
    /// Loss that was minimised.
    pub loss: String,
    /// Whether it is a `--quick` run, whose figures mean nothing.
    pub quick: bool,
    /// On the test images.
    pub test: Figures,
    /// Use of the code on the test images.
    pub code: CodeUse,
    /// On the same images.
    pub baselines: Baselines,
    /// What came back of the corrupted images, where the model is denoising.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoration: Option<Restoration>,
}

/// What the training itself says about the run.
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
    /// Seconds from the start of the program to the end of its first step, where that is this run's.
    pub start_seconds: Option<f64>,
}

impl Summary {
    /// Puts the summary together.
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

    /// The figures as a table for people.
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

/// How large a code is beside its image, in words.
pub fn compression(ratio: f64) -> String {
    let (times, word) = if ratio >= 1.0 {
        (ratio, "smaller")
    } else {
        (1.0 / ratio, "larger")
    };
    format!("{times:.1} times {word}")
}

/// How a model stands beside the baselines, in words: how many times less error than PCA, or how
/// much closer it comes than the corrupted input and the best simple means, and whether it learned
/// anything at all.
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
        None => "PCA of as many values as the image has is exact".into(),
    });
    let learned = test.mse < baselines.mean.mse;
    let nothing = (!learned).then(|| {
        "no better than the mean picture: it has not learned yet, see more epochs or initial_gain 2"
            .to_owned()
    });
    let parts: Vec<String> = beside.into_iter().chain(nothing).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many times the error of PCA of the same code size is the model's; `None` without PCA, and where
/// it keeps as many values as the image has and so is exact.
pub fn gain_over_pca(test: &Figures, baselines: &Baselines, shape: ImageShape) -> Option<f64> {
    let pca = baselines.pca?;
    (pca.code_size < shape.iter().product()).then(|| pca.mse / test.mse)
}

/// The largest memory that this process held so far, in MiB.
fn peak_rss_mib() -> Option<u64> {
    // Linux keeps the peak; elsewhere only the present size could be had, which is another figure.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
