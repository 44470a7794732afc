//! Codes at all bit depths at once, batch by batch.

use anyhow::Result;
use data::ImageShape;

use super::compare_tiles;
use super::report::Depth;
use hourglass::analysis::features::Features;
use hourglass::codec::coder::{Coder, Encoder};
use hourglass::codec::pictures::Group;
use hourglass::codec::quality::Comparison;
use hourglass::codec::quantiser::{Quantiser, Statistics};
use hourglass::measure::pca::Pca;

/// Bit depths of the table.
const DEPTHS: [u32; 7] = [2, 3, 4, 5, 6, 7, 8];

/// Bits, quantiser and coder of one bit depth.
pub type DepthCoder<'a> = (u32, Quantiser<'a>, Coder);

/// A quantiser and its coder for every bit depth.
pub fn coders(statistics: &Statistics) -> Result<Vec<DepthCoder<'_>>> {
    let coder = |bits: u32| {
        let quantiser = statistics.quantiser(bits);
        Ok((bits, quantiser, Coder::new(&quantiser)?))
    };
    DEPTHS.into_iter().map(coder).collect()
}

/// Running totals of the code at one bit depth.
pub struct Track<'a> {
    bits: u32,
    quantiser: Quantiser<'a>,
    encoder: Encoder<'a>,
    comparison: Comparison,
}

/// Empty totals for each bit depth.
pub fn tracks<'a>(coders: &'a [DepthCoder<'a>]) -> Vec<Track<'a>> {
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
    pub fn push(
        &mut self,
        tile: ImageShape,
        group: &Group,
        codes: &[f32],
        decode: impl Fn(&[f32]) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let levels = self.quantiser.levels(codes)?;
        self.encoder.push(&levels)?;
        let found = decode(&self.quantiser.values(&levels))?;
        compare_tiles(tile, group, &found, &mut self.comparison)
    }

    /// The figures, with `header` bytes in addition to the stream.
    pub fn finish(self, header: usize, pictures: usize) -> Result<Depth> {
        let stream = self.encoder.finish()?.len();
        Ok(Depth {
            bits: self.bits,
            bytes_per_picture: (header + stream) as f64 / pictures.max(1) as f64,
            found: self.comparison.finish(),
        })
    }
}

/// Statistics of the codes of PCA, from as many pictures as fit in memory.
pub fn pca_statistics(pca: &Pca, train: &[u8]) -> Result<Statistics> {
    let learned = pca.codes(train)?;
    let units = pca.components();
    let rows = learned.len() / units.max(1);
    Ok(Statistics::learn("", &Features::new(learned, units, rows))?)
}
