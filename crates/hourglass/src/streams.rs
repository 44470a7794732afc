//! Random streams: every use of randomness in a run has a name, and its own seed made from that name.
//!
//! No generator state is carried from step to step, so a resumed run needs none: the order of epoch 7
//! is the same whether the epochs before it ran in this process or in another.

use sha2::{Digest, Sha256};

/// What a random stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The initial weights.
    Init,
    /// The selection of test pictures of a folder, and of validation images.
    Split,
    /// The seed of a layer's pre-training, by layer; its image order and so on follow from it.
    Pretrain,
    /// The order of the training images in an epoch, by epoch.
    Order,
    /// The augmentation of the training pictures in an epoch, by epoch.
    Augment,
    /// The corruption of a training batch, by step.
    Corruption,
    /// The corruption of an evaluation batch, by batch.
    Evaluation,
    /// Samples and restarts of an analysis, by repetition.
    Analysis,
}

impl Stream {
    /// The seed of the stream's `index`-th use in a run with the given seed.
    pub fn seed(self, seed: u64, index: u64) -> u64 {
        let name = match self {
            Stream::Init => "init",
            Stream::Split => "split",
            Stream::Pretrain => "pretrain",
            Stream::Order => "order",
            Stream::Augment => "augment",
            Stream::Corruption => "corruption",
            Stream::Evaluation => "evaluation",
            Stream::Analysis => "analysis",
        };
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        hash.update(index.to_le_bytes());
        let digest = hash.finalize();
        let (first, _) = digest.as_slice().as_chunks::<8>();
        first.first().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_stream_and_index_has_a_seed_of_its_own() {
        let streams = [
            Stream::Init,
            Stream::Split,
            Stream::Pretrain,
            Stream::Order,
            Stream::Augment,
            Stream::Corruption,
            Stream::Evaluation,
            Stream::Analysis,
        ];
        let seeds: HashSet<u64> = streams
            .iter()
            .flat_map(|s| (0..50).flat_map(move |i| (0..3).map(move |seed| s.seed(seed, i))))
            .collect();
        assert_eq!(seeds.len(), streams.len() * 50 * 3);
    }

    #[test]
    fn seeds_never_change() {
        // Published runs are repeated from their seed, so these values, taken with another program
        // from the SHA-256 of seed, name and index, must outlive every refactoring.
        assert_eq!(Stream::Init.seed(42, 0), 9_821_861_325_688_559_238);
        assert_eq!(Stream::Order.seed(42, 1), 17_055_808_399_080_451_810);
    }
}
