//! Bands: pictures of other channels than grey or red, green and blue, as satellites and microscopes take them: TIFF files
//! with several samples a pixel, and arrays of NumPy of shape `[height, width, channels]`.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma};
use npyz::{NpyFile, NpyHeader, Order};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use crate::picture::{Conversion, Header, MAX_MIB, check_side};
use crate::value::{Pixels, Value};
use crate::{DataError, counted};

/// The most channels of a picture: what looks like more is an array of something else, such as frames.
pub(crate) const MAX_CHANNELS: usize = 64;

/// How a file of NumPy begins.
const NUMPY: &[u8] = b"\x93NUMPY";

/// How a TIFF file begins: in either order of bytes, and with places of 64 bits.
const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// A picture of any number of channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bands {
    pub channels: usize,
    /// Height and width.
    pub size: [usize; 2],
    /// `[row, column, channel]`.
    pub pixels: Pixels,
}

/// A decoded file.
pub(crate) enum Decoded {
    /// In grey or colour.
    Picture(DynamicImage),
    /// Of other channels.
    Bands(Bands),
}

/// What kind of file has bands, by its first bytes; `None` for all other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Numpy,
    Tiff,
}

impl Kind {
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(NUMPY) {
            return Some(Kind::Numpy);
        }
        let is_tiff = TIFF.iter().any(|magic| bytes.starts_with(magic));
        is_tiff.then_some(Kind::Tiff)
    }
}

/// The header of a file that has bands; `None` for one that the decoder of pictures reads.
///
/// # Errors
///
/// [`DataError::Picture`].
pub(crate) fn header(path: &Path, bytes: &[u8]) -> Result<Option<Header>, DataError> {
    let wrong = |reason| wrong(path, reason);
    let header = match Kind::of(bytes) {
        None => return Ok(None),
        Some(Kind::Numpy) => {
            let array = Array::of(bytes).map_err(wrong)?;
            Header {
                channels: array.channels,
                size: array.size,
                deep: array.deep,
                bytes: bytes.len() as u64,
            }
        }
        Some(Kind::Tiff) => match tiff(bytes).map_err(wrong)? {
            None => return Ok(None),
            Some((_, header)) => header,
        },
    };
    Ok(Some(header))
}

/// Decodes a file that has bands; `None` for one that the decoder of pictures reads.
///
/// # Errors
///
/// [`DataError::Picture`].
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Option<Decoded>, DataError> {
    let wrong = |reason| wrong(path, reason);
    let bands = match Kind::of(bytes) {
        None => return Ok(None),
        Some(Kind::Numpy) => Array::of(bytes).and_then(Array::bands).map_err(wrong)?,
        Some(Kind::Tiff) => {
            let Some((decoder, header)) = tiff(bytes).map_err(wrong)? else {
                return Ok(None);
            };
            samples(decoder, &header).map_err(wrong)?
        }
    };
    Ok(Some(bands.usual()))
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Picture {
        file: path.display().to_string(),
        reason,
    }
}

/// Fails for a picture that is too large, or has too many channels.
fn check(channels: usize, [height, width]: [usize; 2], bytes: usize) -> Result<(), String> {
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(format!(
            "found {}; allowed: 1 to {MAX_CHANNELS}",
            counted(channels, "channel")
        ));
    }
    check_side("height", height).map_err(|error| error.to_string())?;
    check_side("width", width).map_err(|error| error.to_string())?;
    // Sides and channels are bounded, so the product does not overflow.
    match channels * height * width * bytes <= (MAX_MIB as usize) << 20 {
        true => Ok(()),
        false => Err(format!("it is larger than {MAX_MIB} MiB in memory")),
    }
}

/// A decoder of a TIFF file in memory.
type TiffDecoder<'a> = Decoder<Cursor<&'a [u8]>>;

/// A decoder of a TIFF file with several samples a pixel that are no colours, and its header.
fn tiff(bytes: &[u8]) -> Result<Option<(TiffDecoder<'_>, Header)>, String> {
    let text = |error: tiff::TiffError| error.to_string().replace('\n', " ");
    // What is wrong with other files is told by their own decoder.
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else {
        return Ok(None);
    };
    let Ok(ColorType::Multiband {
        bit_depth,
        num_samples,
    }) = decoder.colortype()
    else {
        return Ok(None);
    };
    if !matches!(bit_depth, 8 | 16) {
        return Err(format!(
            "found {num_samples} channels of {bit_depth} bits; allowed: 8 or 16 bits"
        ));
    }
    let (width, height) = decoder.dimensions().map_err(text)?;
    let size = [height as usize, width as usize];
    let channels = usize::from(num_samples);
    let deep = bit_depth == 16;
    check(channels, size, usize::from(bit_depth / 8))?;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = (MAX_MIB as usize) << 20;
    limits.intermediate_buffer_size = (MAX_MIB as usize) << 20;
    let header = Header {
        channels,
        size,
        deep,
        bytes: bytes.len() as u64,
    };
    Ok(Some((decoder.with_limits(limits), header)))
}

/// The samples of a TIFF file.
fn samples(mut decoder: TiffDecoder<'_>, header: &Header) -> Result<Bands, String> {
    let mut found = DecodingResult::U8(Vec::new());
    let read = decoder.read_image_to_buffer(&mut found);
    let layout = read.map_err(|error| error.to_string().replace('\n', " "))?;
    let [height, width] = header.size;
    let channels = header.channels;
    let pixels = match found {
        DecodingResult::U8(values) => Pixels::Bytes(interleaved(values, layout.planes, channels)),
        DecodingResult::U16(values) => Pixels::Deep(interleaved(values, layout.planes, channels)),
        _ => return Err("found samples that are no whole numbers; allowed: unsigned ones".into()),
    };
    let values = pixels.view().len();
    if values != channels * height * width {
        return Err(format!(
            "found {values} samples for {height} x {width} pixels of {channels} channels"
        ));
    }
    Ok(Bands {
        channels,
        size: header.size,
        pixels,
    })
}

/// Values pixel by pixel, if they are plane by plane.
fn interleaved<T: Value>(values: Vec<T>, planes: usize, channels: usize) -> Vec<T> {
    if planes != channels {
        return values;
    }
    let plane = values.len() / channels.max(1);
    let pixel = |at: usize| values.iter().skip(at).step_by(plane.max(1)).copied();
    (0..plane).flat_map(pixel).collect()
}

/// An array of NumPy.
struct Array<'a> {
    channels: usize,
    size: [usize; 2],
    deep: bool,
    header: NpyHeader,
    /// The values.
    rest: &'a [u8],
}

impl<'a> Array<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let mut rest = bytes;
        let header = NpyHeader::from_reader(&mut rest).map_err(|error| {
            // The parser shows the place on further lines.
            let text = crate::reason(&error);
            let text = text.lines().next().unwrap_or_default();
            format!("not a NumPy file: {}", text.trim_end())
        })?;
        let kind = header.dtype().descr();
        let deep = match kind.trim_matches(['\'', '"', '|', '<', '>', '=']) {
            "u1" => false,
            "u2" => true,
            _ => {
                return Err(format!(
                    "found values of type {kind}; allowed: uint8 and uint16; scale the values and save x.astype(\"uint16\")"
                ));
            }
        };
        let [height, width, channels] = *header.shape() else {
            return Err(format!(
                "found an array of shape {:?}; allowed: [height, width, channels], one picture a file",
                header.shape()
            ));
        };
        let side = |side: u64| usize::try_from(side).unwrap_or(usize::MAX);
        let (channels, size) = (side(channels), [side(height), side(width)]);
        let each = if deep { 2 } else { 1 };
        check(channels, size, each)?;
        if header.order() == Order::Fortran {
            return Err("found values in Fortran order; save numpy.ascontiguousarray(x)".into());
        }
        let announced = channels * size[0] * size[1] * each;
        if announced != rest.len() {
            return Err(format!(
                "its header announces {announced} bytes of values, but {} follow",
                rest.len()
            ));
        }
        Ok(Self {
            channels,
            size,
            deep,
            header,
            rest,
        })
    }

    fn bands(self) -> Result<Bands, String> {
        let pixels = match self.deep {
            false => Pixels::Bytes(self.rest.to_vec()),
            true => {
                let file = NpyFile::with_header(self.header, self.rest);
                let text = |error: std::io::Error| crate::reason(&error);
                Pixels::Deep(file.into_vec::<u16>().map_err(text)?)
            }
        };
        Ok(Bands {
            channels: self.channels,
            size: self.size,
            pixels,
        })
    }
}

impl Bands {
    /// As a picture, if it is in grey or colour.
    fn usual(self) -> Decoded {
        let [height, width] = self.size.map(|side| side as u32);
        let picture = match (self.channels, self.pixels.clone()) {
            (1, Pixels::Bytes(values)) => {
                ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageLuma8)
            }
            (1, Pixels::Deep(values)) => {
                ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageLuma16)
            }
            (3, Pixels::Bytes(values)) => {
                ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageRgb8)
            }
            (3, Pixels::Deep(values)) => {
                ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageRgb16)
            }
            _ => None,
        };
        picture.map_or(Decoded::Bands(self), Decoded::Picture)
    }

    /// The values as `[channels, height, width]`, resized, with white as the largest value.
    ///
    /// # Errors
    ///
    /// In words, if another number of channels is wanted.
    pub fn planes<T: Value>(&self, how: &Conversion) -> Result<Vec<T>, String> {
        if how.channels != self.channels {
            return Err(format!(
                "found {}; allowed: {}, as the other pictures or the model have",
                counted(self.channels, "channel"),
                how.channels
            ));
        }
        let [height, width] = self.size;
        let mut planes = Vec::new();
        for channel in 0..self.channels {
            let values: Vec<T> = match &self.pixels {
                Pixels::Bytes(values) => (values.iter().skip(channel).step_by(self.channels))
                    .map(|&it| T::of_byte(it))
                    .collect(),
                Pixels::Deep(values) => (values.iter().skip(channel).step_by(self.channels))
                    .map(|&it| T::of_word(it, how.white))
                    .collect(),
            };
            planes.extend(T::resized(values, [height, width], how));
        }
        Ok(planes)
    }

    /// The largest value of 16 bits; 0 of bytes.
    pub fn peak(&self) -> u16 {
        match &self.pixels {
            Pixels::Bytes(_) => 0,
            Pixels::Deep(values) => values.iter().copied().max().unwrap_or(0),
        }
    }
}

/// A plane of values as an image.
pub(crate) type Plane<T> = ImageBuffer<Luma<T>, Vec<T>>;

#[cfg(test)]
#[path = "bands_tests.rs"]
mod tests;
