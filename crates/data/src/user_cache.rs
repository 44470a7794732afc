//! The user's cache: the folder of what is fetched or can be made again.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::DataError;

/// The variable that names the folder.
const CACHE: &str = "HOURGLASS_CACHE";

/// The folder, which may not exist yet.
///
/// # Errors
///
/// [`DataError::NoCache`] if there is no home folder either.
pub(crate) fn folder() -> Result<PathBuf, DataError> {
    let root = first(
        variable(CACHE).map(Into::into),
        variable("XDG_CACHE_HOME").map(Into::into),
        env::home_dir(),
    );
    root.ok_or(DataError::NoCache)
}

/// A variable of the environment; an empty one does not count.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|it| !it.is_empty())
}

/// The first folder that counts: `own`, else a folder in the user's `shared` cache, which by the XDG base
/// directory specification does not count unless it is absolute, else in `.cache` in the home folder.
fn first(own: Option<PathBuf>, shared: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let shared = shared.filter(|it| it.is_absolute());
    let home = home.filter(|it| !it.as_os_str().is_empty());
    let ours = |it: PathBuf| it.join("hourglass");
    own.or(shared.map(ours))
        .or(home.map(|home| ours(home.join(".cache"))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_cache_is_the_first_folder_that_counts() {
        let path = |it: &str| Some(PathBuf::from(it));
        let found = |own, shared, home| first(own, shared, home).unwrap();
        assert_eq!(found(path("a"), path("/b"), path("/c")), Path::new("a"));
        assert_eq!(
            found(None, path("/b"), path("/c")),
            Path::new("/b/hourglass")
        );
        assert_eq!(
            found(None, path("b"), path("/c")),
            Path::new("/c/.cache/hourglass")
        );
        assert_eq!(first(None, None, path("")), None);
    }
}
