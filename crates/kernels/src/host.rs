//! Host: the memory of tensors on the flex backend, read and made without copies.
//!
//! A tensor is *dense* where its values fill one block of memory, each once, in whatever order its
//! dimensions lie; it is *contiguous* where that order is row-major. Channels-last images are dense
//! but not contiguous: shape `[N, C, H, W]`, memory `[N, H, W, C]`.

use std::mem::MaybeUninit;

use burn::backend::DType;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, Shape};

/// Whether the fast bodies can read it.
pub(crate) fn is_f32(tensor: &FlexTensor) -> bool {
    tensor.dtype() == DType::F32
}

/// The lengths of the dimensions.
pub(crate) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

/// The tensor itself if it is contiguous, else a contiguous copy.
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// The values of a contiguous `f32` tensor.
///
/// # Panics
/// If it is neither; see [`contiguous`] and [`is_f32`].
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let values = tensor.as_slice::<f32>();
    values.expect("the caller made the tensor contiguous and checked its type")
}

/// The values of a dense `f32` tensor in the order of memory, or `None` if it is not dense.
pub(crate) fn memory(tensor: &FlexTensor) -> Option<&[f32]> {
    let layout = tensor.layout();
    let start = layout.start_offset();
    is_dense(layout).then(|| &tensor.storage::<f32>()[start..start + layout.num_elements()])
}

/// The values from the first one on, with the stride of each dimension in values; for layouts
/// without negative strides.
pub(crate) fn strided(tensor: &FlexTensor) -> (&[f32], &[isize]) {
    let layout = tensor.layout();
    (
        &tensor.storage::<f32>()[layout.start_offset()..],
        layout.strides(),
    )
}

/// Whether images `[N, C, H, W]` lie as `[N, H, W, C]`; also true of contiguous ones where the two
/// orders are the same, as with one channel or one pixel.
pub(crate) fn is_channels_last(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    layout.num_dims() == 4 && layout.permute(&[0, 2, 3, 1]).is_contiguous()
}

/// The strides of images of shape `[N, C, H, W]` that lie as `[N, H, W, C]`.
#[allow(dead_code, reason = "for operators on images")]
pub(crate) fn channels_last_strides([_, c, h, w]: [usize; 4]) -> [isize; 4] {
    [h * w * c, 1, w * c, c].map(|stride| stride as isize)
}

/// Whether the dimensions, sorted by stride, fill one block without gaps or overlaps.
fn is_dense(layout: &Layout) -> bool {
    if layout.is_contiguous() {
        return true;
    }
    let mut dims: Vec<(isize, usize)> = layout
        .strides()
        .iter()
        .copied()
        .zip(layout.shape().iter().copied())
        .filter(|&(_, length)| length != 1)
        .collect();
    dims.sort_unstable();
    let mut expected = 1;
    dims.into_iter().all(|(stride, length)| {
        let fits = stride == expected;
        expected *= length as isize;
        fits
    })
}

/// Whether two tensors of one shape have their values in the same order of memory.
pub(crate) fn same_order(a: &FlexTensor, b: &FlexTensor) -> bool {
    let strides = |tensor: &FlexTensor| {
        let layout = tensor.layout();
        let dims = layout
            .strides()
            .to_vec()
            .into_iter()
            .zip(layout.shape().to_vec());
        // The stride of a dimension of length 1 means nothing.
        dims.map(|(stride, length)| if length == 1 { 0 } else { stride })
            .collect::<Vec<_>>()
    };
    a.layout().shape() == b.layout().shape() && strides(a) == strides(b)
}

/// Uninitialised memory for `len` values: a zero fill would cost as much as the write itself.
pub(crate) fn fresh(len: usize) -> Vec<MaybeUninit<f32>> {
    let mut values = Vec::with_capacity(len);
    // SAFETY: the capacity is `len`, and `MaybeUninit` needs no initialisation.
    unsafe { values.set_len(len) };
    values
}

/// The values of memory that has been written.
///
/// # Safety
/// Every value must have been written.
pub(crate) unsafe fn written(values: Vec<MaybeUninit<f32>>) -> Vec<f32> {
    let mut values = std::mem::ManuallyDrop::new(values);
    // SAFETY: the parts are those of a vector that is not dropped, whose values the caller wrote;
    // the two types have one size and alignment.
    unsafe { Vec::from_raw_parts(values.as_mut_ptr().cast(), values.len(), values.capacity()) }
}

/// A contiguous tensor of the values, which are not copied.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape));
    debug_assert_eq!(values.len(), layout.num_elements());
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// A tensor of the values with the given strides, which must stay within them; no copy.
#[allow(dead_code, reason = "for operators on images")]
pub(crate) fn tensor_with_strides<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    strides: [isize; D],
) -> FlexTensor {
    let layout = Layout::new(Shape::from(shape), strides.to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// A tensor of the values with the layout of `like`, which must be dense; no copy.
pub(crate) fn tensor_like(values: Vec<f32>, like: &FlexTensor) -> FlexTensor {
    let layout = like.layout();
    debug_assert!(is_dense(layout));
    let layout = Layout::new(layout.shape().clone(), layout.strides().to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// The tensor contiguous and owned by nobody else, so that [`values_mut`] may write it: itself
/// if it is both already, as a gradient with one consumer is, else a copy.
pub(crate) fn owned(tensor: FlexTensor) -> FlexTensor {
    if !tensor.is_contiguous() {
        return tensor.to_contiguous();
    }
    if tensor.is_unique() {
        return tensor;
    }
    let layout = Layout::contiguous(tensor.layout().shape().clone());
    FlexTensor::new(
        Bytes::from_elems(values(&tensor).to_vec()),
        layout,
        DType::F32,
    )
}

/// The values of a tensor that [`owned`] gave, to be written.
///
/// # Panics
/// If it is not contiguous or is shared.
pub(crate) fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let (start, end) = tensor
        .layout()
        .contiguous_offsets()
        .expect("the tensor is contiguous");
    let storage = tensor.try_storage_mut::<f32>();
    &mut storage.expect("the tensor is owned by nobody else")[start..end]
}
