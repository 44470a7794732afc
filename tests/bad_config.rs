use serde_json::json;

use crate::common::{Work, tiny};

/// A config that is good but for one text in place of another.
fn with(found: &str, put: &str) -> String {
    let text = serde_json::to_string_pretty(&tiny()).unwrap();
    assert_eq!(text.matches(found).count(), 1, "{found}");
    text.replace(found, put)
}

#[test]
fn a_fault_in_a_config_is_one_line_with_its_place() {
    let work = Work::new();
    let denoising = r#""kind": "denoising", "corruption": {"kind": "masking", "probability": 2}, "of": { "kind": "dense", "layers": [4],"#;
    let cases = [
        ("".to_owned(), ":1:1: not JSON: the file is empty"),
        (
            "{\n\"seed\": 1,\n".into(),
            ":1:1: not JSON: unterminated object",
        ),
        ("\u{1}\u{2}".into(), ":1:1: not JSON: "),
        (
            with("\"learning_rate\"", "\"learning_rat\""),
            r#": train.learning_rat: unknown key; did you mean "learning_rate"?"#,
        ),
        (
            with("\"train\"", "\"trane\""),
            r#": trane: unknown key; did you mean "train"?"#,
        ),
        (
            with("\"epochs\": 2", "\"epochs\": \"two\""),
            r#": train.epochs: found "two"; allowed: an integer of at least 1"#,
        ),
        (
            with("\"batch_size\": 16", "\"batch_size\": 0"),
            ": train.batch_size: found 0; allowed: an integer of at least 1",
        ),
        (
            with("\"code_size\": 4", "\"code_size\": 0"),
            ": model.code_size: found 0; allowed: an integer from 1 to 65536",
        ),
        (
            with("\"kind\": \"dense\",", denoising)
                .replacen("\"code_size\": 4\n", "\"code_size\": 4}\n", 1)
                .replacen("\"layers\": [\n      16\n    ],", "", 1),
            ": model.corruption.probability: found 2; allowed: a number from 0 to 1",
        ),
        (
            with("\"learning_rate\": 0.01", "\"learning_rate\": NaN"),
            ": not JSON: found NaN",
        ),
        (
            with("\"learning_rate\": 0.01", "\"learning_rate\": \"NaN\""),
            r#": train.learning_rate: found "NaN"; allowed: a number above 0"#,
        ),
        (
            with("\"dense\"", "\"dence\""),
            r#": model.kind: found "dence"; did you mean "dense"?"#,
        ),
        (
            with("\"dense\"", "\"transformer\""),
            r#": model.kind: found "transformer"; allowed: "dense", "conv", "linear", "sparse" or "denoising""#,
        ),
        (
            with("\"idx\"", "\"coco\""),
            r#": data.dataset: found "coco"; allowed: "mnist", "idx", "fashion-mnist", "kmnist", "emnist-letters", "cifar-10", "cifar-100", "images", "video", "table", "series", "array" or "photos""#,
        ),
    ];
    for (text, expected) in cases {
        work.write("bad.json", &text);
        let line = work.refused(2, "bad.json");
        let place = line
            .strip_prefix("bad.json:")
            .unwrap_or_else(|| panic!("{line}"));
        assert!(line.contains(expected), "{line}\n{text}");
        // The line and the column, which the error's own tests check exactly.
        let numbers: Vec<&str> = place.splitn(3, ':').take(2).collect();
        assert!(
            numbers.iter().all(|it| it.parse::<usize>().is_ok()),
            "{line}"
        );
    }
}

#[test]
fn shapes_that_cannot_work_are_refused_before_the_data_is_read() {
    let work = Work::new();
    // Only the header is there: whoever read on would say that the file is cut.
    let header = work.read("set/train-images-idx3-ubyte")[..16].to_vec();
    work.write("set/train-images-idx3-ubyte", header);
    let cases = [
        (
            json!({ "kind": "conv", "channels": [4, 4, 4, 4], "code_size": 4 }),
            "model.channels: found 4 levels for images of 8x8 pixels; allowed: at most 3",
        ),
        (
            json!({ "kind": "dense", "layers": [16, 8], "code_size": 4, "tied": true, "decoder": [8, 9] }),
            "model.decoder: found [8, 9] with tied weights; allowed: the encoder's mirror [8, 16]",
        ),
        (
            json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 5 }, "of": { "kind": "dense", "layers": [16], "code_size": 4 } }),
            "model.penalty.k: found 5",
        ),
        (
            json!({ "kind": "sparse", "penalty": "kl", "of": { "kind": "dense", "layers": [16], "code_size": 4 } }),
            "model.penalty.kind: found \"kl\" on a code that is not in (0, 1); allowed: ",
        ),
    ];
    for (model, expected) in cases {
        let mut config = tiny();
        config["model"] = model;
        work.json("bad.json", &config);
        let line = work.refused(2, "bad.json");
        assert!(line.starts_with("bad.json:1:"), "{line}");
        assert!(line.contains(expected), "{line}");
    }
    let line = work.refused(1, "tiny.json");
    assert!(
        line.contains("train-images-idx3-ubyte: ends after 16 bytes"),
        "{line}"
    );
}

#[test]
fn all_faults_of_a_config_are_told_at_once() {
    let work = Work::new();
    let mut config = tiny();
    config["modle"] = 1.into();
    config["train"]["epochs"] = 0.into();
    work.json("bad.json", &config);
    let ended = work.run("bad.json --set train.batch_size=-1");
    assert_eq!(ended.code, Some(2));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.stderr);
    for (line, expected) in lines.iter().zip(["epochs", "modle", "batch_size"]) {
        assert!(
            line.starts_with("error: ") && line.contains(expected),
            "{line}"
        );
    }
    assert!(!work.path("runs").exists());
}

#[test]
fn a_config_that_cannot_be_read_is_one_line() {
    let work = Work::new();
    assert_eq!(
        work.refused(2, "tinny.json"),
        "tinny.json: cannot be read: No such file or directory; did you mean tiny.json?"
    );
    assert_eq!(
        work.refused(2, "set"),
        "set: cannot be read: Is a directory"
    );
    work.write("configs/small.json", "{}");
    for near in ["confgs/small.json", "confgs/smal.json", "configs/smal.json"] {
        assert_eq!(
            work.refused(2, near),
            format!(
                "{near}: cannot be read: No such file or directory; did you mean configs/small.json?"
            )
        );
    }
    work.write("bytes.json", [0xff, 0xfe, 0, 0]);
    assert_eq!(
        work.refused(2, "bytes.json"),
        "bytes.json:1:1: not JSON: found the byte 0xff; save the file as UTF-8 text"
    );
    work.write("large.json", vec![b' '; 100_000]);
    assert_eq!(
        work.refused(2, "large.json"),
        "large.json: found more than 64 KiB; allowed: at most 64 KiB"
    );
    assert_eq!(
        work.refused_words(2, &["new\nline.json"]),
        "new\\nline.json: cannot be read: No such file or directory"
    );
}

#[test]
fn a_fault_on_the_command_line_is_one_line() {
    let work = Work::new();
    let cases = [
        (
            "tiny.json --set train.epocs=3",
            r#"--set train.epocs=3: train.epocs: unknown key; did you mean "epochs"?"#,
        ),
        (
            "tiny.json --set train.epochs",
            "--set train.epochs: found no \"=\"; expected KEY=VALUE, such as train.epochs=5",
        ),
        (
            "tiny.json --backend wgpuu",
            r#"--backend wgpuu: backend: found "wgpuu"; did you mean "wgpu"?"#,
        ),
        (
            "tiny.json --name ../tiny",
            "--name: found \"../tiny\"; use a folder name without separators that does not start \
             with a dot",
        ),
        (
            "--quick",
            "no config or command given; try configs/conv.json, or see hourglass --help",
        ),
        (
            "tiny.json --set data.validation=96",
            "--set data.validation=96: data.validation: found 96; allowed: fewer than the 96 \
             training images",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(work.refused(2, line), expected);
    }
}

#[test]
fn unknown_flags_values_and_commands_are_usage_errors() {
    let work = Work::new();
    for line in [
        "xyzzy tiny",
        "tiny.json --xyzzy 3",
        "compare",
        "compare tiny --sort size",
        "compare tiny --format html",
        "compare tiny --format csv --json",
        "encode tiny set",
        "completions tcsh",
        "evaluate",
        "",
    ] {
        let before = work.files();
        let ended = work.run(line);
        assert_eq!(ended.code, Some(2), "{line}");
        assert_eq!(ended.stdout, "", "{line}");
        assert!(ended.stderr.contains("--help"), "{line}: {}", ended.stderr);
        assert!(before == work.files(), "{line}");
    }
}

#[test]
fn a_backend_that_was_left_out_says_how_to_get_it() {
    let work = Work::new();
    let backends: Vec<serde_json::Value> =
        serde_json::from_str(&work.ok("backends --json").stdout).unwrap();
    let missing = backends.iter().find(|it| it["compiled"] == false).unwrap();
    let name = missing["backend"].as_str().unwrap();
    work.ok("tiny.json");
    for line in [
        "tiny.json",
        "evaluate tiny",
        "resume tiny --set train.epochs=9",
    ] {
        let line = work.refused(2, &format!("{line} --backend {name}"));
        assert!(
            line.starts_with(&format!("backend {name}: not compiled into this program,")),
            "{line}"
        );
        assert!(
            line.ends_with(&format!("cargo run -p runner --features {name} -- ...")),
            "{line}"
        );
    }
}

#[test]
fn a_single_value_is_not_normalised_by_its_own_spread() {
    let work = Work::new();
    let mut config = tiny();
    // Three halvings leave one pixel of 8 x 8, which the last convolution gives before it is normalised.
    config["model"] = json!({
        "kind": "conv", "channels": [2, 2, 2], "downsample": "stride", "code_size": 2, "batch_norm": true,
    });
    work.json("norm.json", &config);
    let cure = "and model.batch_norm cannot normalise the single value that a channel of encoder.2 then has; use \
                another batch size, or set model.batch_norm to false";
    assert_eq!(
        work.refused(2, "norm.json --set train.batch_size=1"),
        format!("--set train.batch_size=1: train.batch_size: found 1, {cure}")
    );
    // 80 training images: 79 and one.
    assert_eq!(
        work.refused(2, "norm.json --set train.batch_size=79"),
        format!(
            "--set train.batch_size=79: train.batch_size: found 79, which leaves 1 of 80 training images for the last \
             batch, {cure}"
        )
    );
    // Pooling comes after the normalisation, of four pixels; others have no such map, or no normalisation.
    for other in [
        "model.downsample=max",
        "model.batch_norm=false",
        "model.channels=[2,2]",
    ] {
        work.ok(&format!(
            "norm.json --quick --set train.batch_size=79 --set {other}"
        ));
    }
    work.ok("norm.json --name whole");
    let line = work.refused(
        2,
        "resume whole --set train.epochs=3 --set train.batch_size=79",
    );
    assert!(
        line.contains("train.batch_size: found 79, which leaves 1 of 80"),
        "{line}"
    );
    work.ok("resume whole --set train.epochs=3 --set train.batch_size=78");
}
