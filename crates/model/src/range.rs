//! Range: what the values of a sample are. The last layer, the loss and the clamps follow from it.

use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

/// What the values of a sample are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Those of a picture: in [0, 1].
    #[default]
    Unit,
    /// The same of clips, each one picture of so many frames from top to bottom.
    Clip(usize),
    /// Any numbers, standardised; a missing one is NaN. Some channels may stand for categories together.
    Real(Arc<[Category]>),
}

impl Range {
    /// Frames that a picture has from top to bottom: those of a clip, or 1.
    pub fn frames(&self) -> usize {
        match self {
            Range::Clip(frames) => *frames,
            Range::Unit | Range::Real(_) => 1,
        }
    }
}

/// Channels that stand for one category each: 1 in the one that a sample has, 0 in the others (one-hot).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category {
    /// The first of its channels.
    pub first: usize,
    /// How many there are.
    pub count: usize,
}

/// Samples of any dimension with 0 where a value is missing: the mean of standardised values, and no category.
pub(crate) fn filled<const D: usize>(samples: Tensor<D>) -> Tensor<D> {
    let missing = samples.clone().is_nan();
    samples.mask_fill(missing, 0.0)
}

/// The reconstruction of a decoder's last values, `[batch, ...]`: numbers as they are, and the probability of each
/// category.
pub(crate) fn reconstruction<const D: usize>(raw: Tensor<D>, categories: &[Category]) -> Tensor<D> {
    if categories.is_empty() {
        return raw;
    }
    let shape = raw.shape();
    let mut flat = raw.flatten::<2>(1, D - 1);
    let batch = flat.dims()[0];
    for &Category { first, count } in categories {
        let logits = flat.clone().narrow(1, first, count);
        flat = flat.slice_assign(
            [0..batch, first..first + count],
            log_softmax(logits, 1).exp(),
        );
    }
    flat.reshape(shape)
}

/// The loss, shape `[1]`: the squared error of numbers and the cross-entropy of categories, in nats, averaged over all
/// that are not missing in the target.
pub(crate) fn loss<const D: usize>(
    raw: Tensor<D>,
    target: Tensor<D>,
    categories: &[Category],
) -> Tensor<1> {
    let missing = target.clone().is_nan();
    let error = (raw.clone() - target.clone()).mask_fill(missing.clone(), 0.0);
    let known = missing.bool_not().float();
    if categories.is_empty() {
        return error.square().sum() / known.sum().clamp_min(1.0);
    }
    let [raw, target, known, error] =
        [raw, filled(target), known, error].map(|it| it.flatten::<2>(1, D - 1));
    let width = raw.dims()[1];
    // Numbers are compared by squares; a category counts once, in its first channel.
    let (mut squared, mut counted) = (vec![1.0_f32; width], vec![1.0_f32; width]);
    let mut sum = Tensor::zeros([1], &raw.device());
    for &Category { first, count } in categories {
        let channels = first..(first + count).min(width);
        if let Some(channels) = squared.get_mut(channels.clone()) {
            channels.fill(0.0);
        }
        if let Some([_, others @ ..]) = counted.get_mut(channels) {
            others.fill(0.0);
        }
        let [logits, target] = [&raw, &target].map(|it| it.clone().narrow(1, first, count));
        sum = sum - (log_softmax(logits, 1) * target).sum();
    }
    let row = |values| Tensor::from_data(TensorData::new(values, [1, width]), &raw.device());
    let [squared, counted]: [Tensor<2>; 2] = [row(squared), row(counted)];
    let sum = sum + (error.square() * squared).sum();
    sum / (known * counted).sum().clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{device, host};

    fn rows(values: Vec<f32>, width: usize) -> Tensor<2> {
        let shape = [values.len() / width, width];
        Tensor::from_data(TensorData::new(values, shape), &device())
    }

    #[test]
    fn what_is_missing_costs_nothing_and_has_no_gradient() {
        let raw = rows(vec![1.0, 2.0, 3.0, 4.0], 2).require_grad();
        let target = rows(vec![0.0, f32::NAN, 5.0, f32::NAN], 2);
        let value = loss(raw.clone(), target.clone(), &[]);
        assert_eq!(host(&value), [2.5]);
        let gradient = raw.grad(&value.backward()).unwrap();
        assert_eq!(host(&gradient), [1.0, 0.0, -2.0, 0.0]);
        assert_eq!(host(&filled(target)), [0.0, 0.0, 5.0, 0.0]);
    }

    /// Two numbers beside a category of two: 1 + 4 for the numbers, and ln 2 and ln(1 + e^-1) for the categories, of
    /// which the third row has none.
    #[test]
    fn a_category_counts_once_by_its_cross_entropy() {
        let category = [Category { first: 1, count: 2 }];
        let raw = rows(vec![1.0, 0.5, 0.5, 2.0, 1.0, 0.0, 7.0, 3.0, 3.0], 3).require_grad();
        let nan = f32::NAN;
        let target = rows(vec![0.0, 0.0, 1.0, 0.0, 1.0, 0.0, nan, nan, nan], 3);
        let value = loss(raw.clone(), target, &category);
        let expected = (5.0 + 2f32.ln() + (-1f32).exp().ln_1p()) / 4.0;
        assert!((host(&value)[0] - expected).abs() < 1e-6, "{value}");
        let gradient = host(&raw.grad(&value.backward()).unwrap());
        assert!((gradient[1] - 0.5 / 4.0).abs() < 1e-6, "{gradient:?}");
        assert!((gradient[2] + 0.5 / 4.0).abs() < 1e-6, "{gradient:?}");
        assert_eq!(gradient[6..], [0.0; 3]);
        let shown = host(&reconstruction(raw.inner(), &category));
        assert!(
            (shown[1] - 0.5).abs() < 1e-6 && shown[0] == 1.0,
            "{shown:?}"
        );
    }
}
