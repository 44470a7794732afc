//! An HTML page: one file without scripts that needs no network, in light and dark, for screen and paper.

use std::fmt::Write;

use super::chart;
pub use super::chart::escape;

/// The style of every page, beside that of its charts.
pub const STYLE: &str = include_str!("style.css");

/// A page under construction, from top to bottom.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// A page with a heading and a line below it, both plain text.
    pub fn new(title: &str, line: &str) -> Self {
        let body = format!(
            "<header><h1>{}</h1><p>{}</p></header>\n",
            escape(title),
            escape(line)
        );
        Self {
            title: title.to_owned(),
            body,
        }
    }

    /// Starts the next section with this heading.
    pub fn section(&mut self, heading: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "<h2>{}</h2>", escape(heading));
    }

    /// Adds raw HTML.
    pub fn html(&mut self, html: &str) {
        self.body.push_str(html);
        self.body.push('\n');
    }

    /// Adds a paragraph of text.
    pub fn text(&mut self, text: &str) {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
    }

    /// Adds a block that opens with a click on `summary`.
    pub fn details(&mut self, summary: &str, html: &str) {
        let _ = writeln!(
            self.body,
            "<details><summary>{}</summary>{html}</details>",
            escape(summary)
        );
    }

    /// The whole file.
    pub fn finish(self) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{STYLE}{}</style>\n</head>\n\
             <body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            chart::STYLE,
            self.body
        )
    }
}

/// A table with a caption and column headings. The first cell of a row is its heading and stays in sight when the others
/// are scrolled; columns of figures are aligned to the right. All cells are plain text.
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let words: Vec<&str> = (0..columns.len())
        .map(
            |column| match rows.iter().any(|row| is_words(row.get(column))) {
                true => " class=\"words\"",
                false => "",
            },
        )
        .collect();
    let class = |column: usize| words.get(column).copied().unwrap_or_default();
    // The caption stands outside, where a narrow window breaks its lines and does not cut them.
    let mut html = format!(
        "<p class=\"caption\">{0}</p><div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{0}\">\
         <table aria-label=\"{0}\"><thead><tr>",
        escape(caption)
    );
    for (column, heading) in columns.iter().enumerate() {
        let _ = write!(
            html,
            "<th scope=\"col\"{}>{}</th>",
            class(column),
            escape(heading)
        );
    }
    html += "</tr></thead><tbody>";
    for row in rows {
        html += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let _ = match column {
                0 => write!(html, "<th scope=\"row\">{cell}</th>"),
                _ => write!(html, "<td{}>{cell}</td>", class(column)),
            };
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>"
}

/// Whether a cell holds words, and not a figure or a dash.
fn is_words(cell: Option<&String>) -> bool {
    let first = cell.and_then(|cell| cell.chars().next());
    first.is_some_and(|first| !first.is_ascii_digit() && !"-+.".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_figures_right() {
        let row = |name: &str, loss: &str, mse: &str| [name, loss, mse].map(str::to_owned).to_vec();
        let rows = [row("a", "-", "0.1"), row("b", "loss=mse", "-")];
        let html = table("of runs", &["run", "differs in", "mse"], &rows);
        for text in [
            "<p class=\"caption\">of runs</p>",
            "<th scope=\"col\" class=\"words\">differs in</th><th scope=\"col\">mse</th>",
            "<td class=\"words\">loss=mse</td><td>-</td>",
        ] {
            assert!(html.contains(text), "{text}: {html}");
        }
    }

    #[test]
    fn what_comes_from_outside_stays_text() {
        let evil = "<script>alert(\"1\" + '2' & 3)</script>";
        let mut page = Page::new(evil, evil);
        page.section(evil);
        page.text(evil);
        page.details(
            evil,
            &table(evil, &[evil, evil], &[vec![evil.into(), evil.into()]]),
        );
        let html = page.finish();
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(
            html.matches("&lt;script&gt;alert(&quot;1&quot; + &#39;2&#39; &amp; 3)")
                .count(),
            13
        );
    }
}
