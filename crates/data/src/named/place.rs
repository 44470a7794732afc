//! Where the files of a named set are: in the user's folder, else where Debian's package puts them, else in the cache.

use std::env;
use std::path::{Path, PathBuf};

use super::{Fetch, Named};
use crate::DataError;

/// The variable that names the folder of everything that is fetched.
const CACHE: &str = "HOURGLASS_CACHE";

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
        let variable = |name: &str| env::var_os(name).filter(|it| !it.is_empty());
        let root = cache(
            variable(CACHE).map(Into::into),
            variable("XDG_CACHE_HOME").map(Into::into),
            env::home_dir(),
        );
        let into = root
            .ok_or(DataError::NoCache)?
            .join("datasets")
            .join(self.name());
        if lacking(&into).is_none() {
            return Ok(Found::All(into));
        }
        let mirrors = match variable(MIRROR) {
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

/// The folder of everything that is fetched: `own`, else a folder in the user's `shared` cache, which by the XDG base
/// directory specification does not count unless it is absolute, else in `.cache` in the home folder.
fn cache(own: Option<PathBuf>, shared: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let shared = shared.filter(|it| it.is_absolute());
    let home = home.filter(|it| !it.as_os_str().is_empty());
    let ours = |it: PathBuf| it.join("hourglass");
    own.or(shared.map(ours))
        .or(home.map(|home| ours(home.join(".cache"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_the_first_folder_that_counts() {
        let path = |it: &str| Some(PathBuf::from(it));
        let found = |own, shared, home| cache(own, shared, home).unwrap();
        assert_eq!(found(path("a"), path("/b"), path("/c")), Path::new("a"));
        assert_eq!(
            found(None, path("/b"), path("/c")),
            Path::new("/b/hourglass")
        );
        assert_eq!(
            found(None, path("b"), path("/c")),
            Path::new("/c/.cache/hourglass")
        );
        assert_eq!(cache(None, None, path("")), None);
    }

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
