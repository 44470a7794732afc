//! Pre-trained layers: those of an earlier run that a training starts from, checked before any data
//! is loaded.

use anyhow::{Context, Result};
use burn::tensor::Device;
use model::transplant::{self, LayerParameters};
use model::{Autoencoder, ImageShape, Layer, Layers};

use crate::checkpoint;
use crate::config::{ConfigError, Located, nearest};
use crate::run::{RUNS, Run};

/// The seed of models whose weights nobody looks at.
const ANY_SEED: u64 = 0;

/// Layers of an earlier run, and what becomes of them.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// The run's folder, for people.
    run: String,
    /// The run's weights, as the bytes of a file.
    weights: Vec<u8>,
    /// Each layer of the model, with the run's of the same name.
    pairs: Vec<(LayerParameters, LayerParameters)>,
    freeze: bool,
}

impl Pretrained {
    /// The layers that a config's `init` names, for a model of these `layers`; nothing where it has
    /// no `init`.
    ///
    /// # Errors
    /// A run that cannot be read, or is of images of another shape; a layer that one of the models
    /// does not have, or has in another shape; and a model that has nothing left to learn.
    pub fn open(
        located: &Located,
        shape: ImageShape,
        layers: &Layers,
        device: &Device,
    ) -> Result<Option<Self>> {
        let Some(init) = &located.init else {
            return Ok(None);
        };
        let refuse = |key: &str, text: String| located.error(&format!("init.{key}"), text);
        let source = Run::open(&init.from, RUNS.as_ref())
            .and_then(|run| Ok((checkpoint::read_best(&run)?, run)));
        let (checkpoint, run) = source.map_err(|error| refuse("from", format!("{error:#}")))?;
        let meta = &checkpoint.meta;
        let run = run.folder().display().to_string();
        if meta.input_shape != shape {
            let [found, wanted] = [meta.input_shape, shape].map(|it| by(&it));
            let text =
                format!("{run} is of images of {found}; allowed: a run of images of {wanted}");
            return Err(refuse("from", text).into());
        }
        let place = || format!("{run}: its model cannot be made");
        let model = meta
            .model
            .init(shape, ANY_SEED, device)
            .with_context(place)?;
        let there = transplant::by_layer(&model);
        let model = located.model.init(shape, ANY_SEED, device)?;
        let here = transplant::by_layer(&model);
        let pairs = match &init.layers {
            Some(names) => named(names, &here, &there, &run, &refuse)?,
            None => {
                let alike = alike(here.clone(), &there);
                if alike.is_empty() {
                    let text = format!(
                        "{run} has no layer of the same name and shapes; allowed: a run that has one"
                    );
                    return Err(refuse("from", text).into());
                }
                alike
            }
        };
        let stays = |layer: &Layer| pairs.iter().any(|(here, _)| here.layer == layer.name());
        if init.freeze && layers.iter().all(stays) {
            let text = "found true for every layer; allowed: fewer layers, for one at least must \
                        be trained";
            return Err(refuse("freeze", text.into()).into());
        }
        Ok(Some(Self {
            weights: checkpoint.weights().to_vec(),
            run,
            pairs,
            freeze: init.freeze,
        }))
    }

    /// The model with the run's layers in place of its own.
    ///
    /// # Errors
    /// Weights that are not those of the run's model.
    pub fn put_into(&self, model: Autoencoder) -> Result<Autoencoder> {
        transplant::take(model, &self.weights, &self.pairs)
            .with_context(|| format!("{}: not its model's weights", self.run))
    }

    /// Names of the layers that are not trained.
    pub fn frozen(&self) -> Vec<String> {
        let names = || self.pairs.iter().map(|(here, _)| here.layer.clone());
        if self.freeze {
            names().collect()
        } else {
            Vec::new()
        }
    }

    /// What the model starts from, in words.
    pub fn words(&self) -> String {
        let names: Vec<&str> = (self.pairs.iter()).map(|(here, _)| &*here.layer).collect();
        let frozen = if self.freeze { ", frozen" } else { "" };
        format!("{} of {}{frozen}", names.join(", "), self.run)
    }
}

/// The model with the layers of these names as they are from now on.
pub fn freeze(model: Autoencoder, frozen: &[String]) -> Autoencoder {
    if frozen.is_empty() {
        return model;
    }
    let all = transplant::by_layer(&model);
    let held: Vec<&LayerParameters> = (all.iter())
        .filter(|layer| frozen.contains(&layer.layer))
        .collect();
    transplant::freeze(model, &held)
}

/// All layers that both models have alike.
fn alike(
    here: Vec<LayerParameters>,
    there: &[LayerParameters],
) -> Vec<(LayerParameters, LayerParameters)> {
    let pair = |here: LayerParameters| {
        let there = there.iter().find(|it| it.layer == here.layer)?;
        here.differs(there).is_none().then(|| (here, there.clone()))
    };
    here.into_iter().filter_map(pair).collect()
}

/// The layers of these names in both models.
fn named(
    names: &[String],
    here: &[LayerParameters],
    there: &[LayerParameters],
    run: &str,
    refuse: &impl Fn(&str, String) -> ConfigError,
) -> Result<Vec<(LayerParameters, LayerParameters)>, ConfigError> {
    let mut pairs: Vec<(LayerParameters, LayerParameters)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let key = format!("layers.{index}");
        let find = |layers: &[LayerParameters], whose: &str| {
            let found = layers.iter().find(|it| it.layer == *name);
            found.cloned().ok_or_else(|| {
                let all: Vec<&str> = layers.iter().map(|it| &*it.layer).collect();
                let hint = match nearest(name, all.iter().copied()) {
                    // Names that differ in nothing but their number are near, and no help.
                    Some(near) if !near.contains('.') => format!("did you mean \"{near}\"?"),
                    _ => format!("allowed: {}", all.join(", ")),
                };
                refuse(
                    &key,
                    format!("found {name:?}, which {whose} does not have; {hint}"),
                )
            })
        };
        let (here, there) = (find(here, "the model")?, find(there, run)?);
        if let Some(differs) = here.differs(&there) {
            let shape =
                |shape: Option<Vec<usize>>| shape.map_or_else(|| "none".into(), |shape| by(&shape));
            let text = format!(
                "{name} has {} of {} in {run} and of {} in the model; allowed: layers of the same \
                 shapes",
                differs.parameter,
                shape(differs.there),
                shape(differs.here)
            );
            return Err(refuse(&key, text));
        }
        if !pairs.iter().any(|(pair, _)| pair.layer == here.layer) {
            pairs.push((here, there));
        }
    }
    Ok(pairs)
}

/// A shape in words.
fn by(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("x")
}
