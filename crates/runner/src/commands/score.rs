//! Scores of pictures, rows and series by how odd they are for a run, with a threshold from its validation samples and
//! the place of what is odd.

use std::collections::BTreeMap;

use anyhow::Result;
use data::{Fields, Series, counted};
use hourglass::analysis::normality::{Map, Normal, Normality, Scored, Scorer};
use hourglass::analysis::roc::quantile;
use hourglass::analysis::steps::place as place_of;
use hourglass::fields::Form;
use hourglass::pictures::{self, heat::heat};
use hourglass::streams::Stream;
use hourglass::{Error, Loaded};

use self::masks::Masks;
use self::report::{Field, Found, Place, Report, Span, Verdict};
use self::samples::{Samples, Source};
use super::{DONE, UsageError, anomaly, opened, own_images};
use crate::cli::ScoreArgs;
use crate::progress::Display;
use crate::{output, terminal};

mod columns;
mod masks;
mod report;
mod samples;
mod steps;

/// How many times the largest usual error is white on a heat map, so that what is usual stays within its first third,
/// from black to red.
const WHITE: f64 = 3.0;

pub fn run(args: &ScoreArgs) -> Result<u8> {
    let table = match &args.output {
        Some(path) => Some((path, output::asked_table(path)?)),
        None => None,
    };
    if let Some((path, _)) = table {
        output::check_new(path, args.backend.force)?;
    }
    let loaded = opened(&args.run, &args.backend)?;
    let [_, height, width] = loaded.meta.input_shape;
    let of_pictures = loaded.meta.fields.is_none();
    for (flag, asked) in [("--heatmaps", &args.heatmaps), ("--masks", &args.masks)] {
        if asked.is_some() && (!of_pictures || height * width == 1) {
            let text = format!("{flag}: is for pictures, and the run was trained on other data");
            return Err(UsageError(text).into());
        }
    }
    let of_series = loaded.meta.form() == Form::Series;
    if args.steps.is_some() && !of_series {
        let text = "--steps: is for series, and the run was trained on other data";
        return Err(UsageError(text.into()).into());
    }
    let setup = own_images(&loaded.run, &args.backend)?;
    let samples = Samples::read(args, &loaded, &setup)?;
    let mut steps = match &args.steps {
        Some(folder) => Some(steps::Writer::new(
            folder,
            &samples.series,
            args.score,
            args.backend.force,
        )?),
        None => None,
    };
    let heat_maps = match &args.heatmaps {
        Some(folder) => {
            let names: Vec<String> = samples.wholes.iter().map(|it| it.name.clone()).collect();
            output::new_pictures(folder, Some(&names), names.len(), args.backend.force)?
        }
        None => Vec::new(),
    };
    let display = Display::of(
        args.show.quiet || args.show.json,
        loaded.meta.form().whole(),
        samples.wholes.len(),
        0,
    );
    display.message("learning what is usual".into());
    let name = loaded.run.folder().display().to_string();
    let normality = Normality::learn(
        Scorer {
            model: loaded.model.clone(),
            device: loaded.device.clone(),
        },
        args.score,
        &Normal {
            images: &setup.train,
            train: &setup.split.train,
            held: &setup.split.validation,
            seed: Stream::Analysis.seed(loaded.meta.seed, 1),
        },
        loaded.meta.prepared().patch().is_some() && of_pictures,
        &name,
    )?;
    display.message("scoring".into());
    let mut masks = match &args.masks {
        Some(folder) => Some(Masks::new(folder, &loaded.meta)?),
        None => None,
    };
    if let (Some(steps), Some(names)) = (&mut steps, setup.train.names()) {
        steps.learn(&normality, names, &setup.split.validation);
    }
    let held: Vec<f64> = normality.held.iter().map(|it| it.score).collect();
    // There is a validation sample, or nothing would have been learned.
    let threshold = quantile(&held, args.quantile).unwrap_or_default();
    let windows = normality.held.iter().filter_map(|it| it.window);
    let usual = quantile(
        &windows.map(|it| it.mean).collect::<Vec<_>>(),
        args.quantile,
    );
    // Something, if the model never errs.
    let scale = (WHITE * usual.unwrap_or_default()).max(f64::MIN_POSITIVE);
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(samples.wholes.len());
    let pairs = samples.series.iter();
    let by_name: BTreeMap<&str, &Series> = pairs.map(|(name, it)| (name.as_str(), it)).collect();
    let mut before = 0;
    for (source, count) in &samples.sources {
        let (images, pieces) = source.open(&loaded.meta)?;
        let maps = args.heatmaps.is_some() || args.masks.is_some();
        normality.score(&images, &pieces, maps, |number, scored| {
            let number = before + number;
            let Some(whole) = samples.wholes.get(number) else {
                return Ok(());
            };
            let map = scored.map.as_ref().map(|map| shown(map, source));
            if let (Some(file), Some(map)) = (heat_maps.get(number), &map) {
                let [height, width] = map.size;
                let shares = map.values.iter().map(|it| (f64::from(*it) / scale) as f32);
                let colours = heat(&shares.collect::<Vec<_>>());
                pictures::save_picture(&colours, [3, height, width], file)?;
            }
            if let (Some(masks), Some(map)) = (&mut masks, &map) {
                masks.compare(whole, map, source)?;
            }
            let (series, start) = place_of(&whole.name);
            if let Some(steps) = &mut steps {
                steps.push(series, start, scored.score, &scored.steps);
            }
            let span = scored.window.filter(|_| of_series).map(|window| {
                let first = start + window.at[1];
                let last = first + window.size[1].saturating_sub(1);
                let named = by_name.get(series);
                let time = |step| named.and_then(|series| series.time(step));
                Span {
                    first_step: first,
                    last_step: last,
                    first_time: time(first),
                    last_time: time(last),
                }
            });
            verdicts.push(Verdict {
                span,
                name: whole.name.clone(),
                score: scored.score,
                odd: scored.score > threshold,
                place: place(&scored, start, &loaded).filter(|_| !of_series),
                fields: named(&scored, loaded.meta.fields.as_ref()),
                heat_map: heat_maps.get(number).cloned(),
                normal: whole.normal,
            });
            display.step(verdicts.len());
            Ok::<(), Error>(())
        })?;
        before += count;
    }
    display.finish();
    let intervals = match steps {
        Some(steps) => {
            let fields = loaded.meta.fields.iter().flat_map(|fields| &fields.0);
            let channels: Vec<&str> = fields.map(|it| it.name.as_str()).collect();
            Some(steps.finish(&samples.series, args.quantile, &channels)?)
        }
        None => None,
    };
    let report = Report::new(&Found {
        intervals,
        run: name,
        method: args.score,
        unit: loaded.meta.form().whole(),
        quantile: args.quantile,
        threshold,
        held: held.len(),
        pixels: masks.map(Masks::finish).transpose()?,
        verdicts,
    });
    if let Some((path, kind)) = table {
        output::write_table(path, kind, &columns::columns(&report))?;
    }
    tell(args, &report)?;
    Ok(DONE)
}

/// The part of a map that lies on the picture.
fn shown(map: &Map, source: &Source) -> Map {
    let [height, width] = map.size;
    let Some([tall, wide]) = source.size() else {
        return map.clone();
    };
    let (tall, wide) = (tall.min(height), wide.min(width));
    let rows = map.values.chunks_exact(width.max(1)).take(tall);
    Map {
        values: rows
            .flat_map(|row| row.iter().take(wide))
            .copied()
            .collect(),
        size: [tall, wide],
    }
}

/// Where the errors are largest.
/// `start` is the first frame of a clip in its video.
fn place(scored: &Scored, start: usize, loaded: &Loaded) -> Option<Place> {
    let window = scored.window?;
    let [_, height, width] = loaded.meta.input_shape;
    let frames = loaded.meta.clips().map(|clips| clips.frames);
    let tall = (height / frames.unwrap_or(1).max(1)).max(1);
    let (frame, top) = match frames {
        Some(_) => (Some(start + window.at[0] / tall), window.at[0] % tall),
        None => (None, window.at[0]),
    };
    Some(Place {
        frame,
        top,
        left: window.at[1],
        height: window.size[0],
        width: window.size[1],
        tile: scored.tile.map(|[top, left]| [top, left, height, width]),
    })
}

/// The columns with the largest shares of the error, by name.
fn named(scored: &Scored, fields: Option<&Fields>) -> Vec<Field> {
    // All of the error is in the only one.
    let all = fields.map(|fields| fields.0.as_slice());
    let all = all.filter(|all| all.len() > 1).unwrap_or_default();
    let named = scored.fields.iter().filter_map(|(at, share)| {
        Some(Field {
            name: all.get(*at)?.name.clone(),
            share: *share,
        })
    });
    named.collect()
}

/// Tells what was found.
fn tell(args: &ScoreArgs, report: &Report) -> Result<()> {
    if let Some(reason) = anomaly::too_few(report.held, report.unit, report.quantile) {
        terminal::note(&format!(
            "warning: {} the threshold, too few for the {} quantile: {reason}; train with a larger \
             data.validation, or give a lower --quantile",
            match report.held {
                1 => format!("1 validation {} sets", report.unit),
                held => format!("{held} validation {}s set", report.unit),
            },
            report.quantile
        ));
    }
    if args.show.json {
        return terminal::print_json(report);
    }
    terminal::print(&report.worst().text(terminal::width()))?;
    terminal::say(&format!(
        "{} of {} odd: score {} above {:.4}, the {} quantile of the run's {}",
        report.odd,
        counted(report.scores.len(), report.unit),
        report.score,
        report.threshold,
        report.quantile,
        counted(report.held, &format!("validation {}", report.unit)),
    ))?;
    for line in report.measured() {
        terminal::say(&line)?;
    }
    if let Some(count) = report.intervals {
        terminal::say(&format!(
            "{} of steps above their own threshold",
            counted(count, "interval")
        ))?;
    }
    let written = [&args.output, &args.heatmaps, &args.steps]
        .into_iter()
        .flatten();
    let written: Vec<String> = written.map(|it| it.display().to_string()).collect();
    if !written.is_empty() && !args.show.quiet {
        terminal::note(&format!("wrote {}", written.join(", ")));
    }
    Ok(())
}
