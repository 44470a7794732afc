//! Tests of picture folders, on pictures made for each.

use std::fs;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use tempfile::TempDir;

use super::*;
use crate::{Dataset, Source};

const OPTIONS: FolderOptions = FolderOptions {
    size: None,
    patch: None,
    channels: None,
    test: 0.25,
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

fn source(dir: &TempDir, options: FolderOptions) -> Source {
    Source::Folder {
        dir: dir.path().to_path_buf(),
        options,
    }
}

/// Loads, and checks that `shape` had promised what came.
fn load(dir: &TempDir, options: FolderOptions) -> Result<Dataset, DataError> {
    let source = source(dir, options);
    let set = source.load()?;
    assert_eq!(source.shape().unwrap(), set.train.shape());
    assert_eq!(set.test.shape(), set.train.shape());
    Ok(set)
}

fn refusal(dir: &TempDir, options: FolderOptions) -> String {
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
        .map(|seed| load(&dir, FolderOptions { seed, ..OPTIONS }).unwrap())
        .collect();
    assert!(others.iter().any(|other| other.test != set.test));
}

#[test]
fn either_side_gets_a_file() {
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", gradient(2, 2, 9))]);
    for test in [0.001, 0.999] {
        let set = load(&dir, FolderOptions { test, ..OPTIONS }).unwrap();
        assert_eq!((set.train.len(), set.test.len()), (1, 1));
    }
    for test in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        let error = refusal(&dir, FolderOptions { test, ..OPTIONS });
        assert!(error.ends_with("allowed is above 0 and below 1"), "{error}");
    }
    let dir = folder(&[("a.png", gradient(2, 2, 0))]);
    assert!(refusal(&dir, OPTIONS).contains("1 picture, expected at least 2"));
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
        FolderOptions {
            test: 0.0,
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
        FolderOptions {
            size: Some([5, 7]),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(set.train.shape(), [1, 5, 7]);
    let set = load(
        &dir,
        FolderOptions {
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
        let set = load(&dir, FolderOptions { seed, ..OPTIONS }).unwrap();
        assert_eq!(set.train.shape(), [3, 2, 2]);
    }
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", colour)]);
    assert_eq!(load(&dir, OPTIONS).unwrap().train.shape(), [1, 2, 2]);
    let set = load(
        &dir,
        FolderOptions {
            channels: Some(3),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(set.train.shape(), [3, 2, 2]);
    assert!(
        refusal(
            &dir,
            FolderOptions {
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
        FolderOptions {
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
    let error = refusal(
        &dir,
        FolderOptions {
            patch: Some(6),
            ..OPTIONS
        },
    );
    assert!(
        error.contains("a.png: 5 x 7 (height x width) is smaller than a patch of 6 x 6"),
        "{error}"
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = folder(&[("a.png", gradient(4, 6, 0)), ("b.png", gradient(4, 6, 0))]);
    let table = [
        FolderOptions {
            size: Some([0, 4]),
            ..OPTIONS
        },
        FolderOptions {
            size: Some([4, usize::MAX]),
            ..OPTIONS
        },
        FolderOptions {
            patch: Some(0),
            ..OPTIONS
        },
        FolderOptions {
            patch: Some(2),
            size: Some([2, 2]),
            ..OPTIONS
        },
        FolderOptions {
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

#[test]
fn bad_files_are_named() {
    let mut cut = std::io::Cursor::new(Vec::new());
    gradient(8, 8, 0)
        .write_to(&mut cut, image::ImageFormat::Png)
        .unwrap();
    let mut cut = cut.into_inner();
    cut.truncate(cut.len() / 2);
    let photo = include_bytes!("../assets/photos/rocket.jpg");
    let bad = [
        photo[..100].to_vec(),
        photo[..photo.len() / 2].to_vec(),
        Vec::new(),
        b"plain text".to_vec(),
        b"GIF89a\x01\0\x01\0".to_vec(),
        cut,
    ];
    let options = FolderOptions {
        size: Some([8, 8]),
        ..OPTIONS
    };
    for bytes in bad {
        let dir = folder(&[("a.png", gradient(8, 8, 0)), ("c.png", gradient(8, 8, 0))]);
        fs::write(dir.path().join("b.png"), bytes).unwrap();
        let error = refusal(&dir, options.clone());
        assert!(
            error.contains("b.png: not a readable PNG or JPEG picture: "),
            "{error}"
        );
    }
}

#[test]
fn folders_without_pictures_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let error = refusal(&dir, OPTIONS);
    assert!(error.contains("no .png, .jpg or .jpeg file"), "{error}");
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
    let options = FolderOptions {
        size: Some([32, 48]),
        channels: Some(3),
        ..OPTIONS
    };
    let set = Source::Folder { dir, options }.load().unwrap();
    assert_eq!(set.train.shape(), [3, 32, 48]);
    assert_eq!(set.train.len() + set.test.len(), 10);
}
