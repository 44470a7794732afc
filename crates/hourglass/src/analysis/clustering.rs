//! Clustering: k-means on the codes of unseen pictures, compared with k-means on their pixels and on
//! their principal components.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use data::Images;
use serde::Serialize;

use super::contingency::Contingency;
use super::distances::squared_distance;
use super::features::{Features, MOST_VALUES};
use super::kmeans::{self, Clusters};
use super::matching::accuracy;
use super::nmi::nmi;
use super::progress::Progress;
use super::rand_index::adjusted_rand_index;
use super::random::sample;
use super::silhouette::silhouettes;
use super::smooth::smoothed;
use super::spread::mean_and_spread;
use super::subject::Subject;
use crate::error::Result;
use crate::measure::pca::Pca;
use crate::streams::Stream;

/// Number of seeds that figures are averaged over, because a single one may be lucky.
pub const SEEDS: usize = 10;

/// Starts of k-means per seed; the one with the smallest distances counts.
const RESTARTS: usize = 10;

/// Rows that a row is averaged with, including itself: UMAP (McInnes et al. 2018) uses 15 by default,
/// t-SNE about 30.
pub const NEIGHBOURS: usize = 20;

/// The most pictures that a silhouette is measured on, because the number of distances grows with the square.
const SILHOUETTE_PICTURES: usize = 10_000;

/// How well clusters agree with classes, and how well they are separated.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measures {
    /// With the best matching of clusters to classes; like the next two, `None` without labels.
    pub accuracy: Option<f64>,
    /// Normalised mutual information.
    pub nmi: Option<f64>,
    /// Adjusted Rand index.
    pub ari: Option<f64>,
    /// In the space that was clustered; `None` if it has a single cluster.
    pub silhouette: Option<f64>,
}

/// Means over the seeds, with their standard deviations.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Means.
    #[serde(flatten)]
    pub mean: Measures,
    /// Standard deviation over the seeds.
    pub spread: Measures,
}

/// What the codes are compared with.
#[derive(Clone, Debug, Serialize)]
pub struct Baselines {
    /// The pixels.
    pub raw: Figures,
    /// Principal components; `None` if they could not be fitted.
    pub pca: Option<Figures>,
}

/// `analysis/cluster.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's folder.
    pub run: String,
    /// The name of the pictures' data.
    pub data: String,
    /// Pictures clustered.
    pub images: usize,
    /// Values in the code.
    pub code_size: usize,
    /// Clusters.
    pub k: usize,
    /// Seeds that figures are averaged over.
    pub seeds: usize,
    /// Starts of k-means per seed.
    pub restarts: usize,
    /// Rounds of smoothing over the nearest neighbours.
    pub smooth: u16,
    /// Pictures that silhouettes are measured on.
    pub silhouette_images: usize,
    /// The codes.
    #[serde(flatten)]
    pub code: Figures,
    /// What the codes are compared with.
    pub baselines: Baselines,
    /// The clusters, largest first; empty if the pictures have no named classes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<Content>,
}

/// What is in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Pictures.
    pub images: usize,
    /// How many of them are of which class, the most frequent first.
    pub classes: Vec<(String, usize)>,
}

impl Content {
    /// Of pictures at these indices.
    fn of(cluster: &Cluster, images: &Images) -> Self {
        let labels = images.labels().unwrap_or_default();
        let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
        let label = |(_, index): &(f32, u32)| labels.get(*index as usize).copied();
        for label in cluster.members.iter().filter_map(label) {
            *counts.entry(label).or_default() += 1;
        }
        let mut classes: Vec<(String, usize)> = counts
            .into_iter()
            .map(|(label, count)| (images.class_name(label), count))
            .collect();
        classes.sort_by_key(|(_, count)| Reverse(*count));
        Self {
            images: cluster.members.len(),
            classes,
        }
    }
}

/// How pictures are clustered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Clusters, at most as many as there are pictures.
    pub k: usize,
    /// Rounds of smoothing over [`NEIGHBOURS`] neighbours before clustering.
    pub smooth: u16,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The figures.
    pub report: Report,
    /// The codes that were clustered, smoothed if requested, one row per picture.
    pub codes: Features,
    /// Of all seeds' clusters of the codes, those with the smallest distances.
    pub clusters: Clusters,
}

/// A cluster with its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its number, below k.
    pub label: u32,
    /// Its pictures, the nearest to the centre first: squared distance and index.
    pub members: Vec<(f32, u32)>,
}

impl Found {
    /// The centre of a cluster, as a code; empty if there is no such cluster.
    pub fn centre(&self, label: u32) -> &[f32] {
        let width = self.codes.width();
        let start = label as usize * width;
        let row = self.clusters.centres.get(start..start + width);
        row.unwrap_or_default()
    }

    /// The clusters that have pictures, largest first, given the indices of the clustered pictures.
    pub fn largest_first(&self, chosen: &[u32]) -> Vec<Cluster> {
        let mut members: Vec<Vec<(f32, u32)>> = vec![Vec::new(); self.report.k];
        for ((row, &label), &image) in (0..).zip(&self.clusters.labels).zip(chosen) {
            let distance = squared_distance(self.codes.row(row), self.centre(label));
            if let Some(members) = members.get_mut(label as usize) {
                members.push((distance, image));
            }
        }
        let all = (0..).zip(members);
        let mut order: Vec<Cluster> = all
            .map(|(label, members)| Cluster { label, members })
            .filter(|cluster| !cluster.members.is_empty())
            .collect();
        order.sort_by_key(|cluster| (Reverse(cluster.members.len()), cluster.label));
        for cluster in &mut order {
            let nearer = |one: &(f32, u32), other: &(f32, u32)| one.0.total_cmp(&other.0);
            (cluster.members).sort_by(|one, other| nearer(one, other).then(one.1.cmp(&other.1)));
        }
        order
    }
}

/// The pictures to cluster: all that fit in memory, drawn with the run's seed, at least `k`.
///
/// # Errors
/// If the model does not fit its images.
pub fn chosen(subject: &Subject, k: usize) -> Result<Vec<u32>> {
    let (_, code_size) = subject.kind_and_code_size()?;
    let values: usize = subject.test.shape().iter().product();
    let most = (MOST_VALUES / values.max(code_size)).max(k);
    let seed = Stream::Analysis.seed(subject.loaded.meta.seed, 0);
    Ok(sample(subject.test.len(), most, seed))
}

/// The steps that [`cluster`] counts, with or without PCA.
pub fn steps(pca: bool) -> usize {
    let spaces = if pca { 3 } else { 2 };
    spaces * SEEDS * RESTARTS
}

/// Clusters the `chosen` pictures by their codes, their pixels and their components of `pca`.
///
/// # Errors
/// If the device fails, or a code is not finite.
pub fn cluster(
    subject: &Subject,
    chosen: &[u32],
    options: Options,
    pca: Option<&Pca>,
    mut watch: impl FnMut(Progress),
) -> Result<Found> {
    let (loaded, test) = (&subject.loaded, &subject.test);
    let (_, code_size) = subject.kind_and_code_size()?;
    let (seed, k) = (loaded.meta.seed, options.k);
    let labels = subject.labels(chosen);
    watch(Progress::Stage("encoding".into()));
    let drawn = Stream::Analysis.seed(seed, 1);
    let mut study = Study {
        labels: labels.as_deref(),
        k,
        seed,
        silhouette: sample(chosen.len(), SILHOUETTE_PICTURES, drawn),
        rounds: usize::from(options.smooth),
        watch,
        done: 0,
    };
    let (model, device) = (&loaded.model, &loaded.device);
    let codes = Features::encoded(model, device, test, chosen, model.depth(), |_| ())?;
    let codes = study.smooth("the codes", codes);
    let (code, clusters) = study.cluster("the codes", &codes);
    let raw = study.smooth("raw pixels", Features::pixels(test, chosen));
    let (raw, _) = study.cluster("raw pixels", &raw);
    let pca = match pca {
        Some(pca) => {
            let components = Features::components(pca, test, chosen)?;
            let components = study.smooth("principal components", components);
            Some(study.cluster("principal components", &components).0)
        }
        None => None,
    };
    let report = Report {
        run: subject.name(),
        data: subject.data.clone(),
        images: chosen.len(),
        code_size,
        k,
        seeds: SEEDS,
        restarts: RESTARTS,
        smooth: options.smooth,
        silhouette_images: study.silhouette.len(),
        code,
        baselines: Baselines { raw, pca },
        clusters: Vec::new(),
    };
    let mut found = Found {
        report,
        codes,
        clusters,
    };
    if !test.classes().is_empty() {
        let clusters = found.largest_first(chosen);
        let content = clusters.iter().map(|it| Content::of(it, test));
        found.report.clusters = content.collect();
    }
    Ok(found)
}

/// The settings for clustering any space.
struct Study<'a, F> {
    labels: Option<&'a [u8]>,
    k: usize,
    seed: u64,
    /// Rows that silhouettes are measured on.
    silhouette: Vec<u32>,
    /// Rounds of smoothing.
    rounds: usize,
    watch: F,
    done: usize,
}

impl<F: FnMut(Progress)> Study<'_, F> {
    /// Smooths a space, if requested.
    fn smooth(&mut self, name: &str, features: Features) -> Features {
        if self.rounds == 0 {
            return features;
        }
        (self.watch)(Progress::Stage(format!("{name}, smoothing")));
        smoothed(&features, NEIGHBOURS, self.rounds)
    }

    /// Clusters a space once per seed; returns the figures and the clusters with the smallest distances.
    fn cluster(&mut self, name: &str, features: &Features) -> (Figures, Clusters) {
        let mut found: Vec<Clusters> = Vec::with_capacity(SEEDS);
        for repetition in 0..SEEDS {
            let stage = format!("{name}, seed {}/{SEEDS}", repetition + 1);
            (self.watch)(Progress::Stage(stage));
            // The first two streams are for the samples.
            let seed = Stream::Analysis.seed(self.seed, 2 + repetition as u64);
            found.push(kmeans::fit(features, self.k, RESTARTS, seed, || {
                self.done += 1;
                (self.watch)(Progress::Steps(self.done));
            }));
        }
        let sampled = features.select(&self.silhouette);
        let labels: Vec<Vec<u32>> = found
            .iter()
            .map(|clusters| {
                let label = |&index: &u32| clusters.labels.get(index as usize).copied();
                self.silhouette.iter().filter_map(label).collect()
            })
            .collect();
        let labels: Vec<&[u32]> = labels.iter().map(Vec::as_slice).collect();
        let silhouettes = silhouettes(&sampled, &labels);
        let tables = self.labels.map(|labels| {
            let table = |clusters: &Clusters| Contingency::new(labels, &clusters.labels);
            found.iter().map(table).collect::<Vec<_>>()
        });
        let over = |measure: fn(&Contingency) -> f64| {
            let figures: Vec<f64> = tables.iter().flatten().map(measure).collect();
            mean_and_spread(&figures)
        };
        let silhouettes: Vec<f64> = silhouettes.into_iter().flatten().collect();
        let all = [
            over(accuracy),
            over(nmi),
            over(adjusted_rand_index),
            mean_and_spread(&silhouettes),
        ];
        let measures = |pick: fn((f64, f64)) -> f64| {
            let [accuracy, nmi, ari, silhouette] = all.map(|figure| figure.map(pick));
            Measures {
                accuracy,
                nmi,
                ari,
                silhouette,
            }
        };
        let figures = Figures {
            mean: measures(|(mean, _)| mean),
            spread: measures(|(_, spread)| spread),
        };
        let best = found
            .into_iter()
            .min_by(|one, other| one.inertia.total_cmp(&other.inertia));
        let none = Clusters {
            labels: Vec::new(),
            centres: Vec::new(),
            inertia: 0.0,
        };
        (figures, best.unwrap_or(none))
    }
}
