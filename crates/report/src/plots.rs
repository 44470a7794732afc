//! Curves of a run as SVG files, and what all charts share.

use std::path::Path;

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::LegendPosition;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

use crate::error::ReportError;
use hourglass::Result;
use hourglass::files;

/// Up to this many epochs each has its own mark; more would run into a band.
const MARKED_EPOCHS: usize = 30;

/// Above this ratio of the largest loss to the smallest the axis is logarithmic: on a linear one
/// the first epochs would press the rest of the curve flat.
const LINEAR_RATIO: f64 = 20.0;

/// Below this many epochs each gets a tick.
const FEW_EPOCHS: f64 = 10.0;

/// In pixels; a report shows two side by side.
pub const WIDTH: f64 = 640.0;
/// The same, from top to bottom.
pub const HEIGHT: f64 = 400.0;

/// Pixels of a PNG for each unit of a chart, so that it stays sharp on fine screens.
pub const PNG_SCALE: u32 = 2;

/// Blue and orange of Okabe & Ito (2008), which colour-blind readers tell apart.
pub const TRAIN_COLOR: &str = "#0072B2";
/// See [`TRAIN_COLOR`].
pub const VALIDATION_COLOR: &str = "#D55E00";

/// The losses of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRow {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch.
    pub train_loss: f64,
    /// Validation loss at its end, where there is a validation split.
    pub val_loss: Option<f64>,
}

/// Draws the training and validation loss over the epochs. Losses that are not finite are left
/// out; without any, the picture says so. The file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn loss_curves(title: &str, history: &[EpochRow], path: &Path) -> Result<()> {
    Ok(files::write(path, render(title, history).as_bytes())?)
}

/// The SVG's text.
fn render(title: &str, history: &[EpochRow]) -> String {
    let points = |loss: fn(&EpochRow) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |row: &EpochRow| Some((row.epoch as f64, loss(row)?));
        (history.iter().filter_map(point))
            .filter(|(_, loss)| loss.is_finite())
            .collect()
    };
    let series = [
        ("training", TRAIN_COLOR, points(|row| Some(row.train_loss))),
        ("validation", VALIDATION_COLOR, points(|row| row.val_loss)),
    ];
    let mut plots = Vec::new();
    for (name, color, points) in &series {
        if points.is_empty() {
            continue;
        }
        // A line through one point is invisible.
        if points.len() <= MARKED_EPOCHS {
            let marks = ScatterPlot::new()
                .with_data(points.clone())
                .with_color(*color)
                .with_size(3.0);
            plots.push(Plot::Scatter(marks));
        }
        let line = LinePlot::new()
            .with_data(points.clone())
            .with_color(*color)
            .with_stroke_width(2.0)
            .with_legend(*name);
        plots.push(Plot::Line(line));
    }
    let losses = || series.iter().flat_map(|(_, _, points)| points);
    let smallest = losses().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let largest = losses().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let last = losses().map(|p| p.0).fold(0.0, f64::max);
    let mut layout = if plots.is_empty() {
        Layout::new((0.0, 1.0), (0.0, 1.0)).with_subtitle("no epoch has a finite loss yet")
    } else {
        Layout::auto_from_plots(&plots)
    };
    layout = layout
        .with_title(title)
        .with_x_label("epoch")
        .with_x_axis_min(0.0)
        .with_x_tick_format(TickFormat::Integer)
        .with_legend_position(LegendPosition::InsideTopRight)
        .with_width(WIDTH)
        .with_height(HEIGHT);
    if last < FEW_EPOCHS {
        // Left alone, the ticks would fall between the epochs.
        layout = layout.with_x_axis_max(last + 1.0).with_x_tick_step(1.0);
    }
    let plain = TickFormat::Custom(std::sync::Arc::new(plain_number));
    layout = layout.with_y_tick_format(plain);
    layout = if smallest > 0.0 && largest > LINEAR_RATIO * smallest {
        layout.with_y_label("loss (logarithmic)").with_log_y()
    } else {
        layout.with_y_label("loss")
    };
    SvgBackend::new().render_scene(&render_multiple(plots, layout))
}

/// Writes a chart as `STEM.svg` and `STEM.png`, the latter of twice as many pixels a side. Each file
/// appears whole or not at all.
///
/// # Errors
/// If a file cannot be written.
pub fn write_chart(scene: &Scene, stem: &Path) -> Result<()> {
    let svg = SvgBackend::new().render_scene(scene);
    files::write(&stem.with_extension("svg"), svg.as_bytes())?;
    Ok(files::write(
        &stem.with_extension("png"),
        &chart_png(scene)?,
    )?)
}

/// A chart as the bytes of a PNG file, [`PNG_SCALE`] times as large.
///
/// # Errors
/// If it cannot be encoded.
pub fn chart_png(scene: &Scene) -> Result<Vec<u8>> {
    let backend = PngBackend::new().with_scale(PNG_SCALE as f32);
    (backend.render_scene(scene)).map_err(|error| ReportError::Chart(error.to_string()).into())
}

/// 0.05 for a tick where kuva would put 0.050 beside 1e-1, and 0.005 where it would put 5e-3.
pub fn plain_number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 1.0 - value.abs().log10().floor();
    let text = format!("{value:.*}", digits.max(0.0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: usize, loss: impl Fn(usize) -> f64) -> Vec<EpochRow> {
        let row = |epoch| EpochRow {
            epoch,
            train_loss: loss(epoch),
            val_loss: Some(1.1 * loss(epoch)),
        };
        (1..=epochs).map(row).collect()
    }

    #[test]
    fn curves_are_named_and_titled() {
        let svg = render(
            "conv & <more>",
            &history(20, |epoch| 0.1 + 0.1 / epoch as f64),
        );
        for text in [
            "conv &amp; &lt;more&gt;",
            "epoch",
            "loss",
            "training",
            "validation",
        ] {
            assert!(svg.contains(text), "{text} is missing: {svg}");
        }
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
    }

    #[test]
    fn one_epoch_is_a_mark_and_many_are_not() {
        // One mark a curve; a legend has none.
        assert_eq!(
            render("", &history(1, |_| 0.1)).matches("<circle").count(),
            2
        );
        assert_eq!(
            render("", &history(100, |_| 0.1))
                .matches("<circle")
                .count(),
            0
        );
    }

    #[test]
    fn without_a_finite_loss_the_picture_says_so() {
        for history in [Vec::new(), history(3, |_| f64::NAN)] {
            let svg = render("conv", &history);
            assert!(svg.contains("no epoch has a finite loss yet"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("training"), "{svg}");
        }
    }

    #[test]
    fn without_validation_there_is_no_such_curve() {
        let mut history = history(5, |_| 0.2);
        history.iter_mut().for_each(|row| row.val_loss = None);
        let svg = render("conv", &history);
        assert!(svg.contains("training") && !svg.contains("validation"));
    }

    #[test]
    fn a_wide_range_is_drawn_on_a_logarithmic_axis() {
        assert!(!render("", &history(9, |e| 1.0 / e as f64)).contains("logarithmic"));
        assert!(render("", &history(99, |e| 1.0 / e as f64)).contains("logarithmic"));
        assert_eq!(
            [0.0, 0.05, 0.1, 2e-3, 20.0, 1.5].map(plain_number),
            ["0", "0.05", "0.1", "0.002", "20", "1.5"]
        );
    }

    #[test]
    fn the_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("loss.svg");
        loss_curves("conv", &history(2, |_| 0.1), &path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("</svg>"));
        assert!(loss_curves("conv", &[], &folder.path().join("no/loss.svg")).is_err());
    }
}
