//! Tests of videos: every form that is read, how they are cut and split, and files made to do harm.

use std::fs;

use image::{GrayImage, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::Source;

/// What `tests/fixtures/pillow/videos.py` wrote: the six frames of 6 x 8 as three animations and an array.
const GIF: &[u8] = include_bytes!("../../../tests/fixtures/pillow/moving.gif");
const WEBP: &[u8] = include_bytes!("../../../tests/fixtures/pillow/moving.webp");
const PNG: &[u8] = include_bytes!("../../../tests/fixtures/pillow/moving.png");
const NPY: &[u8] = include_bytes!("../../../tests/fixtures/pillow/moving.npy");

fn options() -> VideoOptions {
    VideoOptions {
        frames: 2,
        stride: 2,
        size: None,
        aspect: Aspect::Stretch,
        channels: None,
        limit: None,
        test: TestPart::Share(0.1),
        strict: false,
        seed: 0,
    }
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// Grey frames of one value each, as PNG files with these names.
fn frames(dir: &TempDir, video: &str, numbered: &[(&str, u8)], size: [u32; 2]) {
    let path = dir.path().join(video);
    fs::create_dir_all(&path).unwrap();
    for (name, value) in numbered {
        let [height, width] = size;
        let picture = GrayImage::from_pixel(width, height, image::Luma([*value]));
        picture.save(path.join(name)).unwrap();
    }
}

/// A NumPy file with this header and these values.
fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let mut text = header.as_bytes().to_vec();
    text.resize((10 + text.len() + 1).next_multiple_of(64) - 11, b' ');
    text.push(b'\n');
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), &text, values].concat()
}

/// Grey frames of this many pixels in all, each of one value.
fn array(frames: u8, [height, width]: [usize; 2]) -> Vec<u8> {
    let values: Vec<u8> = (0..frames)
        .flat_map(|it| vec![it; height * width])
        .collect();
    let header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({frames}, {height}, {width}), }}"
    );
    npy(&header, &values)
}

fn loaded(dir: &TempDir, options: &VideoOptions) -> Result<Loaded, DataError> {
    load(dir.path(), options, None)
}

fn words(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(Warning::to_string).collect()
}

#[track_caller]
fn refused(found: Result<Loaded, DataError>, expected: &str) {
    let text = found.err().expect("refused").to_string();
    assert!(text.contains(expected) && !text.contains('\n'), "{text}");
}

#[test]
fn every_form_has_the_same_frames() {
    let dir = folder(&[
        ("a.gif", GIF),
        ("b.webp", WEBP),
        ("c.png", PNG),
        ("d.npy", NPY),
    ]);
    let all = dir.path().join("e");
    fs::create_dir(&all).unwrap();
    // Behind the header.
    let values = &NPY[NPY.len() - 6 * 6 * 8 * 3..];
    for (number, frame) in values.chunks(6 * 8 * 3).enumerate() {
        let picture = RgbImage::from_raw(8, 6, frame.to_vec()).unwrap();
        picture
            .save(all.join(format!("{}.png", number + 8)))
            .unwrap();
    }
    let options = VideoOptions {
        frames: 3,
        stride: 3,
        ..options()
    };
    let set = loaded(&dir, &options).unwrap();
    assert_eq!(set.train.shape(), [3, 18, 8]);
    assert_eq!((set.train.len(), set.test.len()), (8, 2));
    assert!(set.warnings.is_empty(), "{:?}", words(&set.warnings));
    let (all, _) = set
        .preparation
        .read_clips(dir.path(), set.preparation.clips.unwrap(), true, false)
        .unwrap();
    assert_eq!(all.len(), 10);
    let first = all.image(0).unwrap();
    let is_close = |one: &[u8], other: &[u8]| {
        // The decoder of WebP blends opaque pixels too, and rounds down.
        one.iter().zip(other).all(|(a, b)| a.abs_diff(*b) <= 1)
    };
    for clip in 0..10 {
        let name = &all.names().unwrap()[clip];
        let (found, expected) = (all.image(clip).unwrap(), all.image(clip % 2).unwrap());
        assert!(is_close(&found, &expected), "{name}");
        assert!(found == expected || name.starts_with("b.webp"), "{name}");
    }
    // Channel by channel, frames from top to bottom; blue is 40 times the number.
    for (at, &value) in first.iter().enumerate() {
        let [channel, frame, row, column] = [at / 144, at / 48 % 3, at / 8 % 6, at % 8];
        let is_red = row == 2 && column == frame;
        let expected = match (channel, is_red) {
            (0, true) => 255,
            (2, false) => 40 * frame as u8,
            _ => 0,
        };
        assert_eq!(value, expected, "{channel} {frame} {row} {column}");
    }
    assert_eq!(all.names().unwrap()[..2], ["a.gif@0", "a.gif@3"]);
    assert_eq!(all.clips().unwrap().place(3), Some(("b.webp", 3)));
    assert_eq!(all.clips().unwrap().place(10), None);
}

#[test]
fn clips_start_every_stride_and_hold_their_frames() {
    let dir = folder(&[("x.npy", &array(9, [1, 2])), ("y.npy", &array(9, [1, 2]))]);
    let options = VideoOptions {
        frames: 4,
        stride: 2,
        ..options()
    };
    let set = loaded(&dir, &options).unwrap();
    let clips: Vec<Vec<u8>> = (0..3)
        .map(|clip| {
            set.train
                .image(clip)
                .unwrap()
                .iter()
                .step_by(2)
                .copied()
                .collect()
        })
        .collect();
    assert_eq!(clips, [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]);
    let source = Source::Video {
        dir: dir.path().to_owned(),
        options,
    };
    let shape = source.shape().unwrap();
    assert_eq!(shape, [1, 4, 2]);
    let extent = source.extent(shape).unwrap();
    assert_eq!((extent.images, extent.bytes), (6, 6 * 8));
    let picked = set.train.select(&[2, 0]).unwrap();
    assert_eq!(picked.clips().unwrap().place(0).unwrap().1, 4);
    assert_eq!(picked.frames(), 4);
}

#[test]
fn numbered_frames_are_in_natural_order_and_gaps_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let numbered = [
        ("f10.png", 10),
        ("f2.png", 2),
        ("f9.png", 9),
        ("f1.png", 1),
        ("f3.png", 3),
        ("f4.png", 4),
    ];
    frames(&dir, "a", &numbered, [1, 1]);
    frames(&dir, "b", &numbered[..4], [1, 1]);
    let set = loaded(&dir, &options()).unwrap();
    let both = [set.train.pixels(), set.test.pixels()].concat();
    let mut both: Vec<&[u8]> = both.chunks(2).collect();
    both.sort_unstable();
    assert_eq!(both, [[1, 2], [1, 2], [3, 4], [9, 10], [9, 10]]);
    let told = words(&set.warnings);
    assert!(
        told[0].ends_with(
            "missing in the numbering of its frames: 5 to 8; clips go on across the gap"
        ),
        "{told:?}"
    );
    assert!(told[1].contains("3 to 8"), "{told:?}");
}

#[test]
fn no_video_is_on_two_sides() {
    let all: Vec<(String, Vec<u8>)> = (0..10)
        .map(|it| (format!("v{it}.npy"), array(6, [1, 1])))
        .collect();
    let files: Vec<(&str, &[u8])> = all
        .iter()
        .map(|(name, bytes)| (name.as_str(), &bytes[..]))
        .collect();
    let dir = folder(&files);
    let options = VideoOptions {
        stride: 1,
        test: TestPart::Share(0.2),
        ..options()
    };
    let set = loaded(&dir, &options).unwrap();
    assert_eq!((set.train.pictures(), set.test.pictures()), (8, 2));
    let split = set.train.split(3, 7).unwrap();
    let videos = |clips: &[u32]| -> std::collections::BTreeSet<String> {
        let of = |&clip: &u32| {
            set.train
                .clips()
                .unwrap()
                .place(clip as usize)
                .unwrap()
                .0
                .to_owned()
        };
        clips.iter().map(of).collect()
    };
    let [trained, held_out] = [videos(&split.train), videos(&split.validation)];
    assert_eq!((trained.len(), held_out.len()), (5, 3));
    assert!(trained.is_disjoint(&held_out));
    assert_eq!(split.train.len() + split.validation.len(), 8 * 5);
    let again = loaded(&dir, &options).unwrap();
    assert_eq!(again.train, set.train);
    let named = VideoOptions {
        test: TestPart::Files(vec!["v3.npy".into()]),
        limit: Some(Limit { count: 4, seed: 1 }),
        ..options.clone()
    };
    let set = loaded(&dir, &named).unwrap();
    assert_eq!(set.test.names().unwrap()[0], "v3.npy@0");
    assert_eq!(set.train.pictures(), 4);
    let unknown = VideoOptions {
        test: TestPart::Files(vec!["w.npy".into()]),
        ..options
    };
    refused(
        loaded(&dir, &unknown),
        "\"w.npy\"; allowed: names of videos in",
    );
}

#[test]
fn the_only_video_is_split_in_time() {
    let dir = folder(&[("one.npy", &array(100, [1, 1]))]);
    let options = VideoOptions {
        frames: 4,
        stride: 1,
        ..options()
    };
    let set = loaded(&dir, &options).unwrap();
    assert_eq!(words(&set.warnings).len(), 1);
    assert!(words(&set.warnings)[0].contains("frames 90 to 99"));
    assert_eq!(set.test.image(0).as_deref(), Some(&[90, 91, 92, 93][..]));
    assert_eq!(set.train.pixels().iter().max(), Some(&89));
    assert!(set.train.clips().unwrap().is_one_video());
    assert_eq!(set.train.pictures(), 10);
    for validation in [1, 3, 9] {
        let split = set.train.split(validation, 5).unwrap();
        let frames = |clips: &[u32]| -> std::collections::BTreeSet<u8> {
            clips
                .iter()
                .flat_map(|&it| set.train.image(it as usize).unwrap().to_vec())
                .collect()
        };
        let [trained, held_out] = [frames(&split.train), frames(&split.validation)];
        assert!(trained.is_disjoint(&held_out) && !trained.is_empty());
        assert!(trained.last() < held_out.first());
        assert_eq!(held_out.last(), Some(&89));
    }
    assert!(set.train.split(10, 5).is_err());
    let short = folder(&[("one.npy", &array(7, [1, 1]))]);
    refused(
        loaded(&short, &options),
        "found 7 frames in the only video; needs 8",
    );
}

#[test]
fn folders_train_and_test_are_used_and_the_dir_may_be_one_video() {
    let dir = folder(&[("train/a.gif", GIF), ("test/b.webp", WEBP)]);
    let set = loaded(&dir, &options()).unwrap();
    assert_eq!(set.test.names().unwrap()[0], "b.webp@0");
    let one = load(&dir.path().join("train/a.gif"), &options(), None).unwrap();
    assert_eq!((one.train.len(), one.test.len()), (2, 1));
    let plain = tempfile::tempdir().unwrap();
    frames(
        &plain,
        ".",
        &[("1.png", 1), ("2.png", 2), ("3.png", 3), ("4.png", 4)],
        [2, 2],
    );
    assert_eq!(loaded(&plain, &options()).unwrap().train.len(), 1);
}

#[test]
fn short_videos_are_left_out_and_stills_are_told() {
    let dir = folder(&[
        ("a.gif", GIF),
        ("b.npy", &array(1, [6, 8])),
        ("c.webp", WEBP),
    ]);
    frames(&dir, ".", &[("still.png", 3)], [6, 8]);
    let set = loaded(&dir, &options()).unwrap();
    let told = words(&set.warnings).join("\n");
    assert!(
        told.contains("not read: 1 picture beside videos; the first: still.png"),
        "{told}"
    );
    assert!(
        told.contains("1 of the 3 videos is shorter than a clip of 2 frames"),
        "{told}"
    );
    assert_eq!(set.train.len() + set.test.len(), 6);
}

#[test]
fn frames_and_videos_of_mixed_sizes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    frames(&dir, "a", &[("1.png", 1), ("2.png", 2)], [4, 6]);
    frames(&dir, "a", &[("3.png", 3)], [4, 5]);
    frames(&dir, "b", &[("1.png", 1), ("2.png", 2)], [4, 6]);
    let sized = VideoOptions {
        size: Some([4, 6]),
        ..options()
    };
    for options in [options(), sized] {
        refused(
            loaded(&dir, &options),
            "3.png: found a frame of 4 x 5; allowed: 4 x 6",
        );
    }
    let dir = folder(&[("a.npy", &array(4, [4, 6])), ("b.npy", &array(4, [6, 4]))]);
    refused(
        loaded(&dir, &options()),
        "b.npy: found frames of 6 x 4; allowed: 4 x 6",
    );
    let sized = VideoOptions {
        size: Some([3, 3]),
        channels: Some(3),
        ..options()
    };
    let set = loaded(&dir, &sized).unwrap();
    assert_eq!(set.train.shape(), [3, 6, 3]);
}

#[test]
fn arrays_that_lie_are_skipped_in_one_line() {
    let header = |kind: &str, order: &str, shape: &str| {
        format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}")
    };
    for (bytes, expected) in [
        (
            npy(&header("|u1", "False", "(4, 2, 2)"), &[0; 15]),
            "announces [4, 2, 2] values, but 15 follow",
        ),
        (
            npy(&header("|u1", "False", "(4, 2, 2)"), &[0; 17]),
            "but 17 follow",
        ),
        (
            npy(
                &header("|u1", "False", "(4294967296, 4294967296, 4294967296)"),
                &[0; 16],
            ),
            "but 16 follow",
        ),
        (
            npy(&header("<f4", "False", "(4, 2, 2)"), &[0; 64]),
            "allowed: bytes (uint8)",
        ),
        (
            npy(&header("|u1", "True", "(4, 2, 2)"), &[0; 16]),
            "Fortran order",
        ),
        (
            npy(&header("|u1", "False", "(4, 4)"), &[0; 16]),
            "found an array of shape [4, 4]",
        ),
        (
            npy(&header("|u1", "False", "(4, 2, 1, 2)"), &[0; 16]),
            "or with 1 or 3 channels",
        ),
        (
            npy(&header("|u1", "False", "(0, 2, 2)"), &[]),
            "none of the",
        ),
        (npy(&header("|u1", "False", "(2, 0, 2)"), &[]), "found 0"),
        (
            npy(&header("|u1", "False", "(2, 1, 99999)"), &[0; 199_998]),
            "found 99999",
        ),
        (b"\x93NUMPY\x01\x00\xff\xff".to_vec(), "not a NumPy file"),
        (b"\x93NUMPY".to_vec(), "not a NumPy file"),
        (Vec::new(), "not a NumPy file"),
    ] {
        let dir = folder(&[
            ("train/a.npy", &bytes),
            ("train/b.npy", &array(2, [2, 2])),
            ("test/c.npy", &array(2, [2, 2])),
        ]);
        let strict = VideoOptions {
            strict: true,
            ..options()
        };
        let is_short = expected == "none of the";
        if !is_short {
            refused(loaded(&dir, &strict), expected);
            let set = loaded(&dir, &options()).unwrap();
            assert!(
                words(&set.warnings)[0].contains(expected),
                "{:?}",
                words(&set.warnings)
            );
            assert_eq!(set.train.len(), 1);
        }
        let alone = folder(&[("a.npy", &bytes)]);
        assert!(loaded(&alone, &options()).is_err());
    }
}

/// Every cut of an animation is an error or leaves all frames: no frame is made up.
#[test]
fn truncated_animations_are_no_videos() {
    for (name, whole) in [("a.gif", GIF), ("a.webp", WEBP), ("a.apng", PNG)] {
        for end in 0..whole.len() {
            let dir = folder(&[
                ("train/b.npy", &array(2, [6, 8])),
                ("test/b.npy", &array(2, [6, 8])),
            ]);
            let path = dir.path().join("train").join(name);
            fs::write(&path, &whole[..end]).unwrap();
            let strict = VideoOptions {
                strict: true,
                ..options()
            };
            match loaded(&dir, &strict) {
                Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
                // A cut .webp may be no picture at all, which is no video.
                Ok(set) => assert_eq!(set.train.len(), 1, "{name} {end}"),
            }
        }
    }
}

/// Every byte of an animation damaged: an error, or frames, but no panic and no memory to speak of.
#[test]
fn damaged_animations_do_no_harm() {
    for (name, whole) in [
        ("a.gif", GIF),
        ("a.webp", WEBP),
        ("a.png", PNG),
        ("a.npy", NPY),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        for place in 0..whole.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut bytes = whole.to_vec();
                bytes[place] ^= value;
                fs::write(&path, &bytes).unwrap();
                let small = VideoOptions {
                    size: Some([2, 2]),
                    ..options()
                };
                if let Err(error) = load(&path, &small, None) {
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
}

/// A file of some kilobytes that unpacks to terabytes.
#[test]
fn a_gif_that_unpacks_to_everything_is_refused_before_it_is_decoded() {
    let mut bomb = b"GIF89a".to_vec();
    bomb.extend([0x00, 0x20, 0x00, 0x20, 0x80, 0, 0]);
    bomb.extend([0; 6]);
    let frame = [
        &[0x2C, 0, 0, 0, 0, 0x01, 0, 0x01, 0, 0, 2][..],
        &[2, 0x4C, 0x01, 0],
    ]
    .concat();
    bomb.extend(frame.repeat(1000));
    bomb.push(0x3B);
    let dir = folder(&[("a.gif", &bomb)]);
    let small = VideoOptions {
        size: Some([2, 2]),
        ..options()
    };
    refused(
        loaded(&dir, &small),
        "1000 frames of 8192 x 8192; allowed: at most 4294967296 pixels",
    );
    bomb[7] = 0xFF;
    bomb[9] = 0xFF;
    let dir = folder(&[("a.gif", &bomb)]);
    refused(loaded(&dir, &small), "larger than 32768 pixels per side");
}

#[test]
fn what_is_no_video_is_refused_in_one_line() {
    let dir = folder(&[("notes.txt", b"x")]);
    refused(loaded(&dir, &options()), "no video in this folder");
    refused(
        load(&dir.path().join("notes.txt"), &options(), None),
        "not a video",
    );
    assert!(load(&dir.path().join("missing"), &options(), None).is_err());
    let nested = folder(&[("a/x.gif", GIF)]);
    refused(loaded(&nested, &options()), "move animations up");
    for (change, expected) in [
        (
            VideoOptions {
                frames: 1,
                ..options()
            },
            "frames: found 1; allowed: 2 to 1024",
        ),
        (
            VideoOptions {
                stride: 0,
                ..options()
            },
            "stride: found 0",
        ),
        (
            VideoOptions {
                size: Some([0, 4]),
                ..options()
            },
            "size: found 0",
        ),
        (
            VideoOptions {
                channels: Some(2),
                ..options()
            },
            "channels: found 2",
        ),
        (
            VideoOptions {
                test: TestPart::Share(1.0),
                ..options()
            },
            "test: found 1",
        ),
    ] {
        let dir = folder(&[("a.gif", GIF)]);
        refused(loaded(&dir, &change), expected);
    }
    let dir = folder(&[("a.gif", GIF), ("b.gif", GIF)]);
    let long = VideoOptions {
        frames: 7,
        ..options()
    };
    refused(loaded(&dir, &long), "the 7 frames of a clip");
}

/// A vertical shift moves each frame by itself, and all alike.
#[test]
fn augmentation_is_the_same_in_all_frames_and_crosses_no_border() {
    let white_middle: Vec<u8> = (0..3 * 16)
        .map(|at| if at / 16 == 1 { 255 } else { 0 })
        .collect();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 4), }";
    let dir = folder(&[
        ("a.npy", &npy(header, &white_middle)),
        ("b.npy", &npy(header, &white_middle)),
    ]);
    let options = VideoOptions {
        frames: 3,
        stride: 3,
        ..options()
    };
    let set = loaded(&dir, &options).unwrap();
    let strong = crate::Augment {
        shift: 2.0,
        rotation: 40.0,
        flip: true,
        ..crate::Augment::default()
    };
    for seed in 0..20 {
        let changed = strong.gather(&set.train, &[0], seed).unwrap();
        assert!(
            changed[..16]
                .iter()
                .chain(&changed[32..])
                .all(|it| *it == 0.0),
            "{changed:?}"
        );
        assert!(changed[16..32].iter().any(|it| *it > 0.0));
    }
}
