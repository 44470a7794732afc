//! Halving and doubling of maps that lose nothing: 2 x 2 pixels become channels, and channels become 2 x 2
//! pixels again (Shi et al. 2016, "Real-time single image and video super-resolution using an efficient
//! sub-pixel convolutional neural network"; both ways around a denoiser: Zhang et al. 2018, "FFDNet").

use burn::prelude::*;

/// How many pixels a side become channels.
const SIDE: usize = 2;

/// How many channels there are for each one of the larger map.
pub(crate) const CHANNELS: usize = SIDE * SIDE;

/// `[N, C, H, W]` with even H and W to `[N, 4 C, H / 2, W / 2]`; channel `4 c + 2 i + j` has the pixels
/// `(2 y + i, 2 x + j)` of channel c, which is PyTorch's order.
///
/// The map is handled with its channels last, as the operators around it leave it and take it.
pub(crate) fn unshuffle(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [rows, columns] = [height / SIDE, width / SIDE];
    let x: Tensor<6> =
        (x.permute([0, 2, 3, 1])).reshape([batch, rows, SIDE, columns, SIDE, channels]);
    let x: Tensor<4> =
        (x.permute([0, 1, 3, 5, 2, 4])).reshape([batch, rows, columns, CHANNELS * channels]);
    x.permute([0, 3, 1, 2])
}

/// What [`unshuffle`] does, undone: `[N, 4 C, H, W]` to `[N, C, 2 H, 2 W]`.
pub(crate) fn shuffle(x: Tensor<4>) -> Tensor<4> {
    let [batch, deep, rows, columns] = x.dims();
    let channels = deep / CHANNELS;
    let x: Tensor<6> =
        (x.permute([0, 2, 3, 1])).reshape([batch, rows, columns, channels, SIDE, SIDE]);
    let x: Tensor<4> =
        (x.permute([0, 1, 4, 2, 5, 3])).reshape([batch, SIDE * rows, SIDE * columns, channels]);
    x.permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::cases;

    /// Values only change places.
    const TOLERANCE: f64 = 1e-9;

    #[test]
    fn pixels_become_channels_as_in_pytorch_and_come_back() {
        for case in cases("pixel_shuffle.json") {
            let x: Tensor<4> = case.leaf("inputs/input");
            let other: fn(Tensor<4>) -> Tensor<4> = match case.option("way").as_str() {
                Some("shuffle") => {
                    case.check_layer(shuffle(x.clone()), &[("input", &x)], TOLERANCE);
                    |x| unshuffle(shuffle(x))
                }
                _ => {
                    case.check_layer(unshuffle(x.clone()), &[("input", &x)], TOLERANCE);
                    |x| shuffle(unshuffle(x))
                }
            };
            case.check("inputs/input", &other(x), TOLERANCE);
        }
    }
}
