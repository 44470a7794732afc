//! The chapters on what keeps a large code from copying: noise on the input, and a penalty on the code.

use anyhow::{Context, Result};
use model::Noise;
use serde_json::json;

use super::chapter::{Chapter, Table, beside, columns, error, percent};
use super::guide::{Guide, active_pictures, owned};
use hourglass::measure::evaluation::{BATCH, values};
use hourglass::measure::metrics::{Figures, Reconstruction};
use hourglass::streams::Stream;

/// A denoising autoencoder beside one that copies.
pub fn noise(guide: &Guide) -> Result<Chapter> {
    let (copy, noise) = (&guide.run("copy")?.summary, &guide.run("noise")?.summary);
    let noisy = noise.baselines.corrupted.context("a run without noise")?;
    let copied = copied_noise(guide)?;
    let shape = guide.shape();
    let pixels: usize = shape.iter().product();
    let shown = guide.shown("noise")?;
    let rows = shown.rows();
    let corrupted = rows.iter().find(|(name, _)| *name == "corrupted input");
    let corrupted = corrupted.map(|(_, row)| row.concat()).unwrap_or_default();
    let row =
        |name: &str, mse: f64, psnr: f64| vec![name.to_owned(), error(mse), format!("{psnr:.1}")];
    Ok(Chapter {
        title: "Noise on the input keeps it from copying",
        text: vec![
            format!(
                "A code of {} values has room for each of the {pixels} pixels and more, so that this network can do \
                 its task by passing pixels on. It passes noise on too: noisy digits are {} from the clean ones, and \
                 what it makes of them still is {}.",
                copy.code_size,
                error(noisy.mse),
                error(copied.mse)
            ),
            format!(
                "A denoising autoencoder is the same network, shown noisy digits and asked for the clean ones. \
                 Copying does not help it; it has to know what digits look like, and comes to {}, {} that.",
                error(noise.test.mse),
                beside(noise.test.mse, copied.mse)
            ),
        ],
        runs: vec!["copy", "noise"],
        figures: json!({
            "code_size": copy.code_size,
            "noisy_mse": noisy.mse,
            "trained_on_clean": { "of_clean_mse": copy.test.mse, "of_noisy_mse": copied.mse },
            "trained_on_noisy": { "of_noisy_mse": noise.test.mse },
        }),
        next: guide.next(&[
            (
                "hourglass TOUR/noise/config.json --set model.corruption=salt_and_pepper --name pepper",
                "another noise: pixels that are black or white",
            ),
            (
                "hourglass TOUR/noise/config.json --set model.corruption.std=0.8 --name more-noise",
                "the same noise, twice as strong",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("with noise", owned(corrupted.chunks_exact(pixels.max(1))), shape),
                ("by the network that copies", guide.through("copy", &corrupted)?, shape),
                ("by the denoising one", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: "Squared error a pixel, against the clean test digits".into(),
            columns: vec!["", "error", "PSNR, dB"],
            rows: vec![
                row("noisy digits as they are", noisy.mse, noisy.psnr),
                row("by the network that copies", copied.mse, copied.psnr),
                row("by the denoising one", noise.test.mse, noise.test.psnr),
            ],
        },
        charts: Vec::new(),
    })
}

/// What the network that copies makes of the noisy test digits that the other one is measured on.
fn copied_noise(guide: &Guide) -> Result<Figures> {
    let (copy, noise) = (guide.run("copy")?, guide.run("noise")?);
    let batches = guide.setup.batches(&guide.setup.test);
    let mut copied = Reconstruction::without_ssim(guide.shape());
    for (number, chunk) in guide.all().chunks(BATCH).enumerate() {
        let clean = batches.gather(chunk)?;
        let seed = Stream::Evaluation.seed(guide.setup.config.seed, number as u64);
        let noisy = noise
            .loaded
            .model
            .corrupt(clean.clone(), Noise::Host { seed });
        copied.push(&values(clean)?, &values(copy.loaded.model.forward(noisy))?)?;
    }
    Ok(copied.finish())
}

/// A sparse autoencoder beside the same one without a penalty.
pub fn penalty(guide: &Guide) -> Result<Chapter> {
    let (copy, sparse) = (&guide.run("copy")?.summary, &guide.run("penalty")?.summary);
    let shape = guide.shape();
    let shown = guide.shown("penalty")?;
    let (full, full_shape) = active_pictures(&guide.codes("copy", &guide.chosen)?);
    let (few, few_shape) = active_pictures(&guide.codes("penalty", &guide.chosen)?);
    let row = |name: &str, it: &hourglass::measure::summary::Summary| {
        vec![
            name.to_owned(),
            percent(it.code.active_share),
            it.code.dead_units.to_string(),
            error(it.test.mse),
        ]
    };
    Ok(Chapter {
        title: "A penalty keeps most of the code at rest",
        text: vec![
            format!(
                "A sparse autoencoder pays for what its code says: a little of the sum of its {} values is added to \
                 the loss. \
                 Where {} of them are active for a digit without this penalty, {} are with it, and the error is {} \
                 beside {}.",
                sparse.code_size,
                percent(copy.code.active_share),
                percent(sparse.code.active_share),
                error(sparse.test.mse),
                error(copy.test.mse)
            ),
            "So a value is only spent on what a digit has and others have not, and here too copying does not pay."
                .into(),
        ],
        runs: vec!["copy", "penalty"],
        figures: json!({
            "code_size": sparse.code_size,
            "without": { "active_share": copy.code.active_share, "mse": copy.test.mse },
            "with": {
                "active_share": sparse.code.active_share,
                "dead_units": sparse.code.dead_units,
                "mse": sparse.test.mse,
            },
        }),
        next: guide.next(&[
            (
                "hourglass TOUR/penalty/config.json --set model.penalty.weight=0.0003 --name sparser",
                "a dearer code",
            ),
            (
                "hourglass plot TOUR/penalty",
                "which units of its code are active and what they do: analysis/plot in the run's folder",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("what is active of the code without a penalty", full, full_shape),
                ("and with it", few, few_shape),
                ("reconstruction with it", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: format!("{} test digits; error is squared, a pixel", guide.setup.test.len()),
            columns: vec!["", "active for a digit", "active for none", "error"],
            rows: vec![row("without a penalty", copy), row("with it", sparse)],
        },
        charts: Vec::new(),
    })
}
