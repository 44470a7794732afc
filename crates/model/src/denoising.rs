//! The denoising autoencoder: any other model whose input is corrupted while its target stays clean
//! (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008).

use burn::prelude::*;

use crate::config::{Corruption, DenoisingConfig, ModelConfig};
use crate::network::{Ends, ModelError};
use crate::noise::{Noise, Source};

impl DenoisingConfig {
    /// Checks the corruptions, each for the images that those before it give, and says what the model
    /// below lies between.
    ///
    /// # Errors
    /// The first corruption that cannot work.
    pub(crate) fn inside(&self, ends: Ends) -> Result<Ends, ModelError> {
        let mut input = ends.input;
        for (place, corruption) in self.corruption.iter().enumerate() {
            input = corruption.check(input).map_err(|error| {
                let outer = match self.corruption.len() {
                    1 => "corruption".into(),
                    _ => format!("corruption.{place}"),
                };
                error.within(&outer)
            })?;
        }
        Ok(Ends {
            input,
            residual: ends.residual || self.residual,
            ..ends
        })
    }
}

/// The corruptions before a model's encoder, from the outside in; none where it is not denoising.
#[derive(Clone, Debug)]
pub(crate) struct Denoising(Vec<Corruption>);

impl Denoising {
    /// The corruptions among a config's wrappers.
    pub(crate) fn of(config: &ModelConfig) -> Self {
        let mut corruptions = Vec::new();
        let mut at = config;
        loop {
            at = match at {
                ModelConfig::Denoising(denoising) => {
                    corruptions.extend(denoising.corruption.iter().cloned());
                    &denoising.of
                }
                ModelConfig::Sparse(sparse) => &sparse.of,
                ModelConfig::Dense(_) | ModelConfig::Conv(_) => return Self(corruptions),
            }
        }
    }

    /// The corruptions in the order in which they are done.
    pub(crate) fn corruptions(&self) -> &[Corruption] {
        &self.0
    }

    /// The corrupted images in [0, 1], from images `[batch, C, H, W]`, and what is missing of them,
    /// `[batch, 1, H, W]`, where a corruption takes parts away.
    pub(crate) fn corrupt(
        &self,
        images: Tensor<4>,
        noise: Noise,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let device = images.device();
        if let (Noise::Device { seed }, false) = (noise, self.0.is_empty()) {
            device.seed(seed);
        }
        let start = (images, None);
        (0..self.0.len()).fold(start, |(images, missing), place| {
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
        let Some(corruption) = self.0.get(place) else {
            return (images, None);
        };
        let mut source = Source::new(noise, place, &images.device());
        corruption.apply(images, &mut source)
    }
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;
    use serde_json::{Value, json};

    use crate::fixtures::{assert_close, drawn_on_device, host, model, pictures};
    use crate::{Autoencoder, Loss, Noise};

    const INPUT: [usize; 3] = [1, 4, 5];

    fn dense() -> Value {
        json!({ "kind": "dense", "layers": [6], "code_size": 5 })
    }

    fn denoising(corruption: Value, of: Value) -> Value {
        json!({ "kind": "denoising", "corruption": corruption, "of": of })
    }

    /// Corrupted by noise from the device, which had another seed before.
    fn on_device(model: &Autoencoder, x: Tensor<4>, seed: u64) -> Vec<f32> {
        drawn_on_device(seed + 1000, || {
            host(&model.corrupt(x, Noise::Device { seed }))
        })
    }

    #[test]
    fn noise_is_the_same_for_its_seed_and_fresh_for_another() {
        for corruption in ["gaussian", "masking", "salt_and_pepper", "speckle"] {
            let model = model(denoising(corruption.into(), dense()), INPUT, 0);
            let x = pictures(8, INPUT, 0);
            let from_host = |seed| host(&model.corrupt(x.clone(), Noise::Host { seed }));
            let from_device = |seed| on_device(&model, x.clone(), seed);
            for draw in [&from_host as &dyn Fn(u64) -> Vec<f32>, &from_device] {
                let first = draw(1);
                assert_ne!(first, host(&x), "{corruption}");
                assert_ne!(first, draw(2), "{corruption}");
                assert_eq!(first, draw(1), "{corruption}");
                assert!(
                    first.iter().all(|v| (0.0..=1.0).contains(v)),
                    "{corruption}"
                );
            }
            assert!(model.is_denoising());
        }
    }

    #[test]
    fn pictures_of_a_batch_get_noise_of_their_own() {
        let model = model(denoising("gaussian".into(), dense()), INPUT, 0);
        let same = Tensor::full([2, 1, 4, 5], 0.5, &crate::fixtures::device());
        let noisy = host(&model.corrupt(same, Noise::Host { seed: 1 }));
        assert_ne!(noisy[..20], noisy[20..]);
    }

    #[test]
    fn without_a_corruption_nothing_is_changed() {
        let sparse = json!({ "kind": "sparse", "penalty": "l1", "of": dense() });
        for json in [dense(), sparse] {
            let model = model(json, INPUT, 0);
            assert!(!model.is_denoising());
            let x = pictures(3, INPUT, 0);
            let same = model.corrupt(x.clone(), Noise::Host { seed: 1 });
            assert_eq!(host(&same), host(&x));
            assert_eq!(on_device(&model, x.clone(), 1), host(&x));
        }
    }

    /// With one stream for both, the second mask would hit what the first has hit already.
    #[test]
    fn corruptions_inside_each_other_draw_apart() {
        let half = || json!({ "kind": "masking", "probability": 0.5 });
        let model = model(denoising(half(), denoising(half(), dense())), INPUT, 0);
        let ones = Tensor::ones([500, 1, 4, 5], &crate::fixtures::device());
        let left = |values: Vec<f32>| values.iter().sum::<f32>() / 10_000.0;
        let of_host = left(host(&model.corrupt(ones.clone(), Noise::Host { seed: 1 })));
        // Five standard errors of 10,000 values that are one with probability 1/4.
        assert!((of_host - 0.25).abs() < 0.022, "{of_host}");
        let of_device = left(on_device(&model, ones, 1));
        assert!((of_device - 0.25).abs() < 0.022, "{of_device}");
    }

    #[test]
    fn the_outer_corruption_comes_first() {
        let salt = || json!({ "kind": "salt_and_pepper", "probability": 1.0 });
        let mask = || json!({ "kind": "masking", "probability": 1.0 });
        let x = pictures(3, INPUT, 0);
        let sum = |json: Value| {
            let noisy = model(json, INPUT, 0).corrupt(x.clone(), Noise::Host { seed: 1 });
            host(&noisy).iter().sum::<f32>()
        };
        assert_eq!(sum(denoising(salt(), denoising(mask(), dense()))), 0.0);
        assert!(sum(denoising(mask(), denoising(salt(), dense()))) > 10.0);
    }

    #[test]
    fn the_loss_compares_with_the_clean_picture() {
        let model = model(denoising("salt_and_pepper".into(), dense()), INPUT, 0);
        let clean = pictures(3, INPUT, 0);
        let noisy = model.corrupt(clean.clone(), Noise::Host { seed: 1 });
        let restored = host(&model.forward(noisy.clone()));
        let mse = |target: &Tensor<4>| {
            let target = host(target);
            let squares = restored
                .iter()
                .zip(&target)
                .map(|(&r, &t)| f64::from(r - t).powi(2));
            squares.sum::<f64>() / target.len() as f64
        };
        let losses = model.loss(noisy.clone(), clean.clone(), Loss::Mse);
        assert_close(&host(&losses.total), &[mse(&clean)], 1e-6, "loss");
        assert!((mse(&clean) - mse(&noisy)).abs() > 1e-3);
    }

    #[test]
    fn wrappers_nest_in_any_order() {
        let conv = json!({ "kind": "conv", "channels": [2, 3] });
        let top = |of: Value| json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": of });
        let masked = |of: Value| denoising(json!({ "kind": "masking", "probability": 1.0 }), of);
        for (json, units, kind) in [
            (top(masked(conv.clone())), 3 * 2, "sparse(denoising(conv))"),
            (masked(top(dense())), 5, "denoising(sparse(dense))"),
        ] {
            let config = crate::fixtures::config(json.clone());
            assert_eq!(config.kind(), kind);
            let model = model(json, INPUT, 3);
            let x = pictures(4, INPUT, 0);
            let noisy = model.corrupt(x.clone(), Noise::Host { seed: 1 });
            assert!(host(&noisy).iter().all(|&v| v == 0.0));
            let code = model.encode(x.clone());
            assert_eq!(code.dims(), [4, units]);
            for row in host(&code).chunks(units) {
                assert!(row.iter().filter(|&&h| h != 0.0).count() <= 2);
            }
            assert_eq!(model.forward(x.clone()).dims(), x.dims());
            let total = model.loss(noisy, x, Loss::Bce).total;
            assert!(host(&total)[0].is_finite());
        }
    }
}
