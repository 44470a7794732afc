//! The layers in PyTorch's terms: a line or so for each operation. A new one does not compile before it is here.

use model::config::Activation;
use model::{CodeStep, Operation};

use super::lines::Lines;
use super::modules::sides;
use super::{ends, time};
use crate::export::steps::{self, Form, Step};
use crate::export::{Exported, is_above};

/// How many rows and columns become one where a map is halved.
const SIDE: usize = 2;

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
