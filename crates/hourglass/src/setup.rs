//! The setup: everything that a training or an evaluation needs, loaded and checked before anything is
//! written.

use std::sync::Arc;

use data::{
    ArrayOptions, ArraySet, Aspect, Batches, DataError, Dataset, Images, Limit, Named,
    PictureOptions, Preparation, SeriesOptions, SeriesSet, Source, Split, TableOptions, TableSet,
    TableTest, TestPart, VideoOptions, Warning,
};
use model::{ImageShape, Layers, Loss, Range};

use crate::backend::{self, Backend};
use crate::config::{
    self, Config, ConfigError, DataConfig, Located, LossChoice, NamedConfig, PicturesConfig,
    PretrainConfig, TableTestChoice, TestChoice,
};
use crate::error::{At, Error, Result};
use crate::fields;
use crate::measure::pca::Pca;
use crate::memory::{Estimate, Purpose};
use crate::run::checkpoint::{Meta, Progress};
use crate::streams::Stream;
use crate::train::batching::Batching;
use crate::train::pretrained::Pretrained;

/// Data sets up to this many bytes as f32 are copied to a GPU whole; larger ones batch by batch.
const RESIDENT_BYTES: usize = 2 << 30;

/// Images that `--quick` trains on, validates with and tests with: seconds of work for any model.
pub(crate) const QUICK: [usize; 3] = [640, 128, 256];

/// The images, backend and layers of a config.
#[derive(Debug)]
pub struct Setup {
    /// The resolved config.
    pub config: Config,
    /// Name of the data set.
    pub dataset: String,
    /// SHA-256 of the data set as loaded.
    pub data_sha256: String,
    /// SHA-256 of its test images alone: figures on the same test images can be ranked.
    pub test_sha256: String,
    /// Images that training may use, including the validation split.
    pub train: Arc<Images>,
    /// Images for the final evaluation only.
    pub test: Arc<Images>,
    /// What the values of its samples are.
    pub range: Range,
    /// How pictures become these images, and any others that the model gets.
    pub preparation: Preparation,
    /// Warnings about files with problems.
    pub warnings: Vec<Warning>,
    /// Which of `train` are for training steps, repeated as often as in an epoch, and which for validation.
    pub split: Split,
    /// The backend and its device.
    pub backend: Backend,
    /// The model's layers.
    pub layers: Layers,
    /// The loss that training minimises.
    pub loss: Loss,
    /// Whether only a few images are used.
    pub quick: bool,
    /// Layers of an earlier run to start from.
    pub pretrained: Option<Pretrained>,
}

/// What is known of a training before anything is loaded.
struct Checked {
    shape: ImageShape,
    range: Range,
    layers: Layers,
    backend: Backend,
}

impl Located {
    /// The layers of the model for the samples of a source.
    ///
    /// # Errors
    /// As [`Located::check_model`], and data that cannot be read.
    pub fn check_source(&self, source: &Source) -> Result<Layers> {
        let range = range(source).map_err(|error| told(self, error))?;
        Ok(self.check_model(source.shape()?, &range)?)
    }
}

impl DataConfig {
    /// The source of the images; `seed` is the run's, which draws the test pictures unless the data have a seed of
    /// their own.
    pub fn source(&self, seed: u64) -> Source {
        let seed = self.split_seed().unwrap_or(seed);
        match self {
            DataConfig::Mnist { .. } => Source::Mnist,
            DataConfig::Idx { dir, limit, .. } => Source::Idx {
                dir: dir.clone(),
                limit: drawn(*limit, seed),
            },
            DataConfig::FashionMnist { set } => set.source(Named::FashionMnist, seed),
            DataConfig::Kmnist { set } => set.source(Named::Kmnist, seed),
            DataConfig::EmnistLetters { set } => set.source(Named::EmnistLetters, seed),
            DataConfig::Cifar10 { set } => set.source(Named::Cifar10, seed),
            DataConfig::Cifar100 { set } => set.source(Named::Cifar100, seed),
            DataConfig::Images {
                dir,
                pictures,
                test,
                strict,
                cache,
            } => Source::Folder {
                dir: dir.clone(),
                options: PictureOptions {
                    strict: *strict,
                    cache: *cache,
                    ..pictures.options(test, seed)
                },
            },
            DataConfig::Table {
                file,
                test,
                label,
                normal,
                drop,
                categories,
                limit,
                ..
            } => Source::Table(TableSet::new(TableOptions {
                file: file.clone(),
                test: tested(test),
                label: label.clone(),
                normal: normal.clone(),
                drop: drop.clone(),
                categories: categories.clone(),
                limit: drawn(*limit, seed),
                seed: Stream::Split.seed(seed, 0),
                fields: None,
            })),
            DataConfig::Series {
                file,
                row,
                window,
                stride,
                time,
                label,
                normal,
                drop,
                test,
                validation,
                limit,
                ..
            } => Source::Series(SeriesSet::new(SeriesOptions {
                file: file.clone(),
                each_row: (*row).into(),
                window: *window,
                stride: *stride,
                time: time.clone(),
                label: label.clone(),
                normal: normal.clone(),
                drop: drop.clone(),
                test: tested(test),
                validation: *validation,
                limit: drawn(*limit, seed),
                seed: Stream::Split.seed(seed, 0),
                fields: None,
            })),
            DataConfig::Array { test, limit, .. } => Source::Array(ArraySet::new(ArrayOptions {
                test: *test,
                limit: drawn(*limit, seed),
                seed: Stream::Split.seed(seed, 0),
                fields: None,
            })),
            DataConfig::Video {
                dir,
                frames,
                stride,
                size,
                aspect,
                channels,
                limit,
                test,
                strict,
                ..
            } => Source::Video {
                dir: dir.clone(),
                options: VideoOptions {
                    frames: *frames,
                    stride: stride.unwrap_or(*frames),
                    size: *size,
                    aspect: aspect.map_or_else(Aspect::default, Into::into),
                    channels: *channels,
                    limit: drawn(*limit, seed),
                    test: test.part(),
                    strict: *strict,
                    seed: Stream::Split.seed(seed, 0),
                },
            },
            DataConfig::Photos {
                collection,
                pictures,
                test,
            } => Source::Photos {
                collection: (*collection).into(),
                options: pictures.options(test, seed),
            },
        }
    }
}

impl NamedConfig {
    /// This set; `seed` is the split's.
    fn source(&self, set: Named, seed: u64) -> Source {
        Source::Named {
            set,
            dir: self.dir.clone(),
            limit: drawn(self.limit, seed),
        }
    }
}

impl TestChoice {
    fn part(&self) -> TestPart {
        match self {
            TestChoice::Share(share) => TestPart::Share(*share),
            TestChoice::Files(names) => TestPart::Files(names.clone()),
        }
    }
}

impl PicturesConfig {
    /// How pictures become images, with these set aside for testing; `seed` is the split's.
    fn options(&self, test: &TestChoice, seed: u64) -> PictureOptions {
        PictureOptions {
            size: self.size,
            aspect: self.aspect.map_or_else(Aspect::default, Into::into),
            patch: self.patch,
            crops: self.crops,
            flip: self.flip.unwrap_or(true),
            channels: self.channels,
            white: self.white,
            limit: drawn(self.limit, seed),
            test: test.part(),
            group: self.group.map(Into::into),
            strict: false,
            // Bundled ones are in memory already.
            cache: Some(false),
            cache_dir: None,
            seed: Stream::Split.seed(seed, 0),
        }
    }
}

/// The rows or steps for testing.
fn tested(choice: &TableTestChoice) -> TableTest {
    match choice {
        TableTestChoice::Share(share) => TableTest::Share(*share),
        TableTestChoice::File(file) => TableTest::File(file.clone()),
    }
}

/// The training pictures that a config's `limit` leaves; `seed` is the run's.
fn drawn(limit: Option<usize>, seed: u64) -> Option<Limit> {
    let seed = Stream::Split.seed(seed, 2);
    limit.map(|count| Limit { count, seed })
}

/// The usual number of validation pictures among `count` training pictures: a tenth, but at least one of
/// two or more.
fn tenth(count: usize) -> usize {
    match count {
        0 | 1 => 0,
        count => (count / 10).max(1),
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
    /// Everything for a training of a config from its start: checks the model against the images' shape, opens
    /// the backend and loads the data.
    ///
    /// # Errors
    /// As [`Setup::to_start`].
    pub fn from_config(located: Located) -> Result<Self> {
        Self::to_start(located, false)
    }

    /// Checks the model against the images' shape, opens the backend, compares the memory that is needed with what is
    /// free, then loads the data.
    ///
    /// # Errors
    /// If the model does not fit, the backend is not available, there is too little memory and the config is not
    /// [forced](Located::forced), or the data cannot be read.
    pub fn new(located: Located, quick: bool) -> Result<Self> {
        Self::with(located, quick, false, Purpose::Training, None)
    }

    /// The same for a run with a checkpoint, whose pictures are prepared as its training did it.
    ///
    /// # Errors
    /// As [`Setup::new`].
    pub fn of_run(located: Located, quick: bool, meta: &Meta) -> Result<Self> {
        Self::with(located, quick, false, Purpose::Training, Some(meta))
    }

    /// The same for measuring the trained model of a run, which takes less memory.
    ///
    /// # Errors
    /// As [`Setup::new`].
    pub fn to_measure(located: Located, quick: bool, run: Option<&Meta>) -> Result<Self> {
        Self::with(located, quick, false, Purpose::Measuring, run)
    }

    /// The same for a new training, which may start from layers of an earlier run. A training that
    /// continues from a checkpoint does not need that run.
    ///
    /// # Errors
    /// As [`Setup::new`], and if the layers of the config's `init` cannot be loaded, which is checked first.
    pub fn to_start(located: Located, quick: bool) -> Result<Self> {
        Self::with(located, quick, true, Purpose::Training, None)
    }

    /// Checks as much of a training as can be known without loading anything: the data's folder, the model against the
    /// images' shape, the backend, and the memory that is needed against what is free.
    ///
    /// # Errors
    /// As [`Setup::to_start`].
    pub fn check(located: &Located, quick: bool) -> Result<()> {
        located.check_dir()?;
        let (source, _) = source(located, None);
        Self::checked(located, &source, quick, true, Purpose::Training).map(|_| ())
    }

    fn checked(
        located: &Located,
        source: &Source,
        quick: bool,
        starts: bool,
        purpose: Purpose,
    ) -> Result<Checked> {
        let config = &located.config;
        let shape = source.shape().map_err(|error| told(located, error))?;
        let range = range(source).map_err(|error| told(located, error))?;
        let layers = located.check_model(shape, &range)?;
        if starts {
            located.check_batches(&layers, None)?;
        }
        let backend = backend::open(config.backend)?;
        if !located.forced {
            let needed = Estimate::of(config, source, shape, &layers, purpose, quick)?;
            let needed = match backend.on_host {
                true => needed,
                false => needed.on_host(),
            };
            needed.check().at(|| located.name().to_owned())?;
        }
        Ok(Checked {
            shape,
            range,
            layers,
            backend,
        })
    }

    fn with(
        located: Located,
        quick: bool,
        starts: bool,
        purpose: Purpose,
        run: Option<&Meta>,
    ) -> Result<Self> {
        located.check_dir()?;
        let config = located.config.clone();
        let (source, limit) = source(&located, run);
        let told = |error| told(&located, error);
        let Checked {
            shape,
            range,
            layers,
            backend,
        } = Self::checked(&located, &source, quick, starts, purpose)?;
        let pretrained = if starts {
            Pretrained::open(&located, (shape, &range), &layers, &backend.device)?
        } else {
            None
        };
        let mut dataset = source.load_as(shape).map_err(told)?;
        if let Some(limit) = limit {
            dataset.train.truncate_pictures(limit);
        }
        let pictures = dataset.train.pictures();
        dataset.held.truncate(pictures);
        let named = dataset.held.contains(&true);
        if named && let Some(count) = config.data.validation() {
            let text = format!(
                "found {count}, but the data have a folder for validation; remove the key or the folder"
            );
            return Err(located.error("data.validation", text).into());
        }
        let held_out = match named {
            true => dataset.held.iter().filter(|held| **held).count(),
            false => (config.data.validation()).unwrap_or_else(|| tenth(pictures)),
        };
        if held_out >= pictures {
            let what = if let Some(clips) = dataset.train.clips() {
                if clips.is_one_video() {
                    "tenths of the only video"
                } else {
                    "videos"
                }
            } else if pictures < dataset.train.len() {
                "pictures"
            } else {
                "images"
            };
            let text =
                format!("found {held_out}; allowed: fewer than the {pictures} training {what}");
            return Err(located.error("data.validation", text).into());
        }
        let seed = Stream::Split.seed(config.split_seed(), 1);
        let grouped = !named && !dataset.groups.is_empty();
        if grouped {
            dataset.groups.truncate(pictures);
            let drawn = data::draw_groups(&dataset.groups, held_out, seed).ok_or_else(|| {
                let text = format!(
                    "the {pictures} training pictures are one group, so none is left to validate on; remove the key, \
                     or set data.validation to 0"
                );
                located.error("data.group", text)
            })?;
            dataset.held = drawn;
        }
        let split = match named || grouped {
            true => dataset.train.split_by(&dataset.held),
            false => dataset.train.split(held_out, seed),
        };
        let mut split = split.map_err(told)?;
        let is_copies = |warning: &Warning| matches!(warning, Warning::Copies { .. });
        // Of a folder for validation that is said already.
        if !named && let Some(place) = dataset.warnings.iter().position(is_copies) {
            let across = dataset.train.copies_across(&split);
            dataset.warnings.splice(place + 1..place + 1, across);
        }
        if quick {
            let [images, validation, tested] = QUICK;
            split.train.truncate(images);
            split.validation.truncate(validation);
            (dataset.train, split) = only(&dataset.train, &split)?;
            dataset.test.truncate(tested);
        }
        if matches!(range, Range::Real(_)) && config.data.augment().is_some() {
            let text = "is for pictures, and the data are rows of numbers; remove the key";
            return Err(located.error("data.augment", text).into());
        }
        if starts {
            located.check_batches(&layers, Some(split.train.len()))?;
            check_components(&located, &layers, &dataset.train)?;
        }
        let data_sha256 = dataset.sha256();
        let test_sha256 = dataset.test.sha256();
        let Dataset {
            name,
            train,
            test,
            preparation,
            warnings,
            ..
        } = dataset;
        let loss = match range {
            Range::Unit | Range::Clip(_) => config.loss(),
            Range::Real(_) => Loss::Mse,
        };
        Ok(Self {
            range,
            config,
            dataset: name,
            data_sha256,
            test_sha256,
            train: Arc::new(train),
            test: Arc::new(test),
            preparation,
            warnings,
            split,
            backend,
            layers,
            loss,
            quick,
            pretrained,
        })
    }

    /// The same for the images of one label alone, in the training, validation and test splits.
    ///
    /// # Errors
    /// If the images have no labels, or none has this one, or a batch has too few to be normalised.
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
        let dataset = match self.train.classes().is_empty() {
            true => format!("{}, label {label}", self.dataset),
            false => format!("{}, {}", self.dataset, self.train.class_name(label)),
        };
        let images = Some(split.train.len());
        if let Some(text) = config::single_value(&self.config, &self.layers, images) {
            return Err(ConfigError::about(&dataset, config::BATCH_SIZE, text).into());
        }
        let (test_sha256, train_sha256) = (test.sha256(), train.sha256());
        Ok(Self {
            config: self.config.clone(),
            data_sha256: train_sha256,
            test_sha256,
            dataset,
            train: Arc::new(train),
            test: Arc::new(test),
            preparation: self.preparation,
            warnings: Vec::new(),
            split,
            range: self.range.clone(),
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

    /// Batches of the images on the backend's device, which holds all images if they fit.
    pub fn batches(&self, images: &Arc<Images>) -> Batches {
        let bytes = images.values().len().saturating_mul(size_of::<f32>());
        let resident = !self.backend.on_host && bytes <= RESIDENT_BYTES;
        Batches::new(Arc::clone(images), &self.backend.device, resident)
    }

    /// Optimizer steps of the whole training, including layer-wise pre-training.
    pub fn steps(&self) -> usize {
        let epochs = (self.steps_per_epoch()).saturating_mul(self.config.train.epochs);
        self.pretrain_steps(None).saturating_add(epochs)
    }

    /// The steps that are already done, as if all had been of the config's size.
    pub fn steps_made(&self, progress: &Progress) -> usize {
        let batching = Batching::new(
            self.config.train.batch_size,
            self.split.train.len(),
            progress,
        );
        let steps = batching.steps(progress.epoch, progress.images);
        self.pretrain_steps(progress.pretraining)
            .saturating_add(steps as usize)
    }

    /// Optimizer steps for pre-training the encoder layers before `layer`, or all layers if it is `None`.
    pub fn pretrain_steps(&self, layer: Option<usize>) -> usize {
        let Some(PretrainConfig::Layerwise { epochs }) = self.config.train.pretrain else {
            return 0;
        };
        let layers = layer.unwrap_or(self.layers.encoder().len());
        let epochs = layers.saturating_mul(epochs);
        epochs.saturating_mul(self.steps_per_epoch())
    }

    /// Optimizer steps per epoch; the last step may have fewer images.
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

/// Fails if a model that starts from principal components cannot have them of these images: there is one for each
/// value of the code, and images differ from their mean in fewer directions than there are images.
fn check_components(located: &Located, layers: &Layers, images: &Images) -> Result<()> {
    if layers.from_components().is_empty() {
        return Ok(());
    }
    if layers.code().map().is_some() {
        // Of squares there are as many as anybody needs.
        return Ok(());
    }
    let (code_size, found) = (layers.code_size(), images.len());
    let dims = images.shape().iter().product();
    if code_size > dims || code_size >= found {
        let text = format!(
            "found a linear code of {code_size} values for {found} training images of {dims} values; allowed: at \
             most {}; use a smaller code_size, more pictures, or patches of them (data.patch)",
            dims.min(found.saturating_sub(1))
        );
        return Err(located.error("model", text).into());
    }
    let checked = Pca::check(found, dims, code_size);
    checked.map_err(|error| located.error("model", error.to_string()).into())
}

/// What the values of a source's samples are.
fn range(source: &Source) -> std::result::Result<Range, DataError> {
    match source {
        Source::Table(set) => Ok(fields::range(set.fields()?)),
        Source::Series(set) => Ok(fields::range(set.fields()?)),
        Source::Array(set) => Ok((set.fields()?).map_or(Range::Unit, |it| fields::range(it))),
        Source::Video { options, .. } => Ok(Range::Clip(options.frames)),
        _ => Ok(Range::Unit),
    }
}

/// The source of a config's images, as a run's training read it, and the number of its first images to keep. MNIST
/// is in no order, so its first images are as good as any; earlier versions took the first of every set.
fn source(located: &Located, run: Option<&Meta>) -> (Source, Option<usize>) {
    let config = &located.config;
    let source = config.data.source(config.seed);
    if let Source::Array(set) = &source {
        let set = set.with_arrays(located.arrays.clone());
        let set = match run {
            Some(meta) => set.as_trained(meta.fields.clone().map(Arc::new)),
            None => set,
        };
        return (Source::Array(set), None);
    }
    if let (Source::Table(set), Some(meta)) = (&source, run) {
        let fields = meta.fields.clone().map(Arc::new);
        return (Source::Table(set.as_trained(fields)), None);
    }
    if let (Source::Series(set), Some(meta)) = (&source, run) {
        let fields = meta.fields.clone().map(Arc::new);
        let [.., window] = meta.input_shape;
        return (Source::Series(set.as_trained(fields, window)), None);
    }
    let first = config.data.limit();
    match (&config.data, run) {
        (DataConfig::Mnist { .. }, _) => (source, first),
        (_, None) => (source, None),
        (data, Some(meta)) => match meta.preparation {
            Some(preparation) => (source.as_prepared(&preparation), None),
            None => {
                let preparation = data.old_preparation(meta.input_shape);
                (source.as_prepared(&preparation).without_limit(), first)
            }
        },
    }
}

/// An error of the data as one of the config, where a key of it has the fault.
fn told(located: &Located, error: DataError) -> Error {
    match error {
        DataError::Option {
            option,
            found,
            allowed,
        } => {
            let text = format!("found {found}; allowed: {allowed}");
            located.error(&format!("data.{option}"), text).into()
        }
        error => error.into(),
    }
}

/// Only the images of a split, and the matching split of these.
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
