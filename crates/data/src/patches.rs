//! Patches: squares that pictures are cut into, on a grid from the top left. A remainder on the right
//! and at the bottom is not covered.

use rayon::prelude::*;

use crate::error::dims;
use crate::value::Value;
use crate::whole::{Whole, zeros};
use crate::{DataError, ImageShape};

/// Rows and columns of patches in a picture of this height and width.
pub(crate) fn grid(size: [usize; 2], side: usize) -> [usize; 2] {
    size.map(|length| length / side)
}

/// All patches of all pictures, `[patch, channel, row, column]`. `place` names the folder in errors.
///
/// # Errors
///
/// [`DataError::TooLarge`], before any memory is allocated.
pub(crate) fn cut_all<T: Value>(
    place: &str,
    pictures: &Whole<T>,
    [channels, side, _]: ImageShape,
) -> Result<Vec<T>, DataError> {
    let patch = channels * side * side;
    let grids: Vec<[usize; 2]> = pictures.sizes().map(|size| grid(size, side)).collect();
    let count: usize = grids.iter().map(|[rows, columns]| rows * columns).sum();
    let dims = dims(&[count, channels, side, side]);
    let mut pixels = zeros(place, dims, (count * patch) as u64)?;
    let mut rest = pixels.as_mut_slice();
    let mut jobs = Vec::with_capacity(grids.len());
    for (index, grid) in grids.into_iter().enumerate() {
        let (part, after) = rest.split_at_mut(grid[0] * grid[1] * patch);
        jobs.push((pictures.get(index), grid, part));
        rest = after;
    }
    jobs.into_par_iter()
        .for_each(|((picture, size), grid, part)| cut(picture, size, grid, side, part));
    Ok(pixels)
}

/// The patches of one picture.
pub(crate) fn cut_one<T: Value>(pictures: &Whole<T>, picture: usize, side: usize) -> Vec<T> {
    let (pixels, size) = pictures.get(picture);
    let grid = grid(size, side);
    let channels = pixels.len() / (size[0] * size[1]).max(1);
    let mut patches = vec![T::default(); grid[0] * grid[1] * channels * side * side];
    if !patches.is_empty() {
        cut(pixels, size, grid, side, &mut patches);
    }
    patches
}

/// Cuts `picture`, `[channel, row, column]`, into a grid of squares, `[patch, channel, row, column]`.
fn cut<T: Value>(
    picture: &[T],
    [height, width]: [usize; 2],
    [_, columns]: [usize; 2],
    side: usize,
    patches: &mut [T],
) {
    let channels = picture.len() / (height * width);
    for (index, line) in patches.chunks_exact_mut(side).enumerate() {
        let (patch, within) = (index / (channels * side), index % (channels * side));
        let (channel, row) = (within / side, within % side);
        let top = channel * height + patch / columns * side + row;
        let start = top * width + patch % columns * side;
        line.copy_from_slice(&picture[start..start + side]);
    }
}

/// The names of a picture's patches: the picture's name with the row and column of the patch's top left
/// pixel, as in `rocket.jpg@0,64`.
pub(crate) fn names(
    picture: &str,
    [rows, columns]: [usize; 2],
    side: usize,
) -> impl Iterator<Item = String> {
    (0..rows * columns).map(move |index| {
        let (row, column) = (index / columns * side, index % columns * side);
        format!("{picture}@{row},{column}")
    })
}
