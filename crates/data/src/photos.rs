//! Photographs, bundled with the program, so that colour pictures of various sizes are available without a
//! network: ten small ones, and 38 larger ones if the feature `photographs` is on.

use std::path::PathBuf;

use crate::DataError;
use crate::bundled::{Bundled, bundled};
use crate::images::Found;
use crate::picture::File;

pub(crate) const NAME: &str = "photos";

/// Which of the bundled photographs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collection {
    /// Ten, of up to 512 x 512 pixels.
    #[default]
    Small,
    /// These ten and 38 more, of about a megapixel. They are in the program if its feature `photographs` is on.
    Large,
}

/// The default test photographs: one with much sky, one with much detail.
pub const TEST_PHOTOS: [&str; 2] = ["rocket.jpg", "flower.jpg"];

static PHOTOS: [Bundled; 10] = [
    bundled!(
        "photos",
        "astronaut.jpg",
        "370adb9cb9dd03ca911ea316fb227495e01095398bc1f71188a3995209b9c81a"
    ),
    bundled!(
        "photos",
        "chelsea.jpg",
        "07c5a883d3ac0679d979dd166565360e82ecdfcfb2eb959f8b3df24681bbbc24"
    ),
    bundled!(
        "photos",
        "china.jpg",
        "be7bc3a0b084e77e50fe43e3031bed79ad14ca4f32c10492093f2b71ca5527ae"
    ),
    bundled!(
        "photos",
        "coffee.jpg",
        "49bc932c4cc78552ffafbdad2f32ebbc7f301698f4a34d58fcf2322f3193b4b4"
    ),
    bundled!(
        "photos",
        "flower.jpg",
        "dd88ac7d1c9865ca5ef2cda0e4bf9eaf05575be7150df092cb6ff8f1799ed8de"
    ),
    bundled!(
        "photos",
        "grass.jpg",
        "4b0deb4487742079933767f8a69fc8de7031971c23c0a24a30058025d71f8290"
    ),
    bundled!(
        "photos",
        "hubble_deep_field.jpg",
        "16a6172631d2d0345d19a377636c774ec8e83504218d805616bea6431576e466"
    ),
    bundled!(
        "photos",
        "ihc.jpg",
        "1115a9f8d52c8989fbd4e7b302d332d027b649487cacfd5561e18f26b144c507"
    ),
    bundled!(
        "photos",
        "retina.jpg",
        "9f048ba53e1628e63f8da66196623d6663f988ff1bfcbe6baed9548aa3e0d25c"
    ),
    bundled!(
        "photos",
        "rocket.jpg",
        "c7a0268a61c286a4997a0cd3a9110c4a51cf9b207d360ebf6e511de68af6fe0e"
    ),
];

/// All photographs of a collection, sorted by name.
pub(crate) fn find(collection: Collection) -> Result<Found, DataError> {
    let mut photos: Vec<&Bundled> = PHOTOS.iter().collect();
    if collection == Collection::Large {
        photos.extend(larger()?);
    }
    photos.sort_by_key(|photo| photo.name);
    let file = |photo: &Bundled| {
        Ok(File::Bundled {
            path: PathBuf::from(NAME).join(photo.name),
            bytes: photo.checked()?,
        })
    };
    Ok(Found::Together(
        photos.into_iter().map(file).collect::<Result<_, _>>()?,
    ))
}

/// What the large collection has besides the small one.
#[cfg(feature = "photographs")]
fn larger() -> Result<&'static [Bundled], DataError> {
    Ok(&crate::photographs::PHOTOGRAPHS)
}

#[cfg(not(feature = "photographs"))]
fn larger() -> Result<&'static [Bundled], DataError> {
    Err(DataError::Option {
        option: "collection",
        found: "\"large\"".to_owned(),
        allowed: "\"small\"; this program was built without its feature \"photographs\"; to have it: cargo run -p runner \
                  --features photographs -- ..."
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "photographs")]
    use crate::picture::Conversion;
    #[cfg(feature = "photographs")]
    use crate::{Aspect, WHITE};
    use crate::{PictureOptions, Source, TestPart};

    #[test]
    fn all_are_there_and_two_are_for_test() {
        let options = PictureOptions {
            patch: Some(64),
            test: TestPart::Files(TEST_PHOTOS.map(String::from).to_vec()),
            ..PictureOptions::default()
        };
        let large = cfg!(feature = "photographs").then_some((Collection::Large, 46));
        for (collection, trained) in [(Collection::Small, 8)].into_iter().chain(large) {
            let options = options.clone();
            let source = Source::Photos {
                collection,
                options,
            };
            let set = source.load().unwrap();
            assert_eq!(source.shape().unwrap(), [3, 64, 64]);
            assert_eq!(
                (set.name.as_str(), set.train.pictures()),
                ("photos", trained)
            );
            // 512 x 342 and 512 x 341 pixels: 8 x 5 squares each.
            let names = set.test.names().unwrap();
            let of = |photo: &str| names.iter().filter(|it| it.starts_with(photo)).count();
            assert_eq!(
                (names.len(), of("flower.jpg@"), of("rocket.jpg@")),
                (80, 40, 40)
            );
            assert_eq!(set.warnings, []);
        }
    }

    #[cfg(feature = "photographs")]
    #[test]
    fn the_large_collection_has_38_colour_photographs_of_a_megapixel_more() {
        let files = |collection| match find(collection).unwrap() {
            Found::Together(files) => files,
            Found::Apart { .. } => unreachable!(),
        };
        let (small, large) = (files(Collection::Small), files(Collection::Large));
        assert_eq!((small.len(), large.len()), (10, 48));
        let names: Vec<_> = large.iter().map(File::name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        let is_small = |name: &str| small.iter().any(|file| file.name() == name);
        for file in large.iter().filter(|file| !is_small(&file.name())) {
            let header = file.header().unwrap();
            let [height, width] = header.size;
            assert_eq!(
                (header.channels, header.deep),
                (3, false),
                "{}",
                file.place()
            );
            let pixels = height * width;
            assert!(
                (999_000..=1_001_000).contains(&pixels),
                "{}: {pixels}",
                file.place()
            );
            let conversion = Conversion {
                channels: 3,
                size: None,
                aspect: Aspect::Stretch,
                white: WHITE,
            };
            assert_eq!(file.pixels::<u8>(&conversion).unwrap().len(), 3 * pixels);
        }
    }

    #[cfg(not(feature = "photographs"))]
    #[test]
    fn the_large_collection_is_refused_by_a_program_without_it() {
        let source = Source::Photos {
            collection: Collection::Large,
            options: PictureOptions::default(),
        };
        let line = source.shape().unwrap_err().to_string();
        assert_eq!(
            line,
            "collection: found \"large\"; allowed: \"small\"; this program was built without its feature \
             \"photographs\"; to have it: cargo run -p runner --features photographs -- ..."
        );
    }
}
