//! Smoothing over neighbours: each row moves towards its neighbours, so that a class that forms a curved
//! sheet becomes a ball, which k-means can find.

use rayon::prelude::*;

use super::features::Features;
use super::neighbours::nearest;

/// Replaces each row by the mean of the `neighbours` rows nearest to it, including itself, `rounds`
/// times, always with the neighbours of the first round (a random walk on the graph of nearest
/// neighbours, as in diffusion maps: Coifman & Lafon 2006). It uses no labels. With fewer rows than
/// `neighbours`, all rows are neighbours.
pub fn smoothed(features: &Features, neighbours: usize, rounds: usize) -> Features {
    let width = features.width();
    let mut centred = features.clone();
    let mean = centred.centre();
    let others = nearest(centred.values(), width, neighbours.saturating_sub(1));
    let mut rows = centred.values().to_vec();
    let mut next = vec![0f32; rows.len()];
    for _ in 0..rounds {
        let each = next.par_chunks_exact_mut(width).zip(&others).enumerate();
        each.for_each_init(
            || vec![0f64; width],
            |sums, (own, (out, others))| {
                sums.fill(0.0);
                let beside = others.iter().map(|&(_, row)| row as usize).chain([own]);
                let count = (others.len() + 1) as f64;
                for row in beside {
                    let row = rows.get(row * width..(row + 1) * width);
                    for (sum, value) in sums.iter_mut().zip(row.unwrap_or_default()) {
                        *sum += f64::from(*value);
                    }
                }
                for (out, sum) in out.iter_mut().zip(sums.iter()) {
                    *out = (sum / count) as f32;
                }
            },
        );
        std::mem::swap(&mut rows, &mut next);
    }
    for row in rows.chunks_exact_mut(width) {
        for (value, mean) in row.iter_mut().zip(&mean) {
            *value = (f64::from(*value) + mean) as f32;
        }
    }
    Features::new(rows, width, features.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_the_mean_of_its_neighbours_again_and_again() {
        // Of 0, 1, 3 the two nearest, each with itself: {0, 1}, {0, 1}, {1, 3}; 100 with 101.
        let features = Features::new(vec![0.0, 1.0, 3.0, 100.0, 101.0], 1, 5);
        assert_eq!(smoothed(&features, 2, 0).values(), features.values());
        let once = [0.5, 0.5, 2.0, 100.5, 100.5];
        assert_eq!(smoothed(&features, 2, 1).values(), once);
        let twice = [0.5, 0.5, 1.25, 100.5, 100.5];
        assert_eq!(smoothed(&features, 2, 2).values(), twice);
    }

    #[test]
    fn fewer_rows_than_neighbours_all_become_their_mean() {
        let features = Features::new(vec![0.0, 2.0, 3.0, 4.0, 6.0, 9.0], 2, 3);
        let found = smoothed(&features, 20, 1);
        assert_eq!(found.values(), [3.0, 5.0, 3.0, 5.0, 3.0, 5.0]);
        let same = Features::new(vec![7.0; 6], 2, 3);
        assert_eq!(smoothed(&same, 2, 5).values(), [7.0; 6]);
    }

    /// Two rings, one within the other, are no balls; smoothed they are two points.
    #[test]
    fn rings_come_apart() {
        let ring = |radius: f32| {
            (0..100).flat_map(move |i| {
                let angle = i as f32 * std::f32::consts::TAU / 100.0;
                [radius * angle.cos(), radius * angle.sin() + radius / 6.0]
            })
        };
        let features = Features::new(ring(1.0).chain(ring(3.0)).collect(), 2, 200);
        let found = smoothed(&features, 9, 2000);
        let (inner, outer) = found.values().split_at(200);
        assert!(inner.chunks(2).all(|row| (row[1] - 1.0 / 6.0).abs() < 0.05));
        assert!(outer.chunks(2).all(|row| (row[1] - 0.5).abs() < 0.05));
    }
}
