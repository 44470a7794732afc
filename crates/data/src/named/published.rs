//! What is known of the published files: where they are, and how large, with which digest.
//!
//! Sizes and digests are those of TensorFlow Datasets
//! (<https://github.com/tensorflow/datasets/tree/master/tensorflow_datasets/url_checksums>), except those of Debian's
//! package, which were computed from it.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Named;
use crate::dataset::hex;
use crate::{DataError, ImageShape};

/// What is known of a set.
pub(crate) struct Facts {
    pub name: &'static str,
    pub shape: ImageShape,
    /// Training and test images.
    pub images: [u64; 2],
    pub classes: &'static [&'static str],
    pub files: &'static [Published],
    /// Addresses under which the files are, each with a slash at its end, the best one first.
    pub mirrors: &'static [&'static str],
    /// Where Debian's package puts the files.
    pub packaged: Option<&'static str>,
}

/// A file of a set.
pub(crate) struct Published {
    pub name: &'static str,
    /// Bytes and SHA-256.
    pub original: (u64, &'static str),
    /// The same of what Debian ships: the same content, compressed without a name and a time.
    pub debian: Option<(u64, &'static str)>,
}

const fn file(name: &'static str, bytes: u64, sha256: &'static str) -> Published {
    Published {
        name,
        original: (bytes, sha256),
        debian: None,
    }
}

impl Facts {
    /// Where a file of this name is published.
    pub fn url(&self, file: &str) -> String {
        format!(
            "{}{file}",
            self.mirrors.first().copied().unwrap_or_default()
        )
    }
}

impl Published {
    /// Fails unless the file at `path` is the published one, which is at `url`.
    pub fn check(&self, path: &Path, url: String) -> Result<(), DataError> {
        let failed = |error| DataError::read(path, error);
        let other = |found: String, expected: String| DataError::NotPublished {
            file: path.display().to_string(),
            found,
            expected,
            url: url.clone(),
        };
        if !path.is_file() {
            return Err(failed(io::Error::other("not a regular file")));
        }
        let mut source = File::open(path).map_err(failed)?;
        let bytes = source.metadata().map_err(failed)?.len();
        let mut known = std::iter::once(self.original).chain(self.debian);
        let Some((_, sha256)) = known.find(|(size, _)| *size == bytes) else {
            let (expected, _) = self.original;
            return Err(other(
                format!("it has {bytes} bytes"),
                format!("{expected}"),
            ));
        };
        let found = digest(&mut source).map_err(failed)?;
        if found != sha256 {
            return Err(other(format!("its SHA-256 is {found}"), sha256.to_owned()));
        }
        Ok(())
    }
}

/// SHA-256 of what is left of a file.
pub(crate) fn digest(source: &mut File) -> io::Result<String> {
    // Of this size, reading costs little compared with the digest.
    const BUFFER: usize = 256 << 10;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match io::Read::read(source, &mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Named {
    /// What is known of the set.
    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Named::FashionMnist => &FASHION_MNIST,
            Named::Kmnist => &KMNIST,
            Named::EmnistLetters => &EMNIST_LETTERS,
            Named::Cifar10 => &CIFAR_10,
            Named::Cifar100 => &CIFAR_100,
        }
    }
}

static FASHION_MNIST: Facts = Facts {
    name: "fashion-mnist",
    shape: [1, 28, 28],
    images: [60_000, 10_000],
    classes: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    files: &[
        Published {
            debian: Some((
                26_421_856,
                "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            )),
            ..file(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            )
        },
        Published {
            debian: Some((
                29_491,
                "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
            )),
            ..file(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            )
        },
        Published {
            debian: Some((
                4_422_079,
                "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            )),
            ..file(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            )
        },
        Published {
            debian: Some((
                5_125,
                "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
            )),
            ..file(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            )
        },
    ],
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ],
    packaged: Some("/usr/share/datasets/fashion-mnist"),
};

static KMNIST: Facts = Facts {
    name: "kmnist",
    shape: [1, 28, 28],
    images: [60_000, 10_000],
    classes: &["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    files: &[
        file(
            "train-images-idx3-ubyte.gz",
            18_165_135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        file(
            "train-labels-idx1-ubyte.gz",
            29_497,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        file(
            "t10k-images-idx3-ubyte.gz",
            3_041_136,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        file(
            "t10k-labels-idx1-ubyte.gz",
            5_120,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ],
    mirrors: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
    packaged: None,
};

static EMNIST_LETTERS: Facts = Facts {
    name: "emnist-letters",
    shape: [1, 28, 28],
    images: [124_800, 20_800],
    classes: &[
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x", "y", "z",
    ],
    files: &[file(
        "gzip.zip",
        561_753_746,
        "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    )],
    mirrors: &[
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
    ],
    packaged: None,
};

static CIFAR_10: Facts = Facts {
    name: "cifar-10",
    shape: [3, 32, 32],
    images: [50_000, 10_000],
    classes: &[
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ],
    files: &[file(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    )],
    mirrors: &["https://www.cs.toronto.edu/~kriz/"],
    packaged: None,
};

static CIFAR_100: Facts = Facts {
    name: "cifar-100",
    shape: [3, 32, 32],
    images: [50_000, 10_000],
    // As in the archive's fine_label_names.txt.
    classes: &[
        "apple",
        "aquarium_fish",
        "baby",
        "bear",
        "beaver",
        "bed",
        "bee",
        "beetle",
        "bicycle",
        "bottle",
        "bowl",
        "boy",
        "bridge",
        "bus",
        "butterfly",
        "camel",
        "can",
        "castle",
        "caterpillar",
        "cattle",
        "chair",
        "chimpanzee",
        "clock",
        "cloud",
        "cockroach",
        "couch",
        "crab",
        "crocodile",
        "cup",
        "dinosaur",
        "dolphin",
        "elephant",
        "flatfish",
        "forest",
        "fox",
        "girl",
        "hamster",
        "house",
        "kangaroo",
        "keyboard",
        "lamp",
        "lawn_mower",
        "leopard",
        "lion",
        "lizard",
        "lobster",
        "man",
        "maple_tree",
        "motorcycle",
        "mountain",
        "mouse",
        "mushroom",
        "oak_tree",
        "orange",
        "orchid",
        "otter",
        "palm_tree",
        "pear",
        "pickup_truck",
        "pine_tree",
        "plain",
        "plate",
        "poppy",
        "porcupine",
        "possum",
        "rabbit",
        "raccoon",
        "ray",
        "road",
        "rocket",
        "rose",
        "sea",
        "seal",
        "shark",
        "shrew",
        "skunk",
        "skyscraper",
        "snail",
        "snake",
        "spider",
        "squirrel",
        "streetcar",
        "sunflower",
        "sweet_pepper",
        "table",
        "tank",
        "telephone",
        "television",
        "tiger",
        "tractor",
        "train",
        "trout",
        "tulip",
        "turtle",
        "wardrobe",
        "whale",
        "willow_tree",
        "wolf",
        "woman",
        "worm",
    ],
    files: &[file(
        "cifar-100-binary.tar.gz",
        168_513_733,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    )],
    mirrors: &["https://www.cs.toronto.edu/~kriz/"],
    packaged: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_size_or_content_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.gz");
        // The digest of FIPS 180-2's first example.
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let published = file("x.gz", 3, ABC);
        let check = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            published.check(&path, "http://somewhere/x.gz".into())
        };
        check(b"abc").unwrap();
        let name = path.display();
        assert_eq!(
            check(b"abcd").unwrap_err().to_string(),
            format!(
                "{name}: not the published file: it has 4 bytes, expected 3; replace it by http://somewhere/x.gz"
            )
        );
        let error = check(b"abd").unwrap_err().to_string();
        assert!(error.contains("its SHA-256 is a52d159f"), "{error}");
        assert!(error.contains(&format!("expected {ABC};")), "{error}");
        let error = published.check(dir.path(), String::new()).unwrap_err();
        assert!(error.to_string().ends_with("not a regular file"), "{error}");
    }
}
