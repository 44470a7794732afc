//! Adam: one step of Adam or AdamW on one parameter, in one pass over its memory.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

#[cfg(feature = "flex")]
mod flex;

/// One step's numbers, the same for every parameter: Adam (Kingma & Ba 2015) and, with `keep` below
/// one, AdamW (Loshchilov & Hutter 2019).
///
/// With `g' = g + l2 w`:
/// `m = b1 m + (1 - b1) g'`, `v = b2 v + (1 - b2) g'^2`,
/// `w = keep w - rate m / (sqrt(v) root + epsilon)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Decay rates of the first and the second moment.
    pub betas: [f64; 2],
    /// Added to the root, to avoid a division by zero.
    pub epsilon: f64,
    /// L2 penalty: this times the weights is added to the gradient.
    pub l2: f64,
    /// Factor of the weights before the step: `1 - learning rate * weight decay`.
    pub keep: f64,
    /// `learning rate / (1 - b1^t)` at step t, counted from 1.
    pub rate: f64,
    /// `1 / sqrt(1 - b2^t)`.
    pub root: f64,
}

/// Backends that make the step.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu")
)]
pub trait AdamOps: Backend {
    /// Parameter, first and second moment after the step; see [`adam`].
    fn adam_step(
        w: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::<Self>(w, g, m, v, step)
    }
}

/// The parameter and its first and second moment after a step with the gradient `g`; all have the same
/// shape.
///
/// On the flex backend the three are changed in place where they are not shared; each value
/// depends only on the values beside it, so the result does on no thread count. It is not
/// differentiated: the results carry no autodiff.
///
/// # Panics
/// If the shapes differ.
pub fn adam(
    w: Tensor<1>,
    g: Tensor<1>,
    m: Tensor<1>,
    v: Tensor<1>,
    step: AdamStep,
) -> [Tensor<1>; 3] {
    assert!(
        w.dims() == g.dims() && w.dims() == m.dims() && w.dims() == v.dims(),
        "parameter, gradient and moments have one shape"
    );
    let [w, g, m, v] = [w, g, m, v].map(|tensor| tensor.without_autodiff().into_dispatch());
    let (w, m, v) = Dispatch::adam_step(w, g, m, v, step);
    [w, m, v].map(Tensor::from_dispatch)
}

/// The step with Burn's own operators.
fn composed<B: Backend>(
    w: FloatTensor<B>,
    g: FloatTensor<B>,
    m: FloatTensor<B>,
    v: FloatTensor<B>,
    step: AdamStep,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let times = |tensor, factor: f64| B::float_mul_scalar(tensor, factor.into());
    let [b1, b2] = step.betas;
    let g = if step.l2 == 0.0 {
        g
    } else {
        B::float_add(g, times(w.clone(), step.l2))
    };
    let m = B::float_add(times(m, b1), times(g.clone(), 1.0 - b1));
    let v = B::float_add(times(v, b2), times(B::float_mul(g.clone(), g), 1.0 - b2));
    let root = times(B::float_sqrt(v.clone()), step.root);
    let root = B::float_add_scalar(root, step.epsilon.into());
    let change = B::float_div(times(m.clone(), step.rate), root);
    (B::float_sub(times(w, step.keep), change), m, v)
}

#[cfg(feature = "ndarray")]
impl AdamOps for burn::backend::NdArray {}

#[cfg(feature = "gpu")]
impl AdamOps for burn_cubecl::CubeBackend {}
