//! Tables in Apache Parquet's format.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::DataError;
use crate::dataset::MAX_VALUES;
use crate::error::{check_plausible, wrong};
use crate::table::{Cells, Column, MOST_COLUMNS, Table, Told, column, open};

const SECONDS_OF_DAY: i64 = 86_400;

/// The cells of a column while they are read.
enum Read {
    /// Nothing but missing ones so far.
    Unknown(usize),
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

/// The name of the thread that reads: the crate panics on some damaged files, which is an error here, and a program may
/// keep quiet about panics of this thread.
pub const READER_THREAD: &str = "parquet-reader";

/// Reads all rows of a file.
///
/// # Errors
///
/// [`DataError::Table`] for a file that is none or is damaged, and for columns of lists or bytes.
pub(crate) fn read(path: &Path, told: &Told) -> Result<Table, DataError> {
    let damaged = || {
        wrong(
            &path.display().to_string(),
            "not a Parquet file, or damaged",
        )
    };
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name(READER_THREAD.into());
        let reader = reader.spawn_scoped(scope, || read_rows(path, told));
        let reader = reader.map_err(|error| DataError::read(path, error))?;
        reader.join().unwrap_or_else(|_| Err(damaged()))
    })
}

fn read_rows(path: &Path, told: &Told) -> Result<Table, DataError> {
    let name = path.display().to_string();
    let (file, bytes) = open(path)?;
    let broken = |error: parquet::errors::ParquetError| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        wrong(&name, &format!("not a Parquet file, or damaged: {line}"))
    };
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let about = reader.metadata().file_metadata();
    let rows = u64::try_from(about.num_rows()).unwrap_or(u64::MAX);
    let columns = about.schema().get_fields().len();
    if columns == 0 || columns > MOST_COLUMNS {
        let reason = format!("found {columns} columns; allowed: 1 to {MOST_COLUMNS}");
        return Err(wrong(&name, &reason));
    }
    let announced = rows.saturating_mul(columns as u64);
    if announced > MAX_VALUES {
        let reason = format!(
            "its header announces {rows} rows of {columns} columns; allowed: {MAX_VALUES} values"
        );
        return Err(wrong(&name, &reason));
    }
    check_plausible(&name, announced, bytes)?;
    // The crate panics where a damaged file has such places.
    let chunks = reader
        .metadata()
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    for chunk in chunks {
        let start = chunk
            .dictionary_page_offset()
            .unwrap_or(chunk.data_page_offset());
        let (start, length) = (u64::try_from(start), u64::try_from(chunk.compressed_size()));
        let end = start
            .ok()
            .zip(length.ok())
            .and_then(|(start, length)| start.checked_add(length));
        if chunk.data_page_offset() < 0 || end.is_none_or(|end| end > bytes) {
            return Err(wrong(
                &name,
                "is damaged: a column lies outside of the file",
            ));
        }
    }
    let names: Vec<String> = (about.schema().get_fields().iter())
        .map(|field| field.name().to_owned())
        .collect();
    let mut read: Vec<Read> = names.iter().map(|_| Read::Unknown(0)).collect();
    let mut count = 0_u64;
    for row in reader.get_row_iter(None).map_err(broken)? {
        let row = row.map_err(broken)?;
        for ((of, field), cells) in row.get_column_iter().zip(&mut read) {
            if told.drop.iter().any(|it| it == of) {
                continue;
            }
            push(&name, of, count, field, cells)?;
        }
        count += 1;
        if count > rows {
            return Err(wrong(&name, "has more rows than its header announces"));
        }
    }
    if count != rows {
        let reason = format!("ends after {count} of the {rows} rows that its header announces");
        return Err(wrong(&name, &reason));
    }
    let kept = names.into_iter().zip(read);
    let columns = kept.map(|(of, cells)| finished(&name, of, cells, count as usize, told));
    Ok(Table {
        rows: count as usize,
        columns: columns.collect::<Result<_, _>>()?,
        file: name,
    })
}

/// Adds a cell.
fn push(
    file: &str,
    name: &str,
    row: u64,
    field: &Field,
    cells: &mut Read,
) -> Result<(), DataError> {
    let number = match field {
        Field::Null => None,
        Field::Bool(it) => Some(f64::from(u8::from(*it))),
        Field::Byte(it) => Some(f64::from(*it)),
        Field::Short(it) => Some(f64::from(*it)),
        Field::Int(it) => Some(f64::from(*it)),
        Field::Long(it) => Some(*it as f64),
        Field::UByte(it) => Some(f64::from(*it)),
        Field::UShort(it) => Some(f64::from(*it)),
        Field::UInt(it) => Some(f64::from(*it)),
        Field::ULong(it) => Some(*it as f64),
        Field::Float16(it) => Some(f64::from(f32::from(*it))),
        Field::Float(it) => Some(f64::from(*it)),
        Field::Double(it) => Some(*it),
        Field::Decimal(it) => Some(decimal(it.data(), it.scale())),
        Field::Str(text) => return text_cell(file, name, row, text, cells),
        // The crate's own texts of dates and decimals panic where a damaged file has impossible ones.
        Field::Date(days) => {
            let moment = Timestamp::from_second(i64::from(*days) * SECONDS_OF_DAY);
            let text = moment.map(|it| TimeZone::UTC.to_datetime(it).date().to_string());
            return date_cell(file, name, row, text.ok(), cells);
        }
        Field::TimestampMillis(it) => {
            let moment = Timestamp::from_millisecond(*it);
            return date_cell(file, name, row, moment.ok().map(|it| it.to_string()), cells);
        }
        Field::TimestampMicros(it) => {
            let moment = Timestamp::from_microsecond(*it);
            return date_cell(file, name, row, moment.ok().map(|it| it.to_string()), cells);
        }
        _ => {
            let reason = format!(
                "row {row}, column \"{name}\": found bytes, times, lists or groups; allowed: numbers, texts and dates; list the \
                 column in data.drop"
            );
            return Err(wrong(file, &reason));
        }
    };
    if number.is_some_and(f64::is_infinite) {
        let reason = format!(
            "row {row}, column \"{name}\": found an infinity; allowed: finite numbers, or nothing if it is missing"
        );
        return Err(wrong(file, &reason));
    }
    match (&mut *cells, number) {
        (Read::Unknown(missing), None) => *missing += 1,
        (Read::Unknown(missing), Some(number)) => {
            let mut all = vec![f64::NAN; *missing];
            all.push(number);
            *cells = Read::Numbers(all);
        }
        (Read::Numbers(all), number) => all.push(number.unwrap_or(f64::NAN)),
        (Read::Texts(all), number) => all.push(number.map(|it| it.to_string())),
    }
    Ok(())
}

/// The number that bytes in two's complement, the largest first, stand for, moved by `scale` decimal places.
fn decimal(bytes: &[u8], scale: i32) -> f64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1.0 } else { 0.0 };
    let whole = bytes
        .iter()
        .fold(start, |all, byte| all * 256.0 + f64::from(*byte));
    whole / 10_f64.powi(scale)
}

fn date_cell(
    file: &str,
    name: &str,
    row: u64,
    text: Option<String>,
    cells: &mut Read,
) -> Result<(), DataError> {
    match text {
        Some(text) => text_cell(file, name, row, &text, cells),
        None => {
            let reason = format!(
                "row {row}, column \"{name}\": found a date beyond the year 9999; the file is damaged"
            );
            Err(wrong(file, &reason))
        }
    }
}

fn text_cell(
    file: &str,
    name: &str,
    row: u64,
    text: &str,
    cells: &mut Read,
) -> Result<(), DataError> {
    match &mut *cells {
        Read::Unknown(missing) => {
            let mut all = vec![None; *missing];
            all.push(Some(text.to_owned()));
            *cells = Read::Texts(all);
        }
        Read::Texts(all) => all.push(Some(text.to_owned())),
        // A column has one type.
        Read::Numbers(_) => {
            let reason = format!(
                "row {row}, column \"{name}\": found text after numbers; the file is damaged"
            );
            return Err(wrong(file, &reason));
        }
    }
    Ok(())
}

/// A column of cells; texts are looked at as those of a text file are.
fn finished(
    file: &str,
    name: String,
    cells: Read,
    rows: usize,
    told: &Told,
) -> Result<Column, DataError> {
    let cells = match cells {
        Read::Unknown(_) => Cells::Numbers(vec![f64::NAN; rows]),
        Read::Numbers(all) if told.is_text(&name) => Cells::Texts(
            all.iter()
                .map(|it| (!it.is_nan()).then(|| it.to_string()))
                .collect(),
        ),
        Read::Numbers(all) => Cells::Numbers(all),
        Read::Texts(all) => {
            let texts = (0..).zip(all.iter().map(|it| it.as_deref().unwrap_or_default()));
            let texts: Vec<(u64, &str)> = texts.collect();
            return column(file, name, &texts, false, told);
        }
    };
    Ok(Column { name, cells })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_in_twos_complement() {
        assert_eq!(decimal(&[0x01, 0x2c], 1), 30.0);
        assert_eq!(decimal(&[0xff, 0xfe], 2), -0.02);
        assert_eq!(decimal(&[], 3), 0.0);
    }
}
