//! The list of metrics: every table, chart and file that shows [`Figures`] reads it, so that a new metric
//! is its sum in [`metrics`](super), and its entry here.

use super::Figures;

/// A metric of the reconstructions: how to read it from [`Figures`], and how to show it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in JSON, in headings and on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// What a number of it counts, as in "mse per pixel value"; `None` if it has no unit.
    pub unit: Option<&'static str>,
    /// Whether the smaller of two values is the better one.
    pub less_is_better: bool,
    /// Digits after the decimal point in tables.
    pub digits: usize,
    /// Width of its column in a terminal's table.
    pub width: usize,
    /// Whether TensorBoard shows it.
    pub in_tensorboard: bool,
    /// Its value; `None` if it was not measured.
    pub of: fn(&Figures) -> Option<f64>,
}

/// Mean squared error.
pub const MSE: Metric = Metric {
    name: "mse",
    about: "Mean squared error",
    unit: Some("per pixel value"),
    less_is_better: true,
    digits: 6,
    width: 9,
    in_tensorboard: true,
    of: |figures| Some(figures.mse),
};

/// Squared error summed over an image: `mse` times the values of an image, so TensorBoard needs only one
/// of them.
pub const SUM_SQ: Metric = Metric {
    name: "sum_sq",
    about: "Squared error summed over an image",
    unit: Some("per image"),
    less_is_better: true,
    digits: 3,
    width: 9,
    in_tensorboard: false,
    of: |figures| Some(figures.sum_sq),
};

/// Binary cross-entropy.
pub const BCE: Metric = Metric {
    name: "bce",
    about: "Binary cross-entropy",
    unit: Some("in nats per pixel value"),
    less_is_better: true,
    digits: 6,
    width: 9,
    in_tensorboard: true,
    of: |figures| known(figures.bce),
};

/// Peak signal-to-noise ratio.
pub const PSNR: Metric = Metric {
    name: "psnr",
    about: "Peak signal-to-noise ratio",
    unit: Some("in dB"),
    less_is_better: false,
    digits: 2,
    width: 8,
    in_tensorboard: true,
    of: |figures| known(figures.psnr),
};

/// Structural similarity.
pub const SSIM: Metric = Metric {
    name: "ssim",
    about: "Structural similarity",
    unit: None,
    less_is_better: false,
    digits: 4,
    width: 7,
    in_tensorboard: true,
    of: |figures| figures.ssim,
};

/// Explained variance, of data that are no pictures.
pub const R2: Metric = Metric {
    name: "r2",
    about: "Share of the variance that is explained",
    unit: None,
    less_is_better: false,
    digits: 4,
    width: 7,
    in_tensorboard: true,
    of: |figures| figures.r2,
};

/// A figure that was measured.
fn known(figure: f64) -> Option<f64> {
    (!figure.is_nan()).then_some(figure)
}

/// All metrics that are shown, in the order of the tables' columns.
pub const METRICS: [Metric; 6] = [MSE, SUM_SQ, BCE, PSNR, SSIM, R2];

/// The units of all metrics that have one, for the caption of a table.
pub fn units() -> String {
    let units: Vec<String> = METRICS
        .iter()
        .filter_map(|it| Some(format!("{} {}", it.name, it.unit?)))
        .collect();
    units.join(", ")
}

/// From here on a figure is written with an exponent, because its digits would burst a table.
const LARGE: f64 = 1e5;

/// A figure as text with this many digits, `-` if there is none.
pub fn text(figure: Option<f64>, digits: usize) -> String {
    match figure {
        Some(figure) if figure.abs() >= LARGE => format!("{figure:.2e}"),
        Some(figure) => format!("{figure:.digits$}"),
        None => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_reads_the_figure_of_its_name() {
        let figures = Figures {
            mse: 1.0,
            bce: 2.0,
            bce_over_floor: 3.0,
            sum_sq: 4.0,
            psnr: 5.0,
            ssim: Some(6.0),
            r2: Some(7.0),
            mixed: None,
        };
        let json = serde_json::to_value(&figures).unwrap();
        for metric in METRICS {
            assert_eq!(
                (metric.of)(&figures),
                json[metric.name].as_f64(),
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn large_figures_fit_their_column() {
        let texts = [Some(0.004_364), Some(9_827_663_110_714_686.0), None].map(|it| text(it, 6));
        assert_eq!(texts, ["0.004364", "9.83e15", "-"]);
    }

    #[test]
    fn the_units_of_all_metrics() {
        assert_eq!(
            units(),
            "mse per pixel value, sum_sq per image, bce in nats per pixel value, psnr in dB"
        );
    }
}
