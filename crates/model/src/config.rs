//! What a config says about a model: plain data, tagged by `kind`, with every default.
//!
//! These types are read from JSON and describe themselves as a JSON Schema. They build nothing and
//! know nothing of Burn; the modules that they describe lie one file per kind beside this one.
//! Ranges that concern one key are part of the schema; what needs several keys, or the shape of
//! the images, is checked where the module is built.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

mod code_activation;
mod corruption;
mod penalty;

pub use corruption::{BlockSize, Corruption, ShrinkFilter, Strength};
pub use penalty::Penalty;

/// The widest layer that a config may ask for, in units or channels: far above any model that this
/// program trains, and low enough that one digit too many is refused instead of filling the memory.
pub(crate) const WIDEST: usize = 1 << 16;

/// The most layers in a list of them, and corruptions in a chain.
pub(crate) const MOST_LAYERS: usize = 1 << 10;

/// The largest kernel of a convolution, in pixels.
pub(crate) const LARGEST_KERNEL: usize = 15;

/// The most convolutions of one stage: twice what the deepest network of their source has.
pub(crate) const MOST_CONVOLUTIONS: usize = 8;

/// The most that initial weights may be multiplied by: far more than any network learns from.
pub(crate) const GREATEST_GAIN: f64 = 100.0;

/// The greatest of numbers that need no other bound, such as a learning rate: a product of it with
/// what a model computes is still an f32.
pub const GREATEST: f64 = 1e30;

/// The greatest standard deviation of a blur, in pixels: wider than any picture shows, and its kernel's
/// matrices still fit into memory.
pub(crate) const GREATEST_SIGMA: f64 = 1000.0;

/// An autoencoder, chosen by `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelConfig {
    /// Dense (fully connected) layers.
    Dense(DenseConfig),
    /// Convolutions that shrink the image to the code, and a decoder that mirrors them.
    Conv(ConvConfig),
    /// A linear code, which starts as PCA's, and convolutions that refine the picture it stands for.
    Linear(LinearConfig),
    /// A model with a sparse code: few of its values are active for one image.
    Sparse(SparseConfig),
    /// A model that learns to restore images from corrupted copies.
    Denoising(DenoisingConfig),
}

/// Dense (fully connected) layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// Units of each hidden layer of the encoder, from the input to the code. If empty, the encoder
    /// is a single layer.
    #[schemars(inner(range(min = 1, max = WIDEST)))]
    pub layers: Vec<usize>,
    /// Code size: the number of values in the code of one image.
    #[schemars(range(min = 1, max = WIDEST))]
    pub code_size: usize,
    /// Activation after each hidden layer. Default: relu.
    #[serde(default)]
    pub activation: Activation,
    /// Activation on the code itself. Default: none.
    #[serde(default, with = "code_activation")]
    #[schemars(with = "code_activation::Word")]
    pub code_activation: Option<Activation>,
    /// Units of each hidden layer of the decoder, from the code to the output. Default: the
    /// encoder's `layers` in reverse order.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = WIDEST)))]
    pub decoder: Option<Vec<usize>>,
    /// Whether the decoder shares the encoder's weights, transposed, instead of having its own.
    /// Default: false.
    #[serde(default)]
    pub tied: bool,
    /// Factor of the initial weights, which are uniform between -1/sqrt(inputs) and 1/sqrt(inputs)
    /// of their layer. 1 is PyTorch's default and shrinks the signal from layer to layer; 1.73
    /// (LeCun 1998) keeps its size through linear layers, 2.45 (He 2015) through ReLU. Deep
    /// networks learn several times faster with about 2. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(max = GREATEST_GAIN), extend("exclusiveMinimum" = 0))]
    pub initial_gain: f64,
}

/// Convolutions that shrink the image to the code, and a decoder that mirrors them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels of each stage of the encoder, from the input to the code. Each stage halves height
    /// and width; of a series, the length; of a clip, the number of frames too.
    #[schemars(length(min = 1), inner(range(min = 1, max = WIDEST)))]
    pub channels: Vec<usize>,
    /// Height and width of every convolution's kernel, in pixels; of a series, its length in time steps; of a clip,
    /// its frames too; must be odd. Default: 3.
    #[serde(default = "three")]
    #[schemars(extend("enum" = [1, 3, 5, 7, 9, 11, 13, 15]))]
    pub kernel: usize,
    /// How a stage of the encoder halves height and width, or the length of a series. Default: max.
    #[serde(default)]
    pub downsample: Downsample,
    /// How a stage of the decoder doubles height and width, or the length of a series. Default: nearest.
    #[serde(default)]
    pub upsample: Upsample,
    /// Code size: a dense layer turns the last feature map into a code of this many values.
    /// Default: no such layer; the last feature map is the code.
    #[serde(default)]
    #[schemars(range(min = 1, max = WIDEST))]
    pub code_size: Option<usize>,
    /// Units of each dense hidden layer between the last feature map and the code; the decoder has
    /// them in reverse order. Needs `code_size`. Default: none.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = WIDEST)))]
    pub layers: Vec<usize>,
    /// Convolutions per stage: in the encoder before height and width are halved, in the decoder
    /// after they are doubled (Simonyan & Zisserman 2015). With `unshuffle` and `shuffle`, all of
    /// them work at the halved size (Zhang et al. 2018). Default: 1.
    #[serde(default = "single")]
    #[schemars(range(min = 1, max = MOST_CONVOLUTIONS))]
    pub convolutions: usize,
    /// Activation after each hidden layer. Default: relu.
    #[serde(default)]
    pub activation: Activation,
    /// Activation on the code itself. Default: none with `code_size`, else the same as
    /// `activation`.
    #[serde(default, with = "code_activation")]
    #[schemars(with = "code_activation::Word")]
    pub code_activation: Option<Activation>,
    /// Whether batch normalisation follows every convolution except the last. Default: false.
    #[serde(default)]
    pub batch_norm: bool,
    /// Channels of each stage of the decoder, from the code to the output, except the last stage,
    /// which has the image's channels: one number fewer than `channels`. Default: the encoder's
    /// `channels` in reverse order, without its last.
    #[serde(default)]
    #[schemars(length(min = 1), inner(range(min = 1, max = WIDEST)))]
    pub decoder: Option<Vec<usize>>,
    /// Factor of the initial weights, which are uniform between -1/sqrt(inputs) and 1/sqrt(inputs)
    /// of their layer. 1 is PyTorch's default and shrinks the signal from layer to layer; 1.73
    /// (LeCun 1998) keeps its size through linear layers, 2.45 (He 2015) through ReLU. Deep
    /// networks learn several times faster with about 2. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(max = GREATEST_GAIN), extend("exclusiveMinimum" = 0))]
    pub initial_gain: f64,
}

/// A linear code, which starts as PCA's, and convolutions that refine the picture it stands for. The
/// linear layers stay as PCA of the training images made them; the convolutions, which start by adding
/// nothing, are trained. It suits photographs, of which PCA is hard to beat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearConfig {
    /// Code size: the number of values in the code of one image, or of one square of it with `block`.
    #[schemars(range(min = 1, max = WIDEST))]
    pub code_size: usize,
    /// Height and width of the squares of an image that have a code each: 2, 4, 8, 16, 32 or 64. The code of the image
    /// is then a feature map, and images of any size go through. Series have no squares. Default: the image has one code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [2, 4, 8, 16, 32, 64, null]))]
    pub block: Option<usize>,
    /// Channels between the convolutions. Default: 48.
    #[serde(default = "refining_channels")]
    #[schemars(range(min = 1, max = WIDEST))]
    pub channels: usize,
    /// Convolutions of 3x3. Default: 6.
    #[serde(default = "refining_convolutions")]
    #[schemars(range(min = 1, max = MOST_CONVOLUTIONS))]
    pub convolutions: usize,
    /// Whether as many convolutions, which start by adding nothing too, stand before the code: the decoder's mirror. With
    /// `block`, codes then know of what is around their squares. Default: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mirror: bool,
    /// How often height and width are halved by pixel unshuffle before the convolutions, and doubled by
    /// pixel shuffle after them (Shi et al. 2016). Default: 2 if an image has more than 48 values for each
    /// value of the code, else 1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 16))]
    pub halvings: Option<usize>,
    /// Activation between the convolutions. Default: relu.
    #[serde(default)]
    pub activation: Activation,
    /// Factor of the convolutions' initial weights, which are uniform between -1/sqrt(inputs) and
    /// 1/sqrt(inputs); the last convolution starts at zero. Default: 2.4, which keeps the signal's size
    /// through ReLU (He et al. 2015).
    #[serde(default = "refining_gain")]
    #[schemars(range(max = GREATEST_GAIN), extend("exclusiveMinimum" = 0))]
    pub initial_gain: f64,
}

/// A model with a sparse code: few of its values are active for one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SparseConfig {
    /// What keeps the code sparse: its name, for the default options, or an object with options.
    #[serde(deserialize_with = "word_or_table")]
    #[schemars(schema_with = "word_or_table_schema::<Penalty>")]
    pub penalty: Penalty,
    /// The model that gets the sparse code.
    pub of: Box<ModelConfig>,
}

/// A model that learns to restore images from corrupted copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenoisingConfig {
    /// How the input is corrupted: a name, for the default strength, an object with options, or an
    /// array of these, applied in order.
    #[serde(
        deserialize_with = "corruption::chain",
        serialize_with = "corruption::one_or_several"
    )]
    #[schemars(schema_with = "corruption::chain_schema")]
    pub corruption: Vec<Corruption>,
    /// Residual learning: whether the network predicts the difference between its input and the
    /// clean image instead of the image (Zhang et al. 2017). Needs the mse loss. Default: false.
    #[serde(default)]
    pub residual: bool,
    /// Whether the restored picture keeps the luma of its grey input exactly, so that only colours are
    /// predicted. Needs `residual` and the corruption `grayscale`. Default: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_luma: bool,
    /// Whether pixels that are black in all channels count as missing: the encoder gets them filled by what
    /// diffuses into them, with a mask of them as one more channel, and only they are restored. Needs
    /// `residual` and the corruption `block`. Default: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fill_holes: bool,
    /// Whether the encoder gets, beside each number of a table or a series, a one if it is missing and a zero if not. Needs the
    /// corruption `masking` or `block`. Default: true with these, for data that are not pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_missing: Option<bool>,
    /// The model that restores the input.
    pub of: Box<ModelConfig>,
}

/// The activation function after each hidden layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// x where x > 0, else 0.01 x.
    LeakyRelu,
    /// x times the normal distribution function of x.
    Gelu,
    /// x times the sigmoid of x.
    Silu,
    /// x where x > 0, else exp(x) - 1.
    Elu,
    /// The hyperbolic tangent, in (-1, 1).
    Tanh,
    /// 1 / (1 + exp(-x)), in (0, 1).
    Sigmoid,
}

/// How a stage of the encoder halves height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Downsample {
    /// Max pooling: the largest of each 2 x 2 values, of each 2 of a series, or of each 2 x 2 x 2 of a clip.
    #[default]
    Max,
    /// Average pooling: the mean of each 2 x 2 values, of each 2 of a series, or of each 2 x 2 x 2 of a clip.
    Average,
    /// A convolution with stride 2.
    Stride,
    /// Pixel unshuffle: each block of 2 x 2 pixels becomes four channels before the first
    /// convolution, so no value is lost (Shi et al. 2016); of a series, 2 values become two channels; of a clip, 2 x 2 x 2
    /// eight.
    Unshuffle,
}

/// How a stage of the decoder doubles height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Upsample {
    /// Nearest-neighbour upsampling by 2, then a convolution.
    #[default]
    Nearest,
    /// A transposed convolution with stride 2.
    Transposed,
    /// Pixel shuffle: the last convolution gives four times the channels, which become blocks of 2
    /// x 2 pixels (Shi et al. 2016); of a series, twice the channels, which become 2 values; of a clip, eight times, which
    /// become 2 x 2 x 2.
    Shuffle,
}

/// Reads a value that may be a word or a table: `"gaussian"` is `{"kind": "gaussian"}`.
///
/// # Errors
///
/// What `T` says of the table.
pub fn word_or_table<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let table = match Value::deserialize(deserializer)? {
        Value::String(word) => json!({ "kind": word }),
        table => table,
    };
    T::deserialize(table).map_err(D::Error::custom)
}

/// Reads a value as [`word_or_table`] does, or null as nothing.
///
/// # Errors
///
/// What `T` says of the table.
pub fn optional_word_or_table<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        value => word_or_table(value).map(Some).map_err(D::Error::custom),
    }
}

/// The schema of [`optional_word_or_table`].
pub fn optional_word_or_table_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let of_value = word_or_table_schema::<T>(generator);
    json_schema!({ "anyOf": [of_value, { "type": "null" }] })
}

/// The schema of [`word_or_table`]: a table of `T`, or the `kind` of one that needs no other key.
pub fn word_or_table_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let tagged = T::json_schema(generator);
    let kinds = tagged.get("oneOf").and_then(Value::as_array);
    let words: Vec<&Value> = kinds
        .into_iter()
        .flatten()
        .filter(|kind| kind["required"] == json!(["kind"]))
        .map(|kind| &kind["properties"]["kind"]["const"])
        .collect();
    json_schema!({
        "anyOf": [{ "type": "string", "enum": words }, generator.subschema_for::<T>()]
    })
}

fn refining_channels() -> usize {
    48
}

fn refining_convolutions() -> usize {
    6
}

fn refining_gain() -> f64 {
    2.4
}

fn is_false(it: &bool) -> bool {
    !it
}

fn single() -> usize {
    1
}

fn three() -> usize {
    3
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
