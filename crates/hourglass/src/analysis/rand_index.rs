//! The adjusted Rand index of classes and clusters.

use super::contingency::Contingency;

/// How well classes and clusters agree on which pairs of pictures belong together, corrected for chance:
/// 1 for full agreement, about 0 for random clusters, below 0 for worse.
///
/// With pairs(m) = m (m - 1) / 2, S = sum of pairs(n_uv), A and B the sums of pairs(n_u) and
/// pairs(n_v): ARI = (S - AB / pairs(n)) / ((A + B) / 2 - AB / pairs(n)) (Hubert & Arabie 1985).
/// Two partitions that are both into one part, or both into single pictures, agree: 1.
pub fn adjusted_rand_index(table: &Contingency) -> f64 {
    let sum = |sizes: &[u64]| sizes.iter().map(|&size| pairs(size)).sum::<f64>();
    let together: f64 = table.rows().map(sum).sum();
    let (clusters, classes) = (sum(&table.cluster_sizes()), sum(&table.class_sizes()));
    let all = pairs(table.total());
    let expected = if all > 0.0 {
        clusters * classes / all
    } else {
        0.0
    };
    let best = f64::midpoint(clusters, classes);
    if best == expected {
        return 1.0;
    }
    (together - expected) / (best - expected)
}

/// Pairs among `size` pictures.
fn pairs(size: u64) -> f64 {
    size as f64 * (size as f64 - 1.0).max(0.0) / 2.0
}
