//! Plots of the code: scatter charts of the pictures' codes, statistics of its units, decoded walks
//! and grids, and the filters of the first layer.

mod activity;
mod codes;
mod decoded;
mod files;
mod filters;
mod report;

use std::path::Path;

use anyhow::Result;
use data::counted;
use files::{Files, stems};
use report::{Drawn, Shown, TsneFigures, table};

pub use decoded::Plane;

use super::analysed;
use super::{DONE, only_pictures};
use crate::cli::PlotArgs;
use crate::progress::Display;
use crate::terminal;
use hourglass::analysis::features::{Features, MOST_VALUES};
use hourglass::analysis::principal::Principal;
use hourglass::analysis::random::sample;
use hourglass::analysis::subject::Subject;
use hourglass::analysis::tsne;
use hourglass::analysis::units::{Unit, units};
use hourglass::batched::BATCH;
use hourglass::streams::Stream;

/// The most pictures in a scatter chart: more would overlap, and t-SNE would take long.
const MOST_POINTS: usize = 4000;

/// Progress steps besides encoding and t-SNE: one per other chart.
const CHARTS: usize = 4;

/// What every plot is drawn from.
struct Study<'a> {
    subject: &'a Subject,
    /// The run's name, used in titles.
    name: String,
    /// Indices of the pictures in the data.
    chosen: Vec<u32>,
    /// One row per picture in `chosen`.
    codes: Features,
    units: Vec<Unit>,
    /// Their labels, if there are any.
    labels: Option<Vec<u8>>,
    seed: u64,
}

pub fn run(args: &PlotArgs) -> Result<u8> {
    let subject = analysed::open(&args.run, &args.backend, args.data.as_ref(), args.strict)?;
    only_pictures(&subject.loaded, "plot")?;
    let (kind, _) = subject.kind_and_code_size()?;
    let (study, progress) = Study::of(&subject, args.output.quiet)?;
    let mut files = Files::new(&subject.loaded.run)?;
    let drawn = study.draw(&mut files, &progress)?;
    progress.display.finish();
    let report = study.report(drawn, files.finish()?);
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} of {}: a unit is active for a picture if it exceeds 1 % of its own \
             largest value, and dead if it is never active or the same for all pictures",
            report.run,
            counted(report.images, "picture"),
            report.data
        ));
    }
    let (run, table) = (&subject.loaded.run, table(&report, &kind));
    analysed::finish(run, "plot", &report, &table, args.output.json)?;
    progress.display.line(&format!(
        "results in {}: analysis/plot.json, and in analysis/plot as svg and png: {}",
        run.folder().display(),
        stems(&report.files).join(", ")
    ));
    Ok(DONE)
}

/// How far the plots are.
struct Progress {
    display: Display,
    /// Steps of encoding, which come first.
    batches: usize,
}

impl Progress {
    /// The chart of this number and name is drawn, after the scatter charts.
    fn next(&self, chart: usize, name: &str) {
        self.display.message(name.into());
        self.display.step(self.batches + tsne::STEPS + chart);
    }
}

impl<'a> Study<'a> {
    /// Encodes the subject's pictures, or as many of them as fit into memory, drawn with the run's seed.
    fn of(subject: &'a Subject, quiet: bool) -> Result<(Self, Progress)> {
        let (_, code_size) = subject.kind_and_code_size()?;
        let (loaded, test) = (&subject.loaded, &subject.test);
        let seed = loaded.meta.seed;
        let most = (MOST_VALUES / code_size.max(1)).max(1);
        let chosen = sample(test.len(), most, Stream::Analysis.seed(seed, 0));
        if chosen.len() < test.len() {
            terminal::note(&format!(
                "note: using {} of {}, drawn with the run's seed",
                chosen.len(),
                counted(test.len(), "picture")
            ));
        }
        let batches = chosen.len().div_ceil(BATCH);
        let display = Display::new(quiet, batches + tsne::STEPS + CHARTS, 0);
        display.message("encoding".into());
        let (model, device) = (&loaded.model, &loaded.device);
        let codes = Features::encoded(model, device, test, &chosen, model.depth(), |images| {
            display.step(images.div_ceil(BATCH));
        })?;
        let study = Study {
            name: short_name(loaded.run.folder()),
            labels: labels(subject, &chosen),
            units: units(&codes),
            subject,
            chosen,
            codes,
            seed,
        };
        Ok((study, Progress { display, batches }))
    }

    /// Draws every chart.
    fn draw(&self, files: &mut Files, progress: &Progress) -> Result<Drawn> {
        let scattered = self.sample();
        let principal = self.principal(&scattered)?;
        let tsne = match &principal {
            Some(principal) => {
                progress.display.message("scatter charts".into());
                let step = |step| progress.display.step(progress.batches + step);
                self.scatter(principal, &scattered, files, step)?
            }
            None => {
                terminal::note("note: scatter charts skipped: all pictures have the same code");
                None
            }
        };
        progress.next(0, "units");
        self.activity(files)?;
        let (varied_units, walks) = if self.subject.loaded.model.is_residual() {
            terminal::note(&format!(
                "note: decoded pictures skipped: {}",
                model::NeedsInput
            ));
            let of = self.units.len();
            (Shown { shown: 0, of }, Vec::new())
        } else {
            let varied_units = self.varied(files)?;
            progress.next(1, "grid");
            self.grid(files)?;
            progress.next(2, "walks");
            (varied_units, self.walks(files)?)
        };
        progress.next(3, "filters");
        let filters = self.filters(files)?;
        Ok(Drawn {
            explained: principal.map_or_else(Vec::new, |it| it.explained().to_vec()),
            scattered_images: scattered.len(),
            tsne,
            walks,
            varied_units,
            filters,
        })
    }
}

/// The last part of a run's folder.
fn short_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The labels of the chosen pictures.
fn labels(subject: &Subject, chosen: &[u32]) -> Option<Vec<u8>> {
    let labels = subject.labels(chosen);
    if labels.is_none() {
        terminal::note("note: these pictures have no labels, so all are drawn in one colour");
    }
    labels
}

impl Study<'_> {
    /// The rows of the codes that scatter charts show.
    fn sample(&self) -> Vec<u32> {
        let seed = Stream::Analysis.seed(self.seed, 1);
        sample(self.codes.len(), MOST_POINTS, seed)
    }

    /// The principal components of the codes, or only of the sampled codes if the code is too wide for
    /// all.
    fn principal(&self, scattered: &[u32]) -> Result<Option<Principal>> {
        let wide = self.codes.width() > hourglass::measure::pca::LARGEST_MATRIX;
        let found = if wide {
            Principal::fit(&self.codes.select(scattered), 2)
        } else {
            Principal::fit(&self.codes, 2)
        };
        Ok(found?)
    }
}
