//! PyTorch: the network as a plain module in a file of Python, with its weights beside it, and an example with which
//! the file checks itself.

mod ends;
mod layers;
mod lines;
mod modules;
mod time;

use model::{CodeStep, weights};

use super::{Exported, example};
use crate::error::Result;
use lines::Lines;

/// The module.
pub const MODULE: &str = "model.py";
/// Its weights, under the names that runs use.
pub const WEIGHTS: &str = "model.safetensors";
/// A few inputs, with what this program makes of them.
pub const EXAMPLE: &str = "example.safetensors";

/// What names of parameters begin with that only compression needs.
const DENSITY: &str = "density.";

/// The files of the export by their names.
///
/// # Errors
/// If the device does not return its values.
pub fn files(exported: &Exported<'_>) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let example = example::tensors(exported)?;
    Ok(vec![
        (MODULE, module(exported)?.into_bytes()),
        (WEIGHTS, weights::to_bytes(exported.model)?),
        (EXAMPLE, weights::serialize(&example)?),
    ])
}

/// The text of the module.
fn module(exported: &Exported<'_>) -> Result<String> {
    let model = exported.model;
    let (taken, output) = (model.input_shape(), model.output_shape());
    let code_size = model.layers().code_size();
    let batch = |shape: &[usize]| {
        let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
        format!("[N, {}]", sides.join(", "))
    };
    let mut lines = Lines::default();
    lines.add(&format!(
        "\"\"\"The autoencoder of the run {}: {}, with a code of {code_size} values.",
        quoted(exported.name),
        exported.meta.model.kind()
    ));
    lines.blank();
    lines.add(
        "`python model.py` compares it with example.safetensors. Needs torch and safetensors.",
    );
    lines.add("\"\"\"");
    for import in ["import sys", "from pathlib import Path"] {
        lines.add(import);
    }
    lines.blank();
    for import in [
        "import torch",
        "from safetensors.torch import load_file",
        "from torch import nn",
        "from torch.nn import functional as F",
    ] {
        lines.add(import);
    }
    ends::functions(&mut lines, exported);
    lines.blanks(2);
    lines.add("class Autoencoder(nn.Module):");
    lines.inside(|lines| -> Result<()> {
        lines.add(&format!(
            "\"\"\"Inputs {}: {}.\"\"\"",
            batch(&taken),
            exported.input_words()
        ));
        lines.blank();
        lines.add("def __init__(self):");
        lines.inside(|lines| modules::parameters(lines, exported))?;
        lines.blank();
        lines.add("def encode(self, x):");
        lines.inside(|lines| {
            lines.add(&format!("\"\"\"Codes [N, {code_size}].\"\"\""));
            ends::open(lines, exported);
            layers::encode(lines, exported);
        });
        lines.blank();
        let residual = model.is_residual();
        let input = if residual { ", input" } else { "" };
        lines.add(&format!("def decode(self, x{input}):"));
        lines.inside(|lines| {
            let of = if residual { " and their inputs" } else { "" };
            lines.add(&format!(
                "\"\"\"Reconstructions {} of codes{of}.\"\"\"",
                batch(&output)
            ));
            layers::decode(lines, exported);
            ends::complete(lines, exported);
        });
        lines.blank();
        lines.add("def forward(self, x):");
        let input = if residual { ", x" } else { "" };
        lines.inside(|lines| lines.add(&format!("return self.decode(self.encode(x){input})")));
        Ok(())
    })?;
    // Compression alone needs the density of a code that counts bits.
    let loaded = match model.code_steps().contains(&CodeStep::Round) {
        true => format!(
            "{{name: values for name, values in load_file(Path(folder) / \"{WEIGHTS}\").items() if not name.startswith(\"{DENSITY}\")}}"
        ),
        false => format!("load_file(Path(folder) / \"{WEIGHTS}\")"),
    };
    lines.text(&LOAD.replace("WEIGHTS", &loaded));
    Ok(lines.finish())
}

/// How the module is loaded, and what it does when it is run.
const LOAD: &str = r#"

def load(folder=Path(__file__).parent):
    """The trained model, ready to use."""
    model = Autoencoder()
    model.load_state_dict(WEIGHTS)
    return model.eval()


if __name__ == "__main__":
    example = load_file(Path(__file__).parent / "example.safetensors")
    model, worst = load(), 0.0
    with torch.no_grad():
        found = {"code": model.encode(example["input"]), "reconstruction": model(example["input"])}
    for name, values in found.items():
        expected = example[name]
        scale = expected.abs().max().clamp(min=1)
        worst = max(worst, ((values - expected).abs().max() / scale).item())
    print(f"largest difference: {worst:.2g}")
    sys.exit(not worst <= 1e-5)
"#;

/// A text as a string of Python.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
