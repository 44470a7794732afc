//! Comparison: runs side by side, smallest reconstruction error first.
//!
//! Only figures on the same test images are ranked against each other: runs on different images form
//! groups, with a note. Runs that differ only in their seed are also summarised as mean and standard
//! deviation.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use data::TableFile;
use hourglass::comparison::{self, Comparison, Row, SortBy};
use hourglass::run::RunError;
use hourglass::{Run, backend};

use super::DONE;
use crate::cli::{CompareArgs, TableFormat};
use crate::{output, terminal};

#[cfg(feature = "report")]
mod html;
mod render;

pub fn run(args: &CompareArgs) -> Result<u8> {
    let table = match &args.output {
        Some(path) => Some((path, output::asked_table(path)?)),
        None => None,
    };
    if let Some((path, _)) = table {
        output::check_new(path, args.backend.force)?;
    }
    let several = args.names.len() > 1;
    let runs = args.names.iter().map(|name| match name.is_file() {
        // Beside a sweep's runs lie its own files.
        true if several => Err(RunError::NotARun {
            folder: name.clone(),
        }),
        _ => Run::open(name, &args.runs.runs),
    });
    let mut runs: Vec<Result<Run, RunError>> = runs.collect();
    if let (false, Some(Err(_))) = (several, runs.first()) {
        runs.remove(0)?;
    }
    let rows = comparison::read(runs, |text| terminal::note(&format!("note: {text}")))?;
    if rows.is_empty() {
        bail!("none of the named runs is finished; name at least one finished run");
    }
    let comparison = Comparison::new(rows, args.sort);
    if !comparison.same_data {
        terminal::note(
            "note: these runs were measured on different test images; only runs on the same test \
             images are ranked against each other",
        );
    }
    if let Some(path) = &args.html {
        output::check_new(path, args.backend.force)?;
        #[cfg(not(feature = "report"))]
        return Err(super::left_out("--html", "report").into());
        #[cfg(feature = "report")]
        {
            let device = backend::open(super::chosen(&args.backend)?)?.device;
            html::write(&comparison, &args.runs.runs, &device, path)?;
        }
        terminal::note(&format!("the page is {}", path.display()));
    }
    if let Some((path, kind)) = table {
        output::write_table(path, kind, &render::columns(&comparison, kind))?;
        terminal::note(&format!("the figures are in {}", path.display()));
    }
    let format = if args.json {
        TableFormat::Json
    } else {
        args.format
    };
    match format {
        TableFormat::Json => terminal::print_json(&comparison)?,
        TableFormat::Table => terminal::print(&render::table(
            &comparison,
            &args.runs.runs,
            terminal::width(),
        ))?,
        TableFormat::Markdown => terminal::print(&render::markdown(&comparison))?,
        TableFormat::Csv => {
            let table = render::columns(&comparison, TableFile::Csv);
            let bytes = table.bytes(TableFile::Csv)?;
            terminal::print(String::from_utf8_lossy(&bytes).trim_end())?;
        }
    }
    Ok(DONE)
}

/// The table of finished runs of a folder, smallest reconstruction error first.
pub(super) fn table_of(runs: &[PathBuf], folder: &Path) -> Result<String> {
    let rows = (runs.iter()).map(|run| Row::read(&Run::open(run, Path::new("."))?));
    let rows = rows.collect::<hourglass::Result<_>>()?;
    let comparison = Comparison::new(rows, SortBy::default());
    Ok(render::table(&comparison, folder, terminal::width()))
}
