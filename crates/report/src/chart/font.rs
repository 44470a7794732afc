//! The font of charts: DejaVu Sans, which lies beside this file. It draws the text of PNGs, and tells how wide text is;
//! pages and SVG files are shown with whatever font there is, and few are wider.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

static FACE: LazyLock<Face<'static>> = LazyLock::new(|| {
    let bytes = include_bytes!("font/DejaVuSans.ttf");
    Face::parse(bytes, 0).expect("the font that is compiled in is whole")
});

/// The width of a text in units of a chart.
pub fn width(text: &str, size: f64) -> f64 {
    let units: f64 = text.chars().map(|it| glyph(it).1).sum();
    units * scale(size)
}

/// A letter's outline, or an empty box where the font lacks it, and how far it reaches in the font's units.
fn glyph(letter: char) -> (ttf_parser::GlyphId, f64) {
    let glyph = FACE.glyph_index(letter).unwrap_or_default();
    (glyph, FACE.glyph_hor_advance(glyph).map_or(0.0, f64::from))
}

fn scale(size: f64) -> f64 {
    size / f64::from(FACE.units_per_em())
}

/// What draws letters, in the font's units; upwards is positive.
pub trait Pen: OutlineBuilder {
    /// The next letter starts so far to the right of the text's start.
    fn letter(&mut self, place: f64);
}

/// Draws the outlines of a text's letters. The length of one of the font's units.
pub fn outline(text: &str, size: f64, pen: &mut impl Pen) -> f64 {
    let mut place = 0.0;
    for letter in text.chars() {
        let (glyph, advance) = glyph(letter);
        pen.letter(place);
        // Spaces have no outline.
        let _ = FACE.outline_glyph(glyph, pen);
        place += advance;
    }
    scale(size)
}

/// The text in lines of at most a width, broken at spaces, or within a word that is wider than a line.
pub fn wrapped(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if width(&longer, size) <= most {
                *line = longer;
                continue;
            }
        }
        let mut line = String::new();
        for letter in word.chars() {
            line.push(letter);
            if width(&line, size) > most && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, letter.to_string()));
            }
        }
        lines.push(line);
    }
    lines
}

/// The text, cut at its end so that it is not wider.
pub fn shortened(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while cut.pop().is_some() {
        let shown = format!("{}…", cut.trim_end());
        if width(&shown, size) <= most {
            return shown;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_asked_and_lose_nothing() {
        let text = "a title of words and of averyveryverylongnamewithoutanyspace";
        let lines = wrapped(text, 12.0, 100.0);
        assert!(lines.len() > 4, "{lines:?}");
        assert!(
            lines.iter().all(|line| width(line, 12.0) <= 100.0),
            "{lines:?}"
        );
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        assert_eq!(wrapped("short", 12.0, 100.0), ["short"]);
        assert!(wrapped("", 12.0, 100.0).is_empty());
    }

    #[test]
    fn what_is_too_wide_is_cut() {
        let cut = shortened("runs/a-name-of-a-run-which-is-long", 12.0, 100.0);
        assert!(cut.starts_with("runs/a-") && cut.ends_with('…'), "{cut}");
        assert!(width(&cut, 12.0) <= 100.0);
        assert_eq!(shortened("run", 12.0, 100.0), "run");
    }

    #[test]
    fn letters_of_other_scripts_have_a_width_too() {
        for text in ["µ", "ψ", "Ж", "–", "±", "日"] {
            assert!(width(text, 10.0) > 1.0, "{text}");
        }
        // DejaVu's digits are all 1303 of 2048 units wide.
        assert!((width("0123", 2048.0) - 4.0 * 1303.0).abs() < 1e-9);
    }
}
