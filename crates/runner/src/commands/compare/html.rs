//! A comparison as one page: the table, the runs' overlaid curves, error over code size, and each run's
//! reconstructions of the same test pictures.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use burn::tensor::Device;
use data::{Images, counted};

use super::render::{COLUMNS, cells, named, within};
use crate::commands::Loaded;
use crate::commands::own_images;
use hourglass::comparison::{Comparison, Row};
use hourglass::files;
use hourglass::pictures::shown::{Shown, caption};
use hourglass::run::Run;
use hourglass::train::row::{self, METRICS};
use report::chart::{Axis, COLORS, Chart, Drawing, Scale, Series, Ticks, significant};
use report::page::{self, Page};
use report::pictures::{self, Column};

/// Number of test pictures that every run reconstructs.
const PICTURES: usize = 10;

/// Number of runs whose pictures are shown, best first, so that the page stays within two megabytes.
const PICTURED: usize = 12;

/// From this ratio of the largest code to the smallest their axis is logarithmic.
const DECADE: f64 = 10.0;

/// Writes the page, whole or not at all.
///
/// # Errors
/// If a run cannot be read, or the file cannot be written.
pub fn write(comparison: &Comparison, runs: &Path, device: &Device, path: &Path) -> Result<()> {
    let count = comparison.runs.len();
    let mut page = Page::new(
        "Comparison of runs",
        &format!(
            "{}, sorted by {}, best first",
            counted(count, "run"),
            comparison.sorted_by
        ),
    );
    if !comparison.same_data {
        page.text("These runs were measured on different test images; only runs on the same test images are ranked against each other.");
    }
    page.section("Figures");
    let rows: Vec<Vec<String>> = comparison
        .runs
        .iter()
        .map(|row| {
            let mut cells = cells(row);
            cells[0] = named(row, within(&row.run, runs));
            cells.to_vec()
        })
        .collect();
    page.html(&page::table("On the test images", &COLUMNS, &rows));
    page.section("Curves");
    let mut curves = Vec::new();
    for (color, row) in comparison.runs.iter().enumerate() {
        let epochs: Vec<row::Row> =
            Run::open(Path::new(&row.run), Path::new("."))?.lines(METRICS)?;
        let point = |epoch: &row::Row| Some((epoch.epoch as f64, epoch.val_mse?));
        // Colours come again after the last.
        let drawing = match color < COLORS {
            true => Drawing::Line,
            false => Drawing::Dashed,
        };
        let points = epochs.iter().filter_map(point).collect();
        curves.push(Series::new(&short(row), color, drawing, points));
    }
    let chart = |title: &str, x: Axis, series| Chart {
        title: title.to_owned(),
        x,
        y: Axis::new("mse"),
        series,
        ..Chart::default()
    };
    let epochs = Axis::new("epoch").ticks(Ticks::Whole);
    let over_epochs = chart("Squared error on the validation images", epochs, curves);
    page.html(&over_epochs.switchable("log-epochs"));
    let points = |figure: fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = comparison
            .runs
            .iter()
            .filter_map(|row| Some((row.code_size as f64, figure(row)?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let sizes = points(|row| Some(row.test.mse));
    if sizes.first().map(|it| it.0) != sizes.last().map(|it| it.0) {
        let mut pca = points(|row| Some(row.gain? * row.test.mse));
        pca.dedup();
        // Of a straight line between two sizes nothing is known.
        let scale = Scale::over(sizes.iter().map(|it| it.0), DECADE);
        let series = vec![
            Series::new("runs", 0, Drawing::Marks, sizes),
            Series::new("PCA", 2, Drawing::Marks, pca),
        ];
        let by_size = chart(
            "Rate-distortion: test error over code size",
            Axis::new("values in the code").scale(scale),
            series,
        );
        page.html(&by_size.switchable("log-sizes"));
    }
    page.section("The same test pictures");
    page.html("<p class=\"note\">The number under each picture is its mean squared error.</p>");
    let mut shown: Option<(String, Arc<Images>)> = None;
    for row in comparison.runs.iter().take(PICTURED) {
        let same = shown
            .as_ref()
            .filter(|(digest, _)| *digest == row.test_sha256);
        let (loaded, images) = match same {
            Some((_, images)) => (open(row, device)?, Arc::clone(images)),
            None => match with_images(row, device) {
                Ok((loaded, images)) => {
                    let inputs = inputs(&images)?;
                    page.html(&pictures::columns(
                        &format!("Input, {}", row.dataset),
                        &inputs,
                        PICTURED * PICTURES,
                    )?);
                    shown = Some((row.test_sha256.clone(), Arc::clone(&images)));
                    (loaded, images)
                }
                Err(error) => {
                    page.text(&format!(
                        "{}: its test images could not be loaded: {error:#}",
                        row.run
                    ));
                    continue;
                }
            },
        };
        let heading = format!("{}, code {}", row.run, row.code_size);
        page.html(&pictures::columns(
            &heading,
            &restored(&loaded, &images)?,
            PICTURED * PICTURES,
        )?);
    }
    Ok(files::write(path, page.finish().as_bytes())?)
}

/// The run's name without its parent folders.
fn short(row: &Row) -> String {
    let name = Path::new(&row.run).file_name();
    name.map_or_else(
        || row.run.clone(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn open(row: &Row, device: &Device) -> Result<Loaded> {
    let run = Run::open(Path::new(&row.run), Path::new("."))?;
    Ok(Loaded::open(run, device.clone())?)
}

/// A run with its first test images.
fn with_images(row: &Row, device: &Device) -> Result<(Loaded, Arc<Images>)> {
    let loaded = open(row, device)?;
    let setup = own_images(&loaded.run, &crate::cli::BackendArg::default())?;
    let first: Vec<u32> = (0..setup.test.len().min(PICTURES) as u32).collect();
    let images = Arc::new(setup.test.select(&first)?);
    Ok((loaded, images))
}

fn inputs(images: &Images) -> Result<Vec<Column>> {
    let shape = images.shape();
    let picture = |index: usize| {
        let mut values = Vec::new();
        if let Some(sample) = images.sample(index) {
            sample.append_seen(&mut values);
        }
        values
    };
    Ok((0..images.len())
        .map(|index| Column {
            pictures: vec![("input", picture(index), shape)],
            caption: caption(images, index as u32).unwrap_or_default(),
        })
        .collect())
}

/// A run's reconstructions of images, from corrupted copies if it is denoising.
fn restored(loaded: &Loaded, images: &Arc<Images>) -> Result<Vec<Column>> {
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let Loaded {
        model,
        device,
        meta,
        ..
    } = loaded;
    let shown = Shown::of(model, device, images, &all, meta.seed)?;
    let pairs = shown.restored().into_iter().zip(shown.errors());
    Ok(pairs
        .map(|(restored, error)| Column {
            pictures: vec![("reconstruction", restored.to_vec(), images.shape())],
            caption: significant(error),
        })
        .collect())
}
