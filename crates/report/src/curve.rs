//! The curve of a sweep: test error over the one key that was swept, as SVG and CSV.

use std::path::Path;

use crate::chart::{Axis, Chart, Drawing, Scale, Series};
use hourglass::Result;
use hourglass::files;

/// From this ratio of the largest value to the smallest an axis is logarithmic: sizes are mostly
/// doubled, and on a linear axis the small ones would lie on top of each other.
const DECADE: f64 = 10.0;

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
        files::write(
            &folder.join("curve.svg"),
            self.chart(title).file().as_bytes(),
        )?;
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

    fn chart(&self, title: &str) -> Chart {
        let model: Vec<(f64, f64)> = self.points.iter().map(|it| (it.value, it.mean)).collect();
        let pca: Vec<(f64, f64)> = (self.points.iter())
            .filter_map(|it| Some((it.value, it.pca?)))
            .collect();
        let several = self.points.iter().any(|it| it.runs > 1);
        let x = Scale::over(model.iter().map(|it| it.0), DECADE);
        let y = Scale::over(model.iter().chain(&pca).map(|it| it.1), DECADE);
        let mut own = Series::new("model", 0, Drawing::Line, model);
        if several {
            own.name += ", mean and standard deviation over seeds";
            own.errors = self.points.iter().map(|it| it.sd).collect();
        }
        Chart {
            title: title.to_owned(),
            x: Axis::new(&self.key).scale(x),
            y: Axis::new("test mse").scale(y),
            series: vec![Series::new("PCA", 1, Drawing::Line, pca), own],
            ..Chart::default()
        }
    }
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
        let svg = curve(3, true).chart("Sweep of conv").file();
        for text in [
            "Sweep of conv",
            "PCA",
            "over seeds",
            "model.code_size (logarithmic)",
            "test mse (logarithmic)",
        ] {
            assert!(svg.contains(text), "{text} is missing");
        }
        let svg = curve(1, false).chart("Sweep of conv").file();
        assert!(!svg.contains("PCA") && !svg.contains("over seeds"));
    }

    #[test]
    fn sizes_that_are_doubled_are_equally_far_apart_and_have_error_bars() {
        let chart = curve(3, true).chart("");
        assert_eq!((chart.x.scale, chart.y.scale), (Scale::Log, Scale::Log));
        let svg = chart.file();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let tips: Vec<(f64, &str)> = (document.descendants())
            .filter(|node| node.attribute("class") == Some("hit"))
            .map(|node| {
                let tip = node.first_element_child().unwrap().text().unwrap();
                (node.attribute("cx").unwrap().parse().unwrap(), tip)
            })
            .collect();
        assert_eq!(tips.len(), 14);
        assert_eq!(tips[0].1, "PCA: model.code_size 2, test mse 0.05000");
        assert!(
            tips[7]
                .1
                .ends_with("model.code_size 2, test mse 0.03000 ± 0.001000"),
            "{}",
            tips[7].1
        );
        for three in tips[..7].windows(3) {
            assert!((three[0].0 - 2.0 * three[1].0 + three[2].0).abs() < 0.21);
        }
        let mut few = curve(1, false);
        few.points.truncate(3);
        let chart = few.chart("");
        assert_eq!(
            (chart.x.scale, chart.y.scale),
            (Scale::Linear, Scale::Linear)
        );
        assert!(chart.series[1].errors.is_empty());
    }
}
