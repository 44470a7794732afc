//! The median filter: each value becomes the median of a square window around it, which removes single
//! wrong pixels and keeps edges (Tukey, "Exploratory Data Analysis", 1977).
//!
//! Our own code, because the maintained libraries' medians only take bytes, and corrupted pictures are floats.

/// Filters one plane `[height, width]` with a square window of an odd `size`; the border pixels are
/// repeated beyond the border.
pub(super) fn median(plane: &[f32], [height, width]: [usize; 2], size: usize) -> Vec<f32> {
    let reach = size / 2;
    // The rows and columns around each pixel, inside the plane.
    let around = |at: usize, length: usize| {
        (0..size).map(move |offset| (at + offset).saturating_sub(reach).min(length - 1))
    };
    let columns: Vec<usize> = (0..width).flat_map(|at| around(at, width)).collect();
    let mut window = Vec::with_capacity(size * size);
    let mut filtered = Vec::with_capacity(plane.len());
    for row in 0..height {
        let rows: Vec<&[f32]> = around(row, height)
            .map(|row| &plane[row * width..][..width])
            .collect();
        for columns in columns.chunks_exact(size) {
            window.clear();
            for row in &rows {
                window.extend(columns.iter().map(|&column| row[column]));
            }
            let middle = window.len() / 2;
            let (_, value, _) = window.select_nth_unstable_by(middle, f32::total_cmp);
            filtered.push(*value);
        }
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_pixel_goes_and_an_edge_stays() {
        let mut plane = vec![0.0; 30];
        plane[8] = 1.0;
        assert_eq!(median(&plane, [5, 6], 3), vec![0.0; 30]);
        let edge: Vec<f32> = (0..30).map(|at| f32::from(u8::from(at % 6 > 2))).collect();
        assert_eq!(median(&edge, [5, 6], 3), edge);
        assert_eq!(median(&edge, [5, 6], 5), edge);
    }

    #[test]
    fn the_border_is_continued() {
        // The corner is in its window four times, its neighbours twice, the opposite corner once.
        let plane = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(median(&plane, [2, 2], 3), [2.0, 2.0, 3.0, 3.0]);
        assert_eq!(median(&[5.0, 1.0, 2.0], [1, 3], 3), [5.0, 2.0, 2.0]);
        assert_eq!(median(&[7.0], [1, 1], 5), [7.0]);
    }
}
