//! The modules that hold parameters in PyTorch's terms, under the names that the parameters have in files.

use std::collections::BTreeMap;

use model::Operation;

use super::lines::Lines;
use crate::error::Result;
use crate::export::{ExportError, Exported};

/// The stride of transposed convolutions.
const STRIDE: usize = 2;

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
            "nn.ConvTranspose2d({inputs}, {outputs}, {}, stride={STRIDE}{}, output_padding={})",
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
