//! Tiles that cover a whole picture of any size, so that nothing on it is overlooked.

use data::ImageShape;

/// Where tiles of a length begin along a side: next to each other, and the last one at the end, where it may lie over
/// the one before. One at 0 if the side is shorter.
fn starts(side: usize, length: usize) -> Vec<usize> {
    let last = side.saturating_sub(length);
    let mut starts: Vec<usize> = (0..last).step_by(length.max(1)).collect();
    starts.push(last);
    starts
}

/// The tiles of `shape` that cover a picture, `[channels, height, width]`, one after the other, and row and column of
/// their first pixels. A picture that is smaller than a tile is extended by reflection.
pub fn tiles<T: Copy + Default>(
    picture: &[T],
    [height, width]: [usize; 2],
    [channels, tall, wide]: ImageShape,
) -> (Vec<T>, Vec<[usize; 2]>) {
    let mut places = Vec::new();
    for &top in &starts(height, tall) {
        places.extend(starts(width, wide).into_iter().map(|left| [top, left]));
    }
    let mut tiles = Vec::with_capacity(places.len() * channels * tall * wide);
    for [top, left] in &places {
        for channel in 0..channels {
            for row in *top..top + tall {
                let start = (channel * height + reflected(row, height)) * width;
                let line = picture.get(start..start + width).unwrap_or_default();
                let columns = (*left..left + wide).map(|column| line.get(reflected(column, width)));
                tiles.extend(columns.map(|pixel| pixel.copied().unwrap_or_default()));
            }
        }
    }
    (tiles, places)
}

/// A place within a side, if the side goes on as its mirror image.
fn reflected(place: usize, side: usize) -> usize {
    let side = side.max(1);
    let within = place % (2 * side);
    within.min(2 * side - 1 - within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_picture_goes_on_as_its_mirror_image() {
        let (tiles, places) = tiles(&[1_u8, 2, 3], [1, 3], [1, 2, 7]);
        assert_eq!(places, [[0, 0]]);
        assert_eq!(tiles, [1, 2, 3, 3, 2, 1, 1, 1, 2, 3, 3, 2, 1, 1]);
    }

    proptest! {
        #[test]
        fn tiles_are_parts_of_the_picture_and_cover_it(
            height in 1usize..30,
            width in 1usize..30,
            tall in 1usize..10,
            wide in 1usize..10,
        ) {
            prop_assume!(height >= tall && width >= wide);
            let picture: Vec<u8> = (0..2 * height * width).map(|at| (at * 37 % 251) as u8).collect();
            let (tiles, places) = tiles(&picture, [height, width], [2, tall, wide]);
            prop_assert_eq!(tiles.len(), places.len() * 2 * tall * wide);
            let mut seen = vec![false; height * width];
            let each = tiles.chunks_exact(tall * wide);
            for (index, plane) in each.enumerate() {
                let ([top, left], channel) = (places[index / 2], index % 2);
                for (at, pixel) in plane.iter().enumerate() {
                    let (y, x) = (top + at / wide, left + at % wide);
                    prop_assert_eq!(*pixel, picture[(channel * height + y) * width + x]);
                    seen[y * width + x] = true;
                }
            }
            prop_assert!(seen.iter().all(|it| *it));
        }
    }
}
