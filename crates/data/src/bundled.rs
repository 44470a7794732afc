//! Files inside the program, checked by SHA-256.

use sha2::{Digest, Sha256};

use crate::DataError;
use crate::dataset::hex;

/// A file as published, and its expected digest.
pub(crate) struct Bundled {
    pub name: &'static str,
    pub sha256: &'static str,
    pub bytes: &'static [u8],
}

/// Names a file of a folder in `assets` once for its name and its content.
macro_rules! bundled {
    ($folder:literal, $name:literal, $sha256:literal) => {
        $crate::bundled::Bundled {
            name: $name,
            sha256: $sha256,
            bytes: include_bytes!(concat!("../assets/", $folder, "/", $name)),
        }
    };
}
pub(crate) use bundled;

impl Bundled {
    /// The bytes, after checking them against the digest.
    pub fn checked(&self) -> Result<&'static [u8], DataError> {
        let found = hex(&Sha256::digest(self.bytes));
        if found == self.sha256 {
            Ok(self.bytes)
        } else {
            Err(DataError::Checksum {
                file: self.name,
                found,
                expected: self.sha256,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused() {
        let changed = Bundled {
            name: "changed.gz",
            sha256: "0",
            bytes: b"abc",
        };
        let error = changed.checked().unwrap_err().to_string();
        // The digest of FIPS 180-2's first example.
        assert!(
            error.starts_with("changed.gz: SHA-256 is ba7816bf"),
            "{error}"
        );
    }
}
