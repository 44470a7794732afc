//! Clusters: k-means on the codes of unseen pictures, compared with k-means on their pixels and on
//! their principal components.

use anyhow::Result;
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use super::analysed;
use super::{DONE, UsageError};
use crate::cli::ClusterArgs;
use crate::progress::Display;
use crate::terminal;
use hourglass::analysis::contingency::Contingency;
use hourglass::analysis::features::{Features, MOST_VALUES};
use hourglass::analysis::kmeans::{self, Clusters};
use hourglass::analysis::matching::accuracy;
use hourglass::analysis::nmi::nmi;
use hourglass::analysis::rand_index::adjusted_rand_index;
use hourglass::analysis::random::sample;
use hourglass::analysis::silhouette::silhouettes;
use hourglass::analysis::smooth::smoothed;
use hourglass::analysis::spread::mean_and_spread;
use hourglass::analysis::subject::Subject;
use hourglass::batched::values;
use hourglass::pictures;
use hourglass::streams::Stream;

/// Number of seeds that figures are averaged over, because a single one may be lucky.
const SEEDS: usize = 10;

/// Starts of k-means per seed; the one with the smallest distances counts.
const RESTARTS: usize = 10;

/// Rows that a row is averaged with, including itself: UMAP (McInnes et al. 2018) uses 15 by default,
/// t-SNE about 30.
const NEIGHBOURS: usize = 20;

/// The most pictures that a silhouette is measured on, because the number of distances grows with the square.
const SILHOUETTE_PICTURES: usize = 10_000;

/// Pictures per cluster on the page, besides the decoded centre.
const PICTURES: usize = 15;

/// Clusters on the page, largest first.
const PAGE_CLUSTERS: usize = 50;

/// How well clusters agree with classes, and how well they are separated.
#[derive(Clone, Copy, Debug, Serialize)]
struct Measures {
    /// With the best matching of clusters to classes; like the next two, `None` without labels.
    accuracy: Option<f64>,
    nmi: Option<f64>,
    ari: Option<f64>,
    /// In the space that was clustered; `None` if it has a single cluster.
    silhouette: Option<f64>,
}

/// Means over the seeds, with their standard deviations.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    #[serde(flatten)]
    mean: Measures,
    /// Standard deviation over the seeds.
    spread: Measures,
}

#[derive(Debug, Serialize)]
struct Baselines {
    raw: Figures,
    pca: Option<Figures>,
}

/// `analysis/cluster.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    images: usize,
    code_size: usize,
    k: usize,
    seeds: usize,
    restarts: usize,
    /// Rounds of smoothing over the nearest neighbours.
    smooth: u16,
    silhouette_images: usize,
    #[serde(flatten)]
    code: Figures,
    baselines: Baselines,
}

pub fn run(args: &ClusterArgs) -> Result<u8> {
    let subject = analysed::open(&args.run, &args.backend, args.data.as_ref())?;
    let k = usize::from(args.k);
    let (kind, code_size) = subject.kind_and_code_size()?;
    let test = &subject.test;
    if test.len() < k {
        let text = format!(
            "--k: found {k}; allowed: at most {} (the number of pictures)",
            test.len()
        );
        return Err(UsageError(text).into());
    }
    let seed = subject.loaded.meta.seed;
    let values: usize = test.shape().iter().product();
    let most = (MOST_VALUES / values.max(code_size)).max(k);
    let chosen = sample(test.len(), most, Stream::Analysis.seed(seed, 0));
    if chosen.len() < test.len() {
        terminal::note(&format!(
            "note: using {} of the {} pictures, drawn with the run's seed",
            chosen.len(),
            test.len()
        ));
    }
    let labels: Option<Vec<u8>> = test.labels().map(|labels| {
        let label = |&index: &u32| labels.get(index as usize).copied();
        chosen.iter().filter_map(label).collect()
    });
    if labels.is_none() {
        terminal::note(
            "note: these pictures have no labels, so only the silhouette is measured, and not \
             accuracy, nmi and ari",
        );
    }
    let pca = analysed::own_pca(&subject, code_size)?;
    let spaces = if pca.is_some() { 3 } else { 2 };
    let display = Display::new(args.output.quiet, spaces * SEEDS * RESTARTS, 0);
    let mut study = Study {
        labels: labels.as_deref(),
        k,
        seed,
        silhouette: sample(
            chosen.len(),
            SILHOUETTE_PICTURES,
            Stream::Analysis.seed(seed, 1),
        ),
        rounds: usize::from(args.smooth),
        display: &display,
        done: 0,
    };
    let loaded = &subject.loaded;
    display.message("encoding".into());
    let depth = loaded.model.depth();
    let device = &loaded.device;
    let codes = Features::encoded(&loaded.model, device, test, &chosen, depth, |_| ())?;
    let codes = study.smooth("the codes", codes);
    let (code, best) = study.cluster("the codes", &codes);
    let raw = study.smooth("raw pixels", Features::pixels(test, &chosen));
    let (raw, _) = study.cluster("raw pixels", &raw);
    let pca = match &pca {
        Some(pca) => {
            let components = Features::components(pca, test, &chosen)?;
            let components = study.smooth("principal components", components);
            Some(study.cluster("principal components", &components).0)
        }
        None => None,
    };
    display.finish();
    page(&subject, &chosen, &codes, &best, k)?;
    let report = Report {
        run: subject.name(),
        data: subject.data.clone(),
        images: chosen.len(),
        code_size,
        k,
        seeds: SEEDS,
        restarts: RESTARTS,
        smooth: args.smooth,
        silhouette_images: study.silhouette.len(),
        code,
        baselines: Baselines { raw, pca },
    };
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} pictures of {}: k-means with k = {k}, mean of {SEEDS} seeds ± standard deviation{}{}",
            report.run,
            report.images,
            report.data,
            match args.smooth {
                0 => String::new(),
                rounds =>
                    format!(", after {rounds} rounds of smoothing over {NEIGHBOURS} neighbours"),
            },
            if report.silhouette_images < report.images {
                format!(", silhouette on {} pictures", report.silhouette_images)
            } else {
                String::new()
            }
        ));
    }
    let table = table(&report, &kind, values);
    analysed::finish(&loaded.run, "cluster", &report, &table, args.output.json)?;
    let folder = loaded.run.folder().display();
    display.line(&format!(
        "results in {folder}: analysis/cluster.json, analysis/cluster.png (one row per cluster: its \
         decoded centre, then pictures from the nearest to the farthest)"
    ));
    Ok(DONE)
}

/// The settings for clustering any space.
struct Study<'a> {
    labels: Option<&'a [u8]>,
    k: usize,
    seed: u64,
    /// Rows that silhouettes are measured on.
    silhouette: Vec<u32>,
    /// Rounds of smoothing.
    rounds: usize,
    display: &'a Display,
    done: usize,
}

impl Study<'_> {
    /// Smooths a space, if requested.
    fn smooth(&self, name: &str, features: Features) -> Features {
        if self.rounds == 0 {
            return features;
        }
        self.display.message(format!("{name}, smoothing"));
        smoothed(&features, NEIGHBOURS, self.rounds)
    }

    /// Clusters a space once per seed; returns the figures and the clusters with the smallest distances.
    fn cluster(&mut self, name: &str, features: &Features) -> (Figures, Clusters) {
        let mut found: Vec<Clusters> = Vec::with_capacity(SEEDS);
        for repetition in 0..SEEDS {
            (self.display).message(format!("{name}, seed {}/{SEEDS}", repetition + 1));
            // The first two streams are for the samples.
            let seed = Stream::Analysis.seed(self.seed, 2 + repetition as u64);
            found.push(kmeans::fit(features, self.k, RESTARTS, seed, || {
                self.done += 1;
                self.display.step(self.done);
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

/// `analysis/cluster.png`: one row per cluster, largest first.
fn page(
    subject: &Subject,
    chosen: &[u32],
    codes: &Features,
    clusters: &Clusters,
    k: usize,
) -> Result<()> {
    let shape = subject.test.shape();
    let mut members: Vec<Vec<(f32, u32)>> = vec![Vec::new(); k];
    let centre = |label: u32| {
        let start = label as usize * codes.width();
        let row = clusters.centres.get(start..start + codes.width());
        row.unwrap_or_default()
    };
    for ((row, &label), &image) in (0..).zip(&clusters.labels).zip(chosen) {
        let distance =
            hourglass::analysis::distances::squared_distance(codes.row(row), centre(label));
        if let Some(members) = members.get_mut(label as usize) {
            members.push((distance, image));
        }
    }
    let mut order: Vec<(u32, Vec<(f32, u32)>)> = (0..).zip(members).collect();
    order.retain(|(_, members)| !members.is_empty());
    order.sort_by_key(|(label, members)| (std::cmp::Reverse(members.len()), *label));
    if order.len() > PAGE_CLUSTERS {
        terminal::note(&format!(
            "note: cluster.png shows the {PAGE_CLUSTERS} largest of {} clusters",
            order.len()
        ));
        order.truncate(PAGE_CLUSTERS);
    }
    let centres: Vec<f32> = order
        .iter()
        .flat_map(|(label, _)| centre(*label).iter().copied())
        .collect();
    let data = TensorData::new::<f32, _>(centres, [order.len(), codes.width()]);
    let centres = Tensor::<2>::from_data(data, &subject.loaded.device);
    // A residual model cannot decode a centre: its rows begin with the pictures.
    let decoded = match subject.loaded.model.decode(centres) {
        Ok(decoded) => values(decoded)?,
        Err(model::NeedsInput) => Vec::new(),
    };
    let mut decoded = decoded.chunks_exact(shape.iter().product::<usize>().max(1));
    let mut rows: Vec<Vec<Vec<f32>>> = Vec::new();
    for (_, members) in &mut order {
        members.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let shown = members.len().min(PICTURES);
        // Evenly spaced from the nearest to the farthest.
        let place = |at: usize| at * (members.len() - 1) / (shown - 1).max(1);
        let indices: Vec<u32> = (0..shown)
            .filter_map(|at| members.get(place(at)).map(|member| member.1))
            .collect();
        let pictures = Features::pixels(&subject.test, &indices);
        let pictures = (0..pictures.len()).map(|row| pictures.row(row).to_vec());
        let centre = decoded.next().map(<[f32]>::to_vec);
        rows.push(centre.into_iter().chain(pictures).collect());
    }
    let rows: Vec<Vec<&[f32]>> = rows
        .iter()
        .map(|row| row.iter().map(Vec::as_slice).collect())
        .collect();
    let file = analysed::file(&subject.loaded.run, "cluster.png")?;
    Ok(pictures::grid(&rows, shape, &file)?)
}

fn table(report: &Report, kind: &str, values: usize) -> comfy_table::Table {
    let row = |name: String, figures: &Figures| {
        let cell =
            |pick: fn(&Measures) -> Option<f64>| match (pick(&figures.mean), pick(&figures.spread))
            {
                (Some(mean), Some(spread)) => format!("{mean:.4} ± {spread:.4}"),
                _ => "-".into(),
            };
        vec![
            name,
            cell(|it| it.accuracy),
            cell(|it| it.nmi),
            cell(|it| it.ari),
            cell(|it| it.silhouette),
        ]
    };
    let mut rows = vec![
        row(format!("{kind}, code {}", report.code_size), &report.code),
        row(format!("raw pixels, {values}"), &report.baselines.raw),
    ];
    if let Some(pca) = &report.baselines.pca {
        let components = report.code_size.min(values);
        rows.push(row(format!("PCA, {components}"), pca));
    }
    let header = ["k-means on", "accuracy", "nmi", "ari", "silhouette"];
    analysed::table(&header, rows)
}
