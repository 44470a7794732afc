//! What is set beside a restored picture: the baselines of the run, set as its evaluation had them.

use crate::cli::BackendArg;
use crate::commands::Loaded;
use crate::restoration::{Baseline, Baselines, Restoration, needs_training_images};
use crate::summary::Summary;
use crate::terminal;

/// The baselines of a run's corruptions, and the best of them. Their settings are those of the run's
/// summary; if it has none, or a baseline is learned from pictures, the run's own images are read.
pub fn baselines(loaded: &Loaded, backend: &BackendArg) -> (Baselines, Option<Baseline>) {
    let corruptions = loaded.model.corruptions();
    let summary = loaded.run.read_json::<Summary>("summary.json").ok();
    let found = summary.and_then(|summary| summary.restoration);
    let set = || Baselines::set_as(corruptions, found.as_ref());
    let baselines = if found.is_some() && !needs_training_images(corruptions) {
        set()
    } else {
        let setup = loaded.setup(backend);
        let chosen = setup.and_then(|setup| Baselines::choose(&loaded.model, &setup));
        chosen.unwrap_or_else(|error| {
            terminal::note(&format!(
                "note: not all baselines, for the run's own images cannot be had: {error:#}"
            ));
            set()
        })
    };
    let shown = best(&baselines, found.as_ref()).cloned();
    (baselines, shown)
}

/// The baseline with the highest PSNR on the test pictures, or any where they were not measured. What
/// gives back the input is no sight beside it.
fn best<'a>(baselines: &'a Baselines, found: Option<&Restoration>) -> Option<&'a Baseline> {
    let psnr = |baseline: &Baseline| {
        let figures = found.and_then(|found| found.baselines.get(baseline.name()));
        figures.map_or(f64::NEG_INFINITY, |figures| figures.fidelity.psnr)
    };
    let candidates = baselines.all().iter().filter(|it| !it.is_input());
    candidates.max_by(|one, other| psnr(one).total_cmp(&psnr(other)))
}
