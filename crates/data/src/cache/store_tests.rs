//! Tests of stores, whose blocks are of about 100 bytes here.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const LENGTHS: [usize; 7] = [60, 50, 40, 70, 10, 20, 30];

fn item(place: usize) -> Vec<u8> {
    vec![place as u8 + 1; LENGTHS[place]]
}

fn open(dir: &TempDir) -> Found<u32> {
    Store::open(dir.path(), "key", 280).unwrap()
}

/// A complete store with the fourth item dropped.
fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let Found { mut store, .. } = open(&dir);
    store.begin("key", 7_u32).unwrap();
    let make = |place| match place {
        3 => Err(DataError::EmptyBatch),
        place => Ok(item(place)),
    };
    store.fill(&LENGTHS, false, make, |_| {}).unwrap();
    dir
}

fn pixels() -> Vec<u8> {
    [0, 1, 2, 4, 5, 6].map(item).concat()
}

#[test]
fn what_is_filled_is_found_again() {
    let dir = filled();
    let Found {
        store,
        head,
        broken,
    } = open(&dir);
    assert_eq!((head, broken, store.done()), (Some(7), None, 7));
    let dropped: Vec<_> = store.dropped().collect();
    assert_eq!(dropped, [(3, "a batch of 0 images, expected at least 1")]);
    let (map, digests) = store.map(&LENGTHS).unwrap().unwrap();
    assert_eq!(map.bytes(), pixels());
    let of_last: Digest = Sha256::digest(item(6)).into();
    assert_eq!((digests.len(), digests[5]), (6, of_last));
}

#[test]
fn an_interrupted_store_goes_on_behind_its_last_block() {
    let dir = tempfile::tempdir().unwrap();
    let Found { mut store, .. } = open(&dir);
    store.begin("key", 7_u32).unwrap();
    let until = |end: usize| {
        move |place| match place {
            place if place < end => Ok(item(place)),
            _ => Err(DataError::EmptyBatch),
        }
    };
    assert!(store.fill(&LENGTHS, true, until(3), |_| {}).is_err());
    drop(store);
    // What a killed process was about to write.
    let append = |name: &str, bytes: &[u8]| {
        let file = OpenOptions::new().append(true).open(dir.path().join(name));
        file.unwrap().write_all(bytes).unwrap();
    };
    append("pixels", &[9; 33]);
    append("index.jsonl", br#"{"items": 2, "by"#);
    let Found { mut store, .. } = open(&dir);
    assert_eq!(store.done(), 2);
    let made = AtomicUsize::new(0);
    let mut told = Vec::new();
    let make = |place| {
        made.fetch_add(1, Ordering::Relaxed);
        Ok(item(place))
    };
    let tell = |done| told.push(done);
    store.fill(&LENGTHS, true, make, tell).unwrap();
    assert_eq!((made.into_inner(), told), (5, vec![4, 7]));
    let (map, _) = store.map(&LENGTHS).unwrap().unwrap();
    assert_eq!(map.bytes(), (0..7).flat_map(item).collect::<Vec<u8>>());
}

#[test]
fn a_store_that_is_damaged_is_told() {
    let index = |dir: &TempDir| fs::read_to_string(dir.path().join("index.jsonl")).unwrap();
    let write = |dir: &TempDir, name: &str, bytes: &[u8]| {
        fs::write(dir.path().join(name), bytes).unwrap();
    };
    for (from, to, wrong) in [
        (
            "\"version\":1",
            "\"version\":2",
            "its index is of version 2; allowed: 1",
        ),
        (
            "hourglass pictures",
            "soup",
            "its index is of the format \"soup\"",
        ),
        (
            "\"key\":\"key\"",
            "\"key\":\"other\"",
            "its index is of other pictures",
        ),
        (
            "{\"items\"",
            "{\"item\"",
            "its index is damaged: missing field",
        ),
        (
            "{\"format\"",
            "{format",
            "its index is damaged: key must be a string",
        ),
        (
            "\"head\":7",
            "\"head\":-7",
            "its index is damaged: invalid value",
        ),
    ] {
        let dir = filled();
        let text = index(&dir);
        assert!(text.contains(from), "{text}");
        write(&dir, "index.jsonl", text.replace(from, to).as_bytes());
        let Found {
            store,
            head,
            broken,
        } = open(&dir);
        let broken = broken.unwrap();
        assert!(
            broken.starts_with(wrong) && !broken.contains('\n'),
            "{broken}"
        );
        assert_eq!((head, store.done()), (None, 0));
        // It is told again until it is cleared.
        drop(store);
        let Found {
            mut store, broken, ..
        } = open(&dir);
        assert!(broken.is_some());
        store.clear().unwrap();
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 1, "only the lock is left");
    }
    // Cut off: what is left is kept.
    let dir = filled();
    write(&dir, "pixels", &pixels()[..115]);
    let Found { store, broken, .. } = open(&dir);
    assert_eq!(broken.as_deref(), Some("its pixels end after 115 bytes"));
    assert_eq!(store.done(), 2);
    // A digit of another picture.
    let dir = filled();
    let mut other = pixels();
    other[120] ^= 1;
    write(&dir, "pixels", &other);
    let wrong = open(&dir).store.map(&LENGTHS).unwrap().unwrap_err();
    assert_eq!(
        wrong,
        "its pixels are damaged: another SHA-256 than in its index"
    );
    // Other lengths than those that it was filled with.
    let wrong = open(&dir).store.map(&LENGTHS[1..]).unwrap().unwrap_err();
    assert_eq!(wrong, "its index is of other pixels");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let folder = dir.path().join("file/cache");
    let error = Store::open::<u32>(&folder, "key", 5_000_000_000)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: cannot be written: Not a directory; set HOURGLASS_CACHE to a folder with 5.0 GB free, or data.cache to \
             false",
            folder.display()
        )
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever a file of a store becomes, what is mapped is what was filled in, or an error.
    #[test]
    fn no_change_of_a_file_gives_other_pixels(
        in_index: bool,
        place in any::<prop::sample::Index>(),
        byte: u8,
        cut: bool,
    ) {
        let dir = filled();
        let path = dir.path().join(if in_index { "index.jsonl" } else { "pixels" });
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        match cut {
            true => bytes.truncate(place),
            false => bytes[place] = byte,
        }
        fs::write(&path, bytes).unwrap();
        let Found { store, .. } = open(&dir);
        if let Ok((map, digests)) = store.map(&LENGTHS[..store.done().min(7)]).unwrap_or(Err(String::new())) {
            let dropped: Vec<usize> = store.dropped().map(|(it, _)| it).collect();
            let kept = (0..store.done()).filter(|it| !dropped.contains(it));
            prop_assert_eq!(map.bytes(), kept.flat_map(item).collect::<Vec<u8>>());
            prop_assert!(digests.len() <= 7);
        }
    }
}
