//! Principal components of codes: their directions of largest variance.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

use super::features::{Features, varies};
use crate::measure::pca::{LARGEST_MATRIX, PcaError, largest};

/// Rows or columns that are converted to f64 at a time.
const BLOCK: usize = 256;

/// Principal components of rows.
#[derive(Clone, Debug)]
pub struct Principal {
    mean: Vec<f64>,
    /// Unit vectors, the one along which the rows vary most first.
    directions: Vec<Vec<f32>>,
    /// The share of the rows' variance along each component.
    explained: Vec<f64>,
}

impl Principal {
    /// The first `wanted` components of the rows, or all if there are fewer; empty if all rows are the
    /// same. Exact: eigenvectors of the covariance matrix or, if there are fewer rows than columns, of the
    /// Gram matrix.
    ///
    /// # Errors
    /// If both the number of rows and their width exceed [`LARGEST_MATRIX`], or if the eigensolver
    /// fails.
    pub fn fit(rows: &Features, wanted: usize) -> Result<Option<Self>, PcaError> {
        let (images, dims) = (rows.len(), rows.width());
        if images.min(dims) > LARGEST_MATRIX {
            return Err(PcaError::TooLarge { images, dims });
        }
        let mean = rows.mean();
        let deviation = rows.deviation(&mean);
        let total = deviation.iter().map(|it| it * it).sum::<f64>() * images as f64;
        if total <= 0.0 {
            return Ok(None);
        }
        let centred = Centred {
            rows,
            mean: &mean,
            varies: &varies(&deviation),
        };
        let (values, directions) = if dims <= images {
            centred.by_covariance(wanted)?
        } else {
            centred.by_gram(wanted)?
        };
        // A direction without variance is only rounding error.
        let floor = total * images.max(dims) as f64 * f64::EPSILON;
        let rank = values.iter().take_while(|&&value| value > floor).count();
        Ok(Some(Self {
            directions: directions.into_iter().take(rank).map(unit).collect(),
            explained: values.iter().take(rank).map(|it| it / total).collect(),
            mean,
        }))
    }

    /// The share of the variance along each component, largest first.
    pub fn explained(&self) -> &[f64] {
        &self.explained
    }

    /// The mean of the rows, from which places are measured.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Unit vectors, the one along which the rows vary most first.
    pub fn directions(&self) -> &[Vec<f32>] {
        &self.directions
    }

    /// The coordinates of each row along the first two components; 0 for a missing one.
    pub fn places(&self, rows: &Features) -> Vec<[f64; 2]> {
        let along = |row: &[f32], component: usize| {
            let direction = self.directions.get(component).into_iter().flatten();
            let values = row.iter().zip(&self.mean);
            values
                .zip(direction)
                .map(|((&value, mean), &weight)| (f64::from(value) - mean) * f64::from(weight))
                .sum()
        };
        let rows = rows.values().chunks_exact(rows.width());
        rows.map(|row| [along(row, 0), along(row, 1)]).collect()
    }
}

/// Rows minus their mean, without what is only rounding error.
struct Centred<'a> {
    rows: &'a Features,
    mean: &'a [f64],
    varies: &'a [f64],
}

/// Eigenvalues, largest first, with their directions.
type Found = (Vec<f64>, Vec<Vec<f64>>);

impl Centred<'_> {
    fn at(&self, row: &[f32], column: usize) -> f64 {
        let value = row.get(column).copied().unwrap_or_default();
        let of = |all: &[f64]| all.get(column).copied().unwrap_or_default();
        (f64::from(value) - of(self.mean)) * of(self.varies)
    }

    fn by_covariance(&self, wanted: usize) -> Result<Found, PcaError> {
        let dims = self.rows.width();
        let mut sum = Mat::<f64>::zeros(dims, dims);
        for start in (0..self.rows.len()).step_by(BLOCK) {
            let count = BLOCK.min(self.rows.len() - start);
            let block = Mat::from_fn(dims, count, |column, row| {
                self.at(self.rows.row(start + row), column)
            });
            add_product(&mut sum, block.as_ref());
        }
        let (values, vectors) = largest(&sum, wanted)?;
        let directions = vectors.col_iter().map(|it| it.iter().copied().collect());
        Ok((values, directions.collect()))
    }

    /// With the rows as columns of X and an eigenvector u of X'X, Xu is one of XX'.
    fn by_gram(&self, wanted: usize) -> Result<Found, PcaError> {
        let (count, dims) = (self.rows.len(), self.rows.width());
        let mut sum = Mat::<f64>::zeros(count, count);
        let block = |start: usize| {
            Mat::from_fn(count, BLOCK.min(dims - start), |row, column| {
                self.at(self.rows.row(row), start + column)
            })
        };
        for start in (0..dims).step_by(BLOCK) {
            add_product(&mut sum, block(start).as_ref());
        }
        let (values, vectors) = largest(&sum, wanted)?;
        let mut directions = vec![Vec::with_capacity(dims); vectors.ncols()];
        for start in (0..dims).step_by(BLOCK) {
            let block = block(start);
            let mut product = Mat::<f64>::zeros(block.ncols(), vectors.ncols());
            let (left, right) = (block.transpose(), vectors.as_ref());
            matmul(&mut product, Accum::Replace, left, right, 1.0, Par::Seq);
            for (direction, part) in directions.iter_mut().zip(product.col_iter()) {
                direction.extend(part.iter());
            }
        }
        Ok((values, directions))
    }
}

/// Adds the lower triangle of a matrix multiplied by its transpose, on one thread, so that the order of
/// additions is always the same.
fn add_product(sum: &mut Mat<f64>, block: MatRef<'_, f64>) {
    triangular::matmul(
        sum,
        BlockStructure::TriangularLower,
        Accum::Add,
        block,
        BlockStructure::Rectangular,
        block.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// The vector with a length of 1 and its largest value positive: both signs are valid, but charts
/// should not be mirrored at random.
fn unit(direction: Vec<f64>) -> Vec<f32> {
    let length = direction.iter().map(|it| it * it).sum::<f64>().sqrt();
    let largest = direction.iter().copied().fold(0f64, |most, value| {
        if value.abs() > most.abs() {
            value
        } else {
            most
        }
    });
    let scale = if largest < 0.0 { -1.0 } else { 1.0 } / length.max(f64::MIN_POSITIVE);
    direction.iter().map(|it| (it * scale) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points about (5, -2, 1, 1, ...) that lie along two directions at right angles, 4 to 1.
    fn plane(count: usize, dims: usize) -> Features {
        let mut values = Vec::new();
        for row in 0..count {
            let angle = row as f32 * std::f32::consts::TAU / count as f32;
            let (long, short) = (4.0 * angle.cos(), angle.sin());
            let mut point = vec![1.0; dims];
            point[0] = 5.0 + 0.6 * long - 0.8 * short;
            point[1] = -2.0 + 0.8 * long + 0.6 * short;
            values.extend(point);
        }
        Features::new(values, dims, count)
    }

    #[test]
    fn directions_and_shares_are_those_of_the_points() {
        // By the covariance, and by the Gram matrix.
        for (count, dims) in [(400, 3), (40, 700)] {
            let rows = plane(count, dims);
            let found = Principal::fit(&rows, 3).unwrap().unwrap();
            let [first, second] = found.explained() else {
                panic!("{:?}", found.explained())
            };
            assert!((first - 16.0 / 17.0).abs() < 1e-5, "{first}");
            assert!((second - 1.0 / 17.0).abs() < 1e-5, "{second}");
            let places = found.places(&rows);
            assert!((places[0][0] - 4.0).abs() < 1e-4 && places[0][1].abs() < 1e-4);
            let quarter = places[count / 4];
            assert!(quarter[0].abs() < 1e-4 && (quarter[1].abs() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn without_variance_there_is_nothing_and_on_a_line_one_component() {
        let same = Features::new(vec![0.3; 12], 3, 4);
        assert!(Principal::fit(&same, 2).unwrap().is_none());
        let line = Features::new(vec![0.0, 0.0, 1.0, 2.0, 2.0, 4.0], 2, 3);
        let found = Principal::fit(&line, 2).unwrap().unwrap();
        assert_eq!(found.explained().len(), 1);
        let places = found.places(&line);
        assert!((places[2][0] - 5f64.sqrt()).abs() < 1e-6 && places[2][1] == 0.0);
        let narrow = Features::new(vec![1.0, 2.0, 3.0], 1, 3);
        let found = Principal::fit(&narrow, 2).unwrap().unwrap();
        assert!((found.explained()[0] - 1.0).abs() < 1e-9);
    }
}
