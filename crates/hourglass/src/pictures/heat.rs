//! Heat: one value of each pixel as a colour.

/// Values `[height, width]` as a picture `[3, height, width]`: black for 0, then red and yellow, white for 1 and more.
pub fn heat(values: &[f32]) -> Vec<f32> {
    // Red rises over the first third, green over the second, blue over the last.
    (0..3)
        .flat_map(|third| {
            let colour = move |heat: &f32| (3.0 * heat - third as f32).clamp(0.0, 1.0);
            values.iter().map(colour)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_goes_from_black_over_red_and_yellow_to_white() {
        let heat = heat(&[0.0, 1.0, 1.0 / 3.0, 2.0 / 3.0, 9.0]);
        let known = [
            [0.0, 1.0, 1.0, 1.0, 1.0],
            [0.0, 1.0, 0.0, 1.0, 1.0],
            [0.0, 1.0, 0.0, 0.0, 1.0],
        ];
        for (found, known) in heat.iter().zip(known.as_flattened()) {
            assert!((found - known).abs() < 1e-5, "{heat:?}");
        }
    }
}
