//! A picture that has lost something already.

use anyhow::Result;

use super::files::Job;
use super::{Restored, Restorer, put_bytes, save};
use crate::restoration::tiles::{Picture, Pixels};
use crate::restoration::{Baseline, Degraded, Small, scale};
use model::config::Corruption;

/// Restores a picture: noisy or blurred as it is, small enlarged first, of other colours turned to
/// those that the model takes.
///
/// # Errors
/// A picture that cannot be read, a device that fails, a file that cannot be written.
pub fn restore(restorer: &mut Restorer, job: &Job) -> Result<Restored> {
    let [channels, ..] = restorer.model.input_shape();
    let [restored_channels, ..] = restorer.model.output_shape();
    let factor = scale(restorer.model.corruptions());
    let [height, width] = job.size;
    let small_size = [height / factor, width / factor];
    let bytes = data::read_picture(&job.input, [channels, small_size[0], small_size[1]])?;
    let floats = || -> Vec<f32> { bytes.iter().map(|&it| f32::from(it) / 255.0).collect() };
    let mut bytes_out = vec![0u8; restored_channels * height * width];
    // Floats of the whole picture are only there for what needs them.
    let small = if factor > 1 { floats() } else { Vec::new() };
    let mut degraded = Degraded {
        input: &[],
        size: job.size,
        channels,
        missing: None,
        small: (factor > 1).then_some(Small {
            picture: &small,
            size: small_size,
            factor,
        }),
    };
    // What the corruption itself enlarges by.
    let enlarged = (factor > 1).then(|| Baseline::Bicubic.restore(&degraded));
    let picture = Picture {
        pixels: match &enlarged {
            Some(enlarged) => Pixels::Values(enlarged),
            None => Pixels::Bytes(&bytes),
        },
        shape: [channels, height, width],
    };
    restorer.through(picture, |row, values| {
        put_bytes(&mut bytes_out, row, values, width);
    })?;
    let compare = if restorer.args.compare {
        let input = enlarged.unwrap_or_else(floats);
        let missing = missing(restorer.model.corruptions(), &input, channels);
        degraded.input = &input;
        degraded.channels = restored_channels;
        degraded.missing = missing.as_deref();
        let shown = Baseline::Grey.restore(&degraded);
        let mut restored = vec![0f32; bytes_out.len()];
        for (at, byte) in bytes_out.iter().enumerate() {
            let (pixel, channel) = (at / restored_channels, at % restored_channels);
            restored[channel * height * width + pixel] = f32::from(*byte) / 255.0;
        }
        let beside = (restorer.shown.as_ref()).map(|it| (it.label(), it.restore(&degraded)));
        let mut panels = vec![
            ("input".to_owned(), shown.as_slice()),
            ("restored".to_owned(), restored.as_slice()),
        ];
        panels.extend(
            beside
                .iter()
                .map(|(name, it)| (name.clone(), it.as_slice())),
        );
        restorer.compare(job, &panels)?
    } else {
        None
    };
    save(bytes_out, restored_channels, job.size, &job.output)?;
    Ok(Restored {
        input: job.input.clone(),
        output: job.output.clone(),
        compare,
        height,
        width,
        restoration: None,
    })
}

/// Where a picture is black in all channels, if that is what the holes of these corruptions look like.
fn missing(corruptions: &[Corruption], input: &[f32], channels: usize) -> Option<Vec<f32>> {
    let holes = (corruptions.iter()).any(|it| matches!(it, Corruption::Block { .. }));
    holes.then(|| {
        let plane = input.len() / channels.max(1);
        let black = |at: usize| (0..channels).all(|channel| input[channel * plane + at] == 0.0);
        (0..plane)
            .map(|at| f32::from(u8::from(black(at))))
            .collect()
    })
}
