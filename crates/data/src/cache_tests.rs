//! Tests of the cache of decoded pictures, on folders of pictures made for each.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use tempfile::TempDir;

use crate::{Batches, DataError, Dataset, Decoded, Limit, PictureOptions, Source, Warning};

/// Pictures of 6 x 5 pixels, and a folder for their cache.
struct Case {
    dir: TempDir,
}

impl Case {
    fn new(count: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("pictures")).unwrap();
        let case = Self { dir };
        for index in 0..count {
            case.add(&format!("{index:02}.png"), [6, 5], index);
        }
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("pictures").join(name)
    }

    fn add(&self, name: &str, [height, width]: [u32; 2], shade: u8) {
        let pixel = |x: u32, y: u32| Rgb([shade, x as u8 * 9, y as u8 * 11]);
        let picture: DynamicImage = ImageBuffer::from_fn(width, height, pixel).into();
        picture.save(self.path(name)).unwrap();
    }

    fn options(&self, cache: bool) -> PictureOptions {
        PictureOptions {
            cache: Some(cache),
            cache_dir: Some(self.dir.path().join("cache")),
            seed: 1,
            ..PictureOptions::default()
        }
    }

    fn load(&self, options: PictureOptions) -> Result<Dataset, DataError> {
        self.source(options).load()
    }

    fn source(&self, options: PictureOptions) -> Source {
        Source::Folder {
            dir: self.dir.path().join("pictures"),
            options,
        }
    }

    /// The folders of caches.
    fn caches(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.dir.path().join("cache")) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
        found.sort();
        found
    }

    /// Loads from the cache and from memory, which must give the same, and counts the caches.
    fn same(&self, with: impl Fn(PictureOptions) -> PictureOptions) -> usize {
        let cached = self.load(with(self.options(true))).unwrap();
        let plain = self.load(with(self.options(false))).unwrap();
        assert_eq!(cached, plain);
        assert_eq!(cached.sha256(), plain.sha256());
        // From the index this time.
        assert_eq!(self.load(with(self.options(true))).unwrap(), plain);
        self.caches().len()
    }
}

fn changed(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_cached_set_is_the_same_as_one_in_memory() {
    let case = Case::new(20);
    assert_eq!(case.same(|it| it), 1);
    let pixels = case.caches()[0].join("pixels");
    assert_eq!(fs::metadata(&pixels).unwrap().len(), 20 * 3 * 30);
    let before = changed(&pixels);
    // The second time nothing is decoded, so that a picture may even be damaged in the same second.
    assert_eq!(case.same(|it| it), 1);
    assert_eq!(changed(&pixels), before);
    let size = Some([4, 4]);
    assert_eq!(case.same(|it| PictureOptions { size, ..it }), 2);
    let limit = Some(Limit { count: 5, seed: 2 });
    assert_eq!(case.same(|it| PictureOptions { limit, ..it }), 3);
    assert_eq!(case.same(|it| PictureOptions { seed: 5, ..it }), 4);
}

#[test]
fn batches_and_parts_come_from_the_file() {
    let case = Case::new(9);
    let [cached, plain] = [true, false].map(|cache| case.load(case.options(cache)).unwrap());
    let device = burn::tensor::Device::flex();
    let values = |set: &Dataset| {
        let batches = Batches::new(set.train.clone().into(), &device, false);
        batches.gather(&[5, 0, 5]).unwrap().into_data()
    };
    assert_eq!(values(&cached), values(&plain));
    let mut few = [cached.train.clone(), plain.train.clone()];
    few.iter_mut().for_each(|it| it.truncate(3));
    assert_eq!(few[0], few[1]);
    assert_eq!(few[0].sha256(), few[1].sha256());
    assert_eq!(
        cached.test.select(&[0]).unwrap(),
        plain.test.select(&[0]).unwrap()
    );
}

#[test]
fn patches_and_copies_are_found_in_the_cache() {
    let case = Case::new(12);
    case.add("large.png", [13, 9], 200);
    fs::copy(case.path("03.png"), case.path("copy.png")).unwrap();
    let options = |it| PictureOptions {
        patch: Some(4),
        crops: Some(2),
        ..it
    };
    // Whole pictures, and those of each part's patches.
    assert_eq!(case.same(options), 3);
    let set = case.load(options(case.options(true))).unwrap();
    let told = |it: &Warning| matches!(it, Warning::Copies { .. } | Warning::InBoth { .. });
    assert!(set.warnings.iter().any(told), "{:?}", set.warnings);
    // Smaller than a patch.
    let options = |it| PictureOptions {
        patch: Some(8),
        ..it
    };
    case.same(options);
}

#[test]
fn pictures_that_cannot_be_read_are_left_out_until_they_can_be() {
    let case = Case::new(12);
    let good = fs::read(case.path("04.png")).unwrap();
    let damaged = [&good[..60], b"soup"].concat();
    fs::write(case.path("04.png"), &damaged).unwrap();
    fs::write(case.path("05.png"), "soup").unwrap();
    case.same(|it| it);
    let set = case.load(case.options(true)).unwrap();
    assert_eq!(set.train.len() + set.test.len(), 10);
    let strict = PictureOptions {
        strict: true,
        ..case.options(true)
    };
    assert!(matches!(case.load(strict), Err(DataError::Picture { .. })));
    // Readable now, with the size and the time that it had.
    let before = changed(&case.path("04.png"));
    let repaired = [
        &good[..],
        &[0].repeat(damaged.len().saturating_sub(good.len())),
    ]
    .concat();
    let times = fs::FileTimes::new().set_modified(before);
    fs::write(case.path("04.png"), &repaired).unwrap();
    let file = fs::File::options().write(true).open(case.path("04.png"));
    file.unwrap().set_times(times).unwrap();
    let sizes = [damaged.len(), repaired.len()];
    let set = case.load(case.options(true)).unwrap();
    assert_eq!(set.train.len() + set.test.len(), 11, "{sizes:?}");
}

#[test]
fn a_changed_file_makes_a_new_cache() {
    let case = Case::new(8);
    assert_eq!(case.same(|it| it), 1);
    case.add("03.png", [6, 5], 77);
    let later = changed(&case.path("03.png")) + std::time::Duration::from_secs(5);
    let file = fs::File::options().write(true).open(case.path("03.png"));
    file.unwrap().set_modified(later).unwrap();
    assert_eq!(case.same(|it| it), 2);
    fs::rename(case.path("02.png"), case.path("renamed.png")).unwrap();
    assert_eq!(case.same(|it| it), 3);
}

#[test]
fn a_damaged_cache_is_made_anew_with_a_warning() {
    let case = Case::new(8);
    case.same(|it| it);
    let [index, pixels] = ["index.jsonl", "pixels"].map(|name| case.caches()[0].join(name));
    let whole = fs::read(&pixels).unwrap();
    let text = fs::read_to_string(&index).unwrap();
    let other = text.replace("\"version\":1", "\"version\":9");
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    // One that no file of this folder has.
    let shape = text.replacen("[3,6,5,", "[3,6,99999,", 1);
    for (path, bytes, reason) in [
        (
            &index,
            other.as_bytes(),
            "its index is of version 9; allowed: 1",
        ),
        (
            &index,
            b"soup\n",
            "its index is damaged: expected value at line 1 column 1",
        ),
        (&pixels, &whole[..200], "its pixels end after 200 bytes"),
        (
            &pixels,
            &flipped,
            "its pixels are damaged: another SHA-256 than in its index",
        ),
        (&index, shape.as_bytes(), ""),
    ] {
        fs::write(path, bytes).unwrap();
        let plain = case.load(case.options(false)).unwrap();
        let mut set = case.load(case.options(true)).unwrap();
        let is_remade = |it: &Warning| matches!(it, Warning::Remade { .. });
        let told = set.warnings.iter().position(is_remade);
        if let Some(place) = told {
            let text = set.warnings.remove(place).to_string();
            let folder = case.caches()[0].display().to_string();
            assert_eq!(
                text,
                format!("{folder}: the cache of decoded pictures is made anew: {reason}")
            );
        }
        assert_eq!(told.is_some(), !reason.is_empty(), "{reason}");
        assert_eq!(set, plain, "{reason}");
        assert_eq!(fs::read(&pixels).unwrap(), whole, "{reason}");
    }
}

#[test]
fn what_is_to_be_decoded_is_known_and_told() {
    let case = Case::new(8);
    assert!(
        case.source(case.options(false))
            .undecoded()
            .unwrap()
            .is_none()
    );
    // It would fit into memory.
    let by_size = PictureOptions {
        cache: None,
        ..case.options(true)
    };
    assert!(case.source(by_size).undecoded().unwrap().is_none());
    let source = case.source(case.options(true));
    let shape = source.shape().unwrap();
    assert_eq!(source.extent(shape).unwrap().bytes, 0);
    let mut told = Vec::new();
    let undecoded = source.undecoded().unwrap().unwrap();
    let into = undecoded.into.clone();
    let warning = undecoded.run(&mut |it| told.push(it)).unwrap();
    assert_eq!((warning, case.caches()), (None, vec![into]));
    let all = |done| Decoded { done, of: 8 };
    // Blocks of 100 bytes are of two pictures of 90 here.
    assert_eq!(told, [0, 2, 4, 6, 8].map(all));
    assert!(source.undecoded().unwrap().is_none());
}

#[test]
fn white_is_found_once() {
    let case = Case::new(0);
    for index in 0..8_u16 {
        let pixel = |x: u32, y: u32| Luma([index * 100 + (x + y) as u16 * 300]);
        let picture: DynamicImage = ImageBuffer::<Luma<u16>, _>::from_fn(5, 6, pixel).into();
        picture.save(case.path(&format!("{index}.png"))).unwrap();
    }
    assert_eq!(case.same(|it| it), 1);
    let found = case.load(case.options(true)).unwrap().preparation.white;
    assert_eq!(found, 4095);
    // As later commands ask for it.
    let white = |white| {
        move |it| PictureOptions {
            white: Some(white),
            ..it
        }
    };
    assert_eq!(case.same(white(4095)), 1);
    assert_eq!(case.same(white(2000)), 2);
}
