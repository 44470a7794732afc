//! One class at a time: how well a model of one label's pictures tells that label's test pictures from
//! all others (Ruff et al. 2018 test so).

use model::Autoencoder;
use serde::{Deserialize, Serialize};

use super::anomaly::{PREPROCESSING, Score, squared_errors};
use super::error::AnalysisError;
use super::normality::{Normal, Normality, Piece, Scorer};
use super::roc::auroc;
use super::scoring::Method;
use crate::error::Result;
use crate::measure::pca::Pca;
use crate::setup::Setup;
use crate::streams::Stream;

/// The file in the run's folder that keeps what is done.
pub const FILE: &str = "one-class.json";

/// `one-class.json`: the labels that are done, so that the others can be done later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// How pictures are scored.
    pub score: Method,
    /// The labels that are done, ascending.
    pub classes: Vec<Class>,
}

/// How well one label is told from the others.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Class {
    /// The label.
    pub normal: u8,
    /// Number of pictures that the model was trained on.
    pub train_images: usize,
    /// Area under the receiver operating characteristic.
    pub auroc: f64,
    /// The same for PCA of the same code size, fitted on the same pictures.
    pub pca: Option<f64>,
}

/// What the models are compared with.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Baselines {
    /// Mean over the classes.
    pub pca: Option<f64>,
}

/// `analysis/anomaly.json` of a run with one model per label.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's folder.
    pub run: String,
    /// The name of the data.
    pub data: String,
    /// Test pictures, of all labels.
    pub test_images: usize,
    /// The models' kind.
    pub kind: String,
    /// Values in the code.
    pub code_size: usize,
    /// What was done to pixels.
    pub preprocessing: &'static str,
    /// That of the models; PCA, which has no other, has `mse` unless this is `relative`.
    pub score: &'static str,
    /// Each label.
    pub classes: Vec<Class>,
    /// The names of the classes, the first for label 0; empty if labels have no names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// Mean over the classes.
    pub mean_auroc: f64,
    /// What the models are compared with.
    pub baselines: Baselines,
}

impl Report {
    /// The report of all classes of `setup`, whose results lie in the folder `run`.
    pub fn new(run: String, setup: &Setup, score: Method, classes: Vec<Class>) -> Self {
        let mean = |figures: Vec<f64>| {
            let count = figures.len() as f64;
            (count > 0.0).then(|| figures.iter().sum::<f64>() / count)
        };
        Self {
            run,
            data: setup.dataset.clone(),
            test_images: setup.test.len(),
            kind: setup.config.model.kind(),
            code_size: setup.layers.code_size(),
            preprocessing: PREPROCESSING,
            score: score.name(),
            class_names: setup.test.classes().to_vec(),
            mean_auroc: mean(classes.iter().map(|class| class.auroc).collect()).unwrap_or_default(),
            baselines: Baselines {
                pca: mean(classes.iter().filter_map(|class| class.pca).collect()),
            },
            classes,
        }
    }
}

/// The labels that both training and test pictures have, ascending.
///
/// # Errors
/// If the pictures have no labels, or the test pictures only one.
pub fn labels(setup: &Setup) -> Result<Vec<u8>> {
    let data = || setup.dataset.clone();
    let (Some(train), Some(test)) = (setup.train.labels(), setup.test.labels()) else {
        let (data, what) = (data(), "--one-class");
        return Err(AnalysisError::Unlabelled { data, what }.into());
    };
    let split = setup.split.train.iter();
    let trained = split.filter_map(|&index| train.get(index as usize).copied());
    let mut labels: Vec<u8> = trained.filter(|label| test.contains(label)).collect();
    labels.sort_unstable();
    labels.dedup();
    let several = test.iter().any(|label| Some(label) != test.first());
    if labels.is_empty() || !several {
        return Err(AnalysisError::OneLabel { data: data() }.into());
    }
    Ok(labels)
}

/// Scores all test pictures of `setup` with a model, on the setup's device, and with a PCA, both of the
/// pictures of `label` alone, which are those of the setup `only`.
///
/// # Errors
/// If the device fails, a reconstruction is not finite, there are no validation pictures for a score that needs them, or all
/// test pictures have the same label.
pub fn measure(
    setup: &Setup,
    (label, only): (u8, &Setup),
    model: &Autoencoder,
    pca: Option<&Pca>,
    method: Method,
) -> Result<Class> {
    let test = &setup.test;
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let device = &setup.backend.device;
    let by_model = match method.of_error() {
        Some(score) => score.of(&squared_errors(model, device, test, &all)?, test, &all),
        None => {
            let normal = Normal {
                images: &only.train,
                train: &only.split.train,
                held: &only.split.validation,
                seed: Stream::Analysis.seed(setup.config.seed, 1),
            };
            let scorer = Scorer {
                model: model.clone(),
                device: device.clone(),
            };
            let learned = Normality::learn(scorer, method, &normal, false, &only.dataset)?;
            let mut scores = Vec::with_capacity(all.len());
            learned.score(test, &Piece::wholes(&all), false, |_, scored| {
                scores.push(scored.score);
                Ok(())
            })?;
            scores
        }
    };
    let of_pca = method.of_error().unwrap_or(Score::Mse);
    let by_pca = match pca {
        Some(pca) => Some(of_pca.of(&pca.errors(test.values())?, test, &all)),
        None => None,
    };
    let labels = test.labels().unwrap_or_default();
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
    Ok(Class {
        normal: label,
        train_images: only.split.train.len(),
        auroc: area(&by_model).ok_or(AnalysisError::NothingElse)?,
        pca: by_pca.as_deref().and_then(area),
    })
}
