//! Folders of IDX files: finds the files of each part by the names that MNIST and its successors use.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::images::Limit;
use crate::{DataError, ImageShape, Images, idx};

/// Shape of the training images in a folder, from the header of their file.
pub(crate) fn folder_shape(dir: &Path, limit: Option<Limit>) -> Result<ImageShape, DataError> {
    let files = list(dir)?;
    let path = required(dir, &files, &TRAIN)?;
    let name = path.display().to_string();
    idx::read_shape(&name, open(&path)?.1, limit)
}

/// Both parts of the set in a folder; of the training part, what `limit` draws.
pub(crate) fn load_folder(dir: &Path, limit: Option<Limit>) -> Result<(Images, Images), DataError> {
    let files = list(dir)?;
    let (train, test) = rayon::join(
        || load_part(dir, &files, &TRAIN, limit),
        || load_part(dir, &files, &TEST, None),
    );
    let (train, test) = (train?, test?);
    if train.shape() != test.shape() {
        return Err(DataError::PartShapes {
            dir: dir.display().to_string(),
            train: train.shape(),
            test: test.shape(),
        });
    }
    Ok((train, test))
}

/// Whether a folder has IDX files, under the names that [`crate::Source::Idx`] knows, for a part.
pub fn is_idx_folder(dir: &Path) -> bool {
    let files = list(dir).unwrap_or_default();
    let mut parts = [&TRAIN.images, &TEST.images].into_iter();
    // Several matching files also make an IDX folder; reading it gives its own error.
    parts.any(|wanted| !matches!(find(dir, &files, wanted), Ok(None)))
}

/// The file names of a part.
struct Part {
    images: Names,
    labels: Names,
}

/// The names that a file may have.
struct Names {
    /// The name in MNIST, which errors mention.
    usual: &'static str,
    /// Other names: sets made after MNIST use `test` instead of `t10k`, and colour has a fourth dimension.
    others: &'static [&'static str],
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.usual).chain(self.others.iter().copied())
    }
}

const TRAIN: Part = Part {
    images: Names {
        usual: "train-images-idx3-ubyte",
        others: &["train-images-idx4-ubyte"],
    },
    labels: Names {
        usual: "train-labels-idx1-ubyte",
        others: &[],
    },
};

const TEST: Part = Part {
    images: Names {
        usual: "t10k-images-idx3-ubyte",
        others: &[
            "t10k-images-idx4-ubyte",
            "test-images-idx3-ubyte",
            "test-images-idx4-ubyte",
        ],
    },
    labels: Names {
        usual: "t10k-labels-idx1-ubyte",
        others: &["test-labels-idx1-ubyte"],
    },
};

fn load_part(
    dir: &Path,
    files: &[String],
    part: &Part,
    limit: Option<Limit>,
) -> Result<Images, DataError> {
    let path = required(dir, files, part)?;
    let (stored, file) = open(&path)?;
    let images = idx::read_images(&path.display().to_string(), stored, file, limit)?;
    let Some(path) = find(dir, files, &part.labels)? else {
        return Ok(images.0);
    };
    let name = path.display().to_string();
    let (stored, file) = open(&path)?;
    idx::with_labels(images, &name, stored, file, limit)
}

/// A file's size, and the file. One that is no file, such as a pipe, would be waited for.
fn open(path: &Path) -> Result<(u64, BufReader<File>), DataError> {
    // Large enough that reading costs little compared with decompression.
    const BUFFER: usize = 64 << 10;
    let failed = |error| DataError::read(path, error);
    if !path.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let file = File::open(path).map_err(failed)?;
    let stored = file.metadata().map_err(failed)?.len();
    Ok((stored, BufReader::with_capacity(BUFFER, file)))
}

/// Names in a folder, sorted.
fn list(dir: &Path) -> Result<Vec<String>, DataError> {
    let entries: io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
    let entries = entries.map_err(|error| DataError::read(dir, error))?;
    let names = entries.iter().map(std::fs::DirEntry::file_name);
    // A name that is not UTF-8 cannot match.
    let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn required(dir: &Path, files: &[String], part: &Part) -> Result<PathBuf, DataError> {
    find(dir, files, &part.images)?.ok_or_else(|| DataError::MissingIdx {
        dir: dir.display().to_string(),
        wanted: part.images.usual,
    })
}

/// The only file that matches one of the `wanted` names, possibly with a prefix that ends in `-`, with
/// `.idx` instead of `-idx`, or with `.gz` at the end. If a file exists both compressed and
/// decompressed, the latter is used.
fn find(dir: &Path, files: &[String], wanted: &Names) -> Result<Option<PathBuf>, DataError> {
    let matches = |file: &str| {
        let stem = file.strip_suffix(".gz").unwrap_or(file);
        let stem = stem.replace(".idx", "-idx");
        wanted.all().any(|name| {
            let prefix = stem.strip_suffix(name);
            prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('-'))
        })
    };
    let twin = |file: &str| file.strip_suffix(".gz").map(str::to_string);
    let candidates: Vec<&str> = files
        .iter()
        .filter(|file| matches(file) && !twin(file).is_some_and(|twin| files.contains(&twin)))
        .map(String::as_str)
        .collect();
    match *candidates {
        [] => Ok(None),
        [file] => Ok(Some(dir.join(file))),
        _ => Err(DataError::AmbiguousIdx {
            dir: dir.display().to_string(),
            wanted: wanted.usual,
            candidates: candidates.join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::Source;
    use crate::idx::tests::{gzip, idx, images};
    use crate::idx::{IMAGES, LABELS};

    /// A file's name and content.
    type File = (&'static str, Vec<u8>);

    /// A folder of files, as a source.
    fn folder(files: &[File]) -> (tempfile::TempDir, Source) {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let source = Source::Idx {
            dir: dir.path().to_path_buf(),
            limit: None,
        };
        (dir, source)
    }

    #[test]
    fn folders_load_under_every_usual_name() {
        let labels = idx(LABELS, &[2], &[3, 4]);
        let sets: [&[File]; 4] = [
            &[
                ("train-images-idx3-ubyte", images()),
                ("train-labels-idx1-ubyte", labels.clone()),
                ("t10k-images-idx3-ubyte", images()),
                ("t10k-labels-idx1-ubyte", labels.clone()),
            ],
            &[
                ("emnist-letters-train-images-idx3-ubyte.gz", gzip(&images())),
                ("emnist-letters-train-labels-idx1-ubyte.gz", gzip(&labels)),
                ("emnist-letters-test-images-idx3-ubyte.gz", gzip(&images())),
                ("emnist-letters-test-labels-idx1-ubyte.gz", gzip(&labels)),
                ("emnist-letters-mapping.txt", vec![1]),
            ],
            &[
                ("train-images.idx3-ubyte", images()),
                ("train-labels.idx1-ubyte", labels.clone()),
                ("t10k-images.idx3-ubyte", images()),
            ],
            // Compressed and decompressed side by side; a name that lies about compression.
            &[
                ("train-images-idx3-ubyte", images()),
                ("train-images-idx3-ubyte.gz", vec![1, 2, 3]),
                ("train-labels-idx1-ubyte.gz", labels.clone()),
                ("t10k-images-idx3-ubyte", gzip(&images())),
            ],
        ];
        for files in sets {
            let (_dir, source) = folder(files);
            assert_eq!(source.shape().unwrap(), [1, 2, 3]);
            let set = source.load().unwrap();
            assert_eq!((set.train.len(), set.test.len()), (2, 2));
            assert_eq!(set.train.labels(), Some(&[3, 4][..]));
            assert_eq!(
                set.test.labels().is_some(),
                files.iter().any(|(name, _)| {
                    name.contains("t10k-labels") || name.contains("test-labels")
                })
            );
        }
    }

    #[test]
    fn folders_that_do_not_fit_are_errors() {
        let train = ("train-images-idx3-ubyte", images());
        let test = ("t10k-images-idx3-ubyte", images());
        let wide = ("t10k-images-idx3-ubyte", idx(IMAGES, &[1, 2, 2], &[0; 4]));
        let labels = ("train-labels-idx1-ubyte", idx(LABELS, &[1], &[0]));
        let other = ("a-train-images-idx3-ubyte.gz", gzip(&images()));
        let table: [(&[File], &str); 5] = [
            (&[], "no file named train-images-idx3-ubyte"),
            (
                std::slice::from_ref(&train),
                "no file named t10k-images-idx3-ubyte",
            ),
            (
                &[train.clone(), wide],
                "training images are 1 x 2 x 3, but test images are 1 x 2 x 2",
            ),
            (
                &[train.clone(), test.clone(), labels],
                "1 labels for 2 images",
            ),
            (
                &[train.clone(), test, other],
                "a-train-images-idx3-ubyte.gz, train-images-idx3-ubyte; leave one",
            ),
        ];
        for (files, part) in table {
            let (dir, source) = folder(files);
            let error = source.load().unwrap_err().to_string();
            assert!(error.contains(part), "{error}: expected {part}");
            assert!(
                error.starts_with(&dir.path().display().to_string()),
                "{error}"
            );
        }
        let missing = Source::Idx {
            dir: "no/such/folder".into(),
            limit: None,
        };
        let error = missing.shape().unwrap_err().to_string();
        assert!(
            error.starts_with("no/such/folder: cannot be read: "),
            "{error}"
        );
    }
}
