//! Prints a chapter to stdout, with pictures on a terminal.

use std::fmt::Write;

use anyhow::Result;

use super::super::analysed;
use super::chapter::{Chapter, Pictures};
use crate::half_block;
use crate::table::wrapped;
use crate::terminal;
use hourglass::pictures::Picture;
use report::pictures::Column;

/// The longest line of text, for readability.
const WIDEST: usize = 88;

/// Prints a chapter, with its pictures if the terminal has colours and not `quiet`.
///
/// # Errors
/// If stdout cannot be written.
pub fn print(number: usize, chapter: &Chapter, quiet: bool) -> Result<()> {
    let columns = terminal::columns();
    let mut text = format!("\n{number}. {}\n", terminal::shown(chapter.title));
    for paragraph in &chapter.text {
        let paragraph = terminal::shown(paragraph);
        text += &format!("\n{}\n", wrapped(&paragraph, columns.min(WIDEST)));
    }
    let colours = if quiet { None } else { terminal::colours() };
    if let Some(colours) = colours
        && let Some((words, drawn)) = drawn(&chapter.pictures, columns, colours)
    {
        text += &format!(
            "\n{}\n{drawn}\n",
            wrapped(&terminal::shown(&words), columns.min(WIDEST))
        );
    }
    let table = analysed::table(&chapter.table.columns, chapter.table.rows.clone());
    text += &format!(
        "\n{}:\n{}\n",
        chapter.table.caption,
        table.text(terminal::width())
    );
    for next in &chapter.next {
        // Writing to a string cannot fail.
        let command = terminal::one_line(&next.command);
        let _ = write!(text, "\n    {command}\n        {}", next.does);
    }
    text.push('\n');
    terminal::print_drawn(&text)
}

/// The drawn pictures, and a line that says what they are.
fn drawn(
    pictures: &Pictures,
    columns: usize,
    colours: terminal::Colours,
) -> Option<(String, String)> {
    match pictures {
        Pictures::Columns(all) => {
            let stacks: Vec<Vec<Picture<'_>>> = all.iter().map(stack).collect();
            let drawn = half_block::draw(&stacks, half_block::SIDE, columns, colours)?;
            let names: Vec<&str> = all.first()?.pictures.iter().map(|it| it.0).collect();
            Some((format!("From top to bottom: {}", names.join(", ")), drawn))
        }
        Pictures::Large {
            what,
            values,
            shape,
        } => {
            let picture = Picture {
                values,
                shape: *shape,
            };
            let drawn = half_block::draw(&[vec![picture]], columns.min(WIDEST), columns, colours)?;
            Some((format!("Here: {what}"), drawn))
        }
    }
}

/// A column of pictures, from top to bottom.
fn stack(column: &Column) -> Vec<Picture<'_>> {
    let pictures = column.pictures.iter();
    pictures
        .map(|(_, values, shape)| Picture {
            values,
            shape: *shape,
        })
        .collect()
}
