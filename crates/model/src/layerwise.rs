//! Layers on their own: each encoder layer with its mirror in the decoder as a shallow autoencoder of
//! the representation below it (Bengio et al., "Greedy Layer-Wise Training of Deep Networks", 2007;
//! after Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006).

use crate::config::ModelConfig;
use crate::network::{ModelError, code_place};
use crate::shape::ImageShape;

impl ModelConfig {
    /// Checks that every encoder layer has a mirror in the decoder, which gives back what comes into
    /// the layer and has weights of its own.
    ///
    /// # Errors
    /// Tied weights, and a decoder that is not the encoder's mirror; also as [`ModelConfig::layers`].
    pub fn check_mirror(&self, input: ImageShape) -> Result<(), ModelError> {
        let decoder = match self {
            ModelConfig::Sparse(sparse) => {
                let checked = sparse.of.check_mirror(input);
                return checked.map_err(|error| error.within("of"));
            }
            ModelConfig::Denoising(denoising) => {
                let checked = denoising.of.check_mirror(input);
                return checked.map_err(|error| error.within("of"));
            }
            ModelConfig::Dense(dense) if dense.tied => {
                let allowed = "false, for layers are trained with mirrors of their own weights";
                return Err(ModelError::new("tied", "found true".into(), allowed.into()));
            }
            ModelConfig::Dense(dense) => &dense.decoder,
            ModelConfig::Conv(conv) => &conv.decoder,
        };
        let layers = self.layers(input)?;
        let depth = code_place(&layers) + 1;
        // What comes into each layer but the first, and what its mirror gives.
        let inner = layers
            .iter()
            .zip(layers.iter().rev().skip(1))
            .take(depth - 1);
        let mirrors = inner
            .into_iter()
            .all(|(below, mirror)| below.output == mirror.output);
        if layers.len() == 2 * depth && mirrors {
            return Ok(());
        }
        Err(ModelError::new(
            "decoder",
            format!("found {:?}", decoder.as_deref().unwrap_or_default()),
            "the encoder's mirror, or no \"decoder\" at all".into(),
        ))
    }
}

#[cfg(test)]
#[path = "layerwise_tests.rs"]
mod tests;
