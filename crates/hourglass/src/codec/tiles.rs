//! Cuts pictures of any size into tiles of the model's size, from the top left, and joins them again.

use std::borrow::Cow;

use data::ImageShape;

/// Rows and columns of tiles of `tile` = `[height, width]` that cover a picture.
pub fn grid([height, width]: [usize; 2], [tile_height, tile_width]: [usize; 2]) -> [usize; 2] {
    [
        height.div_ceil(tile_height.max(1)),
        width.div_ceil(tile_width.max(1)),
    ]
}

/// Cuts a picture, `[channels, height, width]`, into tiles of `shape`, `[tile, channels, height, width]`. Where tiles
/// extend beyond the picture, its last row and column of pixels are repeated.
pub fn cut<T: Copy + Default>(picture: &[T], size: [usize; 2], shape: ImageShape) -> Vec<T> {
    let [channels, tile_height, tile_width] = shape;
    let [height, width] = size;
    let [rows, columns] = grid(size, [tile_height, tile_width]);
    let mut tiles = Vec::with_capacity(rows * columns * channels * tile_height * tile_width);
    for tile in 0..rows * columns {
        let (top, left) = (tile / columns * tile_height, tile % columns * tile_width);
        for channel in 0..channels {
            for row in top..top + tile_height {
                let start = (channel * height + row.min(height - 1)) * width;
                let line = picture.get(start..start + width).unwrap_or_default();
                let pixels =
                    (left..left + tile_width).map(|column| line.get(column.min(width - 1)));
                tiles.extend(pixels.map(|pixel| pixel.copied().unwrap_or_default()));
            }
        }
    }
    tiles
}

/// Cuts pictures of one shape, one after the other, into tiles of another; as they are if the shapes are the same.
pub fn all(pictures: &[u8], picture: ImageShape, tile: ImageShape) -> Cow<'_, [u8]> {
    if picture == tile {
        return Cow::Borrowed(pictures);
    }
    let [channels, height, width] = picture;
    let each = pictures.chunks_exact((channels * height * width).max(1));
    Cow::Owned(
        each.flat_map(|pixels| cut(pixels, [height, width], tile))
            .collect(),
    )
}

/// Joins tiles of `shape` into a picture of this size, `[channels, height, width]`; the parts beyond it are dropped.
pub fn join<T: Copy + Default>(tiles: &[T], size: [usize; 2], shape: ImageShape) -> Vec<T> {
    let [channels, tile_height, tile_width] = shape;
    let [height, width] = size;
    let [_, columns] = grid(size, [tile_height, tile_width]);
    let mut picture = vec![T::default(); channels * height * width];
    for (index, line) in tiles.chunks_exact(tile_width.max(1)).enumerate() {
        let (above, row) = (index / tile_height, index % tile_height);
        let (tile, channel) = (above / channels, above % channels);
        let (row, left) = (
            tile / columns * tile_height + row,
            tile % columns * tile_width,
        );
        if row < height {
            let start = (channel * height + row) * width + left;
            let seen = tile_width.min(width - left);
            if let (Some(to), Some(from)) = (picture.get_mut(start..start + seen), line.get(..seen))
            {
                to.copy_from_slice(from);
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_size_comes_back() {
        for (size, shape) in [
            ([5, 7], [3, 2, 3]),
            ([1, 1], [1, 4, 4]),
            ([8, 8], [1, 4, 4]),
            ([3, 9], [3, 8, 2]),
        ] {
            let count = shape[0] * size[0] * size[1];
            let picture: Vec<u8> = (0..count).map(|i| (i * 37 % 251) as u8).collect();
            let tiles = cut(&picture, size, shape);
            let [rows, columns] = grid(size, [shape[1], shape[2]]);
            assert_eq!(
                tiles.len(),
                rows * columns * shape.iter().product::<usize>()
            );
            assert_eq!(join(&tiles, size, shape), picture, "{size:?} {shape:?}");
        }
    }

    #[test]
    fn edges_are_repeated() {
        assert_eq!(
            cut(&[1, 2, 3, 4, 5, 6], [2, 3], [1, 2, 2]),
            [1, 2, 4, 5, 3, 3, 6, 6]
        );
        assert_eq!(cut(&[9], [1, 1], [1, 2, 2]), [9, 9, 9, 9]);
    }
}
