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

/// A table with a caption and column headings. The first cell of a row is its heading, the others are figures. All
/// cells are plain text.
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{0}\"><table><caption>{0}</caption><thead><tr>",
        escape(caption)
    );
    for column in columns {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(column));
    }
    html += "</tr></thead><tbody>";
    for row in rows {
        html += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let _ = match column {
                0 => write!(html, "<th scope=\"row\">{cell}</th>"),
                _ => write!(html, "<td>{cell}</td>"),
            };
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>"
}

#[cfg(test)]
mod tests {
    use super::*;

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
            12
        );
    }
}
