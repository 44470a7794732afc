//! Tests of exports: every model that a config may ask for has one, whose parts fit together. What other programs
//! compute with them is checked in `tests/onnx`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use model::{Category, ImageShape, ModelConfig, Range};
use rten_onnx::onnx::ModelProto;
use serde_json::{Value, json};

use super::*;
use crate::run::FORMAT_VERSION;
use crate::run::checkpoint::Progress;

/// A model of a config for samples of this shape and range, and what its weights belong to; `None` if it does not fit.
fn model(json: &Value, shape: ImageShape, range: &Range) -> Option<(Autoencoder, Meta)> {
    let config: ModelConfig = serde_json::from_value(json.clone()).unwrap();
    let device = crate::backend::open(crate::config::BackendChoice::Flex)
        .unwrap()
        .device;
    let model = config.init_for(shape, range, 1, &device).ok()?;
    let meta = Meta {
        format_version: FORMAT_VERSION,
        model: config,
        input_shape: shape,
        preparation: None,
        fields: None,
        seed: 1,
        config: None,
        frozen: Vec::new(),
        progress: Progress::default(),
        model_sha256: String::new(),
        optimizer_sha256: String::new(),
    };
    Some((model, meta))
}

/// Checks every export of a model.
fn check(what: &str, model: &Autoencoder, meta: &Meta) {
    let exported = Exported {
        model,
        meta,
        name: "a \"name\"",
    };
    for part in [Part::Whole, Part::Encoder, Part::Decoder] {
        let bytes = onnx::bytes(&exported, part).unwrap();
        let graph = ModelProto::parse_buf(&bytes).unwrap().graph.unwrap();
        let name = |name: &Option<String>| name.clone().unwrap();
        let constants = graph.initializer.iter().map(|it| name(&it.name));
        let inputs = graph.input.iter().map(|it| name(&it.name));
        let mut known: HashSet<String> = inputs.chain(constants.clone()).collect();
        known.insert(String::new());
        let mut used = HashSet::new();
        for node in &graph.node {
            let op = name(&node.op_type);
            for input in &node.input {
                assert!(known.contains(input), "{what}: {op} of unknown {input}");
                used.insert(input.clone());
            }
            for output in &node.output {
                assert!(known.insert(output.clone()), "{what}: {output} twice");
            }
        }
        for output in &graph.output {
            assert!(known.contains(&name(&output.name)), "{what}");
        }
        for constant in constants {
            assert!(used.contains(&constant), "{what}: {constant} is not used");
        }
        if part == Part::Whole {
            let parameters = model::weights::names(model).into_iter();
            for parameter in parameters.filter(|it| !it.name.starts_with("density.")) {
                assert!(used.contains(&parameter.name), "{what}: {}", parameter.name);
            }
        }
    }
    let files = huggingface::files(&exported, None, None).unwrap();
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let expected = [
        "model.py",
        "model.safetensors",
        "example.safetensors",
        "config.json",
        "README.md",
    ];
    assert_eq!(names, expected, "{what}");
    let module = String::from_utf8(files[0].1.clone()).unwrap();
    assert!(!module.contains("None"), "{what}: {module}");
}

fn configs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let of = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut all = of(&folder);
    all.extend(of(&folder.join("papers")));
    all.retain(|path| {
        path.extension().is_some_and(|it| it == "json") && !path.ends_with("schema.json")
    });
    all
}

#[test]
fn every_shipped_config_has_an_export() {
    let pictures = [[1, 28, 28], [3, 64, 64], [3, 96, 96]];
    let configs = configs();
    assert!(configs.len() > 20);
    for path in configs {
        let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (range, shapes) = match config["data"]["dataset"].as_str() {
            Some("table") => (Range::Real([].into()), vec![[7, 1, 1]]),
            Some("series") => (Range::Real([].into()), vec![[2, 1, 64]]),
            _ => (Range::Unit, pictures.to_vec()),
        };
        let mut models = shapes
            .into_iter()
            .map(|it| model(&config["model"], it, &range));
        let (model, meta) = models.find_map(|it| it).unwrap();
        check(&path.display().to_string(), &model, &meta);
    }
}

/// Odd sizes, clips, categories, and what no shipped config asks for.
#[test]
fn so_has_every_way_to_build_a_model() {
    let conv = |down: &str, up: &str| json!({ "kind": "conv", "channels": [3, 4], "downsample": down, "upsample": up, "convolutions": 2, "batch_norm": true });
    let ways = [
        conv("max", "nearest"),
        conv("average", "nearest"),
        conv("stride", "transposed"),
        conv("unshuffle", "shuffle"),
    ];
    let table: Range = Range::Real([Category { first: 1, count: 3 }].into());
    let samples = [
        ([2, 13, 11], Range::Unit),
        ([2, 15, 6], Range::Clip(5)),
        ([5, 1, 13], table),
    ];
    for (shape, range) in samples {
        for way in &ways {
            let (model, meta) = model(way, shape, &range).unwrap();
            check(&format!("{way} of {shape:?}"), &model, &meta);
        }
    }
    for activation in [
        "relu",
        "leaky_relu",
        "gelu",
        "silu",
        "elu",
        "tanh",
        "sigmoid",
    ] {
        let json = json!({ "kind": "dense", "layers": [6], "code_size": 3, "tied": true, "activation": activation });
        let json = json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 2 }, "of": json });
        let (model, meta) = model(&json, [1, 4, 5], &Range::Unit).unwrap();
        check(activation, &model, &meta);
    }
}
