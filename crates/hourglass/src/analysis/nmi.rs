//! Normalised mutual information of classes and clusters.

use super::contingency::Contingency;

/// Mutual information divided by the mean of the two entropies: 1 if clusters and classes are the same
/// except for their names, 0 if one says nothing about the other.
///
/// I(U, V) = sum over u, v of n_uv / n * ln(n n_uv / (n_u n_v));
/// NMI = 2 I(U, V) / (H(U) + H(V)) (Strehl & Ghosh 2002, with the arithmetic mean, as
/// scikit-learn's `normalized_mutual_info_score`). One cluster of one class counts as the same: 1.
pub fn nmi(table: &Contingency) -> f64 {
    let total = table.total() as f64;
    let (clusters, classes) = (table.cluster_sizes(), table.class_sizes());
    let entropies = entropy(&clusters, total) + entropy(&classes, total);
    if entropies == 0.0 {
        return 1.0;
    }
    let mut information = 0.0;
    for (row, &cluster) in table.rows().zip(&clusters) {
        for (&count, &class) in row.iter().zip(&classes) {
            if count > 0 {
                let (count, expected) = (count as f64, cluster as f64 * class as f64 / total);
                information += count / total * (count / expected).ln();
            }
        }
    }
    // Rounding may give slightly negative values for independent partitions.
    (2.0 * information / entropies).clamp(0.0, 1.0)
}

/// The entropy of a partition into parts of these sizes, in nats.
fn entropy(sizes: &[u64], total: f64) -> f64 {
    let part = |&size: &u64| {
        let share = size as f64 / total;
        if size == 0 { 0.0 } else { -share * share.ln() }
    };
    sizes.iter().map(part).sum()
}
