use std::fs;

use serde_json::json;

#[cfg(unix)]
use crate::common::{PROGRAM, finish};
use crate::common::{SIDE, Work, idx, tiny};

const IMAGES: &str = "set/train-images-idx3-ubyte";
const LABELS: &str = "set/train-labels-idx1-ubyte";

/// A gzip file that holds `content` as it is, with this checksum.
fn stored_gzip(content: &[u8], checksum: u32) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut bytes = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    bytes.push(1);
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(content);
    bytes.extend(checksum.to_le_bytes());
    bytes.extend(u32::from(length).to_le_bytes());
    bytes
}

/// The checksum that gzip has, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

#[test]
fn damaged_idx_files_are_named() {
    let work = Work::new();
    let images = work.read(IMAGES);
    let labels = work.read(LABELS);
    let pixels = vec![7; 96 * SIDE * SIDE];
    let changed =
        |count: usize| [&labels[..4], &(count as u32).to_be_bytes(), &vec![1; count]].concat();
    let cases = [
        (
            IMAGES,
            images[..images.len() - 1].to_vec(),
            "ends after 6159 bytes, expected 6160",
        ),
        (
            IMAGES,
            images[..9].to_vec(),
            "ends after 9 bytes, expected 16",
        ),
        (IMAGES, Vec::new(), "ends after 0 bytes, expected 4"),
        (
            IMAGES,
            [images.as_slice(), &[0]].concat(),
            "continues after the 6160 bytes that its header announces",
        ),
        (
            IMAGES,
            labels.clone(),
            "begins with 0x00000801, expected 0x00000803",
        ),
        (
            IMAGES,
            b"{\"not\": \"idx\"}".to_vec(),
            "begins with 0x7b226e6f, expected",
        ),
        (
            IMAGES,
            idx(0x803, &[96, SIDE, 0], &[]),
            "holds 96 x 8 x 0, expected sizes of at least 1",
        ),
        (
            IMAGES,
            idx(0x803, &[u32::MAX as usize, 60_000, 60_000], &pixels),
            "values are too many; allowed: at most",
        ),
        (
            LABELS,
            changed(95),
            "95 labels for 96 images, expected one each",
        ),
        (
            LABELS,
            changed(97),
            "97 labels for 96 images, expected one each",
        ),
        (LABELS, images.clone(), "begins with 0x00000803, expected"),
        (
            IMAGES,
            stored_gzip(&images, crc32(&images) ^ 1),
            "damaged gzip data",
        ),
        (
            IMAGES,
            stored_gzip(&images, crc32(&images))[..3000].to_vec(),
            "damaged gzip data",
        ),
        (
            IMAGES,
            stored_gzip(&images[..6000], crc32(&images[..6000])),
            "ends after 6000 bytes, expected 6160",
        ),
    ];
    for (file, bytes, expected) in cases {
        let good = work.read(file);
        work.write(file, &bytes);
        let line = work.refused(1, "tiny.json");
        assert!(line.starts_with(&format!("{file}: ")), "{line}");
        assert!(line.contains(expected), "{line}");
        work.write(file, good);
    }
    // The same with the right checksum is no damage.
    work.write(IMAGES, stored_gzip(&images, crc32(&images)));
    work.ok("tiny.json");
}

#[test]
fn folders_that_are_no_data_set_are_named() {
    let work = Work::new();
    fs::create_dir(work.path("empty")).unwrap();
    let cases = [
        (
            json!({ "dataset": "idx", "dir": "empty" }),
            "empty: no file named train-images-idx3-ubyte, with or without .gz",
        ),
        (
            json!({ "dataset": "images", "dir": "empty" }),
            "empty: no picture (.png, .jpg, .webp, .tif, .bmp, .gif, .pgm, .ppm, .npy) in this folder",
        ),
        (
            json!({ "dataset": "images", "dir": "set" }),
            "set: no picture (.png, .jpg, .webp, .tif, .bmp, .gif, .pgm, .ppm, .npy) in this folder",
        ),
        (
            json!({ "dataset": "idx", "dir": "nowhere" }),
            "nowhere: cannot be read: No such file",
        ),
        (
            json!({ "dataset": "images", "dir": "nowhere" }),
            "nowhere: cannot be read: No such file",
        ),
        (
            json!({ "dataset": "idx", "dir": "tiny.json" }),
            "tiny.json: cannot be read: Not a directory",
        ),
    ];
    for (data, expected) in cases {
        let mut config = tiny();
        config["data"] = data;
        work.json("bad.json", &config);
        let line = work.refused(1, "bad.json");
        assert!(line.starts_with(expected), "{line}");
    }
    fs::remove_file(work.path("set/t10k-images-idx3-ubyte")).unwrap();
    assert_eq!(
        work.refused(1, "tiny.json"),
        "set: no file named t10k-images-idx3-ubyte, with or without .gz"
    );
    let other = idx(0x803, &[2, 4, 4], &[0; 32]);
    work.write("set/t10k-images-idx3-ubyte", other);
    fs::remove_file(work.path("set/t10k-labels-idx1-ubyte")).unwrap();
    assert_eq!(
        work.refused(1, "tiny.json"),
        "set: training images are 1 x 8 x 8, but test images are 1 x 4 x 4; both must have the same shape"
    );
}

/// A grey PNG.
fn picture(width: u32, height: u32) -> Vec<u8> {
    shade(width, height, 99)
}

/// The same of this brightness.
fn shade(width: u32, height: u32, grey: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(width, height, image::Luma([grey]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// A PNG whose header announces another width and height, with the checksum that belongs to them.
fn announcing(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn pictures_that_cannot_be_used_are_named() {
    let work = Work::new();
    let good = picture(8, 8);
    let flat = announcing(&good, 0, 8);
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "photos", "strict": true });
    work.json("photos.json", &config);

    let unreadable = "photos/c.png: not a readable picture: ";
    let cases = [
        (good[..good.len() / 2].to_vec(), unreadable),
        (good[..10].to_vec(), unreadable),
        (Vec::new(), unreadable),
        (b"plain text".to_vec(), unreadable),
        (b"GIF89a\x01\0\x01\0".to_vec(), unreadable),
        (flat, unreadable),
        (
            picture(8, 9),
            "photos/a.png is 8 x 8, but photos/c.png is 9 x 8 (height x width); set \"size\" or \
             \"patch\" to make them equal",
        ),
    ];
    for (bytes, expected) in cases {
        for name in ["a.png", "b.png", "d.png"] {
            work.write(&format!("photos/{name}"), &good);
        }
        work.write("photos/c.png", &bytes);
        let line = work.refused(1, "photos.json --set data.validation=0");
        assert!(line.starts_with(expected), "{line}");
    }
    // A rule makes pictures of two sizes alike.
    work.ok("photos.json --set data.size=[8,8]");
    let ended = work.ok("photos.json --set data.patch=9");
    let warning = "warning: 4 smaller than a patch of 9 x 9, extended by reflection; the first: \
                   photos/a.png, 8 x 8 (height x width)";
    assert!(
        ended.stderr.lines().any(|line| line == warning),
        "{}",
        ended.stderr
    );
    assert_eq!(
        work.refused(2, "photos.json --set data.test=[\"b.png\",\"e.png\"]"),
        "--set data.test=[\"b.png\",\"e.png\"]: data.test: found \"e.png\"; allowed: names of pictures in photos"
    );
    let line = work.refused(2, "photos.json --set data.patch=4 --set data.size=[8,8]");
    assert!(
        line.contains("patch: found 4 together with \"size\""),
        "{line}"
    );

    fs::remove_dir_all(work.path("photos")).unwrap();
    work.write("photos/only.png", good);
    assert_eq!(
        work.refused(1, "photos.json"),
        "photos: found 1 picture; at least 2 are needed to split into training and test"
    );
}

#[test]
fn pictures_that_cannot_be_read_are_left_out_and_counted() {
    let work = Work::new();
    // All different: copies are told of too.
    for number in 0..20 {
        work.write(&format!("mine/{number:02}.png"), shade(8, 8, number));
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "mine", "validation": 2, "test": 0.25 });
    work.json("mine.json", &config);
    let counts = |run: &str| {
        let env = work.read_json(&format!("runs/{run}/env.json"));
        ["train_images", "validation_images", "test_images"].map(|key| env[key].as_u64().unwrap())
    };
    work.ok("mine.json --name whole");
    assert_eq!(counts("whole"), [13, 2, 5]);
    let good = picture(8, 8);
    work.write("mine/03.png", &good[..good.len() / 2]);
    let ended = work.ok("mine.json --name one");
    let first = "warning: skipped: mine/03.png: not a readable picture: ";
    let told = |line: &&str| line.starts_with("warning: ") && !line.contains("left out");
    let warnings: Vec<&str> = ended.stderr.lines().filter(told).collect();
    assert!(
        warnings.len() == 1 && warnings[0].starts_with(first),
        "{warnings:?}"
    );
    assert!(
        ended.stderr.contains("test images; 1 file skipped\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(counts("one").iter().sum::<u64>(), 19);
    // The run goes on, and is measured, without the file too.
    work.ok("resume one --set train.epochs=3");
    work.ok("evaluate one");
    for number in 1..20 {
        work.write(&format!("mine/{number:02}.png"), "plain text");
    }
    work.write("mine/00.png", announcing(&good, 60_000, 60_000));
    let line = work.refused(1, "mine.json");
    assert!(
        line.starts_with("mine: none of the 20 pictures can be read; the first: mine/00.png: not"),
        "{line}"
    );
    for number in 12..20 {
        work.write(&format!("mine/{number:02}.png"), shade(8, 8, number));
    }
    let ended = work.run("mine.json --set data.test=[\"12.png\"]");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let warnings: Vec<&str> = ended.stderr.lines().filter(told).collect();
    assert_eq!((warnings.len(), warnings[8]), (9, "warning: and 4 more"));
}

/// With less memory than the pictures would take, which the program must not have asked for.
#[cfg(unix)]
#[test]
fn a_picture_that_announces_too_much_costs_no_memory() {
    let work = Work::new();
    let good = picture(8, 8);
    for (name, side) in [("b", 60_000), ("c", 30_000)] {
        work.write(&format!("mine/{name}.png"), announcing(&good, side, side));
    }
    work.write("mine/a.png", &good);
    let mut config = tiny();
    config["data"] = json!({
        "dataset": "images", "dir": "mine", "size": [8, 8], "test": ["a.png"], "strict": true,
    });
    work.json("mine.json", &config);
    let mut command = std::process::Command::new("sh");
    // 800 MiB of address space; the smaller one would take 858.
    let script = format!("ulimit -v 819200; exec {PROGRAM} mine.json --threads 2");
    command
        .args(["-c", &script])
        .current_dir(work.path("."))
        .env("RUST_BACKTRACE", "0");
    let ended = finish(command);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let reason = "it is larger than 32768 pixels per side or 512 MiB in memory";
    assert!(
        ended.stderr.trim_end().ends_with(reason),
        "{}",
        ended.stderr
    );
}

#[test]
fn data_that_a_command_cannot_use_is_named() {
    let work = Work::new();
    work.ok("tiny.json");
    work.set("wide", 8, 8, 1);
    work.write(
        "wide/t10k-images-idx3-ubyte",
        idx(0x803, &[8, 4, 16], &[0; 512]),
    );
    work.write(
        "wide/train-images-idx3-ubyte",
        idx(0x803, &[8, 4, 16], &[0; 512]),
    );
    work.write("text.png", "plain text");
    work.write(
        "cut/t10k-images-idx3-ubyte",
        idx(0x803, &[8, 8, 8], &[0; 511]),
    );
    work.write(
        "cut/train-images-idx3-ubyte",
        idx(0x803, &[8, 8, 8], &[0; 512]),
    );
    fs::create_dir(work.path("empty")).unwrap();
    let cases = [
        (
            "wide",
            "wide: found images of 1x4x16, but this model takes 1x8x8",
        ),
        (
            "mnist",
            "mnist: found images of 1x28x28, but this model takes 1x8x8",
        ),
        (
            "nowhere",
            "nowhere: no such file or folder; give a picture, a folder of pictures or of \
             IDX files, mnist or photos",
        ),
        ("text.png", "text.png: not a readable picture: "),
        (
            "empty",
            "empty: no picture (.png, .jpg, .webp, .tif, .bmp, .gif, .pgm, .ppm, .npy) in this folder",
        ),
        (
            "cut",
            "cut/t10k-images-idx3-ubyte: ends after 527 bytes, expected 528",
        ),
    ];
    for (data, expected) in cases {
        for line in [
            format!("evaluate tiny --data {data}"),
            format!("encode tiny {data} -o out.npy"),
            format!("reconstruct tiny {data} -o out"),
        ] {
            let found = work.refused(1, &line);
            assert!(found.starts_with(expected), "{line}: {found}");
        }
    }
    let spec = r#"{"dataset":"idx","dir":"set","limitt":3}"#;
    for (words, flag) in [
        (["evaluate", "tiny", "--data", spec].as_slice(), "--data"),
        (&["encode", "tiny", spec, "-o", "out.npy"], "INPUT"),
    ] {
        let line = work.refused_words(2, words);
        assert!(line.starts_with(flag), "{line}");
        assert!(
            line.contains(r#"data.limitt: unknown key; did you mean "limit"?"#),
            "{line}"
        );
    }
}

/// Small files that announce much are refused by their headers, before any memory is asked for.
#[test]
fn small_files_that_announce_gigabytes_are_refused() {
    let work = Work::new();
    let good = picture(8, 8);
    for name in ["a", "b", "c", "d"] {
        work.write(
            &format!("bomb/{name}.png"),
            announcing(&good, 20_000, 20_000),
        );
    }
    let mut config = tiny();
    config["data"] = json!({ "dataset": "images", "dir": "bomb", "patch": 8, "validation": 1 });
    work.json("bomb.json", &config);
    let line = work.refused(1, "bomb.json");
    assert!(line.starts_with("bomb: 2400000000 values in "), "{line}");
    assert!(
        line.contains("bytes are too many; allowed: at most 200 times the bytes above"),
        "{line}"
    );
    work.ok("tiny.json");
    let line = work.refused(1, "compress tiny bomb -o bomb.hg");
    assert!(line.starts_with("bomb: 1600000000 values in "), "{line}");
    // Gzip's best is 1:1032, of nothing but zeros.
    let huge = idx(0x803, &[1 << 20, 32, 32], &[]);
    work.write(
        "zip/train-images-idx3-ubyte.gz",
        stored_gzip(&huge, crc32(&huge)),
    );
    work.write(
        "zip/t10k-images-idx3-ubyte.gz",
        stored_gzip(&huge, crc32(&huge)),
    );
    config["data"] = json!({ "dataset": "idx", "dir": "zip", "validation": 1 });
    work.json("zip.json", &config);
    let line = work.refused(1, "zip.json");
    assert!(
        line.contains("1073741824 values in 39 bytes are too many"),
        "{line}"
    );
    // An array of codes: its header is read, and nothing behind it.
    let file = fs::File::create(work.path("codes.npy")).unwrap();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 4), }";
    let header = format!("{header:<117}\n");
    let bytes = [
        b"\x93NUMPY\x01\0".as_slice(),
        &118_u16.to_le_bytes(),
        header.as_bytes(),
    ]
    .concat();
    std::io::Write::write_all(&mut &file, &bytes).unwrap();
    file.set_len(128 + 32_000_000_000).unwrap();
    let ended = work.run("decode tiny codes.npy -o out");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("32000000000 bytes of values"),
        "{ended:?}"
    );
}
