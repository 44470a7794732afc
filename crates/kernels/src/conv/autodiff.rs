//! The layer in Burn's autodiff graph: a handwritten backward pass if the backend has one, else the
//! graph of the composed operators.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, TensorMetadata};

use super::{ConvOps, Layer, composed, in_two_steps};

/// A backend's handwritten layers, none by default.
pub trait FastConv: Backend {
    /// Whether the layer is handwritten for these tensors; only then are the functions called.
    fn is_fast(_x: &FloatTensor<Self>, _weight: &FloatTensor<Self>, _layer: Layer) -> bool {
        false
    }

    /// The layer's output, and which pixels pooling selected.
    fn forward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
        _layer: Layer,
    ) -> (FloatTensor<Self>, Vec<u8>) {
        unreachable!("this backend has no handwritten layers")
    }

    /// The gradients of x, weight and bias; that of x where the weight is given, that of the weight
    /// where x is.
    fn backward(
        _saved: Saved<FloatTensor<Self>>,
        _dy: FloatTensor<Self>,
    ) -> [Option<FloatTensor<Self>>; 3] {
        unreachable!("this backend has no handwritten layers")
    }
}

#[cfg(feature = "ndarray")]
impl FastConv for burn::backend::NdArray {}
#[cfg(feature = "gpu")]
impl FastConv for burn_cubecl::CubeBackend {}

/// What the backward pass needs from the forward pass.
#[derive(Clone, Debug)]
pub struct Saved<X, Y = X> {
    /// The layer.
    pub layer: Layer,
    /// The shapes of x and of the weight.
    pub shapes: [[usize; 4]; 2],
    /// The input, if the weight's gradient is requested.
    pub x: Option<X>,
    /// The weight, if the input's gradient is requested.
    pub weight: Option<X>,
    /// The output.
    pub y: Y,
    /// The pixels that pooling selected.
    pub winners: Arc<Vec<u8>>,
}

#[derive(Debug)]
struct ConvLayer;

impl<B: FastConv> Backward<B, 3> for ConvLayer {
    /// The inputs are held by the checkpointer.
    type State = Saved<NodeId, FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let state = ops.state;
        let mut retrieve = |id: NodeId| checkpointer.retrieve_node_output::<FloatTensor<B>>(id);
        let saved = Saved {
            layer: state.layer,
            shapes: state.shapes,
            x: state.x.map(&mut retrieve),
            weight: state.weight.map(&mut retrieve),
            y: state.y,
            winners: state.winners,
        };
        let dy = grads.consume::<B>(&ops.node);
        for (parent, gradient) in ops.parents.into_iter().zip(B::backward(saved, dy)) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: ConvOps + FastConv, C: CheckpointStrategy> ConvOps for Autodiff<B, C> {
    fn conv_layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self> {
        if !B::is_fast(x.primitive(), weight.primitive(), layer) {
            return composed::<Self>(x, weight, bias, layer);
        }
        if !layer.activation.from_output() {
            return in_two_steps::<Self>(x, weight, bias, layer);
        }
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x_tracked, weight_tracked) = (x.is_tracked(), weight.is_tracked());
        match ConvLayer.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let shapes = [x.shape().dims(), weight.shape().dims()];
                let saved_x = weight_tracked.then(|| prep.checkpoint(&x));
                let saved_weight = x_tracked.then(|| prep.checkpoint(&weight));
                let (y, winners) = B::forward(
                    x.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    layer,
                );
                let saved = Saved {
                    layer,
                    shapes,
                    x: saved_x,
                    weight: saved_weight,
                    y: y.clone(),
                    winners: Arc::new(winners),
                };
                prep.finish(saved, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::conv_layer(
                x.into_primitive(),
                weight.into_primitive(),
                bias.into_primitive(),
                layer,
            )),
        }
    }
}
