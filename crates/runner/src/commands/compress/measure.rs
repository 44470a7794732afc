//! The rate-distortion table: bytes per picture and quality at several bit depths, compared with picture formats and
//! with PCA under the same quantiser and entropy coder.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::report::{AtPsnr, Others, Report, table, verdict};
use super::rivals::{Format, Point, Rivals};
use super::{found, plot};
use crate::cli::CompressArgs;
use crate::commands::opened;
use crate::commands::own_images;
use crate::commands::{DONE, analysed};
use crate::terminal;
use hourglass::codec::autoencoder::Codec;
use hourglass::codec::learned;
use hourglass::codec::pictures::Pictures;
use hourglass::codec::rate::{self, Depth, PcaCodec};

pub fn run(args: &CompressArgs) -> Result<u8> {
    let loaded = opened(&args.run, &args.write.backend)?;
    let name = loaded.run.folder().display().to_string();
    let codec = Codec::of(&loaded)?;
    let setup = own_images(&loaded.run, &args.write.backend);
    let pictures = match (&args.input, &setup) {
        (Some(spec), _) => found(spec, &loaded.meta)?,
        (None, Ok(setup)) => Pictures::Set(setup.test.as_ref().clone()),
        (None, Err(error)) => {
            anyhow::bail!("{name}: its test pictures could not be loaded: {error:#}")
        }
    };
    let data = args
        .input
        .clone()
        .unwrap_or_else(|| "the run's test pictures".into());
    terminal::note(&format!("{name} on {} pictures of {data}", pictures.len()));
    let sha256 = &loaded.meta.model_sha256;
    let statistics = learned::of_run(&loaded.run, &codec, sha256, || match &setup {
        Ok(setup) => Ok(Arc::clone(&setup.train)),
        Err(error) => anyhow::bail!("the ranges of the code cannot be learned: {error:#}"),
    })?;
    let pca = match &setup {
        Ok(setup) => analysed::pca(&setup.train, codec.units)?
            .map(|pca| PcaCodec::new(pca, &setup.train))
            .transpose()?,
        Err(_) => None,
    };
    let mut rivals = Rivals::new(&pictures.sizes(), codec.tile[0]);
    let sheets = rivals.has_sheets();
    let rates = rate::measure(&codec, &statistics, pca.as_ref(), &pictures, |originals| {
        rivals.push(originals)
    })?;
    let formats = rivals.finish()?;
    let baselines = Others {
        png: formats(Format::Png),
        jpeg: formats(Format::Jpeg),
        webp: formats(Format::WebP),
        pca: rates.pca,
    };
    let curve = |points: &[Point]| -> Vec<(f64, f64)> {
        let place = |it: &Point| (it.bytes_per_picture, it.found.psnr);
        points.iter().map(place).collect()
    };
    let depth = |points: &[Depth]| -> Vec<(f64, f64)> {
        let place = |it: &Depth| (it.bytes_per_picture, it.found.psnr);
        points.iter().map(place).collect()
    };
    let report = Report {
        run: name.clone(),
        data,
        pictures: pictures.len(),
        code_size: codec.units,
        unquantised: rates.unquantised,
        at_psnr: AtPsnr::new(
            &rates.points,
            &curve(&baselines.jpeg),
            &curve(&baselines.webp),
            &depth(&baselines.pca),
        ),
        sheets,
        points: rates.points,
        baselines,
    };
    let folder = analysed::file(&loaded.run, "compress")?;
    std::fs::create_dir_all(&folder)?;
    let curves = [
        ("autoencoder", depth(&report.points)),
        ("PCA", depth(&report.baselines.pca)),
        ("JPEG", curve(&report.baselines.jpeg)),
        ("WebP", curve(&report.baselines.webp)),
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
    let folder = Path::new(name).file_name();
    folder.map_or_else(|| name.to_owned(), |it| it.to_string_lossy().into_owned())
}
