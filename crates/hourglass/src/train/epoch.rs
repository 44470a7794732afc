//! One epoch of steps: what training all layers and training each by itself have in common.

use std::time::{Duration, Instant};

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use data::Batches;
use model::{Autoencoder, Losses};

use super::batching::Batching;
use super::observer::{Flow, Observer, Place};
use super::optimizer::Optimizer;
use super::outcome::Stop;
use super::schedule::learning_rate;
use super::writer::Writer;
use crate::batched::values;
use crate::config::{AugmentTarget, Config, TrainConfig};
use crate::error::{Error, Result};
use crate::measure::pca::Pca;
use crate::run::checkpoint::{CheckpointError, Progress};
use crate::run::{Held, Lock, Run, Status};
use crate::setup::Setup;
use crate::streams::Stream;

/// How long to wait between two readings of the loss: each one waits for the device.
const READING_INTERVAL: Duration = Duration::from_millis(250);

/// The least that a clock tells, in seconds.
const TICK: f64 = 1e-9;

/// A training as it stands.
pub(super) struct State {
    pub model: Autoencoder,
    pub optimizer: Optimizer,
    pub progress: Progress,
}

/// What a training works with.
pub(super) struct Training<'a> {
    pub setup: &'a Setup,
    pub run: &'a Run,
    pub observer: &'a mut dyn Observer,
    pub writer: Writer<'a>,
    pub batches: Batches,
    /// The lock of the run's folder, if the caller has it.
    pub lock: Option<&'a Lock>,
    /// When the program started, until the first step is made.
    pub since: Option<Instant>,
    /// Seconds from then to the end of the first step.
    pub start_seconds: Option<f64>,
    /// The principal components that the model started from, if it did so in this process.
    pub components: Option<Pca>,
}

/// What an epoch is of.
pub(super) struct Plan<'a> {
    /// The epoch, and the layer if one is trained by itself.
    pub place: Place<'a>,
    pub settings: &'a TrainConfig,
    /// The run's seed, or the layer's.
    pub seed: u64,
}

/// What a step is made with.
pub(super) struct Batch {
    /// What the model is shown, `[batch, C, H, W]`, before it is corrupted.
    pub shown: Tensor<4>,
    /// What it is to give back, of the same shape.
    pub target: Tensor<4>,
    /// The seed of the step's corruption.
    pub seed: u64,
    /// Epochs made before, of this training, with the share of the current one.
    pub epochs: f64,
}

/// The figures of an epoch's steps.
pub(super) struct Trained {
    /// Mean over the epoch's images.
    pub loss: f64,
    /// Seconds in this process.
    pub seconds: f64,
    /// Images trained on per second, in those.
    pub images_per_s: f64,
    /// The last step's learning rate.
    pub rate: f64,
}

impl Training<'_> {
    /// Fails if another process works in the run's folder, because somebody removed its lock.
    pub fn check_lock(&mut self) -> Result<()> {
        let held = self.lock.map_or(Ok(Held::Still), Lock::check)?;
        if held == Held::Again {
            let folder = self.run.folder().display();
            self.observer.warn(&format!(
                "{folder}: its .lock was removed and is there again; without it two processes could train this run"
            ));
        }
        Ok(())
    }

    /// Makes the steps of an epoch that are not made yet; `losses` says what one of them minimises.
    pub fn epoch(
        &mut self,
        state: State,
        plan: &Plan<'_>,
        mut losses: impl FnMut(&mut Autoencoder, Batch) -> Losses,
    ) -> Result<(State, Trained), Stop> {
        let State {
            mut model,
            mut optimizer,
            mut progress,
        } = state;
        let (settings, epoch) = (plan.settings, plan.place.epoch);
        let seed = |stream: Stream| stream.seed(plan.seed, epoch as u64);
        let order = data::epoch_order(&self.setup.split.train, seed(Stream::Order));
        let augment = augment_of(&self.setup.config);
        let device = &self.setup.backend.device;
        let batching = Batching::new(settings.batch_size, order.len(), &progress);
        let before = progress.images;
        let too_many = || CheckpointError::Images {
            found: before,
            all: order.len(),
        };
        let rest = batching.rest(&order, before).ok_or_else(too_many)?;
        let mut loss_sum = Tensor::<1>::from_floats([progress.loss_sum], device);
        let started = Instant::now();
        let mut last_reading = started;
        let rate_after = |epochs: usize, images: usize| {
            let steps = batching.steps(epochs, images);
            learning_rate(settings, (steps, batching.step()), batching.per_epoch())
        };
        // If a stop came behind the last batch, no step is left to make.
        let mut rate = rate_after(progress.epoch, batching.before(before));
        for indices in rest {
            let steps = batching.steps(progress.epoch, progress.images);
            rate = rate_after(progress.epoch, progress.images);
            let (shown, target) = pictures(
                &self.batches,
                indices,
                progress.images,
                augment.as_ref(),
                seed(Stream::Augment),
            )?;
            let batch = Batch {
                shown,
                target,
                seed: Stream::Corruption.seed(plan.seed, progress.step as u64),
                epochs: steps / batching.per_epoch() as f64,
            };
            let losses = losses(&mut model, batch);
            let grads = GradientsParams::from_grads(losses.total.backward(), &model);
            model = optimizer.step(rate, model, grads);
            let loss = losses.compared().without_autodiff();
            loss_sum = loss_sum + loss * indices.len() as f64;
            progress.step += 1;
            progress.images += indices.len();
            progress.train_images += indices.len();
            self.observer.step(self.setup.steps_made(&progress));
            if let Some(since) = self.since.take() {
                self.start_seconds = Some(since.elapsed().as_secs_f64());
            }

            let stop = self.observer.flow() == Flow::Stop;
            if stop || last_reading.elapsed() >= READING_INTERVAL {
                last_reading = Instant::now();
                self.check_lock()?;
                progress.loss_sum = first(&loss_sum)?;
                let loss = progress.loss_sum / progress.images as f32;
                self.observer.loss(&plan.place, loss);
                if !loss.is_finite() {
                    let step = progress.step;
                    return Err(Stop::Diverged { epoch, step });
                }
            }
            if stop {
                progress.train_seconds += started.elapsed().as_secs_f64();
                self.writer
                    .checkpoints(&["last"], &model, &optimizer, &progress)?;
                self.writer.state(Status::Interrupted, &progress)?;
                return Err(Stop::Interrupted);
            }
        }
        let loss = f64::from(first(&loss_sum)?) / progress.images as f64;
        let seconds = started.elapsed().as_secs_f64();
        if !loss.is_finite() {
            let step = progress.step;
            return Err(Stop::Diverged { epoch, step });
        }
        let trained = Trained {
            loss,
            seconds,
            images_per_s: per_second(progress.images - before, seconds),
            rate,
        };
        progress.train_seconds += seconds;
        progress.epoch = epoch;
        progress.images = 0;
        progress.part = None;
        progress.loss_sum = 0.0;
        let state = State {
            model,
            optimizer,
            progress,
        };
        Ok((state, trained))
    }
}

/// How training pictures are changed, and what the model is to give back for them.
type Augment = (data::Augment, AugmentTarget);

/// The changes of the training pictures that a config wants.
fn augment_of(config: &Config) -> Option<Augment> {
    let augment = config.data.augment();
    augment.map(|augment| (data::Augment::from(augment), augment.target))
}

/// What the model is shown of a batch, and what it is to give back, both `[batch, C, H, W]`. `first`
/// is how many images of the epoch come before it.
fn pictures(
    batches: &Batches,
    indices: &[u32],
    first: usize,
    augment: Option<&Augment>,
    seed: u64,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let drawn = batches.draw(indices, first as u64, seed)?;
    Ok(match augment {
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

/// Images per second; a clock that stood still counts as having told the least that it can.
pub(super) fn per_second(images: usize, seconds: f64) -> f64 {
    images as f64 / seconds.max(TICK)
}

/// The value of a tensor of one element.
fn first(tensor: &Tensor<1>) -> Result<f32> {
    let values = values(tensor.clone())?;
    let empty = || Error::Device("an empty loss".into());
    values.first().copied().ok_or_else(empty)
}
