//! Tests of weight files: bit-exact round trips, PyTorch's names and layout, and hostile bytes.

use burn::optim::{GradientsParams, SgdConfig};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

use super::*;
use crate::Loss;
use crate::fixtures::{
    SILENCE, Stored as Tensors, device, file, host, model, parameters, pictures,
};

fn dense() -> Value {
    json!({ "kind": "dense", "layers": [3], "code_size": 2 })
}

/// One model of each structure that names depend on.
fn all() -> Vec<Value> {
    vec![
        dense(),
        json!({ "kind": "dense", "layers": [3], "code_size": 2, "tied": true }),
        json!({ "kind": "conv", "channels": [2, 3], "code_size": 2, "batch_norm": true }),
        json!({ "kind": "conv", "channels": [2, 3], "upsample": "transposed" }),
        json!({
            "kind": "sparse", "penalty": "l1",
            "of": { "kind": "denoising", "corruption": "masking", "of": dense() },
        }),
    ]
}

const INPUT: [usize; 3] = [1, 4, 5];

fn stored_names(json: Value) -> Vec<(String, Vec<usize>)> {
    let all = names(&model(json, INPUT, 0)).into_iter();
    all.map(|parameter| (parameter.name, parameter.shape))
        .collect()
}

#[test]
fn names_and_shapes_are_those_that_pytorch_would_have() {
    let expected = |all: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
        let owned = all
            .iter()
            .map(|(name, shape)| ((*name).into(), shape.to_vec()));
        owned.collect()
    };
    // `nn.Linear` is [outputs, inputs], `nn.Conv2d` [outputs, inputs, height, width].
    let of_dense = expected(&[
        ("encoder.0.weight", &[3, 20]),
        ("encoder.0.bias", &[3]),
        ("encoder.1.weight", &[2, 3]),
        ("encoder.1.bias", &[2]),
        ("decoder.0.weight", &[3, 2]),
        ("decoder.0.bias", &[3]),
        ("decoder.1.weight", &[20, 3]),
        ("decoder.1.bias", &[20]),
    ]);
    assert_eq!(stored_names(dense()), of_dense);
    // A wrapper changes no name.
    assert_eq!(stored_names(all().remove(4)), of_dense);
    // `nn.BatchNorm2d`: weight, bias, and two buffers. The map of the code is 2 x 2 x 3.
    let of_conv = expected(&[
        ("encoder.0.conv.weight", &[2, 1, 5, 5]),
        ("encoder.0.conv.bias", &[2]),
        ("encoder.0.norm.weight", &[2]),
        ("encoder.0.norm.bias", &[2]),
        ("encoder.0.norm.running_mean", &[2]),
        ("encoder.0.norm.running_var", &[2]),
        ("code.weight", &[4, 12]),
        ("code.bias", &[4]),
        ("expand.weight", &[12, 4]),
        ("expand.bias", &[12]),
        ("decoder.0.conv.weight", &[1, 2, 5, 5]),
        ("decoder.0.conv.bias", &[1]),
    ]);
    let json = json!({
        "kind": "conv", "channels": [2], "kernel": 5, "code_size": 4, "batch_norm": true,
    });
    assert_eq!(stored_names(json), of_conv);
    // `nn.ConvTranspose2d` is [inputs, outputs, height, width].
    let json = json!({ "kind": "conv", "channels": [2], "upsample": "transposed" });
    let of_decoder = expected(&[
        ("decoder.0.transposed.weight", &[2, 1, 3, 3]),
        ("decoder.0.transposed.bias", &[1]),
    ]);
    assert_eq!(stored_names(json)[2..], of_decoder);
}

#[test]
fn a_round_trip_is_exact_to_the_bit() {
    for json in all() {
        let saved = model(json.clone(), INPUT, 1);
        let bytes = to_bytes(&saved).unwrap();
        let loaded = from_bytes(model(json, INPUT, 2), &bytes).unwrap();
        assert!(to_bytes(&loaded).unwrap() == bytes);
        let bits = |model: &Autoencoder| -> Vec<(String, Vec<u32>)> {
            let all = parameters(model).into_iter();
            all.map(|(name, _, v)| (name, v.into_iter().map(f32::to_bits).collect()))
                .collect()
        };
        assert_eq!(bits(&loaded), bits(&saved));
        let x = pictures(2, INPUT, 0);
        let of = |model: &Autoencoder| host(&model.valid().forward(x.clone().without_autodiff()));
        assert_eq!(of(&loaded), of(&saved));
    }
}

#[test]
fn unusual_numbers_survive_as_they_are() {
    let unusual = [
        0x8000_0000, // -0
        0x0000_0001, // the smallest subnormal number
        0x7f80_0000, // infinity
        0x7fc1_2345, // not a number, with a payload
        0x7f7f_ffff, // the largest number
    ];
    let values: Vec<f32> = (unusual.iter().cycle().take(60))
        .map(|&bits| f32::from_bits(bits))
        .collect();
    let plain = to_bytes(&model(dense(), INPUT, 1)).unwrap();
    let mut tensors = of_file(&plain);
    for tensor in &mut tensors {
        let count = tensor.bytes.len() / 4;
        *tensor = Tensors::floats(&tensor.name, &tensor.shape, &values[..count]);
    }
    let bytes = file(&tensors);
    let loaded = from_bytes(model(dense(), INPUT, 2), &bytes).unwrap();
    let again = of_file(&to_bytes(&loaded).unwrap());
    for (a, b) in tensors.iter().zip(&again) {
        assert_eq!((&a.name, &a.bytes), (&b.name, &b.bytes));
    }
}

/// The tensors of a file, read without this crate's code.
fn of_file(bytes: &[u8]) -> Vec<Tensors> {
    let parsed = SafeTensors::deserialize(bytes).unwrap();
    let mut tensors: Vec<Tensors> = (parsed.tensors().into_iter())
        .map(|(name, view)| Tensors {
            name,
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        })
        .collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

/// Another layout in memory would add in another order, and a resumed training would differ in the
/// last bits.
#[test]
fn training_goes_on_after_loading_as_it_would_have_without() {
    for json in all() {
        let x = pictures(3, INPUT, 0);
        let step = |model: Autoencoder| -> Autoencoder {
            let loss = model.loss(x.clone(), x.clone(), Loss::Mse, SILENCE).total;
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            SgdConfig::new().init().step(0.1, model, grads)
        };
        let halfway = step(model(json.clone(), INPUT, 1));
        let bytes = to_bytes(&halfway).unwrap();
        let resumed = from_bytes(model(json, INPUT, 2), &bytes).unwrap();
        let (straight, resumed) = (step(halfway), step(resumed));
        assert!(to_bytes(&resumed).unwrap() == to_bytes(&straight).unwrap());
    }
}

/// Going back to the best weights at the end of a training.
#[test]
fn a_trained_model_takes_stored_running_statistics() {
    let json = json!({ "kind": "conv", "channels": [2], "batch_norm": true });
    let fresh = to_bytes(&model(json.clone(), INPUT, 1)).unwrap();
    let trained = model(json, INPUT, 1);
    for start in 0..3 {
        trained.encode(pictures(4, INPUT, start));
    }
    let now = to_bytes(&trained).unwrap();
    assert!(now != fresh);
    trained.encode(pictures(4, INPUT, 3));
    let back = from_bytes(trained, &fresh).unwrap();
    assert!(to_bytes(&back).unwrap() == fresh);
}

/// What a file is loaded into is not changed behind the back of another copy of it.
#[test]
fn loading_changes_no_other_copy() {
    let json = json!({ "kind": "conv", "channels": [2], "batch_norm": true });
    let original = model(json.clone(), INPUT, 1);
    let before = to_bytes(&original).unwrap();
    let other = model(json, INPUT, 2);
    other.encode(pictures(4, INPUT, 0));
    let loaded = from_bytes(original.clone(), &to_bytes(&other).unwrap()).unwrap();
    assert!(to_bytes(&loaded).unwrap() != before);
    assert!(to_bytes(&original).unwrap() == before);
}

#[test]
fn identities_stay_for_the_optimizer_and_gradients_are_still_wanted() {
    for json in all() {
        let before = model(json.clone(), INPUT, 1);
        let known = names(&before);
        let bytes = to_bytes(&model(json, INPUT, 2)).unwrap();
        let after = from_bytes(before, &bytes).unwrap();
        assert_eq!(names(&after), known);
        let x = pictures(2, INPUT, 0);
        let grads = after
            .loss(x.clone(), x, Loss::Bce, SILENCE)
            .total
            .backward();
        let with_gradient = crate::fixtures::gradients(&after, &grads).len();
        let learned = known.iter().filter(|p| !p.name.contains("running_"));
        assert_eq!(with_gradient, learned.count());
    }
}

#[test]
fn a_model_without_gradients_can_be_saved_and_loaded() {
    let json = json!({ "kind": "conv", "channels": [2], "batch_norm": true });
    let bytes = to_bytes(&model(json.clone(), INPUT, 1)).unwrap();
    let plain = crate::fixtures::config(json)
        .init(INPUT, 2, &Device::flex())
        .unwrap();
    let loaded = from_bytes(plain, &bytes).unwrap();
    assert!(to_bytes(&loaded).unwrap() == bytes);
    // And trained after all.
    let loaded = loaded.train();
    let x = pictures(2, INPUT, 0);
    let grads = loaded
        .loss(x.clone(), x, Loss::Bce, SILENCE)
        .total
        .backward();
    assert_eq!(crate::fixtures::gradients(&loaded, &grads).len(), 6);
}

fn error(bytes: &[u8]) -> WeightsError {
    from_bytes(model(dense(), INPUT, 2), bytes).unwrap_err()
}

/// The file of a dense model after a change to its tensors.
fn changed(change: impl FnOnce(&mut Vec<Tensors>)) -> Vec<u8> {
    let mut tensors = of_file(&to_bytes(&model(dense(), INPUT, 1)).unwrap());
    change(&mut tensors);
    file(&tensors)
}

fn find<'a>(tensors: &'a mut [Tensors], name: &str) -> &'a mut Tensors {
    tensors.iter_mut().find(|t| t.name == name).unwrap()
}

#[test]
fn a_file_cut_short_anywhere_is_no_file() {
    let bytes = to_bytes(&model(dense(), INPUT, 1)).unwrap();
    for end in 0..bytes.len() {
        assert!(
            matches!(error(&bytes[..end]), WeightsError::Format(_)),
            "{end}"
        );
    }
    let longer = [bytes.as_slice(), &[0; 4]].concat();
    assert!(matches!(error(&longer), WeightsError::Format(_)));
}

#[test]
fn a_header_with_any_byte_changed_is_an_error_and_no_panic() {
    let bytes = to_bytes(&model(dense(), INPUT, 1)).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let blank = model(dense(), INPUT, 2);
    // What the file says of its format is free text, which no weight depends on.
    let is_free = |at: usize| {
        let near =
            |word: &[u8]| (0..word.len()).any(|back| bytes[at - back.min(at)..].starts_with(word));
        near(b"format") || near(b"pt")
    };
    for at in (0..8 + header).filter(|at| !is_free(*at)) {
        for flip in [0x01, 0x02, 0x10, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            assert!(
                from_bytes(blank.clone(), &bytes).is_err(),
                "byte {at} ^ {flip}"
            );
            // Without names to compare with, some of these files are as good as any.
            let _ = tensors_from_bytes(&bytes, &device());
        }
    }
}

#[test]
fn noise_is_no_file() {
    for length in [0, 1, 7, 8, 9, 100, 1000] {
        for start in 0..20 {
            let noise = crate::fixtures::spread(length, start);
            let bytes: Vec<u8> = noise.iter().map(|v| (v * 256.0) as u8).collect();
            assert!(matches!(error(&bytes), WeightsError::Format(_)));
            assert!(tensors_from_bytes(&bytes, &device()).is_err());
        }
    }
}

#[test]
fn a_missing_parameter_is_named_with_its_shape() {
    let bytes = changed(|tensors| tensors.retain(|t| t.name != "decoder.0.weight"));
    match error(&bytes) {
        WeightsError::Missing { name, expected } => {
            assert_eq!((name.as_str(), expected), ("decoder.0.weight", vec![3, 2]));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_unknown_parameter_is_named() {
    let bytes = changed(|tensors| tensors.push(Tensors::floats("decoder.9.weight", &[1], &[0.0])));
    assert!(matches!(error(&bytes), WeightsError::Unknown(name) if name == "decoder.9.weight"));
}

#[test]
fn another_shape_is_refused_even_with_as_many_values() {
    for (name, shape) in [
        ("encoder.0.weight", vec![20, 3]),
        ("encoder.0.weight", vec![60]),
        ("encoder.0.weight", vec![3, 20, 1]),
        ("encoder.0.bias", vec![3, 1]),
        ("encoder.0.bias", vec![1, 3]),
    ] {
        let bytes = changed(|tensors| find(tensors, name).shape = shape.clone());
        match error(&bytes) {
            WeightsError::Mismatch {
                name: at,
                found,
                expected,
            } => {
                assert_eq!(at, name);
                assert_eq!(found, format!("F32 {shape:?}"));
                assert_eq!(
                    expected,
                    if name.ends_with("bias") {
                        vec![3]
                    } else {
                        vec![3, 20]
                    }
                );
            }
            other => panic!("{other}"),
        }
    }
    let bytes = changed(|tensors| {
        *find(tensors, "encoder.0.bias") = Tensors::floats("encoder.0.bias", &[2], &[0.0; 2])
    });
    assert!(matches!(error(&bytes), WeightsError::Mismatch { .. }));
}

#[test]
fn another_type_is_refused() {
    for (dtype, size) in [
        (Dtype::F16, 2),
        (Dtype::BF16, 2),
        (Dtype::F64, 8),
        (Dtype::I32, 4),
        (Dtype::U8, 1),
    ] {
        let bytes = changed(|tensors| {
            let bias = find(tensors, "encoder.1.bias");
            bias.dtype = dtype;
            bias.bytes = vec![0; size * 2];
        });
        match error(&bytes) {
            WeightsError::Mismatch {
                name,
                found,
                expected,
            } => {
                assert_eq!((name.as_str(), expected), ("encoder.1.bias", vec![2]));
                assert_eq!(found, format!("{dtype:?} [2]"));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn tensors_of_an_optimizer_survive_flattened() {
    let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, &device());
    let (a, b) = (tensor(&[1.0, -2.5, f32::INFINITY]), tensor(&[]));
    let named = [("a".to_owned(), &a), ("b".to_owned(), &b)];
    let bytes = tensors_to_bytes(named.into_iter()).unwrap();
    let back = tensors_from_bytes(&bytes, &device()).unwrap();
    assert_eq!(back.len(), 2);
    assert_eq!(host(&back["a"]), host(&a));
    assert_eq!(host(&back["b"]), host(&b));
    // Any shape comes back as one row.
    let bytes = file(&[Tensors::floats("m", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]);
    let back = tensors_from_bytes(&bytes, &device()).unwrap();
    assert_eq!(host(&back["m"]), [1.0, 2.0, 3.0, 4.0]);
    let bytes = file(&[Tensors {
        name: "m".into(),
        dtype: Dtype::F16,
        shape: vec![2],
        bytes: vec![0; 4],
    }]);
    assert!(matches!(
        tensors_from_bytes(&bytes, &device()),
        Err(WeightsError::Mismatch { .. })
    ));
}

/// An exporter finds each operation's parameters by these names.
#[test]
fn every_parameter_belongs_to_an_operation() {
    let more = vec![
        json!({ "kind": "conv", "channels": [2, 3], "code_size": 2, "layers": [4], "convolutions": 3, "batch_norm": true }),
        json!({ "kind": "conv", "channels": [2, 3], "convolutions": 2, "upsample": "transposed", "downsample": "stride" }),
        json!({ "kind": "linear", "code_size": 2, "convolutions": 3 }),
        json!({ "kind": "linear", "code_size": 2, "convolutions": 2, "block": 2, "mirror": true }),
    ];
    for json in all().into_iter().chain(more) {
        let model = model(json.clone(), INPUT, 0);
        let mut expected: Vec<String> = names(&model).into_iter().map(|it| it.name).collect();
        let mut found = Vec::new();
        for layer in model.layers() {
            for (operation, name) in layer.operations.iter().zip(layer.stored_operations()) {
                let Some(name) = name else { continue };
                let parts: &[&str] = match operation {
                    crate::Operation::Linear { tied: true, .. } => &[""],
                    crate::Operation::BatchNorm { .. } => {
                        &[".weight", ".bias", ".running_mean", ".running_var"]
                    }
                    _ => &[".weight", ".bias"],
                };
                found.extend(parts.iter().map(|part| format!("{name}{part}")));
            }
        }
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{json}");
    }
}

/// Some loaders refuse a file that does not say so.
#[test]
fn files_say_that_they_are_laid_out_as_pytorch_does() {
    let bytes = to_bytes(&model(dense(), INPUT, 1)).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata.get("format").map(String::as_str), Some("pt"));
}
