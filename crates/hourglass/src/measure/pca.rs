//! Principal component analysis: the baseline that every autoencoder is compared with.
//!
//! PCA with k components is the best linear autoencoder with a code of k values. It is computed
//! exactly where a matrix of that size is: the second moments of 8-bit images are sums of integers below
//! 2^53, which f64 holds without rounding, so they do not depend on the order of additions. Of larger
//! ones, such as 20,000 colour patches of 64 x 64, the subspace is found by iteration (Halko, Martinsson
//! & Tropp 2011, algorithm 4.4), until its error is within [`TOLERANCE`] of what another pass would give.

use std::ops::Range;

use data::View;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, Mat, Par, Spec};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use triangular::BlockStructure::{Rectangular, TriangularLower};

/// The largest symmetric matrix whose eigenvectors are computed. Its side is the number of values per
/// image or the number of images, whichever is smaller. Time grows with the cube: 784 takes 0.2 s on
/// two cores, 4096 about half a minute and 0.5 GB.
pub const LARGEST_MATRIX: usize = 4096;

/// How far the error on the training images may be from that of exact components, as a share of it; the iteration
/// ends when a pass makes it smaller by a tenth of this.
pub const TOLERANCE: f64 = 0.01;

/// Directions that are iterated beside the wanted ones; those at the end converge slowly.
const BESIDE: usize = 32;

/// The most passes over the images; of photographs 5 to 9 are enough.
const MOST_PASSES: usize = 24;

/// The most multiplications of a pass, halved.
const LARGEST_PASS: usize = 1 << 37;

/// Seed of the first directions.
const SEED: u64 = 0;

/// The most values that are converted to f64 at once where images are few and large: 512 MiB.
const LARGEST_BLOCK: usize = 1 << 26;

/// Bytes converted to f64 at a time, so that any number of images needs about 8 MB.
const BLOCK_BYTES: usize = 1 << 20;

/// Why principal components cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PcaError {
    /// The pixels are not a whole number of images, or there are none.
    #[error("{pixels} pixel values, expected one or more whole images of {dims} values")]
    Length {
        /// Values given.
        pixels: usize,
        /// Values in one image.
        dims: usize,
    },
    /// PCA would take too much time and memory.
    #[error(
        "PCA of {images} images of {dims} values is too large; \
         one of the two numbers must be at most {LARGEST_MATRIX}"
    )]
    TooLarge {
        /// Images given.
        images: usize,
        /// Values in one image.
        dims: usize,
    },
    /// The eigensolver failed.
    #[error("the eigenvectors of the {side} x {side} covariance did not converge")]
    NoConvergence {
        /// Side of the matrix.
        side: usize,
    },
}

/// The squared error of reconstructions, on images with values in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquaredError {
    /// Mean over all values.
    pub mse: f64,
    /// Sum per image, mean over images.
    pub sum_sq: f64,
}

/// The mean picture and the directions of largest variance.
#[derive(Debug, Clone)]
pub struct Pca {
    /// In stored units: bytes from 0 to 255, numbers of 16 bits, or standardised ones.
    mean: Vec<f64>,
    /// The stored value that means 1.
    one: f64,
    /// [dims, components], orthonormal columns, the largest variance first.
    components: Mat<f64>,
}

impl Pca {
    /// Fits images, row-major [images, dims], and keeps the first `components` directions, or all
    /// if there are fewer. Exact if the number of images or `dims` is at most [`LARGEST_MATRIX`], else
    /// within [`TOLERANCE`].
    ///
    /// # Errors
    /// If `pixels` are not whole images, or are too many for so many components.
    ///
    /// Real values are fitted as they are, with the mean in place of missing ones.
    pub fn fit<'a>(
        pixels: impl Into<View<'a>>,
        dims: usize,
        components: usize,
    ) -> Result<Self, PcaError> {
        let pixels = pixels.into();
        let images = count(pixels, dims)?;
        let exact = images.min(dims) <= LARGEST_MATRIX;
        let iterated = components + BESIDE;
        Self::check(images, dims, components)?;
        let mean = mean(pixels, dims, images);
        let components = if !exact {
            by_iteration(pixels, &mean, components, iterated)?
        } else if dims <= images {
            from_covariance(pixels, &mean, images, components)?
        } else {
            from_gram(pixels, &mean, images, components)?
        };
        Ok(Self {
            mean,
            one: pixels.one(),
            components,
        })
    }

    /// Fails if that many directions of these images would take too much time and memory.
    ///
    /// # Errors
    /// [`PcaError::TooLarge`].
    pub fn check(images: usize, dims: usize, components: usize) -> Result<(), PcaError> {
        let iterated = components.saturating_add(BESIDE);
        let pass = model::shape::values([images, dims, iterated]);
        let exact = images.min(dims) <= LARGEST_MATRIX;
        match exact || (iterated <= LARGEST_MATRIX && pass <= LARGEST_PASS) {
            true => Ok(()),
            false => Err(PcaError::TooLarge { images, dims }),
        }
    }

    /// The mean picture alone, without components, for images of any size.
    ///
    /// # Errors
    /// If `pixels` are not whole images.
    pub fn mean<'a>(pixels: impl Into<View<'a>>, dims: usize) -> Result<Self, PcaError> {
        let pixels = pixels.into();
        let images = count(pixels, dims)?;
        Ok(Self {
            mean: mean(pixels, dims, images),
            one: pixels.one(),
            components: Mat::zeros(dims, 0),
        })
    }

    /// Number of kept directions: as many as requested, or all if there are fewer.
    pub fn components(&self) -> usize {
        self.components.ncols()
    }

    /// The kept directions, row-major [components, dims].
    pub fn directions(&self) -> Vec<f32> {
        let columns = self.components.col_iter();
        let values = columns.flat_map(|column| column.iter().map(|&it| it as f32));
        values.collect()
    }

    /// The mean picture, with values in [0, 1].
    pub fn mean_picture(&self) -> Vec<f32> {
        self.mean.iter().map(|it| (it / self.one) as f32).collect()
    }

    /// The codes of images (row-major [images, dims]) in all kept directions, row-major
    /// [images, components], for image values in [0, 1].
    ///
    /// # Errors
    /// If `images` are not whole images.
    pub fn codes<'a>(&self, images: impl Into<View<'a>>) -> Result<Vec<f32>, PcaError> {
        let images = images.into();
        let dims = self.mean.len();
        let count = count(images, dims)?;
        let mut all = Vec::with_capacity(count * self.components());
        for block in images.chunks(block_len(dims)) {
            let codes = product(
                self.components.transpose(),
                centred(block, &self.mean).as_ref(),
            );
            // Images are columns here.
            for code in codes.col_iter() {
                all.extend(code.iter().map(|value| (value / self.one) as f32));
            }
        }
        Ok(all)
    }

    /// Decodes codes (row-major [images, components]) in all kept directions into pictures, row-major [images, dims].
    /// Values may lie slightly outside [0, 1]. An incomplete last code is dropped.
    pub fn pictures(&self, codes: &[f32]) -> Vec<f32> {
        let (dims, components) = (self.mean.len(), self.components());
        let mut pictures = Vec::with_capacity(codes.len() / components.max(1) * dims);
        for code in codes.chunks_exact(components.max(1)) {
            let mut picture: Vec<f64> = self.mean.iter().map(|mean| mean / self.one).collect();
            for (direction, &value) in self.components.col_iter().zip(code) {
                for (pixel, weight) in picture.iter_mut().zip(direction.iter()) {
                    *pixel += weight * f64::from(value);
                }
            }
            pictures.extend(picture.iter().map(|&pixel| pixel as f32));
        }
        pictures
    }

    /// The squared error of reconstructing each image (row-major [images, dims]) from all kept directions,
    /// summed over its values in [0, 1].
    ///
    /// # Errors
    /// If `images` are not whole images.
    pub fn errors<'a>(&self, images: impl Into<View<'a>>) -> Result<Vec<f64>, PcaError> {
        self.errors_of(self.components.ncols(), images.into())
    }

    fn errors_of(&self, code_size: usize, images: View<'_>) -> Result<Vec<f64>, PcaError> {
        let dims = self.mean.len();
        let mut all = Vec::with_capacity(count(images, dims)?);
        let used = (self.components).subcols(0, code_size.min(self.components.ncols()));
        for block in images.chunks(block_len(dims)) {
            let centred = centred(block, &self.mean);
            let codes = product(used.transpose(), centred.as_ref());
            let missing = block.known() < block.len();
            let restored = missing.then(|| product(used, codes.as_ref()));
            for (place, (image, code)) in centred.col_iter().zip(codes.col_iter()).enumerate() {
                let error = match &restored {
                    // What is missing has no error.
                    Some(restored) => (0..dims)
                        .filter(|row| !block.get(place * dims + row).is_nan())
                        .map(|row| (image[row] - restored[(row, place)]).powi(2))
                        .sum(),
                    // The components are orthonormal, so the error is the total minus the code's square.
                    None => (image.squared_norm_l2() - code.squared_norm_l2()).max(0.0),
                };
                all.push(error / (self.one * self.one));
            }
        }
        Ok(all)
    }

    /// The error on `test` (row-major [images, dims]) of reconstructions from codes of `code_size`
    /// values, not clipped to [0, 1]. With a `code_size` of 0 every reconstruction is the mean picture.
    /// Components that were not kept or do not exist are not used. Missing values have no error and do not count.
    ///
    /// # Errors
    /// If `test` are not whole images.
    pub fn error<'a>(
        &self,
        code_size: usize,
        test: impl Into<View<'a>>,
    ) -> Result<SquaredError, PcaError> {
        let test = test.into();
        let dims = self.mean.len();
        let images = count(test, dims)?;
        let used = (self.components).subcols(0, code_size.min(self.components.ncols()));
        let mut sum = 0.0;
        let known = test.known();
        if known < test.len() {
            sum = self.errors_of(code_size, test)?.iter().sum();
        } else {
            for block in test.chunks(block_len(dims)) {
                let centred = centred(block, &self.mean);
                let codes = product(used.transpose(), centred.as_ref());
                // The components are orthonormal, so the error is the total minus the code's square.
                sum += centred.squared_norm_l2() - codes.squared_norm_l2();
            }
            sum = sum.max(0.0) / (self.one * self.one);
        }
        Ok(SquaredError {
            mse: sum / known.max(1) as f64,
            sum_sq: sum / images as f64,
        })
    }
}

/// The mean picture, in stored units; the sums of integers are exact. Missing values do not count.
fn mean(values: View<'_>, dims: usize, images: usize) -> Vec<f64> {
    match values {
        View::Bytes(pixels) => whole_mean(pixels, dims, images),
        View::Deep(pixels) => whole_mean(pixels, dims, images),
        View::Real(values) => {
            let mut sums = vec![(0.0, 0_usize); dims];
            for sample in values.chunks_exact(dims) {
                for ((sum, count), value) in sums.iter_mut().zip(sample) {
                    if !value.is_nan() {
                        *sum += f64::from(*value);
                        *count += 1;
                    }
                }
            }
            let means = sums
                .into_iter()
                .map(|(sum, count)| sum / count.max(1) as f64);
            means.collect()
        }
    }
}

/// The mean of images of whole numbers.
fn whole_mean<T: Copy + Into<u64>>(pixels: &[T], dims: usize, images: usize) -> Vec<f64> {
    let sums = (pixels.chunks_exact(dims)).fold(vec![0u64; dims], |mut sums, image| {
        for (sum, &pixel) in sums.iter_mut().zip(image) {
            *sum += pixel.into();
        }
        sums
    });
    sums.iter().map(|&sum| sum as f64 / images as f64).collect()
}

/// Number of images.
fn count(pixels: View<'_>, dims: usize) -> Result<usize, PcaError> {
    if dims == 0 || pixels.is_empty() || !pixels.len().is_multiple_of(dims) {
        let pixels = pixels.len();
        return Err(PcaError::Length { pixels, dims });
    }
    Ok(pixels.len() / dims)
}

/// Bytes per block, a whole number of images.
fn block_len(dims: usize) -> usize {
    (BLOCK_BYTES / dims).max(1) * dims
}

/// Images as columns, minus the mean picture; a missing value is the mean.
fn centred(values: View<'_>, mean: &[f64]) -> Mat<f64> {
    centred_rows(values, mean, 0..mean.len())
}

/// Some rows of the images as columns: these values of each.
fn centred_rows(values: View<'_>, mean: &[f64], rows: Range<usize>) -> Mat<f64> {
    let dims = mean.len();
    let images = values.len() / dims;
    let first = rows.start;
    let rows = rows.len();
    match values {
        View::Bytes(pixels) => Mat::from_fn(rows, images, |row, image| {
            f64::from(pixels[image * dims + first + row]) - mean[first + row]
        }),
        View::Deep(pixels) => Mat::from_fn(rows, images, |row, image| {
            f64::from(pixels[image * dims + first + row]) - mean[first + row]
        }),
        View::Real(values) => Mat::from_fn(rows, images, |row, image| {
            match f64::from(values[image * dims + first + row]) {
                value if value.is_nan() => 0.0,
                value => value - mean[first + row],
            }
        }),
    }
}

/// The product of two matrices, such as directions, transposed, and centred images as columns: their codes.
fn product(left: faer::MatRef<'_, f64>, right: faer::MatRef<'_, f64>) -> Mat<f64> {
    let mut found = Mat::<f64>::zeros(left.nrows(), right.ncols());
    matmul(&mut found, Accum::Replace, left, right, 1.0, Par::rayon(0));
    found
}

/// Adds the lower triangle of the product of `left` and `right` to `sum`.
fn add_product(sum: &mut Mat<f64>, left: faer::MatRef<'_, f64>, right: faer::MatRef<'_, f64>) {
    triangular::matmul(
        sum,
        TriangularLower,
        Accum::Add,
        left,
        Rectangular,
        right,
        Rectangular,
        1.0,
        Par::rayon(0),
    );
}

/// The components of more images than values: eigenvectors of the covariance, [dims, dims].
fn from_covariance(
    pixels: View<'_>,
    mean: &[f64],
    images: usize,
    components: usize,
) -> Result<Mat<f64>, PcaError> {
    let dims = mean.len();
    let mut moments = Mat::<f64>::zeros(dims, dims);
    for block in pixels.chunks(block_len(dims)) {
        // Sums of products of bytes are exact; others are centred first, so that they lose no digits.
        let columns = match block {
            View::Bytes(block) => Mat::from_fn(dims, block.len() / dims, |row, image| {
                f64::from(block[image * dims + row])
            }),
            View::Deep(_) | View::Real(_) => centred(block, mean),
        };
        add_product(&mut moments, columns.as_ref(), columns.transpose());
    }
    let covariance = Mat::from_fn(dims, dims, |i, j| {
        // Only this triangle was summed, and only it is read.
        if i < j {
            0.0
        } else {
            let moment = moments[(i, j)] / images as f64;
            match pixels {
                View::Bytes(_) => moment - mean[i] * mean[j],
                View::Deep(_) | View::Real(_) => moment,
            }
        }
    });
    let (_, vectors) = largest(&covariance, components)?;
    Ok(vectors)
}

/// The components of fewer images than values: with the images as columns of X and an eigenvector
/// u of the Gram matrix X'X, [images, images], Xu is an eigenvector of the covariance's XX'.
fn from_gram(
    pixels: View<'_>,
    mean: &[f64],
    images: usize,
    components: usize,
) -> Result<Mat<f64>, PcaError> {
    let dims = mean.len();
    let most = (LARGEST_BLOCK / images).max(1);
    let blocks = || (0..dims).step_by(most).map(|at| at..(at + most).min(dims));
    let mut gram = Mat::<f64>::zeros(images, images);
    for rows in blocks() {
        let x = centred_rows(pixels, mean, rows);
        add_product(&mut gram, x.transpose(), x.as_ref());
    }
    let (values, vectors) = largest(&gram, components)?;
    // The images span at most images - 1 dimensions about their mean; an eigenvalue that is only
    // rounding error has no direction.
    let floor = values.first().copied().unwrap_or(0.0) * images as f64 * f64::EPSILON;
    let rank = above(&values, floor);
    let mut kept = Mat::<f64>::zeros(dims, rank);
    for rows in blocks() {
        let x = centred_rows(pixels, mean, rows.clone());
        let block = product(x.as_ref(), vectors.subcols(0, rank));
        let mut place = kept.as_mut().subrows_mut(rows.start, rows.len());
        place.copy_from(&block);
    }
    for column in kept.col_iter_mut() {
        let length = column.norm_l2();
        column.iter_mut().for_each(|value| *value /= length);
    }
    Ok(kept)
}

/// The components by iteration of a subspace of `iterated` directions: each pass over the images X multiplies them by
/// XX' and makes them orthonormal again, so that the largest ones remain.
fn by_iteration(
    pixels: View<'_>,
    mean: &[f64],
    components: usize,
    iterated: usize,
) -> Result<Mat<f64>, PcaError> {
    let dims = mean.len();
    let par = Par::rayon(0);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
    let mut directions = orthonormal(Mat::from_fn(dims, iterated, |_, _| uniform()))?;
    let mut before = f64::INFINITY;
    for _ in 0..MOST_PASSES {
        let columns = directions.ncols();
        let mut next = Mat::<f64>::zeros(dims, columns);
        let mut within = Mat::<f64>::zeros(columns, columns);
        let mut total = 0.0;
        for block in pixels.chunks(block_len(dims)) {
            let x = centred(block, mean);
            total += x.squared_norm_l2();
            let codes = product(directions.transpose(), x.as_ref());
            matmul(&mut next, Accum::Add, &x, codes.transpose(), 1.0, par);
            add_product(&mut within, codes.as_ref(), codes.transpose());
        }
        let (values, turned) = largest(&within, components)?;
        let left = total - values.iter().sum::<f64>();
        if before - left <= TOLERANCE / 10.0 * left {
            // What is only rounding error has no direction.
            let floor = total * dims as f64 * f64::EPSILON;
            let rank = above(&values, floor);
            return Ok(product(directions.as_ref(), turned.subcols(0, rank)));
        }
        before = left;
        // Twice, because the squares in the first Gram matrix leave half of the digits.
        directions = orthonormal(orthonormal(next)?)?;
    }
    let images = pixels.len() / dims;
    Err(PcaError::TooLarge { images, dims })
}

/// How many of these values, the largest first, are above a floor.
fn above(values: &[f64], floor: f64) -> usize {
    values.iter().take_while(|&&value| value > floor).count()
}

/// Orthonormal columns that span the same space; fewer if some were combinations of others.
fn orthonormal(columns: Mat<f64>) -> Result<Mat<f64>, PcaError> {
    let side = columns.ncols();
    let mut gram = Mat::<f64>::zeros(side, side);
    add_product(&mut gram, columns.transpose(), columns.as_ref());
    let (values, mut vectors) = largest(&gram, side)?;
    let floor = values.first().copied().unwrap_or(0.0) * side as f64 * f64::EPSILON;
    let rank = above(&values, floor);
    for (column, value) in vectors.col_iter_mut().zip(values.iter().take(rank)) {
        let length = value.sqrt();
        column.iter_mut().for_each(|it| *it /= length);
    }
    Ok(product(columns.as_ref(), vectors.subcols(0, rank)))
}

/// The `wanted` largest eigenvalues of a symmetric matrix, largest first, and their eigenvectors
/// as columns. Only the lower triangle is read.
///
/// # Errors
/// If the eigensolver fails.
pub fn largest(matrix: &Mat<f64>, wanted: usize) -> Result<(Vec<f64>, Mat<f64>), PcaError> {
    let side = matrix.nrows();
    // One thread: several wait for each other by spinning, which beside any other work makes a second of PCA a
    // minute. Alone, one thread is hardly slower, and rounds the same everywhere.
    let par = Par::Seq;
    let mut all_vectors = Mat::zeros(side, side);
    let mut all_values = Diag::zeros(side);
    let with_vectors = evd::ComputeEigenvectors::Yes;
    let scratch = evd::self_adjoint_evd_scratch::<f64>(side, with_vectors, par, Spec::default());
    evd::self_adjoint_evd(
        matrix.as_ref(),
        all_values.as_mut(),
        Some(all_vectors.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| PcaError::NoConvergence { side })?;
    let wanted = wanted.min(side);
    // The solver returns the smallest first.
    let values = (0..wanted).map(|k| all_values[side - 1 - k]).collect();
    let vectors = Mat::from_fn(side, wanted, |i, k| all_vectors[(i, side - 1 - k)]);
    Ok((values, vectors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnist_gives_the_known_figures() {
        let mnist = data::Source::Mnist.load().unwrap();
        let (train, test) = (mnist.train.values(), mnist.test.values());
        let pca = Pca::fit(train, 784, 32).unwrap();
        let near = |found: f64, known: f64, digits: f64| {
            assert!((found - known).abs() < digits, "{found}, not {known}")
        };
        near(pca.error(2, test).unwrap().mse, 0.055669, 5e-7);
        near(pca.error(32, test).unwrap().mse, 0.016828, 5e-7);
        // Hinton & Salakhutdinov (2006) print 13.87 for 30 components.
        near(pca.error(30, test).unwrap().sum_sq, 13.866, 5e-4);
        near(pca.error(0, test).unwrap().sum_sq, 52.90, 5e-3);
    }

    /// Bytes along a line in `dims` dimensions, with some noise off it.
    fn images(count: usize, dims: usize) -> Vec<u8> {
        (0..count * dims)
            .map(|i| ((i / dims * 37 % 101) * (i % dims % 3) + i * i % 17) as u8)
            .collect()
    }

    #[test]
    fn few_images_and_many_images_agree() {
        // The same images twice give the same components by way of the other matrix.
        let few = images(9, 12);
        let many = few.repeat(2);
        let test = images(30, 12);
        let (gram, covariance) = (
            Pca::fit(&few, 12, 12).unwrap(),
            Pca::fit(&many, 12, 12).unwrap(),
        );
        // 9 images differ from their mean in 8 directions.
        assert_eq!(
            (gram.components.ncols(), covariance.components.ncols()),
            (8, 12)
        );
        for k in 0..=8 {
            let (a, b) = (
                gram.error(k, &test).unwrap(),
                covariance.error(k, &test).unwrap(),
            );
            assert!((a.mse - b.mse).abs() < 1e-12, "k = {k}: {a:?} {b:?}");
        }
        assert!(gram.error(8, &few).unwrap().mse < 1e-15);
    }

    #[test]
    fn more_components_never_hurt_and_all_are_exact() {
        let train = images(40, 10);
        let pca = Pca::fit(&train, 10, 10).unwrap();
        let errors: Vec<f64> = (0..=10)
            .map(|k| pca.error(k, &train).unwrap().mse)
            .collect();
        assert!(errors.is_sorted_by(|a, b| a >= b), "{errors:?}");
        assert!(errors[0] > 1e-3 && errors[10] < 1e-15, "{errors:?}");
        // A code larger than the image is no better than one as large.
        assert_eq!(pca.error(99, &train), pca.error(10, &train));
    }

    #[test]
    fn the_errors_of_images_sum_up_to_that_of_all_and_codes_have_what_errors_lack() {
        let (train, test) = (images(40, 10), images(30, 10));
        let pca = Pca::fit(&train, 10, 4).unwrap();
        let errors = pca.errors(&test).unwrap();
        let mean = errors.iter().sum::<f64>() / 30.0;
        assert!((mean - pca.error(4, &test).unwrap().sum_sq).abs() < 1e-12);
        let whole = Pca::mean(&train, 10).unwrap().errors(&test).unwrap();
        let codes = pca.codes(&test).unwrap();
        for ((code, error), whole) in codes.chunks(4).zip(&errors).zip(&whole) {
            let held: f64 = code.iter().map(|it| f64::from(*it).powi(2)).sum();
            assert!(
                (held + error - whole).abs() < 1e-5,
                "{held} {error} {whole}"
            );
        }
    }

    #[test]
    fn iteration_finds_what_the_eigenvectors_are() {
        let mnist = data::Source::Mnist.load().unwrap();
        let train = &mnist.train.pixels()[..784 * 6000];
        let test = &mnist.test.pixels()[..784 * 1000];
        let mean = mean(train.into(), 784, 6000);
        for components in [2, 32, 128] {
            let exact = Pca::fit(train, 784, components).unwrap();
            let found = Pca {
                one: 255.0,
                components: by_iteration(train.into(), &mean, components, components + BESIDE)
                    .unwrap(),
                mean: mean.clone(),
            };
            let of = |pca: &Pca, pixels| pca.error(components, pixels).unwrap().mse;
            let ratio = of(&found, train) / of(&exact, train);
            assert!(
                (1.0 - 1e-9..1.0 + TOLERANCE).contains(&ratio),
                "{components}: {ratio}"
            );
            let ratio = of(&found, test) / of(&exact, test);
            assert!((ratio - 1.0).abs() < TOLERANCE, "{components}: {ratio}");
            // Orthonormal, so that the error is what the codes lack.
            let product = found.components.transpose() * &found.components;
            for (row, column) in (0..components).flat_map(|i| (0..components).map(move |j| (i, j)))
            {
                let expected = f64::from(u8::from(row == column));
                assert!((product[(row, column)] - expected).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn iteration_ends_at_the_rank_of_the_images() {
        let few = images(9, 300).repeat(20);
        let mean = mean((&few).into(), 300, 180);
        let found = by_iteration((&few).into(), &mean, 20, 20 + BESIDE).unwrap();
        assert_eq!(found.ncols(), 8);
        let same = by_iteration((&[7; 900]).into(), &[7.0; 300], 4, 4 + BESIDE).unwrap();
        assert_eq!(same.ncols(), 0);
    }

    #[test]
    fn large_sets_of_large_images_have_components() {
        let dims = LARGEST_MATRIX + 1;
        let pixels: Vec<u8> = (0..dims * dims)
            .map(|at| (at / dims * 7 % 256) as u8)
            .collect();
        let pca = Pca::fit(&pixels, dims, 2).unwrap();
        // All pixels of an image are alike, so images differ in one direction.
        assert_eq!(pca.components(), 1);
        assert!(pca.error(1, &pixels).unwrap().mse < 1e-12);
    }

    #[test]
    fn equal_images_have_no_components() {
        let pca = Pca::fit(&[7; 60], 20, 5).unwrap();
        assert_eq!(pca.components.ncols(), 0);
        assert_eq!(pca.error(5, &[7; 20]).unwrap().mse, 0.0);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert_eq!(
            Pca::fit(&[], 4, 1).unwrap_err(),
            PcaError::Length { pixels: 0, dims: 4 }
        );
        assert!(Pca::fit(&[0; 7], 4, 1).is_err());
        assert!(Pca::fit(&[0; 8], 4, 1).unwrap().error(1, &[0; 3]).is_err());
        let dims = LARGEST_MATRIX + 1;
        let error = Pca::fit(&vec![0; dims * dims], dims, LARGEST_MATRIX)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("at most 4096") && !error.contains('\n'),
            "{error}"
        );
    }

    /// Bytes given as real values have the same components, and a missing value has no error.
    #[test]
    fn real_values_are_fitted_as_bytes_are() {
        let bytes = images(60, 6);
        let real: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let of_bytes = Pca::fit(&bytes, 6, 2).unwrap();
        let of_real = Pca::fit(View::Real(&real), 6, 2).unwrap();
        let [one, other] = [
            of_bytes.error(2, &bytes).unwrap(),
            of_real.error(2, View::Real(&real)).unwrap(),
        ];
        assert!((one.mse - other.mse).abs() < 1e-8, "{one:?} {other:?}");
        // So are those of 16 bits, where a byte is 257 times its value.
        let deep: Vec<u16> = bytes.iter().map(|&byte| u16::from(byte) * 257).collect();
        let of_deep = Pca::fit(View::Deep(&deep), 6, 2).unwrap();
        let other = of_deep.error(2, View::Deep(&deep)).unwrap();
        assert!((one.mse - other.mse).abs() < 1e-12, "{one:?} {other:?}");
        assert_eq!(of_deep.mean_picture(), of_bytes.mean_picture());
        let mut holed = real.clone();
        holed[3] = f32::NAN;
        let errors = of_real.errors(View::Real(&holed)).unwrap();
        let whole = of_real.errors(View::Real(&real)).unwrap();
        let pairs = || errors.iter().zip(&whole).skip(1);
        assert!(pairs().all(|(one, other)| (one - other).abs() < 1e-12));
        assert!(errors[0].is_finite());
        let mean = Pca::mean(View::Real(&[1.0, f32::NAN, 3.0, 5.0]), 2).unwrap();
        assert_eq!(mean.mean_picture(), [2.0, 5.0]);
        assert_eq!(
            mean.error(0, View::Real(&[2.0, f32::NAN])).unwrap().mse,
            0.0
        );
    }
}
