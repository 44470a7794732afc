//! Separable linear filters, as a product with a matrix along each axis: whole batches in two matrix
//! products, whatever the filter and its border.

use burn::prelude::*;

/// `rows x picture x columns^T` for each channel of each picture: `[batch, C, H, W]` with matrices
/// `[1 or batch, 1, H', H]` and `[1 or batch, 1, W', W]` gives `[batch, C, H', W']`.
pub(super) fn apply(images: Tensor<4>, rows: Tensor<4>, columns: Tensor<4>) -> Tensor<4> {
    rows.matmul(images).matmul(columns.swap_dims(2, 3))
}

/// The matrix `[1, 1, outputs, inputs]` with this value at each output and input.
pub(super) fn matrix(
    [outputs, inputs]: [usize; 2],
    device: &Device,
    value: impl Fn(usize, usize) -> f64,
) -> Tensor<4> {
    let cells = (0..outputs).flat_map(|output| (0..inputs).map(move |input| (output, input)));
    let values: Vec<f32> = cells.map(|(o, i)| value(o, i) as f32).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, outputs, inputs]), device)
}

/// 0, 1, 2 and so on, `[1, 1, count, 1]`.
pub(super) fn positions(count: usize, device: &Device) -> Tensor<4> {
    matrix([count, 1], device, |position, _| position as f64)
}
