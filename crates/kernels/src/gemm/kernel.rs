//! Kernel: the loops of one task, and the tile in registers at their centre.

use std::ops::Range;

use super::{Epilogue, INNER, Matrix, Task, pack};
use crate::simd::{Isa, Vector};

/// Rows of a result up to which the right side is read where it lies: a copy of it would be used
/// too few times.
const FEW_ROWS: usize = 16;

/// A side of a product as the innermost loop reads it.
#[derive(Clone, Copy)]
struct Side {
    values: *const f32,
    /// Distance of its rows, or of its columns where the values of a column are neighbours.
    outer: usize,
}

/// Floats of scratch memory that [`compute`] needs for its copies of the left and the right side.
pub(super) fn room<I: Isa>(task: &Task) -> [usize; 2] {
    let depth = task.product.inner().min(INNER);
    let rows = task.rows.len();
    let left = match Mode::of(&task.product.left) {
        Mode::Direct => 0,
        Mode::Rows => rows * row_pitch(depth),
        Mode::Columns => rows.div_ceil(I::TILE.0) * depth * PITCH,
    };
    [left, depth * I::TILE.1 * I::Single::LANES]
}

/// Computes a task. `ROWS` is `I::TILE.0`.
///
/// No closures in here: a closure would not be compiled for the instruction set.
///
/// # Safety
/// The processor has the instructions of `I`, which the caller enables; the copies have the
/// [`room`] that they need.
#[inline(always)]
pub(super) unsafe fn compute<I: Isa>(task: &Task, [left_copy, right_copy]: [*mut f32; 2]) {
    let product = task.product;
    let (left, right) = (&product.left, &product.right);
    let columns = right.columns;
    let (rows, inner) = (task.rows.len(), product.inner());
    if rows == 0 || task.columns.is_empty() {
        return;
    }
    // The tiles share the rows evenly: 128 rows are not ten tiles of 12 and one of 8.
    let blocks = rows.div_ceil(I::TILE.0);
    let panel = I::TILE.1 * I::Single::LANES;
    let mode = Mode::of(left);
    for first in (0..inner.max(1)).step_by(INNER) {
        let depth = (inner - first).min(INNER);
        let last = first + depth == inner;
        let pitch = row_pitch(depth);
        match mode {
            Mode::Direct => {}
            Mode::Rows => {
                let all = (task.rows.start, rows);
                // SAFETY: the rows lie in the matrix, and the copy has room for them.
                unsafe { pack::rows(left, all, (first, depth), pitch, left_copy) };
            }
            Mode::Columns => {
                for i in 0..blocks {
                    let rows = block(&task.rows, blocks, i);
                    // SAFETY: the rows lie in the matrix and are at most those of a tile, which `PITCH` is
                    // not below, and the copy has room for every block.
                    unsafe {
                        let to = left_copy.add(i * depth * PITCH);
                        pack::columns::<PITCH>(left, rows, (first, depth), to);
                    }
                }
            }
        }
        for column in task.columns.clone().step_by(panel) {
            let count = (task.columns.end - column).min(panel);
            let width = count.next_multiple_of(I::Single::LANES);
            let direct = rows <= FEW_ROWS && right.column_stride == 1 && width == count;
            let b = if direct {
                let start = first * right.row_stride + column;
                Side {
                    values: right.values.as_ptr().wrapping_add(start),
                    outer: right.row_stride,
                }
            } else {
                // SAFETY: the columns lie in the matrix and the scratch has room for a panel.
                unsafe {
                    pack::right::<I>(right, (column, count), (first, depth), width, right_copy)
                };
                Side {
                    values: right_copy,
                    outer: width,
                }
            };
            for i in 0..blocks {
                let (row, size) = block(&task.rows, blocks, i);
                // SAFETY: row and column lie in the result, the sides in matrix or scratch.
                unsafe {
                    let out = product.out.values.add(row * columns + column);
                    let to = Tile {
                        values: out,
                        stride: columns,
                        rows: size,
                        columns: count,
                        add: first > 0,
                    };
                    // One call a kind: each is a copy of every kernel.
                    if mode == Mode::Columns {
                        let a = Side {
                            values: left_copy.add(i * depth * PITCH),
                            outer: PITCH,
                        };
                        tile::<I, true>(depth, a, b, &to, width);
                    } else {
                        let a = if mode == Mode::Rows {
                            Side {
                                values: left_copy.add((row - task.rows.start) * pitch),
                                outer: pitch,
                            }
                        } else {
                            let start = row * left.row_stride + first;
                            Side {
                                values: left.values.as_ptr().wrapping_add(start),
                                outer: left.row_stride,
                            }
                        };
                        tile::<I, false>(depth, a, b, &to, width);
                    }
                    if let (true, Some(epilogue)) = (last, &product.epilogue) {
                        finish(epilogue, column, &to);
                    }
                }
            }
        }
    }
}

/// The first row and the number of rows of tile `i` of `count`.
#[inline(always)]
fn block(rows: &Range<usize>, count: usize, i: usize) -> (usize, usize) {
    let (size, larger) = (rows.len() / count, rows.len() % count);
    let first = rows.start + i * size + i.min(larger);
    (first, size + usize::from(i < larger))
}

/// How the left side is read.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Where it lies.
    Direct,
    /// From a copy of its rows, because they lie so far apart that the cache would hold too few of
    /// them at a time.
    Rows,
    /// From a copy of its columns, because the values of its rows are not neighbours.
    Columns,
}

impl Mode {
    fn of(left: &Matrix) -> Self {
        // Rows whose distance is near a multiple of 2 KiB fall into the same few sets of a
        // first-level cache of 4 KiB a way; a line is 16 values.
        let beside = left.row_stride % 512;
        if left.column_stride != 1 {
            Mode::Columns
        } else if left.row_stride > 256 && beside.min(512 - beside) < 16 {
            Mode::Rows
        } else {
            Mode::Direct
        }
    }
}

/// Distance of the rows of a copy: an odd number of lines of 16 values, so that they fall into
/// different sets of the cache.
fn row_pitch(depth: usize) -> usize {
    (depth.div_ceil(16) | 1) * 16
}

/// Distance of the columns of a copy of the left side: a vector, the largest of which a tile's rows
/// fit in.
const PITCH: usize = 16;

/// A tile of the result.
struct Tile {
    values: *mut f32,
    stride: usize,
    rows: usize,
    columns: usize,
    /// Whether the product is added to what is there.
    add: bool,
}

/// Adds the bias and applies the activation to a tile, which is in the cache still.
#[inline(always)]
unsafe fn finish(epilogue: &Epilogue, column: usize, tile: &Tile) {
    let bias = &epilogue.bias[column..column + tile.columns];
    for row in 0..tile.rows {
        // SAFETY: the caller's tile lies in the result and is written.
        let values = unsafe {
            std::slice::from_raw_parts_mut(tile.values.add(row * tile.stride), tile.columns)
        };
        for (value, bias) in values.iter_mut().zip(bias) {
            *value += bias;
        }
        epilogue.activation.apply(values);
    }
}

/// Chooses the loop for the tile's rows and vectors.
#[inline(always)]
unsafe fn tile<I: Isa, const PACKED: bool>(
    depth: usize,
    a: Side,
    b: Side,
    to: &Tile,
    width: usize,
) {
    macro_rules! rows {
        ($($rows:literal)*) => {
            match to.rows {
                // `const`, so that no kernel with more rows is compiled.
                $($rows if const { $rows <= I::TILE.0 } => {
                    if width > I::Single::LANES {
                        // SAFETY: the caller's.
                        unsafe { multiply::<I::Single, $rows, 2, PACKED>(depth, a, b, to) }
                    } else {
                        // SAFETY: the caller's.
                        unsafe { multiply::<I::Single, $rows, 1, PACKED>(depth, a, b, to) }
                    }
                })*
                _ => unreachable!("a tile has 1 to TILE.0 rows"),
            }
        };
    }
    rows!(1 2 3 4 5 6 7 8 9 10 11 12)
}

/// `R` rows by `W` vectors of the result, summed in registers.
#[inline(always)]
unsafe fn multiply<V: Vector, const R: usize, const W: usize, const PACKED: bool>(
    depth: usize,
    a: Side,
    b: Side,
    to: &Tile,
) {
    // SAFETY: the caller vouches for `depth` values of each side and for the tile.
    unsafe {
        let mut sums = [[V::splat(0.0); W]; R];
        let (mut left, mut right) = (a.values, b.values);
        for _ in 0..depth {
            let mut row = [V::splat(0.0); W];
            for (v, vector) in row.iter_mut().enumerate() {
                *vector = V::load(right.add(v * V::LANES));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let offset = if PACKED { r } else { r * a.outer };
                let value = V::splat(*left.add(offset));
                for (sum, vector) in sums.iter_mut().zip(row) {
                    *sum = value.mul_add(vector, *sum);
                }
            }
            left = left.wrapping_add(if PACKED { PITCH } else { 1 });
            right = right.wrapping_add(b.outer);
        }
        if to.columns == W * V::LANES {
            put::<V, R, W>(&sums, to.values, to.stride, to.add);
            return;
        }
        // The last columns: through a whole tile beside the result.
        let mut whole = [[[0f32; 16]; W]; R];
        let beside = whole.as_mut_ptr().cast::<f32>();
        let width = W * V::LANES;
        put::<V, R, W>(&sums, beside, width, false);
        for r in 0..R {
            let to_row = to.values.add(r * to.stride);
            for c in 0..to.columns {
                let before = if to.add { *to_row.add(c) } else { 0.0 };
                *to_row.add(c) = before + *beside.add(r * width + c);
            }
        }
    }
}

/// Writes the sums, or adds them to what is there. Its loops have constant lengths, so that the
/// compiler unrolls them and keeps the sums in registers.
#[inline(always)]
unsafe fn put<V: Vector, const R: usize, const W: usize>(
    sums: &[[V; W]; R],
    to: *mut f32,
    stride: usize,
    add: bool,
) {
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller vouches for a tile there.
            unsafe {
                let to = to.add(r * stride + v * V::LANES);
                if add {
                    V::load(to).add(sum).store(to);
                } else {
                    sum.store(to);
                }
            }
        }
    }
}
