//! The rate-distortion chart: quality over bytes.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use kuva::plot::legend::LegendPosition;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;

use report::plots::{HEIGHT, WIDTH, plain_number, write_chart};

/// From Okabe & Ito (2008); colour-blind readers can tell them apart.
const COLORS: [&str; 4] = ["#D55E00", "#009E73", "#0072B2", "#CC79A7"];

/// Free space before the first and after the last point, as a factor.
const MARGIN: f64 = 1.2;

/// Draws one line per name through its points (bytes per picture, dB) as `STEM.svg` and `STEM.png`.
///
/// # Errors
/// If a file cannot be written.
pub fn write(title: &str, curves: &[(&str, Vec<(f64, f64)>)], stem: &Path) -> Result<()> {
    let mut plots = Vec::new();
    for ((name, places), color) in curves.iter().zip(COLORS) {
        if places.is_empty() {
            continue;
        }
        let marks = ScatterPlot::new()
            .with_data(places.clone())
            .with_color(color)
            .with_size(3.0);
        let line = LinePlot::new()
            .with_data(places.clone())
            .with_color(color)
            .with_stroke_width(2.0)
            .with_legend(*name);
        plots.push(Plot::Scatter(marks));
        plots.push(Plot::Line(line));
    }
    let places = || curves.iter().flat_map(|(_, places)| places);
    let least = places().map(|place| place.0).fold(f64::INFINITY, f64::min);
    let most = places().map(|place| place.0).fold(0.0, f64::max);
    let layout = Layout::auto_from_plots(&plots)
        .with_title(title)
        .with_x_label("bytes per picture (logarithmic)")
        .with_y_label("PSNR, dB")
        .with_log_x()
        .with_x_axis_min(least / MARGIN)
        .with_x_axis_max(most * MARGIN)
        .with_x_tick_format(TickFormat::Custom(Arc::new(plain_number)))
        .with_legend_position(LegendPosition::InsideBottomRight)
        .with_width(WIDTH)
        .with_height(HEIGHT);
    Ok(write_chart(&render_multiple(plots, layout), stem)?)
}
