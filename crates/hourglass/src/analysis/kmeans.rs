//! k-means: groups rows into k clusters so that the sum of squared distances to the cluster means is
//! small.
//!
//! Lloyd's iterations (Lloyd 1982) from centres drawn by k-means++ (Arthur & Vassilvitskii 2007),
//! several times; the smallest sum wins.

use rayon::prelude::*;

use super::distances::{partial_distances, squared_distance, squared_norms};
use super::features::Features;
use super::random::Random;

/// The most iterations of a restart, and the movement of the centres, as a share of the columns' mean
/// variance, below which it stops: scikit-learn's defaults.
const ITERATIONS: usize = 300;
const TOLERANCE: f64 = 1e-4;

/// Rows assigned at a time by one thread.
const BLOCK: usize = 256;

/// The result of k-means.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// The cluster of each row, below k.
    pub labels: Vec<u32>,
    /// Row-major, [k, width].
    pub centres: Vec<f32>,
    /// Sum of the rows' squared distances to their centres.
    pub inertia: f64,
}

/// The best of `restarts` (at least one), drawn with `seed`; `done` is called after each. With fewer
/// distinct rows than clusters, some clusters stay empty.
pub fn fit(
    features: &Features,
    k: usize,
    restarts: usize,
    seed: u64,
    mut done: impl FnMut(),
) -> Clusters {
    // Centred on the origin, where distances computed from products are most precise.
    let mut centred = features.clone();
    let mean = centred.centre();
    let still = still(&centred);
    let mut random = Random::new(seed);
    let mut best: Option<Clusters> = None;
    for _ in 0..restarts.max(1) {
        let start = plus_plus(&centred, k, &mut random);
        let found = lloyd(&centred, start, still);
        if best
            .as_ref()
            .is_none_or(|best| found.inertia < best.inertia)
        {
            best = Some(found);
        }
        done();
    }
    let mut best = best.unwrap_or(Clusters {
        labels: Vec::new(),
        centres: Vec::new(),
        inertia: 0.0,
    });
    for centre in best.centres.chunks_exact_mut(mean.len()) {
        for (value, mean) in centre.iter_mut().zip(&mean) {
            *value = (f64::from(*value) + mean) as f32;
        }
    }
    best
}

/// The initial centres, row-major [k, width]: a random row, then rows drawn with a probability
/// proportional to the squared distance from the nearest centre so far.
fn plus_plus(features: &Features, k: usize, random: &mut Random) -> Vec<f32> {
    let width = features.width();
    let mut centres = features.row(random.below(features.len())).to_vec();
    let mut nearest = vec![f64::INFINITY; features.len()];
    for chosen in 1..k {
        let newest = centres.get((chosen - 1) * width..).unwrap_or_default();
        let rows = features.values().par_chunks_exact(width);
        nearest.par_iter_mut().zip(rows).for_each(|(nearest, row)| {
            *nearest = nearest.min(f64::from(squared_distance(row, newest)));
        });
        centres.extend_from_slice(features.row(random.weighted(&nearest)));
    }
    centres
}

/// The squared movement of the centres, summed, below which they count as still.
pub fn still(features: &Features) -> f64 {
    let deviations = features.deviation(&features.mean());
    let variance: f64 = deviations.iter().map(|it| it * it).sum();
    TOLERANCE * variance / features.width() as f64
}

/// Lloyd's iterations from given centres, row-major [k, width], until no row changes its cluster or
/// the centres are [`still`]. The rows should be centred on the origin.
pub fn lloyd(features: &Features, mut centres: Vec<f32>, still: f64) -> Clusters {
    let width = features.width();
    let k = centres.len() / width;
    let zero = vec![0.0; width];
    // Not in a cluster yet.
    let mut labels = vec![u32::MAX; features.len()];
    let mut sums = vec![0f64; k * width];
    let mut sizes = vec![0usize; k];
    let mut settled = false;
    for _ in 0..ITERATIONS {
        let assigned = assign(features, &centres);
        // Few rows change after the first iterations, so the sums are updated by the changes.
        settled = true;
        for (row, (old, &new)) in labels.iter_mut().zip(&assigned).enumerate() {
            if *old != new {
                settled = false;
                let values = std::iter::once(features.row(row));
                add(&mut sums, values.clone(), &[*old], -1.0);
                add(&mut sums, values, &[new], 1.0);
                if let Some(size) = sizes.get_mut(*old as usize) {
                    *size -= 1;
                }
                if let Some(size) = sizes.get_mut(new as usize) {
                    *size += 1;
                }
                *old = new;
            }
        }
        if settled {
            break;
        }
        let moved = move_centres(features, &labels, &mut centres, &sums, &sizes);
        if moved <= still {
            break;
        }
    }
    if !settled {
        labels = assign(features, &centres);
    }
    let centre = |label: u32| {
        let start = label as usize * width;
        centres.get(start..start + width).unwrap_or(&zero)
    };
    let rows = features.values().chunks_exact(width);
    let inertia = rows
        .zip(&labels)
        .map(|(row, &label)| f64::from(squared_distance(row, centre(label))))
        .sum();
    Clusters {
        labels,
        centres,
        inertia,
    }
}

/// Adds rows, multiplied by a sign, to the sums of their clusters, [k, width].
fn add<'a>(sums: &mut [f64], rows: impl Iterator<Item = &'a [f32]>, labels: &[u32], sign: f64) {
    for (row, &label) in rows.zip(labels) {
        let start = (label as usize).saturating_mul(row.len());
        let sums = sums
            .get_mut(start..start.saturating_add(row.len()))
            .unwrap_or_default();
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += sign * f64::from(value);
        }
    }
}

/// The nearest centre of each row, the first of equals.
fn assign(features: &Features, centres: &[f32]) -> Vec<u32> {
    let width = features.width();
    let norms = squared_norms(centres, width);
    let k = norms.len();
    let mut labels = vec![0u32; features.len()];
    features
        .values()
        .par_chunks(BLOCK * width)
        .zip(labels.par_chunks_mut(BLOCK))
        .for_each_init(
            || vec![0f32; BLOCK * k],
            |distances, (rows, labels)| {
                let distances = distances.get_mut(..labels.len() * k).unwrap_or_default();
                partial_distances(rows, centres, width, &norms, distances);
                for (label, distances) in labels.iter_mut().zip(distances.chunks_exact(k)) {
                    let mut least = f32::INFINITY;
                    for (&distance, cluster) in distances.iter().zip(0..) {
                        if distance < least {
                            (least, *label) = (distance, cluster);
                        }
                    }
                }
            },
        );
    labels
}

/// Moves each centre to the mean of its rows, and the centre of each empty cluster to another row that is
/// far from its own centre. Returns the sum of the squared movements.
fn move_centres(
    features: &Features,
    labels: &[u32],
    centres: &mut [f32],
    sums: &[f64],
    sizes: &[usize],
) -> f64 {
    let width = features.width();
    let empty = sizes.iter().filter(|&&size| size == 0).count();
    let mut farthest = if empty > 0 {
        farthest(features, labels, centres, empty)
    } else {
        Vec::new()
    }
    .into_iter();
    let mut moved = 0.0;
    let clusters = centres
        .chunks_exact_mut(width)
        .zip(sums.chunks_exact(width));
    for ((centre, sum), &size) in clusters.zip(sizes) {
        let target: Vec<f32> = if size > 0 {
            sum.iter().map(|sum| (sum / size as f64) as f32).collect()
        } else {
            match farthest.next() {
                Some(row) => features.row(row).to_vec(),
                None => continue,
            }
        };
        moved += f64::from(squared_distance(centre, &target));
        centre.copy_from_slice(&target);
    }
    moved
}

/// The `count` rows farthest from their centres, farthest first, without rows at distance 0.
fn farthest(features: &Features, labels: &[u32], centres: &[f32], count: usize) -> Vec<usize> {
    let width = features.width();
    let rows = features.values().chunks_exact(width);
    let mut distances: Vec<(f32, usize)> = rows
        .zip(labels)
        .enumerate()
        .map(|(index, (row, &label))| {
            let start = label as usize * width;
            let centre = centres.get(start..start + width).unwrap_or_default();
            (squared_distance(row, centre), index)
        })
        .filter(|(distance, _)| *distance > 0.0)
        .collect();
    distances.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    distances.truncate(count);
    distances.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows about the corners of a square.
    fn corners(count: usize) -> Features {
        let mut random = Random::new(3);
        let values = (0..count)
            .flat_map(|index| [(index % 2) as f32 * 9.0, (index / 2 % 2) as f32 * 9.0])
            .map(|corner| corner + random.uniform() as f32)
            .collect();
        Features::new(values, 2, count)
    }

    #[test]
    fn corners_are_found() {
        let found = fit(&corners(400), 4, 5, 1, || {});
        for index in 0..400 {
            assert_eq!(found.labels[index], found.labels[index % 4], "{index}");
        }
        // The variance of a uniform number is 1/12.
        assert!(
            (found.inertia / 800.0 - 1.0 / 12.0).abs() < 0.01,
            "{}",
            found.inertia
        );
        let mut centres: Vec<f32> = found.centres.clone();
        centres.sort_by(f32::total_cmp);
        assert!(
            (centres[0] - 0.5).abs() < 0.1 && (centres[7] - 9.5).abs() < 0.1,
            "{centres:?}"
        );
    }

    #[test]
    fn equal_rows_leave_clusters_empty() {
        let found = fit(&Features::new(vec![2.5; 30], 3, 10), 4, 2, 1, || {});
        assert_eq!(found.inertia, 0.0);
        assert!(found.labels.iter().all(|&label| label == found.labels[0]));
        assert!(found.centres.iter().all(|&value| value == 2.5));
    }

    #[test]
    fn an_empty_cluster_takes_the_row_farthest_off() {
        // Nothing is near the last centre, and one row is far from all others.
        let features = Features::new(vec![0.0, 0.1, 0.2, 5.0], 1, 4);
        let found = lloyd(&features, vec![0.1, 100.0], 0.0);
        assert_eq!(found.labels, [0, 0, 0, 1]);
        assert!((found.inertia - 0.02).abs() < 1e-6);
    }

    #[test]
    fn as_many_clusters_as_rows_leave_no_distance() {
        let found = fit(&corners(7), 7, 3, 1, || {});
        assert!(found.inertia < 1e-9, "{}", found.inertia);
    }
}
