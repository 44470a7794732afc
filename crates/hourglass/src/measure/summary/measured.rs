//! What was measured of a model, beside the baselines on the same images, and what can be said of it in words.

use model::ImageShape;

use super::advice::{Case, Course, advice};
use crate::fields::Form;
use crate::measure::evaluation::{Baselines, CodeUse, PcaFigures};
use crate::measure::metrics::{EXACT_MSE, Figures};
use crate::measure::restoration::Restoration;

/// From this ratio on, an error is said to be more than so many times another one.
const MOST_TIMES: f64 = 100.0;

/// Ratios this close to 1 are said to be the same.
const SAME: f64 = 0.005;

/// A model's figures on a set of images, with the baselines' on the same.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The model's kind, with its wrappers from the outside in, for example `sparse(conv)`.
    pub kind: &'a str,
    /// Channels, height and width.
    pub shape: ImageShape,
    /// Units of the code.
    pub code_size: usize,
    /// The images in words, for example `the test images`.
    pub on: &'a str,
    /// The model's figures.
    pub figures: &'a Figures,
    /// Use of the code.
    pub code: &'a CodeUse,
    /// The baselines, if they are known.
    pub baselines: Option<&'a Baselines>,
    /// How well corrupted images were restored, if the model is denoising.
    pub restoration: Option<&'a Restoration>,
    /// How the training went, if its end is to be explained.
    pub course: Option<&'a Course>,
}

impl Measured<'_> {
    /// PCA of the same code size, where it is a yardstick. It is none if it is exact on these images, because the code
    /// has as many values as the images or the images differ in no more than that; nor for a sparse code of whose
    /// units fewer than half are active for a picture, because PCA may use all.
    pub fn yardstick(&self) -> Option<PcaFigures> {
        let pca = self.baselines?.pca?;
        let exact = pca.code_size >= model::shape::values(self.shape) || pca.mse <= EXACT_MSE;
        let sparse = self.kind.contains("sparse") && self.code.active_share < 0.5;
        (!exact && !sparse).then_some(pca)
    }

    /// The error of the [`yardstick`](Self::yardstick) divided by the model's; `None` without one, or if the model
    /// makes no error.
    pub fn gain_over_pca(&self) -> Option<f64> {
        let pca = self.yardstick()?;
        (self.figures.mse > EXACT_MSE).then(|| pca.mse / self.figures.mse)
    }

    /// How the model compares with the baselines, and what to try if it fell short, in words; `None` where there is
    /// nothing to compare with.
    pub fn verdict(&self) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        match self.restoration {
            Some(restoration) => parts.push(restoration.verdict()),
            None if self.figures.mse <= EXACT_MSE => {
                parts.push(format!("no error on {}", self.on));
            }
            None => parts.extend(self.beside_pca()),
        }
        if self.beside_mean().is_some_and(|ratio| ratio >= 1.0) {
            parts.push(format!(
                "no better than {}: it has not learned yet",
                self.mean()
            ));
        }
        parts.extend(self.advice());
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// What the mean of the training data is called.
    pub(super) fn mean(&self) -> &'static str {
        match Form::of(self.figures.r2.is_some(), self.shape) {
            Form::Pictures | Form::Clips => "the mean picture",
            Form::Table => "the mean row",
            Form::Series => "the mean window",
        }
    }

    fn beside_pca(&self) -> Option<String> {
        let gain = self.gain_over_pca()?;
        let (ratio, word) = match gain >= 1.0 {
            true => (gain, "less"),
            false => (1.0 / gain, "more"),
        };
        Some(match ratio {
            ratio if ratio - 1.0 < SAME => "the same error as PCA".into(),
            ratio if ratio > MOST_TIMES => {
                format!("more than {MOST_TIMES} times {word} error than PCA")
            }
            ratio => format!("{ratio:.2} times {word} error than PCA"),
        })
    }

    /// The model's error divided by the mean picture's; `None` if that is not known, or if the images are all alike.
    fn beside_mean(&self) -> Option<f64> {
        let mean = self.baselines?.mean.mse;
        (mean > EXACT_MSE).then(|| self.figures.mse / mean)
    }

    /// What to try, if the model is no better than the mean picture or than PCA.
    fn advice(&self) -> Option<String> {
        let beside_mean = self.beside_mean()?;
        let behind =
            self.restoration.is_none() && self.gain_over_pca().is_some_and(|it| it < 1.0 - SAME);
        let case = Case {
            course: self.course?,
            beside_mean,
            dead: self.code.dead_units >= self.code_size,
        };
        (beside_mean >= 1.0 || behind)
            .then(|| advice(&case))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::evaluation::MeanFigures;

    /// A model of 4 values for images of 8 x 8.
    struct Of {
        kind: &'static str,
        shape: ImageShape,
        active_share: f64,
        course: Option<Course>,
    }

    const DENSE: Of = Of {
        kind: "dense",
        shape: [1, 8, 8],
        active_share: 0.2,
        course: None,
    };

    impl Of {
        /// Of a model with this error, beside PCA's and the mean picture's.
        fn verdict(&self, mse: f64, pca: f64, mean: f64) -> Option<String> {
            self.with(mse, Some(pca), mean, |it| it.verdict())
        }

        /// What `ask` makes of the same; PCA may not have been computed.
        fn with<T>(
            &self,
            mse: f64,
            pca: Option<f64>,
            mean: f64,
            ask: impl FnOnce(&Measured<'_>) -> T,
        ) -> T {
            let figures = Figures {
                mse,
                bce: 0.1,
                bce_over_floor: 0.1,
                sum_sq: mse * 64.0,
                psnr: 20.0,
                ssim: None,
                r2: None,
                mixed: None,
            };
            let pca = pca.map(|pca| PcaFigures {
                code_size: 4,
                mse: pca,
                sum_sq: pca * 64.0,
            });
            let baselines = Baselines {
                pca,
                mean: MeanFigures { mse: mean },
                corrupted: None,
            };
            let code = CodeUse {
                active_share: self.active_share,
                dead_units: 0,
            };
            let measured = Measured {
                kind: self.kind,
                shape: self.shape,
                code_size: 4,
                on: "the test images",
                figures: &figures,
                code: &code,
                baselines: Some(&baselines),
                restoration: None,
                course: self.course.as_ref(),
            };
            ask(&measured)
        }
    }

    #[test]
    fn a_table_without_pca_says_why() {
        let without = |of: &Of| of.with(0.01, None, 1.0, |it| it.table(None));
        let text = "\nPCA is left out: it takes too long for so many images and so large a code\n";
        assert!(without(&DENSE).contains(text), "{}", without(&DENSE));
        let with = DENSE.with(0.01, Some(0.02), 1.0, |it| it.table(None));
        assert!(!with.contains("left out"), "{with}");
        // Of a code as large as the image PCA is no yardstick anyway.
        let tiny = Of {
            shape: [1, 2, 2],
            ..DENSE
        };
        assert!(!without(&tiny).contains("left out"));
    }

    #[test]
    fn errors_stand_beside_pca() {
        let said = |mse, pca| DENSE.verdict(mse, pca, 1.0).unwrap();
        assert_eq!(said(0.01, 0.0225), "2.25 times less error than PCA");
        assert_eq!(said(0.03, 0.02), "1.50 times more error than PCA");
        assert_eq!(said(0.02, 0.020_01), "the same error as PCA");
        assert_eq!(said(0.02, 1e-6), "more than 100 times more error than PCA");
        assert_eq!(said(1e-9, 0.01), "more than 100 times less error than PCA");
    }

    #[test]
    fn there_is_no_ratio_to_zero() {
        // Images that differ in fewer ways than the code has values.
        assert_eq!(DENSE.verdict(0.01, 5e-18, 1.0), None);
        assert_eq!(DENSE.verdict(0.01, 0.0, 1.0), None);
        assert_eq!(
            DENSE.verdict(0.0, 0.01, 1.0).unwrap(),
            "no error on the test images"
        );
        assert_eq!(
            DENSE.verdict(0.0, 0.0, 0.0).unwrap(),
            "no error on the test images"
        );
        // Images that are all alike have no yardstick at all.
        assert_eq!(DENSE.verdict(0.01, 0.0, 0.0), None);
    }

    #[test]
    fn pca_is_no_yardstick_for_a_code_as_large_as_the_image_nor_for_a_sparse_one() {
        let tiny = Of {
            shape: [1, 2, 2],
            ..DENSE
        };
        assert_eq!(tiny.verdict(0.01, 0.02, 1.0), None);
        let mut sparse = Of {
            kind: "sparse(dense)",
            ..DENSE
        };
        assert_eq!(sparse.verdict(0.03, 0.02, 1.0), None);
        sparse.active_share = 0.9;
        let text = "1.50 times more error than PCA";
        assert_eq!(sparse.verdict(0.03, 0.02, 1.0).unwrap(), text);
    }

    #[test]
    fn what_has_not_learned_gets_advice_and_what_beats_pca_gets_none() {
        let course = Course {
            learning_rate: 3.0,
            usual_rate: 1e-3,
            gain_key: "model.initial_gain".into(),
            epochs: 5,
            best_epoch: 1,
            steps: 500,
            loss_before: Some(0.9),
            last_loss: 0.9,
            validation_loss: Some(0.9),
        };
        let of = Of {
            course: Some(course),
            ..DENSE
        };
        let said = |mse| of.verdict(mse, 0.02, 0.07).unwrap();
        assert_eq!(
            said(0.2),
            "10.00 times more error than PCA; no better than the mean picture: it has not learned yet; \
             the loss stood still above the mean picture's: the learning rate is too high; \
             try train.learning_rate=0.3"
        );
        assert_eq!(said(0.01), "2.00 times less error than PCA");
    }
}
