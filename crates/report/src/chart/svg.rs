//! Scenes as SVG: within a page, whose style colours them, or as a file with colours of its own.

use std::fmt::Write;
use std::io::Cursor;

use data_encoding::BASE64;
use image::{ImageError, ImageFormat, RgbImage};

use super::palette::{COLORS, PALETTE};
use super::scene::{Anchor, Item, Mark, Paint, Scene};

/// Fonts of a file, the first one that there is; DejaVu Sans is what PNGs are written in.
const FONTS: &str = "DejaVu Sans, Verdana, Liberation Sans, Arial, sans-serif";

/// About a value; a pointer within it is shown the figures.
const HIT: f64 = 9.0;

/// Text from this size is a title.
const TITLE: f64 = 15.0;

/// Where an SVG is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a page with the charts' [style](super::STYLE).
    Page,
    /// Alone, on white.
    File,
}

/// Text as it must be written between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Colours of a file.
pub(super) fn rgb(paint: Paint) -> [u8; 3] {
    match paint {
        Paint::Ink => [0; 3],
        Paint::Soft => [0x56, 0x5d, 0x66],
        Paint::Grid => [0xd5, 0xd9, 0xde],
        Paint::Series(number) => PALETTE.get(number % COLORS).copied().unwrap_or_default(),
        Paint::Rgb(rgb) => rgb,
    }
}

/// What a colour is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Line,
    Fill,
    Text,
}

/// The attributes of an element that give it a colour, with a space before them.
fn colored(paint: Paint, used: Use, place: Place) -> String {
    let class = match paint {
        _ if place == Place::File => None,
        Paint::Ink => Some("ink".to_owned()),
        Paint::Soft => Some("soft".to_owned()),
        Paint::Grid => Some("grid".to_owned()),
        Paint::Series(number) => Some(format!("s{}", number % COLORS)),
        Paint::Rgb(_) => None,
    };
    match (class, used) {
        // The style colours all text alike.
        (Some(_), Use::Text) => String::new(),
        (Some(class), Use::Line) => format!(" class=\"line {class}\""),
        (Some(class), Use::Fill) => format!(" class=\"mark {class}\""),
        (None, used) => {
            let [red, green, blue] = rgb(paint);
            let color = format!("#{red:02x}{green:02x}{blue:02x}");
            match used {
                Use::Line => format!(" class=\"line\" fill=\"none\" stroke=\"{color}\""),
                Use::Fill => format!(" class=\"mark\" fill=\"{color}\""),
                Use::Text => format!(" fill=\"{color}\""),
            }
        }
    }
}

impl Scene {
    /// The whole SVG.
    ///
    /// # Errors
    /// If a picture in it cannot be encoded.
    pub fn svg(&self, place: Place) -> Result<String, ImageError> {
        let [width, height] = self.size;
        let label = escape(&self.label);
        let mut svg = format!(
            "<svg width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\""
        );
        svg += &match place {
            // Within HTML an SVG needs no name space.
            Place::Page => " class=\"chart\">".to_owned(),
            Place::File => format!(
                " xmlns=\"http://www.w3.org/2000/svg\" font-family=\"{FONTS}\">\
                 <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
            ),
        };
        for item in &self.items {
            svg += &item.svg(place)?;
        }
        Ok(svg + "</svg>")
    }
}

impl Item {
    fn svg(&self, place: Place) -> Result<String, ImageError> {
        Ok(match self {
            Self::Lines {
                lines,
                paint,
                width,
                dashed,
            } => {
                let path: String = lines.iter().map(|line| path(line, false)).collect();
                let dashes = if *dashed {
                    " stroke-dasharray=\"6 4\""
                } else {
                    ""
                };
                let color = colored(*paint, Use::Line, place);
                format!("<path{color} stroke-width=\"{width}\"{dashes} d=\"{path}\"/>")
            }
            Self::Marks {
                places,
                mark,
                radius,
                paint,
                opacity,
                name,
            } => {
                let paths = marks(*mark, places, *radius, *paint, place);
                let title = match name.is_empty() {
                    true => String::new(),
                    false => format!("<title>{}</title>", escape(name)),
                };
                format!("<g opacity=\"{opacity}\">{title}{paths}</g>")
            }
            Self::Value {
                place: [x, y],
                mark,
                paint,
                tip,
            } => {
                let mark =
                    mark.map(|(mark, radius)| marks(mark, &[[*x, *y]], radius, *paint, place));
                format!(
                    "<circle class=\"hit\" fill-opacity=\"0\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{HIT}\"><title>{}</title>\
                     </circle>{}",
                    escape(tip),
                    mark.unwrap_or_default()
                )
            }
            Self::Text { text, .. } if text.is_empty() => String::new(),
            Self::Text {
                place: [x, y],
                text,
                size,
                anchor,
                upright,
                paint,
            } => {
                let mut svg = format!("<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\"");
                svg += &colored(*paint, Use::Text, place);
                if *size >= TITLE {
                    svg += " class=\"title\"";
                }
                svg += match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                    Anchor::End => " text-anchor=\"end\"",
                };
                if *upright {
                    // Writing to a string cannot fail.
                    let _ = write!(svg, " transform=\"rotate(-90 {x:.1} {y:.1})\"");
                }
                format!("{svg}>{}</text>", escape(text))
            }
            Self::Rectangle {
                place: [x, y],
                size: [width, height],
                paint,
            } => format!(
                "<rect{} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>",
                colored(*paint, Use::Fill, place)
            ),
            Self::Picture {
                place: [x, y],
                pixels,
            } => {
                let (width, height) = pixels.dimensions();
                format!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
                     href=\"data:image/png;base64,{}\"/>",
                    BASE64.encode(&png(pixels)?)
                )
            }
        })
    }
}

/// A picture as the bytes of a PNG file.
///
/// # Errors
/// If it cannot be encoded.
pub fn png(pixels: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// All marks of a kind in one element: there may be thousands.
fn marks(mark: Mark, places: &[[f64; 2]], radius: f64, paint: Paint, place: Place) -> String {
    if mark == Mark::Circle {
        // Lines of no length with round ends.
        let dots: String = places
            .iter()
            .map(|[x, y]| format!("M{x:.1} {y:.1}h0"))
            .collect();
        return format!(
            "<path{} stroke-linecap=\"round\" stroke-width=\"{}\" d=\"{dots}\"/>",
            colored(paint, Use::Line, place),
            radius * 2.0
        );
    }
    let closed = mark.is_filled() || mark == Mark::Ring;
    let lines = places.iter().flat_map(|place| mark.corners(*place, radius));
    let path: String = lines.map(|line| path(&line, closed)).collect();
    match mark.is_filled() {
        true => format!("<path{} d=\"{path}\"/>", colored(paint, Use::Fill, place)),
        false => format!(
            "<path{} stroke-width=\"{}\" d=\"{path}\"/>",
            colored(paint, Use::Line, place),
            super::png::STROKE * radius
        ),
    }
}

fn path(points: &[[f64; 2]], closed: bool) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|[x, y]| format!("{x:.1} {y:.1}"))
        .collect();
    match points.is_empty() {
        true => String::new(),
        false => format!("M{}{}", points.join("L"), if closed { "Z" } else { "" }),
    }
}
