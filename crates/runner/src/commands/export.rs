//! Exporting: a run's model for other programs.

use std::path::PathBuf;

use anyhow::Result;
use data::counted;
use hourglass::export::{Exported, huggingface, onnx, pytorch};
use hourglass::files;
use hourglass::measure::summary::Summary;
use hourglass::run::environment::Environment;
use serde::Serialize;

use super::{DONE, Loaded, UsageError};
use crate::cli::{ExportArgs, ExportFormat, ExportPart};
use crate::commands::opened;
use crate::{output, terminal};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    format: &'static str,
    files: Vec<PathBuf>,
    bytes: usize,
}

pub fn run(args: &ExportArgs) -> Result<u8> {
    let force = args.write.backend.force;
    if args.format == ExportFormat::Onnx {
        if !output::has_extension(&args.output, &["onnx"]) {
            let path = args.output.display();
            let text = format!("--output {path}: the path must end in .onnx");
            return Err(UsageError(text).into());
        }
        output::check_new(&args.output, force)?;
    } else if args.part != ExportPart::Whole {
        let text = "--part: allowed with --format onnx only; the other formats have both parts";
        return Err(UsageError(text.into()).into());
    }
    let loaded = opened(&args.run, &args.write.backend)?;
    let name = loaded.run.name();
    let exported = Exported {
        model: &loaded.model,
        meta: &loaded.meta,
        name: &name,
    };
    let (format, written) = match args.format {
        ExportFormat::Onnx => {
            let bytes = onnx::bytes(&exported, args.part.into())?;
            ("onnx", vec![(args.output.clone(), bytes)])
        }
        ExportFormat::Pytorch => ("pytorch", placed(args, pytorch::files(&exported)?)?),
        ExportFormat::Huggingface => {
            let (dataset, summary) = about(&loaded)?;
            let files = huggingface::files(&exported, dataset.as_deref(), summary.as_ref())?;
            ("huggingface", placed(args, files)?)
        }
    };
    for (path, bytes) in &written {
        files::write(path, bytes)?;
    }
    let report = Report {
        run: loaded.run.folder().display().to_string(),
        format,
        bytes: written.iter().map(|(_, bytes)| bytes.len()).sum(),
        files: written.into_iter().map(|(path, _)| path).collect(),
    };
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    terminal::say(&format!(
        "{}: {} of {}, {} bytes",
        args.output.display(),
        counted(report.files.len(), "file"),
        report.run,
        report.bytes
    ))?;
    Ok(DONE)
}

/// The files of a folder with their paths.
fn placed(
    args: &ExportArgs,
    files: Vec<(&'static str, Vec<u8>)>,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let names: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let paths = output::new_files(&args.output, &names, args.write.backend.force)?;
    let bytes = files.into_iter().map(|(_, bytes)| bytes);
    Ok(paths.into_iter().zip(bytes).collect())
}

/// What the run's data are called, and its figures; an exported model has neither.
fn about(loaded: &Loaded) -> Result<(Option<String>, Option<Summary>)> {
    let environment: Option<Environment> = loaded.run.read_if_there("env.json")?;
    let summary = loaded.run.read_if_there("summary.json")?;
    Ok((environment.map(|it| it.dataset), summary))
}
