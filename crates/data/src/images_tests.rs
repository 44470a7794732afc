//! Tests of picture folders, on pictures made for each.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use tempfile::TempDir;

use super::*;
use crate::{Dataset, Images, Preparation, Rule, Source, View, Warning};

/// A quarter for test, and nothing that is left out without a word.
const OPTIONS: PictureOptions = PictureOptions {
    size: None,
    aspect: Aspect::Stretch,
    patch: None,
    crops: None,
    flip: true,
    channels: None,
    white: None,
    limit: None,
    test: TestPart::Share(0.25),
    group: None,
    strict: true,
    cache: Some(false),
    cache_dir: None,
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
fn channels_follow_any_colour_or_the_option() {
    let colour: DynamicImage = ImageBuffer::from_pixel(2, 2, Rgb([10_u8, 20, 30])).into();
    let dir = folder(&[("a.png", colour.clone()), ("b.png", gradient(2, 2, 0))]);
    for seed in 0..8 {
        let set = load(&dir, PictureOptions { seed, ..OPTIONS }).unwrap();
        assert_eq!(set.train.shape(), [3, 2, 2]);
    }
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", colour)]);
    let set = load(&dir, OPTIONS).unwrap();
    assert_eq!(set.train.shape(), [3, 2, 2]);
    let told =
        |set: &Dataset| -> Vec<String> { set.warnings.iter().map(Warning::to_string).collect() };
    let place = |name: &str| dir.path().join(name).display().to_string();
    let mixed = format!(
        "1 of the 2 pictures is grey, but all are read as colour; the first: {}; set data.channels to 1 to make \
         all grey",
        place("a.png")
    );
    assert_eq!(told(&set), [mixed]);
    let grey = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", gradient(2, 2, 1))]);
    let grey = load(&grey, OPTIONS).unwrap();
    assert_eq!((grey.train.shape(), told(&grey)), ([1, 2, 2], vec![]));
    let set = load(
        &dir,
        PictureOptions {
            channels: Some(1),
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!((set.train.shape(), told(&set)), ([1, 2, 2], vec![]));
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
        .contains("allowed: 4")
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
                set.train.image(index).as_deref(),
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
    let other = |format| half(&encoded(&gradient(8, 8, 0).into_rgb8().into(), format));
    let mut damaged = webp.clone();
    // Behind the headers of file, chunk and picture.
    damaged[25..].fill(0xff);
    vec![
        photo[..100].to_vec(),
        half(photo),
        half(&png),
        half(&webp),
        other(image::ImageFormat::Tiff),
        other(image::ImageFormat::Bmp),
        other(image::ImageFormat::Gif),
        other(image::ImageFormat::Pnm),
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
        assert!(error.contains("b.png: not a readable picture: "), "{error}");
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
    assert!(error.contains("no picture (.png, .jpg,"), "{error}");
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

/// The warnings of a set, without the folder's path.
fn told(dir: &TempDir, options: PictureOptions) -> Vec<String> {
    let set = load(dir, options).unwrap();
    let path = format!("{}/", dir.path().display());
    let words = set
        .warnings
        .iter()
        .map(|it| format!("{it}/").replace(&path, ""));
    words
        .map(|it| it.trim_end_matches('/').to_string())
        .collect()
}

#[test]
fn what_is_not_read_is_counted_and_named() {
    let dir = folder(&[("a.png", gradient(2, 2, 0)), ("b.png", gradient(2, 2, 9))]);
    for name in [
        "c.avif",
        "d.AVIF",
        "e.psd",
        "f.heic",
        "notes.txt",
        ".hidden.avif",
    ] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    for name in [
        "raw/y.avif",
        "deep/er/z.heic",
        "empty/notes.txt",
        ".hidden/a.avif",
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let place = dir.path().display();
    assert_eq!(
        told(&dir, OPTIONS),
        [format!(
            "{place}: not read: 3 .avif, 2 .heic, 1 .psd; the first: c.avif, d.AVIF, deep/er/z.heic and 3 more; \
                 convert them to PNG"
        )]
    );
    // The same beside folders that are read.
    for (part, shift) in [("train", 1), ("test", 2)] {
        let path = dir.path().join(part).join("p.png");
        fs::create_dir(path.parent().unwrap()).unwrap();
        gradient(2, 2, shift).save(path).unwrap();
    }
    assert_eq!(
        told(&dir, OPTIONS),
        [format!(
            "{place}: not read: 2 pictures beside the folders for parts, 2 .avif, 1 .heic, 1 .psd, folders deep (1), \
             raw (1); the first: a.png, b.png, c.avif and 3 more; move the pictures into a folder that is read, and \
             convert the other kinds to PNG"
        )]
    );
}

#[test]
fn a_folder_without_pictures_says_what_it_has() {
    let picture = || gradient(2, 2, 0);
    let cases: [(&[(&str, DynamicImage)], &str); 2] = [
        (
            &[("a/b.heic", picture())],
            "; found 1 .heic; convert them to PNG",
        ),
        (
            &[("test/a.png", picture()), ("val/a.png", picture())],
            ": found no folder to train on; add a folder train beside those for other parts",
        ),
    ];
    for (files, end) in cases {
        let error = refusal(&folder(files), OPTIONS);
        assert!(error.ends_with(end), "{error}");
    }
}

#[test]
fn the_bits_that_are_used_set_what_is_white() {
    let deep = |top: u16| -> DynamicImage {
        let pixel = |x: u32, _| Luma([top / (x as u16 + 1)]);
        ImageBuffer::from_fn(2, 1, pixel).into()
    };
    let dir = folder(&[
        ("a.png", deep(4000)),
        ("b.png", deep(3000)),
        ("c.png", deep(999)),
    ]);
    let options = PictureOptions {
        test: TestPart::Files(vec!["c.png".into()]),
        ..OPTIONS
    };
    let set = load(&dir, options.clone()).unwrap();
    assert_eq!(set.preparation.white, 4095);
    // 4000 / 4095 * 65535, and for people in 8 bits.
    let wanted = [4000, 2000, 3000, 1500].map(|it: u32| ((it * 65535 + 2047) / 4095) as u16);
    assert_eq!(set.train.values(), View::Deep(&wanted));
    assert_eq!(&*set.train.pixels(), [249, 125, 187, 93]);
    assert_eq!(&*set.test.pixels(), [62, 31]);
    let line = "3 16-bit files have no value above 4000, so 4095 is white; set data.white to 65535 for all 16 bits";
    assert_eq!(told(&dir, options.clone()), [line]);
    // What is given counts, but almost black pictures do not pass in silence.
    let white = |white: u16| PictureOptions {
        white: Some(white),
        ..options.clone()
    };
    assert_eq!(
        load(&dir, white(u16::MAX)).unwrap().train.values(),
        View::Deep(&[4000, 2000, 3000, 1500])
    );
    let dark = told(&dir, white(u16::MAX)).concat();
    assert!(
        dark.starts_with("3 16-bit files have no value above 4000, and 65535 is white"),
        "{dark}"
    );
    let clipped = told(&dir, white(3000)).concat();
    assert!(
        clipped.starts_with("1 16-bit file has values above 3000, which is white"),
        "{clipped}"
    );
    assert!(refusal(&dir, white(0)).contains("white: found 0; allowed: 1 to 65535"));
    // Those that use all bits, and those with 8, are as ever.
    let dir = folder(&[
        ("a.png", deep(u16::MAX)),
        ("b.png", deep(70)),
        ("c.png", deep(999)),
    ]);
    let set = load(&dir, options).unwrap();
    assert_eq!(
        (set.preparation.white, set.warnings),
        (u16::MAX, Vec::new())
    );
    // With one file of 16 bits the set has them, and those of 8 mean the same.
    let mixed = folder(&[
        ("a.png", deep(u16::MAX)),
        ("b.png", gradient(1, 2, 7)),
        ("c.png", gradient(1, 2, 9)),
    ]);
    let options = PictureOptions {
        test: TestPart::Files(vec!["c.png".into()]),
        ..OPTIONS
    };
    let set = load(&mixed, options).unwrap();
    assert_eq!(set.test.values(), View::Deep(&[9 * 257, 10 * 257]));
    let mut seen = Vec::new();
    set.test.values().append_seen(&mut seen);
    assert_eq!(seen, [9.0 / 255.0, 10.0 / 255.0]);
}

#[test]
fn other_aspect_ratios_are_counted() {
    let dir = folder(&[
        ("a.png", gradient(4, 4, 0)),
        ("b.png", gradient(4, 8, 1)),
        ("c.png", gradient(100, 104, 0)),
    ]);
    let sized = |aspect| PictureOptions {
        size: Some([4, 4]),
        aspect,
        ..OPTIONS
    };
    let lines = [
        (
            Aspect::Stretch,
            "1 of the 3 pictures is stretched to the aspect ratio of 4 x 4; the first: b.png, 4 x 8",
        ),
        (
            Aspect::Crop,
            "1 of the 3 pictures is cut at two sides to the aspect ratio of 4 x 4; the first: b.png, 4 x 8",
        ),
    ];
    for (aspect, start) in lines {
        let told = told(&dir, sized(aspect)).concat();
        assert!(told.starts_with(start), "{told}");
        let preparation = load(&dir, sized(aspect)).unwrap().preparation;
        assert_eq!(
            (preparation.rule, preparation.aspect),
            (Rule::Resized, aspect)
        );
    }
}

#[test]
fn a_limit_draws_from_the_whole_folder() {
    let files: Vec<(String, DynamicImage)> = (0..40)
        .map(|it| (format!("{it:02}.png"), gradient(1, 2, it)))
        .collect();
    let files: Vec<(&str, DynamicImage)> = files
        .iter()
        .map(|(name, it)| (name.as_str(), it.clone()))
        .collect();
    let dir = folder(&files);
    let drawn = |seed| {
        let options = PictureOptions {
            limit: Some(Limit { count: 8, seed }),
            ..OPTIONS
        };
        let set = load(&dir, options).unwrap();
        (set.train.names().unwrap().to_vec(), set.test)
    };
    let all = load(&dir, OPTIONS).unwrap();
    let (names, test) = drawn(1);
    assert!(names.len() == 8 && names.is_sorted(), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| all.train.names().unwrap().contains(name))
    );
    assert!(
        names[0].as_str() < "20.png" && names[7].as_str() >= "20.png",
        "{names:?}"
    );
    assert_ne!(drawn(2).0, names);
    // What is tested on stays, whatever the limit.
    assert_eq!(test, all.test);
}

/// What a run does to every picture is done to others too, without a split.
#[test]
fn others_are_prepared_as_those_of_the_training() {
    let dir = folder(&[
        ("train/a.png", gradient(6, 9, 0)),
        ("train/b.png", gradient(4, 4, 7)),
        ("test/a.png", gradient(6, 9, 1)),
        ("other/x.png", gradient(5, 9, 3)),
        ("other/y.png", gradient(2, 2, 5)),
    ]);
    let patches = PictureOptions {
        patch: Some(4),
        ..OPTIONS
    };
    let preparation = load(&dir, patches).unwrap().preparation;
    assert_eq!(
        preparation,
        Preparation {
            rule: Rule::Patches,
            size: [4, 4],
            aspect: Aspect::Stretch,
            channels: 1,
            white: u16::MAX,
            clips: None,
        }
    );
    let files = crate::pictures(&dir.path().join("other")).unwrap().0;
    let (images, warnings) = preparation.read("other", files.clone(), false).unwrap();
    // At the pixels' own size: 5 x 9 holds one row of two, and what is too small is extended.
    assert_eq!(
        images.names().unwrap(),
        ["x.png@0,0", "x.png@0,4", "y.png@0,0"]
    );
    assert_eq!(images.image(1).unwrap()[..4], [7, 8, 9, 10]);
    assert!(
        matches!(warnings[..], [Warning::Padded { count: 1, .. }]),
        "{warnings:?}"
    );
    let crop = Preparation::as_is([1, 4, 4], Aspect::Crop);
    let (images, _) = crop.read("other", files.clone(), false).unwrap();
    assert_eq!(images.names().unwrap(), ["x.png", "y.png"]);
    // One that is damaged is left out, or an error.
    fs::write(files.0[0].path(), "no picture").unwrap();
    let (images, warnings) = crop.read("other", files.clone(), false).unwrap();
    assert_eq!(images.names().unwrap(), ["y.png"]);
    assert!(
        matches!(warnings[..], [Warning::Skipped { .. }]),
        "{warnings:?}"
    );
    assert!(crop.read("other", files.clone(), true).is_err());
    fs::write(files.0[1].path(), "no picture either").unwrap();
    let error = crop.read("other", files, false).unwrap_err().to_string();
    assert!(
        error.starts_with("other: none of the 2 pictures can be read; the first: "),
        "{error}"
    );
}

/// Whatever chance draws for the test, a picture is tested on if two can be read; other splits stay as they are.
#[test]
fn broken_files_are_never_all_of_the_test() {
    let dir = folder(&[("a.png", gradient(4, 4, 0)), ("f.png", gradient(4, 4, 1))]);
    for name in ["b.png", "c.png", "d.png", "e.png"] {
        fs::write(dir.path().join(name), b"\x89PNG").unwrap();
    }
    for seed in 0..20 {
        let set = source(
            &dir,
            PictureOptions {
                seed,
                strict: false,
                ..OPTIONS
            },
        )
        .load()
        .unwrap();
        assert_eq!((set.train.len(), set.test.len()), (1, 1), "seed {seed}");
    }
    let strict = PictureOptions {
        strict: true,
        ..OPTIONS
    };
    assert!(refusal(&dir, strict).contains("not a readable"));
}
