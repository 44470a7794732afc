//! The rate-distortion table: bytes a picture against quality at several bit depths, beside picture formats, and PCA
//! with the same quantiser and entropy coder.

use anyhow::Result;
use serde::Serialize;

use super::rivals::{Format, Point, Rivals};
use super::{codec, compare, compare_tiles, plot, statistics};
use crate::analysis::features::Features;
use crate::checkpoint;
use crate::cli::{CompressArgs, Part};
use crate::commands::analysed::{self, figure};
use crate::commands::{DONE, Loaded};
use crate::compression::codec::byte;
use crate::compression::coder::Coder;
use crate::compression::container::Container;
use crate::compression::pictures::{Group, Picture, Pictures};
use crate::compression::quality::{Comparison, Quality};
use crate::compression::quantiser::{Quantiser, Statistics};
use crate::evaluation::BATCH;
use crate::pca::Pca;
use crate::terminal;

/// Bits of a value where none are given: from here on more bits hardly show (README, "Compression").
pub const DEFAULT_BITS: u32 = 5;

/// Bit depths in the table.
const DEPTHS: [u32; 7] = [2, 3, 4, 5, 6, 7, 8];

/// A code at one bit depth.
#[derive(Clone, Debug, Serialize)]
struct Depth {
    bits: u32,
    bytes_per_picture: f64,
    #[serde(flatten)]
    found: Quality,
}

/// `baselines` of the report.
#[derive(Debug, Serialize)]
struct Others {
    png: Vec<Point>,
    jpeg: Vec<Point>,
    webp: Vec<Point>,
    /// Empty where the images are too large for PCA, or the run's own cannot be had.
    pca: Vec<Depth>,
}

/// Bytes a picture that each takes at the quality of the code of [`DEFAULT_BITS`]; none where it does not get there.
#[derive(Debug, Serialize)]
struct AtPsnr {
    bits: u32,
    psnr: f64,
    code: f64,
    jpeg: Option<f64>,
    webp: Option<f64>,
    pca: Option<f64>,
}

/// `analysis/compress.json`.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    data: String,
    pictures: usize,
    code_size: usize,
    /// The code as it is, without quantisation.
    unquantised: Quality,
    points: Vec<Depth>,
    baselines: Others,
    at_psnr: AtPsnr,
    /// Whether the formats got sheets of many pictures in place of a file each.
    sheets: bool,
}

pub fn run(args: &CompressArgs) -> Result<u8> {
    let loaded = Loaded::open(&args.run, &args.write.backend)?;
    let name = loaded.run.folder().display().to_string();
    codec(&loaded)?.check(&name)?;
    let setup = loaded.setup(&args.write.backend);
    let pictures = match (&args.input, &setup) {
        (Some(spec), _) => {
            Pictures::find(spec, Part::Test, loaded.meta.input_shape, loaded.meta.seed)?
        }
        (None, Ok(setup)) => Pictures::Set(setup.test.as_ref().clone()),
        (None, Err(error)) => {
            anyhow::bail!("{name}: its own test pictures cannot be had: {error:#}")
        }
    };
    let data = args
        .input
        .clone()
        .unwrap_or_else(|| "the run's test pictures".into());
    terminal::note(&format!("{name} on {} pictures of {data}", pictures.len()));
    let codec = codec(&loaded)?;
    let checkpoint = checkpoint::read_best(&loaded.run)?;
    let statistics = statistics(&loaded, &checkpoint, &codec, || match &setup {
        Ok(setup) => Ok(std::sync::Arc::clone(&setup.train)),
        Err(error) => anyhow::bail!("its ranges cannot be learned: {error:#}"),
    })?;
    let mut groups = Vec::new();
    let mut codes = Vec::new();
    pictures.groups(codec.tile, BATCH, |group| {
        codes.push(codec.encode(group.tiles.clone())?);
        groups.push(group);
        Ok(())
    })?;
    let mut plain = Comparison::default();
    for (group, codes) in groups.iter().zip(&codes) {
        compare(&codec, group, codes, &mut plain)?;
    }
    let header = Header {
        pictures: &pictures,
        model_sha256: &checkpoint.meta.model_sha256,
        tile: codec.tile,
    };
    let points = depths(&statistics, &groups, &codes, &header, |codes| {
        codec.decode(codes)
    })?;
    let pca = match &setup {
        Ok(setup) => {
            let found = analysed::pca(&setup.train, codec.units)?;
            found.map_or_else(
                || Ok(Vec::new()),
                |pca| pca_depths(&pca, setup.train.pixels(), &groups, &header),
            )?
        }
        Err(_) => Vec::new(),
    };
    let all: Vec<Picture> = groups
        .iter()
        .flat_map(|group| group.pictures.iter().cloned())
        .collect();
    let rivals = Rivals::new(&all, codec.tile[0]);
    let baselines = Others {
        png: rivals.points(Format::Png)?,
        jpeg: rivals.points(Format::Jpeg)?,
        webp: rivals.points(Format::WebP)?,
        pca,
    };
    let at = points
        .iter()
        .find(|point| point.bits == DEFAULT_BITS)
        .map_or((0.0, 0.0), |it| (it.found.psnr, it.bytes_per_picture));
    let rate = |points: &[Point]| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|it| (it.bytes_per_picture, it.found.psnr))
            .collect()
    };
    let depth = |points: &[Depth]| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|it| (it.bytes_per_picture, it.found.psnr))
            .collect()
    };
    let report = Report {
        run: name.clone(),
        data,
        pictures: all.len(),
        code_size: codec.units,
        unquantised: plain.finish(),
        at_psnr: AtPsnr {
            bits: DEFAULT_BITS,
            psnr: at.0,
            code: at.1,
            jpeg: bytes_at(&rate(&baselines.jpeg), at.0),
            webp: bytes_at(&rate(&baselines.webp), at.0),
            pca: bytes_at(&depth(&baselines.pca), at.0),
        },
        sheets: rivals.sheets,
        points,
        baselines,
    };
    let folder = analysed::file(&loaded.run, "compress")?;
    std::fs::create_dir_all(&folder)?;
    let curves = [
        ("autoencoder", depth(&report.points)),
        ("PCA", depth(&report.baselines.pca)),
        ("JPEG", rate(&report.baselines.jpeg)),
        ("WebP", rate(&report.baselines.webp)),
    ];
    plot::write(
        &format!("Compression by {}, code {}", short(&name), report.code_size),
        &curves,
        &folder.join("rate"),
    )?;
    analysed::finish(&loaded.run, "compress", &report, &table(&report), args.json)?;
    if !args.json {
        terminal::print(&verdict(&report))?;
    }
    terminal::note(&format!(
        "results in {name}: analysis/compress.json, analysis/compress/rate.svg and .png"
    ));
    Ok(DONE)
}

fn short(name: &str) -> String {
    let folder = std::path::Path::new(name).file_name();
    folder.map_or_else(|| name.to_owned(), |it| it.to_string_lossy().into_owned())
}

/// What a file needs besides its codes.
struct Header<'a> {
    pictures: &'a Pictures,
    model_sha256: &'a str,
    tile: data::ImageShape,
}

impl Header<'_> {
    /// Bytes of the file that holds a stream.
    fn file(&self, bits: u32, stream: Vec<u8>) -> Result<usize> {
        let container = Container {
            bits,
            model_sha256: self.model_sha256.to_owned(),
            statistics_crc: 0,
            tile: self.tile,
            sizes: self.pictures.sizes(),
            names: self.pictures.names(),
            stream,
            embedded: None,
        };
        Ok(container.to_bytes()?.len())
    }
}

/// Quantises codes in all depths; `decode` makes tiles of them.
fn depths(
    statistics: &Statistics,
    groups: &[Group],
    codes: &[Vec<f32>],
    header: &Header,
    decode: impl Fn(&[f32]) -> Result<Vec<u8>>,
) -> Result<Vec<Depth>> {
    let one = |bits: u32| -> Result<Depth> {
        let quantiser: Quantiser = statistics.quantiser(bits);
        let coder = Coder::new(&quantiser)?;
        let mut comparison = Comparison::default();
        let mut levels = Vec::new();
        for (group, codes) in groups.iter().zip(codes) {
            let found = quantiser.levels(codes);
            compare_tiles(
                header.tile,
                group,
                &decode(&quantiser.values(&found))?,
                &mut comparison,
            )?;
            levels.extend(found);
        }
        let bytes = header.file(bits, coder.encode(&levels)?)?;
        Ok(Depth {
            bits,
            bytes_per_picture: bytes as f64 / header.pictures.len().max(1) as f64,
            found: comparison.finish(),
        })
    };
    DEPTHS.into_iter().map(one).collect()
}

fn pca_depths(pca: &Pca, train: &[u8], groups: &[Group], header: &Header) -> Result<Vec<Depth>> {
    let units = pca.components();
    let learned = pca.codes(train)?;
    let rows = learned.len() / units.max(1);
    let statistics = Statistics::learn("", &Features::new(learned, units, rows));
    let codes: Result<Vec<Vec<f32>>, _> =
        groups.iter().map(|group| pca.codes(&group.tiles)).collect();
    depths(&statistics, groups, &codes?, header, |codes| {
        Ok(pca.pictures(codes).into_iter().map(byte).collect())
    })
}

/// Bytes at which a curve of (bytes, dB) reaches a quality, in a straight line between the logarithms of the bytes of its
/// points. A curve that is better everywhere takes the bytes of its first point.
fn bytes_at(curve: &[(f64, f64)], psnr: f64) -> Option<f64> {
    let mut sorted = curve.to_vec();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let above = sorted.iter().position(|point| point.1 >= psnr)?;
    let &(high, at_high) = sorted.get(above)?;
    let Some(&(low, at_low)) = above.checked_sub(1).and_then(|below| sorted.get(below)) else {
        return Some(high);
    };
    let share = (psnr - at_low) / (at_high - at_low);
    Some((low.ln() + share * (high.ln() - low.ln())).exp())
}

fn table(report: &Report) -> comfy_table::Table {
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
                || format!("{format}, no loss"),
                |it| format!("{format}, quality {it}"),
            );
            rows.push(row(name, point.bytes_per_picture, &point.found));
        }
    }
    analysed::table(&["", "bytes a picture", "psnr", "ssim"], rows)
}

/// Who takes fewer bytes at the quality of the code, in a sentence.
fn verdict(report: &Report) -> String {
    let at = &report.at_psnr;
    let others = [("JPEG", at.jpeg), ("WebP", at.webp), ("PCA", at.pca)];
    let told: Vec<String> = others
        .iter()
        .map(|(name, bytes)| match bytes {
            Some(bytes) => format!("{name} {bytes:.1} ({:.2} times as many)", bytes / at.code),
            None => format!("{name} does not get there"),
        })
        .collect();
    let best = [at.jpeg, at.webp]
        .into_iter()
        .flatten()
        .fold(f64::INFINITY, f64::min);
    let who = if best < at.code {
        "a picture format wins"
    } else {
        "the autoencoder wins"
    };
    format!(
        "at {:.2} dB the code of {} bits takes {:.1} bytes a picture, {}: {who}",
        at.psnr,
        at.bits,
        at.code,
        told.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_off_between_points() {
        let curve = [(10.0, 20.0), (1000.0, 30.0), (100.0, 25.0)];
        assert_eq!(bytes_at(&curve, 20.0), Some(10.0));
        assert!((bytes_at(&curve, 22.5).unwrap() - 31.622).abs() < 0.01);
        assert_eq!(bytes_at(&curve, 15.0), Some(10.0));
        assert_eq!(bytes_at(&curve, 31.0), None);
        assert_eq!(bytes_at(&[], 31.0), None);
    }
}
