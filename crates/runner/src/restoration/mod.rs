//! Restoration: how much of what a corruption takes from pictures comes back, from a model and from
//! simple baselines beside it, and pictures of any size through a model of one size.

mod baseline;
mod closer;
mod colour;
mod degraded;
mod diffusion;
mod figures;
mod filters;
mod fit;
mod measurement;
mod median;
pub mod tiles;

pub use baseline::Baseline;
pub use degraded::{Corrupted, Degraded, Small, corrupt, scale};
pub use figures::{BaselineFigures, Fidelity, HoleFigures, Restoration, Setting, label};
pub use fit::{Baselines, needs_training_images};
pub use measurement::{Batch, Measurement};
