//! Layers on their own: each encoder layer with its mirror in the decoder as a shallow autoencoder of
//! the representation below it (Bengio et al., "Greedy Layer-Wise Training of Deep Networks", 2007;
//! after Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006).

use crate::config::ModelConfig;
use crate::error::ModelError;
use crate::operation::Operation;
use crate::plan::{Ends, Gives, Plan};
use crate::range::Range;
use crate::shape::ImageShape;

impl ModelConfig {
    /// Checks that every encoder layer has a mirror in the decoder, which gives back what comes into
    /// the layer and has weights of its own.
    ///
    /// # Errors
    /// Tied weights, a mask of holes, marks of missing values, and a decoder that is not the encoder's mirror, or a kind that never has one; also as [`ModelConfig::plan`].
    pub fn check_mirror(&self, samples: ImageShape, range: &Range) -> Result<(), ModelError> {
        let plan = self.plan_between(Ends::between(samples, range))?;
        let (wrappers, base) = self.walk();
        let fault = |key: &str, found: String, allowed: &str| {
            let error = ModelError::new(key, found, allowed.into());
            Err(wrappers.iter().fold(error, |error, _| error.within("of")))
        };
        let mut operations = plan.layers.iter().flat_map(|layer| &layer.operations);
        if operations.any(|it| matches!(it, Operation::Linear { tied: true, .. })) {
            let allowed =
                "false, because a layer is trained with a mirror that has weights of its own";
            return fault("tied", "found true".into(), allowed);
        }
        if plan.ends.gives == Gives::Holes {
            let place = wrappers
                .iter()
                .position(|it| it.is_residual())
                .unwrap_or_default();
            let allowed = "false, because the first layer's mirror gives no mask";
            let error = ModelError::new("fill_holes", "found true".into(), allowed.into());
            return Err((0..place).fold(error, |error, _| error.within("of")));
        }
        if plan.ends.gives == Gives::Marked {
            let place = wrappers
                .iter()
                .position(|it| !it.corruptions().is_empty())
                .unwrap_or_default();
            let allowed = "false, because the first layer's mirror gives no marks";
            let error = ModelError::new(
                "mark_missing",
                "found true, the default".into(),
                allowed.into(),
            );
            return Err((0..place).fold(error, |error, _| error.within("of")));
        }
        match base.decoder() {
            _ if is_mirrored(&plan) => Ok(()),
            Some(decoder) => {
                let allowed = "the encoder's mirror, or no \"decoder\" at all";
                fault("decoder", format!("found {decoder:?}"), allowed)
            }
            None => {
                let allowed = "a kind whose decoder mirrors its encoder layer by layer";
                fault("kind", format!("found {:?}", base.name()), allowed)
            }
        }
    }
}

/// Whether each encoder layer but the first has a mirror that gives what comes into the layer.
fn is_mirrored(plan: &Plan) -> bool {
    let (encoder, decoder) = (plan.layers.encoder(), plan.layers.decoder());
    let mut inner = encoder.iter().skip(1).zip(decoder.iter().rev().skip(1));
    encoder.len() == decoder.len() && inner.all(|(layer, mirror)| layer.input == mirror.output)
}

#[cfg(test)]
#[path = "layerwise_tests.rs"]
mod tests;
