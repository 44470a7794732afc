//! The curves of a training: its loss and its mean squared error per epoch.

use model::Loss;

use super::chart::{Chart, Drawing, Series};
use hourglass::measure::evaluation::PcaFigures;
use hourglass::train::row::Row;

/// A chart of the loss, and one of the mean squared error if there is a validation split, with PCA's error once it is
/// known. Each has a switch for a logarithmic scale.
pub fn curves(rows: &[Row], loss: Loss, pca: Option<PcaFigures>) -> String {
    let curve = |name: &str, color, figure: fn(&Row) -> Option<f64>| Series {
        name: name.to_owned(),
        color,
        drawing: Drawing::Line,
        points: rows
            .iter()
            .filter_map(|row| Some((row.epoch as f64, figure(row)?)))
            .collect(),
    };
    let chart = |title: &str, unit: &str, series| Chart {
        title: title.to_owned(),
        x_label: "epoch".into(),
        y_label: unit.to_owned(),
        series,
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
            let ends = [rows.first(), rows.last()];
            let points = ends.into_iter().flatten();
            series.push(Series {
                name: format!("PCA with {} values, test images", pca.code_size),
                color: 2,
                drawing: Drawing::Dashed,
                points: points.map(|row| (row.epoch as f64, pca.mse)).collect(),
            });
        }
        html += &chart("Mean squared error", "mse", series).switchable("log-mse");
    }
    html
}
