//! The same pictures in other formats: lossless PNG, and JPEG and WebP at several qualities.

use anyhow::{Context, Result, anyhow, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use rayon::prelude::*;
use serde::Serialize;

use hourglass::codec::container::Sizes;
use hourglass::codec::pictures::Picture;
use hourglass::codec::quality::{Comparison, Quality};
use hourglass::codec::tiles;

/// Pictures smaller than this per side are laid out in sheets, so that many share one file's header and tables, which
/// would otherwise take most of the bytes.
const TINY: usize = 64;

/// Pictures per side of a sheet.
const SHEET: usize = 32;

/// Cells of a sheet start at multiples of this, so that no block of JPEG or WebP covers two pictures.
const BLOCK: usize = 8;

/// Qualities of JPEG and WebP, out of 100.
const QUALITIES: [u8; 11] = [0, 1, 3, 6, 10, 20, 30, 45, 60, 80, 95];

/// The slowest of WebP's methods, which makes the smallest files.
const METHOD: i32 = 6;

/// A format at one quality.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Out of 100; `None` if lossless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    pub bytes_per_picture: f64,
    #[serde(flatten)]
    pub found: Quality,
}

/// A format of picture files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg,
    WebP,
}

/// A picture, or a sheet of many: `[channels, height, width]`.
struct Page {
    pixels: Vec<u8>,
    size: [usize; 2],
}

/// Running totals of a format at one quality.
struct Track {
    format: Format,
    quality: Option<u8>,
    bytes: usize,
    comparison: Comparison,
}

/// Picture formats, which receive the pictures one by one.
pub struct Rivals {
    channels: usize,
    /// Height and width of the pictures, if they go on sheets.
    sheets: Option<[usize; 2]>,
    /// Pictures waiting for their sheet to fill up.
    waiting: Vec<Picture>,
    count: usize,
    tracks: Vec<Track>,
}

impl Rivals {
    /// For pictures of these sizes.
    pub fn new(sizes: &Sizes, channels: usize) -> Self {
        let sheets = match sizes {
            Sizes::Alike(count, size) if *count > 1 && size.iter().all(|&side| side < TINY) => {
                Some(*size)
            }
            _ => None,
        };
        let track = |format, quality| Track {
            format,
            quality,
            bytes: 0,
            comparison: Comparison::default(),
        };
        let mut tracks = vec![track(Format::Png, None)];
        for quality in QUALITIES {
            tracks.push(track(Format::WebP, Some(quality)));
            // It treats 0 as 1.
            if quality > 0 {
                tracks.push(track(Format::Jpeg, Some(quality)));
            }
        }
        Self {
            channels,
            sheets,
            waiting: Vec::new(),
            count: 0,
            tracks,
        }
    }

    /// Whether pictures go on sheets.
    pub fn has_sheets(&self) -> bool {
        self.sheets.is_some()
    }

    /// Encodes and decodes pictures in all formats.
    ///
    /// # Errors
    /// If an encoder or a decoder fails.
    pub fn push(&mut self, pictures: Vec<Picture>) -> Result<()> {
        for picture in pictures {
            self.waiting.push(picture);
            if self.sheets.is_none() || self.waiting.len() == SHEET * SHEET {
                self.write()?;
            }
        }
        Ok(())
    }

    /// Bytes and quality of each format at all its qualities.
    ///
    /// # Errors
    /// As [`Rivals::push`].
    pub fn finish(mut self) -> Result<impl Fn(Format) -> Vec<Point>> {
        self.write()?;
        Ok(move |format| {
            let tracks = self.tracks.iter().filter(|track| track.format == format);
            let point = |track: &Track| Point {
                quality: track.quality,
                bytes_per_picture: track.bytes as f64 / self.count.max(1) as f64,
                found: track.comparison.finish(),
            };
            tracks.map(point).collect()
        })
    }

    /// Writes the waiting pictures.
    fn write(&mut self) -> Result<()> {
        let pictures = std::mem::take(&mut self.waiting);
        let Some(first) = pictures.first() else {
            return Ok(());
        };
        self.count += pictures.len();
        let (channels, sheets) = (self.channels, self.sheets);
        let page = match sheets {
            Some(size) => sheet(&pictures, channels, cell(size)),
            None => Page {
                pixels: first.pixels.clone(),
                size: first.size,
            },
        };
        self.tracks.par_iter_mut().try_for_each(|track| {
            let file = encode(&page, channels, track.format, track.quality)?;
            track.bytes += file.len();
            let found = decode(&page, channels, &file, track.format)?;
            for (place, picture) in pictures.iter().enumerate() {
                let [height, width] = picture.size;
                let part = match sheets {
                    Some(_) => &part(&found, &page, picture, channels, place),
                    None => &found,
                };
                let shape = [channels, height, width];
                track.comparison.push(shape, &picture.pixels, part)?;
            }
            Ok(())
        })
    }
}

/// Height and width of a picture's place on a sheet.
fn cell(size: [usize; 2]) -> [usize; 2] {
    size.map(|side| side.next_multiple_of(BLOCK))
}

/// The picture at a place of a sheet.
fn part(found: &[u8], page: &Page, picture: &Picture, channels: usize, place: usize) -> Vec<u8> {
    let [rows, columns] = picture.size;
    let cell = cell(picture.size);
    let across = (page.size[1] / cell[1]).max(1);
    let (top, left) = (place / across * cell[0], place % across * cell[1]);
    let mut part = Vec::with_capacity(picture.pixels.len());
    for channel in 0..channels {
        for row in top..top + rows {
            let start = (channel * page.size[0] + row) * page.size[1] + left;
            part.extend_from_slice(found.get(start..start + columns).unwrap_or_default());
        }
    }
    part
}

/// The bytes of a picture's file.
fn encode(page: &Page, channels: usize, format: Format, quality: Option<u8>) -> Result<Vec<u8>> {
    let [height, width] = page.size;
    let (wide, high) = (u32::try_from(width)?, u32::try_from(height)?);
    let (pixels, color) = match channels {
        1 => (page.pixels.clone(), ExtendedColorType::L8),
        _ => (interleaved(&page.pixels, channels), ExtendedColorType::Rgb8),
    };
    let mut file = Vec::new();
    let quality = quality.unwrap_or(100);
    match format {
        Format::Png => {
            PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive)
                .write_image(&pixels, wide, high, color)?
        }
        Format::Jpeg => JpegEncoder::new_with_quality(&mut file, quality)
            .write_image(&pixels, wide, high, color)?,
        Format::WebP => {
            // It has no grey: three equal channels, two of which cost almost nothing.
            let rgb = match channels {
                1 => pixels.iter().flat_map(|&it| [it; 3]).collect(),
                _ => pixels,
            };
            let failed = |error: &dyn std::fmt::Debug| anyhow!("WebP: {error:?}");
            let mut config = webp::WebPConfig::new().map_err(|error| failed(&error))?;
            config.quality = f32::from(quality);
            config.method = METHOD;
            let encoder = webp::Encoder::from_rgb(&rgb, wide, high);
            let encoded = encoder.encode_advanced(&config);
            file.extend_from_slice(&encoded.map_err(|error| failed(&error))?);
        }
    }
    Ok(file)
}

/// The pixels of a picture's file, laid out as the page is.
fn decode(page: &Page, channels: usize, file: &[u8], format: Format) -> Result<Vec<u8>> {
    let kind = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::WebP => ImageFormat::WebP,
    };
    let picture: DynamicImage = image::load_from_memory_with_format(file, kind)
        .context("a picture that this program encoded cannot be read back")?;
    let [height, width] = page.size;
    ensure!(
        (picture.height() as usize, picture.width() as usize) == (height, width),
        "a picture changed size when encoded"
    );
    Ok(match channels {
        1 => picture.into_luma8().into_raw(),
        channels => planes(&picture.into_rgb8().into_raw(), channels),
    })
}

/// Pictures side by side, their edges repeated up to the next block.
fn sheet(pictures: &[Picture], channels: usize, cell: [usize; 2]) -> Page {
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
    Page { pixels, size }
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
            let sizes = Sizes::Alike(count, size);
            let mut rivals = Rivals::new(&sizes, channels);
            assert_eq!(rivals.has_sheets(), count > 1 && size[0] < 64);
            rivals.push(pictures(count, size, channels)).unwrap();
            let points = rivals.finish().unwrap()(Format::Png);
            assert_eq!(points.len(), 1);
            assert_eq!(points[0].found.psnr, 100.0, "{size:?}");
        }
    }

    #[test]
    fn more_quality_takes_more_bytes() {
        let mut rivals = Rivals::new(&Sizes::Alike(30, [16, 16]), 1);
        for part in pictures(30, [16, 16], 1).chunks(7) {
            rivals.push(part.to_vec()).unwrap();
        }
        let points = rivals.finish().unwrap();
        for format in [Format::Jpeg, Format::WebP] {
            let points = points(format);
            let (first, last) = (points.first().unwrap(), points.last().unwrap());
            assert!(first.bytes_per_picture < last.bytes_per_picture);
            assert!(first.found.psnr + 3.0 < last.found.psnr);
        }
    }
}
