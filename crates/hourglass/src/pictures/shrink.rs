//! Large pictures made small.

/// A picture of which each value is the mean of `by` x `by` values, fewer at the edges.
pub fn shrunk(image: &[f32], [channels, height, width]: [usize; 3], by: usize) -> Vec<f32> {
    if by <= 1 || image.len() != channels * height * width {
        return image.to_vec();
    }
    let mut small = Vec::new();
    for plane in image.chunks_exact(height * width) {
        let rows: Vec<&[f32]> = plane.chunks_exact(width).collect();
        for rows in rows.chunks(by) {
            for left in (0..width).step_by(by) {
                let block = rows.iter().flat_map(|row| row.iter().skip(left).take(by));
                let count = rows.len() * by.min(width - left);
                small.push(block.sum::<f32>() / count as f32);
            }
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_means_and_whole_pictures_stay() {
        let image = [0.0, 1.0, 4.0, 2.0, 3.0, 6.0, 8.0, 8.0, 9.0];
        assert_eq!(shrunk(&image, [1, 3, 3], 2), [1.5, 5.0, 8.0, 9.0]);
        assert_eq!(
            shrunk(&image, [3, 3, 1], 3),
            [5.0 / 3.0, 11.0 / 3.0, 25.0 / 3.0]
        );
        assert_eq!(shrunk(&image, [1, 3, 3], 1), image);
        // Not of the shape: whoever draws it says so.
        assert_eq!(shrunk(&image, [1, 4, 4], 2), image);
    }
}
