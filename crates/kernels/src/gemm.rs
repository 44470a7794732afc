//! Gemm: products of `f32` matrices of typical layer sizes, where one side is a batch of a few hundred
//! rows.
//!
//! A general library is as fast for a single product. The gain is in what surrounds it: bias and
//! activation are applied to each tile of the result while it is in the cache, the result needs no zero
//! fill, both products of a backward pass share one parallel region, and a transposed weight costs no
//! more than a plain one, because its columns are transposed in blocks of 8 x 8 values.
//!
//! The left side is read where it lies if the values of its rows are neighbours. The right side is
//! copied one panel of 32 columns at a time (16 with AVX2) into the cache of the thread that
//! multiplies it.
//!
//! **Repeatability**: each value is one sum over the inner dimension in ascending order (in blocks
//! of [`INNER`]), whatever the tiles and the threads are, so a product depends on neither the
//! number of threads nor their timing. It does depend on the [`Level`], whose vectors round
//! differently only if they lack a fused multiply-add.

mod kernel;
mod pack;

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::activation::Activation;
use crate::level::Level;
use crate::simd::{Isa, Kernel, Vector, dispatch};

/// Values of the inner dimension that are multiplied at a time: with 32 columns, 128 KiB of the
/// right side and 48 KiB of the left, which the second-level caches hold.
const INNER: usize = 1024;

/// Multiply-adds below which a second thread is not worth waking: about 5 microseconds of work.
const PARALLEL: usize = 1 << 18;

/// Tasks per thread: enough that others can take over tasks of an interrupted thread.
const TASKS: usize = 4;

/// Rows from which copying a part of the right side pays off.
const ROWS_FOR_A_COPY: usize = 64;

/// Values of the left side per task: 768 KiB of a second-level cache.
const CACHED: usize = 192 * INNER;

/// A matrix in memory, with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The matrix whose value at row `r` and column `c` lies at `r * row_stride + c *
    /// column_stride`.
    ///
    /// # Panics
    /// If its last value lies past the end.
    pub(crate) fn new(values: &'a [f32], [rows, columns]: [usize; 2], strides: [usize; 2]) -> Self {
        let [row_stride, column_stride] = strides;
        if rows > 0 && columns > 0 {
            let last = (rows - 1) * row_stride + (columns - 1) * column_stride;
            assert!(last < values.len(), "the matrix lies within its memory");
        }
        Self {
            values,
            rows,
            columns,
            row_stride,
            column_stride,
        }
    }

    /// The matrix with contiguous rows, one after the other.
    pub(crate) fn row_major(values: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        Self::new(values, [rows, columns], [columns, 1])
    }

    /// Its transpose, in the same memory.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// The operations on each value of a product: `activation(value + bias of its column)`.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// One value per column.
    pub bias: &'a [f32],
    /// The function applied last.
    pub activation: Activation,
}

/// The product `out = left right`, row-major, with its epilogue.
pub(crate) struct Product<'a> {
    left: Matrix<'a>,
    right: Matrix<'a>,
    out: Out<'a>,
    epilogue: Option<Epilogue<'a>>,
}

/// The output of a product. Tasks write disjoint tiles of it, which references cannot express.
struct Out<'a> {
    values: *mut f32,
    /// Keeps the memory borrowed.
    _memory: std::marker::PhantomData<&'a mut [MaybeUninit<f32>]>,
}

// SAFETY: the pointer is only written through, by tasks that share no value.
unsafe impl Sync for Out<'_> {}
// SAFETY: the memory is borrowed exclusively for as long as the product lives.
unsafe impl Send for Out<'_> {}

impl<'a> Product<'a> {
    /// The product, to be written to `out`, of which [`run`] writes every value.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub(crate) fn new(
        left: Matrix<'a>,
        right: Matrix<'a>,
        out: &'a mut [MaybeUninit<f32>],
        epilogue: Option<Epilogue<'a>>,
    ) -> Self {
        assert_eq!(left.columns, right.rows, "inner dimensions");
        assert_eq!(out.len(), left.rows * right.columns, "values of the result");
        if let Some(epilogue) = &epilogue {
            assert_eq!(epilogue.bias.len(), right.columns, "biases");
        }
        let out = Out {
            values: out.as_mut_ptr().cast(),
            _memory: std::marker::PhantomData,
        };
        Self {
            left,
            right,
            out,
            epilogue,
        }
    }

    fn rows(&self) -> usize {
        self.left.rows
    }

    fn columns(&self) -> usize {
        self.right.columns
    }

    fn inner(&self) -> usize {
        self.left.columns
    }

    fn work(&self) -> usize {
        self.rows() * self.columns() * self.inner()
    }
}

/// A part of a product that one thread computes.
struct Task<'a> {
    product: &'a Product<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// Computes the products, in parallel where they are large enough.
pub(crate) fn run(level: Level, products: &[Product]) {
    let threads = rayon::current_num_threads();
    let work: usize = products.iter().map(Product::work).sum();
    let threads = if work < PARALLEL { 1 } else { threads };
    let mut tasks = Vec::new();
    for product in products {
        split(product, dispatch(level, Tile), threads, &mut tasks);
    }
    if threads == 1 {
        tasks.iter().for_each(|task| compute(level, task));
    } else {
        // One by one, so that the threads end together.
        let tasks = tasks.par_iter().with_max_len(1);
        tasks.for_each(|task| compute(level, task));
    }
}

/// Cuts a product into tasks.
fn split<'a>(
    product: &'a Product,
    (tile_rows, tile_columns): (usize, usize),
    threads: usize,
    tasks: &mut Vec<Task<'a>>,
) {
    let (rows, columns) = (product.rows(), product.columns());
    if rows == 0 || columns == 0 {
        return;
    }
    // Each task copies its part of the side that is not cut again. So a left side that has to be
    // copied is cut by rows, and otherwise the right side by columns; where one direction has too
    // few tiles for the threads, the other is cut too.
    let wanted = if threads == 1 { 1 } else { TASKS * threads };
    let (row_parts, column_parts) = if product.left.column_stride != 1 {
        let row_parts = rows.div_ceil(tile_rows).min(wanted);
        (row_parts, wanted.div_ceil(row_parts))
    } else {
        let column_parts = columns.div_ceil(tile_columns).min(wanted);
        let row_parts = wanted.div_ceil(column_parts);
        // Copying a right side whose columns become rows takes as long as multiplying some 16 rows.
        let copied = product.right.column_stride != 1;
        let fewest = threads.div_ceil(column_parts).max(rows / ROWS_FOR_A_COPY);
        (
            if copied {
                row_parts.min(fewest)
            } else {
                row_parts
            },
            column_parts,
        )
    };
    let cached = CACHED / product.inner().clamp(1, INNER) / tile_rows;
    let row_parts = row_parts.max(rows.div_ceil(tile_rows).div_ceil(cached));
    for columns in parts(columns, tile_columns, column_parts) {
        for rows in parts(rows, tile_rows, row_parts) {
            tasks.push(Task {
                product,
                rows,
                columns: columns.clone(),
            });
        }
    }
}

/// Cuts `0..length` into at most `count` parts of whole units (but for the last) whose numbers of units
/// differ by one at most, so that threads with as many parts have as much to do.
fn parts(length: usize, unit: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    let units = length.div_ceil(unit);
    let count = count.min(units);
    (0..count).map(move |i| {
        let end = |i: usize| units * i / count * unit;
        end(i)..end(i + 1).min(length)
    })
}

/// Rows and columns of a tile.
struct Tile;

impl Kernel for Tile {
    type Output = (usize, usize);

    #[inline(always)]
    unsafe fn run<I: Isa>(self) -> (usize, usize) {
        (I::TILE.0, I::TILE.1 * I::Single::LANES)
    }
}

/// The scratch memory that a task needs.
struct Room<'a>(&'a Task<'a>);

impl Kernel for Room<'_> {
    type Output = [usize; 2];

    #[inline(always)]
    unsafe fn run<I: Isa>(self) -> [usize; 2] {
        kernel::room::<I>(self.0)
    }
}

/// A task with the scratch memory that it needs.
struct Compute<'a>(&'a Task<'a>, [*mut f32; 2]);

impl Kernel for Compute<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        // SAFETY: the caller's; `compute` gave the room.
        unsafe { kernel::compute::<I>(self.0, self.1) }
    }
}

fn compute(level: Level, task: &Task) {
    let room = dispatch(level, Room(task));
    pack::with_scratch(room, |copies| dispatch(level, Compute(task, copies)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::level;
    use crate::testing::{close, in_pool, numbers};

    /// Memory for a matrix of one of five kinds, and how it lies there.
    fn layout([rows, columns]: [usize; 2], kind: usize) -> (usize, [usize; 2]) {
        let strides = match kind {
            0 => [columns, 1],
            1 => [1, rows],
            // A slice of wider rows, of taller columns, and every third value.
            2 => [columns + 5, 1],
            3 => [1, rows + 3],
            _ => [3 * columns, 3],
        };
        let last = rows.saturating_sub(1) * strides[0] + columns.saturating_sub(1) * strides[1];
        (last + 1, strides)
    }

    fn check([m, n, k]: [usize; 3], kinds: [usize; 2], seed: u64) {
        let (a_len, a_strides) = layout([m, k], kinds[0]);
        let (b_len, b_strides) = layout([k, n], kinds[1]);
        let (a, b, bias) = (
            numbers(a_len, seed),
            numbers(b_len, seed + 1),
            numbers(n, seed + 2),
        );
        let mut wanted = Vec::with_capacity(m * n);
        for i in 0..m {
            for j in 0..n {
                let product = |p: usize| {
                    let a = a[i * a_strides[0] + p * a_strides[1]];
                    f64::from(a) * f64::from(b[p * b_strides[0] + j * b_strides[1]])
                };
                let sum: f64 = (0..k).map(product).sum();
                wanted.push((sum + f64::from(bias[j])).max(0.0));
            }
        }
        for level in level::ALL
            .into_iter()
            .filter(|&level| level <= level::best())
        {
            let product = |threads| {
                let mut out = vec![MaybeUninit::new(f32::NAN); m * n];
                let left = Matrix::new(&a, [m, k], a_strides);
                let right = Matrix::new(&b, [k, n], b_strides);
                let epilogue = Epilogue {
                    bias: &bias,
                    activation: Activation::Relu,
                };
                let product = Product::new(left, right, &mut out, Some(epilogue));
                in_pool(threads, || run(level, &[product]));
                // SAFETY: the memory was initialised.
                unsafe { crate::host::written(out) }
            };
            let one = product(1);
            close(&one, &wanted, 1e-5);
            assert_eq!(one, product(2), "{level:?}: one thread and two");
            assert_eq!(one, product(3), "{level:?}: one thread and three");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn products_agree_with_f64(
            m in 1usize..40, n in 1usize..80, k in 0usize..50, a in 0usize..5, b in 0usize..5, seed: u16,
        ) {
            check([m, n, k], [a, b], seed.into());
        }
    }

    #[test]
    fn products_shared_by_threads_agree_with_f64() {
        // Large enough for several threads; rows 2 KiB apart, a code of 32, more than one block of
        // the inner dimension, few rows, few columns.
        let sizes = [
            [128, 100, 512],
            [128, 32, 256],
            [24, 70, 2500],
            [3, 500, 300],
            [300, 1, 1000],
            [520, 33, 96],
        ];
        for (i, size) in sizes.into_iter().enumerate() {
            for kinds in [[0, 0], [0, 1], [1, 0], [2, 3], [4, 4]] {
                check(size, kinds, i as u64);
            }
        }
    }

    #[test]
    fn nothing_is_a_product_too() {
        check([0, 4, 3], [0, 0], 1);
        check([4, 0, 3], [0, 0], 1);
    }

    #[test]
    #[should_panic(expected = "within its memory")]
    fn a_matrix_lies_within_its_memory() {
        Matrix::new(&[0.0; 5], [2, 3], [3, 1]);
    }
}
