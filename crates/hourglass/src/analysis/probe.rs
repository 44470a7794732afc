//! Probes: how well a linear classifier and nearest neighbours tell classes apart from the output of
//! each layer, compared with raw pixels and principal components (Alain & Bengio 2016).

use std::sync::Arc;

use data::Images;
use serde::Serialize;

use super::error::AnalysisError;
use super::features::{Features, MOST_VALUES, varies};
use super::neighbours;
use super::progress::Progress;
use super::random::sample;
use super::softmax::{Effort, Softmax};
use super::subject::{Labelled, Subject};
use super::wilson::wilson_interval;
use crate::error::Result;
use crate::measure::pca::Pca;
use crate::run::loaded::Loaded;
use crate::streams::Stream;

/// Number of nearest neighbours that vote.
pub const NEIGHBOURS: usize = 5;

/// Weight penalties to try, largest first. On standardised columns the first almost stops a classifier
/// with few pictures from learning, and the last hardly restrains one with many.
const PENALTIES: [f64; 4] = [1e-2, 1e-3, 1e-4, 1e-5];

/// One in this many training pictures is held out to choose the penalty: 5,000 of MNIST's 60,000.
const HELD_OUT: usize = 12;

/// scikit-learn's defaults for `LogisticRegression`.
const EFFORT: Effort = Effort {
    iterations: 100,
    tolerance: 1e-4,
};

/// Accuracies of a representation, as shares of the test pictures.
#[derive(Clone, Debug, Serialize)]
pub struct Probed {
    /// What it is: a layer, `raw pixels` (of tables and series `raw values`) or `PCA`.
    pub name: String,
    /// Values per picture.
    pub size: usize,
    /// Of the linear classifier.
    pub linear_accuracy: f64,
    /// 95 % confidence interval by Wilson, as for the other accuracy.
    pub linear_interval: [f64; 2],
    /// The weight penalty that was best on the held-out training pictures.
    pub linear_penalty: f64,
    /// Of the nearest neighbours.
    pub knn_accuracy: f64,
    /// 95 % confidence interval by Wilson.
    pub knn_interval: [f64; 2],
    /// Training pictures, including those held out to choose the penalty.
    pub train_images: usize,
}

/// What the layers are compared with.
#[derive(Clone, Debug, Serialize)]
pub struct Baselines {
    /// The pixels.
    pub raw: Probed,
    /// Principal components; `None` if they could not be fitted.
    pub pca: Option<Probed>,
}

/// `analysis/probe.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's folder.
    pub run: String,
    /// The name of the pictures' data.
    pub data: String,
    /// Pictures tested on.
    pub test_images: usize,
    /// Classes among the training pictures.
    pub classes: usize,
    /// Their names; empty if labels have no names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// Nearest neighbours that vote.
    pub neighbours: usize,
    /// The layers, in the order of the encoder.
    pub layers: Vec<Probed>,
    /// What the layers are compared with.
    pub baselines: Baselines,
}

/// A layer to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name, such as `encoder.0` or `code`.
    pub name: String,
    /// Values that it gives per picture.
    pub size: usize,
    /// Its index in the encoder.
    pub last: usize,
}

/// The layers of a model's encoder, the code last.
///
/// # Errors
/// If the model does not fit its images.
pub fn layers(loaded: &Loaded) -> Result<Vec<Layer>> {
    let meta = &loaded.meta;
    let layers = meta.layers()?;
    let all = layers.encoder().iter().zip(0..);
    Ok(all
        .map(|(layer, last)| Layer {
            name: layer.name(),
            size: layer.size(),
            last,
        })
        .collect())
}

/// The steps that [`probe`] counts for this many layers.
pub fn steps(layers: usize) -> usize {
    // One per layer and baseline.
    layers + 2
}

/// Measures the layers, the pixels and the components of `pca` on the labelled pictures.
///
/// # Errors
/// If all training pictures have one label, the device fails, or a layer's output is not finite.
pub fn probe(
    subject: &Subject,
    study: &Labelled,
    layers: &[Layer],
    pca: Option<&Pca>,
    mut watch: impl FnMut(Progress),
) -> Result<Report> {
    let known = study.train_classes.first();
    let is_one = |classes: &[u8]| classes.iter().all(|label| Some(label) == known);
    // Pictures that all have one label are told right, if that means little.
    if is_one(&study.train_classes) && !is_one(&study.test_classes) {
        let data = subject.data.clone();
        return Err(AnalysisError::OneTrained { data }.into());
    }
    let all: Vec<u32> = (0..study.test.len() as u32).collect();
    let loaded = &subject.loaded;
    let mut probed = Vec::with_capacity(layers.len());
    for (done, layer) in layers.iter().enumerate() {
        watch(Progress::Stage(format!(
            "{}, {} values",
            layer.name, layer.size
        )));
        let encode = |images: &Arc<Images>, indices: &[u32]| {
            let (model, device) = (&loaded.model, &loaded.device);
            Features::encoded(model, device, images, indices, layer.last, |_| ())
        };
        let chosen = study.chosen(layer.size);
        let train = encode(&study.train, &chosen)?;
        let test = encode(&study.test, &all)?;
        probed.push(study.probe(&layer.name, &chosen, train, test));
        watch(Progress::Steps(done + 1));
    }
    let values: usize = study.test.shape().iter().product();
    let name = subject.form().raw();
    watch(Progress::Stage(format!("{name}, {values} values")));
    let chosen = study.chosen(values);
    let raw = study.probe(
        name,
        &chosen,
        Features::pixels(&study.train, &chosen),
        Features::pixels(&study.test, &all),
    );
    watch(Progress::Steps(layers.len() + 1));
    let pca = match pca {
        Some(pca) => {
            watch(Progress::Stage(format!("PCA, {} values", pca.components())));
            let chosen = study.chosen(pca.components());
            let train = Features::components(pca, &study.train, &chosen)?;
            let test = Features::components(pca, &study.test, &all)?;
            Some(study.probe("PCA", &chosen, train, test))
        }
        None => None,
    };
    Ok(Report {
        run: subject.name(),
        data: subject.data.clone(),
        test_images: study.test.len(),
        classes: study.classes,
        class_names: study.names(),
        neighbours: NEIGHBOURS,
        layers: probed,
        baselines: Baselines { raw, pca },
    })
}

impl Labelled {
    /// The training pictures for a representation of this many values: as many as fit in memory, in
    /// random order, so that the last of them can be held out.
    fn chosen(&self, size: usize) -> Vec<u32> {
        let seed = Stream::Analysis.seed(self.seed, 0);
        let chosen = sample(self.train.len(), (MOST_VALUES / size.max(1)).max(1), seed);
        data::epoch_order(&chosen, Stream::Analysis.seed(self.seed, 1))
    }

    /// Measures a representation, given for the `chosen` training pictures and all test pictures.
    fn probe(&self, name: &str, chosen: &[u32], mut train: Features, mut test: Features) -> Probed {
        let width = train.width();
        let class = |&index: &u32| self.train_classes.get(index as usize).copied();
        let classes: Vec<u8> = chosen.iter().filter_map(class).collect();
        let mean = train.mean();
        let deviation = train.deviation(&mean);
        let varies = varies(&deviation);
        train.rescale(&mean, &varies);
        test.rescale(&mean, &varies);
        let by_neighbours =
            neighbours::classify(train.values(), &classes, test.values(), width, NEIGHBOURS);
        // A constant unit cannot be scaled by its deviation.
        let scale: Vec<f64> = deviation
            .iter()
            .map(|&it| if it > 0.0 { 1.0 / it } else { 0.0 })
            .collect();
        let zero = vec![0.0; width];
        train.rescale(&zero, &scale);
        test.rescale(&zero, &scale);
        let (classifier, penalty) = self.linear(&train, &classes);
        let by_line = classifier.classify(test.values());
        let hits = |found: &[u8]| {
            let pairs = found.iter().zip(&self.test_classes);
            pairs.filter(|(found, known)| found == known).count()
        };
        let total = self.test_classes.len();
        let share = |hits: usize| hits as f64 / total.max(1) as f64;
        let (linear, knn) = (hits(&by_line), hits(&by_neighbours));
        Probed {
            name: name.into(),
            size: width,
            linear_accuracy: share(linear),
            linear_interval: wilson_interval(linear, total),
            linear_penalty: penalty,
            knn_accuracy: share(knn),
            knn_interval: wilson_interval(knn, total),
            train_images: chosen.len(),
        }
    }

    /// The linear classifier with the penalty that is best on the held-out pictures. Ever smaller
    /// penalties are tried, each from the previous solution, as long as they help.
    fn linear(&self, train: &Features, classes: &[u8]) -> (Softmax, f64) {
        let learned = classes.len() - classes.len() / HELD_OUT;
        let (rows, held_rows) = train.values().split_at(learned * train.width());
        let (classes, held_classes) = classes.split_at(learned);
        let mut classifier = Softmax::new(train.width(), self.classes);
        let mut best: Option<(usize, Softmax, f64)> = None;
        for penalty in PENALTIES {
            classifier.fit(rows, classes, penalty, EFFORT);
            let found = classifier.classify(held_rows);
            let pairs = found.iter().zip(held_classes);
            let hits = pairs.filter(|(found, known)| found == known).count();
            if best.as_ref().is_some_and(|best| hits <= best.0) {
                break;
            }
            best = Some((hits, classifier.clone(), penalty));
        }
        best.map_or((classifier, PENALTIES[0]), |(_, best, penalty)| {
            (best, penalty)
        })
    }
}
