//! The lock of a folder: only one process at a time works in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::RunError;
use crate::files::{self, FileError};

/// The file in a folder that is locked by the process that works in it.
pub(super) const LOCK: &str = ".lock";

/// How often and at what interval a lock is tried before it counts as held. A check whether it is held
/// ([`Run::is_locked`](super::Run::is_locked)) itself holds it for microseconds.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(10);

/// Keeps other processes from working in a folder until it is dropped or the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    folder: PathBuf,
    file: Mutex<File>,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// As it was taken.
    Still,
    /// Its file was removed, and is there again.
    Again,
}

/// Keeps other processes from working in a folder. `busy` says what this process does there.
///
/// # Errors
/// Where another process holds the lock.
pub fn lock(folder: &Path, busy: &str) -> Result<Lock, RunError> {
    let path = folder.join(LOCK);
    let options = &mut OpenOptions::new();
    let file = files::open(&path, options.create(true).truncate(true).write(true));
    let file = file.map_err(FileError::writing)?;
    for tried in 1.. {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if tried < TRIES => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(RunError::Locked {
                    folder: folder.to_owned(),
                    busy: busy.to_owned(),
                });
            }
            // A file system without locks cannot tell, which is no reason not to train.
            Err(TryLockError::Error(_)) | Ok(()) => break,
        }
    }
    for part in ["", "samples", "plots"] {
        files::sweep(&folder.join(part));
    }
    Ok(Lock {
        folder: folder.to_owned(),
        file: Mutex::new(file),
    })
}

impl Lock {
    /// Looks whether the lock still keeps others out, and takes it again if its file was removed.
    ///
    /// # Errors
    /// If another process has taken it in the meantime.
    pub fn check(&self) -> Result<Held, RunError> {
        let path = self.folder.join(LOCK);
        let Ok(mut file) = self.file.lock() else {
            return Ok(Held::Still);
        };
        let lost = || RunError::LockLost {
            folder: self.folder.clone(),
        };
        match fs::metadata(&path) {
            Ok(there) if is_same(&there, &file) => Ok(Held::Still),
            // Whoever made it may have worked here, even if nobody does now.
            Ok(_) => Err(lost()),
            // A folder that is gone is found by what is written into it.
            Err(_) => match File::create_new(&path) {
                Ok(new) => match new.try_lock() {
                    Err(TryLockError::WouldBlock) => Err(lost()),
                    Err(TryLockError::Error(_)) | Ok(()) => {
                        *file = new;
                        Ok(Held::Again)
                    }
                },
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(lost()),
                Err(_) => Ok(Held::Still),
            },
        }
    }
}

/// Whether a path leads to an open file.
#[cfg(unix)]
fn is_same(there: &fs::Metadata, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |of: &fs::Metadata| (of.dev(), of.ino());
    // A file that cannot be asked is nobody else's.
    file.metadata()
        .map_or(true, |held| place(&held) == place(there))
}

/// Other systems do not remove files that are open.
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &File) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_was_removed_is_taken_again_unless_another_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let held = lock(folder.path(), "works").unwrap();
        assert_eq!(held.check().unwrap(), Held::Still);
        fs::remove_file(&path).unwrap();
        assert_eq!(held.check().unwrap(), Held::Again);
        assert_eq!(held.check().unwrap(), Held::Still);
        assert!(lock(folder.path(), "works").is_err());
        // Another took it, and even if that one has ended, this one must not go on.
        fs::remove_file(&path).unwrap();
        drop(lock(folder.path(), "works").unwrap());
        let line = held.check().unwrap_err().to_string();
        let end = ": its .lock was removed, and another process has trained this run since then; this one stops";
        assert_eq!(line, format!("{}{end}", folder.path().display()));
        // Without the folder there is nothing to keep.
        let held = lock(folder.path(), "works").unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(held.check().unwrap(), Held::Still);
    }
}
