//! Pictures of the code: where the pictures lie in it, what its units do, what the decoder makes of
//! it, and what the first layer looks for.

mod activity;
mod codes;
mod decoded;
mod filters;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::DONE;
use super::analysed::{self, Analysed};
use crate::analysis::features::{Features, MOST_VALUES};
use crate::analysis::principal::Principal;
use crate::analysis::random::sample;
use crate::analysis::tsne;
use crate::analysis::units::{Unit, units};
use crate::cli::PlotArgs;
use crate::evaluation::BATCH;
use crate::progress::Display;
use crate::run::Run;
use crate::streams::Stream;
use crate::terminal;

/// The most pictures in a scatter chart: more lie over each other, and t-SNE takes long.
const MOST_POINTS: usize = 4000;

/// Steps of the progress, beside those of encoding and of t-SNE: the other charts.
const CHARTS: usize = 4;

/// Everything that this command may write, without the endings.
const NAMES: [&str; 8] = [
    "code", "pca", "tsne", "units", "grid", "walk", "varied", "filters",
];

/// A unit of the code over the pictures.
#[derive(Clone, Copy, Debug, Serialize)]
struct UnitFigures {
    mean: f64,
    /// Standard deviation over the pictures; 0 where there is nothing but rounding.
    deviation: f64,
    /// The share of the pictures for which it is active: its absolute value is above a hundredth of
    /// the largest that any unit has for any picture.
    active: f64,
    /// Active for no picture, or the same for all.
    dead: bool,
}

/// How t-SNE was made.
#[derive(Clone, Copy, Debug, Serialize)]
struct TsneFigures {
    images: usize,
    perplexity: usize,
}

/// How many of how many are drawn.
#[derive(Clone, Copy, Debug, Serialize)]
struct Shown {
    shown: usize,
    of: usize,
}

/// What the pictures show.
#[derive(Debug, Serialize)]
struct Drawn {
    /// The share of the codes' variance along each of the first two principal components; fewer
    /// where there are no more, none where all codes are the same.
    explained: Vec<f64>,
    /// Pictures in the scatter charts.
    scattered_images: usize,
    /// `None` where the code itself is drawn, or there is nothing to map.
    tsne: Option<TsneFigures>,
    /// Pairs of pictures, counted from 0, that the walks lead between.
    walks: Vec<[u32; 2]>,
    varied_units: Shown,
    filters: Shown,
}

/// `analysis/plot.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    images: usize,
    code_size: usize,
    /// Units that are active for no picture, or the same for all.
    dead_units: usize,
    /// Of them: active for no picture.
    never_active: usize,
    /// Of them: the same for all pictures.
    constant: usize,
    #[serde(flatten)]
    drawn: Drawn,
    /// In the order of the code.
    units: Vec<UnitFigures>,
    /// Below the run's folder.
    files: Vec<String>,
}

/// What every picture of the code is made from.
struct Study<'a> {
    subject: &'a Analysed,
    /// The run's name, for titles.
    name: String,
    /// The pictures, by their place in the data.
    chosen: Vec<u32>,
    /// A row for each of `chosen`.
    codes: Features,
    units: Vec<Unit>,
    /// Their labels, where there are any.
    labels: Option<Vec<u8>>,
    seed: u64,
}

pub fn run(args: &PlotArgs) -> Result<u8> {
    let subject = Analysed::open(&args.run, &args.backend, args.data.as_ref())?;
    let (kind, code_size) = subject.kind_and_code_size()?;
    let (loaded, test) = (&subject.loaded, &subject.test);
    let seed = loaded.meta.seed;
    let most = (MOST_VALUES / code_size.max(1)).max(1);
    let chosen = sample(test.len(), most, Stream::Analysis.seed(seed, 0));
    if chosen.len() < test.len() {
        terminal::note(&format!(
            "note: {} of the {} pictures, drawn by the run's seed",
            chosen.len(),
            test.len()
        ));
    }
    let batches = chosen.len().div_ceil(BATCH);
    let display = Display::new(args.output.quiet, batches + tsne::STEPS + CHARTS, 0);
    display.message("encoding".into());
    let (model, device) = (&loaded.model, &loaded.device);
    let codes = Features::encoded(model, device, test, &chosen, model.depth(), |images| {
        display.step(images.div_ceil(BATCH));
    })?;
    let study = Study {
        name: short_name(loaded.run.folder()),
        labels: labels(&subject, &chosen),
        units: units(&codes),
        subject: &subject,
        chosen,
        codes,
        seed,
    };
    let mut files = Files::new(&loaded.run)?;
    let scattered = study.sample();
    let principal = study.principal(&scattered)?;
    let tsne = match &principal {
        Some(principal) => {
            display.message("scatter charts".into());
            let step = |step| display.step(batches + step);
            study.scatter(principal, &scattered, &mut files, step)?
        }
        None => {
            terminal::note("note: all pictures have the same code; there is nothing to scatter");
            None
        }
    };
    let next = |chart: usize, name: &str| {
        display.message(name.into());
        display.step(batches + tsne::STEPS + chart);
    };
    next(0, "units");
    study.activity(&mut files)?;
    let varied_units = study.varied(&mut files)?;
    next(1, "grid");
    study.grid(&mut files)?;
    next(2, "walks");
    let walks = study.walks(&mut files)?;
    next(3, "filters");
    let filters = study.filters(&mut files)?;
    display.finish();
    let drawn = Drawn {
        explained: principal.map_or_else(Vec::new, |it| it.explained().to_vec()),
        scattered_images: scattered.len(),
        tsne,
        walks,
        varied_units,
        filters,
    };
    let report = study.report(drawn, files)?;
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} pictures of {}: a unit is active for a picture where it is above 1 % of the \
             largest value of all, and dead where it is active for none or the same for all",
            report.run, report.images, report.data
        ));
    }
    let table = table(&report, &kind);
    analysed::finish(&loaded.run, "plot", &report, &table, args.output.json)?;
    display.line(&format!(
        "results in {}: analysis/plot.json, and as svg and png analysis/plot/{}",
        loaded.run.folder().display(),
        stems(&report.files).join(", ")
    ));
    Ok(DONE)
}

/// The last part of a run's folder.
fn short_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The labels of the chosen pictures.
fn labels(subject: &Analysed, chosen: &[u32]) -> Option<Vec<u8>> {
    let Some(labels) = subject.test.labels() else {
        terminal::note("note: these pictures have no labels; all have one colour");
        return None;
    };
    let label = |&index: &u32| labels.get(index as usize).copied();
    Some(chosen.iter().filter_map(label).collect())
}

impl Study<'_> {
    /// The rows of the codes that scatter charts show.
    fn sample(&self) -> Vec<u32> {
        let seed = Stream::Analysis.seed(self.seed, 1);
        sample(self.codes.len(), MOST_POINTS, seed)
    }

    /// The principal components of the codes; of the sampled ones where the code is too wide for
    /// those of all.
    fn principal(&self, scattered: &[u32]) -> Result<Option<Principal>> {
        let wide = self.codes.width() > crate::pca::LARGEST_MATRIX;
        let found = if wide {
            Principal::fit(&self.codes.select(scattered), 2)
        } else {
            Principal::fit(&self.codes, 2)
        };
        Ok(found?)
    }

    fn report(&self, drawn: Drawn, files: Files<'_>) -> Result<Report> {
        let count = |is: fn(&Unit) -> bool| self.units.iter().filter(|unit| is(unit)).count();
        let figures = |unit: &Unit| UnitFigures {
            mean: unit.mean,
            deviation: unit.deviation,
            active: unit.active,
            dead: unit.is_dead(),
        };
        Ok(Report {
            run: self.subject.name(),
            data: self.subject.data.clone(),
            images: self.codes.len(),
            code_size: self.codes.width(),
            dead_units: count(Unit::is_dead),
            never_active: count(|unit| unit.active == 0.0),
            constant: count(|unit| unit.deviation == 0.0),
            drawn,
            units: self.units.iter().map(figures).collect(),
            files: files.finish()?,
        })
    }
}

/// The pictures that this command leaves in the run's folder.
struct Files<'a> {
    run: &'a Run,
    folder: PathBuf,
    written: Vec<&'static str>,
}

impl<'a> Files<'a> {
    fn new(run: &'a Run) -> Result<Self> {
        let folder = analysed::file(run, "plot")?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
        Ok(Self {
            run,
            folder,
            written: Vec::new(),
        })
    }

    /// Where a picture goes, without the ending.
    fn stem(&mut self, name: &'static str) -> PathBuf {
        self.written.push(name);
        self.folder.join(name)
    }

    /// Removes what an earlier call has left of pictures that there are no more, so that the folder
    /// never shows two states; the names of the files that there are.
    fn finish(self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for name in NAMES {
            for ending in ["png", "svg"] {
                let path = self.folder.join(name).with_extension(ending);
                if self.written.contains(&name) {
                    let below = path.strip_prefix(self.run.folder()).unwrap_or(&path);
                    files.push(below.to_string_lossy().into_owned());
                } else if path.exists() {
                    fs::remove_file(&path)
                        .with_context(|| format!("{}: cannot be removed", path.display()))?;
                }
            }
        }
        Ok(files)
    }
}

/// The files' names without folder and ending, each once.
fn stems(files: &[String]) -> Vec<String> {
    let stem = |file: &String| Some(Path::new(file).file_stem()?.to_string_lossy().into_owned());
    let mut stems: Vec<String> = files.iter().filter_map(stem).collect();
    stems.dedup();
    stems
}

fn table(report: &Report, kind: &str) -> comfy_table::Table {
    let active = report.units.iter().map(|unit| unit.active).sum::<f64>();
    let active = active / report.units.len().max(1) as f64;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let drawn = &report.drawn;
    let explained = |component: usize| drawn.explained.get(component).copied().map(percent);
    let dash = || "-".to_string();
    let tsne = drawn
        .tsne
        .map(|tsne| format!("{} pictures, perplexity {}", tsne.images, tsne.perplexity));
    let shown = |it: Shown| format!("{} of {}", it.shown, it.of);
    let rows = vec![
        ("pictures", report.images.to_string()),
        ("units active per picture", percent(active)),
        ("dead units", report.dead_units.to_string()),
        ("  never active", report.never_active.to_string()),
        ("  the same for all", report.constant.to_string()),
        (
            "variance along component 1",
            explained(0).unwrap_or_else(dash),
        ),
        (
            "variance along component 2",
            explained(1).unwrap_or_else(dash),
        ),
        ("t-SNE", tsne.unwrap_or_else(dash)),
        ("units varied alone", shown(drawn.varied_units)),
        ("filters", shown(drawn.filters)),
    ];
    let rows = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value]);
    let header = format!("{kind}, code {}", report.code_size);
    analysed::table(&[&header, "found"], rows.collect())
}
