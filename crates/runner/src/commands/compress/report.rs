//! What `compress` measures, as `analysis/compress.json` and as a table.

use serde::Serialize;

use super::rivals::Point;
use crate::commands::analysed::{self, figure};
use hourglass::codec::compress::BITS;
use hourglass::codec::quality::Quality;
use hourglass::codec::rate::{Depth, bytes_at};

/// A name and its points: bytes per picture, dB.
pub type Curve<'a> = (&'a str, Vec<(f64, f64)>);

/// The baselines of the report.
#[derive(Debug, Serialize)]
pub struct Others {
    pub png: Vec<Point>,
    pub jpeg: Vec<Point>,
    pub webp: Vec<Point>,
    /// Empty if the images are too large for PCA, or the run's own could not be loaded.
    pub pca: Vec<Depth>,
}

/// Bytes per picture that each codec takes at the quality of the code at [`BITS`]; `None` if it never
/// reaches that quality.
#[derive(Debug, Serialize)]
pub struct AtPsnr {
    pub bits: u32,
    pub psnr: f64,
    pub code: f64,
    pub jpeg: Option<f64>,
    pub webp: Option<f64>,
    pub pca: Option<f64>,
    /// Codecs whose smallest files are already better than that; these smallest files are compared.
    pub lowest: Vec<&'static str>,
    /// The one of the code, JPEG, WebP and PCA that takes the fewest bytes.
    pub winner: &'static str,
}

/// `analysis/compress.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub data: String,
    pub pictures: usize,
    pub code_size: usize,
    /// The code without quantisation.
    pub unquantised: Quality,
    pub points: Vec<Depth>,
    pub baselines: Others,
    pub at_psnr: AtPsnr,
    /// Whether the formats got sheets of many pictures instead of one file per picture.
    pub sheets: bool,
}

impl AtPsnr {
    pub fn new(
        points: &[Depth],
        jpeg: &[(f64, f64)],
        webp: &[(f64, f64)],
        pca: &[(f64, f64)],
    ) -> Self {
        let own = points.iter().find(|point| point.bits == BITS);
        let (psnr, code) = own.map_or((0.0, 0.0), |it| (it.found.psnr, it.bytes_per_picture));
        let lowest = [("jpeg", jpeg), ("webp", webp), ("pca", pca)];
        let lowest = lowest.into_iter().filter(|(_, curve)| {
            !curve.is_empty() && curve.iter().all(|&(_, quality)| quality > psnr)
        });
        let [at_jpeg, at_webp, at_pca] = [jpeg, webp, pca].map(|curve| bytes_at(curve, psnr));
        let mut winner = ("code", code);
        for (name, bytes) in [("jpeg", at_jpeg), ("webp", at_webp), ("pca", at_pca)] {
            if let Some(bytes) = bytes.filter(|&bytes| bytes < winner.1) {
                winner = (name, bytes);
            }
        }
        Self {
            bits: BITS,
            psnr,
            code,
            jpeg: at_jpeg,
            webp: at_webp,
            pca: at_pca,
            lowest: lowest.map(|(name, _)| name).collect(),
            winner: winner.0,
        }
    }
}

/// Bytes per picture and dB of a picture format at each quality.
pub fn formats_curve(points: &[Point]) -> Vec<(f64, f64)> {
    let place = |it: &Point| (it.bytes_per_picture, it.found.psnr);
    points.iter().map(place).collect()
}

/// Bytes per picture and dB of a code at each bit depth.
pub fn depths_curve(points: &[Depth]) -> Vec<(f64, f64)> {
    let place = |it: &Depth| (it.bytes_per_picture, it.found.psnr);
    points.iter().map(place).collect()
}

/// The lines of the chart.
pub fn curves(report: &Report) -> [Curve<'static>; 4] {
    let baselines = &report.baselines;
    [
        ("autoencoder", depths_curve(&report.points)),
        ("PCA", depths_curve(&baselines.pca)),
        ("JPEG", formats_curve(&baselines.jpeg)),
        ("WebP", formats_curve(&baselines.webp)),
    ]
}

pub fn table(report: &Report) -> crate::table::Table {
    let row = |name: String, bytes: f64, found: &Quality| {
        vec![
            name,
            format!("{bytes:.1}"),
            format!("{:.2}", found.psnr),
            figure(found.ssim),
        ]
    };
    let mut rows = Vec::new();
    for point in &report.points {
        rows.push(row(
            format!("code {}, {} bits", report.code_size, point.bits),
            point.bytes_per_picture,
            &point.found,
        ));
    }
    for point in &report.baselines.pca {
        rows.push(row(
            format!("PCA {}, {} bits", report.code_size, point.bits),
            point.bytes_per_picture,
            &point.found,
        ));
    }
    for (format, points) in [
        ("JPEG", &report.baselines.jpeg),
        ("WebP", &report.baselines.webp),
        ("PNG", &report.baselines.png),
    ] {
        for point in points {
            let name = point.quality.map_or_else(
                || format!("{format}, lossless"),
                |it| format!("{format}, quality {it}"),
            );
            rows.push(row(name, point.bytes_per_picture, &point.found));
        }
    }
    analysed::table(&["", "bytes per picture", "psnr", "ssim"], rows)
}

/// A sentence on how many bytes each codec takes at the quality of the code.
pub fn verdict(report: &Report) -> String {
    let at = &report.at_psnr;
    let others = [("JPEG", at.jpeg), ("WebP", at.webp), ("PCA", at.pca)];
    let known = |name: &str| match name {
        "JPEG" => !report.baselines.jpeg.is_empty(),
        "WebP" => !report.baselines.webp.is_empty(),
        _ => !report.baselines.pca.is_empty(),
    };
    let others: Vec<(&str, Option<f64>)> =
        others.into_iter().filter(|(name, _)| known(name)).collect();
    let told = others.iter().map(|(name, bytes)| {
        let lowest = at.lowest.iter().any(|it| it.eq_ignore_ascii_case(name));
        let lowest = match lowest {
            true => ", at its lowest quality, which is still better",
            false => "",
        };
        match bytes {
            Some(bytes) if at.code > 0.0 => format!(
                ", {name} {bytes:.1} ({:.2} times the bytes{lowest})",
                bytes / at.code
            ),
            Some(bytes) => format!(", {name} {bytes:.1}"),
            None => format!(", {name} does not reach it"),
        }
    });
    let mut text = format!(
        "at {:.2} dB the code of {} bits takes {:.1} bytes per picture{}",
        at.psnr,
        at.bits,
        at.code,
        told.collect::<String>()
    );
    if !others.is_empty() {
        let who = match at.winner {
            "code" => "the autoencoder",
            "jpeg" => "JPEG",
            "webp" => "WebP",
            _ => "PCA",
        };
        text += &format!("; {who} takes the fewest");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_the_fewest_bytes_wins() {
        let depth = |bits, bytes_per_picture, psnr| Depth {
            bits,
            bytes_per_picture,
            found: Quality { psnr, ssim: None },
        };
        let points = [depth(2, 5.0, 20.0), depth(BITS, 50.0, 25.0)];
        let (small, large) = ([(10.0, 20.0), (40.0, 30.0)], [(60.0, 26.0), (90.0, 30.0)]);
        let at = AtPsnr::new(&points, &small, &large, &[]);
        assert_eq!((at.winner, at.code, at.webp), ("jpeg", 50.0, Some(60.0)));
        assert_eq!((at.lowest, at.pca), (vec!["webp"], None));
        assert!((at.jpeg.unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(AtPsnr::new(&points, &large, &[], &[]).winner, "code");
        // PCA is in the table, so it may win.
        let at = AtPsnr::new(&points, &large, &[], &small);
        assert_eq!((at.winner, at.pca.map(f64::round)), ("pca", Some(20.0)));
    }
}
