//! Decoding: codes to pictures.

use std::path::Path;

use anyhow::{Result, bail};

use super::{DONE, Loaded};
use crate::cli::DecodeArgs;
use crate::commands::opened;
use crate::{output, terminal};
use hourglass::arrays;
use hourglass::batched;
use hourglass::files;
use hourglass::pictures;

pub fn run(args: &DecodeArgs) -> Result<u8> {
    let as_array = output::has_extension(&args.output, &["npy"]);
    if as_array {
        output::check_new(&args.output, args.write.force)?;
    }
    let Loaded {
        model,
        device,
        meta,
        ..
    } = opened(&args.run, &args.write.backend, args.write.force)?;
    if model.is_residual() {
        bail!("{}: {}", args.run.name.display(), model::NeedsInput);
    }
    let shape = meta.input_shape;
    let units = meta.model.layers(shape)?.code_size();
    let codes = arrays::read_codes(&args.input, units)?;
    let count = codes.len() / units.max(1);
    let names = output::picture_names(None, count);
    let files = match as_array {
        true => Vec::new(),
        false => output::new_files(&args.output, &names, args.write.force)?,
    };
    let image: usize = shape.iter().product();
    let mut pictures = Vec::with_capacity(if as_array { count * image } else { 0 });
    let mut left = files.iter();
    batched::decoded(&model, &device, &codes, units, |decoded| -> Result<()> {
        if as_array {
            pictures.extend(decoded);
        } else {
            for (picture, file) in decoded.chunks_exact(image).zip(left.by_ref()) {
                pictures::save_picture(picture, shape, file)?;
            }
        }
        Ok(())
    })?;
    if as_array {
        let [channels, height, width] = shape;
        files::write(
            &args.output,
            &arrays::npy(&pictures, &[count, channels, height, width])?,
        )?;
    }
    report(&args.output, count)?;
    Ok(DONE)
}

fn report(path: &Path, count: usize) -> Result<()> {
    let plural = if count == 1 { "" } else { "s" };
    terminal::print(&format!("{}: {count} picture{plural}", path.display()))
}
