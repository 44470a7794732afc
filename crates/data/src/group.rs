//! Groups: pictures that belong together, such as a burst or the frames of a scene. Parts that are drawn get whole
//! groups, so that no picture is tested on whose neighbour was trained on.

use std::collections::HashMap;

use crate::split::shuffle;

/// Which pictures belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Those of one folder.
    Folder,
    /// Those whose names, without their endings, differ only in their last number.
    Name,
}

impl Group {
    /// Its word in a config.
    pub fn word(self) -> &'static str {
        match self {
            Group::Folder => "folder",
            Group::Name => "name",
        }
    }

    /// What all pictures of a group have in common: a part of the path below the set's folder.
    fn key(self, name: &str) -> (&str, &str, &str) {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        if self == Group::Folder {
            return (folder, "", "");
        }
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let digit = |letter: char| letter.is_ascii_digit();
        match stem.rfind(digit) {
            Some(last) => {
                let (number, after) = stem.split_at(last + 1);
                (folder, number.trim_end_matches(digit), after)
            }
            None => (folder, stem, ""),
        }
    }

    /// The number of each picture's group, counted from 0 in the order of the pictures' names.
    pub(crate) fn of<'a>(self, names: impl Iterator<Item = &'a str>) -> Vec<u32> {
        let mut known = HashMap::new();
        names
            .map(|name| {
                let next = known.len() as u32;
                *known.entry(self.key(name)).or_insert(next)
            })
            .collect()
    }
}

/// Draws whole groups at random with `seed`, so that about `wanted` pictures are in them: whether each picture is
/// drawn. A group is left out if that comes nearer to `wanted`, but at least one is drawn and one is not; `None` if
/// there are fewer than two groups.
///
/// `groups` has the group of each picture, counted from 0. Nothing is drawn if nothing is wanted.
pub fn draw_groups(groups: &[u32], wanted: usize, seed: u64) -> Option<Vec<bool>> {
    if wanted == 0 {
        return Some(vec![false; groups.len()]);
    }
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    for group in groups {
        *sizes.entry(*group).or_default() += 1;
    }
    if sizes.len() < 2 {
        return None;
    }
    let size = |group: &u32| sizes.get(group).copied().unwrap_or_default();
    let mut order: Vec<u32> = sizes.keys().copied().collect();
    order.sort_unstable();
    shuffle(&mut order, seed);
    let mut count = 0;
    let mut drawn = Vec::new();
    for group in &order {
        let with = count + size(group);
        if with < groups.len() && with.abs_diff(wanted) < count.abs_diff(wanted) {
            count = with;
            drawn.push(*group);
        }
    }
    if drawn.is_empty() {
        drawn.extend(order.iter().min_by_key(|group| size(group)));
    }
    drawn.sort_unstable();
    let is_drawn = |group: &u32| drawn.binary_search(group).is_ok();
    Some(groups.iter().map(is_drawn).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(group: Group, names: &[&str]) -> Vec<u32> {
        group.of(names.iter().copied())
    }

    #[test]
    fn a_burst_or_a_folder_is_a_group() {
        let names = [
            "a/burst1_001.jpg",
            "a/burst1_002.png",
            "a/burst2_001.jpg",
            "b/burst1_001.jpg",
            "b/c/x.png",
            "7.png",
            "42.png",
            "é9ß.png",
            "é10ß.png",
            "x",
        ];
        let by_name = groups(Group::Name, &names);
        assert_eq!(by_name, [0, 0, 1, 2, 3, 4, 4, 5, 5, 6]);
        let by_folder = groups(Group::Folder, &names);
        assert_eq!(by_folder, [0, 0, 0, 1, 2, 3, 3, 3, 3, 3]);
    }

    #[test]
    fn one_group_cannot_be_divided_and_a_large_one_is_left_out() {
        assert_eq!(draw_groups(&[5, 5, 5], 1, 1), None);
        assert_eq!(draw_groups(&[], 1, 1), None);
        assert_eq!(draw_groups(&[5, 5], 0, 1), Some(vec![false; 2]));
        let mut sizes = vec![0; 90];
        sizes.extend(1..=10);
        for seed in 0..20 {
            let drawn = draw_groups(&sizes, 10, seed).unwrap();
            let expected: Vec<bool> = (0..100).map(|place| place >= 90).collect();
            assert_eq!(drawn, expected, "{seed}");
        }
    }

    proptest! {
        #[test]
        fn no_group_is_on_both_sides(groups in prop::collection::vec(0_u32..9, 2..60), wanted in 1_usize..70, seed: u64) {
            let Some(drawn) = draw_groups(&groups, wanted, seed) else {
                prop_assert!(groups.iter().all(|it| Some(it) == groups.first()));
                return Ok(());
            };
            prop_assert!(drawn.contains(&true) && drawn.contains(&false));
            for (one, is_drawn) in groups.iter().zip(&drawn) {
                let same = groups.iter().zip(&drawn).filter(|(it, _)| *it == one);
                prop_assert!(same.into_iter().all(|(_, it)| it == is_drawn));
            }
        }
    }
}
