//! Tests of picture folders, on pictures made for each.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use tempfile::TempDir;

use super::*;
use crate::{Dataset, Images, Source};

/// A quarter for test, and nothing that is left out without a word.
const OPTIONS: PictureOptions = PictureOptions {
    size: None,
    patch: None,
    crops: None,
    flip: true,
    channels: None,
    test: TestPart::Share(0.25),
    strict: true,
    seed: 1,
};

/// A picture whose pixel is `16 * row + column + shift`.
fn gradient(height: u32, width: u32, shift: u8) -> DynamicImage {
    let pixel = |x: u32, y: u32| Luma([(16 * y + x) as u8 + shift]);
    ImageBuffer::from_fn(width, height, pixel).into()
}

fn folder(files: &[(&str, DynamicImage)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, picture) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }
    dir
}

fn source(dir: &TempDir, options: PictureOptions) -> Source {
    Source::Folder {
        dir: dir.path().to_path_buf(),
        options,
    }
}

/// Loads, and checks that `shape` had promised what came.
fn load(dir: &TempDir, options: PictureOptions) -> Result<Dataset, DataError> {
    let source = source(dir, options);
    let set = source.load()?;
    assert_eq!(source.shape().unwrap(), set.train.shape());
    assert_eq!(set.test.shape(), set.train.shape());
    Ok(set)
}

fn refusal(dir: &TempDir, options: PictureOptions) -> String {
    let error = load(dir, options).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn files_are_split_by_seed_and_kept_in_order() {
    let names = [
        "a.png", "b.PNG", "c.jpg", "d.jpeg", "e.png", "f.png", "g.png", "h.png",
    ];
    let files: Vec<_> = (0..)
        .zip(names)
        .map(|(i, name)| (name, gradient(4, 6, i)))
        .collect();
    let dir = folder(&files);
    fs::write(dir.path().join("notes.txt"), "not a picture").unwrap();
    fs::write(dir.path().join("._a.png"), "not a picture").unwrap();
    fs::create_dir(dir.path().join("folder.png")).unwrap();
    let set = load(&dir, OPTIONS).unwrap();
    assert_eq!(
        (set.train.shape(), set.train.len(), set.test.len()),
        ([1, 4, 6], 6, 2)
    );
    for part in [&set.train, &set.test] {
        assert!(part.names().unwrap().is_sorted());
        for (index, name) in part.names().unwrap().iter().enumerate() {
            let place = names.iter().position(|known| known == name).unwrap();
            assert_eq!(part.image(index).unwrap()[0], place as u8, "{name}");
        }
    }
    assert_eq!(load(&dir, OPTIONS).unwrap(), set);
    let others: Vec<_> = (0..9)
        .map(|seed| load(&dir, PictureOptions { seed, ..OPTIONS }).unwrap())
        .collect();
    assert!(others.iter().any(|other| other.test != set.test));
}

#[test]
fn either_side_gets_a_file() {
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", gradient(2, 2, 9))]);
    for test in [0.001, 0.999] {
        let test = TestPart::Share(test);
        let set = load(&dir, PictureOptions { test, ..OPTIONS }).unwrap();
        assert_eq!((set.train.len(), set.test.len()), (1, 1));
    }
    for test in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        let test = TestPart::Share(test);
        let error = refusal(&dir, PictureOptions { test, ..OPTIONS });
        assert!(error.ends_with("allowed: above 0 and below 1"), "{error}");
    }
    let dir = folder(&[("a.png", gradient(2, 2, 0))]);
    assert!(refusal(&dir, OPTIONS).contains("1 picture; at least 2 are needed"));
}

#[test]
fn train_and_test_folders_are_taken_as_they_are() {
    let dir = folder(&[
        ("ignored.png", gradient(9, 9, 0)),
        ("train/z.png", gradient(2, 3, 0)),
        ("train/y.png", gradient(2, 3, 1)),
        ("test/a.png", gradient(2, 3, 2)),
    ]);
    let set = load(
        &dir,
        PictureOptions {
            test: TestPart::Share(0.0),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(set.train.names().unwrap(), ["y.png", "z.png"]);
    assert_eq!(set.test.names().unwrap(), ["a.png"]);
}

#[test]
fn mixed_sizes_need_an_option() {
    let dir = folder(&[("a.png", gradient(4, 6, 0)), ("b.png", gradient(6, 4, 0))]);
    let error = refusal(&dir, OPTIONS);
    assert!(error.contains("a.png is 4 x 6, but "), "{error}");
    assert!(
        error.contains("b.png is 6 x 4 (height x width); set \"size\" or \"patch\""),
        "{error}"
    );
    let set = load(
        &dir,
        PictureOptions {
            size: Some([5, 7]),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(set.train.shape(), [1, 5, 7]);
    let set = load(
        &dir,
        PictureOptions {
            patch: Some(2),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!((set.train.len(), set.test.len()), (6, 6));
}

#[test]
fn channels_follow_the_first_file_or_the_option() {
    let colour: DynamicImage = ImageBuffer::from_pixel(2, 2, Rgb([10_u8, 20, 30])).into();
    let dir = folder(&[("a.png", colour.clone()), ("b.png", gradient(2, 2, 0))]);
    for seed in 0..8 {
        let set = load(&dir, PictureOptions { seed, ..OPTIONS }).unwrap();
        assert_eq!(set.train.shape(), [3, 2, 2]);
    }
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", colour)]);
    assert_eq!(load(&dir, OPTIONS).unwrap().train.shape(), [1, 2, 2]);
    let set = load(
        &dir,
        PictureOptions {
            channels: Some(3),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(set.train.shape(), [3, 2, 2]);
    assert!(
        refusal(
            &dir,
            PictureOptions {
                channels: Some(4),
                ..OPTIONS
            }
        )
        .contains("1 or 3")
    );
}

#[test]
fn patches_land_in_their_places() {
    // 5 x 7 holds 2 x 3 squares of side 2; the last row and column are dropped.
    let pixel = |x: u32, y: u32| Rgb([(16 * y + x) as u8, (16 * y + x) as u8 + 100, 7]);
    let picture: DynamicImage = ImageBuffer::from_fn(7, 5, pixel).into();
    let dir = folder(&[("train/a.png", picture.clone()), ("test/a.png", picture)]);
    let set = load(
        &dir,
        PictureOptions {
            patch: Some(2),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!((set.train.len(), set.train.shape()), (6, [3, 2, 2]));
    for row in 0..2 {
        for column in 0..3 {
            let index = row * 3 + column;
            let corner = (16 * 2 * row + 2 * column) as u8;
            let square = [0, 1, 16, 17].map(|step| corner + step);
            let expected = [square, square.map(|value| value + 100), [7; 4]].concat();
            assert_eq!(
                set.train.image(index),
                Some(&expected[..]),
                "{row} {column}"
            );
            let name = format!("a.png@{},{}", 2 * row, 2 * column);
            assert_eq!(set.train.names().unwrap()[index], name);
        }
    }
    assert_eq!((set.train.pictures(), set.warnings), (1, vec![]));
}

#[test]
fn pictures_smaller_than_a_patch_are_continued() {
    let dir = folder(&[
        ("train/a.png", gradient(6, 6, 0)),
        ("train/b.png", gradient(2, 9, 0)),
        ("test/c.png", gradient(3, 3, 0)),
    ]);
    let patch = Some(4);
    let set = load(&dir, PictureOptions { patch, ..OPTIONS }).unwrap();
    assert_eq!(
        set.train.names().unwrap(),
        ["a.png@0,0", "b.png@0,0", "b.png@0,4"]
    );
    // Rows 0, 1 and then 0, 1 again; columns and rows 0, 1, 2 and then 1.
    assert_eq!(
        set.train.image(2).unwrap()[..12],
        [4, 5, 6, 7, 20, 21, 22, 23, 4, 5, 6, 7]
    );
    let lines = [
        [0, 1, 2, 1],
        [16, 17, 18, 17],
        [32, 33, 34, 33],
        [16, 17, 18, 17],
    ];
    assert_eq!(set.test.image(0).unwrap(), lines.concat());
    let [warning] = set.warnings.as_slice() else {
        panic!("{:?}", set.warnings);
    };
    let text = warning.to_string();
    assert!(
        text.starts_with("2 smaller than a patch of 4 x 4, extended by reflection; the first: "),
        "{text}"
    );
    assert!(text.ends_with("b.png, 2 x 9 (height x width)"), "{text}");
}

#[test]
fn test_files_may_be_named() {
    let files = ["a.png", "b.png", "c.png"].map(|name| (name, gradient(4, 6, 0)));
    let dir = folder(&files);
    let named = |names: &[&str]| PictureOptions {
        test: TestPart::Files(names.iter().map(ToString::to_string).collect()),
        ..OPTIONS
    };
    for seed in 0..4 {
        let options = PictureOptions {
            seed,
            ..named(&["c.png", "a.png"])
        };
        let set = load(&dir, options).unwrap();
        assert_eq!(set.train.names().unwrap(), ["b.png"]);
        assert_eq!(set.test.names().unwrap(), ["a.png", "c.png"]);
    }
    let error = refusal(&dir, named(&["a.png", "A.png"]));
    assert!(
        error.starts_with("test: found \"A.png\"; allowed: names of pictures in "),
        "{error}"
    );
    for (names, count) in [(&["a.png", "b.png", "c.png"][..], 3), (&[], 0)] {
        let found = format!("test: found {count} of 3 pictures; allowed: fewer than all");
        let error = refusal(&dir, named(names));
        assert!(error.starts_with(&found), "{error}");
    }
    let apart = folder(&[
        ("train/a.png", gradient(2, 2, 0)),
        ("test/b.png", gradient(2, 2, 0)),
    ]);
    let error = refusal(&apart, named(&["b.png"]));
    assert!(
        error.starts_with("test: found a list of files; allowed: no list, because "),
        "{error}"
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = folder(&[("a.png", gradient(4, 6, 0)), ("b.png", gradient(4, 6, 0))]);
    let table = [
        PictureOptions {
            size: Some([0, 4]),
            ..OPTIONS
        },
        PictureOptions {
            size: Some([4, usize::MAX]),
            ..OPTIONS
        },
        PictureOptions {
            patch: Some(0),
            ..OPTIONS
        },
        PictureOptions {
            patch: Some(2),
            size: Some([2, 2]),
            ..OPTIONS
        },
        PictureOptions {
            channels: Some(0),
            ..OPTIONS
        },
    ];
    for options in table {
        let early = source(&dir, options.clone())
            .shape()
            .unwrap_err()
            .to_string();
        assert_eq!(refusal(&dir, options), early);
    }
}

fn encoded(picture: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Files that hold no picture, some of them behind a good header.
fn bad_files() -> Vec<Vec<u8>> {
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let png = encoded(&gradient(8, 8, 0), image::ImageFormat::Png);
    let webp = encoded(
        &gradient(8, 8, 0).into_rgb8().into(),
        image::ImageFormat::WebP,
    );
    let photo = include_bytes!("../assets/photos/rocket.jpg");
    let mut damaged = webp.clone();
    // Behind the headers of file, chunk and picture.
    damaged[25..].fill(0xff);
    vec![
        photo[..100].to_vec(),
        half(photo),
        half(&png),
        half(&webp),
        damaged,
        Vec::new(),
        b"plain text".to_vec(),
        b"GIF89a\x01\0\x01\0".to_vec(),
    ]
}

#[test]
fn bad_files_are_named() {
    let options = PictureOptions {
        size: Some([8, 8]),
        ..OPTIONS
    };
    for bytes in bad_files() {
        let dir = folder(&[("a.png", gradient(8, 8, 0)), ("c.png", gradient(8, 8, 0))]);
        fs::write(dir.path().join("b.png"), bytes).unwrap();
        let error = refusal(&dir, options.clone());
        assert!(
            error.contains("b.png: not a readable PNG, JPEG or WebP picture: "),
            "{error}"
        );
    }
}

#[test]
fn bad_files_are_left_out_with_a_warning() {
    let names = [
        "a.png", "c.png", "d.png", "e.png", "f.png", "g.png", "h.png",
    ];
    let good: Vec<_> = (1..)
        .zip(names)
        .map(|(i, name)| (name, gradient(8, 8, i)))
        .collect();
    let lenient = |patch: Option<usize>, seed: u64| PictureOptions {
        patch,
        strict: false,
        seed,
        ..OPTIONS
    };
    let dir = folder(&good);
    for bytes in bad_files() {
        for name in ["b.png", "0.jpg"] {
            fs::write(dir.path().join(name), &bytes).unwrap();
        }
        let (mut hit_train, mut hit_test) = (false, false);
        for seed in 0..6 {
            for patch in [None, Some(8)] {
                let set = load(&dir, lenient(patch, seed)).unwrap();
                let (train, test) = (set.train.len(), set.test.len());
                assert_eq!(train + test, 7);
                hit_train |= train < 7;
                hit_test |= test < 2;
                let lines: Vec<String> = set.warnings.iter().map(ToString::to_string).collect();
                assert_eq!(lines.len(), 2, "{lines:?}");
                assert!(lines.iter().all(|line| line.starts_with("skipped: ")));
                assert!(
                    lines
                        .iter()
                        .any(|line| line.contains("b.png: not a readable"))
                );
                // What is left is in its place.
                for part in [&set.train, &set.test] {
                    for (index, name) in part.names().unwrap().iter().enumerate() {
                        let name = name.strip_suffix("@0,0").unwrap_or(name);
                        let place = names.iter().position(|known| *known == name).unwrap();
                        assert_eq!(part.image(index).unwrap()[0], 1 + place as u8);
                    }
                }
                if let Some(crops) = set.train.crops() {
                    assert_eq!(
                        (set.train.pictures(), crops.whole().count()),
                        (train, train)
                    );
                }
            }
        }
        assert!(hit_train && hit_test);
    }
}

#[test]
fn nothing_but_bad_files_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png", "c.png"] {
        fs::write(dir.path().join(name), "plain text").unwrap();
    }
    let options = PictureOptions {
        strict: false,
        ..OPTIONS
    };
    let error = refusal(&dir, options.clone());
    assert!(
        error.contains(": none of the 3 pictures can be read; the first: "),
        "{error}"
    );
    assert!(error.contains("a.png: not a readable"), "{error}");
    assert_eq!(
        source(&dir, options.clone())
            .shape()
            .unwrap_err()
            .to_string(),
        error
    );
    // None of one part: the bad file is the one that is named for test.
    for name in ["a.png", "c.png"] {
        gradient(4, 4, 0).save(dir.path().join(name)).unwrap();
    }
    let test = TestPart::Files(vec!["b.png".to_string()]);
    let error = refusal(&dir, PictureOptions { test, ..options });
    assert!(
        error.contains(": none of the 1 test pictures can be read; the first: "),
        "{error}"
    );
}

#[test]
fn a_bad_file_moves_no_other_to_the_other_side() {
    let names: Vec<String> = (0..12).map(|i| format!("{i:02}.png")).collect();
    let files: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), gradient(4, 4, 0)))
        .collect();
    let dir = folder(&files);
    let options = PictureOptions {
        strict: false,
        ..OPTIONS
    };
    let whole = load(&dir, options.clone()).unwrap();
    let without = |images: &Images, bad: &str| -> Vec<String> {
        images
            .names()
            .unwrap()
            .iter()
            .filter(|name| *name != bad)
            .cloned()
            .collect()
    };
    for bad in ["00.png", "05.png", "11.png"] {
        let good = fs::read(dir.path().join(bad)).unwrap();
        for bytes in [&good[..good.len() / 2], b"plain text"] {
            fs::write(dir.path().join(bad), bytes).unwrap();
            let set = load(&dir, options.clone()).unwrap();
            assert_eq!(set.train.names().unwrap(), without(&whole.train, bad));
            assert_eq!(set.test.names().unwrap(), without(&whole.test, bad));
        }
        fs::write(dir.path().join(bad), good).unwrap();
    }
}

#[test]
fn folders_without_pictures_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let error = refusal(&dir, OPTIONS);
    assert!(
        error.contains("no .png, .jpg, .jpeg or .webp file"),
        "{error}"
    );
    assert_eq!(
        source(&dir, OPTIONS).shape().unwrap_err().to_string(),
        error
    );
    let missing = Source::Folder {
        dir: "no/such/folder".into(),
        options: OPTIONS,
    };
    assert!(
        missing
            .load()
            .unwrap_err()
            .to_string()
            .starts_with("no/such/folder: cannot be read")
    );
}

#[test]
fn the_bundled_photos_load() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/photos");
    let options = PictureOptions {
        size: Some([32, 48]),
        channels: Some(3),
        ..OPTIONS
    };
    let set = Source::Folder { dir, options }.load().unwrap();
    assert_eq!(set.train.shape(), [3, 32, 48]);
    assert_eq!(set.train.len() + set.test.len(), 10);
}
