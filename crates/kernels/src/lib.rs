//! Fused CPU operators for autoencoders, as an extension of Burn's backends.
//!
//! Each operator has a fast implementation with a handwritten backward pass on the flex backend, and one
//! composed of Burn's own operators on all other backends; both agree within f32 rounding.

// Burn recommends flex instead of ndarray for new programs; ndarray is kept for comparison.
#![cfg_attr(feature = "ndarray", allow(deprecated))]
// Without a backend, the operators cannot be dispatched.
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "gpu")),
    allow(unused_variables)
)]

// Its loops are for the flex backend.
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
pub mod activation;
mod adam;
// The dispatch between backends names all arguments, even if there is no backend.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub mod conv;
mod gather;
#[cfg(feature = "flex")]
mod gemm;
#[cfg(feature = "flex")]
mod host;
pub mod level;
mod linear;
mod loss;
mod map;
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
mod math;
mod sample;
#[cfg(feature = "flex")]
mod simd;
mod stored;
#[cfg(test)]
mod testing;
mod vectorise;

pub use activation::Activation;
pub use adam::{AdamOps, AdamStep, adam};
pub use conv::{conv2d, conv2d_max_pool, upsample_conv2d};
pub use gather::{PastTheEnd, gather};
pub use linear::{DenseGrad, LinearGrad, LinearOps, linear};
pub use loss::{LossGrad, LossKind, LossOps, bce_of_logits, mse_of_sigmoid};
pub use map::Map;
pub use sample::{Interpolation, sample};
pub use stored::Stored;
