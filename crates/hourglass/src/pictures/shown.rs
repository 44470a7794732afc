//! A few pictures with a model's reconstructions of them, for display.

use std::sync::Arc;

use burn::tensor::Device;
use data::{Batches, Images};
use model::{Autoencoder, ImageShape, Noise};

use super::Picture;
use crate::batched::values;
use crate::error::Result;
use crate::memory;
use crate::streams::Stream;

/// Rows of pictures with their names, from top to bottom.
pub type Rows<'a> = Vec<(&'static str, Vec<&'a [f32]>)>;

/// Pictures and their reconstructions, each row-major [images, channels, height, width].
#[derive(Clone, Debug)]
pub struct Shown {
    /// Channels, height and width of each picture.
    pub shape: ImageShape,
    clean: Vec<f32>,
    corrupted: Option<Vec<f32>>,
    restored: Vec<f32>,
}

impl Shown {
    /// Reconstructs the images at `indices` with a model on its device. A denoising model gets them
    /// corrupted, with the run's seed.
    ///
    /// # Errors
    /// If the device fails.
    pub fn of(
        model: &Autoencoder,
        device: &Device,
        images: &Arc<Images>,
        indices: &[u32],
        seed: u64,
    ) -> Result<Self> {
        memory::check_batch(model, indices.len())?;
        // A separate batch, so that a whole set need not be copied to the device again for these few.
        let clean = Batches::new(Arc::clone(images), device, false).gather(indices)?;
        let seed = Stream::Evaluation.seed(seed, 0);
        let input = model.corrupt(clean.clone(), Noise::Host { seed });
        let restored = values(model.forward(input.clone()))?;
        let corrupted = match model.is_denoising() {
            true => Some(values(model.as_image(input))?),
            false => None,
        };
        Ok(Self {
            shape: images.shape(),
            clean: values(clean)?,
            corrupted,
            restored,
        })
    }

    /// The original pictures.
    pub fn inputs(&self) -> Vec<&[f32]> {
        pictures(&self.clean, self.shape)
    }

    /// The reconstructions.
    pub fn restored(&self) -> Vec<&[f32]> {
        pictures(&self.restored, self.shape)
    }

    /// Mean squared error per value of each reconstruction.
    pub fn errors(&self) -> Vec<f64> {
        let values = self.shape.iter().product::<usize>().max(1) as f64;
        let error = |(clean, restored): (&[f32], &[f32])| {
            let pairs = clean.iter().zip(restored);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / values
        };
        let pairs = self.inputs().into_iter().zip(self.restored());
        pairs.map(error).collect()
    }

    /// The rows from top to bottom: inputs, corrupted inputs if there are any, reconstructions.
    pub fn rows(&self) -> Rows<'_> {
        let mut rows = vec![("input", self.inputs())];
        if let Some(corrupted) = &self.corrupted {
            rows.push(("corrupted input", pictures(corrupted, self.shape)));
        }
        rows.push(("reconstruction", self.restored()));
        rows
    }

    /// The same as one stack per image.
    pub fn stacks(&self) -> Vec<Vec<Picture<'_>>> {
        let rows = self.rows();
        let count = rows.first().map_or(0, |(_, row)| row.len());
        let stack = |index: usize| {
            let pictures = rows.iter().filter_map(|(_, row)| row.get(index));
            pictures
                .map(|values| Picture {
                    values,
                    shape: self.shape,
                })
                .collect()
        };
        (0..count).map(stack).collect()
    }

    /// The names of the rows in words.
    pub fn words(&self) -> String {
        let names: Vec<&str> = self.rows().into_iter().map(|(name, _)| name).collect();
        format!("from top to bottom: {}", names.join(", "))
    }
}

/// What a label is called: its class by its name, or `label 3`, also where 3 is the name.
fn label_words(images: &Images, label: u8) -> String {
    let name = images.class_name(label);
    match name.parse::<f64>() {
        Ok(_) => format!("label {name}"),
        Err(_) => name,
    }
}

/// The caption of an image: its name, or else its label.
pub fn caption(images: &Images, index: u32) -> Option<String> {
    let index = index as usize;
    let name = images.names().and_then(|names| names.get(index)).cloned();
    let label = images.labels().and_then(|labels| labels.get(index));
    name.or_else(|| label.map(|label| label_words(images, *label)))
}

/// The pictures one by one.
fn pictures(all: &[f32], shape: ImageShape) -> Vec<&[f32]> {
    let image = shape.iter().product::<usize>().max(1);
    all.chunks_exact(image).collect()
}
