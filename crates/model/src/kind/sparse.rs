//! The sparse autoencoder: any other model with penalties, so that few units are active for any one
//! picture, or so that the code takes few bits. Its wrapper takes any penalty on a code.

use burn::prelude::*;

use super::Wrapper;
use crate::autoencoder::CodeStep;
use crate::config::{ModelConfig, Penalty, SparseConfig};
use crate::error::ModelError;
use crate::penalty::Given;
use crate::plan::{Ends, Gives, Plan};

impl Wrapper for SparseConfig {
    fn name(&self) -> &'static str {
        "sparse"
    }

    fn of(&self) -> &ModelConfig {
        &self.of
    }

    fn check(&self, plan: &Plan) -> Result<(), ModelError> {
        let checked = self.penalty.check(plan.layers.code());
        checked.map_err(|error| error.within("penalty"))
    }

    /// Squared errors and bits are weighed against each other by a decoder that gives values.
    fn inside(&self, ends: Ends) -> Result<Ends, ModelError> {
        let gives = match ends.gives {
            Gives::Logits if self.gives_values() => Gives::Values,
            gives => gives,
        };
        Ok(Ends { gives, ..ends })
    }

    fn penalty(&self) -> Option<&Penalty> {
        Some(&self.penalty)
    }

    fn gives_values(&self) -> bool {
        self.penalty.rate_weight().is_some()
    }
}

/// The penalties on a model's code, from the outside in; empty if the model is not sparse.
#[derive(Clone, Debug)]
pub(crate) struct Penalties {
    all: Vec<Penalty>,
    /// Epochs of training that are done, while it goes on.
    epoch: Option<f64>,
}

impl Penalties {
    /// The penalties among a config's wrappers.
    pub(crate) fn of(wrappers: &[&dyn Wrapper]) -> Self {
        let all = wrappers.iter().filter_map(|wrapper| wrapper.penalty());
        Self {
            all: all.cloned().collect(),
            epoch: None,
        }
    }

    /// Sets how many epochs of training are done; `None` outside of training.
    pub(crate) fn at_epoch(&mut self, epoch: Option<f64>) {
        self.epoch = epoch;
    }

    /// Whether there is no penalty.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The code as the decoder sees it, `[batch, code_size]`.
    pub(crate) fn constrain(&self, code: Tensor<2>) -> Tensor<2> {
        self.all
            .iter()
            .fold(code, |code, penalty| penalty.constrain(code, self.epoch))
    }

    /// The same, step by step.
    pub(crate) fn steps(&self) -> Vec<CodeStep> {
        let step = |penalty: &Penalty| match *penalty {
            Penalty::TopK { k, .. } => Some(CodeStep::TopK(k)),
            Penalty::L1 { .. } | Penalty::Kl { .. } | Penalty::Rate { .. } => None,
        };
        self.all.iter().filter_map(step).collect()
    }

    /// What one bit per pixel weighs in the loss; `None` if bits do not count.
    pub(crate) fn rate_weight(&self) -> Option<f64> {
        let weights = self.all.iter().filter_map(Penalty::rate_weight);
        weights.reduce(|sum, weight| sum + weight)
    }

    /// What each penalty adds to the loss, if anything, by its name; shape `[1]`.
    pub(crate) fn parts<const D: usize>(
        &self,
        given: &Given<'_, D>,
    ) -> Vec<(&'static str, Tensor<1>)> {
        let part = |penalty: &Penalty| Some((penalty.name(), penalty.forward(given)?));
        self.all.iter().filter_map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Loss;
    use crate::fixtures::{SILENCE, assert_close, config, host, model, pictures};

    const INPUT: [usize; 3] = [1, 4, 5];

    fn dense(code_activation: &str) -> Value {
        json!({
            "kind": "dense", "layers": [6], "code_size": 5, "code_activation": code_activation,
        })
    }

    fn sparse(penalty: Value, of: Value) -> Value {
        json!({ "kind": "sparse", "penalty": penalty, "of": of })
    }

    #[test]
    fn the_penalty_of_the_code_is_added_to_the_loss() {
        let penalties = [
            json!({ "kind": "l1", "weight": 0.5 }),
            json!({ "kind": "kl", "rho": 0.1, "beta": 2.0 }),
        ];
        let x = pictures(3, INPUT, 0);
        for (i, penalty) in penalties.into_iter().enumerate() {
            let plain = model(dense("sigmoid"), INPUT, 4);
            let sparse = model(sparse(penalty, dense("sigmoid")), INPUT, 4);
            let code = host(&plain.encode(x.clone()));
            let column = |j: usize| code.iter().skip(j).step_by(5).map(|&h| f64::from(h));
            let expected: f64 = if i == 0 {
                0.5 * code.iter().map(|&h| f64::from(h.abs())).sum::<f64>() / 3.0
            } else {
                let units = (0..5).map(|j| {
                    let mean = column(j).sum::<f64>() / 3.0;
                    0.1 * (0.1 / mean).ln() + 0.9 * (0.9 / (1.0 - mean)).ln()
                });
                2.0 * units.sum::<f64>()
            };
            assert!(expected > 0.1);
            for loss in [Loss::Mse, Loss::Bce] {
                let without = host(&plain.loss(x.clone(), x.clone(), loss, SILENCE).total)[0];
                let with = sparse.loss(x.clone(), x.clone(), loss, SILENCE);
                assert_eq!(host(&with.reconstruction), [without]);
                let names: Vec<&str> = with.penalties.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, [["l1", "kl"][i]]);
                let total = f64::from(without) + expected;
                assert_close(&host(&with.total), &[total], 1e-5, "total");
            }
        }
    }

    #[test]
    fn the_decoder_sees_the_k_largest_units_only() {
        let plain = model(dense("none"), INPUT, 4);
        let x = pictures(6, INPUT, 0);
        let code = host(&plain.encode(x.clone()));
        for k in 1..=5 {
            let top = model(
                sparse(json!({ "kind": "top_k", "k": k }), dense("none")),
                INPUT,
                4,
            );
            let kept = host(&top.encode(x.clone()));
            for (row, kept) in code.chunks(5).zip(kept.chunks(5)) {
                assert_eq!(kept.iter().filter(|&&h| h != 0.0).count(), k);
                let mut sorted = row.to_vec();
                sorted.sort_by(|a, b| b.total_cmp(a));
                let expected = row
                    .iter()
                    .map(|&h| if h >= sorted[k - 1] { h } else { 0.0 });
                assert_eq!(kept, expected.collect::<Vec<_>>());
            }
            let losses = top.loss(x.clone(), x.clone(), Loss::Bce, SILENCE);
            assert_eq!(host(&losses.total), host(&losses.reconstruction));
            let logits = plain.decode_raw(top.encode(x.clone()));
            let expected = host(&Loss::Bce.forward(logits, x.clone()));
            assert_eq!(host(&losses.total), expected);
            // Layers before the code are as they were.
            assert_eq!(
                host(&top.encode_to(x.clone(), 0)),
                host(&plain.encode_to(x.clone(), 0))
            );
        }
    }

    /// Zeros are equal values, and a dead code has nothing else.
    #[test]
    fn a_code_of_zeros_stays_one() {
        let json = sparse(json!({ "kind": "top_k", "k": 2 }), dense("relu"));
        let top = model(json, INPUT, 4);
        let code = top.encode(pictures(2, INPUT, 0) * 0.0 - 1000.0);
        assert_eq!(code.dims(), [2, 5]);
        assert!(
            host(&code)
                .chunks(5)
                .all(|row| row.iter().filter(|&&h| h != 0.0).count() <= 2)
        );
    }

    #[test]
    fn penalties_inside_each_other_all_count() {
        let l1 = |weight: f64| json!({ "kind": "l1", "weight": weight });
        let inner = sparse(json!({ "kind": "top_k", "k": 2 }), dense("none"));
        let outer = sparse(l1(0.5), sparse(l1(0.25), inner));
        let model = model(outer, INPUT, 4);
        let x = pictures(3, INPUT, 0);
        let code = host(&model.encode(x.clone()));
        assert_eq!(code.iter().filter(|&&h| h != 0.0).count(), 3 * 2);
        let sum: f64 = code.iter().map(|&h| f64::from(h.abs())).sum();
        let losses = model.loss(x.clone(), x, Loss::Mse, SILENCE);
        let expected = f64::from(host(&losses.reconstruction)[0]) + 0.75 * sum / 3.0;
        assert_close(&host(&losses.total), &[expected], 1e-6, "total");
    }

    #[test]
    fn penalties_that_cannot_work_are_refused_with_their_key() {
        let key = |json: Value| {
            let layers = config(json).layers(INPUT);
            layers.map(|_| ()).map_err(|error| error.key)
        };
        let refused = |key: &str| Err(key.to_owned());
        let conv = |activation: &str, code_activation: &str, code_size: Value| {
            json!({
                "kind": "conv", "channels": [2], "activation": activation,
                "code_activation": code_activation, "code_size": code_size,
            })
        };
        for code_activation in ["none", "relu", "tanh", "elu"] {
            let of = dense(code_activation);
            assert_eq!(
                key(sparse("kl".into(), of.clone())),
                refused("penalty.kind")
            );
            assert_eq!(key(sparse("l1".into(), of)), Ok(()));
            let of = conv("relu", code_activation, 3.into());
            assert_eq!(key(sparse("kl".into(), of)), refused("penalty.kind"));
        }
        assert_eq!(key(sparse("kl".into(), dense("sigmoid"))), Ok(()));
        let of = conv("sigmoid", "none", 3.into());
        assert_eq!(key(sparse("kl".into(), of)), refused("penalty.kind"));
        // A feature map that is the code has the activation of hidden layers.
        let of = conv("sigmoid", "none", Value::Null);
        assert_eq!(key(sparse("kl".into(), of)), Ok(()));

        let top = |k: usize, of: Value| sparse(json!({ "kind": "top_k", "k": k }), of);
        assert_eq!(key(top(5, dense("none"))), Ok(()));
        assert_eq!(key(top(6, dense("none"))), refused("penalty.k"));
        assert_eq!(key(top(0, dense("none"))), refused("penalty.k"));
        // A map of 2 x 2 x 3.
        assert_eq!(key(top(12, conv("relu", "none", Value::Null))), Ok(()));
        assert_eq!(
            key(top(13, conv("relu", "none", Value::Null))),
            refused("penalty.k")
        );

        // Seen from the wrappers around it.
        let around = |of: Value| json!({ "kind": "denoising", "corruption": "masking", "of": of });
        let inside = around(sparse("kl".into(), dense("none")));
        assert_eq!(key(inside.clone()), refused("of.penalty.kind"));
        assert_eq!(
            key(sparse("l1".into(), inside)),
            refused("of.of.penalty.kind")
        );
        let below = sparse("kl".into(), around(dense("none")));
        assert_eq!(key(below), refused("penalty.kind"));
    }

    fn cheap(lambda: f64) -> Value {
        let of = json!({ "kind": "conv", "channels": [3, 2], "code_activation": "none", "initial_gain": 9 });
        sparse(json!({ "kind": "rate", "lambda": lambda }), of)
    }

    /// Training sees the code with noise of one step in place of rounding, and pays for its bits; everything else sees
    /// whole numbers.
    #[test]
    fn bits_are_weighed_against_errors_and_codes_are_rounded() {
        let input = [3, 8, 8];
        let x = pictures(5, input, 0);
        let [free, dear] = [0.0, 0.25].map(|lambda| model(cheap(lambda), input, 4));
        let code = free.encode_unrounded(x.clone());
        let rounded: Vec<f32> = host(&code).iter().map(|it| it.round_ties_even()).collect();
        assert_eq!(host(&free.encode(x.clone())), rounded);
        assert!(rounded.iter().any(|it| *it != 0.0));

        let losses = dear.loss(x.clone(), x.clone(), Loss::Mse, SILENCE);
        let of_free = free.loss(x.clone(), x.clone(), Loss::Mse, SILENCE);
        assert_eq!(host(&losses.reconstruction), host(&of_free.reconstruction));
        assert_eq!(host(&of_free.total), host(&of_free.reconstruction));
        let (name, part) = &losses.penalties[0];
        assert_eq!(*name, "rate");
        let bits = f64::from(host(part)[0]) / 0.25;
        // A code of 2 x 2 x 2 values for 64 pixels, each of some bits.
        assert!(bits > 0.05 && bits < 2.0, "{bits}");
        let total = f64::from(host(&losses.reconstruction)[0]) + 0.25 * bits;
        assert_close(&host(&losses.total), &[total], 1e-6, "total");
        assert_eq!(host(&losses.compared()), host(&losses.total));

        // The noise is that of its seed, and half a step at most: the decoder is linear enough here to tell.
        let plain = host(&dear.decode(dear.encode_unrounded(x.clone())).unwrap());
        let errors = |seed: u64| {
            let noise = crate::Noise::Host { seed };
            host(
                &dear
                    .loss(x.clone(), x.clone(), Loss::Mse, noise)
                    .reconstruction,
            )[0]
        };
        assert_eq!(errors(1), errors(1));
        assert!(errors(1) != errors(2) && plain.iter().all(|it| it.is_finite()));

        let bits = |values: &[f32]| {
            let code = code.zeros_like() + values[0];
            host(&dear.bits_per_pixel(code).unwrap())[0]
        };
        assert!(bits(&[0.0]) < bits(&[3.0]) && bits(&[3.0]) < bits(&[9.0]));
        assert!(
            model(dense("none"), INPUT, 4)
                .bits_per_pixel(code)
                .is_none()
        );
    }

    #[test]
    fn what_learns_bits_is_saved_and_takes_pictures_of_any_size() {
        use crate::weights;
        let input = [3, 8, 8];
        let trained = model(cheap(0.1), input, 4);
        let bytes = weights::to_bytes(&trained).unwrap();
        let names = weights::names(&trained).into_iter().map(|it| it.name);
        let of_density: Vec<String> = names.filter(|it| it.starts_with("density.")).collect();
        assert_eq!(
            of_density,
            ["density.share", "density.mean", "density.scale"]
        );
        let loaded = weights::from_bytes(model(cheap(0.1), input, 9), &bytes).unwrap();
        let larger = loaded.for_images(&config(cheap(0.1)), [3, 12, 20]).unwrap();
        let x = pictures(1, [3, 12, 20], 3);
        assert_eq!(larger.forward(x.clone()).dims(), [1, 3, 12, 20]);
        assert_eq!(larger.layers().code().output, [2, 3, 5]);
        // Far from the border a part of the picture is what the whole has there.
        let wide = pictures(1, [3, 8, 48], 3);
        let of = |width: usize| {
            loaded
                .for_images(&config(cheap(0.1)), [3, 8, width])
                .unwrap()
        };
        let whole = of(48).encode_unrounded(wide.clone()).reshape([1, 2, 2, 12]);
        let part = of(32)
            .encode_unrounded(wide.narrow(3, 0, 32))
            .reshape([1, 2, 2, 8]);
        let [whole, part] = [whole, part].map(|it| host(&it.narrow(3, 0, 5)));
        assert_eq!(whole, part);

        let dense = json!({ "kind": "dense", "layers": [], "code_size": 2 });
        let error = model(dense.clone(), input, 4)
            .for_images(&config(dense), [3, 12, 20])
            .unwrap_err();
        assert!(error.to_string().contains("all convolutions"), "{error}");
    }

    #[test]
    fn bits_are_of_maps_and_weigh_something_finite() {
        let key = |json: Value| {
            config(json)
                .layers([3, 8, 8])
                .map(|_| ())
                .map_err(|error| error.key)
        };
        assert_eq!(key(cheap(0.5)), Ok(()));
        assert_eq!(key(cheap(-1.0)), Err("penalty.lambda".into()));
        let rate = |of: Value| sparse("rate".into(), of);
        assert_eq!(key(rate(dense("none"))), Err("penalty.kind".into()));
        let coded = json!({ "kind": "conv", "channels": [3], "code_size": 4 });
        assert_eq!(key(rate(coded)), Err("penalty.kind".into()));
        assert!(config(cheap(0.5)).gives_values() && !config(dense("none")).gives_values());
        assert_eq!(config(cheap(0.5)).rate_weight(), Some(0.5));
    }
}
