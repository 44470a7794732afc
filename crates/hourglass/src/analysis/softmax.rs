//! Multinomial logistic regression: the linear classifier of a probe.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::lbfgs;

/// Rows whose products are computed at once: few enough for a core's cache.
const BLOCK: usize = 256;

/// Rows that one thread sums: whole blocks, and few enough to give every thread some.
const PART: usize = 8 * BLOCK;

/// A linear classifier: the class of a row x is the c with the largest w_c x + b_c.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Weights and then bias of each class: [classes, width + 1].
    parameters: Vec<f64>,
    width: usize,
}

/// When to stop the search for the best parameters.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Iterations of L-BFGS.
    pub iterations: usize,
    /// The search ends when all components of the gradient are below this.
    pub tolerance: f64,
}

impl Softmax {
    /// An untrained classifier of rows of `width` into `classes`.
    pub fn new(width: usize, classes: usize) -> Self {
        Self {
            parameters: vec![0.0; classes * (width + 1)],
            width,
        }
    }

    /// Trains from the current parameters. Minimises, over rows x [n, width] with classes y,
    ///
    /// 1/n sum of -ln softmax(Wx + b)_y + `penalty` / 2 |W|^2
    ///
    /// (scikit-learn's `LogisticRegression` with C = 1 / (n penalty)). The columns should have similar
    /// scales. Rows whose class is not below the number of classes are ignored.
    pub fn fit(&mut self, rows: &[f32], classes: &[u8], penalty: f64, effort: Effort) {
        let width = self.width;
        let start = std::mem::take(&mut self.parameters);
        self.parameters = lbfgs::minimise(
            start,
            |parameters| objective(parameters, rows, classes, width, penalty),
            effort.iterations,
            effort.tolerance,
        );
    }

    /// The class of each row, [n, width], the lowest of equally likely ones.
    pub fn classify(&self, rows: &[f32]) -> Vec<u8> {
        let (weights, biases) = split(&self.parameters, self.width);
        let blocks: Vec<Vec<u8>> = rows
            .par_chunks(BLOCK * self.width)
            .map(|rows| {
                let logits = logits(rows, &weights, &biases, self.width);
                let rows = logits.chunks_exact(biases.len().max(1));
                rows.map(|logits| {
                    let mut best = (0, f32::NEG_INFINITY);
                    for (class, &logit) in (0..=u8::MAX).zip(logits) {
                        if logit > best.1 {
                            best = (class, logit);
                        }
                    }
                    best.0
                })
                .collect()
            })
            .collect();
        blocks.concat()
    }

    /// Weights and bias of each class, [classes, width + 1].
    #[cfg(test)]
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }
}

/// The weights, [classes, width], and the biases as the products take them.
fn split(parameters: &[f64], width: usize) -> (Vec<f32>, Vec<f32>) {
    let classes = parameters.chunks_exact(width + 1);
    let (mut weights, mut biases) = (Vec::with_capacity(parameters.len()), Vec::new());
    for class in classes {
        if let Some((bias, row)) = class.split_last() {
            weights.extend(row.iter().map(|&value| value as f32));
            biases.push(*bias as f32);
        }
    }
    (weights, biases)
}

/// Wx + b of each row: [rows, classes].
fn logits(rows: &[f32], weights: &[f32], biases: &[f32], width: usize) -> Vec<f32> {
    let (count, classes) = (rows.len() / width, biases.len());
    let mut logits = biases.repeat(count);
    matmul(
        MatMut::from_row_major_slice_mut(&mut logits, count, classes),
        Accum::Add,
        MatRef::from_row_major_slice(rows, count, width),
        MatRef::from_row_major_slice(weights, classes, width).transpose(),
        1.0,
        Par::Seq,
    );
    logits
}

/// The objective of [`Softmax::fit`] and its gradient.
fn objective(
    parameters: &[f64],
    rows: &[f32],
    classes: &[u8],
    width: usize,
    penalty: f64,
) -> (f64, Vec<f64>) {
    let (weights, biases) = split(parameters, width);
    let parts: Vec<(f64, Vec<f64>)> = rows
        .par_chunks(PART * width)
        .zip(classes.par_chunks(PART))
        .map(|(rows, classes)| {
            let mut loss = 0.0;
            let mut gradient = vec![0f64; parameters.len()];
            let blocks = rows.chunks(BLOCK * width).zip(classes.chunks(BLOCK));
            for (rows, classes) in blocks {
                loss += add_block(&mut gradient, rows, classes, &weights, &biases, width);
            }
            (loss, gradient)
        })
        .collect();
    let scale = 1.0 / (classes.len() as f64).max(1.0);
    let (mut value, mut gradient) = (0.0, vec![0f64; parameters.len()]);
    for (loss, part) in &parts {
        value += loss * scale;
        for (sum, part) in gradient.iter_mut().zip(part) {
            *sum += part * scale;
        }
    }
    let all = gradient
        .chunks_exact_mut(width + 1)
        .zip(parameters.chunks_exact(width + 1));
    for (gradient, parameters) in all {
        // The bias, which comes last, costs nothing.
        for (gradient, weight) in gradient.iter_mut().zip(parameters).take(width) {
            value += penalty / 2.0 * weight * weight;
            *gradient += penalty * weight;
        }
    }
    (value, gradient)
}

/// Adds the gradient of some rows' losses; the sum of the losses.
fn add_block(
    gradient: &mut [f64],
    rows: &[f32],
    classes: &[u8],
    weights: &[f32],
    biases: &[f32],
    width: usize,
) -> f64 {
    let mut chances = logits(rows, weights, biases, width);
    let mut loss = 0.0;
    for (chances, &class) in chances.chunks_exact_mut(biases.len()).zip(classes) {
        let largest = chances.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        let Some(&own) = chances.get(usize::from(class)) else {
            chances.fill(0.0);
            continue;
        };
        let mut total = 0f64;
        for chance in chances.iter_mut() {
            *chance = (*chance - largest).exp();
            total += f64::from(*chance);
        }
        loss += total.ln() - f64::from(own - largest);
        // The gradient by the logits is the chance, less 1 for the class that it is.
        for chance in chances.iter_mut() {
            *chance = (f64::from(*chance) / total) as f32;
        }
        if let Some(own) = chances.get_mut(usize::from(class)) {
            *own -= 1.0;
        }
    }
    let (count, number) = (rows.len() / width, biases.len());
    let mut product = vec![0f32; number * width];
    matmul(
        MatMut::from_row_major_slice_mut(&mut product, number, width),
        Accum::Replace,
        MatRef::from_row_major_slice(&chances, count, number).transpose(),
        MatRef::from_row_major_slice(rows, count, width),
        1.0,
        Par::Seq,
    );
    let of_class = gradient
        .chunks_exact_mut(width + 1)
        .zip(product.chunks_exact(width));
    for (class, (gradient, product)) in of_class.enumerate() {
        for (sum, &part) in gradient.iter_mut().zip(product) {
            *sum += f64::from(part);
        }
        if let Some(bias) = gradient.last_mut() {
            let of_class = chances.iter().skip(class).step_by(number);
            *bias += of_class.map(|&chance| f64::from(chance)).sum::<f64>();
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFORT: Effort = Effort {
        iterations: 200,
        tolerance: 1e-6,
    };

    #[test]
    fn rows_on_two_sides_are_told_apart() {
        let rows: Vec<f32> = (0..700).map(|it| (it as f32 - 349.5) / 100.0).collect();
        let classes: Vec<u8> = (0..700).map(|it| u8::from(it >= 350)).collect();
        let mut found = Softmax::new(1, 2);
        found.fit(&rows, &classes, 1e-3, EFFORT);
        assert_eq!(found.classify(&rows), classes);
    }

    #[test]
    fn one_class_and_columns_that_say_nothing_are_no_fault() {
        let mut one = Softmax::new(2, 1);
        one.fit(&[0.0; 20], &[0; 10], 1e-3, EFFORT);
        assert_eq!(one.classify(&[0.0; 4]), [0, 0]);
        // Without anything to tell them apart, every row is of the commonest class.
        let mut two = Softmax::new(2, 2);
        two.fit(&[0.0; 20], &[1, 1, 1, 1, 0, 1, 1, 0, 1, 1], 1e-3, EFFORT);
        assert_eq!(two.classify(&[0.0; 4]), [1, 1]);
    }
}
