//! Copies: pictures that are the same to the last pixel, within a part and in both parts.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{Images, Warning};

/// A picture's size and a digest of its pixels. Two pictures share 64 bits by chance once in billions of sets.
type Key = ([usize; 2], u64);

/// The warnings about pictures that are in a training part more than once, and about test pictures that are
/// training pictures.
pub(crate) fn warnings(train: &Images, test: &Images) -> Vec<Warning> {
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
    let both: Vec<(usize, usize)> = both
        .filter_map(|(index, key)| Some((index, *seen.get(key)?)))
        .collect();
    if let Some(&(index, same)) = both.first() {
        found.push(Warning::InBoth {
            count: both.len(),
            of: tested.len(),
            first: name(test, index),
            same: name(train, same),
        });
    }
    found
}

/// The key of each picture; with patches, of each whole one.
fn keys(images: &Images) -> Vec<Key> {
    let key = |pixels: &[u8], size: [usize; 2]| {
        let mut hasher = DefaultHasher::new();
        pixels.hash(&mut hasher);
        (size, hasher.finish())
    };
    match images.crops() {
        Some(crops) => crops
            .whole()
            .map(|(pixels, size)| key(pixels, size))
            .collect(),
        None => {
            let [_, height, width] = images.shape();
            let pictures = images.pixels().chunks_exact(images.image_len().max(1));
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
        let found = warnings(&images(&[5, 6, 5, 6, 7]), &images(&[8, 7, 6]));
        let text: Vec<String> = found.iter().map(Warning::to_string).collect();
        assert_eq!(
            text,
            [
                "2 of the 5 training pictures are copies of others; the first: 2.png is the same as 0.png",
                "2 of the 3 test pictures are also training pictures, so their figures are not those of unseen \
                 pictures; the first: 1.png is the same as 4.png"
            ]
        );
        assert!(warnings(&images(&[1, 2]), &images(&[3])).is_empty());
    }

    #[test]
    fn shared_images_are_counted_but_not_empty_ones() {
        // The pixels of the first are 1 and 1.
        assert_eq!(images(&[1, 2, 3]).shared_with(&images(&[3, 1, 4])), 1);
        let other = Images::new(vec![3, 1], [1, 2, 1]).unwrap();
        assert_eq!(images(&[3]).shared_with(&other), 0);
    }
}
