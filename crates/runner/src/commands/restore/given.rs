//! A picture that is already damaged.

use std::path::PathBuf;

use anyhow::Result;
use data::View;
use model::config::Corruption;
use model::corruption::Damage;

use super::files::Job;
use super::{Restored, Restorer};
use hourglass::measure::restoration::tiles::Picture;
use hourglass::measure::restoration::{Baseline, Degraded, Small, scale};
use hourglass::pictures;

/// Restores a picture. A noisy or blurred one is used as it is, a small one is enlarged first, and
/// colours are converted to those of the model.
///
/// # Errors
/// If the picture cannot be read, the device fails, or a file cannot be written.
pub fn restore(restorer: &Restorer, job: &Job) -> Result<Restored> {
    let [channels, ..] = restorer.model.input_shape();
    let [restored_channels, ..] = restorer.model.output_shape();
    let factor = scale(restorer.model.corruptions());
    let [height, width] = job.size;
    let small = [height / factor, width / factor];
    let shape = [channels, small[0], small[1]];
    let pixels = data::read_pixels(&job.input, shape, restorer.white)?;
    let restored = restorer.restored(Picture::given(pixels.view(), shape, factor))?;
    let compare = match restorer.args.compare {
        true => compare(restorer, job, pixels.view(), &restored)?,
        false => None,
    };
    pictures::save_bytes(restored, [restored_channels, height, width], &job.output)?;
    Ok(Restored {
        input: job.input.clone(),
        output: job.output.clone(),
        compare,
        height,
        width,
        restoration: None,
    })
}

/// Shows a picture as the model got it, its restoration `restored`, `[height, width, channels]`, and
/// a baseline's restoration. `pixels` are the file's values, `[channels, height, width]`.
fn compare(
    restorer: &Restorer,
    job: &Job,
    pixels: View<'_>,
    restored: &[u8],
) -> Result<Option<PathBuf>> {
    let [channels, ..] = restorer.model.input_shape();
    let [restored_channels, ..] = restorer.model.output_shape();
    let corruptions = restorer.model.corruptions();
    let factor = scale(corruptions);
    let mut given = Vec::new();
    pixels.append_seen(&mut given);
    let mut degraded = Degraded {
        input: &given,
        size: job.size,
        channels,
        missing: None,
        small: (factor > 1).then_some(Small {
            picture: &given,
            size: job.size.map(|side| side / factor),
            factor,
        }),
    };
    let input = match factor {
        1 => given.clone(),
        _ => Baseline::Bicubic.restore(&degraded),
    };
    let missing = missing(corruptions, &input, channels);
    degraded.input = &input;
    degraded.channels = restored_channels;
    degraded.missing = missing.as_deref();
    let plane = job.size[0] * job.size[1];
    let shown = match channels == restored_channels {
        true => input.clone(),
        false => input.repeat(restored_channels),
    };
    let mut planes = vec![0f32; restored.len()];
    for (at, byte) in restored.iter().enumerate() {
        let (pixel, channel) = (at / restored_channels, at % restored_channels);
        planes[channel * plane + pixel] = f32::from(*byte) / 255.0;
    }
    let beside = restorer.shown.as_ref();
    let beside = beside.map(|it| (it.label(), it.restore(&degraded)));
    let mut panels = vec![
        ("input".to_owned(), shown.as_slice()),
        ("restored".to_owned(), planes.as_slice()),
    ];
    panels.extend(
        beside
            .iter()
            .map(|(name, it)| (name.clone(), it.as_slice())),
    );
    restorer.compare(job, &panels)
}

/// The mask of pixels that are black in all channels, if holes of these corruptions look like that.
fn missing(corruptions: &[Corruption], input: &[f32], channels: usize) -> Option<Vec<f32>> {
    let holes = (corruptions.iter()).any(|it| it.damage() == Damage::Hole);
    holes.then(|| {
        let plane = input.len() / channels.max(1);
        let black = |at: usize| (0..channels).all(|channel| input[channel * plane + at] == 0.0);
        (0..plane)
            .map(|at| f32::from(u8::from(black(at))))
            .collect()
    })
}
