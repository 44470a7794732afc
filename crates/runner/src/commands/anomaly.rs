//! Anomaly detection: scores pictures by their reconstruction error, measured on normal pictures and
//! on others.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use data::counted;
use hourglass::Loaded;
use hourglass::analysis::anomaly::PREPROCESSING;
use hourglass::analysis::anomaly::Score;
use hourglass::analysis::detection::{Detection, Errors, Found, Pictures, Report};
use hourglass::analysis::subject::Subject;

use super::{DONE, UsageError, analysed, one_class, opened};
use crate::cli::{AnomalyArgs, Part, RunArg, RunsArg};
use crate::input;
use crate::progress::Display;
use crate::terminal;

mod page;

pub fn run(args: &AnomalyArgs) -> Result<u8> {
    if args.one_class {
        return one_class::run(args);
    }
    if !args.set.is_empty() || args.quick || args.name.is_some() {
        let text = "--set, --quick and --name change a training, so they need --one-class";
        return Err(UsageError(text.into()).into());
    }
    let Some(score) = args.score.of_error() else {
        let text = format!(
            "--score {}: needs --one-class here; hourglass score has it for a run and its samples",
            args.score.name()
        );
        return Err(UsageError(text).into());
    };
    let run = run_arg(args, &args.target);
    let subject = analysed::open(&run, &args.backend, args.normal.as_ref(), args.strict)?;
    let (pictures, found, display) = measured(args, score, &subject)?;
    page::write(&subject, &pictures, &found)?;
    let (report, json) = (&found.report, args.output.json);
    if !json {
        note(report, pictures.held.indices.len());
    }
    analysed::finish(&subject.loaded.run, "anomaly", report, &table(report), json)?;
    if !json {
        terminal::say(&format!(
            "threshold {:.6}, the {} quantile of {}: {:.2} % false alarms, {:.2} % of the others detected",
            report.threshold,
            report.quantile,
            report.threshold_from,
            report.false_alarm_rate * 100.0,
            report.detection_rate * 100.0
        ))?;
    }
    display.line(&format!(
        "results in {}: analysis/anomaly.json, analysis/anomaly.png (lowest scores above, highest \
         below; each with picture, reconstruction, error per pixel)",
        report.run
    ));
    Ok(DONE)
}

/// The pictures that are scored, and what was found; with the display that showed how far it was.
fn measured(
    args: &AnomalyArgs,
    score: Score,
    subject: &Subject,
) -> Result<(Pictures, Found, Display)> {
    let (_, code_size) = subject.kind_and_code_size()?;
    let meta = &subject.loaded.meta;
    let read = |part| match &args.other {
        Some(other) => input::read("--other", other, part, meta, args.strict).map(Some),
        None => Ok(None),
    };
    let (pictures, normal, other) = match (read(Part::Test)?, &args.other) {
        (Some(others), Some(other)) => {
            if let Some(setup) = &subject.setup {
                input::warn_trained_on(other, &others, &setup.train);
            }
            let pictures = Pictures::of(subject, Arc::new(others))?;
            (pictures, subject.data.clone(), other.clone())
        }
        _ => by_class(subject)?,
    };
    let other_run = match &args.other_run {
        Some(name) => Some(beside(args, name, meta.input_shape)?),
        None => None,
    };
    let display = Display::new(args.output.quiet, Detection::STEPS, 0);
    display.message("PCA".into());
    let pca = analysed::own_pca(subject, code_size)?;
    // Fitted only on pictures that are not scored.
    let pca_of_other = match read(Part::Train)? {
        Some(train) if train.values() != pictures.other.images.values() => {
            analysed::pca(&train, code_size)?
        }
        _ => None,
    };
    display.message("scoring".into());
    let detection = Detection {
        subject,
        pictures: &pictures,
        normal: &normal,
        other: &other,
        other_run: other_run.as_ref(),
        pca: pca.as_ref(),
        pca_of_other: pca_of_other.as_ref(),
        score,
        quantile: args.quantile,
    };
    let found = detection.measure(|done| display.step(done))?;
    display.finish();
    Ok((pictures, found, display))
}

/// The pictures of the class that the run was trained on and those of all other classes, and what both are called.
fn by_class(subject: &Subject) -> Result<(Pictures, String, String)> {
    let Some(label) = subject.normal_class() else {
        let text = "--other: missing; give pictures of another kind, such as a folder, or use --one-class with a \
                    config";
        return Err(UsageError(text.into()).into());
    };
    let name = |words: &str| format!("{} ({words})", subject.data);
    let class = subject.test.class_name(label);
    let pictures = Pictures::by_class(subject, label)?;
    Ok((pictures, name(&class), name("all other classes")))
}

/// Notes what was scored, and whether so many `held` pictures are too few to set the threshold.
fn note(report: &Report, held: usize) {
    terminal::note(&format!(
        "{}: {} of {}, {} of {}; {PREPROCESSING}; score: {}",
        report.run,
        counted(report.normal_images, "normal picture"),
        report.normal,
        counted(report.other_images, "other"),
        report.other,
        report.score
    ));
    if let Some(reason) = too_few(held, "picture", report.quantile) {
        terminal::note(&format!(
            "warning: {} {} the threshold, too few for the {} quantile: {reason}; give more normal pictures or a \
             lower --quantile",
            counted(held, "picture"),
            if held == 1 { "sets" } else { "set" },
            report.quantile
        ));
    }
}

/// Why so few samples have no such quantile, because less than one of them would lie above it; `what` is one of them.
pub fn too_few(samples: usize, what: &str, quantile: f64) -> Option<String> {
    let above = 1.0 - quantile;
    let few = above > 0.0 && samples as f64 * above < 0.999;
    few.then(|| {
        format!(
            "the {quantile} quantile of {} is the largest score among them; {:.0} or more would have one",
            counted(samples, what),
            (1.0 / above).ceil()
        )
    })
}

/// A run in the folder that the command line names.
fn run_arg(args: &AnomalyArgs, name: &Path) -> RunArg {
    RunArg {
        name: name.to_owned(),
        runs: RunsArg {
            runs: args.runs.runs.clone(),
        },
    }
}

/// The run trained on the other kind of pictures.
fn beside(args: &AnomalyArgs, name: &Path, shape: model::ImageShape) -> Result<Loaded> {
    let beside = opened(&run_arg(args, name), &args.backend)?;
    if beside.meta.input_shape != shape {
        bail!(
            "{}: is a model for pictures of {:?}, but {shape:?} is needed, as for {}",
            name.display(),
            beside.meta.input_shape,
            args.target.display()
        );
    }
    Ok(beside)
}

fn table(report: &Report) -> crate::table::Table {
    let row = |name: String, auroc: Option<f64>, auprc: Option<f64>, errors: Option<Errors>| {
        let error = |pick: fn(Errors) -> f64| {
            errors.map_or_else(|| "-".into(), |errors| format!("{:.6}", pick(errors)))
        };
        vec![
            name,
            analysed::figure(auroc),
            analysed::figure(auprc),
            error(|it| it.normal),
            error(|it| it.other),
        ]
    };
    let (code, errors) = (report.code_size, &report.errors);
    let model = Some(errors.model);
    let mut rows = vec![row(
        format!("model, code {code}"),
        report.auroc,
        report.auprc,
        model,
    )];
    if let Some(pca) = report.baselines.pca {
        rows.push(row(
            format!("PCA, code {code}"),
            pca.auroc,
            pca.auprc,
            errors.pca,
        ));
    }
    if errors.model_of_other.is_some() {
        let name = "model trained on the others".into();
        rows.push(row(name, None, None, errors.model_of_other));
    }
    if errors.pca_of_other.is_some() {
        let name = "PCA fitted on the others".into();
        rows.push(row(name, None, None, errors.pca_of_other));
    }
    rows.extend(report.kinds.iter().map(|kind| {
        let name = format!("{}, {}", kind.class, counted(kind.images, "picture"));
        let name = terminal::one_line(&name).into_owned();
        let errors = Errors {
            normal: errors.model.normal,
            other: kind.error,
        };
        row(name, kind.auroc, kind.auprc, Some(errors))
    }));
    let header = ["score", "auroc", "auprc", "mse of normal", "mse of others"];
    analysed::table(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_pictures_above_it() {
        let text = "the 0.99 quantile of 1 picture is the largest score among them; 100 or more would have one";
        assert_eq!(too_few(1, "picture", 0.99).as_deref(), Some(text));
        assert!(too_few(99, "picture", 0.99).is_some());
        for (pictures, quantile) in [(100, 0.99), (2, 0.5), (1, 1.0), (10, 0.9)] {
            assert_eq!(
                too_few(pictures, "picture", quantile),
                None,
                "{pictures} {quantile}"
            );
        }
    }
}
