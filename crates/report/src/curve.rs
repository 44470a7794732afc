//! The curve of a sweep: test error over the one key that was swept, as SVG and CSV.

use std::path::Path;

use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::LegendPosition;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;

use crate::plots::{HEIGHT, TRAIN_COLOR, VALIDATION_COLOR, WIDTH, plain_number};
use hourglass::Result;
use hourglass::files;

/// From this ratio of the largest value to the smallest an axis is logarithmic: sizes are mostly
/// doubled, and on a linear axis the small ones would lie on top of each other.
const DECADE: f64 = 10.0;

/// Free space on a logarithmic axis before the first value and behind the last, as a factor.
const MARGIN: f64 = 1.25;

/// The runs of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The swept key's value.
    pub value: f64,
    /// Runs, which differ in their seed.
    pub runs: usize,
    /// Their test error, mean squared error per value: mean over the runs.
    pub mean: f64,
    /// Its standard deviation over the runs; 0 for one.
    pub sd: f64,
    /// The error of PCA with as many values as the code has, where that is what is swept.
    pub pca: Option<f64>,
}

/// The test error over one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The key.
    pub key: String,
    /// Its values, ascending.
    pub points: Vec<Point>,
}

impl Curve {
    /// Writes `curve.svg` and `curve.csv` into a folder.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, title: &str, folder: &Path) -> Result<()> {
        files::write(&folder.join("curve.svg"), self.svg(title).as_bytes())?;
        Ok(files::write(
            &folder.join("curve.csv"),
            self.csv().as_bytes(),
        )?)
    }

    /// A line for each value; the last column is empty where PCA is no baseline of the key.
    fn csv(&self) -> String {
        let mut text = format!("{},runs,mse_mean,mse_sd,pca_mse\n", self.key);
        for it in &self.points {
            let pca = it.pca.map_or_else(String::new, |pca| pca.to_string());
            let (value, runs, mean, sd) = (it.value, it.runs, it.mean, it.sd);
            text += &format!("{value},{runs},{mean},{sd},{pca}\n");
        }
        text
    }

    fn svg(&self, title: &str) -> String {
        let model: Vec<(f64, f64)> = self.points.iter().map(|it| (it.value, it.mean)).collect();
        let pca: Vec<(f64, f64)> = (self.points.iter())
            .filter_map(|it| Some((it.value, it.pca?)))
            .collect();
        let spread: Vec<f64> = self.points.iter().map(|it| it.sd).collect();
        let several = self.points.iter().any(|it| it.runs > 1);
        let name = if several {
            "model, mean and standard deviation over seeds"
        } else {
            "model"
        };
        let mut plots = Vec::new();
        for (name, color, points) in [("PCA", VALIDATION_COLOR, &pca), (name, TRAIN_COLOR, &model)]
        {
            if points.is_empty() {
                continue;
            }
            let mut marks = ScatterPlot::new()
                .with_data(points.clone())
                .with_color(color)
                .with_size(3.0);
            if several && name != "PCA" {
                marks = marks.with_y_err(spread.clone());
            }
            let line = LinePlot::new()
                .with_data(points.clone())
                .with_color(color)
                .with_stroke_width(2.0)
                .with_legend(name);
            plots.extend([Plot::Scatter(marks), Plot::Line(line)]);
        }
        let plain = || TickFormat::Custom(std::sync::Arc::new(plain_number));
        let mut layout = Layout::auto_from_plots(&plots)
            .with_title(title)
            .with_x_tick_format(plain())
            .with_y_tick_format(plain())
            .with_legend_position(LegendPosition::OutsideTopCenter)
            .with_width(WIDTH)
            .with_height(HEIGHT);
        layout = match decades(model.iter().map(|it| it.0)) {
            Some((least, most)) => layout
                .with_log_x()
                .with_x_axis_min(least / MARGIN)
                .with_x_axis_max(most * MARGIN)
                .with_x_label(format!("{} (logarithmic)", self.key)),
            None => layout.with_x_label(self.key.clone()),
        };
        layout = match decades(model.iter().chain(&pca).map(|it| it.1)) {
            Some((least, most)) => layout
                .with_log_y()
                .with_y_axis_min(least / MARGIN)
                .with_y_axis_max(most * MARGIN)
                .with_y_label("test mse (logarithmic)"),
            None => layout.with_y_label("test mse"),
        };
        SvgBackend::new().render_scene(&render_multiple(plots, layout))
    }
}

/// The least and the largest of values that belong on a logarithmic axis.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    (least > 0.0 && most >= DECADE * least).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(runs: usize, pca: bool) -> Curve {
        let point = |power: i32| {
            let value = f64::from(1 << power);
            Point {
                value,
                runs,
                mean: 0.06 / value,
                sd: 0.001,
                pca: pca.then_some(0.1 / value),
            }
        };
        Curve {
            key: "model.code_size".into(),
            points: (1..=7).map(point).collect(),
        }
    }

    #[test]
    fn the_csv_has_a_line_for_each_value() {
        let csv = curve(3, true).csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "model.code_size,runs,mse_mean,mse_sd,pca_mse");
        assert_eq!(lines[1], "2,3,0.03,0.001,0.05");
        assert_eq!(lines.len(), 8);
        assert!(curve(1, false).csv().lines().nth(1).unwrap().ends_with(','));
    }

    #[test]
    fn the_picture_names_what_it_shows() {
        let svg = curve(3, true).svg("Sweep of conv");
        for text in [
            "Sweep of conv",
            "PCA",
            "over seeds",
            "model.code_size (logarithmic)",
            "test mse (logarithmic)",
        ] {
            assert!(svg.contains(text), "{text} is missing");
        }
        let svg = curve(1, false).svg("Sweep of conv");
        assert!(!svg.contains("PCA") && !svg.contains("over seeds"));
    }

    #[test]
    fn only_values_over_a_decade_are_logarithmic() {
        assert_eq!(decades([2.0, 128.0, 16.0].into_iter()), Some((2.0, 128.0)));
        assert_eq!(decades([2.0, 19.0].into_iter()), None);
        assert_eq!(decades([0.0, 128.0].into_iter()), None);
    }
}
