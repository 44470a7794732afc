//! Transfer: how much a run's encoder helps a classifier that has few labels, frozen or fine-tuned,
//! compared with the same network from scratch.
//!
//! All three are the encoder and one softmax layer on its code, trained with the same optimizer, on the
//! same labelled pictures in the same order, for the same number of steps (self-taught learning: Raina
//! et al. 2007; pre-training and fine-tuning: Hinton & Salakhutdinov 2006, Erhan et al. 2010).

use anyhow::{Context, Result, bail};
use model::weights;
use serde::Serialize;

use super::analysed;
use super::{DONE, UsageError};
use crate::cli::{Labels, TransferArgs};
use crate::progress::Display;
use crate::terminal;
use hourglass::analysis::labelled::draw;
use hourglass::analysis::spread::mean_and_spread;
use hourglass::analysis::subject::{Labelled, Subject};
use hourglass::streams::Stream;

mod plot;

use hourglass::analysis::classifier::{BATCH_SIZE, Encoder, LEARNING_RATE, Pictures, STEPS};

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
struct Accuracy {
    mean: f64,
    /// Standard deviation over the seeds.
    spread: f64,
}

/// Accuracies at one number of labels.
#[derive(Clone, Copy, Debug, Serialize)]
struct Found {
    count: usize,
    frozen: Accuracy,
    finetuned: Accuracy,
    scratch: Accuracy,
    finetuned_encoder_learning_rate: f64,
}

/// The settings of the classifiers.
#[derive(Debug, Serialize)]
struct Settings {
    seeds: usize,
    spread: &'static str,
    steps: usize,
    batch_size: usize,
    optimizer: &'static str,
    schedule: &'static str,
    learning_rate: f64,
    scratch_encoder_learning_rate: f64,
    code: &'static str,
}

/// `analysis/transfer.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    kind: String,
    code_size: usize,
    classes: usize,
    train_images: usize,
    test_images: usize,
    settings: Settings,
    labels: Vec<Found>,
}

pub fn run(args: &TransferArgs) -> Result<u8> {
    let subject = analysed::open(&args.run, &args.backend, args.data.as_ref())?;
    let study = analysed::labelled(&subject, args.data.as_ref(), "a transfer")?;
    if study.classes < 2 {
        bail!(
            "{}: all pictures have the same class; a classifier needs two or more classes",
            subject.data
        );
    }
    let counts = counts(&args.labels, &study)?;
    let (kind, code_size) = subject.kind_and_code_size()?;
    let seeds = usize::from(args.seeds);
    let display = Display::new(args.output.quiet, counts.len() * seeds * 3 * STEPS, 0);
    display.message("encoding".into());
    let loaded = &subject.loaded;
    let pictures = |images, classes: &[u8]| {
        Pictures::new(images, classes, &loaded.model, code_size, &loaded.device)
    };
    let train = pictures(&study.train, &study.train_classes)?;
    let test = pictures(&study.test, &study.test_classes)?;
    let mut trial = Trial {
        subject: &subject,
        weights: weights::to_bytes(&loaded.model)?,
        train,
        test,
        classes: study.classes,
        display: &display,
        done: 0,
    };
    let mut labels = Vec::with_capacity(counts.len());
    for &count in &counts {
        let mut found: [Vec<f64>; 3] = Default::default();
        for repetition in 0..seeds {
            display.message(format!("{count} labels, seed {}/{seeds}", repetition + 1));
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
    display.finish();
    let report = Report {
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
    };
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} test pictures of {}: accuracy of its encoder with a softmax layer on the code, \
             compared with the same network from scratch; {STEPS} steps of up to {BATCH_SIZE} labelled \
             pictures each, mean of {seeds} seeds ± standard deviation",
            report.run, report.test_images, report.data
        ));
    }
    let run = &loaded.run;
    let name = run.folder().file_name().unwrap_or_default();
    let title = format!("Transfer of {}", name.to_string_lossy());
    let file = analysed::file(run, "transfer.svg")?;
    plot::draw(&title, seeds, &series(&report.labels), &file)?;
    analysed::finish(run, "transfer", &report, &table(&report), args.output.json)?;
    display.line(&format!(
        "results in {}: analysis/transfer.json, analysis/transfer.svg",
        report.run
    ));
    Ok(DONE)
}

/// The requested counts, ascending. A count above the number of pictures becomes that number, with a
/// note.
fn counts(asked: &[Labels], study: &Labelled) -> Result<Vec<usize>> {
    let all = study.train.len();
    let mut counts = Vec::with_capacity(asked.len());
    for labels in asked {
        let count = match *labels {
            Labels::All => all,
            Labels::Count(count) if count < study.classes => {
                let text = format!(
                    "--labels: found {count}; allowed: at least {} (one per class), or all",
                    study.classes
                );
                return Err(UsageError(text).into());
            }
            Labels::Count(count) if count > all => {
                terminal::note(&format!(
                    "note: {count} labels requested, but only {all} pictures exist; using all"
                ));
                all
            }
            Labels::Count(count) => count,
        };
        counts.push(count);
    }
    counts.sort_unstable();
    counts.dedup();
    Ok(counts)
}

/// What every training needs.
struct Trial<'a> {
    subject: &'a Subject,
    /// The run's weights, as a file's bytes.
    weights: Vec<u8>,
    train: Pictures,
    test: Pictures,
    classes: usize,
    display: &'a Display,
    /// Steps done, over all trainings.
    done: usize,
}

impl Trial<'_> {
    /// The accuracies, frozen, fine-tuned and from scratch, with the `count` labels that a repetition draws.
    fn learn(&mut self, count: usize, repetition: u64) -> Result<[f64; 3]> {
        let loaded = &self.subject.loaded;
        let (meta, device) = (&loaded.meta, &loaded.device);
        let seed = Stream::Analysis.seed(meta.seed, repetition);
        let labelled = draw(self.train.classes(), count, Stream::Split.seed(seed, 1));
        let scratch = || {
            let seed = Stream::Init.seed(seed, 0);
            meta.model
                .init(meta.input_shape, seed, &device.clone().autodiff())
        };
        let finetuned = weights::from_bytes(scratch()?, &self.weights).with_context(|| {
            format!("{}: its weights do not fit its model", self.subject.name())
        })?;
        let encoders = [
            Encoder::Frozen(&loaded.model),
            Encoder::Trained(Box::new(finetuned), finetuned_share(count)),
            Encoder::Trained(Box::new(scratch()?), SCRATCH_SHARE),
        ];
        let mut found = [0.0; 3];
        for (found, encoder) in found.iter_mut().zip(encoders) {
            let (display, made) = (self.display, &mut self.done);
            let learned = hourglass::analysis::classifier::accuracy(
                encoder,
                (&self.train, &labelled),
                &self.test,
                self.classes,
                seed,
                device,
                || {
                    *made += 1;
                    display.step(*made);
                },
            );
            *found = learned.with_context(|| format!("{count} labels"))?;
        }
        Ok(found)
    }
}

/// The lines of the chart.
fn series(labels: &[Found]) -> [plot::Series; 3] {
    let series = |name, pick: fn(&Found) -> Accuracy| {
        let point = |found: &Found| (found.count, pick(found).mean, pick(found).spread);
        plot::Series {
            name,
            points: labels.iter().map(point).collect(),
        }
    };
    [
        series("frozen", |it| it.frozen),
        series("fine-tuned", |it| it.finetuned),
        series("from scratch", |it| it.scratch),
    ]
}

fn table(report: &Report) -> comfy_table::Table {
    let cell = |it: Accuracy| format!("{:.2} % ± {:.2}", it.mean * 100.0, it.spread * 100.0);
    let rows = report.labels.iter().map(|found| {
        let accuracies = [found.frozen, found.finetuned, found.scratch].map(cell);
        [vec![found.count.to_string()], accuracies.to_vec()].concat()
    });
    let header = ["labels", "frozen", "fine-tuned", "from scratch"];
    analysed::table(&header, rows.collect())
}
