//! Digests: SHA-256, which identifies data and checkpoints.

use sha2::{Digest, Sha256};

/// Digits of a digest in messages: enough to tell two apart.
const SHORT: usize = 12;

/// SHA-256 in the form that `sha256sum` prints.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A digest's first digits.
pub fn short(digest: &str) -> &str {
    digest.get(..SHORT).unwrap_or(digest)
}
