//! Memory: what a training or an evaluation will ask for, estimated before anything is loaded or built, and what the
//! system has left. What no system has would end the process without a word.
//!
//! The estimate counts what cannot be done without, so a refusal is right, and what passes may still be tight.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use data::{DataError, Source};
use model::config::Strength;
use model::corruption::Damage;
use model::shape::values;
use model::{Autoencoder, ImageShape, Layer, Layers};
use serde::Serialize;

use crate::batched::BATCH;
use crate::config::{Config, OptimizerConfig};
use crate::setup::QUICK;

/// What is taken for free where the system does not say: the memory of a small machine.
const UNKNOWN: u64 = 4 << 30;

/// What any machine has, so that small models need no look at the system.
const SMALL: u64 = 256 << 20;

/// Bytes of a value.
const F32: u64 = size_of::<f32>() as u64;

/// What the memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Training a model.
    Training,
    /// Measuring a trained one.
    Measuring,
}

/// Bytes that are needed at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The model's parameters.
    pub parameters: u64,
    /// Their gradients.
    pub gradients: u64,
    /// The optimizer's state.
    pub optimizer: u64,
    /// Model and optimizer once more, while they are written.
    pub checkpoint: u64,
    /// What the layers and the corruption make of a batch.
    pub batch: u64,
    /// The images.
    pub data: u64,
}

/// There is less memory than is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// For a config.
    #[error(
        "needs about {} of memory ({needed}), but {} are free; use a smaller model, batch or data set, or try it \
         anyway with --force",
        size(needed.total()), size(*free)
    )]
    Config {
        /// What is needed.
        needed: Estimate,
        /// Bytes that are free.
        free: u64,
    },
    /// For the weights of a model.
    #[error(
        "the model needs about {} of memory, but {} are free; free some memory",
        size(*needed), size(*free)
    )]
    Weights {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// For images at once through a model.
    #[error(
        "the model needs about {} of memory for {images} images at once, but {} are free; free some memory",
        size(*needed), size(*free)
    )]
    Batch {
        /// The images.
        images: usize,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

/// Fails if weights of so many bytes cannot be loaded: the file, what is read from it, and the model that it replaces the
/// weights of.
///
/// # Errors
/// If less is free.
pub fn check_weights(bytes: u64) -> Result<(), MemoryError> {
    let needed = bytes.saturating_mul(3);
    enough(needed, |free| MemoryError::Weights { needed, free })
}

/// Fails if a model needs more memory for so many images at once than is free.
///
/// # Errors
/// If less is free.
pub fn check_batch(model: &Autoencoder, images: usize) -> Result<(), MemoryError> {
    let each = passing(model.layers(), model.output_shape());
    let needed = each.saturating_mul(images as u64);
    enough(needed, |free| MemoryError::Batch {
        images,
        needed,
        free,
    })
}

/// Fails with `error`, which gets the bytes that are free, if fewer are than needed.
fn enough(needed: u64, error: impl FnOnce(u64) -> MemoryError) -> Result<(), MemoryError> {
    if needed <= SMALL {
        return Ok(());
    }
    match free() {
        free if needed <= free => Ok(()),
        free => Err(error(free)),
    }
}

/// Bytes that one image takes on its way through the layers: itself, its reconstruction, and the longest output with
/// the one that it is computed from.
fn passing(layers: &Layers, shape: ImageShape) -> u64 {
    let outputs: Vec<usize> = layers.iter().flat_map(Layer::held).collect();
    let pairs = outputs.windows(2).map(|pair| sum(pair.iter().copied()));
    let longest = pairs.max().unwrap_or(0);
    let image = (values(shape) as u64).saturating_mul(2);
    longest.saturating_add(image).saturating_mul(F32)
}

impl Estimate {
    /// What a config needs, whose model has these layers for images of the shape from the source.
    ///
    /// # Errors
    /// If the headers of the data cannot be read.
    pub fn of(
        config: &Config,
        source: &Source,
        shape: ImageShape,
        layers: &Layers,
        purpose: Purpose,
        quick: bool,
    ) -> Result<Self, DataError> {
        let extent = source.extent(shape)?;
        let most = match quick {
            true => QUICK[0] as u64,
            false => extent.images,
        };
        let parameters = (layers.parameters() as u64).saturating_mul(F32);
        let image = (values(shape) as u64).saturating_mul(F32);
        let training = purpose == Purpose::Training;
        let images = match training {
            true => config.train.batch_size as u64,
            false => BATCH as u64,
        };
        let images = images.min(most).max(1);
        let batch = match training {
            // Each output is held until its gradient is computed, which is as large.
            true => sum(layers.iter().flat_map(Layer::held))
                .saturating_mul(2 * F32)
                .saturating_add(2 * image),
            false => passing(layers, shape),
        };
        let blurs = config.model.damages();
        let blurs = blurs.into_iter().map(|damage| blur(damage, shape, images));
        let optimizer = match (training, &config.train.optimizer) {
            (false, _) => 0,
            (_, OptimizerConfig::Adam { .. } | OptimizerConfig::AdamW { .. }) => 2,
            (_, OptimizerConfig::Sgd { momentum, .. }) => u64::from(*momentum > 0.0),
        };
        let optimizer = parameters.saturating_mul(optimizer);
        let if_training = |bytes: u64| if training { bytes } else { 0 };
        Ok(Self {
            parameters,
            gradients: if_training(parameters),
            optimizer,
            checkpoint: if_training(parameters.saturating_add(optimizer)),
            batch: batch
                .saturating_mul(images)
                .saturating_add(blurs.max().unwrap_or(0)),
            data: extent.bytes,
        })
    }

    /// What of it is in the host's memory if the model is on a device of its own.
    pub fn on_host(self) -> Self {
        Self {
            parameters: 0,
            gradients: 0,
            optimizer: 0,
            batch: 0,
            ..self
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        let parts = self.parts().into_iter().map(|(_, bytes)| bytes);
        parts.fold(0, u64::saturating_add)
    }

    /// Each part by its name.
    fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("optimizer", self.optimizer),
            ("checkpoint", self.checkpoint),
            ("batch", self.batch),
            ("images", self.data),
        ]
    }

    /// Fails if less than that is free.
    ///
    /// # Errors
    /// If less is free.
    pub fn check(self) -> Result<(), MemoryError> {
        enough(self.total(), |free| MemoryError::Config {
            needed: self,
            free,
        })
    }
}

/// The parts that are worth a word, for example `parameters 1.5 GiB, images 52.3 MiB`.
impl Display for Estimate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let told = self.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
        let told: Vec<String> = told
            .map(|(name, bytes)| format!("{name} {}", size(bytes)))
            .collect();
        f.write_str(&told.join(", "))
    }
}

/// Bytes of the matrices of a blur along the longer side: each row's weights for a row that is longer by the kernel's
/// reach, three of them at once, and once for each image if each has its own.
fn blur(damage: Damage, [_, height, width]: ImageShape, images: u64) -> u64 {
    let Damage::Blur { sigma } = damage else {
        return 0;
    };
    let side = height.max(width) as u64;
    let reach = (3.0 * sigma.ends()[1]).ceil() as u64;
    let matrices = match sigma {
        Strength::Fixed(_) => 3,
        Strength::Range(_) => images.saturating_mul(3),
    };
    let longer = reach.saturating_mul(2).saturating_add(side);
    [side, longer, F32]
        .into_iter()
        .fold(matrices, u64::saturating_mul)
}

fn sum(values: impl Iterator<Item = usize>) -> u64 {
    values.fold(0, |sum, value| sum.saturating_add(value as u64))
}

/// A number of bytes in words.
pub fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (0..units.len())
        .rev()
        .find(|unit| bytes >> (10 * unit) > 0)
        .unwrap_or(0);
    match (unit, units.get(unit)) {
        (0, _) | (_, None) => format!("{bytes} bytes"),
        (_, Some(name)) => format!("{:.1} {name}", bytes as f64 / (1u64 << (10 * unit)) as f64),
    }
}

/// Bytes of memory that this process may still take: the least of what the system has available, what the limits of
/// its control groups leave and what its address space may grow by. 4 GiB where none of these is known.
pub fn free() -> u64 {
    let known = [available(), in_groups(), in_address_space()];
    known.into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// What the system can give without swapping.
fn available() -> Option<u64> {
    let ram = sysinfo::MemoryRefreshKind::nothing().with_ram();
    let asked = sysinfo::RefreshKind::nothing().with_memory(ram);
    let system = sysinfo::System::new_with_specifics(asked).ok()?;
    Some(system.available_memory()).filter(|bytes| *bytes > 0)
}

/// What the memory limits of this process's control groups, and of those that they are in, leave.
fn in_groups() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, names) = match controllers {
            "" => (
                "/sys/fs/cgroup",
                ["memory.max", "memory.current", "inactive_file"],
            ),
            it if it.split(',').any(|it| it == "memory") => (
                "/sys/fs/cgroup/memory",
                [
                    "memory.limit_in_bytes",
                    "memory.usage_in_bytes",
                    "total_inactive_file",
                ],
            ),
            _ => continue,
        };
        let inside = Path::new(path.trim_start_matches('/'));
        for folder in inside.ancestors() {
            least = [least, left(&Path::new(root).join(folder), names)]
                .into_iter()
                .flatten()
                .min();
        }
    }
    least
}

/// What one group's limit leaves; pages of files that nothing uses count as free. `None` without a limit.
fn left(group: &Path, [limit, used, unused]: [&str; 3]) -> Option<u64> {
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limit = number(group.join(limit))?;
    let used = number(group.join(used))?;
    let statistics = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let unused = statistics.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        (name == unused).then(|| bytes.parse::<u64>().ok())?
    });
    Some(limit.saturating_sub(used.saturating_sub(unused.unwrap_or(0))))
}

/// What a limit of the address space, as `ulimit -v` sets it, leaves; `None` without one.
fn in_address_space() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = limit.split_whitespace().next()?.parse().ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let used = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))?;
    let used: u64 = used.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(limit.saturating_sub(used.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(changes: &str, purpose: Purpose) -> Estimate {
        let text = format!(r#"{{"data": {{"dataset": "mnist"}}, {changes}}}"#);
        let located = Config::parse(&text).unwrap();
        let shape = [1, 28, 28];
        let layers = located.check_model(shape, &model::Range::Unit).unwrap();
        let source = located.data.source(located.seed);
        Estimate::of(&located, &source, shape, &layers, purpose, false).unwrap()
    }

    const DENSE: &str = r#""model": {"kind": "dense", "layers": [100], "code_size": 10}"#;

    #[test]
    fn it_counts_what_a_step_holds() {
        let found = estimate(DENSE, Purpose::Training);
        let parameters = 4 * (784 * 100 + 100 + 100 * 10 + 10 + 10 * 100 + 100 + 100 * 784 + 784);
        assert_eq!(
            found,
            Estimate {
                parameters,
                gradients: parameters,
                optimizer: 2 * parameters,
                checkpoint: 3 * parameters,
                batch: 128 * 4 * (2 * (100 + 10 + 100 + 784) + 2 * 784),
                data: 70_000 * 784,
            }
        );
        let sgd = format!(r#"{DENSE}, "train": {{"optimizer": "sgd", "batch_size": 1000000}}"#);
        let found = estimate(&sgd, Purpose::Training);
        assert_eq!((found.optimizer, found.checkpoint), (0, parameters));
        // No batch has more than all images.
        assert_eq!(found.batch, 60_000 * 4 * (2 * 994 + 2 * 784));
        let found = estimate(DENSE, Purpose::Measuring);
        assert_eq!((found.gradients, found.checkpoint), (0, 0));
        assert_eq!(found.batch, 250 * 4 * (100 + 784 + 2 * 784));
    }

    #[test]
    fn maps_count_as_the_operators_give_them() {
        let conv = r#""model": {"kind": "conv", "channels": [8, 4]}"#;
        let found = estimate(conv, Purpose::Training);
        // Convolution, function and pooling are one operator, and so are doubling, convolution and function.
        let maps = 8 * 14 * 14 + 4 * 7 * 7 + 8 * 14 * 14 + 28 * 28;
        assert_eq!(found.batch, 128 * 4 * (2 * maps + 2 * 784));
    }

    #[test]
    fn models_that_no_machine_holds_are_refused_with_numbers() {
        for model in [
            r#""model": {"kind": "conv", "channels": [65536, 65536], "kernel": 15}"#,
            r#""model": {"kind": "conv", "channels": [65536, 65536], "convolutions": 8, "upsample": "shuffle"}"#,
        ] {
            let refused = estimate(model, Purpose::Training).check().unwrap_err();
            let text = refused.to_string();
            assert!(text.contains("TiB of memory (parameters "), "{text}");
            assert!(text.contains("are free; use a smaller model"), "{text}");
        }
        assert_eq!(estimate(DENSE, Purpose::Training).check(), Ok(()));
    }

    #[test]
    fn a_wide_blur_counts() {
        let blurred = |sigma: &str| {
            let model = format!(
                r#""model": {{"kind": "denoising", "corruption": {{"kind": "blur", "sigma": {sigma}}}, "of": {}}}"#,
                DENSE.split_once(": ").unwrap().1
            );
            estimate(&model, Purpose::Training).batch - estimate(DENSE, Purpose::Training).batch
        };
        assert_eq!(blurred("10"), 3 * 4 * 28 * (28 + 60));
        assert_eq!(blurred("[0, 1000]"), 128 * 3 * 4 * 28 * (28 + 6000));
    }

    #[test]
    fn sizes_are_told_in_the_largest_unit() {
        let sizes = [0, 1023, 1024, 1536 << 20, u64::MAX].map(size);
        assert_eq!(
            sizes,
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 GiB", "16.0 EiB"]
        );
    }

    #[test]
    fn a_control_group_leaves_its_limit_without_what_is_used() {
        let group = tempfile::tempdir().unwrap();
        let names = ["memory.max", "memory.current", "inactive_file"];
        let write = |name: &str, text: &str| fs::write(group.path().join(name), text).unwrap();
        assert_eq!(left(group.path(), names), None);
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(left(group.path(), names), None);
        write("memory.max", "1000\n");
        assert_eq!(left(group.path(), names), Some(300));
        write("memory.stat", "anon 5\ninactive_file 100\nactive_file 50\n");
        assert_eq!(left(group.path(), names), Some(400));
        write("memory.current", "2000\n");
        assert_eq!(left(group.path(), names), Some(0));
        assert!(free() > 0);
    }
}
