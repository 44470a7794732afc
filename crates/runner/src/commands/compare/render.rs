//! A comparison as text: a table for people, Markdown, or CSV.

use std::collections::BTreeSet;
use std::path::Path;

use data::{Columns, Entries, TableFile};
use serde_json::Value;

use crate::table::Table;
use crate::terminal;
use hourglass::comparison::{Comparison, Row, Seeds, Spread};

pub const COLUMNS: [&str; 14] = [
    "run",
    "kind",
    "differs in",
    "code",
    "ratio",
    "params",
    "epochs",
    "seconds",
    "images/s",
    "mse",
    "bce",
    "psnr",
    "ssim",
    "x PCA",
];

/// The first column of numbers; these are right-aligned.
const FIRST_NUMBER: usize = 3;

/// Tables of all columns; on a terminal of this `width`, with names relative to the folder of `runs`, and of as many
/// columns as it has room for.
pub fn table(comparison: &Comparison, runs: &Path, width: Option<usize>) -> String {
    let mut parts = Vec::new();
    for group in groups(comparison) {
        if let (false, Some(first)) = (comparison.same_data, group.first()) {
            parts.push(heading(first));
        }
        let all = |name: fn(&Row, &Path) -> String| {
            let row = |row| {
                let mut cells = cells(row);
                cells[0] = name(row, runs);
                cells.to_vec()
            };
            Table::new(&COLUMNS, group.iter().map(row).collect(), FIRST_NUMBER)
        };
        parts.push(match width {
            None => all(|row, _| named(row, row.run.clone())).text(None),
            Some(width) => {
                let all = all(|row, runs| named(row, within(&row.run, runs)));
                match all.width() <= width {
                    true => all.text(None),
                    false => few(group, runs).text(Some(width)),
                }
            }
        });
    }
    if !comparison.seeds.is_empty() {
        parts.push("mean and standard deviation over seeds".into());
        let row = |it: &Seeds| {
            let mut cells = seed_cells(it);
            if width.is_some() {
                let names: Vec<String> = it.runs.iter().map(|run| within(run, runs)).collect();
                cells[0] = names.join(" ");
            }
            cells.to_vec()
        };
        let rows = comparison.seeds.iter().map(row).collect();
        parts.push(Table::new(&SEED_COLUMNS, rows, 2).text(width));
    }
    parts.join("\n\n")
}

/// The figures that matter most, and a column for each key in which the runs differ.
fn few(group: &[Row], runs: &Path) -> Table {
    let kinds: BTreeSet<&str> = group.iter().map(|row| row.kind.as_str()).collect();
    let keys: BTreeSet<&str> = (group.iter())
        .flat_map(|row| row.differs.keys().map(String::as_str))
        .collect();
    let mut header = vec!["run"];
    header.extend((kinds.len() > 1).then_some("kind"));
    header.extend(keys.iter().filter(|key| !key.ends_with("code_size")));
    let first_number = header.len();
    header.extend(["code", "mse", "psnr", "x PCA"]);
    let row = |row: &Row| {
        let all = cells(row);
        let figure = |name: &str| {
            let column = COLUMNS.iter().position(|it| *it == name);
            column
                .and_then(|it| all.get(it))
                .cloned()
                .unwrap_or_default()
        };
        let cell = |column: &&str| match *column {
            "run" => named(row, within(&row.run, runs)),
            key => match row.differs.get(key) {
                Some(value) => plain(value),
                None if keys.contains(key) => "-".into(),
                None => figure(key),
            },
        };
        header.iter().map(cell).collect()
    };
    Table::new(&header, group.iter().map(row).collect(), first_number)
}

/// A run's folder relative to that of all runs, if it is in it.
pub fn within(run: &str, runs: &Path) -> String {
    let inside = Path::new(run).strip_prefix(runs);
    inside.map_or_else(|_| run.to_owned(), |name| name.display().to_string())
}

/// A run's name, with a mark if its figures mean nothing.
pub fn named(row: &Row, name: String) -> String {
    let mark = if row.quick { " (quick)" } else { "" };
    format!("{name}{mark}")
}

/// Markdown tables.
pub fn markdown(comparison: &Comparison) -> String {
    let mut parts = Vec::new();
    for group in groups(comparison) {
        if let (false, Some(first)) = (comparison.same_data, group.first()) {
            parts.push(markup(&heading(first)));
        }
        parts.push(pipes(
            &COLUMNS,
            group.iter().map(|row| cells(row).to_vec()),
            FIRST_NUMBER,
        ));
    }
    if !comparison.seeds.is_empty() {
        parts.push("Mean and standard deviation over seeds:".into());
        parts.push(pipes(
            &SEED_COLUMNS,
            comparison.seeds.iter().map(|it| seed_cells(it).to_vec()),
            2,
        ));
    }
    parts.join("\n\n")
}

/// The figures as columns: one row per run, with its rank among the runs on the same test images.
pub fn columns(comparison: &Comparison, kind: TableFile) -> Columns {
    let runs = &comparison.runs;
    let texts = |of: fn(&Row) -> String| {
        let text = |row: &Row| match kind {
            TableFile::Csv => no_formula(of(row)),
            #[cfg(feature = "parquet")]
            TableFile::Parquet => of(row),
        };
        Entries::Texts(runs.iter().map(|row| Some(text(row))).collect())
    };
    let whole = |of: fn(&Row) -> usize| {
        let number = |row: &Row| i64::try_from(of(row)).ok();
        Entries::Whole(runs.iter().map(number).collect())
    };
    let numbers = |of: fn(&Row) -> Option<f64>| {
        Entries::Numbers(runs.iter().map(|row| of(row).unwrap_or(f64::NAN)).collect())
    };
    let mut table = Columns::new();
    table.add("rank", whole(|row| row.rank));
    table.add("run", texts(|row| row.run.clone()));
    table.add("kind", texts(|row| row.kind.clone()));
    table.add("differs", texts(differs));
    table.add("code_size", whole(|row| row.code_size));
    table.add(
        "compression_ratio",
        numbers(|row| Some(row.compression_ratio)),
    );
    table.add("parameters", whole(|row| row.parameters));
    table.add("epochs", whole(|row| row.epochs));
    table.add("seconds", numbers(|row| Some(row.seconds)));
    table.add("images_per_s", numbers(|row| Some(row.images_per_s)));
    table.add("mse", numbers(|row| Some(row.test.mse)));
    table.add("bce", numbers(|row| Some(row.test.bce)));
    table.add("psnr", numbers(|row| Some(row.test.psnr)));
    table.add("ssim", numbers(|row| row.test.ssim));
    table.add("gain_over_pca", numbers(|row| row.gain));
    table.add("dataset", texts(|row| row.dataset.clone()));
    table.add("test_sha256", texts(|row| row.test_sha256.clone()));
    table
}

/// A text that no spreadsheet takes for a formula: an apostrophe before it marks text.
fn no_formula(text: String) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    match formula && text.parse::<f64>().is_err() {
        true => format!("'{text}"),
        false => text,
    }
}

fn heading(row: &Row) -> String {
    let digest = hourglass::digest::short(&row.test_sha256);
    let dataset = terminal::one_line(&row.dataset);
    format!("on the test images of {dataset} ({digest}):")
}

/// The rows grouped by test images; rows of a group are adjacent.
fn groups(comparison: &Comparison) -> impl Iterator<Item = &[Row]> {
    comparison
        .runs
        .chunk_by(|a, b| a.test_sha256 == b.test_sha256)
}

fn differs(row: &Row) -> String {
    let pairs: Vec<String> = row
        .differs
        .iter()
        .map(|(key, value)| format!("{key}={}", plain(value)))
        .collect();
    pairs.join(" ")
}

/// A value without the quotes and spaces of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A run's cells.
pub fn cells(row: &Row) -> [String; COLUMNS.len()] {
    [
        named(row, row.run.clone()),
        row.kind.clone(),
        differs(row),
        row.code_size.to_string(),
        format!("{:.1}", row.compression_ratio),
        row.parameters.to_string(),
        row.epochs.to_string(),
        format!("{:.0}", row.seconds),
        format!("{:.0}", row.images_per_s),
        format!("{:.6}", row.test.mse),
        format!("{:.6}", row.test.bce),
        format!("{:.2}", row.test.psnr),
        row.test
            .ssim
            .map_or_else(|| "-".into(), |ssim| format!("{ssim:.4}")),
        row.gain
            .map_or_else(|| "-".into(), |gain| format!("{gain:.2}")),
    ]
}

const SEED_COLUMNS: [&str; 7] = ["runs", "seeds", "mse", "bce", "psnr", "ssim", "seconds"];

fn seed_cells(group: &Seeds) -> [String; SEED_COLUMNS.len()] {
    let figure = |spread: Spread, digits: usize| {
        format!("{:.digits$} ± {:.digits$}", spread.mean, spread.sd)
    };
    let seeds: Vec<String> = group.seeds.iter().map(plain).collect();
    [
        group.runs.join(" "),
        seeds.join(" "),
        figure(group.mse, 6),
        figure(group.bce, 6),
        figure(group.psnr, 2),
        group
            .ssim
            .map_or_else(|| "-".into(), |ssim| figure(ssim, 4)),
        figure(group.seconds, 0),
    ]
}

fn pipes(columns: &[&str], rows: impl Iterator<Item = Vec<String>>, first_number: usize) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let rule = (0..columns.len()).map(|index| if index < first_number { "---" } else { "---:" });
    let mut lines = vec![
        format!("| {} |", columns.join(" | ")),
        format!("| {} |", rule.collect::<Vec<_>>().join(" | ")),
    ];
    lines.extend(rows.map(|row| line(&row.iter().map(|cell| markup(cell)).collect::<Vec<_>>())));
    lines.join("\n")
}

/// A text as Markdown: a bar would end its cell, and a tag would be one of the page.
fn markup(text: &str) -> String {
    let text = terminal::one_line(text);
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_markup() {
        for (field, written) in [
            ("conv", "conv"),
            ("-0.25", "-0.25"),
            ("+1e-3", "+1e-3"),
            ("=1+1", "'=1+1"),
            ("@x,y", "'@x,y"),
            ("\tx", "'\tx"),
            ("a,b", "a,b"),
        ] {
            assert_eq!(no_formula(field.into()), written);
        }
        assert_eq!(markup("<img src=x>|\n"), r"&lt;img src=x&gt;\|\n");
    }
}
