use std::fs;
use std::io::{Cursor, Read};

use npyz::NpyFile;
use serde_json::json;
use zip::ZipArchive;

use crate::common::{BACKEND, SIDE, Work, idx};

/// Shape and values of an .npy file.
fn array(bytes: &[u8]) -> (Vec<u64>, Vec<f32>) {
    let file = NpyFile::new(bytes).unwrap();
    let shape = file.shape().to_vec();
    (shape, file.into_vec().unwrap())
}

/// The bytes of a member of an archive.
fn member(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut member = archive.by_name(name).unwrap();
    member.read_to_end(&mut bytes).unwrap();
    bytes
}

/// An .npy file with this dictionary for a header and these bytes for values.
fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap();
    [
        b"\x93NUMPY\x01\0".as_slice(),
        &length.to_le_bytes(),
        header.as_bytes(),
        values,
    ]
    .concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// The pixels of the pictures in a folder, in the order of their names.
fn pictures(work: &Work, folder: &str) -> Vec<Vec<u8>> {
    let names = work.names(folder);
    let read = |name: &String| image::open(work.path(&format!("{folder}/{name}"))).unwrap();
    names
        .iter()
        .map(|name| read(name).to_luma8().into_raw())
        .collect()
}

#[test]
fn codes_are_arrays_of_the_documented_shape() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("encode tiny set -o codes.npy");
    work.ok("encode tiny set -o train.npy --split train");
    work.ok("encode tiny set -o first.npy --layer 0");
    work.ok("encode tiny set -o named.npy --layer encoder.0");
    work.ok("encode tiny set -o last.npy --layer code");
    let shape = |name: &str| array(&work.read(name)).0;
    assert_eq!(shape("codes.npy"), [32, 4]);
    assert_eq!(shape("train.npy"), [96, 4]);
    assert_eq!(shape("first.npy"), [32, 16]);
    assert_eq!(work.read("first.npy"), work.read("named.npy"));
    assert_eq!(work.read("last.npy"), work.read("codes.npy"));
    // relu lets nothing below zero through, and the code has no activation.
    assert!(array(&work.read("first.npy")).1.iter().all(|it| *it >= 0.0));
    assert!(array(&work.read("codes.npy")).1.iter().any(|it| *it < 0.0));
    for layer in ["2", "decoder.0", "-1", "encoder"] {
        let words = [
            "encode",
            "tiny",
            "set",
            "-o",
            "no.npy",
            &format!("--layer={layer}"),
        ];
        assert_eq!(
            work.refused_words(2, &words),
            format!("--layer: found {layer}; allowed: encoder.0, code, or a number from 0 to 1")
        );
    }
}

#[test]
fn an_archive_has_the_labels_and_names_too() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("encode tiny set -o codes.npy");
    work.ok("encode tiny set -o codes.npz");
    let open = |name: &str| ZipArchive::new(Cursor::new(work.read(name))).unwrap();
    let mut archive = open("codes.npz");
    let codes = member(&mut archive, "codes.npy");
    assert_eq!(
        NpyFile::new(&codes[..]).unwrap().into_vec::<f32>().unwrap(),
        array(&work.read("codes.npy")).1
    );
    let labels = member(&mut archive, "labels.npy");
    let labels = NpyFile::new(&labels[..]).unwrap();
    let expected: Vec<u8> = (0..32).map(|index| index % 10).collect();
    assert_eq!(labels.into_vec::<u8>().unwrap(), expected);

    // The same as a table, which other programs of this kind read too.
    work.ok("encode tiny set -o codes.csv");
    let table = work.read_text("codes.csv");
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines[0][..2], ["label", "code_0"]);
    let (_, codes) = array(&work.read("codes.npy"));
    let width = lines[0].len() - 1;
    for (row, line) in lines[1..].iter().enumerate() {
        assert_eq!(line[0], (row % 10).to_string());
        let found: Vec<f32> = line[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(found, codes[row * width..][..width]);
    }
    work.ok("encode tiny set -o codes.parquet");
    let data = json!({ "dataset": "table", "file": "codes.parquet", "label": "label" });
    let model = json!({ "kind": "dense", "layers": [], "code_size": 2 });
    let config = json!({
        "backend": BACKEND, "data": data, "model": model,
        "train": { "epochs": 1, "batch_size": 8 },
    });
    work.json("of-codes.json", &config);
    let trained = work.ok("of-codes.json").stderr;
    assert!(
        trained.contains(&format!("rows of {width} columns")),
        "{trained}"
    );

    work.ok("reconstruct tiny set -o photos");
    work.ok("encode tiny photos -o photos.npz");
    let mut archive = open("photos.npz");
    let names = member(&mut archive, "names.npy");
    let names: Vec<Vec<u8>> = NpyFile::new(&names[..]).unwrap().into_vec().unwrap();
    let names: Vec<String> = (names.into_iter())
        .map(|name| String::from_utf8(name).unwrap())
        .collect();
    assert_eq!(names, work.names("photos"));

    // What was written can be read, and is the same as the bare array.
    work.ok("decode tiny codes.npz -o a");
    work.ok("decode tiny codes.npy -o b");
    assert_eq!(pictures(&work, "a"), pictures(&work, "b"));
}

#[test]
fn decoded_codes_are_the_reconstructions() {
    let work = Work::new();
    work.ok("tiny.json --set train.epochs=5");
    work.ok("encode tiny set -o codes.npy");
    work.ok("decode tiny codes.npy -o decoded");
    work.ok("decode tiny codes.npy -o decoded.npy");
    work.ok("reconstruct tiny set -o restored");
    let decoded = pictures(&work, "decoded");
    let restored = pictures(&work, "restored");
    assert_eq!(decoded.len(), 32);
    assert_eq!(restored.len(), 32);
    let (shape, values) = array(&work.read("decoded.npy"));
    assert_eq!(shape, [32, 1, 8, 8]);
    let images = values.chunks_exact(SIDE * SIDE);
    for ((one, other), values) in decoded.iter().zip(&restored).zip(images) {
        for ((one, other), value) in one.iter().zip(other).zip(values) {
            assert!(one.abs_diff(*other) <= 1, "{one} {other}");
            assert!(
                (f32::from(*one) - value * 255.0).abs() <= 0.51,
                "{one} {value}"
            );
        }
    }
    // Different images have different reconstructions.
    assert!(restored.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn a_reconstruction_names_each_picture_and_its_error() {
    let work = Work::new();
    work.ok("tiny.json");
    let row: Vec<u8> = (0..64)
        .map(|place| if place / 8 == 3 { 255 } else { 0 })
        .collect();
    let picture = image::GrayImage::from_raw(8, 8, row).unwrap();
    picture.save(work.path("mine.png")).unwrap();
    let ended = work.ok("reconstruct tiny mine.png -o mine-out.png");
    assert!(
        ended.stdout.starts_with("mine-out.png: mse 0."),
        "{}",
        ended.stdout
    );
    let restored = image::open(work.path("mine-out.png")).unwrap();
    assert_eq!((restored.width(), restored.height()), (8, 8));

    // A drawing of black on white gives the same reconstruction, black on white.
    let mut inverted = image::DynamicImage::ImageLuma8(picture);
    inverted.invert();
    inverted.save(work.path("paper.png")).unwrap();
    work.ok("reconstruct tiny paper.png -o paper-out.png --invert");
    let paper = image::open(work.path("paper-out.png")).unwrap().to_luma8();
    for (one, other) in restored.to_luma8().pixels().zip(paper.pixels()) {
        assert!(one[0].abs_diff(255 - other[0]) <= 1);
    }
    // Larger and coloured pictures are made to fit.
    image::RgbImage::from_pixel(40, 30, image::Rgb([200, 10, 10]))
        .save(work.path("large.jpg"))
        .unwrap();
    work.ok("reconstruct tiny large.jpg -o large");
    assert_eq!(work.names("large"), ["large.png"]);
}

#[test]
fn what_exists_is_replaced_by_force_only() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("encode tiny set -o codes.npy");
    work.write("out/03.png", "mine");
    work.write("one.npy", "mine");
    let refusal = |path: &str| format!("{path}: already exists; choose a new path, or use --force");
    assert_eq!(
        work.refused(1, "encode tiny set -o one.npy"),
        refusal("one.npy")
    );
    assert_eq!(
        work.refused(1, "decode tiny codes.npy -o one.npy"),
        refusal("one.npy")
    );
    assert_eq!(
        work.refused(1, "decode tiny codes.npy -o out"),
        refusal("out/03.png")
    );
    assert_eq!(
        work.refused(1, "reconstruct tiny set -o out"),
        refusal("out/03.png")
    );
    assert_eq!(
        work.refused(2, "encode tiny set -o codes.txt"),
        "--output codes.txt: the path must end in .npy, .npz, .csv or .parquet"
    );
    fs::create_dir(work.path("folder.npy")).unwrap();
    assert_eq!(
        work.refused(1, "encode tiny set -o folder.npy --force"),
        "folder.npy: is a folder; give the path of a file"
    );
    work.ok("encode tiny set -o one.npy --force");
    assert_eq!(work.read("one.npy"), work.read("codes.npy"));
    work.ok("reconstruct tiny set -o out --force");
    assert_eq!(pictures(&work, "out").len(), 32);
}

#[test]
fn hostile_arrays_are_one_line() {
    let work = Work::new();
    work.ok("tiny.json");
    let header = |kind: &str, order: &str, shape: &str| {
        format!("{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}\n")
    };
    let good = header("'<f4'", "False", "(2, 4)");
    let values = floats(&[0.5; 8]);
    let of_shape = |shape: &str| npy(&header("'<f4'", "False", shape), &values);
    let of_kind = |kind: &str| npy(&header(kind, "False", "(2, 4)"), &values);
    let mut with_nan = floats(&[0.5; 7]);
    with_nan.extend(f32::NAN.to_le_bytes());
    let wide: Vec<u8> = [1e300; 8]
        .iter()
        .flat_map(|it: &f64| it.to_le_bytes())
        .collect();

    let announces = ", but its header announces [2, 4] values of 4 bytes";
    let no_codes = ", but this model's codes have shape (images, 4)";
    let kinds = " in C order; allowed: little-endian f4 or f8 in C order";
    let cases = [
        (Vec::new(), "not a NumPy file: "),
        (b"PK\x03\x04 and so on".to_vec(), "not a NumPy file: "),
        (b"\x93NUMPY\x01\0".to_vec(), "not a NumPy file: "),
        (
            b"\x93NUMPY\x09\0\x10\0".to_vec(),
            "not a NumPy file: unsupported version",
        ),
        // A header of 4 GiB that is not there.
        (
            b"\x93NUMPY\x02\0\xff\xff\xff\xff{".to_vec(),
            "not a NumPy file: ",
        ),
        (npy(&good[..40], &[]), "not a NumPy file: "),
        (npy("not a dictionary", &values), "not a NumPy file: "),
        (
            npy(&format!("{{'descr': {}", "[".repeat(60_000)), &[]),
            "not a NumPy file: ",
        ),
        (of_shape("(99999999999999999999, 4)"), "not a NumPy file: "),
        (of_shape("(-2, 4)"), "not a NumPy file: "),
        (
            npy(&good, &values[..31]),
            &format!("found 31 bytes of values{announces}"),
        ),
        (
            npy(&good, &[values.as_slice(), &[0]].concat()),
            &format!("found 33 bytes of values{announces}"),
        ),
        (
            npy(&good, &[]),
            &format!("found 0 bytes of values{announces}"),
        ),
        (
            of_shape("(4611686018427387904, 4)"),
            "found 32 bytes of values, but its header announces [4611686018427387904, 4] values of 4 bytes",
        ),
        (
            of_shape("(8,)"),
            &format!("found an array of shape [8]{no_codes}"),
        ),
        (
            of_shape("()"),
            &format!("found an array of shape []{no_codes}"),
        ),
        (
            of_shape("(1, 8)"),
            &format!("found an array of shape [1, 8]{no_codes}"),
        ),
        (
            of_shape("(0, 4)"),
            &format!("found an array of shape [0, 4]{no_codes}"),
        ),
        (of_kind("'<i4'"), &format!("found '<i4'{kinds}")),
        (of_kind("'>f4'"), &format!("found '>f4'{kinds}")),
        (of_kind("'|O'"), &format!("found '|O'{kinds}")),
        (of_kind("'<f0'"), "not a NumPy file: "),
        (
            of_kind("[('a', '<f4')]"),
            &format!("found [('a', '<f4'), ]{kinds}"),
        ),
        (
            npy(&header("'<f4'", "True", "(2, 4)"), &values),
            "found '<f4' in Fortran order; allowed: little-endian f4 or f8 in C order",
        ),
        (
            npy(&good, &with_nan),
            "found a value that is not finite in row 1",
        ),
        (
            npy(&header("'<f8'", "False", "(2, 4)"), &wide),
            "found a value that is not finite in row 0",
        ),
    ];
    for (bytes, expected) in cases {
        work.write("hostile.npy", &bytes);
        for output in ["out", "out.npy"] {
            let line = work.refused(1, &format!("decode tiny hostile.npy -o {output}"));
            assert!(
                line.starts_with(&format!("hostile.npy: {expected}")),
                "{line}"
            );
            assert!(line.len() < 300, "{line}");
        }
    }
    for bytes in [
        b"".as_slice(),
        b"PK\x03\x04 and so on",
        &npy(&good, &values),
    ] {
        work.write("hostile.npz", bytes);
        let line = work.refused(1, "decode tiny hostile.npz -o out");
        assert!(line.starts_with("hostile.npz: "), "{line}");
    }
    let line = work.refused(1, "decode tiny nowhere.npy -o out");
    assert!(
        line.starts_with("nowhere.npy: cannot be read: No such file"),
        "{line}"
    );

    // What all of these are variations of, in both widths, is no fault.
    work.write("good.npy", npy(&good, &values));
    work.ok("decode tiny good.npy -o out");
    let wide: Vec<u8> = [0.5; 8]
        .iter()
        .flat_map(|it: &f64| it.to_le_bytes())
        .collect();
    work.write("wide.npy", npy(&header("'<f8'", "False", "(2, 4)"), &wide));
    work.ok("decode tiny wide.npy -o wide");
    assert_eq!(pictures(&work, "out"), pictures(&work, "wide"));
}

#[test]
fn more_images_than_a_batch_are_encoded_in_order() {
    let work = Work::new();
    work.ok("tiny.json");
    work.set("large", 1, 601, 4);
    work.ok("encode tiny large -o all.npy");
    let (shape, all) = array(&work.read("all.npy"));
    assert_eq!(shape, [601, 4]);
    // One image from behind the second batch, alone.
    let images = work.read("large/t10k-images-idx3-ubyte");
    let pixels = &images[16 + 555 * 64..16 + 556 * 64];
    for part in ["train", "t10k"] {
        let file = idx(0x803, &[1, SIDE, SIDE], pixels);
        work.write(&format!("one/{part}-images-idx3-ubyte"), file);
    }
    work.ok("encode tiny one -o one.npy");
    let one = array(&work.read("one.npy")).1;
    for (one, other) in one.iter().zip(&all[555 * 4..556 * 4]) {
        assert!((one - other).abs() < 1e-5, "{one} {other}");
    }
}

#[test]
fn the_same_codes_are_the_same_bytes() {
    let work = Work::new();
    work.ok("tiny.json");
    work.ok("encode tiny set -o one.npz");
    // Times in an archive are of two seconds each.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    work.ok("encode tiny set -o two.npz");
    assert!(work.read("one.npz") == work.read("two.npz"));
}

#[test]
fn an_archive_that_announces_too_much_is_not_unpacked() {
    let work = Work::new();
    work.ok("tiny.json");
    let mut bytes = Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    zip.start_file("codes.npy", zip::write::FileOptions::default())
        .unwrap();
    let rows = 1u64 << 28;
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 4), }}\n");
    std::io::Write::write_all(&mut zip, &npy(&header, &[0; 4096])).unwrap();
    zip.finish().unwrap();
    drop(zip);
    work.write("bomb.npz", bytes.into_inner());
    let line = work.refused(1, "decode tiny bomb.npz -o out");
    assert!(
        line.contains("found 4096 bytes of values, but its header announces"),
        "{line}"
    );
}

#[test]
fn what_is_written_is_told_as_json_too() {
    let work = Work::new();
    work.ok("tiny.json");
    let report = work.ok_json("encode tiny set -o codes.npy --json");
    assert_eq!(report["run"], "runs/tiny");
    assert_eq!(report["output"], "codes.npy");
    assert_eq!(
        (&report["layer"], &report["images"]),
        (&"code".into(), &32.into())
    );
    assert_eq!(report["values_per_image"], 4);
    assert!(report["images_per_s"].as_f64().unwrap() > 0.0);
    let report = work.ok_json("decode tiny codes.npy -o out --json");
    assert_eq!(
        (&report["output"], &report["pictures"]),
        (&"out".into(), &32.into())
    );
    assert_eq!(report["shape"], serde_json::json!([1, 8, 8]));
    let report = work.ok_json("reconstruct tiny set -o rec --json");
    let pictures = report["pictures"].as_array().unwrap();
    assert_eq!(
        (pictures.len(), &pictures[3]["output"]),
        (32, &"rec/03.png".into())
    );
    let mse = |of: &serde_json::Value| of["mse"].as_f64().unwrap();
    let mean: f64 = pictures.iter().map(mse).sum::<f64>() / 32.0;
    assert!((mean - mse(&report)).abs() < 1e-6 && report["psnr"].is_f64());
}

/// The files are the result: a reader of stdout that goes away stops none of them.
#[cfg(unix)]
#[test]
fn files_are_written_although_nobody_reads() {
    use std::process::Stdio;

    let work = Work::new();
    work.set("many", 8, 300, 3);
    work.ok("tiny.json");
    let mut command = work.command();
    command.args(["reconstruct", "tiny", "many", "-o", "out"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(work.names("out").len(), 300);
}
