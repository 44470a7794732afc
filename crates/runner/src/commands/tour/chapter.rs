//! A chapter: short text, pictures, figures and commands to try next, ready to be shown in a terminal
//! and on a page.

use model::ImageShape;
use serde::Serialize;
use serde_json::Value;

use report::pictures::Column;

/// A chapter of the tour.
#[derive(Debug, Serialize)]
pub struct Chapter {
    /// Its message in a few words.
    pub title: &'static str,
    /// Its paragraphs.
    pub text: Vec<String>,
    /// The runs that it uses.
    pub runs: Vec<&'static str>,
    /// Its figures, for programs.
    pub figures: Value,
    /// Commands to try next.
    pub next: Vec<Next>,
    /// Pictures.
    #[serde(skip)]
    pub pictures: Pictures,
    /// The figures, for people.
    #[serde(skip)]
    pub table: Table,
    /// Charts of the page, as HTML.
    #[serde(skip)]
    pub charts: Vec<String>,
}

/// A command to try.
#[derive(Debug, Serialize)]
pub struct Next {
    /// As it is typed.
    pub command: String,
    /// What it does.
    pub does: &'static str,
}

/// The pictures of a chapter.
#[derive(Debug)]
pub enum Pictures {
    /// Columns of pictures side by side.
    Columns(Vec<Column>),
    /// A single large picture.
    Large {
        /// What it shows.
        what: &'static str,
        /// [channels, height, width] in [0, 1].
        values: Vec<f32>,
        /// Channels, height and width.
        shape: ImageShape,
    },
}

/// A table of figures.
#[derive(Debug)]
pub struct Table {
    /// What the figures measure.
    pub caption: String,
    /// Column headings; the first column has the rows' names.
    pub columns: Vec<&'static str>,
    /// Rows, each a name and its figures.
    pub rows: Vec<Vec<String>>,
}

/// Turns rows of pictures into columns. Each of `rows` has a name, pictures and their shape; `captions`
/// go below the columns.
pub fn columns(
    rows: Vec<(&'static str, Vec<Vec<f32>>, ImageShape)>,
    captions: &[String],
) -> Pictures {
    let column = |(place, caption): (usize, &String)| Column {
        pictures: rows
            .iter()
            .filter_map(|(name, row, shape)| Some((*name, row.get(place)?.clone(), *shape)))
            .collect(),
        caption: caption.clone(),
    };
    Pictures::Columns(captions.iter().enumerate().map(column).collect())
}

/// Formats an error.
pub fn error(mse: f64) -> String {
    format!("{mse:.4}")
}

/// Compares an error with another one in words: "2.9 times less than".
pub fn beside(mse: f64, other: f64) -> String {
    let ratio = other / mse;
    match ratio >= 1.0 {
        true => format!("{} times less than", times(ratio)),
        false => format!("{} times more than", times(1.0 / ratio)),
    }
}

/// Formats a ratio, with fewer digits the larger it is.
pub fn times(ratio: f64) -> String {
    match ratio {
        ..1.5 => format!("{ratio:.2}"),
        1.5..20.0 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

/// Formats a share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stand_to_each_other_in_words() {
        assert_eq!(beside(0.01, 0.029), "2.9 times less than");
        assert_eq!(beside(0.05, 0.002), "25 times more than");
        assert_eq!(beside(0.0354, 0.0374), "1.06 times less than");
        assert_eq!(percent(0.0904), "9.0 %");
        assert_eq!(error(0.005736), "0.0057");
    }

    #[test]
    fn rows_become_columns() {
        let rows = vec![
            ("input", vec![vec![0.0], vec![1.0]], [1, 1, 1]),
            ("code", vec![vec![0.5, 0.5], vec![0.2, 0.1]], [1, 1, 2]),
        ];
        let Pictures::Columns(columns) = columns(rows, &["a".into(), "b".into()]) else {
            panic!("other pictures");
        };
        assert_eq!(columns.len(), 2);
        assert_eq!(columns[1].caption, "b");
        assert_eq!(columns[1].pictures[1], ("code", vec![0.2, 0.1], [1, 1, 2]));
    }
}
