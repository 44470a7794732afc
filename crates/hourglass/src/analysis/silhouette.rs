//! The silhouette: how much closer rows are to their own cluster than to the next one.

use rayon::prelude::*;

use super::distances::{partial_distances, squared_norms};
use super::features::Features;

/// Rows whose distances to all others one thread holds at a time.
const BLOCK: usize = 64;

/// The mean silhouette of each of several clusterings of the same rows. The distances, which take most
/// of the time, are computed only once.
///
/// For a row with mean distance a to the others of its cluster and b to the rows of the nearest
/// other cluster, (b - a) / max(a, b); 0 for one alone in its cluster (Rousseeuw 1987). `None` for
/// a clustering with fewer than two clusters, or with each row in one of its own.
pub fn silhouettes(features: &Features, clusterings: &[&[u32]]) -> Vec<Option<f64>> {
    let width = features.width();
    let rows = features.len();
    let mut centred = features.clone();
    centred.centre();
    let norms = squared_norms(centred.values(), width);
    let sizes: Vec<Vec<usize>> = clusterings.iter().map(|labels| sizes(labels)).collect();
    // Per block of rows, the sum of their silhouettes in each clustering.
    let blocks: Vec<Vec<f64>> = centred
        .values()
        .par_chunks(BLOCK * width)
        .enumerate()
        .map_init(
            || vec![0f32; BLOCK * rows],
            |distances, (block, values)| {
                let count = values.len() / width;
                let distances = distances.get_mut(..count * rows).unwrap_or_default();
                partial_distances(values, centred.values(), width, &norms, distances);
                let mut totals = vec![0f64; clusterings.len()];
                for (row, distances) in (block * BLOCK..).zip(distances.chunks_exact_mut(rows)) {
                    let norm = norms.get(row).copied().unwrap_or_default();
                    for (other, distance) in distances.iter_mut().enumerate() {
                        // Rounding must not give a row a distance to itself.
                        let square = if other == row { 0.0 } else { *distance + norm };
                        *distance = square.max(0.0).sqrt();
                    }
                    let all = clusterings.iter().zip(&sizes);
                    for ((labels, sizes), total) in all.zip(&mut totals) {
                        *total += silhouette(row, distances, labels, sizes);
                    }
                }
                totals
            },
        )
        .collect();
    let mut totals = vec![0f64; clusterings.len()];
    for block in &blocks {
        for (total, part) in totals.iter_mut().zip(block) {
            *total += part;
        }
    }
    let defined = sizes.iter().map(|sizes| {
        let clusters = sizes.iter().filter(|&&size| size > 0).count();
        (2..rows).contains(&clusters)
    });
    let mean = |total: f64| total / rows as f64;
    totals
        .iter()
        .zip(defined)
        .map(|(&total, defined)| defined.then(|| mean(total)))
        .collect()
}

/// Rows in each cluster.
fn sizes(labels: &[u32]) -> Vec<usize> {
    let most = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut sizes = vec![0; most];
    for &label in labels {
        if let Some(size) = sizes.get_mut(label as usize) {
            *size += 1;
        }
    }
    sizes
}

/// The silhouette of one row, given its distances to all.
fn silhouette(row: usize, distances: &[f32], labels: &[u32], sizes: &[usize]) -> f64 {
    let mut sums = vec![0f64; sizes.len()];
    for (&label, &distance) in labels.iter().zip(distances) {
        if let Some(sum) = sums.get_mut(label as usize) {
            *sum += f64::from(distance);
        }
    }
    let own = labels.get(row).map_or(0, |&label| label as usize);
    let (mut within, mut nearest) = (0.0, f64::INFINITY);
    for (cluster, (&sum, &size)) in sums.iter().zip(sizes).enumerate() {
        if cluster == own {
            if size < 2 {
                return 0.0;
            }
            within = sum / (size - 1) as f64;
        } else if size > 0 {
            nearest = nearest.min(sum / size as f64);
        }
    }
    let larger = within.max(nearest);
    if larger > 0.0 && larger.is_finite() {
        (nearest - within) / larger
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusterings_without_a_silhouette_have_none() {
        let features = Features::new(vec![0.0, 1.0, 5.0, 6.0], 1, 4);
        let found = silhouettes(
            &features,
            &[&[0, 0, 0, 0], &[0, 1, 2, 3], &[0, 0, 1, 1], &[3, 3, 3, 3]],
        );
        assert_eq!((found[0], found[1], found[3]), (None, None, None));
        assert!(found[2].is_some_and(|it| it > 0.7));
        // Equal rows in two clusters are neither near nor far.
        let equal = Features::new(vec![1.0; 4], 1, 4);
        assert_eq!(silhouettes(&equal, &[&[0, 0, 1, 1]]), [Some(0.0)]);
    }
}
