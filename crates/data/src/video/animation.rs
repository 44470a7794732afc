//! Animated GIF, WebP and PNG files: how many frames there are, counted in the file's blocks without decoding, and the
//! frames as a viewer shows them, whole and one after the other.
//!
//! Sources: GIF89a specification, sections 18 to 26; RFC 9649, section 2.7; PNG specification (third edition),
//! section 11.3.6.

use std::io::Cursor;
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageFormat, Limits};

use super::source::Header;
use crate::picture::{Conversion, MAX_MIB, MAX_SIDE, bad, stored};
use crate::value::Value;
use crate::{DataError, webp};

/// The most pixels of all frames of a file together: more are hours of decoding, and a small file can announce them.
const MOST_PIXELS: u64 = 1 << 32;

/// The number of frames of a file, 1 of a GIF that does not move; `None` if it is no animation.
///
/// # Errors
///
/// If it cannot be read, or is cut off.
pub(super) fn count(path: &Path) -> Result<Option<usize>, DataError> {
    counted(path, &stored(path)?)
}

/// The same of its bytes.
fn counted(path: &Path, bytes: &[u8]) -> Result<Option<usize>, DataError> {
    let frames = match image::guess_format(bytes) {
        Ok(ImageFormat::Gif) => gif(bytes).map(Some),
        Ok(ImageFormat::WebP) if webp::is_whole(bytes) => {
            let frames = webp_chunks(bytes);
            Some((frames > 0).then_some(frames))
        }
        Ok(ImageFormat::Png) => png(bytes),
        Ok(ImageFormat::WebP) => None,
        _ => Some(None),
    };
    frames.ok_or_else(|| wrong(path, "is truncated".into()))
}

/// Frames of a GIF; `None` if it is cut off.
fn gif(bytes: &[u8]) -> Option<usize> {
    // Header and logical screen; the table of colours has 3 bytes for each of 2^(n + 1) colours.
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let mut rest = bytes.get(13 + table(*bytes.get(10)?)..)?;
    let mut frames = 0;
    loop {
        let behind = match *rest.first()? {
            // The end.
            0x3B => return Some(frames),
            0x21 => 2,
            0x2C => {
                frames += 1;
                // Place, size and flags, colours, and the size of the codes.
                10 + table(*rest.get(9)?) + 1
            }
            _ => return None,
        };
        rest = rest.get(behind..)?;
        // Blocks of data up to an empty one.
        loop {
            let length = usize::from(*rest.first()?);
            rest = rest.get(1 + length..)?;
            if length == 0 {
                break;
            }
        }
    }
}

/// Frames of a whole WebP file, 0 of a still one.
fn webp_chunks(bytes: &[u8]) -> usize {
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut frames = 0;
    while let Some((name, after)) = rest.split_at_checked(4) {
        frames += usize::from(name == b"ANMF");
        let length = after
            .first_chunk()
            .map(|it: &[u8; 4]| u32::from_le_bytes(*it));
        let length = length.unwrap_or(u32::MAX) as usize;
        let next = length.saturating_add(length % 2).saturating_add(4);
        rest = after.get(next..).unwrap_or_default();
    }
    frames
}

/// Frames of a PNG file, none of a still one; `None` if it is cut off.
fn png(bytes: &[u8]) -> Option<Option<usize>> {
    let mut rest = bytes.get(8..)?;
    let (mut is_animation, mut frames) = (false, 0);
    loop {
        let length: &[u8; 4] = rest.first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        let name = rest.get(4..8)?;
        is_animation |= name == b"acTL";
        frames += usize::from(name == b"fcTL");
        // Length, name and checksum.
        rest = rest.get(length.checked_add(12)?..)?;
        if name == b"IEND" {
            return Some(is_animation.then_some(frames));
        }
    }
}

pub(super) fn open(path: &Path) -> Result<Header, DataError> {
    let bytes = stored(path)?;
    let frames = counted(path, &bytes)?.ok_or_else(|| wrong(path, "has no frames".into()))?;
    let (size, channels) = match image::guess_format(&bytes) {
        Ok(ImageFormat::Gif) => about(path, GifDecoder::new(Cursor::new(&bytes))),
        Ok(ImageFormat::WebP) => about(path, WebPDecoder::new(Cursor::new(&bytes))),
        _ => about(path, PngDecoder::new(Cursor::new(&bytes))),
    }?;
    let [height, width] = size;
    let most = |side: usize| (1..=MAX_SIDE).contains(&side);
    // A frame is decoded to four bytes a pixel.
    let pixels = (height as u64).saturating_mul(width as u64);
    if !most(height) || !most(width) || pixels > (MAX_MIB << 20) / 4 {
        return Err(wrong(
            path,
            format!(
                "is {height} x {width}, which is larger than {MAX_SIDE} pixels per side or {MAX_MIB} MiB in memory"
            ),
        ));
    }
    if pixels.saturating_mul(frames as u64) > MOST_PIXELS {
        return Err(wrong(
            path,
            format!(
                "has {frames} frames of {height} x {width}; allowed: at most {MOST_PIXELS} pixels in all"
            ),
        ));
    }
    Ok(Header {
        frames,
        size,
        channels,
        bytes: bytes.len() as u64,
    })
}

/// Height and width, and 1 for grey or 3 for colour.
fn about<D: ImageDecoder>(
    path: &Path,
    decoder: image::ImageResult<D>,
) -> Result<([usize; 2], usize), DataError> {
    let decoder = decoder.map_err(|error| bad(path, &error))?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() {
        3
    } else {
        1
    };
    Ok(([height as usize, width as usize], channels))
}

pub(super) fn decode(
    path: &Path,
    header: &Header,
    conversion: &Conversion,
    mut put: impl FnMut(usize, &[u8]),
) -> Result<(), DataError> {
    let bytes = stored(path)?;
    let refuse = |error| bad(path, &error);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    // The canvas, the frame before it and a new one.
    limits.max_alloc = Some(4 * (MAX_MIB << 20));
    let cursor = Cursor::new(bytes.as_slice());
    let frames: Frames<'_> = match image::guess_format(&bytes) {
        Ok(ImageFormat::Gif) => {
            let mut decoder = GifDecoder::new(cursor).map_err(refuse)?;
            decoder.set_limits(limits).map_err(refuse)?;
            decoder.into_frames()
        }
        Ok(ImageFormat::WebP) => {
            let mut decoder = WebPDecoder::new(cursor).map_err(refuse)?;
            decoder.set_limits(limits).map_err(refuse)?;
            decoder.into_frames()
        }
        _ => {
            let decoder = PngDecoder::with_limits(cursor, limits).map_err(refuse)?;
            decoder.apng().map_err(refuse)?.into_frames()
        }
    };
    let mut number = 0;
    for frame in frames.take(header.frames) {
        let frame = DynamicImage::ImageRgba8(frame.map_err(refuse)?.into_buffer());
        if [frame.height() as usize, frame.width() as usize] != header.size {
            return Err(wrong(path, "changed while it was being read".into()));
        }
        put(number, &u8::convert(frame, conversion));
        number += 1;
    }
    match number == header.frames {
        true => Ok(()),
        false => Err(wrong(
            path,
            format!("ends after {number} of {} frames", header.frames),
        )),
    }
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Video {
        file: path.display().to_string(),
        reason,
    }
}
