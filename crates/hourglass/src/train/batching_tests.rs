use proptest::prelude::*;

use super::*;
use crate::config::{ScheduleConfig, TrainConfig};
use crate::train::schedule::learning_rate;

/// A training without a model: the images and learning rates of its steps, with stops and other batch sizes
/// between them, told by the functions that the training loop goes by.
struct Walk {
    train: TrainConfig,
    images: usize,
    progress: Progress,
    /// Images of each epoch, in the order in which they were used.
    used: Vec<Vec<u32>>,
    /// Learning rate of each step, and the share of an epoch that it is.
    rates: Vec<(f64, f64)>,
}

impl Walk {
    /// Makes up to `limit` steps, as one process does; false when all epochs are done.
    fn go(&mut self, limit: usize) -> bool {
        let order: Vec<u32> = (0..self.images as u32).collect();
        let mut steps = 0;
        while self.progress.epoch < self.train.epochs {
            self.used.resize(self.progress.epoch + 1, Vec::new());
            let batching = Batching::new(self.train.batch_size, self.images, &self.progress);
            let rest = batching.rest(&order, self.progress.images).unwrap();
            for batch in rest {
                if steps == limit {
                    return true;
                }
                steps += 1;
                let before = self.progress.images;
                let made = batching.steps(self.progress.epoch, before);
                let rate =
                    learning_rate(&self.train, (made, batching.step()), batching.per_epoch());
                self.progress.images += batch.len();
                let length = batching.share(self.progress.images) - batching.share(before);
                self.rates.push((rate, length));
                self.used.last_mut().unwrap().extend(batch);
            }
            self.progress.epoch += 1;
            self.progress.images = 0;
            self.progress.part = None;
        }
        false
    }

    /// Goes on with another batch size, as a resumed training does.
    fn resize(&mut self, size: usize) {
        let before = Batching::new(self.train.batch_size, self.images, &self.progress);
        if size != self.train.batch_size {
            self.progress.part = before.left_at(&self.progress);
        }
        self.train.batch_size = size;
    }
}

fn walk(schedule: ScheduleConfig, epochs: usize, images: usize, size: usize) -> Walk {
    Walk {
        train: TrainConfig {
            epochs,
            batch_size: size,
            learning_rate: 1.0,
            schedule,
            ..TrainConfig::default()
        },
        images,
        progress: Progress::default(),
        used: Vec::new(),
        rates: Vec::new(),
    }
}

fn schedules() -> impl Strategy<Value = ScheduleConfig> {
    prop_oneof![
        (0.0..3.0).prop_map(|warmup_epochs| ScheduleConfig::Constant { warmup_epochs }),
        (0.0..3.0).prop_map(|warmup_epochs| ScheduleConfig::Cosine {
            warmup_epochs,
            final_learning_rate: 0.0,
        }),
    ]
}

/// Steps until each stop, and the batch size after it.
fn changes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0_usize..40, 1_usize..90), 1..8)
}

proptest! {
    #[test]
    fn no_image_is_skipped_or_used_twice_whatever_the_batches_become(
        epochs in 1_usize..5, images in 1_usize..80, size in 1_usize..90, changes in changes(),
    ) {
        let schedule = ScheduleConfig::Constant { warmup_epochs: 0.0 };
        let mut walk = walk(schedule, epochs, images, size);
        for (steps, size) in changes {
            walk.go(steps);
            walk.resize(size);
        }
        while walk.go(usize::MAX) {}
        let all: Vec<u32> = (0..images as u32).collect();
        prop_assert_eq!(walk.used, vec![all; epochs]);
    }

    /// Between two steps the learning rate moves by no more than the schedule does in the time of the longest step
    /// beside it, as it does without a change.
    #[test]
    fn the_learning_rate_goes_on_from_where_it_was(
        schedule in schedules(), epochs in 1_usize..5, images in 1_usize..80,
        size in 1_usize..90, changes in changes(),
    ) {
        let mut walk = walk(schedule.clone(), epochs, images, size);
        for (steps, size) in changes {
            walk.go(steps);
            walk.resize(size);
        }
        while walk.go(usize::MAX) {}
        let (warmup, falls) = match schedule {
            ScheduleConfig::Constant { warmup_epochs } => (warmup_epochs, false),
            ScheduleConfig::Cosine { warmup_epochs, .. } => (warmup_epochs, true),
            ScheduleConfig::Step { .. } => (0.0, false),
        };
        // The most that each part of the schedule moves per epoch: a line, and half a wave of height 1, which is
        // steepest in its middle.
        let rise = 1.0 / warmup;
        let fall = match falls {
            true => std::f64::consts::FRAC_PI_2 / (epochs as f64 - warmup).max(f64::MIN_POSITIVE),
            false => 0.0,
        };
        for pair in walk.rates.windows(2) {
            let moved = (pair[1].0 - pair[0].0).abs();
            let longest = pair[0].1.max(pair[1].1);
            prop_assert!(moved <= longest * rise.max(fall) + 1e-9, "{pair:?}: {rise}, {fall}");
        }
    }

    #[test]
    fn a_stop_alone_changes_no_learning_rate_by_a_bit(
        schedule in schedules(), epochs in 1_usize..5, images in 1_usize..80,
        size in 1_usize..90, stops in prop::collection::vec(0_usize..40, 0..8),
    ) {
        let mut whole = walk(schedule.clone(), epochs, images, size);
        whole.go(usize::MAX);
        let mut stopped = walk(schedule, epochs, images, size);
        for steps in stops {
            stopped.go(steps);
            stopped.resize(size);
        }
        while stopped.go(usize::MAX) {}
        let rates = |walk: &Walk| walk.rates.iter().map(|it| it.0.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(rates(&whole), rates(&stopped));
        // As version 0.1.0 computed it: from the number of steps.
        let per_epoch = images.div_ceil(size);
        for (step, (rate, _)) in whole.rates.iter().enumerate() {
            let expected = learning_rate(&whole.train, (step as f64, 1.0), per_epoch);
            prop_assert_eq!(rate.to_bits(), expected.to_bits());
        }
    }
}

#[test]
fn a_share_goes_on_from_the_change() {
    // 48 of 80 images in three of five steps, then 32 in one.
    let mut progress = Progress {
        images: 48,
        ..Progress::default()
    };
    progress.part = Batching::new(16, 80, &progress).left_at(&progress);
    let batching = Batching::new(64, 80, &progress);
    assert_eq!(batching.share(48), 0.6);
    assert_eq!(batching.share(80), 1.0);
    // In steps of 64, of which an epoch has two.
    assert_eq!(batching.steps(3, 48), 3.0 * 2.0 + 2.0 * 0.6);
    assert_eq!(batching.rest(&[0; 80], 48).unwrap().count(), 1);
    assert_eq!((batching.before(80), batching.before(48)), (48, 48));
    let plain = Batching::new(16, 75, &Progress::default());
    assert_eq!(
        [75, 64, 16, 1, 0].map(|images| plain.before(images)),
        [64, 48, 0, 0, 0]
    );
    assert!(batching.rest(&[0; 40], 48).is_none());
}
