//! The rate-distortion table: bytes per picture and quality of a code at several bit depths, and of PCA under the same
//! quantiser and entropy coder.

use data::Images;
use serde::Serialize;

use super::autoencoder::{Codec, byte};
use super::coder::{Coder, Encoder};
use super::compress::BITS;
use super::container::Container;
use super::pictures::{Group, Picture, Pictures};
use super::quality::{Comparison, Quality};
use super::quantiser::{Quantiser, Statistics};
use crate::analysis::features::Features;
use crate::error::{Error, Result};
use crate::measure::pca::Pca;

/// Bit depths of the table.
const DEPTHS: [u32; 7] = [2, 3, 4, 5, 6, 7, 8];

/// A code at one bit depth.
#[derive(Clone, Debug, Serialize)]
pub struct Depth {
    /// Bits of a value.
    pub bits: u32,
    /// The whole file without a model, divided by the number of pictures.
    pub bytes_per_picture: f64,
    /// The decompressed pictures compared with the originals.
    #[serde(flatten)]
    pub found: Quality,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Rates {
    /// The code without quantisation.
    pub unquantised: Quality,
    /// The code at each bit depth, fewest bits first.
    pub points: Vec<Depth>,
    /// PCA's code at each bit depth; empty without PCA.
    pub pca: Vec<Depth>,
}

/// PCA as a codec.
pub struct PcaCodec {
    pca: Pca,
    statistics: Statistics,
}

impl PcaCodec {
    /// Learns the ranges and frequencies of its codes from training images.
    ///
    /// # Errors
    /// If the images have another size, or the eigensolver fails.
    pub fn new(pca: Pca, train: &Images) -> Result<Self> {
        let codes = pca.codes(train.values())?;
        let units = pca.components();
        let rows = codes.len() / units.max(1);
        let statistics = Statistics::learn("", &Features::new(codes, units, rows))?;
        Ok(Self { pca, statistics })
    }
}

/// Measures the code of a run, whose statistics these are, on pictures, and PCA on the same ones. `each` gets the
/// original pictures, a group at a time.
///
/// # Errors
/// A picture that cannot be read, a code that is not finite, a device that fails, and what `each` says.
pub fn measure<E: From<Error>>(
    codec: &Codec,
    statistics: &Statistics,
    pca: Option<&PcaCodec>,
    pictures: &Pictures,
    mut each: impl FnMut(Vec<Picture>) -> Result<(), E>,
) -> Result<Rates, E> {
    let own = coders(statistics)?;
    let others = match pca {
        Some(pca) => coders(&pca.statistics)?,
        None => Vec::new(),
    };
    let (mut tracks, mut pca_tracks) = (tracks(&own), tracks(&others));
    let mut unquantised = Comparison::default();
    let form = codec.form;
    pictures.groups(form, |group| -> Result<(), E> {
        let codes = codec.encode(group.tiles().into_owned(), group.tile)?;
        unquantised.push_group(&group, &group.join(codec.decode(&codes, group.tile)?))?;
        for track in &mut tracks {
            track.push(&group, &codes, |codes| codec.decode(codes, group.tile))?;
        }
        if let Some(PcaCodec { pca, .. }) = pca {
            let codes = pca.codes(group.tiles().as_ref()).map_err(Error::from)?;
            let decode = |codes: &[f32]| Ok(pca.pictures(codes).into_iter().map(byte).collect());
            for track in &mut pca_tracks {
                track.push(&group, &codes, decode)?;
            }
        }
        each(group.pictures().collect())
    })?;
    let mut header = Container::empty(BITS, &statistics.model_sha256, form.tile, pictures);
    header.pixels_crc = Some(0);
    let header = header.to_bytes().map_err(Error::from)?.len();
    let depths = |tracks: Vec<Track>| -> Result<Vec<Depth>> {
        let depth = |track: Track| track.finish(header, pictures.len());
        tracks.into_iter().map(depth).collect()
    };
    Ok(Rates {
        unquantised: unquantised.finish(),
        points: depths(tracks)?,
        pca: depths(pca_tracks)?,
    })
}

/// Bits, quantiser and coder of one bit depth.
type DepthCoder<'a> = (u32, Quantiser<'a>, Coder);

/// A quantiser and its coder for every bit depth.
fn coders(statistics: &Statistics) -> Result<Vec<DepthCoder<'_>>> {
    let coder = |bits: u32| {
        let quantiser = statistics.quantiser(bits);
        Ok((bits, quantiser, Coder::new(&quantiser)?))
    };
    DEPTHS.into_iter().map(coder).collect()
}

/// Running totals of the code at one bit depth.
struct Track<'a> {
    bits: u32,
    quantiser: Quantiser<'a>,
    encoder: Encoder<'a>,
    comparison: Comparison,
}

/// Empty totals for each bit depth.
fn tracks<'a>(coders: &'a [DepthCoder<'a>]) -> Vec<Track<'a>> {
    let track = |(bits, quantiser, coder): &'a DepthCoder<'a>| Track {
        bits: *bits,
        quantiser: *quantiser,
        encoder: coder.encoder(),
        comparison: Comparison::default(),
    };
    coders.iter().map(track).collect()
}

impl Track<'_> {
    /// Quantises and writes codes, and measures what `decode` makes of the quantised ones.
    fn push(
        &mut self,
        group: &Group,
        codes: &[f32],
        decode: impl Fn(&[f32]) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let levels = self.quantiser.levels(codes)?;
        self.encoder.push(&levels)?;
        let found = decode(&self.quantiser.values(&levels))?;
        self.comparison.push_group(group, &group.join(found))
    }

    /// The figures, with `header` bytes in addition to the stream.
    fn finish(self, header: usize, pictures: usize) -> Result<Depth> {
        let stream = self.encoder.finish()?.len();
        Ok(Depth {
            bits: self.bits,
            bytes_per_picture: (header + stream) as f64 / pictures.max(1) as f64,
            found: self.comparison.finish(),
        })
    }
}

/// Bytes at which a curve of (bytes, dB) reaches a quality, interpolated linearly in the logarithm of the bytes; `None`
/// if it never does. For a curve that is better everywhere, the bytes of its first point.
pub fn bytes_at(curve: &[(f64, f64)], psnr: f64) -> Option<f64> {
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
