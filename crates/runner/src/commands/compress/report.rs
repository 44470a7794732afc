//! What `compress` measures, as `analysis/compress.json` and as a table.

use serde::Serialize;

use super::rivals::Point;
use crate::commands::analysed::{self, figure};
use hourglass::codec::compress::BITS;
use hourglass::codec::quality::Quality;
use hourglass::codec::rate::{Depth, bytes_at};

/// Points: bytes per picture, dB.
pub type Curve = Vec<(f64, f64)>;

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
    pub png: Option<f64>,
    pub pca: Option<f64>,
    /// Codecs whose smallest files are already better than that; these smallest files are compared.
    pub lowest: Vec<&'static str>,
    /// The one of the code and all others that takes the fewest bytes.
    pub winner: &'static str,
    /// Bits at which the code takes fewer bytes than any other at its quality.
    pub fewest_at: Vec<u32>,
}

/// `analysis/compress.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub data: String,
    pub pictures: usize,
    /// Height times width, mean over pictures.
    pub pixels_per_picture: f64,
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
    /// Reads the whole table: all of a rival's points, and the line between them.
    pub fn new(points: &[Depth], others: &Others) -> Self {
        let own = points.iter().find(|point| point.bits == BITS);
        let (psnr, code) = own.map_or((0.0, 0.0), |it| (it.found.psnr, it.bytes_per_picture));
        let rivals = [
            ("jpeg", formats_curve(&others.jpeg)),
            ("webp", formats_curve(&others.webp)),
            ("png", formats_curve(&others.png)),
            ("pca", depths_curve(&others.pca)),
        ];
        let at = |psnr: f64| {
            let bytes = |(name, curve): &(&'static str, Curve)| Some((*name, fewest(curve, psnr)?));
            rivals.iter().filter_map(bytes).collect::<Vec<_>>()
        };
        let lowest: Vec<&str> = (rivals.iter())
            .filter(|(_, curve)| !curve.is_empty() && curve.iter().all(|&(_, it)| it > psnr))
            .map(|(name, _)| *name)
            .collect();
        let found = at(psnr);
        let mut winner = ("code", code);
        for &(name, bytes) in &found {
            // The same bytes for a better picture are fewer.
            if bytes < winner.1 || (bytes == winner.1 && lowest.contains(&name)) {
                winner = (name, bytes);
            }
        }
        let wins = |point: &&Depth| {
            let rivals = at(point.found.psnr);
            rivals
                .iter()
                .all(|&(_, bytes)| point.bytes_per_picture < bytes)
        };
        let of = |name: &str| found.iter().find(|it| it.0 == name).map(|it| it.1);
        Self {
            bits: BITS,
            psnr,
            code,
            jpeg: of("jpeg"),
            webp: of("webp"),
            png: of("png"),
            pca: of("pca"),
            lowest,
            winner: winner.0,
            fewest_at: points.iter().filter(wins).map(|point| point.bits).collect(),
        }
    }
}

/// The fewest bytes at which a curve reaches a quality: between its points, or at one of them.
fn fewest(curve: &[(f64, f64)], psnr: f64) -> Option<f64> {
    let points = curve.iter().filter(|point| point.1 >= psnr);
    points
        .map(|point| point.0)
        .chain(bytes_at(curve, psnr))
        .reduce(f64::min)
}

/// Bytes per picture and dB of a picture format at each quality.
fn formats_curve(points: &[Point]) -> Curve {
    let place = |it: &Point| (it.bytes_per_picture, it.found.psnr);
    points.iter().map(place).collect()
}

/// Bytes per picture and dB of a code at each bit depth.
fn depths_curve(points: &[Depth]) -> Curve {
    let place = |it: &Depth| (it.bytes_per_picture, it.found.psnr);
    points.iter().map(place).collect()
}

/// The lines of the chart.
pub fn curves(report: &Report) -> [(&'static str, Curve); 4] {
    let baselines = &report.baselines;
    [
        ("autoencoder", depths_curve(&report.points)),
        ("PCA", depths_curve(&baselines.pca)),
        ("JPEG", formats_curve(&baselines.jpeg)),
        ("WebP", formats_curve(&baselines.webp)),
    ]
}

pub fn table(report: &Report) -> crate::table::Table {
    // The unit of photographs; of digits on sheets it says nothing.
    let with_bits = !report.sheets;
    let row = |name: String, bytes: f64, found: &Quality| {
        let mut row = vec![name, format!("{bytes:.1}")];
        if with_bits {
            row.push(format!("{:.3}", 8.0 * bytes / report.pixels_per_picture));
        }
        row.extend([format!("{:.2}", found.psnr), figure(found.ssim)]);
        row
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
    let mut headings = vec!["", "bytes per picture", "bits per pixel", "psnr", "ssim"];
    headings.retain(|heading| with_bits || *heading != "bits per pixel");
    analysed::table(&headings, rows)
}

/// A sentence on how many bytes each codec takes at the quality of the code.
pub fn verdict(report: &Report) -> String {
    let at = &report.at_psnr;
    let others = [("JPEG", at.jpeg), ("WebP", at.webp), ("PCA", at.pca)];
    // Of PCA there may be no figures.
    let known = |name: &str| name != "PCA" || !report.baselines.pca.is_empty();
    let told: Vec<String> = (others.iter())
        .filter(|(name, _)| known(name))
        .map(|(name, bytes)| {
            let lowest = at.lowest.iter().any(|it| it.eq_ignore_ascii_case(name));
            let lowest = if lowest {
                ", at its lowest quality, which is still better"
            } else {
                ""
            };
            match bytes {
                // A code that never varies takes no bytes.
                Some(bytes) if at.code == 0.0 => format!("{name} {bytes:.1}"),
                Some(bytes) => {
                    format!(
                        "{name} {bytes:.1} ({:.2} times the bytes{lowest})",
                        bytes / at.code
                    )
                }
                None => format!("{name} does not reach it"),
            }
        })
        .collect();
    let who = match at.winner {
        "code" => "the code".to_owned(),
        "png" => "PNG, which loses nothing".to_owned(),
        "webp" => "WebP".to_owned(),
        other => other.to_uppercase(),
    };
    format!(
        "at {:.2} dB the code of {} bits takes {:.1} bytes per picture, {}; the fewest: {who}; {}",
        at.psnr,
        at.bits,
        at.code,
        told.join(", "),
        fewest_at(&at.fewest_at, report.points.len())
    )
}

/// At which bit depths of the table the code takes the fewest bytes.
fn fewest_at(bits: &[u32], depths: usize) -> String {
    let all: Vec<String> = bits.iter().map(u32::to_string).collect();
    match all.len() {
        0 => "at no bit depth of the table does the code take the fewest bytes".to_owned(),
        count if count == depths => {
            "the code takes the fewest bytes at every bit depth of the table".to_owned()
        }
        _ => format!("the code takes the fewest bytes at {} bits", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(bits: u32, bytes_per_picture: f64, psnr: f64) -> Depth {
        Depth {
            bits,
            bytes_per_picture,
            found: Quality { psnr, ssim: None },
        }
    }

    fn format(points: &[(f64, f64)]) -> Vec<Point> {
        let point = |&(bytes_per_picture, psnr): &(f64, f64)| Point {
            quality: None,
            bytes_per_picture,
            found: Quality { psnr, ssim: None },
        };
        points.iter().map(point).collect()
    }

    fn others(jpeg: &[(f64, f64)], webp: &[(f64, f64)], pca: Vec<Depth>) -> Others {
        Others {
            png: format(&[(500.0, 100.0)]),
            jpeg: format(jpeg),
            webp: format(webp),
            pca,
        }
    }

    #[test]
    fn whoever_takes_the_fewest_bytes_wins() {
        let points = [depth(2, 5.0, 19.0), depth(BITS, 50.0, 25.0)];
        let (small, large) = ([(10.0, 20.0), (40.0, 30.0)], [(60.0, 26.0), (90.0, 30.0)]);
        let at = AtPsnr::new(&points, &others(&small, &large, Vec::new()));
        assert_eq!((at.winner, at.code, at.webp), ("jpeg", 50.0, Some(60.0)));
        assert_eq!((at.lowest, at.pca), (vec!["webp", "png"], None));
        assert!((at.jpeg.unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(at.fewest_at, [2]);
        let at = AtPsnr::new(&points, &others(&large, &[], Vec::new()));
        assert_eq!((at.winner, at.fewest_at), ("code", vec![2, BITS]));
    }

    #[test]
    fn pca_and_png_can_win() {
        let points = [depth(4, 40.0, 24.0), depth(BITS, 50.0, 25.0)];
        let better = vec![depth(4, 30.0, 24.5), depth(BITS, 45.0, 26.0)];
        let at = AtPsnr::new(&points, &others(&[], &[], better));
        assert_eq!((at.winner, at.fewest_at.len()), ("pca", 0));
        // As many bytes for a better picture.
        let equal = vec![depth(BITS, 50.0, 26.0)];
        assert_eq!(AtPsnr::new(&points, &others(&[], &[], equal)).winner, "pca");
        let large = [depth(BITS, 700.0, 25.0)];
        assert_eq!(
            AtPsnr::new(&large, &others(&[], &[], Vec::new())).winner,
            "png"
        );
        // A curve that falls back between its points is read at its points too.
        let folded = [(20.0, 26.0), (90.0, 24.0), (95.0, 27.0)];
        assert_eq!(
            AtPsnr::new(&points, &others(&folded, &[], Vec::new())).winner,
            "jpeg"
        );
    }

    #[test]
    fn the_verdict_says_who_and_where() {
        assert!(fewest_at(&[], 7).starts_with("at no bit depth"));
        assert!(fewest_at(&[2, 3], 2).contains("every bit depth"));
        assert_eq!(
            fewest_at(&[2, 3], 7),
            "the code takes the fewest bytes at 2, 3 bits"
        );
    }
}
