//! Value: what the pixels of a set are stored as, bytes or whole numbers of 16 bits.

use image::DynamicImage;
use kernels::Stored;

use crate::View;
use crate::bands::Plane;
use crate::buffer::Buffer;
use crate::dataset::Values;
use crate::picture::{Conversion, bright, brighten, flatten, flatten_deep, planes};
use crate::whole::{Pictures, Whole};

/// Pixels of a picture or of several, `[picture, channel, row, column]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// 0 to 255.
    Bytes(Vec<u8>),
    /// With 16 bits, 0 to 65535.
    Deep(Vec<u16>),
}

impl Pixels {
    /// The values, to be read.
    pub fn view(&self) -> View<'_> {
        match self {
            Pixels::Bytes(values) => View::Bytes(values),
            Pixels::Deep(values) => View::Deep(values),
        }
    }
}

/// A stored value of a picture.
pub(crate) trait Value: Stored {
    /// A decoded picture as `[channels, height, width]`, with white as the largest value.
    fn convert(picture: DynamicImage, how: &Conversion) -> Vec<Self>;

    /// A byte in this form.
    fn of_byte(value: u8) -> Self;

    /// A number of 16 bits in this form, with `white` as the largest value.
    fn of_word(value: u16, white: u16) -> Self;

    /// A plane of values in another size, if one is wanted.
    fn resized(values: Vec<Self>, size: [usize; 2], how: &Conversion) -> Vec<Self>;

    /// All values of a set.
    fn values(values: Buffer<Self>) -> Values;

    /// Whole pictures as those of any kind.
    fn pictures(whole: Whole<Self>) -> Pictures;
}

impl Value for u8 {
    fn convert(mut picture: DynamicImage, how: &Conversion) -> Vec<Self> {
        brighten(&mut picture, how.white);
        let picture = flatten(picture);
        match how.channels {
            1 => planes(&picture.into_luma8(), how.size, how.aspect),
            _ => planes(&picture.into_rgb8(), how.size, how.aspect),
        }
    }

    fn of_byte(value: u8) -> Self {
        value
    }

    fn of_word(value: u16, white: u16) -> Self {
        ((u32::from(bright(value, white)) + 128) / 257) as u8
    }

    fn resized(values: Vec<Self>, [height, width]: [usize; 2], how: &Conversion) -> Vec<Self> {
        // There are as many values as the plane has.
        let plane = Plane::from_raw(width as u32, height as u32, values).unwrap_or_default();
        planes(&plane, how.size, how.aspect)
    }

    fn values(values: Buffer<Self>) -> Values {
        Values::Bytes(values)
    }

    fn pictures(whole: Whole<Self>) -> Pictures {
        Pictures::Bytes(whole)
    }
}

impl Value for u16 {
    /// A byte becomes 257 times its value, which means the same.
    fn convert(mut picture: DynamicImage, how: &Conversion) -> Vec<Self> {
        brighten(&mut picture, how.white);
        let picture = flatten_deep(picture);
        match how.channels {
            1 => planes(&picture.into_luma16(), how.size, how.aspect),
            _ => planes(&picture.into_rgb16(), how.size, how.aspect),
        }
    }

    fn of_byte(value: u8) -> Self {
        u16::from(value) * 257
    }

    fn of_word(value: u16, white: u16) -> Self {
        bright(value, white)
    }

    fn resized(values: Vec<Self>, [height, width]: [usize; 2], how: &Conversion) -> Vec<Self> {
        // There are as many values as the plane has.
        let plane = Plane::from_raw(width as u32, height as u32, values).unwrap_or_default();
        planes(&plane, how.size, how.aspect)
    }

    fn values(values: Buffer<Self>) -> Values {
        Values::Deep(values)
    }

    fn pictures(whole: Whole<Self>) -> Pictures {
        Pictures::Deep(whole)
    }
}
