//! Arrays: samples that a program holds in memory, as pictures or as rows of numbers.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use crate::{DataError, Field, FieldKind, Fields, ImageShape, Images};

/// Rows whose sums are computed at once. Sums are added in the order of the rows, so that they do not depend on the
/// number of threads.
const ROWS: usize = 4096;

/// How far 255 times a value may be from a whole number, by rounding alone: an f32 near 1 has 24 bits.
const ROUNDING: f64 = 1e-4;

/// Samples in memory, row-major, the sample first.
#[derive(Clone, PartialEq)]
pub struct Array {
    name: String,
    values: Numbers,
    sizes: Vec<usize>,
    columns: Option<Vec<String>>,
    labels: Option<Vec<u8>>,
    classes: Arc<[String]>,
}

/// Values of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Bytes: of pictures, 0 to 255.
    Bytes(Vec<u8>),
    /// Real numbers.
    Single(Vec<f32>),
    /// Real numbers of twice the length.
    Double(Vec<f64>),
}

/// A value of an array.
trait Number: Copy + Sync {
    fn wide(self) -> f64;
}

impl Number for u8 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    fn wide(self) -> f64 {
        self
    }
}

/// The same expression for values of each kind.
macro_rules! with {
    ($numbers:expr, $values:ident => $work:expr) => {
        match $numbers {
            Numbers::Bytes($values) => $work,
            Numbers::Single($values) => $work,
            Numbers::Double($values) => $work,
        }
    };
}

/// The sizes and the kind of its values: the values themselves are too many.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sizes, .. } = self;
        write!(f, "Array {{ {name}, {sizes:?} }}")
    }
}

impl Array {
    /// Takes values in the order of `sizes`, the number of samples first. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`DataError::Array`] unless there is a value at least, and as many as the sizes say; for an infinity.
    pub fn new(name: &str, values: Numbers, sizes: &[usize]) -> Result<Self, DataError> {
        let array = Self {
            name: name.to_owned(),
            values,
            sizes: sizes.to_vec(),
            columns: None,
            labels: None,
            classes: Arc::default(),
        };
        let all = sizes
            .iter()
            .try_fold(1_usize, |all, &it| all.checked_mul(it));
        let found = with!(&array.values, values => values.len());
        if sizes.is_empty() || found == 0 || all != Some(found) {
            let shape = shape_words(sizes);
            return Err(array.wrong(format!(
                "found an array of shape {shape}; allowed: at least one sample of at least one value"
            )));
        }
        if u32::try_from(array.len()).is_err() {
            return Err(array.wrong(format!(
                "found {} samples; allowed: at most {}",
                array.len(),
                u32::MAX
            )));
        }
        let infinite = with!(&array.values, values => place(values, |it| it.is_infinite()));
        match infinite {
            Some(place) => Err(array.wrong(format!(
                "found an infinity at {}; allowed: finite numbers, or NaN for a missing one",
                array.place_words(place)
            ))),
            None => Ok(array),
        }
    }

    /// Adds the names of the columns, if the array is one of rows.
    ///
    /// # Errors
    ///
    /// [`DataError::Array`] unless there is one for each, all different.
    pub fn with_columns(mut self, columns: Vec<String>) -> Result<Self, DataError> {
        let wanted = self.sizes.get(1).copied().unwrap_or(1);
        if self.sizes.len() != 2 || columns.len() != wanted {
            let found = columns.len();
            return Err(self.wrong(format!("found {found} names for {wanted} columns")));
        }
        let mut sorted: Vec<&String> = columns.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            let twice = pair[0].clone();
            return Err(self.wrong(format!("has two columns \"{twice}\"; rename one of them")));
        }
        self.columns = Some(columns);
        Ok(self)
    }

    /// Adds a label to each sample, and what the labels are called, the first name for label 0.
    ///
    /// # Errors
    ///
    /// [`DataError::Array`] unless there is one label for each sample.
    pub fn with_labels(mut self, labels: Vec<u8>, classes: Vec<String>) -> Result<Self, DataError> {
        if labels.len() != self.len() {
            let (found, count) = (labels.len(), self.len());
            return Err(self.wrong(format!(
                "found {found} labels for {count} samples; give one for each"
            )));
        }
        self.labels = Some(labels);
        self.classes = classes.into();
        Ok(self)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.sizes.first().copied().unwrap_or(0)
    }

    /// Whether there are none, which is never the case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one sample as a model sees it, `[channels, height, width]`: rows of numbers have a channel for each
    /// column.
    ///
    /// # Errors
    ///
    /// [`DataError::Array`] for sizes that are neither those of rows nor of pictures.
    pub fn shape(&self) -> Result<ImageShape, DataError> {
        match *self.sizes.as_slice() {
            [_, columns] => Ok([columns, 1, 1]),
            [_, height, width] => Ok([1, height, width]),
            [_, height, width, channels @ (1 | 3)] => Ok([channels, height, width]),
            _ => Err(self.wrong(format!(
                "found an array of shape {}; allowed: (samples, columns) of numbers, (samples, height, width) of grey \
                 pictures, or (samples, height, width, 1 or 3) of pictures",
                shape_words(&self.sizes)
            ))),
        }
    }

    /// Whether its samples are rows of numbers and no pictures.
    pub fn is_rows(&self) -> bool {
        self.sizes.len() == 2
    }

    /// What the columns hold in the rows at `indices`, and the names of those whose values are all equal.
    pub(crate) fn fit(&self, indices: &[u32]) -> (Fields, Vec<String>) {
        let columns = self.sizes.get(1).copied().unwrap_or(1);
        let moments = with!(&self.values, values => moments(values, columns, indices));
        let mut constant = Vec::new();
        let field = |(column, [mean, deviation]): (usize, [f64; 2])| {
            let name = match &self.columns {
                Some(names) => names.get(column).cloned().unwrap_or_default(),
                None => format!("x{column}"),
            };
            // Equal numbers leave a deviation of rounding alone.
            let count = indices.len() as f64;
            let equal = deviation <= mean.abs() * f64::EPSILON * count.sqrt();
            if equal {
                constant.push(name.clone());
            }
            let deviation = if equal { 1.0 } else { deviation };
            let kind = FieldKind::Number { mean, deviation };
            Field { name, kind }
        };
        let fields = moments.into_iter().enumerate().map(field).collect();
        (Fields(fields), constant)
    }

    /// The samples at `indices`, or all, as a model sees them that was trained on samples of this shape, with these
    /// fields if they are no pictures.
    ///
    /// # Errors
    ///
    /// [`DataError::Array`] if they are no such samples.
    pub fn images(
        &self,
        shape: ImageShape,
        fields: Option<&Arc<Fields>>,
        indices: Option<&[u32]>,
    ) -> Result<Images, DataError> {
        let all: Vec<u32>;
        let indices = match indices {
            Some(indices) => indices,
            None => {
                all = (0..self.len() as u32).collect();
                &all
            }
        };
        let images = match fields {
            Some(fields) => {
                self.check_real(shape, fields)?;
                let values =
                    with!(&self.values, values => standardised(values, shape, fields, indices));
                Images::real(values, shape, Arc::clone(fields))?
            }
            None => {
                if self.is_rows() || self.shape()? != shape {
                    let [channels, height, width] = shape;
                    let wanted = match channels {
                        1 => format!("(samples, {height}, {width})"),
                        _ => format!("(samples, {height}, {width}, {channels})"),
                    };
                    return Err(self.other(&wanted));
                }
                Images::new(self.pixels(shape, indices)?, shape)?
            }
        };
        let Some(labels) = &self.labels else {
            return Ok(images);
        };
        let label = |&index: &u32| labels.get(index as usize).copied();
        let images = images.with_labels(indices.iter().filter_map(label).collect())?;
        Ok(images.with_classes(Arc::clone(&self.classes)))
    }

    /// Fails unless these are numbers for each channel of a row, or of each step of a window.
    fn check_real(
        &self,
        [channels, _, steps]: ImageShape,
        fields: &Fields,
    ) -> Result<(), DataError> {
        let text = fields.0.iter().find(|field| field.is_category());
        if let Some(field) = text {
            return Err(self.wrong(format!(
                "the model was trained with texts in column \"{}\", which no array of numbers has; give a file instead",
                field.name
            )));
        }
        let fits = match *self.sizes.as_slice() {
            [_, columns] if steps == 1 => columns == channels,
            [_, width] => width == steps && channels == 1,
            [_, width, columns] => steps > 1 && width == steps && columns == channels,
            _ => false,
        };
        match (fits, steps) {
            (true, _) => Ok(()),
            (false, 1) => Err(self.other(&format!("(samples, {channels})"))),
            (false, _) => Err(self.other(&format!("(samples, {steps}, {channels})"))),
        }
    }

    fn other(&self, wanted: &str) -> DataError {
        self.wrong(format!(
            "found an array of shape {}; the model takes {wanted}",
            shape_words(&self.sizes)
        ))
    }

    /// The pixels at `indices`, `[image, channel, row, column]`.
    fn pixels(&self, shape: ImageShape, indices: &[u32]) -> Result<Vec<u8>, DataError> {
        match &self.values {
            Numbers::Bytes(values) => Ok(planes(values, shape, indices, |it| it)),
            Numbers::Single(values) => {
                self.check_shares(values)?;
                Ok(planes(values, shape, indices, byte))
            }
            Numbers::Double(values) => {
                self.check_shares(values)?;
                Ok(planes(values, shape, indices, byte))
            }
        }
    }

    /// Fails unless all values are whole numbers of 255ths.
    fn check_shares(&self, values: &[impl Number]) -> Result<(), DataError> {
        let bad = |it: f64| {
            let scaled = it * 255.0;
            // What is no number is not near one either.
            !((scaled - scaled.round()).abs() <= ROUNDING && (0.0..=1.0).contains(&it))
        };
        let Some(place) = place(values, bad) else {
            return Ok(());
        };
        let found = values.get(place).map_or(f64::NAN, |it| it.wide());
        Err(self.wrong(format!(
            "found {found} at {}, and pictures of real numbers hold whole 255ths from 0 to 1; for values from 0 to 1, \
             use numpy.rint(255 * x).astype(\"uint8\")",
            self.place_words(place)
        )))
    }

    /// The place of a value as an index of Python.
    fn place_words(&self, place: usize) -> String {
        let mut left = place;
        let mut index: Vec<String> = Vec::new();
        for &size in self.sizes.iter().rev() {
            index.push((left % size.max(1)).to_string());
            left /= size.max(1);
        }
        index.reverse();
        format!("[{}]", index.join(", "))
    }

    fn wrong(&self, reason: String) -> DataError {
        DataError::Array {
            name: self.name.clone(),
            reason,
        }
    }
}

/// A shape as NumPy writes it.
fn shape_words(sizes: &[usize]) -> String {
    let words: Vec<String> = sizes.iter().map(usize::to_string).collect();
    match words.as_slice() {
        [only] => format!("({only},)"),
        words => format!("({})", words.join(", ")),
    }
}

/// The place of the first value like that.
fn place(values: &[impl Number], is: impl Fn(f64) -> bool + Sync) -> Option<usize> {
    // A block at a time, whole: a loop that may end at each value is not vectorised.
    let has_one = |block: &[_]| {
        block
            .iter()
            .fold(false, |found, it| found | is(Number::wide(*it)))
    };
    let blocks = values.par_chunks(ROWS);
    let first = blocks.position_first(has_one)? * ROWS;
    let within = values.get(first..)?.iter().position(|it| is(it.wide()))?;
    Some(first + within)
}

/// The byte of a whole number of 255ths.
fn byte(share: impl Number) -> u8 {
    (share.wide() * 255.0).round() as u8
}

/// Pictures whose channels follow each other, of ones whose channels alternate.
fn planes<T: Number>(
    values: &[T],
    [channels, height, width]: ImageShape,
    indices: &[u32],
    byte: impl Fn(T) -> u8 + Sync,
) -> Vec<u8> {
    let image = (channels * height * width).max(1);
    let mut pixels = vec![0; indices.len() * image];
    let pairs = pixels.par_chunks_exact_mut(image).zip(indices);
    pairs.for_each(|(to, &index)| {
        let from = values.chunks_exact(image).nth(index as usize);
        let from = from.unwrap_or_default();
        if channels == 1 {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to = byte(*from));
            return;
        }
        for (channel, plane) in to.chunks_exact_mut((height * width).max(1)).enumerate() {
            let of_channel = from.iter().skip(channel).step_by(channels.max(1));
            for (to, from) in plane.iter_mut().zip(of_channel) {
                *to = byte(*from);
            }
        }
    });
    pixels
}

/// The mean and the standard deviation of each column over the rows at `indices`, without missing values.
fn moments(values: &[impl Number], columns: usize, indices: &[u32]) -> Vec<[f64; 2]> {
    let mean = |[sum, count]: &[f64; 2]| sum / count.max(1.0);
    let means = sums(values, &vec![0.0; columns], indices, |value, _| value);
    let means: Vec<f64> = means.iter().map(mean).collect();
    let square = |value: f64, mean: f64| (value - mean) * (value - mean);
    let squares = sums(values, &means, indices, square);
    let pairs = means.iter().zip(&squares);
    pairs.map(|(&at, it)| [at, mean(it).sqrt()]).collect()
}

/// Of each column, with its mean, the sum of what `of` makes of its values and that, and the number of the values. Missing
/// ones are left out.
fn sums(
    values: &[impl Number],
    means: &[f64],
    indices: &[u32],
    of: impl Fn(f64, f64) -> f64 + Sync,
) -> Vec<[f64; 2]> {
    let columns = means.len();
    let row = |index: u32| {
        let start = index as usize * columns;
        values.get(start..start + columns).unwrap_or_default()
    };
    let parts: Vec<Vec<[f64; 2]>> = (indices.par_chunks(ROWS))
        .map(|part| {
            let mut sums = vec![[0.0; 2]; columns];
            for &index in part {
                for ((sum, value), mean) in sums.iter_mut().zip(row(index)).zip(means) {
                    let value = value.wide();
                    let known = !value.is_nan();
                    sum[0] += if known { of(value, *mean) } else { 0.0 };
                    sum[1] += f64::from(u8::from(known));
                }
            }
            sums
        })
        .collect();
    let mut all = vec![[0.0; 2]; columns];
    for part in &parts {
        for (all, part) in all.iter_mut().zip(part) {
            all[0] += part[0];
            all[1] += part[1];
        }
    }
    all
}

/// Rows as a model sees them: each channel of a sample, or of each step of a window, standardised.
fn standardised(
    values: &[impl Number],
    [channels, _, steps]: ImageShape,
    fields: &Fields,
    indices: &[u32],
) -> Vec<f32> {
    let own = fields.0.iter().map(|field| match field.kind {
        FieldKind::Number { mean, deviation } => [mean, deviation],
        FieldKind::Category { .. } => [0.0, 1.0],
    });
    let own: Vec<[f64; 2]> = own.collect();
    let sample = (channels * steps).max(1);
    let mut seen = vec![0.0; indices.len() * sample];
    let pairs = seen.par_chunks_exact_mut(sample).zip(indices);
    pairs.for_each(|(to, &index)| {
        let start = index as usize * sample;
        let from = values.get(start..start + sample).unwrap_or_default();
        if steps == 1 {
            for ((to, value), [mean, deviation]) in to.iter_mut().zip(from).zip(&own) {
                *to = ((value.wide() - mean) / deviation) as f32;
            }
            return;
        }
        for (step, from) in from.chunks_exact(channels.max(1)).enumerate() {
            for (channel, (value, [mean, deviation])) in from.iter().zip(&own).enumerate() {
                if let Some(to) = to.get_mut(channel * steps + step) {
                    *to = ((value.wide() - mean) / deviation) as f32;
                }
            }
        }
    });
    seen
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
