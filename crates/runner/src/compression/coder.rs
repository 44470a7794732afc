//! Entropy coding: levels in as many bits as their frequencies in training make them worth (range coding, Martin 1979).

use constriction::stream::model::DefaultContiguousCategoricalEntropyModel as Table;
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Code, Decode, Encode};

use super::Damaged;
use super::quantiser::Quantiser;

/// Bits of a probability in a table of `constriction`'s defaults.
const PRECISION: u32 = 24;

/// Bytes of a word of the stream.
const WORD: usize = 4;

/// Bytes that a stream may be shorter than its levels are worth, as its last word is cut where nothing depends on it.
const SLACK: usize = 16;

/// A probability table for each unit of a code.
#[derive(Debug)]
pub struct Coder {
    tables: Vec<Table>,
    /// Bits of the code that takes the fewest.
    least_bits: f64,
}

impl Coder {
    /// Tables from a quantiser's frequencies. Each level counts once more than it was seen, so that none is impossible.
    ///
    /// # Errors
    /// Where the frequencies make no table.
    pub fn new(quantiser: &Quantiser) -> Result<Self, Damaged> {
        let mut tables = Vec::new();
        let mut least_bits = 0.0;
        for counts in quantiser.frequencies() {
            let probabilities = probabilities(&counts);
            let most = probabilities.iter().copied().max().unwrap_or(1);
            least_bits += f64::from(PRECISION) - f64::from(most).log2();
            let table = Table::from_nonzero_fixed_point_probabilities(probabilities, false);
            tables
                .push(table.map_err(|()| Damaged("its frequencies make no probabilities".into()))?);
        }
        Ok(Self { tables, least_bits })
    }

    /// The stream of levels, row-major `[pictures, units]`.
    ///
    /// # Errors
    /// A level that there is not.
    pub fn encode(&self, levels: &[u16]) -> Result<Vec<u8>, Damaged> {
        let mut encoder = DefaultRangeEncoder::new();
        for (&level, table) in levels.iter().zip(self.tables.iter().cycle()) {
            encoder
                .encode_symbol(usize::from(level), table)
                .map_err(|_| Damaged(format!("level {level} is not among those of its unit")))?;
        }
        let words = encoder
            .into_compressed()
            .map_err(|_| Damaged("its stream cannot be ended".into()))?;
        Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
    }

    /// A reader of a stream of `codes` codes.
    ///
    /// # Errors
    /// A stream that is not made of whole words, or is shorter than any of so many codes can be: past its end a stream
    /// reads as zeros, of which a number that lies could have any amount made.
    pub fn decoder(&self, stream: &[u8], codes: usize) -> Result<Decoder<'_>, Damaged> {
        let held = (stream.len() + SLACK) as f64 * 8.0;
        if codes as f64 * self.least_bits > held {
            return Err(Damaged(format!(
                "its stream of {} bytes is too short for {codes} codes",
                stream.len()
            )));
        }
        if !stream.len().is_multiple_of(WORD) {
            return Err(Damaged(format!(
                "its stream has {} bytes, which are no whole words",
                stream.len()
            )));
        }
        let words: Vec<u32> = stream
            .chunks_exact(WORD)
            .map(|word| {
                word.iter()
                    .rev()
                    .fold(0, |all, &byte| all << 8 | u32::from(byte))
            })
            .collect();
        let decoder = DefaultRangeDecoder::from_compressed(words);
        let decoder = decoder.map_err(|_| Damaged("its stream cannot be begun".into()))?;
        Ok(Decoder {
            tables: &self.tables,
            decoder,
        })
    }
}

/// Reads levels from a stream.
pub struct Decoder<'a> {
    tables: &'a [Table],
    decoder: DefaultRangeDecoder,
}

impl Decoder<'_> {
    /// The levels of the next `count` codes.
    ///
    /// # Errors
    /// A stream that no levels give.
    pub fn codes(&mut self, count: usize) -> Result<Vec<u16>, Damaged> {
        let mut levels = Vec::with_capacity(count * self.tables.len());
        for _ in 0..count {
            for table in self.tables {
                let level = self.decoder.decode_symbol(table);
                let level = level.map_err(|_| Damaged("its stream is of no levels".into()))?;
                levels.push(level as u16);
            }
        }
        Ok(levels)
    }

    /// Whether nothing but the end of the stream is left.
    pub fn at_end(&self) -> bool {
        self.decoder.maybe_exhausted()
    }
}

/// Whole numbers above 0 in proportion to `counts`, each one more, that add up to 2^[`PRECISION`].
fn probabilities(counts: &[u64]) -> Vec<u32> {
    let levels = counts.len() as u64;
    let room = (1u64 << PRECISION) - levels;
    let total = counts.iter().sum::<u64>() + levels;
    let mut shares: Vec<u64> = counts
        .iter()
        // Below 2^32 + 1 times below 2^24 is below 2^64.
        .map(|count| 1 + (count + 1) * room / total)
        .collect();
    let left = (1u64 << PRECISION) - shares.iter().sum::<u64>();
    // Rounding leaves fewer than there are levels: the most frequent one feels them least.
    if let Some(most) = shares.iter_mut().max() {
        *most += left;
    }
    shares.into_iter().map(|share| share as u32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::quantiser::Statistics;
    use super::*;
    use crate::analysis::features::Features;

    fn statistics() -> Statistics {
        let codes = (0..4000u32).flat_map(|i| {
            let even = (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0;
            // Spread evenly, mostly near 0, never anything else.
            [even, even.powi(6), 1.0]
        });
        Statistics::learn("", &Features::new(codes.collect(), 3, 4000))
    }

    #[test]
    fn frequent_levels_take_few_bits() {
        let statistics = statistics();
        let quantiser = statistics.quantiser(6);
        let coder = Coder::new(&quantiser).unwrap();
        let bytes = |value: f32| {
            let levels = quantiser.levels(&[0.5, value, 1.0].repeat(1000));
            coder.encode(&levels).unwrap().len()
        };
        // 6 bits for the even unit, next to none for the constant one.
        let (usual, rare) = (bytes(0.0), bytes(0.9));
        assert!((750..900).contains(&usual), "{usual}");
        assert!(rare > usual + 700, "{rare}");
    }

    #[test]
    fn probabilities_fill_their_range() {
        for counts in [vec![0; 256], vec![u64::from(u32::MAX), 0], vec![1, 2, 3, 4]] {
            let probabilities = probabilities(&counts);
            let sum: u64 = probabilities.iter().map(|&it| u64::from(it)).sum();
            assert_eq!(sum, 1 << PRECISION);
            assert!(probabilities.iter().all(|&it| it > 0));
        }
    }

    #[test]
    fn a_number_of_codes_that_lies_is_refused() {
        let statistics = statistics();
        let quantiser = statistics.quantiser(6);
        let coder = Coder::new(&quantiser).unwrap();
        let stream = coder
            .encode(&quantiser.levels(&[0.3, 0.4, 1.0].repeat(50)))
            .unwrap();
        assert!(coder.decoder(&stream, 50).is_ok());
        for count in [1000, usize::MAX / 8] {
            let refused = coder.decoder(&stream, count).err().unwrap();
            assert!(refused.0.contains("too short"), "{refused}");
        }
        assert!(coder.decoder(stream.get(1..).unwrap(), 5).is_err());
    }

    proptest! {
        #[test]
        fn levels_come_back(bits in 1u32..=8, values in prop::collection::vec(-0.2f32..1.2, 0..300)) {
            let statistics = statistics();
            let quantiser = statistics.quantiser(bits);
            let whole = values.len() / 3 * 3;
            let levels = quantiser.levels(&values[..whole]);
            let coder = Coder::new(&quantiser).unwrap();
            let stream = coder.encode(&levels).unwrap();
            let mut decoder = coder.decoder(&stream, whole / 3).unwrap();
            // In two parts, as batches are read.
            let mut back = decoder.codes(whole / 3 / 2).unwrap();
            back.extend(decoder.codes(whole / 3 - whole / 3 / 2).unwrap());
            prop_assert_eq!(back, levels);
            prop_assert!(decoder.at_end());
        }

        #[test]
        fn no_stream_panics(words in prop::collection::vec(any::<u32>(), 0..40)) {
            let statistics = statistics();
            let quantiser = statistics.quantiser(4);
            let coder = Coder::new(&quantiser).unwrap();
            let stream: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            if let Ok(mut decoder) = coder.decoder(&stream, 20) {
                if let Ok(levels) = decoder.codes(20) {
                    prop_assert!(levels.iter().all(|&level| level < 16));
                }
            }
        }
    }
}
