//! Vector: a block of 8 or 16 floats that convolutions and products compute with, in the registers of
//! each [`Level`](crate::level::Level). Kernels are written once over [`Vector`] and [`Isa`], and
//! [`dispatch`] compiles them for each level.
//!
//! Every function that touches a vector is `#[inline(always)]` and carries no target feature of its
//! own: it becomes part of the function in [`dispatch`] that has the features, and only there do
//! vectors live in registers.

use crate::level::Level;

/// The number of lanes of an [`Isa::Wide`] block.
pub const WIDE: usize = 16;
/// The number of lanes of an [`Isa::Narrow`] block.
pub const NARROW: usize = 8;

/// A block of [`LANES`](Vector::LANES) floats.
///
/// # Safety
/// Every method may only be called where the processor has the instructions of the [`Isa`] that
/// the type belongs to; pointers must be valid for as many floats as the method says, with no
/// alignment beyond that of `f32`.
pub trait Vector: Copy {
    /// Floats in the block.
    const LANES: usize;
    /// Most blocks that a loop can keep in registers as accumulators.
    const ACCUMULATORS: usize;
    /// One truth value for each lane.
    type Mask: Copy;

    /// `value` in every lane.
    unsafe fn splat(value: f32) -> Self;
    /// Reads `LANES` floats.
    unsafe fn load(from: *const f32) -> Self;
    /// Reads the first `lanes` (at most `LANES`) floats; the other lanes are 0.
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self;
    /// Writes `LANES` floats.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `lanes` (at most `LANES`) floats.
    unsafe fn store_first(self, to: *mut f32, lanes: usize);
    /// Writes the first `lanes` (at most `LANES`) floats, which hold 0 to 255, as bytes.
    unsafe fn store_bytes(self, to: *mut u8, lanes: usize);
    /// The sum of all lanes.
    unsafe fn sum(self) -> f32;
    /// A bit for each lane that is not 0, that of the first lane lowest.
    unsafe fn nonzero(self) -> u64;
    /// A bit for each of `LANES` bytes that equals `value`.
    unsafe fn equal_bytes(from: *const u8, value: u8) -> u64;
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self * factor + sum`, rounded once if the instruction set can.
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self;
    /// Where `self` is greater than `other` or is NaN, so that a maximum keeps a NaN.
    unsafe fn beats(self, other: Self) -> Self::Mask;
    /// `then` where the mask holds, elsewhere `otherwise`.
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;
}

/// The two kinds of blocks of one instruction set.
pub trait Isa {
    /// The block of 16.
    type Wide: Vector;
    /// The block of 8, for the last channels where half a wide block would be empty.
    type Narrow: Vector;
    /// The block of one register, for loops that keep many of them at hand.
    type Single: Vector;
    /// Rows, and `Single` blocks in a row, of the largest tile of a product that the registers hold
    /// beside its operands.
    const TILE: (usize, usize);

    /// Transposes 8 x 8 floats between rows that lie `from_stride` and `to_stride` apart.
    ///
    /// # Safety
    /// The processor has the instructions, and both sides have 8 rows of 8 floats.
    #[inline(always)]
    unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for row in 0..8 {
            for column in 0..8 {
                // SAFETY: the caller vouches for 8 floats in each of 8 rows on both sides.
                unsafe {
                    *to.add(column * to_stride + row) = *from.add(row * from_stride + column);
                }
            }
        }
    }
}

/// Work that is compiled once for each instruction set.
pub trait Kernel {
    /// Its result.
    type Output;
    /// Does the work; implementations are `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor has the instructions of `I`.
    unsafe fn run<I: Isa>(self) -> Self::Output;
}

/// Runs `kernel` with the instructions of `level`.
pub fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use x86::{Avx2, Avx512};
        #[target_feature(enable = "avx2,fma,bmi1,bmi2")]
        unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: this function's own features are those of `Avx2`.
            unsafe { kernel.run::<Avx2>() }
        }
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,avx512f,avx512bw,avx512dq,avx512vl")]
        unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: this function's own features are those of `Avx512`.
            unsafe { kernel.run::<Avx512>() }
        }
        match level.min(crate::level::best()) {
            // SAFETY: the processor has been found to have this level's instructions.
            Level::Avx512 => return unsafe { avx512(kernel) },
            // SAFETY: as above.
            Level::Avx2 => return unsafe { avx2(kernel) },
            Level::Portable => {}
        }
    }
    let _ = level;
    // SAFETY: `Portable` needs no instructions beyond the target's baseline.
    unsafe { kernel.run::<Portable>() }
}

/// Plain Rust, vectorised by the compiler.
pub struct Portable;

impl Isa for Portable {
    type Wide = Lanes<WIDE>;
    type Narrow = Lanes<NARROW>;
    type Single = Lanes<NARROW>;
    // 8 of 16 registers of 4 floats.
    const TILE: (usize, usize) = (4, 1);
}

/// `N` floats as an array.
#[derive(Clone, Copy)]
pub struct Lanes<const N: usize>([f32; N]);

impl<const N: usize> Lanes<N> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self;
        for (a, b) in out.0.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        out
    }
}

impl<const N: usize> Vector for Lanes<N> {
    const LANES: usize = N;
    // Of 16 registers of 4 floats, 12 for sums.
    const ACCUMULATORS: usize = 48 / N;
    type Mask = [bool; N];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Lanes([value; N])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for `N` floats.
        Lanes(unsafe { from.cast::<[f32; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        let mut values = [0.0; N];
        for (i, value) in values.iter_mut().take(lanes).enumerate() {
            // SAFETY: the caller's pointer is valid for `lanes` floats.
            *value = unsafe { from.add(i).read() };
        }
        Lanes(values)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for `N` floats.
        unsafe { to.cast::<[f32; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        for (i, &value) in self.0.iter().take(lanes).enumerate() {
            // SAFETY: the caller's pointer is valid for `lanes` floats.
            unsafe { to.add(i).write(value) }
        }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, lanes: usize) {
        for (i, &value) in self.0.iter().take(lanes).enumerate() {
            // SAFETY: the caller's pointer is valid for `lanes` bytes.
            unsafe { to.add(i).write(value as u8) }
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.0.into_iter().sum()
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u64 {
        let bit = |(i, value): (usize, f32)| u64::from(value != 0.0) << i;
        self.0.into_iter().enumerate().map(bit).sum()
    }
    #[inline(always)]
    unsafe fn equal_bytes(from: *const u8, value: u8) -> u64 {
        // SAFETY: the caller's pointer is valid for `N` bytes.
        let bytes = unsafe { from.cast::<[u8; N]>().read_unaligned() };
        let bit = |(i, byte): (usize, u8)| u64::from(byte == value) << i;
        bytes.into_iter().enumerate().map(bit).sum()
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // Not `f32::mul_add`, which is a call into the C library if there is no instruction.
        self.zip(factor, |a, b| a * b).zip(sum, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn beats(self, other: Self) -> Self::Mask {
        std::array::from_fn(|i| self.0[i] > other.0[i] || self.0[i].is_nan())
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        Lanes(std::array::from_fn(|i| {
            if mask[i] { then.0[i] } else { otherwise.0[i] }
        }))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86;
