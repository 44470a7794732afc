//! The page: the most ordinary and the strangest pictures, with their reconstructions and errors.

use std::sync::Arc;

use anyhow::Result;
use data::{Batches, ImageShape, Images};
use hourglass::analysis::detection::{Found, Pictures};
use hourglass::analysis::subject::Subject;
use hourglass::batched::values;
use hourglass::pictures::{self, heat};

/// Number of lowest-scoring and of highest-scoring pictures on the page.
const PICTURES: usize = 12;

/// `analysis/anomaly.png`: the pictures with the lowest scores above those with the highest, each
/// over its reconstruction and its errors.
pub fn write(
    subject: &Subject,
    Pictures { normal, other, .. }: &Pictures,
    found: &Found,
) -> Result<()> {
    let mut all: Vec<(f64, &Arc<Images>, u32)> = Vec::new();
    for (chosen, scores) in [(normal, &found.normal_scores), (other, &found.other_scores)] {
        let scored = chosen.indices.iter().zip(scores);
        all.extend(scored.map(|(&index, &score)| (score, &chosen.images, index)));
    }
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
            inputs.push(colour(&input, subject.test.shape()));
            outputs.push(colour(&restored, subject.test.shape()));
        }
        rows.extend(three);
    }
    let rows: Vec<Vec<&[f32]>> = rows
        .iter()
        .map(|row| row.iter().map(Vec::as_slice).collect())
        .collect();
    let file = subject.loaded.run.analysis("anomaly.png")?;
    Ok(pictures::grid(&rows, [3, height, width], &file)?)
}

/// What is drawn of a picture, [channels, height, width], as a picture of three channels.
fn colour(picture: &[f32], shape: ImageShape) -> Vec<f32> {
    let drawn = pictures::drawn(picture, shape);
    drawn.repeat(3 / pictures::drawn_channels(shape[0]))
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
    heat::heat(&heat)
}

#[cfg(test)]
mod tests {
    use super::*;

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
