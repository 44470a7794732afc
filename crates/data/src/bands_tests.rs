//! Tests of pictures of any number of channels.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::{PhotometricInterpretation, SampleFormat};

use super::*;
use crate::{Aspect, DataError, Dataset, PictureOptions, Source, View, read_pixels};

/// Five bands of 16 bits.
struct Five;

impl colortype::ColorType for Five {
    type Inner = u16;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[16; 5];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Uint; 5];

    fn horizontal_predict(row: &[u16], result: &mut Vec<u16>) {
        result.extend(row);
    }
}

/// The value of a channel of a picture at a place.
fn value(picture: u16, at: usize, channel: usize) -> u16 {
    picture * 1000 + at as u16 * 10 + channel as u16
}

fn five(picture: u16, [height, width]: [usize; 2]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let values: Vec<u16> = (0..height * width)
        .flat_map(|at| (0..5).map(move |channel| value(picture, at, channel)))
        .collect();
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let size = [width as u32, height as u32];
    encoder
        .write_image::<Five>(size[0], size[1], &values)
        .unwrap();
    bytes.into_inner()
}

fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), values].concat()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn load(dir: &TempDir, options: PictureOptions) -> Result<Dataset, DataError> {
    let source = Source::Folder {
        dir: dir.path().into(),
        options,
    };
    let set = source.load()?;
    assert_eq!(source.shape()?, set.train.shape());
    Ok(set)
}

fn options() -> PictureOptions {
    PictureOptions {
        strict: true,
        white: Some(u16::MAX),
        ..PictureOptions::default()
    }
}

#[test]
fn bands_of_a_tiff_become_channels() {
    let files: Vec<(&str, Vec<u8>)> = (0..)
        .zip(["a.tif", "b.tif", "c.tiff"])
        .map(|(picture, name)| (name, five(picture, [2, 3])))
        .collect();
    let dir = folder(&files);
    let set = load(&dir, options()).unwrap();
    assert_eq!((set.train.shape(), set.train.len()), ([5, 2, 3], 2));
    for part in [&set.train, &set.test] {
        for (index, name) in part.names().unwrap().iter().enumerate() {
            let picture = u16::from(name.as_bytes()[0] - b'a');
            let wanted: Vec<u16> = (0..5)
                .flat_map(|channel| (0..6).map(move |at| value(picture, at, channel)))
                .collect();
            assert_eq!(part.sample(index), Some(View::Deep(&wanted)), "{name}");
        }
    }
    // Later pictures are read in the same way, in another size.
    let path = dir.path().join("b.tif");
    let read = read_pixels(&path, [5, 1, 1], u16::MAX).unwrap();
    assert_eq!(read.view().len(), 5);
    assert!(matches!(read, Pixels::Deep(_)));
    let error = read_pixels(&path, [3, 2, 3], u16::MAX).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: not a readable picture: found 5 channels; allowed: 3, as the other pictures or the model have",
            path.display()
        )
    );
}

#[test]
fn arrays_of_numpy_are_pictures_if_there_are_no_others() {
    let seven = |shift: u8| -> Vec<u8> { (0..2 * 2 * 7).map(|it| it + shift).collect() };
    let array = |shift| npy("|u1", "(2, 2, 7)", &seven(shift));
    let dir = folder(&[
        ("a.npy", array(0)),
        ("b.npy", array(9)),
        ("c.npy", array(5)),
    ]);
    let set = load(&dir, options()).unwrap();
    assert_eq!(set.train.shape(), [7, 2, 2]);
    let first: Vec<u8> = (0..7)
        .flat_map(|channel| (0..4).map(move |at| at * 7 + channel))
        .collect();
    let all: Vec<_> = [&set.train, &set.test]
        .iter()
        .flat_map(|part| (0..part.len()).map(|it| part.image(it).unwrap().into_owned()))
        .collect();
    assert!(all.contains(&first), "{all:?}");
    // Three channels are colours.
    let colour = npy("|u1", "(1, 2, 3)", &[1, 2, 3, 4, 5, 6]);
    let dir = folder(&[("a.npy", colour.clone()), ("b.npy", colour)]);
    let set = load(&dir, options()).unwrap();
    assert_eq!(set.train.values(), View::Bytes(&[1, 4, 2, 5, 3, 6]));
    // Beside pictures they are something else.
    image::GrayImage::new(4, 4)
        .save(dir.path().join("c.png"))
        .unwrap();
    image::GrayImage::new(4, 4)
        .save(dir.path().join("d.png"))
        .unwrap();
    assert_eq!(load(&dir, options()).unwrap().train.shape(), [1, 4, 4]);
}

#[test]
fn what_is_not_supported_is_one_line() {
    let zeros = |count| vec![0; count];
    for (bytes, reason) in [
        (
            npy("<f4", "(2, 2, 4)", &zeros(64)),
            "found values of type '<f4'; allowed: uint8 and uint16",
        ),
        (
            npy("|u1", "(2, 2)", &zeros(4)),
            "found an array of shape [2, 2]; allowed: [height, width, channels]",
        ),
        (
            npy("|u1", "(2, 2, 2, 2)", &zeros(16)),
            "found an array of shape [2, 2, 2, 2]",
        ),
        (
            npy("|u1", "(2, 2, 65)", &zeros(260)),
            "found 65 channels; allowed: 1 to 64",
        ),
        (
            npy("|u1", "(2, 2, 0)", &[]),
            "found 0 channels; allowed: 1 to 64",
        ),
        (
            npy("|u1", "(2, 0, 2)", &[]),
            "width: found 0; allowed: 1 to 32768",
        ),
        (
            npy("|u1", "(30000, 30000, 60)", &[]),
            "it is larger than 512 MiB in memory",
        ),
        (
            npy("<u2", "(2, 2, 4)", &zeros(31)),
            "its header announces 32 bytes of values, but 31 follow",
        ),
        (b"\x93NUMPY\x01\0".to_vec(), "not a NumPy file"),
    ] {
        let dir = folder(&[("a.npy", bytes.clone()), ("b.npy", bytes)]);
        let error = load(&dir, options()).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains('\n'), "{error}");
    }
    // One of other channels than the first.
    let dir = folder(&[
        ("a.tif", five(0, [2, 2])),
        ("b.tif", five(1, [2, 2])),
        ("c.tif", five(2, [2, 2])),
    ]);
    image::RgbImage::new(2, 2)
        .save(dir.path().join("d.png"))
        .unwrap();
    let error = load(&dir, options()).unwrap_err().to_string();
    assert!(error.contains("found 3 channels; allowed: 5"), "{error}");
}

#[test]
fn bands_are_resized_cut_and_kept_in_the_cache() {
    let files: Vec<(&str, Vec<u8>)> = (0..)
        .zip(["a.tif", "b.tif", "c.tif", "d.tif"])
        .map(|(picture, name)| (name, five(picture, [9, 8])))
        .collect();
    let dir = folder(&files);
    let cache = tempfile::tempdir().unwrap();
    for with in [
        PictureOptions {
            size: Some([4, 4]),
            aspect: Aspect::Crop,
            ..options()
        },
        PictureOptions {
            patch: Some(4),
            ..options()
        },
    ] {
        let set = load(&dir, with.clone()).unwrap();
        assert_eq!(set.train.shape(), [5, 4, 4]);
        let cached = PictureOptions {
            cache: Some(true),
            cache_dir: Some(PathBuf::from(cache.path())),
            ..with
        };
        assert_eq!(load(&dir, cached).unwrap(), set);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Hostile bytes are an error or a picture, and never more memory than a picture may take.
    #[test]
    fn hostile_bytes_do_no_harm(
        is_tiff: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = match is_tiff {
            true => five(1, [3, 4]),
            false => npy("<u2", "(3, 4, 5)", &[7; 120]),
        };
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let path = Path::new("a");
        let _ = header(path, &bytes);
        if let Ok(Some(Decoded::Bands(bands))) = decode(path, &bytes) {
            let [height, width] = bands.size;
            prop_assert_eq!(bands.pixels.view().len(), height * width * bands.channels);
        }
    }
}
