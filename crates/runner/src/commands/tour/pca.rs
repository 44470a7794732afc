//! The chapter on PCA: the best linear method, compared with a non-linear one.

use anyhow::{Context, Result};
use serde_json::json;

use super::chapter::{Chapter, Table, beside, columns, error, times};
use super::guide::{Guide, owned};
use hourglass::analysis::features::Features;
use hourglass::measure::summary::Summary;
use report::chart::{Axis, Chart, Drawing, Scale, Series};

/// Better than PCA, because it is not linear.
pub fn better_than_pca(guide: &Guide) -> Result<Chapter> {
    let runs = ["code-2", "code-8", "code-32"];
    let mut pairs: Vec<(&Summary, f64)> = Vec::new();
    for run in runs {
        let summary = &guide.run(run)?.summary;
        let pca = summary.baselines.pca.context("a run without PCA")?;
        pairs.push((summary, pca.mse));
    }
    let straight = &guide.run("straight")?.summary;
    let small = &guide.run("code-8")?.summary;
    let pca = small.baselines.pca.context("a run without PCA")?.mse;
    let shape = guide.shape();
    let shown = guide.shown("code-8")?;
    let row = |name: String, it: &Summary, pca: f64| {
        let found = it.test.mse;
        vec![name, error(found), error(pca), times(pca / found)]
    };
    let mut rows: Vec<Vec<String>> = pairs
        .iter()
        .map(|(it, pca)| row(it.code_size.to_string(), it, *pca))
        .collect();
    rows.push(row(
        format!("{}, no hidden layers", straight.code_size),
        straight,
        pca,
    ));
    Ok(Chapter {
        title: "Better than PCA, because it is not linear",
        text: vec![
            format!(
                "Principal component analysis (PCA) is the best linear method: it writes each picture as a weighted \
                 sum of the same few pictures. With {} values its error is {}; the autoencoder, whose layers are \
                 non-linear, has {}, {} PCA.",
                small.code_size,
                error(pca),
                error(small.test.mse),
                beside(small.test.mse, pca)
            ),
            format!(
                "Without hidden layers, so that only the final sigmoid is non-linear, the same training ends at {}, {} \
                 PCA.",
                error(straight.test.mse),
                beside(straight.test.mse, pca)
            ),
        ],
        runs: vec!["code-8", "straight"],
        figures: json!({
            "by_code_size": pairs
                .iter()
                .map(|(it, pca)| json!({ "code_size": it.code_size, "mse": it.test.mse, "pca_mse": pca }))
                .collect::<Vec<_>>(),
            "no_hidden_layers": { "code_size": straight.code_size, "mse": straight.test.mse, "pca_mse": pca },
        }),
        next: guide.next(&[
            (
                "hourglass TOUR/code-8/config.json --set \"model.layers=[1000,500,250]\" --name deeper",
                "train with more hidden layers",
            ),
            (
                "hourglass TOUR/straight/config.json --set model.code_size=32 --name straight-32",
                "train without hidden layers, but with 32 values",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("PCA", by_pca(guide, small.code_size)?, shape),
                (
                    "no hidden layers",
                    owned(guide.shown("straight")?.restored()),
                    shape,
                ),
                ("autoencoder", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: "Mean squared error per pixel on the test digits".into(),
            columns: vec!["values in the code", "autoencoder", "PCA", "PCA / autoencoder"],
            rows,
        },
        charts: vec![chart(&pairs).switchable("log-pca")],
    })
}

/// Reconstructions of the shown digits from the first `values` components.
fn by_pca(guide: &Guide, values: usize) -> Result<Vec<Vec<f32>>> {
    let codes = Features::components(&guide.pca, &guide.setup.test, &guide.chosen)?;
    let kept = |(place, value): (usize, &f32)| match place % codes.width() < values {
        true => *value,
        false => 0.0,
    };
    let codes: Vec<f32> = codes.values().iter().enumerate().map(kept).collect();
    let image = guide.shape().iter().product::<usize>().max(1);
    Ok(owned(guide.pca.pictures(&codes).chunks_exact(image)))
}

/// Error over code size.
fn chart(pairs: &[(&Summary, f64)]) -> Chart {
    let series = |name: &str, color, drawing, error: fn(&(&Summary, f64)) -> f64| {
        let point = |pair: &(&Summary, f64)| (pair.0.code_size as f64, error(pair));
        Series::new(name, color, drawing, pairs.iter().map(point).collect())
    };
    Chart {
        title: "Test error over code size".into(),
        x: Axis::new("values in the code").scale(Scale::Log),
        y: Axis::new("squared error a pixel"),
        series: vec![
            series("autoencoder", 0, Drawing::Line, |it| it.0.test.mse),
            series("PCA", 2, Drawing::Dashed, |it| it.1),
        ],
        ..Chart::default()
    }
}
