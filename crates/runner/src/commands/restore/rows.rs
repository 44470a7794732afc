//! Rows of tables: fills in what is missing of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use data::{Batches, Columns, Entries, FieldKind, Fields, TableFile, counted, filled_text};
use hourglass::{Loaded, arrays, files, imputation};
use serde::Serialize;

use super::super::UsageError;
use crate::cli::{Part, RestoreArgs};
use crate::{input, output, terminal};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    tables: Vec<Filled>,
}

/// A table that was written.
#[derive(Debug, Serialize)]
struct Filled {
    input: PathBuf,
    output: PathBuf,
    rows: usize,
    /// Cells that were missing.
    filled: usize,
}

/// Writes each table with its missing cells filled in.
///
/// # Errors
/// Options for pictures, tables that cannot be read or do not fit the run, two of one name, and files that exist.
pub fn run(args: &RestoreArgs, loaded: &Loaded, fields: &Fields) -> Result<()> {
    for (is_given, option) in [
        (args.compare, "--compare"),
        (args.from_clean, "--from-clean"),
    ] {
        if is_given {
            let text = format!("{option}: is for pictures, and this run was trained on a table");
            return Err(UsageError(text).into());
        }
    }
    let mut names: Vec<String> = Vec::new();
    for path in &args.inputs {
        let extension = match path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase()
            .as_str()
        {
            "npz" => Some("npy"),
            _ => None,
        };
        let name = match extension {
            Some(extension) => data::file_name(&path.with_extension(extension)),
            None => data::file_name(path),
        };
        if names.contains(&name) {
            bail!(
                "{name}: two inputs would be written to it; give them one at a time, each with a folder of its own"
            );
        }
        names.push(name);
    }
    let outputs = output::new_files(&args.output, &names, args.write.backend.force)?;
    let report = Report {
        run: loaded.run.folder().display().to_string(),
        tables: (args.inputs.iter().zip(outputs))
            .map(|(path, output)| fill(args, loaded, fields, path, output))
            .collect::<Result<_>>()?,
    };
    if args.show.json {
        terminal::print_json(&report)?;
        return Ok(());
    }
    for table in &report.tables {
        terminal::print(&format!(
            "{}: {}, {} filled in",
            table.output.display(),
            counted(table.rows, "row"),
            counted(table.filled, "missing cell")
        ))?;
    }
    Ok(())
}

fn fill(
    args: &RestoreArgs,
    loaded: &Loaded,
    fields: &Fields,
    path: &Path,
    output: PathBuf,
) -> Result<Filled> {
    let spec = path.display().to_string();
    let rows = Arc::new(input::read(
        "INPUT",
        &spec,
        Part::Test,
        &loaded.meta,
        args.strict,
    )?);
    let batches = Batches::new(Arc::clone(&rows), &loaded.device, false);
    let filled = imputation::filled(&loaded.model, &batches)?;
    let missing = rows.values().len() - rows.values().known();
    let (bytes, count) = if output::has_extension(path, &["npy", "npz"]) {
        let columns = fields.0.len();
        let own = fields.own_numbers(&filled);
        (arrays::npy(&own, &[rows.len(), columns])?, missing)
    } else {
        match output::table_kind(path) {
            Some(kind) if kind != TableFile::Csv => {
                (columns(fields, &filled).bytes(kind)?, missing)
            }
            _ => filled_text(path, fields, &filled)?,
        }
    };
    files::write(&output, &bytes)?;
    Ok(Filled {
        input: path.to_owned(),
        output,
        rows: rows.len(),
        filled: count,
    })
}

/// The rows in the data's own units, the columns of the run alone.
fn columns(fields: &Fields, rows: &[f32]) -> Columns {
    let rows = rows.chunks_exact(fields.channels().max(1));
    let own: Vec<Vec<String>> = rows.map(|row| fields.own(row)).collect();
    let mut table = Columns::new();
    for (at, field) in fields.0.iter().enumerate() {
        let cells = own.iter().map(|row| row.get(at));
        let number =
            |cell: Option<&String>| cell.and_then(|it| it.parse().ok()).unwrap_or(f64::NAN);
        let entries = match field.kind {
            FieldKind::Number { .. } => Entries::Numbers(cells.map(number).collect()),
            FieldKind::Category { .. } => Entries::Texts(cells.map(|it| it.cloned()).collect()),
        };
        table.add(field.name.clone(), entries);
    }
    table
}
