//! Tests of the dense autoencoder: layers and a whole network against PyTorch, tied weights and
//! refused configs.

use burn::optim::{GradientsParams, SgdConfig};
use serde_json::{Value, json};

use super::*;
use crate::Loss;
use crate::fixtures::{
    SILENCE, assert_close, cases, config, gradients, host, model, named, parameters, pictures,
    transpose,
};
use crate::weights;

#[test]
fn a_layer_is_that_of_pytorch() {
    for case in cases("linear.json") {
        let (outputs, inputs) = (case.shape("output")[1], case.shape("inputs/input")[1]);
        let json = json!({ "kind": "dense", "layers": [], "code_size": outputs });
        let mut model = model(json, [1, 1, inputs], 0);
        let Network::Dense(network) = &mut model.network else {
            panic!("a convolutional network")
        };
        let bias: Tensor<1> = case.tensor("parameters/bias");
        // Burn keeps weights the other way round than PyTorch.
        network.encoder[0].weight =
            Param::from_tensor(case.tensor::<2>("parameters/weight").transpose());
        network.encoder[0].bias = Some(Param::from_tensor(bias));
        let x: Tensor<2> = case.leaf("inputs/input");
        let layer = network.encoder[0].clone();
        let code = model.encode(x.clone().unsqueeze_dims(&[1, 1]));
        // A sum of five products of size one.
        let grads = case.check_layer(code, &[("input", &x)], 1e-6);
        let of_weight = layer.weight.val().grad(&grads).unwrap().transpose();
        case.check("gradients/weight", &of_weight, 1e-6);
        let of_bias = layer.bias.as_ref().unwrap().val().grad(&grads).unwrap();
        case.check("gradients/bias", &of_bias, 1e-6);
    }
}

#[test]
fn a_whole_network_is_that_of_pytorch() {
    for case in cases("dense_ae.json") {
        let widths = case.counts("widths");
        let (hidden, code_size) = (&widths[1..3], widths[3]);
        let json = json!({
            "kind": "dense", "layers": hidden, "code_size": code_size,
            "activation": case.option("activation"),
        });
        // Twelve values as a picture with more than one of everything.
        let input = [2, 2, 3];
        let network = model(json, input, 0);
        let bytes = case.safetensors(str::to_owned);
        let network = weights::from_bytes(network, &bytes).unwrap();
        let batch = case.shape("inputs/input")[0];
        let as_pictures = |x: Tensor<2>| x.reshape([batch, 2, 2, 3]);
        let x = as_pictures(case.tensor("inputs/input"));
        let code = network.encode(x.clone());
        case.check("outputs/code", &code, 1e-6);
        let logits: Tensor<2> = network.decode_raw(code).flatten(1, 3);
        case.check("outputs/logits", &logits, 1e-6);
        for loss in [Loss::Mse, Loss::Bce] {
            let leaf: Tensor<2> = case.leaf("inputs/input");
            let losses = network.loss(as_pictures(leaf.clone()), x.clone(), loss, SILENCE);
            let at = format!("losses/{}", loss.name());
            let value = host(&losses.total);
            assert_close(&value, &[case.value(&format!("{at}/value"))], 1e-6, &at);
            let grads = losses.total.backward();
            let found = gradients(&network, &grads);
            for name in case.names("parameters") {
                let path = format!("{at}/gradients/{name}");
                let expected = match case.shape(&path)[..] {
                    [outputs, _] => transpose(&case.values(&path), outputs),
                    _ => case.values(&path),
                };
                assert_close(named(&found, &name), &expected, 1e-7, &path);
            }
            let grad = leaf.grad(&grads).unwrap();
            case.check(&format!("{at}/gradients/input"), &grad, 1e-7);
        }
    }
}

/// `relu(W x + b)` written out for one picture, from the values that [`weights::to_bytes`] gives.
#[test]
fn the_first_layer_alone_can_be_read() {
    let input = [1, 2, 3];
    let network = model(
        json!({ "kind": "dense", "layers": [4, 3], "code_size": 2 }),
        input,
        5,
    );
    let (all, x) = (parameters(&network), pictures(1, input, 0));
    let (weight, bias) = (
        named(&all, "encoder.0.weight"),
        named(&all, "encoder.0.bias"),
    );
    let pixels = host(&x);
    let expected: Vec<f64> = (0..4)
        .map(|unit| {
            let products = (0..6).map(|i| f64::from(pixels[i]) * f64::from(weight[i * 4 + unit]));
            (products.sum::<f64>() + f64::from(bias[unit])).max(0.0)
        })
        .collect();
    assert_close(
        &host(&network.encode_to(x, 0)),
        &expected,
        1e-6,
        "encoder.0",
    );
}

fn tied() -> Value {
    json!({ "kind": "dense", "layers": [4], "code_size": 2, "activation": "tanh", "tied": true })
}

#[test]
fn tied_weights_stay_tied_after_a_step() {
    let input = [1, 2, 3];
    let before = model(tied(), input, 1);
    let x = pictures(5, input, 0);
    let grads = before
        .loss(x.clone(), x.clone(), Loss::Bce, SILENCE)
        .total
        .backward();
    let grads = GradientsParams::from_grads(grads, &before);
    let mut optimizer = SgdConfig::new().init();
    let after = optimizer.step(0.5, before.clone(), grads);

    // No weight but the encoder's is there, and every value took part in the step.
    let (old, new) = (parameters(&before), parameters(&after));
    let names: Vec<&str> = new.iter().map(|(name, _, _)| name.as_str()).collect();
    let expected = [
        "encoder.0.weight",
        "encoder.0.bias",
        "encoder.1.weight",
        "encoder.1.bias",
        "decoder_bias.0",
        "decoder_bias.1",
    ];
    assert_eq!(names, expected);
    for ((name, _, old), (_, _, new)) in old.iter().zip(&new) {
        assert!(old.iter().zip(new).any(|(a, b)| a != b), "{name}");
    }

    // The decoder written out from the encoder's weights: rows of Burn's `[inputs, outputs]`
    // matrices run over the inputs, which are the decoder's outputs.
    let code = host(&after.encode(x.clone()));
    let times = |h: &[f64], weight: &[f32], bias: &[f32]| -> Vec<f64> {
        let rows = weight.chunks(h.len()).zip(bias);
        rows.map(|(row, &b)| {
            let products = row.iter().zip(h).map(|(&w, &v)| f64::from(w) * v);
            products.sum::<f64>() + f64::from(b)
        })
        .collect()
    };
    let value = |name: &str| named(&new, name);
    let mut expected = Vec::new();
    for code in code.chunks(2) {
        let code: Vec<f64> = code.iter().map(|&v| f64::from(v)).collect();
        let hidden = times(&code, value("encoder.1.weight"), value("decoder_bias.0"));
        let hidden: Vec<f64> = hidden.into_iter().map(f64::tanh).collect();
        expected.extend(times(
            &hidden,
            value("encoder.0.weight"),
            value("decoder_bias.1"),
        ));
    }
    let logits = host(&after.decode_raw(after.encode(x)));
    assert_close(&logits, &expected, 1e-5, "logits");
}

#[test]
fn a_decoder_of_its_own_may_have_another_depth() {
    for decoder in [json!([]), json!([5]), json!([3, 4, 5])] {
        let input = [1, 2, 3];
        let json = json!({ "kind": "dense", "layers": [4], "code_size": 2, "decoder": decoder });
        let network = model(json, input, 1);
        let restored = network.forward(pictures(3, input, 0));
        assert_eq!(restored.dims(), [3, 1, 2, 3]);
        let deepest = weights::names(&network).into_iter().filter(|parameter| {
            parameter.name.starts_with("decoder.") && parameter.name.ends_with(".weight")
        });
        assert_eq!(deepest.count(), decoder.as_array().unwrap().len() + 1);
    }
}

#[test]
fn configs_that_cannot_work_are_refused_with_their_key() {
    let key = |json: Value| {
        let mut dense = json!({ "kind": "dense", "layers": [4, 3], "code_size": 2 });
        let table = dense.as_object_mut().unwrap();
        table.extend(json.as_object().unwrap().clone());
        let error = config(dense).layers([1, 2, 3]).unwrap_err();
        error.key
    };
    assert_eq!(key(json!({ "layers": [4, 0] })), "layers.1");
    assert_eq!(key(json!({ "decoder": [0, 4] })), "decoder.0");
    assert_eq!(key(json!({ "code_size": 0 })), "code_size");
    assert_eq!(key(json!({ "decoder": [4, 3], "tied": true })), "decoder");
    let mirrored = json!({
        "kind": "dense", "layers": [4, 3], "code_size": 2, "decoder": [3, 4], "tied": true,
    });
    assert!(config(mirrored).layers([1, 2, 3]).is_ok());
}
