//! Shapes: height and width down a convolutional encoder and back up its decoder.
//!
//! Every level halves height and width, rounding up, whatever does the halving (pooling windows at
//! an odd border see the last row or column twice; a stride-2 convolution pads). The decoder doubles
//! and crops to the recorded size, so it gives back exactly the shape that went in.

use crate::error::{ModelError, check_count};

/// Channels, height and width of one image.
pub type ImageShape = [usize; 3];

/// The most channels, rows or columns of an image.
const LONGEST: usize = 1 << 16;

/// The most values of an image.
const MOST_VALUES: usize = 1 << 31;

/// How many rows and columns become one where a map is halved.
pub(crate) const SIDE: usize = 2;

/// Whether samples of this shape are series: one row of several values, along which alone
/// convolutions go.
pub fn is_series([_, height, width]: ImageShape) -> bool {
    height == 1 && width > 1
}

/// The number of values in one image; [`usize::MAX`] if there are more, which no file holds.
pub fn values(shape: ImageShape) -> usize {
    product(&shape)
}

/// A product that stops at [`usize::MAX`].
pub(crate) fn product(sizes: &[usize]) -> usize {
    sizes
        .iter()
        .fold(1, |so_far, &size| so_far.saturating_mul(size))
}

/// Refuses a shape that no image has.
pub(crate) fn check(shape: ImageShape) -> Result<(), ModelError> {
    for (name, size) in ["channels", "height", "width"].into_iter().zip(shape) {
        let checked = check_count("kind", size, LONGEST);
        checked.map_err(|error| ModelError {
            found: format!("found images with a {name} of {size}"),
            ..error
        })?;
    }
    match values(shape) {
        0..=MOST_VALUES => Ok(()),
        values => {
            let found = format!("found images of {values} values");
            Err(ModelError::new(
                "kind",
                found,
                format!("at most {MOST_VALUES}"),
            ))
        }
    }
}

/// Height and width at each level: level 0 is the input, each next one half of it, rounded up.
///
/// Returns `None` if a level would have to halve a single pixel, because that level could not make
/// the map smaller.
pub fn levels(height: usize, width: usize, depth: usize) -> Option<Vec<[usize; 2]>> {
    let mut levels = vec![[height, width]];
    for _ in 0..depth {
        let &[height, width] = levels.last()?;
        if height.max(width) <= 1 {
            return None;
        }
        levels.push([height.div_ceil(2), width.div_ceil(2)]);
    }
    Some(levels)
}

/// The largest depth that [`levels`] takes for a height and width.
pub fn max_depth(height: usize, width: usize) -> usize {
    // ceil(log2(n)) halvings, each rounded up, bring n down to one.
    let side = height.max(width);
    side.next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mnist_halves_to_seven() {
        assert_eq!(levels(28, 28, 2), Some(vec![[28, 28], [14, 14], [7, 7]]));
    }

    #[test]
    fn odd_sizes_round_up() {
        assert_eq!(levels(7, 9, 2), Some(vec![[7, 9], [4, 5], [2, 3]]));
        assert_eq!(levels(1, 3, 2), Some(vec![[1, 3], [1, 2], [1, 1]]));
    }

    #[test]
    fn one_pixel_cannot_be_halved() {
        assert_eq!(levels(1, 1, 1), None);
        assert_eq!(levels(28, 28, 6), None);
    }

    proptest! {
        #[test]
        fn max_depth_is_the_last_that_works(height in 1usize..300, width in 1usize..300) {
            let depth = max_depth(height, width);
            prop_assert!(levels(height, width, depth).is_some());
            prop_assert!(levels(height, width, depth + 1).is_none());
        }
    }
}
