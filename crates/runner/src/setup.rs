//! The setup: everything that a training or an evaluation starts from, loaded and checked before
//! anything is written.

use std::sync::Arc;

use anyhow::Result;
use data::{Batches, Dataset, Images, PictureOptions, Source, Split, TestPart, Warning};
use model::{ImageShape, Layers, Loss};

use crate::backend::{self, Backend};
use crate::checkpoint::Progress;
use crate::config::{Config, DataConfig, Located, LossChoice, PretrainConfig, TestChoice};
use crate::pretrained::Pretrained;
use crate::streams::Stream;
use crate::terminal;

/// Data sets up to this many bytes as f32 are put on a GPU whole; larger ones go batch by batch.
const RESIDENT_BYTES: usize = 2 << 30;

/// Warnings about single files that are told: a folder may have thousands of bad ones.
const WARNINGS: usize = 8;

/// Images that `--quick` trains on, validates with and tests with: seconds of work for any model.
const QUICK: [usize; 3] = [640, 128, 256];

/// Images, backend and layers for a config.
#[derive(Debug)]
pub struct Setup {
    /// The resolved config.
    pub config: Config,
    /// Name of the data set.
    pub dataset: String,
    /// SHA-256 of the data set as loaded.
    pub data_sha256: String,
    /// SHA-256 of its test part alone: figures on the same test images may be ranked.
    pub test_sha256: String,
    /// Images that training may see, the validation split among them.
    pub train: Arc<Images>,
    /// Images that only the final evaluation sees.
    pub test: Arc<Images>,
    /// What was done about files that are not as they should be.
    pub warnings: Vec<Warning>,
    /// Which of `train` are for steps, as often as an epoch has them, and which for validation.
    pub split: Split,
    /// Where it computes.
    pub backend: Backend,
    /// The model's layers.
    pub layers: Layers,
    /// What training minimises.
    pub loss: Loss,
    /// Whether only a few images are used.
    pub quick: bool,
    /// Layers of an earlier run that a training starts from.
    pub pretrained: Option<Pretrained>,
}

impl DataConfig {
    /// Where the images come from; `seed` is the run's.
    pub fn source(&self, seed: u64) -> Source {
        match self {
            DataConfig::Mnist { .. } => Source::Mnist,
            DataConfig::Idx { dir, .. } => Source::Idx { dir: dir.clone() },
            DataConfig::Images { dir, .. } => Source::Folder {
                dir: dir.clone(),
                options: self.pictures(seed),
            },
            DataConfig::Photos { .. } => Source::Photos {
                options: self.pictures(seed),
            },
        }
    }

    /// How pictures become images; the defaults where the images are none.
    fn pictures(&self, seed: u64) -> PictureOptions {
        match self {
            DataConfig::Mnist { .. } | DataConfig::Idx { .. } => PictureOptions::default(),
            DataConfig::Images {
                size,
                patch,
                crops,
                flip,
                channels,
                test,
                ..
            }
            | DataConfig::Photos {
                size,
                patch,
                crops,
                flip,
                channels,
                test,
                ..
            } => PictureOptions {
                size: *size,
                patch: *patch,
                crops: *crops,
                flip: flip.unwrap_or(true),
                channels: *channels,
                test: match test {
                    TestChoice::Share(share) => TestPart::Share(*share),
                    TestChoice::Files(names) => TestPart::Files(names.clone()),
                },
                strict: matches!(self, DataConfig::Images { strict: true, .. }),
                seed: Stream::Split.seed(seed, 0),
            },
        }
    }

    fn limit(&self) -> Option<usize> {
        match self {
            DataConfig::Mnist { limit, .. }
            | DataConfig::Idx { limit, .. }
            | DataConfig::Images { limit, .. }
            | DataConfig::Photos { limit, .. } => *limit,
        }
    }

    /// Validation pictures among `count` training pictures.
    fn validation(&self, count: usize) -> usize {
        match self {
            DataConfig::Mnist { validation, .. } | DataConfig::Idx { validation, .. } => {
                *validation
            }
            // A tenth, as is usual, and at least one where there are two or more.
            DataConfig::Images { validation, .. } | DataConfig::Photos { validation, .. } => {
                validation.unwrap_or((count / 10).max(1).min(count - count.min(1)))
            }
        }
    }
}

impl Config {
    /// What training minimises.
    pub fn loss(&self) -> Loss {
        match self.train.loss {
            LossChoice::Mse => Loss::Mse,
            LossChoice::Bce => Loss::Bce,
            LossChoice::Auto => self.model.default_loss(),
        }
    }
}

impl Setup {
    /// Checks the model against the images' shape, opens the backend, then loads the data.
    ///
    /// # Errors
    /// A model that does not fit, a backend that cannot be had, or data that cannot be read.
    pub fn new(located: Located, quick: bool) -> Result<Self> {
        Self::with(located, quick, false)
    }

    /// The same for a training from its start, which may be the layers of an earlier run. What goes on
    /// from a checkpoint does without that run.
    ///
    /// # Errors
    /// As [`Setup::new`], and where the config's `init` cannot be had, before the data is loaded.
    pub fn to_start(located: Located, quick: bool) -> Result<Self> {
        Self::with(located, quick, true)
    }

    fn with(located: Located, quick: bool, starts: bool) -> Result<Self> {
        let config = located.config.clone();
        let source = config.data.source(config.seed);
        let shape = source.shape()?;
        let layers = located.check_model(shape)?;
        let backend = backend::open(config.backend)?;
        let pretrained = if starts {
            Pretrained::open(&located, shape, &layers, &backend.device)?
        } else {
            None
        };
        let mut dataset = source.load()?;
        warn(&dataset.warnings);
        if let Some(limit) = config.data.limit() {
            dataset.train.truncate_pictures(limit);
        }
        let pictures = dataset.train.pictures();
        let held_out = config.data.validation(pictures);
        if held_out >= pictures {
            let what = if pictures < dataset.train.len() {
                "pictures"
            } else {
                "images"
            };
            let text =
                format!("found {held_out}; allowed: fewer than the {pictures} training {what}");
            return Err(located.error("data.validation", text).into());
        }
        let mut split = (dataset.train).split(held_out, Stream::Split.seed(config.seed, 1))?;
        if quick {
            let [images, validation, tested] = QUICK;
            split.train.truncate(images);
            split.validation.truncate(validation);
            (dataset.train, split) = only(&dataset.train, &split)?;
            dataset.test.truncate(tested);
        }
        let data_sha256 = dataset.sha256();
        let test_sha256 = dataset.test.sha256();
        let Dataset {
            name,
            train,
            test,
            warnings,
        } = dataset;
        let loss = config.loss();
        Ok(Self {
            config,
            dataset: name,
            data_sha256,
            test_sha256,
            train: Arc::new(train),
            test: Arc::new(test),
            warnings,
            split,
            backend,
            layers,
            loss,
            quick,
            pretrained,
        })
    }

    /// The same for the images of one label alone: those to train on, to validate with and to test
    /// with that have it.
    ///
    /// # Errors
    /// Where the images have no labels, or none has this one.
    pub fn only(&self, label: u8) -> Result<Self> {
        let of = |images: &Images, indices: &[u32]| -> Vec<u32> {
            let labels = images.labels().unwrap_or_default();
            let has = |index: &&u32| labels.get(**index as usize) == Some(&label);
            indices.iter().filter(has).copied().collect()
        };
        let split = Split {
            train: of(&self.train, &self.split.train),
            validation: of(&self.train, &self.split.validation),
        };
        let tested: Vec<u32> = (0..self.test.len() as u32).collect();
        let test = self.test.select(&of(&self.test, &tested))?;
        let (train, split) = only(&self.train, &split)?;
        let dataset = format!("{}, label {label}", self.dataset);
        let (test_sha256, train_sha256) = (test.sha256(), train.sha256());
        Ok(Self {
            config: self.config.clone(),
            data_sha256: train_sha256,
            test_sha256,
            dataset,
            train: Arc::new(train),
            test: Arc::new(test),
            warnings: Vec::new(),
            split,
            backend: self.backend.clone(),
            layers: self.layers.clone(),
            loss: self.loss,
            quick: self.quick,
            pretrained: self.pretrained.clone(),
        })
    }

    /// Channels, height and width of the images.
    pub fn shape(&self) -> ImageShape {
        self.train.shape()
    }

    /// Batches of the images on the backend's device, which holds them all where they fit.
    pub fn batches(&self, images: &Arc<Images>) -> Batches {
        let bytes = images.pixels().len().saturating_mul(size_of::<f32>());
        let resident = !self.backend.on_host && bytes <= RESIDENT_BYTES;
        Batches::new(Arc::clone(images), &self.backend.device, resident)
    }

    /// Optimizer steps of the whole training, of the layers by themselves and together.
    pub fn steps(&self) -> usize {
        self.pretrain_steps(None) + self.steps_per_epoch() * self.config.train.epochs
    }

    /// Of these the steps that were made.
    pub fn steps_made(&self, progress: &Progress) -> usize {
        self.pretrain_steps(progress.pretraining) + progress.step
    }

    /// Optimizer steps of the encoder layers before `layer`, each by itself; of all where it is none.
    pub fn pretrain_steps(&self, layer: Option<usize>) -> usize {
        let Some(PretrainConfig::Layerwise { epochs }) = self.config.train.pretrain else {
            return 0;
        };
        let layers = layer.unwrap_or(self.layers.encoder().len());
        layers * epochs * self.steps_per_epoch()
    }

    /// Optimizer steps of one epoch; the last one may have fewer images.
    pub fn steps_per_epoch(&self) -> usize {
        self.split
            .train
            .len()
            .div_ceil(self.config.train.batch_size)
    }

    /// Trainable parameters of the model.
    pub fn parameters(&self) -> usize {
        self.layers.parameters()
    }
}

/// The images of a split alone, and the same split of them.
fn only(images: &Images, split: &Split) -> Result<(Images, Split)> {
    let images = images.select(&[split.train.as_slice(), &split.validation].concat())?;
    let steps = split.train.len() as u32;
    let all = images.len() as u32;
    let split = Split {
        train: (0..steps).collect(),
        validation: (steps..all).collect(),
    };
    Ok((images, split))
}

/// Tells of files that are not as they should be, the first few of many.
pub fn warn(warnings: &[Warning]) {
    for warning in warnings.iter().take(WARNINGS) {
        terminal::note(&format!("warning: {warning}"));
    }
    if let Some(more @ 1..) = warnings.len().checked_sub(WARNINGS) {
        terminal::note(&format!("warning: and {more} more"));
    }
}
