//! Decompression: restores the pictures of a compressed file with its embedded model or that of the run.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use hourglass::codec::decompress::{self, Archive};
use hourglass::codec::pictures::Picture;
use hourglass::{Run, backend, pictures};

use super::{DONE, chosen};
use crate::cli::DecompressArgs;
use crate::{output, terminal};

pub fn run(args: &DecompressArgs) -> Result<u8> {
    let file = args.file.display().to_string();
    let container = decompress::read(&args.file)?;
    let device = backend::open(chosen(&args.write.backend)?)?.device;
    let archive = match &args.run {
        Some(run) => Archive::of_run(&file, container, &Run::open(run, &args.runs.runs)?, &device)?,
        None => Archive::of_file(&file, container, &device)?,
    };
    write(args, &archive).with_context(|| file.clone())?;
    let (output, count) = (args.output.display(), archive.count());
    terminal::print(&format!("{output}: {count} pictures of {file}"))?;
    Ok(DONE)
}

/// Writes the pictures of a file, each as it is decoded.
fn write(args: &DecompressArgs, archive: &Archive) -> Result<()> {
    let names = output::picture_names(archive.names(), archive.count());
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|&name| !seen.insert(name)) {
        bail!("two pictures would both be written to {name}");
    }
    let files = output::new_files(&args.output, &names, args.write.backend.force)?;
    let mut files = files.iter();
    archive.pictures(|Picture { pixels, size }| {
        let file = files.next().context("found fewer names than pictures")?;
        let [height, width] = size;
        let values: Vec<f32> = pixels.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        pictures::save_picture(&values, [archive.channels(), height, width], file)?;
        Ok(())
    })
}
