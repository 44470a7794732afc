//! The chapters on what stops a large code from just copying: noise on the input, or a penalty on the code.

use anyhow::{Context, Result};
use model::Noise;
use serde_json::json;

use super::chapter::{Chapter, Table, beside, columns, error, percent};
use super::guide::{Guide, active_pictures, owned};
use hourglass::batched::{self, values};
use hourglass::measure::metrics::{Figures, Reconstruction};
use hourglass::streams::Stream;

/// A denoising autoencoder compared with one that copies.
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
        title: "Noise on the input stops it from just copying",
        text: vec![
            format!(
                "A code of {} values has room for all {pixels} pixels and more, so this network can solve its task \
                 by copying pixels. It copies noise too: the error of noisy digits is {}, and after the network it \
                 is still {}.",
                copy.code_size,
                error(noisy.mse),
                error(copied.mse)
            ),
            format!(
                "A denoising autoencoder is the same network, trained to turn noisy digits into clean ones. Copying \
                 does not help it; it has to learn what digits look like. Its error is {}, {} that.",
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
                "train with another kind of noise: random black and white pixels",
            ),
            (
                "hourglass TOUR/noise/config.json --set model.corruption.std=0.8 --name more-noise",
                "train with the same noise, twice as strong",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("with noise", owned(corrupted.chunks_exact(pixels.max(1))), shape),
                ("restored by the copying network", guide.through("copy", &corrupted)?, shape),
                ("restored by the denoising network", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: "Mean squared error per pixel, compared with the clean test digits".into(),
            columns: vec!["", "error", "PSNR, dB"],
            rows: vec![
                row("noisy digits, not restored", noisy.mse, noisy.psnr),
                row("restored by the copying network", copied.mse, copied.psnr),
                row("restored by the denoising network", noise.test.mse, noise.test.psnr),
            ],
        },
        charts: Vec::new(),
    })
}

/// The copying network's error on the noisy test digits that the denoising network is measured on.
fn copied_noise(guide: &Guide) -> Result<Figures> {
    let (copy, noise) = (guide.run("copy")?, guide.run("noise")?);
    let batches = guide.setup.batches(&guide.setup.test);
    let mut copied = Reconstruction::without_ssim(guide.shape());
    let mut number = 0;
    batched::each(&batches, &guide.all(), |_, clean| -> Result<()> {
        let seed = Stream::Evaluation.seed(guide.setup.config.seed, number);
        number += 1;
        let noisy = noise
            .loaded
            .model
            .corrupt(clean.clone(), Noise::Host { seed });
        copied.push(&values(clean)?, &values(copy.loaded.model.forward(noisy))?)?;
        Ok(())
    })?;
    Ok(copied.finish())
}

/// A sparse autoencoder compared with the same one without a penalty.
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
        title: "A sparsity penalty switches most of the code off",
        text: vec![
            format!(
                "A sparse autoencoder pays a price for every active unit: a small fraction of the sum of its {} code \
                 values is added to the loss. \
                 Without this penalty, {} of the values are active for a digit; with it, {} are. The error is {} \
                 with the penalty and {} without.",
                sparse.code_size,
                percent(copy.code.active_share),
                percent(sparse.code.active_share),
                error(sparse.test.mse),
                error(copy.test.mse)
            ),
            "So the code spends values only on what distinguishes a digit from others, and copying no longer pays."
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
                "train with a stronger penalty",
            ),
            (
                "hourglass plot TOUR/penalty",
                "plot which units of its code are active and what they do, in analysis/plot of the run's folder",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("active units without the penalty", full, full_shape),
                ("active units with the penalty", few, few_shape),
                ("reconstruction with the penalty", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: format!("{} test digits; error: mean squared error per pixel", guide.setup.test.len()),
            columns: vec!["", "units active for a digit", "never active", "error"],
            rows: vec![row("without the penalty", copy), row("with the penalty", sparse)],
        },
        charts: Vec::new(),
    })
}
