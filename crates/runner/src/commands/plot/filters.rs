//! The filters of the first layer: the weights of its units, or its kernels, as pictures.

use anyhow::Result;

use super::{Files, Shown, Study};
use hourglass::batched::values;
use hourglass::pictures;
use report::chart::plain_number;
use report::sheet::{Bar, Sheet};

/// The most filters that are drawn, and the number per row.
const MOST: usize = 64;
const COLUMNS: usize = 8;

/// Blue and red of ColorBrewer's RdBu: the ends of a scale with white in the middle.
const NEGATIVE: [f32; 3] = [0.13, 0.40, 0.67];
const POSITIVE: [f32; 3] = [0.70, 0.09, 0.17];

/// The share of weights beyond the strongest colour, so that a single large weight does not make all
/// others pale.
const BEYOND: f64 = 0.005;

impl Study<'_> {
    /// `filters`: the filters of the first layer with the largest weights.
    pub(super) fn filters(&self, files: &mut Files<'_>) -> Result<Shown> {
        let Some(filters) = self.subject.loaded.model.filters() else {
            return Ok(Shown { shown: 0, of: 0 });
        };
        let [count, channels, height, width] = filters.dims();
        let weights = values(filters)?;
        let size = channels * height * width;
        let mut filters: Vec<&[f32]> = weights.chunks_exact(size.max(1)).collect();
        let length = |filter: &[f32]| filter.iter().map(|it| it * it).sum::<f32>();
        // A stable sort: equal filters keep their order.
        filters.sort_by(|one, other| length(other).total_cmp(&length(one)));
        filters.truncate(MOST);
        let limit = limit(filters.iter().copied().flatten());
        let shown = Shown {
            shown: filters.len(),
            of: count,
        };
        let what = match self.subject.loaded.meta.model.kind().contains("conv") {
            true => "the kernels of the first layer",
            false => "the weights of the first layer's units",
        };
        let mut notes = vec![match shown.shown < shown.of {
            true => format!(
                "the {} of {} with the largest weights",
                shown.shown, shown.of
            ),
            false => format!("all {}, largest weights first", shown.of),
        }];
        let colored = channels >= 3;
        if !matches!(channels, 1 | 3) {
            notes.push(format!("the first of {channels} channels"));
        }
        let drawn = |filter: &&[f32]| pictures::drawn(filter, [channels, height, width]).to_vec();
        let filters: Vec<Vec<f32>> = filters.iter().map(drawn).collect();
        let pictures: Vec<Vec<f32>> = if colored {
            notes.push("red, green and blue; grey is 0".into());
            filters.iter().map(|it| about_grey(it, limit)).collect()
        } else {
            filters.iter().map(|it| about_white(it, limit)).collect()
        };
        let name = plain_number(f64::from(limit));
        Sheet {
            title: format!("{}: {what}", self.name),
            notes,
            pictures: pictures.chunks(COLUMNS).map(<[Vec<f32>]>::to_vec).collect(),
            shape: [3, height, width],
            apart: true,
            bar: (!colored).then(|| Bar {
                names: [
                    format!("-{name} or less"),
                    "0".into(),
                    format!("{name} or more"),
                ],
                color: |place| diverging(place * 2.0 - 1.0),
            }),
            ..Sheet::default()
        }
        .write(&files.stem("filters"))?;
        Ok(shown)
    }
}

/// The absolute weight that gets the strongest colour.
fn limit<'a>(weights: impl Iterator<Item = &'a f32>) -> f32 {
    let mut sizes: Vec<f32> = weights.map(|weight| weight.abs()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let beyond = (sizes.len() as f64 * BEYOND) as usize;
    sizes.iter().rev().nth(beyond).copied().unwrap_or_default()
}

/// The colour of a value in [-1, 1]; 0 is white.
fn diverging(value: f32) -> [f32; 3] {
    let end = if value < 0.0 { NEGATIVE } else { POSITIVE };
    let share = value.abs().min(1.0);
    end.map(|end| (1.0 - share) + share * end)
}

/// A filter of one channel in colours from blue at `-limit` through white to red at `limit`.
fn about_white(filter: &[f32], limit: f32) -> Vec<f32> {
    let colors: Vec<[f32; 3]> = filter
        .iter()
        .map(|value| diverging(value / limit.max(f32::MIN_POSITIVE)))
        .collect();
    (0..3)
        .flat_map(|channel| colors.iter().filter_map(move |it| it.get(channel).copied()))
        .collect()
}

/// A filter of three channels as a picture; 0 is grey.
fn about_grey(filter: &[f32], limit: f32) -> Vec<f32> {
    let scale = 0.5 / limit.max(f32::MIN_POSITIVE);
    filter.iter().map(|value| 0.5 + value * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_the_ends_are_blue_and_red() {
        assert_eq!(diverging(0.0), [1.0; 3]);
        assert_eq!((diverging(-1.0), diverging(2.0)), (NEGATIVE, POSITIVE));
        // Plane by plane.
        let picture = about_white(&[0.0, 0.5, -0.5], 0.5);
        assert_eq!(picture.len(), 9);
        for channel in 0..3 {
            let plane = &picture[channel * 3..][..3];
            assert_eq!(plane, [1.0, POSITIVE[channel], NEGATIVE[channel]]);
        }
    }

    #[test]
    fn a_single_strong_weight_makes_no_other_pale() {
        let mut weights = vec![-0.5; 399];
        weights.push(30.0);
        assert_eq!(limit(weights.iter()), 0.5);
        assert_eq!(limit([1.0, -3.0].iter()), 3.0);
        assert_eq!(limit([].iter()), 0.0);
    }

    #[test]
    fn weights_of_zero_are_no_fault() {
        assert_eq!(about_white(&[0.0], 0.0), [1.0; 3]);
        assert_eq!(about_grey(&[0.0; 3], 0.0), [0.5; 3]);
        assert_eq!(about_grey(&[2.0, -2.0, 1.0], 2.0), [1.0, 0.0, 0.75]);
    }
}
