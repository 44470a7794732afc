//! Tests of the IDX reader: valid files come back, hostile ones are errors.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// The images in the bytes of a file.
fn read_images(file: &str, bytes: &[u8]) -> Result<Images, DataError> {
    Ok(super::read_images(file, bytes.len() as u64, bytes, None)?.0)
}

/// The labels in the bytes of a file.
fn read_labels(file: &str, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    Ok(read(file, bytes.len() as u64, bytes, Kind::Labels, None)?.bytes)
}

pub(crate) fn idx(magic: u32, sizes: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    sizes
        .iter()
        .for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(content);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn images() -> Vec<u8> {
    idx(IMAGES, &[2, 2, 3], &(0..12).collect::<Vec<u8>>())
}

fn refusal(bytes: &[u8]) -> String {
    let error = read_images("f", bytes).unwrap_err().to_string();
    assert!(error.starts_with("f: ") && !error.contains('\n'), "{error}");
    error
}

#[test]
fn valid_files_come_back() {
    let read = read_images("f", &images()).unwrap();
    assert_eq!((read.len(), read.shape()), (2, [1, 2, 3]));
    assert_eq!(read.pixels(), (0..12).collect::<Vec<u8>>());
    let colour = idx(IMAGES_WITH_CHANNELS, &[1, 3, 2, 2], &[9; 12]);
    assert_eq!(read_images("f", &colour).unwrap().shape(), [3, 2, 2]);
    assert_eq!(
        read_labels("f", &idx(LABELS, &[3], &[5, 0, 4])).unwrap(),
        [5, 0, 4]
    );
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = images();
    for end in 0..whole.len() {
        let expected = match end {
            0..4 => 4,
            4..16 => 16,
            _ => 28,
        };
        let message = format!("f: ends after {end} bytes, expected {expected}");
        assert_eq!(refusal(&whole[..end]), message);
    }
    let whole = gzip(&whole);
    for end in 0..whole.len() {
        refusal(&whole[..end]);
    }
}

#[test]
fn hostile_files_are_errors() {
    let huge = u32::MAX;
    let table = [
        (
            idx(LABELS, &[1], &[1]),
            "begins with 0x00000801, expected 0x00000803",
        ),
        (idx(0x0d03, &[1, 1, 1], &[1]), "begins with 0x00000d03"),
        (b"<html>not found</html>".to_vec(), "begins with 0x3c68746d"),
        (idx(IMAGES, &[0, 28, 28], &[]), "holds 0 x 28 x 28"),
        (idx(IMAGES, &[1, 28, 0], &[]), "holds 1 x 28 x 0"),
        (
            idx(IMAGES, &[huge, huge, huge], &[1]),
            "values are too many",
        ),
        (
            idx(IMAGES_WITH_CHANNELS, &[huge; 4], &[1]),
            "values are too many",
        ),
        (
            idx(IMAGES, &[1 << 20, 1 << 10, 1 << 2], &[1]),
            "4294967296 values in 17 bytes are too many",
        ),
        (
            idx(IMAGES_WITH_CHANNELS, &[1, 2, 2, 3], &[1; 12]),
            "images of 2 channels",
        ),
        ([images(), vec![0]].concat(), "continues after the 28 bytes"),
        (
            gzip(&[images(), vec![0; 1 << 20]].concat()),
            "continues after the 28 bytes",
        ),
        ([gzip(&images()), vec![7; 20]].concat(), "damaged gzip data"),
        (
            vec![0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            "damaged gzip data",
        ),
    ];
    for (bytes, part) in table {
        let error = refusal(&bytes);
        assert!(error.contains(part), "{error}: expected {part}");
    }
    assert!(read_labels("f", &images()).is_err());
}

#[test]
fn a_wrong_gzip_checksum_is_an_error() {
    let mut bytes = gzip(&images());
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(refusal(&bytes).contains("damaged gzip data"));
}

proptest! {
    #[test]
    fn no_bytes_panic(
        magic in prop::sample::select(vec![IMAGES, IMAGES_WITH_CHANNELS, LABELS, 0x1f8b_0800]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        small in prop::collection::vec(0_u32..4, 0..5),
    ) {
        for bytes in [bytes.clone(), idx(magic, &[], &bytes), idx(magic, &small, &bytes)] {
            let _ = read_images("f", &bytes);
            let _ = read_labels("f", &bytes);
            let packed = gzip(&bytes);
            let _ = read_images("f", &packed);
        }
    }

    #[test]
    fn any_images_come_back(count in 1_u32..5, height in 1_u32..9, width in 1_u32..9, zip: bool, seed: u8) {
        let pixels: Vec<u8> = (0..count * height * width).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let plain = idx(IMAGES, &[count, height, width], &pixels);
        let bytes = if zip { gzip(&plain) } else { plain };
        let read = read_images("f", &bytes).unwrap();
        prop_assert_eq!(read.shape(), [1, height as usize, width as usize]);
        prop_assert_eq!(read.pixels(), pixels);
    }
}

/// A limit takes its images and their labels from anywhere in a file, also from one that is too large as a whole.
#[test]
fn a_limit_draws_images_with_their_labels() {
    let pixels: Vec<u8> = (0..60).flat_map(|it| [it; 4]).collect();
    let file = gzip(&idx(IMAGES, &[60, 2, 2], &pixels));
    let labels = idx(LABELS, &[60], &(0..60).collect::<Vec<u8>>());
    let drawn = |seed| {
        let limit = Some(Limit { count: 6, seed });
        let images = super::read_images("f", 99, &*file, limit).unwrap();
        with_labels(images, "l", 99, &*labels, limit).unwrap()
    };
    let images = drawn(1);
    let found = images.labels().unwrap().to_vec();
    assert_eq!((images.len(), found.len()), (6, 6));
    assert!(
        found.is_sorted() && found != [0, 1, 2, 3, 4, 5],
        "{found:?}"
    );
    for (at, label) in found.iter().enumerate() {
        assert_eq!(images.image(at).as_deref(), Some(&[*label; 4][..]));
    }
    assert_ne!(drawn(2).labels(), images.labels());
    // The whole file is read to its end all the same.
    let limit = Some(Limit { count: 6, seed: 1 });
    let short = idx(IMAGES, &[61, 2, 2], &pixels);
    let error = super::read_images("f", 99, &*short, limit).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("ends after 256 bytes, expected 260"),
        "{error}"
    );
    let short = idx(LABELS, &[59], &[0; 59]);
    let images = super::read_images("f", 99, &*file, limit).unwrap();
    let error = with_labels(images, "l", 99, &*short, limit).unwrap_err();
    assert_eq!(
        error.to_string(),
        "l: 59 labels for 60 images, expected one each"
    );
    // Ten images of a file of 4.4 billion values are not too many, but nothing is read that is not there.
    let huge = idx(IMAGES, &[1 << 26, 64, 64], &[]);
    let limit = Some(Limit { count: 10, seed: 1 });
    let error = super::read_images("f", 16, &*huge, limit)
        .unwrap_err()
        .to_string();
    assert!(error.contains("ends after 16 bytes"), "{error}");
    let error = super::read_images("f", 16, &*huge, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("values are too many; allowed: at most 4294967296"),
        "{error}"
    );
}
