//! Measures: how well a model restores images, and what simple baselines reach on the same images.

pub mod evaluation;
pub mod frames;
pub mod metrics;
pub mod pca;
pub mod restoration;
pub mod summary;
