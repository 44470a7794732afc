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

/// Samples `[batch, C, H, W]` without missing values and, as C more channels, 1 where one is missing and 0 elsewhere.
pub(crate) fn marked(samples: Tensor<4>) -> Tensor<4> {
    let marks = samples.clone().is_nan().float();
    Tensor::cat(vec![filled(samples), marks], 1)
}

/// Samples `[batch, C, H, W]` of which everything `hidden` is missing; a category is missing as a whole, with its first
/// channel.
pub(crate) fn hide(
    samples: Tensor<4>,
    hidden: Tensor<4, Bool>,
    categories: &[Category],
) -> Tensor<4> {
    let hidden = match categories.is_empty() {
        true => hidden,
        false => {
            let [batch, channels, height, width] = samples.dims();
            let mut marks = hidden.float();
            for &Category { first, count } in categories {
                let whole = marks.clone().narrow(1, first, 1).repeat_dim(1, count);
                let place = [0..batch, first..first + count, 0..height, 0..width];
                debug_assert!(first + count <= channels);
                marks = marks.slice_assign(place, whole);
            }
            marks.greater_elem(0.5)
        }
    };
    samples.mask_fill(hidden, f32::NAN)
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

    /// A number, a category of two, and two steps: marks stand behind the values, and a category goes as a whole.
    #[test]
    fn what_is_hidden_is_marked_and_a_category_goes_as_a_whole() {
        let values = vec![1.0, 2.0, 0.0, 1.0, 1.0, 0.0];
        let data = TensorData::new(values, [1, 3, 1, 2]);
        let samples: Tensor<4> = Tensor::from_data(data, &device());
        let hidden = vec![true, false, false, true, false, false];
        let hidden = Tensor::from_data(TensorData::new(hidden, [1, 3, 1, 2]), &device());
        let categories = [Category { first: 1, count: 2 }];
        let seen = marked(hide(samples.clone(), hidden.clone(), &categories));
        assert_eq!(seen.dims(), [1, 6, 1, 2]);
        let expected = [
            [0.0, 2.0, 0.0, 0.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
        ];
        assert_eq!(host(&seen), expected.concat());
        let apart = marked(hide(samples, hidden, &[]));
        assert_eq!(host(&apart)[6..], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
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
