//! Arrays of numbers in NumPy's format.

use std::io::Read;

use npyz::{NpyFile, NpyHeader, Order};

use crate::DataError;
use crate::dataset::MAX_VALUES;
use crate::error::{check_plausible, wrong};

/// More than any array's header has.
const LONGEST_HEADER: u64 = 1 << 20;

/// Numbers of a NumPy file in C order.
pub(crate) struct Array {
    pub values: Vec<f64>,
    pub shape: Vec<usize>,
}

impl Array {
    /// Reads an array of so many bytes, stored in so many.
    pub fn read(
        name: &str,
        mut reader: impl Read,
        [bytes, stored]: [u64; 2],
    ) -> Result<Self, DataError> {
        let broken = |error: std::io::Error| {
            wrong(
                name,
                &format!("not a NumPy file: {}", crate::reason(&error)),
            )
        };
        // A header may announce any length of itself.
        let header =
            NpyHeader::from_reader(reader.by_ref().take(LONGEST_HEADER)).map_err(broken)?;
        let file = NpyFile::with_header(header, reader);
        let shape: Vec<usize> = file.shape().iter().map(|&size| size as usize).collect();
        let count = (file.shape().iter()).try_fold(1_u64, |all, &size| all.checked_mul(size));
        // Each value takes at least a byte.
        let count = count.filter(|&count| count <= MAX_VALUES && count <= bytes);
        let Some(count) = count else {
            let reason = format!("its header announces {shape:?} values in {bytes} bytes");
            return Err(wrong(name, &reason));
        };
        // An archive may unpack to any size.
        check_plausible(name, count, stored)?;
        let is_fortran = file.order() == Order::Fortran;
        let kind = file.dtype().descr();
        let values = numbers(file).map_err(broken)?;
        let Some(values) = values else {
            let reason = format!("found values of type {kind}; allowed: numbers");
            return Err(wrong(name, &reason));
        };
        if values.len() as u64 != count {
            return Err(wrong(name, "ends before its last value"));
        }
        if let Some(place) = values.iter().position(|it| it.is_infinite()) {
            let row = place / shape.get(1).copied().unwrap_or(1).max(1);
            let reason = format!("row {row}: found an infinity; allowed: finite numbers, or NaN");
            return Err(wrong(name, &reason));
        }
        let values = match is_fortran {
            true => in_c_order(&values, &shape),
            false => values,
        };
        Ok(Array { values, shape })
    }
}

/// Values whose first axis runs fastest, in the order in which the last one does.
fn in_c_order(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let place = |mut index: usize| {
        // The axes from the last to the first, with the distance between neighbours along each.
        let mut distance = values.len();
        let mut from = 0;
        for &size in shape.iter().rev() {
            distance /= size.max(1);
            from += index % size.max(1) * distance;
            index /= size.max(1);
        }
        from
    };
    (0..values.len())
        .filter_map(|index| values.get(place(index)).copied())
        .collect()
}

/// All values of a NumPy file as numbers; `None` if they are none.
fn numbers(file: NpyFile<impl Read>) -> std::io::Result<Option<Vec<f64>>> {
    macro_rules! attempt {
        ($file:expr, $($kind:ty => $into:expr),*) => {{
            let mut file = $file;
            $(
                file = match file.try_data::<$kind>() {
                    Ok(values) => return values.map(|it| it.map($into)).collect::<std::io::Result<_>>().map(Some),
                    Err(file) => file,
                };
            )*
            let _ = file;
            Ok(None)
        }};
    }
    attempt!(file,
        f64 => |it| it, f32 => f64::from, i64 => |it| it as f64, i32 => f64::from, i16 => f64::from,
        i8 => f64::from, u8 => f64::from, u16 => f64::from, u32 => f64::from, u64 => |it| it as f64,
        bool => |it| f64::from(u8::from(it)))
}
