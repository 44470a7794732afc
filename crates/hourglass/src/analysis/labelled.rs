//! Labelled pictures: selects the pictures whose labels may be used, balanced over the classes.

/// `count` pictures, balanced over their `classes` as far as possible, drawn with `seed`, in ascending
/// order; all pictures if there are no more. With the same seed, a smaller selection is part of a larger
/// one.
pub fn draw(classes: &[u8], count: usize, seed: u64) -> Vec<u32> {
    let all: Vec<u32> = (0..classes.len() as u32).collect();
    let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); usize::from(u8::MAX) + 1];
    for index in data::epoch_order(&all, seed) {
        let class = classes.get(index as usize).copied().unwrap_or_default();
        if let Some(of_class) = of_class.get_mut(usize::from(class)) {
            of_class.push(index);
        }
    }
    // One of each class in turn, as long as the class has any left.
    let most = of_class.iter().map(Vec::len).max().unwrap_or_default();
    let turns = (0..most).flat_map(|turn| of_class.iter().filter_map(move |it| it.get(turn)));
    let mut drawn: Vec<u32> = turns.take(count).copied().collect();
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(classes: &[u8], drawn: &[u32]) -> Vec<usize> {
        let of = |class: u8| {
            drawn
                .iter()
                .filter(move |&&at| classes[at as usize] == class)
                .count()
        };
        (0..=*classes.iter().max().unwrap()).map(of).collect()
    }

    #[test]
    fn each_class_has_its_share_as_far_as_it_goes() {
        // 50, 30 and 4 pictures.
        let classes: Vec<u8> = (0..84)
            .map(|at| u8::from(at >= 50) + u8::from(at >= 80))
            .collect();
        for (count, expected) in [
            (0, [0, 0, 0]),
            (3, [1, 1, 1]),
            (10, [4, 3, 3]),
            (20, [8, 8, 4]),
            (84, [50, 30, 4]),
            (999, [50, 30, 4]),
        ] {
            let drawn = draw(&classes, count, 1);
            assert_eq!(counts(&classes, &drawn), expected, "{count}");
            assert!(drawn.is_sorted() && drawn.windows(2).all(|it| it[0] != it[1]));
        }
        assert!(draw(&[], 5, 1).is_empty());
    }

    #[test]
    fn a_seed_draws_the_same_and_more_of_it_and_another_seed_others() {
        let classes: Vec<u8> = (0..500).map(|at| (at % 10) as u8).collect();
        let [few, many] = [20, 100].map(|count| draw(&classes, count, 7));
        assert_eq!(few, draw(&classes, 20, 7));
        assert!(few.iter().all(|index| many.contains(index)));
        assert_ne!(few, draw(&classes, 20, 8));
    }
}
