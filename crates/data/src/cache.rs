//! Cache: decoded pictures of a set that is too large for memory, in a file that is mapped into it.
//!
//! It lies in the user's cache, in a folder named by the SHA-256 of what decides its content: names, sizes and times of
//! change of the files, and how they are prepared. Reading all files to name it by their content would take as long as
//! decoding them; a file that is changed without another size or time is not noticed. What is in the cache is compared with
//! its own SHA-256 whenever it is opened.

mod head;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use kernels::Map;
use sha2::{Digest as _, Sha256};

use crate::buffer::Buffer;
use crate::dataset::hex;
use crate::images::{self, PictureOptions};
use crate::load::{self, ImagesOf, Loader, Part, Planned, headers, is_deep};
use crate::picture::{File, Header};
use crate::value::Value;
use crate::whole::Whole;
use crate::{DataError, Warning, folder, patches, user_cache};

use head::{Head, Seen};
pub(crate) use store::Digest;
use store::{Found, Store};

/// Bytes of pixels above which a set of pictures is kept in the cache, unless the options say so or otherwise: what a
/// small machine has to spare.
pub(crate) const CACHED_ABOVE: u64 = 1 << 30;

/// Pictures that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// How many are done.
    pub done: usize,
    /// All of them.
    pub of: usize,
}

/// Pictures that are to be decoded into the cache.
#[derive(Debug, Clone)]
pub struct Undecoded {
    /// The folder of the pictures.
    dir: PathBuf,
    options: PictureOptions,
    /// The folder of the cache.
    pub into: PathBuf,
}

impl Undecoded {
    /// Those of a folder; `None` if they fit into memory or are all there.
    pub(crate) fn of(dir: &Path, options: &PictureOptions) -> Result<Option<Self>, DataError> {
        let place = dir.display().to_string();
        let found = folder::find(dir)?.0;
        // Whether there is colour is not looked up for sets that fit anyway.
        let most = options.channels.unwrap_or(3);
        let [_, bytes] = images::extent(&place, &found, options, most)?;
        if !options.is_cached(bytes) {
            return Ok(None);
        }
        let Planned {
            loader,
            files,
            is_cached,
        } = load::plan(&place, found, options, None)?;
        if !is_cached || loader.is_filled(&files)? {
            return Ok(None);
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            options: options.clone(),
            into: loader.place(&files)?.folder,
        }))
    }

    /// Decodes them in parallel, and tells after each block of about 16 MiB how far it is. What is done is kept if this
    /// process ends. The warning says that an earlier cache was damaged.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load), and if the disk is full.
    pub fn run(self, tell: &mut dyn FnMut(Decoded)) -> Result<Option<Warning>, DataError> {
        let place = self.dir.display().to_string();
        let found = folder::find(&self.dir)?.0;
        let planned = load::plan(&place, found, &self.options, None)?;
        planned.loader.fill(&planned.files, tell)
    }
}

/// The files of one part: what they are called in errors, and where they are.
pub(crate) type Files = (&'static str, Vec<File>);

/// Where the cache of a set is, and of what.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub folder: PathBuf,
    key: String,
}

/// A cache with all pictures.
struct Filled {
    store: Store,
    parts: Vec<Part>,
    /// The largest value of each file with 16 bits.
    peaks: Vec<u16>,
    lengths: Vec<usize>,
    /// Whether it was complete before.
    was_whole: bool,
}

/// What comes from the cache: the files of each part and their images, the largest value of each file with 16 bits, and a
/// warning if the cache was damaged.
pub(crate) struct Cached {
    pub parts: Vec<Part>,
    pub images: Vec<ImagesOf>,
    pub peaks: Vec<u16>,
    pub remade: Option<Warning>,
}

impl Place {
    fn remade(&self, reason: String) -> Warning {
        let folder = self.folder.display().to_string();
        Warning::Remade { folder, reason }
    }
}

impl Loader<'_> {
    /// Where the cache of these files is. Pictures with a given white are those of a cache that found the
    /// same by itself, if there is one.
    fn place(&self, parts: &[Files]) -> Result<Place, DataError> {
        let root = self.root()?;
        let place = |white| {
            let key = self.key(parts, white);
            let folder = root.join(&key);
            Place { folder, key }
        };
        let found = place(None);
        let Some(white) = self.options.white else {
            return Ok(found);
        };
        if found.folder.is_dir() {
            let Found { head, .. } = Store::open::<Head>(&found.folder, &found.key, 0)?;
            if head.is_some_and(|head| head.white == white) {
                return Ok(found);
            }
        }
        Ok(place(Some(white)))
    }

    /// The folder of all caches.
    fn root(&self) -> Result<PathBuf, DataError> {
        match &self.options.cache_dir {
            Some(dir) => Ok(dir.clone()),
            None => Ok(user_cache::folder()?.join("pictures")),
        }
    }

    /// SHA-256 of what decides which pixels there are.
    fn key(&self, parts: &[Files], white: Option<u16>) -> String {
        let options = self.options;
        let how = format!(
            "{:?} {:?} {:?} {:?} {} {white:?} {}",
            options.size,
            options.aspect,
            options.patch,
            self.shape,
            options.strict,
            cfg!(target_endian = "big"),
        );
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        add(&how);
        for (what, files) in parts {
            add(what);
            for file in files {
                add(&file.name());
                let about = std::fs::metadata(file.path());
                let changed = about.as_ref().ok().and_then(|it| it.modified().ok());
                let changed = changed.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
                add(&format!("{:?} {changed:?}", about.ok().map(|it| it.len())));
            }
        }
        hex(&hasher.finalize())
    }

    /// Whether all of these pictures are in the cache already.
    fn is_filled(&self, parts: &[Files]) -> Result<bool, DataError> {
        let Place { folder, key } = self.place(parts)?;
        if !folder.is_dir() {
            return Ok(false);
        }
        let Found { store, head, .. } = Store::open::<Head>(&folder, &key, 0)?;
        Ok(head.is_some_and(|head| {
            let good = head.parts.iter().flatten();
            let good = good.filter(|seen| matches!(seen, Seen::Good(..))).count();
            head.fits(parts) && store.done() == good
        }))
    }

    /// Decodes what is missing of these pictures in the cache. The text says what was wrong with an earlier one.
    fn filled(
        &self,
        Place { folder, key }: &Place,
        files: &[Files],
        afresh: bool,
        tell: &mut dyn FnMut(Decoded),
    ) -> Result<(Filled, Option<String>), DataError> {
        let wanted = files.iter().map(|(_, files)| files.len()).sum::<usize>();
        let wanted = (wanted as u64).saturating_mul(self.shape.iter().product::<usize>() as u64);
        let found = Store::open::<Head>(folder, key, wanted)?;
        let Found {
            mut store,
            head,
            broken,
        } = found;
        let (parts, peaks) = match head.filter(|head| !afresh && head.fits(files)) {
            Some(head) => (head.parts(files), head.peaks),
            None => {
                store.clear()?;
                self.survey(files, &mut store, key)?
            }
        };
        let reader = self.with_white(&peaks);
        let items: Vec<&(File, Header)> = parts.iter().flat_map(|part| &part.files).collect();
        let lengths: Vec<usize> = (items.iter())
            .map(|(_, header)| {
                let [height, width] = self.size_of(header);
                self.shape[0] * height * width
            })
            .collect();
        let deep = is_deep(&parts);
        let was_whole = store.done() >= lengths.len();
        let bytes = if deep { size_of::<u16>() } else { 1 };
        let lengths: Vec<usize> = lengths.iter().map(|it| it * bytes).collect();
        let conversion = reader.conversion();
        let of = lengths.len();
        let make = |item: usize| {
            let Some((file, header)) = items.get(item) else {
                return Ok(Vec::new());
            };
            if !deep {
                return self.padded_pixels(file, header, &conversion);
            }
            let pixels: Vec<u16> = self.padded_pixels(file, header, &conversion)?;
            Ok(bytemuck::cast_slice(&pixels).to_vec())
        };
        if !was_whole {
            let done = store.done();
            tell(Decoded { done, of });
        }
        let tell = |done| tell(Decoded { done, of });
        store.fill(&lengths, self.options.strict, make, tell)?;
        let filled = Filled {
            store,
            parts,
            peaks,
            lengths,
            was_whole,
        };
        Ok((filled, broken))
    }

    /// Reads all headers, and notes them in a new store.
    fn survey(
        &self,
        files: &[Files],
        store: &mut Store,
        key: &str,
    ) -> Result<(Vec<Part>, Vec<u16>), DataError> {
        let mut seen = Vec::new();
        let mut parts = Vec::new();
        for (what, files) in files {
            let headers = headers(files);
            let found = headers.iter();
            let found = found.map(|it| it.as_ref().map_err(DataError::to_string));
            seen.push(found.map(Seen::of).collect());
            parts.push(self.part(what, files.clone(), headers)?);
        }
        self.check_sizes(&parts)?;
        parts
            .iter()
            .try_for_each(|part| self.check_plausible(part))?;
        let peaks = self.peaks(parts.iter().flat_map(|part| &part.files));
        let head = Head {
            white: self.with_white(&peaks).white,
            peaks,
            parts: seen,
        };
        store.begin(key, &head)?;
        Ok((parts, head.peaks))
    }

    /// Decodes what is missing of these pictures in the cache. The warning says that an earlier one was damaged.
    fn fill(
        &self,
        files: &[Files],
        tell: &mut dyn FnMut(Decoded),
    ) -> Result<Option<Warning>, DataError> {
        let place = self.place(files)?;
        let (_, broken) = self.filled(&place, files, false, tell)?;
        Ok(broken.map(|reason| place.remade(reason)))
    }

    /// The pictures of these files from the cache, which is filled first if need be.
    pub(crate) fn cached(&self, files: &[Files]) -> Result<Cached, DataError> {
        let place = self.place(files)?;
        let mut told = None;
        loop {
            let afresh = told.is_some();
            let (filled, broken) = self.filled(&place, files, afresh, &mut |_| {})?;
            told = told.or(broken);
            let wrong = match self.readable_now(files, &filled) {
                true => "some of its pictures could not be read, but can be now".to_owned(),
                false => match filled.store.map(&filled.lengths)? {
                    Ok((map, digests)) => {
                        let found = match is_deep(&filled.parts) {
                            true => self.assemble::<u16>(filled, map, &digests)?,
                            false => self.assemble::<u8>(filled, map, &digests)?,
                        };
                        return Ok(Cached {
                            remade: told.map(|reason| place.remade(reason)),
                            ..found
                        });
                    }
                    Err(wrong) => wrong,
                },
            };
            if afresh {
                return Err(DataError::Damaged {
                    folder: place.folder.display().to_string(),
                    reason: wrong,
                });
            }
            told = Some(wrong);
        }
    }

    /// Whether a picture that was left out of a cache can be read now: an error of a disk or a right may have passed.
    fn readable_now(&self, files: &[Files], filled: &Filled) -> bool {
        let given: usize = files.iter().map(|(_, files)| files.len()).sum();
        if !filled.was_whole {
            return false;
        }
        let items: Vec<&(File, Header)> = filled.parts.iter().flat_map(|it| &it.files).collect();
        let is_good = |file: &File| file.decode().is_ok();
        let dropped = filled
            .store
            .dropped()
            .filter_map(|(item, _)| items.get(item));
        if dropped.into_iter().any(|(file, _)| is_good(file)) {
            return true;
        }
        if items.len() == given {
            return false;
        }
        let opened: std::collections::HashSet<_> = items.iter().map(|(it, _)| it.path()).collect();
        let unopened = files.iter().flat_map(|(_, files)| files);
        let mut unopened = unopened.filter(|file| !opened.contains(file.path()));
        unopened.any(is_good)
    }

    /// The parts without the pictures that were dropped, and the images of the others.
    fn assemble<T: Value>(
        &self,
        filled: Filled,
        map: Map,
        digests: &[Digest],
    ) -> Result<Cached, DataError> {
        let Filled {
            store,
            mut parts,
            peaks,
            ..
        } = filled;
        let map = Arc::new(map);
        let mut dropped = store.dropped().peekable();
        let (mut item, mut start, mut first) = (0, 0, 0);
        let mut images = Vec::with_capacity(parts.len());
        for part in &mut parts {
            let mut skipped = Vec::new();
            part.files.retain(|_| {
                let reason = dropped.next_if(|(at, _)| *at == item);
                item += 1;
                skipped.extend(reason.map(|(_, reason)| reason.to_owned()));
                reason.is_none()
            });
            part.skipped.append(&mut skipped);
            let sizes: Vec<_> = (part.files.iter())
                .map(|(_, header)| self.size_of(header))
                .collect();
            let length: usize = sizes.iter().map(|[rows, columns]| rows * columns).sum();
            let end = start + length * self.shape[0];
            let own = digests.get(first..first + sizes.len());
            let pixels = Buffer::Mapped {
                map: Arc::clone(&map),
                range: start..end,
                digests: own.unwrap_or_default().into(),
            };
            self.some_left(part)?;
            let pictures = Whole::<T>::of(self.shape[0], pixels, sizes.into_iter());
            images.push(self.images(part, pictures, |pictures, side| {
                self.cached_patches(pictures, side)
            })?);
            first += part.files.len();
            start = end;
        }
        drop(dropped);
        Ok(Cached {
            parts,
            images,
            peaks,
            remade: None,
        })
    }

    /// The patches of the grids of pictures that are in the cache, in the cache too.
    fn cached_patches<T: Value>(
        &self,
        pictures: &Whole<T>,
        side: usize,
    ) -> Result<Buffer<T>, DataError> {
        let mut hasher = Sha256::new();
        let bytes = size_of::<T>();
        hasher.update(format!(
            "patches of {side} in {} channels of {bytes}",
            self.shape[0]
        ));
        pictures.digests().iter().for_each(|it| hasher.update(it));
        let key = hex(&hasher.finalize());
        let folder = self.root()?.join(&key);
        let lengths: Vec<usize> = (pictures.sizes())
            .map(|size| patches::grid(size, side).iter().product::<usize>())
            .map(|count| count * self.shape[0] * side * side * size_of::<T>())
            .collect();
        let wanted = lengths.iter().map(|&it| it as u64).sum();
        let mut afresh = false;
        loop {
            let Found {
                mut store, head, ..
            } = Store::open::<()>(&folder, &key, wanted)?;
            if head.is_none() || afresh {
                store.clear()?;
                store.begin(&key, ())?;
            }
            let cut = |picture| {
                let patches = patches::cut_one(pictures, picture, side);
                Ok(bytemuck::cast_slice(&patches).to_vec())
            };
            store.fill(&lengths, true, cut, |_| {})?;
            match store.map(&lengths)? {
                Ok((map, _)) => {
                    return Ok(Buffer::Mapped {
                        range: 0..map.bytes().len() / size_of::<T>(),
                        map: Arc::new(map),
                        digests: Arc::default(),
                    });
                }
                Err(reason) if afresh => {
                    let folder = folder.display().to_string();
                    return Err(DataError::Damaged { folder, reason });
                }
                Err(_) => afresh = true,
            }
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
