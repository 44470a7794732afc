//! The picture files of a folder: which of them are for training, validation and testing, and which class each is of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::images::Found;
use crate::picture::{File, Listed};
use crate::tree::{Leaf, Tree};
use crate::{DataError, Warning, idx_folder};

/// The most classes that labels, which are bytes, tell apart.
const MOST_CLASSES: usize = 256;

/// The folder of the masks of test pictures, as MVTec's sets have it.
const MASKS: &str = "ground_truth";

/// What a folder is for by its name, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Train,
    Validation,
    Test,
}

impl Role {
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "train" | "training" => Role::Train,
            "val" | "valid" | "validation" => Role::Validation,
            "test" | "testing" => Role::Test,
            _ => return None,
        })
    }
}

/// The folders of a set that say by their names what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    train: Option<PathBuf>,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
}

impl Parts {
    /// Those directly in `dir`; `None` if their names mean nothing: a folder `train` beside folders `car` and `bus` is of
    /// trains.
    fn of(dir: &Path) -> Result<Option<Self>, DataError> {
        let entries: std::io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
        let entries = entries.map_err(|error| DataError::read(dir, error))?;
        let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        paths.sort();
        let mut parts = Parts::default();
        let mut others = false;
        for path in paths {
            let name = file_name(&path);
            if name.starts_with('.') || !path.is_dir() {
                continue;
            }
            let Some(role) = Role::of(&name) else {
                others |= !is_masks(&name);
                continue;
            };
            let place = match role {
                Role::Train => &mut parts.train,
                Role::Validation => &mut parts.validation,
                Role::Test => &mut parts.test,
            };
            if let Some(earlier) = place.replace(path) {
                return Err(DataError::Folders {
                    dir: dir.display().to_string(),
                    problem: format!(
                        "found two folders for one part, {} and {name}; rename one of them",
                        file_name(&earlier)
                    ),
                });
            }
        }
        let has = |part: &Option<PathBuf>| part.is_some();
        let some = has(&parts.train) || has(&parts.test) || has(&parts.validation);
        let apart = has(&parts.train) && (has(&parts.test) || has(&parts.validation));
        if apart || (some && !others && Tree::of(dir)?.own().next().is_none()) {
            return Ok(Some(parts));
        }
        Ok(None)
    }
}

/// Whether a folder of this name has masks of test pictures, if it stands beside a folder of those.
pub(crate) fn is_masks(name: &str) -> bool {
    name.eq_ignore_ascii_case(MASKS)
}

/// Whether a folder of this name has test pictures.
pub(crate) fn is_test(name: &str) -> bool {
    Role::of(name) == Some(Role::Test)
}

/// Picture files with their names and, if all lie in folders of their class, their labels.
#[derive(Debug, Clone)]
pub struct PictureFiles(pub(crate) Vec<File>);

impl PictureFiles {
    /// A single file.
    pub fn one(path: PathBuf) -> Self {
        Self(vec![File::Stored(path)])
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of each, with its name: its path below the folder, with `/` between names.
    pub fn into_named(self) -> Vec<(PathBuf, String)> {
        let named = |file: File| (file.path().to_owned(), file.name().into_owned());
        self.0.into_iter().map(named).collect()
    }
}

/// The pictures of a folder, of any depth, or those of its folders for training, validation and testing, and warnings
/// about what is not read.
pub(crate) fn find(dir: &Path) -> Result<(Found, Vec<Warning>), DataError> {
    let Some(parts) = Parts::of(dir)? else {
        let (files, warnings) = pictures(dir)?;
        return Ok((Found::Together(files.0), warnings));
    };
    if parts.train.is_none() {
        return Err(DataError::Folders {
            dir: dir.display().to_string(),
            problem: "found no folder to train on; add a folder train beside those for other parts"
                .to_string(),
        });
    }
    let (files, warnings) = of_parts(dir, &parts)?;
    let [mut train, validation, test] = files;
    train.extend(validation);
    let found = match parts.test.is_some() {
        true => Found::Apart { train, test },
        false => Found::Together(train),
    };
    Ok((found, warnings))
}

/// The files for training, validation and testing.
fn of_parts(dir: &Path, parts: &Parts) -> Result<([Vec<File>; 3], Vec<Warning>), DataError> {
    let mut beside = Tree::of(dir)?;
    let known = [&parts.train, &parts.validation, &parts.test];
    let known: Vec<String> = known
        .into_iter()
        .flatten()
        .map(|it| file_name(it))
        .collect();
    let others: Vec<String> = (beside.tops().into_iter())
        .filter(|(name, _)| !known.iter().any(|it| it == name))
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    beside.keep_own();
    let loose = std::mem::take(&mut beside.pictures);
    others.into_iter().for_each(|folder| beside.close(folder));
    let mut trees = vec![(String::new(), beside)];
    let mut found = Vec::new();
    for part in [&parts.train, &parts.validation, &parts.test] {
        let Some(part) = part else {
            found.push(Vec::new());
            continue;
        };
        let mut tree = Tree::of(part)?;
        if tree.pictures.is_empty() {
            return Err(match none(part, &tree) {
                DataError::NoPictures { dir, found } if found.is_empty() => DataError::NoPictures {
                    dir,
                    found: "; add some, or remove the folder".to_owned(),
                },
                error => error,
            });
        }
        found.push(std::mem::take(&mut tree.pictures));
        trees.push((file_name(part), tree));
    }
    let (classes, many) = classes(dir, found.iter().flatten());
    let mut files = found.into_iter().zip([false, true, false]);
    let mut next = || {
        let (leaves, held) = files.next().unwrap_or_default();
        listed(leaves, &classes, held)
    };
    let files = [next(), next(), next()];
    let warnings = many.into_iter().chain(Tree::warning(dir, trees, loose));
    Ok((files, warnings.collect()))
}

/// Whether a folder has folders for training, validation or testing, as [`part`] reads them.
pub fn has_parts(dir: &Path) -> bool {
    matches!(Parts::of(dir), Ok(Some(_)))
}

/// The pictures of a set's training or test part: those in its folder for it; else those of a part that is nearest to
/// it, with a warning; all pictures if no folder says what it is for. With warnings about what is not read.
///
/// # Errors
///
/// As [`pictures`].
pub fn part(dir: &Path, training: bool) -> Result<(PictureFiles, Vec<Warning>), DataError> {
    let Some(parts) = Parts::of(dir)? else {
        return pictures(dir);
    };
    let (files, warnings) = of_parts(dir, &parts)?;
    let [train, validation, test] = files;
    let train = (&parts.train, train);
    let validation = (&parts.validation, validation);
    let test = (&parts.test, test);
    let (wanted, order) = match training {
        true => ("train", [train, validation, test]),
        // A training sees less of pictures for validation than of those that it is trained on.
        false => ("test", [test, validation, train]),
    };
    let place = order.iter().position(|(_, files)| !files.is_empty());
    let place = place.unwrap_or_default();
    let (folder, files) = order.into_iter().nth(place).unwrap_or((&None, Vec::new()));
    let mut told = Vec::new();
    if let (Some(folder), true) = (folder, place > 0) {
        told.push(Warning::Instead {
            dir: dir.display().to_string(),
            wanted,
            read: file_name(folder),
        });
    }
    told.extend(warnings);
    Ok((PictureFiles(files), told))
}

/// The picture files in a folder and those below it, at least one, sorted by path, with warnings about what is not
/// read. If all lie in folders, those directly below are their classes. Hidden names are skipped, because some systems
/// add a file for each picture, and links to folders are not followed.
///
/// # Errors
///
/// [`DataError::Read`] if the folder cannot be read, [`DataError::NoPictures`] if it has no picture.
pub fn pictures(dir: &Path) -> Result<(PictureFiles, Vec<Warning>), DataError> {
    let mut tree = Tree::of(dir)?;
    if tree.pictures.is_empty() {
        return Err(none(dir, &tree));
    }
    let leaves = std::mem::take(&mut tree.pictures);
    let (classes, many) = classes(dir, leaves.iter());
    let files = listed(leaves, &classes, false);
    let mut warnings: Vec<Warning> = many.into_iter().collect();
    warnings.extend(Tree::warning(dir, vec![(String::new(), tree)], Vec::new()));
    Ok((PictureFiles(files), warnings))
}

/// The mask of a test picture of a set in MVTec's layout: `ground_truth/KIND/NAME_mask.png` for `test/KIND/NAME.png`;
/// `None` if there is none.
pub fn mask_of(picture: &Path) -> Option<PathBuf> {
    let kind = picture.parent()?;
    let test = kind.parent()?;
    (Role::of(&file_name(test)) == Some(Role::Test)).then_some(())?;
    let mut name = picture.file_stem()?.to_owned();
    name.push("_mask.png");
    let mask = test
        .parent()?
        .join(MASKS)
        .join(kind.file_name()?)
        .join(name);
    mask.is_file().then_some(mask)
}

/// The names of the classes, sorted; none unless every picture lies in a folder, and there are at least two, and labels
/// tell them apart. With a warning if there are too many.
fn classes<'a>(
    dir: &Path,
    leaves: impl Iterator<Item = &'a Leaf>,
) -> (Arc<[String]>, Option<Warning>) {
    let mut names = BTreeSet::new();
    for leaf in leaves {
        let Some(top) = leaf.top() else {
            return (Arc::default(), None);
        };
        names.insert(top);
    }
    let count = names.len();
    match count {
        2..=MOST_CLASSES => (names.into_iter().map(String::from).collect(), None),
        0 | 1 => (Arc::default(), None),
        _ => {
            let dir = dir.display().to_string();
            let most = MOST_CLASSES;
            (
                Arc::default(),
                Some(Warning::ManyClasses { dir, count, most }),
            )
        }
    }
}

/// The files of a part; `held` for those of the validation part.
fn listed(leaves: Vec<Leaf>, classes: &Arc<[String]>, held: bool) -> Vec<File> {
    let file = |leaf: Leaf| {
        let place = leaf
            .top()
            .and_then(|top| classes.iter().position(|name| name == top));
        File::Listed(Listed {
            label: place.and_then(|place| u8::try_from(place).ok()),
            path: leaf.path,
            name: leaf.name,
            classes: Arc::clone(classes),
            held,
        })
    };
    leaves.into_iter().map(file).collect()
}

/// The error of a folder without pictures, with what it has instead, and what to do.
fn none(dir: &Path, tree: &Tree) -> DataError {
    let mut found = match tree.left_out() {
        text if text.is_empty() => text,
        text if tree.has_pictures() => format!("; found {text}; convert them to PNG"),
        text => format!("; found {text}; name a folder that has the pictures"),
    };
    if found.is_empty() && idx_folder::is_idx_folder(dir) {
        found += "; found IDX files; set data.dataset to \"idx\"";
    }
    DataError::NoPictures {
        dir: dir.display().to_string(),
        found,
    }
}

/// The last part of a path as text. A byte that is not UTF-8 becomes `%` and its two digits, so that names that differ
/// in such bytes stay apart.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    #[cfg(unix)]
    {
        use std::fmt::Write;
        use std::os::unix::ffi::OsStrExt;

        let mut text = String::new();
        for part in name.as_bytes().utf8_chunks() {
            text += part.valid();
            for byte in part.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    }
    #[cfg(not(unix))]
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
