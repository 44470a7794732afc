//! Decompression: restores the pictures of a compressed file with its embedded model or that of the run.

use std::path::PathBuf;

use anyhow::{Context, Result};
use data::counted;
use hourglass::codec::decompress::{self, Archive};
use hourglass::codec::pictures::Picture;
use hourglass::{Run, backend, pictures};
use serde::Serialize;

use super::{DONE, chosen};
use crate::cli::DecompressArgs;
use crate::{output, terminal};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    output: PathBuf,
    pictures: Vec<Written>,
    /// Whether every value is the one that came of the file when it was written; `None` if the file does not say.
    exact: Option<bool>,
}

/// A picture that was written.
#[derive(Debug, Serialize)]
struct Written {
    output: PathBuf,
    height: usize,
    width: usize,
}

pub fn run(args: &DecompressArgs) -> Result<u8> {
    let file = args.file.display().to_string();
    let (container, bytes) = decompress::read(&args.file)?;
    let bytes = (!args.large).then_some(bytes);
    let device = backend::open(chosen(&args.write.backend)?)?.device;
    let archive = match &args.run {
        Some(run) => {
            let run = Run::open(run, &args.runs.runs)?;
            Archive::of_run(&file, container, bytes, &run, &device)?
        }
        None => Archive::of_file(&file, container, bytes, &device)?,
    };
    let (pictures, exact) = write(args, &archive).with_context(|| file.clone())?;
    if exact == Some(false) {
        terminal::note(
            "note: some values differ from those that this file gave where it was written, mostly by one of 255: this \
             machine or backend rounds differently",
        );
    }
    let report = Report {
        file,
        output: args.output.clone(),
        pictures,
        exact,
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    let (output, count) = (
        report.output.display(),
        counted(report.pictures.len(), "picture"),
    );
    terminal::say(&format!("{output}: {count} of {}", report.file))?;
    Ok(DONE)
}

/// Writes the pictures of a file, each as it is decoded; whether they are as exact as [`Report`] says.
fn write(args: &DecompressArgs, archive: &Archive) -> Result<(Vec<Written>, Option<bool>)> {
    let (names, count) = (archive.names(), archive.count());
    let files = output::new_pictures(&args.output, names, count, args.write.backend.force)?;
    let mut files = files.into_iter();
    let mut written = Vec::new();
    let exact = archive.pictures(|Picture { pixels, size }| -> Result<()> {
        let output = files.next().context("found fewer names than pictures")?;
        let [height, width] = size;
        let channels = archive.channels();
        let bytes = interleaved(pixels, channels);
        pictures::save_bytes(bytes, [channels, height, width], &output)?;
        written.push(Written {
            output,
            height,
            width,
        });
        Ok(())
    })?;
    Ok((written, exact))
}

/// `[channels, pixels]` as `[pixels, channels]`.
fn interleaved(planes: Vec<u8>, channels: usize) -> Vec<u8> {
    if channels == 1 {
        return planes;
    }
    let plane = planes.len() / channels.max(1);
    let mut bytes = vec![0; planes.len()];
    for (channel, values) in planes.chunks_exact(plane.max(1)).enumerate() {
        let places = bytes.iter_mut().skip(channel).step_by(channels);
        places
            .zip(values)
            .for_each(|(place, value)| *place = *value);
    }
    bytes
}
