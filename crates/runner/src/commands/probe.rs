//! Probes: how well a linear classifier and nearest neighbours tell classes apart from the output of
//! each layer, compared with raw pixels and principal components.

use anyhow::Result;
use data::counted;
use hourglass::analysis::probe::{self, Layer, NEIGHBOURS, Report};
use hourglass::analysis::subject::Subject;

use super::{DONE, UsageError, analysed};
use crate::cli::ProbeArgs;
use crate::progress::Display;
use crate::terminal;

pub fn run(args: &ProbeArgs) -> Result<u8> {
    let subject = analysed::open(&args.run, &args.backend, args.data.as_ref(), args.strict)?;
    let layers = layers(args, &subject)?;
    let study = analysed::labelled(&subject, args.data.as_ref(), args.strict, "a probe")?;
    let (_, code_size) = subject.kind_and_code_size()?;
    // As many components as the requested layer has values, or else as the code has.
    let size = match layers.as_slice() {
        [only] => only.size,
        _ => code_size,
    };
    let pca = analysed::pca(&study.train, size)?;
    let display = Display::new(args.output.quiet, probe::steps(layers.len()), 0);
    let watch = |progress| display.show(progress);
    let report = probe::probe(&subject, &study, &layers, pca.as_ref(), watch)?;
    display.finish();
    let json = args.output.json;
    if !json {
        let sample = subject.form().whole();
        terminal::note(&format!(
            "{} on {} of {}: a linear classifier (softmax on standardised values, \
             weight penalty chosen on a twelfth of the training {sample}s) and {NEIGHBOURS} nearest \
             neighbours; 95 % intervals{}",
            report.run,
            counted(report.test_images, &format!("test {sample}")),
            report.data,
            match report.class_names.is_empty() {
                true => String::new(),
                false => format!("; classes: {}", report.class_names.join(", ")),
            }
        ));
    }
    let table = table(&report);
    analysed::finish(&subject.loaded.run, "probe", &report, &table, json)?;
    Ok(DONE)
}

/// The requested layers.
fn layers(args: &ProbeArgs, subject: &Subject) -> Result<Vec<Layer>> {
    let model = &subject.loaded.model;
    let all = probe::layers(&subject.loaded)?;
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

fn table(report: &Report) -> crate::table::Table {
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
