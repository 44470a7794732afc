//! Corrupted pictures: the input of a model, and what is known about the corruption.

use crate::error::Result;
use burn::tensor::{Tensor, TensorData};
use model::Autoencoder;
use model::config::Corruption;
use model::corruption::{Damage, resample, take_away};

use crate::batched::values;

/// One corrupted picture, on the host.
#[derive(Clone, Copy, Debug)]
pub struct Degraded<'a> {
    /// The model's input, `[channels, height, width]` in [0, 1].
    pub input: &'a [f32],
    /// Height and width.
    pub size: [usize; 2],
    /// Channels of the clean picture.
    pub channels: usize,
    /// 1 where pixels are missing, `[height, width]`.
    pub missing: Option<&'a [f32]>,
    /// The small picture that the input was enlarged from.
    pub small: Option<Small<'a>>,
}

/// A picture before it is enlarged.
#[derive(Clone, Copy, Debug)]
pub struct Small<'a> {
    /// `[channels, height, width]` in [0, 1].
    pub picture: &'a [f32],
    /// Its height and width.
    pub size: [usize; 2],
    /// Pixels of the large picture per pixel of this one, along both axes.
    pub factor: usize,
}

/// Corrupted pictures, made from clean ones `[batch, C, H, W]`, on their device.
#[derive(Debug)]
pub struct Corrupted {
    /// The model's input, `[batch, C', H, W]`.
    pub input: Tensor<4>,
    /// The mask of missing pixels, `[batch, 1, H, W]`, if a corruption removes parts.
    pub missing: Option<Tensor<4>>,
    /// The small pictures, if shrinking was the last corruption.
    pub small: Option<Tensor<4>>,
}

/// The factor by which an input was enlarged along both axes: that of the last `downscale`, or 1 if
/// there is none.
pub fn scale(corruptions: &[Corruption]) -> usize {
    let factor = |it: &Corruption| match it.damage() {
        Damage::Resolution { factor, .. } => Some(factor),
        _ => None,
    };
    corruptions.iter().rev().find_map(factor).unwrap_or(1)
}

/// Corrupts pictures `[batch, C, H, W]` of any height and width as in an evaluation.
///
/// Noise, blur and loss of pixels or colour cover the whole picture. Blocks are removed from each
/// region of the model's size, counted from the top left. The remainder on the right and at the bottom
/// has none, and a smaller picture is the upper left part of a region.
///
/// # Errors
/// If the device does not give its values.
pub fn corrupt(model: &Autoencoder, clean: Tensor<4>, seed: u64) -> Result<Corrupted> {
    let [_, height, width] = model.output_shape();
    let [_, _, rows, columns] = clean.dims();
    let whole = [rows, columns] == [height, width];
    let mut images = clean;
    let (mut missing, mut small): (Option<Tensor<4>>, _) = (None, None);
    for (place, corruption) in model.corruptions().iter().enumerate() {
        small = match corruption.damage() {
            Damage::Resolution { factor, filter } => {
                Some(resample::shrink(images.clone(), factor, filter))
            }
            _ => None,
        };
        let more;
        (images, more) = match corruption.damage() {
            Damage::Hole if !whole => {
                let holes = by_regions(model, place, &images, seed)?;
                (take_away(images, holes.clone()), Some(holes))
            }
            _ => model.corrupt_at(place, images, seed),
        };
        missing = match (missing, more) {
            (Some(one), Some(other)) => Some(one.max_pair(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(Corrupted {
        input: images,
        missing,
        small,
    })
}

/// The mask of what the corruption at `place` removes, region by region, `[batch, 1, H, W]`.
fn by_regions(
    model: &Autoencoder,
    place: usize,
    images: &Tensor<4>,
    seed: u64,
) -> Result<Tensor<4>> {
    let [_, height, width] = model.output_shape();
    let [batch, _, rows, columns] = images.dims();
    let down = (rows / height).max(1);
    let across = (columns / width).max(1);
    let device = images.device();
    let regions = Tensor::zeros([batch * down * across, 1, height, width], &device);
    let holes = match model.corrupt_at(place, regions, seed).1 {
        Some(holes) => values(holes)?,
        None => Vec::new(),
    };
    let mut whole = vec![0f32; batch * rows * columns];
    for (number, hole) in holes.chunks_exact(height * width).enumerate() {
        let (picture, region) = (number / (down * across), number % (down * across));
        let (top, left) = (region / across * height, region % across * width);
        let start = picture * rows * columns + top * columns + left;
        let lines = whole[start..]
            .chunks_mut(columns)
            .take(height.min(rows - top));
        for (line, hole) in lines.zip(hole.chunks_exact(width)) {
            let length = width.min(columns - left);
            line[..length].copy_from_slice(&hole[..length]);
        }
    }
    let data = TensorData::new(whole, [batch, 1, rows, columns]);
    Ok(Tensor::from_data(data, &device))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use model::{ImageShape, ModelConfig, Noise};
    use serde_json::{Value, json};

    use super::*;

    fn model(corruption: Value, shape: ImageShape) -> Autoencoder {
        let of = json!({ "kind": "dense", "layers": [], "code_size": 2 });
        let config = json!({ "kind": "denoising", "corruption": corruption, "of": of });
        let config: ModelConfig = serde_json::from_value(config).unwrap();
        config.init(shape, 0, &Device::default()).unwrap()
    }

    fn ones(shape: [usize; 4]) -> Tensor<4> {
        Tensor::ones(shape, &Device::default())
    }

    #[test]
    fn pictures_of_the_models_size_are_corrupted_as_at_evaluation() {
        let chain = json!(["gaussian", { "kind": "block", "size": 3 }, { "kind": "downscale" }]);
        let model = model(chain, [1, 9, 8]);
        let clean = ones([3, 1, 9, 8]) * 0.4;
        let (input, missing) = model.corrupt_marked(clean.clone(), Noise::Host { seed: 7 });
        let found = corrupt(&model, clean, 7).unwrap();
        assert_eq!(values(found.input).unwrap(), values(input).unwrap());
        assert_eq!(
            values(found.missing.unwrap()).unwrap(),
            values(missing.unwrap()).unwrap()
        );
        assert_eq!(found.small.unwrap().dims(), [3, 1, 5, 4]);
    }

    #[test]
    fn a_large_picture_has_a_hole_in_each_region_and_none_in_the_rest() {
        let model = model(json!({ "kind": "block", "size": 2 }), [3, 6, 5]);
        let found = corrupt(&model, ones([1, 3, 13, 17]), 1).unwrap();
        let missing = values(found.missing.unwrap()).unwrap();
        for top in [0, 6] {
            for left in [0, 5, 10] {
                let inside = (0..30).map(|at| missing[(top + at / 5) * 17 + left + at % 5]);
                assert_eq!(inside.sum::<f32>(), 4.0, "{top} {left}");
            }
        }
        assert_eq!(missing.iter().sum::<f32>(), 24.0);
        let input = values(found.input).unwrap();
        for plane in input.chunks_exact(13 * 17) {
            for (value, missing) in plane.iter().zip(&missing) {
                assert_eq!(*value, 1.0 - missing);
            }
        }
        // A smaller picture is a part of one region.
        let found = corrupt(&model, ones([2, 3, 4, 9]), 1).unwrap();
        assert_eq!(found.input.dims(), [2, 3, 4, 9]);
        assert!(values(found.missing.unwrap()).unwrap().iter().sum::<f32>() <= 8.0);
    }

    #[test]
    fn the_small_picture_is_that_of_the_last_corruption() {
        let chain = json!([{ "kind": "downscale", "factor": 3 }, "gaussian"]);
        let noisy = model(chain, [1, 9, 9]);
        assert!(
            corrupt(&noisy, ones([1, 1, 9, 9]), 1)
                .unwrap()
                .small
                .is_none()
        );
        assert_eq!(scale(noisy.corruptions()), 3);
        assert_eq!(scale(&[]), 1);
    }
}
