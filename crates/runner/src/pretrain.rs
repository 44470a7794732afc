//! Pre-training: each layer by itself, before all are trained together.
//!
//! From the input to the code, each encoder layer and its mirror in the decoder are trained as a
//! shallow autoencoder of what the trained layers below give (Hinton & Salakhutdinov 2006; Bengio et
//! al. 2007). A layer is a small training of its own: a seed, an optimizer and a schedule from their
//! start. It is resumed as exactly as the training that follows.

use std::time::Instant;

use anyhow::{Result, bail};
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

/// The file of figures, a line for each layer and epoch. They are not beside those of the training
/// that follows, for they are of other losses.
const METRICS: &str = "pretrain.jsonl";

/// One line of `pretrain.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    /// The encoder layer.
    layer: String,
    /// Of this layer, as is the step.
    epoch: usize,
    step: usize,
    seconds: f64,
    images_per_s: f64,
    lr: f64,
    /// Of the first layer the config's, of the others the mean squared error of what is below them.
    #[serde(rename = "train/loss")]
    train_loss: f64,
}

/// Trains the layers by themselves that are not yet; how the run ended, where it did not come to the
/// last of them.
///
/// # Errors
/// Where the run's folder cannot be written or the device fails.
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
    if let Some(layer) = progress.pretraining {
        // Killed after an epoch's line was written and before its checkpoint was: that epoch is redone.
        let mut rows: Vec<Row> = run.lines(METRICS);
        let encoder = setup.layers.encoder();
        rows.retain(|row| {
            let place = encoder.iter().position(|it| it.name() == row.layer);
            place.is_some_and(|at| at < layer || at == layer && row.epoch <= progress.epoch)
        });
        run.write_lines(METRICS, &rows)?;
    }
    let batches = setup.batches(&setup.train);
    let augment = changes_of(config);
    let steps_per_epoch = setup.steps_per_epoch();

    while let Some(layer) = progress.pretraining {
        let Some((trained, mirror)) = setup.layers.pair(layer) else {
            bail!("the checkpoint is at layer {layer} of an encoder with {depth}");
        };
        let name = trained.name();
        if writer.is_frozen(&name) && writer.is_frozen(&mirror.name()) {
            progress = next(progress, layer, depth);
            continue;
        }
        let seed = Stream::Pretrain.seed(config.seed, layer as u64);
        let epoch = progress.epoch + 1;
        let order = data::epoch_order(&setup.split.train, Stream::Order.seed(seed, epoch as u64));
        let changes = Stream::Augment.seed(seed, epoch as u64);
        // The layers below give the representation, and learn nothing.
        let below = model.valid();
        // The last batch may have fewer images; a stop behind it leaves nothing of the epoch.
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
            let noise = Noise::Device {
                seed: Stream::Corruption.seed(seed, progress.step as u64),
            };
            let (input, target): (Tensor<2>, Tensor<2>) = match layer.checked_sub(1) {
                // Only pictures are corrupted: that is what corruptions are for.
                None => (
                    model.corrupt(shown, noise).flatten(1, 3),
                    target.flatten(1, 3),
                ),
                Some(last) => {
                    let given = below.encode_to(model.clean_input(shown), last);
                    (given.clone(), given)
                }
            };
            let (input, target) = (input.autodiff(), target.autodiff());
            let losses = model.layer_loss(layer, input, target, setup.loss, noise);
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
                let words = format!("{name} epoch {epoch}/{epochs}");
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
            layer: name,
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

/// The start of the layer after `layer` of `depth`, or of the training of all together.
fn next(progress: Progress, layer: usize, depth: usize) -> Progress {
    Progress {
        pretraining: Some(layer + 1).filter(|&next| next < depth),
        train_seconds: progress.train_seconds,
        train_images: progress.train_images,
        ..Progress::default()
    }
}

/// An epoch in one line for people.
fn line(row: &Row, number: usize, depth: usize, epochs: usize) -> String {
    format!(
        "layer {number}/{depth} {}  epoch {:>3}/{epochs}  train/loss {:.5}  {:.0} images/s  {:.1} s",
        row.layer, row.epoch, row.train_loss, row.images_per_s, row.seconds
    )
}
