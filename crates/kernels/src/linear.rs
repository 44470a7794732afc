//! Linear: a fully connected layer, `y = activation(x w + b)`, with a handwritten backward.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use crate::Activation;

#[cfg(feature = "flex")]
mod flex;

/// Backends that compute the layer.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu"),
    Autodiff
)]
pub trait LinearOps: Backend {
    /// The layer's output; see [`linear`].
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        activation.composed::<Self>(composed::<Self>(x, weight, bias))
    }
}

/// The inputs of the backward pass.
#[derive(Debug)]
pub struct DenseGrad<T> {
    /// The layer's input, if the weight's gradient is requested.
    pub x: Option<T>,
    /// The weight, if the input's gradient is requested.
    pub weight: Option<T>,
    /// Whether the bias's gradient is requested.
    pub bias: bool,
    /// What the activation's derivative is computed from.
    pub kept: Option<T>,
    /// The gradient of the layer's output.
    pub dy: T,
}

/// What the inner backend must provide to differentiate the layer.
pub trait LinearGrad: LinearOps {
    /// The output, and what the activation's derivative is computed from: the output or, if that is not
    /// enough, the argument of the activation.
    fn dense_kept(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let z = composed::<Self>(x, weight, bias);
        let y = activation.composed::<Self>(z.clone());
        let kept = if activation.from_output() {
            y.clone()
        } else {
            z
        };
        (y, kept)
    }

    /// The gradients of input, weight and bias, as far as requested.
    fn dense_backward(
        grad: DenseGrad<FloatTensor<Self>>,
        activation: Activation,
    ) -> [Option<FloatTensor<Self>>; 3] {
        composed_backward::<Self>(grad, activation)
    }
}

/// A fully connected layer, `activation(x weight + bias)`.
///
/// On the flex backend each result and each gradient is one sum, in an order that does not depend on
/// the number of threads: the same inputs give the same bits.
///
/// # Shapes
/// - `x`: `[N, in]`
/// - `weight`: `[in, out]`, possibly a transposed view, as of tied weights
/// - `bias`: `[out]`
/// - output: `[N, out]`
///
/// # Panics
/// If the shapes do not fit.
pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    let ([_, inputs], [rows, outputs]) = (x.dims(), weight.dims());
    assert_eq!(inputs, rows, "values of an input and rows of the weight");
    assert_eq!(bias.dims(), [outputs], "shape of the bias");
    Tensor::from_dispatch(Dispatch::dense(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        activation,
    ))
}

/// `x weight + bias` with Burn's own operators.
fn composed<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let outputs = bias.shape()[0];
    let bias = B::float_reshape(bias, [1, outputs].into());
    B::float_add(B::float_matmul(x, weight), bias)
}

/// The gradients with Burn's own operators.
fn composed_backward<B: Backend>(
    grad: DenseGrad<FloatTensor<B>>,
    activation: Activation,
) -> [Option<FloatTensor<B>>; 3] {
    let g = match grad.kept {
        Some(kept) => activation.composed_backward::<B>(grad.dy, kept),
        None => grad.dy,
    };
    let db = grad.bias.then(|| {
        let sum = B::float_sum_dim(g.clone(), 0);
        let outputs = sum.shape()[1];
        B::float_reshape(sum, [outputs].into())
    });
    let dw = grad
        .x
        .map(|x| B::float_matmul(B::float_transpose(x), g.clone()));
    let dx = grad
        .weight
        .map(|weight| B::float_matmul(g, B::float_transpose(weight)));
    [dx, dw, db]
}

#[derive(Debug)]
struct DenseBackward(Activation);

/// Input and weight by their nodes, which the checkpointer holds, and what the derivative of the
/// activation follows from.
type Saved<B> = (Option<NodeId>, Option<NodeId>, Option<FloatTensor<B>>);

impl<B: LinearGrad> Backward<B, 3> for DenseBackward {
    type State = Saved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (x, weight, kept) = ops.state;
        let mut retrieve = |node: Option<NodeId>| {
            node.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node))
        };
        let grad = DenseGrad {
            x: retrieve(x),
            weight: retrieve(weight),
            bias: ops.parents[2].is_some(),
            kept,
            dy: grads.consume::<B>(&ops.node),
        };
        let gradients = B::dense_backward(grad, self.0);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: LinearGrad, C: CheckpointStrategy> LinearOps for Autodiff<B, C> {
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [dx, dw] = [x.is_tracked(), weight.is_tracked()];
        let nodes = [x.node(), weight.node(), bias.node()];
        let prep = DenseBackward(activation).prepare::<C>(nodes);
        match prep.compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let saved_x = dw.then(|| prep.checkpoint(&x));
                let saved_weight = dx.then(|| prep.checkpoint(&weight));
                let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.into_primitive());
                if activation == Activation::None {
                    let y = B::dense(x, weight, bias, activation);
                    prep.finish((saved_x, saved_weight, None), y)
                } else {
                    let (y, kept) = B::dense_kept(x, weight, bias, activation);
                    prep.finish((saved_x, saved_weight, Some(kept)), y)
                }
            }
            OpsKind::UnTracked(prep) => {
                let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.into_primitive());
                prep.finish(B::dense(x, weight, bias, activation))
            }
        }
    }
}

#[cfg(feature = "ndarray")]
impl LinearOps for burn::backend::NdArray {}
#[cfg(feature = "ndarray")]
impl LinearGrad for burn::backend::NdArray {}

#[cfg(feature = "gpu")]
impl LinearOps for burn_cubecl::CubeBackend {}
#[cfg(feature = "gpu")]
impl LinearGrad for burn_cubecl::CubeBackend {}
