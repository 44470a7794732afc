//! Training: from a setup to a finished run. [`train`] reads top to bottom; what an epoch's steps are is
//! in `epoch`, and what watches them is an [`Observer`].
//!
//! Order and changes of the images, noise and initial weights come from named streams of the seed, so a resumed
//! run needs nothing but the last checkpoint to go on bit for bit (on flex and ndarray).

use std::time::Instant;

use burn::module::Module;
use data::{ImageShape, View};
use model::{Autoencoder, Layers, ModelConfig, Noise};

use crate::codec::tiles;
use crate::error::{Error, Result};
use crate::measure::evaluation::{self, Evaluation};
use crate::measure::metrics::MetricError;
use crate::measure::pca::Pca;
use crate::measure::restoration;
use crate::measure::summary::{self, Summary};
use crate::run::checkpoint::{self, Checkpoint, Progress};
use crate::run::{Best, Lock, Run, RunError, Status};
use crate::setup::Setup;
use crate::streams::Stream;
use batching::Batching;
use epoch::{Plan, State, Training};
use observer::{End, Epoch, Flow, Observer, Place};
use optimizer::Optimizer;
use outcome::{Finished, Outcome, Stop};
use row::{METRICS, Row};
use writer::Writer;

mod background;
pub(crate) mod batching;
mod epoch;
mod layerwise;
pub mod observer;
pub mod optimizer;
pub mod outcome;
pub mod pretrained;
pub mod row;
pub mod schedule;
mod writer;

/// What a training starts from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start<'a> {
    /// The checkpoint that it goes on from; `None` starts with initial weights.
    pub from: Option<&'a Checkpoint>,
    /// The lock of the run's folder, which the training looks after: it stops if another process has taken it.
    pub lock: Option<&'a Lock>,
    /// When the program started, if the seconds to its first step are a figure of this run.
    pub since: Option<Instant>,
    /// Whether nobody is to resume the run, as one in a temporary folder: the figures of its epochs and its best
    /// checkpoint are then written at its end alone, and PCA is not measured beside it. A small training spends most of its
    /// time on that.
    pub temporary: bool,
}

/// Trains a run, whose lock the caller holds, to its end.
///
/// # Errors
/// If the run's folder cannot be written, the device fails or an observer does; `state.json` then
/// says `failed`.
pub fn train(
    setup: &Setup,
    run: &Run,
    start: Start<'_>,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let mut training = Training {
        setup,
        run,
        observer,
        writer: Writer::new(setup, run, start.temporary),
        batches: setup.batches(&setup.train),
        lock: start.lock,
        since: start.since,
        start_seconds: None,
        components: None,
    };
    let ended = match steps(&mut training, &start) {
        Ok(finished) => Ok(Outcome::Finished(Box::new(finished))),
        Err(Stop::Interrupted) => Ok(Outcome::Interrupted),
        Err(Stop::Diverged { epoch, step }) => {
            let message = format!("the loss is not finite in epoch {epoch}, by step {step}");
            let written = training.writer.diverged(&message);
            training.observer.diverged(&message);
            written.map(|()| Outcome::Diverged(message))
        }
        Err(Stop::Failed(error)) => Err(error),
    };
    // What it started to write must not come after what is written here.
    drop(training);
    // Where another process trains, its state is the one that counts.
    let lost = |error: &Error| matches!(error.root(), Error::Run(RunError::LockLost { .. }));
    if let Err(error) = &ended
        && !lost(error)
        && let Ok(mut state) = run.state()
    {
        state.status = Status::Failed;
        state.message = Some(error.to_string());
        // The first error is the one to report: a full disk refuses this file too.
        let _ = run.write_json("state.json", &state);
    }
    ended
}

fn steps(training: &mut Training<'_>, given: &Start<'_>) -> Result<Finished, Stop> {
    let (setup, run) = (training.setup, training.run);
    let from = given.from;
    let config = &setup.config;
    let settings = &config.train;
    let seed = config.seed;

    let mut state = start(training, from)?;
    let mut rows: Vec<Row> = run.intact_lines(METRICS)?;
    // Killed after an epoch's line was written and before its checkpoint was: that epoch is redone.
    let whole = state.progress.pretraining.is_none();
    rows.retain(|row| whole && row.epoch <= state.progress.epoch);
    run.write_lines(METRICS, &rows)?;

    // Layers by themselves, if the config wants that.
    state = layerwise::layers(training, state)?;
    training.observer.start(setup, run, state.progress.step)?;
    let held_out = setup.split.validation.as_slice();
    let starts_well = from.is_none() && state.model.component_shape().is_some();
    if starts_well && !held_out.is_empty() {
        keep_start(training, &mut state)?;
    }

    while state.progress.epoch < settings.epochs && !patience_is_over(setup, &state.progress) {
        let place = Place {
            layer: None,
            epoch: state.progress.epoch + 1,
            epochs: settings.epochs,
        };
        let plan = Plan {
            place,
            settings,
            seed,
        };
        let trained;
        (state, trained) = training.epoch(state, &plan, |model, batch| {
            model.at_epoch(Some(batch.epochs));
            let noise = Noise::Device { seed: batch.seed };
            let input = model.corrupt(batch.shown.autodiff(), noise);
            model.loss(input, batch.target.autodiff(), setup.loss, noise)
        })?;

        // The epoch's end: validation, the line of figures, what observers do, checkpoints.
        let mut measured = state.model.valid();
        measured.at_epoch(None);
        let evaluation = match held_out {
            [] => None,
            _ => Some(validated(training, &measured, &state.progress)?),
        };
        let loss = evaluation.as_ref().map(|found| found.loss(setup.loss));
        let improved = note_best(
            &mut state.progress,
            loss.unwrap_or(trained.loss),
            settings.min_delta,
        );
        let figures = evaluation.as_ref().map(|found| &found.figures);
        let row = Row {
            epoch: place.epoch,
            step: state.progress.step,
            seconds: trained.seconds,
            images_per_s: trained.images_per_s,
            lr: trained.rate,
            train_loss: trained.loss,
            val_loss: loss,
            val_mse: figures.map(|figures| figures.mse),
            val_bce: figures.map(|figures| figures.bce).filter(|it| !it.is_nan()),
            val_psnr: figures
                .map(|figures| figures.psnr)
                .filter(|it| !it.is_nan()),
            val_bits_per_pixel: evaluation
                .as_ref()
                .and_then(|found| Some(found.rate?.bits_per_pixel)),
        };
        training.check_lock()?;
        if !given.temporary {
            run.append_line(METRICS, &row)?;
        }
        rows.push(row.clone());
        training.observer.epoch(&Epoch {
            setup,
            run,
            rows: &rows,
            row: &row,
            model: &measured,
            evaluation: evaluation.as_ref(),
            improved,
        })?;
        let names: &[_] = if improved {
            &["best", "last"]
        } else {
            &["last"]
        };
        let (model, optimizer) = (&state.model, &state.optimizer);
        (training.writer).checkpoints(names, model, optimizer, &state.progress)?;
        // Between epochs, after everything is saved, there is no step to finish.
        if state.progress.epoch < settings.epochs && training.observer.flow() == Flow::Stop {
            (training.writer).state(Status::Interrupted, &state.progress)?;
            return Err(Stop::Interrupted);
        }
    }
    training.observer.measuring();
    training.writer.finish()?;
    if given.temporary {
        run.write_lines(METRICS, &rows)?;
    }
    Ok(finish(training, &state.progress, &rows, given.temporary)?)
}

/// Initial weights, or everything as the checkpoint has it.
fn start(training: &mut Training<'_>, from: Option<&Checkpoint>) -> Result<State> {
    let setup = training.setup;
    let config = &setup.config;
    let settings = &config.train;
    let device = setup.backend.device.clone().autodiff();
    let mut optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
    let (model, progress, frozen) = match from {
        Some(checkpoint) => {
            let model = checkpoint.model(&device)?;
            checkpoint.restore(&mut optimizer, &model, &setup.backend.device)?;
            let meta = &checkpoint.meta;
            let mut progress = meta.progress.clone();
            let before = (meta.config.as_ref()).map(|config| config.train.batch_size);
            if let Some(size) = before.filter(|&size| size != settings.batch_size) {
                let images = setup.split.train.len();
                progress.part = Batching::new(size, images, &progress).left_at(&progress);
            }
            (model, progress, meta.frozen.clone())
        }
        None => {
            let seed = Stream::Init.seed(config.seed, 0);
            let model = config
                .model
                .init_for(setup.shape(), &setup.range, seed, &device)?;
            let fresh = Progress {
                pretraining: settings.pretrain.as_ref().map(|_| 0),
                ..Progress::default()
            };
            let model = from_components(training, model)?;
            let mut frozen = stay(&config.model, model.layers());
            match &setup.pretrained {
                Some(layers) => {
                    frozen.extend(layers.frozen());
                    (layers.put_into(model)?, fresh, frozen)
                }
                None => (model, fresh, frozen),
            }
        }
    };
    let model = pretrained::freeze(model, &frozen);
    training.writer.freeze(frozen);
    let writer = &mut training.writer;
    match from {
        Some(_) => writer.state(Status::Running, &progress)?,
        None => writer.checkpoints(&["last"], &model, &optimizer, &progress)?,
    }
    Ok(State {
        model,
        optimizer,
        progress,
    })
}

/// A model whose code starts as principal components with those of the images that training may use.
fn from_components(training: &mut Training<'_>, model: Autoencoder) -> Result<Autoencoder> {
    let setup = training.setup;
    let Some(shape) = model.component_shape() else {
        return Ok(model);
    };
    let dims = shape.iter().product();
    let of_images = shape == setup.shape();
    let code_size = setup.layers.code().channels();
    let fit = |pixels: View<'_>| Pca::fit(pixels, dims, code_size);
    let pca = match setup.train.values() {
        images if of_images => fit(images)?,
        View::Deep(images) => fit(View::Deep(&squares(images, setup.shape(), shape)))?,
        images => fit(View::Bytes(&squares(&images.bytes(), setup.shape(), shape)))?,
    };
    // Images that are alike differ in fewer directions than there are images; the rest of the code stays 0.
    let mut directions = pca.directions();
    directions.resize(code_size * dims, 0.0);
    let model = model.with_components(&directions, &pca.mean_picture());
    training.components = of_images.then_some(pca);
    Ok(model)
}

/// Squares of this shape of the images.
fn squares<T: Copy + Default>(
    images: &[T],
    [channels, height, width]: ImageShape,
    shape: ImageShape,
) -> Vec<T> {
    let image = (channels * height * width).max(1);
    let count = MOST_SQUARES
        / tiles::grid([height, width], [shape[1], shape[2]])
            .iter()
            .product::<usize>()
            .max(1);
    // Pictures follow each other: of more than that, every second, third and so on.
    let every = (images.len() / image).div_ceil(count.max(1)).max(1);
    let some = images.chunks_exact(image).step_by(every);
    some.flat_map(|pixels| tiles::cut(pixels, [height, width], shape))
        .collect()
}

/// The most squares of images that principal components are of.
const MOST_SQUARES: usize = 100_000;

/// The layers of a new model that training leaves as they are: those that start as principal components, unless their
/// codes are to take few bits, for which components are only a start.
pub(crate) fn stay(config: &ModelConfig, layers: &Layers) -> Vec<String> {
    match config.rate_weight() {
        Some(_) => Vec::new(),
        None => layers.from_components(),
    }
}

/// A model's figures on the validation images.
fn validated(
    training: &Training<'_>,
    model: &Autoencoder,
    progress: &Progress,
) -> Result<Evaluation, Stop> {
    let (setup, batches) = (training.setup, &training.batches);
    let (held_out, seed) = (&setup.split.validation, setup.config.seed);
    let found = evaluation::evaluate(model, batches, held_out, seed, false, None);
    found.map_err(|error| stop(error, progress))
}

/// Keeps the start, which is as good as PCA, as the best weights until an epoch has better ones.
fn keep_start(training: &mut Training<'_>, state: &mut State) -> Result<(), Stop> {
    let found = validated(training, &state.model.valid(), &state.progress)?;
    note_best(&mut state.progress, found.loss(training.setup.loss), 0.0);
    let (model, optimizer) = (&state.model, &state.optimizer);
    (training.writer).checkpoints(&["best", "last"], model, optimizer, &state.progress)?;
    Ok(())
}

/// The best weights on the test images, with the baselines beside them.
fn finish(
    training: &mut Training<'_>,
    progress: &Progress,
    rows: &[Row],
    temporary: bool,
) -> Result<Finished> {
    let (setup, run) = (training.setup, training.run);
    let best = checkpoint::read_best(run)?.model(&setup.backend.device)?;
    let tested = setup.batches(&setup.test);
    let all: Vec<u32> = (0..setup.test.len() as u32).collect();
    // A baseline's filter would reach from one frame of a clip into the next.
    let is_picture = setup.test.fields().is_none() && setup.test.frames() == 1;
    let beside = match best.is_denoising() && is_picture {
        true => Some(restoration::Baselines::choose(&best, setup)?),
        false => None,
    };
    let seed = setup.config.seed;
    let evaluation = evaluation::evaluate(&best, &tested, &all, seed, true, beside.as_ref())?;
    let baselines = match temporary {
        // Of many rows, PCA takes as long as an epoch.
        true => evaluation::mean_alone(&setup.train, &setup.test)?,
        false => evaluation::baselines(
            &setup.train,
            &setup.test,
            setup.layers.code_size(),
            evaluation.corrupted.as_ref(),
            training.components.take(),
        )?,
    };
    let trained = summary::Trained {
        status: Status::Finished,
        epochs: progress.epoch,
        best_epoch: progress.best.map_or(progress.epoch, |best| best.epoch),
        steps: progress.step,
        seconds: progress.train_seconds,
        images_per_s: epoch::per_second(progress.train_images, progress.train_seconds),
        start_seconds: training.start_seconds,
    };
    let summary = Summary::new(setup, trained, rows, &evaluation, baselines);
    training.observer.end(&End {
        setup,
        run,
        rows,
        model: &best,
        images: &setup.test,
        indices: &all,
        evaluation: &evaluation,
        summary: &summary,
    })?;
    run.write_json("summary.json", &summary)?;
    training.writer.state(Status::Finished, progress)?;
    Ok(Finished {
        summary,
        model: best,
    })
}

/// Notes whether an epoch is the best so far, which is the one of the lowest loss, and whether it improved enough to
/// count for early stopping; whether it is the best.
fn note_best(progress: &mut Progress, value: f64, min_delta: f64) -> bool {
    let best = progress.best.map(|best| best.value);
    let counted = progress.counted_from.or(best);
    let improved = best.is_none_or(|best| value < best);
    if improved {
        let epoch = progress.epoch;
        progress.best = Some(Best { epoch, value });
    }
    let counts = counted.is_none_or(|counted| value < counted - min_delta);
    if counts {
        progress.epochs_without_improvement = 0;
    } else {
        progress.epochs_without_improvement += 1;
    }
    let counted = if counts { Some(value) } else { counted };
    let best = progress.best.map(|best| best.value);
    progress.counted_from = counted.filter(|_| counted != best);
    improved
}

/// Whether early stopping ends the run here.
fn patience_is_over(setup: &Setup, progress: &Progress) -> bool {
    let patience = setup.config.train.patience;
    patience.is_some_and(|patience| progress.epochs_without_improvement >= patience)
}

/// A validation that gives what is not a number ends the run as diverged; anything else is an error.
fn stop(error: Error, progress: &Progress) -> Stop {
    match error {
        Error::Metric(MetricError::NotFinite { .. }) => Stop::Diverged {
            epoch: progress.epoch,
            step: progress.step,
        },
        other => Stop::Failed(other),
    }
}
