//! The rate-distortion table: bytes per picture and quality at several bit depths, compared with picture formats and
//! with PCA under the same quantiser and entropy coder.

use std::sync::Arc;

use anyhow::Result;
use data::counted;

#[cfg(feature = "report")]
use super::plot;
use super::report::{AtPsnr, Others, Report, curves, table, verdict};
use super::rivals::{Format, Rivals};
use crate::cli::{CompressArgs, Part};
use crate::commands::{DONE, analysed};
use crate::commands::{no_clips, opened, own_images, usual_channels};
use crate::{input, terminal};
use hourglass::codec::autoencoder::Codec;
use hourglass::codec::learned;
use hourglass::codec::pictures::Pictures;
use hourglass::codec::rate::{self, PcaCodec};

pub fn run(args: &CompressArgs) -> Result<u8> {
    let loaded = opened(&args.run, &args.write.backend)?;
    let name = loaded.run.folder().display().to_string();
    no_clips(&loaded, "compress")?;
    usual_channels(&loaded, "compress")?;
    let codec = Codec::of(&loaded)?;
    let setup = own_images(&loaded.run, &args.write.backend);
    let pictures = match (&args.input, &setup) {
        (Some(spec), _) => input::find(spec, Part::Test, &loaded.meta, args.strict)?,
        (None, Ok(setup)) => Pictures::Set(setup.test.as_ref().clone()),
        (None, Err(error)) => {
            anyhow::bail!("{name}: its test pictures could not be loaded: {error:#}")
        }
    };
    let own = || "the run's test pictures".into();
    let data = args.input.clone().unwrap_or_else(own);
    let count = counted(pictures.len(), "picture");
    terminal::note(&format!("{name} on {count} of {data}"));
    let sha256 = &loaded.meta.model_sha256;
    let statistics = learned::of_run(&loaded.run, &codec, sha256, || match &setup {
        Ok(setup) => Ok(Arc::clone(&setup.train)),
        Err(error) => anyhow::bail!("the ranges of the code cannot be learned: {error:#}"),
    })?;
    let pca = match &setup {
        // Components of a place of the map alone would be a code of another kind.
        Ok(_) if codec.form.whole => None,
        Ok(setup) => match analysed::pca(&setup.train, codec.form.units)? {
            Some(pca) if pca.components() == 0 => {
                terminal::note(
                    "note: PCA skipped: it has no component, because the training pictures are all the same",
                );
                None
            }
            Some(pca) => Some(PcaCodec::new(pca, &setup.train)?),
            None => None,
        },
        Err(_) => None,
    };
    let mut rivals = Rivals::new(&pictures.sizes(), codec.form.tile[0]);
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
    let report = Report {
        run: name.clone(),
        data,
        pictures: pictures.len(),
        pixels_per_picture: pictures.sizes().pixels() as f64 / pictures.len().max(1) as f64,
        code_size: codec.form.units,
        unquantised: rates.unquantised,
        at_psnr: AtPsnr::new(&rates.points, &baselines),
        sheets,
        points: rates.points,
        baselines,
    };
    #[cfg(feature = "report")]
    {
        let folder = loaded.run.analysis("compress")?;
        std::fs::create_dir_all(&folder)?;
        let title = format!(
            "Compression by {}, code {}",
            loaded.run.name(),
            report.code_size
        );
        plot::write(&title, &curves(&report), &folder.join("rate"))?;
    }
    analysed::finish(&loaded.run, "compress", &report, &table(&report), args.json)?;
    if !args.json {
        terminal::say(&verdict(&report))?;
    }
    terminal::note(&format!(
        "results in {name}: analysis/compress.json{}",
        match cfg!(feature = "report") {
            true => ", analysis/compress/rate.svg and .png",
            false => "",
        }
    ));
    Ok(DONE)
}
