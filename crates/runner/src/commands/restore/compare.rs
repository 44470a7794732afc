//! Pictures side by side, each with a caption above.

use std::path::Path;

use anyhow::{Context, Result};
use image::imageops::replace;
use image::{Rgb, RgbImage};

use hourglass::files;
use hourglass::pictures;
use report::chart::{Anchor, Item, PNG_SCALE, Paint, Scene, png};

/// Small pictures are enlarged by whole factors until their name fits above them. A name takes about
/// this many pixels, and no picture is made larger than this.
const SEEN: usize = 260;
const LARGEST: usize = 1000;

/// The grey level between the pictures, and its width.
const LINE: (usize, u8) = (4, 205);

/// Height of the line of names in pixels, and the size of its letters before they are drawn
/// [`PNG_SCALE`] times as large.
const NAMES: u32 = 28;
const TEXT: f64 = 9.0;

/// The factor that pictures are enlarged by.
fn enlarged(height: usize, width: usize) -> usize {
    let wanted = SEEN.div_ceil(width.max(1));
    wanted.min(LARGEST / height.max(width).max(1)).max(1)
}

/// Writes pictures of one shape, `[channels, height, width]` in [0, 1], from left to right.
/// The file appears whole or not at all.
///
/// # Errors
/// If a picture is not of the shape, or the file cannot be written.
pub fn write(panels: &[(String, &[f32])], shape: [usize; 3], path: &Path) -> Result<()> {
    let place = || path.display().to_string();
    let [_, height, width] = shape;
    let scale = enlarged(height, width);
    let row = panels.iter().map(|(_, picture)| *picture).collect();
    let pictures = pictures::grid_picture(&[row], shape, scale, LINE).with_context(place)?;
    let (wide, high) = pictures.dimensions();
    let mut page = RgbImage::from_pixel(wide, high + NAMES, Rgb([255; 3]));
    let names = panels.iter().map(|(name, _)| name.as_str());
    replace(&mut page, &written(names, width * scale, wide), 0, 0);
    replace(&mut page, &pictures, 0, i64::from(NAMES));
    Ok(files::write(path, &png(&page).with_context(place)?)?)
}

/// Names above columns of a width in pixels, on a strip of the whole width.
fn written<'a>(names: impl Iterator<Item = &'a str>, column: usize, whole: u32) -> RgbImage {
    let unit = f64::from(PNG_SCALE);
    let height = f64::from(NAMES) / unit;
    let name = |(number, name): (usize, &str)| {
        let left = number * (column + LINE.0);
        Item::Text {
            place: [
                (left as f64 + column as f64 / 2.0) / unit,
                height - TEXT / 2.0,
            ],
            text: name.to_owned(),
            size: TEXT,
            anchor: Anchor::Middle,
            upright: false,
            paint: Paint::Ink,
        }
    };
    let scene = Scene {
        size: [(f64::from(whole) / unit).ceil(), height],
        items: names.enumerate().map(name).collect(),
        ..Scene::default()
    };
    // Half a pixel of a scene may be one too many.
    image::imageops::crop_imm(&scene.pixels(), 0, 0, whole, NAMES).to_image()
}
