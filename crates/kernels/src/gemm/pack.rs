//! Packing: copies of parts of a matrix in the order in which the kernel reads them.

use std::cell::RefCell;

use super::Matrix;
use crate::simd::{Isa, Vector};

/// A cache line of floats, which is also the widest vector.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read through pointers")] [f32; 16]);

thread_local! {
    /// Memory that each thread keeps for its copies, left and right.
    static SCRATCH: [RefCell<Vec<Line>>; 2] = const { [RefCell::new(Vec::new()), RefCell::new(Vec::new())] };
}

/// Runs `work` with memory for two copies of at least so many floats, whose content is arbitrary.
pub(super) fn with_scratch(lengths: [usize; 2], work: impl FnOnce([*mut f32; 2])) {
    SCRATCH.with(|scratch| {
        let mut guards = scratch.each_ref().map(|cell| cell.borrow_mut());
        for (lines, length) in guards.iter_mut().zip(lengths) {
            let needed = length.div_ceil(16);
            if lines.len() < needed {
                lines.resize(needed, Line([0.0; 16]));
            }
        }
        work([0, 1].map(|i| guards[i].as_mut_ptr().cast()));
    });
}

/// Copies the first `inner` values from `first` on of rows `row..row + count`, rows `pitch` apart.
///
/// # Safety
/// The block lies in the matrix, whose rows are contiguous, and `to` has room for `count * pitch`.
#[inline(always)]
pub(super) unsafe fn rows(
    matrix: &Matrix,
    (row, count): (usize, usize),
    (first, inner): (usize, usize),
    pitch: usize,
    to: *mut f32,
) {
    for r in 0..count {
        let start = (row + r) * matrix.row_stride + first;
        // SAFETY: the row lies in the matrix, and the copy has `pitch` for each.
        unsafe {
            let from = matrix.values.as_ptr().add(start);
            to.add(r * pitch).copy_from_nonoverlapping(from, inner);
        }
    }
}

/// Copies rows `row..row + count` of the block of `inner` columns from `first` on, so that the
/// values of a column are neighbours and columns lie `PITCH` apart.
///
/// # Safety
/// The block lies in the matrix, `count` is at most `PITCH`, and `to` has room for `inner * PITCH`.
#[inline(always)]
pub(super) unsafe fn columns<const PITCH: usize>(
    matrix: &Matrix,
    (row, count): (usize, usize),
    (first, inner): (usize, usize),
    to: *mut f32,
) {
    let start = row * matrix.row_stride + first * matrix.column_stride;
    let from = matrix.values.as_ptr().wrapping_add(start);
    // Where the memory goes on behind the block, whole vectors are copied: what is too much is
    // never read.
    let end = start + (inner.max(1) - 1) * matrix.column_stride + PITCH;
    if matrix.row_stride == 1 && end <= matrix.values.len() {
        for p in 0..inner {
            // SAFETY: the last such read ends at `end`, and the copy has `PITCH` for each column.
            unsafe {
                let column = from.add(p * matrix.column_stride).cast::<[f32; PITCH]>();
                to.add(p * PITCH)
                    .cast::<[f32; PITCH]>()
                    .write_unaligned(column.read_unaligned());
            }
        }
        return;
    }
    for p in 0..inner {
        for r in 0..count {
            // SAFETY: row and column lie in the block.
            unsafe {
                *to.add(p * PITCH + r) =
                    *from.add(r * matrix.row_stride + p * matrix.column_stride);
            }
        }
    }
}

/// Copies columns `column..column + count` of the block of `inner` rows from `first` on, each row
/// padded with zeros to `width`.
///
/// # Safety
/// The processor has the instruction set; the block lies in the matrix, `count` is at most `width`,
/// and `to` has room for `inner * width`.
#[inline(always)]
pub(super) unsafe fn right<I: Isa>(
    matrix: &Matrix,
    (column, count): (usize, usize),
    (first, inner): (usize, usize),
    width: usize,
    to: *mut f32,
) {
    let start = first * matrix.row_stride + column * matrix.column_stride;
    let from = matrix.values.as_ptr().wrapping_add(start);
    if count < width {
        // SAFETY: there is room for so many.
        unsafe { to.write_bytes(0, inner * width) };
    }
    if matrix.column_stride == 1 && count.is_multiple_of(I::Single::LANES) {
        for p in 0..inner {
            for c in (0..count).step_by(I::Single::LANES) {
                // SAFETY: row and columns lie in the block; the caller vouches for the rest.
                unsafe {
                    I::Single::load(from.add(p * matrix.row_stride + c))
                        .store(to.add(p * width + c))
                };
            }
        }
        return;
    }
    let whole = if matrix.row_stride == 1 {
        [inner, count].map(|length| length - length % 8)
    } else {
        [0; 2]
    };
    for c in (0..whole[1]).step_by(8) {
        for p in (0..whole[0]).step_by(8) {
            // SAFETY: 8 x 8 values from here on lie in the block.
            unsafe {
                I::transpose_8x8(
                    from.add(c * matrix.column_stride + p),
                    matrix.column_stride,
                    to.add(p * width + c),
                    width,
                );
            }
        }
    }
    for p in 0..inner {
        let done = if p < whole[0] { whole[1] } else { 0 };
        for c in done..count {
            // SAFETY: row and column lie in the block.
            unsafe {
                *to.add(p * width + c) =
                    *from.add(p * matrix.row_stride + c * matrix.column_stride);
            }
        }
    }
}
