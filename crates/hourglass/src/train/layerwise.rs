//! Layer-wise pre-training: each layer by itself, before all are trained together.
//!
//! From the input to the code, each encoder layer and its mirror in the decoder are trained as a
//! shallow autoencoder of what the trained layers below give (Hinton & Salakhutdinov 2006; Bengio et
//! al. 2007). A layer is a small training of its own: a seed, an optimizer and a schedule from their
//! start. It is resumed as exactly as the training that follows.

use burn::module::Module;
use burn::tensor::Tensor;
use model::Noise;

use super::epoch::{Plan, State, Training};
use super::observer::{LayerPlace, Place};
use super::optimizer::Optimizer;
use super::outcome::Stop;
use super::row::{LAYERS, LayerRow};
use crate::config::{PretrainConfig, TrainConfig};
use crate::run::checkpoint::{CheckpointError, Progress};
use crate::streams::Stream;

/// Trains the layers by themselves that are not yet.
pub(super) fn layers(training: &mut Training<'_>, mut state: State) -> Result<State, Stop> {
    let (setup, run) = (training.setup, training.run);
    let config = &setup.config;
    let Some(PretrainConfig::Layerwise { epochs }) = config.train.pretrain else {
        return Ok(state);
    };
    let settings = TrainConfig {
        epochs,
        ..config.train.clone()
    };
    let depth = state.model.depth();
    if let Some(layer) = state.progress.pretraining {
        // Killed after an epoch's line was written and before its checkpoint was: that epoch is redone.
        let mut rows: Vec<LayerRow> = run.intact_lines(LAYERS)?;
        let (encoder, epoch) = (setup.layers.encoder(), state.progress.epoch);
        rows.retain(|row| {
            let place = encoder.iter().position(|it| it.name() == row.layer);
            place.is_some_and(|at| at < layer || at == layer && row.epoch <= epoch)
        });
        run.write_lines(LAYERS, &rows)?;
    }

    while let Some(layer) = state.progress.pretraining {
        let Some((trained, mirror)) = setup.layers.pair(layer) else {
            return Err(CheckpointError::Layer { layer, depth }.into());
        };
        let name = trained.name();
        let writer = &training.writer;
        if writer.is_frozen(&name) && writer.is_frozen(&mirror.name()) {
            state.progress = next(state.progress, layer, depth);
            continue;
        }
        let place = Place {
            layer: Some(LayerPlace {
                name: &name,
                number: layer + 1,
                of: depth,
            }),
            epoch: state.progress.epoch + 1,
            epochs,
        };
        let plan = Plan {
            place,
            settings: &settings,
            seed: Stream::Pretrain.seed(config.seed, layer as u64),
        };
        // The layers below give the representation, and learn nothing.
        let below = state.model.valid();
        let figures;
        (state, figures) = training.epoch(state, &plan, |model, batch| {
            let noise = Noise::Device { seed: batch.seed };
            let (input, target): (Tensor<2>, Tensor<2>) = match layer.checked_sub(1) {
                // Only pictures are corrupted: that is what corruptions are for.
                None => (
                    model.corrupt(batch.shown, noise).flatten(1, 3),
                    batch.target.flatten(1, 3),
                ),
                Some(last) => {
                    let given = below.encode_to(model.clean_input(batch.shown), last);
                    (given.clone(), given)
                }
            };
            let (input, target) = (input.autodiff(), target.autodiff());
            model.layer_loss(layer, input, target, setup.loss, noise)
        })?;
        let row = LayerRow {
            layer: name.clone(),
            epoch: place.epoch,
            step: state.progress.step,
            seconds: figures.seconds,
            images_per_s: figures.images_per_s,
            lr: figures.rate,
            train_loss: figures.loss,
        };
        training.check_lock()?;
        run.append_line(LAYERS, &row)?;
        if place.epoch >= epochs {
            state.progress = next(state.progress, layer, depth);
            state.optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
        }
        let (model, optimizer) = (&state.model, &state.optimizer);
        (training.writer).checkpoints(&["last"], model, optimizer, &state.progress)?;
        training.observer.layer_epoch(&place, &row)?;
    }
    Ok(state)
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
