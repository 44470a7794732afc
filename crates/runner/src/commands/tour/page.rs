//! `tour.html`: all chapters on one page that opens without a network.

use std::fmt::Write;

use anyhow::Result;

use super::chapter::{Chapter, Pictures};
use super::guide::Guide;
use report::page::{self, Page};
use report::pictures;

/// The page.
///
/// # Errors
/// If a picture is not of its shape.
pub fn page(chapters: &[Chapter], guide: &Guide) -> Result<String> {
    let backend = &guide.setup.backend;
    let mut page = Page::new(
        "A tour of autoencoders",
        &format!(
            "What they do and why it works, in {} chapters. All figures come from {} small trainings in {}, made on \
             {} with {}; each run folder has its own report.html.",
            chapters.len(),
            guide.count(),
            guide.folder.display(),
            backend.adapter,
            backend.name
        ),
    );
    if guide.setup.quick {
        page.text(
            "This is a --quick tour: its figures, and what is said about them, are meaningless.",
        );
    }
    let shown: usize = chapters.iter().map(pictures_of).sum();
    for (chapter, number) in chapters.iter().zip(1..) {
        page.section(&format!("{number}. {}", chapter.title));
        for paragraph in &chapter.text {
            page.text(paragraph);
        }
        match &chapter.pictures {
            Pictures::Columns(columns) => {
                let names: Vec<&str> = columns
                    .first()
                    .map(|column| column.pictures.iter().map(|it| it.0).collect())
                    .unwrap_or_default();
                let heading = format!("From top to bottom: {}", names.join(", "));
                page.html(&pictures::columns(&heading, columns, shown)?);
            }
            Pictures::Large {
                what,
                values,
                shape,
            } => page.html(&pictures::large(what, values, *shape)?),
        }
        for chart in &chapter.charts {
            page.html(chart);
        }
        let table = &chapter.table;
        page.html(&page::table(&table.caption, &table.columns, &table.rows));
        page.html(&next(chapter));
        for name in &chapter.runs {
            let json = guide.run(name)?.json;
            let html = format!(
                "<pre tabindex=\"0\">{}</pre>",
                page::escape(json.trim_end())
            );
            page.details(&format!("The config of {name}"), &html);
        }
    }
    Ok(page.finish())
}

/// Number of pictures in a chapter.
fn pictures_of(chapter: &Chapter) -> usize {
    match &chapter.pictures {
        Pictures::Columns(columns) => columns.iter().map(|it| it.pictures.len()).sum(),
        Pictures::Large { .. } => 1,
    }
}

/// The commands to try, as a list.
fn next(chapter: &Chapter) -> String {
    let mut html = String::from("<h3>To try next</h3><ul class=\"next\">");
    for next in &chapter.next {
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<li><code>{}</code><span>{}</span></li>",
            page::escape(&next.command),
            page::escape(next.does)
        );
    }
    html + "</ul>"
}
