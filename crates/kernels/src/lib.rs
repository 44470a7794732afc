//! Fused CPU operators for autoencoders, as an extension of Burn's backends.
//!
//! Each operator has a fast body with a handwritten backward on the flex backend, and a body
//! composed of Burn's own operators on every other one; the two agree within f32 rounding.

pub mod activation;
pub mod conv;
#[cfg(feature = "flex")]
mod host;
pub mod level;
mod math;
#[cfg(feature = "flex")]
mod simd;

pub use activation::Activation;
pub use conv::{conv2d, conv2d_max_pool, upsample_conv2d};
