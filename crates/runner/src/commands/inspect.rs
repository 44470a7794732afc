//! Inspection: the layers, shapes, parameters and hyperparameters of a run, or of a config before
//! any training.

use anyhow::Result;
use data::{Preparation, Source, counted};
use model::{ImageShape, Layer, Layers, ModelConfig};
use serde_json::{Value, json};

use super::DONE;
use crate::cli::InspectArgs;
use crate::table::Table;
use crate::terminal;
use hourglass::config::flat;
use hourglass::fields::Form;
use hourglass::memory::{self, Estimate, Purpose};
use hourglass::run::{Run, loaded};
use hourglass::{config, measure::summary, run::checkpoint};

/// What is shown of a run or a config.
struct Subject {
    name: String,
    model: ModelConfig,
    shape: ImageShape,
    layers: Layers,
    /// The whole config.
    config: Value,
    /// How pictures become the model's images; `None` for a config, whose pictures were not read yet.
    preparation: Option<Preparation>,
    /// The run's state; `None` for a config.
    state: Option<Value>,
    /// The memory that a training takes; `None` for a run.
    memory: Option<Estimate>,
    /// Whether samples hold real values; pictures do not.
    is_real: bool,
}

pub fn run(args: &InspectArgs) -> Result<u8> {
    let subject = subject(args)?;
    let layers = &subject.layers;
    let parameters = layers.parameters();
    let code_size = layers.code_size();
    let ratio = layers.compression_ratio(subject.shape);
    // Only pictures may lose their colours before the encoder.
    let encoder = match subject.is_real {
        true => subject.shape,
        false => subject.model.input_shape(subject.shape)?,
    };
    if args.json {
        let rows: Vec<Value> = layers
            .iter()
            .map(|layer| {
                json!({
                    "name": layer.name(), "kind": layer.kind(), "activation": layer.activation(),
                    "output": layer.output, "parameters": layer.parameters(),
                    "body": layer.body(),
                })
            })
            .collect();
        terminal::print_json(&json!({
            "name": subject.name, "kind": subject.model.kind(), "input_shape": subject.shape,
            "encoder_input_shape": encoder, "code_size": code_size, "compression_ratio": ratio, "parameters": parameters,
            "preparation": subject.preparation, "layers": rows, "config": subject.config, "state": subject.state,
            "memory": subject.memory,
        }))?;
        return Ok(DONE);
    }
    let [channels, height, width] = subject.shape;
    let shown = match encoder == subject.shape {
        true => String::new(),
        false => format!(", reduced to {} channel for the encoder", encoder[0]),
    };
    let form = Form::of(subject.is_real, subject.shape);
    let samples = match form {
        Form::Pictures | Form::Clips => format!("{channels}x{height}x{width} images{shown}"),
        Form::Table => format!("rows of {}", counted(channels, "value")),
        Form::Series => {
            let of = counted(channels, "channel");
            format!("windows of {}, {of}", counted(width, "step"))
        }
    };
    terminal::say(&format!(
        "{}: {}, {samples}, code of {} ({}), {}\n",
        subject.name,
        subject.model.kind(),
        counted(code_size, "value"),
        summary::compression(ratio),
        counted(parameters, "parameter")
    ))?;
    if let Some(preparation) = subject
        .preparation
        .as_ref()
        .filter(|_| form == Form::Pictures)
    {
        let colours = match channels {
            1 => "grey",
            _ => "colour",
        };
        let words = preparation.words();
        terminal::say(&format!(
            "pictures: {words}; {colours}; values from 0 to 1\n"
        ))?;
    }
    terminal::print(&table(layers).text(terminal::width()))?;
    if let Some(memory) = &subject.memory {
        terminal::say(&format!(
            "\nmemory to train: about {} ({memory}); {} are free",
            memory::size(memory.total()),
            memory::size(memory::free())
        ))?;
    }
    terminal::print("\nhyperparameters")?;
    for (key, value) in flat(&subject.config) {
        if !matches!(key.as_str(), "description" | "$schema") {
            terminal::say(&format!("  {key} = {value}"))?;
        }
    }
    if let Some(state) = &subject.state {
        terminal::print("\nstate")?;
        for (key, value) in flat(state) {
            terminal::say(&format!("  {key} = {value}"))?;
        }
    }
    Ok(DONE)
}

/// Reads a config if one is named, else a run.
fn subject(args: &InspectArgs) -> Result<Subject> {
    let name = &args.run.name;
    if name.is_file() {
        let located = config::load(name, &[])?;
        located.check_dir()?;
        let source = located.data.source(located.seed);
        let shape = source.shape()?;
        let layers = located.check_source(&source)?;
        let memory = Estimate::of(&located, &source, shape, &layers, Purpose::Training, false)?;
        return Ok(Subject {
            name: name.display().to_string(),
            model: located.model.clone(),
            shape,
            layers,
            config: serde_json::to_value(&located.config)?,
            preparation: None,
            state: None,
            memory: Some(memory),
            is_real: matches!(source, Source::Table(_) | Source::Series(_)),
        });
    }
    let run = Run::open(name, &args.run.runs.runs)?;
    let meta = checkpoint::read_best(&run)?.meta;
    let old = || loaded::old_preparation(&run, &meta);
    let preparation = meta.preparation.map_or_else(old, |it| Ok(Some(it)))?;
    Ok(Subject {
        name: run.folder().display().to_string(),
        shape: meta.input_shape,
        layers: meta.layers()?,
        config: run.config()?,
        preparation: Some(preparation.unwrap_or_else(|| meta.prepared())),
        is_real: meta.fields.is_some(),
        model: meta.model,
        state: Some(serde_json::to_value(run.watched_state()?)?),
        memory: None,
    })
}

fn table(layers: &[Layer]) -> Table {
    let row = |layer: &Layer| {
        let output: Vec<String> = layer.output.iter().map(usize::to_string).collect();
        let activation = layer
            .activation()
            .map_or_else(|| "-".into(), |it| word(&it));
        vec![
            layer.name(),
            layer.kind(),
            activation,
            word(&layer.body()),
            output.join("x"),
            layer.parameters().to_string(),
        ]
    };
    let header = [
        "layer",
        "computes",
        "activation",
        "on flex",
        "output",
        "parameters",
    ];
    Table::new(&header, layers.iter().map(row).collect(), 4)
}

/// The name that a config uses for a value.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
