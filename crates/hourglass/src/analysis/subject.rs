//! The subject of an analysis: a run's model, and the pictures that it is analysed with.

use std::sync::Arc;

use data::Images;

use super::error::AnalysisError;
use crate::error::Result;
use crate::fields::Form;
use crate::measure::pca::{Pca, PcaError};
use crate::run::environment::Environment;
use crate::run::loaded::Loaded;
use crate::setup::Setup;

/// A run's model and the pictures to analyse it on.
#[derive(Debug)]
pub struct Subject {
    /// The run with its best model.
    pub loaded: Loaded,
    /// The run's own images; `None` if they could not be loaded and other images are analysed.
    pub setup: Option<Setup>,
    /// Pictures that the model was not trained on.
    pub test: Arc<Images>,
    /// The name of the data that the pictures are from.
    pub data: String,
}

impl Subject {
    /// A run with its own test pictures.
    ///
    /// # Errors
    /// If the run does not say what its data is called.
    pub fn own(loaded: Loaded, setup: Setup) -> Result<Self> {
        let environment: Environment = loaded.run.read_json("env.json")?;
        Ok(Self {
            test: Arc::clone(&setup.test),
            data: environment.dataset,
            setup: Some(setup),
            loaded,
        })
    }

    /// The run's folder, for display.
    pub fn name(&self) -> String {
        self.loaded.run.folder().display().to_string()
    }

    /// The form of its data.
    pub fn form(&self) -> Form {
        self.loaded.meta.form()
    }

    /// The model's kind, with its wrappers from the outside in, and the code size.
    ///
    /// # Errors
    /// If the model does not fit its images.
    pub fn kind_and_code_size(&self) -> Result<(String, usize)> {
        let meta = &self.loaded.meta;
        let layers = meta.layers()?;
        Ok((meta.model.kind(), layers.code_size()))
    }

    /// The label of the class that all of the run's training pictures are of, if classes have names and other pictures
    /// here are of other classes: what the run takes for normal.
    pub fn normal_class(&self) -> Option<u8> {
        let train = &self.setup.as_ref()?.train;
        let (label, others) = train.labels()?.split_first()?;
        if others.iter().any(|other| other != label) {
            return None;
        }
        let name = train.classes().get(usize::from(*label))?;
        let place = self.test.classes().iter().position(|it| it == name)?;
        let normal = u8::try_from(place).ok()?;
        let labels = self.test.labels()?;
        (labels.contains(&normal) && labels.iter().any(|it| *it != normal)).then_some(normal)
    }

    /// The labels of the pictures at `indices`; `None` if the pictures have no labels.
    pub fn labels(&self, indices: &[u32]) -> Option<Vec<u8>> {
        let labels = self.test.labels()?;
        let label = |&index: &u32| labels.get(index as usize).copied();
        Some(indices.iter().filter_map(label).collect())
    }
}

/// Pictures to train on and to test on, with their classes.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Pictures to train on.
    pub train: Arc<Images>,
    /// Their classes, which count from 0.
    pub train_classes: Vec<u8>,
    /// Pictures to test on.
    pub test: Arc<Images>,
    /// Their classes; a label that no training picture has is a class that is never right.
    pub test_classes: Vec<u8>,
    /// Number of classes among the training pictures.
    pub classes: usize,
    /// The run's seed.
    pub seed: u64,
}

impl Labelled {
    /// The test pictures of `subject` and training pictures from the same data. `what` names the
    /// analysis that needs their labels.
    ///
    /// # Errors
    /// If the pictures have no labels, or are the same files for training and testing.
    pub fn of(subject: &Subject, train: Arc<Images>, what: &'static str) -> Result<Self> {
        let test = Arc::clone(&subject.test);
        let (Some(labels), Some(test_labels)) = (train.labels(), test.labels()) else {
            let data = subject.data.clone();
            return Err(AnalysisError::Unlabelled { data, what }.into());
        };
        if train.names().is_some()
            && train.names() == test.names()
            && train.values() == test.values()
        {
            let data = subject.data.clone();
            return Err(AnalysisError::SamePictures { data, what }.into());
        }
        let mut names = labels.to_vec();
        names.sort_unstable();
        names.dedup();
        // Labels may be any bytes; classes count from 0. A label that no training picture has cannot be
        // predicted: it gets a class that is never right.
        let class = |label: &u8| names.binary_search(label).ok();
        let known = |label: &u8| class(label).and_then(|class| u8::try_from(class).ok());
        let unknown = u8::try_from(names.len()).ok();
        let train_classes = labels.iter().filter_map(known).collect();
        let test_classes = (test_labels.iter())
            .filter_map(|label| known(label).or(unknown))
            .collect();
        Ok(Self {
            train_classes,
            test_classes,
            classes: names.len(),
            seed: subject.loaded.meta.seed,
            train,
            test,
        })
    }
}

impl Labelled {
    /// The names of the classes among the training pictures, in the order of their numbers; empty if labels have no
    /// names.
    pub fn names(&self) -> Vec<String> {
        let mut labels = self.train.labels().unwrap_or_default().to_vec();
        labels.sort_unstable();
        labels.dedup();
        let named = labels.into_iter();
        match self.train.classes().is_empty() {
            true => Vec::new(),
            false => named.map(|label| self.train.class_name(label)).collect(),
        }
    }
}

/// PCA of images with at most `components` components: the baseline of an analysis.
///
/// # Errors
/// [`PcaError::TooLarge`] if the images are too large for it, which an analysis can do without; and if
/// the eigensolver fails.
pub fn pca(train: &Images, components: usize) -> Result<Pca, PcaError> {
    let dims = train.shape().iter().product();
    Pca::fit(train.values(), dims, components.min(dims))
}
