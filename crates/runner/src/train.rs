//! The training loop: from a setup to a finished run, in one function that reads top to bottom.
//!
//! Order and changes of the images, noise and initial weights come from named streams of the seed, so a resumed
//! run needs nothing but the last checkpoint to go on bit for bit (on flex and ndarray).

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use data::Batches;
use model::{Autoencoder, Noise};
use serde::{Deserialize, Serialize};

use crate::background::Background;
use crate::checkpoint::{self, Checkpoint, Progress, Snapshot};
use crate::config::{AugmentTarget, Config};
use crate::evaluation::{self, values};
use crate::interrupt;
use crate::optimizer::Optimizer;
use crate::plots::{self, EpochRow};
use crate::progress::Display;
use crate::report::Report;
use crate::run::{Best, Run, Status};
use crate::samples;
use crate::schedule::learning_rate;
use crate::setup::Setup;
use crate::shown::Shown;
use crate::streams::Stream;
use crate::summary::{Summary, Trained};
use crate::tensorboard::Events;
use crate::{pretrain, pretrained, restoration};

/// Pictures in the sample grid of an epoch.
const SAMPLES: usize = 16;

/// The file of figures, a line an epoch.
pub const METRICS: &str = "metrics.jsonl";

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub epoch: usize,
    pub step: usize,
    pub seconds: f64,
    pub images_per_s: f64,
    pub lr: f64,
    #[serde(rename = "train/loss")]
    pub train_loss: f64,
    #[serde(rename = "val/loss", skip_serializing_if = "Option::is_none", default)]
    pub val_loss: Option<f64>,
    #[serde(rename = "val/mse", skip_serializing_if = "Option::is_none", default)]
    pub val_mse: Option<f64>,
    #[serde(rename = "val/bce", skip_serializing_if = "Option::is_none", default)]
    pub val_bce: Option<f64>,
    #[serde(rename = "val/psnr", skip_serializing_if = "Option::is_none", default)]
    pub val_psnr: Option<f64>,
}

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All epochs done, or stopped early as configured.
    Finished(Box<Finished>),
    /// Stopped by a signal, after saving.
    Interrupted,
    /// The loss stopped being finite; the last good checkpoint is kept.
    Diverged,
}

/// What a training came to.
#[derive(Debug)]
pub struct Finished {
    /// The final figures.
    pub summary: Summary,
    /// The best weights, which they are of, without autodiff.
    pub model: Autoencoder,
}

/// Trains a run from its start, or from a checkpoint, to its end.
///
/// # Errors
/// Where the run's folder cannot be written or the device fails; `state.json` then says `failed`.
pub fn train(
    setup: &Setup,
    run: &Run,
    from: Option<&Checkpoint>,
    display: &Display,
) -> Result<Outcome> {
    let outcome = steps(setup, run, from, display);
    display.finish();
    if let Err(error) = &outcome
        && let Ok(mut state) = run.state()
    {
        state.status = Status::Failed;
        state.message = Some(format!("{error:#}"));
        // The first error is the one to report: a full disk refuses this file too.
        let _ = run.write_json("state.json", &state);
    }
    outcome
}

fn steps(
    setup: &Setup,
    run: &Run,
    from: Option<&Checkpoint>,
    display: &Display,
) -> Result<Outcome> {
    let config = &setup.config;
    let settings = &config.train;
    let seed = config.seed;
    let device = setup.backend.device.clone().autodiff();

    // Start: initial weights, or everything as the checkpoint has it.
    let mut optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
    let (model, progress, frozen) = match from {
        Some(checkpoint) => {
            let model = checkpoint.model(&device)?;
            checkpoint.restore(&mut optimizer, &model, &setup.backend.device)?;
            let meta = &checkpoint.meta;
            (model, meta.progress.clone(), meta.frozen.clone())
        }
        None => {
            let model = config
                .model
                .init(setup.shape(), Stream::Init.seed(seed, 0), &device)?;
            let fresh = Progress {
                pretraining: settings.pretrain.as_ref().map(|_| 0),
                ..Progress::default()
            };
            match &setup.pretrained {
                Some(layers) => (layers.put_into(model)?, fresh, layers.frozen()),
                None => (model, fresh, Vec::new()),
            }
        }
    };
    let model = pretrained::freeze(model, &frozen);
    let mut writer = Writer::new(setup, run, frozen);
    match from {
        Some(_) => writer.state(Status::Running, &progress)?,
        None => writer.checkpoints(&["last"], &model, &optimizer, &progress)?,
    }
    let mut rows: Vec<Row> = run.lines(METRICS);
    // Killed after an epoch's line was written and before its checkpoint was: that epoch is redone.
    let whole = progress.pretraining.is_none();
    rows.retain(|row| whole && row.epoch <= progress.epoch);
    run.write_lines(METRICS, &rows)?;

    // Layers by themselves, where the config wants that.
    let start = Start {
        model,
        optimizer,
        progress,
        seconds: None,
    };
    let (start, ended) = pretrain::pretrain(setup, run, start, &mut writer, display)?;
    if let Some(outcome) = ended {
        return Ok(outcome);
    }
    let Start {
        mut model,
        mut optimizer,
        mut progress,
        seconds: mut start_seconds,
    } = start;
    let steps_before = setup.pretrain_steps(None);

    let batches = setup.batches(&setup.train);
    let (images, held_out) = (&setup.split.train, &setup.split.validation);
    let augment = changes_of(config);
    let steps_per_epoch = setup.steps_per_epoch();

    let mut events = match config.tensorboard {
        true => Some(Events::start(run, progress.step)?),
        false => None,
    };

    while progress.epoch < settings.epochs && !patience_is_over(setup, &progress) {
        let epoch = progress.epoch + 1;
        let order = data::epoch_order(images, Stream::Order.seed(seed, epoch as u64));
        let changes = Stream::Augment.seed(seed, epoch as u64);
        // The last batch may have fewer images; a stop behind it leaves nothing of the epoch.
        let before = progress.images;
        let done = before.div_ceil(settings.batch_size);
        let mut loss_sum = Tensor::<1>::from_floats([progress.loss_sum], &setup.backend.device);
        let started = Instant::now();
        let mut last_reading = started;
        let mut rate = settings.learning_rate;
        for batch in order.chunks(settings.batch_size).skip(done) {
            rate = learning_rate(settings, progress.step, steps_per_epoch);
            let (shown, target) =
                pictures(&batches, batch, progress.images, augment.as_ref(), changes)?;
            let noise = Noise::Device {
                seed: Stream::Corruption.seed(seed, progress.step as u64),
            };
            model.at_epoch(Some(progress.step as f64 / steps_per_epoch as f64));
            let input = model.corrupt(shown.autodiff(), noise);
            let losses = model.loss(input, target.autodiff(), setup.loss, noise);
            let grads = GradientsParams::from_grads(losses.total.backward(), &model);
            model = optimizer.step(rate, model, grads);
            let loss = losses.reconstruction.without_autodiff();
            loss_sum = loss_sum + loss * batch.len() as f64;
            progress.step += 1;
            progress.images += batch.len();
            progress.train_images += batch.len();
            display.step(steps_before + progress.step);
            start_seconds = start_seconds.or_else(crate::seconds_to_first_step);

            let stop = interrupt::requested();
            if stop || last_reading.elapsed() >= Display::interval() {
                last_reading = Instant::now();
                progress.loss_sum = first(&loss_sum)?;
                let loss = progress.loss_sum / progress.images as f32;
                display.message(format!("epoch {epoch}/{}  loss {loss:.5}", settings.epochs));
                if !loss.is_finite() {
                    return diverged(&mut writer, epoch, progress.step, display);
                }
            }
            if stop {
                progress.train_seconds += started.elapsed().as_secs_f64();
                writer.checkpoints(&["last"], &model, &optimizer, &progress)?;
                writer.state(Status::Interrupted, &progress)?;
                return Ok(Outcome::Interrupted);
            }
        }
        let train_loss = f64::from(first(&loss_sum)?) / progress.images as f64;
        let seconds = started.elapsed().as_secs_f64();
        if !train_loss.is_finite() {
            return diverged(&mut writer, epoch, progress.step, display);
        }
        let images_per_s = (progress.images - before) as f64 / seconds;
        progress.train_seconds += seconds;
        progress.epoch = epoch;
        progress.images = 0;
        progress.loss_sum = 0.0;

        // The epoch's end: validation, the sample pictures, the line of figures, checkpoints.
        let mut measured = model.valid();
        measured.at_epoch(None);
        let validation = if held_out.is_empty() {
            None
        } else {
            match evaluation::evaluate(&measured, &batches, held_out, seed, false, None) {
                Ok(evaluation) => Some(evaluation),
                Err(error) if error.is::<crate::metrics::MetricError>() => {
                    return diverged(&mut writer, epoch, progress.step, display);
                }
                Err(error) => return Err(error),
            }
        };
        let watched = validation
            .as_ref()
            .map_or(train_loss, |found| found.loss(setup.loss));
        let improved = progress
            .best
            .is_none_or(|best| watched < best.value - settings.min_delta);
        if improved {
            progress.best = Some(Best {
                epoch,
                value: watched,
            });
            progress.epochs_without_improvement = 0;
        } else {
            progress.epochs_without_improvement += 1;
        }
        let figures = validation.as_ref().map(|found| &found.figures);
        let row = Row {
            epoch,
            step: progress.step,
            seconds,
            images_per_s,
            lr: rate,
            train_loss,
            val_loss: validation.as_ref().map(|found| found.loss(setup.loss)),
            val_mse: figures.map(|figures| figures.mse),
            val_bce: figures.map(|figures| figures.bce),
            val_psnr: figures.map(|figures| figures.psnr),
        };
        run.append_line(METRICS, &row)?;
        let samples = write_samples(setup, run, &measured, epoch)?;
        if let Some(events) = &mut events {
            events.epoch(&row, &std::fs::read(samples)?)?;
        }
        let names: &[_] = if improved {
            &["best", "last"]
        } else {
            &["last"]
        };
        writer.checkpoints(names, &model, &optimizer, &progress)?;
        display.line(&line(&row, settings.epochs));
        rows.push(row);
        if let (true, Some(evaluation)) = (improved, &validation) {
            Report {
                setup,
                run,
                rows: &rows,
                model: &measured,
                images: &setup.train,
                indices: held_out,
                evaluation,
                summary: None,
            }
            .write()?;
        }
        // Between epochs, after everything is saved, there is no step to finish.
        if interrupt::requested() && progress.epoch < settings.epochs {
            writer.state(Status::Interrupted, &progress)?;
            return Ok(Outcome::Interrupted);
        }
    }

    // The end: the best weights on the test images, with the baselines beside them.
    display.finish();
    writer.finish()?;
    let best = checkpoint::read_best(run)?.model(&setup.backend.device)?;
    let tested = setup.batches(&setup.test);
    let all: Vec<u32> = (0..setup.test.len() as u32).collect();
    let beside = match best.is_denoising() {
        true => Some(restoration::Baselines::choose(&best, setup)?),
        false => None,
    };
    let evaluation = evaluation::evaluate(&best, &tested, &all, seed, true, beside.as_ref())?;
    let code_size = setup.layers.code_size();
    let baselines = evaluation::baselines(
        &setup.train,
        &setup.test,
        code_size,
        evaluation.corrupted.as_ref(),
    )?;
    let trained = Trained {
        status: Status::Finished,
        epochs: progress.epoch,
        best_epoch: progress.best.map_or(progress.epoch, |best| best.epoch),
        steps: progress.step,
        seconds: progress.train_seconds,
        images: progress.train_images,
        start_seconds,
    };
    if let Some(events) = &mut events {
        events.test(progress.step, &evaluation.figures)?;
    }
    let summary = Summary::new(setup, trained, &evaluation, baselines);
    write_curves(run, &rows)?;
    Report {
        setup,
        run,
        rows: &rows,
        model: &best,
        images: &setup.test,
        indices: &all,
        evaluation: &evaluation,
        summary: Some(&summary),
    }
    .write()?;
    run.write_json("summary.json", &summary)?;
    writer.state(Status::Finished, &progress)?;
    Ok(Outcome::Finished(Box::new(Finished {
        summary,
        model: best,
    })))
}

/// A training as it stands.
pub struct Start {
    pub model: Autoencoder,
    pub optimizer: Optimizer,
    pub progress: Progress,
    /// Seconds from the start of the program to the end of its first step.
    pub seconds: Option<f64>,
}

/// How training pictures are changed, and what the model is to give back for them.
type Changes = (data::Augment, AugmentTarget);

/// The changes of the training pictures that a config wants.
pub fn changes_of(config: &Config) -> Option<Changes> {
    let augment = config.data.augment();
    augment.map(|augment| (data::Augment::from(augment), augment.target))
}

/// What the model is shown of a batch, and what it is to give back, both `[batch, C, H, W]`. `first`
/// is how many images of the epoch come before it.
pub fn pictures(
    batches: &Batches,
    batch: &[u32],
    first: usize,
    changes: Option<&Changes>,
    seed: u64,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let drawn = batches.draw(batch, first as u64, seed)?;
    Ok(match changes {
        Some((augment, AugmentTarget::Changed)) => {
            let changed = drawn.changed(augment, seed)?;
            (changed.clone(), changed)
        }
        Some((augment, AugmentTarget::Original)) => (drawn.changed(augment, seed)?, drawn.plain()?),
        None => {
            let images = drawn.plain()?;
            (images.clone(), images)
        }
    })
}

/// Whether early stopping ends the run here.
fn patience_is_over(setup: &Setup, progress: &Progress) -> bool {
    let patience = setup.config.train.patience;
    patience.is_some_and(|patience| progress.epochs_without_improvement >= patience)
}

/// Writes what a run is resumed from. Checkpoints are written while the next steps are computed.
pub struct Writer<'a> {
    setup: &'a Setup,
    run: &'a Run,
    /// Layers that are not trained.
    frozen: Vec<String>,
    background: Background,
}

impl<'a> Writer<'a> {
    /// A writer for a training of which the layers `frozen` are no part.
    fn new(setup: &'a Setup, run: &'a Run, frozen: Vec<String>) -> Self {
        Self {
            setup,
            run,
            frozen,
            background: Background::default(),
        }
    }

    /// Starts to write checkpoints of these names and, once they are in place, a running state.
    ///
    /// # Errors
    /// Where the device fails, or what was started before cannot be written.
    pub fn checkpoints(
        &mut self,
        names: &'static [&'static str],
        model: &Autoencoder,
        optimizer: &Optimizer,
        progress: &Progress,
    ) -> Result<()> {
        let config = &self.setup.config;
        let snapshot = Snapshot::take(config, model, optimizer, progress, &self.frozen)?;
        let state = progress.state(Status::Running);
        let run = self.run.clone();
        self.background.start(move || {
            snapshot.write(&run, names)?;
            run.write_json("state.json", &state)
        })
    }

    /// Whether a layer is not trained.
    pub fn is_frozen(&self, layer: &str) -> bool {
        self.frozen.iter().any(|frozen| frozen == layer)
    }

    /// Waits until all that was started is written.
    fn finish(&mut self) -> Result<()> {
        self.background.finish()
    }

    /// Writes the state, after everything before it.
    ///
    /// # Errors
    /// Where that, or what was started before, cannot be written.
    pub fn state(&mut self, status: Status, progress: &Progress) -> Result<()> {
        self.finish()?;
        self.run.write_json("state.json", &progress.state(status))
    }
}

/// Ends a run whose loss is no number any more; its last good checkpoint stays.
///
/// # Errors
/// Where the run's folder cannot be written.
pub fn diverged(
    writer: &mut Writer,
    epoch: usize,
    step: usize,
    display: &Display,
) -> Result<Outcome> {
    writer.finish()?;
    let mut state = writer.run.state()?;
    state.status = Status::Diverged;
    let message = format!("the loss is not finite in epoch {epoch}, by step {step}");
    display.line(&message);
    state.message = Some(message);
    writer.run.write_json("state.json", &state)?;
    Ok(Outcome::Diverged)
}

/// The value of a tensor of one element.
///
/// # Errors
/// Where the device does not give it.
pub fn first(tensor: &Tensor<1>) -> Result<f32> {
    let values = values(tensor.clone())?;
    values
        .first()
        .copied()
        .context("the device gave an empty loss")
}

/// An epoch in one line for people.
fn line(row: &Row, epochs: usize) -> String {
    let mut text = format!(
        "epoch {:>3}/{epochs}  train/loss {:.5}",
        row.epoch, row.train_loss
    );
    if let (Some(loss), Some(mse), Some(psnr)) = (row.val_loss, row.val_mse, row.val_psnr) {
        text += &format!("  val/loss {loss:.5}  val/mse {mse:.5}  val/psnr {psnr:.2} dB");
    }
    text + &format!("  {:.0} images/s  {:.1} s", row.images_per_s, row.seconds)
}

/// `samples/epoch-0001.png`: inputs, corrupted inputs where there are any, reconstructions.
fn write_samples(setup: &Setup, run: &Run, model: &Autoencoder, epoch: usize) -> Result<PathBuf> {
    let (images, indices): (_, Vec<u32>) = match setup.split.validation.as_slice() {
        [] => (
            &setup.test,
            (0..setup.test.len().min(SAMPLES) as u32).collect(),
        ),
        held_out => (
            &setup.train,
            held_out.iter().copied().take(SAMPLES).collect(),
        ),
    };
    let device = &setup.backend.device;
    let shown = Shown::of(model, device, images, &indices, setup.config.seed)?;
    let rows: Vec<Vec<&[f32]>> = shown.rows().into_iter().map(|(_, row)| row).collect();
    let path = run.path(&format!("samples/epoch-{epoch:04}.png"));
    samples::grid(&rows, setup.shape(), &path)?;
    Ok(path)
}

/// `plots/loss.svg`.
fn write_curves(run: &Run, rows: &[Row]) -> Result<()> {
    let history: Vec<EpochRow> = rows
        .iter()
        .map(|row| EpochRow {
            epoch: row.epoch,
            train_loss: row.train_loss,
            val_loss: row.val_loss,
        })
        .collect();
    let folder = run.path("plots");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))?;
    let name = run
        .folder()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    plots::loss_curves(
        &format!("Loss of {name}"),
        &history,
        &folder.join("loss.svg"),
    )
}
