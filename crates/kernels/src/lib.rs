//! Fused CPU operators for autoencoders, as an extension of Burn's backends.
//!
//! Each operator has a fast body with a handwritten backward on the flex backend, and a body
//! composed of Burn's own operators on every other one; the two agree within f32 rounding.

// Burn asks new programs to take flex in place of ndarray; it is here to be compared with.
#![cfg_attr(feature = "ndarray", allow(deprecated))]
// Without any backend the operators' routing has nowhere to route to.
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "gpu")),
    allow(unused_variables)
)]

// Its loops and what they call are for the flex backend.
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
pub mod activation;
mod adam;
// The routing between backends names all arguments, also if there is no backend to route to.
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
#[cfg_attr(not(feature = "flex"), allow(dead_code))]
mod math;
mod sample;
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
pub use sample::{Interpolation, sample};
