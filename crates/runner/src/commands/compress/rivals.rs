//! What picture formats make of the same pictures: PNG without loss, JPEG and WebP at several qualities.

use anyhow::{Context, Result, anyhow, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use rayon::prelude::*;
use serde::Serialize;

use crate::compression::pictures::Picture;
use crate::compression::quality::{Comparison, Quality};
use crate::compression::tiles;

/// Pictures below this many pixels a side are laid out in sheets, in which a file's header and tables count once for
/// many: alone, they would take most of the bytes.
const TINY: usize = 64;

/// Pictures a side of a sheet.
const SHEET: usize = 32;

/// Cells of a sheet start at multiples of this, so that no block of JPEG or WebP has pixels of two pictures.
const BLOCK: usize = 8;

/// Qualities of JPEG and WebP, of 100.
const QUALITIES: [u8; 10] = [1, 3, 6, 10, 20, 30, 45, 60, 80, 95];

/// A format at one quality.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Of 100; none where nothing is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    pub bytes_per_picture: f64,
    #[serde(flatten)]
    pub found: Quality,
}

/// A sheet's or a picture's file, to be written and read back.
#[derive(Clone, Copy)]
pub enum Format {
    Png,
    Jpeg,
    WebP,
}

/// One picture, or a sheet of many: `[channels, height, width]`.
struct Page {
    pixels: Vec<u8>,
    size: [usize; 2],
    /// The pictures on it, first of all and one behind the last.
    range: std::ops::Range<usize>,
}

/// Pictures as they are given to the formats.
pub struct Rivals<'a> {
    pictures: &'a [Picture],
    channels: usize,
    pages: Vec<Page>,
    /// Whether pages are sheets.
    pub sheets: bool,
}

impl<'a> Rivals<'a> {
    /// Lays the pictures out.
    pub fn new(pictures: &'a [Picture], channels: usize) -> Self {
        let first = pictures.first().map_or([0, 0], |picture| picture.size);
        let alike = pictures.iter().all(|picture| picture.size == first);
        let sheets = alike && first.iter().all(|&side| side < TINY) && pictures.len() > 1;
        let pages = if sheets {
            let cell = first.map(|side| side.next_multiple_of(BLOCK));
            let chunks = pictures.chunks(SHEET * SHEET).enumerate();
            chunks
                .map(|(index, part)| sheet(part, channels, cell, index * SHEET * SHEET))
                .collect()
        } else {
            let one = |(index, picture): (usize, &Picture)| Page {
                pixels: picture.pixels.clone(),
                size: picture.size,
                range: index..index + 1,
            };
            pictures.iter().enumerate().map(one).collect()
        };
        Self {
            pictures,
            channels,
            pages,
            sheets,
        }
    }

    /// Bytes and quality at every quality of the format.
    ///
    /// # Errors
    /// Where an encoder or a decoder fails.
    pub fn points(&self, format: Format) -> Result<Vec<Point>> {
        let qualities: Vec<Option<u8>> = match format {
            Format::Png => vec![None],
            Format::Jpeg | Format::WebP => QUALITIES.iter().map(|&it| Some(it)).collect(),
        };
        qualities
            .into_par_iter()
            .map(|quality| self.point(format, quality))
            .collect()
    }

    fn point(&self, format: Format, quality: Option<u8>) -> Result<Point> {
        let mut comparison = Comparison::default();
        let mut bytes = 0;
        for page in &self.pages {
            let file = self.encode(page, format, quality)?;
            bytes += file.len();
            let found = self.decode(page, &file, format)?;
            for (place, picture) in self
                .pictures
                .get(page.range.clone())
                .unwrap_or_default()
                .iter()
                .enumerate()
            {
                let [height, width] = picture.size;
                let part = match self.sheets {
                    true => self.cell(&found, page, picture, place),
                    false => found.clone(),
                };
                comparison.push([self.channels, height, width], &picture.pixels, &part)?;
            }
        }
        Ok(Point {
            quality,
            bytes_per_picture: bytes as f64 / self.pictures.len().max(1) as f64,
            found: comparison.finish(),
        })
    }

    /// The picture at a place of a sheet.
    fn cell(&self, found: &[u8], page: &Page, picture: &Picture, place: usize) -> Vec<u8> {
        let [rows, columns] = picture.size;
        let cell = picture.size.map(|side| side.next_multiple_of(BLOCK));
        let across = page.size[1] / cell[1];
        let (top, left) = (place / across * cell[0], place % across * cell[1]);
        let mut part = Vec::with_capacity(picture.pixels.len());
        for channel in 0..self.channels {
            for row in top..top + rows {
                let start = (channel * page.size[0] + row) * page.size[1] + left;
                part.extend_from_slice(found.get(start..start + columns).unwrap_or_default());
            }
        }
        part
    }

    fn encode(&self, page: &Page, format: Format, quality: Option<u8>) -> Result<Vec<u8>> {
        let [height, width] = page.size;
        let (wide, high) = (u32::try_from(width)?, u32::try_from(height)?);
        let (pixels, color) = match self.channels {
            1 => (page.pixels.clone(), ExtendedColorType::L8),
            _ => (
                interleaved(&page.pixels, self.channels),
                ExtendedColorType::Rgb8,
            ),
        };
        let mut file = Vec::new();
        let quality = quality.unwrap_or(100);
        match format {
            Format::Png => {
                let encoder = PngEncoder::new_with_quality(
                    &mut file,
                    CompressionType::Best,
                    FilterType::Adaptive,
                );
                encoder.write_image(&pixels, wide, high, color)?;
            }
            Format::Jpeg => JpegEncoder::new_with_quality(&mut file, quality)
                .write_image(&pixels, wide, high, color)?,
            Format::WebP => {
                // It knows no grey: three channels alike, of which two cost next to nothing.
                let rgb = match self.channels {
                    1 => pixels.iter().flat_map(|&it| [it; 3]).collect(),
                    _ => pixels,
                };
                let encoder = webp::Encoder::from_rgb(&rgb, wide, high);
                let encoded = encoder.encode_simple(false, f32::from(quality));
                let encoded = encoded.map_err(|error| anyhow!("WebP: {error:?}"))?;
                file.extend_from_slice(&encoded);
            }
        }
        Ok(file)
    }

    fn decode(&self, page: &Page, file: &[u8], format: Format) -> Result<Vec<u8>> {
        let kind = match format {
            Format::Png => ImageFormat::Png,
            Format::Jpeg => ImageFormat::Jpeg,
            Format::WebP => ImageFormat::WebP,
        };
        let picture: DynamicImage = image::load_from_memory_with_format(file, kind)
            .context("a picture of ours cannot be read")?;
        let [height, width] = page.size;
        ensure!(
            (picture.height() as usize, picture.width() as usize) == (height, width),
            "a picture changed its size"
        );
        Ok(match self.channels {
            1 => picture.into_luma8().into_raw(),
            channels => planes(&picture.into_rgb8().into_raw(), channels),
        })
    }
}

/// Pictures side by side, their edges repeated up to the next block.
fn sheet(pictures: &[Picture], channels: usize, cell: [usize; 2], first: usize) -> Page {
    let across = SHEET.min(pictures.len());
    let down = pictures.len().div_ceil(across);
    let size = [down * cell[0], across * cell[1]];
    let mut pixels = vec![0; channels * size[0] * size[1]];
    for (place, picture) in pictures.iter().enumerate() {
        let (top, left) = (place / across * cell[0], place % across * cell[1]);
        let tile = tiles::cut(&picture.pixels, picture.size, [channels, cell[0], cell[1]]);
        for (index, line) in tile.chunks_exact(cell[1]).enumerate() {
            let (channel, row) = (index / cell[0], index % cell[0]);
            let start = (channel * size[0] + top + row) * size[1] + left;
            if let Some(to) = pixels.get_mut(start..start + cell[1]) {
                to.copy_from_slice(line);
            }
        }
    }
    Page {
        pixels,
        size,
        range: first..first + pictures.len(),
    }
}

/// `[channels, pixels]` as `[pixels, channels]`.
fn interleaved(planes: &[u8], channels: usize) -> Vec<u8> {
    let count = planes.len() / channels.max(1);
    let at = |pixel: usize, channel: usize| {
        planes
            .get(channel * count + pixel)
            .copied()
            .unwrap_or_default()
    };
    (0..count)
        .flat_map(|pixel| (0..channels).map(move |channel| at(pixel, channel)))
        .collect()
}

/// `[pixels, channels]` as `[channels, pixels]`.
fn planes(pixels: &[u8], channels: usize) -> Vec<u8> {
    (0..channels)
        .flat_map(|channel| {
            pixels
                .iter()
                .skip(channel)
                .step_by(channels.max(1))
                .copied()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(count: usize, size: [usize; 2], channels: usize) -> Vec<Picture> {
        let pixel = |index: usize| ((index % 23) * 9 + index / 97) as u8;
        let one = |number: usize| Picture {
            pixels: (0..channels * size[0] * size[1])
                .map(|i| pixel(i + number * 31))
                .collect(),
            size,
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn png_gives_every_picture_back() {
        for (count, size, channels) in [
            (40, [5, 9], 1),
            (3, [12, 7], 3),
            (2, [70, 3], 3),
            (1, [9, 9], 1),
        ] {
            let pictures = pictures(count, size, channels);
            let rivals = Rivals::new(&pictures, channels);
            assert_eq!(rivals.sheets, count > 1 && size[0] < 64);
            let points = rivals.points(Format::Png).unwrap();
            assert_eq!(points.len(), 1);
            assert_eq!(points[0].found.psnr, 100.0, "{size:?}");
        }
    }

    #[test]
    fn more_quality_takes_more_bytes() {
        let pictures = pictures(30, [16, 16], 3);
        let rivals = Rivals::new(&pictures, 3);
        for format in [Format::Jpeg, Format::WebP] {
            let points = rivals.points(format).unwrap();
            let (first, last) = (points.first().unwrap(), points.last().unwrap());
            assert!(first.bytes_per_picture < last.bytes_per_picture);
            assert!(first.found.psnr + 3.0 < last.found.psnr);
        }
    }
}
