//! Sample pictures: after every epoch the same images over what the model makes of them.

use std::path::PathBuf;

use super::{grid, shown::Shown};
use crate::error::Result;
use crate::run::Run;
use crate::train::observer::{Epoch, Observer};

/// Images in the grid of an epoch.
const SAMPLES: usize = 16;

/// Writes `samples/epoch-0001.png` and so on of the training that it watches: inputs, corrupted inputs if
/// there are any, reconstructions. The images are validation images, or test images if there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Samples;

impl Observer for Samples {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        let setup = epoch.setup;
        if setup.train.fields().is_some() {
            // Rows of a table are no pictures.
            return Ok(());
        }
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
        let (device, seed) = (&setup.backend.device, setup.config.seed);
        let shown = Shown::of(epoch.model, device, images, &indices, seed)?;
        let rows: Vec<Vec<&[f32]>> = shown.rows().into_iter().map(|(_, row)| row).collect();
        let path = path(epoch.run, epoch.row.epoch);
        grid(&rows, setup.shape(), &path)
    }
}

/// The file of an epoch's sample pictures.
pub fn path(run: &Run, epoch: usize) -> PathBuf {
    run.path(&name(epoch))
}

/// The same below the run's folder.
pub fn name(epoch: usize) -> String {
    format!("samples/epoch-{epoch:04}.png")
}
