//! Sheets: pictures in rows and columns with a title, axes and names, as SVG and PNG.

mod bar;

use std::path::Path;

use image::RgbImage;

pub use bar::Bar;
use bar::{BAR, BAR_HEIGHT};

use crate::chart::{Anchor, Item, Paint, Place, Scene, png, text_width};
use hourglass::Result;
use hourglass::error::At;
use hourglass::files;
use hourglass::pictures::{self, PictureError, shrink::shrunk};

/// The most pixels that the pictures of a sheet take across, lines between them not counted.
const ACROSS: usize = 800;

/// The most pixels that one picture takes a side.
const LARGEST: usize = 60;

/// Sizes of the letters.
const TITLE: f64 = 18.0;
const TEXT: f64 = 12.0;

/// About everything.
const MARGIN: f64 = 16.0;
/// Between the pictures and what is written beside them.
const GAP: f64 = 6.0;
/// From one line of text to the next, in proportion to its size.
const LINE: f64 = 1.5;

/// How wide what lies between pictures is, and how bright.
const LINE_BETWEEN: (usize, u8) = (1, 128);
const APART: (usize, u8) = (4, 205);

/// Rows of pictures and what is written about them.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// What is shown.
    pub title: String,
    /// Lines below it.
    pub notes: Vec<String>,
    /// What changes from left to right; nothing is written if it is empty, as of all texts.
    pub across: String,
    /// What changes from row to row.
    pub down: String,
    /// A name below each column.
    pub columns: Vec<String>,
    /// A name beside each row.
    pub rows: Vec<String>,
    /// The pictures, [channels, height, width] each, in [0, 1].
    pub pictures: Vec<Vec<Vec<f32>>>,
    /// Channels, height and width of each picture: 1 channel or 3.
    pub shape: [usize; 3],
    /// Whether the pictures stand farther apart, as small ones of few pixels should.
    pub apart: bool,
    /// A scale of colours.
    pub bar: Option<Bar>,
}

/// Where the parts of a sheet lie.
struct Places {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
}

impl Sheet {
    /// The sheet with axes and names.
    pub fn named(
        mut self,
        across: &str,
        columns: Vec<String>,
        down: &str,
        rows: Vec<String>,
    ) -> Self {
        self.across = across.to_owned();
        self.columns = columns;
        self.down = down.to_owned();
        self.rows = rows;
        self
    }

    /// Writes `STEM.svg` and `STEM.png`, each whole or not at all.
    ///
    /// # Errors
    /// If there is no picture, if one is not of the shape, or a file cannot be written.
    pub fn write(&self, stem: &Path) -> Result<()> {
        let pictures = self.drawn().at(|| stem.display().to_string())?;
        let scene = self.scene(pictures);
        files::write(
            &stem.with_extension("svg"),
            scene
                .svg(Place::File)
                .map_err(PictureError::Encode)?
                .as_bytes(),
        )?;
        Ok(files::write(
            &stem.with_extension("png"),
            &png(&scene.pixels()).map_err(PictureError::Encode)?,
        )?)
    }

    /// The pictures side by side, enlarged or shrunk to a size that can be seen.
    fn drawn(&self) -> Result<RgbImage, PictureError> {
        let [channels, height, width] = self.shape;
        let columns = self.pictures.iter().map(Vec::len).max().unwrap_or(0);
        if columns == 0 {
            return Err(PictureError::Empty);
        }
        let wanted = (ACROSS / columns).clamp(1, LARGEST);
        let side = height.max(width).max(1);
        let shrink = side.div_ceil(wanted);
        let shape = [channels, height.div_ceil(shrink), width.div_ceil(shrink)];
        let shrunk: Vec<Vec<Vec<f32>>> = (self.pictures.iter())
            .map(|row| {
                row.iter()
                    .map(|it| shrunk(it, self.shape, shrink))
                    .collect()
            })
            .collect();
        let rows: Vec<Vec<&[f32]>> = (shrunk.iter())
            .map(|row| row.iter().map(Vec::as_slice).collect())
            .collect();
        // The nearest whole factor.
        let scale = ((wanted + side / 2) / side).max(1);
        pictures::grid_picture(&rows, shape, scale, self.line())
    }

    fn line(&self) -> (usize, u8) {
        if self.apart { APART } else { LINE_BETWEEN }
    }

    /// Room for everything about pictures of so many pixels.
    fn places(&self, across: f64, down: f64) -> Places {
        let line = TEXT * LINE;
        let rows = widest(&self.rows);
        let named = |text: &str| if text.is_empty() { 0.0 } else { line };
        let left = MARGIN + named(&self.down) + if rows > 0.0 { rows + GAP } else { 0.0 };
        let top = MARGIN + TITLE * LINE + line * self.notes.len() as f64 + GAP;
        let columns = if self.columns.is_empty() { 0.0 } else { line };
        let bar = self
            .bar
            .as_ref()
            .map(|bar| GAP * 2.0 + BAR + GAP + widest(&bar.names));
        let body = left + across + bar.unwrap_or(0.0) + MARGIN;
        let title = text_width(&self.title, TITLE);
        let text = title.max(widest(&self.notes)) + 2.0 * MARGIN;
        let width = body.max(text).ceil();
        let below = down.max(if bar.is_some() {
            BAR_HEIGHT + line
        } else {
            0.0
        });
        Places {
            width,
            height: (top + below + columns + named(&self.across) + MARGIN).ceil(),
            // In the middle of what the title needs, on a whole pixel.
            left: (left + (width - body) / 2.0).round(),
            top: top.round(),
        }
    }

    /// The pictures and everything about them.
    fn scene(&self, pictures: RgbImage) -> Scene {
        let (across, down) = pictures.dimensions();
        let [across, down] = [across, down].map(f64::from);
        let places = self.places(across, down);
        let mut scene = Scene {
            label: self.title.clone(),
            size: [places.width, places.height],
            items: Vec::new(),
        };
        let (line, middle) = (TEXT * LINE, places.width / 2.0);
        let mut y = MARGIN + TITLE;
        scene
            .items
            .push(text(&self.title, middle, y, TITLE, Anchor::Middle));
        for note in &self.notes {
            y += line;
            scene
                .items
                .push(text(note, middle, y, TEXT, Anchor::Middle));
        }
        let columns = self.pictures.iter().map(Vec::len).max().unwrap_or(0).max(1) as f64;
        // From one picture to the next.
        let line_width = self.line().0 as f64;
        let wide = (across + line_width) / columns;
        let high = (down + line_width) / self.pictures.len().max(1) as f64;
        let base = TEXT * 0.35;
        for (row, name) in self.rows.iter().enumerate() {
            let y = places.top + row as f64 * high + (high - line_width) / 2.0 + base;
            scene
                .items
                .push(text(name, places.left - GAP, y, TEXT, Anchor::End));
        }
        let mut y = places.top + down;
        if !self.columns.is_empty() {
            y += line;
            // Names wider than a column would run into each other.
            let every = (widest(&self.columns) / wide).ceil().max(1.0) as usize;
            for (column, name) in self.columns.iter().enumerate().step_by(every) {
                let x = places.left + column as f64 * wide + (wide - line_width) / 2.0;
                scene.items.push(text(name, x, y, TEXT, Anchor::Middle));
            }
        }
        let centre = places.left + across / 2.0;
        scene
            .items
            .push(text(&self.across, centre, y + line, TEXT, Anchor::Middle));
        let left = places.left - GAP - widest(&self.rows) - line * 0.6;
        scene.items.push(Item::Text {
            place: [left, places.top + down / 2.0],
            text: self.down.clone(),
            size: TEXT,
            anchor: Anchor::Middle,
            upright: true,
            paint: Paint::Ink,
        });
        if let Some(bar) = &self.bar {
            bar.draw(&mut scene, places.left + across + 2.0 * GAP, places.top);
        }
        scene.items.push(Item::Picture {
            place: [places.left, places.top],
            pixels: pictures,
        });
        scene
    }
}

fn text(text: &str, x: f64, y: f64, size: f64, anchor: Anchor) -> Item {
    Item::Text {
        place: [x, y],
        text: text.to_owned(),
        size,
        anchor,
        upright: false,
        paint: Paint::Ink,
    }
}

/// How wide the widest of some texts is.
fn widest(texts: &[String]) -> f64 {
    texts
        .iter()
        .map(|text| text_width(text, TEXT))
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(shape: [usize; 3], rows: usize, columns: usize) -> Sheet {
        let picture = |place: usize| {
            let count = shape.iter().product();
            vec![place as f32 / (rows * columns) as f32; count]
        };
        let row = |row: usize| (0..columns).map(|it| picture(row * columns + it)).collect();
        Sheet {
            title: "A title & more".into(),
            notes: vec!["a note".into()],
            across: "to the right".into(),
            down: "downwards".into(),
            columns: (0..columns).map(|it| format!("c{it}")).collect(),
            rows: (0..rows).map(|it| format!("r{it}")).collect(),
            pictures: (0..rows).map(row).collect(),
            shape,
            apart: false,
            bar: Some(Bar {
                names: ["low", "middle", "high"].map(String::from),
                color: |it| [it; 3],
            }),
        }
    }

    #[test]
    fn a_sheet_names_everything_and_holds_its_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("sheet");
        sheet([1, 4, 4], 2, 3).write(&stem).unwrap();
        let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
        for text in [
            "A title &amp; more",
            "a note",
            "to the right",
            "downwards",
            ">c2<",
            ">r1<",
            ">middle<",
            "href=\"data:image/png;base64,iVBOR",
        ] {
            assert!(svg.contains(text), "{text} is missing");
        }
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        // The last picture's grey, 5 / 6, is where the SVG says, twice as large.
        let number = |name: &str| -> u32 {
            let text = svg.split("<image").nth(1).unwrap();
            let text = text.split(&format!("{name}=\"")).nth(1).unwrap();
            text.split('"').next().unwrap().parse().unwrap()
        };
        let page = image::open(stem.with_extension("png")).unwrap().into_rgb8();
        let (right, bottom) = (
            number("x") + number("width"),
            number("y") + number("height"),
        );
        assert_eq!(page.get_pixel(right * 2 - 5, bottom * 2 - 5).0, [213; 3]);
        assert_eq!(page.get_pixel(right * 2 + 1, bottom * 2 + 1).0, [255; 3]);
    }

    #[test]
    fn large_pictures_are_shrunk_and_small_ones_enlarged() {
        let size = |shape, columns| sheet(shape, 1, columns).drawn().unwrap().dimensions();
        assert_eq!(size([1, 28, 28], 20), (20 * 29 - 1, 28));
        assert_eq!(size([3, 8, 4], 2), (2 * 33 - 1, 64));
        assert_eq!(size([3, 130, 100], 1), (34, 44));
    }

    #[test]
    fn names_wider_than_their_columns_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("sheet");
        let mut sheet = sheet([1, 28, 28], 1, 20);
        sheet.columns = (0..20).map(|it| format!("{it} long")).collect();
        sheet.write(&stem).unwrap();
        let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
        // 7 letters of about 7 pixels each over 29 pixels.
        assert_eq!(svg.matches(" long<").count(), 10);
        assert!(svg.contains(">0 long<") && !svg.contains(">1 long<"));
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("sheet");
        for bad in [
            Sheet::default(),
            Sheet {
                shape: [1, 5, 5],
                ..sheet([1, 4, 4], 1, 1)
            },
        ] {
            let error = format!("{:#}", bad.write(&stem).unwrap_err());
            assert!(error.contains("sheet") && !error.contains('\n'), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
