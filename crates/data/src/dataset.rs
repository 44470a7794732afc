//! Images, and a data set with its training and test part.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::buffer::Buffer;
use crate::cache::Digest;
use crate::clips::Clips;
use crate::crops::Crops;
use crate::error::dims;
use crate::{DataError, Fields, Preparation, Warning, counted};

/// Shape of one image: `[channels, height, width]`.
pub type ImageShape = [usize; 3];

/// The most pixel values held in one part, about 4 GiB: 5.4 million images of MNIST's size.
/// A header that announces more is rejected before any memory is allocated.
pub(crate) const MAX_VALUES: u64 = 1 << 32;

/// Values whose digest is computed at once.
const BLOCK: usize = 4096;

/// Classes that a line names.
const NAMED_CLASSES: usize = 12;

/// Images of one shape, as contiguous bytes or numbers of 16 bits, each with a label or a name if the source has them.
///
/// Those of data that are no pictures hold real values instead of bytes, standardised, with [`Fields`] that say what
/// they stand for; NaN is a missing one.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    values: Values,
    shape: ImageShape,
    labels: Option<Vec<u8>>,
    names: Option<Vec<String>>,
    classes: Arc<[String]>,
    crops: Option<Crops>,
    /// Where clips come from, if these are some.
    clips: Option<Box<Clips>>,
    /// What the channels stand for, if the values are real.
    fields: Option<Arc<Fields>>,
}

/// The values of all samples, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// Of pictures, 0 to 255.
    Bytes(Buffer<u8>),
    /// Of pictures with 16 bits, 0 to 65535.
    Deep(Buffer<u16>),
    /// Of anything else, standardised.
    Real(Vec<f32>),
}

impl Values {
    fn view(&self) -> View<'_> {
        match self {
            Values::Bytes(values) => View::Bytes(values),
            Values::Deep(values) => View::Deep(values),
            Values::Real(values) => View::Real(values),
        }
    }
}

/// Values of samples, one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View<'a> {
    /// Of pictures, 0 to 255.
    Bytes(&'a [u8]),
    /// Of pictures with 16 bits, 0 to 65535.
    Deep(&'a [u16]),
    /// Of anything else, standardised; NaN is a missing one.
    Real(&'a [f32]),
}

impl<'a> View<'a> {
    /// Number of values.
    pub fn len(self) -> usize {
        match self {
            View::Bytes(values) => values.len(),
            View::Deep(values) => values.len(),
            View::Real(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values from one place to another; `None` past the end.
    pub fn part(self, range: std::ops::Range<usize>) -> Option<Self> {
        match self {
            View::Bytes(values) => values.get(range).map(View::Bytes),
            View::Deep(values) => values.get(range).map(View::Deep),
            View::Real(values) => values.get(range).map(View::Real),
        }
    }

    /// Pieces of so many values; the last one may have fewer.
    pub fn chunks(self, size: usize) -> impl Iterator<Item = View<'a>> {
        let size = size.max(1);
        let starts = (0..self.len()).step_by(size);
        starts.filter_map(move |start| self.part(start..(start + size).min(self.len())))
    }

    /// A value as it is stored: a whole number, or a standardised one. 0 past the end.
    pub fn get(self, place: usize) -> f64 {
        match self {
            View::Bytes(values) => values.get(place).copied().map_or(0.0, f64::from),
            View::Deep(values) => values.get(place).copied().map_or(0.0, f64::from),
            View::Real(values) => values.get(place).copied().map_or(0.0, f64::from),
        }
    }

    /// What a stored value of 1 is: 255, 65535, or 1 of standardised numbers.
    pub fn one(self) -> f64 {
        match self {
            View::Bytes(_) => 255.0,
            View::Deep(_) => 65535.0,
            View::Real(_) => 1.0,
        }
    }

    /// Number of values that are not missing; none of a picture is.
    pub fn known(self) -> usize {
        match self {
            View::Bytes(_) | View::Deep(_) => self.len(),
            View::Real(values) => values.iter().filter(|it| !it.is_nan()).count(),
        }
    }

    /// The sum of the squares of what a model sees of them, without missing values.
    pub fn squared_norm(self) -> f64 {
        match self {
            View::Bytes(values) => {
                let square = |&pixel: &u8| (f64::from(pixel) / 255.0).powi(2);
                values.iter().map(square).sum()
            }
            View::Deep(values) => {
                let square = |&pixel: &u16| (f64::from(pixel) / 65535.0).powi(2);
                values.iter().map(square).sum()
            }
            View::Real(values) => {
                let known = values.iter().filter(|it| !it.is_nan());
                known.map(|&it| f64::from(it).powi(2)).sum()
            }
        }
    }

    /// Adds what a model sees of them to `all`: pixels divided by white, numbers as they are.
    pub fn append_seen(self, all: &mut Vec<f32>) {
        match self {
            // The division vectorises, and unlike a product with 1/255 it is exact.
            View::Bytes(values) => all.extend(values.iter().map(|&it| f32::from(it) / 255.0)),
            View::Deep(values) => all.extend(values.iter().map(|&it| f32::from(it) / 65535.0)),
            View::Real(values) => all.extend_from_slice(values),
        }
    }

    /// Pixels as bytes, for people and for what is stored as such: of 16 bits the nearest. None of what is no picture.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            View::Bytes(values) => Cow::Borrowed(values),
            View::Deep(values) => {
                let nearest = |&value: &u16| ((u32::from(value) + 128) / 257) as u8;
                Cow::Owned(values.iter().map(nearest).collect())
            }
            View::Real(_) => Cow::Borrowed(&[]),
        }
    }

    /// The values as they lie in memory.
    pub(crate) fn stored(self) -> &'a [u8] {
        match self {
            View::Bytes(values) => values,
            View::Deep(values) => bytemuck::cast_slice(values),
            View::Real(values) => bytemuck::cast_slice(values),
        }
    }
}

impl<'a> From<&'a [u8]> for View<'a> {
    fn from(pixels: &'a [u8]) -> Self {
        View::Bytes(pixels)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for View<'a> {
    fn from(pixels: &'a [u8; N]) -> Self {
        View::Bytes(pixels)
    }
}

impl<'a> From<&'a Vec<u8>> for View<'a> {
    fn from(pixels: &'a Vec<u8>) -> Self {
        View::Bytes(pixels)
    }
}

impl Images {
    /// Takes pixels in the order `[image, channel, row, column]`, 0 to 255.
    ///
    /// # Errors
    ///
    /// [`DataError::PixelCount`] unless they are a whole number of images of `shape`, with no size zero;
    /// [`DataError::TooLarge`] for more than 2^32 - 1 images, because indices are `u32`.
    pub fn new(pixels: Vec<u8>, shape: ImageShape) -> Result<Self, DataError> {
        Self::of(Values::Bytes(pixels.into()), shape)
    }

    /// The same of pixels with 16 bits, 0 to 65535.
    ///
    /// # Errors
    ///
    /// As [`Images::new`].
    pub fn deep(pixels: Vec<u16>, shape: ImageShape) -> Result<Self, DataError> {
        Self::of(Values::Deep(pixels.into()), shape)
    }

    /// The same of pixels that may be in a file.
    pub(crate) fn of(pixels: Values, shape: ImageShape) -> Result<Self, DataError> {
        Self::with_values(pixels, shape, None)
    }

    /// Takes real values in the order `[sample, channel, row, column]`, standardised as `fields` say, whose channels are
    /// the shape's.
    ///
    /// # Errors
    ///
    /// As [`Images::new`].
    pub fn real(
        values: Vec<f32>,
        shape: ImageShape,
        fields: Arc<Fields>,
    ) -> Result<Self, DataError> {
        Self::with_values(Values::Real(values), shape, Some(fields))
    }

    fn with_values(
        values: Values,
        shape: ImageShape,
        fields: Option<Arc<Fields>>,
    ) -> Result<Self, DataError> {
        let found = values.view().len();
        let image = shape
            .iter()
            .try_fold(1_usize, |all, &size| all.checked_mul(size))
            .filter(|&image| image > 0 && found.is_multiple_of(image))
            .ok_or(DataError::PixelCount { found, shape })?;
        let count = found / image;
        if u32::try_from(count).is_err() {
            return Err(DataError::TooLarge {
                file: "images".to_string(),
                dims: dims(&[count, shape[0], shape[1], shape[2]]),
                limit: MAX_VALUES,
            });
        }
        Ok(Images {
            values,
            shape,
            labels: None,
            names: None,
            classes: Arc::default(),
            crops: None,
            clips: None,
            fields,
        })
    }

    /// Adds a label to each image.
    ///
    /// # Errors
    ///
    /// [`DataError::LabelCount`] unless there is one label for each image.
    pub fn with_labels(mut self, labels: Vec<u8>) -> Result<Self, DataError> {
        if labels.len() != self.len() {
            return Err(DataError::LabelCount {
                file: "labels".to_string(),
                labels: labels.len(),
                images: self.len(),
            });
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// Adds a name to each image: its file, for pictures.
    ///
    /// # Errors
    ///
    /// [`DataError::NameCount`] unless there is one name for each image.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self, DataError> {
        if names.len() != self.len() {
            return Err(DataError::NameCount {
                names: names.len(),
                images: self.len(),
            });
        }
        self.names = Some(names);
        Ok(self)
    }

    /// The SHA-256 of an image's pixels, if it is known already.
    pub(crate) fn known_digest(&self, index: usize) -> Option<Digest> {
        match &self.values {
            Values::Bytes(pixels) => pixels.digests().get(index).copied(),
            Values::Deep(pixels) => pixels.digests().get(index).copied(),
            Values::Real(_) => None,
        }
    }

    /// Adds the names of the classes, the first for label 0.
    pub(crate) fn with_classes(mut self, classes: Arc<[String]>) -> Self {
        self.classes = classes;
        self
    }

    /// The names of the classes, the first for label 0; empty if labels have no names.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// What a label stands for: the name of its class, or the number if classes have no names.
    pub fn class_name(&self, label: u8) -> String {
        let name = self.classes.get(usize::from(label));
        name.cloned().unwrap_or_else(|| label.to_string())
    }

    /// How many of the images of these parts are of which class, in words; `None` if the classes have no names.
    pub fn by_class(parts: &[&Images]) -> Option<String> {
        let names = parts.first()?.classes();
        (!names.is_empty()).then_some(())?;
        let mut counts = vec![0_usize; names.len()];
        for label in parts.iter().flat_map(|it| it.labels()).flatten() {
            if let Some(count) = counts.get_mut(usize::from(*label)) {
                *count += 1;
            }
        }
        let words = names.iter().zip(counts).take(NAMED_CLASSES);
        let words: Vec<String> = words
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let more = match names.len().saturating_sub(words.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = counted(names.len(), "class");
        let from = match parts.first()?.fields() {
            Some(_) => "",
            None => " by folder",
        };
        Some(format!("{count}{from}: {}{more}", words.join(", ")))
    }

    /// Adds the source of random crops, which training uses instead of these images.
    pub(crate) fn with_crops(mut self, crops: Crops) -> Self {
        self.crops = Some(crops);
        self
    }

    /// Says where these images, which are clips, come from.
    pub(crate) fn with_clips(mut self, clips: Clips) -> Self {
        self.clips = Some(Box::new(clips));
        self
    }

    /// Where the clips come from; `None` if these are none.
    pub fn clips(&self) -> Option<&Clips> {
        self.clips.as_deref()
    }

    /// The source of random crops, which training uses instead of these images.
    pub(crate) fn crops(&self) -> Option<&Crops> {
        self.crops.as_ref()
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.values().len() / self.image_len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.values().is_empty()
    }

    /// Shape of each image, `[channels, height, width]`.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All values, `[image, channel, row, column]`, row-major.
    pub fn values(&self) -> View<'_> {
        self.values.view()
    }

    /// The values of sample `index`, `[channel, row, column]`; `None` past the end.
    pub fn sample(&self, index: usize) -> Option<View<'_>> {
        let start = index.checked_mul(self.image_len())?;
        self.values()
            .part(start..start.checked_add(self.image_len())?)
    }

    /// What the channels stand for, if these are no pictures.
    pub fn fields(&self) -> Option<&Arc<Fields>> {
        self.fields.as_ref()
    }

    /// All pixels as bytes, `[image, channel, row, column]`, row-major: of 16 bits the nearest. Data that are no pictures
    /// have none.
    pub fn pixels(&self) -> Cow<'_, [u8]> {
        self.values().bytes()
    }

    /// Pixels of image `index` as bytes, `[channel, row, column]`, as [`Images::pixels`]; `None` past the end, and of data
    /// that are no pictures.
    pub fn image(&self, index: usize) -> Option<Cow<'_, [u8]>> {
        match self.sample(index)? {
            View::Real(_) => None,
            pixels => Some(pixels.bytes()),
        }
    }

    /// One label per image, if the source has labels.
    pub fn labels(&self) -> Option<&[u8]> {
        self.labels.as_deref()
    }

    /// One name per image, if the source has names. The name is that of the file; patches append the row
    /// and column of their top left pixel, as in `rocket.jpg@0,64`.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// Keeps the first `count` images, or all if there are fewer.
    pub fn truncate(&mut self, count: usize) {
        let kept = count.saturating_mul(self.image_len());
        match &mut self.values {
            Values::Bytes(values) => values.truncate(kept),
            Values::Deep(values) => values.truncate(kept),
            Values::Real(values) => values.truncate(kept),
        }
        if let Some(labels) = &mut self.labels {
            labels.truncate(count);
        }
        if let Some(names) = &mut self.names {
            names.truncate(count);
        }
        if let Some(crops) = &mut self.crops {
            crops.of.truncate(count);
        }
        if let Some(clips) = &mut self.clips {
            clips.truncate(count);
        }
    }

    /// The images at `indices`, in that order, with their labels and names.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] for an index past the end.
    pub fn select(&self, indices: &[u32]) -> Result<Self, DataError> {
        let values = match self.values() {
            View::Bytes(values) => Values::Bytes(self.chosen(values, indices)?.into()),
            View::Deep(values) => Values::Deep(self.chosen(values, indices)?.into()),
            View::Real(values) => Values::Real(self.chosen(values, indices)?),
        };
        let (mut labels, mut names, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            let at = index as usize;
            labels.extend(self.labels().and_then(|labels| labels.get(at)));
            names.extend(self.names().and_then(|names| names.get(at)).cloned());
            of.extend(self.crops().and_then(|crops| crops.of.get(at)));
        }
        Ok(Images {
            values,
            fields: self.fields.clone(),
            shape: self.shape,
            labels: self.labels.is_some().then_some(labels),
            names: self.names.is_some().then_some(names),
            classes: Arc::clone(&self.classes),
            crops: self.crops().map(|crops| Crops {
                of,
                ..crops.clone()
            }),
            clips: self.clips().map(|clips| Box::new(clips.select(indices))),
        })
    }

    /// The values of the samples at `indices`, of all `values`.
    fn chosen<T: Copy>(&self, values: &[T], indices: &[u32]) -> Result<Vec<T>, DataError> {
        let size = self.image_len();
        let mut chosen = Vec::with_capacity(indices.len() * size);
        for &index in indices {
            let start = index as usize * size;
            let count = self.len();
            let sample = values.get(start..start + size);
            chosen.extend_from_slice(sample.ok_or(DataError::Index { index, count })?);
        }
        Ok(chosen)
    }

    /// SHA-256, in hexadecimal, of the shape, pixels and labels, and of the pictures that patches come
    /// from.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.digest(&mut hasher);
        hex(&hasher.finalize())
    }

    /// Values in one image: channels x height x width.
    pub(crate) fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Feeds shape, pixels and labels to a digest, each preceded by its length, so that different parts
    /// always give different bytes.
    fn digest(&self, hasher: &mut Sha256) {
        for size in self.shape {
            hasher.update((size as u64).to_le_bytes());
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        match &self.values {
            Values::Bytes(pixels) => {
                hasher.update((pixels.len() as u64).to_le_bytes());
                hasher.update(&**pixels);
            }
            Values::Deep(pixels) => {
                hasher.update((pixels.len() as u64).to_le_bytes());
                update_words(hasher, pixels);
            }
            Values::Real(values) => {
                hasher.update((values.len() as u64).to_le_bytes());
                // A block at a time: a call for each value takes longer than the digest.
                let mut block = Vec::with_capacity(BLOCK * size_of::<f32>());
                for values in values.chunks(BLOCK) {
                    block.clear();
                    block.extend(values.iter().flat_map(|it| it.to_le_bytes()));
                    hasher.update(&block);
                }
            }
        }
        hasher.update((labels.len() as u64).to_le_bytes());
        hasher.update(labels);
        // Frames of another height may be as many rows.
        if let Some(clips) = self.clips() {
            hasher.update((clips.frames() as u64).to_le_bytes());
        }
        // Training also uses the area outside the grid of patches.
        for (pixels, [height, width], _) in self.crops().into_iter().flat_map(Crops::whole) {
            hasher.update((height as u64).to_le_bytes());
            hasher.update((width as u64).to_le_bytes());
            match pixels {
                View::Deep(pixels) => update_words(hasher, pixels),
                pixels => hasher.update(pixels.stored()),
            }
        }
    }
}

/// A training and a test part with the same image shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The set's name, for display.
    pub name: String,
    /// Images to train and validate on.
    pub train: Images,
    /// Whether each training picture lies in a folder for validation; empty if there is no such folder. With patches,
    /// of whole pictures.
    pub held: Vec<bool>,
    /// The group of each training picture, if pictures are kept together in groups, as for
    /// [`draw_groups`](crate::draw_groups); otherwise empty.
    pub groups: Vec<u32>,
    /// Images held back for the reported figures.
    pub test: Images,
    /// How its pictures were prepared; without meaning for data that are no pictures.
    pub preparation: Preparation,
    /// Warnings about files with problems.
    pub warnings: Vec<Warning>,
}

impl Dataset {
    /// SHA-256, in hexadecimal, of the shape, pixels and labels of both parts: runs with the same digest
    /// used the same data, whatever the files looked like.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.train.digest(&mut hasher);
        self.test.digest(&mut hasher);
        hex(&hasher.finalize())
    }
}

/// Feeds numbers to a digest, in an order of bytes that does not depend on the machine.
fn update_words(hasher: &mut Sha256, words: &[u16]) {
    for part in words.chunks(1 << 16) {
        let bytes: Vec<u8> = part.iter().flat_map(|it| it.to_le_bytes()).collect();
        hasher.update(bytes);
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aspect;

    fn three() -> Images {
        Images::new((0..12).collect(), [1, 2, 2]).unwrap()
    }

    #[test]
    fn images_are_slices_of_the_pixels() {
        let images = three();
        assert_eq!((images.len(), images.shape()), (3, [1, 2, 2]));
        assert_eq!(images.image(2).as_deref(), Some(&[8, 9, 10, 11][..]));
        assert_eq!(images.image(3), None);
        assert_eq!(images.image(usize::MAX), None);
    }

    #[test]
    fn counts_that_disagree_are_refused() {
        for (count, shape) in [(11, [1, 2, 2]), (12, [1, 0, 2]), (12, [usize::MAX, 2, 2])] {
            let result = Images::new(vec![0; count], shape);
            assert!(
                matches!(result, Err(DataError::PixelCount { .. })),
                "{shape:?}"
            );
        }
        assert!(three().with_labels(vec![1, 2]).is_err());
        assert!(three().with_names(vec![String::new(); 4]).is_err());
    }

    #[test]
    fn truncate_keeps_labels_and_names_in_step() {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let mut images = three()
            .with_labels(vec![7, 8, 9])
            .unwrap()
            .with_names(names)
            .unwrap();
        images.truncate(usize::MAX);
        assert_eq!(images.len(), 3);
        images.truncate(2);
        assert_eq!(&*images.pixels(), &[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(images.labels(), Some(&[7, 8][..]));
        assert_eq!(images.names().map(<[String]>::len), Some(2));
    }

    #[test]
    fn a_selection_keeps_labels_and_names_in_step() {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let images = three().with_labels(vec![7, 8, 9]).unwrap();
        let images = images.with_names(names).unwrap();
        let selected = images.select(&[2, 0]).unwrap();
        assert_eq!(&*selected.pixels(), &[8, 9, 10, 11, 0, 1, 2, 3]);
        assert_eq!(selected.labels(), Some(&[9, 7][..]));
        assert_eq!(selected.names().unwrap(), ["c", "a"]);
        assert!(images.select(&[]).unwrap().is_empty());
        assert!(images.select(&[3]).is_err());
    }

    #[test]
    fn the_digest_sees_pixels_shape_labels_and_parts() {
        let set = |train: Images, test: Images| {
            Dataset {
                name: "x".into(),
                preparation: Preparation::as_is(train.shape(), Aspect::Crop),
                train,
                held: Vec::new(),
                groups: Vec::new(),
                test,
                warnings: Vec::new(),
            }
            .sha256()
        };
        let base = set(three(), three());
        let mut fewer = three();
        fewer.truncate(2);
        let reshaped = Images::new((0..12).collect(), [1, 1, 4]).unwrap();
        let labelled = three().with_labels(vec![0; 3]).unwrap();
        let others = [
            set(fewer.clone(), three()),
            set(three(), fewer),
            set(reshaped, three()),
            set(labelled.clone(), three()),
            set(three(), labelled),
        ];
        for (position, other) in others.iter().enumerate() {
            assert_ne!(*other, base);
            assert!(!others[..position].contains(other));
        }
        assert_eq!(base, set(three(), three()));
        assert_eq!(base.len(), 64);
    }
}
