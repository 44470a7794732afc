//! Random numbers from a seed. They come from ChaCha8, whose stream is the same on all platforms.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Bits of a uniform number: as many as an f64 in [0, 1) has at equal spacing.
const BITS: u32 = f64::MANTISSA_DIGITS;

/// A source of random numbers.
#[derive(Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// A source that returns the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> (u64::BITS - BITS)) as f64 / (1u64 << BITS) as f64
    }

    /// A whole number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        ((self.uniform() * limit as f64) as usize).min(limit.saturating_sub(1))
    }

    /// An index drawn in proportion to its weight. Weights that are all 0 count as equal. 0 without
    /// weights.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return self.below(weights.len());
        }
        let mut left = self.uniform() * total;
        let mut last = 0;
        for (index, &weight) in weights.iter().enumerate() {
            if weight > 0.0 {
                last = index;
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        // A remainder from rounding belongs to the last index with any weight.
        last
    }
}

/// `count` of the indices below `total`, drawn with `seed`, in ascending order; all of them if there are
/// no more.
pub fn sample(total: usize, count: usize, seed: u64) -> Vec<u32> {
    let all: Vec<u32> = (0..total as u32).collect();
    if count >= total {
        return all;
    }
    let mut drawn = data::epoch_order(&all, seed);
    drawn.truncate(count);
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_followed_and_zeros_never_drawn() {
        let mut random = Random::new(1);
        let mut counts = [0usize; 4];
        for _ in 0..4000 {
            counts[random.weighted(&[0.0, 1.0, 3.0, 0.0])] += 1;
        }
        assert_eq!((counts[0], counts[3]), (0, 0));
        // Expected 3000, with a standard deviation of 27.
        assert!(counts[2].abs_diff(3000) < 140, "{counts:?}");
        assert!(random.weighted(&[0.0; 5]) < 5);
        assert_eq!((random.weighted(&[]), random.below(0)), (0, 0));
    }

    #[test]
    fn a_sample_is_part_of_the_whole() {
        assert_eq!(sample(3, 9, 1), [0, 1, 2]);
        let drawn = sample(1000, 10, 1);
        assert!(
            drawn.len() == 10 && drawn.is_sorted() && drawn.windows(2).all(|it| it[0] != it[1])
        );
        assert_ne!(drawn, sample(1000, 10, 2));
    }
}
