//! What is done to data before they are loaded, with a bar: sets that a config names are fetched, and pictures that do not
//! fit into memory are decoded into the cache.

use anyhow::Result;
use data::{Decoded, Fetched, Source, Undecoded};
use hourglass::Setup;
use hourglass::config::Located;

use crate::progress::Display;
use crate::terminal;

/// Bytes of the bar's unit.
const MEGABYTE: u64 = 1_000_000;

/// Fetches what is missing of a config's images, and decodes what is too large for memory, once everything else about the
/// config is known to be right.
///
/// # Errors
/// Those of [`Setup::check`], and if the images cannot be had.
pub fn images(located: &Located, quick: bool, quiet: bool) -> Result<()> {
    located.check_dir()?;
    let source = located.data.source(located.seed);
    if source.missing()?.is_none() && undecoded(&source).is_none() {
        return Ok(());
    }
    Setup::check(located, quick)?;
    source_of(&source, quiet)
}

/// Fetches what is missing of a source, and decodes what is too large for memory.
///
/// # Errors
/// If it cannot be had.
pub fn source_of(source: &Source, quiet: bool) -> Result<()> {
    let Some(fetch) = source.missing()? else {
        return decode(source, quiet);
    };
    let mut shown: Option<(&str, Display)> = None;
    let outcome = fetch.run(&mut |Fetched { file, done, bytes }| {
        let done = (done / MEGABYTE) as usize;
        match &shown {
            Some((name, display)) if *name == file => display.step(done),
            _ => {
                if let Some((_, display)) = &shown {
                    display.finish();
                }
                let display = Display::of(quiet, "MB", (bytes / MEGABYTE) as usize, done);
                display.line(&format!("fetching {file} into {}", fetch.into.display()));
                display.message(file.to_owned());
                shown = Some((file, display));
            }
        }
    });
    if let Some((_, display)) = &shown {
        display.finish();
    }
    Ok(outcome?)
}

/// Decodes pictures into the cache that are too large for memory and not there yet.
fn decode(source: &Source, quiet: bool) -> Result<()> {
    let Some(pictures) = undecoded(source) else {
        return Ok(());
    };
    let into = pictures.into.display().to_string();
    let mut shown: Option<Display> = None;
    let outcome = pictures.run(&mut |Decoded { done, of }| {
        let display = shown.get_or_insert_with(|| {
            let display = Display::of(quiet, "picture", of, done);
            display.line(&format!("decoding {of} pictures into {into}"));
            display
        });
        display.step(done);
    });
    if let Some(display) = &shown {
        display.finish();
    }
    terminal::warn(outcome?.as_slice());
    Ok(())
}

/// The pictures of a source that are still to be decoded into the cache. What is wrong with the data is told when they are
/// loaded, with its place in the config.
fn undecoded(source: &Source) -> Option<Undecoded> {
    source.undecoded().ok().flatten()
}
