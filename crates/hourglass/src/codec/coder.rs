//! Entropy coding: frequent levels take few bits, according to their frequencies in training (range coding, Martin 1979).

use constriction::stream::model::DefaultContiguousCategoricalEntropyModel as Table;
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};

use super::Damaged;
use super::quantiser::Quantiser;

/// Bits of a probability in `constriction`'s default tables.
const PRECISION: u32 = 24;

/// Bytes per word of the stream.
const WORD: usize = 4;

/// By how many bytes a stream may be shorter than its levels' information, because its last word is truncated if
/// nothing depends on it.
const SLACK: usize = 16;

/// A probability table for each axis of a code; `None` if it has a single level, which takes no bits.
#[derive(Debug)]
pub struct Coder {
    tables: Vec<Option<Table>>,
    /// Bits of the cheapest code.
    least_bits: f64,
}

impl Coder {
    /// Tables from a quantiser's frequencies. Each level is counted one extra time, so that none is impossible.
    ///
    /// # Errors
    /// If the frequencies do not form a table.
    pub fn new(quantiser: &Quantiser) -> Result<Self, Damaged> {
        let mut tables = Vec::new();
        let mut least_bits = 0.0;
        for counts in quantiser.frequencies() {
            if counts.len() < 2 {
                tables.push(None);
                continue;
            }
            let probabilities = probabilities(&counts);
            let most = probabilities.iter().copied().max().unwrap_or(1);
            least_bits += f64::from(PRECISION) - f64::from(most).log2();
            let table = Table::from_nonzero_fixed_point_probabilities(probabilities, false);
            let table = table.map_err(|()| Damaged("its frequencies are not valid".into()));
            tables.push(Some(table?));
        }
        Ok(Self { tables, least_bits })
    }

    /// A writer of a stream.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder {
            tables: &self.tables,
            encoder: DefaultRangeEncoder::new(),
        }
    }

    /// A reader of a stream of `codes` codes.
    ///
    /// # Errors
    /// If the stream is not whole words, or is too short for this many codes. Past its end a stream reads as zeros, so a
    /// false number of codes could otherwise produce any amount of data.
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
                "its stream has {} bytes, which are not whole words",
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
        let decoder = decoder.map_err(|_| Damaged("its stream cannot be started".into()))?;
        Ok(Decoder {
            tables: &self.tables,
            decoder,
        })
    }
}

/// Writes levels to a stream.
pub struct Encoder<'a> {
    tables: &'a [Option<Table>],
    encoder: DefaultRangeEncoder,
}

impl Encoder<'_> {
    /// Adds the levels of whole codes, row-major `[pictures, axes]`.
    ///
    /// # Errors
    /// If a level is out of range.
    pub fn push(&mut self, levels: &[u16]) -> Result<(), Damaged> {
        for (&level, table) in levels.iter().zip(self.tables.iter().cycle()) {
            let wrong = || Damaged(format!("level {level} is out of its axis's range"));
            match table {
                Some(table) => {
                    let encoded = self.encoder.encode_symbol(usize::from(level), table);
                    encoded.map_err(|_| wrong())?;
                }
                None if level > 0 => return Err(wrong()),
                None => {}
            }
        }
        Ok(())
    }

    /// Finishes the stream.
    ///
    /// # Errors
    /// If it cannot be finished.
    pub fn finish(self) -> Result<Vec<u8>, Damaged> {
        let words = self.encoder.into_compressed();
        let words = words.map_err(|_| Damaged("its stream cannot be finished".into()))?;
        Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
    }
}

/// Reads levels from a stream.
pub struct Decoder<'a> {
    tables: &'a [Option<Table>],
    decoder: DefaultRangeDecoder,
}

impl Decoder<'_> {
    /// The levels of the next `count` codes, row-major `[codes, axes]`.
    ///
    /// # Errors
    /// If the stream is not valid.
    pub fn codes(&mut self, count: usize) -> Result<Vec<u16>, Damaged> {
        let mut levels = Vec::with_capacity(count * self.tables.len());
        for _ in 0..count {
            for table in self.tables {
                let level = match table {
                    Some(table) => self.decoder.decode_symbol(table),
                    None => Ok(0),
                };
                let level = level.map_err(|_| Damaged("its stream is not valid".into()))?;
                levels.push(level as u16);
            }
        }
        Ok(levels)
    }

    /// Whether the whole stream has been read.
    pub fn at_end(&self) -> bool {
        self.decoder.maybe_exhausted()
    }
}

/// Whole numbers above 0 that add up to 2^[`PRECISION`], in proportion to `counts` plus 1.
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
    // Rounding leaves a rest of fewer than the number of levels, which matters least to the most frequent level.
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

    /// Spread evenly, mostly near 0, never anything else.
    fn statistics() -> Statistics {
        let codes = (0..4000u32).flat_map(|i| {
            let even = (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0;
            [even, even.powi(6), 1.0]
        });
        Statistics::learn("", &Features::new(codes.collect(), 3, 4000)).unwrap()
    }

    fn stream(quantiser: &Quantiser, codes: &[f32]) -> Vec<u8> {
        let coder = Coder::new(quantiser).unwrap();
        let mut encoder = coder.encoder();
        encoder.push(&quantiser.levels(codes).unwrap()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn frequent_levels_take_few_bits() {
        // Of a single unit: most values near 0.
        let values = (0..4000).map(|i| (i as f32 / 3999.0).powi(6));
        let statistics = Statistics::learn("", &Features::new(values.collect(), 1, 4000)).unwrap();
        let quantiser = statistics.quantiser(6);
        let bytes = |value: f32| stream(&quantiser, &[value; 1000]).len();
        // The first of 65 levels holds almost half of the values, one near 0.9 a hundredth.
        let (usual, rare) = (bytes(0.0), bytes(0.9));
        assert!((100..200).contains(&usual), "{usual}");
        assert!(rare > 750, "{rare}");
    }

    #[test]
    fn what_never_changes_takes_nothing() {
        let statistics = Statistics::learn("", &Features::new(vec![3.0; 200], 2, 100)).unwrap();
        let quantiser = statistics.quantiser(5);
        let codes = [3.0; 40];
        let stream = stream(&quantiser, &codes);
        assert!(stream.len() <= WORD, "{}", stream.len());
        let coder = Coder::new(&quantiser).unwrap();
        let levels = coder.decoder(&stream, 20).unwrap().codes(20).unwrap();
        assert_eq!(quantiser.values(&levels), codes);
        assert!(coder.encoder().push(&[0, 1]).is_err());
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
        let stream = stream(&quantiser, &[0.3, 0.4, 1.0].repeat(50));
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
            let count = values.len() / 3;
            let levels = quantiser.levels(&values[..count * 3]).unwrap();
            let coder = Coder::new(&quantiser).unwrap();
            // In parts of other sizes, as batches are.
            let (one, other) = levels.split_at(count / 3 * coder.tables.len());
            let mut encoder = coder.encoder();
            encoder.push(one).unwrap();
            encoder.push(other).unwrap();
            let stream = encoder.finish().unwrap();
            let mut decoder = coder.decoder(&stream, count).unwrap();
            let mut back = decoder.codes(count / 2).unwrap();
            back.extend(decoder.codes(count - count / 2).unwrap());
            prop_assert_eq!(back, levels);
            prop_assert!(decoder.at_end());
        }

        #[test]
        fn no_stream_panics(words in prop::collection::vec(any::<u32>(), 0..40)) {
            let statistics = statistics();
            let quantiser = statistics.quantiser(4);
            let coder = Coder::new(&quantiser).unwrap();
            let counts: Vec<usize> = quantiser.frequencies().map(|it| it.len()).collect();
            let stream: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            if let Ok(mut decoder) = coder.decoder(&stream, 20)
                && let Ok(levels) = decoder.codes(20)
            {
                let known = levels.iter().zip(counts.iter().cycle());
                for (&level, &count) in known {
                    prop_assert!(usize::from(level) < count);
                }
                prop_assert_eq!(quantiser.values(&levels).len(), 60);
            }
        }
    }
}
