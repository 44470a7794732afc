//! A run's best model, ready to encode and decode.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, Given, Images, Preparation};
use model::Autoencoder;

use super::Run;
use super::checkpoint::{self, Checkpoint, Meta};
use super::environment::Environment;
use crate::batched;
use crate::config::{self, Override};
use crate::error::Result;
use crate::input;
use crate::setup::Setup;

/// A run's best model on a device.
#[derive(Debug)]
pub struct Loaded {
    /// The run.
    pub run: Run,
    /// The model, on `device`, without autodiff.
    pub model: Autoencoder,
    /// Where it computes.
    pub device: Device,
    /// What its weights belong to.
    pub meta: Meta,
}

impl Loaded {
    /// Reads a run's best checkpoint, or its last one if it has no best.
    ///
    /// # Errors
    /// If the run has no checkpoint, or a damaged one.
    pub fn open(run: Run, device: Device) -> Result<Self> {
        let checkpoint = checkpoint::read_best(&run)?;
        Self::of(run, &checkpoint, device)
    }

    /// The model of a checkpoint that was read from the run. Who needs its weights too takes them from the same
    /// checkpoint, because a training may put another in its place.
    ///
    /// # Errors
    /// Weights that do not belong to the model that `meta.json` describes.
    pub fn of(run: Run, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        let mut meta = checkpoint.meta.clone();
        if meta.preparation.is_none() {
            meta.preparation = old_preparation(&run, &meta)?;
        }
        Ok(Self {
            model: checkpoint.model(&device)?,
            meta,
            run,
            device,
        })
    }

    /// Codes of images, row-major `[images, code_size]`; a denoising model gets them as they are.
    ///
    /// # Errors
    /// Images of another shape than the model's, or a device that fails.
    pub fn encode(&self, images: &Arc<Images>) -> Result<Vec<f32>> {
        input::check_shape("images", images, self.meta.input_shape)?;
        let batches = Batches::new(Arc::clone(images), &self.device, false);
        let all: Vec<u32> = (0..images.len() as u32).collect();
        batched::encoded(&self.model, &batches, &all, usize::MAX, |_| ())
    }

    /// Images from codes, row-major `[images, width]`, a batch at a time: `[channels, height, width]` each.
    ///
    /// # Errors
    /// If the model is residual, or the device fails.
    pub fn decode(&self, codes: &[f32], width: usize) -> Result<Vec<Vec<f32>>> {
        let image: usize = self.meta.input_shape.iter().product();
        let mut images = Vec::new();
        batched::decoded(
            &self.model,
            &self.device,
            codes,
            width,
            |decoded| -> Result<()> {
                images.extend(decoded.chunks_exact(image.max(1)).map(<[f32]>::to_vec));
                Ok(())
            },
        )?;
        Ok(images)
    }
}

/// How a run of an earlier version prepared pictures, which its config says; `None` if it has none.
///
/// # Errors
/// A config that cannot be read.
pub fn old_preparation(run: &Run, meta: &Meta) -> Result<Option<Preparation>> {
    let path = run.path("config.json");
    if !path.is_file() || run.is_exported() {
        return Ok(None);
    }
    let located = config::load(&path, &[])?;
    Ok(Some(located.data.old_preparation(meta.input_shape)))
}

/// A run's own images, as it was trained and measured on them; `backend` as in a config, or the best one. With `force`
/// they are loaded even if there seems to be too little memory. `arrays` are the data of a run that was trained on arrays
/// in memory.
///
/// # Errors
/// If there is too little memory, or they cannot be loaded, or differ from those of the run.
pub fn own_images(
    run: &Run,
    backend: Option<&str>,
    force: bool,
    arrays: Option<Given>,
) -> Result<Setup> {
    run.check_trained_here()?;
    let environment: Environment = run.read_json("env.json")?;
    run.check_config()?;
    let backend = Override::flag("--backend", "backend", backend.unwrap_or("auto"));
    let located = config::load(&run.path("config.json"), &[backend])?;
    let located = match arrays {
        Some(arrays) => located.with_arrays(arrays),
        None => located,
    };
    let meta = checkpoint::meta(run, "last")?;
    let setup = Setup::to_measure(located.with_force(force), environment.quick, meta.as_ref())?;
    environment.check_data(&setup)?;
    Ok(setup)
}
