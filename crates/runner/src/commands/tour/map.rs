//! The last chapter: a code of two values is a map on which similar pictures lie close together.

use anyhow::Result;
use model::ImageShape;
use serde_json::json;

use super::super::plot::Plane;
use super::chapter::{Chapter, Pictures, Table, columns, percent};
use super::guide::{Guide, owned};
use hourglass::analysis::features::Features;
use hourglass::analysis::neighbours::nearest;
use report::code::scatter;

/// Pictures along each side of the map.
const SIDE: usize = 8;

/// The code as a map.
pub fn map(guide: &Guide) -> Result<Chapter> {
    let known = guide.run("code-2")?;
    let all = guide.all();
    let labels = guide.setup.test.labels().unwrap_or_default();
    let codes = guide.codes("code-2", &all)?;
    let by_code = alike(&codes, labels);
    let by_pca = alike(
        &first_two(&Features::components(&guide.pca, &guide.setup.test, &all)?),
        labels,
    );
    let chart = format!(
        "<figure>{}</figure>",
        scatter(&codes, Some(labels), guide.setup.test.classes())?
    );
    let shape = guide.shape();
    let pictures = match Plane::over(&codes, SIDE) {
        Some(plane) => {
            let pictures = known.loaded.decode(&plane.codes, codes.width())?;
            let (values, shape) = mosaic(&pictures, SIDE, shape);
            Pictures::Large {
                what: "the decoded picture at each place of the map",
                values,
                shape,
            }
        }
        // Without variation in a unit there is no map.
        None => columns(
            vec![(
                "reconstruction",
                owned(guide.shown("code-2")?.restored()),
                shape,
            )],
            &guide.captions(),
        ),
    };
    Ok(Chapter {
        title: "The code is a map",
        text: vec![
            format!(
                "It never saw a label, yet digits that look alike get codes that lie close together. A code of 2 \
                 values can be drawn as a map: for {} of the test digits the nearest neighbour has the same label, \
                 compared with {} if the 2 values come from PCA.",
                percent(by_code),
                percent(by_pca)
            ),
            "The decoder also has a picture for every place between the digits: on the way from one class to \
             another, one digit turns into the other."
                .into(),
        ],
        runs: vec!["code-2"],
        figures: json!({ "nearest_is_alike": by_code, "pca_nearest_is_alike": by_pca }),
        next: guide.next(&[
            (
                "hourglass plot TOUR/code-2",
                "draw the map larger, and walks across it, in analysis/plot of the run's folder",
            ),
            (
                "hourglass cluster TOUR/code-32",
                "cluster the larger code without labels, and compare the clusters with the labels",
            ),
            (
                "hourglass serve --runs TOUR",
                "point anywhere on the map and see the decoded picture",
            ),
        ]),
        pictures,
        table: Table {
            caption: "Test digits whose nearest neighbour has the same label".into(),
            columns: vec!["2-D layout", "same label"],
            rows: vec![
                vec!["the autoencoder's code".into(), percent(by_code)],
                vec!["the first 2 components of PCA".into(), percent(by_pca)],
            ],
        },
        charts: vec![chart],
    })
}

/// The share of rows whose nearest neighbour has the same label.
fn alike(rows: &Features, labels: &[u8]) -> f64 {
    let mut rows = rows.clone();
    rows.centre();
    let nearest = nearest(rows.values(), rows.width(), 1);
    let same = |(near, label): &(&Vec<(f32, u32)>, &u8)| {
        let other = near
            .first()
            .and_then(|(_, other)| labels.get(*other as usize));
        other == Some(*label)
    };
    let found = nearest.iter().zip(labels).filter(same).count();
    found as f64 / labels.len().max(1) as f64
}

/// The first two columns.
fn first_two(rows: &Features) -> Features {
    let pairs = rows.values().chunks_exact(rows.width());
    let values = pairs.flat_map(|row| row.iter().take(2).copied()).collect();
    Features::new(values, rows.width().min(2), rows.len())
}

/// Pictures tiled into one picture, `columns` per row, and its shape; the last row must be full.
fn mosaic(
    pictures: &[Vec<f32>],
    columns: usize,
    [channels, height, width]: ImageShape,
) -> (Vec<f32>, ImageShape) {
    let plane = height * width;
    let mut values = Vec::with_capacity(pictures.len() * channels * plane);
    for channel in 0..channels {
        for row in pictures.chunks_exact(columns.max(1)) {
            for y in 0..height {
                let start = channel * plane + y * width;
                for picture in row {
                    values.extend_from_slice(picture.get(start..start + width).unwrap_or_default());
                }
            }
        }
    }
    let rows = pictures.len() / columns.max(1);
    (values, [channels, rows * height, columns * width])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_put_together_channel_by_channel() {
        // Two of 2 channels, 1 x 2 pixels.
        let pictures = [vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0, 7.0, 8.0]];
        let (values, shape) = mosaic(&pictures, 2, [2, 1, 2]);
        assert_eq!(values, [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
        assert_eq!(shape, [2, 1, 4]);
        let (values, shape) = mosaic(&pictures, 1, [2, 1, 2]);
        assert_eq!(values, [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
        assert_eq!(shape, [2, 2, 2]);
    }

    #[test]
    fn neighbours_are_alike_where_labels_lie_together() {
        let rows = Features::new(vec![0.0, 0.0, 0.0, 1.0, 9.0, 9.0, 9.0, 8.0, 0.0, 3.0], 2, 5);
        assert_eq!(alike(&rows, &[1, 1, 2, 2, 2]), 0.8);
        let wide = Features::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2);
        assert_eq!(first_two(&wide).values(), [1.0, 2.0, 4.0, 5.0]);
    }
}
