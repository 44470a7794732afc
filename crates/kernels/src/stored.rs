//! Stored: the values of pictures as they lie in memory or in a file, as whole numbers.

use bytemuck::{AnyBitPattern, NoUninit};

use crate::gather::{divide_bytes, divide_words};
use crate::level::Level;

/// A whole number that a value of a picture is stored as: `u8` or `u16`.
pub trait Stored:
    AnyBitPattern + NoUninit + Copy + Default + PartialEq + Send + Sync + 'static
{
    /// What means 1.
    const WHITE: f32;

    /// The number as a float, without rounding.
    fn float(self) -> f32;

    /// Writes each value over white, exactly as the division rounds it.
    #[doc(hidden)]
    fn divide(level: Level, values: &[Self], out: &mut [std::mem::MaybeUninit<f32>]);
}

impl Stored for u8 {
    const WHITE: f32 = 255.0;

    fn float(self) -> f32 {
        f32::from(self)
    }

    fn divide(level: Level, values: &[Self], out: &mut [std::mem::MaybeUninit<f32>]) {
        divide_bytes(level, values, out);
    }
}

impl Stored for u16 {
    const WHITE: f32 = 65535.0;

    fn float(self) -> f32 {
        f32::from(self)
    }

    fn divide(level: Level, values: &[Self], out: &mut [std::mem::MaybeUninit<f32>]) {
        divide_words(level, values, out);
    }
}
