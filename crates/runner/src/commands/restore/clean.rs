//! A clean picture, which is corrupted first so that its restoration can be measured.

use std::fmt::Write;

use anyhow::Result;
use burn::tensor::{Tensor, TensorData};

use super::files::Job;
use super::{Restored, Restorer};
use crate::terminal;
use hourglass::measure::metrics::Reconstruction;
use hourglass::measure::restoration::tiles::{Picture, Pixels};
use hourglass::measure::restoration::{Batch, Fidelity, Measurement, Restoration, corrupt, label};
use hourglass::pictures;
use hourglass::streams::Stream;

/// Corrupts a whole picture, restores it and measures the result. `number` is its place among the
/// inputs, which selects its noise.
///
/// # Errors
/// If the picture cannot be read, the device fails, or a file cannot be written.
pub fn restore(restorer: &Restorer, job: &Job, number: usize) -> Result<Restored> {
    let [channels, ..] = restorer.model.output_shape();
    let [height, width] = job.size;
    let shape = [channels, height, width];
    let mut clean = Vec::new();
    let pixels = data::read_pixels(&job.input, shape, restorer.white)?;
    pixels.view().append_seen(&mut clean);
    drop(pixels);
    let data = TensorData::new(clean.clone(), [1, channels, height, width]);
    let tensor = Tensor::from_data(data, &restorer.device);
    let seed = Stream::Evaluation.seed(restorer.seed, number as u64);
    let corrupted = corrupt(&restorer.model, tensor, seed)?;
    let batch = Batch::new(&restorer.model, clean, shape, corrupted)?;
    let mut restored = vec![0f32; channels * height * width];
    let picture = Picture {
        pixels: Pixels::Values(&batch.input),
        shape: [restorer.model.input_shape()[0], height, width],
    };
    restorer.through(picture, |row, values| {
        put_values(&mut restored, row, values, job.size);
    })?;
    let view = restorer.view;
    let seen = view.shape(shape).unwrap_or(shape);
    let figures = |picture: &[f32]| -> Result<_> {
        let mut figures = Reconstruction::new(seen);
        figures.push(&view.of(&batch.clean, shape), &view.of(picture, shape))?;
        Ok(figures.finish())
    };
    let mut measured = Measurement::new(&restorer.baselines, view, seen);
    measured.push(&batch, &restored)?;
    let restoration = measured.finish(&figures(&batch.shown)?, &figures(&restored)?);
    let compare = if restorer.args.compare {
        let beside = restorer.shown.as_ref().map(|it| {
            let psnr = restoration.baselines.get(it.name());
            let psnr = psnr.map(|it| it.fidelity.psnr);
            (titled(&it.label(), psnr), batch.restore(it))
        });
        let mut panels = vec![
            (
                titled("input", Some(restoration.input.psnr)),
                batch.shown.as_slice(),
            ),
            (
                titled("restored", Some(restoration.output.psnr)),
                restored.as_slice(),
            ),
        ];
        panels.extend(
            beside
                .iter()
                .map(|(name, it)| (name.clone(), it.as_slice())),
        );
        panels.push(("clean".to_owned(), batch.clean.as_slice()));
        restorer.compare(job, &panels)?
    } else {
        None
    };
    pictures::save_picture(&restored, shape, &job.output)?;
    Ok(Restored {
        input: job.input.clone(),
        output: job.output.clone(),
        compare,
        height,
        width,
        restoration: Some(restoration),
    })
}

fn titled(name: &str, psnr: Option<f64>) -> String {
    match psnr {
        Some(psnr) => format!("{name}, {psnr:.1} dB"),
        None => name.to_owned(),
    }
}

/// A table of each picture's figures and their mean.
pub fn table(pictures: &[Restored], mean: &Restoration) -> String {
    let name = |it: &Restored| terminal::one_line(&data::file_name(&it.input)).into_owned();
    let measured = pictures
        .iter()
        .filter_map(|it| Some((name(it), it.restoration.as_ref()?)));
    let mut all: Vec<(String, &Restoration)> = measured.collect();
    if all.len() > 1 {
        all.push((format!("mean of {}", all.len()), mean));
    }
    let rows: Vec<(String, String, Fidelity)> =
        all.iter().flat_map(|(name, it)| rows(name, it)).collect();
    let wide = |of: &dyn Fn(&(String, String, Fidelity)) -> usize, head: &str| {
        rows.iter()
            .map(of)
            .max()
            .unwrap_or_default()
            .max(head.len())
    };
    let first = wide(&|row| row.0.chars().count(), "picture");
    let second = wide(&|row| row.1.chars().count(), "");
    let hole = rows.iter().any(|row| row.2.hole.is_some());
    let colours = rows.iter().any(|row| row.2.ab_error.is_some());
    let mut text = format!(
        "{:<first$}  {:<second$} {:>7} {:>7}",
        "picture", "", "psnr", "ssim"
    );
    if hole {
        text += "  hole psnr";
    }
    if colours {
        text += "  ab error";
    }
    let figure = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "-".into(), |figure| format!("{figure:.digits$}"))
    };
    for (picture, what, fidelity) in &rows {
        let (psnr, ssim) = (fidelity.psnr, figure(fidelity.ssim, 4));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{picture:<first$}  {what:<second$} {psnr:>7.2} {ssim:>7}"
        );
        if hole {
            let _ = write!(text, " {:>10}", figure(fidelity.hole.map(|it| it.psnr), 2));
        }
        if colours {
            let _ = write!(text, " {:>9}", figure(fidelity.ab_error, 2));
        }
    }
    text
}

/// The lines of one picture; the first one names it.
fn rows(name: &str, restoration: &Restoration) -> Vec<(String, String, Fidelity)> {
    let mut rows = vec![
        (
            name.to_owned(),
            "corrupted input".to_owned(),
            restoration.input,
        ),
        (String::new(), "restored".to_owned(), restoration.output),
    ];
    rows.extend(
        restoration
            .baselines
            .iter()
            .map(|(name, found)| (String::new(), label(name, &found.setting), found.fidelity)),
    );
    rows
}

/// Copies a row `[channels, width]` into a picture `[channels, height, width]`.
fn put_values(picture: &mut [f32], row: usize, values: &[f32], [height, width]: [usize; 2]) {
    for (channel, values) in values.chunks_exact(width).enumerate() {
        picture[(channel * height + row) * width..][..width].copy_from_slice(values);
    }
}
