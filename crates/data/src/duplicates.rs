//! Copies: pictures that are the same to the last pixel, within a part and in several parts.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{Images, Split, Warning};

/// A picture's size and the SHA-256 of its pixels.
type Key = ([usize; 2], [u8; 32]);

/// The warnings about pictures that are in a training part more than once, and about test pictures that are
/// training pictures, or validation pictures if it is `held` for that.
pub(crate) fn warnings(train: &Images, held: &[bool], test: &Images) -> Vec<Warning> {
    let mut seen: HashMap<Key, usize> = HashMap::new();
    let (mut copies, mut first) = (0, None);
    let pictures = keys(train);
    for (index, key) in pictures.iter().enumerate() {
        if let Some(&earlier) = seen.get(key) {
            copies += 1;
            first.get_or_insert((name(train, index), name(train, earlier)));
        } else {
            seen.insert(*key, index);
        }
    }
    let mut found = Vec::new();
    if let Some((first, same)) = first {
        found.push(Warning::Copies {
            count: copies,
            of: pictures.len(),
            first,
            same,
        });
    }
    let tested = keys(test);
    let both = tested.iter().enumerate();
    let both = both.filter_map(|(index, key)| Some((index, *seen.get(key)?)));
    let is_held = |(_, same): &(usize, usize)| held.get(*same) == Some(&true);
    let (validated, trained): (Vec<_>, Vec<_>) = both.partition(is_held);
    for (other, both) in [("training", trained), ("validation", validated)] {
        if let Some(&(index, same)) = both.first() {
            found.push(Warning::InBoth {
                part: "test",
                other,
                count: both.len(),
                of: tested.len(),
                first: name(test, index),
                same: name(train, same),
            });
        }
    }
    found
}

/// The key of each picture; with patches, of each whole one.
fn keys(images: &Images) -> Vec<Key> {
    let key = |pixels: &[u8], size: [usize; 2]| (size, Sha256::digest(pixels).into());
    match images.crops() {
        Some(crops) => {
            let whole: Vec<(&[u8], [usize; 2])> = crops.whole().collect();
            let whole = whole.par_iter();
            whole.map(|(pixels, size)| key(pixels, *size)).collect()
        }
        None => {
            let [_, height, width] = images.shape();
            let pictures = images.pixels().par_chunks_exact(images.image_len().max(1));
            pictures
                .map(|pixels| key(pixels, [height, width]))
                .collect()
        }
    }
}

/// What a picture is called.
fn name(images: &Images, picture: usize) -> String {
    let first = match images.crops() {
        Some(crops) => crops.first(picture),
        None => Some(picture),
    };
    let names = images.names().unwrap_or_default();
    match first.and_then(|index| names.get(index)) {
        // A patch's name ends with its place in the picture.
        Some(name) if images.crops().is_some() => name
            .rsplit_once('@')
            .map_or(name.as_str(), |it| it.0)
            .to_string(),
        Some(name) => name.clone(),
        None => format!("image {picture}"),
    }
}

impl Images {
    /// The warning about validation pictures of a split of these images that are the same as pictures to train on.
    pub fn copies_across(&self, split: &Split) -> Option<Warning> {
        let keys = keys(self);
        let of: Option<Vec<usize>> = self.crops().map(|crops| {
            let runs = crops.of.chunk_by(|one, other| one == other).enumerate();
            runs.flat_map(|(run, images)| std::iter::repeat_n(run, images.len()))
                .collect()
        });
        let picture = |image: &u32| match &of {
            Some(of) => of.get(*image as usize).copied(),
            None => Some(*image as usize),
        };
        let pictures = |images: &[u32]| -> Vec<usize> {
            let mut pictures: Vec<usize> = images.iter().filter_map(picture).collect();
            pictures.dedup();
            pictures
        };
        let trained = pictures(&split.train).into_iter();
        let trained: HashMap<&Key, usize> = trained
            .rev()
            .filter_map(|picture| Some((keys.get(picture)?, picture)))
            .collect();
        let validated = pictures(&split.validation);
        let both = validated.iter();
        let both: Vec<(usize, usize)> = both
            .filter_map(|&picture| Some((picture, *trained.get(keys.get(picture)?)?)))
            .collect();
        let &(first, same) = both.first()?;
        Some(Warning::InBoth {
            part: "validation",
            other: "training",
            count: both.len(),
            of: validated.len(),
            first: name(self, first),
            same: name(self, same),
        })
    }

    /// How many of these images are among `others`, image by image. Images of a single value count as different:
    /// empty corners of two pictures are not the same picture.
    pub fn shared_with(&self, others: &Images) -> usize {
        if self.shape() != others.shape() {
            return 0;
        }
        let size = self.image_len().max(1);
        let varied = |image: &&[u8]| {
            image
                .first()
                .is_some_and(|one| image.iter().any(|it| it != one))
        };
        let known: HashSet<&[u8]> = others.pixels().chunks_exact(size).filter(varied).collect();
        let given = self.pixels().chunks_exact(size).filter(varied);
        given.filter(|image| known.contains(image)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(values: &[u8]) -> Images {
        let pixels = values.iter().flat_map(|&value| [value, 1]).collect();
        let names = (0..values.len()).map(|it| format!("{it}.png")).collect();
        Images::new(pixels, [1, 1, 2])
            .unwrap()
            .with_names(names)
            .unwrap()
    }

    #[test]
    fn copies_are_counted_and_the_first_named() {
        let found = warnings(&images(&[5, 6, 5, 6, 7]), &[], &images(&[8, 7, 6]));
        let text: Vec<String> = found.iter().map(Warning::to_string).collect();
        assert_eq!(
            text,
            [
                "2 of the 5 training pictures are copies of others; the first: 2.png is the same as 0.png",
                "2 of the 3 test pictures are also training pictures, so their figures are not those of unseen \
                 pictures; the first: 1.png is the same as 4.png"
            ]
        );
        assert!(warnings(&images(&[1, 2]), &[], &images(&[3])).is_empty());
        let held = [false, false, true];
        let found = warnings(&images(&[5, 6, 7]), &held, &images(&[7, 5]));
        let text: Vec<String> = found.iter().map(Warning::to_string).collect();
        assert_eq!(
            text,
            [
                "1 of the 2 test pictures is also a training picture, so their figures are not those of unseen pictures; \
                 the first: 1.png is the same as 0.png",
                "1 of the 2 test pictures is also a validation picture, so their figures are not those of unseen \
                 pictures; the first: 0.png is the same as 2.png"
            ]
        );
    }

    #[test]
    fn copies_on_both_sides_of_a_split_are_counted() {
        let images = images(&[5, 6, 5, 7]);
        let split = |train: &[u32], validation: &[u32]| Split {
            train: train.into(),
            validation: validation.into(),
        };
        let found = images.copies_across(&split(&[1, 2], &[0, 3])).unwrap();
        assert_eq!(
            found.to_string(),
            "1 of the 2 validation pictures is also a training picture, so their figures are not those of unseen \
             pictures; the first: 0.png is the same as 2.png"
        );
        assert_eq!(images.copies_across(&split(&[0, 2], &[1, 3])), None);
    }

    #[test]
    fn shared_images_are_counted_but_not_empty_ones() {
        // The pixels of the first are 1 and 1.
        assert_eq!(images(&[1, 2, 3]).shared_with(&images(&[3, 1, 4])), 1);
        let other = Images::new(vec![3, 1], [1, 2, 1]).unwrap();
        assert_eq!(images(&[3]).shared_with(&other), 0);
    }
}
