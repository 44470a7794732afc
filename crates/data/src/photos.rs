//! Ten photographs, bundled with the program, so that colour pictures of various sizes are available
//! without a network.

use std::path::PathBuf;

use crate::DataError;
use crate::bundled::{Bundled, bundled};
use crate::images::Found;
use crate::picture::File;

pub(crate) const NAME: &str = "photos";

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

/// All photographs, sorted by name.
pub(crate) fn find() -> Result<Found, DataError> {
    let file = |photo: &Bundled| {
        Ok(File::Bundled {
            path: PathBuf::from(NAME).join(photo.name),
            bytes: photo.checked()?,
        })
    };
    Ok(Found::Together(
        PHOTOS.iter().map(file).collect::<Result<_, _>>()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PictureOptions, Source, TestPart};

    #[test]
    fn all_are_there_and_two_are_for_test() {
        let options = PictureOptions {
            patch: Some(64),
            test: TestPart::Files(TEST_PHOTOS.map(String::from).to_vec()),
            ..PictureOptions::default()
        };
        let source = Source::Photos { options };
        let set = source.load().unwrap();
        assert_eq!(source.shape().unwrap(), [3, 64, 64]);
        assert_eq!((set.name.as_str(), set.train.pictures()), ("photos", 8));
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
