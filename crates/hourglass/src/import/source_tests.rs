//! Tests of files of weights: PyTorch's two formats, and hostile bytes.

use std::fs;

use super::*;

const WEIGHTS: &[u8] = include_bytes!("../../../../tests/fixtures/pytorch/weights.pt");
const LEGACY: &[u8] = include_bytes!("../../../../tests/fixtures/pytorch/legacy.pt");

/// Reads all that a file of these bytes holds.
fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<f32>)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pt");
    fs::write(&path, bytes).unwrap();
    let source = Source::open(&path)?;
    let values = |tensor: &Tensor| Ok((tensor.name.clone(), source.values(&tensor.name)?));
    let mut all: Vec<_> = source.tensors().iter().map(values).collect::<Result<_>>()?;
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}

/// What the script that wrote the files prints.
#[test]
fn state_dicts_are_read_as_torch_saved_them() {
    for bytes in [WEIGHTS, LEGACY] {
        let all = read(bytes).unwrap();
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "dec.bias",
            "dec.weight",
            "enc.0.bias",
            "enc.0.weight",
            "enc.2.bias",
            "enc.2.weight",
        ];
        assert_eq!(names, expected);
        assert_eq!(all[3].1.len(), 24);
        assert!((all[3].1[0] - FIRST).abs() < 1e-6, "{}", all[3].1[0]);
    }
}

/// The first value of the first layer's weight.
const FIRST: f32 = -0.003_056;

#[test]
fn cut_and_flipped_bytes_are_an_error_or_other_numbers() {
    let tensors = [
        ("a.weight", vec![2, 3], vec![0.5; 6]),
        ("a.bias", vec![2], vec![1.0; 2]),
    ];
    let weights = tensors.map(|(name, shape, values)| model::weights::Weight {
        name: name.into(),
        shape,
        values,
    });
    let safetensors = model::weights::serialize(&weights).unwrap();
    for bytes in [WEIGHTS, LEGACY, &safetensors] {
        for length in (0..bytes.len()).step_by(7) {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        for place in (0..bytes.len()).step_by(3) {
            let mut bytes = bytes.to_vec();
            bytes[place] ^= 0x41;
            if let Err(error) = read(&bytes) {
                assert_eq!(error.to_string().lines().count(), 1, "{error}");
            }
        }
    }
}

/// A pickle may name any function of Python and call it. Here nothing does.
#[test]
fn code_in_a_pickle_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let call = format!("cposix\nsystem\n(S'touch {}'\ntR.", trace.display());
    let error = read(call.as_bytes()).unwrap_err();
    assert!(matches!(error.root(), crate::Error::Import(_)), "{error}");
    assert!(!trace.exists());
}
