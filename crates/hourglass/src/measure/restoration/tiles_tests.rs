use super::*;

/// A picture that looks like nothing in particular.
fn noise([channels, height, width]: [usize; 3]) -> Vec<u8> {
    let place = (0..(channels * height * width) as u32).map(|at| at.wrapping_mul(2_654_435_761));
    place.map(|it| (it >> 24) as u8).collect()
}

/// What comes back, `[height, channels, width]`.
fn through(
    picture: Picture,
    tile: [usize; 2],
    channels: usize,
    batch: usize,
    model: impl FnMut(Vec<f32>, usize) -> crate::error::Result<Vec<f32>>,
) -> Vec<f32> {
    let [_, height, width] = picture.shape;
    let grid = Grid::new([height, width], tile);
    let (mut rows, mut seen, mut tiles) = (Vec::new(), 0, 0);
    let emit = |row, values: &[f32]| {
        assert_eq!((row, values.len()), (seen, channels * width));
        seen += 1;
        rows.extend(values);
    };
    let done = |count| tiles = count;
    grid.restore(picture, channels, batch, model, emit, done)
        .unwrap();
    assert_eq!(seen, height);
    assert_eq!(tiles, grid.count());
    rows
}

#[test]
fn a_model_that_gives_back_its_input_gives_back_the_picture() {
    for (shape, tile, batch) in [
        ([1, 8, 8], [8, 8], 4),
        ([3, 29, 43], [8, 8], 7),
        ([3, 29, 43], [8, 12], 1000),
        ([1, 5, 40], [9, 7], 3),
        ([3, 1, 1], [4, 4], 2),
        ([1, 9, 100], [9, 9], 1),
        ([1, 33, 2], [1, 1], 50),
    ] {
        let bytes = noise(shape);
        let picture = Picture {
            pixels: Pixels::Stored((&bytes).into()),
            shape,
        };
        let back = through(picture, tile, shape[0], batch, |tiles, _| Ok(tiles));
        let [channels, height, width] = shape;
        for (at, value) in back.iter().enumerate() {
            let (row, channel, column) =
                (at / (channels * width), at / width % channels, at % width);
            let wanted = bytes[(channel * height + row) * width + column];
            assert_eq!(
                (value * 255.0).round() as u8,
                wanted,
                "{shape:?} {tile:?} {at}"
            );
            assert!((value - f32::from(wanted) / 255.0).abs() < 1e-5);
        }
    }
}

#[test]
fn a_small_picture_is_enlarged_row_by_row_as_it_is_at_once() {
    let (small, factor, size) = ([17, 9], 3, [51, 27]);
    let bytes = noise([3, small[0], small[1]]);
    let picture = Picture {
        pixels: Pixels::Small {
            pixels: (&bytes).into(),
            size: small,
            factor,
        },
        shape: [3, size[0], size[1]],
    };
    let values: Vec<f32> = bytes.iter().map(|&it| f32::from(it) / 255.0).collect();
    let whole = enlarge(&values, small, factor, size, CatmullRom);
    let back = through(picture, [8, 8], 3, 2, |tiles, _| Ok(tiles));
    for (at, value) in back.iter().enumerate() {
        let (row, channel, column) = (at / (3 * 27), at / 27 % 3, at % 27);
        let wanted = whole[(channel * 51 + row) * 27 + column];
        assert!(
            (value - wanted).abs() < 1e-5,
            "{row} {column}: {value} {wanted}"
        );
    }
}

/// Channels may be added, as by a model that gives colour to grey.
#[test]
fn the_result_may_have_other_channels() {
    let values = vec![0.25; 20 * 30];
    let picture = Picture {
        pixels: Pixels::Values(&values),
        shape: [1, 20, 30],
    };
    let back = through(picture, [8, 8], 3, 5, |tiles, count| {
        let size = tiles.len() / count;
        let color = |tile: &[f32]| {
            [1.0, 2.0, 3.0]
                .map(|by| tile.iter().map(move |it| it * by).collect::<Vec<_>>())
                .concat()
        };
        Ok(tiles.chunks_exact(size).flat_map(color).collect())
    });
    for row in back.chunks_exact(90) {
        for (channel, values) in row.chunks_exact(30).enumerate() {
            let wanted = 0.25 * (channel + 1) as f32;
            assert!(values.iter().all(|it| (it - wanted).abs() < 1e-6));
        }
    }
}

/// A model that errs by half of the range from one edge of a tile to the other would show each edge
/// as a step of that height.
#[test]
fn what_tiles_disagree_about_leaves_no_step() {
    let tile = 16;
    let wrong = |tiles: Vec<f32>, _| {
        let error = |at: usize| (at % tile) as f32 / tile as f32 - 0.5;
        Ok(tiles
            .iter()
            .enumerate()
            .map(|(at, it)| it + error(at))
            .collect())
    };
    let values = vec![0.5; 50 * 90];
    let picture = Picture {
        pixels: Pixels::Values(&values),
        shape: [1, 50, 90],
    };
    let back = through(picture, [tile, tile], 1, 9, wrong);
    let inner = back.chunks_exact(90).flat_map(|row| row[8..82].windows(2));
    let steepest = inner
        .map(|pair| (pair[1] - pair[0]).abs())
        .fold(0.0, f32::max);
    // A sixteenth is the slope that the model itself makes.
    assert!(steepest < 2.0 / 16.0, "{steepest}");
}

/// Where the tiles happen to lie matters little: the same picture, cut off by some pixels.
#[test]
fn another_place_of_the_grid_changes_little() {
    // A model that smooths along rows, and knows nothing beyond its tile.
    let smooth = |tiles: Vec<f32>, _| {
        let row = |row: &[f32]| -> Vec<f32> {
            let mean = |at: usize| {
                let window = &row[at.saturating_sub(3)..(at + 4).min(row.len())];
                window.iter().sum::<f32>() / window.len() as f32
            };
            (0..row.len()).map(mean).collect()
        };
        Ok(tiles.chunks_exact(16).flat_map(row).collect())
    };
    let wave = |at: usize| 0.5 + 0.3 * ((at % 100) as f32 / 5.0).sin();
    let restored = |cut: usize| {
        let width = 100 - cut;
        let values: Vec<f32> = (0..40).flat_map(|_| (cut..100).map(wave)).collect();
        let picture = Picture {
            pixels: Pixels::Values(&values),
            shape: [1, 40, width],
        };
        let back = through(picture, [16, 16], 1, 64, smooth);
        back[20 * width..21 * width].to_vec()
    };
    let (whole, cut) = (restored(0), restored(5));
    for (column, value) in cut.iter().enumerate().skip(16) {
        let other = whole[column + 5];
        assert!((value - other).abs() < 0.02, "{column}: {value} {other}");
    }
}
