//! The rate-distortion chart: quality over bytes.

use std::path::Path;

use anyhow::Result;

use super::report::Curve;
use report::chart::{Axis, Chart, Drawing, Scale, Series};
use report::plots::write_chart;

/// A name and its points.
type Named = (&'static str, Curve);

/// Draws one line per name through its points as `STEM.svg` and `STEM.png`.
///
/// # Errors
/// If a file cannot be written.
pub fn write(title: &str, curves: &[Named], stem: &Path) -> Result<()> {
    Ok(write_chart(&chart(title, curves), stem)?)
}

fn chart(title: &str, curves: &[Named]) -> Chart {
    let series = |(color, (name, places)): (usize, &Named)| {
        Series::new(name, color, Drawing::Line, places.clone())
    };
    Chart {
        title: title.to_owned(),
        x: Axis::new("bytes a picture").scale(Scale::Log),
        y: Axis::new("psnr, dB"),
        series: curves.iter().enumerate().map(series).collect(),
        ..Chart::default()
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn curves() -> Vec<Named> {
        vec![
            (
                "autoencoder",
                vec![(10.0, 12.0), (100.0, 20.0), (1000.0, 22.0)],
            ),
            ("JPEG", vec![(300.0, 18.0), (3000.0, 34.0)]),
            // A perfect reconstruction has an infinite PSNR.
            ("WebP", vec![(400.0, f64::INFINITY)]),
            ("PCA", Vec::new()),
        ]
    }

    #[test]
    fn quality_is_over_bytes_on_a_logarithmic_axis() {
        let svg = chart("Rate & distortion", &curves()).file();
        let document = Document::parse(&svg).unwrap();
        let texts: Vec<&str> = (document.descendants())
            .filter(|node| node.has_tag_name("text"))
            .filter_map(|node| node.text())
            .collect();
        for text in [
            "Rate & distortion",
            "bytes a picture (logarithmic)",
            "psnr, dB",
            "autoencoder",
            "JPEG",
            "100",
            "1000",
        ] {
            assert!(texts.contains(&text), "{text} is missing: {texts:?}");
        }
        // Who has no place to draw is not in the legend.
        assert!(
            !texts.contains(&"WebP") && !texts.contains(&"PCA"),
            "{texts:?}"
        );
        let places: Vec<(f64, f64, &str)> = (document.descendants())
            .filter(|node| node.attribute("class") == Some("hit"))
            .map(|node| {
                let number = |name| node.attribute(name).unwrap().parse().unwrap();
                let tip = node.first_element_child().unwrap().text().unwrap();
                (number("cx"), number("cy"), tip)
            })
            .collect();
        assert_eq!(places.len(), 5);
        assert_eq!(places[3].2, "JPEG: bytes a picture 300, psnr, dB 18.00");
        let [ten, hundred, thousand] = [0, 1, 2].map(|it: usize| places[it].0);
        assert!((ten - 2.0 * hundred + thousand).abs() < 0.21);
        // 2 dB against 8 dB.
        let [low, middle, high] = [0, 1, 2].map(|it: usize| places[it].1);
        assert!(((middle - high) / (low - middle) - 0.25).abs() < 0.01);
    }

    #[test]
    fn both_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("rate");
        write("Rate", &curves(), &stem).unwrap();
        let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        let picture = image::open(stem.with_extension("png")).unwrap();
        assert_eq!((picture.width(), picture.height()), (1280, 800));
        assert!(write("Rate", &curves(), &folder.path().join("no/rate")).is_err());
    }
}
