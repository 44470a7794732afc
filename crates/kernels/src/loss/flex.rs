//! The losses on the flex backend.

use std::mem::MaybeUninit;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{LossGrad, LossKind, LossOps};
use crate::vectorise::vectorise;
use crate::{host, level, math};

/// Values that one thread computes at a time, and whose losses are added up before those of the
/// next ones are.
const CHUNK: usize = 1 << 12;

/// Values whose losses wait in the first-level cache to be added up: the sum in f64 is a loop of
/// its own, so that both loops can be vectorised.
const BLOCK: usize = 1 << 8;

/// Sums that run beside each other, a vector's worth and more.
const SUMS: usize = 16;

impl LossOps for Flex {
    fn loss_of_logits(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
        kind: LossKind,
    ) -> FloatTensor<Self> {
        if !host::is_f32(&logits) || !host::is_f32(&target) {
            return kind.composed::<Self>(logits, target);
        }
        let (logits, target) = in_one_order(logits, target);
        let (logits, target) = (memory(&logits), memory(&target));
        let chunks = (logits.par_chunks(CHUNK), target.par_chunks(CHUNK));
        let level = level::current();
        let sums: Vec<f64> = chunks
            .into_par_iter()
            .map(|(logits, target)| value(level, logits, target, kind))
            .collect();
        mean(&sums, logits.len())
    }
}

impl LossGrad for Flex {
    fn loss_with_gradient(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
        kind: LossKind,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if !host::is_f32(&logits) || !host::is_f32(&target) {
            let gradient = kind.composed_gradient::<Self>(logits.clone(), target.clone());
            return (kind.composed::<Self>(logits, target), gradient);
        }
        let (logits, target) = in_one_order(logits, target);
        let (z, t) = (memory(&logits), memory(&target));
        let mut gradient = host::fresh(z.len());
        let scale = 1.0 / z.len() as f32;
        let chunks = (
            z.par_chunks(CHUNK),
            t.par_chunks(CHUNK),
            gradient.par_chunks_mut(CHUNK),
        );
        let level = level::current();
        let sums: Vec<f64> = chunks
            .into_par_iter()
            .map(|(z, t, gradient)| value_and_gradient(level, z, t, gradient, kind, scale))
            .collect();
        // SAFETY: the chunks cover the memory, and each was written.
        let gradient = unsafe { host::written(gradient) };
        (mean(&sums, z.len()), host::tensor_like(gradient, &logits))
    }

    fn scale_gradient(gradient: FloatTensor<Self>, by: FloatTensor<Self>) -> FloatTensor<Self> {
        let unscaled = host::is_f32(&by) && by.as_slice::<f32>() == Some(&[1.0]);
        if unscaled {
            return gradient;
        }
        // In place where it is not shared.
        let ones = vec![1; gradient.layout().num_dims()];
        <Flex as burn::backend::ops::FloatTensorOps<Flex>>::float_mul(
            gradient,
            by.reshape(ones.into()),
        )
    }
}

/// Both with their values in one dense order: the logits' where theirs is dense.
fn in_one_order(logits: FlexTensor, target: FlexTensor) -> (FlexTensor, FlexTensor) {
    if host::memory(&logits).is_some() && host::same_order(&logits, &target) {
        return (logits, target);
    }
    if host::is_channels_last(&logits) {
        let target = host::contiguous(target.permute(&[0, 2, 3, 1]));
        return (logits, target.permute(&[0, 3, 1, 2]));
    }
    (host::contiguous(logits), host::contiguous(target))
}

fn memory(tensor: &FlexTensor) -> &[f32] {
    host::memory(tensor).expect("in_one_order made the tensor dense")
}

/// The sums of the chunks, added up in order, over the number of values.
fn mean(sums: &[f64], count: usize) -> FlexTensor {
    let mean = sums.iter().sum::<f64>() / count as f64;
    host::tensor(vec![mean as f32], [1])
}

/// Loss of one value, and its gradient by the logit.
#[inline(always)]
fn mse(z: f32, t: f32) -> (f32, f32) {
    let p = math::sigmoid(z);
    let error = p - t;
    (error * error, 2.0 * error * (p * (1.0 - p)))
}

/// Loss of one value, and its gradient by the logit.
#[inline(always)]
fn bce(z: f32, t: f32) -> (f32, f32) {
    let e = math::exp(-z.abs());
    // softplus(z) = max(z, 0) + ln(1 + e^-|z|)
    let positive = if z < 0.0 { 0.0 } else { z };
    let loss = positive + math::ln_1p(e) - t * z;
    (loss, math::sigmoid_of(z, e) - t)
}

vectorise! {
    /// The sum of the losses of a chunk.
    fn value(z: &[f32], t: &[f32], kind: LossKind) -> f64 {
        let mut sums = [0.0; SUMS];
        let mut losses = [0.0; BLOCK];
        for (z, t) in z.chunks(BLOCK).zip(t.chunks(BLOCK)) {
            let losses = &mut losses[..z.len()];
            match kind {
                LossKind::Mse => values_of(losses, z, t, mse),
                LossKind::Bce => values_of(losses, z, t, bce),
            }
            add_up(&mut sums, losses);
        }
        sums.iter().sum()
    }
}

vectorise! {
    /// The sum of the losses of a chunk, with the gradient of each times `scale`.
    fn value_and_gradient(
        z: &[f32],
        t: &[f32],
        gradient: &mut [MaybeUninit<f32>],
        kind: LossKind,
        scale: f32,
    ) -> f64 {
        let mut sums = [0.0; SUMS];
        let mut losses = [0.0; BLOCK];
        let parts = z.chunks(BLOCK).zip(t.chunks(BLOCK));
        for ((z, t), gradient) in parts.zip(gradient.chunks_mut(BLOCK)) {
            let losses = &mut losses[..z.len()];
            match kind {
                LossKind::Mse => both_of(losses, gradient, z, t, scale, mse),
                LossKind::Bce => both_of(losses, gradient, z, t, scale, bce),
            }
            add_up(&mut sums, losses);
        }
        sums.iter().sum()
    }
}

#[inline(always)]
fn values_of(losses: &mut [f32], z: &[f32], t: &[f32], loss: impl Fn(f32, f32) -> (f32, f32)) {
    for ((to, &z), &t) in losses.iter_mut().zip(z).zip(t) {
        *to = loss(z, t).0;
    }
}

#[inline(always)]
fn both_of(
    losses: &mut [f32],
    gradient: &mut [MaybeUninit<f32>],
    z: &[f32],
    t: &[f32],
    scale: f32,
    loss: impl Fn(f32, f32) -> (f32, f32),
) {
    for (((to, gradient), &z), &t) in losses.iter_mut().zip(gradient).zip(z).zip(t) {
        let (value, slope) = loss(z, t);
        *to = value;
        gradient.write(slope * scale);
    }
}

#[inline(always)]
fn add_up(sums: &mut [f64; SUMS], losses: &[f32]) {
    let whole = losses.chunks_exact(SUMS);
    for (sum, &loss) in sums.iter_mut().zip(whole.remainder()) {
        *sum += f64::from(loss);
    }
    for losses in whole {
        for (sum, &loss) in sums.iter_mut().zip(losses) {
            *sum += f64::from(loss);
        }
    }
}

#[cfg(test)]
mod tests;
