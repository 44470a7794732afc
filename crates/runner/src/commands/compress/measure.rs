//! The rate-distortion table: bytes per picture and quality at several bit depths, compared with picture formats and
//! with PCA under the same quantiser and entropy coder.

use std::sync::Arc;

use anyhow::Result;

use super::report::{AtPsnr, DEFAULT_BITS, Depth, Others, Report, table, verdict};
use super::rivals::{Format, Point, Rivals};
use super::track::{Track, coders, pca_statistics, tracks};
use super::{codec, compare, found, plot, statistics};
use crate::cli::{CompressArgs, Part};
use crate::commands::opened;
use crate::commands::own_images;
use crate::commands::{DONE, analysed};
use crate::terminal;
use hourglass::batched::BATCH;
use hourglass::codec::codec::byte;
use hourglass::codec::container::Container;
use hourglass::codec::pictures::Pictures;
use hourglass::codec::quality::Comparison;
use hourglass::run::checkpoint;

pub fn run(args: &CompressArgs) -> Result<u8> {
    let loaded = opened(&args.run, &args.write.backend)?;
    let name = loaded.run.folder().display().to_string();
    codec(&loaded)?.check(&name)?;
    let setup = own_images(&loaded.run, &args.write.backend);
    let pictures = match (&args.input, &setup) {
        (Some(spec), _) => found(spec, Part::Test, &loaded.meta)?,
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
    let codec = codec(&loaded)?;
    let checkpoint = checkpoint::read_best(&loaded.run)?;
    let statistics = statistics(&loaded, &checkpoint, &codec, || match &setup {
        Ok(setup) => Ok(Arc::clone(&setup.train)),
        Err(error) => anyhow::bail!("the ranges of the code cannot be learned: {error:#}"),
    })?;
    let pca = match &setup {
        Ok(setup) => analysed::pca(&setup.train, codec.units)?,
        Err(_) => None,
    };
    let pca_statistics = match (&setup, &pca) {
        (Ok(setup), Some(pca)) => Some(pca_statistics(pca, setup.train.pixels())?),
        _ => None,
    };
    let own = coders(&statistics)?;
    let pca_coders = match &pca_statistics {
        Some(statistics) => coders(statistics)?,
        None => Vec::new(),
    };
    let (mut tracks, mut pca_tracks) = (tracks(&own), tracks(&pca_coders));
    let mut plain = Comparison::default();
    let mut rivals = Rivals::new(&pictures.sizes(), codec.tile[0]);
    let sheets = rivals.has_sheets();
    pictures.groups(codec.tile, BATCH, |group| -> Result<()> {
        let codes = codec.encode(group.tiles.clone())?;
        compare(&codec, &group, &codes, &mut plain)?;
        for track in &mut tracks {
            track.push(codec.tile, &group, &codes, |codes| Ok(codec.decode(codes)?))?;
        }
        if let Some(pca) = &pca {
            let codes = pca.codes(&group.tiles)?;
            let decode = |codes: &[f32]| Ok(pca.pictures(codes).into_iter().map(byte).collect());
            for track in &mut pca_tracks {
                track.push(codec.tile, &group, &codes, decode)?;
            }
        }
        rivals.push(group.pictures)
    })?;
    let header = Container {
        bits: DEFAULT_BITS,
        model_sha256: checkpoint.meta.model_sha256.clone(),
        statistics_crc: 0,
        tile: codec.tile,
        sizes: pictures.sizes(),
        names: pictures.names(),
        stream: Vec::new(),
        embedded: None,
    };
    let header = header.to_bytes()?.len();
    let depths = |tracks: Vec<Track>| -> Result<Vec<Depth>> {
        let depth = |track: Track| track.finish(header, pictures.len());
        tracks.into_iter().map(depth).collect()
    };
    let points = depths(tracks)?;
    let formats = rivals.finish()?;
    let baselines = Others {
        png: formats(Format::Png),
        jpeg: formats(Format::Jpeg),
        webp: formats(Format::WebP),
        pca: depths(pca_tracks)?,
    };
    let rate = |points: &[Point]| -> Vec<(f64, f64)> {
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
        unquantised: plain.finish(),
        at_psnr: AtPsnr::new(
            &points,
            &rate(&baselines.jpeg),
            &rate(&baselines.webp),
            &depth(&baselines.pca),
        ),
        sheets,
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
