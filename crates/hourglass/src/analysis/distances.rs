//! Euclidean distances between many rows at once.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Number of separate partial sums, so that the compiler can use SIMD: it must not reorder f32
/// additions by itself.
const LANES: usize = 16;

/// The dot product of two rows.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |a, b| a * b)
}

/// The squared distance of two rows.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |a, b| (a - b) * (a - b))
}

fn fold(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a, b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The squared length of each row of `rows`, [n, width].
pub fn squared_norms(rows: &[f32], width: usize) -> Vec<f32> {
    rows.chunks_exact(width).map(|row| dot(row, row)).collect()
}

/// For each row x of `rows` [m, width] and y of `others` [n, width], writes |y|^2 - 2xy to `out` [m, n].
/// It orders the ys by their distance from x: adding |x|^2 gives the squared distance. `norms` are the
/// n [`squared_norms`] of `others`.
///
/// One matrix product on the calling thread, so that the result does not depend on the number of
/// threads. The rows should be centred on the origin: far from it, rounding hides small distances.
pub fn partial_distances(
    rows: &[f32],
    others: &[f32],
    width: usize,
    norms: &[f32],
    out: &mut [f32],
) {
    let (m, n) = (rows.len() / width, norms.len());
    for row in out.chunks_exact_mut(n.max(1)) {
        row.copy_from_slice(norms);
    }
    matmul(
        MatMut::from_row_major_slice_mut(out, m, n),
        Accum::Add,
        MatRef::from_row_major_slice(rows, m, width),
        MatRef::from_row_major_slice(others, n, width).transpose(),
        -2.0,
        Par::Seq,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_a_product_are_those_of_each_pair() {
        let row = |seed: usize| (0..37).map(move |at| ((seed * 31 + at * 17) % 23) as f32 / 7.0);
        let rows: Vec<f32> = (0..9).flat_map(row).collect();
        let others: Vec<f32> = (20..31).flat_map(row).collect();
        let mut out = vec![f32::NAN; 9 * 11];
        partial_distances(&rows, &others, 37, &squared_norms(&others, 37), &mut out);
        for (x, out) in rows.chunks(37).zip(out.chunks(11)) {
            for (y, &partial) in others.chunks(37).zip(out) {
                let exact: f32 = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum();
                assert!(
                    (partial + dot(x, x) - exact).abs() < 1e-3,
                    "{partial} {exact}"
                );
                assert!((squared_distance(x, y) - exact).abs() < 1e-4);
            }
        }
    }
}
