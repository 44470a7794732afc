//! Fetching data sets that a config names and that are not on disk, with a bar.

use anyhow::Result;
use data::{Fetched, Source};
use hourglass::Setup;
use hourglass::config::Located;

use crate::progress::Display;

/// Bytes of the bar's unit.
const MEGABYTE: u64 = 1_000_000;

/// Fetches what is missing of a config's images, once everything else about the config is known to be right.
///
/// # Errors
/// Those of [`Setup::check`], and if the images cannot be had.
pub fn images(located: &Located, quick: bool, quiet: bool) -> Result<()> {
    located.check_dir()?;
    let source = located.data.source(located.seed);
    if source.missing()?.is_none() {
        return Ok(());
    }
    Setup::check(located, quick)?;
    source_of(&source, quiet)
}

/// Fetches what is missing of a source.
///
/// # Errors
/// If it cannot be had.
pub fn source_of(source: &Source, quiet: bool) -> Result<()> {
    let Some(fetch) = source.missing()? else {
        return Ok(());
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
