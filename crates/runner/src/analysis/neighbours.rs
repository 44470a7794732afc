//! k nearest neighbours: a picture has the class of most of the pictures nearest to it.

use rayon::prelude::*;

use super::distances::{partial_distances, squared_norms};

/// Rows asked about, and known rows, of which the distances are held at a time by one thread.
const BLOCK: usize = 128;
const TILE: usize = 1024;

/// The class of each row of `asked` [m, width] by the `count` nearest of the rows `known`
/// [n, width], of which `classes` are given: the one that most of them have, the lowest of several
/// (Cover & Hart 1967; as scikit-learn's `KNeighborsClassifier`). All rows should lie about the
/// origin. With fewer known rows than `count` all are asked.
pub fn classify(
    known: &[f32],
    classes: &[u8],
    asked: &[f32],
    width: usize,
    count: usize,
) -> Vec<u8> {
    let class = |&(_, row): &(f32, u32)| classes.get(row as usize).copied();
    let nearest = nearest(known, asked, width, count).into_iter();
    nearest
        .map(|nearest| vote(nearest.iter().filter_map(class)))
        .collect()
}

/// For each row of `asked` [m, width] the `count` nearest of the rows `known` [n, width], ascending:
/// half the squared distance but for a part that all rows share, and the row's number. Of two as
/// near the earlier one comes first. With fewer known rows than `count` all are nearest.
pub fn nearest(known: &[f32], asked: &[f32], width: usize, count: usize) -> Vec<Vec<(f32, u32)>> {
    let norms = squared_norms(known, width);
    let blocks: Vec<Vec<Vec<(f32, u32)>>> = asked
        .par_chunks(BLOCK * width)
        .map_init(
            || vec![0f32; BLOCK * TILE],
            |distances, rows| {
                let rows_here = rows.len() / width;
                let mut nearest = vec![Vec::with_capacity(count + 1); rows_here];
                let tiles = known.chunks(TILE * width).zip(norms.chunks(TILE));
                for (start, (tile, norms)) in (0..).step_by(TILE).zip(tiles) {
                    let distances = distances
                        .get_mut(..rows_here * norms.len())
                        .unwrap_or_default();
                    partial_distances(rows, tile, width, norms, distances);
                    for (nearest, distances) in
                        nearest.iter_mut().zip(distances.chunks_exact(norms.len()))
                    {
                        keep_nearest(nearest, distances, start, count);
                    }
                }
                nearest
            },
        )
        .collect();
    blocks.concat()
}

/// Keeps the `count` nearest found so far, ascending; of two as near, the earlier one. The distances
/// are those of the rows from `start` on.
fn keep_nearest(nearest: &mut Vec<(f32, u32)>, distances: &[f32], start: u32, count: usize) {
    let full = |nearest: &Vec<(f32, u32)>| match nearest.last() {
        Some(last) if nearest.len() >= count => last.0,
        _ => f32::INFINITY,
    };
    let mut limit = full(nearest);
    for (&distance, row) in distances.iter().zip(start..) {
        if distance < limit {
            let place = nearest.partition_point(|it| it.0 <= distance);
            nearest.insert(place, (distance, row));
            nearest.truncate(count);
            limit = full(nearest);
        }
    }
}

/// The class that most have; the lowest of several.
fn vote(classes: impl Iterator<Item = u8>) -> u8 {
    let mut votes = [0usize; u8::MAX as usize + 1];
    for class in classes {
        if let Some(votes) = votes.get_mut(usize::from(class)) {
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
}
