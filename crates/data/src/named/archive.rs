//! Reading the files of named sets: IDX as it is, EMNIST's letters from a zip, CIFAR's records from a tar. Members are
//! found by their whole names and read in memory; nothing is unpacked, so their paths lead nowhere.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::GzDecoder;
use zip::ZipArchive;

use crate::{DataError, ImageShape, Images, idx};

/// Large enough that reading costs little compared with decompression.
const BUFFER: usize = 64 << 10;

/// The most bytes of a tar that are looked at, a third more than CIFAR's: a small file can unpack to any size.
const MOST: u64 = 1 << 28;

/// Letters of the alphabet.
const LETTERS: u8 = 26;

/// Shape of CIFAR's images.
const CIFAR: ImageShape = [3, 32, 32];

/// The images of a file of images and one of labels.
pub(super) fn idx(images: &Path, labels: &Path) -> Result<Images, DataError> {
    let (stored, file) = open(images)?;
    let read = idx::read_images(&images.display().to_string(), stored, file, None)?;
    let (stored, file) = open(labels)?;
    idx::with_labels(read, &labels.display().to_string(), stored, file, None)
}

fn open(path: &Path) -> Result<(u64, BufReader<File>), DataError> {
    let failed = |error| DataError::read(path, error);
    let file = File::open(path).map_err(failed)?;
    let stored = file.metadata().map_err(failed)?.len();
    Ok((stored, BufReader::with_capacity(BUFFER, file)))
}

/// The training and test part of EMNIST's letters, upright, with labels 0 to 25.
pub(super) fn letters(path: &Path) -> Result<(Images, Images), DataError> {
    letters_of(&path.display().to_string(), open(path)?.1)
}

fn letters_of(file: &str, source: impl Read + Seek) -> Result<(Images, Images), DataError> {
    let damaged = |error: zip::result::ZipError| DataError::Archive {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut archive = ZipArchive::new(source).map_err(damaged)?;
    let mut part = |part: &str| {
        let mut member = |kind: &str| {
            let member = format!("gzip/emnist-letters-{part}-{kind}-ubyte.gz");
            let name = format!("{file}: {member}");
            let found = archive
                .by_name(&member)
                .map_err(|error| DataError::Archive {
                    file: name.clone(),
                    reason: error.to_string(),
                })?;
            // The whole member is in memory: it is as large as it is in the archive, whatever it announces.
            let stored = found.compressed_size();
            let mut bytes = Vec::new();
            // What gzip made cannot be deflated to much less, so one that grows was made to.
            let mut found = found.take(stored.saturating_mul(2).saturating_add(1 << 10));
            found
                .read_to_end(&mut bytes)
                .map_err(|error| DataError::Archive {
                    file: name.clone(),
                    reason: error.to_string(),
                })?;
            Ok((name, bytes))
        };
        let (name, bytes) = member("images-idx3")?;
        let images = idx::read_images(&name, bytes.len() as u64, bytes.as_slice(), None)?;
        let (name, bytes) = member("labels-idx1")?;
        let images = idx::with_labels(images, &name, bytes.len() as u64, bytes.as_slice(), None)?;
        upright(&name, images)
    };
    Ok((part("train")?, part("test")?))
}

/// EMNIST's images with rows and columns exchanged, as they were written down by column (Cohen et al. 2017), and its
/// labels from 1 to 26 as 0 to 25.
fn upright(file: &str, images: Images) -> Result<Images, DataError> {
    let [channels, height, width] = images.shape();
    let mut pixels = Vec::with_capacity(images.pixels().len());
    for plane in images.pixels().chunks_exact(height * width) {
        for column in 0..width {
            pixels.extend(plane.iter().skip(column).step_by(width));
        }
    }
    let label = |label: &u8| match label.checked_sub(1) {
        Some(from_zero) if from_zero < LETTERS => Ok(from_zero),
        _ => Err(DataError::Archive {
            file: file.to_owned(),
            reason: format!("label {label}; allowed: 1 to {LETTERS}"),
        }),
    };
    let labels: Result<Vec<u8>, DataError> = images
        .labels()
        .unwrap_or_default()
        .iter()
        .map(label)
        .collect();
    Images::new(pixels, [channels, width, height])?.with_labels(labels?)
}

/// How CIFAR's records lie in a tar: some labels, of which the last counts, then the pixels.
pub(super) struct Records {
    train: &'static [&'static str],
    test: &'static str,
    /// Records in each file of the training part.
    each: usize,
    tested: usize,
    labels: usize,
    classes: u8,
}

/// The binary version of CIFAR-10 (<https://www.cs.toronto.edu/~kriz/cifar.html>).
pub(super) const CIFAR_10: Records = Records {
    train: &[
        "cifar-10-batches-bin/data_batch_1.bin",
        "cifar-10-batches-bin/data_batch_2.bin",
        "cifar-10-batches-bin/data_batch_3.bin",
        "cifar-10-batches-bin/data_batch_4.bin",
        "cifar-10-batches-bin/data_batch_5.bin",
    ],
    test: "cifar-10-batches-bin/test_batch.bin",
    each: 10_000,
    tested: 10_000,
    labels: 1,
    classes: 10,
};

/// The binary version of CIFAR-100, whose records have a coarse label before the fine one.
pub(super) const CIFAR_100: Records = Records {
    train: &["cifar-100-binary/train.bin"],
    test: "cifar-100-binary/test.bin",
    each: 50_000,
    tested: 10_000,
    labels: 2,
    classes: 100,
};

/// The training and test part of CIFAR, from a gzipped tar.
pub(super) fn cifar(path: &Path, records: &Records) -> Result<(Images, Images), DataError> {
    let (_, source) = open(path)?;
    cifar_of(&path.display().to_string(), GzDecoder::new(source), records)
}

fn cifar_of(
    file: &str,
    source: impl Read,
    records: &Records,
) -> Result<(Images, Images), DataError> {
    let damaged = |reason: String| DataError::Archive {
        file: file.to_owned(),
        reason,
    };
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("the file is truncated".to_owned()),
        _ => damaged(error.to_string()),
    };
    // The files may come in any order.
    let mut train: Vec<Option<Vec<u8>>> = records.train.iter().map(|_| None).collect();
    let mut test = None;
    let mut archive = tar::Archive::new(source.take(MOST));
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry.path_bytes().into_owned();
        let index = records.train.iter().position(|it| it.as_bytes() == name);
        let (slot, member, count) =
            match index.and_then(|index| Some((index, train.get_mut(index)?))) {
                Some((index, slot)) => (slot, records.train.get(index), records.each),
                None if records.test.as_bytes() == name => {
                    (&mut test, Some(&records.test), records.tested)
                }
                None => continue,
            };
        let member = member.copied().unwrap_or_default();
        let length = count * (records.labels + CIFAR.iter().product::<usize>());
        if slot.is_some() || !entry.header().entry_type().is_file() {
            return Err(damaged(format!(
                "{member} is there twice, or is not a file"
            )));
        }
        if entry.size() != length as u64 {
            let found = entry.size();
            return Err(damaged(format!(
                "{member} has {found} bytes, expected {length}"
            )));
        }
        let mut bytes = vec![0; length];
        entry.read_exact(&mut bytes).map_err(unreadable)?;
        *slot = Some(bytes);
    }
    let missing = |member: &str| damaged(format!("{member} is missing"));
    let mut read = Part::with_room(records.each.saturating_mul(records.train.len()));
    for (member, bytes) in records.train.iter().zip(train) {
        read.add(bytes.ok_or_else(|| missing(member))?, member, file, records)?;
    }
    let mut tested = Part::with_room(records.tested);
    tested.add(
        test.ok_or_else(|| missing(records.test))?,
        records.test,
        file,
        records,
    )?;
    Ok((read.images()?, tested.images()?))
}

/// The records of a part.
struct Part {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Part {
    fn with_room(count: usize) -> Self {
        Self {
            pixels: Vec::with_capacity(count * CIFAR.iter().product::<usize>()),
            labels: Vec::with_capacity(count),
        }
    }

    fn add(
        &mut self,
        bytes: Vec<u8>,
        member: &str,
        file: &str,
        records: &Records,
    ) -> Result<(), DataError> {
        for record in bytes.chunks_exact(records.labels + CIFAR.iter().product::<usize>()) {
            let (labels, pixels) = record.split_at_checked(records.labels).unwrap_or_default();
            let label = labels.last().copied().unwrap_or(u8::MAX);
            if label >= records.classes {
                return Err(DataError::Archive {
                    file: format!("{file}: {member}"),
                    reason: format!("label {label}; allowed: less than {}", records.classes),
                });
            }
            self.labels.push(label);
            self.pixels.extend_from_slice(pixels);
        }
        Ok(())
    }

    fn images(self) -> Result<Images, DataError> {
        Images::new(self.pixels, CIFAR)?.with_labels(self.labels)
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
