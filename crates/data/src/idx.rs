//! IDX, the format of MNIST and similar sets: a magic number, big-endian sizes, bytes.
//!
//! Only unsigned bytes are supported: labels with one dimension, images with three (N, H, W) or four
//! (N, C, H, W). Gzip is detected from the first bytes, not from the name. A header is checked before
//! memory is allocated, and no more than it announces is ever read.
//!
//! Source: <http://yann.lecun.com/exdb/mnist/>, "The IDX file format".

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use crate::dataset::MAX_VALUES;
use crate::error::{check_plausible, dims};
use crate::images::Limit;
use crate::split::sample;
use crate::{DataError, ImageShape, Images};

/// Two zero bytes, the type (8: unsigned byte), the number of dimensions.
pub(crate) const LABELS: u32 = 0x0000_0801;
pub(crate) const IMAGES: u32 = 0x0000_0803;
const IMAGES_WITH_CHANNELS: u32 = 0x0000_0804;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The two kinds of files.
#[derive(Clone, Copy)]
enum Kind {
    Images,
    Labels,
}

impl Kind {
    fn dimensions(self, magic: u32) -> Option<usize> {
        match (self, magic) {
            (Kind::Images, IMAGES) => Some(3),
            (Kind::Images, IMAGES_WITH_CHANNELS) => Some(4),
            (Kind::Labels, LABELS) => Some(1),
            _ => None,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Kind::Images => "0x00000803 or 0x00000804 (IDX images of unsigned bytes)",
            Kind::Labels => "0x00000801 (IDX labels of unsigned bytes)",
        }
    }
}

/// Reads bytes in order, decompressed if needed, and turns failures into errors with the file's name.
struct Reader<'a> {
    file: &'a str,
    source: Box<dyn Read + 'a>,
    gzipped: bool,
    position: u64,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, mut source: impl BufRead + 'a) -> Result<Self, DataError> {
        let start = source.fill_buf().map_err(|error| DataError::Read {
            file: file.to_string(),
            error,
        })?;
        let gzipped = start.starts_with(&GZIP_MAGIC);
        Ok(Reader {
            file,
            // Several consecutive members are one file by RFC 1952, section 2.2. Bytes after the last one
            // are then an error instead of being ignored.
            source: if gzipped {
                Box::new(MultiGzDecoder::new(source))
            } else {
                Box::new(source)
            },
            gzipped,
            position: 0,
        })
    }

    /// Appends up to `count` bytes to `bytes`; fewer only at the end of the file.
    fn fill(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<u64, DataError> {
        let read = self.source.by_ref().take(count).read_to_end(bytes);
        let read = read.map_err(|source| self.error(source))? as u64;
        self.position += read;
        Ok(read)
    }

    /// Leaves out exactly `count` bytes of a file that must have `expected` bytes in total.
    fn skip(&mut self, count: u64, expected: u64) -> Result<(), DataError> {
        let skipped = io::copy(&mut self.source.by_ref().take(count), &mut io::sink());
        let skipped = skipped.map_err(|error| self.error(error))?;
        self.position += skipped;
        if skipped < count {
            return Err(DataError::Truncated {
                file: self.file.to_string(),
                found: self.position,
                expected,
            });
        }
        Ok(())
    }

    /// Appends exactly `count` bytes of a file that must have `expected` bytes in total.
    fn exactly(&mut self, count: u64, expected: u64, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        if self.fill(count, bytes)? < count {
            return Err(DataError::Truncated {
                file: self.file.to_string(),
                found: self.position,
                expected,
            });
        }
        Ok(())
    }

    /// A big-endian number of four bytes in a header that ends at byte `header`.
    fn number(&mut self, header: u64) -> Result<u32, DataError> {
        let mut bytes = Vec::with_capacity(4);
        self.exactly(4, header, &mut bytes)?;
        Ok(bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | u32::from(byte)))
    }

    fn error(&self, error: io::Error) -> DataError {
        let file = self.file.to_string();
        if !self.gzipped {
            return DataError::Read { file, error };
        }
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file is truncated".to_string(),
            _ => error.to_string(),
        };
        DataError::Gzip { file, reason }
    }
}

/// The product of sizes, unless it is too large for a number.
fn product(sizes: &[usize]) -> Option<u64> {
    (sizes.iter()).try_fold(1_u64, |all, &size| all.checked_mul(size as u64))
}

/// The sizes in a header; each must be at least 1, and the values of the items that `limit` leaves at most
/// [`MAX_VALUES`].
fn header(reader: &mut Reader, kind: Kind, limit: Option<Limit>) -> Result<Vec<usize>, DataError> {
    let magic = reader.number(4)?;
    let Some(dimensions) = kind.dimensions(magic) else {
        return Err(DataError::Magic {
            file: reader.file.to_string(),
            found: magic,
            expected: kind.expected(),
        });
    };
    let end = 4 + 4 * dimensions as u64;
    let mut sizes = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        sizes.push(reader.number(end)? as usize);
    }
    if sizes.contains(&0) {
        return Err(DataError::ZeroSized {
            file: reader.file.to_string(),
            dims: dims(&sizes),
        });
    }
    let mut wanted = sizes.clone();
    if let (Some(limit), Some(count)) = (limit, wanted.first_mut()) {
        *count = limit.count.clamp(1, *count);
    }
    if product(&wanted).is_none_or(|values| values > MAX_VALUES) {
        return Err(too_large(reader.file, &sizes));
    }
    Ok(sizes)
}

fn too_large(file: &str, sizes: &[usize]) -> DataError {
    DataError::TooLarge {
        file: file.to_string(),
        dims: dims(sizes),
        limit: MAX_VALUES,
    }
}

/// A file's content.
struct Content {
    sizes: Vec<usize>,
    /// Items that the file holds.
    count: usize,
    /// Those that were wanted, one after the other.
    bytes: Vec<u8>,
}

/// Header and content, with nothing after them, of a file of `stored` bytes; of the content only the items that
/// `limit` draws. Reading to the end also verifies gzip's checksum.
///
/// # Errors
///
/// Before any memory is asked for: [`DataError::TooLarge`] and [`DataError::Implausible`] for what is wanted.
fn read(
    file: &str,
    stored: u64,
    source: impl BufRead,
    kind: Kind,
    limit: Option<Limit>,
) -> Result<Content, DataError> {
    let mut reader = Reader::new(file, source)?;
    let sizes = header(&mut reader, kind, limit)?;
    let count = sizes.first().copied().unwrap_or_default();
    let too_large = || too_large(file, &sizes);
    let item = product(sizes.get(1..).unwrap_or_default()).ok_or_else(too_large)?;
    let all = item.checked_mul(count as u64).ok_or_else(too_large)?;
    let limit = limit.filter(|limit| limit.count < count);
    let wanted = limit.map_or(all, |limit| item.saturating_mul(limit.count as u64));
    check_plausible(file, wanted, stored)?;
    let expected = reader.position.saturating_add(all);
    let mut bytes = Vec::new();
    let room = bytes.try_reserve_exact(wanted as usize);
    room.map_err(|_| too_large())?;
    match limit {
        None => reader.exactly(all, expected, &mut bytes)?,
        Some(limit) => {
            let mut drawn = sample(count, limit.count, limit.seed)
                .into_iter()
                .peekable();
            for index in 0..count {
                match drawn.next_if_eq(&index) {
                    Some(_) => reader.exactly(item, expected, &mut bytes)?,
                    None => reader.skip(item, expected)?,
                }
            }
        }
    }
    if reader.fill(1, &mut Vec::new())? > 0 {
        return Err(DataError::TooLong {
            file: file.to_string(),
            expected,
        });
    }
    Ok(Content {
        sizes,
        count,
        bytes,
    })
}

/// `[channels, height, width]` from the sizes in a header of images.
fn shape(file: &str, sizes: &[usize]) -> Result<ImageShape, DataError> {
    match *sizes {
        [_, channels @ (1 | 3), height, width] => Ok([channels, height, width]),
        // Channels in the last dimension also end here; they would be read as nonsense.
        [_, found, _, _] => Err(DataError::Channels {
            file: file.to_string(),
            found,
        }),
        [_, height, width] => Ok([1, height, width]),
        // A header of images has no other number of sizes.
        _ => Err(DataError::ZeroSized {
            file: file.to_string(),
            dims: dims(sizes),
        }),
    }
}

/// Shape of the images in an IDX file, from its header alone; `file` names it in errors.
pub(crate) fn read_shape(
    file: &str,
    source: impl BufRead,
    limit: Option<Limit>,
) -> Result<ImageShape, DataError> {
    let sizes = header(&mut Reader::new(file, source)?, Kind::Images, limit)?;
    shape(file, &sizes)
}

/// Number of images in an IDX file and their bytes, from its header alone; `file` names it in errors.
pub(crate) fn read_extent(file: &str, source: impl BufRead) -> Result<[u64; 2], DataError> {
    let sizes = header(&mut Reader::new(file, source)?, Kind::Images, None)?;
    let count = sizes.first().copied().unwrap_or_default() as u64;
    // At most `MAX_VALUES`.
    Ok([count, sizes.iter().map(|&size| size as u64).product()])
}

/// The images of an IDX file of `stored` bytes, or those that `limit` draws; `file` names it in errors. With
/// their number in the file.
pub(crate) fn read_images(
    file: &str,
    stored: u64,
    source: impl BufRead,
    limit: Option<Limit>,
) -> Result<(Images, usize), DataError> {
    let content = read(file, stored, source, Kind::Images, limit)?;
    let images = Images::new(content.bytes, shape(file, &content.sizes)?)?;
    Ok((images, content.count))
}

/// Adds the labels of an IDX file of `stored` bytes to images that are all of `count`, or drawn by `limit`;
/// `file` names it in errors.
pub(crate) fn with_labels(
    (images, count): (Images, usize),
    file: &str,
    stored: u64,
    source: impl BufRead,
    limit: Option<Limit>,
) -> Result<Images, DataError> {
    let labels = read(file, stored, source, Kind::Labels, limit)?;
    if labels.count != count {
        return Err(DataError::LabelCount {
            file: file.to_string(),
            labels: labels.count,
            images: count,
        });
    }
    images.with_labels(labels.bytes)
}

#[cfg(test)]
#[path = "idx_tests.rs"]
pub(crate) mod tests;
