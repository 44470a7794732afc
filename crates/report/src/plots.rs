//! The curve of a run as an SVG file, and how charts are written.

use std::path::Path;

use crate::chart::{Axis, Chart, Drawing, Scale, Series, Ticks, chart_png};
use hourglass::Result;
use hourglass::files;
use hourglass::pictures::PictureError;

/// From this ratio of the largest loss to the smallest the axis is logarithmic: on a linear one
/// the first epochs would press the rest of the curve flat.
const LINEAR_RATIO: f64 = 20.0;

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
    Ok(files::write(path, chart(title, history).file().as_bytes())?)
}

fn chart(title: &str, history: &[EpochRow]) -> Chart {
    let points = |loss: fn(&EpochRow) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |row: &EpochRow| Some((row.epoch as f64, loss(row)?));
        history.iter().filter_map(point).collect()
    };
    let training = points(|row| Some(row.train_loss));
    let validation = points(|row| row.val_loss);
    let losses = training.iter().chain(&validation).map(|point| point.1);
    let scale = Scale::over(losses, LINEAR_RATIO);
    Chart {
        title: title.to_owned(),
        x: Axis::new("epoch").ticks(Ticks::Whole),
        y: Axis::new("loss").scale(scale),
        series: vec![
            Series::new("training", 0, Drawing::Line, training),
            Series::new("validation", 1, Drawing::Line, validation),
        ],
        empty: "no epoch has a finite loss yet".into(),
        ..Chart::default()
    }
}

/// Writes a chart as `STEM.svg` and `STEM.png`, the latter of twice as many pixels a side. Each file
/// appears whole or not at all.
///
/// # Errors
/// If a file cannot be written.
pub fn write_chart(chart: &Chart, stem: &Path) -> Result<()> {
    files::write(&stem.with_extension("svg"), chart.file().as_bytes())?;
    Ok(files::write(
        &stem.with_extension("png"),
        &chart_png(chart).map_err(PictureError::Encode)?,
    )?)
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn history(epochs: usize, loss: impl Fn(usize) -> f64) -> Vec<EpochRow> {
        let row = |epoch| EpochRow {
            epoch,
            train_loss: loss(epoch),
            val_loss: Some(1.1 * loss(epoch)),
        };
        (1..=epochs).map(row).collect()
    }

    fn render(title: &str, history: &[EpochRow]) -> String {
        chart(title, history).file()
    }

    /// What the texts of a chart say.
    fn texts(svg: &str) -> Vec<String> {
        let document = Document::parse(svg).unwrap();
        let all = document.descendants().filter(|it| it.has_tag_name("text"));
        all.map(|it| it.text().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn curves_are_named_and_titled_and_have_a_tick_at_whole_epochs() {
        let svg = render(
            "conv & <more>",
            &history(20, |epoch| 0.1 + 0.1 / epoch as f64),
        );
        let texts = texts(&svg);
        for text in ["conv & <more>", "epoch", "loss", "training", "validation"] {
            assert!(
                texts.iter().any(|it| it == text),
                "{text} is missing: {texts:?}"
            );
        }
        for epoch in ["5", "10", "15", "20"] {
            assert!(
                texts.iter().any(|it| it == epoch),
                "{epoch} is missing: {texts:?}"
            );
        }
        let few = self::texts(&render("", &history(3, |_| 0.1)));
        assert!(
            few.iter().any(|it| it == "2") && !few.iter().any(|it| it == "1.5"),
            "{few:?}"
        );
    }

    #[test]
    fn one_epoch_is_a_mark_and_many_are_not() {
        // One mark a curve, and one in the legend.
        let marks = |svg: &str| svg.matches("stroke-linecap=\"round\"").count();
        assert_eq!(marks(&render("", &history(1, |_| 0.1))), 4);
        assert_eq!(marks(&render("", &history(100, |_| 0.1))), 0);
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
