//! Where a reconstruction is wrong: error maps, the window of a map with the largest errors, and what error is usual at
//! each place.

use data::Fields;
use model::ImageShape;

/// The side of the window that is moved over the errors, as a share of the shorter side: small enough for a scratch,
/// large enough that one noisy pixel says little.
const WINDOW_SHARE: f64 = 0.125;

/// What is added to the usual error at each place, as a share of its mean over all places, because a border that is
/// always black has an error of nearly 0 and would decide alone.
const FLOOR: f64 = 0.1;

/// The smallest usual error, so that a model without any error is no division by 0.
const SMALLEST: f64 = 1e-12;

/// A sample of some shape, `[channels, height, width]`, and what a model made of it.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// Its values; NaN is a missing one, which has no error.
    pub input: &'a [f32],
    /// Its reconstruction.
    pub restored: &'a [f32],
    /// The shape of both.
    pub shape: ImageShape,
}

impl Pair<'_> {
    /// The squared error of each value; `None` for a missing one.
    fn errors(&self) -> impl Iterator<Item = Option<f64>> {
        (self.input.iter().zip(self.restored))
            .map(|(x, y)| (!x.is_nan()).then(|| (f64::from(*x) - f64::from(*y)).powi(2)))
    }

    /// Sums over the values that are known.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (value, error) in self.input.iter().zip(self.errors()) {
            if let Some(error) = error {
                sums.known += 1;
                sums.squared_error += error;
                sums.squared_norm += f64::from(*value).powi(2);
            }
        }
        sums
    }

    /// The squared error of each place, mean over its known channels: `[height, width]`.
    pub fn map(&self) -> Vec<f32> {
        let [_, height, width] = self.shape;
        let mut map = vec![0f32; height * width];
        let mut known = vec![0u32; height * width];
        for (at, error) in self.errors().enumerate() {
            let place = at % (height * width).max(1);
            if let (Some(error), Some(sum), Some(known)) =
                (error, map.get_mut(place), known.get_mut(place))
            {
                // Values far beyond those of the training have errors beyond f32.
                *sum = (*sum + error as f32).min(f32::MAX);
                *known += 1;
            }
        }
        for (sum, known) in map.iter_mut().zip(known) {
            *sum /= known.max(1) as f32;
        }
        map
    }

    /// The fields with the largest shares of the squared error, at most `most`: their places among the fields, and the
    /// shares. None if there is no error.
    pub fn largest_fields(&self, fields: &Fields, most: usize) -> Vec<(usize, f64)> {
        let [_, height, width] = self.shape;
        let plane = (height * width).max(1);
        let errors: Vec<f64> = self.errors().map(Option::unwrap_or_default).collect();
        let total: f64 = errors.iter().sum();
        if total <= 0.0 {
            return Vec::new();
        }
        let share = |(first, field): (usize, &data::Field)| {
            let values = first * plane..(first + field.channels()) * plane;
            errors.get(values).unwrap_or_default().iter().sum::<f64>() / total
        };
        let mut shares: Vec<(usize, f64)> = fields.placed().map(share).enumerate().collect();
        // Stable, so the first of equals stays first.
        shares.sort_by(|one, other| other.1.total_cmp(&one.1));
        shares.truncate(most);
        shares
    }
}

/// Sums over the known values of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Values that are not missing.
    pub known: usize,
    /// Of their reconstruction.
    pub squared_error: f64,
    /// Of the values themselves.
    pub squared_norm: f64,
}

/// The squared error that is usual at each value.
#[derive(Clone, Debug)]
pub struct Places {
    /// Sums of squared errors, one for each value, until [`Places::finish`] makes them means.
    usual: Vec<f64>,
    /// Samples in which the value was known.
    known: Vec<u32>,
}

impl Places {
    /// Of samples with so many values, without any yet.
    pub fn new(values: usize) -> Self {
        Self {
            usual: vec![0.0; values],
            known: vec![0; values],
        }
    }

    /// Adds a normal sample.
    pub fn push(&mut self, pair: &Pair) {
        for ((sum, known), error) in (self.usual.iter_mut().zip(&mut self.known)).zip(pair.errors())
        {
            if let Some(error) = error {
                *sum += error;
                *known += 1;
            }
        }
    }

    /// The means, none of them near 0.
    pub fn finish(mut self) -> Self {
        for (usual, known) in self.usual.iter_mut().zip(&self.known) {
            *usual /= f64::from((*known).max(1));
        }
        let all = self.usual.iter().sum::<f64>() / self.usual.len().max(1) as f64;
        let floor = (FLOOR * all).max(SMALLEST);
        for usual in &mut self.usual {
            *usual += floor;
        }
        self
    }

    /// How many times the usual squared error a sample's known values have in the mean.
    pub fn ratio(&self, pair: &Pair) -> f64 {
        let (mut sum, mut known) = (0.0, 0usize);
        for (error, usual) in pair.errors().zip(&self.usual) {
            if let Some(error) = error {
                sum += error / usual;
                known += 1;
            }
        }
        sum / known.max(1) as f64
    }
}

/// A window of an error map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The mean of its values.
    pub mean: f64,
    /// Row and column of its first pixel.
    pub at: [usize; 2],
    /// Its height and width.
    pub size: [usize; 2],
}

/// Height and width of the window for a map: squares whose side is an eighth of the map's shorter side; of a map of one
/// row an eighth of the row.
pub fn window_size([height, width]: [usize; 2]) -> [usize; 2] {
    let longer_than_one = [height, width].into_iter().filter(|side| *side > 1);
    let shorter = longer_than_one.min().unwrap_or(1);
    let side = ((shorter as f64 * WINDOW_SHARE).round() as usize).max(1);
    [side.min(height), side.min(width)]
}

/// Sums over rectangles of a map (Crow 1984).
struct Rectangles {
    /// Of all values above and to the left, a row and a column longer than the map.
    sums: Vec<f64>,
    stride: usize,
}

impl Rectangles {
    fn new(map: &[f32], [height, width]: [usize; 2]) -> Self {
        let stride = width + 1;
        let mut sums = vec![0f64; stride * (height + 1)];
        for (row, line) in map.chunks_exact(width.max(1)).enumerate() {
            let mut sum = 0.0;
            for (column, value) in line.iter().enumerate() {
                sum += f64::from(*value);
                let above = sums.get(row * stride + column + 1).copied();
                if let Some(to) = sums.get_mut((row + 1) * stride + column + 1) {
                    *to = above.unwrap_or_default() + sum;
                }
            }
        }
        Self { sums, stride }
    }

    /// The mean from one corner, which is inside, to another, which is not.
    fn mean(&self, [top, left]: [usize; 2], [below, right]: [usize; 2]) -> f64 {
        let sum = |row: usize, column: usize| {
            let sum = self.sums.get(row * self.stride + column);
            sum.copied().unwrap_or_default()
        };
        let all = sum(below, right) - sum(top, right) - sum(below, left) + sum(top, left);
        // Rounding may leave less than nothing.
        all.max(0.0) / ((below - top) * (right - left)).max(1) as f64
    }
}

/// The window with the largest mean in a single frame.
fn largest_window(map: &[f32], [height, width]: [usize; 2]) -> Window {
    let size = window_size([height, width]);
    let rectangles = Rectangles::new(map, [height, width]);
    let mut best = Window {
        mean: 0.0,
        at: [0, 0],
        size,
    };
    for top in 0..=height.saturating_sub(size[0]) {
        for left in 0..=width.saturating_sub(size[1]) {
            let mean = rectangles.mean([top, left], [top + size[0], left + size[1]]);
            if mean > best.mean {
                best.mean = mean;
                best.at = [top, left];
            }
        }
    }
    best
}

/// The window of [`window_size`] with the largest mean in a map, `[height, width]`, whose frames stand from top to bottom:
/// no window lies in two of them. Of equals the first; the mean of a map without values is 0.
pub fn largest_in_frames(map: &[f32], [height, width]: [usize; 2], frames: usize) -> Window {
    let tall = height / frames.max(1);
    let each = map.chunks_exact((tall * width).max(1)).enumerate();
    let windows = each.map(|(number, frame)| {
        let window = largest_window(frame, [tall, width]);
        Window {
            at: [window.at[0] + number * tall, window.at[1]],
            ..window
        }
    });
    let larger = |best: Window, other: Window| match other.mean > best.mean {
        true => other,
        false => best,
    };
    let largest = windows.reduce(larger);
    largest.unwrap_or_else(|| largest_window(&[], [0, 0]))
}

/// A map, `[height, width]`, whose values are the means of the windows around them, so that its largest one is about that
/// of [`largest_in_frames`]. At the edges of each of the frames, which stand from top to bottom, there is less in a window.
pub fn smoothed_frames(map: &[f32], [height, width]: [usize; 2], frames: usize) -> Vec<f32> {
    let tall = height / frames.max(1);
    let each = map.chunks_exact((tall * width).max(1));
    each.flat_map(|frame| smoothed(frame, [tall, width]))
        .collect()
}

/// The means of the windows around the values of a single frame.
fn smoothed(map: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let [tall, wide] = window_size([height, width]);
    let rectangles = Rectangles::new(map, [height, width]);
    let around = |at: usize, size: usize, end: usize| {
        let start = at.saturating_sub(size / 2);
        [start, (at + size.div_ceil(2)).min(end)]
    };
    let mut means = Vec::with_capacity(map.len());
    for row in 0..height {
        let [top, below] = around(row, tall, height);
        for column in 0..width {
            let [left, right] = around(column, wide, width);
            means.push(rectangles.mean([top, left], [below, right]) as f32);
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use data::{Field, FieldKind};
    use proptest::prelude::*;

    use super::*;

    fn pair<'a>(input: &'a [f32], restored: &'a [f32], shape: ImageShape) -> Pair<'a> {
        Pair {
            input,
            restored,
            shape,
        }
    }

    #[test]
    fn an_error_counts_by_what_is_usual_at_its_place() {
        let mut places = Places::new(2);
        let row = [1, 1, 2];
        places.push(&pair(&[1.0, 1.0], &[0.5, 0.9], row));
        places.push(&pair(&[0.0, 0.0], &[0.5, 0.1], row));
        let places = places.finish();
        let first = places.ratio(&pair(&[1.0, 0.0], &[0.0, 0.0], row));
        let second = places.ratio(&pair(&[0.0, 1.0], &[0.0, 0.0], row));
        // 1 / (0.25 + 0.013) and 1 / (0.01 + 0.013), each over two values.
        assert!((first - 1.0 / 0.263 / 2.0).abs() < 1e-6, "{first}");
        assert!((second - 1.0 / 0.023 / 2.0).abs() < 1e-5, "{second}");
    }

    #[test]
    fn what_is_missing_has_no_error() {
        let gap = pair(
            &[f32::NAN, 3.0, 1.0, f32::NAN],
            &[9.0, 1.0, 0.0, 9.0],
            [2, 1, 2],
        );
        let sums = gap.sums();
        assert_eq!(
            (sums.known, sums.squared_error, sums.squared_norm),
            (2, 5.0, 10.0)
        );
        assert_eq!(gap.map(), [1.0, 4.0]);
        let mut places = Places::new(4);
        places.push(&gap);
        let ratio = places.finish().ratio(&gap);
        // 4 / (4 + 0.125) and 1 / (1 + 0.125).
        assert!(
            (ratio - (4.0 / 4.125 + 1.0 / 1.125) / 2.0).abs() < 1e-9,
            "{ratio}"
        );
        assert_eq!(
            pair(&[1e30; 2], &[0.0; 2], [2, 1, 1]).map(),
            [f32::MAX / 2.0]
        );
        let nothing = pair(&[f32::NAN], &[1.0], [1, 1, 1]);
        assert_eq!(
            (nothing.sums(), nothing.map()),
            (Sums::default(), vec![0.0])
        );
        assert_eq!(Places::new(1).finish().ratio(&nothing), 0.0);
    }

    #[test]
    fn no_window_lies_in_two_frames() {
        // Two frames of 16 x 16, with errors on both sides of the border between them, and a smaller one apart.
        let mut map = [0f32; 32 * 16];
        for row in [15, 16] {
            map[row * 16 + 4..][..2].fill(1.0);
        }
        map[20 * 16 + 8..][..2].fill(0.9);
        map[21 * 16 + 8..][..2].fill(0.9);
        let found = largest_in_frames(&map, [32, 16], 2);
        assert_eq!((found.at, found.size), ([20, 8], [2, 2]));
        assert_eq!(largest_in_frames(&map, [32, 16], 1).at, [15, 4]);
        let smooth = smoothed_frames(&map, [32, 16], 2);
        assert_eq!(smooth.len(), map.len());
        // Row 16 is the first of its frame, so nothing of row 15 is in it.
        assert_eq!(smooth[..256], smoothed(&map[..256], [16, 16]));
        assert_eq!(smooth[256..], smoothed(&map[256..], [16, 16]));
    }

    #[test]
    fn places_of_no_error_do_not_decide_alone() {
        let mut places = Places::new(2);
        places.push(&pair(&[0.0, 1.0], &[0.0, 0.0], [1, 1, 2]));
        let odd = pair(&[1.0, 1.0], &[0.0, 0.0], [1, 1, 2]);
        let found = places.finish().ratio(&odd);
        assert!(found.is_finite() && found < 12.0, "{found}");
        assert!(Places::new(2).finish().ratio(&odd).is_finite());
    }

    #[test]
    fn the_columns_with_the_largest_errors_are_named() {
        let number = |name: &str| Field {
            name: name.into(),
            kind: FieldKind::Number {
                mean: 0.0,
                deviation: 1.0,
            },
        };
        let category = Field {
            name: "c".into(),
            kind: FieldKind::Category {
                values: vec!["x".into(), "y".into()],
                shares: vec![0.5; 2],
            },
        };
        let fields = Fields(vec![number("a"), category, number("b")]);
        let row = pair(&[1.0, 1.0, 0.0, f32::NAN], &[0.0, 0.0, 1.0, 7.0], [4, 1, 1]);
        let found = row.largest_fields(&fields, 2);
        assert_eq!(found[0].0, 1);
        assert!((found[0].1 - 2.0 / 3.0).abs() < 1e-9 && found[1].0 == 0);
        assert_eq!(found.len(), 2);
        let same = pair(&[0.0; 4], &[0.0; 4], [4, 1, 1]);
        assert_eq!(same.largest_fields(&fields, 3), []);
    }

    proptest! {
        #[test]
        fn the_largest_window_is_that_of_all_sums(
            height in 1usize..20,
            width in 1usize..20,
            seed in any::<u32>(),
        ) {
            let value = |at: usize| ((at as u32 ^ seed).wrapping_mul(2_654_435_761) >> 24) as f32;
            let map: Vec<f32> = (0..height * width).map(value).collect();
            let found = largest_window(&map, [height, width]);
            let [tall, wide] = found.size;
            let mut best = f64::MIN;
            for top in 0..=height - tall {
                for left in 0..=width - wide {
                    let rows = (0..tall * wide).map(|it| (top + it / wide, left + it % wide));
                    let sum: f64 = rows.map(|(y, x)| f64::from(map[y * width + x])).sum();
                    let mean = sum / (tall * wide) as f64;
                    best = best.max(mean);
                    if [top, left] == found.at {
                        prop_assert!((mean - found.mean).abs() < 1e-6);
                    }
                }
            }
            prop_assert!((found.mean - best).abs() < 1e-6);
            let smooth = smoothed(&map, [height, width]);
            prop_assert_eq!(smooth.len(), map.len());
            let largest = smooth.iter().copied().fold(0f32, f32::max);
            prop_assert!(f64::from(largest) + 1e-3 >= best);
        }
    }

    #[test]
    fn windows_of_one_row_of_one_value_and_of_none() {
        assert_eq!(largest_window(&[0.0, 3.0, 1.0], [1, 3]).at, [0, 1]);
        assert_eq!(largest_window(&[2.0], [1, 1]).mean, 2.0);
        assert_eq!(largest_window(&[], [0, 0]).mean, 0.0);
        assert_eq!(window_size([1, 64]), [1, 8]);
        assert_eq!(window_size([28, 100]), [4, 4]);
        assert_eq!(smoothed(&[], [0, 0]), Vec::<f32>::new());
    }
}
