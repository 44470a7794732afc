//! Halving and doubling of maps that lose nothing: windows of 2 x 2 pixels, or of 1 x 2 in a series, become
//! channels, and channels become pixels again (Shi et al. 2016, "Real-time single image and video super-resolution using an efficient
//! sub-pixel convolutional neural network"; both ways around a denoiser: Zhang et al. 2018, "FFDNet").

use burn::prelude::*;

/// `[N, C, H, W]`, whole windows of `[P, Q]` pixels, to `[N, P Q C, H / P, W / Q]`; channel
/// `P Q c + Q i + j` has the pixels `(P y + i, Q x + j)` of channel c, which is PyTorch's order.
///
/// The map is handled with its channels last, as the operators around it leave it and take it.
pub(crate) fn unshuffle(x: Tensor<4>, [high, wide]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [rows, columns] = [height / high, width / wide];
    let x: Tensor<6> =
        (x.permute([0, 2, 3, 1])).reshape([batch, rows, high, columns, wide, channels]);
    let x: Tensor<4> =
        (x.permute([0, 1, 3, 5, 2, 4])).reshape([batch, rows, columns, high * wide * channels]);
    x.permute([0, 3, 1, 2])
}

/// What [`unshuffle`] does, undone: `[N, P Q C, H, W]` to `[N, C, P H, Q W]`.
pub(crate) fn shuffle(x: Tensor<4>, [high, wide]: [usize; 2]) -> Tensor<4> {
    let [batch, deep, rows, columns] = x.dims();
    let channels = deep / (high * wide);
    let x: Tensor<6> =
        (x.permute([0, 2, 3, 1])).reshape([batch, rows, columns, channels, high, wide]);
    let x: Tensor<4> =
        (x.permute([0, 1, 4, 2, 5, 3])).reshape([batch, high * rows, wide * columns, channels]);
    x.permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::cases;

    const WINDOW: [usize; 2] = [2, 2];

    /// Values only change places.
    const TOLERANCE: f64 = 1e-9;

    #[test]
    fn pixels_become_channels_as_in_pytorch_and_come_back() {
        for case in cases("pixel_shuffle.json") {
            let x: Tensor<4> = case.leaf("inputs/input");
            let other: fn(Tensor<4>) -> Tensor<4> = match case.option("way").as_str() {
                Some("shuffle") => {
                    case.check_layer(shuffle(x.clone(), WINDOW), &[("input", &x)], TOLERANCE);
                    |x| unshuffle(shuffle(x, WINDOW), WINDOW)
                }
                _ => {
                    case.check_layer(unshuffle(x.clone(), WINDOW), &[("input", &x)], TOLERANCE);
                    |x| shuffle(unshuffle(x, WINDOW), WINDOW)
                }
            };
            case.check("inputs/input", &other(x), TOLERANCE);
        }
    }
}
