//! Autoencoders on Burn: dense, convolutional, sparse and denoising, on any device.
//!
//! An encoder compresses the input to a code, a decoder restores it. A [`config::ModelConfig`] says
//! which; [`config::ModelConfig::init`] builds the [`Autoencoder`], whose verbs are `encode`,
//! `decode`, `forward` and `loss`. This crate knows nothing of files (beyond the bytes of saved
//! weights), data sets or terminals.

mod activation;
pub mod config;
mod conv;
pub mod corruption;
mod denoising;
mod dense;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod gradients;
mod init;
mod layerwise;
mod loss;
mod network;
mod noise;
mod output;
mod penalty;
pub mod shape;
mod shuffle;
mod sparse;
pub mod transplant;
pub mod weights;

pub use config::ModelConfig;
pub use loss::Loss;
pub use network::{
    Autoencoder, Body, Layer, Losses, ModelError, NeedsInput, code_place, code_size,
    compression_ratio,
};
pub use noise::Noise;
pub use output::Output;
pub use shape::ImageShape;
