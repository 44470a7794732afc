//! Advice: what to change when a training fell short, as a table from what its figures show to what helps.

use serde::{Deserialize, Serialize};

use crate::config::OptimizerConfig;
use crate::setup::Setup;
use crate::train::row::Row;

/// What a learning rate is divided by if it is too high.
const SMALLER: f64 = 10.0;

/// From this many times the usual learning rate on, it is high.
const HIGH: f64 = 3.0;

/// A loss that falls by more than this share in the last epoch is still falling; by less, it stands still.
const FALLING: f64 = 0.01;

/// A validation loss above this many times the training loss is of images unlike those of the training.
const UNLIKE: f64 = 1.5;

/// An error above this many times the mean picture's is above it, and not just as large.
const ABOVE: f64 = 1.05;

/// Runs of fewer steps have hardly begun.
const FEW_STEPS: usize = 100;

/// The course of a training, as far as advice needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Learning rate of the config.
    pub learning_rate: f64,
    /// Learning rate that is usual for the config's optimizer.
    pub usual_rate: f64,
    /// The config's key of the initial gain, for example `model.of.initial_gain`.
    pub gain_key: String,
    /// Epochs trained.
    pub epochs: usize,
    /// Epoch of the lowest validation loss.
    pub best_epoch: usize,
    /// Optimizer steps made.
    pub steps: usize,
    /// Mean training loss of the epoch before the last; `None` after one epoch.
    pub loss_before: Option<f64>,
    /// Mean training loss of the last epoch.
    pub last_loss: f64,
    /// Validation loss after it; `None` without validation images.
    pub validation_loss: Option<f64>,
}

impl Course {
    /// The course of a training with these epochs; `None` without any.
    pub fn of(setup: &Setup, rows: &[Row], best_epoch: usize) -> Option<Self> {
        let last = rows.last()?;
        let wrappers = setup.config.model.kind().matches('(').count();
        let before = rows.iter().nth_back(1);
        Some(Self {
            learning_rate: setup.config.train.learning_rate,
            usual_rate: match setup.config.train.optimizer {
                OptimizerConfig::Adam { .. } | OptimizerConfig::AdamW { .. } => 1e-3,
                OptimizerConfig::Sgd { .. } => 0.1,
            },
            gain_key: format!("model.{}initial_gain", "of.".repeat(wrappers)),
            epochs: last.epoch,
            best_epoch,
            steps: last.step,
            loss_before: before.map(|row| row.train_loss),
            last_loss: last.train_loss,
            validation_loss: last.val_loss,
        })
    }

    fn still_falls(&self) -> bool {
        (self.loss_before).is_none_or(|before| self.last_loss < before * (1.0 - FALLING))
    }

    /// Whether the validation images are reconstructed far worse than those of the training.
    fn is_unlike(&self) -> bool {
        let above = |loss| self.last_loss > 0.0 && loss > self.last_loss * UNLIKE;
        self.validation_loss.is_some_and(above)
    }

    /// Whether the validation loss was lowest in the first half of the epochs.
    fn overfits(&self) -> bool {
        self.epochs > 3 && self.best_epoch * 2 <= self.epochs
    }
}

/// A training that fell short: its course, and its error on the test images beside the baselines'.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// How it went.
    pub course: &'a Course,
    /// The model's error divided by the mean picture's; at least 1 if nothing was learned.
    pub beside_mean: f64,
    /// Whether no unit of the code tells pictures apart.
    pub dead: bool,
}

impl Case<'_> {
    fn learned(&self) -> bool {
        self.beside_mean < 1.0
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Advice {
    /// Whether the figures show it.
    holds: fn(&Case<'_>) -> bool,
    /// What was seen, and what to try.
    say: fn(&Case<'_>) -> String,
}

/// The first row that holds is given as advice.
const TABLE: [Advice; 9] = [
    Advice {
        holds: |it| !it.learned() && it.dead && it.course.learning_rate >= it.course.usual_rate,
        say: |it| {
            format!(
                "every unit of the code is dead: the learning rate is too high; try {}",
                smaller_rate(it)
            )
        },
    },
    Advice {
        holds: |it| !it.learned() && it.course.is_unlike(),
        say: |it| {
            format!(
                "the validation loss is {:.1} times the training loss: the images are unlike those of the training; \
                 try more images of all kinds",
                it.course.validation_loss.unwrap_or_default() / it.course.last_loss
            )
        },
    },
    Advice {
        holds: |it| {
            let slow = it.course.learning_rate < it.course.usual_rate / SMALLER;
            !it.learned() && !it.course.still_falls() && slow
        },
        say: |it| {
            format!(
                "the loss stood still: the learning rate is too low; try train.learning_rate={}",
                it.course.usual_rate
            )
        },
    },
    Advice {
        // At a usual rate a loss may stand still because there were hardly any steps.
        holds: |it| {
            let high = it.course.learning_rate > it.course.usual_rate * HIGH;
            let stood = it.beside_mean > ABOVE && !it.course.still_falls();
            stood && (high || it.course.steps >= FEW_STEPS)
        },
        say: |it| {
            format!(
                "the loss stood still above the mean picture's: the learning rate is too high; try {}",
                smaller_rate(it)
            )
        },
    },
    Advice {
        holds: |it| !it.learned() && it.course.steps < FEW_STEPS,
        say: |it| {
            format!(
                "it has hardly begun after {}; try {}",
                data::counted(it.course.steps, "step"),
                more_epochs(it)
            )
        },
    },
    Advice {
        holds: |it| !it.learned() && !it.course.still_falls(),
        say: |it| {
            format!(
                "the loss stood still at the mean picture's; try {}=2 or {}",
                it.course.gain_key,
                smaller_rate(it)
            )
        },
    },
    Advice {
        holds: |it| it.course.best_epoch == 0,
        say: |_| {
            "no epoch improved on the linear code that it started from, on the validation images; try more \
             images or data.augment"
                .into()
        },
    },
    Advice {
        holds: |it| it.course.overfits(),
        say: |it| {
            format!(
                "the validation loss was lowest in epoch {} of {}: it learned its training images by heart; \
                 try more images, data.augment or a smaller code",
                it.course.best_epoch, it.course.epochs
            )
        },
    },
    Advice {
        holds: |it| it.course.still_falls(),
        say: |it| format!("the loss was still falling; try {}", more_epochs(it)),
    },
];

/// What to change, if the figures show it.
pub fn advice(case: &Case<'_>) -> Option<String> {
    let row = TABLE.iter().find(|row| (row.holds)(case))?;
    Some((row.say)(case))
}

fn smaller_rate(case: &Case<'_>) -> String {
    // Divided, a decimal number may get digits that nobody would write.
    let rate = format!("{:.3e}", case.course.learning_rate / SMALLER);
    let rate = rate.parse().unwrap_or(case.course.usual_rate);
    format!("train.learning_rate={rate}")
}

fn more_epochs(case: &Case<'_>) -> String {
    let enough = FEW_STEPS * 10;
    let factor = (enough / case.course.steps.max(1)).clamp(2, 100);
    format!(
        "train.epochs={}",
        case.course.epochs.max(1).saturating_mul(factor)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A training of 10 epochs whose loss fell to 0.1 and no more.
    fn course() -> Course {
        Course {
            learning_rate: 1e-3,
            usual_rate: 1e-3,
            gain_key: "model.of.initial_gain".into(),
            epochs: 10,
            best_epoch: 10,
            steps: 2000,
            loss_before: Some(0.1),
            last_loss: 0.1,
            validation_loss: Some(0.11),
        }
    }

    fn said(course: Course, beside_mean: f64, dead: bool) -> Option<String> {
        advice(&Case {
            course: &course,
            beside_mean,
            dead,
        })
    }

    fn still(learning_rate: f64) -> Course {
        Course {
            learning_rate,
            loss_before: Some(0.3),
            last_loss: 0.299,
            validation_loss: Some(0.3),
            ..course()
        }
    }

    #[test]
    fn a_dead_code_names_the_learning_rate() {
        let text = "every unit of the code is dead: the learning rate is too high; try train.learning_rate=0.03";
        assert_eq!(said(still(0.3), 1.0, true).as_deref(), Some(text));
    }

    #[test]
    fn a_loss_that_stands_still_at_a_low_rate_names_it() {
        let text =
            "the loss stood still: the learning rate is too low; try train.learning_rate=0.001";
        assert_eq!(said(still(1e-7), 3.0, false).as_deref(), Some(text));
        let sgd = Course {
            usual_rate: 0.1,
            ..still(1e-3)
        };
        let text = text.replace("0.001", "0.1");
        assert_eq!(said(sgd, 1.0, false), Some(text));
    }

    #[test]
    fn a_loss_that_stands_still_above_the_mean_picture_names_the_rate() {
        let text = "the loss stood still above the mean picture's: the learning rate is too high; \
                    try train.learning_rate=0.3";
        assert_eq!(said(still(3.0), 2.5, false).as_deref(), Some(text));
        // Also if it rose.
        let rose = Course {
            last_loss: 4.0,
            ..still(3.0)
        };
        assert_eq!(said(rose, 2.5, false).as_deref(), Some(text));
    }

    #[test]
    fn a_loss_that_stands_still_at_the_mean_picture_names_the_gain() {
        let text = "the loss stood still at the mean picture's; try model.of.initial_gain=2 or train.learning_rate=0.0001";
        assert_eq!(said(still(1e-3), 1.001, false).as_deref(), Some(text));
    }

    #[test]
    fn a_training_of_few_steps_has_hardly_begun() {
        let few = Course {
            steps: 10,
            epochs: 1,
            loss_before: None,
            last_loss: 0.3,
            ..course()
        };
        let text = "it has hardly begun after 10 steps; try train.epochs=100";
        assert_eq!(said(few.clone(), 1.3, false).as_deref(), Some(text));
        let still = Course {
            loss_before: Some(0.3),
            validation_loss: Some(0.3),
            ..few.clone()
        };
        assert_eq!(said(still, 1.3, false).as_deref(), Some(text));
        let text = "it has hardly begun after 1 step; try train.epochs=100";
        assert_eq!(
            said(Course { steps: 1, ..few }, 1.3, false).as_deref(),
            Some(text)
        );
    }

    #[test]
    fn a_validation_loss_that_rises_again_names_the_images() {
        let found = said(
            Course {
                best_epoch: 3,
                ..course()
            },
            0.8,
            false,
        )
        .unwrap();
        assert!(
            found.starts_with("the validation loss was lowest in epoch 3 of 10"),
            "{found}"
        );
    }

    #[test]
    fn a_start_that_no_epoch_improved_on_names_the_images() {
        let start = Course {
            best_epoch: 0,
            ..course()
        };
        let text = "no epoch improved on the linear code that it started from, on the validation images; \
                    try more images or data.augment";
        assert_eq!(said(start, 0.8, false).as_deref(), Some(text));
    }

    #[test]
    fn a_loss_that_still_falls_names_the_epochs() {
        let falls = Course {
            loss_before: Some(0.12),
            ..course()
        };
        let text = "the loss was still falling; try train.epochs=20";
        assert_eq!(said(falls.clone(), 0.8, false).as_deref(), Some(text));
        assert_eq!(said(falls, 1.2, false).as_deref(), Some(text));
    }

    #[test]
    fn a_validation_loss_far_above_the_training_loss_names_the_images() {
        let unlike = Course {
            validation_loss: Some(0.4),
            ..course()
        };
        let text = "the validation loss is 4.0 times the training loss: the images are unlike those of the training; \
                    try more images of all kinds";
        assert_eq!(said(unlike, 1.2, false).as_deref(), Some(text));
    }

    #[test]
    fn there_is_nothing_to_say_of_a_loss_that_has_levelled_off() {
        assert_eq!(said(course(), 0.8, false), None);
    }
}
