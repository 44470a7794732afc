//! Metrics: how close reconstructions are to their inputs, over a test set, summed in f64.
//!
//! A [`Reconstruction`] takes the images batch by batch and returns [`Figures`] at the end. Each image
//! is measured alone and the results are added in the order of the images, so the figures depend
//! neither on the number of threads nor on the batches.

use std::sync::{Arc, LazyLock};

use data::{Field, FieldKind, Fields};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::files::or_nan;

use ssim::Ssim;

pub mod metric;
mod ssim;

/// Without logits, probabilities are clamped this far from 0 and 1 before taking their logarithm,
/// because an exact 0 for a bright pixel would give an infinite loss.
const PROBABILITY_MARGIN: f64 = 1e-7;

/// A mean squared error that counts as none: 100 dB, at which PSNR is capped, because otherwise one exact
/// reconstruction would make its mean infinite.
pub const EXACT_MSE: f64 = 1e-10;

/// How many factors between 1 and 2 are multiplied before one logarithm is taken: a logarithm per factor
/// would take half of an evaluation's time. f64 holds 1023 doublings.
const FACTORS: usize = 512;

/// Why images could not be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// Inputs and reconstructions differ in length, or are not whole images.
    #[error(
        "{targets} input values and {reconstructions} reconstructed values; \
         both must be the same whole number of images of {values} values"
    )]
    Length {
        /// Values in the inputs.
        targets: usize,
        /// Values in the reconstructions.
        reconstructions: usize,
        /// Values in one image.
        values: usize,
    },
    /// An input is outside the range that all metrics assume.
    #[error("image {image}: input value {value}; inputs must be in [0, 1]")]
    Target {
        /// The image, counted from 0 over everything pushed.
        image: usize,
        /// The first such value.
        value: f32,
    },
    /// A reconstruction has a NaN or an infinity, so no metric can be computed.
    #[error("image {image}: reconstructed value {value}; it must be finite")]
    NotFinite {
        /// The image, counted from 0 over everything pushed.
        image: usize,
        /// The first such value.
        value: f32,
    },
}

/// The figures of a set of images with values in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean squared error per value; of standardised values for data that are no pictures.
    pub mse: f64,
    /// Binary cross-entropy per value, in nats. This and the next two are NaN for data that are no pictures.
    #[serde(deserialize_with = "or_nan")]
    pub bce: f64,
    /// `bce` minus the entropy of the inputs, which is the lowest possible `bce`.
    #[serde(deserialize_with = "or_nan")]
    pub bce_over_floor: f64,
    /// Squared error summed over the values of an image, mean over images
    /// (Hinton & Salakhutdinov 2006).
    pub sum_sq: f64,
    /// Mean over images of 10 log10(1 / the image's mse), in dB; at most 100 dB per image.
    #[serde(deserialize_with = "or_nan")]
    pub psnr: f64,
    /// Structural similarity, mean over images and channels (Wang et al. 2004): Gaussian window of
    /// 11 x 11 with sigma 1.5, K1 = .01, K2 = .03. `None` if images are smaller than the window.
    pub ssim: Option<f64>,
    /// The share of the values' variance about the training data's mean that is explained: 1 minus the squared error over
    /// the squared distance from that mean. `None` for pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// What training minimises for rows with categories: the squared error of numbers and the cross-entropy of
    /// categories, in nats, mean over both. `None` for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<f64>,
}

/// A table's column, measured over all rows that have a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Root mean squared error in the data's own units; `None` for categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// The share of rows whose category is the most probable one; `None` for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The share of the variance about the training rows' mean that is explained; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
}

impl Column {
    /// The headings of its [cells](Column::cells).
    pub const HEADINGS: [&str; 4] = ["column", "rmse", "accuracy", "r2"];

    /// A row of a table, as text.
    pub fn cells(&self) -> [String; 4] {
        [
            self.name.clone(),
            self.rmse.map_or("-".into(), |rmse| format!("{rmse:.4}")),
            metric::text(self.accuracy, 3),
            metric::text(self.r2, 3),
        ]
    }
}

/// Sums of one column.
#[derive(Debug, Clone, Copy, Default)]
struct ColumnSums {
    rows: usize,
    error: f64,
    about_center: f64,
    right: usize,
    /// Of categories, in nats.
    cross_entropy: f64,
}

/// Sums over images, from which the [`Figures`] are computed.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    values: usize,
    ssim: Option<Ssim>,
    images: usize,
    /// Values of rows of a table that are not missing.
    known: usize,
    sums: ImageFigures,
    errors: Vec<f64>,
    /// What the channels stand for, with the sums of each, if these are rows of a table.
    fields: Option<(Arc<Fields>, Vec<ColumnSums>)>,
}

/// One image's contribution to the sums.
#[derive(Debug, Clone, Copy, Default)]
struct ImageFigures {
    squared_error: f64,
    cross_entropy: f64,
    entropy: f64,
    psnr: f64,
    ssim: f64,
}

impl Reconstruction {
    /// Nothing measured yet; every image must have `shape` = [channels, height, width].
    pub fn new(shape: [usize; 3]) -> Self {
        Self {
            values: shape.iter().product(),
            ssim: Ssim::new(shape),
            images: 0,
            known: 0,
            sums: ImageFigures::default(),
            errors: Vec::new(),
            fields: None,
        }
    }

    /// The same for clips of so many frames, each measured by itself: no window of the structural similarity crosses from
    /// one into the next.
    pub fn of_clips([channels, height, width]: [usize; 3], frames: usize) -> Self {
        let frames = frames.max(1);
        // The frames of a channel lie one after the other, as channels do.
        Self::new([channels * frames, height / frames, width])
    }

    /// The same for samples that are no pictures, with channels as `fields` say.
    pub fn of_fields(shape: [usize; 3], fields: Arc<Fields>) -> Self {
        let sums = vec![ColumnSums::default(); fields.0.len()];
        Self {
            fields: Some((fields, sums)),
            ..Self::without_ssim(shape)
        }
    }

    /// The same without structural similarity, which takes most of the time.
    pub fn without_ssim(shape: [usize; 3]) -> Self {
        Self {
            ssim: None,
            ..Self::new(shape)
        }
    }

    /// Measures whole images, both slices row-major [images, channels, height, width].
    ///
    /// The cross-entropy treats the reconstructions as probabilities clamped to [1e-7, 1 - 1e-7]. If the
    /// logits are known, [`push_logits`](Self::push_logits) is exact.
    ///
    /// # Errors
    /// If the lengths do not fit, an input is outside [0, 1] or a reconstruction is not finite. Nothing
    /// of the batch is then counted.
    pub fn push(&mut self, targets: &[f32], reconstructions: &[f32]) -> Result<(), MetricError> {
        if self.fields.is_some() {
            return self.push_real(targets, reconstructions);
        }
        self.push_with(targets, reconstructions, |target, value| {
            let p = value.clamp(PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN);
            let mut cross_entropy = 0.0;
            // Most pixels of a drawing are exactly 0 or 1 and need only one logarithm.
            if target > 0.0 {
                cross_entropy -= target * p.ln();
            }
            if target < 1.0 {
                cross_entropy -= (1.0 - target) * (-p).ln_1p();
            }
            [value, cross_entropy, 1.0]
        })
    }

    /// Measures whole images given as the decoder's logits: the reconstruction is their sigmoid, and the
    /// cross-entropy is computed from the logits, so nothing is rounded to 0 or 1.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_logits(&mut self, targets: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        self.push_with(targets, logits, |target, logit| {
            let e = (-logit.abs()).exp();
            let probability = if logit < 0.0 { e } else { 1.0 } / (1.0 + e);
            [probability, logit.max(0.0) - logit * target, 1.0 + e]
        })
    }

    /// Fails unless both are the same whole number of images.
    fn check_lengths(&self, targets: &[f32], outputs: &[f32]) -> Result<(), MetricError> {
        let values = self.values;
        if targets.len() != outputs.len() || values == 0 || !targets.len().is_multiple_of(values) {
            return Err(MetricError::Length {
                targets: targets.len(),
                reconstructions: outputs.len(),
                values,
            });
        }
        Ok(())
    }

    /// Measures samples that are no pictures. A value that is missing in the target has no error.
    fn push_real(&mut self, targets: &[f32], outputs: &[f32]) -> Result<(), MetricError> {
        let values = self.values;
        self.check_lengths(targets, outputs)?;
        if let Some(place) = outputs.iter().position(|it| !it.is_finite()) {
            return Err(MetricError::NotFinite {
                image: self.images + place / values,
                value: outputs[place],
            });
        }
        let Some((fields, sums)) = &mut self.fields else {
            return Ok(());
        };
        let each = values / fields.channels().max(1);
        let centers: Vec<Vec<f32>> = fields.0.iter().map(Field::center).collect();
        for (target, output) in targets
            .chunks_exact(values)
            .zip(outputs.chunks_exact(values))
        {
            let (mut error, mut known) = (0.0, 0_usize);
            let measured = fields.placed().zip(sums.iter_mut()).zip(&centers);
            for (((first, field), sums), center) in measured {
                let range = first * each..(first + field.channels()) * each;
                let (target, output) = (&target[range.clone()], &output[range]);
                if target.iter().all(|it| it.is_nan()) {
                    continue;
                }
                let is_category = field.is_category();
                let pairs = || target.iter().zip(output).filter(|(it, _)| !it.is_nan());
                let squares: f64 = pairs()
                    .map(|(&it, &given)| (f64::from(it) - f64::from(given)).powi(2))
                    .sum();
                let count = pairs().count();
                sums.error += squares;
                sums.about_center += (target.iter().enumerate())
                    .filter(|(_, it)| !it.is_nan())
                    .map(|(place, &it)| {
                        let center = center.get(place / each.max(1)).copied().unwrap_or(0.0);
                        (f64::from(it) - f64::from(center)).powi(2)
                    })
                    .sum::<f64>();
                sums.rows += if is_category { 1 } else { count };
                if is_category {
                    let largest = |values: &[f32]| {
                        let all = values.iter().enumerate();
                        all.max_by(|(_, a), (_, b)| a.total_cmp(b))
                            .map(|(place, _)| place)
                    };
                    sums.right += usize::from(largest(target) == largest(output));
                    for (&it, &given) in target.iter().zip(output) {
                        let given = f64::from(given).max(PROBABILITY_MARGIN);
                        sums.cross_entropy -= f64::from(it) * given.ln();
                    }
                }
                error += squares;
                known += count;
            }
            self.sums.squared_error += error;
            self.known += known;
            self.errors.push(error / known.max(1) as f64);
        }
        self.images += targets.len() / values;
        Ok(())
    }

    /// The error of each column; `None` for pictures.
    pub fn columns(&self) -> Option<Vec<Column>> {
        let (fields, sums) = self.fields.as_ref()?;
        let columns = fields.0.iter().zip(sums).map(|(field, sums)| {
            let rows = sums.rows.max(1) as f64;
            let (rmse, accuracy) = match &field.kind {
                FieldKind::Number { deviation, .. } => {
                    (Some((sums.error / rows).sqrt() * deviation), None)
                }
                FieldKind::Category { .. } => (None, Some(sums.right as f64 / rows)),
            };
            let r2 = (sums.about_center > 0.0).then(|| 1.0 - sums.error / sums.about_center);
            Column {
                name: field.name.clone(),
                rmse: rmse.filter(|_| sums.rows > 0),
                accuracy: accuracy.filter(|_| sums.rows > 0),
                r2,
            }
        });
        Some(columns.collect())
    }

    /// The figures of samples that are no pictures.
    fn finish_real(&self, fields: &Fields, sums: &[ColumnSums]) -> Figures {
        let sum = |of: fn(&ColumnSums) -> f64| sums.iter().map(of).sum::<f64>();
        let about_center = sum(|it| it.about_center);
        let squared_error = self.sums.squared_error;
        let has_categories = fields.0.iter().any(Field::is_category);
        let mixed = has_categories.then(|| {
            let pairs = fields.0.iter().zip(sums);
            let cost = pairs.map(|(field, sums)| match field.is_category() {
                true => sums.cross_entropy,
                false => sums.error,
            });
            cost.sum::<f64>() / sum(|it| it.rows as f64).max(1.0)
        });
        Figures {
            mse: squared_error / self.known.max(1) as f64,
            bce: f64::NAN,
            bce_over_floor: f64::NAN,
            sum_sq: squared_error / self.images as f64,
            psnr: f64::NAN,
            ssim: None,
            r2: (about_center > 0.0).then(|| 1.0 - squared_error / about_center),
            mixed,
        }
    }

    /// Mean squared error per value of each image pushed so far.
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// Number of images pushed so far.
    pub fn images(&self) -> usize {
        self.images
    }

    /// The figures of all images pushed so far; NaN before the first image.
    pub fn finish(&self) -> Figures {
        if let Some((fields, sums)) = &self.fields {
            return self.finish_real(fields, sums);
        }
        let images = self.images as f64;
        let values = images * self.values as f64;
        Figures {
            mse: self.sums.squared_error / values,
            bce: self.sums.cross_entropy / values,
            bce_over_floor: (self.sums.cross_entropy - self.sums.entropy) / values,
            sum_sq: self.sums.squared_error / images,
            psnr: self.sums.psnr / images,
            ssim: self.ssim.as_ref().map(|_| self.sums.ssim / images),
            r2: None,
            mixed: None,
        }
    }

    /// `read` turns a target and the decoder's value into the reconstruction and its cross-entropy. The
    /// cross-entropy is the second number plus the logarithm of the third, which is between 1 and 2.
    fn push_with(
        &mut self,
        targets: &[f32],
        outputs: &[f32],
        read: impl Fn(f64, f64) -> [f64; 3] + Sync,
    ) -> Result<(), MetricError> {
        let values = self.values;
        self.check_lengths(targets, outputs)?;
        let first = self.images;
        let ssim = self.ssim.as_ref();
        let measured: Vec<ImageFigures> = targets
            .par_chunks_exact(values)
            .zip(outputs.par_chunks_exact(values))
            .enumerate()
            .map_init(
                || (vec![0.0; values], vec![0.0; values]),
                |(x, y), (index, (target, output))| {
                    let image = first + index;
                    if let Some(&value) = target.iter().find(|v| !(0.0..=1.0).contains(*v)) {
                        return Err(MetricError::Target { image, value });
                    }
                    if let Some(&value) = output.iter().find(|v| !v.is_finite()) {
                        return Err(MetricError::NotFinite { image, value });
                    }
                    let mut figures = ImageFigures {
                        entropy: entropy_floor(target) * values as f64,
                        ..ImageFigures::default()
                    };
                    let pairs = target
                        .iter()
                        .zip(output)
                        .zip(x.iter_mut().zip(y.iter_mut()));
                    let mut product = 1.0;
                    for (i, ((&target, &output), (x, y))) in pairs.enumerate() {
                        *x = f64::from(target);
                        let [value, summand, factor] = read(*x, f64::from(output));
                        *y = value;
                        figures.cross_entropy += summand;
                        figures.squared_error += (value - *x) * (value - *x);
                        product *= factor;
                        if i % FACTORS == FACTORS - 1 {
                            figures.cross_entropy += product.ln();
                            product = 1.0;
                        }
                    }
                    figures.cross_entropy += product.ln();
                    let mse = figures.squared_error / values as f64;
                    figures.psnr = psnr(mse);
                    figures.ssim = ssim.map_or(0.0, |ssim| ssim.mean(x, y));
                    Ok(figures)
                },
            )
            .collect::<Result<_, _>>()?;
        for image in &measured {
            self.sums.squared_error += image.squared_error;
            self.sums.cross_entropy += image.cross_entropy;
            self.sums.entropy += image.entropy;
            self.sums.psnr += image.psnr;
            self.sums.ssim += image.ssim;
            self.errors.push(image.squared_error / values as f64);
        }
        self.images += measured.len();
        Ok(())
    }
}

/// Peak signal-to-noise ratio in dB of values in [0, 1] with this mean squared error; at most 100.
pub fn psnr(mse: f64) -> f64 {
    -10.0 * mse.max(EXACT_MSE).log10()
}

/// The lowest possible binary cross-entropy per value of a reconstruction of `targets`, in nats: the
/// entropy of the targets, because a grey pixel counts as uncertain. It is 0 if all targets are 0 or
/// 1, and 0.058080 on MNIST's test images.
pub fn entropy_floor(targets: &[f32]) -> f64 {
    // Precomputed for the 256 values of a byte, which nearly all images consist of.
    static OF_BYTES: LazyLock<[f64; 256]> =
        LazyLock::new(|| std::array::from_fn(|byte| entropy(f64::from(byte as f32 / 255.0))));
    let mut sum = 0.0;
    for &target in targets {
        if target > 0.0 && target < 1.0 {
            let byte = (target * 255.0).round() as u8;
            sum += if f32::from(byte) / 255.0 == target {
                OF_BYTES[usize::from(byte)]
            } else {
                entropy(f64::from(target))
            };
        }
    }
    sum / targets.len() as f64
}

/// Entropy in nats of a value that is 1 with probability `p` and else 0.
fn entropy(p: f64) -> f64 {
    -p * p.ln() - (1.0 - p) * (-p).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fixture {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        shape: [usize; 3],
        a: Vec<f32>,
        b: Vec<f32>,
        mse: f64,
        psnr: f64,
        ssim: Option<f64>,
    }

    fn cases() -> Vec<Case> {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/scikit-image/metrics.json"
        ));
        serde_json::from_str::<Fixture>(text).unwrap().cases
    }

    #[test]
    fn figures_agree_with_scikit_image() {
        let cases = cases();
        assert!(cases.len() >= 8, "only {} cases", cases.len());
        for case in cases {
            let mut all = Reconstruction::new(case.shape);
            all.push(&case.a, &case.b).unwrap();
            let figures = all.finish();
            let name = case.name;
            assert!(
                (figures.mse - case.mse).abs() < 1e-12,
                "{name}: {figures:?}"
            );
            assert!(
                (figures.psnr - case.psnr).abs() < 1e-9,
                "{name}: {figures:?}"
            );
            match (figures.ssim, case.ssim) {
                (Some(ours), Some(theirs)) => {
                    assert!((ours - theirs).abs() < 1e-6, "{name}: {ours}, not {theirs}")
                }
                (ours, theirs) => assert_eq!(ours, theirs, "{name}"),
            }
        }
    }

    /// Values in [0, 1) that look like nothing in particular.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32
            })
            .collect()
    }

    #[test]
    fn batches_and_threads_do_not_change_a_bit() {
        let shape = [1, 13, 12];
        let (a, b) = (noise(40 * 156, 1), noise(40 * 156, 2));
        let mut whole = Reconstruction::new(shape);
        whole.push(&a, &b).unwrap();
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let mut pieces = Reconstruction::new(shape);
        one_thread.install(|| {
            for (a, b) in a.chunks(7 * 156).zip(b.chunks(7 * 156)) {
                pieces.push(a, b).unwrap();
            }
        });
        assert_eq!(whole.finish(), pieces.finish());
    }

    #[test]
    fn figures_of_two_images_by_hand() {
        let mut all = Reconstruction::new([1, 1, 2]);
        all.push(&[0.0, 1.0, 0.5, 0.5], &[0.5, 1.0, 0.5, 0.5])
            .unwrap();
        let figures = all.finish();
        assert_eq!(figures.mse, 0.0625);
        assert_eq!(figures.sum_sq, 0.125);
        // One image with mse 1/8, one exact and so counted as 100 dB.
        assert!((figures.psnr - (10.0 * 8f64.log10() + 100.0) / 2.0).abs() < 1e-12);
        // ln 2 for the wrong half, and for both grey values, which is also their floor.
        let ln2 = std::f64::consts::LN_2;
        assert!((figures.bce - 0.75 * ln2).abs() < 1e-7, "{figures:?}");
        assert!(
            (figures.bce_over_floor - 0.25 * ln2).abs() < 1e-7,
            "{figures:?}"
        );
        assert_eq!(figures.ssim, None);
    }

    #[test]
    fn logits_and_probabilities_agree_and_logits_reach_further() {
        let targets = noise(300, 3);
        let logits: Vec<f32> = noise(300, 4).iter().map(|v| 12.0 * v - 6.0).collect();
        let probabilities: Vec<f32> = logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).collect();
        let mut from_logits = Reconstruction::new([3, 10, 10]);
        from_logits.push_logits(&targets, &logits).unwrap();
        let mut from_values = Reconstruction::new([3, 10, 10]);
        from_values.push(&targets, &probabilities).unwrap();
        let (a, b) = (from_logits.finish(), from_values.finish());
        assert!(
            (a.mse - b.mse).abs() < 1e-7 && (a.bce - b.bce).abs() < 1e-5,
            "{a:?} {b:?}"
        );

        let mut far = Reconstruction::new([1, 1, 2]);
        far.push_logits(&[1.0, 0.0], &[-200.0, 200.0]).unwrap();
        assert_eq!(far.finish().bce, 200.0);
        let mut far = Reconstruction::new([1, 1, 2]);
        far.push(&[1.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((far.finish().bce + 1e-7f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn the_cross_entropy_of_many_values_is_that_of_each() {
        // More than twice as many as one logarithm is taken of; the largest factors of all in one part.
        let (targets, mut logits) = (noise(1200, 7), noise(1200, 8));
        logits
            .iter_mut()
            .for_each(|logit| *logit = 40.0 * *logit - 20.0);
        logits[..600].fill(0.0);
        let each = targets.iter().zip(&logits).map(|(&t, &logit)| {
            let (t, logit) = (f64::from(t), f64::from(logit));
            logit.max(0.0) - logit * t + (-logit.abs()).exp().ln_1p()
        });
        let expected = each.sum::<f64>() / 1200.0;
        let mut all = Reconstruction::new([1, 30, 40]);
        all.push_logits(&targets, &logits).unwrap();
        let bce = all.finish().bce;
        assert!(
            (bce - expected).abs() < 1e-14 * expected,
            "{bce} {expected}"
        );
    }

    #[test]
    fn the_floor_of_bytes_and_of_other_values_is_their_entropy() {
        let values: Vec<f32> = (0..=255)
            .map(|byte| byte as f32 / 255.0)
            .chain(noise(99, 9))
            .collect();
        let sum: f64 = values
            .iter()
            .map(|&v| f64::from(v))
            .filter(|p| *p > 0.0 && *p < 1.0)
            .map(|p| -p * p.ln() - (1.0 - p) * (1.0 - p).ln())
            .sum();
        let floor = entropy_floor(&values);
        assert!((floor - sum / values.len() as f64).abs() < 1e-12, "{floor}");
    }

    #[test]
    fn no_reconstruction_gets_below_the_floor() {
        let targets = noise(300, 5);
        let mut exact = Reconstruction::new([3, 10, 10]);
        exact.push(&targets, &targets).unwrap();
        assert!(exact.finish().bce_over_floor.abs() < 1e-12);
        let mut other = Reconstruction::new([3, 10, 10]);
        other.push(&targets, &noise(300, 6)).unwrap();
        assert!(other.finish().bce_over_floor > 0.1);
        assert_eq!(entropy_floor(&[0.0, 1.0, 1.0]), 0.0);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_and_not_counted() {
        let mut all = Reconstruction::new([1, 1, 2]);
        all.push(&[0.0, 0.0], &[0.0, 0.0]).unwrap();
        let before = all.finish();
        let refused = [
            (
                vec![0.0; 3],
                vec![0.0; 3],
                "3 input values and 3 reconstructed",
            ),
            (
                vec![0.0; 4],
                vec![0.0; 2],
                "4 input values and 2 reconstructed",
            ),
            (
                vec![0.0, 0.0, 1.5, 0.0],
                vec![0.0; 4],
                "image 2: input value 1.5;",
            ),
            (
                vec![0.0; 2],
                vec![f32::NAN, 0.0],
                "image 1: reconstructed value NaN;",
            ),
        ];
        for (targets, outputs, text) in refused {
            let error = all.push(&targets, &outputs).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
            assert!(all.push_logits(&targets, &outputs).is_err());
        }
        assert_eq!(all.finish(), before);
    }
}
