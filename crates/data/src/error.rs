//! The errors of this crate: each is one line with the place, what was found and what is expected.

use std::io;

use crate::ImageShape;

/// The most values for each byte of files: far more than pictures of anything take.
const RATIO: u64 = 200;

/// Values up to which files may be as small as they like.
const FREE: u64 = 1 << 29;

/// Why data could not be read, converted or gathered.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system could not open or read a file or folder.
    #[error("{file}: cannot be read: {}", reason(error))]
    Read {
        /// The file or folder.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// A gzipped file is damaged: truncated, with a wrong checksum, or not a valid stream.
    #[error("{file}: damaged gzip data: {reason}")]
    Gzip {
        /// The compressed file.
        file: String,
        /// What the decompressor found.
        reason: String,
    },
    /// A file does not begin with the magic number of its kind.
    #[error("{file}: begins with 0x{found:08x}, expected {expected}")]
    Magic {
        /// The file.
        file: String,
        /// The first four bytes, big-endian.
        found: u32,
        /// The expected magic numbers, with their meaning.
        expected: &'static str,
    },
    /// A file ends within its header, or before the content that its header announces.
    #[error("{file}: ends after {found} bytes, expected {expected}")]
    Truncated {
        /// The file.
        file: String,
        /// Bytes present, decompressed.
        found: u64,
        /// Bytes that must be present.
        expected: u64,
    },
    /// A file continues after the content that its header announces.
    #[error("{file}: continues after the {expected} bytes that its header announces")]
    TooLong {
        /// The file.
        file: String,
        /// Bytes announced, with the header.
        expected: u64,
    },
    /// A header announces no images, or images without pixels.
    #[error("{file}: holds {dims}, expected sizes of at least 1")]
    ZeroSized {
        /// The file.
        file: String,
        /// The dimensions, as in `0 x 28 x 28`.
        dims: String,
    },
    /// More pixels than this crate will hold in memory.
    #[error("{file}: {dims} values are too many; allowed: at most {limit}")]
    TooLarge {
        /// The file or folder.
        file: String,
        /// The dimensions, as in `60000 x 28 x 28`.
        dims: String,
        /// The largest number of values.
        limit: u64,
    },
    /// More values than a file of this size holds, unless it was made to fill the memory.
    #[error(
        "{file}: {announced} values in {bytes} bytes are too many; allowed: at most {RATIO} times the bytes \
         above {FREE} values"
    )]
    Implausible {
        /// The file or folder.
        file: String,
        /// Values that the headers announce.
        announced: u64,
        /// Bytes of the files.
        bytes: u64,
    },
    /// An unsupported number of channels.
    #[error("{file}: images of {found} channels; allowed: 1 or 3 (dimensions N, C, H, W)")]
    Channels {
        /// The file.
        file: String,
        /// The channels found.
        found: usize,
    },
    /// The number of labels differs from the number of images.
    #[error("{file}: {labels} labels for {images} images, expected one each")]
    LabelCount {
        /// The file of labels, or of images if the labels came from the caller.
        file: String,
        /// Labels found.
        labels: usize,
        /// Images that need one.
        images: usize,
    },
    /// A folder has no IDX file for a part.
    #[error("{dir}: no file named {wanted}, with or without .gz")]
    MissingIdx {
        /// The folder.
        dir: String,
        /// The expected name.
        wanted: &'static str,
    },
    /// A folder has several IDX files for one part.
    #[error("{dir}: several files could be {wanted}: {candidates}; leave one in the folder")]
    AmbiguousIdx {
        /// The folder.
        dir: String,
        /// The expected name.
        wanted: &'static str,
        /// The files found, separated by commas.
        candidates: String,
    },
    /// Training and test images differ in shape.
    #[error("{dir}: training images are {}, but test images are {}; both must have the same shape", dims(.train), dims(.test))]
    PartShapes {
        /// The folder.
        dir: String,
        /// Shape of the training images.
        train: ImageShape,
        /// Shape of the test images.
        test: ImageShape,
    },
    /// A bundled file is not the published one.
    #[error("{file}: SHA-256 is {found}, expected {expected}")]
    Checksum {
        /// The bundled file.
        file: &'static str,
        /// Its digest.
        found: String,
        /// The digest published.
        expected: &'static str,
    },
    /// A file of a named set is not the published one.
    #[error("{file}: not the published file: {found}, expected {expected}; replace it by {url}")]
    NotPublished {
        /// The file.
        file: String,
        /// Its size or digest.
        found: String,
        /// The size or digest published.
        expected: String,
        /// Where the published file is.
        url: String,
    },
    /// The folder of a named set lacks a file.
    #[error("{dir}: no file named {file}; it is at {url}")]
    MissingFile {
        /// The folder.
        dir: String,
        /// The file.
        file: &'static str,
        /// Where it is published.
        url: String,
    },
    /// A named set could not be fetched.
    #[error("{set}: not fetched from {url}: {reason}; put {files} into {dir}")]
    NotFetched {
        /// The set.
        set: &'static str,
        /// Where it was asked for last.
        url: String,
        /// What went wrong there.
        reason: String,
        /// The files that are missing, separated by commas.
        files: String,
        /// The folder where they are looked for.
        dir: String,
    },
    /// There is no folder for data that are fetched.
    #[error("no home folder to keep data in; set HOURGLASS_CACHE to a folder, or data.dir")]
    NoCache,
    /// The cache of decoded pictures cannot be written or read.
    #[error(
        "{file}: cannot be {what}: {}; set HOURGLASS_CACHE to a folder with {} free, or data.cache to false",
        reason(error), in_gigabytes(*bytes)
    )]
    Cache {
        /// The file or folder.
        file: String,
        /// What was tried: `written`, `read` or `locked`.
        what: &'static str,
        /// What the system says.
        error: io::Error,
        /// Bytes that all pictures take.
        bytes: u64,
    },
    /// A cache of decoded pictures that is damaged as soon as it is made.
    #[error(
        "{folder}: {reason}, although it was just written; check the disk, or set data.cache to false"
    )]
    Damaged {
        /// Its folder.
        folder: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An archive of a named set does not hold what it should.
    #[error("{file}: damaged archive: {reason}")]
    Archive {
        /// The archive, and its member where one is at fault.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture that cannot be decoded.
    #[error("{file}: not a readable picture: {reason}")]
    Picture {
        /// The picture.
        file: String,
        /// What the decoder found.
        reason: String,
    },
    /// Folders whose names contradict each other.
    #[error("{dir}: {problem}")]
    Folders {
        /// The folder.
        dir: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A folder without pictures.
    #[error(
        "{dir}: no picture (.png, .jpg, .webp, .tif, .bmp, .gif, .pgm, .ppm, .npy) in this folder{found}"
    )]
    NoPictures {
        /// The folder.
        dir: String,
        /// What it has instead and what to do; empty if it is empty.
        found: String,
    },
    /// Pictures of different sizes, without an option that makes them equal.
    #[error(
        "{first} is {}, but {other} is {} (height x width); set \"size\" or \"patch\" to make them equal",
        dims(.first_size), dims(.other_size)
    )]
    MixedSizes {
        /// The first picture.
        first: String,
        /// Its height and width.
        first_size: [usize; 2],
        /// The first picture that differs.
        other: String,
        /// Its height and width.
        other_size: [usize; 2],
    },
    /// None of the pictures can be read.
    #[error("{dir}: none of the {count} {what} can be read; the first: {first}")]
    NoneReadable {
        /// The folder.
        dir: String,
        /// Which pictures: `pictures`, `training pictures` or `test pictures`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// What is wrong with the first, with its name.
        first: String,
    },
    /// Too few pictures to split.
    #[error("{dir}: found {found} picture; at least 2 are needed to split into training and test")]
    TooFewFiles {
        /// The folder.
        dir: String,
        /// Pictures found.
        found: usize,
    },
    /// An option outside its range.
    #[error("{option}: found {found}; allowed: {allowed}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        found: String,
        /// The values allowed.
        allowed: String,
    },
    /// A table or a series that cannot be read, or does not fit a model.
    #[error("{file}: {reason}")]
    Table {
        /// The file.
        file: String,
        /// The line and column, what was found, and what to do.
        reason: String,
    },
    /// An array in memory that is no data, or does not fit a model.
    #[error("{name}: {reason}")]
    Array {
        /// What the caller calls it.
        name: String,
        /// Where, what was found, and what to do.
        reason: String,
    },
    /// Data that were an array in the memory of another process.
    #[error(
        "these data were an array in memory and are in no file; give the array again, in Python: \
         hourglass.resume(run, data) or run.score(x, data=data)"
    )]
    InMemory,
    /// A video that cannot be read or cut into clips.
    #[error("{file}: {reason}")]
    Video {
        /// The file or folder.
        file: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// Frames of one video differ in size.
    #[error("{file}: found a frame of {}; allowed: {} (height x width), as the first of this folder", dims(.found), dims(.allowed))]
    MixedFrames {
        /// The first frame that differs.
        file: String,
        /// Its height and width.
        found: [usize; 2],
        /// Those of the first frame.
        allowed: [usize; 2],
    },
    /// The pixels are not a whole number of images.
    #[error("{found} pixels, expected a multiple of {} without a size of zero", dims(.shape))]
    PixelCount {
        /// Pixels given.
        found: usize,
        /// Shape of one image.
        shape: ImageShape,
    },
    /// The number of names differs from the number of images.
    #[error("{names} names for {images} images, expected one each")]
    NameCount {
        /// Names given.
        names: usize,
        /// Images that need one.
        images: usize,
    },
    /// A validation part that leaves nothing to train on.
    #[error("validation: found {validation}; allowed: fewer than the {count} training images")]
    Split {
        /// Number of training images.
        count: usize,
        /// Requested number of validation images.
        validation: usize,
    },
    /// An empty batch.
    #[error("a batch of 0 images, expected at least 1")]
    EmptyBatch,
    /// An image index past the end of the set.
    #[error("image {index} of a set of {count}; allowed: less than {count}")]
    Index {
        /// The requested index, from 0.
        index: u32,
        /// Images in the set.
        count: usize,
    },
}

impl DataError {
    /// A [`DataError::NoneReadable`] about `count` pictures of `dir`.
    pub(crate) fn none_readable(
        dir: &str,
        what: &'static str,
        count: usize,
        first: Option<impl ToString>,
    ) -> Self {
        DataError::NoneReadable {
            dir: dir.to_string(),
            what,
            count,
            first: first.map_or_else(String::new, |first| first.to_string()),
        }
    }

    /// A [`DataError::Read`] about `path`.
    pub(crate) fn read(path: &std::path::Path, error: io::Error) -> Self {
        DataError::Read {
            file: path.display().to_string(),
            error,
        }
    }
}

/// A [`DataError::Table`] about a file.
pub(crate) fn wrong(file: &str, reason: &str) -> DataError {
    DataError::Table {
        file: file.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Fails where files announce so many more values than they have bytes that they were made to fill the memory. Called
/// before any memory is asked for; `file` names them in the error.
///
/// # Errors
///
/// [`DataError::Implausible`].
pub fn check_plausible(file: &str, announced: u64, bytes: u64) -> Result<(), DataError> {
    if announced <= FREE || announced / RATIO <= bytes {
        return Ok(());
    }
    Err(DataError::Implausible {
        file: file.to_string(),
        announced,
        bytes,
    })
}

/// The system's words for an error, without its number and without a path, which the message names.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.split(" at path").next().unwrap_or(text);
    text.to_owned()
}

/// A number of bytes in words.
fn in_gigabytes(bytes: u64) -> String {
    match bytes as f64 / 1e9 {
        small if small < 0.1 => "some space".to_string(),
        size => format!("{size:.1} GB"),
    }
}

/// Dimensions as text: `3 x 28 x 28`.
pub(crate) fn dims(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join(" x ")
}
