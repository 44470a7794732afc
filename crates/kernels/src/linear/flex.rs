//! The layer on the flex backend.

use std::mem::MaybeUninit;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{DenseGrad, LinearGrad, LinearOps, composed, composed_backward};
use crate::gemm::{self, Epilogue, Matrix, Product};
use crate::vectorise::vectorise;
use crate::{Activation, host, level};

/// Values below which one thread is enough for a pass over them: about 10 microseconds of work.
const PARALLEL: usize = 1 << 15;

/// Rows whose biases' gradients are added up before those of the next ones are.
const ROWS: usize = 16;

impl LinearOps for Flex {
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        if ![&x, &weight, &bias].into_iter().all(host::is_f32) {
            return activation.composed::<Self>(composed::<Self>(x, weight, bias));
        }
        forward(x, weight, bias, activation)
    }
}

impl LinearGrad for Flex {
    fn dense_kept(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if activation.from_output() {
            let y = Self::dense(x, weight, bias, activation);
            return (y.clone(), y);
        }
        if ![&x, &weight, &bias].into_iter().all(host::is_f32) {
            let z = composed::<Self>(x, weight, bias);
            return (activation.composed::<Self>(z.clone()), z);
        }
        let z = forward(x, weight, bias, Activation::None);
        let from = host::values(&z);
        let mut y = host::fresh(from.len());
        let level = level::current();
        let chunk = if from.len() < PARALLEL {
            from.len().max(1)
        } else {
            PARALLEL / 4
        };
        (y.par_chunks_mut(chunk), from.par_chunks(chunk))
            .into_par_iter()
            .for_each(|(y, z)| apply(level, y, z, activation));
        // SAFETY: the chunks cover the memory, and each was written.
        let y = host::tensor(unsafe { host::written(y) }, host::dims::<2>(&z));
        (y, z)
    }

    fn dense_backward(
        grad: DenseGrad<FloatTensor<Self>>,
        activation: Activation,
    ) -> [Option<FloatTensor<Self>>; 3] {
        let inputs = [&grad.x, &grad.weight, &grad.kept];
        if !host::is_f32(&grad.dy) || !inputs.into_iter().flatten().all(host::is_f32) {
            return composed_backward::<Self>(grad, activation);
        }
        let [rows, outputs] = host::dims(&grad.dy);
        let level = level::current();

        let (g, sums) = match grad.kept.map(host::contiguous) {
            Some(kept) => {
                let mut g = host::owned(grad.dy);
                let kept = host::values(&kept);
                let sums = back_through(level, host::values_mut(&mut g), kept, activation, outputs);
                (g, grad.bias.then_some(sums))
            }
            None => {
                let g = host::contiguous(grad.dy);
                let sums = grad
                    .bias
                    .then(|| sum_rows(level, host::values(&g), outputs));
                (g, sums)
            }
        };

        let g = Matrix::row_major(host::values(&g), [rows, outputs]);
        let [x, weight] = [grad.x, grad.weight].map(|tensor| tensor.map(without_flips));
        let dw_shape = x.as_ref().map(|x| [host::dims::<2>(x)[1], outputs]);
        let dx_shape = weight
            .as_ref()
            .map(|weight| [rows, host::dims::<2>(weight)[0]]);
        let [mut dw, mut dx] = [dw_shape, dx_shape]
            .map(|shape| shape.map(|[rows, columns]| host::fresh(rows * columns)));
        let mut products = Vec::with_capacity(2);
        if let (Some(x), Some(dw)) = (&x, &mut dw) {
            products.push(Product::new(matrix(x).transposed(), g, dw, None));
        }
        if let (Some(weight), Some(dx)) = (&weight, &mut dx) {
            products.push(Product::new(g, matrix(weight).transposed(), dx, None));
        }
        gemm::run(level, &products);
        drop(products);

        let tensor = |values: Option<Vec<MaybeUninit<f32>>>, shape: Option<[usize; 2]>| {
            // SAFETY: `run` wrote every value of its products.
            Some(host::tensor(unsafe { host::written(values?) }, shape?))
        };
        [
            tensor(dx, dx_shape),
            tensor(dw, dw_shape),
            sums.map(|sums| host::tensor(sums, [outputs])),
        ]
    }
}

/// `activation(x weight + bias)` of `f32` tensors.
fn forward(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    activation: Activation,
) -> FlexTensor {
    let [x, weight] = [x, weight].map(without_flips);
    let bias = host::contiguous(bias);
    let shape = [host::dims::<2>(&x)[0], host::dims::<2>(&weight)[1]];
    let mut y = host::fresh(shape[0] * shape[1]);
    let epilogue = Epilogue {
        bias: host::values(&bias),
        activation,
    };
    let product = Product::new(matrix(&x), matrix(&weight), &mut y, Some(epilogue));
    gemm::run(level::current(), &[product]);
    // SAFETY: `run` wrote every value.
    host::tensor(unsafe { host::written(y) }, shape)
}

/// The tensor, copied where a dimension runs backwards in memory.
fn without_flips(tensor: FlexTensor) -> FlexTensor {
    if tensor.layout().strides().iter().all(|&stride| stride >= 0) {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// A tensor without flips as a matrix, where it lies.
fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let (values, strides) = host::strided(tensor);
    let [rows, columns] = host::dims(tensor);
    // The stride of a dimension of length 1 means nothing; 1 is the fastest to read.
    let stride = |i: usize, length| {
        if length == 1 {
            1
        } else {
            strides[i].unsigned_abs()
        }
    };
    Matrix::new(
        values,
        [rows, columns],
        [stride(0, rows), stride(1, columns)],
    )
}

/// Turns the gradient of the activation's output into that of its argument, and gives the sum of
/// each column of it.
fn back_through(
    level: level::Level,
    g: &mut [f32],
    kept: &[f32],
    activation: Activation,
    columns: usize,
) -> Vec<f32> {
    let part = ROWS * columns.max(1);
    let mut sums = vec![0.0; g.len().div_ceil(part) * columns];
    let one = |((g, kept), sums): ((&mut [f32], &[f32]), &mut [f32])| {
        apply_backward(level, g, kept, activation, sums);
    };
    if g.len() < PARALLEL {
        let parts = g.chunks_mut(part).zip(kept.chunks(part));
        parts.zip(sums.chunks_mut(columns.max(1))).for_each(one);
    } else {
        let parts = g.par_chunks_mut(part).zip(kept.par_chunks(part));
        parts.zip(sums.par_chunks_mut(columns)).for_each(one);
    }
    add_parts(sums, columns)
}

/// The sum of each column.
fn sum_rows(level: level::Level, g: &[f32], columns: usize) -> Vec<f32> {
    let part = ROWS * columns.max(1);
    let mut sums = vec![0.0; g.len().div_ceil(part) * columns];
    let one = |(g, sums): (&[f32], &mut [f32])| add_rows(level, g, sums);
    if g.len() < PARALLEL {
        g.chunks(part)
            .zip(sums.chunks_mut(columns.max(1)))
            .for_each(one);
    } else {
        let parts = g.par_chunks(part).zip(sums.par_chunks_mut(columns));
        parts.for_each(one);
    }
    add_parts(sums, columns)
}

/// The sums of all rows from those of each few, in their order whatever the threads are.
fn add_parts(mut sums: Vec<f32>, columns: usize) -> Vec<f32> {
    let first = columns.min(sums.len());
    let (first, others) = sums.split_at_mut(first);
    for part in others.chunks_exact(columns.max(1)) {
        for (sum, value) in first.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums.resize(columns, 0.0);
    sums
}

vectorise! {
    fn apply(y: &mut [MaybeUninit<f32>], z: &[f32], activation: Activation) {
        for (y, &z) in y.iter_mut().zip(z) {
            y.write(z);
        }
        // SAFETY: every value was written just now.
        let y = unsafe { std::slice::from_raw_parts_mut(y.as_mut_ptr().cast(), y.len()) };
        activation.apply(y);
    }
}

vectorise! {
    /// The derivative of whole rows, which are added to the sums.
    fn apply_backward(g: &mut [f32], kept: &[f32], activation: Activation, sums: &mut [f32]) {
        for (g, kept) in g.chunks_exact_mut(sums.len()).zip(kept.chunks_exact(sums.len())) {
            activation.apply_backward(g, kept);
            for (sum, g) in sums.iter_mut().zip(g) {
                *sum += *g;
            }
        }
    }
}

vectorise! {
    fn add_rows(g: &[f32], sums: &mut [f32]) {
        for g in g.chunks_exact(sums.len()) {
            for (sum, g) in sums.iter_mut().zip(g) {
                *sum += g;
            }
        }
    }
}

#[cfg(test)]
mod tests;
