//! The contingency table: the number of pictures of each class in each cluster.

use std::collections::BTreeMap;

/// Counts of pictures by cluster and class; empty clusters and classes are omitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Contingency {
    /// Row-major, [clusters, classes].
    counts: Vec<u64>,
    clusters: usize,
    classes: usize,
}

impl Contingency {
    /// Counts pictures from their labels and clusters, given in the same order.
    pub fn new(labels: &[u8], clusters: &[u32]) -> Self {
        let rows = places(clusters);
        let columns = places(labels);
        let mut counts = vec![0; rows.len() * columns.len()];
        for (label, cluster) in labels.iter().zip(clusters) {
            if let (Some(row), Some(column)) = (rows.get(cluster), columns.get(label))
                && let Some(count) = counts.get_mut(row * columns.len() + column)
            {
                *count += 1;
            }
        }
        Self {
            counts,
            clusters: rows.len(),
            classes: columns.len(),
        }
    }

    /// The clusters' counts by class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes.max(1))
    }

    /// Number of non-empty clusters.
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// Number of non-empty classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Pictures in each cluster.
    pub fn cluster_sizes(&self) -> Vec<u64> {
        self.rows().map(|row| row.iter().sum()).collect()
    }

    /// Pictures in each class.
    pub fn class_sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.classes];
        for row in self.rows() {
            for (size, count) in sizes.iter_mut().zip(row) {
                *size += count;
            }
        }
        sizes
    }

    /// Number of pictures.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The rank of each value among the distinct values, in ascending order.
fn places<T: Ord + Copy>(values: &[T]) -> BTreeMap<T, usize> {
    let mut found: Vec<T> = values.to_vec();
    found.sort_unstable();
    found.dedup();
    found.into_iter().zip(0..).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_counted_by_cluster_and_class() {
        let table = Contingency::new(&[7, 7, 200, 0], &[5, 1, 1, 1]);
        let rows: Vec<&[u64]> = table.rows().collect();
        assert_eq!(rows, [[1, 1, 1], [0, 1, 0]]);
        assert_eq!(table.cluster_sizes(), [3, 1]);
        assert_eq!(table.class_sizes(), [1, 2, 1]);
        assert_eq!(
            (table.clusters(), table.classes(), table.total()),
            (2, 3, 4)
        );
    }
}
