//! Reconstruction: encodes and decodes pictures, and gives the error of each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use data::{Batches, Images, counted};
use serde::Serialize;

use super::{DONE, Loaded, drawn_channels, only_pictures};
use crate::cli::ReconstructArgs;
use crate::commands::opened;
use crate::input;
use crate::{output, terminal};
use hourglass::batched::{self, BATCH, values};
use hourglass::codec::autoencoder::Form;
use hourglass::codec::pictures::Pictures;
use hourglass::measure::metrics::{Figures, Reconstruction};
use hourglass::{Error, Run, memory, pictures};

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
    let loaded = opened(&args.run, &args.write.backend)?;
    only_pictures(&loaded, "reconstruct")?;
    let meta = &loaded.meta;
    let shape = meta.input_shape;
    if let Some(note) = drawn_channels(shape) {
        terminal::note(&note);
    }
    let spec = &args.input;
    let images = match meta.prepared().patch() {
        Some(_) => match input::find(&spec.input, spec.split, meta, spec.strict)? {
            Pictures::Set(images) => images,
            files => return whole(args, &loaded, &files),
        },
        None => input::read("INPUT", &spec.input, spec.split, meta, spec.strict)?,
    };
    let Loaded {
        run, model, device, ..
    } = &loaded;
    let images = Arc::new(images);
    let files = files(args, images.names(), images.len())?;
    let mut written = Vec::with_capacity(images.len());
    let batches = Batches::new(Arc::clone(&images), device, false);
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let image: usize = shape.iter().product();
    let mut whole = Reconstruction::without_ssim(shape);
    let mut left = files.iter();
    memory::check_batch(model, all.len().min(BATCH)).map_err(Error::from)?;
    batched::each(&batches, &all, |_, mut input| -> Result<()> {
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
            written.push(tell(args, file, &figures)?);
        }
        Ok(())
    })?;
    let figures = whole.finish();
    finish(args, run, written, [figures.mse, figures.psnr])
}

/// Tells the figures of a picture that was written.
fn tell(args: &ReconstructArgs, file: &Path, figures: &Figures) -> Result<Written> {
    if !args.json {
        terminal::say(&format!(
            "{}: mse {:.6}, psnr {:.2} dB",
            file.display(),
            figures.mse,
            figures.psnr
        ))?;
    }
    Ok(Written {
        output: file.to_owned(),
        mse: figures.mse,
        psnr: figures.psnr,
    })
}

/// Tells the figures of all pictures together.
fn finish(
    args: &ReconstructArgs,
    run: &Run,
    pictures: Vec<Written>,
    [mse, psnr]: [f64; 2],
) -> Result<u8> {
    if args.json {
        terminal::print_json(&Report {
            run: run.folder().display().to_string(),
            mse,
            psnr,
            pictures,
        })?;
    } else if pictures.len() > 1 {
        let count = counted(pictures.len(), "picture");
        terminal::say(&format!("{count}: mse {mse:.6}, psnr {psnr:.2} dB"))?;
    }
    Ok(DONE)
}

/// Reconstructs pictures of any size with a model of patches: tile by tile, at their own size.
fn whole(args: &ReconstructArgs, loaded: &Loaded, pictures: &Pictures) -> Result<u8> {
    let Loaded {
        run,
        model,
        device,
        meta,
    } = loaded;
    let form = Form::of(&meta.model, meta.input_shape)?;
    let files = files(args, pictures.names().as_deref(), pictures.len())?;
    let mut written = Vec::with_capacity(pictures.len());
    let mut left = files.iter();
    let (mut mse, mut psnr) = (0.0, 0.0);
    pictures.groups(form, |group| -> Result<()> {
        let model = &model.for_images(&meta.model, group.tile)?;
        let tiles = Arc::new(Images::new(group.tiles().into_owned(), group.tile)?);
        let all: Vec<u32> = (0..tiles.len() as u32).collect();
        let batches = Batches::new(tiles, device, false);
        let mut restored = Vec::new();
        memory::check_batch(model, all.len().min(BATCH)).map_err(Error::from)?;
        batched::each(&batches, &all, |_, mut input| -> Result<()> {
            if args.invert {
                input = input.neg() + 1.0;
            }
            restored.extend(values(model.forward(model.clean_input(input)))?);
            Ok(())
        })?;
        let restored = group.join(restored);
        let shape = group.picture;
        let each = restored.chunks_exact(shape.iter().product::<usize>().max(1));
        for ((picture, joined), file) in group.pictures().zip(each).zip(left.by_ref()) {
            let mut joined = joined.to_vec();
            if args.invert {
                joined.iter_mut().for_each(|value| *value = 1.0 - *value);
            }
            let given: Vec<f32> = picture
                .pixels
                .iter()
                .map(|&it| f32::from(it) / 255.0)
                .collect();
            let mut one = Reconstruction::without_ssim(shape);
            one.push(&given, &joined)?;
            let figures = one.finish();
            (mse, psnr) = (mse + figures.mse, psnr + figures.psnr);
            pictures::save_picture(&joined, shape, file)?;
            written.push(tell(args, file, &figures)?);
        }
        Ok(())
    })?;
    let count = pictures.len().max(1) as f64;
    finish(args, run, written, [mse / count, psnr / count])
}

/// The output path of each picture: the named file for a single picture, else a file in a folder.
fn files(args: &ReconstructArgs, names: Option<&[String]>, count: usize) -> Result<Vec<PathBuf>> {
    let one = count == 1 && Path::new(&args.input.input).is_file();
    if one && output::has_extension(&args.output, &["png"]) {
        output::check_new(&args.output, args.write.backend.force)?;
        return Ok(vec![args.output.clone()]);
    }
    output::new_pictures(&args.output, names, count, args.write.backend.force)
}
