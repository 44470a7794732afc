//! Exports: a trained model for other programs, as an ONNX file, as a module of PyTorch, or as a folder for the
//! Hugging Face Hub.
//!
//! Each exporter walks over the model's [`Plan`](model::Plan), layer by layer and operation by operation, and takes the
//! weights by their names in files. Inputs and outputs are the same in all of them: pictures are numbers from 0 to 1,
//! tables and series are in the data's own units.

mod card;
mod example;
pub mod huggingface;
pub mod onnx;
pub mod pytorch;
mod steps;
mod units;

use std::collections::HashMap;

use model::weights::{self, Weight};
use model::{Autoencoder, Role};

use crate::error::Result;
use crate::run::checkpoint::Meta;

/// Why a model cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be put together.
    #[error("the model cannot be written as ONNX: {0}")]
    Encode(String),
    /// A parameter that an operation needs is not among the model's.
    #[error("{0}: the model has no such parameter")]
    Parameter(String),
}

/// The part of a model that is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// From the input to the reconstruction, and the code beside it.
    #[default]
    Whole,
    /// From the input to the code.
    Encoder,
    /// From the code to the reconstruction; a residual model needs the input too.
    Decoder,
}

impl Part {
    /// Whether the encoder is in it.
    fn has_encoder(self) -> bool {
        matches!(self, Part::Whole | Part::Encoder)
    }

    /// Whether the decoder is in it.
    fn has_decoder(self) -> bool {
        matches!(self, Part::Whole | Part::Decoder)
    }
}

/// A trained model with what its inputs mean.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// The model, on any device.
    pub model: &'a Autoencoder,
    /// What its weights belong to.
    pub meta: &'a Meta,
    /// Name of the run.
    pub name: &'a str,
}

impl Exported<'_> {
    /// The parameters by their names in files.
    fn parameters(&self) -> Result<HashMap<String, Weight>> {
        let all = weights::on_host(self.model)?;
        let named = all.into_iter().map(|weight| (weight.name.clone(), weight));
        Ok(named.collect())
    }

    /// Where the weight of each tied layer of the decoder is: its mirror's in the encoder, transposed. By the place of the
    /// layer among all.
    fn mirror(&self, place: usize) -> Option<String> {
        let layers = self.model.layers();
        let from_end = layers.len().checked_sub(place + 1)?;
        let (mirror, _) = layers.pair(from_end)?;
        Some(mirror.stored.clone())
    }

    /// What the encoder takes, in words.
    fn input_words(&self) -> &'static str {
        match (&self.meta.fields, self.meta.clips()) {
            (Some(_), _) => {
                "numbers in the data's own units, NaN where one is missing; a category is 1 in its channel and 0 in the others"
            }
            (None, Some(_)) => {
                "clips, frames from top to bottom, from 0 to 1: a byte divided by 255"
            }
            (None, None) => "pictures, from 0 to 1: a byte divided by 255",
        }
    }
}

/// Whether a layer is above the code.
fn is_above(role: Role) -> bool {
    matches!(role, Role::Widen(_) | Role::Expand | Role::Decoder(_))
}

#[cfg(test)]
mod tests;
