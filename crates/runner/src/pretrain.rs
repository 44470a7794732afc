//! Layer-wise pre-training: each layer is trained alone, before all are trained together.
//!
//! From the input to the code, each encoder layer and its mirror in the decoder are trained as a
//! shallow autoencoder of the output of the trained layers below (Hinton & Salakhutdinov 2006; Bengio et
//! al. 2007). Each layer is a small training with its own seed, optimizer and schedule. It is resumed as
//! exactly as the training that follows.

use std::time::Instant;

use anyhow::Result;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use model::Noise;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Progress;
use crate::config::{PretrainConfig, TrainConfig};
use crate::interrupt;
use crate::optimizer::Optimizer;
use crate::progress::Display;
use crate::run::{Run, Status};
use crate::schedule::learning_rate;
use crate::setup::Setup;
use crate::streams::Stream;
use crate::train::{Outcome, Start, Writer, changes_of, diverged, first, pictures};

/// The file of figures, one line per layer and epoch. It is separate from the figures of the training
/// that follows, because the losses differ.
const METRICS: &str = "pretrain.jsonl";

/// One line of `pretrain.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    /// The encoder layer.
    layer: String,
    /// Epoch of this layer; the step, too, counts this layer's steps.
    epoch: usize,
    step: usize,
    seconds: f64,
    images_per_s: f64,
    lr: f64,
    /// The config's loss for the first layer, and for the others the mean squared error on the output of
    /// the layers below.
    #[serde(rename = "train/loss")]
    train_loss: f64,
}

/// Pre-trains the remaining layers. Returns how the run ended if it did not reach the end of the last
/// layer.
///
/// # Errors
/// If the run's folder cannot be written or the device fails.
pub fn pretrain(
    setup: &Setup,
    run: &Run,
    start: Start,
    writer: &mut Writer,
    display: &Display,
) -> Result<(Start, Option<Outcome>)> {
    let config = &setup.config;
    let Some(PretrainConfig::Layerwise { epochs }) = config.train.pretrain else {
        return Ok((start, None));
    };
    let settings = TrainConfig {
        epochs,
        ..config.train.clone()
    };
    let Start {
        mut model,
        mut optimizer,
        mut progress,
        mut seconds,
    } = start;
    let depth = model.depth();
    let name = |layer: usize| setup.layers.get(layer).map_or("", |layer| &layer.name);
    let mirror = |layer: usize| name(setup.layers.len().saturating_sub(layer + 1));
    if let Some(layer) = progress.pretraining {
        // If the process was killed between an epoch's line and its checkpoint, that epoch is repeated.
        let mut rows: Vec<Row> = run.lines(METRICS);
        rows.retain(|row| {
            let before = (0..layer).any(|layer| name(layer) == row.layer);
            before || row.layer == name(layer) && row.epoch <= progress.epoch
        });
        run.write_lines(METRICS, &rows)?;
    }
    let batches = setup.batches(&setup.train);
    let augment = changes_of(config);
    let steps_per_epoch = setup.steps_per_epoch();

    while let Some(layer) = progress.pretraining {
        if writer.is_frozen(name(layer)) && writer.is_frozen(mirror(layer)) {
            progress = next(progress, layer, depth);
            continue;
        }
        let seed = Stream::Pretrain.seed(config.seed, layer as u64);
        let epoch = progress.epoch + 1;
        let order = data::epoch_order(&setup.split.train, Stream::Order.seed(seed, epoch as u64));
        let changes = Stream::Augment.seed(seed, epoch as u64);
        // The layers below compute the input and are not trained.
        let below = model.valid();
        // The last batch may have fewer images. A stop after it leaves nothing of the epoch to do.
        let before = progress.images;
        let done = before.div_ceil(settings.batch_size);
        let mut loss_sum = Tensor::<1>::from_floats([progress.loss_sum], &setup.backend.device);
        let started = Instant::now();
        let mut last_reading = started;
        let mut rate = settings.learning_rate;
        for batch in order.chunks(settings.batch_size).skip(done) {
            rate = learning_rate(&settings, progress.step, steps_per_epoch);
            let (shown, target) =
                pictures(&batches, batch, progress.images, augment.as_ref(), changes)?;
            let (input, target): (Tensor<2>, Tensor<2>) = match layer.checked_sub(1) {
                // Only pictures are corrupted, not the outputs of layers.
                None => {
                    let noise = Noise::Device {
                        seed: Stream::Corruption.seed(seed, progress.step as u64),
                    };
                    (
                        model.corrupt(shown, noise).flatten(1, 3),
                        target.flatten(1, 3),
                    )
                }
                Some(last) => {
                    let given = below.encode_to(model.clean_input(shown), last);
                    (given.clone(), given)
                }
            };
            let losses = model.layer_loss(layer, input.autodiff(), target.autodiff(), setup.loss);
            let grads = GradientsParams::from_grads(losses.total.backward(), &model);
            model = optimizer.step(rate, model, grads);
            let loss = losses.reconstruction.without_autodiff();
            loss_sum = loss_sum + loss * batch.len() as f64;
            progress.step += 1;
            progress.images += batch.len();
            progress.train_images += batch.len();
            display.step(setup.steps_made(&progress));
            seconds = seconds.or_else(crate::seconds_to_first_step);

            let stop = interrupt::requested();
            if stop || last_reading.elapsed() >= Display::interval() {
                last_reading = Instant::now();
                progress.loss_sum = first(&loss_sum)?;
                let loss = progress.loss_sum / progress.images as f32;
                let words = format!("{} epoch {epoch}/{epochs}", name(layer));
                display.message(format!("{words}  loss {loss:.5}"));
                if !loss.is_finite() {
                    let ended = diverged(writer, epoch, progress.step, display)?;
                    return Ok((
                        Start {
                            model,
                            optimizer,
                            progress,
                            seconds,
                        },
                        Some(ended),
                    ));
                }
            }
            if stop {
                progress.train_seconds += started.elapsed().as_secs_f64();
                writer.checkpoints(&["last"], &model, &optimizer, &progress)?;
                writer.state(Status::Interrupted, &progress)?;
                let ended = Some(Outcome::Interrupted);
                return Ok((
                    Start {
                        model,
                        optimizer,
                        progress,
                        seconds,
                    },
                    ended,
                ));
            }
        }
        let train_loss = f64::from(first(&loss_sum)?) / progress.images as f64;
        let spent = started.elapsed().as_secs_f64();
        if !train_loss.is_finite() {
            let ended = diverged(writer, epoch, progress.step, display)?;
            return Ok((
                Start {
                    model,
                    optimizer,
                    progress,
                    seconds,
                },
                Some(ended),
            ));
        }
        let row = Row {
            layer: name(layer).into(),
            epoch,
            step: progress.step,
            seconds: spent,
            images_per_s: (progress.images - before) as f64 / spent,
            lr: rate,
            train_loss,
        };
        run.append_line(METRICS, &row)?;
        progress.train_seconds += spent;
        progress.epoch = epoch;
        progress.images = 0;
        progress.loss_sum = 0.0;
        if epoch >= epochs {
            progress = next(progress, layer, depth);
            optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
        }
        writer.checkpoints(&["last"], &model, &optimizer, &progress)?;
        display.line(&line(&row, layer + 1, depth, epochs));
    }
    Ok((
        Start {
            model,
            optimizer,
            progress,
            seconds,
        },
        None,
    ))
}

/// The start of the layer after `layer` of `depth`, or of the training of all layers together.
fn next(progress: Progress, layer: usize, depth: usize) -> Progress {
    Progress {
        pretraining: Some(layer + 1).filter(|&next| next < depth),
        train_seconds: progress.train_seconds,
        train_images: progress.train_images,
        ..Progress::default()
    }
}

/// An epoch in one line of text.
fn line(row: &Row, number: usize, depth: usize, epochs: usize) -> String {
    format!(
        "layer {number}/{depth} {}  epoch {:>3}/{epochs}  train/loss {:.5}  {:.0} images/s  {:.1} s",
        row.layer, row.epoch, row.train_loss, row.images_per_s, row.seconds
    )
}
