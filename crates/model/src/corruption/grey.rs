//! Grey pictures: colour lost by luma.

use burn::prelude::*;

/// What red, green and blue weigh in luma (ITU-R BT.709), as where pictures are read as grey.
const LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// Luma `[batch, 1, H, W]` of pictures `[batch, 3, H, W]`.
pub(crate) fn grey(images: Tensor<4>) -> Tensor<4> {
    let [red, green, blue] = [0, 1, 2].map(|channel| images.clone().narrow(1, channel, 1));
    red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]
}

#[cfg(test)]
mod tests {
    use burn::prelude::*;

    use super::grey;
    use crate::fixtures::{assert_close, device, host};

    #[test]
    fn grey_is_the_luma_of_each_pixel() {
        // Two pictures of two pixels: red and green, blue and white.
        let values = [1., 0., 0., 1., 0., 0., 0., 1., 0., 1., 1., 1.];
        let images = Tensor::<1>::from_floats(values, &device()).reshape([2, 3, 1, 2]);
        let found = grey(images);
        assert_eq!(found.dims(), [2, 1, 1, 2]);
        assert_close(&host(&found), &[0.2126, 0.7152, 0.0722, 1.0], 1e-6, "luma");
    }
}
