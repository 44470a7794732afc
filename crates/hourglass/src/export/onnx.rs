//! ONNX: the model as a graph that other programs run, with its weights inside.
//!
//! The graph has the inputs `input` (with an encoder) and `code` (of a decoder alone), and the outputs `reconstruction`
//! and `code`. The first axis of each is the batch, of any size. What the values of the input are is among the file's
//! metadata.

mod ends;
mod file;
mod graph;
mod operations;
mod time;

use std::collections::HashMap;

use model::weights::Weight;
use model::{CodeStep, ImageShape, Layer};

use super::steps::{self, Form};
use super::{ExportError, Exported, Part, is_above};
use crate::error::Result;
use graph::{Attribute, Graph, Value};

/// The set of operators that the files use: the first with everything that is needed, which every runtime since 2023 has.
pub const OPSET: i64 = 18;

/// The names of inputs and outputs.
pub const INPUT: &str = "input";
/// The code, a row for each sample.
pub const CODE: &str = "code";
/// The reconstruction, of the output's shape.
pub const RECONSTRUCTION: &str = "reconstruction";

/// A part of a model as the bytes of an ONNX file.
///
/// # Errors
/// If the device does not return the weights.
pub fn bytes(exported: &Exported<'_>, part: Part) -> Result<Vec<u8>> {
    let mut walk = Walk {
        graph: Graph::default(),
        parameters: exported.parameters()?,
        exported,
    };
    walk.part(part)?;
    let plan = exported.model.plan();
    let about = vec![
        ("input", exported.input_words().to_owned()),
        ("input_shape", format!("{:?}", plan.ends.taken())),
        ("output_shape", format!("{:?}", plan.ends.output)),
        ("kind", exported.meta.model.kind()),
    ];
    let fields = (exported.meta.fields.as_ref()).and_then(|it| serde_json::to_string(it).ok());
    let about = about.into_iter().chain(fields.map(|it| ("fields", it)));
    Ok(file::bytes(
        exported.name,
        walk.graph.finish(),
        about.collect(),
    )?)
}

/// The way through a model's layers, with the graph that it leaves.
struct Walk<'a> {
    graph: Graph,
    parameters: HashMap<String, Weight>,
    exported: &'a Exported<'a>,
}

impl Walk<'_> {
    fn part(&mut self, part: Part) -> Result<(), ExportError> {
        let model = self.exported.model;
        let (ends, code_size) = (model.plan().ends, model.layers().code_size());
        let needs_input = part.has_encoder() || ends.gives.is_residual();
        self.graph.enter(INPUT);
        let input = needs_input.then(|| {
            let given = self.graph.input(INPUT, &ends.taken());
            let own = self.in_own_units(given);
            self.open(own)
        });
        let code = match &input {
            Some(input) if part.has_encoder() => {
                let code = self.encode(input.clone())?;
                self.graph.output(CODE, &code, &[code_size]);
                code
            }
            _ => self.graph.input(CODE, &[code_size]),
        };
        if part.has_decoder() {
            let raw = self.layers(code, Form::Flat(code_size), true, Form::Maps(ends.output))?;
            self.graph.enter(RECONSTRUCTION);
            let picture = self.complete(raw, input.as_deref());
            let picture = self.in_data_units(picture);
            self.graph.output(RECONSTRUCTION, &picture, &ends.output);
        }
        Ok(())
    }

    /// The code of the encoder's input.
    fn encode(&mut self, input: Value) -> Result<Value, ExportError> {
        let model = self.exported.model;
        let shape: ImageShape = model.plan().ends.input;
        let code_size = model.layers().code_size();
        let mut code = self.layers(input, Form::Maps(shape), false, Form::Flat(code_size))?;
        self.graph.enter(CODE);
        for step in model.code_steps() {
            code = match step {
                CodeStep::TopK(k) => self.largest(&code, k),
                CodeStep::Round => self.graph.node("Round", &[&code], &[]),
            };
        }
        Ok(code)
    }

    /// The `k` largest values of each row, and 0 in place of the others.
    fn largest(&mut self, code: &str, k: usize) -> Value {
        let graph = &mut self.graph;
        let k = graph.ints(&[k as i64]);
        let axis = || ("axis", Attribute::Int(1));
        let found = graph.nodes("TopK", &[code, &k], 2, &[axis()]);
        let shape = graph.node("Shape", &[code], &[]);
        let nothing = graph.node("ConstantOfShape", &[&shape], &[]);
        let [values, places] = found.as_slice() else {
            return code.to_owned();
        };
        graph.node("ScatterElements", &[&nothing, places, values], &[axis()])
    }

    /// What the encoder's layers, or the decoder's, make of what comes in.
    fn layers(
        &mut self,
        x: Value,
        from: Form,
        above: bool,
        to: Form,
    ) -> Result<Value, ExportError> {
        let layers = self.exported.model.layers();
        let (mut x, mut form) = (x, from);
        for (place, layer) in layers.iter().enumerate() {
            if is_above(layer.role) == above {
                (x, form) = self.layer((place, layer), x, form)?;
            }
        }
        for step in steps::change(form, to) {
            x = self.step(&step, (x, None), 0)?;
        }
        Ok(x)
    }

    fn layer(
        &mut self,
        (place, layer): (usize, &Layer),
        mut x: Value,
        form: Form,
    ) -> Result<(Value, Form), ExportError> {
        self.graph.enter(&layer.name());
        let (steps, form) = steps::of_layer(layer, form);
        let mut kept = None;
        for step in steps {
            if step == steps::Step::Keep {
                kept = Some(x.clone());
                continue;
            }
            x = self.step(&step, (x, kept.as_deref()), place)?;
        }
        Ok((x, form))
    }

    /// A parameter as a constant of the graph, which it is only once.
    fn parameter(&mut self, name: &str) -> Result<Value, ExportError> {
        match self.parameters.remove(name) {
            Some(weight) => Ok(self.graph.floats(name, &weight.shape, &weight.values)),
            None if self.graph.has(name) => Ok(name.to_owned()),
            None => Err(ExportError::Parameter(name.to_owned())),
        }
    }
}
