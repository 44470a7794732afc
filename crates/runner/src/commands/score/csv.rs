//! The scores as a table of text.

use std::path::Path;

use anyhow::{Context, Result};
use hourglass::files;

use super::report::{Report, Verdict};

/// Writes a line for each sample below a line of names, whole or not at all.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(path: &Path, report: &Report) -> Result<()> {
    let scores = &report.scores;
    let places = scores.iter().any(|it| it.place.is_some());
    let tiles = scores
        .iter()
        .any(|it| it.place.is_some_and(|it| it.tile.is_some()));
    let fields = scores
        .iter()
        .map(|it| it.fields.len())
        .max()
        .unwrap_or_default();
    let mut header: Vec<String> = ["name", "score", "threshold", "verdict"]
        .map(String::from)
        .to_vec();
    if places {
        header.extend(["top", "left", "height", "width"].map(String::from));
    }
    if tiles {
        header.extend(["tile_top", "tile_left"].map(String::from));
    }
    let spans = scores.iter().any(|it| it.span.is_some());
    if spans {
        let names = ["first_step", "last_step", "first_time", "last_time"];
        header.extend(names.map(String::from));
    }
    for number in 1..=fields {
        header.extend([format!("column{number}"), format!("share{number}")]);
    }
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let line = |it: &Verdict| {
        let mut line = vec![
            it.name.clone(),
            it.score.to_string(),
            report.threshold.to_string(),
            it.word().to_owned(),
        ];
        let number = |number: Option<usize>| number.map_or_else(String::new, |it| it.to_string());
        if places {
            let of = |of: fn(&super::Place) -> usize| number(it.place.as_ref().map(of));
            line.extend([
                of(|it| it.top),
                of(|it| it.left),
                of(|it| it.height),
                of(|it| it.width),
            ]);
        }
        if tiles {
            let tile = it.place.and_then(|it| it.tile);
            line.extend([number(tile.map(|it| it[0])), number(tile.map(|it| it[1]))]);
        }
        if spans {
            let span = it.span.as_ref();
            let of = |of: fn(&super::Span) -> usize| number(span.map(of));
            let time = |of: fn(&super::Span) -> &Option<String>| span.and_then(|it| of(it).clone());
            line.extend([of(|it| it.first_step), of(|it| it.last_step)]);
            line.extend(
                [time(|it| &it.first_time), time(|it| &it.last_time)]
                    .map(Option::unwrap_or_default),
            );
        }
        for at in 0..fields {
            let field = it.fields.get(at);
            line.push(field.map_or_else(String::new, |it| it.name.clone()));
            line.push(field.map_or_else(String::new, |it| format!("{:.4}", it.share)));
        }
        line
    };
    let failed = || format!("{}: cannot be written", path.display());
    writer.write_record(&header).with_context(failed)?;
    for it in scores {
        writer.write_record(line(it)).with_context(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error());
    Ok(files::write(path, &bytes.with_context(failed)?)?)
}
