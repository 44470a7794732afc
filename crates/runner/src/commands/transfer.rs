//! Transfer: how much a run's encoder helps a classifier that has few labels, frozen or fine-tuned,
//! compared with the same network from scratch.

use anyhow::Result;
use hourglass::analysis::classifier::{BATCH_SIZE, STEPS};
use hourglass::analysis::subject::Labelled;
use hourglass::analysis::transfer::{self, Accuracy, Found, Report};

use super::{DONE, UsageError, analysed};
use crate::cli::{Labels, TransferArgs};
use crate::progress::Display;
use crate::terminal;

#[cfg(feature = "report")]
mod plot;

pub fn run(args: &TransferArgs) -> Result<u8> {
    let subject = analysed::open(
        &args.run,
        &args.backend,
        args.data.as_ref(),
        args.strict,
        args.trust,
    )?;
    let study = analysed::labelled(&subject, args.data.as_ref(), args.strict, "a transfer")?;
    transfer::check_classes(&subject, &study)?;
    let counts = counts(&args.labels, &study)?;
    let seeds = usize::from(args.seeds);
    let display = Display::new(args.output.quiet, transfer::steps(counts.len(), seeds), 0);
    let watch = |progress| display.show(progress);
    let report = transfer::transfer(&subject, &study, &counts, seeds, watch)?;
    display.finish();
    if !args.output.json {
        terminal::note(&format!(
            "{} on {} test pictures of {}: accuracy of its encoder with a softmax layer on the code, \
             compared with the same network from scratch; {STEPS} steps of up to {BATCH_SIZE} labelled \
             pictures each, mean of {seeds} seeds ± standard deviation",
            report.run, report.test_images, report.data
        ));
    }
    let run = &subject.loaded.run;
    #[cfg(feature = "report")]
    {
        let title = format!("Transfer of {}", run.name());
        let file = run.analysis("transfer.svg")?;
        plot::draw(&title, seeds, &series(&report.labels), &file)?;
    }
    analysed::finish(run, "transfer", &report, &table(&report), args.output.json)?;
    display.line(&format!(
        "results in {}: analysis/transfer.json{}",
        report.run,
        match cfg!(feature = "report") {
            true => ", analysis/transfer.svg",
            false => "",
        }
    ));
    Ok(DONE)
}

/// The requested counts, ascending. A count above the number of pictures becomes that number, with a
/// note.
fn counts(asked: &[Labels], study: &Labelled) -> Result<Vec<usize>> {
    let all = study.train.len();
    let mut counts = Vec::with_capacity(asked.len());
    for labels in asked {
        let count = match *labels {
            Labels::All => all,
            Labels::Count(count) if count < study.classes => {
                let text = format!(
                    "--labels: found {count}; allowed: at least {} (one per class), or all",
                    study.classes
                );
                return Err(UsageError(text).into());
            }
            Labels::Count(count) if count > all => {
                terminal::note(&format!(
                    "note: {count} labels requested, but only {all} pictures exist; using all"
                ));
                all
            }
            Labels::Count(count) => count,
        };
        counts.push(count);
    }
    counts.sort_unstable();
    counts.dedup();
    Ok(counts)
}

/// The lines of the chart.
#[cfg(feature = "report")]
fn series(labels: &[Found]) -> [plot::Series; 3] {
    let series = |name, pick: fn(&Found) -> Accuracy| {
        let point = |found: &Found| (found.count, pick(found).mean, pick(found).spread);
        plot::Series {
            name,
            points: labels.iter().map(point).collect(),
        }
    };
    [
        series("frozen", |it| it.frozen),
        series("fine-tuned", |it| it.finetuned),
        series("from scratch", |it| it.scratch),
    ]
}

fn table(report: &Report) -> comfy_table::Table {
    let cell = |it: Accuracy| format!("{:.2} % ± {:.2}", it.mean * 100.0, it.spread * 100.0);
    let rows = report.labels.iter().map(|found| {
        let accuracies = [found.frozen, found.finetuned, found.scratch].map(cell);
        [vec![found.count.to_string()], accuracies.to_vec()].concat()
    });
    let header = ["labels", "frozen", "fine-tuned", "from scratch"];
    analysed::table(&header, rows.collect())
}
