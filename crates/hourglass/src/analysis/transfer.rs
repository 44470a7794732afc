//! Transfer: how much a run's encoder helps a classifier that has few labels, frozen or fine-tuned,
//! compared with the same network from scratch.
//!
//! All three are the encoder and one softmax layer on its code, trained with the same optimizer, on the
//! same labelled pictures in the same order, for the same number of steps (self-taught learning: Raina
//! et al. 2007; pre-training and fine-tuning: Hinton & Salakhutdinov 2006, Erhan et al. 2010).

use model::weights;
use serde::Serialize;

use super::classifier::{self, BATCH_SIZE, Encoder, LEARNING_RATE, Pictures, STEPS};
use super::error::AnalysisError;
use super::labelled::draw;
use super::progress::Progress;
use super::spread::mean_and_spread;
use super::subject::{Labelled, Subject};
use crate::error::{At, Result};
use crate::streams::Stream;

/// From this many labels on, the run's encoder is fine-tuned with the full learning rate.
const MANY: f64 = 10_000.0;

/// The smallest share of the learning rate for fine-tuning.
const LEAST_SHARE: f64 = 0.1;

/// The factor of the learning rate for an encoder that comes from the run. With few labels, large steps
/// would overfit it and undo what it has learned; with many, small steps do not get far enough. The rule is the
/// same for all networks; its two numbers were tuned on MNIST while looking at its test digits.
fn finetuned_share(labels: usize) -> f64 {
    (labels as f64 / MANY).sqrt().clamp(LEAST_SHARE, 1.0)
}

/// The same for an encoder from scratch.
const SCRATCH_SHARE: f64 = 1.0;

/// A share of the test pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Accuracy {
    /// Mean over the seeds.
    pub mean: f64,
    /// Standard deviation over the seeds.
    pub spread: f64,
}

/// Accuracies at one number of labels.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Found {
    /// Labelled pictures.
    pub count: usize,
    /// The run's encoder as it is.
    pub frozen: Accuracy,
    /// The run's encoder, trained too.
    pub finetuned: Accuracy,
    /// The same network from initial weights.
    pub scratch: Accuracy,
    /// Initial learning rate of the run's encoder where it is trained too.
    pub finetuned_encoder_learning_rate: f64,
}

/// The settings of the classifiers.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Seeds that figures are averaged over.
    pub seeds: usize,
    /// What the spread is.
    pub spread: &'static str,
    /// Steps of every training.
    pub steps: usize,
    /// Labelled pictures per step, at most.
    pub batch_size: usize,
    /// The optimizer.
    pub optimizer: &'static str,
    /// How the learning rate falls.
    pub schedule: &'static str,
    /// Initial learning rate of the softmax layer.
    pub learning_rate: f64,
    /// Initial learning rate of an encoder from scratch.
    pub scratch_encoder_learning_rate: f64,
    /// What is done to the code.
    pub code: &'static str,
}

/// `analysis/transfer.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's folder.
    pub run: String,
    /// The name of the pictures' data.
    pub data: String,
    /// The model's kind.
    pub kind: String,
    /// Values in the code.
    pub code_size: usize,
    /// Classes among the training pictures.
    pub classes: usize,
    /// Pictures that labelled ones are drawn from.
    pub train_images: usize,
    /// Pictures tested on.
    pub test_images: usize,
    /// The settings of the classifiers.
    pub settings: Settings,
    /// What was found at each number of labels, ascending.
    pub labels: Vec<Found>,
}

/// Whether a classifier has anything to learn from these pictures.
///
/// # Errors
/// If all of them have the same class.
pub fn check_classes(subject: &Subject, study: &Labelled) -> Result<()> {
    if study.classes < 2 {
        let data = subject.data.clone();
        return Err(AnalysisError::OneClass { data }.into());
    }
    Ok(())
}

/// The steps that [`transfer`] counts.
pub fn steps(counts: usize, seeds: usize) -> usize {
    // One training each: frozen, fine-tuned and from scratch.
    counts * seeds * 3 * STEPS
}

/// The test accuracies of the three classifiers with each of the `counts` numbers of labels, each number
/// drawn `seeds` times.
///
/// # Errors
/// As [`check_classes`]; and if the device fails, or a training is no longer finite.
pub fn transfer(
    subject: &Subject,
    study: &Labelled,
    counts: &[usize],
    seeds: usize,
    mut watch: impl FnMut(Progress),
) -> Result<Report> {
    check_classes(subject, study)?;
    let (kind, code_size) = subject.kind_and_code_size()?;
    watch(Progress::Stage("encoding".into()));
    let loaded = &subject.loaded;
    let pictures = |images, classes: &[u8]| {
        Pictures::new(images, classes, &loaded.model, code_size, &loaded.device)
    };
    let train = pictures(&study.train, &study.train_classes)?;
    let test = pictures(&study.test, &study.test_classes)?;
    let mut trial = Trial {
        subject,
        weights: weights::to_bytes(&loaded.model)?,
        train,
        test,
        classes: study.classes,
        watch,
        done: 0,
    };
    let mut labels = Vec::with_capacity(counts.len());
    for &count in counts {
        let mut found: [Vec<f64>; 3] = Default::default();
        for repetition in 0..seeds {
            let stage = format!("{count} labels, seed {}/{seeds}", repetition + 1);
            (trial.watch)(Progress::Stage(stage));
            let all = trial.learn(count, repetition as u64)?;
            found
                .iter_mut()
                .zip(all)
                .for_each(|(found, one)| found.push(one));
        }
        let [frozen, finetuned, scratch] = found.map(|found| {
            let (mean, spread) = mean_and_spread(&found).unwrap_or_default();
            Accuracy { mean, spread }
        });
        labels.push(Found {
            count,
            frozen,
            finetuned,
            scratch,
            finetuned_encoder_learning_rate: LEARNING_RATE * finetuned_share(count),
        });
    }
    Ok(Report {
        run: subject.name(),
        data: subject.data.clone(),
        kind,
        code_size,
        classes: study.classes,
        train_images: study.train.len(),
        test_images: study.test.len(),
        settings: Settings {
            seeds,
            spread: "standard deviation over seeds",
            steps: STEPS,
            batch_size: BATCH_SIZE,
            optimizer: "adam",
            schedule: "cosine to 0",
            learning_rate: LEARNING_RATE,
            scratch_encoder_learning_rate: LEARNING_RATE * SCRATCH_SHARE,
            code: "standardised on the labelled pictures before training; values that vary little are not amplified",
        },
        labels,
    })
}

/// What every training needs.
struct Trial<'a, F> {
    subject: &'a Subject,
    /// The run's weights, as a file's bytes.
    weights: Vec<u8>,
    train: Pictures,
    test: Pictures,
    classes: usize,
    watch: F,
    /// Steps done, over all trainings.
    done: usize,
}

impl<F: FnMut(Progress)> Trial<'_, F> {
    /// The accuracies, frozen, fine-tuned and from scratch, with the `count` labels that a repetition draws.
    fn learn(&mut self, count: usize, repetition: u64) -> Result<[f64; 3]> {
        let loaded = &self.subject.loaded;
        let (meta, device) = (&loaded.meta, &loaded.device);
        let seed = Stream::Analysis.seed(meta.seed, repetition);
        let labelled = draw(self.train.classes(), count, Stream::Split.seed(seed, 1));
        let scratch = || {
            let seed = Stream::Init.seed(seed, 0);
            meta.model.init_for(
                meta.input_shape,
                &meta.range(),
                seed,
                &device.clone().autodiff(),
            )
        };
        let finetuned = weights::from_bytes(scratch()?, &self.weights)
            .at(|| format!("{}: its weights do not fit its model", self.subject.name()))?;
        let encoders = [
            Encoder::Frozen(&loaded.model),
            Encoder::Trained(Box::new(finetuned), finetuned_share(count)),
            Encoder::Trained(Box::new(scratch()?), SCRATCH_SHARE),
        ];
        let mut found = [0.0; 3];
        for (found, encoder) in found.iter_mut().zip(encoders) {
            let (watch, made) = (&mut self.watch, &mut self.done);
            let learned = classifier::accuracy(
                encoder,
                (&self.train, &labelled),
                &self.test,
                self.classes,
                seed,
                device,
                || {
                    *made += 1;
                    watch(Progress::Steps(*made));
                },
            );
            *found = learned.at(|| format!("{count} labels"))?;
        }
        Ok(found)
    }
}
