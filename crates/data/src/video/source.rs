//! One video: how many frames of which size it has, and its frames.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{animation, array, natural};
use crate::bands::Decoded;
use crate::folder::file_name;
use crate::picture::{Conversion, File};
use crate::value::Value;
use crate::{DataError, Warning};

/// Frames that are decoded at a time, so that a long video takes little memory.
const AT_ONCE: usize = 32;

/// A video.
#[derive(Debug, Clone)]
pub(super) struct Video {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Pictures in a folder, in their order.
    Frames(Vec<PathBuf>),
    /// A file of GIF, WebP or PNG.
    Animation,
    /// A file of NumPy.
    Array,
}

/// What is known of a video before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) frames: usize,
    /// Height and width.
    pub(super) size: [usize; 2],
    /// 1 or 3.
    pub(super) channels: usize,
    /// Of its files.
    pub(super) bytes: u64,
}

impl Video {
    /// A folder of these pictures.
    pub(super) fn frames(path: &Path, mut frames: Vec<PathBuf>) -> Self {
        let by_number = |one: &PathBuf, other: &PathBuf| {
            let [a, b] = [one, other].map(|path| file_name(path.as_path()));
            natural::compare(&stem(&a), &stem(&b)).then_with(|| a.cmp(&b))
        };
        frames.sort_by(by_number);
        Self {
            path: path.to_owned(),
            kind: Kind::Frames(frames),
        }
    }

    pub(super) fn animation(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            kind: Kind::Animation,
        }
    }

    pub(super) fn array(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            kind: Kind::Array,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path, for display.
    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> String {
        file_name(&self.path)
    }

    /// Natural order by name.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        natural::compare(&self.name(), &other.name())
    }

    /// The warning about numbers that no frame has.
    pub(super) fn gaps(&self) -> Option<Warning> {
        let Kind::Frames(frames) = &self.kind else {
            return None;
        };
        let number = |path: &PathBuf| natural::number(&stem(&file_name(path)));
        let numbers: Option<Vec<u64>> = frames.iter().map(number).collect();
        Some(Warning::Gaps {
            video: self.place(),
            missing: natural::missing(&numbers?)?,
        })
    }

    /// Reads what is known without decoding; of a folder, the first frame stands for all.
    pub(super) fn open(&self) -> Result<Header, DataError> {
        match &self.kind {
            Kind::Frames(frames) => {
                let first = frames.first().ok_or_else(|| DataError::Video {
                    file: self.place(),
                    reason: "has no frames".into(),
                })?;
                if animation::count(first)?.is_some_and(|count| count > 1) {
                    return Err(DataError::Video {
                        file: first.display().to_string(),
                        reason: "is an animation in a folder of frames; move animations up, beside the folders".into(),
                    });
                }
                let header = File::Stored(first.clone()).header()?;
                let bytes = |path: &PathBuf| path.metadata().map_or(0, |about| about.len());
                Ok(Header {
                    frames: frames.len(),
                    size: header.size,
                    channels: header.channels,
                    bytes: frames.iter().map(bytes).sum(),
                })
            }
            Kind::Animation => animation::open(&self.path),
            Kind::Array => array::open(&self.path),
        }
    }

    /// Decodes all frames, and hands each with its number to `put`, `[C, H, W]` as `conversion` says.
    ///
    /// # Errors
    ///
    /// If they cannot be decoded, or are not as the header said.
    pub(super) fn decode(
        &self,
        header: &Header,
        conversion: &Conversion,
        mut put: impl FnMut(usize, &[u8]),
    ) -> Result<(), DataError> {
        let frames = match &self.kind {
            Kind::Animation => return animation::decode(&self.path, header, conversion, put),
            Kind::Array => return array::decode(&self.path, header, conversion, put),
            Kind::Frames(frames) => frames,
        };
        let mut number = 0;
        for some in frames.chunks(AT_ONCE) {
            let decoded: Vec<Result<Vec<u8>, DataError>> = some
                .par_iter()
                .map(|path| {
                    let Decoded::Picture(picture) = File::Stored(path.clone()).decode()? else {
                        return Err(DataError::Picture {
                            file: path.display().to_string(),
                            reason: "found other channels than grey or colour".to_string(),
                        });
                    };
                    let found = [picture.height() as usize, picture.width() as usize];
                    if found != header.size {
                        return Err(DataError::MixedFrames {
                            file: path.display().to_string(),
                            found,
                            allowed: header.size,
                        });
                    }
                    Ok(u8::convert(picture, conversion))
                })
                .collect();
            for frame in decoded {
                put(number, &frame?);
                number += 1;
            }
        }
        Ok(())
    }
}

/// A name without its extension.
fn stem(name: &str) -> String {
    let path = Path::new(name);
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
