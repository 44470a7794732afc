//! What a config says about corruptions: their kinds, how strong they are, and chains of them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::{GREATEST, GREATEST_SIGMA, WIDEST, word_or_table, word_or_table_schema};

/// The corruption of a denoising autoencoder's input. Values are in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Corruption {
    /// Adds Gaussian noise to each value.
    Gaussian {
        /// Standard deviation of the noise, or a range [low, high] to draw it from. Default: 0.4.
        #[serde(default = "two_fifths")]
        #[schemars(schema_with = "positive")]
        std: Strength,
        /// Whether noisy values are cut off below 0 and above 1, as they are in a picture file. Tables in
        /// papers are mostly of noise that is not. Default: true.
        #[serde(default = "yes")]
        clip: bool,
    },
    /// Sets random values to zero.
    Masking {
        /// Probability that a value is set to zero, or a range [low, high] to draw it from.
        /// Default: 0.5.
        #[serde(default = "half")]
        #[schemars(schema_with = "probability")]
        probability: Strength,
    },
    /// Salt and pepper: sets random values to zero or one, equally likely.
    SaltAndPepper {
        /// Probability that a value is set, or a range [low, high] to draw it from. Default: 0.25.
        #[serde(default = "quarter")]
        #[schemars(schema_with = "probability")]
        probability: Strength,
    },
    /// Speckle: multiplies each value by one plus Gaussian noise.
    Speckle {
        /// Standard deviation of the noise, or a range [low, high] to draw it from. Default: 0.4.
        #[serde(default = "two_fifths")]
        #[schemars(schema_with = "positive")]
        std: Strength,
        /// Whether noisy values are cut off below 0 and above 1, as they are in a picture file. Tables in
        /// papers are mostly of noise that is not. Default: true.
        #[serde(default = "yes")]
        clip: bool,
    },
    /// Takes away a rectangle at a random place, or a gap of a series: its pixels become zero in all
    /// channels.
    Block {
        /// Side of a square in pixels, or [height, width]; each is a number or a range [low, high]
        /// to draw it from. Of series, one number is the length of a gap in time steps, for which
        /// [1, [low, high]] is a range.
        #[schemars(schema_with = "block_size")]
        size: BlockSize,
    },
    /// Gaussian blur. Beyond its border, the picture continues with the pixels of the border.
    Blur {
        /// Standard deviation of the Gaussian in pixels, or a range [low, high] to draw it from.
        /// Default: 1.5.
        #[serde(default = "three_halves")]
        #[schemars(schema_with = "sigma")]
        sigma: Strength,
    },
    /// Lowers the resolution: makes the picture smaller by a filter, then enlarges it to its size by
    /// bicubic interpolation (Catmull-Rom).
    Downscale {
        /// Height and width of a cell, in pixels. Default: 2.
        #[serde(default = "two")]
        #[schemars(extend("enum" = [2, 3, 4]))]
        factor: usize,
        /// How the pixels of the smaller picture are computed. Default: mean.
        #[serde(default)]
        filter: ShrinkFilter,
    },
    /// Turns colour into grey by luma (Rec. 709): the encoder gets one channel, the output has
    /// three.
    Grayscale,
}

/// How a picture is made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShrinkFilter {
    /// The mean of each cell of factor x factor pixels.
    #[default]
    Mean,
    /// The cubic of Keys (1981), stretched by the factor against aliasing: MATLAB's `imresize`, with
    /// which tables of super-resolution are made.
    Bicubic,
}

/// The strength of a corruption: fixed, or drawn for each picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Strength<T = f64> {
    /// The same for all.
    Fixed(T),
    /// Drawn for each picture, uniformly from the first to the second.
    Range([T; 2]),
}

impl<T: Copy> Strength<T> {
    /// The smallest and the largest strength that a picture may get.
    pub fn ends(self) -> [T; 2] {
        match self {
            Strength::Fixed(value) => [value; 2],
            Strength::Range(ends) => ends,
        }
    }
}

/// The size of the blanked rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BlockSize {
    /// Height and width at once.
    Square(usize),
    /// Height and width.
    Sides([Strength<usize>; 2]),
}

impl BlockSize {
    /// Height and width in pictures of `rows` rows: a square in a single row is a gap of that length.
    pub fn sides_in(self, rows: usize) -> [Strength<usize>; 2] {
        match self {
            BlockSize::Square(side) if rows == 1 => [Strength::Fixed(1), Strength::Fixed(side)],
            _ => self.sides(),
        }
    }

    /// Height and width.
    pub fn sides(self) -> [Strength<usize>; 2] {
        match self {
            BlockSize::Square(side) => [Strength::Fixed(side); 2],
            BlockSize::Sides(sides) => sides,
        }
    }
}

/// Reads a chain of corruptions: a word, a table, or an array of them.
pub(super) fn chain<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Corruption>, D::Error> {
    let read = |value: Value| word_or_table(value).map_err(D::Error::custom);
    match Value::deserialize(from)? {
        Value::Array(several) => several.into_iter().map(read).collect(),
        one => Ok(vec![read(one)?]),
    }
}

/// Writes a chain of one as the table that it is, so that its keys are named without a number.
pub(super) fn one_or_several<S: Serializer>(
    chain: &[Corruption],
    to: S,
) -> Result<S::Ok, S::Error> {
    match chain {
        [one] => one.serialize(to),
        several => several.serialize(to),
    }
}

/// The schema of [`chain`].
pub(super) fn chain_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = word_or_table_schema::<Corruption>(generator);
    let several = json!({ "type": "array", "items": one, "minItems": 1 });
    json_schema!({ "anyOf": [one, several] })
}

/// The schema of a strength: a number, or two of them.
fn strength(fixed: Value, end: Value) -> Schema {
    json_schema!({ "anyOf": [
        fixed,
        { "type": "array", "items": end, "minItems": 2, "maxItems": 2 },
    ]})
}

/// Above 0; a range may begin there.
fn positive(_: &mut SchemaGenerator) -> Schema {
    positive_to(GREATEST)
}

fn sigma(_: &mut SchemaGenerator) -> Schema {
    positive_to(GREATEST_SIGMA)
}

fn positive_to(most: f64) -> Schema {
    strength(
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": most }),
        json!({ "type": "number", "minimum": 0, "maximum": most }),
    )
}

fn probability(_: &mut SchemaGenerator) -> Schema {
    let number = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    strength(number.clone(), number)
}

fn block_size(_: &mut SchemaGenerator) -> Schema {
    let pixels = json!({ "type": "integer", "minimum": 1, "maximum": WIDEST });
    let side = strength(pixels.clone(), pixels.clone()).to_value();
    strength(pixels, side)
}

fn quarter() -> Strength {
    Strength::Fixed(0.25)
}

fn two_fifths() -> Strength {
    Strength::Fixed(0.4)
}

fn half() -> Strength {
    Strength::Fixed(0.5)
}

fn three_halves() -> Strength {
    Strength::Fixed(1.5)
}

fn yes() -> bool {
    true
}

fn two() -> usize {
    2
}
