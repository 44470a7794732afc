//! One picture file: its size from the header, and its pixels with a given number of channels.
//!
//! PNG, JPEG, WebP, TIFF, BMP, GIF and PGM or PPM are detected by content. Pictures are rotated by their EXIF orientation, 16 bits
//! are scaled so that a given value becomes white, transparency is blended with white, colour is
//! converted to grey by luma (Rec. 709) for one channel, and only the first picture of an animation is used.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits, Pixel,
};

use crate::bands::{self, Bands, Decoded, Kind, MAX_CHANNELS};
use crate::folder::file_name;
use crate::preparation::Aspect;
use crate::value::{Pixels, Value};
use crate::{DataError, ImageShape, counted, jpeg, webp};

/// The longest side of a picture that is read, or of a size to resize to.
pub(crate) const MAX_SIDE: usize = 1 << 15;

/// The most memory for decoding one picture, in MiB: a small hostile file whose header announces a huge
/// picture is rejected before any memory is allocated.
pub(crate) const MAX_MIB: u64 = 512;

/// As many of a file's first bytes as say what it is.
const MAGIC: u64 = 64;

/// A picture file.
#[derive(Debug, Clone)]
pub(crate) enum File {
    /// A file in a folder.
    Stored(PathBuf),
    /// A file that was found in a set's folder.
    Listed(Listed),
    /// A bundled file, with the path shown to users.
    Bundled { path: PathBuf, bytes: &'static [u8] },
}

/// A file that was found in a set's folder.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub path: PathBuf,
    /// Its path below the folder, with `/` between names.
    pub name: String,
    /// The place of its class in `classes`, if the set has classes.
    pub label: Option<u8>,
    /// The names of the set's classes, sorted.
    pub classes: Arc<[String]>,
    /// Whether it lies in a folder for validation.
    pub held: bool,
}

/// The content of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Channels without transparency: 1 or 3, or those of a file with bands.
    pub channels: usize,
    /// Height and width, after rotation.
    pub size: [usize; 2],
    /// Whether it has 16 bits per value.
    pub deep: bool,
    /// Size of the file.
    pub bytes: u64,
}

/// How the pixels of a file are converted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conversion {
    /// 1 or 3, or as many as files with bands have.
    pub channels: usize,
    /// Height and width to resize to, if any.
    pub size: Option<[usize; 2]>,
    /// What is done to another aspect ratio than that of `size`.
    pub aspect: Aspect,
    /// The value of a file with 16 bits that becomes white.
    pub white: u16,
}

impl File {
    pub fn path(&self) -> &Path {
        match self {
            File::Stored(path) | File::Listed(Listed { path, .. }) | File::Bundled { path, .. } => {
                path
            }
        }
    }

    /// The path, for display.
    pub fn place(&self) -> String {
        self.path().display().to_string()
    }

    /// The path below the set's folder, or the last part of the path.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            File::Listed(file) => file.name.as_str().into(),
            _ => file_name(self.path()).into(),
        }
    }

    /// What its place in a set's folder says.
    pub fn listed(&self) -> Option<&Listed> {
        match self {
            File::Listed(file) => Some(file),
            _ => None,
        }
    }

    /// Whether it lies in a folder for validation.
    pub fn is_held(&self) -> bool {
        self.listed().is_some_and(|file| file.held)
    }

    /// Reads the header without decoding the picture.
    pub fn header(&self) -> Result<Header, DataError> {
        let bytes = self.read()?;
        if let Some(header) = bands::header(self.path(), &bytes)? {
            return Ok(header);
        }
        let mut decoder = decoder(self.path(), &bytes)?;
        let colour = decoder.color_type();
        let grey = !colour.has_color();
        let (width, height) = decoder.dimensions();
        let (height, width) = (height as usize, width as usize);
        let turned = matches!(
            orientation(&mut decoder),
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        );
        Ok(Header {
            channels: if grey { 1 } else { 3 },
            size: if turned {
                [width, height]
            } else {
                [height, width]
            },
            deep: is_deep(colour),
            bytes: bytes.len() as u64,
        })
    }

    /// Decodes and converts to `[channels, height, width]`.
    pub fn pixels<T: Value>(&self, how: &Conversion) -> Result<Vec<T>, DataError> {
        self.converted(self.decode()?, how)
    }

    /// A decoded file as `[channels, height, width]`.
    fn converted<T: Value>(&self, decoded: Decoded, how: &Conversion) -> Result<Vec<T>, DataError> {
        let reason = match decoded {
            Decoded::Picture(picture) if matches!(how.channels, 1 | 3) => {
                return Ok(T::convert(picture, how));
            }
            Decoded::Picture(picture) => format!(
                "found {}; allowed: {}, as the other pictures or the model have",
                counted(usize::from(picture.color().channel_count()), "channel"),
                how.channels
            ),
            Decoded::Bands(bands) => match bands.planes(how) {
                Ok(planes) => return Ok(planes),
                Err(reason) => reason,
            },
        };
        Err(DataError::Picture {
            file: self.place(),
            reason,
        })
    }

    /// Decodes, and gives the largest value of a file with 16 bits, transparency aside.
    pub fn peak(&self) -> Result<u16, DataError> {
        let mut peak = 0;
        match self.decode()? {
            Decoded::Picture(mut picture) => {
                colours(&mut picture, |value| peak = peak.max(*value));
            }
            Decoded::Bands(bands) => peak = bands.peak(),
        }
        Ok(peak)
    }

    /// Decodes, and turns upright.
    pub fn decode(&self) -> Result<Decoded, DataError> {
        let bytes = self.read()?;
        if let Some(decoded) = bands::decode(self.path(), &bytes)? {
            return Ok(decoded);
        }
        let mut decoder = decoder(self.path(), &bytes)?;
        let orientation = orientation(&mut decoder);
        let picture = DynamicImage::from_decoder(decoder);
        let mut picture = picture.map_err(|error| bad(self.path(), &error))?;
        picture.apply_orientation(orientation);
        Ok(Decoded::Picture(picture))
    }

    /// The whole file, unless its beginning shows that it is no picture, or it is too large for one.
    fn read(&self) -> Result<Cow<'static, [u8]>, DataError> {
        match self {
            File::Stored(path) | File::Listed(Listed { path, .. }) => Ok(stored(path)?.into()),
            File::Bundled { bytes, .. } => Ok((*bytes).into()),
        }
    }
}

/// One picture file as `[channels, height, width]`, with as many bits as the file has.
///
/// If its size differs from the height and width of `shape`, it is resized, ignoring its aspect ratio,
/// with a triangle filter: smooth, without aliasing, and never brighter or darker than the picture. One
/// channel is grey, three are red, green and blue, and others those of a file with bands. `white` is the value of a file
/// with 16 bits that becomes 65535.
///
/// # Errors
///
/// [`DataError::Picture`] and [`DataError::Read`] if the file cannot be read, [`DataError::Option`] if
/// the shape has no pixels, sides above 32,768, or more than 64 channels.
pub fn read_pixels(
    path: impl AsRef<Path>,
    shape: ImageShape,
    white: u16,
) -> Result<Pixels, DataError> {
    let how = whole(shape, white)?;
    let file = File::Stored(path.as_ref().to_owned());
    let decoded = file.decode()?;
    let is_deep = match &decoded {
        Decoded::Picture(picture) => is_deep(picture.color()),
        Decoded::Bands(bands) => matches!(bands.pixels, Pixels::Deep(_)),
    };
    Ok(match is_deep {
        true => Pixels::Deep(file.converted(decoded, &how)?),
        false => Pixels::Bytes(file.converted(decoded, &how)?),
    })
}

/// As [`read_pixels`], in bytes from 0 to 255.
///
/// # Errors
///
/// As [`read_pixels`].
pub fn read_picture(
    path: impl AsRef<Path>,
    shape: ImageShape,
    white: u16,
) -> Result<Vec<u8>, DataError> {
    File::Stored(path.as_ref().to_owned()).pixels(&whole(shape, white)?)
}

/// How a whole picture becomes one of this shape.
fn whole([channels, height, width]: ImageShape, white: u16) -> Result<Conversion, DataError> {
    check_channels(channels)?;
    check_side("height", height)?;
    check_side("width", width)?;
    Ok(Conversion {
        channels,
        size: Some([height, width]),
        aspect: Aspect::Stretch,
        white,
    })
}

/// Whether a value has 16 bits.
fn is_deep(colour: ColorType) -> bool {
    colour.bytes_per_pixel() >= 2 * colour.channel_count()
}

/// The original shape of a picture, `[channels, height, width]`, from the header, after rotation: one
/// channel for grey, three for colour, or as many as a file with bands has.
///
/// # Errors
///
/// [`DataError::Picture`] and [`DataError::Read`] if the file cannot be read.
pub fn picture_shape(path: impl AsRef<Path>) -> Result<ImageShape, DataError> {
    let header = File::Stored(path.as_ref().to_owned()).header()?;
    let [height, width] = header.size;
    Ok([header.channels, height, width])
}

/// As [`picture_shape`], but decodes the picture too: its header does not show whether its pixels are damaged.
///
/// # Errors
///
/// [`DataError::Picture`] and [`DataError::Read`] if the file cannot be read.
pub fn check_picture(path: impl AsRef<Path>) -> Result<ImageShape, DataError> {
    match File::Stored(path.as_ref().to_owned()).decode()? {
        Decoded::Picture(picture) => {
            let channels = if picture.color().has_color() { 3 } else { 1 };
            let [height, width] = [picture.height(), picture.width()];
            Ok([channels, height as usize, width as usize])
        }
        Decoded::Bands(Bands { channels, size, .. }) => Ok([channels, size[0], size[1]]),
    }
}

/// Fails for a number of channels that no picture has.
pub(crate) fn check_channels(channels: usize) -> Result<(), DataError> {
    match channels {
        1..=MAX_CHANNELS => Ok(()),
        _ => Err(DataError::Option {
            option: "channels",
            found: channels.to_string(),
            allowed: format!("1 to {MAX_CHANNELS}"),
        }),
    }
}

/// Fails for a number of channels other than 1 or 3.
pub(crate) fn check_colours(channels: usize) -> Result<(), DataError> {
    match channels {
        1 | 3 => Ok(()),
        _ => Err(DataError::Option {
            option: "channels",
            found: channels.to_string(),
            allowed: "1 or 3".to_string(),
        }),
    }
}

/// Fails for a side without pixels, or with too many.
pub(crate) fn check_side(option: &'static str, side: usize) -> Result<(), DataError> {
    if (1..=MAX_SIDE).contains(&side) {
        return Ok(());
    }
    Err(DataError::Option {
        option,
        found: side.to_string(),
        allowed: format!("1 to {MAX_SIDE}"),
    })
}

/// The bytes of a file; of one that does not begin as a picture only the first, for the decoder to refuse.
pub(crate) fn stored(path: &Path) -> Result<Vec<u8>, DataError> {
    let refuse = |reason: String| DataError::Picture {
        file: path.display().to_string(),
        reason,
    };
    let failed = |error| DataError::read(path, error);
    let about = std::fs::metadata(path).map_err(failed)?;
    // A pipe or a device may never end. A folder cannot be read, which the system says.
    if !about.is_file() && !about.is_dir() {
        return Err(refuse("it is a pipe or a device, not a file".to_string()));
    }
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    (file.by_ref().take(MAGIC).read_to_end(&mut bytes)).map_err(failed)?;
    if image::guess_format(&bytes).is_err() && Kind::of(&bytes).is_none() {
        return Ok(bytes);
    }
    if about.len() > MAX_MIB << 20 {
        let (found, most) = (about.len() >> 20, MAX_MIB);
        return Err(refuse(format!(
            "the file has {found} MiB; allowed: at most {most} MiB"
        )));
    }
    // Bounded, because a file may grow meanwhile.
    (file.take(MAX_MIB << 20).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

fn decoder<'a>(path: &Path, bytes: &'a [u8]) -> Result<impl ImageDecoder + 'a, DataError> {
    let refuse = |reason: String| DataError::Picture {
        file: path.display().to_string(),
        reason,
    };
    let format = image::guess_format(bytes).map_err(|error| bad(path, &error))?;
    let whole = match format {
        ImageFormat::Jpeg => jpeg::is_whole(bytes),
        ImageFormat::WebP => webp::is_whole(bytes),
        // The other decoders detect missing data themselves.
        _ => true,
    };
    if !whole {
        return Err(refuse("the file is truncated".to_string()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(MAX_MIB << 20);
    reader.limits(limits.clone());
    let decoder = reader.into_decoder().map_err(|error| bad(path, &error))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(refuse(format!("it is {height} x {width}")));
    }
    // The decoder's memory is bounded, but not the buffer that it decodes into.
    let room = limits.reserve(decoder.total_bytes());
    room.map_err(|error| bad(path, &error))?;
    Ok(decoder)
}

/// Damaged EXIF data says nothing about the pixels, so it is ignored.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

pub(crate) fn bad(path: &Path, error: &ImageError) -> DataError {
    let reason = match error {
        ImageError::Limits(_) => {
            format!("it is larger than {MAX_SIDE} pixels per side or {MAX_MIB} MiB in memory")
        }
        // Decoders may split their messages into lines.
        error => error.to_string().replace('\n', " "),
    };
    DataError::Picture {
        file: path.display().to_string(),
        reason,
    }
}

/// Blends transparency with white, the colour of paper.
pub(crate) fn flatten(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let mut picture = picture.into_rgba8();
    for pixel in picture.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        let over_white = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        pixel.0 = [over_white(red), over_white(green), over_white(blue), 255];
    }
    DynamicImage::ImageRgba8(picture)
}

/// The same with 16 bits.
pub(crate) fn flatten_deep(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    const FULL: u32 = u16::MAX as u32;
    let mut picture = picture.into_rgba16();
    for pixel in picture.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        // At most the square of 65535 and half of it more, which 32 bits hold.
        let over_white =
            |value: u32| ((value * alpha + FULL * (FULL - alpha) + FULL / 2) / FULL) as u16;
        let full = u16::MAX;
        pixel.0 = [over_white(red), over_white(green), over_white(blue), full];
    }
    DynamicImage::ImageRgba16(picture)
}

/// Makes `white` the largest value of a picture with 16 bits.
pub(crate) fn brighten(picture: &mut DynamicImage, white: u16) {
    if white == u16::MAX {
        return;
    }
    colours(picture, |value| *value = bright(*value, white));
}

/// A value of 16 bits with `white` as the largest one.
pub(crate) fn bright(value: u16, white: u16) -> u16 {
    let white = u32::from(white).max(1);
    let scaled = (u32::from(value).min(white) * u32::from(u16::MAX) + white / 2) / white;
    scaled as u16
}

/// Shows each value of a picture with 16 bits to `each`, except its transparency.
fn colours(picture: &mut DynamicImage, mut each: impl FnMut(&mut u16)) {
    match picture {
        DynamicImage::ImageLuma16(picture) => picture.iter_mut().for_each(each),
        DynamicImage::ImageRgb16(picture) => picture.iter_mut().for_each(each),
        DynamicImage::ImageLumaA16(picture) => {
            picture.pixels_mut().for_each(|it| each(&mut it.0[0]));
        }
        DynamicImage::ImageRgba16(picture) => picture.pixels_mut().for_each(|it| {
            let [red, green, blue, _] = &mut it.0;
            [red, green, blue].into_iter().for_each(&mut each);
        }),
        _ => {}
    }
}

/// The part of a picture of this height and width that has the aspect ratio of `wanted` (height, width):
/// left, top, width and height.
pub(crate) fn centre([height, width]: [usize; 2], wanted: [usize; 2]) -> [usize; 4] {
    // As `usize` of 64 bits, sides of up to 2^15 multiply without overflow.
    let [high, wide] = wanted.map(|side| side.max(1));
    let (cut_height, cut_width) = if width * high > height * wide {
        (height, ((height * wide + high / 2) / high).clamp(1, width))
    } else {
        (((width * high + wide / 2) / wide).clamp(1, height), width)
    };
    [
        (width - cut_width) / 2,
        (height - cut_height) / 2,
        cut_width,
        cut_height,
    ]
}

/// Converts to channel order, and resizes if `size` (height, width) is given.
pub(crate) fn planes<P>(
    picture: &ImageBuffer<P, Vec<P::Subpixel>>,
    size: Option<[usize; 2]>,
    aspect: Aspect,
) -> Vec<P::Subpixel>
where
    P: Pixel + 'static,
{
    let (width, height) = picture.dimensions();
    let size = size.map(|[height, width]| (height as u32, width as u32));
    let resized = size.filter(|&wanted| wanted != (height, width));
    let resized = resized.map(|(rows, columns)| {
        let resize = |part: &_| imageops::resize(part, columns, rows, FilterType::Triangle);
        match aspect {
            Aspect::Stretch => resize(picture),
            Aspect::Crop => {
                let whole = [height as usize, width as usize];
                let part = centre(whole, [rows as usize, columns as usize]);
                let [left, top, wide, high] = part.map(|side| side as u32);
                resize(&imageops::crop_imm(picture, left, top, wide, high).to_image())
            }
        }
    });
    let values = resized.as_ref().unwrap_or(picture).as_raw();
    let channels = usize::from(P::CHANNEL_COUNT);
    let mut pixels = Vec::with_capacity(values.len());
    for channel in 0..channels {
        pixels.extend(values.iter().skip(channel).step_by(channels));
    }
    pixels
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
