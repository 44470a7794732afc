//! Copies: pictures that are the same to the last pixel, within a part and in several parts.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::cache::Digest;
use crate::{Images, Split, View, Warning};

/// A picture's size and the SHA-256 of its pixels.
type Key = ([usize; 2], Digest);

/// The warnings about pictures that are in a training part more than once, and about pictures of other parts that are
/// training or validation pictures. `held` says which of the training part's pictures are for validation; it is empty if
/// none is yet.
pub(crate) fn warnings(train: &Images, held: &[bool], test: &Images) -> Vec<Warning> {
    let all = keys(train);
    let is_held = |place: &usize| held.get(*place) == Some(&true);
    let (validated, trained): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(is_held);
    let mut found = Vec::new();
    let mut known: HashMap<&Key, usize> = HashMap::new();
    let mut copies = Vec::new();
    for &place in &trained {
        let Some(key) = all.get(place) else { continue };
        if let Some(&earlier) = known.get(key) {
            copies.push((place, earlier));
        } else {
            known.insert(key, place);
        }
    }
    if let Some(&(first, same)) = copies.first() {
        found.push(Warning::Copies {
            count: copies.len(),
            of: trained.len(),
            first: name(train, first),
            same: name(train, same),
        });
    }
    let validation: Vec<(usize, &Key)> = pairs(&all, &validated);
    let tested = keys(test);
    let tested: Vec<(usize, &Key)> = tested.iter().enumerate().collect();
    let of_validation = validation.iter().rev().map(|&(place, key)| (key, place));
    let of_validation: HashMap<&Key, usize> = of_validation.collect();
    let parts = [
        ("validation", "training", &validation, &known),
        ("test", "training", &tested, &known),
        ("test", "validation", &tested, &of_validation),
    ];
    for (part, other, pictures, known) in parts {
        let images = if part == "test" { test } else { train };
        found.extend(in_both([part, other], [images, train], pictures, known));
    }
    found
}

/// The pictures at these places, with their keys.
fn pairs<'k>(keys: &'k [Key], places: &[usize]) -> Vec<(usize, &'k Key)> {
    let pair = |&place: &usize| Some((place, keys.get(place)?));
    places.iter().filter_map(pair).collect()
}

/// The warning about pictures of one part that are `known` from another one; `parts` and `images` are those of both.
fn in_both(
    parts: [&'static str; 2],
    images: [&Images; 2],
    pictures: &[(usize, &Key)],
    known: &HashMap<&Key, usize>,
) -> Option<Warning> {
    let both = pictures.iter();
    let both: Vec<(usize, usize)> = both
        .filter_map(|(place, key)| Some((*place, *known.get(key)?)))
        .collect();
    let &(first, same) = both.first()?;
    let ([part, other], [own, others]) = (parts, images);
    Some(Warning::InBoth {
        part,
        other,
        count: both.len(),
        of: pictures.len(),
        first: name(own, first),
        same: name(others, same),
    })
}

/// The key of each picture; with patches, of each whole one.
fn keys(images: &Images) -> Vec<Key> {
    let digest = |pixels: View<'_>, known: Option<Digest>| {
        known.unwrap_or_else(|| Sha256::digest(pixels.stored()).into())
    };
    match images.crops() {
        Some(crops) => {
            let whole: Vec<(View<'_>, [usize; 2], Option<Digest>)> = crops.whole().collect();
            let whole = whole.par_iter();
            whole
                .map(|(pixels, size, known)| (*size, digest(*pixels, *known)))
                .collect()
        }
        None => {
            let [_, height, width] = images.shape();
            let pictures = (0..images.len()).into_par_iter();
            pictures
                .filter_map(|index| {
                    let pixels = images.sample(index)?;
                    Some(([height, width], digest(pixels, images.known_digest(index))))
                })
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
        let trained = pictures(&split.train);
        let trained = pairs(&keys, &trained).into_iter().rev();
        let known = trained.map(|(place, key)| (key, place)).collect();
        let validated = pictures(&split.validation);
        let validated = pairs(&keys, &validated);
        in_both(["validation", "training"], [self, self], &validated, &known)
    }

    /// How many of these images are among `others`, image by image. Images of a single value count as different:
    /// empty corners of two pictures are not the same picture.
    pub fn shared_with(&self, others: &Images) -> usize {
        if self.shape() != others.shape() {
            return 0;
        }
        let known: HashSet<&[u8]> = varied(others).collect();
        varied(self).filter(|image| known.contains(image)).count()
    }
}

/// The images that have more than a single value, as they lie in memory.
fn varied(images: &Images) -> impl Iterator<Item = &[u8]> {
    (0..images.len()).filter_map(|index| {
        let image = images.sample(index)?;
        let is_varied = (1..image.len()).any(|place| image.get(place) != image.get(0));
        is_varied.then(|| image.stored())
    })
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
                 pictures; the first: 1.png is the same as the training picture 4.png"
            ]
        );
        assert!(warnings(&images(&[1, 2]), &[], &images(&[3])).is_empty());
        let held = [false, false, false, true];
        let found = warnings(&images(&[5, 6, 5, 5]), &held, &images(&[7, 5]));
        let text: Vec<String> = found.iter().map(Warning::to_string).collect();
        let unseen = "so their figures are not those of unseen pictures; the first:";
        assert_eq!(
            text,
            [
                "1 of the 3 training pictures is a copy of others; the first: 2.png is the same as 0.png".to_owned(),
                format!(
                    "1 of the 1 validation pictures is also a training picture, {unseen} 3.png is the same as the \
                     training picture 0.png"
                ),
                format!(
                    "1 of the 2 test pictures is also a training picture, {unseen} 1.png is the same as the training \
                     picture 0.png"
                ),
                format!(
                    "1 of the 2 test pictures is also a validation picture, {unseen} 1.png is the same as the \
                     validation picture 3.png"
                ),
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
             pictures; the first: 0.png is the same as the training picture 2.png"
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
