//! Encoding: images to codes, or to the output of any layer of the encoder.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use data::Batches;
use model::Layer;

use super::{DONE, Loaded, UsageError};
use crate::cli::EncodeArgs;
use crate::commands::opened;
use crate::input;
use crate::{output, terminal};
use hourglass::arrays;
use hourglass::batched;

pub fn run(args: &EncodeArgs) -> Result<u8> {
    if !output::has_extension(&args.output, &["npy", "npz"]) {
        let text = format!(
            "--output {}: the path must end in .npy or .npz",
            args.output.display()
        );
        return Err(UsageError(text).into());
    }
    output::check_new(&args.output, args.write.force)?;
    let Loaded {
        run,
        model,
        device,
        meta,
    } = opened(&args.run, &args.write.backend, args.write.force)?;
    let layer = args.layer.as_deref().unwrap_or("code");
    let Some(last) = model.encoder_layer(layer) else {
        let layers = meta.model.layers(meta.input_shape)?;
        let names: Vec<String> = layers.encoder().iter().map(Layer::name).collect();
        let text = format!(
            "--layer: found {layer}; allowed: {}, or a number from 0 to {}",
            names.join(", "),
            model.depth() - 1
        );
        return Err(UsageError(text).into());
    };
    let input = &args.input;
    let images = Arc::new(input::read(
        "INPUT",
        &input.input,
        input.split,
        &meta,
        input.strict,
    )?);
    let batches = Batches::new(Arc::clone(&images), &device, false);
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let started = Instant::now();
    let codes = batched::encoded(&model, &batches, &all, last, |_| ())?;
    let images_per_s = images.len() as f64 / started.elapsed().as_secs_f64();
    let units = codes.len() / images.len().max(1);
    arrays::write_codes(&args.output, &codes, units, images.labels(), images.names())?;
    terminal::print(&format!(
        "{}: {} images, {units} values each, from {layer} of {}, {images_per_s:.0} images/s",
        args.output.display(),
        images.len(),
        run.folder().display()
    ))?;
    Ok(DONE)
}
