//! The exact line of every fault that a config can have.

use super::super::{parse, parse_object};
use super::{LEAST, errors, of_model};
use crate::config::Override;

/// A config whose training pictures are changed so.
fn of_augment(augment: &str) -> String {
    let model = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
    format!(
        "{{\n\"data\": {{\"dataset\": \"mnist\",\n\"augment\": {augment}}},\n\"model\": {model}\n}}"
    )
}

/// A config with these keys of a folder of pictures.
fn of_images(keys: &str) -> String {
    let model = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
    format!(
        "{{\n\"data\": {{\"dataset\": \"images\", \"dir\": \"x\",\n{keys}}},\n\"model\": {model}\n}}"
    )
}

/// A config with these keys of `train`.
fn of_train(train: &str) -> String {
    let model = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
    format!(
        "{{\n\"data\": {{\"dataset\": \"mnist\"}},\n\"model\": {model},\n\"train\": {train}\n}}"
    )
}

/// A config that starts from these layers.
fn of_init(init: &str) -> String {
    let model = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
    format!("{{\n\"data\": {{\"dataset\": \"mnist\"}},\n\"model\": {model},\n\"init\": {init}\n}}")
}

#[test]
fn a_fault_of_a_key_is_one_exact_line() {
    let dense = |keys: &str| of_model(&format!(r#"{{"kind": "dense", {keys}}}"#));
    let denoising = |corruption: &str| {
        let of = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
        of_model(&format!(
            r#"{{"kind": "denoising", "corruption": {corruption}, "of": {of}}}"#
        ))
    };
    let cases = [
        (
            of_model(
                r#"{"kind": "sparse", "penalty": "l1", "of": {"kind": "conv", "chanels": [8], "channels": [8]}}"#,
            ),
            r#"c.json:3:69: model.of.chanels: unknown key; did you mean "channels"?"#,
        ),
        (
            dense(r#""layers": [], "code_size": 1, "dropout": 0.5"#),
            "c.json:3:58: model.dropout: unknown key; allowed: kind, layers, code_size, activation, \
             code_activation, decoder, tied, initial_gain",
        ),
        (
            dense(r#""layers": [64, "32"], "code_size": 1"#),
            r#"c.json:3:43: model.layers.1: found "32"; allowed: an integer from 1 to 65536"#,
        ),
        (
            dense(r#""layers": 64, "code_size": 1"#),
            "c.json:3:38: model.layers: found 64; allowed: an array of integers",
        ),
        (
            dense(r#""layers": [], "code_size": 0"#),
            "c.json:3:55: model.code_size: found 0; allowed: an integer from 1 to 65536",
        ),
        (
            dense(r#""layers": [], "code_size": 1.5"#),
            "c.json:3:55: model.code_size: found 1.5; allowed: an integer from 1 to 65536",
        ),
        (
            dense(r#""layers": [], "code_size": 99999999999999999999"#),
            "c.json:3:55: model.code_size: found 99999999999999999999; allowed: an integer from 1 to 65536",
        ),
        (
            dense(r#""layers": []"#),
            "c.json:3:10: model.code_size: missing key; allowed: an integer from 1 to 65536",
        ),
        (
            dense(r#""layers": [], "code_size": 1, "activation": "reul""#),
            r#"c.json:3:72: model.activation: found "reul"; did you mean "relu"?"#,
        ),
        (
            dense(r#""layers": [], "code_size": 1, "tied": "yes""#),
            r#"c.json:3:66: model.tied: found "yes"; allowed: true or false"#,
        ),
        (
            of_model(r#"{"kind": "conv", "channels": []}"#),
            "c.json:3:39: model.channels: found an empty array; allowed: an array of 1 or more \
             integers",
        ),
        (
            of_model(r#"{"kind": "conv", "channels": [8], "kernel": 4}"#),
            "c.json:3:54: model.kernel: found 4; allowed: 1, 3, 5, 7, 9, 11, 13 or 15",
        ),
        (
            of_model(r#"{"kind": "desne", "layers": []}"#),
            r#"c.json:3:19: model.kind: found "desne"; did you mean "dense"?"#,
        ),
        (
            of_model(r#"{"kind": "transformer"}"#),
            r#"c.json:3:19: model.kind: found "transformer"; allowed: "dense", "conv", "linear", "sparse" or "denoising""#,
        ),
        (
            of_model(r#"{"layers": []}"#),
            r#"c.json:3:10: model.kind: missing key; allowed: "dense", "conv", "linear", "sparse" or "denoising""#,
        ),
        (
            of_model(r#"{"kind": 3}"#),
            r#"c.json:3:19: model.kind: found 3; allowed: "dense", "conv", "linear", "sparse" or "denoising""#,
        ),
        (
            of_model(r#""dense""#),
            r#"c.json:3:10: model: found "dense"; allowed: an object"#,
        ),
        (
            denoising(r#"{"kind": "masking", "probability": 2}"#),
            "c.json:3:81: model.corruption.probability: found 2; allowed: a number from 0 to 1 or an array \
             of 2 values",
        ),
        (
            denoising(r#"{"kind": "masking", "probability": -0.5}"#),
            "c.json:3:81: model.corruption.probability: found -0.5; allowed: a number from 0 to 1 or an \
             array of 2 values",
        ),
        (
            denoising(r#"{"kind": "gaussian", "probability": 0.5}"#),
            "c.json:3:67: model.corruption.probability: unknown key; allowed: kind, std, clip",
        ),
        (
            denoising(r#""gausian""#),
            r#"c.json:3:46: model.corruption: found "gausian"; did you mean "gaussian"?"#,
        ),
        (
            denoising("0.5"),
            r#"c.json:3:46: model.corruption: found 0.5; allowed: "gaussian", "masking", "salt_and_pepper", "speckle", "blur", "downscale", "grayscale", an object or an array of 1 or more values"#,
        ),
        (
            denoising("[]"),
            r#"c.json:3:46: model.corruption: found an empty array; allowed: "gaussian", "masking", "salt_and_pepper", "speckle", "blur", "downscale", "grayscale", an object or an array of 1 or more values"#,
        ),
        (
            denoising(r#"["masking", {"kind": "gaussian", "std": 0}]"#),
            "c.json:3:86: model.corruption.1.std: found 0; allowed: a number above 0 or an array of 2 \
             values",
        ),
        (
            denoising(r#"[{"kind": "speckle", "std": [0.1, 0.2, 0.3]}]"#),
            "c.json:3:74: model.corruption.0.std: found an array of 3; allowed: a number above 0 or \
             an array of 2 values",
        ),
        (
            denoising(r#"{"kind": "blur", "sigma": [-1, 2]}"#),
            "c.json:3:73: model.corruption.sigma.0: found -1; allowed: a number from 0 to 1000",
        ),
        (
            denoising(r#"{"kind": "downscale", "factor": 5}"#),
            "c.json:3:78: model.corruption.factor: found 5; allowed: 2, 3 or 4",
        ),
        (
            denoising(r#""block""#),
            r#"c.json:3:46: model.corruption: found "block"; allowed: "gaussian", "masking", "salt_and_pepper", "speckle", "blur", "downscale", "grayscale", an object or an array of 1 or more values"#,
        ),
        (
            denoising(r#"{"kind": "block"}"#),
            "c.json:3:46: model.corruption.size: missing key; allowed: an integer from 1 to 65536 or \
             an array of 2 values",
        ),
        (
            denoising(r#"{"kind": "block", "size": [8, [2.5, 4]]}"#),
            "c.json:3:77: model.corruption.size.1.0: found 2.5; allowed: an integer from 1 to 65536",
        ),
        (
            of_model(r#"{"kind": "conv", "channels": [8], "convolutions": 0}"#),
            "c.json:3:60: model.convolutions: found 0; allowed: an integer from 1 to 8",
        ),
        (
            of_augment(r#"{"shift": -1}"#),
            "c.json:3:22: data.augment.shift: found -1; allowed: a number from 0 to 16384",
        ),
        (
            of_augment(r#"{"rotation": 270}"#),
            "c.json:3:25: data.augment.rotation: found 270; allowed: a number from 0 to 180",
        ),
        (
            of_augment(r#"{"scale": 1}"#),
            "c.json:3:22: data.augment.scale: found 1; allowed: a number of at least 0 and below 1",
        ),
        (
            of_augment(r#"{"flip": "horizontal"}"#),
            r#"c.json:3:21: data.augment.flip: found "horizontal"; allowed: true or false"#,
        ),
        (
            of_augment(r#"{"target": "clean"}"#),
            r#"c.json:3:23: data.augment.target: found "clean"; allowed: "changed" or "original""#,
        ),
        (
            of_augment(r#"{"shaer": 0.1}"#),
            r#"c.json:3:13: data.augment.shaer: unknown key; did you mean "shear"?"#,
        ),
        (
            of_augment(r#"{"elastic": {"smoothness": 4}}"#),
            "c.json:3:24: data.augment.elastic.strength: missing key; allowed: a number from 0 to \
             16384",
        ),
        (
            of_images(r#""test": 1"#),
            "c.json:3:9: data.test: found 1; allowed: a number above 0 and below 1 or an array of 1 \
             or more values",
        ),
        (
            of_images(r#""test": []"#),
            "c.json:3:9: data.test: found an empty array; allowed: a number above 0 and below 1 or \
             an array of 1 or more values",
        ),
        (
            of_images(r#""test": ["a.png", 3]"#),
            "c.json:3:19: data.test.1: found 3; allowed: a string",
        ),
        (
            of_images(r#""patch": 8, "crops": 0"#),
            "c.json:3:22: data.crops: found 0; allowed: an integer from 1 to 1000000 or null",
        ),
        (
            of_images(r#""crops": 100"#),
            "c.json:3:10: data.crops: found 100 without data.patch; set data.patch, or remove this key",
        ),
        (
            of_images(r#""flip": false"#),
            "c.json:3:9: data.flip: found false without data.patch; set data.patch, or remove this key",
        ),
        (
            of_images(r#""strict": 1"#),
            "c.json:3:11: data.strict: found 1; allowed: true or false",
        ),
        (
            of_train(r#"{"batch_size": 0}"#),
            "c.json:4:25: train.batch_size: found 0; allowed: an integer of at least 1",
        ),
        (
            of_train(r#"{"batch_size": 1e300}"#),
            "c.json:4:25: train.batch_size: found 1e300; allowed: at most 2147483648",
        ),
        (
            of_train(r#"{"learning_rate": 0}"#),
            "c.json:4:28: train.learning_rate: found 0; allowed: a number above 0",
        ),
        (
            of_train(r#"{"learning_rate": "NaN"}"#),
            r#"c.json:4:28: train.learning_rate: found "NaN"; allowed: a number above 0"#,
        ),
        (
            of_train(r#"{"learning_rate": NaN}"#),
            "c.json:4:28: not JSON: found NaN",
        ),
        (
            of_train(r#"{"learning_rate": 1e999}"#),
            "c.json:4:28: train.learning_rate: found 1e999, which is not a finite number; allowed: \
             a number above 0",
        ),
        (
            of_train(r#"{"optimizer": {"kind": "adam", "beta1": 1}}"#),
            "c.json:4:50: train.optimizer.beta1: found 1; allowed: a number of at least 0 and \
             below 1",
        ),
        (
            of_train(r#"{"pretrain": "layer_wise"}"#),
            r#"c.json:4:23: train.pretrain: found "layer_wise"; did you mean "layerwise"?"#,
        ),
        (
            of_train(r#"{"pretrain": 5}"#),
            r#"c.json:4:23: train.pretrain: found 5; allowed: "layerwise", an object or null"#,
        ),
        (
            of_train(r#"{"pretrain": {"kind": "layerwise", "epochs": 0}}"#),
            "c.json:4:55: train.pretrain.epochs: found 0; allowed: an integer of at least 1",
        ),
        (
            of_train(r#"{"pretrain": {"epochs": 3}}"#),
            r#"c.json:4:23: train.pretrain.kind: missing key; allowed: "layerwise""#,
        ),
        (
            of_init(r#"{"layers": ["code"]}"#),
            "c.json:4:9: init.from: missing key; allowed: a non-empty string",
        ),
        (
            of_init(r#"{"from": ""}"#),
            r#"c.json:4:18: init.from: found ""; allowed: a non-empty string"#,
        ),
        (
            of_init(r#"{"from": "runs/a", "layers": []}"#),
            "c.json:4:38: init.layers: found an empty array; allowed: an array of 1 or more values \
             or null",
        ),
        (
            of_init(r#"{"from": "runs/a", "layers": "code"}"#),
            r#"c.json:4:38: init.layers: found "code"; allowed: an array of 1 or more values or null"#,
        ),
        (
            of_init(r#"{"from": "runs/a", "layers": ["code", 3]}"#),
            "c.json:4:47: init.layers.1: found 3; allowed: a string",
        ),
        (
            of_init(r#"{"from": "runs/a", "freeze": "yes"}"#),
            r#"c.json:4:38: init.freeze: found "yes"; allowed: true or false"#,
        ),
        (
            of_init(r#"{"from": "runs/a", "frozen": true}"#),
            r#"c.json:4:28: init.frozen: unknown key; did you mean "from"?"#,
        ),
        (
            of_train(r#"{"patience": 0}"#),
            "c.json:4:23: train.patience: found 0; allowed: an integer of at least 1 or null",
        ),
        (
            of_train(r#"{"optimizer": {"kind": "sgd", "nesterov": true}}"#),
            "c.json:4:52: train.optimizer.nesterov: found true without momentum; set \
             train.optimizer.momentum above 0",
        ),
        (
            of_train(r#"{"schedule": {"kind": "cosine", "final_learning_rate": 1}}"#),
            "c.json:4:65: train.schedule.final_learning_rate: found 1; allowed: at most \
             train.learning_rate, which is 0.001",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(errors(&text, &[]), [line], "{text}");
    }
}

/// What `grayscale` needs is known with the shape of the images; what `residual` needs at once.
#[test]
fn faults_between_keys_have_a_place() {
    let model = |corruption: &str, keys: &str| {
        let of = r#"{"kind": "conv", "channels": [8]}"#;
        format!(r#"{{"kind": "denoising", "corruption": {corruption}, {keys} "of": {of}}}"#)
    };
    let residual = model(r#""blur""#, r#""residual": true,"#);
    let text = format!(
        "{{\n\"data\": {{\"dataset\": \"mnist\"}},\n\"model\": {residual},\n\"train\": {{\"loss\": \"bce\"}}\n}}"
    );
    let line = "c.json:4:19: train.loss: found \"bce\" for a model with \"residual\": true, whose output \
                is not a probability; use \"mse\" or \"auto\"";
    assert_eq!(errors(&text, &[]), [line]);
    let rate = r#"{"kind": "sparse", "penalty": "rate", "of": {"kind": "conv", "channels": [8]}}"#;
    assert_eq!(
        errors(&text.replace(&residual, rate), &[]),
        [line.replace("\"residual\": true", "the penalty \"rate\"")]
    );
    let grey = [1, 28, 28];
    let refused = |corruption: &str| {
        let located = parse("c.json", &of_model(&model(corruption, "")), &[]).unwrap();
        located
            .check_model(grey, &model::Range::Unit)
            .unwrap_err()
            .errors()
            .to_vec()
    };
    let line = "c.json:3:46: model.corruption.kind: found \"grayscale\" for images of 1 channel; \
                allowed: \"grayscale\" for images of 3 channels: red, green and blue";
    assert_eq!(refused(r#""grayscale""#), [line]);
    let line = "c.json:3:81: model.corruption.1.size: found 40x40 for images of 28x28 pixels; allowed: \
                from 1x1 to 28x28";
    assert_eq!(
        refused(r#"["blur", {"kind": "block", "size": 40}]"#),
        [line]
    );
}

#[test]
fn a_fault_of_the_file_is_one_exact_line() {
    let model = r#""model": {"kind": "dense", "layers": [], "code_size": 1}"#;
    let cases = [
        (String::new(), "c.json:1:1: not JSON: the file is empty"),
        (" \n ".into(), "c.json:1:1: not JSON: the file is empty"),
        (
            "[]".into(),
            "c.json:1:1: found an empty array; allowed: an object",
        ),
        ("7".into(), "c.json:1:1: found 7; allowed: an object"),
        (
            "{} {}".into(),
            "c.json:1:4: not JSON: text cannot contain more than one JSON value",
        ),
        (
            "{\n\"seed\": 1,\n}".into(),
            "c.json:2:10: not JSON: trailing commas are not allowed",
        ),
        (
            "{\n// note\n}".into(),
            "c.json:2:1: not JSON: comments are not allowed",
        ),
        (
            "{\n\"seed\": 1".into(),
            "c.json:1:1: not JSON: unterminated object",
        ),
        (
            "{'seed': 1}".into(),
            "c.json:1:2: not JSON: single-quoted strings are not allowed",
        ),
        (
            "{\"seed\": 01}".into(),
            "c.json:1:11: not JSON: expected comma",
        ),
        (
            "{\u{a0}}".into(),
            "c.json:1:2: not JSON: key must be a string",
        ),
        (
            format!("{{\n\"data\": {{\"dataset\": \"coco\"}},\n{model}\n}}"),
            r#"c.json:2:21: data.dataset: found "coco"; allowed: "mnist", "idx", "fashion-mnist", "kmnist", "emnist-letters", "cifar-10", "cifar-100", "images", "video", "table", "series", "array" or "photos""#,
        ),
        (
            format!("{{\n\"data\": {{\"dataset\": \"minst\"}},\n{model}\n}}"),
            r#"c.json:2:21: data.dataset: found "minst"; did you mean "mnist"?"#,
        ),
        (
            format!(
                "{{\n\"data\": {{\"dataset\": \"photos\", \"collection\": \"big\"}},\n{model}\n}}"
            ),
            r#"c.json:2:45: data.collection: found "big"; allowed: "small" or "large""#,
        ),
        (
            format!("{{\n\"data\": {{\"dataset\": \"images\", \"dir\": \"\"}},\n{model}\n}}"),
            r#"c.json:2:38: data.dir: found ""; allowed: a non-empty string"#,
        ),
        (
            "{\n\"data\": {\"dataset\": \"mnist\"}\n}".into(),
            "c.json:1:1: model: missing key; allowed: an object",
        ),
        (
            LEAST.replacen('{', "{\n\"seed\": 1, \"seed\": 2,", 1),
            "c.json:2:12: seed: duplicate key; each key can be given only once",
        ),
        (
            LEAST.replacen('{', "{ \"line\\nbreak\\u001b[2J\": 2,", 1),
            r"c.json:1:3: line\nbreak\u{1b}[2J: unknown key; allowed: $schema, description, seed, backend, data, model, init, train, tensorboard, track, sweep",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(errors(&text, &[]), [line], "{text}");
    }
}

#[test]
fn all_faults_of_a_file_are_told_in_its_order() {
    let text = r#"{
  "sede": 1,
  "data": { "dataset": "mnist", "validation": -1 },
  "model": { "kind": "conv", "kernel": 3, "kernel": 5 },
  "train": { "epochs": 0, "loss": "mae", "optimizer": "adan" }
}"#;
    let expected = [
        r#"c.json:2:3: sede: unknown key; did you mean "seed"?"#,
        "c.json:3:47: data.validation: found -1; allowed: an integer from 0 to 59999",
        "c.json:4:12: model.channels: missing key; allowed: an array of 1 or more integers",
        "c.json:4:43: model.kernel: duplicate key; each key can be given only once",
        "c.json:5:24: train.epochs: found 0; allowed: an integer of at least 1",
        r#"c.json:5:35: train.loss: found "mae"; allowed: "auto", "mse" or "bce""#,
        r#"c.json:5:55: train.optimizer: found "adan"; did you mean "adam"?"#,
        "--set train.batch_size=0: train.batch_size: found 0; allowed: an integer of at least 1",
    ];
    let overrides = ["train.batch_size=0"];
    assert_eq!(errors(text, &overrides), expected);
    let error = parse("c.json", text, &overrides.map(Override::set)).unwrap_err();
    assert_eq!(error.to_string(), expected.join("\n"));
}

#[test]
fn a_fault_of_an_override_names_the_override() {
    let usage = "expected KEY=VALUE, such as train.epochs=5";
    let no_value = format!("found no \"=\"; {usage}");
    let no_key = format!("found an empty key; {usage}");
    let infinite = "train.learning_rate: found 1e999, which is not a finite number; allowed: a \
                    number above 0";
    let index = "no such element; allowed: an index from 0 to 0";
    let cases = [
        (
            "train.bach_size=3",
            r#"train.bach_size: unknown key; did you mean "batch_size"?"#,
        ),
        (
            "train.loss=[",
            r#"train.loss: found "["; allowed: "auto", "mse" or "bce""#,
        ),
        (
            "train.learning_rate=NaN",
            r#"train.learning_rate: found "NaN"; allowed: a number above 0"#,
        ),
        ("train.learning_rate=1e999", infinite),
        ("model.layers.1=8", &format!("model.layers.1: {index}")),
        ("model.layers.x=8", &format!("model.layers.x: {index}")),
        ("train.epochs", &no_value),
        ("=1", &no_key),
        ("train..epochs=1", &no_key),
    ];
    for (argument, text) in cases {
        assert_eq!(
            errors(LEAST, &[argument]),
            [format!("--set {argument}: {text}")]
        );
    }
    assert_eq!(
        errors(LEAST, &["seed=1", "seed.x=1"]),
        ["--set seed.x=1: seed: has no keys below it; set this key itself"]
    );
    assert_eq!(
        errors(LEAST, &["train.patience=3", "data.validation=0"]),
        [
            "--set train.patience=3: train.patience: found 3 without validation images; set \
          data.validation above 0, or patience to null"
        ]
    );
}

#[test]
fn an_object_of_a_program_has_keys_and_no_lines() {
    let config = |epochs: &str| {
        let model = r#"{"kind": "dense", "layers": [], "code_size": 1}"#;
        format!(
            r#"{{"data": {{"dataset": "array"}}, "model": {model}, "train": {{"epochs": {epochs}}}}}"#
        )
    };
    assert_eq!(
        parse_object("config", &config("3")).unwrap().train.epochs,
        3
    );
    let error = parse_object("config", &config("\"ten\"")).unwrap_err();
    let line = "config: train.epochs: found \"ten\"; allowed: an integer of at least 1";
    assert_eq!(error.to_string(), line);
    assert!(parse_object("config", "{").is_err());
}
