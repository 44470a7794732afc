//! Evaluation: a trained model's figures on its test images or on other data, together with the
//! baselines.

use std::sync::Arc;

use anyhow::Result;
use data::{Batches, Columns, Entries, Images, TableFile, counted};
use serde::Serialize;

use super::{DONE, Loaded, UsageError};
use crate::cli::{EvaluateArgs, Part};
use crate::commands::opened;
use crate::commands::own_images;
use crate::{input, output, terminal};
use hourglass::fields::Form;
use hourglass::measure::evaluation::{self, CodeUse};
use hourglass::measure::frames::{self, FrameError};
use hourglass::measure::metrics::{Column, Figures};
use hourglass::measure::restoration::{Baselines, Restoration};
use hourglass::measure::summary::{self, Course, Measured, Summary};
use hourglass::run::environment::Environment;
use hourglass::setup::Setup;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    images: usize,
    kind: String,
    code_size: usize,
    test: Figures,
    code: CodeUse,
    baselines: Option<evaluation::Baselines>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restoration: Option<Restoration>,
    /// The error of each column, if the data are a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<Column>>,
}

pub fn run(args: &EvaluateArgs) -> Result<u8> {
    if let Some(path) = &args.frames {
        output::check_new(path, args.backend.force)?;
    }
    let loaded = opened(&args.run, &args.backend)?;
    if args.frames.is_some() && loaded.meta.clips().is_none() {
        let run = loaded.run.folder().display();
        let text = format!("--frames: {run} was not trained on videos; leave it out");
        return Err(UsageError(text).into());
    }
    let (shape, run) = (loaded.meta.input_shape, loaded.run.clone());
    let report = measured(args, loaded)?;
    if args.json {
        terminal::print_json(&report)?;
        return Ok(DONE);
    }
    let form = Form::of(report.test.r2.is_some(), shape);
    terminal::note(&format!(
        "{} on {} of {}",
        report.run,
        counted(report.images, form.sample()),
        report.data
    ));
    // What a training should have done otherwise shows on its own test images alone.
    let course: Option<Course> = match args.data {
        Some(_) => None,
        None => (run.read_json::<Summary>("summary.json").ok()).and_then(|it| it.course),
    };
    let measured = Measured {
        kind: &report.kind,
        shape,
        code_size: report.code_size,
        on: match args.data {
            Some(_) => match form {
                Form::Pictures | Form::Clips => "these images",
                Form::Table => "these rows",
                Form::Series => "these windows",
            },
            None => summary::on_test(&report.test, shape),
        },
        figures: &report.test,
        code: &report.code,
        baselines: report.baselines.as_ref(),
        restoration: report.restoration.as_ref(),
        course: course.as_ref(),
    };
    let mut text = measured.table(terminal::width());
    if let Some(columns) = &report.columns {
        text += &columns_table(columns);
    }
    terminal::say(&text)?;
    Ok(DONE)
}

/// The error of each column of a table, as text.
fn columns_table(columns: &[Column]) -> String {
    let longest = columns.iter().map(|it| it.name.chars().count()).max();
    let width = longest.unwrap_or(0).max(Column::HEADINGS[0].len());
    let rows = std::iter::once(Column::HEADINGS.map(String::from));
    let lines = rows.chain(columns.iter().map(Column::cells));
    lines
        .map(|[name, rmse, accuracy, r2]| {
            format!("\n{name:width$}  {rmse:>12}  {accuracy:>8}  {r2:>7}")
        })
        .collect()
}

/// The figures of a run's model, and of what it is compared with.
fn measured(args: &EvaluateArgs, loaded: Loaded) -> Result<Report> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => {
            loaded.run.check_trained_here()?;
            loaded.run.read_json::<Environment>("env.json")?.dataset
        }
    };
    let (test, setup) = images(args, &loaded)?;
    let Loaded {
        run,
        model,
        device,
        meta,
    } = loaded;
    let on_host = setup.as_ref().is_none_or(|setup| setup.backend.on_host);
    let batches = Batches::new(Arc::clone(&test), &device, !on_host);
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let beside = match &setup {
        // A baseline's filter would reach from one frame of a clip into the next.
        _ if !model.is_denoising() || test.fields().is_some() || test.frames() > 1 => None,
        Some(setup) => Some(Baselines::choose(&model, setup)?),
        None => {
            let summary = run.read_if_there::<Summary>("summary.json")?;
            let found = summary.and_then(|summary| summary.restoration);
            Some(Baselines::set_as(model.corruptions(), found.as_ref()))
        }
    };
    if let Some(path) = &args.frames {
        let errors = frames::by_frame(&model, &batches, test.clips(), meta.seed)?;
        output::write_table(path, TableFile::Csv, &table(&errors.unwrap_or_default()))?;
        terminal::note(&format!("{}: the error of each frame", path.display()));
    }
    let found = evaluation::evaluate(&model, &batches, &all, meta.seed, true, beside.as_ref())?;
    let code_size = meta.layers()?.code_size();
    let baselines = match &setup {
        Some(setup) => Some(evaluation::baselines(
            &setup.train,
            &test,
            code_size,
            found.corrupted.as_ref(),
            None,
        )?),
        None => None,
    };
    Ok(Report {
        run: run.folder().display().to_string(),
        data,
        images: test.len(),
        kind: meta.model.kind(),
        code_size,
        test: found.figures,
        code: found.code,
        baselines,
        restoration: found.restoration,
        columns: found.columns,
    })
}

/// A row for each frame.
fn table(errors: &[FrameError]) -> Columns {
    let whole = |of: fn(&FrameError) -> usize| {
        Entries::Whole(errors.iter().map(|it| i64::try_from(of(it)).ok()).collect())
    };
    let mut table = Columns::new();
    let videos = errors.iter().map(|it| Some(it.video.clone()));
    table.add("video", Entries::Texts(videos.collect()));
    table.add("frame", whole(|it| it.frame));
    table.add(
        "mse",
        Entries::Numbers(errors.iter().map(|it| it.mse).collect()),
    );
    table.add("clips", whole(|it| it.clips));
    table
}

/// The images to measure on, with the run's own if they could be loaded.
fn images(args: &EvaluateArgs, loaded: &Loaded) -> Result<(Arc<Images>, Option<Setup>)> {
    let setup = own_images(&loaded.run, &args.backend);
    let Some(spec) = &args.data else {
        let setup = setup?;
        return Ok((Arc::clone(&setup.test), Some(setup)));
    };
    let images = input::read("--data", spec, Part::Test, &loaded.meta, args.strict)?;
    match &setup {
        Ok(setup) => input::warn_trained_on(spec, &images, &setup.train),
        Err(error) => terminal::note(&format!(
            "note: baselines skipped: the run's images could not be loaded: {error:#}"
        )),
    }
    Ok((Arc::new(images), setup.ok()))
}
