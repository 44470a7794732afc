//! A comparison as text: a table for people, Markdown, or CSV.

use std::collections::BTreeSet;
use std::path::Path;

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

/// CSV: one line per run, with its rank among the runs on the same test images.
pub fn csv(comparison: &Comparison) -> String {
    let header = [
        "rank",
        "run",
        "kind",
        "differs",
        "code_size",
        "compression_ratio",
        "parameters",
        "epochs",
        "seconds",
        "images_per_s",
        "mse",
        "bce",
        "psnr",
        "ssim",
        "gain_over_pca",
        "dataset",
        "test_sha256",
    ];
    let mut lines = vec![header.join(",")];
    for row in &comparison.runs {
        let optional =
            |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let fields = [
            row.rank.to_string(),
            row.run.clone(),
            row.kind.clone(),
            differs(row),
            row.code_size.to_string(),
            row.compression_ratio.to_string(),
            row.parameters.to_string(),
            row.epochs.to_string(),
            row.seconds.to_string(),
            row.images_per_s.to_string(),
            row.test.mse.to_string(),
            row.test.bce.to_string(),
            row.test.psnr.to_string(),
            optional(row.test.ssim),
            optional(row.gain),
            row.dataset.clone(),
            row.test_sha256.clone(),
        ];
        lines.push(fields.map(|field| quoted(&field)).join(","));
    }
    lines.join("\n")
}

/// A field of CSV as in RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe, which marks text.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if formula && field.parse::<f64>().is_err() {
        format!("\"'{}\"", field.replace('"', "\"\""))
    } else if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
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
            ("=1+1", "\"'=1+1\""),
            ("-a\"b", "\"'-a\"\"b\""),
            ("@x,y", "\"'@x,y\""),
            ("\tx", "\"'\tx\""),
            ("a,b", "\"a,b\""),
        ] {
            assert_eq!(quoted(field), written);
        }
        assert_eq!(markup("<img src=x>|\n"), r"&lt;img src=x&gt;\|\n");
    }
}
