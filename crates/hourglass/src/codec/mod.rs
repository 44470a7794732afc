//! Compression: codes in few bits, in a file that a run's decoder can decode into pictures.

pub mod autoencoder;
pub mod coder;
pub mod compress;
pub mod container;
pub mod decompress;
pub mod kept;
pub mod learned;
pub mod pictures;
pub mod quality;
pub mod quantiser;
pub mod rate;
pub mod tiles;

/// Why a compressed file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damaged(pub String);
