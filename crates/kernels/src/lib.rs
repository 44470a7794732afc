//! Fused CPU operators for autoencoders, as an extension of Burn's backends.
//!
//! Each operator has a fast body with a handwritten backward on the flex backend, and a body
//! composed of Burn's own operators on every other one; the two agree within f32 rounding.

pub mod activation;
#[cfg(feature = "flex")]
mod host;
pub mod level;
mod math;

pub use activation::Activation;
