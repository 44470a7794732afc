//! Gather: selects images of a set and converts them from bytes, or whole numbers of 16 bits, to floats in [0, 1].

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::level;
use crate::stored::Stored;
use crate::vectorise::vectorise;

/// Values below which one thread is enough: about 10 microseconds of work.
const PARALLEL: usize = 1 << 16;

/// An index past the end of a set of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastTheEnd {
    /// The index.
    pub index: u32,
    /// Number of images.
    pub count: usize,
}

impl std::fmt::Display for PastTheEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "image {} of a set of {}", self.index, self.count)
    }
}

impl std::error::Error for PastTheEnd {}

/// Replaces the content of `out` by the images at `indices`, each value over white, pixel / 255
/// or pixel / 65535, exactly as the division rounds it.
///
/// # Shapes
/// - `pixels`: images of `image_len` values each, one after the other
/// - `out`: `indices.len() * image_len` values; its memory is reused if it is large enough
///
/// # Errors
/// The first index past the end of the set; `out` is then empty.
///
/// # Panics
/// If `image_len` is zero.
pub fn gather<T: Stored>(
    pixels: &[T],
    image_len: usize,
    indices: &[u32],
    out: &mut Vec<f32>,
) -> Result<(), PastTheEnd> {
    let count = pixels.len() / image_len;
    out.clear();
    if let Some(&index) = indices.iter().find(|&&index| index as usize >= count) {
        return Err(PastTheEnd { index, count });
    }
    let values = indices.len() * image_len;
    out.reserve(values);
    let level = level::current();
    let convert = |(&index, out): (&u32, &mut [MaybeUninit<f32>])| {
        let start = index as usize * image_len;
        T::divide(level, &pixels[start..start + image_len], out);
    };
    let spare = &mut out.spare_capacity_mut()[..values];
    if values < PARALLEL {
        indices
            .iter()
            .zip(spare.chunks_exact_mut(image_len))
            .for_each(convert);
    } else {
        let images = (indices.par_iter(), spare.par_chunks_exact_mut(image_len));
        // At least enough images at a time that distributing them costs almost nothing.
        let least = (PARALLEL / 4).div_ceil(image_len);
        images.into_par_iter().with_min_len(least).for_each(convert);
    }
    // SAFETY: the capacity was reserved, and each of the images wrote its part.
    unsafe { out.set_len(values) };
    Ok(())
}

vectorise! {
    /// Pixels over 255. Unlike a product with 1/255, the division is exact.
    pub(crate) fn divide_bytes(pixels: &[u8], out: &mut [MaybeUninit<f32>]) {
        for (out, &pixel) in out.iter_mut().zip(pixels) {
            out.write(f32::from(pixel) / 255.0);
        }
    }
}

vectorise! {
    /// The same of whole numbers of 16 bits: pixels over 65535.
    pub(crate) fn divide_words(pixels: &[u16], out: &mut [MaybeUninit<f32>]) {
        for (out, &pixel) in out.iter_mut().zip(pixels) {
            out.write(f32::from(pixel) / 65535.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::level::with;

    #[test]
    fn every_pixel_value_is_divided_exactly() {
        let pixels: Vec<u8> = (0..=255).collect();
        let naive: Vec<f32> = (0..=255).map(|pixel| pixel as f32 / 255.0).collect();
        for level in level::ALL {
            let mut out = vec![7.0; 3];
            with(level, || gather(&pixels, 256, &[0], &mut out)).unwrap();
            assert_eq!(out, naive);
        }
    }

    #[test]
    fn values_of_16_bits_are_divided_exactly() {
        let pixels: Vec<u16> = (0..=u16::MAX).collect();
        let naive: Vec<f32> = pixels.iter().map(|&it| f32::from(it) / 65535.0).collect();
        for level in level::ALL {
            let mut out = Vec::new();
            with(level, || gather(&pixels, 1 << 15, &[0, 1], &mut out)).unwrap();
            assert_eq!(out, naive);
        }
        // A byte means the same as the value of 16 bits that it is scaled to.
        for byte in 0..=u8::MAX {
            assert_eq!(f32::from(byte) / 255.0, naive[usize::from(byte) * 257]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn images_come_in_the_order_of_their_indices(
            image_len in 1usize..900,
            indices in prop::collection::vec(0u32..9, 0..200),
            threads in 1usize..3,
        ) {
            let pixels: Vec<u8> = (0..9 * image_len).map(|i| (i * 31 % 251) as u8).collect();
            let naive: Vec<f32> = indices.iter().flat_map(|&i| {
                let start = i as usize * image_len;
                pixels[start..start + image_len].iter().map(|&pixel| f32::from(pixel) / 255.0)
            }).collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            pool.install(|| gather(&pixels, image_len, &indices, &mut out)).unwrap();
            prop_assert_eq!(out, naive);
        }
    }

    #[test]
    fn an_index_past_the_end_is_an_error() {
        // Two images, and one byte that makes no third.
        let mut out = vec![1.0];
        let error = gather(&[0_u8; 9], 4, &[1, 2, 5], &mut out).unwrap_err();
        assert_eq!(error, PastTheEnd { index: 2, count: 2 });
        assert_eq!(error.to_string(), "image 2 of a set of 2");
        assert!(out.is_empty());
    }
}
