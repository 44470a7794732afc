//! The validation split, and the order of an epoch.
//!
//! Both use ChaCha8, whose stream is fixed, and a shuffle written here, because the sampling helpers of
//! `rand` may change between versions and a run must be reproducible years later.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::DataError;

/// Indices of the training and validation images; no image is in both. Each is unique and ascending, except if the
/// number of random patches is set (see [`Images::split`](crate::Images::split)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Images to train on.
    pub train: Vec<u32>,
    /// Images that choose the best checkpoint.
    pub validation: Vec<u32>,
}

/// Draws `validation` of `count` images at random with `seed`; the rest is for training.
///
/// # Errors
///
/// [`DataError::Split`] unless `validation` is less than `count`, or if `count` exceeds `u32`.
pub fn split(count: usize, validation: usize, seed: u64) -> Result<Split, DataError> {
    let error = DataError::Split { count, validation };
    if validation >= count {
        return Err(error);
    }
    let Ok(end) = u32::try_from(count) else {
        return Err(error);
    };
    let mut train: Vec<u32> = (0..end).collect();
    shuffle(&mut train, seed);
    let mut validation = train.split_off(count - validation);
    train.sort_unstable();
    validation.sort_unstable();
    Ok(Split { train, validation })
}

/// The training images in the order of one epoch: a permutation of `train` fixed by `seed`.
pub fn epoch_order(train: &[u32], seed: u64) -> Vec<u32> {
    let mut order = train.to_vec();
    shuffle(&mut order, seed);
    order
}

/// Fisher-Yates, from the back.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, below(&mut rng, last + 1));
    }
}

/// `wanted` of `count` indices, or all if there are fewer, each as likely as any other, ascending (Floyd's
/// method, which needs no memory for those that are not wanted).
pub(crate) fn sample(count: usize, wanted: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = std::collections::BTreeSet::new();
    for last in count.saturating_sub(wanted)..count {
        let index = below(&mut rng, last + 1);
        if !drawn.insert(index) {
            drawn.insert(last);
        }
    }
    drawn.into_iter().collect()
}

/// A random number below `count`: the high half of `count` times 64 random bits. Its bias, below
/// `count` / 2^64, cannot be observed. 0 if `count` is 0.
pub(crate) fn below(random: &mut impl Rng, count: usize) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_split_is_a_partition(count in 1_usize..3000, part in 0.0_f64..1.0, seed: u64) {
            let validation = ((count as f64 * part) as usize).min(count - 1);
            let split = split(count, validation, seed).unwrap();
            prop_assert_eq!(split.validation.len(), validation);
            prop_assert!(split.train.is_sorted() && split.validation.is_sorted());
            let mut all = [split.train, split.validation].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count as u32).collect::<Vec<_>>());
        }

        #[test]
        fn an_epoch_is_a_permutation(items in prop::collection::vec(any::<u32>(), 0..500), seed: u64) {
            let mut order = epoch_order(&items, seed);
            prop_assert_eq!(&order, &epoch_order(&items, seed));
            order.sort_unstable();
            let mut items = items;
            items.sort_unstable();
            prop_assert_eq!(order, items);
        }
    }

    #[test]
    fn nothing_left_to_train_on_is_refused() {
        for (count, validation) in [(0, 0), (5, 5), (5, 6), (usize::MAX, 1)] {
            assert!(split(count, validation, 1).is_err(), "{count} {validation}");
        }
        assert_eq!(split(5, 0, 1).unwrap().train, [0, 1, 2, 3, 4]);
    }

    /// Each index is drawn equally often: 2 of 5 in 5,000 samples, so 2,000 times each with a standard
    /// deviation of 35.
    #[test]
    fn a_sample_is_uniform_and_ascending() {
        let mut counts = [0_i32; 5];
        for seed in 0..5000 {
            let drawn = sample(5, 2, seed);
            assert!(drawn.len() == 2 && drawn[0] < drawn[1], "{drawn:?}");
            drawn.into_iter().for_each(|index| counts[index] += 1);
        }
        assert!(
            counts.iter().all(|it| (it - 2000).abs() < 175),
            "{counts:?}"
        );
        assert_eq!(sample(3, 9, 1), [0, 1, 2]);
        assert_eq!(sample(1 << 40, 2, 7), sample(1 << 40, 2, 7));
        assert!(sample(0, 4, 1).is_empty());
    }

    #[test]
    fn seeds_differ_and_stay() {
        let items: Vec<u32> = (0..100).collect();
        assert_ne!(epoch_order(&items, 1), epoch_order(&items, 2));
        assert_ne!(split(100, 20, 1).unwrap(), split(100, 20, 2).unwrap());
        // Fixed values: a change here would silently change every run of every config.
        let order = epoch_order(&[0, 1, 2, 3, 4, 5, 6, 7], 42);
        assert_eq!(order, [4, 7, 0, 1, 3, 2, 6, 5]);
    }

    /// Each item is equally likely at each place: over 6,000 shuffles of three items, each of the
    /// six orders is expected 1,000 times, with a standard deviation of 29.
    #[test]
    fn the_shuffle_is_uniform() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(epoch_order(&[0, 1, 2], seed)).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        for (order, count) in counts {
            assert!((count - 1000).abs() < 150, "{order:?}: {count}");
        }
    }
}
