//! A run's best model, ready to encode and decode.

use burn::tensor::{Device, Tensor, TensorData};
use model::Autoencoder;

use super::Run;
use super::checkpoint::{self, Meta};
use super::environment::Environment;
use crate::config::{self, Override};
use crate::error::Result;
use crate::measure::evaluation::{BATCH, values};
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
        Ok(Self {
            model: checkpoint.model(&device)?,
            meta: checkpoint.meta,
            run,
            device,
        })
    }

    /// Images from codes, row-major `[images, width]`, a batch at a time: `[channels, height, width]` each.
    ///
    /// # Errors
    /// If the model is residual, or the device fails.
    pub fn decode(&self, codes: &[f32], width: usize) -> Result<Vec<Vec<f32>>> {
        let image: usize = self.meta.input_shape.iter().product();
        let width = width.max(1);
        let mut images = Vec::new();
        for chunk in codes.chunks(BATCH * width) {
            let data = TensorData::new::<f32, _>(chunk.to_vec(), [chunk.len() / width, width]);
            let codes = Tensor::<2>::from_data(data, &self.device);
            let decoded = values(self.model.decode(codes)?)?;
            images.extend(decoded.chunks_exact(image.max(1)).map(<[f32]>::to_vec));
        }
        Ok(images)
    }

    /// The run's own images, as it was trained and measured on them; `backend` as in a config.
    ///
    /// # Errors
    /// As [`own_images`].
    pub fn own_images(&self, backend: Option<&str>) -> Result<Setup> {
        own_images(&self.run, backend)
    }
}

/// A run's own images, as it was trained and measured on them; `backend` as in a config, or the best one.
///
/// # Errors
/// If they cannot be loaded, or differ from those of the run.
pub fn own_images(run: &Run, backend: Option<&str>) -> Result<Setup> {
    let environment: Environment = run.read_json("env.json")?;
    let backend = Override::flag("--backend", "backend", backend.unwrap_or("auto"));
    let located = config::load(&run.path("config.json"), &[backend])?;
    let setup = Setup::new(located, environment.quick)?;
    environment.check_data(&setup)?;
    Ok(setup)
}
