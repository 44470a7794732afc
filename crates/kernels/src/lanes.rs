//! Lanes: vectors of floats of one instruction set, for the loops whose registers the compiler
//! would not assign well by itself.
//!
//! The functions are inlined into callers that enable the instruction set, as
//! `#[target_feature]` functions; none of them enables it.

/// A vector of `LANES` floats.
///
/// # Safety
/// Every function needs a processor with the instruction set, and to be inlined into a function
/// that enables it (for speed, not for soundness). Pointers must be valid for what is read or
/// written there; they need no alignment.
pub(crate) trait Lanes {
    /// The vector.
    type Vector: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// Rows, and vectors in a row, of the largest tile of a product that the registers hold beside
    /// its operands.
    const TILE: (usize, usize);

    /// The same value in each lane.
    unsafe fn splat(value: f32) -> Self::Vector;
    /// The `LANES` values at the pointer.
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// Writes the `LANES` values.
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    /// `a b + c`; rounded once, where the instruction set can.
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// Transposes 8 x 8 values between rows that lie `from_stride` and `to_stride` apart.
    #[inline(always)]
    unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for row in 0..8 {
            for column in 0..8 {
                // SAFETY: the caller vouches for 8 values in each of 8 rows on both sides.
                unsafe {
                    *to.add(column * to_stride + row) = *from.add(row * from_stride + column);
                }
            }
        }
    }
}

/// Four floats in plain Rust.
pub(crate) struct Portable;

impl Lanes for Portable {
    type Vector = [f32; 4];
    const LANES: usize = 4;
    const TILE: (usize, usize) = (4, 2);

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 4] {
        // SAFETY: the caller vouches for 4 values; arrays of floats read unaligned here.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: [f32; 4]) {
        // SAFETY: as in `load`.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Where the target has no such instruction, `f32::mul_add` is a slow function call.
        let fused = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        std::array::from_fn(|i| {
            if fused {
                a[i].mul_add(b[i], c[i])
            } else {
                a[i] * b[i] + c[i]
            }
        })
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;

    /// Eight floats.
    pub(crate) struct Avx2;

    impl Lanes for Avx2 {
        type Vector = __m256;
        const LANES: usize = 8;
        // 12 of 16 registers; two hold a row of the right side and one a value of the left.
        const TILE: (usize, usize) = (6, 2);

        #[inline(always)]
        unsafe fn splat(value: f32) -> __m256 {
            // SAFETY: the caller vouches for AVX2.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m256 {
            // SAFETY: the caller vouches for AVX2 and for 8 values.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, vector: __m256) {
            // SAFETY: the caller vouches for AVX2 and for 8 values.
            unsafe { _mm256_storeu_ps(to, vector) }
        }

        #[inline(always)]
        unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: the caller vouches for FMA, which `Level::Avx2` includes.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        unsafe fn transpose_8x8(
            from: *const f32,
            from_stride: usize,
            to: *mut f32,
            to_stride: usize,
        ) {
            // SAFETY: the caller vouches for AVX2 and for 8 values in each of 8 rows on both sides.
            unsafe { transpose_8x8(from, from_stride, to, to_stride) }
        }
    }

    /// Sixteen floats.
    pub(crate) struct Avx512;

    impl Lanes for Avx512 {
        type Vector = __m512;
        const LANES: usize = 16;
        // 24 of 32 registers.
        const TILE: (usize, usize) = (12, 2);

        #[inline(always)]
        unsafe fn splat(value: f32) -> __m512 {
            // SAFETY: the caller vouches for AVX-512.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m512 {
            // SAFETY: the caller vouches for AVX-512 and for 16 values.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, vector: __m512) {
            // SAFETY: the caller vouches for AVX-512 and for 16 values.
            unsafe { _mm512_storeu_ps(to, vector) }
        }

        #[inline(always)]
        unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: the caller vouches for AVX-512.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        unsafe fn transpose_8x8(
            from: *const f32,
            from_stride: usize,
            to: *mut f32,
            to_stride: usize,
        ) {
            // SAFETY: as for AVX2, which `Level::Avx512` includes.
            unsafe { transpose_8x8(from, from_stride, to, to_stride) }
        }
    }

    /// Three rounds of interleaving: of values, of pairs and of halves.
    #[inline(always)]
    unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller vouches for AVX2 and for 8 values in each of 8 rows on both sides.
        unsafe {
            let row = |i: usize| _mm256_loadu_ps(from.add(i * from_stride));
            let low = |i: usize| _mm256_unpacklo_ps(row(i), row(i + 1));
            let high = |i: usize| _mm256_unpackhi_ps(row(i), row(i + 1));
            let [a, b, c, d] = [low(0), high(0), low(2), high(2)];
            let [e, f, g, h] = [low(4), high(4), low(6), high(6)];
            let quads = [
                (
                    _mm256_shuffle_ps::<0x44>(a, c),
                    _mm256_shuffle_ps::<0x44>(e, g),
                ),
                (
                    _mm256_shuffle_ps::<0xee>(a, c),
                    _mm256_shuffle_ps::<0xee>(e, g),
                ),
                (
                    _mm256_shuffle_ps::<0x44>(b, d),
                    _mm256_shuffle_ps::<0x44>(f, h),
                ),
                (
                    _mm256_shuffle_ps::<0xee>(b, d),
                    _mm256_shuffle_ps::<0xee>(f, h),
                ),
            ];
            for (i, (left, right)) in quads.into_iter().enumerate() {
                let first = _mm256_permute2f128_ps::<0x20>(left, right);
                let second = _mm256_permute2f128_ps::<0x31>(left, right);
                _mm256_storeu_ps(to.add(i * to_stride), first);
                _mm256_storeu_ps(to.add((i + 4) * to_stride), second);
            }
        }
    }
}
