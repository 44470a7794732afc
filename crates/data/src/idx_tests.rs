//! Tests of the IDX reader: valid files come back, hostile ones are errors.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

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
    let read = read_images("f", &*images()).unwrap();
    assert_eq!((read.len(), read.shape()), (2, [1, 2, 3]));
    assert_eq!(read.pixels(), (0..12).collect::<Vec<u8>>());
    let colour = idx(IMAGES_WITH_CHANNELS, &[1, 3, 2, 2], &[9; 12]);
    assert_eq!(read_images("f", &*colour).unwrap().shape(), [3, 2, 2]);
    assert_eq!(
        read_labels("f", &*idx(LABELS, &[3], &[5, 0, 4])).unwrap(),
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
            "ends after 17 bytes, expected 4294967312",
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
    assert!(read_labels("f", &*images()).is_err());
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
            let _ = read_images("f", &*bytes);
            let _ = read_labels("f", &*bytes);
            let packed = gzip(&bytes);
            let _ = read_images("f", &*packed);
        }
    }

    #[test]
    fn any_images_come_back(count in 1_u32..5, height in 1_u32..9, width in 1_u32..9, zip: bool, seed: u8) {
        let pixels: Vec<u8> = (0..count * height * width).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let plain = idx(IMAGES, &[count, height, width], &pixels);
        let bytes = if zip { gzip(&plain) } else { plain };
        let read = read_images("f", &*bytes).unwrap();
        prop_assert_eq!(read.shape(), [1, height as usize, width as usize]);
        prop_assert_eq!(read.pixels(), pixels);
    }
}
