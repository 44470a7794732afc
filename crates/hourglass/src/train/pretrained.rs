//! Pre-trained layers: layers of an earlier run that a training starts from, checked before any data is
//! loaded.

use burn::tensor::Device;
use model::transplant::{self, LayerParameters};
use model::{Autoencoder, ImageShape, Layer, Layers, Range};

use crate::config::{ConfigError, Located, nearest};
use crate::error::{At, Error, Result};
use crate::run::checkpoint;
use crate::run::{RUNS, Run};

/// The seed of models whose initial weights are not used.
const ANY_SEED: u64 = 0;

/// Layers of an earlier run, and whether they are frozen.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// The run's folder, for display.
    run: String,
    /// The run's weights, as a file's bytes.
    weights: Vec<u8>,
    /// The layers, each of the model with that of the run.
    pairs: Vec<(LayerParameters, LayerParameters)>,
    freeze: bool,
}

impl Pretrained {
    /// The layers named in a config's `init`, for a model of these `layers`; `None` if the config has no
    /// `init`.
    ///
    /// # Errors
    /// If the run cannot be read or is for images of another shape, if a layer is missing in one of the
    /// models or has another shape, or if no layer is left to train.
    pub fn open(
        located: &Located,
        (shape, range): (ImageShape, &Range),
        layers: &Layers,
        device: &Device,
    ) -> Result<Option<Self>> {
        let Some(init) = &located.init else {
            return Ok(None);
        };
        let refuse = |key: &str, text: String| located.error(&format!("init.{key}"), text);
        let source = || -> Result<_, Error> {
            let run = Run::open(&init.from, RUNS.as_ref())?;
            Ok((checkpoint::read_best(&run)?, run))
        };
        let (checkpoint, run) = source().map_err(|error| refuse("from", error.to_string()))?;
        let meta = &checkpoint.meta;
        let run = run.folder().display().to_string();
        let [found, wanted] = [meta.range().frames(), range.frames()];
        if found != wanted {
            let text =
                format!("{run} is for images of {found} frames; use a run for images of {wanted}");
            return Err(refuse("from", text).into());
        }
        if meta.input_shape != shape {
            let [found, wanted] = [meta.input_shape, shape].map(|it| by(&it));
            let text = format!("{run} is for images of {found}; use a run for images of {wanted}");
            return Err(refuse("from", text).into());
        }
        let place = || format!("{run}: its model cannot be created");
        let model = (meta.model.init_for(shape, &meta.range(), ANY_SEED, device)).at(place)?;
        let there = transplant::by_layer(&model);
        let model = located.model.init_for(shape, range, ANY_SEED, device)?;
        let here = transplant::by_layer(&model);
        let pairs = match &init.layers {
            Some(names) => named(names, &here, &there, &run, &refuse)?,
            None => {
                let alike = alike(here.clone(), &there);
                if alike.is_empty() {
                    let text = format!(
                        "{run} has no layer with the same name and shapes; use another run"
                    );
                    return Err(refuse("from", text).into());
                }
                alike
            }
        };
        let stays = |layer: &Layer| pairs.iter().any(|(here, _)| here.layer == layer.name());
        if init.freeze && layers.iter().all(stays) {
            let text = "found true, which would freeze every layer; freeze fewer, because at least one must \
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

    /// The model with its layers replaced by the run's.
    ///
    /// # Errors
    /// If the weights do not fit the run's model.
    pub fn put_into(&self, model: Autoencoder) -> Result<Autoencoder> {
        transplant::take(model, &self.weights, &self.pairs)
            .at(|| format!("{}: its weights do not fit its model", self.run))
    }

    /// Names of the frozen layers.
    pub fn frozen(&self) -> Vec<String> {
        let names = || self.pairs.iter().map(|(here, _)| here.layer.clone());
        if self.freeze {
            names().collect()
        } else {
            Vec::new()
        }
    }

    /// Describes what the model starts from.
    pub fn words(&self) -> String {
        let names: Vec<&str> = (self.pairs.iter()).map(|(here, _)| &*here.layer).collect();
        let frozen = if self.freeze { ", frozen" } else { "" };
        format!("{} of {}{frozen}", names.join(", "), self.run)
    }
}

/// The model with the layers of these names frozen.
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

/// All layers that both models have with the same shapes.
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
                    // A name that differs only in its number is similar, but no helpful suggestion.
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
                "{name} has {} of {} in {run} and of {} in the model; use layers with the same \
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
