//! Digests: SHA-256, by which data and checkpoints are told from others.

use sha2::{Digest, Sha256};

/// Digits of a digest that a message shows: enough to tell two apart.
const SHORT: usize = 12;

/// SHA-256 as `sha256sum` prints it.
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
