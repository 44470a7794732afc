//! Encoding: images to codes, or to the output of any layer of the encoder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use data::{Batches, Columns, Entries, Images, counted};
use model::Layer;
use serde::Serialize;

use super::{DONE, Loaded, UsageError};
use crate::cli::EncodeArgs;
use crate::commands::opened;
use crate::input;
use crate::{output, terminal};
use hourglass::arrays;
use hourglass::batched;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    output: PathBuf,
    /// The layer whose output was saved, as it was asked for.
    layer: String,
    images: usize,
    values_per_image: usize,
    images_per_s: f64,
}

pub fn run(args: &EncodeArgs) -> Result<u8> {
    let table = output::table_kind(&args.output);
    if table.is_none() && !output::has_extension(&args.output, &["npy", "npz"]) {
        let text = format!(
            "--output {}: the path must end in .npy, .npz, {}",
            args.output.display(),
            output::TABLES
        );
        return Err(UsageError(text).into());
    }
    output::check_new(&args.output, args.write.backend.force)?;
    let Loaded {
        run,
        model,
        device,
        meta,
    } = opened(&args.run, &args.write.backend)?;
    let layer = args.layer.as_deref().unwrap_or("code");
    let Some(last) = model.encoder_layer(layer) else {
        let layers = meta.layers()?;
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
    match table {
        Some(kind) => output::write_table(&args.output, kind, &columns(&codes, units, &images))?,
        None => {
            arrays::write_codes(&args.output, &codes, units, images.labels(), images.names())?;
        }
    }
    let report = Report {
        run: run.folder().display().to_string(),
        output: args.output.clone(),
        layer: layer.to_owned(),
        images: images.len(),
        values_per_image: units,
        images_per_s,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    terminal::say(&format!(
        "{}: {}, {} each, from {layer} of {}, {images_per_s:.0} images/s",
        report.output.display(),
        counted(report.images, "image"),
        counted(units, "value"),
        report.run
    ))?;
    Ok(DONE)
}

/// Codes as a table: names and labels, if there are any, and a column for each unit.
fn columns(codes: &[f32], units: usize, images: &Images) -> Columns {
    let mut table = Columns::new();
    if let Some(names) = images.names() {
        let names = names.iter().map(|name| Some(name.clone()));
        table.add("name", Entries::Texts(names.collect()));
    }
    if let Some(labels) = images.labels() {
        table.add(
            "label",
            match images.classes().is_empty() {
                true => Entries::Whole(labels.iter().map(|&it| Some(it.into())).collect()),
                false => {
                    let class = |&it: &u8| Some(images.class_name(it));
                    Entries::Texts(labels.iter().map(class).collect())
                }
            },
        );
    }
    for unit in 0..units {
        let values = codes.chunks_exact(units).filter_map(|code| code.get(unit));
        table.add(
            format!("code_{unit}"),
            Entries::Floats(values.copied().collect()),
        );
    }
    table
}
