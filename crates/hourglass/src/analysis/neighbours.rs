//! The k nearest neighbours, and classification by a majority vote of the neighbours.

use rayon::prelude::*;

use super::distances::{partial_distances, squared_distance, squared_norms};

/// Numbers of query rows and of known rows whose distances one thread holds at a time.
const BLOCK: usize = 128;
const TILE: usize = 1024;

/// The class of each row of `asked` [m, width]: the most frequent of the `classes` of the `count`
/// nearest rows of `known` [n, width], the lowest of equals (Cover & Hart 1967; as in scikit-learn's
/// `KNeighborsClassifier`). All rows should be centred on the origin. With fewer known rows than
/// `count`, all of them vote.
pub fn classify(
    known: &[f32],
    classes: &[u8],
    asked: &[f32],
    width: usize,
    count: usize,
) -> Vec<u8> {
    each(known, classes, asked, width, count, |_, nearest| {
        vote(nearest)
    })
}

/// The `count` nearest other rows of each row [n, width] with their distances, nearest first; all other
/// rows if there are no more. All rows should be centred on the origin.
pub fn nearest(rows: &[f32], width: usize, count: usize) -> Vec<Vec<(f32, u32)>> {
    let indices: Vec<u32> = (0..(rows.len() / width) as u32).collect();
    let norms = squared_norms(rows, width);
    each(rows, &indices, rows, width, count + 1, |row, nearest| {
        // A row is its own nearest neighbour, unless enough others are equal to it.
        let others = nearest.iter().filter(|(_, other)| *other as usize != row);
        let own = norms.get(row).copied().unwrap_or_default();
        let distance = |partial: f32| (partial + own).max(0.0).sqrt();
        let others = others.map(|&(partial, other)| (distance(partial), other));
        others.take(count).collect()
    })
}

/// The mean distance of each row of `asked` [m, width] from its `count` nearest rows of `known` [n, width];
/// from all if there are no more, and 0 without any. All rows should be centred on the origin. What f32 has no number
/// for is as far as it can say.
pub fn mean_distances(known: &[f32], asked: &[f32], width: usize, count: usize) -> Vec<f64> {
    let indices: Vec<u32> = (0..(known.len() / width.max(1)) as u32).collect();
    let farthest = f64::from(f32::MAX);
    each(known, &indices, asked, width, count, |at, nearest| {
        let own = row(asked, at, width);
        // Which rows are near is known from products, in which rounding hides small distances far from the origin.
        let distance = |&(_, near): &(f32, u32)| {
            let squared = squared_distance(own, row(known, near as usize, width));
            f64::from(squared).sqrt().min(farthest)
        };
        match nearest.is_empty() && !indices.is_empty() {
            true => farthest,
            false => nearest.iter().map(distance).sum::<f64>() / nearest.len().max(1) as f64,
        }
    })
}

/// Row `at` of rows of so many values; empty past the end.
fn row(rows: &[f32], at: usize, width: usize) -> &[f32] {
    let start = at.saturating_mul(width);
    rows.get(start..start.saturating_add(width))
        .unwrap_or_default()
}

/// The result of `make` for each row of `asked` with the `count` nearest rows of `known`: their
/// [`partial_distances`] and their values of `of`, nearest first.
fn each<T: Copy + Send + Sync, R: Send>(
    known: &[f32],
    of: &[T],
    asked: &[f32],
    width: usize,
    count: usize,
    make: impl Fn(usize, &[(f32, T)]) -> R + Sync,
) -> Vec<R> {
    let norms = squared_norms(known, width);
    let blocks: Vec<Vec<R>> = asked
        .par_chunks(BLOCK * width)
        .enumerate()
        .map_init(
            || vec![0f32; BLOCK * TILE],
            |distances, (block, rows)| {
                let rows_here = rows.len() / width;
                let mut nearest = vec![Vec::with_capacity(count + 1); rows_here];
                let tiles = known.chunks(TILE * width).zip(norms.chunks(TILE));
                for ((tile, norms), of) in tiles.zip(of.chunks(TILE)) {
                    let distances = distances
                        .get_mut(..rows_here * norms.len())
                        .unwrap_or_default();
                    partial_distances(rows, tile, width, norms, distances);
                    for (nearest, distances) in
                        nearest.iter_mut().zip(distances.chunks_exact(norms.len()))
                    {
                        keep_nearest(nearest, distances, of, count);
                    }
                }
                let nearest = nearest.iter().enumerate();
                nearest
                    .map(|(row, nearest)| make(block * BLOCK + row, nearest))
                    .collect()
            },
        )
        .collect();
    blocks.into_iter().flatten().collect()
}

/// Keeps the `count` nearest found so far, in ascending order, the earlier one of equals.
fn keep_nearest<T: Copy>(nearest: &mut Vec<(f32, T)>, distances: &[f32], of: &[T], count: usize) {
    let full = |nearest: &Vec<(f32, T)>| match nearest.last() {
        Some(last) if nearest.len() >= count => last.0,
        _ => f32::INFINITY,
    };
    let mut limit = full(nearest);
    for (&distance, &of) in distances.iter().zip(of) {
        if distance < limit {
            let place = nearest.partition_point(|it| it.0 <= distance);
            nearest.insert(place, (distance, of));
            nearest.truncate(count);
            limit = full(nearest);
        }
    }
}

/// The most frequent class, the lowest of equals.
fn vote(nearest: &[(f32, u8)]) -> u8 {
    let mut votes = [0usize; u8::MAX as usize + 1];
    for (_, class) in nearest {
        if let Some(votes) = votes.get_mut(usize::from(*class)) {
            *votes += 1;
        }
    }
    let mut best = (0, 0);
    for (class, &votes) in (0..=u8::MAX).zip(&votes) {
        if votes > best.1 {
            best = (class, votes);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_nearest_decide_and_the_lowest_of_several() {
        let known = [0.0, 1.0, 2.0, 10.0, 11.0];
        let classes = [7, 3, 3, 9, 9];
        assert_eq!(classify(&known, &classes, &[0.1, 10.4], 1, 3), [3, 9]);
        // One of each.
        assert_eq!(classify(&[0.0, 1.0], &[8, 5], &[0.0], 1, 2), [5]);
        // Fewer rows than are asked for.
        assert_eq!(classify(&[4.0], &[6], &[0.0], 1, 5), [6]);
    }

    #[test]
    fn more_rows_than_a_block_and_a_tile_are_in_order() {
        let known: Vec<f32> = (0..2500).map(|it| it as f32 / 100.0 - 12.5).collect();
        let classes: Vec<u8> = (0..2500).map(|it| (it / 10) as u8).collect();
        let asked: Vec<f32> = (0..300).map(|it| (it * 8) as f32 / 100.0 - 12.5).collect();
        let found = classify(&known, &classes, &asked, 1, 1);
        let right: Vec<u8> = (0..300).map(|it| (it * 8 / 10) as u8).collect();
        assert_eq!(found, right);
    }

    #[test]
    fn mean_distances_are_those_of_the_nearest() {
        let found = mean_distances(&[0.0, 1.0, 5.0], &[0.0, 4.0], 1, 2);
        assert!(
            (found[0] - 0.5).abs() < 1e-6 && (found[1] - 2.0).abs() < 1e-6,
            "{found:?}"
        );
        assert_eq!(mean_distances(&[], &[1.0], 1, 2), [0.0]);
        // Squares beyond f32 are far, and not 0 or NaN.
        for far in [1e30, -1e30, f32::MAX] {
            let found = mean_distances(&[0.0, 0.0, 1.0, 1.0], &[far, far], 2, 2);
            assert_eq!(found, [f64::from(f32::MAX)], "{far}");
        }
    }

    #[test]
    fn the_others_nearest_to_each_row_have_their_distances() {
        let found = nearest(&[0.0, 3.0, 1.0, -1.5], 1, 2);
        assert_eq!(found[0], [(1.0, 2), (1.5, 3)]);
        assert_eq!(found[1], [(2.0, 2), (3.0, 0)]);
        // Itself is never among them, however many are the same; all others where there are few.
        for (row, found) in nearest(&[2.0; 9], 1, 3).iter().enumerate() {
            assert!(found.len() == 3 && found.iter().all(|it| it.1 as usize != row));
        }
        let few = nearest(&[1.0, 0.0, 0.0, 1.0], 2, 5);
        assert_eq!((few[0].len(), few[1][0].1), (1, 0));
        assert!((few[0][0].0 - 2f32.sqrt()).abs() < 1e-6);
        let far: Vec<f32> = (0..1500).map(|it| it as f32 / 100.0 - 7.5).collect();
        let found = nearest(&far, 1, 1);
        assert!((1..1499).all(|row| found[row][0].1.abs_diff(row as u32) == 1));
    }
}
