//! Store: a file of pixels that is filled block by block, and an index that says which blocks are done.
//!
//! The folder holds `pixels`, the pixels of one item after the other; `index.jsonl`, a first line with format, version, key
//! and what the writer noted, then a line for each block; and `lock`. A block's line is written after its pixels, so what a
//! killed process leaves is continued behind the last whole block. A complete file is never changed: a damaged store is
//! removed and made anew, and whoever has the old file mapped keeps it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use kernels::Map;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::DataError;
use crate::dataset::hex;

/// What the first line says of every store.
const FORMAT: &str = "hourglass pictures";

/// The version of the layout.
const VERSION: u32 = 1;

/// Bytes of a block, at least: small enough to hold in memory and to lose, large enough that a block's end, at which
/// threads wait for the last one, costs nothing.
const BLOCK: usize = if cfg!(test) { 100 } else { 16 << 20 };

/// The most bytes of an index that are read: 25 million pictures have fewer.
const LARGEST_INDEX: u64 = 1 << 30;

/// SHA-256 of an item's pixels.
pub(crate) type Digest = [u8; 32];

/// A store whose folder this process alone writes to.
pub(crate) struct Store {
    folder: PathBuf,
    blocks: Vec<Block>,
    /// Bytes of the index that are of the first line and of blocks that are there.
    kept: u64,
    /// Bytes that all items take, for messages.
    wanted: u64,
    /// Released when it is dropped.
    _lock: File,
}

/// What is in the first line.
#[derive(Serialize, Deserialize)]
struct First<H> {
    format: String,
    version: u32,
    key: String,
    head: H,
}

/// The first line of any version.
#[derive(Deserialize)]
struct Kind {
    format: String,
    version: u32,
    key: String,
}

/// A block that is done.
#[derive(Debug, Serialize, Deserialize)]
struct Block {
    /// Items that it stands for.
    items: usize,
    /// Bytes of its pixels.
    bytes: u64,
    /// SHA-256 of the digests of its items.
    sha256: String,
    /// Items that could not be made: their place in the block, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<(usize, String)>,
}

/// A store that was found, with what its writer noted; `None` if it is new or damaged, and to be cleared.
pub(crate) struct Found<H> {
    pub store: Store,
    pub head: Option<H>,
    /// What was wrong with it, if anything was.
    pub broken: Option<String>,
}

impl Store {
    /// Opens or makes the store in a folder, without a change of its files, and waits for another process that writes there. `wanted` is the number of
    /// bytes that all items take, for messages.
    ///
    /// # Errors
    ///
    /// [`DataError::Cache`] if the folder cannot be written.
    pub fn open<H: DeserializeOwned>(
        folder: &Path,
        key: &str,
        wanted: u64,
    ) -> Result<Found<H>, DataError> {
        let failed = |what, path: &Path, error| failed(what, path, error, wanted);
        fs::create_dir_all(folder).map_err(|error| failed("written", folder, error))?;
        let lock = folder.join("lock");
        let file = OpenOptions::new().create(true).append(true).open(&lock);
        let file = file.map_err(|error| failed("written", &lock, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                (file.lock()).map_err(|error| failed("locked", &lock, error))?;
            }
            Err(TryLockError::Error(error)) => return Err(failed("locked", &lock, error)),
        }
        let mut store = Store {
            folder: folder.to_owned(),
            blocks: Vec::new(),
            kept: 0,
            wanted,
            _lock: file,
        };
        let read = store.read(key);
        let (head, broken) = match read.map_err(|error| failed("read", folder, error))? {
            Ok(found) => found,
            Err(reason) => (None, Some(reason)),
        };
        Ok(Found {
            store,
            head,
            broken,
        })
    }

    /// Reads the index, and keeps the blocks whose pixels are there. The inner error says what is wrong with the store; the
    /// text beside a head what is missing of it.
    #[expect(
        clippy::type_complexity,
        reason = "what open() gives, without a name of its own"
    )]
    fn read<H: DeserializeOwned>(
        &mut self,
        key: &str,
    ) -> io::Result<Result<(Option<H>, Option<String>), String>> {
        let mut text = Vec::new();
        match File::open(self.index()) {
            Ok(file) => file.take(LARGEST_INDEX).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok((None, None))),
            Err(error) => return Err(error),
        };
        // A line without an end was being written when its process was killed.
        let whole = text.split_inclusive(|&byte| byte == b'\n');
        let mut whole = whole.filter(|line| line.ends_with(b"\n"));
        let Some(first) = whole.next() else {
            return Ok(Ok((None, None)));
        };
        let wrong = match serde_json::from_slice::<Kind>(first) {
            Ok(Kind { format, .. }) if format != FORMAT => {
                Some(format!("of the format {format:?}"))
            }
            Ok(Kind { version, .. }) if version != VERSION => {
                Some(format!("of version {version}; allowed: {VERSION}"))
            }
            Ok(kind) if kind.key != key => Some("of other pictures".to_owned()),
            Ok(_) => None,
            Err(error) => Some(format!("damaged: {error}")),
        };
        if let Some(wrong) = wrong {
            return Ok(Err(format!("its index is {wrong}")));
        }
        let head = match serde_json::from_slice::<First<H>>(first) {
            Ok(first) => first.head,
            Err(error) => return Ok(Err(format!("its index is damaged: {error}"))),
        };
        self.kept = first.len() as u64;
        let found = fs::metadata(self.pixels()).map_or(0, |it| it.len());
        let (mut bytes, mut missing) = (0_u64, None);
        for line in whole {
            let block = match serde_json::from_slice::<Block>(line) {
                Ok(block) => block,
                Err(error) => return Ok(Err(format!("its index is damaged: {error}"))),
            };
            let end = bytes.saturating_add(block.bytes);
            if end > found {
                missing = Some(format!("its pixels end after {found} bytes"));
                break;
            }
            bytes = end;
            self.kept += line.len() as u64;
            self.blocks.push(block);
        }
        Ok(Ok((Some(head), missing)))
    }

    /// Removes what is there, for another beginning.
    ///
    /// # Errors
    ///
    /// [`DataError::Cache`].
    pub fn clear(&mut self) -> Result<(), DataError> {
        self.blocks.clear();
        self.kept = 0;
        for path in [self.index(), self.pixels()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed("written", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the first line of a new store.
    ///
    /// # Errors
    ///
    /// [`DataError::Cache`].
    pub fn begin<H: Serialize>(&mut self, key: &str, head: H) -> Result<(), DataError> {
        let first = First {
            format: FORMAT.to_owned(),
            version: VERSION,
            key: key.to_owned(),
            head,
        };
        let index = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.index());
        let written = index.and_then(|mut file| {
            write_line(&mut file, &first)?;
            file.metadata()
        });
        let about = written.map_err(|error| self.failed("written", &self.index(), error))?;
        self.kept = about.len();
        Ok(())
    }

    /// Items that are done.
    pub fn done(&self) -> usize {
        let items = self.blocks.iter().map(|block| block.items);
        items.fold(0, usize::saturating_add)
    }

    /// Makes what is missing of items of these lengths, in parallel, and tells after each block how many are done. Those
    /// that `make` fails for are dropped with its message, unless that is `strict`.
    ///
    /// # Errors
    ///
    /// [`DataError::Cache`] if the disk is full, and with `strict` the first one of `make`. What was done before is kept.
    pub fn fill(
        &mut self,
        lengths: &[usize],
        strict: bool,
        make: impl Fn(usize) -> Result<Vec<u8>, DataError> + Sync,
        mut tell: impl FnMut(usize),
    ) -> Result<(), DataError> {
        let mut done = self.done();
        if done >= lengths.len() {
            return Ok(());
        }
        let writer = self.writers();
        let (mut pixels, mut index) =
            writer.map_err(|error| self.failed("written", &self.pixels(), error))?;
        while done < lengths.len() {
            let made: Vec<_> = block(lengths, done)
                .into_par_iter()
                .map(|item| {
                    let pixels = make(item)?;
                    let digest = Sha256::digest(&pixels);
                    Ok((pixels, digest))
                })
                .collect();
            let mut digests = Sha256::new();
            let mut found = Block {
                items: made.len(),
                bytes: 0,
                sha256: String::new(),
                dropped: Vec::new(),
            };
            for (place, item) in made.into_iter().enumerate() {
                match item {
                    Ok((bytes, digest)) => {
                        let written = pixels.write_all(&bytes);
                        written.map_err(|error| self.failed("written", &self.pixels(), error))?;
                        found.bytes += bytes.len() as u64;
                        digests.update(digest);
                    }
                    Err(error) if strict => return Err(error),
                    Err(error) => found.dropped.push((place, DataError::to_string(&error))),
                }
            }
            found.sha256 = hex(&digests.finalize());
            let written = write_line(&mut index, &found);
            written.map_err(|error| self.failed("written", &self.index(), error))?;
            done += found.items;
            self.blocks.push(found);
            tell(done);
        }
        let synced = pixels.sync_all().and_then(|()| index.sync_all());
        synced.map_err(|error| self.failed("written", &self.pixels(), error))
    }

    /// The pixels and the index, to be continued behind the blocks that are done.
    fn writers(&self) -> io::Result<(File, File)> {
        let bytes = self.blocks.iter().map(|block| block.bytes).sum();
        let mut options = OpenOptions::new();
        let mut pixels = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.pixels())?;
        pixels.set_len(bytes)?;
        pixels.seek(SeekFrom::End(0))?;
        let index = OpenOptions::new().append(true).open(self.index())?;
        index.set_len(self.kept)?;
        Ok((pixels, index))
    }

    /// The items that were dropped, in order, and why.
    pub fn dropped(&self) -> impl Iterator<Item = (usize, &str)> {
        let starts = self.blocks.iter().scan(0, |start, block| {
            let first = *start;
            *start += block.items;
            Some((first, block))
        });
        starts.flat_map(|(first, block)| {
            let dropped = block.dropped.iter();
            dropped.map(move |(place, reason)| (first + place, reason.as_str()))
        })
    }

    /// Maps the pixels of a complete store, and checks them: gives the digest of each item that was not dropped, or says
    /// what is wrong. `lengths` are those of all items.
    ///
    /// # Errors
    ///
    /// [`DataError::Cache`] if the file cannot be mapped.
    pub fn map(&self, lengths: &[usize]) -> Result<Result<(Map, Vec<Digest>), String>, DataError> {
        let path = self.pixels();
        let file = File::open(&path).map_err(|error| self.failed("read", &path, error))?;
        let map = Map::of(&file).map_err(|error| self.failed("read", &path, error))?;
        let mut left = lengths.iter();
        let mut start = 0;
        let mut jobs = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let items: Vec<usize> = left.by_ref().take(block.items).copied().collect();
            let is_kept = |place: usize| !block.dropped.iter().any(|(it, _)| *it == place);
            let kept = items
                .iter()
                .enumerate()
                .filter(|(place, _)| is_kept(*place));
            let kept: Vec<usize> = kept.map(|(_, length)| *length).collect();
            let end = start + kept.iter().sum::<usize>();
            jobs.push((start..end, kept, &block.sha256));
            start = end;
        }
        if start != map.bytes().len() || self.done() != lengths.len() {
            return Ok(Err("its index is of other pixels".to_owned()));
        }
        let checked: Option<Vec<Vec<Digest>>> = (jobs.into_par_iter())
            .map(|(range, kept, sha256)| checked(map.bytes().get(range)?, &kept, sha256))
            .collect();
        Ok(match checked {
            Some(digests) => Ok((map, digests.concat())),
            None => Err("its pixels are damaged: another SHA-256 than in its index".to_owned()),
        })
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index.jsonl")
    }

    fn pixels(&self) -> PathBuf {
        self.folder.join("pixels")
    }

    fn failed(&self, what: &'static str, path: &Path, error: io::Error) -> DataError {
        failed(what, path, error, self.wanted)
    }
}

fn failed(what: &'static str, path: &Path, error: io::Error, bytes: u64) -> DataError {
    DataError::Cache {
        file: path.display().to_string(),
        what,
        error,
        bytes,
    }
}

/// The items of the block that begins with the item `first`.
fn block(lengths: &[usize], first: usize) -> Range<usize> {
    let mut bytes = 0;
    let rest = lengths.iter().skip(first);
    let items = rest.take_while(|length| {
        let begins = bytes < BLOCK;
        bytes = bytes.saturating_add(**length);
        begins
    });
    first..first + items.count()
}

/// The digests of the items of a block; `None` unless they are those that its line is of.
fn checked(mut pixels: &[u8], lengths: &[usize], sha256: &str) -> Option<Vec<Digest>> {
    let mut all = Sha256::new();
    let mut digests = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (item, rest) = pixels.split_at_checked(length)?;
        let digest = Sha256::digest(item);
        all.update(digest);
        digests.push(digest.into());
        pixels = rest;
    }
    (hex(&all.finalize()) == sha256).then_some(digests)
}

/// Writes a value as one line of JSON, in one go.
fn write_line(file: &mut File, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
