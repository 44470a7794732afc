//! Head: what a first look at the files found, which the index of a cache keeps, so that it need not be repeated.

use serde::{Deserialize, Serialize};

use super::Files;
use crate::bands::MAX_CHANNELS;
use crate::load::Part;
use crate::picture::{Header, MAX_SIDE};

/// What a first look at the files found, which the index keeps, so that it need not be repeated.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// The value of files with 16 bits that becomes white.
    pub white: u16,
    /// The largest value of each file with 16 bits.
    pub peaks: Vec<u16>,
    /// What is known of each file, part by part.
    pub parts: Vec<Vec<Seen>>,
}

/// What is known of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Seen {
    /// Channels, height, width, whether it has 16 bits, and its size in bytes.
    Good(usize, usize, usize, bool, u64),
    /// Why its header cannot be read.
    Bad(String),
}

impl Seen {
    pub fn of(header: Result<&Header, String>) -> Self {
        match header {
            Ok(header) => {
                let [height, width] = header.size;
                Seen::Good(header.channels, height, width, header.deep, header.bytes)
            }
            Err(reason) => Seen::Bad(reason),
        }
    }

    /// Whether no header says otherwise.
    fn is_plausible(&self) -> bool {
        match self {
            Seen::Good(channels, height, width, ..) => {
                let sides = [height, width];
                (1..=MAX_CHANNELS).contains(channels)
                    && sides.iter().all(|it| (1..=MAX_SIDE).contains(*it))
            }
            Seen::Bad(_) => true,
        }
    }
}

impl Head {
    /// Whether it is of so many files.
    pub fn fits(&self, parts: &[Files]) -> bool {
        let counts = self.parts.iter().map(Vec::len);
        counts.eq(parts.iter().map(|(_, files)| files.len()))
            && self.parts.iter().flatten().all(Seen::is_plausible)
    }

    /// The parts as they were when the headers were read.
    pub fn parts(&self, files: &[Files]) -> Vec<Part> {
        let parts = self.parts.iter().zip(files);
        parts
            .map(|(seen, (what, files))| {
                let mut part = Part::new(what, files.len());
                for (file, seen) in files.iter().zip(seen) {
                    match seen {
                        &Seen::Good(channels, height, width, deep, bytes) => {
                            let header = Header {
                                channels,
                                size: [height, width],
                                deep,
                                bytes,
                            };
                            part.files.push((file.clone(), header));
                        }
                        Seen::Bad(reason) => part.skipped.push(reason.clone()),
                    }
                }
                part
            })
            .collect()
    }
}
