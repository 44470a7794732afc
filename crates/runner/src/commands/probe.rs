//! Probes: how well a linear classifier and nearest neighbours tell classes apart from the output of
//! each layer, compared with raw pixels and principal components.

use std::sync::Arc;

use anyhow::Result;
use data::Images;
use serde::Serialize;

use super::analysed::{self, Analysed, Labelled};
use super::{DONE, UsageError};
use crate::cli::ProbeArgs;
use crate::progress::Display;
use crate::terminal;
use hourglass::analysis::features::{Features, MOST_VALUES, varies};
use hourglass::analysis::neighbours;
use hourglass::analysis::random::sample;
use hourglass::analysis::softmax::{Effort, Softmax};
use hourglass::analysis::wilson::wilson_interval;
use hourglass::streams::Stream;

/// Number of nearest neighbours that vote.
const NEIGHBOURS: usize = 5;

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
struct Probed {
    name: String,
    /// Values per picture.
    size: usize,
    linear_accuracy: f64,
    /// 95 % confidence interval by Wilson, as for the other accuracy.
    linear_interval: [f64; 2],
    /// The weight penalty that was best on the held-out training pictures.
    linear_penalty: f64,
    knn_accuracy: f64,
    knn_interval: [f64; 2],
    /// Training pictures, including those held out to choose the penalty.
    train_images: usize,
}

#[derive(Debug, Serialize)]
struct Baselines {
    raw: Probed,
    pca: Option<Probed>,
}

/// `analysis/probe.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    test_images: usize,
    classes: usize,
    neighbours: usize,
    layers: Vec<Probed>,
    baselines: Baselines,
}

pub fn run(args: &ProbeArgs) -> Result<u8> {
    let subject = Analysed::open(&args.run, &args.backend, args.data.as_ref())?;
    let layers = layers(args, &subject)?;
    let study = Labelled::of(&subject, args.data.as_ref(), "a probe")?;
    let (_, code_size) = subject.kind_and_code_size()?;
    let all: Vec<u32> = (0..study.test.len() as u32).collect();
    let loaded = &subject.loaded;
    // One step per layer and baseline.
    let display = Display::new(args.output.quiet, layers.len() + 2, 0);
    let mut probed = Vec::with_capacity(layers.len());
    for (done, layer) in layers.iter().enumerate() {
        display.message(format!("{}, {} values", layer.name, layer.size));
        let encode = |images: &Arc<Images>, indices: &[u32]| {
            let (model, device) = (&loaded.model, &loaded.device);
            Features::encoded(model, device, images, indices, layer.last, |_| ())
        };
        let chosen = study.chosen(layer.size);
        let train = encode(&study.train, &chosen)?;
        let test = encode(&study.test, &all)?;
        probed.push(study.probe(&layer.name, &chosen, train, test));
        display.step(done + 1);
    }
    let values: usize = study.test.shape().iter().product();
    display.message(format!("raw pixels, {values} values"));
    let chosen = study.chosen(values);
    let raw = study.probe(
        "raw pixels",
        &chosen,
        Features::pixels(&study.train, &chosen),
        Features::pixels(&study.test, &all),
    );
    display.step(layers.len() + 1);
    // As many components as the requested layer has values, or else as the code has.
    let size = match layers.as_slice() {
        [only] => only.size,
        _ => code_size,
    };
    let pca = match analysed::pca(&study.train, size)? {
        Some(pca) => {
            display.message(format!("PCA, {} values", pca.components()));
            let chosen = study.chosen(pca.components());
            let train = Features::components(&pca, &study.train, &chosen)?;
            let test = Features::components(&pca, &study.test, &all)?;
            Some(study.probe("PCA", &chosen, train, test))
        }
        None => None,
    };
    display.finish();
    let report = Report {
        run: subject.name(),
        data: subject.data.clone(),
        test_images: study.test.len(),
        classes: study.classes,
        neighbours: NEIGHBOURS,
        layers: probed,
        baselines: Baselines { raw, pca },
    };
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} test pictures of {}: a linear classifier (softmax on standardised values, \
             weight penalty chosen on a twelfth of the training pictures) and {NEIGHBOURS} nearest \
             neighbours; 95 % intervals",
            report.run, report.test_images, report.data
        ));
    }
    analysed::finish(
        &loaded.run,
        "probe",
        &report,
        &table(&report),
        args.output.json,
    )?;
    Ok(DONE)
}

/// A layer to probe.
struct Layer {
    name: String,
    size: usize,
    /// Its index in the encoder.
    last: usize,
}

/// The requested layers.
fn layers(args: &ProbeArgs, subject: &Analysed) -> Result<Vec<Layer>> {
    let (model, meta) = (&subject.loaded.model, &subject.loaded.meta);
    let all: Vec<Layer> = (meta.model.layers(meta.input_shape)?)
        .encoder()
        .iter()
        .zip(0..)
        .map(|(layer, last)| Layer {
            name: layer.name(),
            size: layer.size(),
            last,
        })
        .collect();
    if args.layer == "all" {
        return Ok(all);
    }
    let place = model.encoder_layer(&args.layer);
    let names: Vec<&str> = all.iter().map(|layer| layer.name.as_str()).collect();
    let text = format!(
        "--layer: found {}; allowed: all, {}, or a number from 0 to {}",
        args.layer,
        names.join(", "),
        model.depth() - 1
    );
    let one: Vec<Layer> = (all.into_iter())
        .filter(|layer| Some(layer.last) == place)
        .collect();
    if one.is_empty() {
        return Err(UsageError(text).into());
    }
    Ok(one)
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

fn table(report: &Report) -> comfy_table::Table {
    let percent = |share: f64, [low, high]: [f64; 2]| {
        format!(
            "{:.2} % ({:.2} to {:.2})",
            share * 100.0,
            low * 100.0,
            high * 100.0
        )
    };
    let baselines = &report.baselines;
    let rows = report.layers.iter().chain([&baselines.raw]);
    let rows = rows.chain(&baselines.pca).map(|row| {
        vec![
            row.name.clone(),
            row.size.to_string(),
            percent(row.linear_accuracy, row.linear_interval),
            percent(row.knn_accuracy, row.knn_interval),
            row.train_images.to_string(),
        ]
    });
    let header = ["representation", "values", "linear", "5-NN", "learned from"];
    analysed::table(&header, rows.collect())
}
