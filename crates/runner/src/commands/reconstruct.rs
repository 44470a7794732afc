//! Reconstruction: encodes and decodes pictures, and gives the error of each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use data::{Batches, Images, counted};
use serde::Serialize;

use super::{DONE, Loaded};
use crate::cli::ReconstructArgs;
use crate::commands::opened;
use crate::input;
use crate::{output, terminal};
use hourglass::batched::{self, values};
use hourglass::measure::metrics::Reconstruction;
use hourglass::{Error, memory, pictures};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    /// Of all pictures together.
    mse: f64,
    psnr: f64,
    pictures: Vec<Written>,
}

/// A picture that was written.
#[derive(Debug, Serialize)]
struct Written {
    output: PathBuf,
    mse: f64,
    psnr: f64,
}

pub fn run(args: &ReconstructArgs) -> Result<u8> {
    let Loaded {
        run,
        model,
        device,
        meta,
    } = opened(&args.run, &args.write.backend)?;
    let shape = meta.input_shape;
    let spec = &args.input;
    let images = Arc::new(input::read(
        "INPUT",
        &spec.input,
        spec.split,
        shape,
        meta.split_seed(),
    )?);
    let files = files(args, &images)?;
    let mut written = Vec::with_capacity(images.len());
    let batches = Batches::new(Arc::clone(&images), &device, false);
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let image: usize = shape.iter().product();
    let mut whole = Reconstruction::without_ssim(shape);
    let mut left = files.iter();
    batched::each(&batches, &all, |chunk, mut input| -> Result<()> {
        memory::check_batch(&model, chunk.len()).map_err(Error::from)?;
        if args.invert {
            input = input.neg() + 1.0;
        }
        let inputs = values(input.clone())?;
        let restored = values(model.forward(model.clean_input(input)))?;
        whole.push(&inputs, &restored)?;
        let pairs = inputs.chunks_exact(image).zip(restored.chunks_exact(image));
        for ((input, restored), file) in pairs.zip(left.by_ref()) {
            let mut one = Reconstruction::without_ssim(shape);
            one.push(input, restored)?;
            let figures = one.finish();
            match args.invert {
                // Back to the polarity of the user's picture.
                true => {
                    let back: Vec<f32> = restored.iter().map(|value| 1.0 - value).collect();
                    pictures::save_picture(&back, shape, file)?;
                }
                false => pictures::save_picture(restored, shape, file)?,
            }
            if !args.json {
                terminal::say(&format!(
                    "{}: mse {:.6}, psnr {:.2} dB",
                    file.display(),
                    figures.mse,
                    figures.psnr
                ))?;
            }
            written.push(Written {
                output: file.clone(),
                mse: figures.mse,
                psnr: figures.psnr,
            });
        }
        Ok(())
    })?;
    let figures = whole.finish();
    if args.json {
        terminal::print_json(&Report {
            run: run.folder().display().to_string(),
            mse: figures.mse,
            psnr: figures.psnr,
            pictures: written,
        })?;
        return Ok(DONE);
    }
    if images.len() > 1 {
        terminal::say(&format!(
            "{}: mse {:.6}, psnr {:.2} dB",
            counted(images.len(), "picture"),
            figures.mse,
            figures.psnr
        ))?;
    }
    Ok(DONE)
}

/// The output path of each picture: the named file for a single picture, else a file in a folder.
fn files(args: &ReconstructArgs, images: &Images) -> Result<Vec<PathBuf>> {
    let (names, count) = (images.names(), images.len());
    let one = count == 1 && Path::new(&args.input.input).is_file();
    if one && output::has_extension(&args.output, &["png"]) {
        output::check_new(&args.output, args.write.backend.force)?;
        return Ok(vec![args.output.clone()]);
    }
    output::new_pictures(&args.output, names, count, args.write.backend.force)
}
