//! Tests of how folders of pictures are taken, on small ones made for each.

use std::fs;

use image::{GrayImage, Luma};
use tempfile::TempDir;

use super::*;
use crate::{Dataset, Images, PictureOptions, Source, TestPart};

/// Pictures of 2 x 2 pixels, each of a brightness of its own.
fn folder(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (shade, name) in (0..=u8::MAX).cycle().zip(names) {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = GrayImage::from_pixel(2, 2, Luma([shade]));
        picture
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }
    dir
}

fn load(dir: &TempDir, options: PictureOptions) -> Result<Dataset, DataError> {
    let dir = dir.path().to_owned();
    Source::Folder { dir, options }.load()
}

fn whole(dir: &TempDir) -> Dataset {
    load(dir, PictureOptions::default()).unwrap()
}

fn all_names(set: &Dataset) -> Vec<String> {
    let names = |images: &Images| images.names().unwrap().to_vec();
    let mut all = [names(&set.train), names(&set.test)].concat();
    all.sort();
    all
}

#[test]
fn folders_are_classes_at_any_depth() {
    let files = [
        "cat/a.png",
        "cat/old/b.png",
        "dog/a.png",
        "dog/x/y/z.png",
        "dog/c.png",
    ];
    let dir = folder(&files);
    let set = whole(&dir);
    assert_eq!(set.train.classes(), ["cat", "dog"]);
    for part in [&set.train, &set.test] {
        for (name, label) in part.names().unwrap().iter().zip(part.labels().unwrap()) {
            assert_eq!(*label == 0, name.starts_with("cat/"), "{name}");
        }
    }
    assert_eq!(
        all_names(&set),
        files
            .map(String::from)
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    let words = Images::by_class(&[&set.train, &set.test]).unwrap();
    assert_eq!(words, "2 classes by folder: cat 2, dog 3");
    // Patches have the label of their picture.
    let patch = PictureOptions {
        patch: Some(1),
        ..PictureOptions::default()
    };
    let set = load(&dir, patch).unwrap();
    assert_eq!(set.train.labels().unwrap().len(), set.train.len());
}

#[test]
fn a_picture_outside_of_folders_or_a_single_folder_makes_no_classes() {
    for files in [
        &["a.png", "cat/b.png", "dog/c.png"][..],
        &["all/a.png", "all/b.png"],
    ] {
        let set = whole(&folder(files));
        assert_eq!(all_names(&set), files);
        assert!(set.train.labels().is_none() && set.train.classes().is_empty());
    }
}

#[test]
fn more_folders_than_labels_tell_apart_are_read_without() {
    let names: Vec<String> = (0..257).map(|index| format!("{index}/a.png")).collect();
    let set = whole(&folder(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    ));
    assert!(set.train.labels().is_none());
    let told = set.warnings.iter().map(Warning::to_string);
    assert!(
        told.into_iter()
            .any(|line| line.contains("257 folders of pictures, read without labels"))
    );
}

#[test]
fn a_validation_folder_is_the_validation_part_and_is_never_limited() {
    for (train, val, test) in [("train", "val", "test"), ("Training", "VALID", "Testing")] {
        let files = [
            format!("{train}/a.png"),
            format!("{train}/b.png"),
            format!("{train}/c.png"),
            format!("{val}/d.png"),
            format!("{test}/e.png"),
        ];
        let dir = folder(&files.each_ref().map(String::as_str));
        let limit = Some(crate::Limit { count: 2, seed: 1 });
        let set = load(
            &dir,
            PictureOptions {
                limit,
                ..PictureOptions::default()
            },
        )
        .unwrap();
        assert_eq!(set.held, [false, false, true]);
        assert_eq!(set.train.names().unwrap()[2], "d.png");
        assert_eq!(set.test.names().unwrap(), ["e.png"]);
        let split = set.train.split_by(&set.held).unwrap();
        assert_eq!((split.train, split.validation), (vec![0, 1], vec![2]));
    }
    // Without a test folder, test pictures are drawn from those for training.
    let set = whole(&folder(&["train/a.png", "train/b.png", "val/c.png"]));
    assert_eq!(set.held, [false, true]);
    assert_ne!(set.test.names().unwrap(), ["c.png"]);
}

#[test]
fn names_that_mean_nothing_or_two_things() {
    let set = whole(&folder(&["train/a.png", "car/b.png"]));
    assert_eq!(set.train.classes(), ["car", "train"]);
    let two = folder(&["train/a.png", "Training/b.png", "test/c.png"]);
    let error = load(&two, PictureOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("found two folders for one part, Training and train; rename one of them"),
        "{error}"
    );
    // A file of this name is none of the parts.
    let file = folder(&["a.png", "test/b.png"]);
    fs::write(file.path().join("train"), "x").unwrap();
    assert_eq!(all_names(&whole(&file)), ["a.png", "test/b.png"]);
}

#[test]
fn mvtec_has_kinds_as_labels_and_its_masks_are_no_pictures() {
    let dir = folder(&[
        "train/good/000.png",
        "train/good/001.png",
        "test/good/000.png",
        "test/crack/000.png",
        "ground_truth/crack/000_mask.png",
    ]);
    let set = whole(&dir);
    assert_eq!(set.train.classes(), ["crack", "good"]);
    assert_eq!(set.train.labels().unwrap(), [1, 1]);
    assert_eq!(set.test.names().unwrap(), ["crack/000.png", "good/000.png"]);
    assert_eq!(set.test.labels().unwrap(), [0, 1]);
    assert!(
        set.warnings
            .iter()
            .all(|it| !it.to_string().contains("ground_truth"))
    );
    let at = |name: &str| dir.path().join(name);
    assert_eq!(
        mask_of(&at("test/crack/000.png")),
        Some(at("ground_truth/crack/000_mask.png"))
    );
    assert_eq!(mask_of(&at("test/good/000.png")), None);
    assert_eq!(mask_of(Path::new("x.png")), None);
    // Whoever asks for all pictures gets no masks either, and masks without test pictures are pictures.
    assert_eq!(pictures(dir.path()).unwrap().0.len(), 4);
    let dir = folder(&["ground_truth/a.png", "b.png"]);
    assert_eq!(pictures(dir.path()).unwrap().0.len(), 2);
}

#[test]
fn groups_are_on_one_side_of_a_draw() {
    let mut names = Vec::new();
    for scene in 0..10 {
        for frame in 0..4 {
            names.push(format!("day{}/s{scene}_{frame}.png", scene % 5));
        }
    }
    let dir = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for group in [crate::Group::Name, crate::Group::Folder] {
        let options = PictureOptions {
            group: Some(group),
            test: TestPart::Share(0.2),
            ..PictureOptions::default()
        };
        let set = load(&dir, options).unwrap();
        assert_eq!((set.train.len(), set.test.len()), (32, 8), "{group:?}");
        assert_eq!(set.groups.len(), 32);
        let key = |name: &String| match group {
            crate::Group::Name => name.rsplit_once('_').unwrap().0.to_owned(),
            crate::Group::Folder => name.split_once('/').unwrap().0.to_owned(),
        };
        let of = |images: &Images| -> BTreeSet<String> {
            images.names().unwrap().iter().map(key).collect()
        };
        assert!(of(&set.train).is_disjoint(&of(&set.test)), "{group:?}");
    }
    // Nothing is drawn where folders say it all.
    let dir = folder(&["train/a.png", "val/b.png", "test/c.png"]);
    let options = PictureOptions {
        group: Some(crate::Group::Name),
        ..PictureOptions::default()
    };
    let error = load(&dir, options).unwrap_err().to_string();
    assert!(
        error.contains("group: found \"name\"; allowed: nothing"),
        "{error}"
    );
}

#[test]
fn a_missing_part_is_told_of() {
    let dir = folder(&["train/a.png", "val/b.png"]);
    let names = |training: bool| {
        let (files, warnings) = part(dir.path(), training).unwrap();
        let names = files.into_named().into_iter().map(|(_, name)| name);
        (names.collect::<Vec<_>>(), warnings)
    };
    assert_eq!(names(true), (vec!["a.png".to_owned()], vec![]));
    let (files, warnings) = names(false);
    assert_eq!(files, ["b.png"]);
    let told = warnings[0].to_string();
    assert!(
        warnings.len() == 1 && told.ends_with("no folder test, so val is read in its place"),
        "{told}"
    );
}

#[test]
fn a_part_without_pictures_is_an_error() {
    let dir = folder(&["test/a.png"]);
    fs::create_dir(dir.path().join("train")).unwrap();
    let error = load(&dir, PictureOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("; add some, or remove the folder"),
        "{error}"
    );
}

#[test]
fn named_test_files_are_found_in_folders() {
    let dir = folder(&["a/x.png", "b/x.png", "b/y.png"]);
    let test = TestPart::Files(vec!["b/x.png".into()]);
    let set = load(
        &dir,
        PictureOptions {
            test,
            ..PictureOptions::default()
        },
    )
    .unwrap();
    assert_eq!(set.test.names().unwrap(), ["b/x.png"]);
}

#[cfg(unix)]
#[test]
fn loops_odd_names_broken_files_and_empty_folders_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;

    let dir = folder(&["cat/a.png", "cat/b.png", "dog/c.png"]);
    std::os::unix::fs::symlink(dir.path(), dir.path().join("dog/loop")).unwrap();
    let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"o\xFFdd"));
    fs::create_dir(&odd).unwrap();
    fs::copy(dir.path().join("cat/a.png"), odd.join("d.png")).unwrap();
    fs::create_dir(dir.path().join("broken")).unwrap();
    fs::write(dir.path().join("broken/x.png"), "x").unwrap();
    for index in 0..2000 {
        fs::create_dir(dir.path().join(format!("empty{index}"))).unwrap();
    }
    let mut deep = dir.path().join("dog");
    (0..20).for_each(|_| deep.push("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::copy(dir.path().join("cat/a.png"), deep.join("e.png")).unwrap();
    let set = whole(&dir);
    assert_eq!(set.train.classes(), ["broken", "cat", "dog", "o%FFdd"]);
    assert_eq!(set.train.len() + set.test.len(), 4);
    let told: Vec<String> = set.warnings.iter().map(Warning::to_string).collect();
    let told = told.join("\n");
    assert!(
        told.contains("dog/loop (a link)") && told.contains("more than 16 folders deep"),
        "{told}"
    );
}
