//! The blocks of AVX2 and of AVX-512.

use super::{Isa, Vector};
use std::arch::x86_64::*;

/// AVX2 with FMA.
pub struct Avx2;

impl Isa for Avx2 {
    type Wide = Pair;
    type Narrow = __m256;
    type Single = __m256;
    // 12 of 16 registers; two hold a row of the right side and one a value of the left.
    const TILE: (usize, usize) = (6, 2);

    #[inline(always)]
    unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's, who has AVX2.
        unsafe { transpose_8x8(from, from_stride, to, to_stride) }
    }
}

/// AVX-512.
pub struct Avx512;

impl Isa for Avx512 {
    type Wide = __m512;
    type Narrow = __m256;
    type Single = __m512;
    // 24 of 32 registers.
    const TILE: (usize, usize) = (12, 2);

    #[inline(always)]
    unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's, who has AVX2 with AVX-512.
        unsafe { transpose_8x8(from, from_stride, to, to_stride) }
    }
}

/// 16 floats in two registers.
#[derive(Clone, Copy)]
pub struct Pair(__m256, __m256);

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

/// A mask of eight 32-bit lanes with the first `lanes` set.
#[inline(always)]
unsafe fn first(lanes: usize) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe {
        _mm256_cmpgt_epi32(
            _mm256_set1_epi32(lanes as i32),
            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
        )
    }
}

impl Vector for __m256 {
    const LANES: usize = 8;
    // Of 16 registers, one each for the weights, a broadcast and spare.
    const ACCUMULATORS: usize = 12;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: this and every block below rest on the trait's contract: the instructions are
        // there, and the pointers are valid for what is read or written.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: the trait's contract; masked lanes are not read.
        unsafe { _mm256_maskload_ps(from, first(lanes)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the trait's contract.
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        // SAFETY: the trait's contract; masked lanes are not written.
        unsafe { _mm256_maskstore_ps(to, first(lanes), self) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, lanes: usize) {
        // SAFETY: the trait's contract; at most 8 bytes are copied from the 8 of `bytes`.
        unsafe {
            let ints = _mm256_cvtps_epi32(self);
            let words = _mm_packus_epi32(
                _mm256_castsi256_si128(ints),
                _mm256_extracti128_si256::<1>(ints),
            );
            let bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes();
            if lanes == 8 {
                to.cast::<[u8; 8]>().write_unaligned(bytes);
            } else {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, lanes);
            }
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the trait's contract.
        unsafe {
            let four = _mm_add_ps(
                _mm256_castps256_ps128(self),
                _mm256_extractf128_ps::<1>(self),
            );
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u64 {
        // SAFETY: the trait's contract.
        unsafe {
            let mask = _mm256_cmp_ps::<_CMP_NEQ_UQ>(self, _mm256_setzero_ps());
            _mm256_movemask_ps(mask) as u64
        }
    }
    #[inline(always)]
    unsafe fn equal_bytes(from: *const u8, value: u8) -> u64 {
        // SAFETY: the trait's contract: 8 bytes.
        unsafe {
            let equal = _mm_cmpeq_epi8(_mm_loadl_epi64(from.cast()), _mm_set1_epi8(value as i8));
            _mm_movemask_epi8(equal) as u64 & 0xff
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm256_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm256_fmadd_ps(self, factor, sum) }
    }
    #[inline(always)]
    unsafe fn beats(self, other: Self) -> Self::Mask {
        // SAFETY: the trait's contract.
        unsafe {
            _mm256_or_ps(
                _mm256_cmp_ps::<_CMP_GT_OQ>(self, other),
                _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self),
            )
        }
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm256_blendv_ps(otherwise, then, mask) }
    }
}

impl Vector for Pair {
    const LANES: usize = 16;
    // Twelve registers of sums, two of weights, one broadcast.
    const ACCUMULATORS: usize = 6;
    type Mask = (__m256, __m256);

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the trait's contract, here and below.
        let half = unsafe { __m256::splat(value) };
        Pair(half, half)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the trait's contract: 16 floats.
        unsafe { Pair(__m256::load(from), __m256::load(from.add(8))) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: the trait's contract; the second half is only reached where it has lanes.
        unsafe {
            let low = __m256::load_first(from, lanes.min(8));
            if lanes > 8 {
                Pair(low, __m256::load_first(from.add(8), lanes - 8))
            } else {
                Pair(low, __m256::splat(0.0))
            }
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the trait's contract: 16 floats.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(8));
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        // SAFETY: the trait's contract; the second half is only reached where it has lanes.
        unsafe {
            self.0.store_first(to, lanes.min(8));
            if lanes > 8 {
                self.1.store_first(to.add(8), lanes - 8);
            }
        }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, lanes: usize) {
        // SAFETY: the trait's contract; the second half is only reached where it has lanes.
        unsafe {
            self.0.store_bytes(to, lanes.min(8));
            if lanes > 8 {
                self.1.store_bytes(to.add(8), lanes - 8);
            }
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the trait's contract.
        unsafe { self.0.add(self.1).sum() }
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u64 {
        // SAFETY: the trait's contract.
        unsafe { self.0.nonzero() | self.1.nonzero() << 8 }
    }
    #[inline(always)]
    unsafe fn equal_bytes(from: *const u8, value: u8) -> u64 {
        // SAFETY: the trait's contract: 16 bytes.
        unsafe { __m256::equal_bytes(from, value) | __m256::equal_bytes(from.add(8), value) << 8 }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { Pair(self.0.add(other.0), self.1.add(other.1)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { Pair(self.0.sub(other.0), self.1.sub(other.1)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe {
            Pair(
                self.0.mul_add(factor.0, sum.0),
                self.1.mul_add(factor.1, sum.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn beats(self, other: Self) -> Self::Mask {
        // SAFETY: the trait's contract.
        unsafe { (self.0.beats(other.0), self.1.beats(other.1)) }
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe {
            Pair(
                __m256::select(mask.0, then.0, otherwise.0),
                __m256::select(mask.1, then.1, otherwise.1),
            )
        }
    }
}

impl Vector for __m512 {
    const LANES: usize = 16;
    // Half of the 32 registers hide the latency of FMA; the pooling tile takes two rows of these.
    const ACCUMULATORS: usize = 14;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the trait's contract, here and below.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: the trait's contract; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps((0xffff_u32 >> (16 - lanes)) as u16, from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the trait's contract.
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        // SAFETY: the trait's contract; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(to, (0xffff_u32 >> (16 - lanes)) as u16, self) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, lanes: usize) {
        // SAFETY: the trait's contract; masked lanes are not written.
        unsafe {
            _mm512_mask_cvtepi32_storeu_epi8(
                to.cast(),
                (0xffff_u32 >> (16 - lanes)) as u16,
                _mm512_cvtps_epi32(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the trait's contract.
        unsafe {
            _mm256_add_ps(
                _mm512_castps512_ps256(self),
                _mm512_extractf32x8_ps::<1>(self),
            )
            .sum()
        }
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u64 {
        // SAFETY: the trait's contract.
        unsafe { u64::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps())) }
    }
    #[inline(always)]
    unsafe fn equal_bytes(from: *const u8, value: u8) -> u64 {
        // SAFETY: the trait's contract: 16 bytes.
        unsafe {
            let equal = _mm_cmpeq_epi8(_mm_loadu_si128(from.cast()), _mm_set1_epi8(value as i8));
            _mm_movemask_epi8(equal) as u64
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm512_fmadd_ps(self, factor, sum) }
    }
    #[inline(always)]
    unsafe fn beats(self, other: Self) -> Self::Mask {
        // SAFETY: the trait's contract.
        unsafe {
            _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, other)
                | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self)
        }
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { _mm512_mask_blend_ps(mask, otherwise, then) }
    }
}
