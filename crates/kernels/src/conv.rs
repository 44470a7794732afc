//! Convolution layers: a convolution with stride 1 whose output is as large as its input, fused with
//! what autoencoders add (nearest up-sampling before, an activation and max-pooling after) in one pass
//! over memory, forward and backward. A series is an image of one row, with kernels of one row.
//!
//! On the flex backend, `f32` layers with kernels of 1x1, 3x3 or 5x5, and those of series with any of
//! up to 15 values, use handwritten bodies, which write channels-last outputs and read images in any
//! order; see [`is_fast`]. Their results do not depend on
//! the number of threads or on timing. All other layers and backends are composed of Burn's own
//! operators.

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Slice, Tensor};

use crate::Activation;

mod autodiff;
#[cfg(feature = "flex")]
mod axis;
#[cfg(feature = "flex")]
mod backward;
#[cfg(feature = "flex")]
mod doubling;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod forward;
#[cfg(feature = "flex")]
mod grid;
#[cfg(feature = "flex")]
mod image;
#[cfg(feature = "flex")]
mod plan;
#[cfg(feature = "flex")]
mod pool;
#[cfg(all(test, feature = "flex"))]
mod tests;
#[cfg(feature = "flex")]
mod tile;
#[cfg(feature = "flex")]
mod winograd;

/// The structure of a layer, without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What happens to the images around the convolution.
    pub form: Form,
    /// The activation after the convolution.
    pub activation: Activation,
}

/// What happens to the images around the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Plain,
    /// After the activation, the maximum of each 2x2 window.
    MaxPool,
    /// Before the convolution, each pixel becomes 2x2, cropped to this height and width.
    Upsample([usize; 2]),
}

/// `activation(conv(x))`, stride 1, zeros beyond the borders.
///
/// # Shapes
/// - x: `[N, C, H, W]`
/// - weight: `[O, C, k, k]`, or `[O, C, 1, k]` for series, with odd `k`
/// - bias: `[O]`
/// - output: `[N, O, H, W]`
///
/// # Panics
/// If the shapes do not fit each other.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<4> {
    run(x, weight, bias, Form::Plain, activation)
}

/// [`conv2d`], then the maximum of each 2x2 window; at odd borders, of the existing part of the window.
/// If values are equal, the first one in row-major order gets the gradient.
///
/// # Shapes
/// As [`conv2d`], with output `[N, O, ceil(H / 2), ceil(W / 2)]`.
///
/// # Panics
/// If the shapes do not fit each other.
pub fn conv2d_max_pool(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<4> {
    run(x, weight, bias, Form::MaxPool, activation)
}

/// Nearest up-sampling by two, cropped to `size`, then [`conv2d`].
///
/// # Shapes
/// - x: `[N, C, H, W]`
/// - size: `2H` or `2H - 1`, and `2W` or `2W - 1`
/// - output: `[N, O, size[0], size[1]]`; weight and bias as in [`conv2d`]
///
/// # Panics
/// If the shapes do not fit each other.
pub fn upsample_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    size: [usize; 2],
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    for (axis, size, n) in [("height", size[0], height), ("width", size[1], width)] {
        assert!(
            n > 0 && (size == 2 * n || size == 2 * n - 1),
            "up-sampling a {axis} of {n} by two cannot give {size}"
        );
    }
    run(x, weight, bias, Form::Upsample(size), activation)
}

/// Whether a layer with a kernel of this height and width and this activation is one handwritten operator on the flex
/// backend. With another activation, the convolution is handwritten and followed by Burn's own
/// activation; with another kernel size, everything uses Burn's own operators.
pub fn is_fast(kernel: [usize; 2], activation: Activation) -> bool {
    is_handwritten(kernel) && activation.from_output()
}

/// The kernels, height and width, of the handwritten convolutions. The longest one of a series is the
/// longest that a model may have.
fn is_handwritten(kernel: [usize; 2]) -> bool {
    matches!(
        kernel,
        [1, 1] | [3, 3] | [5, 5] | [1, 3 | 5 | 7 | 9 | 11 | 13 | 15]
    )
}

fn run(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    form: Form,
    activation: Activation,
) -> Tensor<4> {
    let [_, channels, _, _] = x.dims();
    let [outputs, inputs, rows, columns] = weight.dims();
    assert_eq!(channels, inputs, "the image's channels and the weight's");
    assert_eq!(
        [outputs],
        bias.dims(),
        "the weight's outputs and the bias's"
    );
    assert!(
        (rows == columns || rows == 1) && columns % 2 == 1,
        "found a kernel of {rows}x{columns}, expected an odd square or one odd row"
    );
    Tensor::from_dispatch(Dispatch::conv_layer(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        Layer { form, activation },
    ))
}

/// A convolution layer as one operator of a backend.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu"),
    Autodiff
)]
pub trait ConvOps: Backend {
    /// The layer on images `[N, C, H, W]` with weight `[O, C, k, k]` or `[O, C, 1, k]` and bias `[O]`.
    fn conv_layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self> {
        composed::<Self>(x, weight, bias, layer)
    }
}

#[cfg(feature = "ndarray")]
impl ConvOps for burn::backend::NdArray {}
#[cfg(feature = "gpu")]
impl ConvOps for burn_cubecl::CubeBackend {}

/// The layer with Burn's own operators; through the autodiff backend these differentiate themselves.
pub(crate) fn composed<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    layer: Layer,
) -> FloatTensor<B> {
    let x = match layer.form {
        Form::Upsample(size) => upsample::<B>(x, size),
        Form::Plain | Form::MaxPool => x,
    };
    let [_, _, rows, columns] = weight.shape().dims();
    let options = ConvOptions::new([1, 1], [rows / 2, columns / 2], [1, 1], 1);
    finish::<B>(B::conv2d(x, weight, Some(bias), options), layer)
}

/// The operations after the convolution.
fn finish<B: Backend>(y: FloatTensor<B>, layer: Layer) -> FloatTensor<B> {
    let Layer { form, activation } = layer;
    match form {
        // The maximum commutes with a function that never decreases, and after pooling only a quarter
        // of the values is left to apply it to.
        Form::MaxPool if activation.from_output() => activation.composed::<B>(max_pool::<B>(y)),
        Form::MaxPool => max_pool::<B>(activation.composed::<B>(y)),
        Form::Plain | Form::Upsample(_) => activation.composed::<B>(y),
    }
}

fn upsample<B: Backend>(x: FloatTensor<B>, [rows, columns]: [usize; 2]) -> FloatTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let doubled = [2 * height, 2 * width];
    let x = B::interpolate(
        x,
        doubled,
        InterpolateOptions::new(InterpolateMode::Nearest),
    );
    if doubled == [rows, columns] {
        return x;
    }
    crop::<B>(x, [0..batch, 0..channels, 0..rows, 0..columns])
}

/// The maximum of each 2x2 window. An odd border is repeated, which gives the maximum of the existing
/// part of the window; the only row of a series is a window's whole height.
fn max_pool<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let mut x = x;
    let window = [height.min(2), 2];
    if height % 2 == 1 && height > 1 {
        let last = [0..batch, 0..channels, height - 1..height, 0..width];
        let row = crop::<B>(x.clone(), last);
        x = B::float_cat(vec![x, row], 2);
    }
    if width % 2 == 1 {
        let height = height.next_multiple_of(window[0]);
        let last = [0..batch, 0..channels, 0..height, width - 1..width];
        let column = crop::<B>(x.clone(), last);
        x = B::float_cat(vec![x, column], 3);
    }
    B::max_pool2d(x, window, window, [0, 0], [1, 1], false)
}

fn crop<B: Backend>(x: FloatTensor<B>, ranges: [std::ops::Range<usize>; 4]) -> FloatTensor<B> {
    B::float_slice(x, &ranges.map(Slice::from))
}

/// A layer whose activation's derivative does not follow from its output: the convolution as an
/// operator, the rest by Burn's own.
fn in_two_steps<B: ConvOps>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    layer: Layer,
) -> FloatTensor<B> {
    let form = match layer.form {
        Form::MaxPool => Form::Plain,
        form => form,
    };
    let convolution = Layer {
        form,
        activation: Activation::None,
    };
    finish::<B>(B::conv_layer(x, weight, bias, convolution), layer)
}
