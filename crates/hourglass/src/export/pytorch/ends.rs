//! Both ends of a model in PyTorch's terms: what becomes of an input before the encoder, and of the decoder's last
//! values before they are a reconstruction.

use model::corruption::LUMA;
use model::{Category, Gives, Range, holes};

use super::lines::Lines;
use crate::export::{Exported, units};

/// What is needed beside the class: functions for holes, and the data's units.
pub(super) fn functions(lines: &mut Lines, exported: &Exported<'_>) {
    if let Some(units) = units::of(exported) {
        let list = |values: &[f32]| {
            let values: Vec<String> = values.iter().map(|it| format!("{it:?}")).collect();
            format!("torch.tensor([{}]).reshape(-1, 1, 1)", values.join(", "))
        };
        lines.blank();
        lines.add("# The data's own units, a number for each channel.");
        lines.add(&format!("MEANS = {}", list(&units.means)));
        lines.add(&format!("DEVIATIONS = {}", list(&units.deviations)));
    }
    if exported.model.plan().ends.gives == Gives::Holes {
        lines.text(HOLES);
        lines.text(&format!(
            "\n\n# Sweeps of diffusion at each size, and the weight below which nothing is known.\nSWEEPS, LEAST = {}, {:e}\n",
            holes::SWEEPS,
            holes::NOTHING
        ));
    }
}

/// The input as the encoder gets it.
pub(super) fn open(lines: &mut Lines, exported: &Exported<'_>) {
    if exported.meta.fields.is_some() {
        lines.add("x = (x - MEANS) / DEVIATIONS");
    }
    match exported.model.plan().ends.gives {
        Gives::Logits | Gives::Values | Gives::Difference | Gives::Colours => {}
        Gives::Real => lines.add("x = x.nan_to_num(0.0)"),
        Gives::Marked => {
            lines.add("x = torch.cat([x.nan_to_num(0.0), x.isnan().float()], 1)");
        }
        Gives::Holes => lines.add("x = open_holes(x)"),
    }
}

/// The reconstruction of the decoder's last values.
pub(super) fn complete(lines: &mut Lines, exported: &Exported<'_>) {
    let model = exported.model;
    if model.plan().ends.gives != Gives::Logits {
        lines.set("x");
    }
    let clamped = match model.plan().ends.gives {
        Gives::Logits => {
            lines.wrap(|x| format!("torch.sigmoid({x})"));
            lines.give();
            return;
        }
        Gives::Values | Gives::Real | Gives::Marked => "x",
        Gives::Difference => "x + input",
        Gives::Colours => {
            let [red, green, blue] = LUMA;
            lines.add(&format!(
                "grey = {red} * x[:, :1] + {green} * x[:, 1:2] + {blue} * x[:, 2:]"
            ));
            "x - grey + input"
        }
        Gives::Holes => {
            let channels = model.output_shape()[0];
            lines.add("opened = open_holes(input)");
            lines.add(&format!(
                "x = opened[:, :{channels}] + x * opened[:, {channels}:]"
            ));
            "x"
        }
    };
    match model.range() {
        Range::Unit | Range::Clip(_) => {
            let x = match clamped {
                "x" => clamped.to_owned(),
                sum => format!("({sum})"),
            };
            lines.add(&format!("return {x}.clamp(0, 1)"));
        }
        Range::Real(categories) => {
            if !categories.is_empty() {
                shares(lines, categories, model.output_shape()[0]);
            }
            lines.add("return x * DEVIATIONS + MEANS");
        }
    }
}

/// The probability of each category.
fn shares(lines: &mut Lines, categories: &[Category], channels: usize) {
    let (mut parts, mut next) = (Vec::new(), 0);
    for &Category { first, count } in categories {
        if next < first {
            parts.push(format!("x[:, {next}:{first}]"));
        }
        next = first + count;
        parts.push(format!("x[:, {first}:{next}].softmax(1)"));
    }
    if next < channels {
        parts.push(format!("x[:, {next}:]"));
    }
    lines.add("x = torch.cat([");
    lines.inside(|lines| {
        for part in parts {
            lines.add(&format!("{part},"));
        }
    });
    lines.add("], 1)");
}

/// What cuts maps of one size to another; empty if they are the same.
pub(super) fn cropped(from: [usize; 2], [height, width]: [usize; 2]) -> String {
    match from == [height, width] {
        true => String::new(),
        false => format!("[:, :, :{height}, :{width}]"),
    }
}

/// What fills holes, as `model::holes` does.
const HOLES: &str = r#"

def cubic(distance):
    """The cubic of Keys (1981) with a = -0.5."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = -0.5 * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


def enlarge(x, size):
    """Bicubic interpolation to twice the height and width, or one less; taps beyond the border are left out."""
    def weights(to, count):
        places = (torch.arange(to, dtype=torch.float64) + 0.5) / 2
        taps = cubic((places[:, None] - torch.arange(count) - 0.5).abs())
        return (taps / taps.sum(1, keepdim=True)).float()

    rows, columns = weights(size[0], x.shape[2]), weights(size[1], x.shape[3])
    return (rows @ x @ columns.T).clamp(0, 1)


def smooth(colour, weight):
    """Fills where the weight is 0 by diffusion from what is around, coarse to fine."""
    height, width = colour.shape[2:]
    known = colour / weight.clamp(min=LEAST)
    if max(height, width) <= 1:
        return known
    pool = lambda x: F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2), mode="replicate"), 2)
    unknown = (weight < LEAST).float()
    filled = known + enlarge(smooth(pool(colour), pool(weight)), (height, width)) * unknown
    for _ in range(SWEEPS):
        x = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = (x[:, :, :-2, 1:-1] + x[:, :, 2:, 1:-1]) + (x[:, :, 1:-1, :-2] + x[:, :, 1:-1, 2:])
        filled = known + around * 0.25 * unknown
    return filled


def open_holes(x):
    """Pictures filled where they are black in all channels, and a channel that is 1 there."""
    missing = (x.amax(1, keepdim=True) <= 0).float()
    return torch.cat([smooth(x, 1 - missing), missing], 1)
"#;
