//! Tests of the archives: what belongs to a set is found, and hostile bytes are errors.

use std::io::{Cursor, Write as _};

use super::*;
use crate::idx::tests::{gzip, idx};
use crate::idx::{IMAGES, LABELS};

/// Small archives in CIFAR-10's format.
const SMALL: Records = Records {
    each: 2,
    tested: 1,
    ..CIFAR_10
};

fn record(label: u8, value: u8) -> Vec<u8> {
    [vec![label], vec![value; 3072]].concat()
}

/// A tar of members, gzipped; names are written as they are.
fn tar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        // `set_path` refuses what a hostile archive has.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

/// The members of a good archive, in an order of their own.
fn members() -> Vec<(&'static str, Vec<u8>)> {
    let batch = |first: u8| [record(first, first), record(first + 1, first + 1)].concat();
    vec![
        ("../../etc/passwd", b"root".to_vec()),
        (SMALL.test, record(9, 200)),
        (SMALL.train[2], batch(4)),
        (SMALL.train[0], batch(0)),
        (SMALL.train[1], batch(2)),
        (SMALL.train[4], batch(8)),
        (SMALL.train[3], batch(6)),
    ]
}

fn read(bytes: &[u8]) -> Result<(Images, Images), DataError> {
    cifar_of("x.tar.gz", GzDecoder::new(bytes), &SMALL)
}

fn refusal(members: &[(&str, Vec<u8>)]) -> String {
    read(&tar(members)).unwrap_err().to_string()
}

#[test]
fn records_are_in_the_order_of_the_files_names() {
    let (train, test) = read(&tar(&members())).unwrap();
    assert_eq!(train.labels().unwrap(), (0..10).collect::<Vec<u8>>());
    assert_eq!((train.shape(), train.len()), (CIFAR, 10));
    assert_eq!(train.image(7).unwrap()[3071], 7);
    assert_eq!(test.labels(), Some(&[9][..]));
    assert_eq!(*test.pixels(), [200; 3072]);
}

#[test]
fn the_fine_label_counts() {
    let two = Records {
        each: 1,
        tested: 1,
        ..CIFAR_100
    };
    let record = [vec![3, 99], vec![7; 3072]].concat();
    let bytes = tar(&[(two.train[0], record.clone()), (two.test, record)]);
    let (train, _) = cifar_of("x", GzDecoder::new(bytes.as_slice()), &two).unwrap();
    assert_eq!(train.labels(), Some(&[99][..]));
    assert_eq!(*train.pixels(), [7; 3072]);
}

#[test]
fn damaged_tars_are_refused() {
    let mut short = members();
    short[3].1.pop();
    let expected = "cifar-10-batches-bin/data_batch_1.bin has 6145 bytes, expected 6146";
    assert_eq!(
        refusal(&short),
        format!("x.tar.gz: damaged archive: {expected}")
    );

    let mut lacking = members();
    lacking.remove(4);
    let error = refusal(&lacking);
    assert!(error.ends_with("data_batch_2.bin is missing"), "{error}");

    let mut twice = members();
    twice.push(twice[1].clone());
    let error = refusal(&twice);
    assert!(
        error.ends_with("test_batch.bin is there twice, or is not a file"),
        "{error}"
    );

    let mut label = members();
    label[1].1[0] = 10;
    let error = refusal(&label);
    assert!(
        error.ends_with("label 10; allowed: less than 10"),
        "{error}"
    );

    let mut elsewhere = members();
    elsewhere[1].0 = "cifar-10-batches-bin/../cifar-10-batches-bin/test_batch.bin";
    let error = refusal(&elsewhere);
    assert!(error.ends_with("test_batch.bin is missing"), "{error}");
}

#[test]
fn a_tar_that_is_cut_anywhere_is_an_error_of_one_line() {
    let whole = tar(&members());
    // The last bytes are the tar's empty end and gzip's checksum, which nothing depends on.
    for end in (0..whole.len() - 200).step_by(7) {
        let error = read(&whole[..end]).unwrap_err().to_string();
        assert!(error.starts_with("x.tar.gz: damaged archive: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(read(b"no gzip").is_err());
    assert!(read(&gzip(&[7; 4096])).is_err());
}

/// EMNIST's zip with members of these bytes.
fn zip(parts: [[&[u8]; 2]; 2]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::FileOptions::default();
    for (part, [images, labels]) in ["train", "test"].into_iter().zip(parts) {
        for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
            let name = format!("gzip/emnist-letters-{part}-{kind}-ubyte.gz");
            writer.start_file(name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn letters_in(bytes: &[u8]) -> Result<(Images, Images), DataError> {
    letters_of("gzip.zip", Cursor::new(bytes))
}

#[test]
fn letters_are_upright_and_their_labels_begin_at_zero() {
    let images = gzip(&idx(IMAGES, &[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]));
    let labels = gzip(&idx(LABELS, &[2], &[1, 26]));
    let bytes = zip([[&images, &labels], [&images, &labels]]);
    let (train, test) = letters_in(&bytes).unwrap();
    assert_eq!(*train.pixels(), [1, 3, 2, 4, 5, 7, 6, 8]);
    assert_eq!(train.labels(), Some(&[0, 25][..]));
    assert_eq!(train, test);
}

#[test]
fn damaged_zips_are_refused() {
    let images = gzip(&idx(IMAGES, &[1, 2, 2], &[1, 2, 3, 4]));
    let label = |label| gzip(&idx(LABELS, &[1], &[label]));
    let of = |label: &[u8]| zip([[&images, label], [&images, label]]);
    let error = |bytes: &[u8]| letters_in(bytes).unwrap_err().to_string();

    let found = error(&of(&label(27)));
    assert_eq!(
        found,
        "gzip.zip: gzip/emnist-letters-train-labels-idx1-ubyte.gz: damaged archive: label 27; allowed: 1 to 26"
    );
    assert!(error(&of(&label(0))).contains("label 0;"));

    let two = gzip(&idx(LABELS, &[2], &[1, 2]));
    assert!(error(&of(&two)).contains("2 labels for 1 images"));

    // A member that unpacks to a thousand times its size is not read to its end.
    let bomb = error(&of(&vec![0; 10 << 20]));
    assert!(bomb.contains("labels-idx1"), "{bomb}");

    let whole = of(&label(1));
    letters_in(&whole).unwrap();
    for end in 0..whole.len() {
        let error = error(&whole[..end]);
        assert!(error.starts_with("gzip.zip"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(error(b"").starts_with("gzip.zip: damaged archive: "));
}
