//! The architecture as an hourglass: one bar per layer, whose width shows the size of its output.

use std::fmt::Write;

use model::{ImageShape, Layers};

use super::page::escape;

/// The narrowest bar, as a share of the widest, so that even a single value is visible.
const NARROWEST: f64 = 0.04;

/// A list with one entry per layer from the input to the reconstruction: a bar and a description. The bar's width grows
/// with the square root of the number of values, because a code 100 times smaller would otherwise be a hairline.
pub fn hourglass(input: ImageShape, layers: &Layers) -> String {
    let values = |output: &[usize]| output.iter().product::<usize>().max(1) as f64;
    let shape = |output: &[usize]| -> String {
        let sides: Vec<String> = output.iter().map(usize::to_string).collect();
        sides.join("x")
    };
    let largest = layers
        .iter()
        .map(|layer| values(&layer.output))
        .fold(values(&input), f64::max);
    let width = |output: &[usize]| (values(output) / largest).sqrt().max(NARROWEST);
    let mut html = String::from("<ol class=\"layers\">");
    let mut row = |width: f64, color: usize, class: &str, name: &str, words: &str| {
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<li{class}><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"s{color}\" \
             stroke-width=\"0\" x=\"{:.2}\" width=\"{:.2}\" height=\"8\"/></svg><span><b>{}</b> <small>{}</small></span></li>",
            50.0 - width * 50.0,
            width * 100.0,
            escape(name),
            escape(words)
        );
    };
    row(
        width(&input),
        0,
        " class=\"input\"",
        "input",
        &shape(&input),
    );
    for (index, layer) in layers.iter().enumerate() {
        let is_code = index == layers.code_place();
        let activation = layer
            .activation()
            .and_then(|it| serde_json::to_value(it).ok());
        let activation = activation.as_ref().and_then(|it| it.as_str());
        let words = format!(
            "{}{}; output {}{}; {} parameters",
            layer.kind(),
            activation.map_or_else(String::new, |it| format!(", {it}")),
            shape(&layer.output),
            if is_code { ", the code" } else { "" },
            layer.parameters()
        );
        let (color, class) = if is_code {
            (1, " class=\"code\"")
        } else {
            (0, "")
        };
        row(width(&layer.output), color, class, &layer.name(), &words);
    }
    html + "</ol>"
}

#[cfg(test)]
mod tests {
    use model::ModelConfig;

    use super::*;

    #[test]
    fn every_layer_is_named_and_the_code_is_marked_once() {
        for json in [
            r#"{ "kind": "dense", "layers": [20], "code_size": 3 }"#,
            r#"{ "kind": "conv", "channels": [4, 8], "layers": [9], "code_size": 3 }"#,
            r#"{ "kind": "conv", "channels": [4, 8] }"#,
        ] {
            let config: ModelConfig = serde_json::from_str(json).unwrap();
            let layers = config.layers([1, 8, 8]).unwrap();
            let html = hourglass([1, 8, 8], &layers);
            assert_eq!(html.matches("<li").count(), layers.len() + 1);
            for layer in &layers {
                assert!(html.contains(&format!("<b>{}</b>", layer.name())), "{html}");
            }
            let code = html.split("class=\"code\"").nth(1).unwrap();
            let code = code.split("</li>").next().unwrap();
            let size = layers.code_size();
            assert_eq!(html.matches("class=\"code\"").count(), 1);
            let shape = code
                .split("output ")
                .nth(1)
                .unwrap()
                .split(',')
                .next()
                .unwrap();
            let values: usize = shape
                .split('x')
                .map(|it| it.parse::<usize>().unwrap())
                .product();
            assert_eq!(values, size, "{html}");
        }
    }
}
