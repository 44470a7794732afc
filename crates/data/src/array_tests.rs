use proptest::prelude::*;

use super::*;
use crate::{ArrayOptions, ArraySet, Given, Source, View};

fn array(values: Numbers, sizes: &[usize]) -> Array {
    Array::new("data", values, sizes).unwrap()
}

fn told(result: Result<impl fmt::Debug, DataError>) -> String {
    let error = result.unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

fn set(given: Option<Given>, test: Option<f64>) -> Source {
    let options = ArrayOptions {
        test,
        limit: None,
        seed: 3,
        fields: None,
    };
    Source::Array(ArraySet::new(options).with_arrays(given))
}

#[test]
fn pictures_are_the_same_as_bytes_and_as_whole_255ths() {
    let bytes: Vec<u8> = (0..2 * 2 * 3 * 3).map(|it| it * 7).collect();
    let single = bytes.iter().map(|&it| f32::from(it) / 255.0).collect();
    let double = bytes.iter().map(|&it| f64::from(it) / 255.0).collect();
    let sizes = [2, 2, 3, 3];
    let [first, ..] = [
        Numbers::Bytes(bytes),
        Numbers::Single(single),
        Numbers::Double(double),
    ]
    .map(|values| array(values, &sizes).images([3, 2, 3], None, None).unwrap())
    .map(|images| images.pixels().to_vec());
    // The channel runs slowest in a sample.
    assert_eq!(first[..7], [0, 21, 42, 63, 84, 105, 7]);
}

#[test]
fn rows_are_standardised_by_the_training_rows_and_labels_stay_with_them() {
    let values: Vec<f64> = (0..40).flat_map(|row| [f64::from(row), 5.0]).collect();
    let labels: Vec<u8> = (0..40).map(|row| row % 3).collect();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    let train = array(Numbers::Double(values.clone()), &[40, 2]);
    let train = train
        .with_columns(["size", "same"].map(String::from).to_vec())
        .unwrap();
    let train = Arc::new(train.with_labels(labels, classes).unwrap());
    let source = set(
        Some(Given {
            train: Arc::clone(&train),
            test: None,
        }),
        Some(0.25),
    );
    assert_eq!(source.shape().unwrap(), [2, 1, 1]);
    let data = source.load().unwrap();
    assert_eq!((data.train.len(), data.test.len()), (30, 10));
    assert_eq!(source.extent([2, 1, 1]).unwrap().bytes, 40 * 2 * 4);
    assert!(
        data.warnings[0].to_string().contains("same"),
        "{:?}",
        data.warnings
    );
    let View::Real(seen) = data.train.values() else {
        panic!("bytes")
    };
    let sizes: Vec<f64> = seen.chunks(2).map(|row| f64::from(row[0])).collect();
    let mean = sizes.iter().sum::<f64>() / 30.0;
    let square = sizes.iter().map(|it| it * it).sum::<f64>() / 30.0;
    assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-5);
    // Each label is that of its row.
    let fields = data.train.fields().unwrap();
    let own = fields.own_numbers(seen);
    let labels = data.train.labels().unwrap();
    assert!(
        own.chunks(2)
            .zip(labels)
            .all(|(row, label)| row[0].round() as u8 % 3 == *label)
    );
    // An array of its own to test with leaves all rows to train on.
    let test = Some(Arc::new(array(
        Numbers::Double(values[..8].to_vec()),
        &[4, 2],
    )));
    let data = set(Some(Given { train, test }), None).load().unwrap();
    assert_eq!((data.train.len(), data.test.len()), (40, 4));
}

#[test]
fn what_is_no_data_is_told_with_its_place() {
    let new = |values: Numbers, sizes: &[usize]| Array::new("data", values, sizes);
    let text = told(new(Numbers::Bytes(Vec::new()), &[0, 28, 28]));
    assert!(
        text.starts_with("data: found an array of shape (0, 28, 28)"),
        "{text}"
    );
    assert!(told(new(Numbers::Bytes(vec![1]), &[])).contains("shape ()"));
    assert!(new(Numbers::Bytes(vec![1; 3]), &[2, 2]).is_err());
    assert!(new(Numbers::Bytes(vec![1; 3]), &[usize::MAX, 2]).is_err());
    let text = told(new(
        Numbers::Single(vec![1.0, 2.0, f32::INFINITY, f32::NAN]),
        &[2, 2],
    ));
    assert!(text.contains("an infinity at [1, 0]"), "{text}");
    for sizes in [&[4][..], &[1, 2, 1, 2], &[1, 1, 1, 2, 2]] {
        let text = told(array(Numbers::Bytes(vec![1; 4]), sizes).shape());
        assert!(text.contains("allowed: (samples, columns)"), "{text}");
    }
    let odd = array(Numbers::Single(vec![0.0, 1.0, 0.5, f32::NAN]), &[1, 2, 2]);
    let text = told(odd.images([1, 2, 2], None, None));
    assert!(text.contains("found 0.5 at [0, 1, 0]"), "{text}");
    let text = told(odd.images([1, 28, 28], None, None));
    assert!(
        text.ends_with("the model takes (samples, 28, 28)"),
        "{text}"
    );
    assert!(told(set(None, Some(0.1)).shape()).contains("give the array again"));
    let one = Given {
        train: Arc::new(array(Numbers::Bytes(vec![1, 2]), &[1, 2])),
        test: None,
    };
    assert!(told(set(Some(one.clone()), Some(0.1)).load()).contains("found 1 sample; needs 2"));
    assert!(told(set(Some(one), None).load()).contains("second array"));
}

#[test]
fn windows_have_a_channel_for_each_column() {
    let field = |name: &str, mean: f64| Field {
        name: name.into(),
        kind: FieldKind::Number {
            mean,
            deviation: 2.0,
        },
    };
    let fields = Arc::new(Fields(vec![field("a", 0.0), field("b", 1.0)]));
    let windows = array(
        Numbers::Single(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        &[1, 3, 2],
    );
    let images = windows.images([2, 1, 3], Some(&fields), None).unwrap();
    assert_eq!(images.values(), View::Real(&[0.0, 1.0, 2.0, 0.0, 1.0, 2.0]));
    assert!(windows.images([2, 1, 4], Some(&fields), None).is_err());
}

proptest! {
    /// No array is worth a panic.
    #[test]
    fn any_sizes_are_data_or_an_error(
        sizes in prop::collection::vec(0_usize..5, 0..6),
        value in any::<f32>(),
    ) {
        let count = sizes.iter().product::<usize>();
        let Ok(array) = Array::new("x", Numbers::Single(vec![value; count]), &sizes) else {
            return Ok(());
        };
        let given = Given { train: Arc::new(array), test: None };
        if let Ok(data) = set(Some(given), Some(0.5)).load() {
            prop_assert!(data.train.len() + data.test.len() == sizes[0]);
        }
    }
}
