//! What a restored picture is compared with: the run's baselines, tuned as in its evaluation.

use anyhow::Result;

use crate::cli::BackendArg;
use crate::commands::Loaded;
use crate::commands::own_images;
use crate::terminal;
use hourglass::measure::restoration::{Baseline, Baselines, Restoration, needs_training_images};
use hourglass::measure::summary::Summary;

/// The baselines for a run's corruptions, and the best of them. Their settings come from the run's
/// summary. If it has none, or a baseline is learned from pictures, the run's own images are read.
///
/// # Errors
/// If the summary is damaged.
pub fn baselines(loaded: &Loaded, backend: &BackendArg) -> Result<(Baselines, Option<Baseline>)> {
    let corruptions = loaded.model.corruptions();
    let summary = loaded.run.read_if_there::<Summary>("summary.json")?;
    let found = summary.and_then(|summary| summary.restoration);
    let set = || Baselines::set_as(corruptions, found.as_ref());
    let baselines = if found.is_some() && !needs_training_images(corruptions) {
        set()
    } else {
        let setup = own_images(&loaded.run, backend);
        let chosen = setup.and_then(|setup| Ok(Baselines::choose(&loaded.model, &setup)?));
        chosen.unwrap_or_else(|error| {
            terminal::note(&format!(
                "note: some baselines skipped: the run's images could not be loaded: {error:#}"
            ));
            set()
        })
    };
    let shown = best(&baselines, found.as_ref()).cloned();
    Ok((baselines, shown))
}

/// The baseline with the highest PSNR on the test pictures, or any if they were not measured. One that
/// returns its input unchanged is left out, because the input is shown anyway.
fn best<'a>(baselines: &'a Baselines, found: Option<&Restoration>) -> Option<&'a Baseline> {
    let psnr = |baseline: &Baseline| {
        let figures = found.and_then(|found| found.baselines.get(baseline.name()));
        figures.map_or(f64::NEG_INFINITY, |figures| figures.fidelity.psnr)
    };
    let candidates = baselines.all().iter().filter(|it| !it.is_input());
    candidates.max_by(|one, other| psnr(one).total_cmp(&psnr(other)))
}
