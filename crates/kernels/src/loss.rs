//! Losses of logits against targets in [0, 1], averaged over every value.
//!
//! A loss ends the forward pass and starts the backward pass, so its gradient is computed together with
//! its value, in one pass over logits and targets, and only scaled later.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

#[cfg(feature = "flex")]
mod flex;

/// Which loss; `p` is the sigmoid of the logit `z`, and `t` the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossKind {
    /// Mean squared error, `(p - t)^2`.
    Mse,
    /// Binary cross-entropy, `softplus(z) - t z`.
    Bce,
}

/// Backends that compute the losses.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu"),
    Autodiff
)]
pub trait LossOps: Backend {
    /// The loss, shape `[1]`, of logits and targets of one shape.
    fn loss_of_logits(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
        kind: LossKind,
    ) -> FloatTensor<Self> {
        kind.composed::<Self>(logits, target)
    }
}

/// What the inner backend must provide to differentiate the losses.
pub trait LossGrad: LossOps {
    /// The loss, and its gradient by the logits, of the logits' shape.
    fn loss_with_gradient(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
        kind: LossKind,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let gradient = kind.composed_gradient::<Self>(logits.clone(), target.clone());
        (Self::loss_of_logits(logits, target, kind), gradient)
    }

    /// The gradient multiplied by the single value of `by`, shape `[1]`.
    fn scale_gradient(gradient: FloatTensor<Self>, by: FloatTensor<Self>) -> FloatTensor<Self> {
        let ones = vec![1; gradient.shape().num_dims()];
        Self::float_mul(gradient, Self::float_reshape(by, ones.into()))
    }
}

/// `mean((sigmoid(z) - t)^2)` over every value, shape `[1]`.
///
/// On the flex backend the sum is taken in f64, in blocks that do not depend on the number of
/// threads; logits and target may have channels-last strides, and the gradient has the logits'.
///
/// # Panics
/// If the shapes differ.
pub fn mse_of_sigmoid<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
    loss(logits, target, LossKind::Mse)
}

/// `mean(softplus(z) - t z)` over every value, shape `[1]`, which is
/// `-t log p - (1 - t) log(1 - p)` for `p = sigmoid(z)` and cannot overflow.
///
/// Memory and repeatability are as for [`mse_of_sigmoid`].
///
/// # Panics
/// If the shapes differ.
pub fn bce_of_logits<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
    loss(logits, target, LossKind::Bce)
}

fn loss<const D: usize>(logits: Tensor<D>, target: Tensor<D>, kind: LossKind) -> Tensor<1> {
    assert_eq!(logits.dims(), target.dims(), "shapes of logits and target");
    Tensor::from_dispatch(Dispatch::loss_of_logits(
        logits.into_dispatch(),
        target.into_dispatch(),
        kind,
    ))
}

impl LossKind {
    /// The loss with Burn's own operators.
    fn composed<B: Backend>(
        self,
        logits: FloatTensor<B>,
        target: FloatTensor<B>,
    ) -> FloatTensor<B> {
        match self {
            LossKind::Mse => {
                let error = B::float_sub(B::sigmoid(logits), target);
                B::float_mean(B::float_mul(error.clone(), error))
            }
            LossKind::Bce => {
                let log = B::log_sigmoid(B::float_neg(logits.clone()));
                let sum = B::float_add(log, B::float_mul(logits, target));
                B::float_neg(B::float_mean(sum))
            }
        }
    }

    /// The gradient by the logits: `2 (p - t) p (1 - p) / n` or `(p - t) / n`.
    fn composed_gradient<B: Backend>(
        self,
        logits: FloatTensor<B>,
        target: FloatTensor<B>,
    ) -> FloatTensor<B> {
        let count = logits.shape().num_elements() as f64;
        let p = B::sigmoid(logits);
        let error = B::float_sub(p.clone(), target);
        match self {
            LossKind::Mse => {
                let error = B::float_mul_scalar(error, (2.0 / count).into());
                B::sigmoid_backward(p, error)
            }
            LossKind::Bce => B::float_mul_scalar(error, (1.0 / count).into()),
        }
    }

    /// The gradient by the target: `-2 (p - t) / n` or `-z / n`.
    fn composed_target_gradient<B: Backend>(
        self,
        logits: FloatTensor<B>,
        target: FloatTensor<B>,
    ) -> FloatTensor<B> {
        let count = logits.shape().num_elements() as f64;
        match self {
            LossKind::Mse => {
                let error = B::float_sub(target, B::sigmoid(logits));
                B::float_mul_scalar(error, (2.0 / count).into())
            }
            LossKind::Bce => B::float_mul_scalar(logits, (-1.0 / count).into()),
        }
    }
}

#[derive(Debug)]
struct LossBackward;

impl<B: LossGrad> Backward<B, 2> for LossBackward {
    /// The gradients with respect to logits and target, for an upstream gradient of 1.
    type State = [Option<FloatTensor<B>>; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let by = grads.consume::<B>(&ops.node);
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, B::scale_gradient(gradient, by.clone()));
            }
        }
    }
}

impl<B: LossGrad, C: CheckpointStrategy> LossOps for Autodiff<B, C> {
    fn loss_of_logits(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
        kind: LossKind,
    ) -> FloatTensor<Self> {
        let [by_logits, by_target] = [logits.is_tracked(), target.is_tracked()];
        let nodes = [logits.node(), target.node()];
        let (logits, target) = (logits.into_primitive(), target.into_primitive());
        match LossBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let by_target = by_target
                    .then(|| kind.composed_target_gradient::<B>(logits.clone(), target.clone()));
                let (loss, by_logits) = if by_logits {
                    let (loss, gradient) = B::loss_with_gradient(logits, target, kind);
                    (loss, Some(gradient))
                } else {
                    (B::loss_of_logits(logits, target, kind), None)
                };
                prep.finish([by_logits, by_target], loss)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::loss_of_logits(logits, target, kind)),
        }
    }
}

#[cfg(feature = "ndarray")]
impl LossOps for burn::backend::NdArray {}
#[cfg(feature = "ndarray")]
impl LossGrad for burn::backend::NdArray {}

#[cfg(feature = "gpu")]
impl LossOps for burn_cubecl::CubeBackend {}
#[cfg(feature = "gpu")]
impl LossGrad for burn_cubecl::CubeBackend {}
