//! The model card: what a model is, what it was trained on, how good it is, and how it is loaded.

use std::fmt::Write;

use super::Exported;
use crate::fields::Form;
use crate::measure::summary::Summary;

/// What a model was trained on, and what came of it.
pub(super) struct Data<'a> {
    /// What the data are called.
    pub(super) name: Option<&'a str>,
    /// The run's figures.
    pub(super) summary: Option<&'a Summary>,
}

/// Data sets by their names in configs: what the Hub calls them, if it has them, and their licence.
const SETS: [(&str, &str, &str); 6] = [
    ("mnist", "ylecun/mnist", "CC BY-SA 3.0"),
    ("fashion-mnist", "zalando-datasets/fashion_mnist", "MIT"),
    ("kmnist", "", "CC BY-SA 4.0"),
    ("emnist-letters", "", "public domain (NIST)"),
    ("cifar10", "uoft-cs/cifar10", "not stated by its authors"),
    ("cifar100", "uoft-cs/cifar100", "not stated by its authors"),
];

/// The text of README.md.
pub(super) fn text(exported: &Exported<'_>, data: &Data<'_>) -> String {
    let known = SETS.iter().find(|(name, ..)| Some(*name) == data.name);
    let mut text = front(exported, known.map(|(_, hub, _)| *hub), data.summary);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n# {}\n\nAn autoencoder of the kind `{}`. It encodes {} into {} values, and decodes these. Trained by Hourglass, an \
         autoencoder workbench in Rust on [Burn](https://burn.dev).\n",
        exported.name,
        exported.meta.model.kind(),
        form(exported).1,
        exported.model.layers().code_size()
    );
    about_data(&mut text, data.name, known.map(|(.., licence)| *licence));
    if let Some(summary) = data.summary {
        let _ = write!(
            text,
            "\n## Figures\n\n```text\n{}\n```\n",
            summary.measured().table(None)
        );
        if summary.quick {
            text += "\nIt comes from a `--quick` run: these figures mean nothing.\n";
        }
    }
    usage(&mut text, exported);
    text += LIMITS;
    text
}

/// The front matter that the Hub reads.
fn front(exported: &Exported<'_>, hub: Option<&str>, summary: Option<&Summary>) -> String {
    let (task, _) = form(exported);
    let mut text = format!(
        "---\nlibrary_name: hourglass\npipeline_tag: {task}\ntags:\n- autoencoder\n- burn\n- rust\n"
    );
    if let Some(hub) = hub.filter(|hub| !hub.is_empty()) {
        let _ = write!(text, "datasets:\n- {hub}\n");
    }
    if let Some(summary) = summary.filter(|it| !it.quick) {
        text += "metrics:\n- mse\n";
        let name = serde_json::Value::from(exported.name);
        let _ = write!(
            text,
            "model-index:\n- name: {name}\n  results:\n  - task:\n      type: {task}\n    dataset:\n      \
             name: test\n      type: {}\n    metrics:\n    - type: mse\n      value: {}\n",
            hub.filter(|hub| !hub.is_empty()).unwrap_or("own"),
            summary.test.mse
        );
    }
    text += "---\n";
    text
}

/// The task as the Hub calls it, and what one sample is.
fn form(exported: &Exported<'_>) -> (&'static str, &'static str) {
    match exported.meta.form() {
        Form::Table => ("feature-extraction", "a row of a table"),
        Form::Series => ("feature-extraction", "a window of a series"),
        Form::Clips => ("feature-extraction", "a clip of a video"),
        Form::Pictures if exported.model.is_denoising() => ("image-to-image", "a damaged picture"),
        Form::Pictures => ("image-feature-extraction", "a picture"),
    }
}

fn about_data(text: &mut String, name: Option<&str>, licence: Option<&str>) {
    let name = name.unwrap_or("data that the run does not name");
    let licence =
        licence.unwrap_or("not known to the program; state it here before you share the model");
    let _ = write!(
        text,
        "\n## Data\n\nTrained on `{name}`. Licence of the data: {licence}.\n"
    );
}

/// How the model is used from the command line, from Rust and from Python.
fn usage(text: &mut String, exported: &Exported<'_>) {
    let taken = exported.model.input_shape();
    let _ = write!(
        text,
        "\n## Use\n\nInputs are {}; one has the shape {taken:?}.\n\n\
         From the command line, with this folder in place of a run:\n\n    \
         hourglass encode FOLDER pictures/ -o codes.npy\n\n\
         From Rust:\n\n```rust\n\
         let device = hourglass::backend::open(hourglass::config::BackendChoice::Auto)?.device;\n\
         let run = hourglass::Run::open(Path::new(\"FOLDER\"), Path::new(\"runs\"))?;\n\
         let model = hourglass::Loaded::open(run, device)?;\n\
         let codes = model.encode(&pictures)?;\n```\n\n\
         From Python, in this folder, with `torch` and `safetensors`:\n\n```python\n\
         import model\n\
         network = model.load()\n\
         codes = network.encode(pictures)\n```\n",
        exported.input_words()
    );
}

/// What every autoencoder is not.
const LIMITS: &str = "\n## Limits\n\n- It knows the data that it was trained on. What differs from them is restored badly, or as something that it \
                      knows.\n- What it restores is not the original: details are lost, and may be invented.\n";
