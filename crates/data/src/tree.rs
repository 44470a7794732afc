//! A tree: the picture files in a folder and in those below it, and what else is there that somebody may have expected
//! to be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::folder::{file_name, is_masks, is_test};
use crate::{DataError, Warning};

/// Extensions of picture files; the actual type is detected from the content.
const ENDINGS: [&str; 12] = [
    "png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "pgm", "ppm", "pbm", "pnm",
];

/// Extensions of arrays that may be pictures.
const ARRAYS: [&str; 1] = ["npy"];

/// Extensions of pictures that are not read.
const UNREAD: [&str; 30] = [
    "heic", "heif", "avif", "jp2", "j2k", "jpx", "jxl", "jfif", "jpe", "apng", "tga", "ico", "svg",
    "exr", "hdr", "dds", "qoi", "psd", "dcm", "nii", "fits", "raw", "dng", "cr2", "cr3", "nef",
    "arw", "orf", "rw2", "raf",
];

/// Names that a warning lists.
const NAMED: usize = 3;

/// Files and folders that are looked at, at most, so that the folder above everything is no trap: several times as
/// many as the largest public sets have.
const MOST_ENTRIES: usize = 5_000_000;

/// How deep folders are read.
const DEEPEST: usize = 16;

/// A picture file below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub path: PathBuf,
    /// Its path below the folder, with `/` between names.
    pub name: String,
}

impl Leaf {
    /// The folder directly below the tree's that it is in; `None` for a picture of the tree's own.
    pub fn top(&self) -> Option<&str> {
        Some(self.name.split_once('/')?.0)
    }
}

/// What is in a folder and below it, without hidden names and without the masks of test pictures.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Files that are read, sorted by path.
    pub pictures: Vec<Leaf>,
    /// Arrays of NumPy, which are pictures if there are no other files of pictures.
    arrays: Vec<Leaf>,
    /// Pictures of other kinds, sorted by path.
    unread: Vec<Leaf>,
    /// Folders that are not read, and why.
    closed: Vec<String>,
}

impl Tree {
    /// Looks at everything below `dir`. Links to files are followed, links to folders are not, so that there is an end.
    ///
    /// # Errors
    ///
    /// [`DataError::Read`] if the folder itself cannot be read, or holds too much.
    pub fn of(dir: &Path) -> Result<Self, DataError> {
        let mut tree = Tree::default();
        let mut left = MOST_ENTRIES;
        tree.add(dir, "", 0, &mut left)
            .map_err(|error| DataError::read(dir, error))?;
        // Beside pictures they are something else, such as labels.
        if tree.pictures.is_empty() {
            tree.pictures = std::mem::take(&mut tree.arrays);
        }
        for list in [&mut tree.pictures, &mut tree.unread] {
            list.sort_by(|a, b| a.path.cmp(&b.path));
        }
        tree.closed.sort();
        Ok(tree)
    }

    fn add(
        &mut self,
        dir: &Path,
        above: &str,
        depth: usize,
        left: &mut usize,
    ) -> std::io::Result<()> {
        let mut entries = Vec::new();
        let (mut has_masks, mut has_test) = (false, false);
        for entry in dir.read_dir()? {
            let entry = entry?;
            *left = left.checked_sub(1).ok_or_else(|| {
                let text = format!(
                    "it holds more than {MOST_ENTRIES} files and folders; name a folder below it"
                );
                std::io::Error::other(text)
            })?;
            let path = entry.path();
            let last = file_name(&path);
            if last.starts_with('.') {
                continue;
            }
            let kind = entry.file_type()?;
            has_masks |= kind.is_dir() && is_masks(&last);
            has_test |= kind.is_dir() && is_test(&last);
            entries.push((path, last, kind));
        }
        for (path, last, kind) in entries {
            if has_masks && has_test && is_masks(&last) {
                continue;
            }
            let name = format!("{above}{last}");
            let is_folder = kind.is_dir();
            if is_folder && depth == DEEPEST {
                self.closed
                    .push(format!("{name} (more than {DEEPEST} folders deep)"));
            } else if is_folder {
                match self.add(&path, &format!("{name}/"), depth + 1, left) {
                    Err(error) if *left > 0 => self.closed.push(format!("{name} ({error})")),
                    other => other?,
                }
            } else if kind.is_symlink() && path.is_dir() {
                self.closed.push(format!("{name} (a link)"));
            } else if !kind.is_file() && !path.is_file() {
                // A pipe, a device, or a link to nothing.
            } else if ends(&path, &ENDINGS) {
                self.pictures.push(Leaf { path, name });
            } else if ends(&path, &ARRAYS) {
                self.arrays.push(Leaf { path, name });
            } else if ends(&path, &UNREAD) {
                self.unread.push(Leaf { path, name });
            }
        }
        Ok(())
    }

    /// The pictures that lie in the folder itself.
    pub fn own(&self) -> impl Iterator<Item = &Leaf> {
        self.pictures.iter().filter(|leaf| leaf.top().is_none())
    }

    /// Whether it has pictures of any kind.
    pub fn has_pictures(&self) -> bool {
        !self.pictures.is_empty() || !self.unread.is_empty()
    }

    /// The number of pictures of any kind in each folder directly below.
    pub fn tops(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        let all = self.pictures.iter().chain(&self.unread);
        for top in all.filter_map(Leaf::top) {
            *counts.entry(top).or_default() += 1;
        }
        counts
    }

    /// What is not read, in words, as in `2 .avif, 1 .heic`; empty if there is nothing.
    pub fn left_out(&self) -> String {
        let parts = [self.kinds(), self.folders()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn folders(&self) -> Option<String> {
        let list = first(self.closed.iter().cloned());
        (!self.closed.is_empty()).then(|| format!("folders {list}"))
    }

    /// How many pictures of which other kinds there are, the most frequent first.
    fn kinds(&self) -> Option<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for leaf in &self.unread {
            let ending = leaf.path.extension().unwrap_or_default();
            let ending = ending.to_string_lossy().to_lowercase();
            *counts.entry(ending).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let words = counts
            .iter()
            .map(|(kind, count)| format!("{count} .{kind}"));
        (!counts.is_empty()).then(|| words.collect::<Vec<_>>().join(", "))
    }

    /// The warning about what is not read of these trees, whose names in `dir` stand before them, and about pictures
    /// that lie beside them.
    pub fn warning(dir: &Path, trees: Vec<(String, Tree)>, loose: Vec<Leaf>) -> Option<Warning> {
        let mut all = Tree::default();
        for (above, tree) in trees {
            let below = |name: String| match above.as_str() {
                "" => name,
                above => format!("{above}/{name}"),
            };
            all.unread.extend(tree.unread.into_iter().map(|leaf| Leaf {
                name: below(leaf.name),
                ..leaf
            }));
            all.closed.extend(tree.closed.into_iter().map(below));
        }
        let names = loose.iter().chain(&all.unread);
        let warning = Warning::Unread {
            dir: dir.display().to_string(),
            loose: loose.len(),
            kinds: all.kinds().unwrap_or_default(),
            first: first(names.map(|leaf| leaf.name.clone())),
            folders: first(all.closed.iter().cloned()),
        };
        let is_any = !loose.is_empty() || !all.unread.is_empty() || !all.closed.is_empty();
        is_any.then_some(warning)
    }

    /// Counts a folder, as in `val (6)`, among those that are not read.
    pub fn close(&mut self, folder: String) {
        self.closed.push(folder);
    }

    /// Forgets the folders below.
    pub fn keep_own(&mut self) {
        self.closed.clear();
        for list in [&mut self.pictures, &mut self.unread] {
            list.retain(|leaf| leaf.top().is_none());
        }
    }
}

/// The first few names, and how many more there are.
fn first(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let (some, more) = names.split_at(names.len().min(NAMED));
    match more.len() {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// Whether a path has one of these extensions.
fn ends(path: &Path, endings: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    endings
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}
