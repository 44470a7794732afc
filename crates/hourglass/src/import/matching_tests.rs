//! Tests of how tensors find their parameters.

use burn::module::ParamId;

use super::*;

fn parameters(all: &[(&str, &[usize])]) -> Vec<Parameter> {
    let one = |(name, shape): &(&str, &[usize])| Parameter {
        id: ParamId::new(),
        name: (*name).to_owned(),
        shape: shape.to_vec(),
    };
    all.iter().map(one).collect()
}

fn tensors(all: &[(&str, &[usize])]) -> Vec<Tensor> {
    let one = |(name, shape): &(&str, &[usize])| Tensor {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
    };
    all.iter().map(one).collect()
}

fn ours() -> Vec<Parameter> {
    parameters(&[
        ("encoder.0.weight", &[8, 4]),
        ("encoder.0.bias", &[8]),
        ("encoder.1.weight", &[8, 8]),
        ("encoder.1.bias", &[8]),
        ("decoder.0.weight", &[8, 8]),
        ("decoder.0.bias", &[8]),
    ])
}

fn found(theirs: &[(&str, &[usize])], map: &[(&str, &str)]) -> Result<Found, ImportError> {
    let map = map.iter().map(|(from, to)| ((*from).into(), (*to).into()));
    pairs(
        Path::new("file.pt"),
        &ours(),
        &tensors(theirs),
        map.collect(),
    )
}

#[test]
fn equal_names_are_found_under_any_prefix() {
    let names = ours()
        .into_iter()
        .map(|it| (format!("module.{}", it.name), it.shape));
    let theirs: Vec<(String, Vec<usize>)> = names.rev().collect();
    let mut theirs: Vec<(&str, &[usize])> = theirs
        .iter()
        .map(|(name, shape)| (name.as_str(), shape.as_slice()))
        .collect();
    theirs.push(("optimizer.state.0.exp_avg", &[8, 4]));
    let found = found(&theirs, &[]).unwrap();
    assert_eq!(found.tensors[3], "module.encoder.1.bias");
    assert_eq!(found.unused, ["optimizer.state.0.exp_avg"]);
}

/// Ten comes after two, a weight before its bias, and an encoder before a decoder.
#[test]
fn other_names_are_taken_in_their_order() {
    let theirs: &[(&str, &[usize])] = &[
        ("dec.1.bias", &[8]),
        ("dec.1.weight", &[8, 8]),
        ("enc.10.bias", &[8]),
        ("enc.10.weight", &[8, 8]),
        ("enc.2.weight", &[8, 4]),
        ("enc.2.bias", &[8]),
        ("enc.3.num_batches_tracked", &[]),
    ];
    let found = found(theirs, &[]).unwrap();
    let expected = [
        "enc.2.weight",
        "enc.2.bias",
        "enc.10.weight",
        "enc.10.bias",
        "dec.1.weight",
        "dec.1.bias",
    ];
    assert_eq!(found.tensors, expected);
    assert!(found.unused.is_empty());
}

#[test]
fn what_could_be_several_is_asked_for() {
    let theirs: &[(&str, &[usize])] = &[
        ("fc.weight", &[8, 8]),
        ("fc.bias", &[8]),
        ("start.weight", &[8, 4]),
        ("start.bias", &[8]),
        ("up.weight", &[8, 8]),
        ("up.bias", &[8]),
    ];
    // In the order of these names, the second layer would come first.
    let error = found(theirs, &[]).unwrap_err();
    assert!(matches!(error, ImportError::Ambiguous { .. }), "{error}");
    let map = [
        ("fc.weight", "encoder.1.weight"),
        ("fc.bias", "encoder.1.bias"),
    ];
    let found = found(theirs, &map).unwrap();
    assert_eq!(found.tensors[0], "start.weight");
    assert_eq!(found.tensors[2..4], ["fc.weight", "fc.bias"]);
    assert_eq!(found.tensors[4..], ["up.weight", "up.bias"]);
}

#[test]
fn what_is_missing_and_left_over_is_named() {
    let theirs: &[(&str, &[usize])] = &[("enc.weight", &[8, 4]), ("head.weight", &[10, 8])];
    let error = found(theirs, &[]).unwrap_err().to_string();
    assert!(error.contains("encoder.0.bias [8]"), "{error}");
    assert!(error.contains("head.weight [10, 8]"), "{error}");
    for (map, part) in [
        (("none", "encoder.0.bias"), "has no tensor none"),
        (("enc.weight", "code"), "no parameter code"),
        (("enc.weight", "encoder.1.weight"), "[8, 4]"),
    ] {
        let error = found(theirs, &[map]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// A convolution along a series has one axis fewer in PyTorch.
#[test]
fn a_series_kernel_is_one_of_a_single_row() {
    let ours = parameters(&[("encoder.0.conv.weight", &[4, 2, 1, 3])]);
    let theirs = tensors(&[("conv.weight", &[4, 2, 3])]);
    let found = pairs(Path::new("file.pt"), &ours, &theirs, HashMap::new()).unwrap();
    assert_eq!(found.tensors, ["conv.weight"]);
}
