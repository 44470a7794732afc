//! Clusters: k-means on the codes of unseen pictures, compared with k-means on their pixels and on
//! their principal components.

use anyhow::Result;
use data::counted;
use hourglass::analysis::clustering::{
    self, Content, Figures, Measures, NEIGHBOURS, Options, Report, SEEDS,
};

use super::{DONE, UsageError, analysed};
use crate::cli::ClusterArgs;
use crate::progress::Display;
use crate::terminal;

mod page;

/// Clusters without --k: as many as there are digits.
const CLUSTERS: u16 = 10;

pub fn run(args: &ClusterArgs) -> Result<u8> {
    let subject = analysed::open(&args.run, &args.backend, args.data.as_ref(), args.strict)?;
    let k = usize::from(args.k.unwrap_or(CLUSTERS));
    let (kind, code_size) = subject.kind_and_code_size()?;
    let form = subject.form();
    let (samples, sample) = (subject.test.len(), form.whole());
    if samples < k {
        let text = match args.k {
            Some(_) => {
                format!("--k: found {k}; allowed: at most {samples} (the number of {sample}s)")
            }
            None if samples < 2 => format!("{}: one {sample} cannot be clustered", subject.data),
            None => format!(
                "{}: {} are too few for the usual {k} clusters; give fewer with --k",
                subject.data,
                counted(samples, sample)
            ),
        };
        return Err(UsageError(text).into());
    }
    let chosen = clustering::chosen(&subject, k)?;
    if chosen.len() < samples {
        terminal::note(&format!(
            "note: using {} of the {samples} {sample}s, drawn with the run's seed",
            chosen.len()
        ));
    }
    if subject.test.labels().is_none() {
        terminal::note(&format!(
            "note: these {sample}s have no labels, so only the silhouette is measured, and not \
             accuracy, nmi and ari"
        ));
    }
    let pca = analysed::own_pca(&subject, code_size)?;
    let display = Display::new(args.output.quiet, clustering::steps(pca.is_some()), 0);
    let smooth = args.smooth;
    let watch = |progress| display.show(progress);
    let options = Options { k, smooth };
    let found = clustering::cluster(&subject, &chosen, options, pca.as_ref(), watch)?;
    display.finish();
    let is_picture = subject.test.fields().is_none();
    if is_picture {
        page::write(&subject, &chosen, &found)?;
    }
    let report = &found.report;
    if !args.output.json {
        terminal::note(&about(report, sample));
    }
    let values = subject.test.shape().iter().product();
    let (run, table) = (
        &subject.loaded.run,
        table(report, &kind, form.raw(), values),
    );
    analysed::finish(run, "cluster", report, &table, args.output.json)?;
    if !args.output.json && !report.clusters.is_empty() {
        terminal::print(&contents(report))?;
    }
    if !is_picture {
        display.line(&format!("results in {}: analysis/cluster.json", report.run));
        return Ok(DONE);
    }
    display.line(&format!(
        "results in {}: analysis/cluster.json, analysis/cluster.png (one row per cluster: its \
         decoded centre, then pictures from the nearest to the farthest)",
        report.run
    ));
    Ok(DONE)
}

/// What was clustered, and how.
fn about(report: &Report, sample: &str) -> String {
    format!(
        "{} on {} of {}: k-means with k = {}, mean of {SEEDS} seeds ± standard deviation{}{}",
        report.run,
        counted(report.images, sample),
        report.data,
        report.k,
        match report.smooth {
            0 => String::new(),
            rounds => format!(
                ", after {} of smoothing over {NEIGHBOURS} neighbours",
                counted(rounds.into(), "round")
            ),
        },
        if report.silhouette_images < report.images {
            format!(
                ", silhouette on {}",
                counted(report.silhouette_images, sample)
            )
        } else {
            String::new()
        }
    )
}

/// A line for each cluster, largest first: what is in it.
fn contents(report: &Report) -> String {
    let line = |(place, content): (usize, &Content)| {
        let classes: Vec<String> = (content.classes.iter())
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let line = format!("cluster {}: {}", place + 1, classes.join(", "));
        terminal::one_line(&line).into_owned()
    };
    let lines: Vec<String> = report.clusters.iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn table(report: &Report, kind: &str, raw: &str, values: usize) -> crate::table::Table {
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
        row(format!("{raw}, {values}"), &report.baselines.raw),
    ];
    if let Some(pca) = &report.baselines.pca {
        let components = report.code_size.min(values);
        rows.push(row(format!("PCA, {components}"), pca));
    }
    let header = ["k-means on", "accuracy", "nmi", "ari", "silhouette"];
    analysed::table(&header, rows)
}
