//! Arrays as NumPy files, whole or not at all.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::Result;
use crate::files::{self, FileError};

/// The most bytes of an array that is read: a billion floats.
const MOST_BYTES: u64 = 1 << 32;

/// Bytes up to which an array may be compressed as much as it likes.
const FREE: u64 = 1 << 28;

/// The most bytes for each stored byte above that: codes hardly compress.
const RATIO: u64 = 100;

/// More than any array's header has.
const LONGEST_HEADER: u64 = 1 << 20;

/// Why codes cannot be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum ArrayError {
    /// The .npz file has no array of codes.
    #[error("{path}: has no array \"codes\"")]
    NoCodes {
        /// The file.
        path: String,
    },
    /// It is not a NumPy file.
    #[error("{path}: not a NumPy file: {reason}")]
    Format {
        /// The file.
        path: String,
        /// What the parser says.
        reason: String,
    },
    /// The array has another shape than the model's codes.
    #[error(
        "{path}: found an array of shape {shape:?}, but this model's codes have shape (images, {units})"
    )]
    Shape {
        /// The file.
        path: String,
        /// Its array's shape.
        shape: Vec<u64>,
        /// Units of the model's code.
        units: usize,
    },
    /// The values are not floats in the usual order.
    #[error("{path}: found {kind} in {order:?} order; allowed: little-endian f4 or f8 in C order")]
    Kind {
        /// The file.
        path: String,
        /// Its type, as NumPy describes it.
        kind: String,
        /// Its order.
        order: npyz::Order,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{path}: found {found} bytes of values, but its header announces {shape:?} values of {width} bytes"
    )]
    Size {
        /// The file.
        path: String,
        /// Bytes behind the header.
        found: u64,
        /// The array's shape.
        shape: Vec<u64>,
        /// Bytes of a value.
        width: u64,
    },
    /// More values than memory should hold, or than the stored bytes hold unless they were made to fill it.
    #[error(
        "{path}: {bytes} bytes of values, stored in {stored}, are too many; allowed: at most {MOST_BYTES}, and at \
         most {RATIO} times the stored bytes above {FREE}"
    )]
    Large {
        /// The file.
        path: String,
        /// Bytes of the values.
        bytes: u64,
        /// Bytes that they take in the file.
        stored: u64,
    },
    /// A code holds a NaN or an infinity.
    #[error("{path}: found a value that is not finite in row {row}")]
    NotFinite {
        /// The file.
        path: String,
        /// Counted from 0.
        row: usize,
    },
    /// The array cannot be encoded.
    #[error("the array cannot be written: {0}")]
    Encode(#[from] io::Error),
}

/// The bytes of an .npy file.
///
/// # Errors
/// Only where `values` do not fill `shape`.
pub fn npy(values: &[f32], shape: &[usize]) -> Result<Vec<u8>, ArrayError> {
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::with_capacity(values.len() * 4 + 128);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes codes `[images, units]`: an .npy file of the codes, or an .npz file that also has the
/// labels and the names, by the path's extension.
///
/// # Errors
/// A path with neither extension, and a folder that cannot be written.
pub fn write_codes(
    path: &Path,
    codes: &[f32],
    units: usize,
    labels: Option<&[u8]>,
    names: Option<&[String]>,
) -> Result<()> {
    let images = codes.len() / units.max(1);
    let codes = npy(codes, &[images, units])?;
    if !is_npz(path) {
        return Ok(files::write(path, &codes)?);
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| -> Result<(), ArrayError> {
        // Codes are noise to a compressor: deflating them takes time and saves nothing.
        let stored = FileOptions::default().compression_method(CompressionMethod::Stored);
        let options = stored.large_file(true);
        zip.start_file(name, options).map_err(zipped)?;
        Ok(zip.write_all(bytes)?)
    };
    add("codes.npy", &codes)?;
    if let Some(labels) = labels {
        add("labels.npy", &bytes_npy(labels)?)?;
    }
    if let Some(names) = names {
        add("names.npy", &strings(names)?)?;
    }
    let zip = zip.finish().map_err(zipped)?;
    Ok(files::write(path, zip.get_ref())?)
}

/// Bytes as NumPy holds them.
fn bytes_npy(values: &[u8]) -> Result<Vec<u8>, ArrayError> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[values.len() as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}

/// An archive's fault as one of the system's.
fn zipped(error: zip::result::ZipError) -> ArrayError {
    ArrayError::Encode(error.into())
}

/// Strings as NumPy holds them: UTF-8 bytes, all as long as the longest.
fn strings(names: &[String]) -> Result<Vec<u8>, ArrayError> {
    let longest = names.iter().map(String::len).fold(1, usize::max);
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::<[u8]>::new()
        .dtype(plain(&format!("|S{longest}"))?)
        .shape(&[names.len() as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    for name in names {
        writer.push(name.as_bytes())?;
    }
    writer.finish()?;
    Ok(bytes)
}

/// Whether a path is that of an .npz file rather than of an .npy file.
fn is_npz(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
}

/// Reads codes `[images, units]` from an .npy file, or from the array `codes` of an .npz file. The header is checked
/// before anything behind it is read.
///
/// # Errors
/// A file that is not such an array of floats.
pub fn read_codes(path: &Path, units: usize) -> Result<Vec<f32>> {
    let place = || path.display().to_string();
    let format = |reason: String| ArrayError::Format {
        path: place(),
        reason,
    };
    let file = File::open(path).map_err(FileError::read(path))?;
    let about = file.metadata().map_err(FileError::read(path))?;
    if !about.is_file() {
        return Err(format("it is not a file".into()).into());
    }
    if !is_npz(path) {
        let source = Source {
            path,
            units,
            bytes: about.len(),
            stored: about.len(),
        };
        return source.read(BufReader::new(file));
    }
    let archive = ZipArchive::new(BufReader::new(file));
    let mut archive = archive.map_err(|error| format(error.to_string()))?;
    let entry = archive.by_name("codes.npy");
    let entry = entry.map_err(|_| ArrayError::NoCodes { path: place() })?;
    let source = Source {
        path,
        units,
        bytes: entry.size(),
        stored: entry.compressed_size(),
    };
    source.read(entry)
}

/// An array in a file.
struct Source<'a> {
    path: &'a Path,
    /// Values of a code.
    units: usize,
    /// Bytes of the array with its header.
    bytes: u64,
    /// The same as stored, which may be compressed.
    stored: u64,
}

impl Source<'_> {
    fn read(&self, mut reader: impl Read) -> Result<Vec<f32>> {
        let place = || self.path.display().to_string();
        let format = |reason: String| ArrayError::Format {
            path: place(),
            reason,
        };
        let mut counted = Counted {
            reader: reader.by_ref().take(LONGEST_HEADER),
            count: 0,
        };
        let header = npyz::NpyHeader::from_reader(&mut counted).map_err(|error| {
            // The parser draws the place under its first line.
            let error = error.to_string();
            format(error.lines().next().unwrap_or_default().trim().to_owned())
        })?;
        let header_bytes = counted.count;
        let shape = header.shape().to_vec();
        let values = match shape.as_slice() {
            [images, found] if *images > 0 && *found == self.units as u64 => {
                images.checked_mul(*found)
            }
            _ => {
                return Err(ArrayError::Shape {
                    path: place(),
                    shape,
                    units: self.units,
                }
                .into());
            }
        };
        let wide = header.dtype() == plain("<f8")?;
        let narrow = header.dtype() == plain("<f4")?;
        let width = if wide { 8 } else { 4 };
        if !(wide || narrow) || header.order() != npyz::Order::C {
            return Err(ArrayError::Kind {
                path: place(),
                kind: header.dtype().descr(),
                order: header.order(),
            }
            .into());
        }
        // Before memory is asked for: header and archive may claim anything.
        let size = |found: u64, shape: Vec<u64>| ArrayError::Size {
            path: place(),
            found,
            shape,
            width,
        };
        let found = self.bytes.saturating_sub(header_bytes);
        let Some(expected) = values.and_then(|it| it.checked_mul(width)) else {
            return Err(size(found, shape).into());
        };
        if expected != found {
            return Err(size(found, shape).into());
        }
        if expected > MOST_BYTES || (expected > FREE && expected / RATIO > self.stored) {
            return Err(ArrayError::Large {
                path: place(),
                bytes: expected,
                stored: self.stored,
            }
            .into());
        }
        let mut bytes = Vec::new();
        let read = reader
            .take(expected.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(|error| format(error.to_string()))?;
        if bytes.len() as u64 != expected {
            return Err(size(bytes.len() as u64, shape).into());
        }
        let file = npyz::NpyFile::with_header(header, bytes.as_slice());
        let values: Result<Vec<f32>, io::Error> = if wide {
            let values: io::Result<Vec<f64>> = file.into_vec();
            values.map(|values| values.into_iter().map(|value| value as f32).collect())
        } else {
            file.into_vec()
        };
        let values = values.map_err(|error| format(error.to_string()))?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(ArrayError::NotFinite {
                path: place(),
                row: at / self.units.max(1),
            }
            .into()),
            None => Ok(values),
        }
    }
}

/// A reader that counts what was read.
struct Counted<R> {
    reader: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// A NumPy type by its name.
fn plain(name: &str) -> Result<npyz::DType, ArrayError> {
    let parsed = name.parse().map(npyz::DType::Plain);
    parsed.map_err(|_| ArrayError::Encode(io::Error::other(format!("no type {name}"))))
}
