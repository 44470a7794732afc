//! Fused CPU operators for autoencoders, as an extension of Burn's backends.
//!
//! Each operator has a fast body with a handwritten backward on the flex backend, and a body
//! composed of Burn's own operators on every other one; the two agree within f32 rounding.

pub mod activation;
mod adam;
pub mod conv;
mod gather;
#[cfg(feature = "flex")]
mod gemm;
#[cfg(feature = "flex")]
mod host;
#[cfg(feature = "flex")]
mod lanes;
pub mod level;
mod linear;
mod loss;
mod math;
#[cfg(feature = "flex")]
mod simd;
#[cfg(test)]
mod testing;
mod vectorise;

pub use activation::Activation;
pub use adam::{AdamOps, AdamStep, adam};
pub use conv::{conv2d, conv2d_max_pool, upsample_conv2d};
pub use gather::{PastTheEnd, gather};
pub use linear::{DenseGrad, LinearGrad, LinearOps, linear};
pub use loss::{LossGrad, LossKind, LossOps, bce_of_logits, mse_of_sigmoid};
