//! The best matching of clusters to classes, and the resulting accuracy.

use super::contingency::Contingency;

/// The share of pictures whose cluster is matched to their class. Clusters and classes are matched one
/// to one so that this share is largest (Yang et al. 2010; the "ACC" of papers on deep clustering).
pub fn accuracy(table: &Contingency) -> f64 {
    let side = table.clusters().max(table.classes());
    // The algorithm minimises costs: a correct picture costs -1. Clusters or classes without a partner
    // cost 0.
    let mut costs = vec![0f64; side * side];
    for (costs, row) in costs.chunks_exact_mut(side.max(1)).zip(table.rows()) {
        for (cost, &count) in costs.iter_mut().zip(row) {
            *cost = -(count as f64);
        }
    }
    let matched = assignment(&costs, side);
    let right: f64 = matched
        .iter()
        .enumerate()
        .filter_map(|(row, &column)| costs.get(row * side + column))
        .map(|cost| -cost)
        .sum();
    right / (table.total() as f64).max(1.0)
}

/// The column of each row in the cheapest assignment: the Hungarian algorithm (Kuhn 1955) with shortest
/// augmenting paths and potentials (Jonker & Volgenant 1987), in O(side^3). `costs` are row-major,
/// [side, side], and finite.
pub fn assignment(costs: &[f64], side: usize) -> Vec<usize> {
    // Row `side` and column `side` mean "none yet".
    let none = side;
    let mut row_of = vec![none; side + 1];
    let mut row_potential = vec![0f64; side + 1];
    let mut column_potential = vec![0f64; side + 1];
    for row in 0..side {
        // The shortest path from this row to a free column, through assigned columns.
        row_of[none] = row;
        let mut at = none;
        let mut shortest = vec![f64::INFINITY; side + 1];
        let mut before = vec![none; side + 1];
        let mut visited = vec![false; side + 1];
        while row_of[at] != none {
            visited[at] = true;
            let from = row_of[at];
            let mut next = none;
            let mut least = f64::INFINITY;
            for column in (0..side).filter(|&column| !visited[column]) {
                let reduced =
                    costs[from * side + column] - row_potential[from] - column_potential[column];
                if reduced < shortest[column] {
                    shortest[column] = reduced;
                    before[column] = at;
                }
                if shortest[column] < least {
                    least = shortest[column];
                    next = column;
                }
            }
            if next == none {
                // Only NaN costs lead here.
                break;
            }
            for column in 0..=side {
                if visited[column] {
                    row_potential[row_of[column]] += least;
                    column_potential[column] -= least;
                } else {
                    shortest[column] -= least;
                }
            }
            at = next;
        }
        // Back along the path, each column is assigned to the row before it.
        while at != none {
            let previous = before[at];
            row_of[at] = row_of[previous];
            at = previous;
        }
        row_of[none] = none;
    }
    let mut column_of = vec![none; side];
    for (column, &row) in row_of.iter().take(side).enumerate() {
        if let Some(place) = column_of.get_mut(row) {
            *place = column;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_beyond_the_classes_are_wrong() {
        // Three clusters of one class: only the largest can be matched to it.
        let table = Contingency::new(&[1; 6], &[0, 0, 0, 1, 1, 2]);
        assert_eq!(accuracy(&table), 0.5);
        // One cluster of three classes.
        let table = Contingency::new(&[1, 1, 2, 3], &[0; 4]);
        assert_eq!(accuracy(&table), 0.5);
        assert_eq!(accuracy(&Contingency::new(&[], &[])), 0.0);
    }

    #[test]
    fn the_greedy_choice_is_not_the_best() {
        // Greedily 9 + 0; at best 8 + 8.
        let labels: Vec<u8> = [vec![0; 9], vec![1; 8], vec![0; 8]].concat();
        let clusters: Vec<u32> = [vec![0; 17], vec![1; 8]].concat();
        assert_eq!(accuracy(&Contingency::new(&labels, &clusters)), 16.0 / 25.0);
    }
}
