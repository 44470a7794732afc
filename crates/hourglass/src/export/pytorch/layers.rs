//! The layers in PyTorch's terms: the modules that hold parameters, and a line or so for each operation. A new one does
//! not compile before it is here.

use std::collections::BTreeMap;

use model::config::Activation;
use model::{CodeStep, Operation};

use super::lines::Lines;
use super::{ends, time};
use crate::error::Result;
use crate::export::steps::{self, Form, Step};
use crate::export::{ExportError, Exported, is_above};

/// How many rows and columns become one where a map is halved.
const SIDE: usize = 2;

/// A module, or several by their names or numbers.
#[derive(Default)]
struct Tree {
    module: Option<String>,
    parts: BTreeMap<String, Tree>,
}

/// The body of `__init__`: every module under the name that its parameters have in files.
pub(super) fn parameters(lines: &mut Lines, exported: &Exported<'_>) -> Result<()> {
    let mut root = Tree::default();
    let mut order = Vec::new();
    for layer in exported.model.layers() {
        for (operation, stored) in layer.operations.iter().zip(layer.stored_operations()) {
            let Some(stored) = stored else { continue };
            let path: Vec<&str> = stored.split('.').collect();
            if let Some(first) = path.first()
                && !order.iter().any(|it| it == first)
            {
                order.push((*first).to_owned());
            }
            let mut at = &mut root;
            for part in &path {
                at = at.parts.entry((*part).to_owned()).or_default();
            }
            let module = module(operation);
            at.module = Some(module.ok_or(ExportError::Parameter(stored))?);
        }
    }
    lines.add("super().__init__()");
    for name in order {
        if let Some(tree) = root.parts.get(&name) {
            assign(lines, &name, tree);
        }
    }
    Ok(())
}

/// `self.name = ...`, a line for each module of a list.
fn assign(lines: &mut Lines, name: &str, tree: &Tree) {
    match numbered(tree) {
        Some(all) => {
            let kind = match all.iter().any(|it| is_parameter(it)) {
                true => "ParameterList",
                false => "ModuleList",
            };
            lines.add(&format!("self.{name} = nn.{kind}(["));
            lines.inside(|lines| {
                for module in all {
                    lines.add(&format!("{},", module.text()));
                }
            });
            lines.add("])");
        }
        None => lines.add(&format!("self.{name} = {}", tree.text())),
    }
}

fn is_parameter(tree: &Tree) -> bool {
    (tree.module.as_deref()).is_some_and(|it| it.starts_with("nn.Parameter("))
}

/// The parts in the order of their numbers, if that is what their names are.
fn numbered(tree: &Tree) -> Option<Vec<&Tree>> {
    let mut parts = Vec::new();
    for (name, part) in &tree.parts {
        parts.push((name.parse::<usize>().ok()?, part));
    }
    parts.sort_by_key(|(number, _)| *number);
    let parts: Vec<&Tree> = parts.into_iter().map(|(_, part)| part).collect();
    (!parts.is_empty()).then_some(parts)
}

impl Tree {
    /// The expression that makes it.
    fn text(&self) -> String {
        if let Some(module) = &self.module {
            return module.clone();
        }
        if let Some(all) = numbered(self) {
            let all: Vec<String> = all.into_iter().map(Tree::text).collect();
            return format!("nn.ModuleList([{}])", all.join(", "));
        }
        let parts = self.parts.iter();
        let parts: Vec<String> = parts
            .map(|(name, part)| format!("\"{name}\": {}", part.text()))
            .collect();
        format!("nn.ModuleDict({{{}}})", parts.join(", "))
    }
}

/// The module that holds an operation's parameters.
fn module(operation: &Operation) -> Option<String> {
    match *operation {
        Operation::Linear {
            outputs,
            tied: true,
            ..
        } => Some(format!("nn.Parameter(torch.zeros({outputs}))")),
        Operation::Linear {
            inputs, outputs, ..
        } => Some(format!("nn.Linear({inputs}, {outputs})")),
        Operation::Convolution {
            inputs,
            outputs,
            kernel,
            stride,
        } => {
            let stride = match stride {
                1 => String::new(),
                stride => format!(", stride={stride}"),
            };
            Some(format!(
                "nn.Conv2d({inputs}, {outputs}, {}{stride}{})",
                sides(kernel),
                padding(kernel)
            ))
        }
        Operation::Transposed {
            inputs,
            outputs,
            kernel,
            extra,
        } => Some(format!(
            "nn.ConvTranspose2d({inputs}, {outputs}, {}, stride={SIDE}{}, output_padding={})",
            sides(kernel),
            padding(kernel),
            sides(extra)
        )),
        Operation::BatchNorm { channels } => Some(format!(
            "nn.BatchNorm2d({channels}, eps={:e})",
            model::NORM_EPSILON
        )),
        Operation::Activation(_)
        | Operation::Output(_)
        | Operation::MaxPool
        | Operation::AveragePool { .. }
        | Operation::Upsample { .. }
        | Operation::AddInput
        | Operation::Unshuffle { .. }
        | Operation::Shuffle { .. }
        | Operation::Time(_) => None,
    }
}

/// Height and width as PyTorch takes them: one number if they are equal.
pub(super) fn sides([height, width]: [usize; 2]) -> String {
    match height == width {
        true => height.to_string(),
        false => format!("({height}, {width})"),
    }
}

fn padding(kernel: [usize; 2]) -> String {
    match kernel.map(|side| side / 2) {
        [0, 0] => String::new(),
        around => format!(", padding={}", sides(around)),
    }
}

/// From the encoder's input `x` to the code.
pub(super) fn encode(lines: &mut Lines, exported: &Exported<'_>) {
    let model = exported.model;
    let start = Form::Maps(model.plan().ends.input);
    let code_size = model.layers().code_size();
    through(lines, exported, false, (start, Form::Flat(code_size)));
    for step in model.code_steps() {
        match step {
            CodeStep::TopK(k) => {
                lines.set("x");
                lines.add(&format!("values, places = x.topk({k})"));
                lines.wrap(|_| "torch.zeros_like(x).scatter(1, places, values)".into());
            }
            CodeStep::Round => lines.wrap(|x| format!("{x}.round()")),
        }
    }
    lines.give();
}

/// From a code `x` to the decoder's last values.
pub(super) fn decode(lines: &mut Lines, exported: &Exported<'_>) {
    let start = Form::Flat(exported.model.layers().code_size());
    let end = Form::Maps(exported.model.output_shape());
    through(lines, exported, true, (start, end));
}

/// What the encoder's layers, or the decoder's, make of `x`.
fn through(lines: &mut Lines, exported: &Exported<'_>, above: bool, (mut form, end): (Form, Form)) {
    for (place, layer) in exported.model.layers().iter().enumerate() {
        if is_above(layer.role) == above {
            let (steps, after) = steps::of_layer(layer, form);
            for step in &steps {
                step_lines(lines, exported, step, place);
            }
            form = after;
            // The next layer begins a line of its own.
            lines.set("x");
        }
    }
    for step in steps::change(form, end) {
        step_lines(lines, exported, &step, 0);
    }
}

fn step_lines(lines: &mut Lines, exported: &Exported<'_>, step: &Step, place: usize) {
    match step {
        Step::Keep => {
            lines.set("x");
            lines.add("start = x");
        }
        Step::Change { from, to } => time::change(lines, *from, *to),
        Step::Compute {
            operation,
            stored,
            from,
            ..
        } => match stored {
            Some(stored) => weighted(lines, exported, operation, stored, place),
            None => plain(lines, *operation, *from),
        },
    }
}

/// A module of `self` by its name in files: `self.encoder[0]["conv"]`.
fn place_of(stored: &str) -> String {
    let mut parts = stored.split('.');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| match part.parse::<usize>() {
        Ok(number) => format!("[{number}]"),
        Err(_) => format!("[\"{part}\"]"),
    });
    format!("self.{first}{}", rest.collect::<String>())
}

fn weighted(
    lines: &mut Lines,
    exported: &Exported<'_>,
    operation: &Operation,
    stored: &str,
    place: usize,
) {
    let own = place_of(stored);
    match (operation, exported.mirror(place)) {
        (Operation::Linear { tied: true, .. }, Some(mirror)) => {
            let weight = place_of(&mirror);
            lines.wrap(|x| format!("F.linear({x}, {weight}.weight.T, {own})"));
        }
        // Normalisation is written around the convolution that it follows.
        (Operation::BatchNorm { .. } | Operation::Linear { .. }, _) => {
            lines.wrap(|x| format!("{own}({x})"));
        }
        _ => {
            lines.set("x");
            lines.wrap(|x| format!("{own}({x})"));
        }
    }
}

/// An operation without parameters.
fn plain(lines: &mut Lines, operation: Operation, from: Form) {
    let [_, height, width] = from.map();
    match operation {
        Operation::Activation(activation) | Operation::Output(activation) => {
            lines.wrap(|x| function(activation, x));
        }
        Operation::MaxPool => {
            let window = [height.min(SIDE), SIDE];
            whole_windows(lines, from, window);
            lines.wrap(|x| format!("F.max_pool2d({x}, {})", sides(window)));
        }
        Operation::AveragePool { window } => {
            whole_windows(lines, from, window);
            lines.wrap(|x| format!("F.avg_pool2d({x}, {})", sides(window)));
        }
        Operation::Upsample { size } => {
            let cropped = ends::cropped([height * SIDE, width * SIDE], size);
            lines.set("x");
            lines.wrap(|x| format!("F.interpolate({x}, scale_factor={SIDE}){cropped}"));
        }
        Operation::AddInput => lines.wrap(|x| format!("{x} + start")),
        Operation::Unshuffle { window } => {
            whole_windows(lines, from, window);
            lines.wrap(|x| unshuffle(x, window));
        }
        Operation::Shuffle { window, size } => {
            let cropped = ends::cropped([height * window[0], width * window[1]], size);
            lines.set("x");
            lines.wrap(|x| format!("{}{cropped}", shuffle(x, window)));
        }
        Operation::Time(change) => time::lines(lines, change, from),
        // These are modules.
        Operation::Linear { .. }
        | Operation::Convolution { .. }
        | Operation::Transposed { .. }
        | Operation::BatchNorm { .. } => {}
    }
}

fn function(activation: Activation, x: &str) -> String {
    match activation {
        Activation::Relu => format!("F.relu({x})"),
        Activation::LeakyRelu => format!("F.leaky_relu({x}, {})", Activation::LEAKY_SLOPE),
        Activation::Gelu => format!("F.gelu({x})"),
        Activation::Silu => format!("F.silu({x})"),
        Activation::Elu => format!("F.elu({x}, {:.1})", Activation::ELU_ALPHA),
        Activation::Tanh => format!("torch.tanh({x})"),
        Activation::Sigmoid => format!("torch.sigmoid({x})"),
    }
}

/// Repeats the last row and column where windows lack one.
fn whole_windows(lines: &mut Lines, from: Form, window: [usize; 2]) {
    let [_, height, width] = from.map();
    let rows = height.next_multiple_of(window[0]) - height;
    let columns = width.next_multiple_of(window[1]) - width;
    lines.set("x");
    if [rows, columns] != [0, 0] {
        lines.wrap(|x| format!("F.pad({x}, (0, {columns}, 0, {rows}), mode=\"replicate\")"));
    }
}

/// Windows to channels.
fn unshuffle(x: &str, [high, wide]: [usize; 2]) -> String {
    match high == wide {
        true => format!("F.pixel_unshuffle({x}, {wide})"),
        // Of one row.
        false => format!("{x}.unflatten(3, (-1, {wide})).permute(0, 1, 4, 2, 3).flatten(1, 2)"),
    }
}

/// Channels to windows.
fn shuffle(x: &str, [high, wide]: [usize; 2]) -> String {
    match high == wide {
        true => format!("F.pixel_shuffle({x}, {wide})"),
        // Of one row.
        false => format!("{x}.unflatten(1, (-1, {wide})).permute(0, 1, 3, 4, 2).flatten(3)"),
    }
}
