//! MNIST, bundled with the program: the four published files, gzipped and checked by SHA-256.

use crate::bundled::{Bundled, bundled};
use crate::{DataError, ImageShape, Images, idx};

pub(crate) const NAME: &str = "mnist";

/// Known without decompressing anything; `load` checks that the data has this shape.
pub(crate) const SHAPE: ImageShape = [1, 28, 28];

/// Number of training images, and bytes of all.
pub(crate) const EXTENT: [u64; 2] = [60_000, 70_000 * 28 * 28];

static TRAIN: [Bundled; 2] = [
    bundled!(
        "mnist",
        "train-images-idx3-ubyte.gz",
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"
    ),
    bundled!(
        "mnist",
        "train-labels-idx1-ubyte.gz",
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203"
    ),
];

static TEST: [Bundled; 2] = [
    bundled!(
        "mnist",
        "t10k-images-idx3-ubyte.gz",
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be"
    ),
    bundled!(
        "mnist",
        "t10k-labels-idx1-ubyte.gz",
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b"
    ),
];

/// The training and the test part, decompressed in parallel.
pub(crate) fn load() -> Result<(Images, Images), DataError> {
    let (train, test) = rayon::join(|| part(&TRAIN), || part(&TEST));
    Ok((train?, test?))
}

fn part([images, labels]: &[Bundled; 2]) -> Result<Images, DataError> {
    let bytes = images.checked()?;
    let read = idx::read_images(images.name, bytes.len() as u64, bytes, None)?;
    let bytes = labels.checked()?;
    idx::with_labels(read, labels.name, bytes.len() as u64, bytes, None)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::Source;
    use crate::dataset::hex;

    /// Digests of the decompressed files from `SHA256SUMS`, over header and content.
    #[test]
    fn the_content_is_the_published_one() {
        let sums = include_str!("../assets/mnist/SHA256SUMS");
        let published = |name: &str| {
            let line = sums
                .lines()
                .find(|line| line.split_whitespace().nth(1) == Some(name));
            line.unwrap().split_whitespace().next().unwrap().to_string()
        };
        let set = Source::Mnist.load().unwrap();
        assert_eq!(Source::Mnist.shape().unwrap(), set.train.shape());
        let parts = [("train", &set.train, &TRAIN), ("t10k", &set.test, &TEST)];
        for (name, images, files) in parts {
            let count = (images.len() as u32).to_be_bytes();
            let side = 28_u32.to_be_bytes();
            let pixels = [&[0, 0, 8, 3], &count, &side, &side, &*images.pixels()].concat();
            let labels = [&[0, 0, 8, 1], &count, images.labels().unwrap()].concat();
            let stem = format!("{name}-images-idx3-ubyte");
            assert_eq!(hex(&Sha256::digest(pixels)), published(&stem));
            let stem = format!("{name}-labels-idx1-ubyte");
            assert_eq!(hex(&Sha256::digest(labels)), published(&stem));
            for file in files {
                assert_eq!(file.sha256, published(file.name));
            }
        }
    }

    #[test]
    fn counts_and_mean_are_the_known_ones() {
        let set = Source::Mnist.load().unwrap();
        assert_eq!((set.train.len(), set.test.len()), (60_000, 10_000));
        assert_eq!(set.train.labels().unwrap()[0], 5);
        let sum: u64 = set
            .train
            .pixels()
            .iter()
            .map(|&pixel| u64::from(pixel))
            .sum();
        let mean = sum as f64 / 255.0 / set.train.pixels().len() as f64;
        assert_eq!(format!("{mean:.4}"), "0.1307");
    }
}
