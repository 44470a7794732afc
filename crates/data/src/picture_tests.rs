//! Tests of single pictures.

use image::{Luma, LumaA, Rgb, Rgba};
use tempfile::TempDir;

use super::*;

// Pictures of 16 x 8 pixels, black on the left and white on the right, some to be turned by 90
// degrees; of 4 x 4 pixels, an animation from red to green, and a fifth of a dark red; all
// written by Pillow 12.
const LOSSY: &[u8] =
    b"RIFF(\0\0\0WEBPVP8 \x1c\0\0\0P\x01\0\x9d\x01*\x10\0\x08\0\x01@&%\xa4\0\x04t\0\0\xfd\
    \xb3\xff\xfd\x90\xd0\0\0";
const LOSSY_TURNED: &[u8] =
    b"RIFF\\\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x0f\0\0\x07\0\0VP8 \x1c\0\0\0P\x01\0\x9d\
    \x01*\x10\0\x08\0\x01@&%\xa4\0\x04t\0\0\xfd\xb3\xff\xfd\x90\xd0\0\0EXIF\x1a\0\0\0MM\
    \0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
const LOSSLESS_TURNED: &[u8] =
    b"RIFFZ\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x0f\0\0\x07\0\0VP8L\x1a\0\0\0/\x0f\xc0\x01\0\
    \x0f0\xff\xf3?\xff\xf3\x1fx\x10\x0b&\xf3\x97\xeeL!\xa2\xff\xa1\x03EXIF\x1a\0\0\0MM\0\
    *\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
const PNG_TURNED: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x08\x08\x02\0\0\0\x7f\x14\xe8\
    \xc0\0\0\0\x1aeXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0\
    \xd6gKi\0\0\0\x1aIDATx\x9ccd\xc0\x01\xfe\xff\xff\x8fU\x9c\x09\x97\x06\\`T\x031\0\0S\
    \xba\x03\x0d\xab\xa6\xb5.\0\0\0\0IEND\xaeB`\x82";
const ANIMATED: &[u8] =
    b"RIFF\x84\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x03\0\0\x03\0\0ANIM\x06\0\0\0\0\0\0\0\0\0\
    ANMF(\0\0\0\0\0\0\0\0\0\x03\0\0\x03\0\0\0\0\0\x02VP8L\x0f\0\0\0/\x03\xc0\0\0\x07\x10\
    \xfd\x8f\xfe\x07\"\xa2\xff\x01\0ANMF(\0\0\0\0\0\0\0\0\0\x03\0\0\x03\0\0\0\0\0\0VP8L\
    \x0f\0\0\0/\x03\xc0\0\0\x07\xd0\xff\x88\xfe\x07\"\xa2\xff\x01\0";
const SEE_THROUGH: &[u8] =
    b"RIFF`\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x03\0\0\x03\0\0ALPH\x0a\0\0\0\x01\x07\xd0\
    \x99\x88\x08DD\xff\x03VP8 0\0\0\0\xd0\x01\0\x9d\x01*\x04\0\x04\0\0\xc0\x12%\xa0\x02t\
    \xba\x01\xf8\0\x03\xb0\0\xfe\xfe[\xdf\xff\xe2\xceF#\xb3\xcd\xff\xe0N\xfc\x09\xdf\x81\
    ;\xff\0\0\0\0";

fn saved(picture: impl Into<DynamicImage>, name: &str) -> (TempDir, PathBuf) {
    written(&encoded(picture, ImageFormat::Png), name)
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn written(bytes: &[u8], name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn header(path: &Path) -> Header {
    File::Stored(path.to_owned()).header().unwrap()
}

/// The header of a file with 8 bits.
fn eight_bits(path: &Path, channels: usize, size: [usize; 2]) -> Header {
    Header {
        channels,
        size,
        deep: false,
        bytes: std::fs::metadata(path).unwrap().len(),
    }
}

fn read_picture(path: impl AsRef<Path>, shape: ImageShape) -> Result<Vec<u8>, DataError> {
    super::read_picture(path, shape, u16::MAX)
}

fn plain(channels: usize, size: Option<[usize; 2]>, aspect: Aspect) -> Conversion {
    Conversion {
        channels,
        size,
        aspect,
        white: u16::MAX,
    }
}

#[test]
fn channels_are_planes() {
    let picture = ImageBuffer::from_fn(3, 2, |x, y| Rgb([x as u8, 10 + y as u8, 200]));
    let (_dir, path) = saved(picture, "a.png");
    assert_eq!(header(&path), eight_bits(&path, 3, [2, 3]));
    let expected = [
        0, 1, 2, 0, 1, 2, 10, 10, 10, 11, 11, 11, 200, 200, 200, 200, 200, 200,
    ];
    assert_eq!(read_picture(&path, [3, 2, 3]).unwrap(), expected);
}

#[test]
fn sixteen_bits_become_eight() {
    let picture = ImageBuffer::from_fn(2, 1, |x, _| Luma([x as u16 * 65535]));
    let (_dir, path) = saved(picture, "a.png");
    assert_eq!(header(&path).channels, 1);
    assert_eq!(read_picture(&path, [1, 1, 2]).unwrap(), [0, 255]);
    assert_eq!(
        read_picture(&path, [3, 1, 2]).unwrap(),
        [0, 255, 0, 255, 0, 255]
    );
}

#[test]
fn transparency_is_laid_on_white() {
    let alpha = ImageBuffer::from_fn(3, 1, |x, _| Rgba([100, 0, 0, [0_u8, 51, 255][x as usize]]));
    let (_dir, path) = saved(alpha, "a.png");
    // 51 is a fifth: 100 / 5 + 255 * 4 / 5 = 224, and 204 where the colour is 0.
    let expected = [255, 224, 100, 255, 204, 0, 255, 204, 0];
    assert_eq!(read_picture(&path, [3, 1, 3]).unwrap(), expected);
    let (_dir, path) = saved(ImageBuffer::from_pixel(1, 1, LumaA([7_u8, 0])), "a.png");
    assert_eq!(header(&path).channels, 1);
    assert_eq!(read_picture(&path, [1, 1, 1]).unwrap(), [255]);
}

#[test]
fn colour_becomes_grey_by_luma() {
    let (_dir, path) = saved(ImageBuffer::from_pixel(1, 1, Rgb([0_u8, 255, 0])), "a.png");
    let grey = read_picture(&path, [1, 1, 1]).unwrap();
    assert!((grey[0] as i32 - 182).abs() <= 1, "{grey:?}"); // 0.7152 * 255
}

#[test]
fn resizing_keeps_the_range_and_the_direction() {
    let picture = ImageBuffer::from_fn(16, 8, |x, _| Luma([x as u8 * 17]));
    let (_dir, path) = saved(picture, "a.png");
    let small = read_picture(&path, [1, 4, 8]).unwrap();
    assert_eq!(small.len(), 32);
    assert!(
        small[..8].is_sorted() && small[0] < 25 && small[7] > 230,
        "{small:?}"
    );
}

/// A JPEG with the smallest EXIF block that says "rotate by 90 degrees".
fn jpeg_turned() -> Vec<u8> {
    let picture = ImageBuffer::from_fn(16, 8, |x, _| Luma([if x < 8 { 0_u8 } else { 255 }]));
    let mut bytes = encoded(picture, ImageFormat::Jpeg);
    let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut segment = vec![0xff, 0xe1, 0, 2 + 6 + tiff.len() as u8];
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    bytes.splice(2..2, segment);
    bytes
}

#[test]
fn pictures_are_turned_upright() {
    let jpeg = jpeg_turned();
    for bytes in [&jpeg[..], PNG_TURNED, LOSSY_TURNED, LOSSLESS_TURNED] {
        let (_dir, path) = written(bytes, "a.jpg");
        assert_eq!(header(&path).size, [16, 8]);
        let pixels = read_picture(&path, [1, 16, 8]).unwrap();
        assert!(
            pixels[..64].iter().all(|&pixel| pixel < 9),
            "the left half is now on top"
        );
        assert!(pixels[64..].iter().all(|&pixel| pixel > 246));
    }
}

#[test]
fn the_content_says_what_a_file_is() {
    let picture = ImageBuffer::from_fn(16, 8, |x, _| Rgb([if x < 8 { 0_u8 } else { 255 }; 3]));
    let files = [
        encoded(picture.clone(), ImageFormat::Png),
        encoded(picture.clone(), ImageFormat::Jpeg),
        encoded(picture.clone(), ImageFormat::WebP),
        encoded(picture.clone(), ImageFormat::Tiff),
        encoded(picture.clone(), ImageFormat::Bmp),
        encoded(picture.clone(), ImageFormat::Gif),
        encoded(picture, ImageFormat::Pnm),
        LOSSY.to_vec(),
    ];
    for bytes in &files {
        for name in ["a.jpg", "a.png", "a.webp"] {
            let (_dir, path) = written(bytes, name);
            assert_eq!(header(&path), eight_bits(&path, 3, [8, 16]));
            let pixels = read_picture(&path, [3, 8, 16]).unwrap();
            let row = &pixels[..16];
            assert!(row[..8].iter().all(|&pixel| pixel < 9), "{row:?}");
            assert!(row[8..].iter().all(|&pixel| pixel > 246), "{row:?}");
        }
    }
}

#[test]
fn every_depth_and_number_of_channels_is_read() {
    let deep = |share: f64| (65_535.0 * share) as u16;
    let pictures: [DynamicImage; 4] = [
        ImageBuffer::from_pixel(2, 1, Rgb([deep(0.2), deep(0.4), deep(1.0)])).into(),
        ImageBuffer::from_pixel(2, 1, Rgba([deep(0.2), deep(0.4), deep(1.0), u16::MAX])).into(),
        ImageBuffer::from_pixel(2, 1, Rgb([51_u8, 102, 255])).into(),
        ImageBuffer::from_pixel(2, 1, Rgba([51_u8, 102, 255, 255])).into(),
    ];
    for picture in pictures {
        let (_dir, path) = saved(picture, "a.png");
        assert_eq!(header(&path).channels, 3);
        let pixels = read_picture(&path, [3, 1, 2]).unwrap();
        assert_eq!(pixels, [51, 51, 102, 102, 255, 255]);
    }
    for name in ["a.tif", "a.png", "a.pgm"] {
        let (_dir, path) = saved(ImageBuffer::from_pixel(2, 1, Luma([deep(0.2)])), name);
        let found = header(&path);
        assert!(found.channels == 1 && found.deep, "{name}: {found:?}");
        assert_eq!(read_picture(&path, [1, 1, 2]).unwrap(), [51, 51], "{name}");
    }
    let (_dir, path) = saved(
        ImageBuffer::from_pixel(1, 1, LumaA([0_u16, deep(0.6)])),
        "a.png",
    );
    assert_eq!(header(&path).channels, 1);
    assert_eq!(read_picture(&path, [1, 1, 1]).unwrap(), [102]);
}

#[test]
fn an_animation_is_its_first_picture_and_webp_may_be_transparent() {
    let (_dir, path) = written(ANIMATED, "a.webp");
    let red = read_picture(&path, [3, 4, 4]).unwrap();
    assert_eq!(red, [[255; 16], [0; 16], [0; 16]].concat());
    let (_dir, path) = written(SEE_THROUGH, "a.webp");
    let pixels = read_picture(&path, [3, 4, 4]).unwrap();
    // A fifth of (100, 0, 0) on white, coded with losses.
    for (pixels, expected) in pixels.chunks(16).zip([224_i32, 204, 204]) {
        assert!(
            pixels
                .iter()
                .all(|&it| (i32::from(it) - expected).abs() < 4),
            "{pixels:?}"
        );
    }
}

/// The checksum of a chunk of PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

/// Small files whose headers announce so many pixels to a side, as far as the format can say so.
fn bombs(side: u32) -> Vec<Vec<u8>> {
    let picture: DynamicImage = ImageBuffer::from_pixel(8, 8, Rgb([1_u8, 2, 3])).into();
    let mut png = encoded(picture.clone(), ImageFormat::Png);
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());

    let mut jpeg = encoded(picture, ImageFormat::Jpeg);
    // Behind the marker of the frame, its length and the depth.
    let frame = jpeg.windows(2).position(|it| it == [0xff, 0xc0]).unwrap() + 5;
    let short = (side as u16).to_be_bytes();
    jpeg[frame..frame + 4].copy_from_slice(&[short, short].concat());

    let mut extended = LOSSLESS_TURNED.to_vec();
    let canvas = (side - 1).to_le_bytes();
    extended[24..30].copy_from_slice(&[&canvas[..3], &canvas[..3]].concat());
    vec![png, jpeg, extended]
}

#[test]
fn a_header_that_announces_too_much_is_refused() {
    // The lossless format ends at 16,383: 1 GiB with its transparency.
    let mut lossless = encoded(
        DynamicImage::from(ImageBuffer::from_pixel(8, 8, Rgba([1_u8, 2, 3, 4]))),
        ImageFormat::WebP,
    );
    let bits = u32::from_le_bytes(*lossless[21..].first_chunk().unwrap());
    let sides = 16_382 | 16_382 << 14;
    lossless[21..25].copy_from_slice(&(bits & !0xfff_ffff | sides).to_le_bytes());
    let mut files = vec![lossless];
    files.extend(bombs(60_000));
    files.extend(bombs(30_000));
    for bytes in files {
        let (_dir, path) = written(&bytes, "a.png");
        let file = File::Stored(path.clone());
        let errors = [
            file.header().unwrap_err(),
            file.pixels::<u8>(&plain(3, Some([8, 8]), Aspect::Stretch))
                .unwrap_err(),
        ];
        for error in errors.map(|error| error.to_string()) {
            assert!(
                error.ends_with("it is larger than 32768 pixels per side or 512 MiB in memory"),
                "{error}"
            );
        }
    }
}

#[test]
fn whatever_is_cut_off_or_changed_nothing_panics() {
    let picture = ImageBuffer::from_fn(16, 8, |x, y| Rgb([x as u8 * 16, y as u8 * 32, 7]));
    let files = [
        encoded(picture.clone(), ImageFormat::Png),
        encoded(picture.clone(), ImageFormat::Jpeg),
        encoded(picture.clone(), ImageFormat::WebP),
        encoded(picture.clone(), ImageFormat::Tiff),
        encoded(picture.clone(), ImageFormat::Bmp),
        encoded(picture.clone(), ImageFormat::Gif),
        encoded(picture, ImageFormat::Pnm),
        LOSSY_TURNED.to_vec(),
        ANIMATED.to_vec(),
        SEE_THROUGH.to_vec(),
    ];
    // In memory, for there are thousands.
    let file = |bytes: &[u8]| File::Bundled {
        path: "a.png".into(),
        bytes: bytes.to_vec().leak(),
    };
    for bytes in files {
        for end in 0..bytes.len() {
            let cut = file(&bytes[..end]).pixels::<u8>(&plain(3, Some([4, 4]), Aspect::Stretch));
            // What ends a PNG or a GIF says nothing about its pixels.
            let ends = match bytes[0] {
                0x89 => 16,
                b'G' => 3,
                _ => 0,
            };
            let needed = end < bytes.len() - ends;
            assert!(cut.is_err() || !needed, "{end} of {}", bytes.len());
        }
        for place in 0..bytes.len() {
            for change in [1, 0x10, 0xff] {
                let mut bytes = bytes.clone();
                bytes[place] ^= change;
                let file = file(&bytes);
                let _ = (
                    file.header(),
                    file.pixels::<u8>(&plain(3, Some([4, 4]), Aspect::Crop)),
                );
            }
        }
    }
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let (_dir, path) = saved(ImageBuffer::from_pixel(1, 1, Luma([7_u8])), "a.png");
    for shape in [[0, 1, 1], [65, 1, 1], [1, 0, 1], [1, 1, MAX_SIDE + 1]] {
        let result = read_picture(&path, shape);
        assert!(matches!(result, Err(DataError::Option { .. })), "{shape:?}");
    }
    // Only files with bands have two channels.
    let result = read_picture(&path, [2, 1, 1]);
    assert!(matches!(result, Err(DataError::Picture { .. })));
}

#[test]
fn white_is_where_sixteen_bits_are_told_it_is() {
    let picture = ImageBuffer::from_fn(4, 1, |x, _| Luma([[0_u16, 2048, 4095, 5000][x as usize]]));
    let (_dir, path) = saved(picture, "a.png");
    assert!(header(&path).deep);
    assert_eq!(File::Stored(path.clone()).peak().unwrap(), 5000);
    let read = |white| super::read_picture(&path, [1, 1, 4], white).unwrap();
    assert_eq!(read(u16::MAX), [0, 8, 16, 19]);
    // 2048 / 4095 * 255 = 127.5; what is above is cut off.
    assert_eq!(read(4095), [0, 128, 255, 255]);
    // Transparency is no brightness.
    let picture = ImageBuffer::from_fn(1, 1, |_, _| LumaA([1000_u16, u16::MAX]));
    let (_dir, path) = saved(picture, "b.png");
    assert_eq!(File::Stored(path.clone()).peak().unwrap(), 1000);
    assert_eq!(super::read_picture(&path, [1, 1, 1], 1000).unwrap(), [255]);
    // Files with 8 bits have their own white.
    let (_dir, path) = saved(ImageBuffer::from_pixel(1, 1, Luma([100_u8])), "c.png");
    assert_eq!(super::read_picture(&path, [1, 1, 1], 4095).unwrap(), [100]);
}

#[test]
fn a_crop_keeps_the_middle_and_shapes() {
    assert_eq!(centre([10, 40], [5, 5]), [15, 0, 10, 10]);
    assert_eq!(centre([40, 10], [4, 2]), [0, 10, 10, 20]);
    assert_eq!(centre([1, 1 << 15], [1 << 15, 1]), [16383, 0, 1, 1]);
    let picture = ImageBuffer::from_fn(8, 4, |x, _| Luma([x as u8 * 10]));
    let (_dir, path) = saved(picture, "a.png");
    let file = File::Stored(path);
    let read = |aspect| file.pixels::<u8>(&plain(1, Some([4, 4]), aspect)).unwrap()[..4].to_vec();
    assert_eq!(read(Aspect::Crop), [20, 30, 40, 50]);
    let stretched = read(Aspect::Stretch);
    assert!(stretched[0] < 10 && stretched[3] > 60, "{stretched:?}");
}

#[cfg(unix)]
#[test]
fn what_is_no_picture_is_not_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    let file = std::fs::File::create(&path).unwrap();
    // Sparse: 3 GB of zeros, of which the first are enough.
    file.set_len(3 << 30).unwrap();
    assert!(picture_shape(&path).is_err());
    let bytes = encoded(
        ImageBuffer::from_pixel(1, 1, Luma([1_u8])),
        ImageFormat::Png,
    );
    std::fs::write(&path, bytes).unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(600 << 20)
        .unwrap();
    let error = picture_shape(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("the file has 600 MiB; allowed: at most 512 MiB"),
        "{error}"
    );
    assert!(picture_shape("/dev/zero").is_err());
}
