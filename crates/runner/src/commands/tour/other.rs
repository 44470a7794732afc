//! The chapter on other data: an autoencoder only knows the kind of data it was trained on.

use std::sync::Arc;

use anyhow::{Context, Result};
use data::Images;
use serde_json::json;

use super::chapter::{Chapter, Table, columns, error, percent, times};
use super::guide::{Guide, owned};
use hourglass::analysis::anomaly::squared_errors;
use hourglass::analysis::roc::auroc;
use hourglass::pictures::shown::Shown;

/// Number of patches that are shown.
const PATCHES: usize = 10;

/// The digits' autoencoder on photographs.
pub fn photographs(guide: &Guide) -> Result<Chapter> {
    let known = guide.run("code-32")?;
    let (found, loaded) = (&known.summary, &known.loaded);
    let shape = guide.shape();
    let patches: Arc<Images> = Arc::new(hourglass::input::photos(shape).load()?.test);
    let all: Vec<u32> = (0..patches.len() as u32).collect();
    let errors = squared_errors(&loaded.model, &loaded.device, &patches, &all)?;
    let pixels = shape.iter().product::<usize>().max(1);
    let on_patches = errors.iter().sum::<f64>() / (errors.len().max(1) * pixels) as f64;
    let pca = found.baselines.pca.context("a run without PCA")?;
    let pca_on_patches = guide.pca.error(pca.code_size, patches.values())?.mse;
    let ratio = on_patches / found.test.mse;
    let on_digits = squared_errors(
        &loaded.model,
        &loaded.device,
        &guide.setup.test,
        &guide.all(),
    )?;
    let strange = auroc(&on_digits, &errors).context("no patches")?;
    let shown = by_contrast(&patches);
    let pictures = Shown::of(
        &loaded.model,
        &loaded.device,
        &patches,
        &shown,
        guide.setup.config.seed,
    )?;
    let captions: Vec<String> = shown
        .iter()
        .map(|&index| {
            let error = errors.get(index as usize).map(|sum| sum / pixels as f64);
            error.map_or_else(String::new, |it| format!("error {it:.4}"))
        })
        .collect();
    Ok(Chapter {
        title: "It only knows what it was trained on",
        text: vec![
            format!(
                "An autoencoder only works on data like its training data. On {} patches of photographs, the one \
                 trained on digits has an error of {}, {} times that on digits: it turns everything into pen \
                 strokes.",
                patches.len(),
                error(on_patches),
                times(ratio)
            ),
            format!(
                "So it compresses anything else poorly, but it can detect what is unusual: in {} of all pairs of a \
                 digit and a patch, the patch has the larger error.",
                percent(strange)
            ),
        ],
        runs: vec!["code-32"],
        figures: json!({
            "digits_mse": found.test.mse,
            "patches": patches.len(),
            "patches_mse": on_patches,
            "ratio": ratio,
            "auroc": strange,
            "pca": { "digits_mse": pca.mse, "patches_mse": pca_on_patches },
        }),
        next: guide.next(&[
            (
                "hourglass anomaly TOUR/code-32 --other photos",
                "measure how well the error tells these patches from digits, compared with PCA",
            ),
            (
                "hourglass evaluate TOUR/code-32 --data photos",
                "print all figures on the patches",
            ),
        ]),
        pictures: columns(
            vec![
                ("patch of a photograph", owned(pictures.inputs()), shape),
                ("reconstruction", owned(pictures.restored()), shape),
            ],
            &captions,
        ),
        table: Table {
            caption: "Mean squared error per pixel of models fitted to digits".into(),
            columns: vec!["", "autoencoder", "PCA"],
            rows: vec![
                vec!["test digits".into(), error(found.test.mse), error(pca.mse)],
                vec![
                    "photographs".into(),
                    error(on_patches),
                    error(pca_on_patches),
                ],
            ],
        },
        charts: Vec::new(),
    })
}

/// Some of the pictures, in order of contrast.
fn by_contrast(images: &Images) -> Vec<u32> {
    let contrast = |index: u32| -> f64 {
        let pixels = images.image(index as usize).unwrap_or_default();
        let count = pixels.len().max(1) as f64;
        let mean = pixels.iter().map(|&it| f64::from(it)).sum::<f64>() / count;
        pixels
            .iter()
            .map(|&it| (f64::from(it) - mean).powi(2))
            .sum::<f64>()
            / count
    };
    let mut all: Vec<(f64, u32)> = (0..images.len() as u32)
        .map(|it| (contrast(it), it))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let last = all.len().saturating_sub(1);
    let place = |step: usize| all.get(step * last / (PATCHES - 1).max(1));
    (0..PATCHES)
        .filter_map(place)
        .map(|(_, index)| *index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_shown_from_the_plainest_on() {
        let pixels = (0..40)
            .flat_map(|it| [100, 100 + (it * 7 % 40) as u8])
            .collect();
        let images = Images::new(pixels, [1, 1, 2]).unwrap();
        let shown = by_contrast(&images);
        assert_eq!(shown.len(), PATCHES);
        let bright = |index: &u32| images.image(*index as usize).unwrap()[1];
        assert!(shown.iter().map(bright).is_sorted());
        assert_eq!((bright(&shown[0]), bright(&shown[9])), (100, 139));
    }
}
