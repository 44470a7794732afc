//! Learning-rate schedules: the learning rate as a function of how far the training is, so that a resumed run
//! needs no scheduler state.

use std::f64::consts::PI;

use crate::config::{ScheduleConfig, TrainConfig};

/// The learning rate of a step after `steps` steps, in a run with `steps_per_epoch` steps per epoch. If batches of
/// several sizes make up an epoch, `steps` is no whole number and this step is not of length 1.
pub fn learning_rate(
    train: &TrainConfig,
    (steps, length): (f64, f64),
    steps_per_epoch: usize,
) -> f64 {
    let base = train.learning_rate;
    let per_epoch = steps_per_epoch as f64;
    let total = train.epochs as f64 * per_epoch;
    let at = steps;
    let warming = |warmup_epochs: f64| {
        let warmup = warmup_epochs * per_epoch;
        // The first step already has one share of the learning rate, not zero.
        (at < warmup).then(|| base * (at + length) / (warmup + length))
    };
    match train.schedule {
        ScheduleConfig::Constant { warmup_epochs } => warming(warmup_epochs).unwrap_or(base),
        ScheduleConfig::Cosine {
            warmup_epochs,
            final_learning_rate,
        } => warming(warmup_epochs).unwrap_or_else(|| {
            let warmup = (warmup_epochs * per_epoch).min(total);
            let done = ((at - warmup) / (total - warmup).max(1.0)).clamp(0.0, 1.0);
            final_learning_rate + (base - final_learning_rate) * 0.5 * (1.0 + (PI * done).cos())
        }),
        ScheduleConfig::Step { every, factor } => {
            let epoch = (at / per_epoch.max(1.0)) as usize;
            base * factor.powf((epoch / every.max(1)) as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(schedule: ScheduleConfig) -> TrainConfig {
        TrainConfig {
            epochs: 10,
            learning_rate: 0.1,
            schedule,
            ..TrainConfig::default()
        }
    }

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn cosine_starts_at_the_top_and_ends_at_the_bottom() {
        let train = train(ScheduleConfig::Cosine {
            warmup_epochs: 0.0,
            final_learning_rate: 0.01,
        });
        close(learning_rate(&train, (0.0, 1.0), 100), 0.1);
        close(learning_rate(&train, (500.0, 1.0), 100), 0.055);
        close(learning_rate(&train, (1000.0, 1.0), 100), 0.01);
        close(learning_rate(&train, (2000.0, 1.0), 100), 0.01);
    }

    #[test]
    fn warm_up_rises_in_a_straight_line() {
        let train = train(ScheduleConfig::Constant {
            warmup_epochs: 0.99,
        });
        close(learning_rate(&train, (0.0, 1.0), 100), 0.001);
        close(learning_rate(&train, (49.0, 1.0), 100), 0.05);
        close(learning_rate(&train, (99.0, 1.0), 100), 0.1);
        close(learning_rate(&train, (150.0, 1.0), 100), 0.1);
    }

    #[test]
    fn steps_fall_at_epochs() {
        let train = train(ScheduleConfig::Step {
            every: 3,
            factor: 0.5,
        });
        close(learning_rate(&train, (299.0, 1.0), 100), 0.1);
        close(learning_rate(&train, (300.0, 1.0), 100), 0.05);
        close(learning_rate(&train, (600.0, 1.0), 100), 0.025);
    }
}
