//! Comparison: runs side by side, smallest reconstruction error first.
//!
//! Only figures on the same test images are ranked against each other: runs on different images form
//! groups, with a note. Runs that differ only in their seed are also summarised as mean and standard
//! deviation.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use hourglass::comparison::{self, Comparison, Row, SortBy};
use hourglass::{Run, backend};

use super::DONE;
use crate::cli::{CompareArgs, SortKey, TableFormat};
use crate::{output, terminal};

#[cfg(feature = "report")]
mod html;
mod render;

pub fn run(args: &CompareArgs) -> Result<u8> {
    let runs = args.names.iter().map(|it| Run::open(it, &args.runs.runs));
    let rows = comparison::read(runs, |text| terminal::note(&format!("note: {text}")))?;
    if rows.is_empty() {
        bail!("none of the named runs is finished; name at least one finished run");
    }
    let comparison = Comparison::new(rows, args.sort.into());
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
            html::write(&comparison, &device, path)?;
        }
        terminal::note(&format!("the page is {}", path.display()));
    }
    let format = if args.json {
        TableFormat::Json
    } else {
        args.format
    };
    match format {
        TableFormat::Json => terminal::print_json(&comparison)?,
        TableFormat::Table => terminal::print(&render::table(&comparison))?,
        TableFormat::Markdown => terminal::print(&render::markdown(&comparison))?,
        TableFormat::Csv => terminal::print(&render::csv(&comparison))?,
    }
    Ok(DONE)
}

/// The table of finished runs, smallest reconstruction error first.
pub(super) fn table_of(runs: &[PathBuf]) -> Result<String> {
    let rows = (runs.iter()).map(|run| Row::read(&Run::open(run, Path::new("."))?));
    let rows = rows.collect::<hourglass::Result<_>>()?;
    Ok(render::table(&Comparison::new(rows, SortBy::Mse)))
}

impl From<SortKey> for SortBy {
    fn from(key: SortKey) -> Self {
        match key {
            SortKey::Mse => Self::Mse,
            SortKey::Bce => Self::Bce,
            SortKey::Psnr => Self::Psnr,
            SortKey::Ssim => Self::Ssim,
            SortKey::Gain => Self::Gain,
            SortKey::CodeSize => Self::CodeSize,
            SortKey::Parameters => Self::Parameters,
            SortKey::Seconds => Self::Seconds,
            SortKey::ImagesPerS => Self::ImagesPerS,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn figures_have_the_same_names_on_the_command_line_and_in_json() {
        for key in SortKey::value_variants() {
            let word = key.to_possible_value().unwrap();
            assert_eq!(word.get_name(), SortBy::from(*key).name());
        }
    }
}
