//! Figures for special corruptions: the error inside holes, and the error of colours.

use rayon::prelude::*;

use super::HoleFigures;
use super::colour::ab_error;
use crate::measure::metrics::psnr;

/// Sums of these figures over pictures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closer {
    /// Number of pictures with a hole, and the sum of their figures.
    holes: (usize, f64),
    /// Number of pictures with measured colours, and the sum of their errors.
    colours: (usize, f64),
}

impl Closer {
    /// Adds pictures `[n, channels, pixels]`: against clean ones of the same shape where `missing`,
    /// `[n, pixels]`, is not 0, and their colours where `colours` says so. The sums are in the order of
    /// the pictures, whatever the number of threads.
    pub fn push(
        &mut self,
        clean: &[f32],
        restored: &[f32],
        [channels, plane]: [usize; 2],
        missing: Option<&[f32]>,
        colours: bool,
    ) {
        let image = (channels * plane).max(1);
        let pairs = clean
            .par_chunks_exact(image)
            .zip(restored.par_chunks_exact(image));
        let found: Vec<(Option<f64>, Option<f64>)> = pairs
            .enumerate()
            .map(|(number, (clean, restored))| {
                let missing = missing.and_then(|all| all.chunks_exact(plane).nth(number));
                let hole = missing.and_then(|missing| inside(clean, restored, missing));
                let colour = (colours && channels == 3).then(|| ab_error(clean, restored));
                (hole, colour)
            })
            .collect();
        for (hole, colour) in found {
            for (sum, more) in [(&mut self.holes, hole), (&mut self.colours, colour)] {
                if let Some(more) = more {
                    *sum = (sum.0 + 1, sum.1 + more);
                }
            }
        }
    }

    /// The mean inside holes; `None` if there was none.
    pub fn hole(&self) -> Option<HoleFigures> {
        Some(HoleFigures {
            psnr: mean(self.holes)?,
        })
    }

    /// The mean colour error; `None` if no colours were measured.
    pub fn ab_error(&self) -> Option<f64> {
        mean(self.colours)
    }
}

fn mean((count, sum): (usize, f64)) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

/// The peak signal-to-noise ratio of the pixels `[channels, pixels]` where `missing`, `[pixels]`, is
/// not 0; `None` if no pixel is missing.
fn inside(clean: &[f32], restored: &[f32], missing: &[f32]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    let planes = clean
        .chunks_exact(missing.len())
        .zip(restored.chunks_exact(missing.len()));
    for (clean, restored) in planes {
        for ((clean, restored), missing) in clean.iter().zip(restored).zip(missing) {
            if *missing != 0.0 {
                sum += f64::from(clean - restored).powi(2);
                count += 1;
            }
        }
    }
    (count > 0).then(|| psnr(sum / count as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_counts() {
        let clean = [0.5; 12];
        // Two pictures of two channels and three pixels; the first misses its last pixel.
        let mut restored = [0.0; 12];
        restored[2] = 0.4;
        restored[5] = 0.8;
        let missing = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let mut closer = Closer::default();
        closer.push(&clean, &restored, [2, 3], Some(&missing), true);
        let expected = -10.0 * 0.05f64.log10();
        let found = closer.hole().unwrap().psnr;
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        assert_eq!(closer.ab_error(), None, "two channels are no colours");
        let mut exact = Closer::default();
        exact.push(&clean, &clean, [3, 4], Some(&[1.0; 4]), true);
        assert_eq!(exact.hole().unwrap().psnr, 100.0);
        assert_eq!(exact.ab_error(), Some(0.0));
        assert_eq!(Closer::default().hole(), None);
    }
}
