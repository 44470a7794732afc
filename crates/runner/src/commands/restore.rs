//! Restoring: sends damaged pictures of any size through a denoising model, tile by tile. Clean
//! pictures can be corrupted first, to see and measure what the model restores.

mod beside;
mod clean;
#[cfg(feature = "report")]
mod compare;
mod files;
mod given;
mod rows;

use std::path::PathBuf;

use anyhow::{Result, bail};
use burn::tensor::Device;
use model::Autoencoder;
use serde::Serialize;

use self::files::Job;
use super::DONE;
use crate::cli::RestoreArgs;
use crate::commands::{no_clips, only_pictures, opened, usual_channels};
use crate::progress::Display;
use crate::{input, terminal};
use hourglass::fields::Form;
use hourglass::measure::restoration::tiles::{Grid, Picture};
use hourglass::measure::restoration::{Baseline, Baselines, Restoration, View, scale, whole};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    /// What PSNR and SSIM are measured on, if the pictures were clean.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<View>,
    /// Mean over the pictures, if they were clean.
    #[serde(skip_serializing_if = "Option::is_none")]
    restoration: Option<Restoration>,
    pictures: Vec<Restored>,
}

/// A picture that was written.
#[derive(Debug, Serialize)]
struct Restored {
    input: PathBuf,
    output: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<PathBuf>,
    height: usize,
    width: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    restoration: Option<Restoration>,
}

/// A run's model and the baselines it is compared with.
struct Restorer<'a> {
    model: Autoencoder,
    device: Device,
    args: &'a RestoreArgs,
    /// Seed of the corruption of clean pictures.
    seed: u64,
    /// What PSNR and SSIM are measured on.
    view: View,
    /// The value of files with 16 bits that is white.
    white: u16,
    baselines: Baselines,
    /// The baseline that is shown.
    shown: Option<Baseline>,
    display: Display,
    /// Finished tiles.
    done: usize,
}

pub fn run(args: &RestoreArgs) -> Result<u8> {
    let loaded = opened(&args.run, &args.write.backend)?;
    if loaded.meta.form() == Form::Series {
        only_pictures(&loaded, "restore")?;
    }
    no_clips(&loaded, "restore")?;
    if loaded.meta.fields.is_none() {
        usual_channels(&loaded, "restore")?;
    }
    let name = loaded.run.folder().display().to_string();
    if !loaded.model.is_denoising() {
        bail!(
            "{name}: is a {} model; restore needs a denoising model, such as one trained from \
             configs/denoise-photos.json",
            loaded.meta.model.kind()
        );
    }
    if let Some(fields) = &loaded.meta.fields {
        rows::run(args, &loaded, fields)?;
        return Ok(DONE);
    }
    let factor = match args.from_clean {
        true => 1,
        false => scale(loaded.model.corruptions()),
    };
    let view = View {
        channels: args.metric.into(),
        crop: args.crop,
    };
    let jobs = files::find(args, factor, view)?;
    input::note_tiles(&loaded.meta, "restore");
    let (baselines, shown) = match args.compare || args.from_clean {
        true => beside::baselines(&loaded, &args.write.backend)?,
        false => (Baselines::default(), None),
    };
    let tiles = jobs.iter().map(|job| tiles(&loaded.model, job.size)).sum();
    let mut restorer = Restorer {
        seed: args.seed.unwrap_or(loaded.meta.seed),
        view,
        white: loaded.meta.prepared().white,
        model: loaded.model,
        device: loaded.device,
        args,
        baselines,
        shown,
        display: Display::of(args.show.quiet || args.show.json, "tile", tiles, 0),
        done: 0,
    };
    let pictures = restorer.all(&jobs);
    restorer.display.finish();
    let pictures = pictures?;
    if pictures.is_empty() {
        bail!("{}: no picture could be restored", args.output.display());
    }
    let measured: Vec<&Restoration> = (pictures.iter())
        .filter_map(|it| it.restoration.as_ref())
        .collect();
    let report = Report {
        run: name,
        measured: args.from_clean.then_some(view),
        restoration: Restoration::mean(&measured),
        pictures,
    };
    match args.show.json {
        true => terminal::print_json(&report)?,
        false => print(&report)?,
    }
    Ok(DONE)
}

/// Tiles of a picture of this size.
fn tiles(model: &Autoencoder, size: [usize; 2]) -> usize {
    let [_, height, width] = model.output_shape();
    Grid::new(size, [height, width]).count()
}

/// Prints what was written and measured.
fn print(report: &Report) -> Result<()> {
    for picture in &report.pictures {
        let output = picture.output.display();
        terminal::print(&format!("{output}: {}x{}", picture.height, picture.width))?;
    }
    if let Some(mean) = &report.restoration {
        terminal::print(&clean::table(&report.pictures, mean))?;
    }
    if let Some(words) = report.measured.and_then(|view| view.words()) {
        terminal::say(&format!("psnr and ssim {words}"))?;
    }
    Ok(())
}

impl Restorer<'_> {
    /// Restores all pictures but those found in a folder whose headers could be read and the rest could not.
    fn all(&mut self, jobs: &[Job]) -> Result<Vec<Restored>> {
        let mut pictures = Vec::with_capacity(jobs.len());
        for (number, job) in jobs.iter().enumerate() {
            let restored = match self.args.from_clean {
                true => clean::restore(self, job, number),
                false => given::restore(self, job),
            };
            match restored {
                Ok(restored) => pictures.push(restored),
                // A line of its own, which the progress does not overwrite.
                Err(error) if job.skippable(&error) && !self.args.strict.strict => self
                    .display
                    .always(&terminal::left_out(&format!("{error:#}"))),
                Err(error) => return Err(error),
            }
            self.done += tiles(&self.model, job.size);
        }
        Ok(pictures)
    }

    /// Sends a picture that fits the model except for its size through the model. `emit` gets each row,
    /// `[channels, width]`, from top to bottom.
    fn through(&self, picture: Picture, emit: impl FnMut(usize, &[f32])) -> Result<()> {
        let done = |tiles| self.display.step(self.done + tiles);
        Ok(whole::through(
            &self.model,
            &self.device,
            picture,
            emit,
            done,
        )?)
    }

    /// The same, as the bytes of a picture file, `[height, width, channels]`.
    fn restored(&self, picture: Picture) -> Result<Vec<u8>> {
        let done = |tiles| self.display.step(self.done + tiles);
        Ok(whole::restored(&self.model, &self.device, picture, done)?)
    }

    /// Writes pictures side by side, if requested.
    fn compare(&self, job: &Job, panels: &[(String, &[f32])]) -> Result<Option<PathBuf>> {
        if !self.args.compare {
            return Ok(None);
        }
        #[cfg(not(feature = "report"))]
        return Err(super::left_out("--compare", "report").into());
        #[cfg(feature = "report")]
        {
            let [channels, ..] = self.model.output_shape();
            let [height, width] = job.size;
            compare::write(panels, [channels, height, width], &job.compare)?;
            Ok(Some(job.compare.clone()))
        }
    }
}
