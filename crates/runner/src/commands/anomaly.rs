//! Anomaly detection: scores pictures by their reconstruction error, measured on normal pictures and
//! on others.

use std::sync::Arc;

use anyhow::{Result, bail};
use data::{Batches, Images};
use serde::Serialize;

use super::analysed::{self, Analysed};
use super::{DONE, Loaded, UsageError, one_class};
use crate::cli::{AnomalyArgs, Part, RunArg, RunsArg};
use crate::commands::opened;
use crate::input;
use crate::progress::Display;
use crate::terminal;
use hourglass::analysis::anomaly::{PREPROCESSING, Score, squared_errors};
use hourglass::analysis::random::sample;
use hourglass::analysis::roc::{auroc, average_precision, quantile, share_above};
use hourglass::batched::values;
use hourglass::measure::pca::Pca;
use hourglass::pictures;
use hourglass::streams::Stream;

/// Number of lowest-scoring and of highest-scoring pictures on the page.
const PICTURES: usize = 12;

/// The same measurements with other scores or other training pictures.
#[derive(Clone, Copy, Debug, Serialize)]
struct Baseline {
    auroc: Option<f64>,
    auprc: Option<f64>,
}

/// Mean squared error per value, mean over pictures.
#[derive(Clone, Copy, Debug, Serialize)]
struct Errors {
    normal: f64,
    other: f64,
}

#[derive(Debug, Serialize)]
struct AllErrors {
    model: Errors,
    /// The model trained on pictures like the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_of_other: Option<Errors>,
    /// PCA of the same code size, fitted on the run's training pictures.
    pca: Option<Errors>,
    /// The same fitted on the training part of the other pictures, if they have one.
    pca_of_other: Option<Errors>,
}

#[derive(Debug, Serialize)]
struct Baselines {
    pca: Option<Baseline>,
}

/// `analysis/anomaly.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    normal: String,
    other: String,
    normal_images: usize,
    other_images: usize,
    code_size: usize,
    auroc: Option<f64>,
    auprc: Option<f64>,
    quantile: f64,
    threshold: f64,
    /// The pictures that the threshold was set on.
    threshold_from: String,
    /// `mse` or `relative`.
    score: &'static str,
    /// Share of the normal pictures above the threshold.
    false_alarm_rate: f64,
    /// Share of the others above it.
    detection_rate: f64,
    preprocessing: &'static str,
    errors: AllErrors,
    baselines: Baselines,
}

pub fn run(args: &AnomalyArgs) -> Result<u8> {
    if args.one_class {
        return one_class::run(args);
    }
    let Some(other_spec) = &args.other else {
        let text = "--other: missing; give pictures of another kind, such as a folder, or use \
                    --one-class with a config";
        return Err(UsageError(text.into()).into());
    };
    if !args.set.is_empty() || args.quick || args.name.is_some() {
        let text = "--set, --quick and --name change a training, so they need --one-class";
        return Err(UsageError(text.into()).into());
    }
    let run = RunArg {
        name: args.target.clone(),
        runs: RunsArg {
            runs: args.runs.runs.clone(),
        },
    };
    let subject = Analysed::open(&run, &args.backend, args.normal.as_ref())?;
    let (_, code_size) = subject.kind_and_code_size()?;
    let loaded = &subject.loaded;
    let (shape, seed) = (loaded.meta.input_shape, loaded.meta.seed);
    let other = Arc::new(input::read("--other", other_spec, Part::Test, shape, seed)?);
    let display = Display::new(args.output.quiet, 4, 0);
    let (normal, held, threshold_from) = normal_and_held(&subject)?;

    display.message("scoring".into());
    let errors_of = |loaded: &Loaded, images: &Arc<Images>, indices: &[u32]| {
        squared_errors(&loaded.model, &loaded.device, images, indices)
    };
    let (held_images, held_indices) = &held;
    let score = Score::from(args.score);
    let held_errors = errors_of(loaded, held_images, held_indices)?;
    let held_scores = score.of(&held_errors, held_images, held_indices);
    display.step(1);
    let normal_errors = errors_of(loaded, &subject.test, &normal)?;
    let normal_scores = score.of(&normal_errors, &subject.test, &normal);
    display.step(2);
    let others: Vec<u32> = (0..other.len() as u32).collect();
    let other_errors = errors_of(loaded, &other, &others)?;
    let other_scores = score.of(&other_errors, &other, &others);
    let by_other_run = match &args.other_run {
        Some(name) => {
            let run = RunArg {
                name: name.clone(),
                runs: RunsArg {
                    runs: args.runs.runs.clone(),
                },
            };
            let beside = opened(&run, &args.backend)?;
            if beside.meta.input_shape != shape {
                bail!(
                    "{}: is a model for pictures of {:?}, but {shape:?} is needed, as for {}",
                    name.display(),
                    beside.meta.input_shape,
                    args.target.display()
                );
            }
            Some([
                errors_of(&beside, &subject.test, &normal)?,
                errors_of(&beside, &other, &others)?,
            ])
        }
        None => None,
    };
    display.step(3);
    let Some(threshold) = quantile(&held_scores, args.quantile) else {
        bail!("{}: no pictures left to set the threshold", subject.data);
    };
    display.message("PCA".into());
    let normal_pixels = pixels(&subject.test, &normal);
    let own = subject.pca(code_size)?;
    let of_other = other_train(other_spec, &other, &subject)?;
    let of_other = match of_other {
        Some(train) => analysed::pca(&train, code_size)?,
        None => None,
    };
    let by_pca = |pca: &Option<Pca>| -> Result<Option<[Vec<f64>; 2]>> {
        Ok(match pca {
            Some(pca) => Some([pca.errors(&normal_pixels)?, pca.errors(other.pixels())?]),
            None => None,
        })
    };
    let (own, of_other) = (by_pca(&own)?, by_pca(&of_other)?);
    let values: usize = shape.iter().product();
    let errors = |[normal, other]: &[Vec<f64>; 2]| Errors {
        normal: mean(normal) / values as f64,
        other: mean(other) / values as f64,
    };
    display.finish();
    page(&subject, (&normal, &normal_scores), (&other, &other_scores))?;
    let report = Report {
        run: subject.name(),
        normal: subject.data.clone(),
        other: other_spec.clone(),
        normal_images: normal.len(),
        other_images: other.len(),
        code_size,
        auroc: auroc(&normal_scores, &other_scores),
        auprc: average_precision(&normal_scores, &other_scores),
        quantile: args.quantile,
        threshold,
        threshold_from,
        score: score.name(),
        false_alarm_rate: share_above(&normal_scores, threshold),
        detection_rate: share_above(&other_scores, threshold),
        preprocessing: PREPROCESSING,
        errors: AllErrors {
            model: errors(&[normal_errors, other_errors]),
            model_of_other: by_other_run.as_ref().map(errors),
            pca: own.as_ref().map(errors),
            pca_of_other: of_other.as_ref().map(errors),
        },
        baselines: Baselines {
            pca: own.map(|[normal_errors, other_errors]| {
                let normal = score.of(&normal_errors, &subject.test, &normal);
                let other = score.of(&other_errors, &other, &others);
                Baseline {
                    auroc: auroc(&normal, &other),
                    auprc: average_precision(&normal, &other),
                }
            }),
        },
    };
    let (run, json) = (&loaded.run, args.output.json);
    if !json {
        terminal::note(&format!(
            "{}: {} normal pictures of {}, {} others of {}; {PREPROCESSING}; score: {}",
            report.run,
            report.normal_images,
            report.normal,
            report.other_images,
            report.other,
            report.score
        ));
    }
    analysed::finish(run, "anomaly", &report, &table(&report), json)?;
    if !json {
        terminal::print(&format!(
            "threshold {threshold:.6}, the {} quantile of {}: {:.2} % false alarms, {:.2} % of the \
             others detected",
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

/// Images, and which of them.
type Chosen = (Arc<Images>, Vec<u32>);

/// The normal pictures to score, and those that set the threshold, also in words: the run's
/// validation split if the normal pictures are its own, else half of them.
fn normal_and_held(subject: &Analysed) -> Result<(Vec<u32>, Chosen, String)> {
    let test = &subject.test;
    if let Some(setup) = &subject.setup
        && !setup.split.validation.is_empty()
        && setup.test.pixels() == test.pixels()
    {
        let all = (0..test.len() as u32).collect();
        let held = setup.split.validation.clone();
        let words = format!("the run's {} validation pictures", held.len());
        return Ok((all, (Arc::clone(&setup.train), held), words));
    }
    if test.len() < 2 {
        bail!(
            "{}: found 1 picture; at least 2 are needed, because one half sets the threshold and \
             the other is scored",
            subject.data
        );
    }
    let seed = Stream::Analysis.seed(subject.loaded.meta.seed, 0);
    let held = sample(test.len(), test.len() / 2, seed);
    let rest = (0..test.len() as u32).filter(|index| held.binary_search(index).is_err());
    let words = format!("half of the normal pictures, {}", held.len());
    Ok((rest.collect(), (Arc::clone(test), held), words))
}

/// The training part of the other pictures, if that is not the part that is scored.
fn other_train(spec: &str, test: &Images, subject: &Analysed) -> Result<Option<Images>> {
    let meta = &subject.loaded.meta;
    let train = input::read("--other", spec, Part::Train, meta.input_shape, meta.seed)?;
    Ok((train.pixels() != test.pixels()).then_some(train))
}

/// The pixels of the images at `indices`.
fn pixels(images: &Images, indices: &[u32]) -> Vec<u8> {
    let images = indices
        .iter()
        .filter_map(|&index| images.image(index as usize));
    images.flatten().copied().collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len() as f64).max(1.0)
}

/// `analysis/anomaly.png`: the pictures with the lowest scores above those with the highest, each
/// over its reconstruction and its errors.
fn page(
    subject: &Analysed,
    (normal, normal_scores): (&[u32], &[f64]),
    (other, other_scores): (&Arc<Images>, &[f64]),
) -> Result<()> {
    let mut all: Vec<(f64, &Arc<Images>, u32)> = Vec::new();
    let normal = normal.iter().zip(normal_scores);
    all.extend(normal.map(|(&index, &score)| (score, &subject.test, index)));
    all.extend(
        (0..)
            .zip(other_scores)
            .map(|(index, &score)| (score, other, index)),
    );
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let shown = PICTURES.min(all.len());
    let ordinary = all.iter().take(shown);
    let strangest = all.iter().rev().take(shown);
    let [channels, height, width] = subject.test.shape();
    let mut rows: Vec<Vec<Vec<f32>>> = Vec::new();
    for group in [ordinary.collect::<Vec<_>>(), strangest.collect()] {
        let mut three = [Vec::new(), Vec::new(), Vec::new()];
        for (_, images, index) in group {
            let loaded = &subject.loaded;
            let batches = Batches::new(Arc::clone(images), &loaded.device, false);
            let input = batches.gather(&[*index])?;
            let model = &loaded.model;
            let restored = values(model.forward(model.clean_input(input.clone())))?;
            let input = values(input)?;
            let [inputs, outputs, heats] = &mut three;
            heats.push(heat_map(&input, &restored, channels));
            inputs.push(colour(&input, channels));
            outputs.push(colour(&restored, channels));
        }
        rows.extend(three);
    }
    let rows: Vec<Vec<&[f32]>> = rows
        .iter()
        .map(|row| row.iter().map(Vec::as_slice).collect())
        .collect();
    let file = analysed::file(&subject.loaded.run, "anomaly.png")?;
    Ok(pictures::grid(&rows, [3, height, width], &file)?)
}

/// A picture of one or three channels, [channels, height, width], as a picture of three.
fn colour(picture: &[f32], channels: usize) -> Vec<f32> {
    if channels == 1 {
        picture.repeat(3)
    } else {
        picture.to_vec()
    }
}

/// The absolute error of each pixel, mean over its channels, as a picture [3, height, width]: black
/// for 0, then red and yellow, white for 1.
fn heat_map(input: &[f32], restored: &[f32], channels: usize) -> Vec<f32> {
    let pixels = input.len() / channels.max(1);
    let mut heat = vec![0f32; pixels];
    let planes = input.chunks_exact(pixels.max(1));
    for (input, restored) in planes.zip(restored.chunks_exact(pixels.max(1))) {
        for ((heat, x), y) in heat.iter_mut().zip(input).zip(restored) {
            *heat += (x - y).abs() / channels as f32;
        }
    }
    // Red rises over the first third, green over the second, blue over the last.
    (0..3)
        .flat_map(|third| {
            heat.iter()
                .map(move |heat| (3.0 * heat - third as f32).clamp(0.0, 1.0))
        })
        .collect()
}

fn table(report: &Report) -> comfy_table::Table {
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
    let header = ["score", "auroc", "auprc", "mse of normal", "mse of others"];
    analysed::table(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_score_is_the_squared_error_over_the_norm() {
        // Norms 2 (four white pixels), 1 (one) and 0; the last counts as 1.
        let pixels = [[255; 4], [0, 255, 0, 0], [0; 4]].concat();
        let images = Images::new(pixels, [1, 2, 2]).unwrap();
        let errors = [8.0, 0.5, 0.25];
        let scores = Score::Relative.of(&errors, &images, &[0, 1, 2]);
        assert_eq!(scores, [4.0, 0.5, 0.25]);
        assert_eq!(
            Score::Mse.of(&errors, &images, &[0, 1, 2]),
            [2.0, 0.125, 0.0625]
        );
        assert_eq!(Score::Relative.of(&[3.0], &images, &[0]), [1.5]);
    }

    #[test]
    fn heat_goes_from_black_over_red_and_yellow_to_white() {
        let heat = heat_map(
            &[0.0, 1.0, 0.0, 0.5],
            &[0.0, 0.0, 1.0 / 3.0, 0.5 + 2.0 / 3.0],
            1,
        );
        let near = |found: f32, known: f32| assert!((found - known).abs() < 1e-5, "{heat:?}");
        let known = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        heat.iter()
            .zip(known)
            .for_each(|(found, known)| near(*found, known));
        // Of three channels the mean.
        let heat = heat_map(&[1.0, 0.0, 0.0], &[0.0; 3], 3);
        assert!((heat[0] - 1.0).abs() < 1e-5 && heat[1] < 1e-5, "{heat:?}");
    }
}
