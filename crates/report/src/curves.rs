//! The curves of a training: its loss and its mean squared error per epoch.

use data::counted;
use model::Loss;

use super::chart::{Axis, BESIDE, Chart, Drawing, Series, Ticks};
use hourglass::measure::evaluation::PcaFigures;
use hourglass::train::row::Row;

/// A chart of the loss, and one of the mean squared error if there is a validation split, with PCA's error once it is
/// known, where PCA is a yardstick. Each has a switch for a logarithmic scale.
pub fn curves(rows: &[Row], loss: Loss, pca: Option<PcaFigures>) -> String {
    let curve = |name: &str, color, figure: fn(&Row) -> Option<f64>| {
        let point = |row: &Row| Some((row.epoch as f64, figure(row)?));
        let points = rows.iter().filter_map(point).collect();
        Series::new(name, color, Drawing::Line, points)
    };
    let chart = |title: &str, unit: &str, series| Chart {
        title: title.to_owned(),
        x: Axis::new("epoch").ticks(Ticks::Whole),
        y: Axis::new(unit),
        series,
        size: BESIDE,
        ..Chart::default()
    };
    let losses = chart(
        "Loss",
        loss.name(),
        vec![
            curve("training", 0, |row| Some(row.train_loss)),
            curve("validation", 1, |row| row.val_loss),
        ],
    );
    let mut html = losses.switchable("log-loss");
    if rows.iter().any(|row| row.val_mse.is_some()) {
        let mut series = vec![curve("validation", 1, |row| row.val_mse)];
        if let Some(pca) = pca {
            let name = format!("PCA of {}, test images", counted(pca.code_size, "value"));
            // Where it stands from left to right means nothing.
            let level = vec![(1.0, pca.mse)];
            series.push(Series::new(&name, 2, Drawing::Level, level));
        }
        html += &chart("Mean squared error", "mse", series).switchable("log-mse");
    }
    html
}
