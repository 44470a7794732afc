//! Hourglass: trains, measures and compares autoencoders from JSON configs.
//!
//! A [`Config`] says what is trained on which data. A [`Setup`] has everything loaded and checked; a
//! [`Run`] is the folder that a training leaves; [`train()`] trains, and an
//! [`Observer`](train::observer::Observer) watches. A [`Loaded`] model of a run encodes, decodes and is
//! measured.
//!
//! The library prints nothing, ends no process and keeps no state of its own between calls. Errors are
//! an [`Error`], whose text is one line.

pub mod analysis;
pub mod arrays;
pub mod backend;
pub mod batched;
pub mod codec;
pub mod comparison;
pub mod config;
pub mod digest;
pub mod error;
pub mod export;
pub mod fields;
pub mod files;
pub mod import;
pub mod imputation;
pub mod input;
pub mod measure;
pub mod memory;
pub mod pictures;
pub mod proposal;
pub mod run;
pub mod seal;
pub mod setup;
pub mod streams;
pub mod train;

pub use data;
pub use model;

pub use config::Config;
pub use error::{Error, Result};
pub use run::Run;
pub use run::loaded::Loaded;
pub use setup::Setup;
pub use train::outcome::Outcome;
pub use train::{Start, train};
