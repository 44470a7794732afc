//! Videos as arrays of NumPy: bytes of shape `[frames, height, width]`, or `[frames, height, width, channels]`.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage};
use npyz::{NpyHeader, Order};

use super::source::Header;
use crate::picture::{Conversion, check_side};
use crate::value::Value;
use crate::{DataError, reason};

/// The most bytes of a header.
const LONGEST_HEADER: u64 = 1 << 16;

pub(super) fn open(path: &Path) -> Result<Header, DataError> {
    read(path).map(|(header, _)| header)
}

/// The header, and the file where its values begin.
fn read(path: &Path) -> Result<(Header, File), DataError> {
    let wrong = |reason: String| DataError::Video {
        file: path.display().to_string(),
        reason,
    };
    let failed = |error| DataError::read(path, error);
    let about = path.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(wrong("is a pipe or a device, not a file".into()));
    }
    let mut file = File::open(path).map_err(failed)?;
    let broken = |error: std::io::Error| {
        // The parser of headers shows the place on further lines.
        let text = reason(&error);
        let text = text.lines().next().unwrap_or_default();
        wrong(format!("not a NumPy file: {}", text.trim_end()))
    };
    // A header may announce any length of itself.
    let header = NpyHeader::from_reader(file.by_ref().take(LONGEST_HEADER)).map_err(broken)?;
    let start = file.stream_position().map_err(failed)?;
    let kind = header.dtype().descr();
    // NumPy writes the order of bytes before a type, though a byte has none.
    if kind.trim_matches(['\'', '"', '|', '<', '>', '=']) != "u1" {
        return Err(wrong(format!(
            "found values of type {kind}; allowed: bytes (uint8); scale the values to 0..255 and save x.astype(\"uint8\")"
        )));
    }
    let (frames, size, channels) = match *header.shape() {
        [frames, height, width] => (frames, [height, width], 1),
        [frames, height, width, channels @ (1 | 3)] => (frames, [height, width], channels),
        ref shape => {
            return Err(wrong(format!(
                "found an array of shape {shape:?}; allowed: [frames, height, width], or with 1 or 3 channels as a last \
                 dimension"
            )));
        }
    };
    if header.order() == Order::Fortran {
        return Err(wrong(
            "found values in Fortran order; save numpy.ascontiguousarray(x)".into(),
        ));
    }
    let counted = [frames, size[0], size[1], channels];
    let count = (counted.iter()).try_fold(1_u64, |all, &size| all.checked_mul(size));
    let stored = about.len().saturating_sub(start);
    if count != Some(stored) {
        let shape = header.shape();
        return Err(wrong(format!(
            "its header announces {shape:?} values, but {stored} follow"
        )));
    }
    let [height, width] = size.map(|side| side as usize);
    check_side("height", height)
        .and_then(|()| check_side("width", width))
        .map_err(|error| wrong(error.to_string()))?;
    let header = Header {
        frames: frames as usize,
        size: [height, width],
        channels: channels as usize,
        bytes: about.len(),
    };
    Ok((header, file))
}

pub(super) fn decode(
    path: &Path,
    known: &Header,
    conversion: &Conversion,
    mut put: impl FnMut(usize, &[u8]),
) -> Result<(), DataError> {
    let changed = || DataError::Video {
        file: path.display().to_string(),
        reason: "changed while it was being read".into(),
    };
    let (header, mut file) = read(path)?;
    if header != *known {
        return Err(changed());
    }
    let [height, width] = header.size;
    for number in 0..header.frames {
        let mut bytes = vec![0; height * width * header.channels];
        (file.read_exact(&mut bytes)).map_err(|error| DataError::read(path, error))?;
        let (wide, high) = (width as u32, height as u32);
        let picture = match header.channels {
            1 => GrayImage::from_raw(wide, high, bytes).map(DynamicImage::ImageLuma8),
            _ => RgbImage::from_raw(wide, high, bytes).map(DynamicImage::ImageRgb8),
        };
        put(
            number,
            &u8::convert(picture.ok_or_else(changed)?, conversion),
        );
    }
    Ok(())
}
