//! Where the files of a named set are: in the user's folder, else where Debian's package puts them, else in the cache.

use std::path::{Path, PathBuf};

use super::{Fetch, Named};
use crate::{DataError, user_cache};

/// The variable that names an address to fetch from instead of the published ones.
const MIRROR: &str = "HOURGLASS_MIRROR";

/// Where the files are, or what has to be fetched.
pub(super) enum Found {
    All(PathBuf),
    Missing(Fetch),
}

impl Named {
    /// Looks for the files; `dir` is the folder that the user named.
    pub(super) fn find(self, dir: Option<&Path>) -> Result<Found, DataError> {
        let facts = self.facts();
        let lacking = |dir: &Path| {
            facts
                .files
                .iter()
                .find(|file| !dir.join(file.name).exists())
        };
        if let Some(dir) = dir {
            return match lacking(dir) {
                None => Ok(Found::All(dir.to_owned())),
                Some(file) => Err(DataError::MissingFile {
                    dir: dir.display().to_string(),
                    file: file.name,
                    url: facts.url(file.name),
                }),
            };
        }
        let packaged = facts.packaged.map(Path::new);
        if let Some(dir) = packaged.filter(|dir| lacking(dir).is_none()) {
            return Ok(Found::All(dir.to_owned()));
        }
        let into = user_cache::folder()?.join("datasets").join(self.name());
        if lacking(&into).is_none() {
            return Ok(Found::All(into));
        }
        let mirrors = match user_cache::variable(MIRROR) {
            // A mirror has a folder for each set, because names of files repeat.
            Some(base) => vec![format!(
                "{}/{}/",
                base.to_string_lossy().trim_end_matches('/'),
                self.name()
            )],
            None => facts.mirrors.iter().map(|it| it.to_string()).collect(),
        };
        Ok(Found::Missing(Fetch {
            set: self,
            into,
            mirrors,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_users_must_have_every_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = Named::Kmnist.missing(Some(dir.path())).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{}: no file named train-images-idx3-ubyte.gz; it is at \
                 http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-images-idx3-ubyte.gz",
                dir.path().display()
            )
        );
        std::fs::write(dir.path().join("gzip.zip"), "no zip").unwrap();
        let missing = Named::EmnistLetters.missing(Some(dir.path())).unwrap();
        assert!(missing.is_none());
    }
}
