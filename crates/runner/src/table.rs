//! Tables for the terminal: columns beside each other, or on their side where the terminal is too narrow. No word is
//! ever broken.

use crate::terminal::one_line;

/// Spaces between two columns.
const GAP: &str = "  ";

/// Rows of cells below a header.
#[derive(Clone, Debug)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Number of the first column that holds numbers, as all columns after it do: these are aligned to the right.
    first_number: usize,
}

impl Table {
    /// A table whose columns hold figures from number `first_number` on.
    pub fn new(header: &[&str], rows: Vec<Vec<String>>, first_number: usize) -> Self {
        Self {
            header: header.iter().map(|it| (*it).to_owned()).collect(),
            rows: rows
                .into_iter()
                .map(|row| row.iter().map(|it| one_line(it).into_owned()).collect())
                .collect(),
            first_number,
        }
    }

    /// The table as text, at most `width` columns wide if its cells allow that; as wide as it is without a `width`.
    pub fn text(&self, width: Option<usize>) -> String {
        match width {
            Some(width) if self.width() > width => self.on_its_side(width),
            _ => self.upright(),
        }
    }

    /// The columns of text that it takes.
    pub fn width(&self) -> usize {
        let cells: usize = self.widths().iter().sum();
        1 + cells + GAP.len() * self.header.len().saturating_sub(1)
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|it| it.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    fn upright(&self) -> String {
        let widths = self.widths();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).enumerate();
            let padded: Vec<String> = padded
                .map(
                    |(column, (cell, &width))| match column >= self.first_number {
                        true => format!("{cell:>width$}"),
                        false => format!("{cell:<width$}"),
                    },
                )
                .collect();
            format!(" {}", padded.join(GAP)).trim_end().to_owned()
        };
        let all = std::iter::once(&self.header).chain(&self.rows);
        all.map(|cells| line(cells)).collect::<Vec<_>>().join("\n")
    }

    /// Rows become columns, as many beside each other as fit.
    fn on_its_side(&self, width: usize) -> String {
        let names = self.header.iter().map(|it| it.chars().count());
        let names = names.max().unwrap_or_default();
        let widest = |row: &Vec<String>| row.iter().map(|it| it.chars().count()).max();
        let mut blocks: Vec<Vec<&Vec<String>>> = Vec::new();
        let mut taken = usize::MAX;
        for row in &self.rows {
            let own = GAP.len() + widest(row).unwrap_or_default();
            if taken.saturating_add(own) > width {
                blocks.push(Vec::new());
                taken = 1 + names;
            }
            taken += own;
            if let Some(block) = blocks.last_mut() {
                block.push(row);
            }
        }
        let block = |rows: &Vec<&Vec<String>>| {
            let line = |(column, name): (usize, &String)| {
                let mut line = format!(" {name:<names$}");
                if let [row] = rows.as_slice()
                    && 1 + names + GAP.len() + widest(row).unwrap_or_default() > width
                {
                    // Words that are wider than the terminal go on below each other.
                    let cell = row.get(column).map_or("", String::as_str);
                    return hanging(&(line + GAP), cell, width).trim_end().to_owned();
                }
                for row in rows {
                    let width = widest(row).unwrap_or_default();
                    let cell = row.get(column).map_or("", String::as_str);
                    line += &format!("{GAP}{cell:>width$}");
                }
                line.trim_end().to_owned()
            };
            let lines = self.header.iter().enumerate().map(line);
            lines.collect::<Vec<_>>().join("\n")
        };
        let blocks: Vec<String> = blocks.iter().map(block).collect();
        blocks.join("\n\n")
    }
}

/// Text with lines of at most `width` columns, broken between words. A line that begins with a label and two spaces
/// goes on below its text; lines of a table and of pictures stay as they are.
pub fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| wrapped_line(line, width))
        .collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    if line.chars().count() <= width || line.contains('\u{1b}') {
        return line.to_owned();
    }
    let own = line.len() - line.trim_start().len();
    let (head, prose) = match line.get(own..).and_then(|rest| rest.find(GAP)) {
        // A label is one word, and only one gap follows it.
        Some(end) => {
            let (label, rest) = line.split_at(own + end);
            let prose = rest.trim_start();
            if own > 0 || label.contains(' ') || prose.contains(GAP) {
                return line.to_owned();
            }
            line.split_at(line.len() - prose.len())
        }
        None => line.split_at(own),
    };
    hanging(head, prose, width)
}

/// Prose after a head, with further lines below its beginning.
fn hanging(head: &str, prose: &str, width: usize) -> String {
    let indent = head.chars().count();
    let mut text = head.to_owned();
    let mut column = indent;
    for word in prose.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            text += "\n";
            text += &" ".repeat(indent);
            column = indent;
        } else if column > indent {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |run: &str, code: &str, mse: &str| {
            [run, code, mse, "20.00"].map(str::to_owned).to_vec()
        };
        Table::new(
            &["run", "code", "mse", "psnr"],
            vec![
                row("first", "4", "0.010000"),
                row("second-of-all", "128", "0.002000"),
                row("third", "8", "0.030000"),
            ],
            1,
        )
    }

    #[test]
    fn figures_stand_below_each_other() {
        let expected = " run            code       mse   psnr\n \
                        first             4  0.010000  20.00\n \
                        second-of-all   128  0.002000  20.00\n \
                        third             8  0.030000  20.00";
        assert_eq!(table().text(None), expected);
        assert_eq!(table().text(Some(table().width())), expected);
        assert_eq!(table().width(), 37);
    }

    #[test]
    fn a_table_that_is_too_wide_lies_on_its_side_and_breaks_no_cell() {
        let expected = " run      first  second-of-all\n \
                        code         4            128\n \
                        mse   0.010000       0.002000\n \
                        psnr     20.00          20.00\n\n \
                        run      third\n \
                        code         8\n \
                        mse   0.030000\n \
                        psnr     20.00";
        assert_eq!(table().text(Some(36)), expected);
        for width in [5, 12, 20, 40] {
            let text = table().text(Some(width));
            for cell in ["second-of-all", "0.002000", "0.030000", "128"] {
                assert!(text.contains(cell), "{width}: {text}");
            }
        }
    }

    #[test]
    fn words_wider_than_the_terminal_go_on_below() {
        let cells = ["cuda", "not compiled in: cargo run -p runner"].map(str::to_owned);
        let table = Table::new(&["backend", "adapter"], vec![cells.to_vec()], 2);
        let expected = " backend  cuda\n adapter  not compiled in:\n          cargo run -p runner";
        assert_eq!(table.text(Some(30)), expected);
    }

    #[test]
    fn prose_breaks_between_words_alone() {
        let text = "2.25 times less error than PCA; 95.8 % of the units active";
        assert_eq!(
            wrapped(text, 30),
            "2.25 times less error than\nPCA; 95.8 % of the units\nactive"
        );
        assert_eq!(wrapped(text, 80), text);
        // A word that is wider stays whole.
        assert_eq!(
            wrapped("see /a/very/long/path now", 8),
            "see\n/a/very/long/path\nnow"
        );
    }

    #[test]
    fn a_label_keeps_its_text_beside_it_and_tables_stay() {
        assert_eq!(
            wrapped("data     mnist: 55000 training and 5000 more", 26),
            "data     mnist: 55000\n         training and 5000\n         more"
        );
        for line in [
            " a  b  c  d  e  f  g  h",
            "on the test images  mse  psnr",
            "\u{1b}[38;5;1m____________",
        ] {
            assert_eq!(wrapped(line, 10), line);
        }
    }
}
