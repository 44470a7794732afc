//! Anomaly detection: how well scores tell normal pictures from others, with a threshold that other normal
//! pictures set (Sakurada & Yairi 2014).

use std::sync::Arc;

use data::{Images, counted};
use serde::Serialize;

use super::anomaly::{PREPROCESSING, Score, squared_errors};
use super::error::AnalysisError;
use super::random::sample;
use super::roc::{auroc, average_precision, quantile, share_above};
use super::subject::Subject;
use crate::error::Result;
use crate::measure::pca::Pca;
use crate::run::loaded::Loaded;
use crate::streams::Stream;

/// The same measurements with other scores or other training pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Baseline {
    /// Area under the receiver operating characteristic.
    pub auroc: Option<f64>,
    /// Average precision.
    pub auprc: Option<f64>,
}

/// Mean squared error per value, mean over pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Errors {
    /// Of the normal pictures.
    pub normal: f64,
    /// Of the others.
    pub other: f64,
}

/// The errors of the model and of what it is compared with.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AllErrors {
    /// The run's model.
    pub model: Errors,
    /// The model trained on pictures like the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_of_other: Option<Errors>,
    /// PCA of the same code size, fitted on the run's training pictures.
    pub pca: Option<Errors>,
    /// The same fitted on the training part of the other pictures, if they have one.
    pub pca_of_other: Option<Errors>,
}

/// What the model is compared with.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Baselines {
    /// PCA of the same code size; `None` if it could not be fitted.
    pub pca: Option<Baseline>,
}

/// How well the others of one class are told from the normal pictures.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// The name of the class.
    pub class: String,
    /// Pictures scored.
    pub images: usize,
    /// Area under the receiver operating characteristic.
    pub auroc: Option<f64>,
    /// Average precision.
    pub auprc: Option<f64>,
    /// Share of them above the threshold.
    pub detection_rate: f64,
    /// Mean squared error per value.
    pub error: f64,
}

/// `analysis/anomaly.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's folder.
    pub run: String,
    /// The name of the normal pictures' data.
    pub normal: String,
    /// The name of the others' data.
    pub other: String,
    /// Normal pictures scored.
    pub normal_images: usize,
    /// Others scored.
    pub other_images: usize,
    /// Values in the code.
    pub code_size: usize,
    /// Area under the receiver operating characteristic; `None` if a kind has no pictures.
    pub auroc: Option<f64>,
    /// Average precision, with the others as positives.
    pub auprc: Option<f64>,
    /// Share of the pictures that set the threshold that score at most the threshold.
    pub quantile: f64,
    /// Scores above it are unusual.
    pub threshold: f64,
    /// The pictures that the threshold was set on.
    pub threshold_from: String,
    /// `mse` or `relative`.
    pub score: &'static str,
    /// Share of the normal pictures above the threshold.
    pub false_alarm_rate: f64,
    /// Share of the others above it.
    pub detection_rate: f64,
    /// What was done to pixels.
    pub preprocessing: &'static str,
    /// Mean squared errors.
    pub errors: AllErrors,
    /// What the model is compared with.
    pub baselines: Baselines,
    /// The others by class, if their classes have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
}

/// Images, and which of them are meant.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The images.
    pub images: Arc<Images>,
    /// Indices of those that are meant.
    pub indices: Vec<u32>,
}

impl Chosen {
    /// All images.
    pub fn all(images: Arc<Images>) -> Self {
        let indices = (0..images.len() as u32).collect();
        Self { images, indices }
    }

    /// The squared error of each chosen image by a model.
    fn errors(&self, loaded: &Loaded) -> Result<Vec<f64>> {
        squared_errors(&loaded.model, &loaded.device, &self.images, &self.indices)
    }

    /// The scores of the chosen images, from their squared errors.
    fn scores(&self, score: Score, errors: &[f64]) -> Vec<f64> {
        score.of(errors, &self.images, &self.indices)
    }

    /// The chosen images alone.
    fn alone(&self) -> Result<Images> {
        Ok(self.images.select(&self.indices)?)
    }
}

/// The pictures that are told apart.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The normal pictures to score.
    pub normal: Chosen,
    /// The others.
    pub other: Chosen,
    /// The normal pictures that set the threshold; none of them is scored.
    pub held: Chosen,
    /// These, in words.
    pub held_from: String,
}

impl Pictures {
    /// Normal pictures and others. The run's validation split sets the threshold if the normal pictures
    /// are the run's own; else half of them do, drawn with the run's seed.
    ///
    /// # Errors
    /// A single normal picture, which cannot be halved.
    pub fn of(subject: &Subject, other: Arc<Images>) -> Result<Self> {
        let normal = Chosen::all(Arc::clone(&subject.test));
        Self::apart(subject, normal, Chosen::all(other))
    }

    /// The pictures of one label as the normal ones, and all others of the same data.
    ///
    /// # Errors
    /// As [`Pictures::of`].
    pub fn by_class(subject: &Subject, label: u8) -> Result<Self> {
        let labels = subject.test.labels().unwrap_or_default();
        let of = |wanted: bool| {
            let labels = (0..).zip(labels);
            let chosen = labels.filter(|(_, found)| (**found == label) == wanted);
            Chosen {
                images: Arc::clone(&subject.test),
                indices: chosen.map(|(index, _)| index).collect(),
            }
        };
        Self::apart(subject, of(true), of(false))
    }

    fn apart(subject: &Subject, normal: Chosen, other: Chosen) -> Result<Self> {
        let test = &subject.test;
        if let Some(setup) = &subject.setup
            && !setup.split.validation.is_empty()
            && (Arc::ptr_eq(&setup.test, test) || setup.test_sha256 == test.sha256())
        {
            let indices = setup.split.validation.clone();
            return Ok(Self {
                normal,
                other,
                held_from: format!("the run's {}", counted(indices.len(), "validation picture")),
                held: Chosen {
                    images: Arc::clone(&setup.train),
                    indices,
                },
            });
        }
        let count = normal.indices.len();
        if count < 2 {
            let data = subject.data.clone();
            return Err(AnalysisError::OnePicture { data }.into());
        }
        let seed = Stream::Analysis.seed(subject.loaded.meta.seed, 0);
        let held = sample(count, count / 2, seed);
        let at = |place: &u32| normal.indices.get(*place as usize).copied();
        let rest = (0..count as u32).filter(|place| held.binary_search(place).is_err());
        let rest = rest.filter_map(|place| at(&place)).collect();
        let held: Vec<u32> = held.iter().filter_map(at).collect();
        let of = |indices| Chosen {
            images: Arc::clone(test),
            indices,
        };
        Ok(Self {
            normal: of(rest),
            other,
            held_from: format!("half of the normal pictures, {}", held.len()),
            held: of(held),
        })
    }
}

/// What is measured, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Detection<'a> {
    /// The run's model, with the normal pictures' data.
    pub subject: &'a Subject,
    /// The pictures.
    pub pictures: &'a Pictures,
    /// The name of the normal pictures' data.
    pub normal: &'a str,
    /// The name of the others' data.
    pub other: &'a str,
    /// A model of pictures like the others, for images of the same shape.
    pub other_run: Option<&'a Loaded>,
    /// PCA of the run's training pictures.
    pub pca: Option<&'a Pca>,
    /// PCA of the training part of the other pictures.
    pub pca_of_other: Option<&'a Pca>,
    /// How pictures are scored.
    pub score: Score,
    /// Share of the pictures that set the threshold that score at most the threshold, from 0 to 1.
    pub quantile: f64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The figures.
    pub report: Report,
    /// The score of each normal picture.
    pub normal_scores: Vec<f64>,
    /// The score of each of the others.
    pub other_scores: Vec<f64>,
}

impl Detection<'_> {
    /// Steps that [`Detection::measure`] counts.
    pub const STEPS: usize = 4;

    /// Scores all pictures and measures how well the scores tell them apart. `done` hears how many of
    /// [`Detection::STEPS`] steps are done.
    ///
    /// # Errors
    /// If the device fails, a reconstruction is not finite, or nothing is left to set the threshold.
    pub fn measure(&self, mut done: impl FnMut(usize)) -> Result<Found> {
        let (subject, score) = (self.subject, self.score);
        let Pictures {
            normal,
            other,
            held,
            held_from,
        } = self.pictures;
        let loaded = &subject.loaded;
        let (_, code_size) = subject.kind_and_code_size()?;
        let held_scores = held.scores(score, &held.errors(loaded)?);
        done(1);
        let normal_errors = normal.errors(loaded)?;
        let normal_scores = normal.scores(score, &normal_errors);
        done(2);
        let other_errors = other.errors(loaded)?;
        let other_scores = other.scores(score, &other_errors);
        done(3);
        let by_run = |run: &Loaded| -> Result<_> { Ok([normal.errors(run)?, other.errors(run)?]) };
        let by_other_run = self.other_run.map(by_run).transpose()?;
        let Some(threshold) = quantile(&held_scores, self.quantile) else {
            let data = subject.data.clone();
            return Err(AnalysisError::NoThreshold { data }.into());
        };
        let chosen = normal.alone()?;
        let others = other.alone()?;
        let by_pca = |pca: &Pca| -> Result<_> {
            let others = pca.errors(others.values())?;
            Ok([pca.errors(chosen.values())?, others])
        };
        let own = self.pca.map(by_pca).transpose()?;
        let of_other = self.pca_of_other.map(by_pca).transpose()?;
        done(4);
        let values: usize = loaded.meta.input_shape.iter().product();
        let kinds = kinds(&normal_scores, &others, &other_scores, threshold, |place| {
            other_errors.get(place).copied().unwrap_or_default() / values as f64
        });
        let errors = |[normal, other]: &[Vec<f64>; 2]| Errors {
            normal: mean(normal) / values as f64,
            other: mean(other) / values as f64,
        };
        let report = Report {
            run: subject.name(),
            normal: self.normal.to_owned(),
            other: self.other.to_owned(),
            normal_images: normal.indices.len(),
            other_images: other.indices.len(),
            code_size,
            auroc: auroc(&normal_scores, &other_scores),
            auprc: average_precision(&normal_scores, &other_scores),
            quantile: self.quantile,
            threshold,
            threshold_from: held_from.clone(),
            score: score.name(),
            false_alarm_rate: share_above(&normal_scores, threshold),
            detection_rate: share_above(&other_scores, threshold),
            preprocessing: PREPROCESSING,
            errors: AllErrors {
                model: errors(&[normal_errors, other_errors]),
                model_of_other: by_other_run.as_ref().map(errors),
                pca: own.as_ref().map(errors),
                pca_of_other: of_other.as_ref().map(errors),
            },
            baselines: Baselines {
                pca: own.map(|[normal_errors, other_errors]| {
                    let normal = normal.scores(score, &normal_errors);
                    let other = other.scores(score, &other_errors);
                    Baseline {
                        auroc: auroc(&normal, &other),
                        auprc: average_precision(&normal, &other),
                    }
                }),
            },
            kinds,
        };
        Ok(Found {
            report,
            normal_scores,
            other_scores,
        })
    }
}

/// How well the others are told from the normal pictures, class by class; empty if classes have no names. `error` is
/// the mean squared error of one of the others.
fn kinds(
    normal_scores: &[f64],
    others: &Images,
    scores: &[f64],
    threshold: f64,
    error: impl Fn(usize) -> f64,
) -> Vec<Kind> {
    let (Some(labels), names) = (others.labels(), others.classes()) else {
        return Vec::new();
    };
    let kind = |(label, name): (usize, &String)| {
        let mine = labels.iter().enumerate();
        let mine = mine.filter(|(_, found)| usize::from(**found) == label);
        let mine: Vec<usize> = mine.map(|(place, _)| place).collect();
        let own: Vec<f64> = mine
            .iter()
            .filter_map(|&it| scores.get(it))
            .copied()
            .collect();
        let errors: Vec<f64> = mine.iter().map(|&place| error(place)).collect();
        (!mine.is_empty()).then(|| Kind {
            class: name.clone(),
            images: mine.len(),
            auroc: auroc(normal_scores, &own),
            auprc: average_precision(normal_scores, &own),
            detection_rate: share_above(&own, threshold),
            error: mean(&errors),
        })
    };
    names.iter().enumerate().filter_map(kind).collect()
}

/// The mean; 0 without values.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len() as f64).max(1.0)
}
