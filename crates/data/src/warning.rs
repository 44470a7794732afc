//! Warnings about pictures with problems.

use std::fmt;

use crate::error::dims;
use crate::preparation::Aspect;

/// Something about a set's files that the user should know. It is displayed as one line that names the
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A file was skipped.
    Skipped {
        /// Why it cannot be used, with its name.
        reason: String,
    },
    /// Pictures were extended to the size of a patch.
    Padded {
        /// Number of pictures.
        count: usize,
        /// The first of them.
        first: String,
        /// Its height and width.
        size: [usize; 2],
        /// Side of a patch, in pixels.
        patch: usize,
    },
    /// Pictures that are not read.
    Unread {
        /// The folder.
        dir: String,
        /// Those that lie beside folders for training, validation and testing.
        loose: usize,
        /// How many of which kinds that are not read, as in `30 .heic, 20 .raw`; empty if there are none.
        kinds: String,
        /// Names of the first of them; empty if there are none.
        first: String,
        /// Folders with the number of pictures or a reason, as in `extra (6)`; empty if there are none.
        folders: String,
    },
    /// More folders than labels tell apart.
    ManyClasses {
        /// The folder that they are in.
        dir: String,
        /// Their number.
        count: usize,
        /// The most that labels tell apart.
        most: usize,
    },
    /// Grey and colour pictures in one set.
    MixedColours {
        /// Grey ones.
        grey: usize,
        /// All.
        of: usize,
        /// The first grey one.
        first: String,
    },
    /// Pictures whose aspect ratio is another than that of the images.
    Reshaped {
        /// Number of pictures.
        count: usize,
        /// All.
        of: usize,
        /// The first of them.
        first: String,
        /// Its height and width.
        size: [usize; 2],
        /// Height and width of the images.
        wanted: [usize; 2],
        /// What is done to them.
        aspect: Aspect,
    },
    /// Files with 16 bits that use only part of them: their largest possible value becomes white.
    FewerBits {
        /// Number of such files.
        count: usize,
        /// The largest value.
        largest: u16,
        /// What becomes white.
        white: u16,
    },
    /// Files with 16 bits that come out almost black.
    Dark {
        /// Number of such files.
        count: usize,
        /// The largest value.
        largest: u16,
        /// What is white.
        white: u16,
    },
    /// Files with 16 bits that have values above white.
    Clipped {
        /// Number of such files.
        count: usize,
        /// The largest value.
        largest: u16,
        /// What is white.
        white: u16,
    },
    /// Training pictures that are the same as others.
    Copies {
        /// Copies, without the first of each.
        count: usize,
        /// All training pictures.
        of: usize,
        /// The first copy.
        first: String,
        /// What it is a copy of.
        same: String,
    },
    /// Columns whose training rows all have the same value.
    Constant {
        /// The table.
        file: String,
        /// Their names.
        columns: Vec<String>,
    },
    /// Texts of a category that no training row has.
    UnknownCategory {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// Rows with such a text.
        count: usize,
        /// One of the texts.
        value: String,
    },
    /// Something odd about series.
    Series {
        /// The file or folder.
        file: String,
        /// What is odd, and what follows.
        reason: String,
    },
    /// Numbers that no frame of a folder has.
    Gaps {
        /// The folder.
        video: String,
        /// The numbers, as in `7, 9 to 12`.
        missing: String,
    },
    /// Videos of fewer frames than a clip has.
    Short {
        /// Number of videos.
        count: usize,
        /// All.
        of: usize,
        /// The first of them.
        first: String,
        /// Its frames.
        found: usize,
        /// Frames of a clip.
        frames: usize,
    },
    /// A single video, whose last part in time is for testing.
    OneVideo {
        /// The video.
        video: String,
        /// The first frame for testing, counted from 0.
        first: usize,
        /// The last one.
        last: usize,
    },
    /// Pictures that do not move beside videos.
    Stills {
        /// The folder.
        dir: String,
        /// Number of pictures.
        count: usize,
        /// The name of the first.
        first: String,
    },
    /// A cache of decoded pictures that could not be used.
    Remade {
        /// Its folder.
        folder: String,
        /// What was wrong with it.
        reason: String,
    },
    /// Pictures of one part that are also in another one.
    InBoth {
        /// The part whose figures are spoilt, `test` or `validation`.
        part: &'static str,
        /// The other part, `training` or `validation`.
        other: &'static str,
        /// Number of them.
        count: usize,
        /// All pictures of the part.
        of: usize,
        /// The first of them.
        first: String,
        /// The picture of the other part that it is the same as.
        same: String,
    },
    /// A folder without the part that is asked for: another one is read.
    Instead {
        /// The folder.
        dir: String,
        /// The part that is asked for, `train` or `test`.
        wanted: &'static str,
        /// The name of the folder that is read.
        read: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Skipped { reason } => write!(f, "skipped: {reason}"),
            Warning::Series { file, reason } => write!(f, "{file}: {reason}"),
            Warning::Constant { file, columns } => {
                let some: Vec<&str> = columns.iter().take(5).map(String::as_str).collect();
                let more = match columns.len().saturating_sub(some.len()) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "{file}: the training rows all have the same value in {}{more}",
                    some.join(", ")
                )
            }
            Warning::UnknownCategory {
                file,
                column,
                count,
                value,
            } => write!(
                f,
                "{file}: column \"{column}\": {} a text that no training row has, such as \"{value}\"; it counts as none of \
                 its categories",
                match count {
                    1 => "1 row has".to_owned(),
                    _ => format!("{count} rows have"),
                }
            ),
            Warning::Padded {
                count,
                first,
                size,
                patch,
            } => write!(
                f,
                "{count} smaller than a patch of {patch} x {patch}, extended by reflection; the \
                 first: {first}, {} (height x width)",
                dims(size)
            ),
            Warning::Unread {
                dir,
                loose,
                kinds,
                first,
                folders,
            } => {
                let beside = match loose {
                    0 => String::new(),
                    count => {
                        format!("{count} {} beside the folders for parts", pictures(*count))
                    }
                };
                let folders = match folders.as_str() {
                    "" => String::new(),
                    folders => format!("folders {folders}"),
                };
                let first = match first.as_str() {
                    "" => String::new(),
                    first => format!("; the first: {first}"),
                };
                let movable = !beside.is_empty() || !folders.is_empty();
                let cure = match (movable, kinds.is_empty()) {
                    (false, _) => "convert them to PNG",
                    (true, true) => "move the pictures into a folder that is read",
                    (true, false) => {
                        "move the pictures into a folder that is read, and convert the other kinds to PNG"
                    }
                };
                let all: Vec<&str> = [beside.as_str(), kinds, &folders]
                    .into_iter()
                    .filter(|it| !it.is_empty())
                    .collect();
                write!(f, "{dir}: not read: {}{first}; {cure}", all.join(", "))
            }
            Warning::ManyClasses { dir, count, most } => write!(
                f,
                "{dir}: {count} folders of pictures, read without labels; at most {most} are taken for classes"
            ),
            Warning::MixedColours { grey, of, first } => write!(
                f,
                "{grey} of the {of} pictures {} grey, but all are read as colour; the first: {first}; set \
                 data.channels to 1 to make all grey",
                are(*grey)
            ),
            Warning::Reshaped {
                count,
                of,
                first,
                size,
                wanted,
                aspect,
            } => {
                let (how, cure) = match aspect {
                    Aspect::Stretch => {
                        let cure =
                            "set data.aspect to \"crop\" or use data.patch to keep their shapes";
                        ("stretched", cure)
                    }
                    Aspect::Crop => ("cut at two sides", "use data.patch to keep all of them"),
                };
                write!(
                    f,
                    "{count} of the {of} pictures {} {how} to the aspect ratio of {}; the first: {first}, {} \
                     (height x width); when training, {cure}",
                    are(*count),
                    dims(wanted),
                    dims(size)
                )
            }
            Warning::FewerBits {
                count,
                largest,
                white,
            } => write!(
                f,
                "{count} 16-bit {} no value above {largest}, so {white} is white; set data.white \
                 to 65535 for all 16 bits",
                having(*count)
            ),
            Warning::Remade { folder, reason } => write!(
                f,
                "{folder}: the cache of decoded pictures is made anew: {reason}"
            ),
            Warning::Instead { dir, wanted, read } => {
                write!(
                    f,
                    "{dir}: no folder {wanted}, so {read} is read in its place"
                )
            }
            Warning::Dark {
                count,
                largest,
                white,
            } => write!(
                f,
                "{count} 16-bit {} no value above {largest}, and {white} is white, so they are almost black; train \
                 with a data.white that is nearer to {largest}, or scale the pictures",
                having(*count)
            ),
            Warning::Clipped {
                count,
                largest,
                white,
            } => write!(
                f,
                "{count} 16-bit {} values above {white}, which is white, so they are cut off; the largest: \
                 {largest}; train with a data.white of at least that, or scale the pictures",
                having(*count)
            ),
            Warning::Copies {
                count,
                of,
                first,
                same,
            } => write!(
                f,
                "{count} of the {of} training pictures {} of others; the first: {first} is the same as {same}",
                match count {
                    1 => "is a copy",
                    _ => "are copies",
                }
            ),
            Warning::Gaps { video, missing } => write!(
                f,
                "{video}: missing in the numbering of its frames: {missing}; clips go on across the gap"
            ),
            Warning::Short {
                count,
                of,
                first,
                found,
                frames,
            } => write!(
                f,
                "{count} of the {of} videos {} shorter than a clip of {frames} frames and left out; the first: {first}, \
                 {found} frames",
                are(*count)
            ),
            Warning::OneVideo { video, first, last } => write!(
                f,
                "{video} is the only video, so its last part in time is for testing: frames {first} to {last}; with more \
                 videos, whole ones are"
            ),
            Warning::Stills { dir, count, first } => write!(
                f,
                "{dir}: not read: {count} {} beside videos; the first: {first}; move the frames of a video into a folder \
                 of their own",
                pictures(*count)
            ),
            Warning::InBoth {
                part,
                other,
                count,
                of,
                first,
                same,
            } => write!(
                f,
                "{count} of the {of} {part} pictures {} also {}, so their figures are not those of unseen pictures; \
                 the first: {first} is the same as the {other} picture {same}",
                are(*count),
                match count {
                    1 => format!("a {other} picture"),
                    _ => format!("{other} pictures"),
                }
            ),
        }
    }
}

fn pictures(count: usize) -> &'static str {
    match count {
        1 => "picture",
        _ => "pictures",
    }
}

fn are(count: usize) -> &'static str {
    match count {
        1 => "is",
        _ => "are",
    }
}

fn having(count: usize) -> &'static str {
    match count {
        1 => "file has",
        _ => "files have",
    }
}
