//! The chart: accuracy over the number of labels, as SVG.

use std::path::Path;

use anyhow::Result;
use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::LegendPosition;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;

use hourglass::files;
use report::plots::{HEIGHT, TRAIN_COLOR, VALIDATION_COLOR, WIDTH, plain_number};

/// Bluish green of Okabe & Ito (2008), besides the colours of the other two curves.
const THIRD_COLOR: &str = "#009E73";

/// Free space on the logarithmic axis before the first count and after the last, as a factor.
const MARGIN: f64 = 1.25;

/// One line of the chart.
pub struct Series {
    /// Its name in the legend.
    pub name: &'static str,
    /// Numbers of labels with the accuracy and its standard deviation.
    pub points: Vec<(usize, f64, f64)>,
}

/// Draws accuracy over labels, one line per classifier. The file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(title: &str, seeds: usize, series: &[Series], path: &Path) -> Result<()> {
    Ok(files::write(path, svg(title, seeds, series).as_bytes())?)
}

fn svg(title: &str, seeds: usize, series: &[Series]) -> String {
    let mut plots = Vec::new();
    for (line, color) in series
        .iter()
        .zip([TRAIN_COLOR, VALIDATION_COLOR, THIRD_COLOR])
    {
        let points: Vec<(f64, f64)> = (line.points.iter())
            .map(|&(count, mean, _)| (count as f64, mean))
            .collect();
        let mut marks = ScatterPlot::new()
            .with_data(points.clone())
            .with_color(color)
            .with_size(3.0);
        if seeds > 1 {
            marks = marks.with_y_err(line.points.iter().map(|it| it.2));
        }
        let line = LinePlot::new()
            .with_data(points)
            .with_color(color)
            .with_stroke_width(2.0)
            .with_legend(line.name);
        plots.extend([Plot::Scatter(marks), Plot::Line(line)]);
    }
    let counts = || {
        series
            .iter()
            .flat_map(|it| it.points.iter().map(|it| it.0 as f64))
    };
    let least = counts().fold(f64::INFINITY, f64::min);
    let most = counts().fold(1.0, f64::max);
    let plain = || TickFormat::Custom(std::sync::Arc::new(plain_number));
    let mut layout = Layout::auto_from_plots(&plots)
        .with_title(title)
        .with_x_tick_format(plain())
        .with_y_tick_format(plain())
        .with_legend_position(LegendPosition::OutsideTopCenter)
        .with_width(WIDTH)
        .with_height(HEIGHT)
        .with_log_x()
        .with_x_axis_min(least.min(most) / MARGIN)
        .with_x_axis_max(most * MARGIN)
        .with_x_label("labelled pictures (logarithmic)")
        .with_y_label("test accuracy");
    if seeds > 1 {
        layout = layout.with_subtitle(format!("mean and standard deviation over {seeds} seeds"));
    }
    SvgBackend::new().render_scene(&render_multiple(plots, layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_names_what_it_shows() {
        let series = |name| Series {
            name,
            points: vec![(100, 0.7, 0.02), (1000, 0.9, 0.01), (60_000, 0.98, 0.001)],
        };
        let all = ["frozen", "fine-tuned", "from scratch"].map(series);
        let several = svg("Transfer of conv", 3, &all);
        for text in [
            "Transfer of conv",
            "frozen",
            "fine-tuned",
            "from scratch",
            "labelled pictures (logarithmic)",
            "test accuracy",
            "mean and standard deviation over 3 seeds",
        ] {
            assert!(several.contains(text), "{text} is missing");
        }
        for color in [TRAIN_COLOR, VALIDATION_COLOR, THIRD_COLOR] {
            assert!(
                several.to_lowercase().contains(&color.to_lowercase()),
                "{color}"
            );
        }
        let single = svg("Transfer of conv", 1, &all);
        assert!(!single.contains("deviation") && single.len() < several.len());
    }

    #[test]
    fn a_single_count_and_none_are_drawn_too() {
        for points in [vec![(100, 0.5, 0.0)], Vec::new()] {
            let svg = svg(
                "",
                1,
                &[Series {
                    name: "frozen",
                    points,
                }],
            );
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
