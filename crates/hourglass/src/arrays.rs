//! Arrays as NumPy files, whole or not at all.

use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::Result;
use crate::files::{self, FileError};

/// As many of an array's first bytes as its header may take.
const LONGEST_HEADER: u64 = 1 << 20;

/// The most bytes of values that are read.
const LARGEST: u64 = 1 << 31;

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
    /// Its values are more than are read at once. An archive of a few megabytes may hold as many.
    #[error("{path}: found {found} bytes of values; allowed: at most {LARGEST}")]
    Large {
        /// The file.
        path: String,
        /// Bytes behind the header.
        found: u64,
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
        // The same codes are the same bytes, whenever they are written.
        let options = (stored.large_file(true)).last_modified_time(zip::DateTime::default());
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

/// Reads codes `[images, units]` from an .npy file, or from the array `codes` of an .npz file.
///
/// # Errors
/// A file that is not such an array of floats.
pub fn read_codes(path: &Path, units: usize) -> Result<Vec<f32>> {
    let place = || path.display().to_string();
    let format = |reason: String| ArrayError::Format {
        path: place(),
        reason,
    };
    let file = files::open_input(path)?;
    if is_npz(path) {
        let archive = ZipArchive::new(BufReader::new(file));
        let mut archive = archive.map_err(|error| format(error.to_string()))?;
        let entry = archive.by_name("codes.npy");
        let mut entry = entry.map_err(|_| ArrayError::NoCodes { path: place() })?;
        let length = entry.size();
        return read_array(path, &mut entry, length, units);
    }
    let length = file.metadata().map_err(FileError::read(path))?.len();
    read_array(path, file, length, units)
}

/// Reads codes from an array of `length` bytes, as far as its header fits the model.
fn read_array(path: &Path, mut array: impl Read, length: u64, units: usize) -> Result<Vec<f32>> {
    let place = || path.display().to_string();
    let format = |reason: String| ArrayError::Format {
        path: place(),
        reason,
    };
    let unreadable = |error: io::Error| format(files::reason(&error));
    let mut start = Vec::new();
    (array.by_ref().take(LONGEST_HEADER).read_to_end(&mut start)).map_err(unreadable)?;
    let mut rest = start.as_slice();
    let header = npyz::NpyHeader::from_reader(&mut rest).map_err(|error| {
        // The parser draws the place under its first line.
        let error = error.to_string();
        format(error.lines().next().unwrap_or_default().trim().to_owned())
    })?;
    let shape = header.shape().to_vec();
    let values = match shape.as_slice() {
        [images, found] if *images > 0 && *found == units as u64 => images.checked_mul(*found),
        _ => {
            return Err(ArrayError::Shape {
                path: place(),
                shape,
                units,
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
    // Before memory is asked for: the header may claim anything.
    let expected = values.and_then(|it| it.checked_mul(width));
    let found = length.saturating_sub((start.len() - rest.len()) as u64);
    if expected != Some(found) {
        return Err(ArrayError::Size {
            path: place(),
            found,
            shape,
            width,
        }
        .into());
    }
    if found > LARGEST {
        return Err(ArrayError::Large {
            path: place(),
            found,
        }
        .into());
    }
    let file = npyz::NpyFile::with_header(header, rest.chain(array));
    let values: Result<Vec<f32>, io::Error> = if wide {
        let values: io::Result<Vec<f64>> = file.into_vec();
        values.map(|values| values.into_iter().map(|value| value as f32).collect())
    } else {
        file.into_vec()
    };
    let values = values.map_err(unreadable)?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(ArrayError::NotFinite {
            path: place(),
            row: at / units.max(1),
        }
        .into()),
        None => Ok(values),
    }
}

/// A NumPy type by its name.
fn plain(name: &str) -> Result<npyz::DType, ArrayError> {
    let parsed = name.parse().map(npyz::DType::Plain);
    parsed.map_err(|_| ArrayError::Encode(io::Error::other(format!("no type {name}"))))
}
