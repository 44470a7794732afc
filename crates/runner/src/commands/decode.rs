//! Decoding: codes to pictures.

use std::path::PathBuf;

use anyhow::{Result, bail};
use data::counted;
use model::ImageShape;
use serde::Serialize;

use super::{DONE, Loaded, drawn_channels};
use crate::cli::DecodeArgs;
use crate::commands::opened;
use crate::{output, terminal};
use hourglass::arrays;
use hourglass::batched;
use hourglass::files;
use hourglass::pictures;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    /// The folder, or the file of all values.
    output: PathBuf,
    pictures: usize,
    /// Channels, height and width of each.
    shape: ImageShape,
}

pub fn run(args: &DecodeArgs) -> Result<u8> {
    let as_array = output::has_extension(&args.output, &["npy"]);
    if as_array {
        output::check_new(&args.output, args.write.backend.force)?;
    }
    let Loaded {
        run,
        model,
        device,
        meta,
        ..
    } = opened(&args.run, &args.write.backend)?;
    if model.is_residual() {
        bail!("{}: {}", args.run.name.display(), model::NeedsInput);
    }
    let shape = meta.input_shape;
    let units = meta.layers()?.code_size();
    let codes = arrays::read_codes(&args.input, units)?;
    let count = codes.len() / units.max(1);
    let files = match as_array {
        true => Vec::new(),
        false => {
            if let Some(note) = drawn_channels(shape) {
                terminal::note(&note);
            }
            output::new_pictures(&args.output, None, count, args.write.backend.force)?
        }
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
    let report = Report {
        run: run.folder().display().to_string(),
        output: args.output.clone(),
        pictures: count,
        shape,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    let output = args.output.display();
    terminal::print(&format!("{output}: {}", counted(count, "picture")))?;
    Ok(DONE)
}
