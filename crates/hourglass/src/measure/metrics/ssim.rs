//! Structural similarity of two images (Wang, Bovik, Sheikh & Simoncelli 2004): how similar their
//! means, contrasts and structures are within a Gaussian window, averaged over all window positions.

/// The window's radius: 3.5 sigma, rounded.
const RADIUS: usize = 5;
/// The window's side.
const SIDE: usize = 2 * RADIUS + 1;
/// The Gaussian's standard deviation, in pixels.
const SIGMA: f64 = 1.5;
/// (K1 L)^2 and (K2 L)^2 of the paper, with a range L of 1: they prevent 0 / 0 on flat patches.
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// Structural similarity for images of one shape.
#[derive(Debug, Clone)]
pub(super) struct Ssim {
    channels: usize,
    height: usize,
    width: usize,
    /// The Gaussian along one axis; the window is its product with itself.
    weights: [f64; SIDE],
}

impl Ssim {
    /// For images of [channels, height, width]; `None` if they are smaller than the window.
    pub(super) fn new([channels, height, width]: [usize; 3]) -> Option<Self> {
        if channels == 0 || height < SIDE || width < SIDE {
            return None;
        }
        let mut weights = [0.0; SIDE];
        for (i, weight) in weights.iter_mut().enumerate() {
            let distance = i as f64 - RADIUS as f64;
            *weight = (-0.5 * (distance / SIGMA).powi(2)).exp();
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Some(Self {
            channels,
            height,
            width,
            weights,
        })
    }

    /// The mean over channels and over all positions where the whole window is inside the image.
    /// `x` and `y` are [channels, height, width], of this shape.
    pub(super) fn mean(&self, x: &[f64], y: &[f64]) -> f64 {
        let plane = self.height * self.width;
        let sum: f64 = (x.chunks_exact(plane).zip(y.chunks_exact(plane)))
            .map(|(x, y)| self.plane_sum(x, y))
            .sum();
        let places = (self.height - SIDE + 1) * (self.width - SIDE + 1);
        sum / (self.channels * places) as f64
    }

    /// The sum over the positions of one channel. The window is applied along the columns and then along
    /// the rows, which takes 22 products per position instead of 121.
    fn plane_sum(&self, x: &[f64], y: &[f64]) -> f64 {
        let width = self.width;
        let places = width - SIDE + 1;
        // The weighted means of x, y, x^2, y^2 and xy: first per column, then per window.
        let mut columns = [(); 5].map(|()| vec![0.0; width]);
        let mut windows = [(); 5].map(|()| vec![0.0; places]);
        let mut sum = 0.0;
        for top in 0..=self.height - SIDE {
            columns.iter_mut().for_each(|column| column.fill(0.0));
            let [cx, cy, cxx, cyy, cxy] = &mut columns;
            for (row, weight) in (top..).zip(self.weights) {
                let x = &x[row * width..][..width];
                let y = &y[row * width..][..width];
                for i in 0..width {
                    let (wx, wy) = (weight * x[i], weight * y[i]);
                    cx[i] += wx;
                    cy[i] += wy;
                    cxx[i] += wx * x[i];
                    cyy[i] += wy * y[i];
                    cxy[i] += wx * y[i];
                }
            }
            for (window, column) in windows.iter_mut().zip(&columns) {
                window.fill(0.0);
                for (left, weight) in self.weights.iter().enumerate() {
                    for (to, from) in window.iter_mut().zip(&column[left..]) {
                        *to += weight * from;
                    }
                }
            }
            let [mx, my, mxx, myy, mxy] = &windows;
            for i in 0..places {
                let (xx, yy, xy) = (mx[i] * mx[i], my[i] * my[i], mx[i] * my[i]);
                let (var_x, var_y, cov) = (mxx[i] - xx, myy[i] - yy, mxy[i] - xy);
                sum +=
                    ((2.0 * xy + C1) * (2.0 * cov + C2)) / ((xx + yy + C1) * (var_x + var_y + C2));
            }
        }
        sum
    }
}
