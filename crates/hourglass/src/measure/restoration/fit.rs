//! The baselines for a corruption, tuned for the best PSNR on the validation pictures, so that the test
//! pictures are not used for tuning.

use std::convert::Infallible;
use std::sync::Arc;

use crate::error::Result;
use model::Autoencoder;
use model::config::Corruption;
use model::corruption::Damage;

use super::colour::MeanColours;
use super::measurement::{Batch, psnr_of};
use super::{Baseline, Restoration, Setting, corrupt};
use crate::batched::values;
use crate::setup::Setup;
use crate::streams::Stream;

/// Candidate windows of the median, in pixels.
const WINDOWS: [usize; 2] = [3, 5];

/// Candidate standard deviations of the Gaussian, in pixels.
const SIGMAS: [f64; 14] = [
    0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0,
];

/// Candidate strengths of the unsharp mask.
const AMOUNTS: [f64; 8] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0];

/// The smallest standard deviation of an unsharp mask's Gaussian, which must not be 0.
const LEAST_SIGMA: f64 = 0.3;

/// The most pictures for tuning, and the most values of all of them: enough to distinguish settings,
/// and done in a second.
const CHOSEN_ON: usize = 256;
const CHOSEN_ON_VALUES: usize = 1 << 22;

/// The baselines for a corruption.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baselines {
    all: Vec<Baseline>,
    colours: bool,
}

/// Whether a baseline for these corruptions is learned from training pictures.
pub fn needs_training_images(corruptions: &[Corruption]) -> bool {
    let colour = |it: &Corruption| it.damage() == Damage::Colour;
    corruptions.iter().any(colour)
}

/// The kinds of baselines for a chain of corruptions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Kinds {
    noise: bool,
    block: bool,
    /// The Gaussian's standard deviation in pixels; for a range, its middle.
    blur: Option<f64>,
    downscale: bool,
    grayscale: bool,
}

impl Kinds {
    fn of(corruptions: &[Corruption]) -> Self {
        let mut kinds = Self::default();
        for corruption in corruptions {
            // Interpolation does not undo the corruptions after it.
            kinds.downscale = false;
            match corruption.damage() {
                Damage::Noise => kinds.noise = true,
                Damage::Hole => kinds.block = true,
                Damage::Blur { sigma } => {
                    let [low, high] = sigma.ends();
                    kinds.blur = Some(((low + high) / 2.0).max(LEAST_SIGMA));
                }
                Damage::Resolution { .. } => kinds.downscale = true,
                Damage::Colour => kinds.grayscale = true,
            }
        }
        kinds
    }
}

impl Baselines {
    /// In no particular order.
    pub fn all(&self) -> &[Baseline] {
        &self.all
    }

    /// Whether colour was removed, so that its error is measured.
    pub fn colours(&self) -> bool {
        self.colours
    }

    /// Baselines without settings, and those of `Kinds` that `choose` returns a setting for.
    fn with<E>(
        corruptions: &[Corruption],
        mut choose: impl FnMut(&[Baseline]) -> Result<Option<Baseline>, E>,
        colours: impl FnOnce() -> Option<MeanColours>,
    ) -> Result<Self, E> {
        let kinds = Kinds::of(corruptions);
        let mut all = Vec::new();
        if kinds.noise {
            all.extend(choose(&WINDOWS.map(|size| Baseline::Median { size }))?);
            all.extend(choose(&SIGMAS.map(|sigma| Baseline::Gaussian { sigma }))?);
        }
        if let Some(sigma) = kinds.blur {
            let with = |amount| Baseline::Unsharp { sigma, amount };
            all.extend(choose(&AMOUNTS.map(with))?);
        }
        if kinds.downscale {
            all.extend([Baseline::Bilinear, Baseline::Bicubic, Baseline::Lanczos]);
        }
        if kinds.block {
            all.push(Baseline::Diffusion);
        }
        if kinds.grayscale {
            all.push(Baseline::Grey);
            all.extend(colours().map(|colours| Baseline::MeanColour(Arc::new(colours))));
        }
        Ok(Self {
            all,
            colours: kinds.grayscale,
        })
    }

    /// The baselines for a model's corruptions, tuned on the validation pictures, or on training pictures
    /// if there are none; `None` if the model has no corruption.
    ///
    /// # Errors
    /// If the device fails.
    pub fn choose(model: &Autoencoder, setup: &Setup) -> Result<Self> {
        let mut batches: Option<Vec<Batch>> = None;
        let choose = |candidates: &[Baseline]| {
            let batches = match &mut batches {
                Some(batches) => batches,
                none => none.insert(pictures(model, setup)?),
            };
            best(candidates, batches)
        };
        let [_, height, width] = setup.shape();
        let colours = || Some(MeanColours::of(setup.train.values(), height * width));
        Self::with(model.corruptions(), choose, colours)
    }

    /// The baselines for these corruptions with the settings of a summary, except those that have no
    /// settings there or are learned from pictures.
    pub fn set_as(corruptions: &[Corruption], found: Option<&Restoration>) -> Self {
        let choose = |candidates: &[Baseline]| {
            let set = candidates.first().and_then(|candidate| {
                let setting = found?.baselines.get(candidate.name())?.setting;
                candidate.clone().set(&setting)
            });
            Ok::<_, Infallible>(set)
        };
        let Ok(baselines) = Self::with(corruptions, choose, || None);
        baselines
    }
}

impl Baseline {
    /// The same with other settings; `None` if one is missing or not valid.
    fn set(self, setting: &Setting) -> Option<Self> {
        let positive = |value: Option<f64>| value.filter(|it| it.is_finite() && *it > 0.0);
        Some(match self {
            Baseline::Median { .. } => Baseline::Median {
                size: setting.size.filter(|size| WINDOWS.contains(size))?,
            },
            Baseline::Gaussian { .. } => Baseline::Gaussian {
                sigma: positive(setting.sigma)?,
            },
            Baseline::Unsharp { .. } => Baseline::Unsharp {
                sigma: positive(setting.sigma)?,
                amount: positive(setting.amount)?,
            },
            other => other,
        })
    }
}

/// The best candidate, the first of equals.
fn best(candidates: &[Baseline], batches: &[Batch]) -> Result<Option<Baseline>> {
    let mut best: Option<(f64, &Baseline)> = None;
    for candidate in candidates {
        let psnr = psnr_of(candidate, batches)?;
        if best.is_none_or(|(highest, _)| psnr > highest) {
            best = Some((psnr, candidate));
        }
    }
    Ok(best.map(|(_, candidate)| candidate.clone()))
}

/// The pictures for tuning, corrupted.
fn pictures(model: &Autoencoder, setup: &Setup) -> Result<Vec<Batch>> {
    let from = match setup.split.validation.as_slice() {
        [] => &setup.split.train,
        validation => validation,
    };
    let shape = setup.shape();
    let most = CHOSEN_ON_VALUES / shape.iter().product::<usize>().max(1);
    let count = from.len().min(CHOSEN_ON).min(most.max(1));
    let device = &setup.backend.device;
    // A separate batch, so that a whole set need not be copied to the device again for these few.
    let clean = data::Batches::new(Arc::clone(&setup.train), device, false);
    let clean = clean.gather(&from[..count])?;
    let seed = Stream::Evaluation.seed(setup.config.seed, 0);
    let corrupted = corrupt(model, clean.clone(), seed)?;
    Ok(vec![Batch::new(model, values(clean)?, shape, corrupted)?])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn chain(json: Value) -> Vec<Corruption> {
        let read = |it: &Value| serde_json::from_value(it.clone()).unwrap();
        json.as_array().unwrap().iter().map(read).collect()
    }

    /// The names of a chain's baselines, of the first candidates each.
    fn names(json: Value) -> Vec<&'static str> {
        let first = |candidates: &[Baseline]| Ok::<_, Infallible>(candidates.first().cloned());
        let found = Baselines::with(&chain(json), first, || None).unwrap();
        found.all().iter().map(Baseline::name).collect()
    }

    #[test]
    fn each_kind_of_loss_has_its_baselines() {
        let of = |kind: &str| names(json!([{ "kind": kind }]));
        for noise in ["gaussian", "masking", "salt_and_pepper", "speckle"] {
            assert_eq!(of(noise), ["median", "gaussian"]);
        }
        assert_eq!(of("blur"), ["unsharp"]);
        assert_eq!(of("downscale"), ["bilinear", "bicubic", "lanczos"]);
        assert_eq!(of("grayscale"), ["grey"]);
        assert_eq!(
            names(json!([{ "kind": "block", "size": 4 }])),
            ["diffusion"]
        );
        assert_eq!(names(json!([])), [""; 0]);
    }

    #[test]
    fn a_chain_has_those_of_its_kinds() {
        let (small, noise) = (
            json!({ "kind": "downscale" }),
            json!({ "kind": "gaussian" }),
        );
        assert_eq!(
            names(json!([noise, { "kind": "speckle" }, small])),
            ["median", "gaussian", "bilinear", "bicubic", "lanczos"]
        );
        // The input is no interpolation any more.
        assert_eq!(names(json!([small, noise])), ["median", "gaussian"]);
    }

    #[test]
    fn settings_are_read_back_and_nonsense_is_not() {
        let corruptions =
            chain(json!([{ "kind": "gaussian" }, { "kind": "blur", "sigma": [1, 2] }]));
        let json = |sigma: f64| {
            let fidelity = json!({ "psnr": 1.0, "ssim": null });
            let set = |more: Value| {
                let mut all = fidelity.clone();
                let all = all.as_object_mut().unwrap();
                all.append(&mut more.as_object().unwrap().clone());
                json!(all)
            };
            json!({
                "input": fidelity, "output": fidelity, "baselines": {
                    "median": set(json!({ "size": 5 })),
                    "gaussian": set(json!({ "sigma": sigma })),
                    "unsharp": set(json!({ "sigma": 1.5, "amount": 2.0 })),
                }
            })
        };
        let read = |sigma| serde_json::from_value::<Restoration>(json(sigma)).unwrap();
        let found = Baselines::set_as(&corruptions, Some(&read(0.7)));
        assert_eq!(
            found.all(),
            [
                Baseline::Median { size: 5 },
                Baseline::Gaussian { sigma: 0.7 },
                Baseline::Unsharp {
                    sigma: 1.5,
                    amount: 2.0
                }
            ]
        );
        let found = Baselines::set_as(&corruptions, Some(&read(-1.0)));
        assert_eq!(found.all().len(), 2);
        let mut without = read(0.7);
        without.baselines = BTreeMap::new();
        assert_eq!(Baselines::set_as(&corruptions, Some(&without)).all(), []);
    }
}
