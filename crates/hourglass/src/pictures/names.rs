//! Names of files that are made from the names of others: plain, and apart for any set of inputs.

use std::collections::HashMap;
use std::path::Path;

/// The longest name of a file on usual systems, in bytes.
const LONGEST: usize = 255;

/// The ending of written pictures.
const ENDING: &str = ".png";

/// The names of the pictures in a compressed file: the given ones, without what leads out of a folder, and numbered
/// where two would be the same.
pub fn kept(names: &[String]) -> Vec<String> {
    let mut apart = Apart::default();
    let name = |name: &String| {
        let name = plain(name);
        match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => apart.take(stem, &format!(".{ending}")),
            _ => apart.take(&name, ""),
        }
    };
    names.iter().map(name).collect()
}

/// A file name for each picture: `a.png` for `a.jpg`; the whole name, `a.jpg.png`, where another would be the same; and
/// a number behind it if even that is taken. Pictures without names are numbered from 0. No two differ in case alone,
/// because some systems take them for one.
pub fn outputs(names: Option<&[String]>, count: usize) -> Vec<String> {
    let digits = count.saturating_sub(1).to_string().len();
    let numbered = |index: usize| format!("{index:0digits$}");
    let Some(names) = names else {
        return (0..count).map(|index| numbered(index) + ENDING).collect();
    };
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let stem = |index: usize, name: &String| match Path::new(name).file_stem() {
        Some(stem) => stem.to_string_lossy().into_owned(),
        None => numbered(index),
    };
    let mut stems: Vec<String> = (names.iter().enumerate())
        .map(|(index, name)| stem(index, name))
        .collect();
    // A whole name may in turn be what another picture would be called.
    loop {
        let mut wanted: HashMap<String, usize> = HashMap::new();
        for stem in &stems {
            *wanted.entry(key(stem)).or_default() += 1;
        }
        let mut settled = true;
        for (stem, name) in stems.iter_mut().zip(&names) {
            if stem != name && wanted.get(&key(stem)).is_some_and(|&count| count > 1) {
                stem.clone_from(name);
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    let mut apart = Apart::default();
    stems.iter().map(|stem| apart.take(stem, ENDING)).collect()
}

/// The name of a file beside `name`: its stem, then `suffix`, which ends like a file.
pub fn beside(name: &str, suffix: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default();
    fitted(&stem.to_string_lossy(), suffix)
}

/// A name without separators of any system and without control characters.
fn plain(name: &str) -> String {
    let bad = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    name.replace(bad, "_")
}

/// What two names have in common that some system takes for one.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// A name that is as long as a system takes it: its end stays, and the stem is cut.
fn fitted(stem: &str, end: &str) -> String {
    let mut room = LONGEST.saturating_sub(end.len()).min(stem.len());
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{end}", stem.get(..room).unwrap_or_default())
}

/// Names that are taken, and how often each was wanted.
#[derive(Default)]
struct Apart {
    taken: HashMap<String, usize>,
}

impl Apart {
    /// The name `stem` + `ending`, or with the first free number between them.
    fn take(&mut self, stem: &str, ending: &str) -> String {
        let plain = fitted(stem, ending);
        let mut name = plain.clone();
        let mut number = self.taken.get(&key(&plain)).copied().unwrap_or_default();
        while self.taken.contains_key(&key(&name)) {
            number += 1;
            name = fitted(stem, &format!("-{}{ending}", number + 1));
        }
        self.taken.insert(key(&plain), number);
        self.taken.entry(key(&name)).or_default();
        name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn named(names: &[&str]) -> Vec<String> {
        outputs(Some(&owned(names)), names.len())
    }

    #[test]
    fn pictures_keep_their_names_where_they_can() {
        assert_eq!(
            named(&["b.jpg", "a.tar.png", "ü"]),
            ["b.png", "a.tar.png", "ü.png"]
        );
        assert_eq!(outputs(None, 11)[..2], ["00.png", "01.png"]);
        assert_eq!(outputs(None, 0), Vec::<String>::new());
    }

    #[test]
    fn twins_stay_apart() {
        assert_eq!(
            named(&["a.png", "a.jpg", "b.jpg"]),
            ["a.png.png", "a.jpg.png", "b.png"]
        );
        let three = named(&["a.png", "a.jpg", "a.png.png"]);
        assert_eq!(three, ["a.png.png", "a.jpg.png", "a.png.png.png"]);
        let same = named(&["a.png", "a.png", "a.png"]);
        assert_eq!(same, ["a.png.png", "a.png-2.png", "a.png-3.png"]);
        assert_eq!(named(&["A.png", "a.png"]), ["A.png.png", "a.png-2.png"]);
        assert_eq!(
            named(&["a\\b.png", "a/b.jpg"]),
            ["a_b.png.png", "a_b.jpg.png"]
        );
        assert_eq!(
            named(&["a\x1b[31m.png", "..", ""]),
            ["a_[31m.png", "1.png", "2.png"]
        );
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "ü".repeat(125);
        let made = named(&[&format!("{long}.png"), &format!("{long}.jpg")]);
        assert!(made.iter().all(|name| name.len() <= LONGEST), "{made:?}");
        assert_ne!(made[0], made[1]);
        let beside = beside(&made[0], "-compare.png");
        assert!(
            beside.len() <= LONGEST && beside.ends_with("ü-compare.png"),
            "{beside}"
        );
    }

    #[test]
    fn names_in_a_compressed_file_are_plain_and_differ() {
        let names = owned(&["a\\b.png", "a_b.png", "A_B.png", "..\\c", ".d", "e"]);
        assert_eq!(
            kept(&names),
            ["a_b.png", "a_b-2.png", "A_B-3.png", ".._c", ".d", "e"]
        );
    }

    #[test]
    fn many_of_one_name_take_no_time() {
        let names = vec!["a.png".to_owned(); 20_000];
        assert_eq!(
            outputs(Some(&names), names.len())[19_999],
            "a.png-20000.png"
        );
    }

    proptest! {
        #[test]
        fn any_set_of_names_has_as_many_outputs(names in prop::collection::vec("[aAb.\\-2\\\\/\u{1}]{0,5}(.png){0,3}", 0..40)) {
            for made in [outputs(Some(&names), names.len()), kept(&names)] {
                let different: HashSet<String> = made.iter().map(|name| key(name)).collect();
                prop_assert_eq!(different.len(), names.len(), "{:?}", made);
            }
            let plain = |name: &String| Path::new(name).file_name() == Some(name.as_ref());
            prop_assert!(outputs(Some(&names), names.len()).iter().all(plain));
        }
    }
}
