//! Autoencoders on Burn: dense, convolutional, linear, sparse and denoising, on any device.
//!
//! An encoder compresses the input to a code, and a decoder restores the input from it. A
//! [`ModelConfig`] describes an autoencoder, [`ModelConfig::plan`] lists its layers, and
//! [`ModelConfig::init`] builds the [`Autoencoder`], whose verbs are `encode`, `decode`, `forward` and
//! `loss`. This crate reads no files (weights are given as bytes), loads no data sets and never prints.

mod activation;
mod autoencoder;
mod block;
pub mod config;
pub mod corruption;
mod density;
mod error;
#[cfg(test)]
mod fixtures;
mod forward;
mod frames;
#[cfg(test)]
mod gradients;
pub mod holes;
mod init;
mod kind;
mod layer;
mod layerwise;
mod loss;
mod noise;
mod operation;
mod output;
mod path;
pub mod penalty;
mod plan;
mod range;
pub mod shape;
mod shuffle;
pub mod transplant;
pub mod weights;

pub use autoencoder::{Autoencoder, CodeStep};
pub use config::ModelConfig;
pub use error::{ModelError, NeedsInput};
pub use frames::Time;
pub use layer::{Body, Layer, Layers, Role};
pub use loss::{Loss, Losses};
pub use noise::Noise;
pub use operation::{NORM_EPSILON, Operation};
pub use output::Output;
pub use plan::{Ends, Gives, Plan};
pub use range::{Category, Range};
pub use shape::ImageShape;
