//! The denoising autoencoder: any other model whose input is corrupted while its target stays clean
//! (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008).

use burn::prelude::*;

use super::Wrapper;
use crate::config::{Corruption, DenoisingConfig, MOST_LAYERS, ModelConfig};
use crate::corruption::Damage;
use crate::error::ModelError;
use crate::frames;
use crate::noise::{Noise, Source};
use crate::plan::{Ends, Gives};
use crate::range::{self, Range};

impl DenoisingConfig {
    /// Refuses what makes sense for pictures alone.
    fn check_real(&self) -> Result<(), ModelError> {
        if self.residual {
            return Err(ModelError::new(
                "residual",
                "found true for data that are not pictures".into(),
                "false".into(),
            ));
        }
        let of_pictures = (self.corruption.iter()).find(|it| !it.suits_real_values());
        match of_pictures {
            None => Ok(()),
            Some(corruption) => Err(ModelError::new(
                "corruption",
                format!(
                    "found {:?} for data that are not pictures",
                    corruption.label()
                ),
                "\"gaussian\", \"speckle\", \"masking\", \"block\"".into(),
            )),
        }
    }
}

impl Wrapper for DenoisingConfig {
    fn name(&self) -> &'static str {
        "denoising"
    }

    fn of(&self) -> &ModelConfig {
        &self.of
    }

    /// Checks each corruption for the images that those before it give.
    fn inside(&self, ends: Ends) -> Result<Ends, ModelError> {
        if self.corruption.len() > MOST_LAYERS {
            let found = format!("found {} corruptions", self.corruption.len());
            let allowed = format!("at most {MOST_LAYERS}");
            return Err(ModelError::new("corruption", found, allowed));
        }
        let of_real = matches!(ends.gives, Gives::Real | Gives::Marked);
        if of_real {
            self.check_real()?;
        }
        let hides = (self.corruption.iter()).any(Corruption::hides);
        if self.mark_missing == Some(true) && !(of_real && hides) {
            return Err(ModelError::new(
                "mark_missing",
                "found true".into(),
                "false, or true for data that are not pictures with the corruption \"masking\" or \"block\"".into(),
            ));
        }
        let marks = ends.gives == Gives::Real && hides && self.mark_missing.unwrap_or(true);
        // Clips are damaged frame by frame.
        let frames = ends.frames.max(1);
        let [channels, height, width] = ends.input;
        let mut input = [channels, height / frames, width];
        for (place, corruption) in self.corruption.iter().enumerate() {
            let checked = match (ends.is_series, corruption) {
                (true, Corruption::Grayscale) => Err(ModelError::new(
                    "kind",
                    "found \"grayscale\" for series, which have no colours".into(),
                    "every other corruption".into(),
                )),
                _ => corruption.check(input),
            };
            input = checked.map_err(|error| {
                let outer = match self.corruption.len() {
                    1 => "corruption".into(),
                    _ => format!("corruption.{place}"),
                };
                error.within(&outer)
            })?;
        }
        if self.keep_luma && !(self.residual && input[0] == 1 && ends.output[0] == 3) {
            return Err(ModelError::new(
                "keep_luma",
                "found true".into(),
                "false, or true in a residual model with the corruption \"grayscale\"".into(),
            ));
        }
        let has_holes = (self.corruption.iter()).any(|it| it.damage() == Damage::Hole);
        if self.fill_holes && !(self.residual && has_holes && input[0] == ends.output[0]) {
            return Err(ModelError::new(
                "fill_holes",
                "found true".into(),
                "false, or true in a residual model with the corruption \"block\" and without \"grayscale\"".into(),
            ));
        }
        if self.fill_holes && frames > 1 {
            return Err(ModelError::new(
                "fill_holes",
                "found true for clips".into(),
                "false: holes are filled in pictures alone".into(),
            ));
        }
        if self.fill_holes {
            input[0] += 1;
        }
        input[1] *= frames;
        if marks {
            input[0] *= 2;
        }
        Ok(Ends {
            input,
            gives: match self.residual {
                true if self.keep_luma => Gives::Colours,
                true if self.fill_holes => Gives::Holes,
                true => Gives::Difference,
                false if marks => Gives::Marked,
                false => ends.gives,
            },
            ..ends
        })
    }

    fn corruptions(&self) -> &[Corruption] {
        &self.corruption
    }

    fn is_residual(&self) -> bool {
        self.residual
    }
}

/// The corruptions before a model's encoder, from the outside in; empty if it is not denoising.
#[derive(Clone, Debug)]
pub(crate) struct Corruptions {
    all: Vec<Corruption>,
    range: Range,
    /// Those of a clip, each of which is damaged by itself, or 1.
    frames: usize,
}

impl Corruptions {
    /// The corruptions among a config's wrappers.
    pub(crate) fn of(wrappers: &[&dyn Wrapper], range: &Range) -> Self {
        let all = wrappers.iter().flat_map(|wrapper| wrapper.corruptions());
        let all = all.map(|corruption| match range {
            Range::Unit | Range::Clip(_) => corruption.clone(),
            Range::Real(_) => corruption.without_limits(),
        });
        Self {
            all: all.collect(),
            range: range.clone(),
            frames: range.frames(),
        }
    }

    /// The corruptions in the order in which they are done.
    pub(crate) fn all(&self) -> &[Corruption] {
        &self.all
    }

    /// The corrupted images in [0, 1], from images `[batch, C, H, W]`, and what is missing of them,
    /// `[batch, 1, H, W]`, if a corruption takes parts away.
    pub(crate) fn corrupt(
        &self,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        if !self.all.is_empty() {
            noise.start(&images.device());
        }
        let start = (images, None);
        (0..self.all.len()).fold(start, |(images, missing), place| {
            let (images, more) = self.one(place, images, noise);
            let missing = match (missing, more) {
                (Some(one), Some(other)) => Some(one.max_pair(other)),
                (one, other) => one.or(other),
            };
            (images, missing)
        })
    }

    /// The corruption at `place` of the chain alone, with the noise that it has within the chain;
    /// nothing is changed past its end.
    pub(crate) fn one(
        &self,
        place: usize,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let Some(corruption) = self.all.get(place) else {
            return (images, None);
        };
        let mut source = Source::new(noise, place, &images.device());
        let batch = images.dims()[0];
        let back = |it| frames::to_pictures(it, batch);
        match &self.range {
            // What a picture shows as black is missing of data that have any numbers.
            Range::Real(categories) if corruption.hides() => {
                let (kept, _) = corruption.apply(images.ones_like(), &mut source);
                let hidden = kept.equal_elem(0.0);
                (range::hide(images, hidden, categories), None)
            }
            _ => {
                let images = frames::of_pictures(images, self.frames);
                let (images, missing) = corruption.apply(images, &mut source);
                (back(images), missing.map(back))
            }
        }
    }
}

#[cfg(test)]
#[path = "denoising_tests.rs"]
mod tests;
