//! Grey pictures: colour lost by luma.

use burn::prelude::*;

/// What red, green and blue weigh in luma (ITU-R BT.709), as where pictures are read as grey.
pub const LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// Luma `[batch, 1, H, W]` of pictures `[batch, 3, H, W]`.
pub(crate) fn grey(images: Tensor<4>) -> Tensor<4> {
    let [red, green, blue] = [0, 1, 2].map(|channel| images.clone().narrow(1, channel, 1));
    red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]
}
